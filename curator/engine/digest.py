"""Hashes read from finished files: of a whole output (`curator digest`), and of the marks of one shard."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curator import storage
from curator.engine.manifest import rows_digest


def output_digest(output: str) -> dict[str, str]:
    """`documents`: of the logical rows of documents/, whatever files they lie in. `tokens`: of the files of tokens/. `all`: of
    the two. Raises StorageError if there is neither, or a file is damaged."""
    parquet = [p for p in storage.listing(storage.join(output, "documents")) if p.endswith(".parquet")]
    if not parquet and not _token_files(output):
        raise storage.StorageError(f"{output}: there is neither documents/ nor tokens/ below it")
    total = 0
    for path in parquet:
        try:
            with storage.open_input(path) as stream:
                file = pq.ParquetFile(stream)
                for group in range(file.num_row_groups):
                    total += rows_digest(file.read_row_group(group))
        except pa.ArrowInvalid as error:
            raise storage.StorageError(f"{path}: is damaged: run the recipe again, which makes it anew ({error})") from None
    documents = f"{total & ((1 << 128) - 1):032x}"
    tokens = tokens_digest(output)
    both = hashlib.blake2b(f"{documents}{tokens}".encode(), digest_size=16).hexdigest()
    return {"documents": documents, "tokens": tokens, "all": both}


def tokens_digest(output: str, known: Mapping[str, str] | None = None) -> str:
    """Of the names and sha256 of the files in tokens/; `known` holds hashes, by name, of files that need not be read again."""
    digest = hashlib.blake2b(digest_size=16)
    paths = _token_files(output)
    for path in paths:
        name = path.rpartition("/")[2]
        digest.update(f"{name} {(known or {}).get(name) or storage.passing_digest(path)}\n".encode())
    return digest.hexdigest() if paths else "none"


def _token_files(output: str) -> list[str]:
    return [p for p in storage.listing(storage.join(output, "tokens")) if not p.endswith(".part")]


def ordered_digest(path: str) -> str:
    """Of a file's rows in their order: marks have no id of their own, their place is what counts."""
    digest = hashlib.blake2b(digest_size=16)
    with storage.open_input(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches():
            for row in batch.to_pylist():
                digest.update(orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=bytes.hex))
    return digest.hexdigest()
