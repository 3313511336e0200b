"""From signatures to edges: bucket entries by group of documents, meetings by range of hashes, edges by group again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from curator.dedup import cells
from curator.dedup.clusters import bucket_edges, distinct
from curator.dedup.earlier import matching
from curator.dedup.exchange import by_range, find_span, read_piece, read_span, write_pieces, write_spans
from curator.dedup.keys import columns_of, keys, same_text, signatures, tables
from curator.dedup.memory import released
from curator.dedup.plan import Plan

REPEAT = (np.uint32, np.uint32)  # row of the group, the row that stands for it
MEETING = (np.uint64,)  # number of a document, and in the lowest bits the row of the group that met it
EDGE = (np.uint64, np.uint64)  # mixed numbers of two documents


@released
def fill_buckets(plan: Plan, index: int) -> None:
    """One group's bucket entries (see `cells`): a span for each partition, which is a range of hashes.

    Documents that meet inside the group are joined here, in `repeats`, and only one of them goes on. So a bucket holds at most
    one entry a group, however often a page is repeated. Where meetings are to be verified, only equal texts are joined here.
    """
    group, row_bits = plan.groups[index], plan.row_bits
    stands = np.arange(group.rows, dtype=np.int32)
    if plan.options.verify is not None:
        stands = same_text(signatures(plan, group, ["exact", "id"]))
    packed, ends = cells.pack(_turns(plan, index), group.rows * plan.options.keys, plan.cells, row_bits)
    if plan.options.verify is None:
        cells.join_rows(packed, ends, row_bits, stands)
    moved = np.flatnonzero(stands != np.arange(group.rows, dtype=np.int32))
    repeats = [moved.astype(np.uint32), stands[moved].astype(np.uint32)]
    write_spans(plan.path("repeats", index), repeats, [(0, len(moved))], {"rows": len(moved)})

    cells.reduce_cells(packed, ends, row_bits, stands)
    cuts = [0, *ends.reshape(plan.partitions, -1)[:, -1].tolist()]
    sizes = zip(pairwise(cuts), ends.reshape(plan.partitions, -1), strict=True)
    write_pieces(plan.path("buckets", index), [[packed[i:j], cells.unary(mine, i)] for (i, j), mine in sizes])


def _turns(plan: Plan, index: int) -> Iterator[tuple[int, cells.Keys]]:
    """All that one group's documents meet others by."""
    first = 0
    for table in tables(plan, plan.groups[index], columns_of(plan.options.by)):
        for found in keys(table, plan.options.by):
            yield first, found
        first += len(table)


def _spans(plan: Plan, partition: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The entries of every group in one range of hashes and the sizes of their cells, as `cells.meet` takes them."""
    paths = [plan.path("buckets", index) for index in range(plan.own)]
    places = [find_span(path, partition) for path in paths]
    mine = plan.cells // plan.partitions  # of n entries there are 8 n bytes, and n + mine bits
    counts = [(8 * (stop - start) - mine) // 65 for start, stop in places]
    begins = np.cumsum([0, *counts])
    bit_begins = np.cumsum([0, *(stop - start - 8 * count for (start, stop), count in zip(places, counts, strict=True))])
    packed, bits = np.empty(begins[-1], np.uint64), np.empty(bit_begins[-1], np.uint8)
    for index, (path, (start, stop)) in enumerate(zip(paths, places, strict=True)):
        data = read_piece(path, start, stop)
        packed[begins[index] : begins[index + 1]] = np.frombuffer(data, np.uint64, counts[index])
        bits[bit_begins[index] : bit_begins[index + 1]] = np.frombuffer(data, np.uint8, offset=8 * counts[index])
    return packed, begins, bits, bit_begins


def entries(plan: Plan, partition: int) -> tuple[np.ndarray, np.ndarray]:
    """(hash, document), sorted by hash: of every group in one range of hashes, and those of earlier runs that they meet."""
    packed, begins, bits, bit_begins = _spans(plan, partition)
    mine = plan.cells // plan.partitions
    hashes, nodes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for index in range(plan.own):
        found = packed[begins[index] : begins[index + 1]]
        ends = cells.ends_of(bits[bit_begins[index] : bit_begins[index + 1]], mine)
        hashes.append(cells.hashes_of(found, ends, mine * partition, plan.low_bits, plan.row_bits))
        nodes.append((found & np.uint64(plan.row_mask)).astype(np.int64) + plan.groups[index].first)
    del packed
    if plan.stores:
        of_earlier = matching(plan, partition, distinct(np.concatenate(hashes)))
        hashes.append(of_earlier[0])
        nodes.append(of_earlier[1])
    joined, documents = np.concatenate(hashes), np.concatenate(nodes)
    del hashes, nodes
    order = np.argsort(joined)
    return joined[order], documents[order]


@released
def find_meetings(plan: Plan, partition: int) -> None:
    """Who meets whom in one range of hashes, over the entries of every group: told to the groups."""
    if plan.stores:
        write_meetings(plan, partition, *bucket_edges(*entries(plan, partition)))
        return
    packed, begins, bits, bit_begins = _spans(plan, partition)
    firsts = np.array([group.first for group in plan.groups], np.uint64)
    met = cells.meet(packed, begins, bits, bit_begins, plan.cells // plan.partitions, plan.row_bits, firsts)
    kept = packed[packed != cells.NOTHING]
    write_spans(plan.path("meetings", partition), [kept], list(pairwise([0, *np.cumsum(met).tolist()])), {"rows": len(kept)})


def write_meetings(plan: Plan, partition: int, members: np.ndarray, others: np.ndarray) -> None:
    """Pairs of documents, as `cells.meet` tells them: each to the group of its first."""
    order = np.argsort(members)
    members, others = members[order], others[order]
    firsts = [group.first for group in plan.groups]
    cuts = [*np.searchsorted(members, firsts).tolist(), len(members)]
    rows = (members - np.repeat(firsts, np.diff(cuts))).astype(np.uint64)
    packed = others.astype(np.uint64) << np.uint64(plan.row_bits) | rows
    write_spans(plan.path("meetings", partition), [packed], list(pairwise(cuts)), {"rows": len(packed)})


@released
def join_meetings(plan: Plan, index: int, parts: int) -> None:
    """One group's edges, as few as connect the same documents, however many partitions these met in: a span for each part of
    the nodes (see `cells.join_meetings`)."""
    group = plan.groups[index]
    met = [read_span(plan.path("meetings", partition), index, MEETING)[0] for partition in range(plan.partitions)]
    meetings = distinct(np.concatenate(met))
    nodes, others = cells.join_meetings(meetings, plan.row_bits, np.uint64(group.first), group.rows)
    order = np.argsort(nodes)
    nodes, others = nodes[order], others[order]
    write_spans(plan.path("edges", index), [nodes, others], by_range(nodes, parts))
