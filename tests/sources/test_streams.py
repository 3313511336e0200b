import bz2
import gzip
import io
import lzma
import random
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from curator.sources.streams import DecompressedStream, StreamError, decompressed, open_stream

LINES = b"".join(b"%d %s\n" % (i, random.Random(i).randbytes(20).hex().encode()) for i in range(20_000))


def zstd_unsized(data: bytes) -> bytes:
    frame = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compressobj()
    return frame.compress(data) + frame.flush()


PACK = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd without a size": zstd_unsized,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}


def until_failure(stream) -> tuple[bytes, StreamError | None]:
    got = b""
    try:
        while part := stream.read(10_007):
            got += part
    except StreamError as failure:
        return got, failure
    return got, None


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_concatenated_parts_are_one_stream(pack, tmp_path: Path):
    packed = pack(LINES) + pack(b"") + pack(b"the end")
    path = tmp_path / "named-wrongly.txt"
    path.write_bytes(packed)
    with open_stream(str(path)) as stream:
        assert stream.read() == LINES + b"the end"
    with open_stream(str(path)) as stream:
        assert list(stream) == [*LINES.splitlines(keepends=True), b"the end"]


def test_plain_file_is_seekable(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"BZh9 is how bzip2 begins")
    with open_stream(str(tmp_path / "a")) as stream:
        stream.seek(5)
        assert stream.read() == b"is how bzip2 begins"


def test_empty_file(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"")
    with open_stream(str(tmp_path / "a")) as stream:
        assert stream.read() == b""


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.9999])
def test_truncation_gives_what_comes_before_and_raises(pack, share):
    parts = [pack(LINES[i : i + 100_000]) for i in range(0, len(LINES), 100_000)]
    packed = b"".join(parts)
    got, failure = until_failure(decompressed(io.BytesIO(packed[: int(len(packed) * share)])))
    assert failure is not None
    assert failure.kind == "truncated"
    assert failure.offset == len(got)
    assert LINES.startswith(got)
    whole = 0
    while len(b"".join(parts[: whole + 1])) <= len(packed) * share:
        whole += 1
    assert len(got) >= whole * 100_000


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_damage_gives_the_parts_before_and_raises(pack):
    second = bytearray(pack(LINES))
    second[len(second) // 2] ^= 0xFF
    got, failure = until_failure(decompressed(io.BytesIO(pack(b"whole") + bytes(second))))
    assert got.startswith(b"whole")
    assert failure is not None
    assert failure.kind == "corrupt"


def test_deflate_gives_every_byte_before_the_damage():
    packed = bytearray(gzip.compress(LINES, mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    got, failure = until_failure(decompressed(io.BytesIO(bytes(packed))))
    assert failure is not None
    common = next((i for i, (a, b) in enumerate(zip(got, LINES)) if a != b), len(got))
    assert common > len(LINES) // 2 - 40_000


@pytest.mark.parametrize("name", ["gzip", "bz2", "zstd", "lz4"])
def test_trailing_bytes_are_reported_and_padding_is_not(name):
    pack = PACK[name]
    got, failure = until_failure(decompressed(io.BytesIO(pack(b"text") + b"something else")))
    assert got == b"text"
    assert failure is not None
    assert failure.kind == "trailing_bytes"
    assert until_failure(decompressed(io.BytesIO(pack(b"text") + bytes(600_000)))) == (b"text", None)


@pytest.mark.parametrize("name", ["gzip", "bz2", "zstd", "lz4"])
@pytest.mark.parametrize("size", [1, 40, 600_000])
def test_zeros_between_members_are_damage(name, size):
    """Where a disk has lost a member; lines of what follows must not be put to those before."""
    pack = PACK[name]
    got, failure = until_failure(decompressed(io.BytesIO(pack(b"text") + bytes(size) + pack(b"more") + bytes(size))))
    assert got == b"text"
    assert failure is not None
    assert failure.kind == "corrupt"
    assert f"{size:,} bytes of zeros" in str(failure)


@pytest.mark.parametrize("size", [32, 600_000])
def test_zeros_where_a_stream_of_xz_may_have_been_are_damage(size):
    packed = PACK["xz"](b"one") + bytes(size) + PACK["xz"](b"two")
    got, failure = until_failure(decompressed(io.BytesIO(packed)))
    assert got == b"one"
    assert failure is not None
    assert f"{size:,} bytes of zeros" in str(failure)


@pytest.mark.parametrize("name", PACK)
def test_more_zeros_at_the_end_than_any_block_has_are_told(name):
    got, failure = until_failure(decompressed(io.BytesIO(PACK[name](b"one") + bytes(1_100_000))))
    assert got == b"one"
    assert failure is not None
    assert failure.kind == "truncated"


def test_streams_of_xz_may_be_padded():
    assert decompressed(io.BytesIO(PACK["xz"](b"one") + bytes(8) + PACK["xz"](b"two") + bytes(8))).read() == b"onetwo"


def test_skippable_zstd_frames_are_passed():
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    packed = skippable + PACK["zstd"](b"one") + skippable + PACK["zstd"](b"two")
    assert decompressed(io.BytesIO(packed)).read() == b"onetwo"


@pytest.mark.parametrize("name", ["gzip", "bz2", "zstd", "lz4"])
def test_a_bomb_is_read_in_bounded_portions(name):
    stream = decompressed(io.BytesIO(PACK[name](bytes(20_000_000))))
    assert isinstance(stream, DecompressedStream)
    total = 0
    while part := stream.read1():
        assert len(part) <= 1 << 20
        total += len(part)
    assert total == 20_000_000


def test_a_line_before_damage_is_given_before_it_raises():
    packed = gzip.compress(b"one\ntwo\nthr")[:-8]
    stream = decompressed(io.BytesIO(packed))
    assert [stream.readline() for _ in range(3)] == [b"one\n", b"two\n", b"thr"]
    with pytest.raises(StreamError):
        stream.readline()


@given(
    st.lists(st.binary(min_size=1, max_size=40)),
    st.lists(st.tuples(st.sampled_from(["read", "line", "read1"]), st.integers(-1, 30))),
)
def test_reads_like_bytesio(portions, calls):
    """Every way of reading gives the same bytes as an ordinary stream (read1 may give fewer)."""
    whole = io.BytesIO(b"".join(portions))
    stream = DecompressedStream(io.BytesIO(), iter(portions))
    for call, size in calls:
        if call == "read1":
            got = stream.read1(size)
            assert got == whole.read(len(got))
        elif call == "read":
            assert stream.read(size) == whole.read(size)
        else:
            assert stream.readline(size) == whole.readline(size)
        assert stream.tell() == whole.tell()
    assert stream.read() == whole.read()
