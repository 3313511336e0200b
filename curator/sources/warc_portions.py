"""The decompressed bytes of a WARC or ARC file, with the places where compressed members begin and where the file is damaged.

Archives are compressed record by record (one gzip member, zstd or lz4 frame, or bz2 stream each), or as a whole, or not at
all. After a damaged member, reading goes on at the next one that holds a record.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from typing import IO, NamedTuple

from curator.sources.packing import END_BYTES, FAILURES, SKIPPABLE, Packing, blame, compression, gzip, packing, zstd
from curator.sources.resync import MOST_REREAD_BYTES, SCAN_BYTES, Search
from curator.sources.streams import PORTION_BYTES
from curator.sources.warc_framing import FRAMINGS

WHITE = b"\r\n\t "  # between two members, what careless tools leave there
PADDING = b"\0" + WHITE  # behind the last one
SLICE_BYTES = 64 << 10  # compressed bytes given at a time: little is copied where a member ends
WINDOW_BYTES = 512 << 10  # compressed bytes read at a time


class Portion(NamedTuple):
    """Some decompressed bytes, or a damaged place."""

    data: bytes
    offset: int = 0  # in the file: of the member, damaged or not
    first: bool = False  # whether a member (or the file) begins here
    damage: str = ""  # `truncated`, `corrupt`, or `zeros` where members should be; no data then
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
        self._portions = _plain(raw) if kind is None else _members(raw, kind)

    def __iter__(self) -> Iterator[Portion]:
        return self

    def __next__(self) -> Portion:
        return next(self._portions)

    def seek(self, offset: int) -> None:
        self._raw.seek(offset)
        self._portions = _plain(self._raw, first=False)


def _kind(raw: IO[bytes]) -> Packing | None:
    """The format of the file. One that begins with none and with no record may be a compressed file whose first bytes are
    damaged."""
    head = raw.read(10)
    kind = packing(head)
    if kind is None and head:
        head += raw.read(SCAN_BYTES)
        if all(framing.search(head, 0) < 0 for framing in FRAMINGS):
            return next((kind for kind in (gzip(), zstd()) if Search(raw, kind, _begins_record).next(1) >= 0), None)
    return kind


def _plain(stream: IO[bytes], first: bool = True) -> Iterator[Portion]:
    while data := stream.read(PORTION_BYTES):
        yield Portion(data, first=first)
        first = False


# -------------------------------------------------------------------------------------------------------------- members


class _Window:
    """Compressed bytes by their offset in the file, read once as long as they are asked for in order."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._begin = 0
        self._held = memoryview(b"")

    def at(self, offset: int) -> memoryview:
        """Up to SLICE_BYTES from `offset` on; none at the end of the file."""
        inside = offset - self._begin
        if not 0 <= inside < len(self._held):
            self._raw.seek(offset)
            self._held = memoryview(self._raw.read(WINDOW_BYTES))
            self._begin, inside = offset, 0
        return self._held[inside : inside + SLICE_BYTES]


def _members(raw: IO[bytes], kind: Packing) -> Iterator[Portion]:
    window, search = _Window(raw), Search(raw, kind, _begins_record)
    met = {kind.name: (kind, search)}
    start = reread = 0
    while start >= 0:
        head = bytes(window.at(start)[:10])
        name = compression(head)
        if name != kind.name and name is not None and not SKIPPABLE.match(head):  # archives of several formats, put together
            if name not in met and (other := packing(head)) is not None:
                met[name] = other, Search(raw, other, _begins_record)
            kind, search = met[name]
        end, damage, message = yield from _member(window, kind, start)
        if damage:
            found = search.next(start + 1 if reread < MOST_REREAD_BYTES else end)
            reread += end - start
        else:
            start = _skip(window, end, WHITE)
            end = _skip(window, start, PADDING) if start >= 0 else -1
            zeros = (end if end >= 0 else raw.seek(0, io.SEEK_END)) - start
            if start < 0 or zeros <= (kind.padding if end >= 0 else END_BYTES):
                start = end
                continue
            damage, message = "zeros", f"{zeros:,} bytes of zeros where {kind.name} members should be"
            found = search.next(end) if end >= 0 else -1
        yield Portion(b"", start, damage=damage, message=message, goes_on=found >= 0)
        start = found


def _member(window: _Window, kind: Packing, start: int) -> Generator[Portion, None, tuple[int, str, str]]:
    """What should be a member; returns where it ends, and what is wrong with it."""
    state = kind.begin()
    parts: list[bytes] = []
    have = 0
    at = start
    first = True
    damage = message = ""
    while not state.eof:
        data: bytes | memoryview = b""
        if state.needs_input:
            data = window.at(at)
            at += len(data)
            if not data:
                damage, message = "truncated", f"the file ends in the middle of a {kind.name} member"
                break
        try:
            part = state.decompress(data, PORTION_BYTES)
        except FAILURES as failure:
            blame(failure)
            damage, message = "corrupt", str(failure)
            break
        if part:
            parts.append(part)
            have += len(part)
        if have >= PORTION_BYTES:
            yield Portion(b"".join(parts), start, first)
            parts, have, first = [], 0, False
    if parts:
        yield Portion(parts[0] if len(parts) == 1 else b"".join(parts), start, first)
    return at - len(state.unused_data or b""), damage, message


def _skip(window: _Window, offset: int, passed: bytes) -> int:
    """The first offset from here that holds something else than these bytes; -1 at the end of the file."""
    while data := window.at(offset):
        if data[0] > 32:
            return offset
        if kept := bytes(data).lstrip(passed):
            return offset + len(data) - len(kept)
        offset += len(data)
    return -1


def _begins_record(given: bytes) -> bool:
    given = given.lstrip()
    return any(framing.starts(given, 0) for framing in FRAMINGS)
