"""Repetition: the share of a text that its commonest n-gram covers, and the share that repeated n-grams cover.

Units are characters (whitespace left out) or tokens (see tokens.py). Covered characters are those of the units, each counted
once even where n-grams overlap.
- *top*: all occurrences of the commonest n-gram (the first to appear, of equals), if it occurs twice or more.
- *dup*: every occurrence of an n-gram but its first.

Two more are what published thresholds were tuned with, as datatrove computes them:
- *joined*: occurrences of the commonest n-gram × its characters and n - 1 spaces; more than the text where occurrences overlap.
- *skipping*: n-grams that were met before, reading on behind each: the rest of a repeated passage, shorter than n, is not seen.

Most n-grams of a text occur once, and a tally of pairs by few bits of their hashes shows it: it is never too low, and a longer
n-gram occurs at most as often as the pairs in it. The commonest is looked for among those that may occur as often as any, then
among those that may occur as often as what was found. For *dup* and *skipping*, those of the shortest length that may repeat
are *candidates*: one walk over them finds how long a passage at each stood before, and where first, which answers for every
length.

An n-gram is known by a 64-bit polynomial hash of its units: two of N different ones are taken for one with a chance of about
N² / 2^65 (3e-8 for a million).
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import BLANKS
from curator.metrics.compiled import inner, kernel
from curator.metrics.hashes import PRIME, SEED
from curator.metrics.vectors import LANES, count64, keep64, list64, within

LONGEST = 20  # of the lengths that may be asked for
TOP, DUP, JOINED, SKIPPING = 1, 2, 4, 8  # what may be asked of a length; TOP and JOINED of none longer than the shortest others
UNITS_CHARS = 0  # columns of `out`: characters of all units, then four for each length
COLUMNS = 1 + 4 * (LONGEST + 1)
SLOTS = 3  # of the table, and of the tally, for each n-gram, at least; at most twice as many
MOST = 255  # that a tally can show

u = np.uint64  # of an index that cannot be negative: spares numba a test
_MIX = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)
_ONE = np.uint64(1)
_ALL = ~np.uint64(0)


@numba.njit(inline="always")
def top_column(n: int) -> int:
    return 1 + 4 * n


@numba.njit(inline="always")
def dup_column(n: int) -> int:
    return 2 + 4 * n


@numba.njit(inline="always")
def joined_column(n: int) -> int:
    return 3 + 4 * n


@numba.njit(inline="always")
def skipping_column(n: int) -> int:
    return 4 + 4 * n


@kernel
def count_ngrams(units, places, bounds, points, kinds, rows, wanted, scratch, table, held, out):
    """Add to each span's row of `out` what its n-grams cover, for the lengths n from 2 on where `wanted[n]` has a bit of TOP,
    JOINED, DUP or SKIPPING. `places` is the number of characters before each unit.

    If there are `points`, their spans are counted, a unit for each that is not whitespace: `units` and `places` have then room
    for the longest span's and LANES more. `scratch` has room for as many, and for its tallies; `table` 2 * SLOTS for each unit.
    It holds places, plus a base that grows with each use (`held[0]`), so that what was left there before reads as free.
    """
    for span in range(len(rows)):
        begin, end = bounds[span], bounds[span + 1]
        if len(points):
            begin, end = 0, _visible(points, kinds, begin, end, units, places)
        _count(units[begin:end], places[begin : end + 1], wanted, scratch, table, held, out[rows[span]])


@inner
def _visible(points, kinds, begin, end, units, places):
    """Write the characters that are not whitespace, and how many are before each. Returns how many."""
    n = 0
    for at in range(begin, end, LANES):
        n = keep64(units, n, points, at, ~within(kinds, at, BLANKS[0], BLANKS[-1]) & _inside(at, end))
    for at in range(0, n + 1, LANES):
        count64(places, at, np.int32(at))
    return n


@numba.njit(inline="always")
def _chars(places, first, end):
    return np.int64(places[u(end)] - places[u(first)])


@inner
def _asked(wanted):
    """The shortest length, the last that is asked for TOP or JOINED, the first for DUP or SKIPPING, the longest; 0 for none.
    (A function, since kernels are compiled once more for numbers that are written where they are called.)"""
    shortest = last_top = first = longest = 0
    for n in range(2, len(wanted)):
        if wanted[n]:
            longest = n
            shortest = shortest or n
            if wanted[n] & (TOP | JOINED):
                last_top = n
            if wanted[n] & (DUP | SKIPPING):
                first = first or n
    return shortest, last_top, first, longest


@numba.njit(inline="always")
def _count(units, places, wanted, scratch, table, held, row):
    """What the n-grams of one span cover."""
    keys, picked, sources, counts, times, depths, reaches, tallies, covered, ends = scratch
    shortest, last_top, first, longest = _asked(wanted)
    total = len(units)
    row[UNITS_CHARS] += _chars(places, 0, total)
    if total <= shortest:
        return
    _tally_pairs(units, picked, tallies, times)
    most = total
    for n in range(2, min(first or last_top, total - 1) + 1):
        left = total - n + 1
        if n > 2:
            _lower(times, left)
        _lengthen(keys, units, n, left)
        if wanted[n] & (TOP | JOINED):
            most, top, chars = _commonest(n, most, left, keys, picked, counts, times, places, table, held)
            if most < 2:
                return
            row[top_column(n)] += chars
            row[joined_column(n)] += most * (_chars(places, top, top + n) + n - 1)
    if not first or total <= first:
        return
    some = _at_least(np.int64(2), total - first + 1, times, picked)
    if not _walk(first, longest, units, some, picked, times, keys, sources, depths, places, table, held, covered, ends):
        return
    kept = -1
    for n in range(first, longest + 1):
        if wanted[n] & DUP:
            row[dup_column(n)] += covered[n]
        if wanted[n] & SKIPPING:
            if kept < 0:
                kept = _that_repeat(some, picked, sources, depths, reaches)
                _clear(times, 0, total)
            row[skipping_column(n)] += _covered_skipping(n, kept, picked, sources, depths, reaches, times, places)


@numba.njit(inline="always")
def _clear(array, first, end):
    for i in range(first, end):
        array[u(i)] = 0


@numba.njit(inline="always")
def _bits(entries):
    """Of the size of a table for so many."""
    bits = 2
    while (1 << bits) < SLOTS * entries:
        bits += 1
    return bits


@numba.njit(inline="always")
def _slot(key, shift):
    return (key * PRIME) >> shift


@inner
def _lengthen(keys, units, n, left):
    """From the keys of n - 1 units, if any, to those of n: of every place, since a processor does some at a time."""
    if n == 2:
        for p in range(left):
            keys[u(p)] = u(units[u(p)])
    for p in range(left):
        keys[u(p)] = keys[u(p)] * SEED + u(units[u(p + n - 1)])


@inner
def _tally_pairs(units, slots, tallies, times):
    """Write how often the pair of units at each place occurs, at most, to `times`; MOST if it is more."""
    pairs = len(units) - 1
    bits = _bits(pairs)
    shift = u(32 - bits)
    for p in range(pairs):  # of the lower halves, so that a processor does some at a time
        mixed = np.uint32(units[u(p)]) * _MIX[0] + np.uint32(units[u(p + 1)]) * _MIX[1]
        slots[u(p)] = np.uint32(mixed) >> shift
    _tally(pairs, slots, 1 << bits, tallies, times)


@inner
def _tally(kept, slots, size, tallies, times):
    """Write how often the slot of each occurs to `times`."""
    _clear(tallies, 0, size)
    for i in range(kept):
        slot = u(slots[u(i)])
        tally = tallies[slot]
        tallies[slot] = tally + np.uint8(tally < MOST)
    for i in range(kept):
        times[u(i)] = tallies[u(slots[u(i)])]


@numba.njit(inline="always")
def _lower(times, left):
    """From how often the n-gram at each place occurs, at most, to how often that of n + 1 does."""
    for p in range(left):
        times[u(p)] = min(times[u(p)], times[u(p + 1)])


@inner
def _at_least(least, left, times, picked):
    """Write the places of as many `times` to `picked`. Returns how many."""
    found = 0
    for at in range(0, left, LANES):
        bits = within(times, at, np.uint8(least), np.uint8(MOST)) & _inside(at, left)
        if bits:
            found = list64(picked, found, bits, at)
    return found


@inner
def _open(entries, places, table, held):
    """Make `table` ready for so many entries, numbers below `places`: its shift, its last slot, its base."""
    bits = _bits(entries)
    if held[0] > 0x7FFFFFFF - places - 1:
        _clear(table, 0, len(table))
        held[0] = 0
    base = np.int64(held[0])
    held[0] += places
    return u(64 - bits), u((1 << bits) - 1), base


@inner
def _find(p, keys, table, shift, last_slot, base):
    """The first place with the key of `p`, now noted if it is `p` itself."""
    key = keys[u(p)]
    at = _slot(key, shift)
    while True:
        noted = np.int64(table[at]) - base - 1
        first = noted if noted >= 0 else p
        if keys[u(first)] == key:
            break
        at = (at + u(1)) & last_slot
    table[at] = np.int32(first + base + 1)
    return first


@inner
def _commonest(n, least, left, keys, picked, counts, times, places, table, held):
    """How often the commonest n-gram occurs, which is not more than `least`, where it first does, and the characters it
    covers."""
    greatest = np.uint8(0)
    for p in range(left):
        greatest = max(greatest, times[u(p)])
    limit = least if greatest == MOST else min(least, np.int64(greatest))
    least = min(least, np.int64(greatest))
    most = some = top = 0
    while least > 1:
        some = _at_least(least, left, times, picked)
        most = top = 0
        key = keys[picked[0]]
        for k in range(some):
            most += np.int64(keys[picked[u(k)]] == key)
        if most >= limit:  # none occurs more often, and it is the first of them
            break
        shift, last_slot, base = _open(some, left, table, held)
        for k in range(some):
            counts[picked[u(k)]] = 0
            first = _find(np.int64(picked[u(k)]), keys, table, shift, last_slot, base)
            counts[u(first)] += np.uint32(1)
        for k in range(some):
            most = max(most, np.int64(counts[picked[u(k)]]))
        while counts[picked[u(top)]] != most:
            top += 1
        if most >= least or least == 2:
            break
        least = max(most, least // 3, 2)  # in the end, all that may occur as often
    if most < 2:
        return 0, 0, 0
    covered = to = 0
    key = keys[picked[u(top)]]
    for k in range(top, some):
        p = np.int64(picked[u(k)])
        if keys[u(p)] == key:
            covered += _chars(places, max(p, to), p + n)
            to = p + n
    return most, np.int64(picked[u(top)]), covered


@inner
def _walk(n, longest, units, some, where, times, keys, sources, depths, places, table, held, covered, ends):
    """`depths`: how long, up to `longest` and 0 if shorter than `n`, the passage is that begins at each candidate and stood
    before. `sources`: where that passage stood first. `covered`: for each length, the characters of the n-grams that stood
    before. Returns whether there are any. The candidates are `where` the `times` of n-grams are more than one.

    What is looked up is a tree of passages: a node is where one first stood, its length and the unit behind it. A passage goes
    on one unit later with what stood behind the first unit of where it stood, so that most need no look from the root. A longer
    one is looked for where the n-gram at its end is a candidate too.
    """
    _clear(covered, n, longest + 1)
    _clear(ends, n, longest + 1)
    shift, last_slot, base = _open(some, len(units), table, held)
    source = depth = last = 0
    for i in range(some):
        p = np.int64(where[u(i)])
        depth = depth - 1 if p == last + 1 else 0
        last = p
        known = depth
        source += 1
        if depth < n:
            source = _find(p, keys, table, shift, last_slot, base)
            depth = known = 0
            if source == p:
                depths[u(p)] = 0
                continue
            depth = n
        first = source
        while depths[u(first)] >= min(depth, longest):  # shorter passages stood earlier
            first = np.int64(sources[u(first)])
        if known < longest:
            while p + depth < len(units):
                if units[u(first + depth)] != units[u(p + depth)]:
                    if depth >= longest or times[u(p + depth - n + 1)] < 2:
                        break
                    keys[u(p)] = u(units[u(p + depth)]) + u(first * (LONGEST + 1) + depth) * SEED
                    then = _find(p, keys, table, shift, last_slot, base)
                    if then == p:
                        break
                    first = then
                depth += 1
            if depth > known:
                source = first
                for k in range(n, min(depth, longest) + 1):
                    covered[k] += _chars(places, max(p, ends[k]), p + depth)
                    ends[k] = p + depth
        depths[u(p)] = min(depth, longest)
        sources[u(p)] = first
    return ends[n] > 0


@inner
def _that_repeat(some, where, sources, depths, reaches):
    """Keep the candidates that occur twice, and write to `reaches` how long the longest passage is that begins there and does.
    Returns how many."""
    for i in range(some):
        p = u(where[u(i)])
        reaches[p] = depths[p]
        if depths[p]:
            reaches[u(sources[p])] = max(reaches[u(sources[p])], depths[p])
    kept = 0
    for i in range(some):
        where[u(kept)] = where[u(i)]
        kept += np.int64(reaches[u(where[u(i)])] > 0)
    return kept


@inner
def _covered_skipping(n, kept, where, sources, depths, reaches, met, places):
    """Characters of the n-grams that were met before, reading on behind each of them. Marks those that are `met`."""
    covered = to = 0
    for i in range(kept):
        first = u(where[u(i)])
        p = np.int64(first)
        if reaches[first] < n or p < to:
            continue
        while depths[first] >= n:  # shorter passages stood earlier: at most as often as there are lengths
            first = u(sources[first])
        if met[first] == n:
            covered += _chars(places, p, p + n)
            to = p + n
        met[first] = n
    return covered


@numba.njit(inline="always")
def _inside(at, total):
    """Which of the 64 places from `at` on are before `total`."""
    return (_ONE << u(total - at)) - _ONE if total - at < LANES else _ALL
