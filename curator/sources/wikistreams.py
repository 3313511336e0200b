"""The compressed bytes of a dump: which bz2 streams a range owns, and their contents, damage included.

A multistream dump is many bz2 streams one after the other, each of some hundred pages. Every stream begins, on a byte
border, with a header and the magic number of a block, 80 bits that do not occur in compressed data by chance. What lies between
two streams, or before the first, was one.
"""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from typing import IO

from curator.sources.packing import BZIP2 as MAGIC

MAGIC_BYTES = 10
READ_BYTES = 1 << 20
PORTION_BYTES = 4 << 20  # most decompressed bytes at a time: a bz2 block can be 45 MB of zeros in 40 bytes
SEARCH_BYTES = 4 << 20  # a second stream begins in these first bytes, or the file counts as one stream


class Damage(Exception):
    """A stream that cannot be read on, at this place of the file."""

    def __init__(self, at: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.kind = kind


def is_multistream(raw: IO[bytes]) -> bool:
    """Whether a file is bz2 and a second stream begins in its first 4 MB. The first one's header may be damaged."""
    head = raw.read(SEARCH_BYTES)
    return head.startswith(b"BZ") and MAGIC.search(head, 1) is not None


def next_stream(raw: IO[bytes], start: int) -> int | None:
    """Where the first bz2 stream at or after `start` begins."""
    raw.seek(start)
    held, at = b"", start
    while portion := raw.read(READ_BYTES):
        held += portion
        if found := MAGIC.search(held):
            return at + found.start()
        at += max(len(held) - MAGIC_BYTES + 1, 0)
        held = held[-MAGIC_BYTES + 1 :]
    return None


def streams(raw: IO[bytes], start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
    """`(place, contents)` of each bz2 stream from `start` on. Contents must be read to their end, or to the Damage that
    they raise, before the next stream is asked for. A gap behind a stream is a Damage at that stream's own place."""
    place = next_stream(raw, start)
    if start == 0 and place:
        yield 0, _gap(0, place)
    while place is not None:
        stream = _Stream(raw, place)
        yield place, stream.contents()
        following = next_stream(raw, stream.next)
        stop = _content_end(raw, stream.next) if following is None else following
        if stream.ended and stop > stream.next:
            yield place, _gap(stream.next, stop)
        place = following


def _gap(start: int, stop: int) -> Iterator[bytes]:
    raise Damage(start, "garbage", f"{stop - start:,} bytes that are no bz2 stream")
    yield b""


def _content_end(raw: IO[bytes], start: int) -> int:
    """Where the zeros begin that may pad a file's end; `start` if nothing else is behind it."""
    raw.seek(start)
    at = end = start
    while portion := raw.read(READ_BYTES):
        if content := len(portion.rstrip(b"\0")):
            end = at + content
        at += len(portion)
    return end


class _Stream:
    def __init__(self, raw: IO[bytes], place: int) -> None:
        self._raw = raw
        self._place = place
        self.next = place + MAGIC_BYTES  # where to look for the next one: behind this, once its end is known
        self.ended = False  # whether it is

    def contents(self) -> Iterator[bytes]:
        raw = self._raw
        raw.seek(self._place)
        stream = bz2.BZ2Decompressor()
        read = 0
        while not stream.eof:
            data = b""
            if stream.needs_input:
                data = raw.read(READ_BYTES)
                read += len(data)
                if not data:
                    raise Damage(self._place, "truncated", "the file ends in the middle of a bz2 stream")
            try:
                portion = stream.decompress(data, PORTION_BYTES)
            except (OSError, ValueError) as error:
                raise Damage(self._place, "corrupt", f"damaged bz2 stream: {error}") from None
            if portion:
                yield portion
        self.next = self._place + read - len(stream.unused_data)
        self.ended = True
