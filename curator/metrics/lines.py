"""Lines and paragraphs: lengths, how lines begin and end, and which of them repeat.

A line stands between newlines and holds a character that is not whitespace; its length counts all its characters but the
newline. Its beginning, its end and its identity are looked at without the whitespace around it. A paragraph is a run of lines
with no blank line between them. A line repeats when an equal one stood before it: 64-bit hashes, so two of N different lines of
a text are taken for equal with a chance of about N² / 2^65 (3e-8 for a million).
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import (
    BULLET,
    COMMA,
    ELLIPSIS,
    IDEOGRAPHIC_STOP,
    NEWLINE,
    SPACE,
    STOP,
    TERMINAL,
    TERMINALS,
    mask,
)

LINES = 0
CHARS = 1
LONGEST = 2
SHORT = 3
PUNCTUATED = 4
PUNCTUATED_CHARS = 5
ELLIPTIC = 6
BULLETED = 7
REPEATED = 8
REPEATED_CHARS = 9
PARAGRAPHS = 10
REPEATED_PARAGRAPHS = 11
REPEATED_PARAGRAPH_CHARS = 12
CLAUSED = 13
CLAUSED_CHARS = 14
COLUMNS = 15

_TERMINAL = mask(TERMINALS)
_CLAUSE = mask((COMMA, TERMINAL, IDEOGRAPHIC_STOP, ELLIPSIS))
_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)


@numba.njit(cache=True, nogil=True)
def count_lines(points, kinds, bounds, rows, short, scratch, table, out):
    """Add each span's lines and paragraphs to its row of `out`; lines of at most `short` characters are short ones.

    `scratch` has room for as many lines as there can be: hashes and lengths of lines, then of paragraphs. `table` is theirs to
    look repeats up in: a power of two long, at least twice as many.
    """
    hashes, lengths, paragraph_hashes, paragraph_lengths = scratch
    for span in range(len(rows)):
        row = out[rows[span]]
        lines = 0
        paragraphs = 0
        inside = False  # of a paragraph
        begin = bounds[span]
        end = bounds[span + 1]
        while begin < end:
            first = -1
            last = -1
            state = _SEED
            kept = _SEED
            claused = False
            i = begin
            while i < end and kinds[i] != NEWLINE:
                if first >= 0:
                    state = (state ^ np.uint64(points[i])) * _PRIME
                    state ^= state >> np.uint64(32)
                if kinds[i] != SPACE:
                    if first < 0:
                        first = i
                        state = (state ^ np.uint64(points[i])) * _PRIME
                        state ^= state >> np.uint64(32)
                    last = i
                    kept = state
                    claused |= ((_CLAUSE >> kinds[i]) & 1) != 0
                elif i > begin and kinds[i - 1] == STOP:
                    claused = True
                i += 1
            length = i - begin
            begin = i + 1
            if first < 0:
                inside = False
                continue
            row[CHARS] += length
            row[LONGEST] = max(row[LONGEST], length)
            row[SHORT] += length <= short
            row[BULLETED] += kinds[first] == BULLET
            if claused or kinds[last] == STOP:
                row[CLAUSED] += 1
                row[CLAUSED_CHARS] += length
            if (_TERMINAL >> kinds[last]) & 1:
                row[PUNCTUATED] += 1
                row[PUNCTUATED_CHARS] += length
            dots = kinds[last] == STOP or kinds[last] == IDEOGRAPHIC_STOP
            if kinds[last] == ELLIPSIS or (
                dots and last - first >= 2 and kinds[last - 1] == kinds[last] and kinds[last - 2] == kinds[last]
            ):
                row[ELLIPTIC] += 1
            hashes[lines] = kept
            lengths[lines] = length
            lines += 1
            if not inside:
                paragraph_hashes[paragraphs] = _SEED
                paragraph_lengths[paragraphs] = 0
                paragraphs += 1
                inside = True
            state = (paragraph_hashes[paragraphs - 1] ^ kept) * _PRIME
            paragraph_hashes[paragraphs - 1] = state ^ (state >> np.uint64(32))
            paragraph_lengths[paragraphs - 1] += length
        row[LINES] += lines
        row[PARAGRAPHS] += paragraphs
        repeats, chars = _repeats(hashes, lengths, lines, table)
        row[REPEATED] += repeats
        row[REPEATED_CHARS] += chars
        repeats, chars = _repeats(paragraph_hashes, paragraph_lengths, paragraphs, table)
        row[REPEATED_PARAGRAPHS] += repeats
        row[REPEATED_PARAGRAPH_CHARS] += chars


@numba.njit(cache=True, nogil=True)
def _repeats(hashes, lengths, n, table):
    """How many of `hashes[:n]` stood before, and their lengths added up."""
    size = 4
    while size < 2 * n:
        size *= 2
    table[:size] = -1
    repeats = 0
    chars = 0
    for i in range(n):
        at = np.int64((hashes[i] * _SEED) >> np.uint64(20)) & (size - 1)
        while True:
            other = table[at]
            if other < 0:
                table[at] = i
                break
            if hashes[other] == hashes[i]:
                repeats += 1
                chars += lengths[i]
                break
            at = (at + 1) & (size - 1)
    return repeats, chars
