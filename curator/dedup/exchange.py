"""Files between the calls of `mark`: Arrow, uncompressed, a record batch for each reader, who reads that batch alone."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from curator import storage


def write_batches(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with storage.create(path) as stream, pa.ipc.new_file(stream, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_batch(path: str, index: int) -> pa.RecordBatch:
    with storage.open_input(path) as stream, pa.ipc.open_file(stream) as reader:
        return reader.get_batch(index)


def read_metadata(path: str) -> dict[bytes, bytes]:
    with storage.open_input(path) as stream, pa.ipc.open_file(stream) as reader:
        return dict(reader.schema.metadata or {})
