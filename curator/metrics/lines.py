"""Lines and paragraphs: lengths, how lines begin and end, and which of them repeat.

A line stands between newlines and holds a character that is not whitespace; its length counts all its characters but the
newline. Its beginning, its end and its identity are looked at without the whitespace around it. A paragraph is a run of lines
with no blank line between them. A line repeats when an equal one stood before it: 64-bit hashes, so two of N different lines of
a text are taken for equal with a chance of about N² / 2^65 (3e-8 for a million). Most lines differ from all others at their
ends or in length, and what is between is looked at where they do not.
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
from curator.metrics.compiled import inner, kernel
from curator.metrics.hashes import BLOCK, SEED, hash_bytes, mix
from curator.metrics.vectors import LANES, load64, lowest, within

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

ENDS = 2 * BLOCK  # bytes that a key of a line's ends is made of

_u = np.uint64  # of an index that cannot be negative: spares numba a test
_BLANK = mask(BLANKS)
_TERMINAL = mask(TERMINALS)
_SENTENCE = mask(SENTENCE_ENDS)
_CLAUSE_FIRST, _CLAUSE_LAST = CLAUSE_ENDS[0], CLAUSE_ENDS[-1]


@kernel
def count_lines(data, span_starts, span_stops, at, kinds, bounds, rows, ways, columns, scratch, table, out):
    """Add each span's lines and paragraphs to its row of `out[way]`, which has a column for each of the `columns`, for each of
    the `ways` of counting them: `way`, `chars`, `trim`, `blank` and `wanted`.

    Lines of at most `chars` characters are short, of at least as many long. Without `trim` the whitespace around a line is part
    of it: of its beginning, its end and its identity. With `blank`, a line of nothing but whitespace counts as any other.
    `wanted` has a bit of REPEATS and CLAUSES if what these name is to be counted.

    `scratch` has room for as many lines as there can be: their characters, where they begin, their bytes, keys and first
    occurrences, and where paragraphs begin; and twice for COLUMNS: what was counted, and what of that is more if the whitespace
    around lines is no part of them. `table` is to look repeats up in: at least eight times as many.
    """
    lengths, begins, sizes, keys, firsts, paragraph_begins, found, trimmed = scratch
    for span in range(len(rows)):
        edged = hollow = False  # does a line begin or end with whitespace, and is one nothing but whitespace
        had_trim = had_blank = had = np.int64(-1)  # what was counted last
        for number in range(len(ways)):
            way, chars = ways[_u(number), 0], ways[_u(number), 1]
            trim, blank, wanted = ways[_u(number), 2], ways[_u(number), 3], ways[_u(number), 4]
            trims = edged and trim != had_trim
            differs = (blank != had_blank and hollow) or wanted & ~had or (trims and (wanted or trim == 0))
            if number == 0 or differs:
                lines = paragraphs = total = longest = claused = claused_chars = 0
                found[:] = 0
                trimmed[:] = 0
                trims = inside = False  # of a paragraph
                had_trim, had_blank, had = trim, blank, wanted
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
                        edged = True
                        text = first
                        while text <= last and (_BLANK >> kinds[_u(text)]) & 1:
                            text += 1
                        hollow |= text > last
                        if text > last and blank == 0:
                            inside = False
                            continue
                        if text <= last:
                            text_end = last
                            while (_BLANK >> kinds[_u(text_end)]) & 1:
                                text_end -= 1
                            if trim != 0:
                                first, last = text, text_end
                            else:
                                _count_edges(kinds, text, text_end, length, 1, trimmed)
                                _count_edges(kinds, first, last, length, -1, trimmed)
                    ends = kinds[_u(last)]
                    if wanted & CLAUSES and (ends == STOP or has_clause(kinds, first, last + 1)):
                        claused += 1
                        claused_chars += length
                    _count_edges(kinds, first, last, length, 1, found)
                    total += length
                    longest = max(longest, length)
                    lengths[_u(lines)] = length
                    paragraph_begins[_u(paragraphs)] = lines  # written over if the line goes on with one
                    paragraphs += not inside
                    inside = True
                    if wanted & REPEATS:
                        if trim != 0 and (_BLANK >> ends) & 1:  # of nothing but whitespace, nothing is left
                            last = first - 1
                        from_byte = start + at[_u(first)]
                        begins[_u(lines)] = from_byte
                        sizes[_u(lines)] = (span_stops[span] if last + 1 == end else start + at[_u(last + 1)]) - from_byte
                    lines += 1
                found[LINES] = lines
                found[CHARS] = total
                found[LONGEST] = longest
                found[CLAUSED] = claused
                found[CLAUSED_CHARS] = claused_chars
                found[PARAGRAPHS] = paragraphs
                if wanted & REPEATS:
                    repeats, covered = _repeats(data, begins, sizes, lengths, lines, keys, firsts, table)
                    found[REPEATED] = repeats
                    found[REPEATED_CHARS] = covered
                    if repeats:  # a paragraph repeats if all of its lines do
                        paragraph_begins[_u(paragraphs)] = lines
                        repeats, covered = _repeated_paragraphs(firsts, lengths, paragraph_begins, paragraphs, keys, table)
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
                before, more = out[_u(way), row, _u(place)], found[column] + np.int64(trims) * trimmed[column]
                out[_u(way), row, _u(place)] = max(before, more) if column == LONGEST else before + more


@inner
def _count_edges(kinds, first, last, length, times, counts):
    """Add what a line begins and ends with to `counts`, so many times."""
    ends = kinds[_u(last)]
    terminal = np.int64((_TERMINAL >> ends) & 1) * times
    counts[PUNCTUATED] += terminal
    counts[PUNCTUATED_CHARS] += terminal * length
    counts[STOPPED] += np.int64((_SENTENCE >> ends) & 1) * times
    counts[BULLETED] += np.int64(kinds[_u(first)] == BULLET) * times
    elliptic = ends == ELLIPSIS
    if (ends == STOP) | (ends == IDEOGRAPHIC_STOP):
        elliptic = last - first >= 2 and kinds[_u(last - 1)] == ends and kinds[_u(last - 2)] == ends
    counts[ELLIPTIC] += np.int64(elliptic) * times


@inner
def has_clause(kinds, begin, end):
    """Whether a comma or a mark that ends a clause stands there, or a full stop before whitespace."""
    while begin < end:
        marks = within(kinds, begin, _CLAUSE_FIRST, _CLAUSE_LAST)
        marks |= within(kinds, begin, STOP, STOP) & within(kinds, begin + 1, BLANKS[0], BLANKS[-1])
        if marks:
            return begin + lowest(marks) < end
        begin += LANES
    return False


@inner
def _repeats(data, begins, sizes, lengths, n, keys, firsts, table):
    """How many of the lines stood before, and their characters. `firsts`: which line each is equal to, the first of them.

    Lines are looked up by their ends. One that is longer, and has those of a line before, is looked up by all of it; so that
    it finds that line, this is noted by all of it, too.
    """
    last_slot = _open(2 * n, table)
    repeats = chars = 0
    for i in range(n):
        keys[_u(i)] = _key_of_ends(data, begins[_u(i)], sizes[_u(i)])
        keys[_u(n + i)] = 0
        first = _find(i, n, keys, table, last_slot)
        if first != i and sizes[_u(i)] > ENDS:
            if keys[_u(n + first)] == 0:
                keys[_u(n + first)] = hash_bytes(data, begins[_u(first)], sizes[_u(first)])
                _find(n + first, n, keys, table, last_slot)
            keys[_u(n + i)] = hash_bytes(data, begins[_u(i)], sizes[_u(i)])
            first = _find(n + i, n, keys, table, last_slot)
        firsts[_u(i)] = first
        repeats += first != i
        chars += lengths[_u(i)] * np.int64(first != i)
    return repeats, chars


@inner
def _repeated_paragraphs(firsts, lengths, paragraph_begins, n, keys, table):
    """How many of the paragraphs stood before, and the characters of their lines."""
    last_slot = _open(n, table)
    repeats = chars = 0
    for i in range(n):
        length = 0
        keys[_u(i)] = SEED
        for line in range(paragraph_begins[_u(i)], paragraph_begins[_u(i + 1)]):
            keys[_u(i)] = mix(keys[_u(i)], _u(firsts[_u(line)]), np.uint64(0))
            length += lengths[_u(line)]
        if _find(i, n, keys, table, last_slot) != i:
            repeats += 1
            chars += length
    return repeats, chars


@numba.njit(inline="always")
def _key_of_ends(data, start, length):
    """A hash of the first 16 bytes, the last 16 and the length: of all of a line of at most ENDS bytes."""
    if length <= BLOCK:
        return hash_bytes(data, start, length)
    last = start + length - BLOCK
    state = mix(_u(length) * SEED, load64(data, start), load64(data, start + 8))
    return mix(state, load64(data, last), load64(data, last + 8))


@numba.njit(inline="always")
def _open(entries, table):
    """Make `table` ready for so many. Returns its last slot."""
    size = 4
    while size < 2 * entries:
        size *= 2
    table[:size] = -1
    return _u(size - 1)


@numba.njit(inline="always")
def _find(i, n, keys, table, last_slot):
    """Which of `n` was the first to be noted with the key of `i`: now itself, if none was. `n` more are the same ones under
    another key."""
    key = keys[_u(i)]
    at = ((key * SEED) >> np.uint64(20)) & last_slot
    while True:
        other = np.int64(table[at])
        if other < 0:
            table[at] = i
            other = np.int64(i)
        if keys[_u(other)] == key:
            return other - n if other >= n else other
        at = (at + np.uint64(1)) & last_slot
