"""From signatures to edges: bucket entries by group of documents, then edges by partition of the hash."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from curator.dedup.clusters import bucket_edges, components
from curator.dedup.earlier import matching
from curator.dedup.exchange import batch_of, by_range, read_batch, write_batches
from curator.dedup.keys import columns_of, keys, same_text, signatures
from curator.dedup.plan import Plan

_ENTRIES = pa.schema([("hash", pa.uint64()), ("row", pa.uint32())])
_REPEATS = pa.schema([("row", pa.uint32()), ("first", pa.uint32())])
EDGES = pa.schema([("member", pa.int64()), ("first", pa.int64())])


def fill_buckets(plan: Plan, index: int) -> None:
    """One group's bucket entries, sorted by hash: a batch for each partition, which is a range of hashes.

    Documents that meet inside the group are joined here, in `repeats`, and only one of them goes on. So a bucket holds at most
    one entry a group, however often a page is repeated. Where meetings are to be verified, only equal texts are joined here.
    """
    verify = plan.options.verify is not None
    columns = [*columns_of(plan.options.by), *(["id"] if verify else [])]
    table = signatures(plan, plan.groups[index], columns)
    hashes, rows = keys(table, plan.options.by)
    if verify:
        label = same_text(table)
        order = np.lexsort((label[rows], hashes))
    else:
        order = np.argsort(hashes)
        label = np.arange(len(table))
        nodes, roots = components(*bucket_edges(hashes[order], rows[order]))
        label[nodes] = roots
    moved = np.flatnonzero(label != np.arange(len(table)))
    schema = _REPEATS.with_metadata({"rows": str(len(moved))})
    write_batches(plan.path("repeats", index), schema, [batch_of(schema, moved, label[moved])])

    hashes, rows = hashes[order], label[rows][order]
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    hashes, rows = hashes[new], rows[new]
    write_batches(
        plan.path("buckets", index),
        _ENTRIES,
        (batch_of(_ENTRIES, hashes[i:j], rows[i:j]) for i, j in by_range(hashes, plan.partitions)),
    )


def entries(plan: Plan, partition: int) -> tuple[np.ndarray, np.ndarray]:
    """(hash, document), sorted by hash: of every group in one range of hashes, and those of earlier runs that they meet."""
    hashes, nodes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for index in range(plan.own):
        batch = read_batch(plan.path("buckets", index), partition)
        hashes.append(batch.column("hash").to_numpy())
        nodes.append(batch.column("row").to_numpy().astype(np.int64) + plan.groups[index].first)
    if plan.stores:
        of_earlier = matching(plan, partition, np.unique(np.concatenate(hashes)))
        hashes.append(of_earlier[0])
        nodes.append(of_earlier[1])
    joined, documents = np.concatenate(hashes), np.concatenate(nodes)
    del hashes, nodes
    order = np.argsort(joined)
    return joined[order], documents[order]


def find_edges(plan: Plan, partition: int) -> None:
    """The edges of one range of hashes, over the entries of every group."""
    write_edges(plan, partition, *bucket_edges(*entries(plan, partition)))


def write_edges(plan: Plan, partition: int, members: np.ndarray, firsts: np.ndarray) -> None:
    """As few as connect the same documents: one for each that is not the smallest of those that are connected here."""
    nodes, roots = components(members, firsts)
    joined = nodes != roots
    schema = EDGES.with_metadata({"edges": str(int(joined.sum()))})
    write_batches(plan.path("edges", partition), schema, [batch_of(schema, nodes[joined], roots[joined])])
