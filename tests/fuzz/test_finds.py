"""What the fuzzer, and real files, found: each as small as it gets."""

import contextlib
import gzip
import io
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import brotli
import py7zr
import pytest

from curator.documents import File, Piece, Tally
from curator.sources.archives import Limits, MemberError, members
from curator.sources.books import Books
from curator.sources.packing import FAILURES, Brotli, Inflate
from curator.sources.sevenzip import SevenZip
from curator.sources.streams import StreamError
from curator.sources.warc import Warc


def read(source: Warc | Books, path: Path) -> tuple[int, Tally]:
    tally = Tally()
    piece = Piece(File(str(path), path.name, path.stat().st_size, ""))
    rows = sum(map(len, source.read(piece, tally)))
    assert rows + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records
    return rows, tally


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def test_a_zip_member_without_a_name(tmp_path):
    path = tmp_path / "a.epub"
    data = bytearray(zipped("x", b"text"))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 28 : entry + 30] = b"\0\0"  # the length of the name in the directory
    del data[entry + 46]
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (end - entry).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert [member.name for member in members(str(path), "a.zip", Limits())] == [""]
    read(Books(), path)


def test_a_zip_member_that_lies_of_its_compressed_size_takes_no_memory(tmp_path):
    path = tmp_path / "a.zip"
    data = bytearray(zipped("x", b"text" * 20))
    data[data.rindex(b"PK\x01\x02") + 23] = 0x40  # a gigabyte
    path.write_bytes(bytes(data))
    tracemalloc.start()
    try:
        for member in members(str(path), "a.zip", Limits()):
            with contextlib.suppress(MemberError):  # some builds of Python refuse members that overlap
                assert member.read() == b"text" * 20
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_an_lzma_member_that_asks_for_gigabytes(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x", b"text" * 20)
        archive.writestr("y", b"text" * 20)
    data = bytearray(out.getvalue())
    data[30 + 1 + 5 : 30 + 1 + 9] = b"\xff" * 4
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(data))
    found = members(str(path), "a.zip", Limits())
    with pytest.raises(MemberError, match="memory"):
        next(found).read()
    assert next(found).read() == b"text" * 20


def test_many_damaged_members_take_little_time(tmp_path):
    """Each was read again byte by byte: 10 ms for one of 64 kB."""
    body = zlib.compress(bytes(range(256)) * 4)
    record = b"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Length: 60000\r\n\r\n" + (body * 60)[:60_000] + b"\r\n\r\n"
    member = bytearray(gzip.compress(record, 0, mtime=0))
    member[-6] ^= 0xFF
    path = tmp_path / "a.warc.gz"
    path.write_bytes(bytes(member) * 300)
    began = time.process_time()
    rows, tally = read(Warc(), path)
    assert (rows, tally.errors) == (0, {"corrupt": 300})
    assert time.process_time() - began < 3


def test_a_header_of_folded_lines_takes_linear_time(tmp_path):
    path = tmp_path / "a.warc"
    folded = b"WARC/1.0\r\nX: y\r\n" + b" z\r\n" * 60_000
    path.write_bytes(folded + b"Content-Length:\r\n 2\r\nWARC-Type:\r\n\tmetadata\r\n\r\nab\r\n\r\n")
    began = time.process_time()
    assert read(Warc(), path)[1].skipped == {"metadata": 1}
    assert time.process_time() - began < 2


def until_failure(member: Inflate, data: bytes, portion: int) -> bytes:
    given, sent = bytearray(), 0
    try:
        while not member.eof:
            piece = data[sent : sent + 30_000] if member.needs_input else b""
            sent += len(piece)
            given += member.decompress(piece, portion)
    except FAILURES:
        return bytes(given)
    raise AssertionError("no damage was found")


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("at", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("portion", [500, 70_000, 10_000_000])
def test_every_byte_before_the_damage(level, at, portion):
    """Beside a state that is fed byte by byte."""
    text = b"".join(b"%d %x\n" % (i, i * 2654435761 % 2**32) for i in range(40_000))
    data = bytearray(zlib.compress(text, level))
    place = int(len(data) * at)
    data[place : place + 40] = b"\xff" * 40
    slow, expected = zlib.decompressobj(), bytearray()
    try:
        for i in range(len(data)):
            expected += slow.decompress(data[i : i + 1])
    except zlib.error:
        pass
    given = until_failure(Inflate(15), bytes(data), portion)
    common = min(len(given), len(expected))
    assert given[:common] == bytes(expected[:common])
    assert abs(len(given) - len(expected)) < 600  # libraries look ahead by a little


def test_a_7z_of_damaged_deflate(tmp_path):
    """zlib's error is not zlib-ng's."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=[{"id": py7zr.FILTER_DEFLATE}]) as archive:
        archive.writestr(bytes(range(256)) * 9, "Posts.xml")
    data = bytearray(out.getvalue())
    data[32] |= 0b110  # a kind of block that there is not
    archive = SevenZip(io.BytesIO(data))
    with pytest.raises(StreamError, match="damaged"):
        list(archive.contents(archive.members[0]))


def test_bytes_behind_a_brotli_stream_are_not_lost_nor_fatal():
    member = Brotli()
    assert member.decompress(brotli.compress(b"page" * 500) + b"behind") == b"page" * 500
    assert member.eof
    assert member.unused_data == b"behind"
