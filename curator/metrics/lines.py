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
    BLANKS,
    BULLET,
    CLAUSE_ENDS,
    ELLIPSIS,
    IDEOGRAPHIC_STOP,
    NEWLINE,
    SENTENCE_ENDS,
    STOP,
    TERMINALS,
    mask,
)
from curator.metrics.hashes import SEED, hash_bytes, mix
from curator.metrics.vectors import LANES, lowest, within

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
STOPPED = 15
LONG = 16
COLUMNS = 17

_BLANK = mask(BLANKS)
_TERMINAL = mask(TERMINALS)
_SENTENCE = mask(SENTENCE_ENDS)
_CLAUSE_FIRST, _CLAUSE_LAST = CLAUSE_ENDS[0], CLAUSE_ENDS[-1]


@numba.njit(cache=True, nogil=True)
def count_lines(data, span_starts, span_stops, at, kinds, bounds, rows, chars, trim, blank, scratch, table, out):
    """Add each span's lines and paragraphs to its row of `out`; lines of at most `chars` characters are short, of at least as
    many long. Without `trim` the whitespace around a line is part of it: of its beginning, its end and its identity. With
    `blank`, a line of nothing but whitespace counts as any other.

    `scratch` has room for as many lines as there can be: hashes and lengths of lines, then of paragraphs. `table` is theirs to
    look repeats up in: at least four times as many.
    """
    hashes, lengths, paragraph_hashes, paragraph_lengths = scratch
    for span in range(len(rows)):
        lines = paragraphs = total = longest = short = long = bulleted = claused = claused_chars = 0
        stopped = punctuated = punctuated_chars = elliptic = 0
        inside = False  # of a paragraph
        begin = bounds[span]
        end = bounds[span + 1]
        while begin < end:
            past = begin
            while past < end:
                found = lowest(within(kinds, past, NEWLINE, NEWLINE))
                past += found
                if found < LANES:
                    break
            past = min(past, end)
            length = past - begin
            first = begin
            last = past - 1
            while first < past and (_BLANK >> kinds[first]) & 1:
                first += 1
            next_line = past + 1
            if first == past and (length == 0 or not blank):
                inside = False
                begin = next_line
                continue
            if first == past or not trim:
                first = begin
            else:
                while (_BLANK >> kinds[last]) & 1:
                    last -= 1
            ends = kinds[last]
            bulleted += kinds[first] == BULLET
            if ends == STOP or has_clause(kinds, first, last + 1):
                claused += 1
                claused_chars += length
            terminal = np.int64((_TERMINAL >> ends) & 1)
            punctuated += terminal
            punctuated_chars += terminal * length
            stopped += (_SENTENCE >> ends) & 1
            dots = (ends == STOP) | (ends == IDEOGRAPHIC_STOP)
            elliptic += ends == ELLIPSIS or (dots and last - first >= 2 and kinds[last - 1] == ends and kinds[last - 2] == ends)
            total += length
            longest = max(longest, length)
            short += length <= chars
            long += length >= chars
            if trim and (_BLANK >> ends) & 1:  # of nothing but whitespace, nothing is left
                last = first - 1
            start = span_starts[span] + at[first]
            stop = span_stops[span] if last + 1 == end else span_starts[span] + at[last + 1]
            state = hash_bytes(data, start, stop - start)
            hashes[lines] = state
            lengths[lines] = length
            lines += 1
            if not inside:
                paragraph_hashes[paragraphs] = SEED
                paragraph_lengths[paragraphs] = 0
                paragraphs += 1
                inside = True
            paragraph_hashes[paragraphs - 1] = mix(paragraph_hashes[paragraphs - 1], state, np.uint64(0))
            paragraph_lengths[paragraphs - 1] += length
            begin = next_line
        row = out[rows[span]]
        row[LINES] += lines
        row[CHARS] += total
        row[LONGEST] = max(row[LONGEST], longest)
        row[SHORT] += short
        row[LONG] += long
        row[PUNCTUATED] += punctuated
        row[PUNCTUATED_CHARS] += punctuated_chars
        row[STOPPED] += stopped
        row[ELLIPTIC] += elliptic
        row[BULLETED] += bulleted
        row[CLAUSED] += claused
        row[CLAUSED_CHARS] += claused_chars
        repeats, covered = _repeats(hashes, lengths, lines, table)
        row[REPEATED] += repeats
        row[REPEATED_CHARS] += covered
        row[PARAGRAPHS] += paragraphs
        repeats, covered = _repeats(paragraph_hashes, paragraph_lengths, paragraphs, table)
        row[REPEATED_PARAGRAPHS] += repeats
        row[REPEATED_PARAGRAPH_CHARS] += covered


@numba.njit(cache=True, nogil=True)
def has_clause(kinds, begin, end):
    """Whether a comma or a mark that ends a clause stands there, or a full stop before whitespace."""
    while begin < end:
        marks = within(kinds, begin, _CLAUSE_FIRST, _CLAUSE_LAST)
        marks |= within(kinds, begin, STOP, STOP) & within(kinds, begin + 1, BLANKS[0], BLANKS[-1])
        if marks:
            return begin + lowest(marks) < end
        begin += LANES
    return False


@numba.njit(cache=True, nogil=True)
def _repeats(hashes, lengths, n, table):
    """How many of `hashes[:n]` stood before, and their lengths added up."""
    if n < 2:
        return 0, 0
    size = 4
    while size < 2 * n:
        size *= 2
    table[:size] = -1
    repeats = 0
    chars = 0
    for i in range(n):
        at = np.int64((hashes[i] * SEED) >> np.uint64(20)) & (size - 1)
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
