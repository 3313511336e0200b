"""Sentences, and words as spaces part them: what C4 and RefinedWeb count by."""

from __future__ import annotations

import numba
import numpy as np

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
)
from curator.metrics.vectors import LANES, lowest, within

SPACED_WORDS = 0
LONGEST_SPACED_WORD = 1
SPACED_COLUMNS = 2

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_END_FIRST, _END_LAST = SENTENCE_ENDS[0], SENTENCE_ENDS[-1]


@numba.njit(cache=True, nogil=True)
def count_sentences(points, kinds, bounds, rows, out):
    """Add each span's sentences to its row of `out`: what stands between the ends of lines and sentences, and holds a letter or
    a numeral.

    A run of marks ends a sentence if whitespace, the end of the text, or a quotation mark or bracket that closes follows it, or
    if its last mark is one of a script that does not space sentences (。！？); the full stop after a lone letter does not.
    """
    for span in range(len(rows)):
        begin = bounds[span]
        end = bounds[span + 1]
        found = 0
        content = False
        at = begin
        while at < end:
            left = end - at
            inside = (_ONE << np.uint64(left)) - _ONE if left < LANES else ~_NONE
            marks = within(kinds, at, _END_FIRST, _END_LAST) & inside
            breaks = within(kinds, at, NEWLINE, NEWLINE) & inside
            words = within(kinds, at, IN_WORD[0], IN_WORD[-1]) & inside
            ends = _NONE
            if marks:
                inside_next = (_ONE << np.uint64(max(left - 1, 0))) - _ONE if left <= LANES else ~_NONE
                closing = within(kinds, at + 1, CLOSING, CLOSING) | within(kinds, at + 1, APOSTROPHE, APOSTROPHE)
                closing |= within(points, at + 1, 0x29, 0x29) | within(points, at + 1, 0x5D, 0x5D)
                followed = within(kinds, at + 1, BLANKS[0], BLANKS[-1]) | closing | ~inside_next
                unspaced = within(kinds, at, IDEOGRAPHIC_STOP, TERMINAL) & ~within(points, at, 0, 0x7F)
                again = within(kinds, at + 1, _END_FIRST, _END_LAST) & inside_next
                ends = marks & ~again & (followed | unspaced)
                stops = ends & within(kinds, at, STOP, STOP)
                while stops:
                    k = lowest(stops)
                    stops &= stops - _ONE
                    if _after_lone_letter(kinds, begin, at + k):
                        ends ^= _ONE << np.uint64(k)
            ends |= breaks
            while ends:
                k = lowest(ends)
                below = (_ONE << np.uint64(k)) - _ONE
                found += content or (words & below) != 0
                content = False
                words &= ~below
                ends &= ends - _ONE
            content |= words != 0
            at += LANES
        out[rows[span], 0] += found + content


@numba.njit(inline="always")
def _after_lone_letter(kinds, begin, i):
    """Whether one letter, and no other letter, digit or apostrophe before it, stands before place i."""
    if i == begin or not SPACED_LETTERS[0] <= kinds[i - 1] <= SPACED_LETTERS[-1]:
        return False
    if i == begin + 1:
        return True
    before = kinds[i - 2]
    return not (IN_WORD[0] <= before <= IN_WORD[-1] or before == APOSTROPHE)


@numba.njit(cache=True, nogil=True)
def count_spaced_words(kinds, bounds, rows, out):
    """Add to each span's row of `out` its runs of characters that are not whitespace, and the length of the longest."""
    for span in range(len(rows)):
        begin = bounds[span]
        end = bounds[span + 1]
        found = 0
        longest = 0
        last_blank = begin - 1
        at = begin
        while at < end:
            left = end - at
            inside = (_ONE << np.uint64(left)) - _ONE if left < LANES else ~_NONE
            blank = within(kinds, at, BLANKS[0], BLANKS[-1]) & inside
            while blank:
                k = at + lowest(blank)
                length = k - last_blank - 1
                found += length > 0
                longest = max(longest, length)
                last_blank = k
                blank &= blank - _ONE
            at += LANES
        length = end - last_blank - 1
        row = out[rows[span]]
        row[SPACED_WORDS] += found + (length > 0)
        row[LONGEST_SPACED_WORD] = max(row[LONGEST_SPACED_WORD], longest, length)
