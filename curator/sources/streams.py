"""Opening .gz, .zst, .bz2 and plain files by their first bytes, as one binary stream of decompressed bytes.

A compressed dump is often cut short or damaged. The stream gives every byte that can be read before the damage, and raises
`StreamError` on the read after them. Decompression goes in bounded portions, so a file that expands a millionfold costs
time but no memory.
"""

from __future__ import annotations

import bz2
import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol

import zstandard

from curator.storage import open_input

READ_BYTES = 256 << 10  # compressed bytes taken at a time
PORTION_BYTES = 1 << 20  # most decompressed bytes held at a time, besides those that the reader asked for
ZSTD_BLOCK_BYTES = 128 << 10  # RFC 8878 §3.1.1.2.4: no block is larger, compressed or not
ZSTD_WINDOW_BYTES = 128 << 20  # what the zstd tool accepts without --long

GZIP = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")


class StreamError(Exception):
    """A compressed file that ends too early (`truncated`), is damaged (`corrupt`) or goes on with something else after its
    last compressed part (`trailing_bytes`): `kind` says which, `offset` after how many decompressed bytes."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.offset = -1


def compression(head: bytes) -> str | None:
    """`gzip`, `zstd`, `bzip2` or None, from the first 10 bytes of a file."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(ZSTD) or ZSTD_SKIPPABLE.match(head):
        return "zstd"
    return "bzip2" if BZIP2.match(head) else None


def open_stream(path: str) -> IO[bytes]:
    """The decompressed bytes of a file; concatenated gzip members, zstd frames and bz2 streams are one stream.

    `read`, `read1`, `readline` and iteration give every byte before a damaged place and then raise StreamError. A plain file
    is seekable, a compressed one is not.
    """
    raw = open_input(path)
    try:
        return decompressed(raw)
    except BaseException:
        raw.close()
        raise


def decompressed(raw: IO[bytes]) -> IO[bytes]:
    """Like `open_stream`, for a seekable stream that is open at its beginning; closing the result closes it."""
    kind = compression(raw.read(10))
    raw.seek(0)
    if kind is None:
        return raw
    return DecompressedStream(raw, PORTIONS[kind](raw))  # type: ignore[return-value]


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
            raise self._failure
        return False


# --------------------------------------------------------------------------------------------------------- gzip and bz2


class Decompressor(Protocol):
    """What `bz2.BZ2Decompressor` offers."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Inflate:
    """One gzip member (or, by `wbits`, one zlib or raw deflate stream), with the interface of `bz2.BZ2Decompressor`.
    Bytes before a damaged place are given before it raises `zlib.error`, which zlib's own object does not do."""

    def __init__(self, wbits: int = 31) -> None:
        self._state = zlib.decompressobj(wbits)
        self._failure: zlib.error | None = None

    @property
    def eof(self) -> bool:
        return self._state.eof

    @property
    def needs_input(self) -> bool:
        return not (self._state.unconsumed_tail or self._state.eof or self._failure)

    @property
    def unused_data(self) -> bytes:
        return self._state.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._failure is not None:
            raise self._failure
        data = self._state.unconsumed_tail + data
        before = self._state.copy()
        try:
            return self._state.decompress(data, max(max_length, 0))
        except zlib.error as failure:
            self._failure = failure
            return _what_precedes(before, data)


def _what_precedes(state: Any, data: bytes) -> bytes:
    """Bytes that a damaged input still gives: fed one by one, which one portion of a damaged file can afford."""
    given = bytearray()
    try:
        for i in range(len(data)):
            given += state.decompress(data[i : i + 1])
    except zlib.error:
        pass
    return bytes(given)


def members(raw: IO[bytes], begin: Callable[[], Decompressor], is_start: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Portions of all gzip members or bz2 streams of a file."""
    data = raw.read(READ_BYTES)
    while data:
        member = begin()
        while not member.eof:
            exhausted = False
            if member.needs_input and not data:
                data = raw.read(READ_BYTES)
                exhausted = not data
            try:
                portion = member.decompress(data, PORTION_BYTES)
            except (zlib.error, OSError, ValueError) as failure:
                raise StreamError("corrupt", f"damaged compressed data: {failure}") from None
            data = b""
            if portion:
                yield portion
            elif exhausted:
                raise StreamError("truncated", "the file ends in the middle of its compressed data")
        data = _next_start(member.unused_data, raw)
        if data and not is_start(data):
            raise StreamError("trailing_bytes", "something else follows the compressed data")


def _next_start(data: bytes, raw: IO[bytes]) -> bytes:
    """What follows a member, padding of zeros (tapes, block devices) left out; empty at the end of the file."""
    while not (data := data.lstrip(b"\0")):
        if not (data := raw.read(READ_BYTES)):
            return b""
    return data + raw.read(10) if len(data) < 10 else data


# ----------------------------------------------------------------------------------------------------------------- zstd


def _zstd(raw: IO[bytes]) -> Iterator[bytes]:
    """Blocks of all frames of a file. Frames are walked here, block by block (RFC 8878 §3.1.1), because the library's stream
    reader takes a truncated file for a whole one and its `decompressobj` has no bound; a block gives 128 KiB at most."""
    while magic := raw.read(4):
        if ZSTD_SKIPPABLE.match(magic):
            left = int.from_bytes(_exactly(raw, 4), "little")
            while left:
                left -= len(_exactly(raw, min(left, READ_BYTES)))
        elif magic == ZSTD:
            yield from _zstd_frame(raw)
        elif ZSTD.startswith(magic):
            raise StreamError("truncated", "the file ends in the middle of its compressed data")
        else:
            raise StreamError("trailing_bytes", "something else follows the compressed data")


def _zstd_frame(raw: IO[bytes]) -> Iterator[bytes]:
    descriptor = _exactly(raw, 1)
    flags = descriptor[0]
    one_segment, has_checksum = bool(flags & 0x20), bool(flags & 0x04)
    size_bytes = (int(one_segment), 2, 4, 8)[flags >> 6]
    header = _exactly(raw, (not one_segment) + (0, 1, 2, 4)[flags & 3] + size_bytes)
    frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
    given = ZSTD + descriptor + header
    last = False
    while not last:
        block = _exactly(raw, 3)
        fields = int.from_bytes(block, "little")
        last, repeated, size = bool(fields & 1), (fields >> 1 & 3) == 1, fields >> 3
        if size > ZSTD_BLOCK_BYTES:
            raise StreamError("corrupt", "damaged compressed data: a zstd block of more than 128 KiB")
        given += block + _exactly(raw, 1 if repeated else size)
        checksum = _exactly(raw, 4) if last and has_checksum else b""
        try:
            if portion := frame.decompress(given + checksum):
                yield portion
        except zstandard.ZstdError as failure:
            raise StreamError("corrupt", f"damaged compressed data: {failure}") from None
        given = b""


def _exactly(raw: IO[bytes], size: int) -> bytes:
    data = raw.read(size)
    if len(data) < size:
        raise StreamError("truncated", "the file ends in the middle of its compressed data")
    return data


PORTIONS: dict[str, Callable[[IO[bytes]], Iterator[bytes]]] = {
    "gzip": lambda raw: members(raw, Inflate, lambda head: head.startswith(GZIP)),
    "bzip2": lambda raw: members(raw, bz2.BZ2Decompressor, lambda head: bool(BZIP2.match(head))),
    "zstd": _zstd,
}
