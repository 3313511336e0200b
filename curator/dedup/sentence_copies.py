"""From the keys of spans to the spans that are cut: four rounds of calls over files, and one that writes the marks.

A *copy* is a span of one document that has a key. In each shard the copies of a key lie in the order of the document keeper:
the source that comes first in `prefer`, then the higher quality, then the longer document, then the smaller id; copies of one
document in their order there. The first `copies` of all shards together stay, the others are cut. Most keys are met once, so
the first two rounds find those that are met more than `copies` times by counts alone, and only these are looked at again.

Keys are partitioned by their hash. A file has a batch for each of its readers: a partition, or a shard.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit

from curator import storage
from curator.dedup.best import priorities, qualities
from curator.dedup.exchange import read_batch, write_batches
from curator.dedup.sentence_plan import SentencePlan

MARKS = pa.schema(
    [
        ("starts", pa.list_(pa.int32())),  # bytes of the text; ascending, and no two ranges overlap
        ("stops", pa.list_(pa.int32())),
        ("cut", pa.int32()),  # spans
        ("version", pa.uint64()),  # hash of the text that was signed
    ]
)
_COUNTS = pa.schema([("key", pa.uint64()), ("count", pa.int64())])
_COMMON = pa.schema([("key", pa.uint64())])
_CANDIDATES = pa.schema(
    [
        ("key", pa.uint64()),
        ("priority", pa.int32()),
        ("quality", pa.float64()),
        ("length", pa.int64()),
        ("id", pa.large_string()),
        ("place", pa.int64()),
    ]
)
_KEPT = pa.schema([("keeps", pa.int64())])
_BEST_FIRST = [("priority", "ascending"), ("quality", "descending"), ("length", "descending"), ("id", "ascending")]


def write_counts(plan: SentencePlan, index: int) -> None:
    """The keys of one shard, each once, and how many copies it has there: a batch for each partition."""
    keys = np.sort(_read(plan, index, ["keys"]).keys)
    firsts = _starts(keys)
    counts = np.diff(np.append(firsts, len(keys)))
    keys = keys[firsts]
    bounds = _bounds(plan, keys)
    write_batches(plan.path("counts", index), _COUNTS, (_batch(_COUNTS, keys[i:j], counts[i:j]) for i, j in pairwise(bounds)))


def find_common(plan: SentencePlan, partition: int) -> None:
    """The keys of a partition that have more than `copies` copies in all: for each shard, those that it has."""
    parts = [read_batch(plan.path("counts", index), partition) for index in range(len(plan.shards))]
    keys = [part.column("key").to_numpy() for part in parts]
    joined = np.concatenate([np.zeros(0, np.uint64), *keys])
    order = np.argsort(joined, kind="stable")
    joined = joined[order]
    firsts = _starts(joined)
    counts = np.concatenate([np.zeros(0, np.int64), *(part.column("count").to_numpy() for part in parts)])[order]
    common = joined[firsts][np.add.reduceat(counts, firsts) > plan.copies] if len(firsts) else joined
    write_batches(plan.path("common", partition), _COMMON, (_batch(_COMMON, mine[_among(mine, common)]) for mine in keys))


def choose_candidates(plan: SentencePlan, index: int) -> None:
    """Of every common key the best copies of one shard, at most `copies`, with what orders them among those of others."""
    found = _read(plan, index)
    copies = _common_copies(plan, index, found)
    best = copies.taken(copies.number < plan.copies)
    rows = found.ranked.take(pa.array(found.rank[found.rows[best.span]]))
    keys = best.key
    table = pa.table([keys, *(rows.column(name) for name, _ in _BEST_FIRST), best.span], schema=_CANDIDATES)
    batch = table.combine_chunks().to_batches()[0] if len(table) else pa.RecordBatch.from_pylist([], schema=_CANDIDATES)
    bounds = _bounds(plan, keys)
    write_batches(plan.path("candidates", index), _CANDIDATES, (batch.slice(i, j - i) for i, j in pairwise(bounds)))


def keep_best(plan: SentencePlan, partition: int) -> None:
    """How many copies of each of its common keys a shard keeps: a batch for each, aligned with those in `common`."""
    parts = [read_batch(plan.path("candidates", index), partition) for index in range(len(plan.shards))]
    table = pa.Table.from_batches(parts, _CANDIDATES)
    shard = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    ordered = table.append_column("shard", pa.array(shard)).sort_by(
        [("key", "ascending"), *_BEST_FIRST, ("shard", "ascending"), ("place", "ascending")]
    )
    keys, shards = ordered.column("key").to_numpy(), ordered.column("shard").to_numpy()
    stays = _numbers(keys) < plan.copies

    keys, shards = keys[stays], shards[stays]
    order = np.argsort(shards, kind="stable")  # by shard, and by key within
    keys, bounds = keys[order], np.searchsorted(shards[order], np.arange(len(parts) + 1))

    def told():
        for index in range(len(plan.shards)):
            mine = keys[bounds[index] : bounds[index + 1]]
            common = read_batch(plan.path("common", partition), index).column("key").to_numpy()
            kept = np.searchsorted(mine, common, "right") - np.searchsorted(mine, common, "left")
            yield _batch(_KEPT, kept)

    write_batches(plan.path("kept", partition), _KEPT, told())


def write_marks(plan: SentencePlan, index: int) -> None:
    """What is cut of each document of a shard."""
    found = _read(plan, index)
    copies = _common_copies(plan, index, found)
    parts = [read_batch(plan.path("kept", partition), index) for partition in range(plan.partitions)]
    keeps = np.concatenate([np.zeros(0, np.int64), *(part.column("keeps").to_numpy() for part in parts)])
    lost = np.unique(copies.span[copies.number >= keeps[copies.place]])
    documents = plan.shards[index].rows
    rows, starts, stops = _ranges(found.rows[lost], found.starts[lost], found.stops[lost])
    offsets = pa.array(np.searchsorted(rows, np.arange(documents + 1)).astype(np.int32))
    marks = pa.table(
        [
            pa.ListArray.from_arrays(offsets, pa.array(starts)),
            pa.ListArray.from_arrays(offsets, pa.array(stops)),
            pa.array(np.bincount(found.rows[lost], minlength=documents).astype(np.int32)),
            found.version,
        ],
        schema=MARKS,
    )
    cut = np.zeros(len(found.rows), bool)
    cut[lost] = True
    summary = json.dumps(_summary(found, cut), sort_keys=True)
    with storage.create(plan.path("marks", index)) as stream:
        pq.write_table(marks.replace_schema_metadata({"summary": summary}), stream, compression="zstd")


def _summary(found: Signed, cut: np.ndarray) -> dict[str, dict[str, int]]:
    """By source: documents, spans that were compared, and those that are cut."""
    sources = found.sources.combine_chunks().dictionary_encode()
    of_document = sources.indices.to_numpy()
    of_span = of_document[found.rows]
    names = sources.dictionary.to_pylist()
    counted = {
        "documents": np.bincount(of_document, minlength=len(names)),
        "spans": np.bincount(of_span, minlength=len(names)),
        "cut": np.bincount(of_span[cut], minlength=len(names)),
    }
    return {name: {kind: int(counts[n]) for kind, counts in counted.items()} for n, name in enumerate(names)}


def summary_of(path: str) -> dict[str, dict[str, int]]:
    """What the marks of one shard say of its sources."""
    with storage.open_input(path) as stream:
        return json.loads(pq.read_schema(stream).metadata[b"summary"])


# ------------------------------------------------------------------------------------------------------------ one shard


class Signed(NamedTuple):
    """What a shard's signatures say: a key for each copy, in the order of spans; a row, start and stop for each span."""

    keys: np.ndarray  # uint64
    spans: np.ndarray  # int64 per key: the span that has it
    rows: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    ranked: pa.Table  # of the documents, the best first
    rank: np.ndarray  # int64 per document: its place there
    version: pa.ChunkedArray
    sources: pa.ChunkedArray


