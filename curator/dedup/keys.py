"""What a document meets others by: hashes of its bands, of its normalised text, of its address."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.dedup.plan import Group, Plan

WAYS = ("exact", "url", "minhash")
SURE = np.uint64(1)  # set in a hash of equal texts or addresses, not set in a band's: such a meeting needs no verification


def columns_of(by: Sequence[str]) -> list[str]:
    """The columns of a signature that `keys` reads."""
    return [*(["bands"] if "minhash" in by else []), *(["url"] if "url" in by else []), "exact"]


def keys(table: pa.Table, by: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(hash, row) of all that the documents of a table meet others by.

    A band's number is part of its hash. A document that is too short to have bands has its exact hash in their place. Two
    different ones of n hashes are equal by chance with a probability of n**2 / 2**64.
    """
    exact = table.column("exact").combine_chunks()
    hashes, rows = [], []
    by_text = exact.is_valid() if "exact" in by else None
    if "minhash" in by:
        bands = table.column("bands").combine_chunks()
        banded = np.flatnonzero(bands.is_valid().to_numpy(zero_copy_only=False))
        hashes.append(bands.flatten().to_numpy(zero_copy_only=False) & ~SURE)
        rows.append(np.repeat(banded, bands.type.list_size))
        by_text = pc.and_(bands.is_null(), exact.is_valid()) if by_text is None else by_text
    if by_text is not None:
        places = np.flatnonzero(by_text.to_numpy(zero_copy_only=False))
        hashes.append(exact_hashes(exact.take(pa.array(places)))[:, 0] | SURE)
        rows.append(places)
    if "url" in by:
        urls = table.column("url").combine_chunks()
        places = np.flatnonzero(urls.is_valid().to_numpy(zero_copy_only=False))
        hashes.append(urls.drop_null().to_numpy(zero_copy_only=False) | SURE)
        rows.append(places)
    return np.concatenate(hashes).astype(np.uint64, copy=False), np.concatenate(rows).astype(np.int64)


def exact_hashes(exact: pa.Array) -> np.ndarray:
    """The two halves of exact hashes, of which none is null."""
    return np.frombuffer(b"".join(exact.to_pylist()), "<u8").astype(np.uint64).reshape(-1, 2)


def signatures(plan: Plan, group: Group, columns: Sequence[str], rows: np.ndarray | None = None) -> pa.Table:
    """These columns of the documents of a group, or of some of its rows, which ascend."""
    tables = []
    first = 0
    for place in group.shards:
        shard = plan.shards[place]
        with storage.open_input(shard.path) as stream:
            table = pq.read_table(stream, columns=list(columns))
        if len(table) != shard.rows:
            raise ValueError(f"{shard.path} has {len(table)} rows, and its manifest says {shard.rows}")
        if rows is not None:
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + shard.rows)]
            table = table.take(pa.array(here - first))
        tables.append(table)
        first += shard.rows
    return pa.concat_tables(tables)


def same_text(table: pa.Table) -> np.ndarray:
    """For each row, the row with the smallest id among those whose exact hash is the same."""
    exact = table.column("exact").combine_chunks()
    label = np.arange(len(table))
    places = np.flatnonzero(exact.is_valid().to_numpy(zero_copy_only=False))
    if not len(places):
        return label
    halves = exact_hashes(exact.drop_null())
    by_id = np.empty(len(table), np.int64)
    by_id[pc.sort_indices(table.column("id")).to_numpy()] = np.arange(len(table))
    order = np.lexsort((by_id[places], halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    new = np.ones(len(order), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    label[places[order]] = places[order[starts]].repeat(np.diff(np.append(starts, len(order))))
    return label
