"""Connected components of any number of edges: leaves are set aside, and what is left is joined in one call where it fits into
its memory, else in rounds over files.

The rounds are those of Kiveris, Lattanzi, Mirrokni, Rastogi & Vassilvitskii, "Connected Components in MapReduce and Beyond"
(SoCC 2014): in turn, every node joins itself and its smaller neighbours to the smallest of them (small-star), and its larger
neighbours to the smallest one it knows (large-star). Neither changes what is connected nor makes edges more, and after
O(log**2 n) rounds, a handful in practice, every component is a star around its smallest node. Here nodes are in the order of
their mixed numbers, so that equal ranges of it are equally large.

Most documents with a duplicate have one edge alone, to a smaller node: such a *leaf* is where its neighbour is, and takes no
part in rounds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa

from curator.dedup.buckets import EDGE, join_meetings
from curator.dedup.clusters import Forest, distinct, unique_edges, unmixed
from curator.dedup.exchange import batch_of, by_range, chunks, read_metadata, read_part, read_span, write_batches, write_spans
from curator.dedup.memory import released
from curator.dedup.plan import BYTES_AN_EDGE, Plan, counted, make_missing, parts_of
from curator.documents import Executor

MOST_ROUNDS = 200  # far more than any graph takes: a defect must not run for ever
_PAIRS = pa.schema([("node", pa.uint64()), ("other", pa.uint64())])


def connect(plan: Plan, executor: Executor) -> int:
    """Have every document that has a duplicate in another group told its cluster's root, in `components`: a span for each
    group. Returns of how many files."""
    met = sum(counted(plan, "meetings", plan.partitions, "rows"))
    parts = parts_of(min(met, sum(group.rows for group in plan.groups)), plan.most(BYTES_AN_EDGE))

    def have(kind: str, count: int, make: Callable[..., None], **given: int) -> None:
        make_missing(plan, kind, count, functools.partial(make, parts=parts, **given), executor)

    have("edges", len(plan.groups), join_meetings)
    have("core", parts, set_leaves_aside)
    if sum(counted(plan, "core", parts, "edges")) <= plan.most(BYTES_AN_EDGE):
        have("stars", 1, join_core)
        have("answers", parts, answer, number=-1)
        have("components", parts, label, number=-1)
        return parts
    for number in range(MOST_ROUNDS):
        have(f"small{number}", parts, small_star, number=number)
        have(f"large{number}", parts, large_star, number=number)
        if not _changed(plan, f"large{number}", parts):
            have("answers", parts, answer, number=number)
            have("components", parts, label, number=number)
            return parts
    raise RuntimeError(f"no stars after {MOST_ROUNDS} rounds")


@released
def set_leaves_aside(plan: Plan, part: int, parts: int) -> None:
    """Of the nodes of a part, those that have one neighbour, a smaller one, in `leaves`; these neighbours, each once, in
    `wanted`, a span for each part of them. In `core` the edges of the other nodes to smaller ones."""

    def edges() -> Iterator[list[np.ndarray]]:
        return (read_span(plan.path("edges", index), part, EDGE) for index in range(len(plan.groups)))

    nodes, least, most = _extremes(edges(), plan.most(BYTES_AN_EDGE))
    leaf = (least == most) & (least < nodes)
    write_spans(plan.path("leaves", part), [nodes[leaf], least[leaf]], [(0, int(leaf.sum()))])
    wanted = distinct(least[leaf])
    write_spans(plan.path("wanted", part), [wanted], by_range(wanted, parts))
    found = [(np.zeros(0, np.uint64), np.zeros(0, np.uint64))]
    for node, other in chunks(edges(), plan.most(BYTES_AN_EDGE)):
        inner = (other < node) & ~leaf[np.searchsorted(nodes, node)]
        found.append(unique_edges(node[inner], other[inner]))
    core = _joined(found)
    write_spans(plan.path("core", part), core, [(0, len(core[0]))], {"edges": len(core[0])})


@released
def join_core(plan: Plan, _: int, parts: int) -> None:
    """The stars of all that is no leaf, in one call."""
    forest = Forest()
    for part in range(parts):
        forest.add(*read_span(plan.path("core", part), 0, EDGE))
    nodes, roots = forest.components()
    moved = nodes != roots
    write_spans(plan.path("stars"), [nodes[moved], roots[moved]], by_range(nodes[moved], parts))


@released
def small_star(plan: Plan, part: int, number: int, parts: int) -> None:
    nodes, least, _ = _extremes(_smaller(plan, part, number, parts), plan.most(BYTES_AN_EDGE))

    def stars() -> Iterator[pa.RecordBatch]:
        for node, other in chunks(_smaller(plan, part, number, parts), plan.most(BYTES_AN_EDGE)):
            smallest = least[np.searchsorted(nodes, node)]
            aside = other != smallest
            children = np.concatenate([node, other[aside]])
            child, root = unique_edges(children, np.concatenate([smallest, smallest[aside]]))
            yield from _parted(np.concatenate([child, root]), np.concatenate([root, child]), parts)

    write_batches(plan.path(f"small{number}", part), _PAIRS, stars())


@released
def large_star(plan: Plan, part: int, number: int, parts: int) -> None:
    """Told as well: whether a node that has a smaller neighbour has any other; if none has, all are stars."""
    nodes, least, most = _extremes(_read(plan, f"small{number}", part, parts), plan.most(BYTES_AN_EDGE))

    def stars() -> Iterator[pa.RecordBatch]:
        for node, other in chunks(_read(plan, f"small{number}", part, parts), plan.most(BYTES_AN_EDGE)):
            smallest = np.minimum(node, least[np.searchsorted(nodes, node)])
            larger = other > node
            yield from _parted(*unique_edges(other[larger], smallest[larger]), parts)

    changed = bool(((least < nodes) & (most != least)).any())
    write_batches(plan.path(f"large{number}", part), _told(changed), stars())


@released
def answer(plan: Plan, part: int, number: int, parts: int) -> None:
    """The roots of those nodes of a part that leaves are on and that are not roots themselves: a span for each part of the
    leaves."""
    nodes, roots = _stars(plan, part, number, parts)
    wanted = [read_span(plan.path("wanted", index), part, (np.uint64,))[0] for index in range(parts)]
    places = [np.flatnonzero(np.isin(nodes, each, assume_unique=True)) for each in wanted]
    cuts = np.cumsum([0, *map(len, places)]).tolist()
    found = np.concatenate(places)
    write_spans(plan.path("answers", part), [nodes[found], roots[found]], list(pairwise(cuts)))


@released
def label(plan: Plan, part: int, number: int, parts: int) -> None:
    """What has become a star, and the leaves of a part, told to the groups."""
    nodes, roots = _stars(plan, part, number, parts)
    leaves, neighbours = read_span(plan.path("leaves", part), 0, EDGE)
    known, their_roots = _joined(read_span(plan.path("answers", index), part, EDGE) for index in range(parts))  # ascending
    if len(known):
        place = np.minimum(np.searchsorted(known, neighbours), len(known) - 1)
        neighbours = np.where(known[place] == neighbours, their_roots[place], neighbours)
    centres = distinct(np.concatenate([roots, neighbours]))
    _write_labels(plan, part, np.concatenate([nodes, leaves, centres]), np.concatenate([roots, neighbours, centres]))


def _stars(plan: Plan, part: int, number: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """The nodes of a part that are neither leaves nor roots, ascending, and their roots; `number` is the last round's, -1 of
    none."""
    read = [read_span(plan.path("stars"), part, EDGE)] if number < 0 else _read(plan, f"large{number}", part, parts)
    return unique_edges(*_joined(read))


def _joined(edges: Iterable[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.concatenate(column) for column in zip((np.zeros(0, np.uint64),) * 2, *edges, strict=True)]


def _write_labels(plan: Plan, part: int, nodes: np.ndarray, roots: np.ndarray) -> None:
    numbers = unmixed(nodes)
    order = np.argsort(numbers)
    numbers, roots = numbers[order], roots[order]
    firsts = [group.first for group in plan.groups]
    cuts = [*np.searchsorted(numbers, firsts).tolist(), len(numbers)]
    rows = (numbers - np.repeat(firsts, np.diff(cuts))).astype(np.uint32)
    write_spans(plan.path("components", part), [rows, roots], list(pairwise(cuts)), {"rows": len(rows)})


def labels_of(plan: Plan, labels: int, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a group, ascending, and their roots, mixed."""
    spans = [read_span(plan.path("components", index), group, (np.uint32, np.uint64)) for index in range(labels)]
    rows, roots = (np.concatenate(column) for column in zip(*spans, strict=True))
    found, first = np.unique(rows, return_index=True)  # a root is told by every part that has one of its nodes
    return found.astype(np.int64), roots[first]


