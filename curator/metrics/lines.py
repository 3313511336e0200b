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

REPEATS, CLAUSES = 1, 2  # what is counted only if it is wanted
WANTED = {
    **dict.fromkeys((REPEATED, REPEATED_CHARS, REPEATED_PARAGRAPHS, REPEATED_PARAGRAPH_CHARS), REPEATS),
    **dict.fromkeys((CLAUSED, CLAUSED_CHARS), CLAUSES),
}

_u = np.uint64  # of an index that cannot be negative: spares numba a test
_BLANK = mask(BLANKS)
_TERMINAL = mask(TERMINALS)
_SENTENCE = mask(SENTENCE_ENDS)
_CLAUSE_FIRST, _CLAUSE_LAST = CLAUSE_ENDS[0], CLAUSE_ENDS[-1]


@numba.njit(cache=True, nogil=True)
def count_lines(data, span_starts, span_stops, at, kinds, bounds, rows, ways, columns, scratch, table, out):
    """Add each span's lines and paragraphs to its row of `out[way]`, which has a column for each of the `columns`, for each of
    the `ways` of counting them: `chars`, `trim`, `blank` and `wanted`.

    Lines of at most `chars` characters are short, of at least as many long. Without `trim` the whitespace around a line is part
    of it: of its beginning, its end and its identity. With `blank`, a line of nothing but whitespace counts as any other.
    `wanted` has a bit of REPEATS and CLAUSES if what these name is to be counted: of the first way, if it is of any.

    `scratch` has room for as many lines as there can be: hashes and lengths of lines, then of paragraphs; and for COLUMNS.
    `table` is to look repeats up in: at least four times as many.
    """
    hashes, lengths, paragraph_hashes, paragraph_lengths, found = scratch
    for span in range(len(rows)):
        plain = False
        for way in range(len(ways)):
            chars, trim, blank, wanted = ways[way]
            if not plain:  # else all that can differ from the way before is what is short and what is long
                lines = paragraphs = total = longest = bulleted = claused = claused_chars = 0
                stopped = punctuated = punctuated_chars = elliptic = 0
                inside = False  # of a paragraph
                plain = True
                begin, end, start = bounds[span], bounds[span + 1], span_starts[span]
                block = begin
                newlines = within(kinds, block, NEWLINE, NEWLINE)
                while begin < end:
                    while newlines == 0 and block + LANES < end:
                        block += LANES
                        newlines = within(kinds, block, NEWLINE, NEWLINE)
                    past = min(block + lowest(newlines), end)
                    newlines &= newlines - np.uint64(1)
                    length = past - begin
                    first = begin
                    last = past - 1
                    begin = past + 1
                    if length == 0:
                        inside = False
                        continue
                    if (_BLANK >> kinds[_u(first)]) & 1 or (_BLANK >> kinds[_u(last)]) & 1:
                        plain = False
                        text = first
                        while text <= last and (_BLANK >> kinds[_u(text)]) & 1:
                            text += 1
                        if text > last and blank == 0:
                            inside = False
                            continue
                        if trim != 0 and text <= last:
                            first = text
                            while (_BLANK >> kinds[_u(last)]) & 1:
                                last -= 1
                    ends = kinds[_u(last)]
                    bulleted += kinds[_u(first)] == BULLET
                    if wanted & CLAUSES and (ends == STOP or has_clause(kinds, first, last + 1)):
                        claused += 1
                        claused_chars += length
                    terminal = np.int64((_TERMINAL >> ends) & 1)
                    punctuated += terminal
                    punctuated_chars += terminal * length
                    stopped += (_SENTENCE >> ends) & 1
                    elliptic += ends == ELLIPSIS
                    if (ends == STOP) | (ends == IDEOGRAPHIC_STOP):
                        elliptic += last - first >= 2 and kinds[_u(last - 1)] == ends and kinds[_u(last - 2)] == ends
                    total += length
                    longest = max(longest, length)
                    lengths[_u(lines)] = length
                    if not inside:
                        paragraph_hashes[_u(paragraphs)] = SEED
                        paragraph_lengths[_u(paragraphs)] = 0
                        paragraphs += 1
                        inside = True
                    if wanted & REPEATS:
                        if trim != 0 and (_BLANK >> ends) & 1:  # of nothing but whitespace, nothing is left
                            last = first - 1
                        from_byte = start + at[_u(first)]
                        to_byte = span_stops[span] if last + 1 == end else start + at[_u(last + 1)]
                        state = hash_bytes(data, from_byte, to_byte - from_byte)
                        hashes[_u(lines)] = state
                        paragraph_hashes[_u(paragraphs - 1)] = mix(paragraph_hashes[_u(paragraphs - 1)], state, np.uint64(0))
                        paragraph_lengths[_u(paragraphs - 1)] += length
                    lines += 1
                found[LINES] = lines
                found[CHARS] = total
                found[LONGEST] = longest
                found[PUNCTUATED] = punctuated
                found[PUNCTUATED_CHARS] = punctuated_chars
                found[STOPPED] = stopped
                found[ELLIPTIC] = elliptic
                found[BULLETED] = bulleted
                found[CLAUSED] = claused
                found[CLAUSED_CHARS] = claused_chars
                found[PARAGRAPHS] = paragraphs
                if wanted & REPEATS:
                    repeats, covered = _repeats(hashes, lengths, lines, table) if lines > 1 else (0, 0)
                    found[REPEATED] = repeats
                    found[REPEATED_CHARS] = covered
                    if repeats:  # a paragraph repeats if all of its lines do
                        repeats, covered = _repeats(paragraph_hashes, paragraph_lengths, paragraphs, table)
                    found[REPEATED_PARAGRAPHS] = repeats
                    found[REPEATED_PARAGRAPH_CHARS] = covered
            short = long = 0
            for line in range(found[LINES]):
                short += lengths[_u(line)] <= chars
                long += lengths[_u(line)] >= chars
            found[SHORT] = short
            found[LONG] = long
            row = _u(rows[span])
            for place in range(len(columns)):
                column = _u(columns[_u(place)])
                before = out[_u(way), row, _u(place)]
                out[_u(way), row, _u(place)] = max(before, found[column]) if column == LONGEST else before + found[column]


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
    size = 4
    while size < 2 * n:
        size *= 2
    table[:size] = -1
    last_slot = _u(size - 1)
    repeats = 0
    chars = 0
    for i in range(n):
        own = hashes[_u(i)]
        at = ((own * SEED) >> np.uint64(20)) & last_slot
        while True:
            other = table[at]
            if other < 0:
                table[at] = i
                break
            if hashes[_u(other)] == own:
                repeats += 1
                chars += lengths[_u(i)]
                break
            at = (at + np.uint64(1)) & last_slot
    return repeats, chars
