"""Compressed formats, one *member* at a time: a gzip member, a bz2 or xz stream, a zstd frame, an lz4 frame.

Files are made of members, one after the other, so a reader that knows where one begins can go on behind a damaged one. Every
member is read through the interface of `bz2.BZ2Decompressor`, in bounded portions: a file that expands a millionfold costs
time but no memory. Bytes that precede a damaged place are given before the failure is raised.
"""

from __future__ import annotations

import bz2
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import brotli
import lz4.frame
import zstandard
from zlib_ng import zlib_ng

GZIP = b"\x1f\x8b\x08"
XZ = b"\xfd7zXZ\x00"
ZSTD = b"\x28\xb5\x2f\xfd"
LZ4 = b"\x04\x22\x4d\x18"
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # RFC 8878 §3.1.2: frames without content, of zstd and of lz4
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"  # the skippable frame that brings a .warc.zst file's dictionary
BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")

ZSTD_BLOCK_BYTES = 128 << 10  # RFC 8878 §3.1.1.2.4: no block is larger, compressed or not
ZSTD_WINDOW_BYTES = 128 << 20  # what the zstd tool accepts without --long
# Streams of xz may be padded, by four zeros or a multiple of them (its format, version 1.2.1, §2.2). None has less than 32
# bytes, so more zeros may have been one.
XZ_PADDING_BYTES = 28
END_BYTES = 1 << 20  # of zeros that may fill up a file: no tape has larger blocks
XZ_BYTES = 128 << 20  # of memory for a dictionary: `xz -9` needs 65 MB, and a header can ask for 4 GB
ZSTD_DICTIONARY_BYTES = 32 << 20  # a larger dictionary is none
REPLAYED_BYTES = 1 << 20  # compressed bytes that are kept to be read again when the next prove damaged
REPLAYED_SLICE = 4096  # of those, at a time; then 256, 16, 1
BROTLI_BYTES = 4 << 10  # given at a time: what comes with the bytes that prove damaged is lost


class Decompressor(Protocol):
    """What `bz2.BZ2Decompressor` offers."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...  # lz4 has None for nothing
    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes: ...


@dataclass(frozen=True)
class Packing:
    """A compressed format. `begin` reads one member; `mark` finds places where one may begin; `padding` is how many
    zeros may lie between two. Behind the last member zeros are padding in every format: tapes and block devices fill their last
    block, and file systems keep space set aside. Between two they are what a disk gives for a member that it has lost; at the
    end more than END_BYTES are that, too, or where a download has not come to."""

    name: str
    begin: Callable[[], Decompressor]
    mark: re.Pattern[bytes]
    padding: int = 0


def packing(head: bytes, window: int = ZSTD_WINDOW_BYTES) -> Packing | None:
    """The format of a file, from its first 10 bytes. For one file alone: it remembers that file's dictionary. `window` is the
    largest window of a zstd frame, in bytes of memory."""
    name = compression(head)
    return None if name is None else zstd(window) if name == "zstd" else _PACKINGS[name]()


def compression(head: bytes) -> str | None:
    """`gzip`, `zstd`, `lz4`, `xz`, `bzip2` or None, from the first 10 bytes of a file."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(ZSTD) or SKIPPABLE.match(head):
        return "zstd"
    if head.startswith(LZ4):
        return "lz4"
    if head.startswith(XZ):
        return "xz"
    return "bzip2" if BZIP2.match(head) else None


def begins_member(head: bytes) -> bool:
    """Whether fewer than 10 bytes, the last of a file, are the beginning of a member."""
    return any(magic.startswith(head) for magic in (GZIP, ZSTD, LZ4, XZ, b"BZh"))


def gzip() -> Packing:  # the three highest flags are reserved and zero (RFC 1952 §2.3.1.2)
    return Packing("gzip", Inflate, re.compile(rb"\x1f\x8b\x08[\x00-\x1f]"))


def bzip2() -> Packing:
    return Packing("bzip2", bz2.BZ2Decompressor, BZIP2)


def lz4_frames() -> Packing:
    begin: Any = lz4.frame.LZ4FrameDecompressor
    return Packing("lz4", begin, re.compile(rb"\x04\x22\x4d\x18|[\x50-\x5f]\x2a\x4d\x18"))


