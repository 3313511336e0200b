"""Repetition: the share of a text that its commonest n-gram covers, and the share that repeated n-grams cover.

Units are characters (whitespace left out) or tokens (see tokens.py). Covered characters are those of the units, each counted
once even where n-grams overlap.
- *top*: all occurrences of the commonest n-gram (the first to appear, of equals), if it occurs twice or more.
- *dup*: every occurrence of an n-gram but its first.

Two more are what published thresholds were tuned with, as datatrove computes them:
- *joined*: occurrences of the commonest n-gram × its characters and n - 1 spaces; more than the text where occurrences overlap.
- *skipping*: n-grams that were met before, reading on behind each: the rest of a repeated passage, shorter than n, is not seen.

An n-gram is known by the place where it first stands, its class. The classes of the shortest are found by a 64-bit polynomial
hash of their units; those of length n + 1 by the class of length n and one unit more. Only where the n-gram and the one a place
later both repeat can a longer one, so each length looks at these candidates alone. Where nothing but *dup* is asked any more,
one walk finds how long a passage at each candidate stood before. Two of N different tokens or n-grams of a text are taken for
one with a chance of about N² / 2^65 (3e-8 for a million); pairs of characters, and what grows from them, never are.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import BLANKS, mask
from curator.metrics.hashes import PRIME, SEED
from curator.metrics.vectors import LANES, count, highest, lowest, within

LONGEST = 20  # of the lengths that may be asked for
TOP, DUP, JOINED, SKIPPING = 1, 2, 4, 8  # what may be asked of a length
UNITS_CHARS = 0  # columns of `out`: characters of all units, then four for each length
COLUMNS = 1 + 4 * (LONGEST + 1)
GUESSED = 4  # where an n-gram repeats that is longer, one unit more mostly repeats too
SLOTS = 6  # of the table, for each unit of the longest span

_BLANK = mask(BLANKS)
_AGAIN = 1 << 31  # for a count: the n-gram stood before
_MET = np.uint32(1 << 30)
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

    `scratch` has room for the longest span's units and LANES more; `table` SLOTS for each of them. It holds places, plus a base
    that grows with each use (`held[0]`), so that what was left there before reads as free.
    """
    keys, classes, counts, depths, bits = scratch
    shortest = last = longest = 0  # `last` needs classes, longer ones nothing but *dup*
    for n in range(1, len(wanted)):
        if wanted[n]:
            longest = n
            if not shortest:
                shortest = last = n
            if wanted[n] != DUP:
                last = n
    for span in range(len(rows)):
        row = out[rows[span]]
        begin = bounds[span]
        total = bounds[span + 1] - begin
        own, spots = units[begin : begin + total], places[begin : begin + total + 1]
        row[UNITS_CHARS] += spots[total] - spots[0]
        if total <= shortest:
            continue
        _first_classes(shortest, own, keys, classes, counts, table, held)
        left = total
        for n in range(shortest, last + 1):
            if n > shortest:
                left = _candidates(total, counts, bits)
                if left < 2:
                    break
                _next_classes(left, n, own, bits, keys, classes, counts, table, held)
            if wanted[n] & (TOP | JOINED):
                most, top = _commonest(total, counts)
                if most > 1:
                    row[top_column(n)] += _covered_by(top, most, n, own, classes, spots)
                    row[joined_column(n)] += most * (spots[top + n] - spots[top] + n - 1)
            if wanted[n] & SKIPPING:
                row[skipping_column(n)] += _covered_skipping(total, n, classes, counts, spots)
            if wanted[n] & DUP:
                _at_least(_AGAIN, total, counts, bits)
                row[dup_column(n)] += _covered_again(total, n, bits, spots)
        if left < 2 or last == longest or not _at_least(_AGAIN, total, counts, bits):
            continue
        _deepen(last, longest, own, bits, keys, classes, depths, table, held)
        for n in range(last + 1, longest + 1):
            if wanted[n] & DUP:
                for at in range(0, total, LANES):
                    bits[at // LANES] = within(depths, at, np.uint8(n), np.uint8(255)) & _inside(at, total)
                row[dup_column(n)] += _covered_again(total, n, bits, spots)


@numba.njit(inline="always")
def u(i):
    """An index that cannot be negative, which spares numba a test."""
    return np.uint64(i)


@numba.njit(inline="always")
def _clear(array, first, end):
    for i in range(first, end):
        array[u(i)] = 0


@numba.njit(inline="always")
def _open(places, entries, table, held):
    """Make `table` ready for at most so many entries, of so many places: its shift, its last slot, its base."""
    bits = 2
    while (1 << bits) < SLOTS // 2 * entries:
        bits += 1
    if held[0] > 0x7FFFFFFF - places - 1:
        _clear(table, 0, len(table))
        held[0] = 0
    base = np.int64(held[0])
    held[0] += places
    return u(64 - bits), u((1 << bits) - 1), base


@numba.njit(inline="always")
def _find(p, key, keys, table, shift, last_slot, base):
    """The first place with this key, now noted if it is `p` itself. No branch but where two keys meet: what repeats in a text
    cannot be guessed."""
    keys[u(p)] = key
    at = ((key ^ (key >> u(32))) * PRIME) >> shift
    while True:
        noted = np.int64(table[at]) - base - 1
        first = max(noted, 0) + (p & (noted >> 63))
        if keys[u(first)] == key:
            break
        at = (at + u(1)) & last_slot
    table[at] = np.int32(first + base + 1)
    return first


@numba.njit(cache=True, nogil=True)
def _first_classes(n, units, keys, classes, counts, table, held):
    """The class of the n-gram at every place, and at those that are one the number of its places; _AGAIN at the others."""
    left = len(units) - n + 1
    shift, last_slot, base = _open(left, left, table, held)
    _clear(counts, left, len(units))
    for p in range(left):
        key = units[u(p)]
        for k in range(1, n):
            key = key * SEED + units[u(p + k)]
        _count(p, key, keys, classes, counts, table, shift, last_slot, base)


@numba.njit(cache=True, nogil=True)
def _next_classes(left, n, units, bits, keys, classes, counts, table, held):
    """From the classes of the (n-1)-grams those of the n-grams at the `left` places of `bits`, and their numbers."""
    long = n > GUESSED
    shift, last_slot, base = _open(len(units), left, table, held)
    _clear(counts, 0, len(units))
    for at in range(0, len(units), LANES):
        some = bits[at // LANES]
        while some:
            p = at + lowest(some)
            some &= some - _ONE
            first = np.int64(classes[u(p)])
            if long and units[u(first + n - 1)] == units[u(p + n - 1)]:
                counts[u(p)] = np.uint32(first != p) << np.uint32(31)
                counts[u(first)] += np.uint32(1)
                continue
            key = units[u(p + n - 1)] + u(first) * SEED
            _count(p, key, keys, classes, counts, table, shift, last_slot, base)


@numba.njit(inline="always")
def _count(p, key, keys, classes, counts, table, shift, last_slot, base):
    first = _find(p, key, keys, table, shift, last_slot, base)
    classes[u(p)] = first
    counts[u(p)] = np.uint32(first != p) << np.uint32(31)
    counts[u(first)] += np.uint32(1)


@numba.njit(cache=True, nogil=True)
def _at_least(least, total, counts, bits):
    """Set `bits` to the places with such a count. Returns whether there are any."""
    found = np.uint64(0)
    for at in range(0, total, LANES):
        some = within(counts, at, np.uint32(least), np.uint32(0xFFFFFFFF)) & _inside(at, total)
        bits[at // LANES] = some
        found |= some
    return found != 0


@numba.njit(cache=True, nogil=True)
def _candidates(total, counts, bits):
    """Set `bits` to the places where an n-gram repeats, and at the next place too. Returns how many."""
    _at_least(2, total, counts, bits)
    kept = 0
    words = (total + LANES - 1) // LANES
    bits[words] = 0
    for word in range(words):
        bits[word] &= bits[word] >> _ONE | bits[word + 1] << u(LANES - 1)
        kept += count(bits[word])
    return kept


@numba.njit(cache=True, nogil=True)
def _commonest(total, counts):
    """The greatest number of places, and the first class that has it."""
    most = np.uint32(0)
    for p in range(total):
        most = max(most, counts[u(p)] & ~np.uint32(_AGAIN))
    at = 0
    found = within(counts, at, most, most)
    while not found:
        at += LANES
        found = within(counts, at, most, most)
    return np.int64(most), at + lowest(found)


@numba.njit(cache=True, nogil=True)
def _covered_by(top, most, n, units, classes, places):
    """Characters of the `most` n-grams of the class `top`."""
    covered = 0
    to = 0
    at = top
    while most > 0:
        found = within(classes, at, np.uint32(top), np.uint32(top))
        while found and most > 0:
            p = at + lowest(found)
            found &= found - _ONE
            k = n if p + n <= len(units) else -1  # a place that is no candidate may hold the class of a shorter one
            while k > 0 and units[u(p + k - 1)] == units[u(top + k - 1)]:
                k -= 1
            if k == 0:
                covered += places[p + n] - places[max(p, to)]
                to = p + n
                most -= 1
        at += LANES
    return covered


@numba.njit(cache=True, nogil=True)
def _covered_skipping(total, n, classes, counts, places):
    """Characters of the n-grams that were met before, reading on behind each of them. Marks the counts of those met."""
    covered = 0
    to = 0
    for at in range(0, total, LANES):
        some = within(counts, at, np.uint32(2), np.uint32(0xFFFFFFFF)) & _inside(at, total)
        while some:
            p = at + lowest(some)
            some &= some - _ONE
            if p < to:
                continue
            first = u(classes[u(p)])
            if counts[first] & _MET:
                covered += places[u(p + n)] - places[u(p)]
                to = p + n
            else:
                counts[first] |= _MET
    return covered


@numba.njit(cache=True, nogil=True)
def _deepen(n, longest, units, bits, keys, classes, depths, table, held):
    """How long, up to `longest`, the passage is that begins at each place of `bits` and stood before; 0 at all others.
    `classes` are those of the n-grams. What is looked up is a tree of passages: a node is where one first stood, and its
    length."""
    _clear(depths, 0, len(units))
    shift, last_slot, base = _open(len(units), len(units), table, held)
    for at in range(0, len(units), LANES):
        some = bits[at // LANES]
        while some:
            p = at + lowest(some)
            some &= some - _ONE
            first = np.int64(classes[u(p)])
            depth = n
            most = min(longest, len(units) - p)
            while True:
                while depth < most and units[u(first + depth)] == units[u(p + depth)]:
                    depth += 1
                if depth == most:
                    break
                key = units[u(p + depth)] + u(first * (LONGEST + 1) + depth) * SEED
                first = _find(p, key, keys, table, shift, last_slot, base)
                if first == p:
                    break
                depth += 1
            depths[u(p)] = depth


@numba.njit(inline="always")
def _inside(at, total):
    """Which of the 64 places from `at` on are before `total`."""
    return (_ONE << u(total - at)) - _ONE if total - at < LANES else _ALL


@numba.njit(cache=True, nogil=True)
def _covered_again(total, n, begins, places):
    """Characters of the n-grams that begin at the places of the bits `begins`."""
    covered = 0
    alone = places[total] - places[0] == total  # every unit is one character
    ahead = 0  # how many of the next places the last of these n-grams covers
    for at in range(0, total, LANES):
        some = begins[at // LANES]
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
