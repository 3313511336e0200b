"""Evaluation sets as items: a question, and the choices that go with it, from CSV, JSON Lines, JSON and Parquet."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow.parquet as pq
import zstandard

from curator import storage
from curator.documents import File

QUESTIONS = ("question", "prompt", "problem", "query", "input", "instruction", "ctx", "stem", "goal", "sentence", "text")
CHOICES = ("choices", "options", "endings", "A", "B", "C", "D", "E", "F", "G", "H")
# What is raised where a file is damaged, or not what its name says. ValueError is JSON's, Parquet's and UTF-8's.
_DAMAGE = (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, csv.Error)


class Item(NamedTuple):
    name: str  # file and number of the record, from 1
    question: str
    choices: tuple[str, ...]


def find(patterns: Sequence[str]) -> list[File]:
    """The files of a set. Raises StorageError where a pattern finds none."""
    return storage.find(patterns)


def read_items(file: File, fields: Sequence[str]) -> list[Item]:
    """All items of a file. `fields`: the question, then the choices; none: the names that are usual. Raises ValueError, with
    the name of the file, for one that cannot be read, and where a record has no such field."""
    found = []
    for number, record in enumerate(_records_of(file), 1):
        if not isinstance(record, Mapping):
            raise ValueError(f"{file.path}: record {number} is no object with fields")
        if None in record:  # csv's key for them
            raise ValueError(f"{file.path}: record {number} has more cells than the first line; put commas in quotes")
        names = fields or _usual(record)
        if not names or names[0] not in record:
            wanted = repr(names[0]) if names else f"one of {', '.join(QUESTIONS)}"
            raise ValueError(f"{file.path}: record {number} has no field {wanted}; it has {', '.join(map(repr, record))}")
        question = "\n".join(_strings(record[names[0]]))
        choices = tuple(text for name in names[1:] for text in _strings(record.get(name)))
        found.append(Item(f"{file.name}:{number}", question, choices))
    return found


def _usual(record: Mapping[str, Any]) -> list[str]:
    lower = {name.lower(): name for name in reversed(list(record))}
    question = next((lower[name] for name in QUESTIONS if name in lower), None)
    return [] if question is None else [question, *(name for name in CHOICES if name in record and name != question)]


def _strings(value: Any) -> Iterator[str]:
    """The texts of a field: of a list or a mapping, those in it."""
    if isinstance(value, Mapping):
        value = value.values()
    if isinstance(value, str):
        yield value
    elif isinstance(value, Iterable):
        for each in value:
            yield from _strings(each)
    elif value is not None:
        yield str(value)


def _records_of(file: File) -> Iterator[Any]:
    data = storage.read_bytes(file.path)
    try:
        yield from _records(file, data)
    except _DAMAGE as error:
        said = str(error)
        raise ValueError(said if said.startswith(file.path) else f"{file.path}: {said}") from None


def _unzstd(data: bytes) -> bytes:
    """All frames; the library's reader would take a file that was cut short for a whole one."""
    parts = []
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        parts.append(frame.decompress(data))
        if not frame.eof:
            raise EOFError("Compressed file ended before the end of its last frame")
        data = frame.unused_data
    return b"".join(parts)


_PACKED = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress, ".zst": _unzstd, ".zstd": _unzstd}


def _records(file: File, data: bytes) -> Iterator[Any]:
    name = file.name.lower()
    for suffix, unpack in _PACKED.items():
        if name.endswith(suffix):
            name, data = name.removesuffix(suffix), unpack(data)
    match name.rpartition(".")[2]:
        case "parquet":
            yield from pq.read_table(io.BytesIO(data)).to_pylist()
        case "csv" | "tsv":
            csv.field_size_limit(sys.maxsize)
            lines = io.StringIO(data.decode("utf-8-sig"), newline="")
            yield from csv.DictReader(lines, delimiter="\t" if name.endswith("tsv") else ",")
        case "jsonl" | "ndjson":
            yield from (orjson.loads(line) for line in data.splitlines() if line.strip())
        case "json":
            yield from _listed(orjson.loads(data), file.path)
        case _:
            raise ValueError(f"{file.path}: is not .csv, .tsv, .jsonl, .json or .parquet (perhaps .gz, .bz2, .xz, .zst)")


def _listed(value: Any, path: str) -> list[Any]:
    """The records of a JSON file: a list of objects, or the one that an object holds."""
    if isinstance(value, dict):
        lists = [each for each in value.values() if isinstance(each, list) and each and isinstance(each[0], dict)]
        value = lists[0] if len(lists) == 1 else None
    if not isinstance(value, list):
        raise ValueError(f"{path}: is neither a list of objects nor an object that holds one")
    return value
