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
    PUNCTUATION,
    SENTENCE_ENDS,
    SPACED_LETTERS,
    STOP,
    TERMINAL,
)
from curator.metrics.compiled import kernel
from curator.metrics.vectors import LANES, before, below, count, highest, lowest, within

SPACED_WORDS = 0
LONGEST_SPACED_WORD = 1
SPACED_COLUMNS = 2

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_u = np.uint64
_END_FIRST, _END_LAST = SENTENCE_ENDS[0], SENTENCE_ENDS[-1]


@kernel
def count_sentences(points, kinds, bounds, rows, out):
    """Add each span's sentences to its row of `out`: what stands between the ends of lines and sentences, and holds a letter or
    a numeral.

    A run of marks ends a sentence if whitespace, the end of the text, or a quotation mark or bracket that closes follows it, or
    if its last mark is one of a script that does not space sentences (。！？); the full stop after a lone letter does not.
    """
    for span in range(len(rows)):
        at = bounds[span]
        end = bounds[span + 1]
        found = 0
        content = _NONE  # 1 if a letter or a numeral stands since the last end
        l_letter = l_other = _NONE  # of the 64 places before
        while at < end:
            inside, ahead = below(end - at), below(end - at - 1)
            marks = within(kinds, at, _END_FIRST, _END_LAST) & inside
            ends = within(kinds, at, NEWLINE, NEWLINE) & inside
            words = within(kinds, at, IN_WORD[0], IN_WORD[-1]) & inside
            letter = within(kinds, at, SPACED_LETTERS[0], SPACED_LETTERS[-1]) & inside
            other = words | within(kinds, at, APOSTROPHE, APOSTROPHE) & inside
            if marks:
                marks &= ~(within(kinds, at + 1, _END_FIRST, _END_LAST) & ahead)
                followed = within(kinds, at + 1, BLANKS[0], BLANKS[-1]) | ~ahead
                followed |= within(kinds, at + 1, CLOSING, CLOSING) | within(kinds, at + 1, APOSTROPHE, APOSTROPHE)
                if marks & ~followed & within(kinds, at + 1, PUNCTUATION, PUNCTUATION):
                    followed |= within(points, at + 1, 0x29, 0x29) | within(points, at + 1, 0x5D, 0x5D)
                unspaced = marks & ~followed & within(kinds, at, IDEOGRAPHIC_STOP, TERMINAL)
                if unspaced:
                    unspaced &= ~within(points, at, 0, 0x7F)
                lone = before(letter, l_letter, 1) & ~before(other, l_other, 2) & within(kinds, at, STOP, STOP)
                ends |= marks & (followed | unspaced) & ~lone
            # From each end a carry runs through what is neither, to the next end if no letter and no numeral stands before it.
            begins, neither = ends << _ONE | (_ONE ^ content), ~(words | ends)
            empty = (neither + (begins & neither)) & ~neither | begins & ~neither
            found += count(ends & ~empty)
            content = _u(words >> _u(max(highest(ends), 0)) != 0) | content & _u(ends == 0)
            l_letter, l_other = letter, other
            at += LANES
        out[rows[span], 0] += found + np.int64(content)


@kernel
def count_spaced_words(kinds, bounds, rows, out):
    """Add to each span's row of `out` its runs of characters that are not whitespace, and the length of the longest."""
    for span in range(len(rows)):
        at = bounds[span]
        end = bounds[span + 1]
        found = 0
        longest = 0
        length = 0  # of the word that goes on from the places before
        while at < end:
            text = ~within(kinds, at, BLANKS[0], BLANKS[-1]) & below(end - at)
            found += count(text & ~(text << _ONE | np.uint64(length > 0)))
            before = length + lowest(~text)
            longest = max(longest, before, _longest_run(text))
            length = before if text == ~_NONE else LANES - 1 - highest(~text)
            at += LANES
        row = _u(rows[span])
        out[row, SPACED_WORDS] += found
        out[row, LONGEST_SPACED_WORD] = max(out[row, LONGEST_SPACED_WORD], longest, length)


@numba.njit(inline="always")
def _longest_run(bits):
    """The length of the longest run of bits that are set. No branch: how long words are cannot be guessed."""
    two = bits & bits >> _u(1)  # where a run of two or more begins
    four = two & two >> _u(2)
    eight = four & four >> _u(4)
    sixteen = eight & eight >> _u(8)
    begins, length = _longer(sixteen & sixteen >> _u(16), _u(32), ~_NONE, _NONE)
    begins, length = _longer(sixteen, _u(16), begins, length)
    begins, length = _longer(eight, _u(8), begins, length)
    begins, length = _longer(four, _u(4), begins, length)
    begins, length = _longer(two, _u(2), begins, length)
    return np.int64(_longer(bits, _u(1), begins, length)[1])


@numba.njit(inline="always")
def _longer(runs, width, begins, length):
    """Where a run of `length` begins that goes on with one of `width`, and their length together; as before if none does."""
    both = begins & runs >> length
    found = _u(both != _NONE)
    return both | begins & (found - _ONE), length + width * found
