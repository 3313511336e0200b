"""Token files to token shards: the documents of each part in the order of the seed, one after the other, cut into sequences.

A part's *stream* is its documents in the permutation of the first epoch, then in that of the second, and so on. Sequence r of
the part is the stream's ids from r * L up to (r + 1) * L, both included. Packed by best fit, the stream is what `bestfit` has
laid out, padding too, and sequence r its ids from r * (L + 1) on, L + 1 of them. Where they stand in a split is
`mixture.interleave`. So each shard can be written by itself, from two small indexes that every worker maps into memory, in
blocks of bounded size.

Beside `NAME.tokens` (see `shards`) lies `NAME.documents.parquet`, with a row for each piece: `sequence` (in the shard), `start`
(in the sequence), `length`, `document` (its id; null for padding), `offset` (the token of the document, EOS counted, that it
begins with).
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curator import storage
from curator.documents import Executor
from curator.tokens import bestfit
from curator.tokens.draw import held_out, permutation
from curator.tokens.encode import Encoded, Progress
from curator.tokens.mixture import Part, interleave
from curator.tokens.shards import Header, write_shard

BLOCK_TOKENS = 4 << 20  # a worker's memory: a few copies of this

# The rows of a stream's index, int64; the last column holds the stream's end and no document.
# Which token file (-1: padding), which of its documents, where in it, which token of the document that is, where in the stream.
FILE, ROW, AT, OFFSET, START = range(5)


@dataclass(frozen=True)
class Documents:
    """The documents of one part in one split, none of them empty: 28 bytes each."""

    file: np.ndarray  # int32, place in the list of Encoded
    row: np.ndarray  # int32
    at: np.ndarray  # int64
    length: np.ndarray  # int64
    hash: np.ndarray  # uint64

    @property
    def tokens(self) -> int:
        return int(self.length.sum())

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every worker of one split is told."""

    name: str  # of the files: <name>-00000.tokens
    encoded: tuple[Encoded, ...]
    encoded_folder: str
    index_folder: str
    output: str
    counts: tuple[int, ...]  # sequences of each part
    sequence_length: int
    vocabulary_size: int
    eos: int
    packed: bool = False  # by best fit

    @property
    def width(self) -> int:
        """Ids of a sequence."""
        return self.sequence_length + 1

    @property
    def stride(self) -> int:
        """From the beginning of one sequence to that of the next one of its part."""
        return self.width if self.packed else self.sequence_length


# ----------------------------------------------------------------------------------------------------------- documents


def documents_of(part: Part, encoded: Sequence[Encoded], folder: str, validation: float) -> tuple[Documents, Documents]:
    """The part's documents: (for training, for validation), in canonical order."""
    train: list[list[np.ndarray]] = [[] for _ in range(5)]
    held: list[list[np.ndarray]] = [[] for _ in range(5)]
    for number, file in enumerate(encoded):
        if file.source != part.source or not file.tokens:
            continue
        table = file.documents_of(folder)
        length = _numpy(table, "length")
        wanted = length > 0
        if part.language:
            wanted &= np.isin(table.column("language").to_numpy(), part.language)
        hashes = _numpy(table, "hash")
        out = held_out(hashes, validation)
        starts = _numpy(table, "start")
        for columns, chosen in ((train, wanted & ~out), (held, wanted & out)):
            rows = np.flatnonzero(chosen)
            for column, values in zip(
                columns, (np.full(len(rows), number, np.int32), rows.astype(np.int32), starts[rows], length[rows], hashes[rows])
            ):
                column.append(values)
    return _concatenated(train), _concatenated(held)


