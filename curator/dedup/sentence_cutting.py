"""Texts without the ranges that were cut, with the white space of what is left as a reader expects it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from curator.metrics.segments import texts


class CutTexts(NamedTuple):
    text: pa.Array
    chars: np.ndarray  # int64 per row: characters that are gone
    whole: np.ndarray  # int64 per row: characters that there were


def without(column: pa.Array, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> CutTexts:
    """The texts without `[start, stop)` of their row, in bytes from its beginning; ranges are ascending and do not overlap.

    A range takes the white space behind it along. Of the white space before it and its own the stronger stays where text is
    left on both sides (a blank line, then a newline, then a space); at the beginning of a text neither, at its end its own.
    Raises ValueError for ranges that do not lie within their text, between characters.
    """
    whole = texts(pc.fill_null(column, "") if column.null_count else column)
    counts = np.bincount(rows, minlength=whole.rows)
    firsts = np.concatenate(([0], np.cumsum(counts)))
    data = np.empty(int((whole.stops - whole.starts).sum()), np.uint8)
    offsets = np.empty(whole.rows + 1, np.int64)
    gone, chars = np.empty(whole.rows, np.int64), np.empty(whole.rows, np.int64)
    sound = _join(whole.data, whole.starts, whole.stops, firsts, starts, stops, data, offsets, gone, chars)
    if not sound:
        raise ValueError("the ranges to cut are not of these texts")
    small = offsets[-1] < 1 << 31
    valid = None if not column.null_count else pa.array(column.is_valid().to_numpy(zero_copy_only=False)).buffers()[1]
    text = (pa.StringArray if small else pa.LargeStringArray).from_buffers(
        whole.rows, pa.py_buffer(offsets.astype(np.int32) if small else offsets), pa.py_buffer(data[: offsets[-1]]), valid
    )
    return CutTexts(text, gone, chars)


@njit(cache=True, nogil=True)
def _blank_before(data, first, at):
    """How many bytes the white-space character that ends at `at` has; 0 if none does."""
    if at <= first:
        return 0
    last = data[at - 1]
    if last == 0x20 or 0x09 <= last <= 0x0D or 0x1C <= last <= 0x1F:
        return 1
    if last & 0xC0 != 0x80 or at - 2 < first:
        return 0
    second = data[at - 2]
    if second == 0xC2 and (last == 0x85 or last == 0xA0):
        return 2
    if at - 3 < first:
        return 0
    third = data[at - 3]
    if third == 0xE3 and second == 0x80 and last == 0x80:  # U+3000
        return 3
    if third == 0xE2 and second == 0x80 and (last <= 0x8A or last == 0xA8 or last == 0xA9 or last == 0xAF):
        return 3
    if (third == 0xE2 and second == 0x81 and last == 0x9F) or (third == 0xE1 and second == 0x9A and last == 0x80):
        return 3
    return 0


@njit(cache=True, nogil=True)
def _blanks(data, first, at):
    """Where the white space that ends at `at` begins, and its newlines, at most two."""
    newlines = 0
    size = _blank_before(data, first, at)
    while size:
        at -= size
        newlines += data[at] == 10
        size = _blank_before(data, first, at)
    return at, min(newlines, 2)


@njit(cache=True, nogil=True)
def _inside(data, at, start, stop):
    """Is `at` the beginning of a character of the text, or its end."""
    return start <= at <= stop and (at == stop or data[at] & 0xC0 != 0x80)


@njit(cache=True, nogil=True)
def _join(data, row_starts, row_stops, firsts, starts, stops, out, offsets, gone, chars):
    n = 0
    for row in range(len(row_starts)):
        begin, end = row_starts[row], row_stops[row]
        offsets[row] = n
        at = begin
        for cut in range(firsts[row], firsts[row + 1]):
            start, stop = begin + starts[cut], begin + stops[cut]
            if start < at or stop <= start or not _inside(data, start, begin, end) or not _inside(data, stop, begin, end):
                return False
            for i in range(at, start):
                out[n] = data[i]
                n += 1
            at = stop
            own, own_lines = _blanks(data, start, stop)
            before, before_lines = _blanks(out, offsets[row], n)
            if before == offsets[row]:  # nothing is left before it
                n = before
            elif stop == end or own_lines > before_lines or (own_lines == before_lines and before == n):
                n = before
                for i in range(own, stop):
                    out[n] = data[i]
                    n += 1
        for i in range(at, end):
            out[n] = data[i]
            n += 1
        total = 0
        for i in range(begin, end):
            total += data[i] & 0xC0 != 0x80
        left = 0
        for i in range(offsets[row], n):
            left += out[i] & 0xC0 != 0x80
        chars[row] = total
        gone[row] = total - left
    offsets[len(offsets) - 1] = n
    return True
