"""Rows of a Parquet file in batches of bounded size, whatever its pages expand to.

A column can name one long text in each of a million rows: as a dictionary of that text and some bytes that count the rows. So
strings are read as dictionaries, as they are stored, rows are counted by what they will be without, and cut before they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator.documents import BATCH_BYTES, BATCH_ROWS

BUFFER_BYTES = 1 << 20
MOST_ROW_BYTES = 256 << 20
MOST_GROUP_BYTES = 1 << 30  # of a row group, where it is also MOST_RATIO times as large as the file: no data are
MOST_RATIO = 1000


def open_rows(raw: IO[bytes]) -> pq.ParquetFile:
    """A file whose columns of strings are read as dictionaries."""
    metadata = pq.ParquetFile(raw).metadata
    leaves = (metadata.schema.column(i) for i in range(metadata.num_columns))
    strings = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.converted_type != "DECIMAL"]
    raw.seek(0)
    return pq.ParquetFile(
        raw, metadata=metadata, read_dictionary=strings, buffer_size=BUFFER_BYTES, page_checksum_verification=True
    )


def batches(file: pq.ParquetFile, group: int) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """The rows of a row group, some megabytes at a time, or one; and whether that one is too large to be read."""
    said = file.metadata.row_group(group)
    rows = max(1, min(BATCH_ROWS, BATCH_BYTES * said.num_rows // max(said.total_byte_size, 1)))
    for batch in file.iter_batches(rows, row_groups=[group]):
        sizes = sum((_sizes(column) for column in batch.columns), np.zeros(len(batch), np.int64))
        ends = np.cumsum(sizes)
        start = 0
        while start < len(batch):
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + BATCH_BYTES, "right")), start + 1)
            yield batch.slice(start, stop - start), int(sizes[start]) > MOST_ROW_BYTES
            start = stop


def expands(file: pq.ParquetFile, group: int, file_bytes: int) -> bool:
    """Whether a row group says of itself that it is a bomb."""
    size = file.metadata.row_group(group).total_byte_size
    return size > MOST_GROUP_BYTES and size > MOST_RATIO * file_bytes


def _sizes(column: pa.Array) -> np.ndarray:
    """The bytes of each row's strings, as they are without a dictionary."""
    kind = column.type
    if pa.types.is_struct(kind):
        return sum(map(_sizes, column.flatten()), np.zeros(len(column), np.int64))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        ends = np.append(0, np.cumsum(_sizes(column.values)))[column.offsets.to_numpy()]
        return np.diff(ends)
    if not pa.types.is_dictionary(kind):
        return np.zeros(len(column), np.int64)
    lengths = np.append(pc.fill_null(pc.binary_length(column.dictionary), 0).to_numpy(zero_copy_only=False), 0)
    return lengths[pc.fill_null(column.indices, len(lengths) - 1).to_numpy(zero_copy_only=False)].astype(np.int64)