def _numpy(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy()


def _concatenated(columns: list[list[np.ndarray]]) -> Documents:
    kinds = (np.int32, np.int32, np.int64, np.int64, np.uint64)
    return Documents(*(np.concatenate([np.empty(0, kind), *each]) for each, kind in zip(columns, kinds)))


def stream_index(documents: Documents, ids_needed: int, seed: int, width: int = 0) -> np.ndarray:
    """The stream's documents, as many as it takes to give `ids_needed` ids; packed by best fit if there is a `width`."""
    columns: list[np.ndarray] = []
    end = epoch = 0
    while end < ids_needed:
        order = permutation(documents.hash, seed, epoch)
        if width:
            laid = bestfit.lay_out(documents.length[order], width, seed, epoch)
            document, offsets, lengths = laid.document, laid.offset, laid.length
            padding = document < 0
            order = order[document]
        else:
            lengths = documents.length[order]
            offsets = np.zeros(len(order), np.int64)
            padding = np.zeros(len(order), bool)
        starts = end + np.cumsum(lengths) - lengths
        used = int(np.searchsorted(starts, ids_needed, side="left"))
        order, offsets, starts, lengths, padding = (each[:used] for each in (order, offsets, starts, lengths, padding))
        column = np.stack([documents.file[order], documents.row[order], documents.at[order] + offsets, offsets, starts])
        column[: OFFSET + 1, padding] = [[-1], [-1], [0], [0]]
        columns.append(column.astype(np.int64))
        end = int(starts[-1] + lengths[-1])
        epoch += 1
    return np.concatenate([*columns, np.array([[-1], [-1], [0], [0], [end]], np.int64)], axis=1)


# --------------------------------------------------------------------------------------------------------- materialise


def materialise(
    work: Work,
    documents: Sequence[Documents],
    seed: int,
    shard_tokens: int,
    executor: Executor,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Write the shards of one split, those that are not there yet; their manifest entries, in order."""
    total = sum(work.counts)
    if not total:
        return []
    for number, (part, count) in enumerate(zip(documents, work.counts)):
        if count:
            needed = (count - 1) * work.stride + work.width
            _save(_stream_path(work, number), stream_index(part, needed, seed, work.width if work.packed else 0))
    order = interleave(work.counts)
    _save(_order_path(work), order)
    per_shard = max(1, shard_tokens // work.sequence_length)
    pieces: list[tuple[int, int, int, tuple[int, ...]]] = []
    before = np.zeros(len(work.counts), np.int64)
    for number, first in enumerate(range(0, total, per_shard)):
        last = min(first + per_shard, total)
        pieces.append((number, first, last, tuple(before.tolist())))
        before += np.bincount(order[first:last], minlength=len(work.counts))
    entries: dict[int, dict[str, Any]] = {}
    for index, entry in executor.map(functools.partial(write_one, work), pieces):
        entries[index] = entry
        if progress:
            progress(f"shards of {work.name.split('-')[0]}", len(entries), len(pieces))
    for path in (_order_path(work), *(_stream_path(work, number) for number in range(len(work.counts)))):
        storage.remove(path)
    return [entries[index] for index in range(len(pieces))]


def write_one(work: Work, piece: tuple[int, int, int, tuple[int, ...]]) -> dict[str, Any]:
    """One shard: sequences `first` up to `last` of the split, of which `before` have come from each part."""
    number, first, last, before = piece
    name = f"{work.name}-{number:05d}"
    done = storage.join(work.index_folder, f"{name}.json")
    outputs = [storage.join(work.output, f"{name}.{suffix}") for suffix in ("tokens", "documents.parquet")]
    if all(storage.exists(path) for path in (done, *outputs)):
        return json.loads(storage.read_bytes(done))
    order = _load(_order_path(work))[first:last]
    streams = {part: _load(_stream_path(work, part)) for part in np.unique(order).tolist()}
    ranks = _ranks(order, before)
    offsets, pieces = _pieces(order, ranks, streams, work)
    header = Header(
        itemsize=np.dtype(work.encoded[0].dtype).itemsize,
        sequence_length=work.sequence_length,
        vocabulary_size=work.vocabulary_size,
        sequences=last - first,
        pieces=int(offsets[-1]),
        eos=work.eos,
    )
    blocks = _blocks(order, ranks, streams, work)
    entry = write_shard(storage.join(work.output, f"{name}.tokens"), header, blocks, offsets, pieces["start"], order)
    entry["documents"] = _write_documents(work, f"{name}.documents.parquet", pieces)
    entry["by_part"] = np.bincount(order, minlength=len(work.counts)).tolist()
    padding = np.bincount(order[pieces["sequence"]], pieces["length"] * (pieces["file"] < 0), len(work.counts))
    entry["padding_by_part"] = padding.astype(np.int64).tolist()
    storage.write_bytes(done, json.dumps(entry).encode())
    return entry


def _ranks(order: np.ndarray, before: Sequence[int]) -> np.ndarray:
    """Which of its part's sequences each one is."""
    ranks = np.empty(len(order), np.int64)
    for part in np.unique(order).tolist():
        where = np.flatnonzero(order == part)
        ranks[where] = before[part] + np.arange(len(where))
    return ranks


def _blocks(order: np.ndarray, ranks: np.ndarray, streams: Mapping[int, np.ndarray], work: Work) -> Iterator[np.ndarray]:
    """The sequences, in order, some at a time."""
    width, stride = work.width, work.stride
    files: dict[int, np.ndarray] = {}
    size = max(1, BLOCK_TOKENS // width)
    for first in range(0, len(order), size):
        parts = order[first : first + size]
        block = np.empty((len(parts), width), np.dtype(work.encoded[0].dtype))
        for part in np.unique(parts).tolist():
            where = np.flatnonzero(parts == part)
            rank = int(ranks[first + where[0]])
            ids = _read(streams[part], rank * stride, (rank + len(where) - 1) * stride + width, work, files)
            block[where] = np.lib.stride_tricks.sliding_window_view(ids, width)[::stride]
        yield block


def _read(stream: np.ndarray, first: int, last: int, work: Work, files: dict[int, np.ndarray]) -> np.ndarray:
    """Ids `first` up to `last` of a stream."""
    ids = np.empty(last - first, np.dtype(work.encoded[0].dtype))
    begin = int(np.searchsorted(stream[START], first, side="right")) - 1
    stop = int(np.searchsorted(stream[START], last, side="left"))
    starts = stream[START, begin : stop + 1].tolist()
    for number, at, start, end in zip(stream[FILE, begin:stop].tolist(), stream[AT, begin:stop].tolist(), starts, starts[1:]):
        low, high = max(start, first), min(end, last)
        if number < 0:
            ids[low - first : high - first] = work.eos
            continue
        if number not in files:
            files[number] = work.encoded[number].tokens_of(work.encoded_folder)
        ids[low - first : high - first] = files[number][at + low - start : at + high - start]
    return ids


# ---------------------------------------------------------------------------------------------------------- provenance


def _pieces(
    order: np.ndarray, ranks: np.ndarray, streams: Mapping[int, np.ndarray], work: Work
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Where each sequence's pieces begin in the table (one more than there are sequences), and the table."""
    counts = np.empty(len(order), np.int64)
    firsts = np.empty(len(order), np.int64)
    for part, stream in streams.items():
        where = np.flatnonzero(order == part)
        begin = ranks[where] * work.stride
        firsts[where] = np.searchsorted(stream[START], begin, side="right") - 1
        counts[where] = np.searchsorted(stream[START], begin + work.width, side="left") - firsts[where]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    sequence = np.repeat(np.arange(len(order)), counts)
    column = firsts[sequence] + np.arange(offsets[-1]) - offsets[sequence]
    part_of = order[sequence]
    table = {name: np.empty(offsets[-1], np.int64) for name in ("file", "row", "start", "length", "offset")}
    for part, stream in streams.items():
        where = np.flatnonzero(part_of == part)
        at, begin = column[where], ranks[sequence[where]] * work.stride
        low = np.maximum(stream[START][at], begin)
        high = np.minimum(stream[START][at + 1], begin + work.width)
        table["file"][where] = stream[FILE][at]
        table["row"][where] = stream[ROW][at]
        table["start"][where] = low - begin
        table["length"][where] = high - low
        table["offset"][where] = low - stream[START][at] + stream[OFFSET][at]
    table["sequence"] = sequence
    return offsets, table


def _write_documents(work: Work, name: str, pieces: Mapping[str, np.ndarray]) -> dict[str, str]:
    table = pa.table(
        {
            "sequence": pieces["sequence"].astype(np.int32),
            "start": pieces["start"].astype(np.int32),
            "length": pieces["length"].astype(np.int32),
            "document": _document_ids(work, pieces["file"], pieces["row"]),
            "offset": pieces["offset"],
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data = sink.getvalue().to_pybytes()
    storage.write_bytes(storage.join(work.output, name), data)
    return {"file": name, "sha256": hashlib.sha256(data).hexdigest()}


def _document_ids(work: Work, file: np.ndarray, row: np.ndarray) -> pa.ChunkedArray:
    by_file = np.argsort(file, kind="stable")
    found: list[pa.Array] = []
    for number in np.unique(file).tolist():
        rows = row[by_file][slice(*np.searchsorted(file[by_file], [number, number + 1]))]
        if number < 0:
            found.append(pa.nulls(len(rows), pa.string()))
            continue
        found += work.encoded[number].documents_of(work.encoded_folder).column("id").take(pa.array(rows)).chunks
    back = np.empty(len(file), np.int64)
    back[by_file] = np.arange(len(file))
    return pa.chunked_array(found, pa.string()).take(pa.array(back))


# --------------------------------------------------------------------------------------------------------------- files


def _stream_path(work: Work, part: int) -> str:
    return storage.join(work.index_folder, f"{work.name}-part-{part}.npy")


def _order_path(work: Work) -> str:
    return storage.join(work.index_folder, f"{work.name}-order.npy")


def _save(path: str, array: np.ndarray) -> None:
    with storage.create(path) as stream:
        np.lib.format.write_array(stream, array, allow_pickle=False)


def _load(path: str) -> np.ndarray:
    return np.load(storage.local(path), mmap_mode="r", allow_pickle=False)
