"""A store that fails while a file is read: it is read again by the next run, and never taken for a damaged file."""

from __future__ import annotations

import errno
import gzip
import io
import os
import tarfile
import zipfile

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from curator import storage
from curator.documents import Piece, Tally
from curator.sources import SOURCES

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