def xz() -> Packing:
    begin = re.compile(re.escape(XZ))
    return Packing("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_BYTES), begin, XZ_PADDING_BYTES)


def zstd(window: int = ZSTD_WINDOW_BYTES) -> Packing:
    dictionary = ZstdDictionary(window)
    return Packing("zstd", lambda: ZstdFrame(dictionary), re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"))


_PACKINGS: dict[str, Callable[[], Packing]] = {"gzip": gzip, "bzip2": bzip2, "xz": xz, "lz4": lz4_frames}

# What the formats raise where they are damaged; RuntimeError is lz4's, OSError and EOFError are bz2's.
ZLIB_ERROR: type[Exception] = zlib_ng.error  # type: ignore[assignment]  # its stubs take the class for an instance
FAILURES: tuple[type[Exception], ...] = (
    *(ZLIB_ERROR, zstandard.ZstdError, brotli.error, lzma.LZMAError),
    *(OSError, EOFError, ValueError, RuntimeError),
)
_NO_MEMORY = ("not enough memory", "allocation_failed")  # of zstd and of lz4, which have no kind of their own for it


def blame(failure: Exception) -> None:
    """Raise MemoryError if what was raised of FAILURES is no fault of the data."""
    if any(words in str(failure) for words in _NO_MEMORY):
        raise MemoryError(str(failure)) from failure


# ----------------------------------------------------------------------------------------------------------------- gzip


class Inflate:
    """One gzip member or, by `wbits`, one zlib (15) or raw deflate (-15) stream. zlib loses what it has of the call in which it
    fails, so the last megabyte of input is kept, to be read again."""

    def __init__(self, wbits: int = 31) -> None:
        self._wbits = wbits
        self._state = zlib_ng.decompressobj(wbits)
        self._before: Any = None  # a copy of the state before `_fed`; None at the member's beginning
        self._fed: list[bytes | memoryview] = []
        self._fed_bytes = 0
        self._given = 0  # bytes that came of `_fed`
        self._failure: Exception | None = None

    @property
    def eof(self) -> bool:
        return self._state.eof

    @property
    def needs_input(self) -> bool:
        return not (self._state.unconsumed_tail or self._state.eof or self._failure)

    @property
    def unused_data(self) -> bytes:
        return self._state.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes:
        if self._failure is not None:
            raise self._failure
        state = self._state
        left = state.unconsumed_tail
        if self._fed_bytes > REPLAYED_BYTES:
            self._before, self._fed, self._fed_bytes, self._given = state.copy(), [left], 0, 0
        self._fed.append(data)
        self._fed_bytes += len(data)
        try:
            given = state.decompress(left + data if left else data, max(max_length, 0))
        except ZLIB_ERROR as failure:
            self._failure = failure
            return self._what_precedes()
        self._given += len(given)
        return given

    def _what_precedes(self) -> bytes:
        """Read again, from the last copy of the state on, in ever smaller slices up to the byte that fails."""
        state = self._before or zlib_ng.decompressobj(self._wbits)
        fed, kept = b"".join(self._fed), bytearray()
        passed, at, size = self._given, 0, REPLAYED_SLICE
        while size:
            before, given, left = state.copy(), len(kept), passed
            try:
                portion = fed[at : at + size]
                while portion:
                    came = state.decompress(portion, 1 << 16)
                    portion = state.unconsumed_tail
                    kept += came[passed:]
                    passed = max(passed - len(came), 0)
                at += size
                size = size if at < len(fed) else 0
            except ZLIB_ERROR:
                state, passed, size = before, left, size // 16
                del kept[given:]
        return bytes(kept)


# ----------------------------------------------------------------------------------------------------------------- zstd


class ZstdDictionary:
    """The dictionary that a file's first frame brings for the frames behind it (the .warc.zst convention: as it is, or as a
    zstd frame of its own), and the decompressor that knows it."""

    def __init__(self, window: int = ZSTD_WINDOW_BYTES) -> None:
        self._window = window
        self.decompressor = zstandard.ZstdDecompressor(max_window_size=window)

    def set(self, data: bytes) -> None:
        if data.startswith(ZSTD):
            data = self.decompressor.decompress(data, max_output_size=ZSTD_DICTIONARY_BYTES)
        dictionary = zstandard.ZstdCompressionDict(data)
        self.decompressor = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=self._window)


class ZstdFrame:
    """One zstd frame, or one skippable. Frames are walked block by block (RFC 8878 §3.1.1), because the library's stream
    reader takes a truncated file for a whole one and its `decompressobj` has no bound; a block gives 128 KiB at most."""

    def __init__(self, dictionary: ZstdDictionary) -> None:
        self.eof = False
        self.needs_input = True
        self.unused_data = b""
        self._dictionary = dictionary
        self._held = b""
        self._frame: Any = None
        self._has_checksum = False
        self._skipped = -1  # bytes of a skippable frame that are still to come
        self._kept: bytearray | None = None  # those that make the dictionary
        self._failure: Exception | None = None

    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes:
        if self._failure is not None:
            raise self._failure
        self._held = self._held + data if self._held else bytes(data)
        most = max_length - ZSTD_BLOCK_BYTES if max_length > 0 else 1 << 62
        parts: list[bytes] = []
        have = 0
        self.needs_input = False
        try:
            while not self.eof and (not have or have <= most):
                part = self._next()
                if part is None:
                    self.needs_input = True
                    break
                parts.append(part)
                have += len(part)
        except (zstandard.ZstdError, ValueError) as failure:
            self._failure = failure
            if not have:
                raise
        if self.eof:
            self.unused_data, self._held = self._held, b""
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _next(self) -> bytes | None:
        """What the next part of the frame gives; None where it is not all there."""
        if self._skipped >= 0:
            return self._skip()
        if self._frame is None:
            return self._begin()
        if len(self._held) < 3:
            return None
        fields = int.from_bytes(self._held[:3], "little")
        last, repeated, size = bool(fields & 1), (fields >> 1 & 3) == 1, fields >> 3
        if size > ZSTD_BLOCK_BYTES:
            raise ValueError("a zstd block of more than 128 KiB")
        end = 3 + (1 if repeated else size) + (4 if last and self._has_checksum else 0)
        if len(self._held) < end:
            return None
        block, self._held = self._held[:end], self._held[end:]
        given = self._frame.decompress(block)
        self.eof = last
        return given

    def _begin(self) -> bytes | None:
        held = self._held
        if SKIPPABLE.match(held):
            if len(held) < 8:
                return None
            self._skipped = int.from_bytes(held[4:8], "little")
            if held.startswith(ZSTD_DICTIONARY) and self._skipped <= ZSTD_DICTIONARY_BYTES:
                self._kept = bytearray()
            self._held = held[8:]
            return b""
        if len(held) < 5 and (ZSTD.startswith(held[:4]) or (held[1:] and b"\x2a\x4d\x18".startswith(held[1:4]))):
            return None
        if not held.startswith(ZSTD):
            raise ValueError("no zstd frame begins here")
        flags = held[4]
        one_segment, self._has_checksum = bool(flags & 0x20), bool(flags & 0x04)
        size_bytes = (int(one_segment), 2, 4, 8)[flags >> 6]
        end = 5 + (not one_segment) + (0, 1, 2, 4)[flags & 3] + size_bytes
        if len(held) < end:
            return None
        self._frame = self._dictionary.decompressor.decompressobj()
        self._held = held[end:]
        return self._frame.decompress(held[:end])

    def _skip(self) -> bytes | None:
        taken, self._held = self._held[: self._skipped], self._held[self._skipped :]
        self._skipped -= len(taken)
        if self._kept is not None:
            self._kept += taken
        if self._skipped:
            return None
        if self._kept is not None:
            self._dictionary.set(bytes(self._kept))
        self.eof = True
        return b""


# --------------------------------------------------------------------------------------------------------------- brotli


class Brotli:
    """One brotli stream (RFC 7932). The library loses what came of the bytes among which it fails, and fails at bytes behind
    the stream, so those are read again one by one."""

    def __init__(self) -> None:
        self.eof = False
        self.unused_data = b""
        self._state = brotli.Decompressor()
        self._left = b""
        self._fed: list[bytes] = []
        self._given = 0
        self._failure: Exception | None = None

    @property
    def needs_input(self) -> bool:
        return not (self._left or self._failure or self.eof) and self._state.can_accept_more_data()

    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes:
        if self._failure is not None:
            raise self._failure
        self._left = self._left + data if self._left else bytes(data)
        limit = max_length if max_length > 0 else 1 << 30
        parts: list[bytes] = []
        have = 0
        while have < limit and not self.eof and self._failure is None:
            taken = b""
            if self._state.can_accept_more_data():
                if not self._left:
                    break
                taken, self._left = self._left[:BROTLI_BYTES], self._left[BROTLI_BYTES:]
                self._fed.append(taken)
            try:
                part = self._state.process(taken, output_buffer_limit=limit - have)
                self._given += len(part)
                self.eof = self._state.is_finished()
            except brotli.error as failure:
                part = self._again(failure)
            parts.append(part)
            have += len(part)
        if self.eof:
            self.unused_data, self._left = self.unused_data + self._left, b""
        return b"".join(parts)

    def _again(self, failure: Exception) -> bytes:
        """What the last bytes that were fed give before the failure, or before the stream's end."""
        state = brotli.Decompressor()
        passed, kept = self._given, bytearray()
        last = self._fed[-1]
        at = 0
        try:
            for portion in (*self._fed[:-1], *(last[i : i + 1] for i in range(len(last)))):
                at += len(portion)
                while True:
                    came = state.process(portion, output_buffer_limit=1 << 16)
                    kept += came[passed:]
                    passed = max(passed - len(came), 0)
                    portion = b""
                    if state.is_finished():
                        self.eof = True
                        self.unused_data = b"".join(self._fed)[at:]
                        return bytes(kept)
                    if state.can_accept_more_data():
                        break
        except brotli.error:
            pass
        self._failure = failure
        if not kept:
            raise failure
        return bytes(kept)
