"""Files between the calls of `mark`, of which each reader reads its own part alone.

Where readers are few, a part is a record batch of an uncompressed Arrow file. Where they may be thousands, it is a *span*:
plain columns one after the other, or a compressed record batch, found by two numbers at the head of the file, so that a reader
moves no byte of the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from curator import storage

ZSTD = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
READ = pa.ipc.IpcReadOptions(use_threads=False)
_HEAD = 8  # bytes before the places of spans: how many there are; and before a compressed batch: its size


def write_batches(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with storage.create(path) as stream, pa.ipc.new_file(stream, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_batch(path: str, index: int) -> pa.RecordBatch:
    with storage.open_input(path) as stream, pa.ipc.open_file(stream, options=READ) as reader:
        return reader.get_batch(index)


def read_part(path: str, part: int, parts: int) -> Iterator[pa.RecordBatch]:
    """A reader's batches where the file holds `parts` of them time after time."""
    with storage.open_input(path) as stream, pa.ipc.open_file(stream, options=READ) as reader:
        for index in range(part, reader.num_record_batches, parts):
            yield reader.get_batch(index)


def read_metadata(path: str) -> dict[bytes, bytes]:
    with storage.open_input(path) as stream, pa.ipc.open_file(stream, options=READ) as reader:
        return dict(reader.schema.metadata or {})


def write_spans(
    path: str, columns: Sequence[np.ndarray], spans: Sequence[tuple[int, int]], told: Mapping[str, Any] | None = None
) -> None:
    """A span of the rows of `columns` for each reader; what is told of the whole is at the end."""
    write_pieces(path, [[column[start:stop] for column in columns] for start, stop in spans], told)


def write_pieces(path: str, spans: Sequence[Sequence[np.ndarray]], told: Mapping[str, Any] | None = None) -> None:
    """A span for each reader, of arrays one after the other."""
    ends = np.cumsum([0, *(sum(piece.nbytes for piece in span) for span in spans)]) + _HEAD + 8 * (len(spans) + 1)
    with storage.create(path) as stream:
        stream.write(np.array([len(spans)], "<i8").tobytes() + ends.astype("<i8").tobytes())
        for span in spans:
            for piece in span:
                stream.write(np.ascontiguousarray(piece).data)
        stream.write(json.dumps(told or {}).encode())


def read_span(path: str, index: int, kinds: Sequence[np.dtype | type]) -> list[np.ndarray]:
    """One reader's rows; `kinds` are the types of the columns that were written."""
    types = [np.dtype(kind) for kind in kinds]
    data = read_piece(path, *find_span(path, index))
    rows, at, columns = len(data) // sum(each.itemsize for each in types), 0, []
    for each in types:
        columns.append(np.frombuffer(data, each, rows, at))
        at += rows * each.itemsize
    return columns


def find_span(path: str, index: int) -> tuple[int, int]:
    """Where one reader's bytes begin and end."""
    place = _HEAD + 8 * index
    start, stop = np.frombuffer(storage.read_range(path, place, place + 16), "<i8").tolist()
    return start, stop


def read_piece(path: str, start: int, stop: int) -> bytes:
    data = storage.read_range(path, start, stop) if stop > start else b""
    if len(data) != stop - start:
        raise ValueError(f"{path} ends too early")
    return data


def write_tables(path: str, batches: Iterable[pa.RecordBatch], told: Mapping[str, Any] | None = None) -> None:
    """A record batch for each reader."""
    write_pieces(path, [_pieces(batch) for batch in batches], told)


def _pieces(batch: pa.RecordBatch) -> list[np.ndarray]:
    if not len(batch):
        return []
    plain = batch.serialize()
    return [np.array([plain.size], "<i8"), np.frombuffer(pa.compress(plain, "zstd", asbytes=True), np.uint8)]


def read_table(path: str, index: int, schema: pa.Schema) -> pa.RecordBatch:
    """One reader's batch."""
    return _batch(read_piece(path, *find_span(path, index)), schema)


def read_tables(path: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Every reader's batch."""
    data = memoryview(storage.read_range(path, 0, storage.size(path)))
    spans = int(np.frombuffer(data, "<i8", 1)[0])
    for start, stop in pairwise(np.frombuffer(data, "<i8", spans + 1, _HEAD).tolist()):
        yield _batch(data[start:stop], schema)


def _batch(data: bytes | memoryview, schema: pa.Schema) -> pa.RecordBatch:
    if not len(data):
        return pa.RecordBatch.from_pylist([], schema=schema)
    size = int(np.frombuffer(data, "<i8", 1)[0])
    return pa.ipc.read_record_batch(pa.py_buffer(pa.decompress(pa.py_buffer(data)[_HEAD:], size, "zstd", asbytes=True)), schema)


def read_told(path: str) -> dict[str, Any]:
    spans = int(np.frombuffer(storage.read_range(path, 0, _HEAD), "<i8")[0])
    place = _HEAD + 8 * spans
    start = int(np.frombuffer(storage.read_range(path, place, place + 8), "<i8")[0])
    return json.loads(storage.read_range(path, start, storage.size(path)))


def batch_of(schema: pa.Schema, *columns: np.ndarray) -> pa.RecordBatch:
    arrays = [pa.array(c.astype(f.type.to_pandas_dtype(), copy=False)) for c, f in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def by_range(ascending: np.ndarray, parts: int) -> list[tuple[int, int]]:
    """Where each of `parts` equal ranges of 64-bit values begins and ends; a power of two of them."""
    width = 2**64 // parts
    cuts = np.array([width * i for i in range(1, parts)], np.uint64)
    return list(pairwise([0, *np.searchsorted(ascending, cuts).tolist(), len(ascending)]))


def chunks(parts: Iterable[Sequence[np.ndarray]], most: int) -> Iterator[list[np.ndarray]]:
    """The columns of many parts together, about `most` rows at a time."""
    held: list[Sequence[np.ndarray]] = []
    rows = 0
    for part in parts:
        held.append(part)
        rows += len(part[0])
        if rows >= most:
            yield [np.concatenate(column) for column in zip(*held, strict=True)]
            held, rows = [], 0
    if rows:
        yield [np.concatenate(column) for column in zip(*held, strict=True)]
