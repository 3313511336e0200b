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

from curator.metrics.classes import PUNCTUATION, table
from curator.metrics.compiled import inner, kernel
from curator.metrics.memory import scratch
from curator.metrics.vectors import LANES, below, count, count64, list64, lookup64, lowest, spell64, spread64, within

PIECE_BYTES = 2 << 20
CHUNK_BYTES = 256 << 10
NO_CHARACTER = 0xFFFD  # what stands for a byte that is part of none
FEW = 6  # of 64 bytes that are not ASCII: two quotation marks
_u = np.uint64  # of an index that cannot be negative: spares numba a test
_LAST = tuple(~_u(0) << _u(LANES - k) for k in (1, 2, 3))  # the last places of 64
PADDING = 3 * LANES  # elements behind the last character of a chunk that kernels may read, whatever they hold


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

    def part(self, rows: np.ndarray) -> Texts:
        return Texts(self.data, self.starts[rows], self.stops[rows], self.valid[rows])


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
    data = np.frombuffer(some, np.uint8)
    data.flags.writeable = False  # whatever the buffer is: one compiled version of each kernel
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
    starts, stops = found.starts, found.stops
    if len(rows) < found.rows:
        starts, stops = starts[rows], stops[rows]
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


@dataclass(frozen=True)
class Chunk:
    """Some spans, decoded: the arrays are reused for the next chunk. See `decode`."""

    data: np.ndarray
    starts: np.ndarray  # bytes of the spans
    stops: np.ndarray
    rows: np.ndarray  # that the spans belong to
    points: np.ndarray
    kinds: np.ndarray
    at: np.ndarray
    bounds: np.ndarray
    last: bool


class Decoder:
    """Decodes spans chunk by chunk; `at` is left empty unless somebody asks for it."""

    def __init__(self, data: np.ndarray, found: Spans, parts: list[slice], at: bool = True) -> None:
        self._data, self._spans, self._parts, self._at = data, found, parts, at
        self.room = max(int((found.stops[part] - found.starts[part]).sum()) for part in parts)

    def chunks(self) -> Iterator[Chunk]:
        room = self.room + PADDING
        points, kinds = scratch("points", room, np.uint32), scratch("kinds", room, np.uint8)
        at = scratch("at", room, np.int32) if self._at else np.empty(0, np.int32)
        for number, part in enumerate(self._parts):
            starts, stops, rows = self._spans.starts[part], self._spans.stops[part], self._spans.rows[part]
            bounds = np.empty(len(rows) + 1, np.int64)
            decode(self._data, starts, stops, table(), points, kinds, at, bounds)
            yield Chunk(self._data, starts, stops, rows, points, kinds, at, bounds, number == len(self._parts) - 1)


classes64 = lookup64(lambda: table()[:0x80].tolist(), PUNCTUATION)


@numba.njit(inline="always")
def _read(data, i, inside, others):
    """Of 64 bytes, `others` of them not ASCII: which begin characters, which are not as those before them want it, and how
    many bytes there are before a character that goes on behind them."""
    two, three = within(data, i, 0xC2, 0xDF) & inside, within(data, i, 0xE0, 0xEF) & inside
    four, follow = within(data, i, 0xF0, 0xF4) & inside, within(data, i, 0x80, 0xBF) & inside
    more, most = three | four, two | three | four
    used = lowest(two & _LAST[0] | three & _LAST[1] | four & _LAST[2])
    wrong = follow ^ (most << _u(1) | more << _u(2) | four << _u(3)) | others & inside & ~(most | follow)
    e0, ed = within(data, i, 0xE0, 0xE0) & inside, within(data, i, 0xED, 0xED) & inside
    if four | e0 | ed:  # overlong forms, surrogates, values above U+10FFFF
        f0, f4 = within(data, i, 0xF0, 0xF0), within(data, i, 0xF4, 0xF4)
        wrong |= e0 << _u(1) & within(data, i, 0x80, 0x9F) | ed << _u(1) & within(data, i, 0xA0, 0xBF)
        wrong |= f0 << _u(1) & within(data, i, 0x80, 0x8F) | f4 << _u(1) & within(data, i, 0x90, 0xBF)
    return inside & ~follow & below(used), wrong & below(used + 1), used


@inner
def character_at(data, i, stop):
    """The code point of the character of UTF-8 that begins at a byte, and its length in bytes, none of them from `stop` on.

    A byte that begins no valid character (overlong forms, surrogates and values above U+10FFFF included) is one U+FFFD."""
    a = np.uint32(data[i])
    point, length = np.uint32(NO_CHARACTER), 1
    if a < 0x80:
        point = a
    elif 0xE0 <= a < 0xF0:
        if i + 2 < stop and data[i + 1] & 0xC0 == 0x80 and data[i + 2] & 0xC0 == 0x80:
            found = np.uint32((a & 15) << 12 | np.uint32(data[i + 1] & 63) << 6 | np.uint32(data[i + 2] & 63))
            if found >= 0x800 and not 0xD800 <= found < 0xE000:
                point, length = found, 3
    elif 0xC2 <= a < 0xE0:
        if i + 1 < stop and data[i + 1] & 0xC0 == 0x80:
            point, length = np.uint32((a & 31) << 6 | np.uint32(data[i + 1] & 63)), 2
    elif (
        0xF0 <= a < 0xF5
        and i + 3 < stop
        and data[i + 1] & 0xC0 == 0x80
        and data[i + 2] & 0xC0 == 0x80
        and data[i + 3] & 0xC0 == 0x80
    ):
        found = np.uint32(
            (a & 7) << 18 | np.uint32(data[i + 1] & 63) << 12 | np.uint32(data[i + 2] & 63) << 6 | np.uint32(data[i + 3] & 63)
        )
        if 0x10000 <= found <= 0x10FFFF:
            point, length = found, 4
    return point, length


@kernel
def decode(data, starts, stops, table, points, kinds, at, bounds):
    """Code points of the spans one after another, their classes, and, unless `at` is empty, how many bytes after its span's
    first each begins; span i is `bounds[i]:bounds[i + 1]`.

    64 bytes are looked at together, unless one of them is not valid.
    """
    placed = len(at) > 0
    n = 0
    bounds[0] = 0
    for span in range(len(starts)):
        start = starts[span]
        stop = stops[span]
        i = alone = start  # up to `alone`, characters are looked at one by one
        while i < stop:
            if i >= alone and i + LANES + 3 <= len(data):
                others = within(data, i, 0x80, 0xFF)
                left = stop - i
                if count(others) <= FEW:
                    spread64(points, n, data, i)
                    classes64(kinds, n, data, i)
                    if placed:
                        count64(at, n, np.int32(i - start))
                    if others == 0:
                        n += min(left, LANES)
                        i += min(left, LANES)
                        continue
                    run = min(lowest(others), left)
                    n += run
                    i += run
                    if i == stop:
                        continue
                else:
                    begins, wrong, used = _read(data, i, below(left), others)
                    if not wrong:
                        spell64(points, n, data, i, begins)
                        if placed:
                            list64(at, n, begins, i - start)
                        for k in range(n, n + count(begins)):
                            kinds[_u(k)] = table[points[_u(k)]]
                        n += count(begins)
                        i += min(left, used)
                        continue
                    alone = i + used
            points[n], length = character_at(data, i, stop)
            kinds[n] = table[points[n]]
            if placed:
                at[n] = i - start
            n += 1
            i += length
        bounds[span + 1] = n
