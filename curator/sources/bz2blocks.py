"""What stands behind a damaged place of a bz2 file, block by block.

A bz2 stream is a chain of bits: blocks of up to 900 kB, each with a checksum, that begin with 48 bits that hardly occur by
chance, at any bit. As `bzip2recover` does, each is made a stream of its own here, and given if it is whole.
"""

from __future__ import annotations

import bz2
import io
from collections.abc import Iterator
from typing import IO

from curator.sources.packing import END_BYTES

READ_BYTES = 1 << 20
PORTION_BYTES = 1 << 20
MOST_BLOCK_BYTES = 2 << 20  # compressed; where there is more between two magic numbers, it is no block
MOST_CONTENT_BYTES = 48 << 20  # of 900,000 bytes, five stand for 259 at most
BLOCK, END = 0x314159265359, 0x177245385090
MAGIC_BYTES = 7  # that 48 bits may touch
END_BITS = 80  # with the checksum of the stream, up to the next byte
HEADER_BITS = 32  # `BZh9`, before the first block


class Gap(Exception):
    """Bytes of the file that hold no whole block. It `goes_on` if one follows."""

    def __init__(self, start: int, stop: int, goes_on: bool) -> None:
        super().__init__(f"bytes {start // 8:,} to {stop // 8:,} of the file are passed over")
        self.goes_on = goes_on


class Blocks:
    """Contents of the blocks that are not whole in the first `fed` bytes of a file, without the first `given` bytes, which were
    given before. A stream begins at `place`. A gap is raised, and what is behind it comes then."""

    def __init__(self, raw: IO[bytes], place: int, fed: int, given: int) -> None:
        self._parts = _parts(raw, place, fed, given)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part = next(self._parts)
        if isinstance(part, Gap):
            raise part
        return part


def _parts(raw: IO[bytes], place: int, fed: int, given: int) -> Iterator[bytes | Gap]:
    size = raw.seek(0, io.SEEK_END) * 8
    begin = previous = 0
    gap = -1  # the bit where it begins
    for bit, magic in _magics(raw, max(place, fed - MOST_BLOCK_BYTES), size):
        found = -1
        if not previous:
            if bit > fed * 8 and (fed > place or bit != place * 8 + HEADER_BITS):
                found = fed * 8
        elif bit > fed * 8 and previous == BLOCK:
            content = _content(raw, begin, bit)
            if content is None:
                found = begin
            else:
                if gap >= 0:
                    yield Gap(gap, begin, True)
                    gap = -1
                for at in range(given, len(content), PORTION_BYTES):
                    yield content[at : at + PORTION_BYTES]
                given = max(given - len(content), 0)
        elif bit > fed * 8 and previous == END:
            ended = -(-(begin + END_BITS) // 8) * 8
            if bit != ended + HEADER_BITS and not (bit == size and _is_padding(raw, ended // 8)):
                found = ended
        if found >= 0:
            gap, given = gap if gap >= 0 else found, 0
        begin, previous = bit, magic
    if gap >= 0:
        yield Gap(gap, size, False)


def _magics(raw: IO[bytes], start: int, size: int) -> Iterator[tuple[int, int]]:
    """The bit where each magic number begins from the byte `start` on, and which it is; then the end of the file."""
    held = b""
    while True:
        raw.seek(start + len(held))
        data = raw.read(READ_BYTES)
        if not data:
            break
        held += data
        yield from sorted((start * 8 + bit, magic) for magic in _INNER for bit in _found(held, magic))
        start += max(len(held) - MAGIC_BYTES + 1, 0)
        held = held[-MAGIC_BYTES + 1 :]
    yield size, END


def _found(data: bytes, magic: int) -> Iterator[int]:
    for shift, inner in enumerate(_INNER[magic]):
        at = data.find(inner, 1)
        while 0 < at <= len(data) - MAGIC_BYTES + 1:
            touched = int.from_bytes(data[at - 1 : at - 1 + MAGIC_BYTES])
            if touched >> (8 - shift) & (1 << 48) - 1 == magic:
                yield (at - 1) * 8 + shift
            at = data.find(inner, at + 1)


# The five bytes that the 48 bits fill whatever comes before and behind, by how far they are shifted.
_INNER = {magic: [(magic << (8 - shift)).to_bytes(MAGIC_BYTES)[1:6] for shift in range(8)] for magic in (BLOCK, END)}


def _content(raw: IO[bytes], begin: int, end: int) -> bytes | None:
    """What the block in these bits holds; None if it is not whole."""
    first, last = begin // 8, -(-end // 8)
    if last - first > MOST_BLOCK_BYTES or end - begin < END_BITS:
        return None
    raw.seek(first)
    bits = int.from_bytes(raw.read(last - first)) >> (last * 8 - end) & (1 << end - begin) - 1
    checksum = bits >> end - begin - END_BITS & (1 << 32) - 1
    length = end - begin + END_BITS
    padding = -length % 8
    stream = (((bits << 48 | END) << 32 | checksum) << padding).to_bytes((length + padding) // 8)
    state = bz2.BZ2Decompressor()
    try:
        content = state.decompress(b"BZh9" + stream, MOST_CONTENT_BYTES)
        content += b"" if state.eof else state.decompress(b"", 1)
    except (OSError, ValueError):
        return None
    return content if state.eof else None


def _is_padding(raw: IO[bytes], start: int) -> bool:
    raw.seek(start)
    rest = raw.read(END_BYTES + 1)
    return len(rest) <= END_BYTES and not rest.strip(b"\0")
