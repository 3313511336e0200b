"""Opening .gz, .zst, .bz2, .xz, .lz4 and plain files by their first bytes, as one binary stream of decompressed bytes.

A compressed dump is often cut short or damaged. The stream gives every byte that can be read before the damage, and raises
`StreamError` on the read after them. Where it was opened to go on (`resume`) and a later member of the file can be read, the
stream then continues there. Decompression goes in bounded portions, so a file that expands a millionfold costs time but no
memory.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO, Any

from curator.sources.bz2blocks import Blocks, Gap
from curator.sources.packing import END_BYTES, FAILURES, ZSTD_WINDOW_BYTES, Decompressor, Packing, begins_member, blame, packing
from curator.sources.resync import MOST_REREAD_BYTES, Search
from curator.storage import open_input

PACKED = ("", ".gz", ".zst", ".bz2", ".xz", ".lz4")  # how the names of such files end
READ_BYTES = 256 << 10  # compressed bytes taken at a time
FIRST_BYTES = 4096  # behind a damaged place, and then ever more: what is read ahead counts as read again at the next one
PORTION_BYTES = 1 << 20  # most decompressed bytes held at a time, besides those that the reader asked for


class StreamError(Exception):
    """A compressed file that ends too early (`truncated`), is damaged (`corrupt`) or goes on with something else after its
    last compressed part (`trailing_bytes`): `kind` says which, `offset` after how many decompressed bytes. If it `goes_on`,
    the next read gives what follows the gap."""

    def __init__(self, kind: str, message: str, place: int = -1, fed: int = -1, given: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.offset = -1
        self.place = place  # in the file: where the member begins that cannot be read on
        self.fed = fed if fed >= 0 else place  # up to there its decompressor had given all, and after that `given` bytes
        self.given = given
        self.goes_on = False


Resume = Callable[[bytes], bool]  # whether a member that begins with these bytes is one to go on with


def open_stream(path: str, window: int = ZSTD_WINDOW_BYTES, resume: Resume | None = None) -> IO[bytes]:
    """The decompressed bytes of a file; concatenated members (gzip), frames (zstd, lz4) and streams (bz2, xz) are one.
    `window` is the largest window of a zstd frame: 1 << 31 for what `zstd --long=31` has written.

    `read`, `read1`, `readline` and iteration give every byte before a damaged place and then raise StreamError; with
    `resume`, if a member follows of which it holds, that error `goes_on`, and reads after it give what is behind. A plain file
    is seekable, a compressed one is not.
    """
    raw = open_input(path)
    try:
        return decompressed(raw, window, resume)
    except BaseException:
        raw.close()
        raise


def decompressed(raw: IO[bytes], window: int = ZSTD_WINDOW_BYTES, resume: Resume | None = None) -> IO[bytes]:
    """Like `open_stream`, for a seekable stream that is open at its beginning; closing the result closes it."""
    kind = packing(raw.read(10), window)
    raw.seek(0)
    if kind is None:
        return raw
    portions = members(raw, kind) if resume is None else _GoingOn(raw, kind, resume)
    return DecompressedStream(raw, portions)  # type: ignore[return-value]


class DecompressedStream(io.BufferedIOBase):
    """A readable stream over an iterator of byte strings. Unlike `io.BufferedReader` it loses nothing when that raises."""

    def __init__(self, raw: IO[bytes], portions: Iterator[bytes]) -> None:
        self._raw = raw
        self._portions = portions
        self._held = b""
        self._at = 0  # how much of `_held` was given
        self._base = 0  # decompressed position of `_held`
        self._failure: StreamError | None = None

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._base + self._at

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()

    def read1(self, size: int | None = -1, /) -> bytes:
        if self._at == len(self._held) and not self._refill(raising=True):
            return b""
        end = len(self._held) if size is None or size < 0 else min(self._at + size, len(self._held))
        given = self._held[self._at : end]
        self._at = end
        return given

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = -1 if size is None or size < 0 else size
        if wanted == 0:
            return b""
        parts = [self.read1(wanted)]
        have = len(parts[0])
        while have and have != wanted and (self._at < len(self._held) or self._refill(raising=False)):
            parts.append(self.read1(wanted - have if wanted > 0 else -1))
            have += len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: Any, /) -> int:
        given = self.read(len(memoryview(buffer).cast("B")))
        memoryview(buffer).cast("B")[: len(given)] = given
        return len(given)

    def readline(self, size: int | None = -1, /) -> bytes:
        limit = -1 if size is None or size < 0 else size
        parts: list[bytes] = []
        have = 0
        while limit < 0 or have < limit:
            if self._at == len(self._held) and not self._refill(raising=not parts):
                break
            newline = self._held.find(b"\n", self._at) + 1
            end = newline or len(self._held)
            if limit >= 0:
                end = min(end, self._at + limit - have)
            parts.append(self._held[self._at : end])
            have += end - self._at
            self._at = end
            if parts[-1].endswith(b"\n"):
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _refill(self, raising: bool) -> bool:
        """Hold the next portion. False at the end, and at a damaged place unless it is time to raise."""
        if self._failure is None:
            try:
                portion = next(self._portions, b"")
            except StreamError as failure:
                self._failure = failure
                failure.offset = self.tell()
            else:
                self._base += len(self._held)
                self._held, self._at = portion, 0
                return bool(portion)
        if raising:
            failure = self._failure
            if failure.goes_on:
                self._failure = None
            raise failure
        return False


# -------------------------------------------------------------------------------------------------------------- members


def members(raw: IO[bytes], kind: Packing) -> Iterator[bytes]:
    """Portions of all members of a file, one after the other."""
    return _portions(raw, kind.begin, kind)


class _GoingOn:
    """Portions of all members of a file; behind a StreamError that `goes_on` come those of the next member to go on with, of
    bzip2 those of the next block."""

    def __init__(self, raw: IO[bytes], kind: Packing, resume: Resume) -> None:
        self._raw = raw
        self._kind = kind
        self._search = Search(raw, kind, resume)
        self._portions: Iterator[bytes] = members(raw, kind)
        self._reread = 0
        self._blocks = False
        self._untold: StreamError | None = None  # the damage for which blocks are read one by one

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if not self._blocks:
                return next(self._portions)
        except StreamError as failure:
            if self._kind.name != "bzip2":
                raise self._told(failure) from None
            self._portions = Blocks(self._raw, failure.place, failure.fed, failure.given)
            self._blocks, self._untold = True, failure
        return self._next_block()

    def _next_block(self) -> bytes:
        failure, kind = self._untold, "corrupt"
        try:
            return next(self._portions)
        except StopIteration:
            self._untold = None
            if failure is None:
                raise
            raise failure from None  # only a checksum of all blocks is wrong
        except Gap as gap:
            self._untold = None
            if failure is not None and not (gap.goes_on and failure.kind == "truncated"):
                kind = "garbage" if failure.kind == "trailing_bytes" and gap.goes_on else failure.kind
            told = StreamError(kind, f"{failure or 'damaged blocks of bzip2'}: {gap}")
            told.goes_on = gap.goes_on
            raise told from None

    def _told(self, failure: StreamError) -> StreamError:
        """The failure as it is to be raised: with where reading goes on, or that it does not."""
        end = self._raw.tell()
        found = self._search.next(failure.place + 1 if self._reread < MOST_REREAD_BYTES else end)
        self._reread += end - failure.place
        name = self._kind.name
        if found < 0:
            behind = "" if failure.kind in ("truncated", "trailing_bytes") else f": no {name} member can be read behind it"
            return StreamError(failure.kind, f"{failure}{behind}", failure.place)
        self._raw.seek(found)
        self._portions = _portions(self._raw, self._kind.begin, self._kind, FIRST_BYTES)
        kind = "garbage" if failure.kind == "trailing_bytes" else failure.kind
        told = StreamError(kind, f"{failure}: bytes {failure.place:,} to {found:,} of the file are passed over", failure.place)
        told.goes_on = True
        return told


def one_member(raw: IO[bytes], member: Decompressor) -> Iterator[bytes]:
    """Portions of a stream that is a single member."""
    return _portions(raw, lambda: member, None)


def _portions(
    raw: IO[bytes], begin: Callable[[], Decompressor], kind: Packing | None, size: int = READ_BYTES
) -> Iterator[bytes]:
    data = raw.read(size)
    while data:
        place = fed = raw.tell() - len(data)
        given = 0
        member = begin()
        while not member.eof:
            exhausted = False
            if member.needs_input and not data:
                fed, given = raw.tell(), 0
                size = min(2 * size, READ_BYTES)
                data = raw.read(size)
                exhausted = not data
            try:
                portion = member.decompress(data, PORTION_BYTES)
            except FAILURES as failure:
                blame(failure)
                raise StreamError("corrupt", f"damaged compressed data: {failure}", place, fed, given) from None
            data = b""
            if portion:
                given += len(portion)
                yield portion
            elif exhausted:
                raise StreamError("truncated", "the file ends in the middle of its compressed data", place, fed, given)
        data, zeros = _next_start(member.unused_data or b"", raw)
        place = raw.tell() - len(data) - zeros
        if data and (kind is None or not kind.mark.match(data)):
            if kind is not None and len(data) < 4 and begins_member(data):
                raise StreamError("truncated", "the file ends in the middle of its compressed data", place)
            raise StreamError("trailing_bytes", "something else follows the compressed data", place)
        if kind is not None and zeros > (kind.padding if data else END_BYTES):
            message = f"damaged: {zeros:,} bytes of zeros where a {kind.name} member should be"
            raise StreamError("corrupt" if data else "truncated", message, place)


def _next_start(data: bytes, raw: IO[bytes]) -> tuple[bytes, int]:
    """What follows a member, empty at the end of the file, and how many zeros lie before it."""
    zeros = len(data)
    while not (data := data.lstrip(b"\0")):
        if not (data := raw.read(READ_BYTES)):
            return b"", zeros
        zeros += len(data)
    zeros -= len(data)
    return (data + raw.read(10) if len(data) < 10 else data), zeros
