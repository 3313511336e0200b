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
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curator.dedup.clusters import Forest, mixed, unique_edges, unmixed
from curator.dedup.exchange import batch_of, by_range, chunks, read_batch, read_part, write_batches
from curator.dedup.plan import BYTES_AN_EDGE, Plan, counted, make_missing
from curator.documents import Executor

MOST_ROUNDS = 200  # far more than any graph takes: a defect must not run for ever
_PAIRS = pa.schema([("node", pa.uint64()), ("other", pa.uint64())])
_LABELS = pa.schema([("row", pa.uint32()), ("root", pa.int64())])


class Labels(NamedTuple):
    """Where the components are: files of a kind, each with a batch for every group, of its rows and their roots."""

    kind: str
    files: int


def connect(plan: Plan, executor: Executor) -> Labels:
    """Have every document that has a duplicate in another group told its cluster's root."""
    edges = sum(counted(plan, "edges", plan.partitions, "edges"))
    most = plan.most(BYTES_AN_EDGE)
    if edges <= most:
        make_missing(plan, "components", 1, connect_here, executor)
        return Labels("components", 1)
    parts = 1
    while parts * most < 2 * edges:
        parts *= 2

    def have(kind: str, count: int, make: Callable[..., None], **given: int) -> None:
        make_missing(plan, kind, count, functools.partial(make, parts=parts, **given), executor)

    have("routed", plan.partitions, route)
    for number in range(MOST_ROUNDS):
        have(f"large{number}", parts, large_star, number=number)
        have(f"small{number}", parts, small_star, number=number)
        if not any(counted(plan, f"{star}{number}", parts, "changed") != [0] * parts for star in ("large", "small")):
            have("components", parts, label, number=number)
            return Labels("components", parts)
    raise RuntimeError(f"no stars after {MOST_ROUNDS} rounds")


def connect_here(plan: Plan, _: int) -> None:
    """All components in one call."""
    forest = Forest()
    for partition in range(plan.partitions):
        batch = read_batch(plan.path("edges", partition), 0)
        forest.add(batch.column("member").to_numpy(), batch.column("first").to_numpy())
    _write_labels(plan, 0, *forest.components())


def route(plan: Plan, partition: int, parts: int) -> None:
    """The edges of one partition of hashes, told to the parts of both of their ends."""
    edges = read_batch(plan.path("edges", partition), 0)
    one, other = mixed(edges.column("member").to_numpy()), mixed(edges.column("first").to_numpy())
    write_batches(plan.path("routed", partition), _PAIRS, _parted(*_both_ways(one, other), parts))


def large_star(plan: Plan, part: int, parts: int, number: int) -> None:
    kind, files = (f"small{number - 1}", parts) if number else ("routed", plan.partitions)
    nodes, least, most = _extremes(plan, kind, files, part, parts)

    def stars() -> Iterator[pa.RecordBatch]:
        for node, other in _chunks(plan, kind, files, part, parts):
            smallest = np.minimum(node, least[np.searchsorted(nodes, node)])
            larger = other > node
            yield from _parted(*unique_edges(other[larger], smallest[larger]), parts)

    changed = bool(((least < nodes) & (most > nodes)).any())
    write_batches(plan.path(f"large{number}", part), _told(changed), stars())


def small_star(plan: Plan, part: int, parts: int, number: int) -> None:
    kind = f"large{number}"
    nodes, least, most = _extremes(plan, kind, parts, part, parts)

    def stars() -> Iterator[pa.RecordBatch]:
        for node, other in _chunks(plan, kind, parts, part, parts):
            smallest = least[np.searchsorted(nodes, node)]
            aside = other != smallest
            children = np.concatenate([node, other[aside]])
            yield from _parted(*_both_ways(*unique_edges(children, np.concatenate([smallest, smallest[aside]]))), parts)

    write_batches(plan.path(f"small{number}", part), _told(bool((least != most).any())), stars())


def label(plan: Plan, part: int, parts: int, number: int) -> None:
    """What has become a star, told to the groups."""
    found = [np.concatenate(c) for c in zip(*_chunks(plan, f"large{number}", parts, part, parts), strict=True)]
    nodes, roots = unique_edges(*found) if found else (np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    centres = np.unique(roots)
    _write_labels(plan, part, unmixed(np.concatenate([nodes, centres])), unmixed(np.concatenate([roots, centres])))


def _write_labels(plan: Plan, part: int, nodes: np.ndarray, roots: np.ndarray) -> None:
    order = np.argsort(nodes)
    nodes, roots = nodes[order], roots[order]
    firsts = [group.first for group in plan.groups]
    cuts = [*np.searchsorted(nodes, firsts).tolist(), len(nodes)]
    spans = [slice(cuts[g], cuts[g + 1]) for g in range(len(firsts))]
    schema = _LABELS.with_metadata({"rows": str(len(nodes))})
    write_batches(
        plan.path("components", part),
        schema,
        (batch_of(schema, nodes[span] - first, roots[span]) for first, span in zip(firsts, spans, strict=True)),
    )


def labels_of(plan: Plan, labels: Labels, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a group, ascending, and their roots."""
    batches = [read_batch(plan.path(labels.kind, index), group) for index in range(labels.files)]
    rows = np.concatenate([batch.column("row").to_numpy() for batch in batches])
    roots = np.concatenate([batch.column("root").to_numpy() for batch in batches])
    found, first = np.unique(rows, return_index=True)  # a root is told by every part that has one of its nodes
    return found.astype(np.int64), roots[first]


# ------------------------------------------------------------------------------------------------------------ parts


def _told(changed: bool) -> pa.Schema:
    return _PAIRS.with_metadata({"changed": str(int(changed))})


def _chunks(plan: Plan, kind: str, files: int, part: int, parts: int) -> Iterator[list[np.ndarray]]:
    batches = (b for index in range(files) for b in read_part(plan.path(kind, index), part, parts))
    return chunks(batches, plan.most(BYTES_AN_EDGE))


def _extremes(plan: Plan, kind: str, files: int, part: int, parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nodes of a part, ascending, each with its smallest and its largest neighbour. However many neighbours a node has, it
    takes 24 bytes."""
    nodes = least = most = np.zeros(0, np.uint64)
    for node, other in _chunks(plan, kind, files, part, parts):
        joined = np.concatenate([nodes, node])
        order = np.argsort(joined)
        joined = joined[order]
        starts = np.flatnonzero(np.append(True, joined[1:] != joined[:-1]))
        nodes = joined[starts]
        least = np.minimum.reduceat(np.concatenate([least, other])[order], starts)
        most = np.maximum.reduceat(np.concatenate([most, other])[order], starts)
    return nodes, least, most


def _both_ways(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([one, other]), np.concatenate([other, one])


def _parted(node: np.ndarray, other: np.ndarray, parts: int) -> Iterator[pa.RecordBatch]:
    """A batch for each part of the nodes."""
    order = np.lexsort((other, node))
    node, other = node[order], other[order]
    return (batch_of(_PAIRS, node[i:j], other[i:j]) for i, j in by_range(node, parts))