# ------------------------------------------------------------------------------------------------------------ parts


def _told(changed: bool) -> pa.Schema:
    return _PAIRS.with_metadata({"changed": str(int(changed))})


def _changed(plan: Plan, kind: str, parts: int) -> bool:
    with ThreadPoolExecutor(16) as threads:
        found = threads.map(lambda part: read_metadata(plan.path(kind, part))[b"changed"] == b"1", range(parts))
        return any(list(found))


def _read(plan: Plan, kind: str, part: int, parts: int) -> Iterator[list[np.ndarray]]:
    for index in range(parts):
        for batch in read_part(plan.path(kind, index), part, parts):
            yield [batch.column(0).to_numpy(), batch.column(1).to_numpy()]


def _smaller(plan: Plan, part: int, number: int, parts: int) -> Iterator[Sequence[np.ndarray]]:
    """Edges from the nodes of a part to smaller ones."""
    if number:
        return _read(plan, f"large{number - 1}", part, parts)
    return iter([read_span(plan.path("core", part), 0, EDGE)])


def _extremes(edges: Iterable[Sequence[np.ndarray]], most_edges: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nodes, ascending, each with its smallest and its largest neighbour: however many neighbours a node has, 24 bytes."""
    nodes = least = most = np.zeros(0, np.uint64)
    for node, other in chunks(edges, most_edges):
        joined = np.concatenate([nodes, node])
        order = np.argsort(joined)
        joined = joined[order]
        starts = np.flatnonzero(np.append(True, joined[1:] != joined[:-1]))
        nodes = joined[starts]
        least = np.minimum.reduceat(np.concatenate([least, other])[order], starts)
        most = np.maximum.reduceat(np.concatenate([most, other])[order], starts)
    return nodes, least, most


def _parted(node: np.ndarray, other: np.ndarray, parts: int) -> Iterator[pa.RecordBatch]:
    """A batch for each part of the nodes."""
    order = np.lexsort((other, node))
    node, other = node[order], other[order]
    return (batch_of(_PAIRS, node[i:j], other[i:j]) for i, j in by_range(node, parts))
