"""The decompressed bytes of a WARC file, with the places where gzip members begin and where the file is damaged.

WARC files are compressed record by record (one gzip member each), or as a whole, or not at all. After a damaged member,
reading goes on at the next one that holds a record.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator
from typing import IO, NamedTuple

from curator.sources.streams import PORTION_BYTES, Inflate, StreamError, compression, decompressed

SLICE_BYTES = 32 << 10  # compressed bytes taken at a time: little is copied where a member ends, most members need one
MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")  # the three highest flags are reserved and zero (RFC 1952 §2.3.1.2)
RECORD_START = re.compile(rb"(?<![^\n])(?:WARC|warc)/[01]\.\d{1,2}[ \t]*\r?\n")
SCAN_BYTES = 1 << 20
MOST_REREAD_BYTES = 64 << 20  # what damaged members may hold again in all: members inside members must not take quadratic time
TRIAL_BYTES = 4096  # enough compressed bytes to see how a member begins


class Portion(NamedTuple):
    """Some decompressed bytes, or a damaged place."""

    data: bytes
    offset: int = 0  # in the file: of the gzip member, damaged or not
    first: bool = False  # whether a gzip member (or the file) begins here
    damage: str = ""  # `truncated` or `corrupt`; no data then
    message: str = ""
    goes_on: bool = False  # after damage: whether a later member was found


class Portions:
    """An iterator over the portions of a file; `seek` works where `seekable`, in plain files."""

    def __init__(self, raw: IO[bytes], size: int) -> None:
        self.size = size
        kind = _kind(raw)
        raw.seek(0)
        self.seekable = kind is None
        self._raw = raw
        self._portions = _gzip(raw) if kind == "gzip" else _stream(decompressed(raw))

    def __iter__(self) -> Iterator[Portion]:
        return self

    def __next__(self) -> Portion:
        return next(self._portions)

    def seek(self, offset: int) -> None:
        self._raw.seek(offset)
        self._portions = _stream(self._raw, first=False)


def _kind(raw: IO[bytes]) -> str | None:
    """`gzip`, `zstd`, `bzip2` or None. A file that begins with none of them and with no record may be a gzip file whose first
    bytes are damaged."""
    head = raw.read(10)
    kind = compression(head)
    if kind is None and head and RECORD_START.search(head + raw.read(SCAN_BYTES)) is None and _next_member(raw, 1) >= 0:
        return "gzip"
    return kind


def _stream(stream: IO[bytes], first: bool = True) -> Iterator[Portion]:
    """A plain file, or one that is compressed as a whole by other means than gzip."""
    try:
        while data := stream.read(PORTION_BYTES):
            yield Portion(data, first=first)
            first = False
    except StreamError as failure:
        kind = "truncated" if failure.kind == "truncated" else "corrupt"
        yield Portion(b"", damage=kind, message=f"after {failure.offset} bytes: {failure}")


def _gzip(raw: IO[bytes]) -> Iterator[Portion]:
    start = reread = 0
    while start >= 0:
        raw.seek(start)
        end, damage, message = yield from _member(raw, start)
        if not damage:
            start = _skip_padding(raw, end)
            continue
        found = _next_member(raw, start + 1 if reread < MOST_REREAD_BYTES else end)
        reread += end - start
        yield Portion(b"", start, damage=damage, message=message, goes_on=found >= 0)
        start = found


def _member(raw: IO[bytes], start: int) -> Generator[Portion, None, tuple[int, str, str]]:
    """What should be a gzip member; returns where it ends, and what is wrong with it."""
    state = Inflate()
    parts: list[bytes] = []
    have = 0
    first = True
    damage = message = ""
    while not state.eof:
        data = raw.read(SLICE_BYTES) if state.needs_input else b""
        try:
            part = state.decompress(data, PORTION_BYTES)
        except zlib.error as failure:
            damage, message = "corrupt", str(failure)
            break
        if part:
            parts.append(part)
            have += len(part)
        elif not data:
            damage, message = "truncated", "the file ends in the middle of a gzip member"
            break
        if have >= PORTION_BYTES:
            yield Portion(b"".join(parts), start, first)
            parts, have, first = [], 0, False
    if parts:
        yield Portion(parts[0] if len(parts) == 1 else b"".join(parts), start, first)
    return raw.tell() - len(state.unused_data), damage, message


def _skip_padding(raw: IO[bytes], offset: int) -> int:
    """The first offset from here that holds something else than white space or zeros; -1 at the end of the file."""
    raw.seek(offset)
    while data := raw.read(16):
        if kept := data.lstrip(b"\0\r\n\t "):
            return offset + len(data) - len(kept)
        offset += len(data)
    return -1


def _next_member(raw: IO[bytes], offset: int) -> int:
    """Where the next gzip member begins that holds a WARC record; -1 if there is none. Bytes that look like the beginning of a
    member occur by chance and in pages that were stored compressed, so each candidate is opened."""
    raw.seek(offset)
    data = raw.read(SCAN_BYTES)
    while data:
        ahead = raw.read(SCAN_BYTES)
        both = data + ahead[:TRIAL_BYTES]
        for candidate in MEMBER.finditer(both, 0, len(data) + 3):
            if _holds_record(both[candidate.start() : candidate.start() + TRIAL_BYTES]):
                return offset + candidate.start()
        offset += len(data)
        data = ahead
    return -1


def _holds_record(member: bytes) -> bool:
    try:
        return zlib.decompressobj(wbits=31).decompress(member, 64).lstrip().startswith(b"WARC/")
    except zlib.error:
        return False
