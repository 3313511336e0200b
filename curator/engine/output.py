"""A Parquet file of a shard, written in one go: it appears whole when the block ends, or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from curator import storage
from curator.documents import BATCH_BYTES, BATCH_ROWS
from curator.engine.manifest import Written, rows_digest


class ShardFile:
    """Rows to one Parquet file in row groups of about BATCH_BYTES, whatever the sizes of the batches that come in.

    Columns that a batch lacks are null, those that the schema does not have are left out. No rows, no file. After the block,
    `written` holds the path below `folder`, rows, bytes and digest (with `ordered`, one in which the order of rows counts).
    """

    def __init__(self, folder: str, path: str, schema: pa.Schema | None, ordered: bool = False) -> None:
        self.folder, self.path, self.schema = folder, path, schema
        self.written = Written()
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.RecordBatch] = []
        self._rows, self._bytes, self._digest = 0, 0, 0
        self._ordered, self._seen = ordered, 0

    def write(self, batch: pa.RecordBatch) -> None:
        if not len(batch) or self.schema is None:
            return
        arrays = []
        for field in self.schema:
            place = batch.schema.get_field_index(field.name)
            arrays.append(batch.column(place).cast(field.type) if place >= 0 else pa.nulls(len(batch), field.type))
        batch = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        self._digest += rows_digest(batch, self._seen if self._ordered else None)
        self._seen += len(batch)
        self._held.append(batch)
        self._rows += len(batch)
        self._bytes += batch.nbytes
        if self._rows >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        if self._writer is None:
            self._stream = self._open.enter_context(storage.create(storage.join(self.folder, self.path)))
            # A dictionary helps columns that repeat; ids and texts never do, and building one for them costs time.
            repeating = [
                f.name for f in self.schema or () if pa.types.is_string(f.type) and f.name not in ("id", "text", "url")
            ]
            self._writer = pq.ParquetWriter(
                self._stream,
                self.schema,
                compression="zstd",
                use_dictionary=repeating,  # type: ignore[arg-type]
            )
        table = pa.Table.from_batches(self._held).combine_chunks()
        self._writer.write_table(table, row_group_size=max(1, len(table)))
        self.written.rows += len(table)
        self._held, self._rows, self._bytes = [], 0, 0

    def __enter__(self) -> ShardFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            try:
                self._flush()
                if self._writer is not None:
                    self._writer.close()
                    self.written.bytes = self._stream.tell()
            except BaseException as failure:
                self._open.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._open.__exit__(kind, error, trace)
        if error is None and self.written.rows:
            self.written.path = self.path
            self.written.digest = f"{self._digest & ((1 << 128) - 1):032x}"
