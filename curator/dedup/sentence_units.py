"""Texts to the units that are compared: sentences, lines or paragraphs, as ranges of bytes.

The units of a text cover it without gaps: each goes on to the first character that is not white space after its end, so what
stands between two units belongs to the first. A *line* ends at a newline, a *paragraph* at a blank line. A *sentence* ends as
the metric `sentences` counts them (`metrics/sentences.py`): at newlines and at marks that end sentences in Chinese or in
English, closing quotation marks and brackets included; the full stop after a lone letter ends none. Marks without a letter or
digit before them begin the next sentence. A text may have any number of units: offsets have 32 bits, as Arrow's strings have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from curator.metrics.classes import (
    APOSTROPHE,
    BLANKS,
    CLOSING,
    IDEOGRAPHIC_STOP,
    IN_WORD,
    NEWLINE,
    SENTENCE_ENDS,
    SPACED_LETTERS,
    STOP,
    TERMINAL,
    mask,
    table,
)
from curator.metrics.segments import Texts, texts

SENTENCE, LINE, PARAGRAPH = range(3)
BYTES_A_UNIT = 16  # of most texts less than one unit begins in so many; where more do, they are split twice
UNITS = {"sentence": SENTENCE, "line": LINE, "paragraph": PARAGRAPH}
_BLANKS, _IN_WORD, _ENDS, _CLOSES = mask(BLANKS), mask(IN_WORD), mask(SENTENCE_ENDS), mask((CLOSING, APOSTROPHE))
_BRACKETS = (ord(")"), ord("]"), ord("）"), ord("】"), ord("］"))


@dataclass(frozen=True)
class Units:
    """The units of all rows, in order."""

    whole: Texts
    rows: np.ndarray  # int64 per unit
    starts: np.ndarray  # int64 per unit, in bytes of the buffer; a unit stops where the next one of its row starts
    stops: np.ndarray

    def strings(self) -> pa.Array:
        """The units as a string array over the same bytes: nothing is copied but offsets."""
        offsets = np.append(self.starts, self.stops[-1] if len(self.stops) else 0)
        data = pa.py_buffer(self.whole.data)
        return pa.Array.from_buffers(pa.large_string(), len(self.rows), [None, pa.py_buffer(offsets), data])


def split(column: pa.Array, unit: int) -> Units:
    """The units of every text; a null or empty one has none."""
    whole = texts(pc.fill_null(column, "") if column.null_count else column)  # a null may lie over bytes
    rows, begins = _units(whole, unit, int((whole.stops - whole.starts).sum()) // BYTES_A_UNIT + whole.rows)
    stops = np.append(begins[1:], 0)[: len(rows)]
    last = np.ones(len(rows), bool)
    last[:-1] = rows[1:] != rows[:-1]
    stops[last] = whole.stops[rows[last]]
    return Units(whole, rows, begins, stops)


def _units(whole: Texts, unit: int, room: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and start of each. (A kernel that grows its arrays itself is five times slower: numba then counts references.)"""
    rows, begins = np.empty(room, np.int64), np.empty(room, np.int64)
    found = _split(whole.data, whole.starts, whole.stops, table(), unit, rows, begins)
    return (rows[:found], begins[:found]) if found <= room else _units(whole, unit, found)


@njit(inline="always")
def _character(data, at, stop):
    """The code point at `at` and where the next one starts; U+FFFD for a byte that is no part of valid UTF-8."""
    a = np.int64(data[at])
    if a < 0x80:
        return a, at + 1
    if 0xE0 <= a < 0xF0:
        if at + 2 < stop and data[at + 1] & 0xC0 == 0x80 and data[at + 2] & 0xC0 == 0x80:
            return (a & 15) << 12 | np.int64(data[at + 1] & 63) << 6 | np.int64(data[at + 2] & 63), at + 3
    elif 0xC2 <= a < 0xE0:
        if at + 1 < stop and data[at + 1] & 0xC0 == 0x80:
            return (a & 31) << 6 | np.int64(data[at + 1] & 63), at + 2
    elif (
        0xF0 <= a < 0xF5
        and at + 3 < stop
        and data[at + 1] & 0xC0 == 0x80
        and data[at + 2] & 0xC0 == 0x80
        and data[at + 3] & 0xC0 == 0x80
    ):
        low = np.int64(data[at + 1] & 63) << 12 | np.int64(data[at + 2] & 63) << 6 | np.int64(data[at + 3] & 63)
        return min((a & 7) << 18 | low, 0x10FFFF), at + 4
    return np.int64(0xFFFD), at + 1


@njit(cache=True, nogil=True)
def _split(data, starts, stops, kinds, unit, rows, begins):
    """How many units there are; row and start of each, as far as there is room."""
    found = 0
    for row in range(len(starts)):
        at, stop = starts[row], stops[row]
        if at >= stop:
            continue
        if found < len(rows):
            rows[found], begins[found] = row, at
        found += 1
        something = False  # is there anything but white space in this unit
        content = False  # and a letter, mark or numeral
        ended = False  # the next character that is not white space begins a unit
        closing = False  # … unless it closes what has just ended
        newlines = 0
        before, before_that = np.int64(0), np.int64(0)  # classes of the last two characters
        while at < stop:
            here = at
            point, at = _character(data, here, stop)
            kind = np.int64(kinds[point])
            if (_BLANKS >> kind) & 1:
                closing = False
                if kind == NEWLINE:
                    newlines += 1
                    ended |= something and (unit != PARAGRAPH or newlines > 1)
            else:
                newlines = 0
                if ended:
                    closing = closing and ((_CLOSES >> kind) & 1 != 0 or point in _BRACKETS)
                    if not closing:
                        ended = content = False
                        if found < len(rows):
                            rows[found], begins[found] = row, here
                        found += 1
                something = True
                content |= (_IN_WORD >> kind) & 1 != 0
                if (_ENDS >> kind) & 1 and unit == SENTENCE and content and not ended:
                    next_point, next_kind = np.int64(-1), np.int64(-1)
                    if at < stop:
                        next_point, _ = _character(data, at, stop)
                        next_kind = np.int64(kinds[next_point])
                    if _ends(point, kind, next_point, next_kind, before, before_that):
                        ended = closing = True
            before_that, before = before, kind
    return found


@njit(inline="always")
def _ends(point, kind, next_point, next_kind, before, before_that):
    """Whether a mark that can end a sentence does: by what follows it, or as one of a script that does not space sentences."""
    if SENTENCE_ENDS[0] <= next_kind <= SENTENCE_ENDS[-1]:
        return False
    followed = (
        next_kind < 0
        or BLANKS[0] <= next_kind <= BLANKS[-1]
        or (_CLOSES >> next_kind) & 1 != 0
        or next_point == 0x29
        or next_point == 0x5D
    )
    if not followed and not (IDEOGRAPHIC_STOP <= kind <= TERMINAL and point > 0x7F):
        return False
    lone = SPACED_LETTERS[0] <= before <= SPACED_LETTERS[-1] and not (
        IN_WORD[0] <= before_that <= IN_WORD[-1] or before_that == APOSTROPHE
    )
    return not (kind == STOP and lone)
