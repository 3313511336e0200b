"""Hashes read from finished files: of a whole output (`curator digest`), and of the marks of one shard."""

from __future__ import annotations

import hashlib

import orjson
import pyarrow.parquet as pq

from curator import storage
from curator.engine.manifest import rows_digest


def output_digest(output: str) -> dict[str, str]:
    """`documents`: of the logical rows of documents/, whatever files they lie in. `tokens`: of the bytes of tokens/, by name.
    `all`: of the two. Raises StorageError if there is neither."""
    parquet = [p for p in storage.listing(storage.join(output, "documents")) if p.endswith(".parquet")]
    files = [p for p in storage.listing(storage.join(output, "tokens")) if not p.endswith(".part")]
    if not parquet and not files:
        raise storage.StorageError(f"{output}: there is neither documents/ nor tokens/ below it")
    total = 0
    for path in parquet:
        with storage.open_input(path) as stream:
            file = pq.ParquetFile(stream)
            for group in range(file.num_row_groups):
                total += rows_digest(file.read_row_group(group))
    documents = f"{total & ((1 << 128) - 1):032x}"
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        digest.update(path.removeprefix(output).lstrip("/").encode() + b"\0")
        with storage.open_input(path) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    tokens = digest.hexdigest() if files else "none"
    return {"documents": documents, "tokens": tokens, "all": hashlib.blake2b(f"{documents}{tokens}".encode(), digest_size=16).hexdigest()}


def ordered_digest(path: str) -> str:
    """Of a file's rows in their order: marks have no id of their own, their place is what counts."""
    digest = hashlib.blake2b(digest_size=16)
    with storage.open_input(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches():
            for row in batch.to_pylist():
                digest.update(orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=bytes.hex))
    return digest.hexdigest()
