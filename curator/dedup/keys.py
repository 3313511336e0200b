"""What a document meets others by: hashes of its bands, of its normalised text, of its address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from curator import storage
from curator.dedup.cells import Keys
from curator.dedup.plan import Group, Plan

ROWS_AT_A_TIME = 1 << 14  # a shard can be larger than what a call may hold


def columns_of(by: Sequence[str]) -> list[str]:
    """The columns of a signature that `keys` reads."""
    return [*(["bands"] if "minhash" in by else []), *(["url"] if "url" in by else []), "exact"]


def keys(table: pa.Table, by: Sequence[str]) -> Iterator[Keys]:
    """All that the documents of a table meet others by.

    A band's number is part of its hash. A document that is too short to have bands has its exact hash in their place. Two
    different ones of n hashes are equal by chance with a probability of n**2 / 2**64.
    """
    exact = table.column("exact").combine_chunks()
    by_text = exact.is_valid() if "exact" in by else None
    if "minhash" in by:
        bands = table.column("bands").combine_chunks()
        yield Keys(bands.flatten().to_numpy(zero_copy_only=False), _places(bands.is_valid()), bands.type.list_size, sure=False)
        by_text = pc.and_(bands.is_null(), exact.is_valid()) if by_text is None else by_text
    if by_text is not None:
        places = _places(by_text)
        halves = exact_hashes(exact.take(pa.array(places)))[:, 0].copy()
        halves.flags.writeable = False  # as what comes from Arrow: kernels are compiled once
        yield Keys(halves, places, 1, sure=True)
    if "url" in by:
        urls = table.column("url").combine_chunks()
        yield Keys(urls.drop_null().to_numpy(zero_copy_only=False), _places(urls.is_valid()), 1, sure=True)


def _places(chosen: pa.BooleanArray) -> np.ndarray:
    return np.flatnonzero(chosen.to_numpy(zero_copy_only=False))


def exact_hashes(exact: pa.Array) -> np.ndarray:
    """The two halves of exact hashes, of which none is null."""
    data = exact.buffers()[1]
    if not len(exact) or data is None:
        return np.zeros((0, 2), np.uint64)
    return np.frombuffer(data, "<u8", 2 * len(exact), 16 * exact.offset).astype(np.uint64, copy=False).reshape(-1, 2)


def tables(plan: Plan, group: Group, columns: Sequence[str]) -> Iterator[pa.Table]:
    """These columns of the documents of a group, some thousand at a time."""
    for place in group.shards:
        shard = plan.shards[place]
        rows = 0
        with storage.open_input(shard.path) as stream:
            reader = pq.ParquetFile(stream)
            for batch in reader.iter_batches(ROWS_AT_A_TIME, columns=list(columns), use_threads=False):
                yield pa.Table.from_batches([batch])
                rows += len(batch)
            if not rows:
                yield reader.schema_arrow.empty_table().select(list(columns))
        if rows != shard.rows:
            raise ValueError(f"{shard.path} has {rows} rows, and its manifest says {shard.rows}")
    pa.default_memory_pool().release_unused()  # what reading took is more than what a reader makes of some thousand rows


def signatures(plan: Plan, group: Group, columns: Sequence[str], rows: np.ndarray | None = None) -> pa.Table:
    """These columns of the documents of a group, or of some of its rows, which ascend."""
    found = []
    first = 0
    for table in tables(plan, group, columns):
        if rows is not None:
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + len(table))]
            found.append(table.take(pa.array(here - first)))
        else:
            found.append(table)
        first += len(table)
    return pa.concat_tables(found)


def same_text(table: pa.Table) -> np.ndarray:
    """For each row, that row among those of the same exact hash which comes first in the order of `ranks`."""
    exact = table.column("exact").combine_chunks()
    label = np.arange(len(table), dtype=np.int32)
    places = np.flatnonzero(exact.is_valid().to_numpy(zero_copy_only=False))
    halves = exact_hashes(exact.drop_null())
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    same = (ordered[1:] == ordered[:-1]).all(axis=1)
    repeated = np.append(False, same) | np.append(same, False) if len(order) else np.zeros(0, bool)
    ordered, rows = ordered[repeated], places[order[repeated]]
    order = np.lexsort((rows, ranks(table.column("id").take(pa.array(rows))), ordered[:, 1], ordered[:, 0]))
    ordered, rows = ordered[order], rows[order]
    starts = np.flatnonzero(np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))) if len(rows) else np.zeros(0, np.int64)
    label[rows] = rows[starts].repeat(np.diff(np.append(starts, len(rows))))
    return label


def ranks(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """What orders documents inside a bucket: 64 bits of each id."""
    return np.array([xxhash.xxh3_64_intdigest(identity.encode()) for identity in ids.to_pylist()], np.uint64)
