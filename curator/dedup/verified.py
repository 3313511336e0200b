"""Meetings that are verified: an edge joins two documents only if they are as similar as `verify` asks.

Only the documents that share a bucket with another are looked at: each partition of the hashes asks the groups for their
sketches, and decides when it has them. The decision depends on the documents of a bucket alone, not on how they are spread.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

from curator import storage
from curator.dedup.buckets import entries, write_meetings
from curator.dedup.cells import SURE
from curator.dedup.clusters import distinct
from curator.dedup.exchange import read_span, write_spans
from curator.dedup.keys import ranks, signatures
from curator.dedup.memory import released
from curator.dedup.plan import Plan

SKETCH = 256  # bytes a document: the lowest byte of as many MinHash values
LEADERS = 8  # documents of a bucket that the others are compared with, at most
GIVEN = (np.uint64, np.dtype(f"V{SKETCH}"))  # rank, sketch
_ONE = np.uint64(1)


@released
def ask(plan: Plan, partition: int) -> None:
    """The documents of one range of hashes whose sketches are needed: a batch for each group."""
    _, nodes = _uncertain(*entries(plan, partition))
    firsts = [group.first for group in plan.groups]
    cuts = [*np.searchsorted(nodes, firsts).tolist(), len(nodes)]
    rows = nodes - np.repeat(firsts, np.diff(cuts))
    write_spans(plan.path("asked", partition), [rows.astype(np.uint32)], list(pairwise(cuts)))


@released
def give(plan: Plan, index: int) -> None:
    """The sketches that each partition asks of one group, and the place of each document in the order of all."""
    group = plan.groups[index]
    if group.earlier:
        with storage.open_input(group.earlier) as stream:
            table = pq.read_table(stream, columns=["id", "sketch"])
    else:
        table = signatures(plan, group, ["id", "sketch"])
    ids, sketches = table.column("id"), table.column("sketch").combine_chunks()

    asked = [read_span(plan.path("asked", partition), index, (np.uint32,))[0] for partition in range(plan.partitions)]
    cuts = np.cumsum([0, *map(len, asked)]).tolist()
    needed, places = np.unique(np.concatenate(asked), return_inverse=True)
    taken = pa.array(needed)
    found = np.frombuffer(b"".join(sketches.take(taken).to_pylist()), np.uint8).reshape(-1, SKETCH)
    columns = [ranks(ids.take(taken))[places], found[places]]
    write_spans(plan.path("given", index), columns, list(pairwise(cuts)))


@released
def find_similar(plan: Plan, partition: int) -> None:
    """The verified meetings of one range of hashes.

    The documents of a bucket are taken in an order of their ids. Each is joined to the first *leader* that it is similar to;
    one that is similar to none becomes a leader, of which a bucket has at most LEADERS. So a first document that is unlike the
    others does not hide that they are alike, and a bucket costs at most LEADERS comparisons a document. Documents of equal
    normalised text, or of one address, need no comparison.
    """
    hashes, nodes = entries(plan, partition)
    uncertain, needed = _uncertain(hashes, nodes)
    given = [read_span(plan.path("given", index), partition, GIVEN) for index in range(len(plan.groups))]
    ids = np.concatenate([rank for rank, _ in given])
    sketches = np.concatenate([sketch.view(np.uint8).reshape(-1, SKETCH) for _, sketch in given])
    hashes, nodes = hashes[uncertain], nodes[uncertain]
    places = np.searchsorted(needed, nodes)
    rank = np.zeros(len(nodes), np.uint64)
    mine = (hashes & SURE) == 0
    rank[mine] = ids[places[mine]]
    order = np.lexsort((nodes, rank, hashes))
    assert plan.options.verify is not None
    least = _equal(plan.options.verify)
    write_meetings(plan, partition, *_similar(hashes[order], nodes[order], places[order], sketches, least))


def _uncertain(hashes: np.ndarray, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries that are not alone in their bucket; the documents, ascending, of those that have to be compared."""
    shared = np.zeros(len(hashes), bool)
    same = hashes[1:] == hashes[:-1]
    shared[1:] |= same
    shared[:-1] |= same
    return shared, distinct(nodes[shared & ((hashes & SURE) == 0)])


def _equal(similarity: float) -> int:
    """How many bytes of a sketch are equal at least, for a Jaccard similarity of at least this: two different values have the
    same lowest byte once in 256 times (b-bit minwise hashing, Li & König 2010)."""
    return math.ceil(SKETCH * (similarity + (1 - similarity) / 256) - 1e-9)


def similarity(one: bytes, other: bytes) -> float:
    """The estimate of two documents' Jaccard similarity, with a standard deviation of 0.03 or less."""
    equal = sum(a == b for a, b in zip(one, other, strict=True)) / SKETCH
    return (equal - 1 / 256) / (1 - 1 / 256)


@njit(cache=True, nogil=True)
def _similar(hashes, nodes, places, sketches, least):
    members = np.empty(len(nodes), np.int64)
    firsts = np.empty(len(nodes), np.int64)
    leaders = np.empty(LEADERS, np.int64)
    found, start = 0, 0
    while start < len(hashes):
        stop = start
        leading = 0
        while stop < len(hashes) and hashes[stop] == hashes[start]:
            joined = False
            for k in range(leading):
                same = SKETCH
                if hashes[start] & _ONE == 0:
                    one, other = sketches[places[stop]], sketches[places[leaders[k]]]
                    same = 0
                    for i in range(SKETCH):
                        same += one[i] == other[i]
                if same >= least:
                    a, b = nodes[stop], nodes[leaders[k]]
                    members[found], firsts[found] = max(a, b), min(a, b)
                    found += 1
                    joined = True
                    break
            if not joined and leading < LEADERS:
                leaders[leading] = stop
                leading += 1
            stop += 1
        start = stop
    return members[:found].copy(), firsts[:found].copy()
