"""UTF-8 bytes of a string column to code points and their classes: the one segmentation that every kernel reads.

A text is measured in *spans*: itself, or, when it is longer than PIECE_BYTES, pieces of it that end after a newline (or at a
character, where a piece has no newline). Counts add up over spans, so only what looks for repetition is bounded by a piece;
memory is bounded by it too. Spans are decoded a *chunk* (about CHUNK_BYTES) at a time, to stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pyarrow as pa

PIECE_BYTES = 2 << 20
CHUNK_BYTES = 256 << 10


@dataclass(frozen=True)
class Texts:
    """Texts as ranges of bytes of one buffer: rows of a string array, or lines of them. Nothing is copied but offsets."""

    data: np.ndarray
    starts: np.ndarray  # int64 per row
    stops: np.ndarray
    valid: np.ndarray  # bool per row: the others have no text

    @property
    def rows(self) -> int:
        return len(self.valid)


def texts(column: pa.Array) -> Texts:
    """Honours slices and nulls. Takes string, large_string and string_view; anything else is a TypeError."""
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise TypeError(f"text must be a string column, not {column.type}")
    _, offset_buffer, data_buffer = column.buffers()
    rows = len(column)
    kind = np.dtype(np.int32 if pa.types.is_string(column.type) else np.int64)
    if rows and offset_buffer is not None:
        stored = np.frombuffer(offset_buffer, kind, rows + 1, column.offset * kind.itemsize)
    else:
        stored = np.zeros(rows + 1, kind)
    some: Any = data_buffer if data_buffer is not None and data_buffer.size else b"\0"
    data = np.frombuffer(some, np.uint8)  # never writable: one compiled version of each kernel
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    offsets = stored.astype(np.int64)
    return Texts(data, offsets[:-1], offsets[1:], valid)


@dataclass(frozen=True)
class Spans:
    """Byte ranges and the row that each belongs to, in order."""

    rows: np.ndarray
    starts: np.ndarray
    stops: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def longest(self) -> int:
        return int((self.stops - self.starts).max(initial=0))


def spans(found: Texts, piece_bytes: int = PIECE_BYTES) -> Spans:
    """The spans of every row that is neither null nor empty."""
    rows = np.flatnonzero(found.valid & (found.stops > found.starts))
    starts, stops = found.starts[rows], found.stops[rows]
    if not (stops - starts > piece_bytes).any():
        return Spans(rows, starts, stops)
    cut = [
        (row, begin, end)
        for row, start, stop in zip(rows, starts, stops)
        for begin, end in pieces(found.data[start:stop], int(start), piece_bytes)
    ]
    return Spans(*(np.array(part, np.int64) for part in zip(*cut)))


def pieces(text: np.ndarray, at: int, piece_bytes: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most `piece_bytes` that cover a text which begins at `at`, each ending after a newline where it has one."""
    start = 0
    while len(text) - start > piece_bytes:
        window = text[start : start + piece_bytes].tobytes()
        stop = window.rfind(b"\n") + 1
        if not stop:
            stop = piece_bytes
            while stop > piece_bytes - 4 and text[start + stop] & 0xC0 == 0x80:  # inside a character
                stop -= 1
        yield at + start, at + start + stop
        start += stop
    yield at + start, at + len(text)


def chunks(found: Spans, chunk_bytes: int = CHUNK_BYTES) -> Iterator[slice]:
    """Runs of spans of about `chunk_bytes`, at least one span each."""
    ends = np.cumsum(found.stops - found.starts)
    first = 0
    while first < len(ends):
        before = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, before + chunk_bytes, "right")), first + 1)
        yield slice(first, last)
        first = last


@numba.njit(cache=True, nogil=True)
def decode(data, starts, stops, table, points, kinds, bounds):
    """Code points of the spans one after another, and their classes; span i is `bounds[i]:bounds[i + 1]`.

    A byte that begins no valid character (overlong forms, surrogates and values above U+10FFFF included) is one U+FFFD.
    """
    n = 0
    bounds[0] = 0
    for span in range(len(starts)):
        i = starts[span]
        stop = stops[span]
        while i < stop:
            a = np.uint32(data[i])
            if a < 0x80:
                points[n] = a
                kinds[n] = table[a]
                n += 1
                i += 1
                continue
            point = np.uint32(0xFFFD)
            length = 1
            if 0xE0 <= a < 0xF0:
                if i + 2 < stop and data[i + 1] & 0xC0 == 0x80 and data[i + 2] & 0xC0 == 0x80:
                    found = np.uint32((a & 15) << 12 | np.uint32(data[i + 1] & 63) << 6 | np.uint32(data[i + 2] & 63))
                    if found >= 0x800 and not 0xD800 <= found < 0xE000:
                        point = found
                        length = 3
            elif 0xC2 <= a < 0xE0:
                if i + 1 < stop and data[i + 1] & 0xC0 == 0x80:
                    point = np.uint32((a & 31) << 6 | np.uint32(data[i + 1] & 63))
                    length = 2
            elif (
                0xF0 <= a < 0xF5
                and i + 3 < stop
                and data[i + 1] & 0xC0 == 0x80
                and data[i + 2] & 0xC0 == 0x80
                and data[i + 3] & 0xC0 == 0x80
            ):
                found = np.uint32(
                    (a & 7) << 18
                    | np.uint32(data[i + 1] & 63) << 12
                    | np.uint32(data[i + 2] & 63) << 6
                    | np.uint32(data[i + 3] & 63)
                )
                if 0x10000 <= found <= 0x10FFFF:
                    point = found
                    length = 4
            points[n] = point
            kinds[n] = table[point]
            n += 1
            i += length
        bounds[span + 1] = n
