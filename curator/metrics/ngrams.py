"""Repetition: the share of a text that its commonest n-gram covers, and the share that repeated n-grams cover.

Units are characters (whitespace left out) or tokens (see tokens.py). Covered characters are those of the units, each counted
once even where n-grams overlap.
- *top*: all occurrences of the commonest n-gram (the first to appear, of equals), if it occurs twice or more.
- *dup*: every occurrence of an n-gram but its first.

Two more are what published thresholds were tuned with, as datatrove computes them:
- *joined*: occurrences of the commonest n-gram × its characters and n - 1 spaces; more than the text where occurrences overlap.
- *skipping*: n-grams that were met before, reading on behind each: the rest of a repeated passage, shorter than n, is not seen.

Most n-grams of a text occur once, and a tally by few bits of their hashes shows it: it is never too low. Only where the n-gram
and the one a place later may both repeat can a longer one, so each length looks at these *candidates* alone; the commonest is
looked for among those whose tally is high enough. For *dup* and *skipping* one walk over the candidates of the shortest finds
how long a passage at each stood before, and where first, which answers for every length.

An n-gram is known by a 64-bit polynomial hash of its units: two of N different ones are taken for one with a chance of about
N² / 2^65 (3e-8 for a million).
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import BLANKS, mask
from curator.metrics.hashes import PRIME, SEED
from curator.metrics.vectors import LANES, count, highest, list64, lowest, within

LONGEST = 20  # of the lengths that may be asked for
TOP, DUP, JOINED, SKIPPING = 1, 2, 4, 8  # what may be asked of a length; TOP and JOINED of none longer than the shortest others
UNITS_CHARS = 0  # columns of `out`: characters of all units, then four for each length
COLUMNS = 1 + 4 * (LONGEST + 1)
SLOTS = 3  # of the table, and of the tally, for each n-gram, at least; at most twice as many
MOST = 255  # that a tally can show

u = np.uint64  # of an index that cannot be negative: spares numba a test
_BLANK = mask(BLANKS)
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


@numba.njit(cache=True, nogil=True)
def character_units(points, kinds, bounds, units, places, unit_bounds):
    """Characters that are not whitespace as units: their code points; see `hash_tokens` for the other arrays."""
    n = 0
    unit_bounds[0] = 0
    places[0] = 0
    for span in range(len(bounds) - 1):
        for i in range(bounds[span], bounds[span + 1]):
            units[u(n)] = points[u(i)]  # written over if it is whitespace: a branch would be guessed wrong too often
            n += np.int64(~(_BLANK >> kinds[u(i)]) & 1)
            places[u(n)] = n
        unit_bounds[span + 1] = n


@numba.njit(cache=True, nogil=True)
def count_ngrams(units, places, bounds, rows, wanted, scratch, table, held, out):
    """Add to each span's row of `out` what its n-grams cover, for the lengths n where `wanted[n]` has a bit of TOP, JOINED, DUP
    or SKIPPING.

    `scratch` has room for the longest span's units and LANES more, and for its tallies; `table` 2 * SLOTS for each unit. It
    holds candidates, plus a base that grows with each use (`held[0]`), so that what was left there before reads as free.
    """
    keys, where, picked, sources, counts, times, depths, reaches, bits, tallies = scratch
    shortest = last_top = first = longest = 0  # `first` that is asked for DUP or SKIPPING
    for n in range(1, len(wanted)):
        if wanted[n]:
            longest = n
            shortest = shortest or n
            if wanted[n] & (TOP | JOINED):
                last_top = n
            if wanted[n] & (DUP | SKIPPING):
                first = first or n
    for span in range(len(rows)):
        row = out[rows[span]]
        begin = bounds[span]
        total = bounds[span + 1] - begin
        own, spots = units[begin : begin + total], places[begin : begin + total + 1]
        row[UNITS_CHARS] += spots[total] - spots[0]
        if total <= shortest:
            continue
        n = shortest
        kept = _all_of(n, own, keys, where)
        while True:
            _tally(kept, keys, picked, tallies, times)
            if wanted[n] & (TOP | JOINED):
                most, top, covered = _commonest(n, kept, keys, where, picked, sources, counts, times, bits, spots, table, held)
                if most > 1:
                    row[top_column(n)] += covered
                    row[joined_column(n)] += most * (spots[top + n] - spots[top] + n - 1)
            if n == (first or last_top):
                break
            kept = _longer(n, kept, own, keys, where, picked, times, bits)
            n += 1
            if kept < 2:
                break
        if kept < 2 or not first:
            continue
        kept = _that_may_repeat(kept, keys, where, picked, times, bits)
        if not _walk(first, longest, own, kept, keys, where, sources, depths, reaches, table, held):
            continue
        _clear(times, 0, kept)
        for n in range(first, longest + 1):
            if wanted[n] & DUP:
                row[dup_column(n)] += _covered_again(total, n, depths, spots)
            if wanted[n] & SKIPPING:
                row[skipping_column(n)] += _covered_skipping(n, kept, where, sources, depths, reaches, times, spots)


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
    return ((key ^ (key >> u(32))) * PRIME) >> shift


@numba.njit(cache=True, nogil=True)
def _all_of(n, units, keys, where):
    """The key of the n-gram at every place: all are candidates. Returns how many."""
    left = len(units) - n + 1
    for p in range(left):
        where[u(p)] = p
        keys[u(p)] = units[u(p)]
    for k in range(1, n):
        for p in range(left):
            keys[u(p)] = keys[u(p)] * SEED + units[u(p + k)]
    return left


@numba.njit(cache=True, nogil=True)
def _tally(kept, keys, slots, tallies, times):
    """Write how often each candidate occurs, at most, to `times`; MOST if it is more. The first candidates by their slots."""
    bits = _bits(kept)
    shift = u(64 - bits)
    for i in range(kept):
        slots[u(i)] = np.uint32(_slot(keys[u(i)], shift))
    _clear(tallies, 0, 1 << bits)
    for i in range(kept):
        slot = u(slots[u(i)])
        tally = tallies[slot]
        tallies[slot] = tally + np.uint8(tally < MOST)
    for i in range(kept):
        times[u(i)] = tallies[u(slots[u(i)])]


@numba.njit(cache=True, nogil=True)
def _at_least(least, kept, times, bits):
    """Set `bits` to the candidates with such a tally."""
    for at in range(0, kept, LANES):
        bits[at // LANES] = within(times, at, np.uint8(least), np.uint8(MOST)) & _inside(at, kept)


@numba.njit(cache=True, nogil=True)
def _listed(kept, bits, picked):
    """Write the numbers of the bits that are set. Returns how many."""
    found = 0
    for at in range(0, kept, LANES):
        found = list64(picked, found, bits[at // LANES], at)
    return found


@numba.njit(cache=True, nogil=True)
def _that_may_repeat(kept, keys, where, picked, times, bits):
    """Keep the candidates that may occur twice. Returns how many."""
    _at_least(2, kept, times, bits)
    found = _listed(kept, bits, picked)
    for k in range(found):
        i = u(picked[u(k)])
        where[u(k)] = where[i]
        keys[u(k)] = keys[i]
    return found


@numba.njit(cache=True, nogil=True)
def _longer(n, kept, units, keys, where, picked, times, bits):
    """Make the candidates of n + 1 from those of n. Returns how many."""
    _at_least(2, kept, times, bits)
    words = (kept + LANES - 1) // LANES
    bits[words] = 0
    for word in range(words):
        bits[word] &= bits[word] >> _ONE | bits[word + 1] << u(LANES - 1)
    found = _listed(kept, bits, picked)
    left = 0
    for k in range(found):
        i = u(picked[u(k)])
        p = where[i]
        follows = where[i + _ONE] == p + 1
        keys[u(left)] = keys[i] * SEED + units[u(p + n)]
        where[u(left)] = p
        left += np.int64(follows)
    return left


@numba.njit(cache=True, nogil=True)
def _open(entries, places, table, held):
    """Make `table` ready for so many of as many candidates: its shift, its last slot, its base."""
    bits = _bits(entries)
    if held[0] > 0x7FFFFFFF - places - 1:
        _clear(table, 0, len(table))
        held[0] = 0
    base = np.int64(held[0])
    held[0] += places
    return u(64 - bits), u((1 << bits) - 1), base


@numba.njit(inline="always")
def _find(i, key, keys, table, shift, last_slot, base):
    """The first candidate with this key, now noted if it is `i` itself. No branch but where two keys meet: what repeats in a
    text cannot be guessed."""
    keys[u(i)] = key
    at = _slot(key, shift)
    while True:
        noted = np.int64(table[at]) - base - 1
        first = max(noted, 0) + (i & (noted >> 63))
        if keys[u(first)] == key:
            break
        at = (at + u(1)) & last_slot
    table[at] = np.int32(first + base + 1)
    return first


@numba.njit(cache=True, nogil=True)
def _commonest(n, kept, keys, where, picked, sources, counts, times, bits, places, table, held):
    """How often the commonest n-gram occurs, where it first does, and the characters it covers."""
    least = 0
    for i in range(kept):
        least = max(least, times[u(i)])
    most = some = 0
    while least > 1:
        _at_least(least, kept, times, bits)
        some = _listed(kept, bits, picked)
        shift, last_slot, base = _open(some, kept, table, held)
        most = 0
        for k in range(some):
            i = np.int64(picked[u(k)])
            first = _find(i, keys[u(i)], keys, table, shift, last_slot, base)
            sources[u(i)] = first
            counts[u(i)] = 0
            counts[u(first)] += np.uint32(1)
            most = max(most, np.int64(counts[u(first)]))
        if most >= least or least == 2:
            break
        least = max(most, 2)  # all that may occur as often
    if most < 2:
        return 0, 0, 0
    at = 0
    while counts[u(picked[u(at)])] != most:
        at += 1
    top = picked[u(at)]
    covered = to = 0
    for k in range(at, some):
        i = u(picked[u(k)])
        if sources[i] == top:
            p = np.int64(where[i])
            covered += places[u(p + n)] - places[u(max(p, to))]
            to = p + n
    return most, np.int64(where[u(top)]), covered


@numba.njit(cache=True, nogil=True)
def _walk(n, longest, units, kept, keys, where, sources, depths, reaches, table, held):
    """`depths`: how long, up to `longest` and 0 if shorter than `n`, the passage is that begins at each place and stood before.
    `sources`: for each candidate, where that passage stood first. `reaches`: the longest that begins there and occurs twice.
    Returns whether there are any.

    What is looked up is a tree of passages: a node is where one first stood, its length and the unit behind it. Where a passage
    of the greatest length goes on, nothing is: the next one stood a place later.
    """
    _clear(depths, 0, len(units))
    _clear(reaches, 0, kept)
    shift, last_slot, base = _open(kept, kept, table, held)
    longest_found = source = 0
    goes_on = False
    for i in range(kept):
        p = np.int64(where[u(i)])
        most = min(longest, len(units) - p)
        if goes_on and most == longest and where[u(i - 1)] + 1 == p and _alike(units, where[u(source)] + 1, p, longest - 1):
            source += 1
            if depths[u(where[u(source)])] == longest:
                source = np.int64(sources[u(source)])
            depth = longest
        else:
            source = _find(i, keys[u(i)], keys, table, shift, last_slot, base)
            depth = n if source != i else 0
            while source != i:
                stood = where[u(source)]
                while depth < most and _alike(units, stood, p, depth):
                    depth += 1
                if depth == most:
                    break
                key = units[u(p + depth)] + u(source * (LONGEST + 1) + depth) * SEED
                then = _find(i, key, keys, table, shift, last_slot, base)
                if then == i:
                    break
                source = then
                depth += 1
        goes_on = depth == longest
        depths[u(p)] = depth
        sources[u(i)] = source
        reaches[u(i)] = depth
        reaches[u(source)] = max(reaches[u(source)], depth)
        longest_found = max(longest_found, depth)
    return longest_found > 0


@numba.njit(inline="always")
def _alike(units, one, other, ahead):
    return units[u(one + ahead)] == units[u(other + ahead)]


@numba.njit(cache=True, nogil=True)
def _covered_skipping(n, kept, where, sources, depths, reaches, met, places):
    """Characters of the n-grams that were met before, reading on behind each of them. Marks those that are `met`."""
    covered = to = 0
    for i in range(kept):
        p = np.int64(where[u(i)])
        if reaches[u(i)] < n or p < to:
            continue
        first = u(i)
        while depths[u(where[first])] >= n:  # shorter passages stood earlier: at most as often as there are lengths
            first = u(sources[first])
        if met[first] == n:
            covered += places[u(p + n)] - places[u(p)]
            to = p + n
        met[first] = n
    return covered


@numba.njit(inline="always")
def _inside(at, total):
    """Which of the 64 places from `at` on are before `total`."""
    return (_ONE << u(total - at)) - _ONE if total - at < LANES else _ALL


@numba.njit(cache=True, nogil=True)
def _covered_again(total, n, depths, places):
    """Characters of the n-grams that stood before."""
    covered = 0
    alone = places[total] - places[0] == total  # every unit is one character
    ahead = 0  # how many of the next places the last of these n-grams covers
    for at in range(0, total, LANES):
        some = within(depths, at, np.uint8(n), np.uint8(LONGEST)) & _inside(at, total)
        if not some and not ahead:
            continue
        bits = some
        width = 1
        while width < n:
            more = min(width, n - width)
            bits |= bits << u(more)
            width += more
        bits |= (_ONE << u(ahead)) - _ONE
        ahead = max(highest(some) + n - LANES, 0)
        if alone:
            covered += count(bits)
            continue
        while bits:
            low = lowest(bits)
            run = lowest(~(bits >> u(low)))
            covered += places[at + low + run] - places[at + low]
            bits &= bits + (_ONE << u(low))
    return covered
