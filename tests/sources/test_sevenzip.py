import io
import random
import struct
import tracemalloc
import zlib
from typing import Any

import py7zr
import pytest

from curator.sources.sevenzip import MAGIC, SevenZip
from curator.sources.streams import StreamError

FILES = {
    "Badges.xml": b"badges" * 1000,
    "a/Posts.xml": bytes(random.Random(1).choices(b"abcdef ", k=1_100_000)),
    "empty.txt": b"",
    "名.xml": b"t",
}
METHODS: dict[str, list[dict[str, Any]]] = {
    "LZMA2": [{"id": py7zr.FILTER_LZMA2, "preset": 1}],
    "LZMA2 behind BCJ": [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 1}],
    "LZMA": [{"id": py7zr.FILTER_LZMA, "preset": 1}],
    "BZip2": [{"id": py7zr.FILTER_BZIP2}],
    "Deflate": [{"id": py7zr.FILTER_DEFLATE}],
    "copy": [{"id": py7zr.FILTER_COPY}],
}
REFUSED: dict[str, list[dict[str, Any]]] = {
    "PPMd": [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}],
    "a filter for deltas": [{"id": py7zr.FILTER_DELTA}, {"id": py7zr.FILTER_LZMA2, "preset": 1}],
    "encryption": [{"id": py7zr.FILTER_LZMA2, "preset": 1}, {"id": py7zr.FILTER_CRYPTO_AES256_SHA256}],
}


def packed(filters: list[dict[str, Any]], files: dict[str, bytes] = FILES, encoded: bool = True) -> bytes:
    out = io.BytesIO()
    password = "x" if any(each["id"] == py7zr.FILTER_CRYPTO_AES256_SHA256 for each in filters) else None
    with py7zr.SevenZipFile(out, "w", filters=filters, password=password) as archive:
        archive.set_encoded_header_mode(encoded)
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


@pytest.mark.parametrize("encoded", [True, False], ids=["packed header", "plain header"])
@pytest.mark.parametrize("filters", METHODS.values(), ids=METHODS)
def test_members(filters, encoded):
    archive = SevenZip(io.BytesIO(packed(filters, encoded=encoded)))
    assert {member.name: b"".join(archive.contents(member)) for member in archive.members} == FILES
    assert all(len(portion) <= 1 << 20 for portion in archive.contents(archive.members[1]))


def test_members_in_any_order():
    archive = SevenZip(io.BytesIO(packed(METHODS["LZMA2"])))
    assert [b"".join(archive.contents(member)) for member in reversed(archive.members)] == [*reversed(FILES.values())]


@pytest.mark.parametrize(("filters", "name"), [(filters, name) for name, filters in REFUSED.items()], ids=REFUSED)
def test_other_methods_are_named(filters, name):
    archive = SevenZip(io.BytesIO(packed(filters, {"Posts.xml": b"<posts>"}, encoded=False)))
    with pytest.raises(StreamError, match=name) as failure:
        next(archive.contents(archive.members[0]))
    assert failure.value.kind == "unsupported_method"
    assert "7z x" in str(failure.value)


def test_an_archive_of_nothing():
    assert SevenZip(io.BytesIO(packed(METHODS["copy"], {}))).members == []


@pytest.mark.parametrize("filters", METHODS.values(), ids=METHODS)
def test_a_flipped_byte_is_found(filters):
    files = {"a": bytes(random.Random(2).choices(b"abc", k=50_000))}
    data = bytearray(packed(filters, files))
    data[32 + (len(data) - 32) // 3] ^= 0x10
    archive = SevenZip(io.BytesIO(data))
    with pytest.raises(StreamError) as failure:
        b"".join(archive.contents(archive.members[0]))
    assert failure.value.kind in ("corrupt", "truncated")


def test_a_truncated_archive_has_no_header():
    data = packed(METHODS["LZMA2"])
    with pytest.raises(StreamError) as failure:
        SevenZip(io.BytesIO(data[: len(data) // 2]))
    assert failure.value.kind == "truncated"


def with_header(header: bytes, contents: bytes = b"") -> io.BytesIO:
    rest = struct.pack("<QQI", len(contents), len(header), zlib.crc32(header))
    return io.BytesIO(MAGIC + b"\0\4" + struct.pack("<I", zlib.crc32(rest)) + rest + contents + header)


def test_a_place_beyond_every_file():
    plain = packed(METHODS["copy"], {"a": b"text"}, encoded=False)
    offset = 32 + int.from_bytes(plain[12:20], "little")
    header = plain[offset:].replace(b"\x01\x04\x06\x00", b"\x01\x04\x06\xff" + b"\xff" * 8, 1)
    with pytest.raises(StreamError, match="packed streams") as failure:
        SevenZip(with_header(header, plain[32:offset]))
    assert failure.value.kind == "corrupt"


BILLION = b"\xf0\0\0\0\x40"  # in 7z's way of writing numbers


@pytest.mark.parametrize(
    "header",
    [
        b"\x01\x05" + BILLION + b"\x00",
        b"\x01\x04\x06\x00" + BILLION + b"\x09",
        b"\x01\x04\x07\x0b" + BILLION + b"\x00",
        b"\x01\x04\x07\x0b\x01\x00" + BILLION,
        b"\x17" * 50,
        b"\x01\x04\x08\x0d",
        b"\x01\x02",
        b"\x63",
    ],
    ids=["files", "streams", "folders", "methods", "packed headers", "no folders", "no end", "kind"],
)
def test_headers_that_lie_take_no_memory(header):
    tracemalloc.start()
    try:
        with pytest.raises(StreamError) as failure:
            SevenZip(with_header(header))
        assert failure.value.kind == "corrupt"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
