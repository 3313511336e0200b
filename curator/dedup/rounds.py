"""Connected components of any number of edges: in one call where they fit into its memory, else in rounds over files.

The rounds are those of Kiveris, Lattanzi, Mirrokni, Rastogi & Vassilvitskii, "Connected Components in MapReduce and Beyond"
(SoCC 2014): in turn, every node joins its larger neighbours to the smallest one it knows (large-star), and itself and its
smaller neighbours to the smallest of them (small-star). Neither changes what is connected nor makes edges more, and after
O(log**2 n) rounds, a handful in practice, every component is a star around its smallest node. Here nodes are in the order of
their mixed numbers, so that equal ranges of it are equally large.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa

from curator.dedup.buckets import EDGE
from curator.dedup.clusters import Forest, distinct, unique_edges, unmixed
from curator.dedup.exchange import batch_of, by_range, chunks, read_metadata, read_part, read_span, write_batches, write_spans
from curator.dedup.plan import BYTES_AN_EDGE, Plan, counted, make_missing
from curator.documents import Executor

MOST_ROUNDS = 200  # far more than any graph takes: a defect must not run for ever
_PAIRS = pa.schema([("node", pa.uint64()), ("other", pa.uint64())])


def connect(plan: Plan, executor: Executor) -> int:
    """Have every document that has a duplicate in another group told its cluster's root, in `components`: a span for each
    group. Returns of how many files."""
    if sum(counted(plan, "edges", plan.partitions, "edges")) <= plan.most(BYTES_AN_EDGE):
        make_missing(plan, "components", 1, connect_here, executor)
        return 1

    def have(kind: str, make: Callable[..., None], number: int) -> None:
        make_missing(plan, kind, plan.parts, functools.partial(make, number=number), executor)

    have("small0", small_star, 0)
    for number in range(MOST_ROUNDS):
        have(f"large{number}", large_star, number)
        have(f"small{number + 1}", small_star, number + 1)
        if not _changed(plan, f"large{number}") and not _changed(plan, f"small{number + 1}"):
            have("components", label, number)
            return plan.parts
    raise RuntimeError(f"no stars after {MOST_ROUNDS} rounds")


def connect_here(plan: Plan, _: int) -> None:
    """All components in one call."""
    forest = Forest()
    for partition in range(plan.partitions):
        for part in range(plan.parts):
            forest.add(*read_span(plan.path("edges", partition), part, EDGE))
    _write_labels(plan, 0, *forest.components())


def small_star(plan: Plan, part: int, number: int) -> None:
    nodes, least, most = _extremes(_smaller(plan, part, number), plan.most(BYTES_AN_EDGE))

    def stars() -> Iterator[pa.RecordBatch]:
        for node, other in chunks(_smaller(plan, part, number), plan.most(BYTES_AN_EDGE)):
            smallest = least[np.searchsorted(nodes, node)]
            aside = other != smallest
            children = np.concatenate([node, other[aside]])
            child, root = unique_edges(children, np.concatenate([smallest, smallest[aside]]))
            yield from _parted(np.concatenate([child, root]), np.concatenate([root, child]), plan.parts)

    write_batches(plan.path(f"small{number}", part), _told(bool((least != most).any())), stars())


def large_star(plan: Plan, part: int, number: int) -> None:
    nodes, least, most = _extremes(_read(plan, f"small{number}", part), plan.most(BYTES_AN_EDGE))

    def stars() -> Iterator[pa.RecordBatch]:
        for node, other in chunks(_read(plan, f"small{number}", part), plan.most(BYTES_AN_EDGE)):
            smallest = np.minimum(node, least[np.searchsorted(nodes, node)])
            larger = other > node
            yield from _parted(*unique_edges(other[larger], smallest[larger]), plan.parts)

    changed = bool(((least < nodes) & (most > nodes)).any())
    write_batches(plan.path(f"large{number}", part), _told(changed), stars())


def label(plan: Plan, part: int, number: int) -> None:
    """What has become a star, told to the groups."""
    found = [np.concatenate(c) for c in zip(*_read(plan, f"large{number}", part), strict=True)]
    nodes, roots = unique_edges(*found) if found else (np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    centres = distinct(roots)
    _write_labels(plan, part, np.concatenate([nodes, centres]), np.concatenate([roots, centres]))


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


def _changed(plan: Plan, kind: str) -> bool:
    with ThreadPoolExecutor(16) as threads:
        found = threads.map(lambda part: read_metadata(plan.path(kind, part))[b"changed"] == b"1", range(plan.parts))
        return any(list(found))


def _read(plan: Plan, kind: str, part: int) -> Iterator[list[np.ndarray]]:
    for index in range(plan.parts):
        for batch in read_part(plan.path(kind, index), part, plan.parts):
            yield [batch.column(0).to_numpy(), batch.column(1).to_numpy()]


def _smaller(plan: Plan, part: int, number: int) -> Iterator[list[np.ndarray]]:
    """Edges from the nodes of a part to smaller ones."""
    if number:
        return _read(plan, f"large{number - 1}", part)
    return (read_span(plan.path("edges", index), part, EDGE) for index in range(plan.partitions))


def _extremes(edges: Iterator[list[np.ndarray]], most_edges: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