class Copies(NamedTuple):
    """Copies of common keys by key, each key's in the keeper's order."""

    key: np.ndarray
    span: np.ndarray
    place: np.ndarray  # of the key among the common ones of this shard
    number: np.ndarray  # of the copy among those of its key

    def taken(self, which: np.ndarray) -> Copies:
        return Copies(*(part[which] for part in self))


def _read(plan: SentencePlan, index: int, columns: list[str] | None = None) -> Signed:
    shard = plan.shards[index]
    wanted = columns or ["id", "source", "keys", "spans", "length", "version", *(["quality"] if plan.quality else [])]
    with storage.open_input(shard.path) as stream:
        table = pq.read_table(stream, columns=wanted)
    if len(table) != shard.rows:
        raise ValueError(f"{shard.path} has {len(table)} rows, and its manifest says {shard.rows}")
    keys, _ = _unpacked(table.column("keys"), "<u8")
    if columns is not None:
        nothing, nobody = np.zeros(0, np.int64), pa.chunked_array([], pa.uint64())
        return Signed(keys[keys != 0], nothing, nothing, nothing, nothing, table, nothing, nobody, nobody)
    ranges, sizes = _unpacked(table.column("spans"), "<i4")
    rows = np.repeat(np.arange(len(table)), sizes // 2)
    each = len(keys) // max(1, len(rows))
    spans = np.repeat(np.arange(len(rows)), each)
    there = keys != 0  # a span may have fewer keys than there is room for
    ranked = _ranked(table, plan.prefer)
    rank = np.empty(len(table), np.int64)
    rank[ranked.column("row").to_numpy()] = np.arange(len(table))
    told = table.column("version"), table.column("source")
    return Signed(keys[there], spans[there], rows, ranges[::2], ranges[1::2], ranked, rank, *told)


def _unpacked(column: pa.ChunkedArray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that a column of bytes holds, and how many each row has."""
    values, lengths = [np.zeros(0, kind)], [np.zeros(0, np.int64)]
    for chunk in column.chunks:
        _, stored, data = chunk.buffers()
        offsets = np.frombuffer(stored, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        if data is not None and len(chunk):
            values.append(np.frombuffer(data[offsets[0] : offsets[-1]], kind))
        lengths.append(np.diff(offsets).astype(np.int64))
    return np.concatenate(values), np.concatenate(lengths) // np.dtype(kind).itemsize


def _ranked(table: pa.Table, prefer: tuple[str, ...]) -> pa.Table:
    columns = {
        "priority": priorities(table.column("source"), prefer).cast(pa.int32()),
        "quality": qualities(table),
        "length": pc.fill_null(table.column("length"), 0).cast(pa.int64()),
        "id": table.column("id").cast(pa.large_string()),
        "row": pa.array(np.arange(len(table))),
    }
    return pa.table(columns).sort_by([*_BEST_FIRST, ("row", "ascending")])


def _common_copies(plan: SentencePlan, index: int, found: Signed) -> Copies:
    parts = [read_batch(plan.path("common", partition), index) for partition in range(plan.partitions)]
    common = np.concatenate([np.zeros(0, np.uint64), *(part.column("key").to_numpy() for part in parts)])
    which = np.flatnonzero(_among(found.keys, common))
    keys, spans = found.keys[which], found.spans[which]
    order = np.lexsort((spans, found.rank[found.rows[spans]], keys))
    keys = keys[order]
    return Copies(keys, spans[order], np.searchsorted(common, keys), _numbers(keys))


# -------------------------------------------------------------------------------------------------------------- numbers


def _bounds(plan: SentencePlan, ascending: np.ndarray) -> list[int]:
    """Where each partition, a range of keys, begins, and the end."""
    width = 2**64 // plan.partitions
    cuts = np.array([width * i for i in range(1, plan.partitions)], np.uint64)
    return [0, *np.searchsorted(ascending, cuts).tolist(), len(ascending)]


def _starts(ascending: np.ndarray) -> np.ndarray:
    new = np.ones(len(ascending), bool)
    new[1:] = ascending[1:] != ascending[:-1]
    return np.flatnonzero(new)


def _numbers(ascending: np.ndarray) -> np.ndarray:
    """0, 1, 2 … in each run of equal values."""
    firsts = _starts(ascending)
    return np.arange(len(ascending)) - np.repeat(firsts, np.diff(np.append(firsts, len(ascending))))


def _among(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    if not len(ascending):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return ascending[places] == values


@njit(cache=True, nogil=True)
def _ranges(rows, starts, stops):
    """Spans, by row and start, without what the one before covers: the white space between two that touch is still told."""
    out_rows = np.empty(len(rows), np.int64)
    out_starts, out_stops = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
    n = 0
    for i in range(len(rows)):
        start = starts[i]
        if n and out_rows[n - 1] == rows[i]:
            start = max(start, out_stops[n - 1])
        if start < stops[i]:
            out_rows[n], out_starts[n], out_stops[n] = rows[i], start, stops[i]
            n += 1
    return out_rows[:n].copy(), out_starts[:n].copy(), out_stops[:n].copy()


def _batch(schema: pa.Schema, *columns: np.ndarray) -> pa.RecordBatch:
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
