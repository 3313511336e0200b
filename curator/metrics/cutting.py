"""Texts to lines, and texts again without the lines that were cut."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa

from curator.metrics.classes import NEWLINE, SPACE, mask, table
from curator.metrics.segments import Texts, texts
from curator.metrics.vectors import LANES, copy, count, lowest, within

_BLANK = mask((SPACE, NEWLINE))


@dataclass(frozen=True)
class Lines:
    """The lines of the rows of a column, in order. A text is those of its lines that are valid, which blank ones are not."""

    texts: Texts
    rows: np.ndarray  # int64 per line: the row that it belongs to
    chars: np.ndarray  # int64 per line, without its newline
    bounds: np.ndarray  # int64, rows + 1: where the lines of each row begin
    row_starts: np.ndarray  # bytes of each row
    row_stops: np.ndarray
    row_valid: np.ndarray  # bool per row: the others are null and have no lines


def split_lines(column: pa.Array) -> Lines:
    """Lines end at newlines, which are not part of them; a newline that ends the text begins no line."""
    whole = texts(column)
    starts, stops = np.where(whole.valid, whole.starts, 0), np.where(whole.valid, whole.stops, 0)
    sizes = np.empty(whole.rows, np.int64)
    _count_lines(whole.data, starts, stops, sizes)
    total = int(sizes.sum())
    begin, end, chars = (np.empty(total, np.int64) for _ in range(3))
    rows, blank = np.repeat(np.arange(whole.rows), sizes), np.empty(total, np.bool_)
    _find_lines(whole.data, starts, stops, table(), begin, end, chars, blank)
    bounds = np.concatenate(([0], np.cumsum(sizes)))
    return Lines(Texts(whole.data, begin, end, ~blank), rows, chars, bounds, starts, stops, whole.valid)


def without(lines: Lines, cut: np.ndarray) -> pa.Array:
    """The texts without the lines where `cut` is true. Lines that follow one another are joined by one newline, as before;
    blank lines that a cut would leave doubled, or at an end of the text, go with it."""
    whole = lines.texts
    data = np.empty(int((whole.stops - whole.starts).sum()) + len(lines.rows), np.uint8)
    offsets = np.empty(len(lines.row_valid) + 1, np.int64)
    _join(
        whole.data, whole.starts, whole.stops, whole.valid, lines.bounds, lines.row_starts, lines.row_stops, cut, data, offsets
    )
    small = offsets[-1] < 1 << 31
    return (pa.StringArray if small else pa.LargeStringArray).from_buffers(
        len(lines.row_valid),
        pa.py_buffer(offsets.astype(np.int32) if small else offsets),
        pa.py_buffer(data[: offsets[-1]]),
        None if lines.row_valid.all() else pa.array(lines.row_valid).buffers()[1],
    )


@numba.njit(cache=True, nogil=True)
def _count_lines(data, starts, stops, sizes):
    for row in range(len(starts)):
        lines = 0
        i = starts[row]
        while i + LANES <= stops[row]:
            lines += count(within(data, i, 10, 10))
            i += LANES
        while i < stops[row]:
            lines += data[np.uint64(i)] == 10
            i += 1
        if stops[row] > starts[row] and data[stops[row] - 1] != 10:
            lines += 1
        sizes[row] = lines


@numba.njit(cache=True, nogil=True)
def _find_lines(data, starts, stops, kinds, begin, end, chars, blank):
    n = 0
    for row in range(len(starts)):
        i = starts[row]
        stop = stops[row]
        while i < stop:
            begin[n] = i
            end[n], chars[n] = _line(data, i, stop)
            blank[n] = _is_blank(data, i, end[n], kinds)
            i = end[n] + 1
            n += 1


@numba.njit(cache=True, nogil=True)
def _line(data, i, stop):
    """Where the line that begins at i ends, and its characters."""
    length = 0
    while i + LANES <= stop:
        begins = ~within(data, i, 0x80, 0xBF)  # the other bytes go on with a character
        newlines = within(data, i, 10, 10)
        if newlines:
            past = lowest(newlines)
            return i + past, length + count(begins & ((np.uint64(1) << np.uint64(past)) - np.uint64(1)))
        length += count(begins)
        i += LANES
    while i < stop and data[i] != 10:
        length += data[i] & 0xC0 != 0x80
        i += 1
    return i, length


@numba.njit(cache=True, nogil=True)
def _is_blank(data, i, stop, kinds):
    while i < stop:
        point = np.int64(data[i])
        length = 1
        if 0xC2 <= point < 0xE0 and i + 1 < stop:  # no whitespace lies above U+3000
            point = (point & 31) << 6 | np.int64(data[i + 1] & 63)
            length = 2
        elif 0xE0 <= point < 0xF0 and i + 2 < stop:
            point = (point & 15) << 12 | np.int64(data[i + 1] & 63) << 6 | np.int64(data[i + 2] & 63)
            length = 3
        if not (_BLANK >> kinds[point]) & 1:
            return False
        i += length
    return True


@numba.njit(cache=True, nogil=True)
def _join(data, begin, end, text, bounds, row_starts, row_stops, cut, out, offsets):
    n = 0
    for row in range(len(bounds) - 1):
        offsets[row] = n
        something = False
        for line in range(bounds[row], bounds[row + 1]):
            something |= cut[line]
        if not something:
            copy(out, n, data, row_starts[row], row_stops[row] - row_starts[row])
            n += row_stops[row] - row_starts[row]
            continue
        run = -1  # where lines begin that stay and follow one another: they are copied together
        run_out = run_end = n
        mark = n  # where the last line of text ends
        after_text = False  # is the last line that stays one of text
        just_cut = False  # was a line cut since a line of text
        for line in range(bounds[row], bounds[row + 1]):
            if cut[line]:
                just_cut = True
                continue
            if not text[line] and just_cut and not after_text:
                continue
            if run >= 0 and begin[line] == run_end + 1:
                n += 1
            else:
                if run >= 0:
                    copy(out, run_out, data, run, n - run_out)
                    out[n] = 10
                    n += 1
                run = begin[line]
                run_out = n
            n += end[line] - begin[line]
            run_end = end[line]
            after_text = text[line]
            if after_text:
                just_cut = False
                mark = n
        if run >= 0:
            copy(out, run_out, data, run, n - run_out)
        if just_cut:
            n = mark
    offsets[len(offsets) - 1] = n
