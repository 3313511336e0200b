"""From signatures to clusters: bucket entries by shard, edges by partition of the hash, components over all edges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.dedup.clusters import Forest, bucket_edges, unique_edges
from curator.dedup.exchange import read_batch, write_batches
from curator.dedup.plan import Plan

_ENTRIES = pa.schema([("hash", pa.uint64()), ("row", pa.uint32())])
_REPEATS = pa.schema([("row", pa.uint32()), ("first", pa.uint32())])
_EDGES = pa.schema([("member", pa.int64()), ("first", pa.int64())])
_MEMBERS = pa.schema([("row", pa.uint32()), ("root", pa.int64())])


def fill_buckets(plan: Plan, index: int) -> None:
    """One shard's bucket entries, sorted by hash: a batch for each partition, which is a range of hashes.

    Of rows of this shard that share a bucket only the first goes there; the others are joined to it in `repeats`. So a bucket
    holds at most one entry a shard, however often a page is repeated.
    """
    shard = plan.shards[index]
    with storage.open_input(shard.path) as stream:
        table = pq.read_table(stream, columns=["bands", "exact"])
    if len(table) != shard.rows:
        raise ValueError(f"{shard.path} has {len(table)} rows, and its manifest says {shard.rows}")
    hashes, rows = _entries(table)
    order = np.lexsort((rows, hashes))
    hashes, rows = hashes[order], rows[order]
    members, firsts = unique_edges(*bucket_edges(hashes, rows))
    write_batches(plan.path("repeats", index), _REPEATS, [_batch(_REPEATS, members, firsts)])

    leading = np.ones(len(hashes), bool)
    leading[1:] = hashes[1:] != hashes[:-1]
    hashes, rows = hashes[leading], rows[leading]
    width = 2**64 // plan.partitions
    cuts = np.array([width * i for i in range(1, plan.partitions)], np.uint64)
    bounds = [0, *np.searchsorted(hashes, cuts).tolist(), len(hashes)]
    write_batches(
        plan.path("buckets", index),
        _ENTRIES,
        (_batch(_ENTRIES, hashes[i:j], rows[i:j]) for i, j in pairwise(bounds)),
    )


def _entries(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """(hash, row) of every band of the documents that have bands, and of the exact hash of those that have only that.

    A band's number is part of its hash. Two different entries of n share a hash by chance with a probability of n**2 / 2**65.
    """
    bands, exact = table.column("bands").combine_chunks(), table.column("exact").combine_chunks()
    banded = np.flatnonzero(bands.is_valid().to_numpy(zero_copy_only=False))
    per_row = bands.type.list_size
    short = np.flatnonzero(pc.and_(bands.is_null(), exact.is_valid()).to_numpy(zero_copy_only=False))
    digests = b"".join(exact.take(pa.array(short)).to_pylist())
    short_hashes = np.frombuffer(digests, "<u8")[::2].astype(np.uint64)
    hashes = np.concatenate([bands.flatten().to_numpy(zero_copy_only=False), short_hashes])
    rows = np.concatenate([np.repeat(banded, per_row), short]).astype(np.int64)
    return hashes.astype(np.uint64, copy=False), rows


def find_edges(plan: Plan, partition: int) -> None:
    """The edges of one range of hashes, over the entries of every shard."""
    hashes, nodes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for index in range(len(plan.shards)):
        batch = read_batch(plan.path("buckets", index), partition)
        hashes.append(batch.column("hash").to_numpy())
        nodes.append(_node(index, batch.column("row").to_numpy()))
    joined, all_nodes = np.concatenate(hashes), np.concatenate(nodes)
    order = np.argsort(joined)
    edges = unique_edges(*bucket_edges(joined[order], all_nodes[order]))
    write_batches(plan.path("edges", partition), _EDGES, [_batch(_EDGES, *edges)])


def connect(plan: Plan, _: int) -> None:
    """Every document that has a duplicate, with the smallest node of its cluster: a batch for each shard. One process."""
    forest = Forest()
    for index in range(len(plan.shards)):
        batch = read_batch(plan.path("repeats", index), 0)
        forest.add(_node(index, batch.column("row").to_numpy()), _node(index, batch.column("first").to_numpy()))
    for partition in range(plan.partitions):
        batch = read_batch(plan.path("edges", partition), 0)
        forest.add(batch.column("member").to_numpy(), batch.column("first").to_numpy())
    nodes, roots = forest.components()
    bounds = np.searchsorted(nodes, np.arange(len(plan.shards) + 1, dtype=np.int64) << 32)
    write_batches(
        plan.path("components"),
        _MEMBERS,
        (_batch(_MEMBERS, nodes[i:j] & 0xFFFFFFFF, roots[i:j]) for i, j in pairwise(bounds)),
    )


def _node(shard: int, rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.int64) | (shard << 32)


def _batch(schema: pa.Schema, *columns: np.ndarray) -> pa.RecordBatch:
    arrays = [pa.array(c.astype(f.type.to_pandas_dtype(), copy=False)) for c, f in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)
