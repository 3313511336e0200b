"""A store that fails while a file is read, or memory that is short: it is read again by the next run, and never taken for a
damaged file."""

from __future__ import annotations

import errno
import gzip
import io
import os
import re
import tarfile
import zipfile
from unittest.mock import Mock

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from fsspec.implementations.memory import MemoryFileSystem

from curator import storage
from curator.documents import Piece, Tally
from curator.sources import SOURCES
from curator.sources.archives import Limits, Zip
from curator.sources.packing import Packing
from curator.sources.streams import members
from curator.sources.warc_portions import _members

TEXT = os.urandom(200_000).hex().encode()


class Failing(MemoryFileSystem):
    """Reads the first third and the last of a file; in between the line is down."""

    protocol = "failing"

    class TimedOut(Exception):
        pass

    def open(self, path, *args, **options):
        file = super().open(path, *args, **options)
        size, read = len(file.getvalue()), file.read

        def some(wanted: int = -1) -> bytes:
            place = file.tell()
            if place < size * 2 // 3 and (wanted < 0 or place + wanted > size // 3):
                raise self.TimedOut("read timeout")
            return bytes(read(wanted))  # type: ignore[arg-type]

        file.read = some
        return file


def tarred() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name in ("a.txt", "b.txt", "c.txt"):
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            archive.addfile(info, io.BytesIO(TEXT))
    return data.getvalue()


def zipped(name: str = "b.txt") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for each in ("a.txt", name, "c.txt"):
            archive.writestr(each, TEXT)
    return data.getvalue()


def parquet() -> bytes:
    data = io.BytesIO()
    table = pa.table({"text": [os.urandom(50_000).hex() for _ in range(30)]})
    pq.write_table(table, data, row_group_size=5, compression="none", use_dictionary=False)
    return data.getvalue()


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("books", "x.tar", tarred()),
        ("books", "x.zip", zipped()),
        ("code", "x.tar", tarred()),
        ("arxiv", "arXiv_src_2203_001.tar", tarred()),
        ("stackexchange", "x.zip", zipped("Posts.xml")),
        ("wikipedia", "x-NS0-ENTERPRISE-HTML.json.tar", tarred()),
        ("parquet", "x.parquet", parquet()),
        ("jsonl", "x.jsonl.gz", gzip.compress(TEXT)),
    ],
)
def test_a_store_that_fails_is_told_as_such(tmp_path, monkeypatch, kind, name, data):
    monkeypatch.setattr("curator.stores.BUFFER_BYTES", 1 << 12)
    fsspec.register_implementation("failing", Failing, clobber=True)
    path = f"failing://{tmp_path.name}/{name}"
    storage.write_bytes(path, data)
    (file,) = storage.find([path])
    tally = Tally()
    with pytest.raises(OSError, match="TimedOut: read timeout") as caught:
        list(SOURCES[kind]().read(Piece(file), tally))
    assert caught.value.errno == errno.EIO
    assert [place for place in tally.damage if place["file_damage"]] == []


def test_memory_that_is_short_is_no_damage_of_an_archive(monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", TEXT)
    monkeypatch.setattr(zipfile.LZMADecompressor, "decompress", Mock(side_effect=MemoryError))
    with pytest.raises(MemoryError):
        Zip(packed, Limits()).read("a.txt")


@pytest.mark.parametrize(
    "failure",
    [
        zstandard.ZstdError("zstd decompressor error: Allocation error : not enough memory"),
        RuntimeError("LZ4F_decompress failed with code: ERROR_allocation_failed"),
    ],
)
def test_memory_that_is_short_is_no_damage_of_a_stream(failure):
    member = Mock(eof=False, needs_input=True, decompress=Mock(side_effect=failure))
    packing = Packing("zstd", lambda: member, re.compile(b"x"))
    with pytest.raises(MemoryError):
        list(members(io.BytesIO(b"x" * 100), packing))
    with pytest.raises(MemoryError):
        list(_members(io.BytesIO(b"x" * 100), packing))


def test_memory_that_is_short_is_no_damage_of_parquet(tmp_path, monkeypatch):
    (tmp_path / "x.parquet").write_bytes(parquet())
    (file,) = storage.find([str(tmp_path / "x.parquet")])
    monkeypatch.setattr(
        pq.ParquetFile, "iter_batches", lambda *_, **__: iter(Mock(side_effect=pa.ArrowMemoryError("malloc")), 0)
    )
    with pytest.raises(MemoryError):
        list(SOURCES["parquet"]().read(Piece(file), Tally()))
