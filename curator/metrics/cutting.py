"""Texts to lines, and texts again without the lines that were cut."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa

from curator.metrics.classes import BLANKS, ELLIPSIS, IDEOGRAPHIC_STOP, SPACE, STOP, mask, table
from curator.metrics.compiled import inner, kernel
from curator.metrics.segments import NO_CHARACTER, Texts, character_at, texts
from curator.metrics.vectors import LANES, below, copy, count, lowest, within

LINE_BYTES = 40  # of a line, at a guess: where they are shorter they are looked for twice

_BLANK = mask(BLANKS)
_ONE = np.uint64(1)


@dataclass(frozen=True)
class Lines:
    """The lines of the rows of a column, in order. A text is those of its lines that are valid, which blank ones are not."""

    texts: Texts
    rows: np.ndarray  # int64 per line: the row that it belongs to
    chars: np.ndarray  # int64 per line, without its newline
    ends: np.ndarray  # uint8 per line: the class that it ends with, see `_end_of`
    bounds: np.ndarray  # int64, rows + 1: where the lines of each row begin
    row_starts: np.ndarray  # bytes of each row
    row_stops: np.ndarray
    row_valid: np.ndarray  # bool per row: the others are null and have no lines


def split_lines(column: pa.Array) -> Lines:
    """Lines end at newlines, which are not part of them; a newline that ends the text begins no line."""
    whole = texts(column)
    starts, stops = np.where(whole.valid, whole.starts, 0), np.where(whole.valid, whole.stops, 0)
    bounds = np.empty(whole.rows + 1, np.int64)
    room = int((stops - starts).sum()) // LINE_BYTES + whole.rows
    while True:
        begin, end, chars = (np.empty(room, np.int64) for _ in range(3))
        ends = np.empty(room, np.uint8)
        total = _find_lines(whole.data, starts, stops, table(), bounds, begin, end, chars, ends)
        if total <= room:
            break
        room = total
    begin, end, chars, ends = begin[:total], end[:total], chars[:total], ends[:total]
    rows = np.repeat(np.arange(whole.rows), np.diff(bounds))
    return Lines(Texts(whole.data, begin, end, ends != SPACE), rows, chars, ends, bounds, starts, stops, whole.valid)


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


@kernel
def _find_lines(data, starts, stops, kinds, bounds, begin, end, chars, ends):
    """Write where each line begins and ends, its characters, and what it ends with; `bounds` says which are a row's.
    Returns how many there are, of which those are written that there is room for."""
    n = 0
    for row in range(len(starts)):
        bounds[row] = n
        at = line = starts[row]
        stop = stops[row]
        length = 0  # characters from the line's beginning to `at`
        while at < stop:
            newlines, begins = _newlines_and_beginnings(data, at, stop)
            while newlines:
                k = lowest(newlines)
                newlines &= newlines - _ONE
                before = count(begins & below(k))
                if n < len(begin):
                    begin[n], end[n], chars[n], ends[n] = line, at + k, length + before, _end_of(data, line, at + k, kinds)
                n += 1
                line = at + k + 1
                length = -before - 1
            length += count(begins)
            at += LANES
        if line < stop:
            if n < len(begin):
                begin[n], end[n], chars[n], ends[n] = line, stop, length, _end_of(data, line, stop, kinds)
            n += 1
    bounds[len(starts)] = n
    return n


@numba.njit(inline="always")
def _newlines_and_beginnings(data, at, stop):
    """Which of 64 bytes before `stop` are newlines, and which begin a character."""
    if at + LANES <= len(data):
        inside = below(stop - at)
        return within(data, at, 10, 10) & inside, ~within(data, at, 0x80, 0xBF) & inside
    newlines = begins = np.uint64(0)
    for k in range(stop - at):
        newlines |= np.uint64(data[at + k] == 10) << np.uint64(k)
        begins |= np.uint64(data[at + k] & 0xC0 != 0x80) << np.uint64(k)
    return newlines, begins


@inner
def _end_of(data, line, i, kinds):
    """The class of the last character before `i` that is not whitespace, ELLIPSIS if it is the third full stop in a row; SPACE
    if the line holds none."""
    while i > line:
        kind, i = _kind_before(data, line, i, kinds)
        if (_BLANK >> kind) & 1:
            continue
        if (kind == STOP) | (kind == IDEOGRAPHIC_STOP) and i > line:
            again, i = _kind_before(data, line, i, kinds)
            if again == kind and i > line and _kind_before(data, line, i, kinds)[0] == kind:
                return np.uint8(ELLIPSIS)
        return kind
    return np.uint8(SPACE)


@inner
def _kind_before(data, line, i, kinds):
    """The class of the character that ends before `i`, and where it begins: as if it was read forwards."""
    at = i - 1
    while at > line and i - at < 4 and data[at] & 0xC0 == 0x80:
        at -= 1
    point, length = character_at(data, at, i)
    if at + length < i:  # a byte that is no part of a character
        return kinds[NO_CHARACTER], i - 1
    return kinds[point], at


@kernel
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
