"""One document to look at: a text file, standard input, or a row of a file of documents."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.charsets import decode
from curator.config import ConfigError
from curator.sources.streams import PACKED, StreamError, open_stream

LINES = tuple(f"{name}{packed}" for name in (".jsonl", ".ndjson") for packed in PACKED)
MOST_BYTES = 64 << 20  # of one document


def read_document(path: str, row: int | None = None, key: str | None = None) -> Mapping[str, Any]:
    """The document at a path: of a file of documents the one that is asked for by its row (from 0) or its id; without either,
    the only one there. Raises ConfigError for what cannot be read as a document."""
    if path != "-" and not storage.exists(path):
        raise ConfigError("there is no such file", path)
    if path != "-" and Path(path).is_dir():
        raise ConfigError("is a folder: name one of its files", path)
    if path.endswith(".parquet"):
        found = _of_parquet(path, row, key)
    elif path.endswith(LINES):
        found = _of_lines(path, row, key)
    elif row is not None or key is not None:
        raise ConfigError("is one text: --row and --id choose from .jsonl and .parquet files", path)
    else:
        found = {"text": _text(path)}
    if not isinstance(found.get("text"), str):
        raise ConfigError("the document has no `text`, or one that is no string", path)
    return found


def _text(path: str) -> str:
    if path == "-":
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        with _opened(path) as stream:
            data = b""
            while len(data) <= MOST_BYTES and (more := stream.read(MOST_BYTES + 1)):
                data += more
    if len(data) > MOST_BYTES:
        raise ConfigError(f"is longer than {MOST_BYTES >> 20} MiB: not one document", path)
    return decode(data, markup=False).text.replace("\r\n", "\n")


def _of_lines(path: str, row: int | None, key: str | None) -> Mapping[str, Any]:
    only: Mapping[str, Any] | None = None
    rows = 0
    for number, (at, line) in enumerate(_lines(path)):
        rows = number + 1
        if row is not None and number != row:
            continue
        found = _parsed(line)
        if row is not None and found is None:
            raise ConfigError(f"row {row} is no JSON object", path, at)
        if row is None and key is None:
            if only is not None:
                raise _which(path)
            only = found
        elif key is None or (found is not None and str(found.get("id")) == key):
            only = found
            break
    if only is None:
        raise _nothing(path, rows, row, key)
    return only


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, each with its number from 1."""
    with _opened(path) as stream:
        at = 0
        while line := stream.readline(MOST_BYTES):
            at += 1
            if line.strip():
                yield at, line


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    with open_stream(path) as stream:
        try:
            yield stream
        except StreamError as error:
            raise ConfigError(f"{error.kind}: {error}", path) from None


def _parsed(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _of_parquet(path: str, row: int | None, key: str | None) -> Mapping[str, Any]:
    with storage.open_input(path) as stream:
        try:
            file = pq.ParquetFile(stream)
        except pa.ArrowInvalid as error:
            raise ConfigError(f"cannot be read: {error}", path) from None
        if key is not None:
            if "id" not in file.schema_arrow.names:
                raise ConfigError("has no column `id`: choose with --row", path)
            ids = pc.cast(file.read(columns=["id"]).column("id"), pa.string())
            row = pc.index(ids, key).as_py()
        elif row is None and file.metadata.num_rows > 1:
            raise _which(path)
        if not 0 <= (row or 0) < file.metadata.num_rows:
            raise _nothing(path, file.metadata.num_rows, row, key)
        return _row(file, row or 0)


def _row(file: pq.ParquetFile, row: int) -> Mapping[str, Any]:
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if row < rows:
            return file.read_row_group(group).slice(row, 1).to_pylist()[0]
        row -= rows
    raise IndexError(row)


def _which(path: str) -> ConfigError:
    return ConfigError("holds several documents: choose one with --row N (from 0) or --id ID", path)


def _nothing(path: str, rows: int, row: int | None, key: str | None) -> ConfigError:
    what = "no document that can be read" if row is None else f"no row {row}"
    what = what if key is None else f"no document {key!r}"
    return ConfigError(f"holds {what}; it has {rows:,} {'row' if rows == 1 else 'rows'}, counted from 0", path)
