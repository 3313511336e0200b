"""Files between the calls of `mark`: Arrow, uncompressed, a record batch for each reader, who reads that batch alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from curator import storage


def write_batches(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with storage.create(path) as stream, pa.ipc.new_file(stream, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_batch(path: str, index: int) -> pa.RecordBatch:
    with storage.open_input(path) as stream, pa.ipc.open_file(stream) as reader:
        return reader.get_batch(index)


def read_part(path: str, part: int, parts: int) -> Iterator[pa.RecordBatch]:
    """A reader's batches where the file holds `parts` of them time after time."""
    with storage.open_input(path) as stream, pa.ipc.open_file(stream) as reader:
        for index in range(part, reader.num_record_batches, parts):
            yield reader.get_batch(index)


def read_metadata(path: str) -> dict[bytes, bytes]:
    with storage.open_input(path) as stream, pa.ipc.open_file(stream) as reader:
        return dict(reader.schema.metadata or {})


def batch_of(schema: pa.Schema, *columns: np.ndarray) -> pa.RecordBatch:
    arrays = [pa.array(c.astype(f.type.to_pandas_dtype(), copy=False)) for c, f in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def by_range(ascending: np.ndarray, parts: int) -> list[tuple[int, int]]:
    """Where each of `parts` equal ranges of 64-bit values begins and ends; a power of two of them."""
    width = 2**64 // parts
    cuts = np.array([width * i for i in range(1, parts)], np.uint64)
    return list(pairwise([0, *np.searchsorted(ascending, cuts).tolist(), len(ascending)]))


def by_part(parts_of_rows: np.ndarray, parts: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """An order of rows that brings those of one part together, else as they were; and where each part begins and ends."""
    order = np.argsort(parts_of_rows, kind="stable")
    cuts = np.searchsorted(parts_of_rows[order], np.arange(parts + 1)).tolist()
    return order, list(pairwise(cuts))


def chunks(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[list[np.ndarray]]:
    """The columns of many batches together, about `most` rows at a time."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += len(batch)
        if rows >= most:
            yield _columns(held)
            held, rows = [], 0
    if rows:
        yield _columns(held)


def _columns(batches: Sequence[pa.RecordBatch]) -> list[np.ndarray]:
    return [np.concatenate([b.column(i).to_numpy() for b in batches]) for i in range(batches[0].num_columns)]
