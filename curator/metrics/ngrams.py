"""Repetition: the share of a text that its commonest n-gram covers, and the share that repeated n-grams cover.

Units are characters (whitespace left out) or tokens (see tokens.py). Covered characters are those of the units, each counted
once even where n-grams overlap.
- *top*: all occurrences of the commonest n-gram (the first to appear, of equals), if it occurs twice or more.
- *dup*: every occurrence of an n-gram but its first.

Two more are what published thresholds were tuned with, as datatrove computes them:
- *joined*: occurrences of the commonest n-gram × its characters and n - 1 spaces; more than the text where occurrences overlap.
- *skipping*: n-grams that were met before, reading on behind each: the rest of a repeated passage, shorter than n, is not seen.

An n-gram is known by a 64-bit polynomial hash of its units' hashes, rolled on from the (n-1)-gram at the same place: two of N
different n-grams of a text are taken for one with a chance of about N² / 2^65 (3e-8 for a million). Only places whose
(n-1)-gram repeats can hold a repeated n-gram, so each length looks at those alone and the search ends when none is left.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import BLANKS, mask
from curator.metrics.hashes import PRIME, SEED

LONGEST = 20  # of the lengths that may be asked for
TOP, DUP, JOINED, SKIPPING = 1, 2, 4, 8  # what may be asked of a length
UNITS_CHARS = 0  # columns of `out`: characters of all units, then four for each length
COLUMNS = 1 + 4 * (LONGEST + 1)

_BLANK = mask(BLANKS)
_MET = np.int32(1 << 30)


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
    """Characters that are not whitespace as units, with hashes; see `count_words` for the other arrays."""
    n = 0
    unit_bounds[0] = 0
    places[0] = 0
    for span in range(len(bounds) - 1):
        for i in range(bounds[span], bounds[span + 1]):
            x = (np.uint64(points[i]) + SEED) * PRIME
            x = (x ^ (x >> np.uint64(32))) * PRIME
            units[n] = x ^ (x >> np.uint64(29))  # written over if it is whitespace: a branch would be guessed wrong too often
            n += np.int64(~(_BLANK >> kinds[i]) & 1)
            places[n] = n
        unit_bounds[span + 1] = n


@numba.njit(cache=True, nogil=True)
def count_ngrams(units, places, bounds, rows, wanted, scratch, table, held, out):
    """Add to each span's row of `out` what its n-grams cover, for the lengths n where `wanted[n]` has a bit of TOP, JOINED, DUP
    or SKIPPING.

    `table` (at least four times the longest span's units) holds places of first occurrences, plus a base that grows
    from length to length (`held[0]`), so that what was left there before reads as free.
    """
    hashes, starts, firsts, counts = scratch
    shortest = 1
    while not wanted[shortest]:
        shortest += 1
    longest = len(wanted) - 1
    while not wanted[longest]:
        longest -= 1
    for span in range(len(rows)):
        row = out[rows[span]]
        begin = bounds[span]
        total = bounds[span + 1] - begin
        own_units, own_places = units[begin : begin + total], places[begin : begin + total + 1]
        row[UNITS_CHARS] += own_places[total] - own_places[0]
        left = max(total - shortest + 1, 0)
        for i in range(left):
            x = own_units[u(i)]
            for k in range(1, shortest):
                x = x * SEED + own_units[u(i + k)]
            hashes[u(i)] = x
            starts[u(i)] = i
        n = shortest
        while left > 1 and n <= longest:
            if not _find_repeats(left, hashes, firsts, counts, table, held):
                break
            if wanted[n] & (TOP | JOINED):
                most, top = _commonest(left, counts)
                start = np.int64(starts[top])
                row[top_column(n)] += _covered_by(top, most, firsts, starts, own_places, n)
                row[joined_column(n)] += most * (own_places[start + n] - own_places[start] + n - 1)
            if wanted[n] & DUP:
                row[dup_column(n)] += _covered_again(left, firsts, starts, own_places, n)
            if wanted[n] & SKIPPING:
                row[skipping_column(n)] += _covered_skipping(left, firsts, starts, counts, own_places, n)
            left = _longer(left, hashes, starts, firsts, counts, own_units, n)
            n += 1


@numba.njit(inline="always")
def u(i):
    """An index that cannot be negative, which spares numba a test."""
    return np.uint64(i)


@numba.njit(cache=True, nogil=True)
def _find_repeats(left, hashes, firsts, counts, table, held):
    """For each candidate n-gram the first that equals it, and for that one their number. Returns how many stood before."""
    bits = 2
    while (1 << bits) < 2 * left:
        bits += 1
    shift = u(64 - bits)
    last_slot = u((1 << bits) - 1)
    if held[0] > 0x7FFFFFFF - left - 1:
        table[:] = 0
        held[0] = 0
    base = np.int32(held[0])
    held[0] += left
    repeats = 0
    for i in range(left):
        x = hashes[u(i)]
        at = ((x ^ (x >> u(32))) * PRIME) >> shift
        firsts[u(i)] = i
        counts[u(i)] = 1
        while True:
            slot = table[at]
            if slot <= base:
                table[at] = base + np.int32(i + 1)
                break
            first = u(slot - base - 1)
            if hashes[first] == x:
                firsts[u(i)] = np.int32(first)
                counts[first] += 1
                repeats += 1
                break
            at = (at + u(1)) & last_slot
    return repeats


@numba.njit(cache=True, nogil=True)
def _longer(left, hashes, starts, firsts, counts, units, n):
    """The candidates of length n + 1: where an n-gram repeats, and one more unit follows. Returns how many."""
    kept = u(0)
    for i in range(left):
        start = np.int64(starts[u(i)])
        if start + n >= len(units):
            break
        hashes[kept] = hashes[u(i)] * SEED + units[u(start + n)]
        starts[kept] = start
        kept += u(counts[u(firsts[u(i)])] > 1)
    return np.int64(kept)


@numba.njit(cache=True, nogil=True)
def _commonest(left, counts):
    """The greatest number of occurrences, and the first candidate that has it."""
    most = np.int32(0)
    for i in range(left):
        most = max(most, counts[u(i)])
    top = 0
    while counts[top] != most:
        top += 1
    return np.int64(most), top


@numba.njit(cache=True, nogil=True)
def _covered_again(left, firsts, starts, places, n):
    """Characters of the n-grams that stood before."""
    covered = np.int64(0)
    to = np.int64(0)
    for i in range(left):
        again = np.int64(firsts[u(i)] != i)  # as a factor: a branch would be guessed wrong too often
        start = np.int64(starts[u(i)])
        covered += again * (places[u(start + n)] - places[u(max(start, to))])
        to += again * (start + n - to)
    return covered


@numba.njit(cache=True, nogil=True)
def _covered_by(top, most, firsts, starts, places, n):
    """Characters of the `most` occurrences of the n-gram that first stands at candidate `top`."""
    covered = 0
    to = 0
    i = top
    while most > 0:
        if firsts[i] == top:
            start = np.int64(starts[i])
            covered += places[start + n] - places[max(start, to)]
            to = start + n
            most -= 1
        i += 1
    return covered


@numba.njit(cache=True, nogil=True)
def _covered_skipping(left, firsts, starts, counts, places, n):
    """Characters of the n-grams that were met before, reading on behind each of them. Marks the counts of those met."""
    covered = 0
    to = 0
    for i in range(left):
        first = u(firsts[u(i)])
        start = np.int64(starts[u(i)])
        if (counts[first] < 2) | (start < to):
            continue
        if counts[first] & _MET:
            covered += places[u(start + n)] - places[u(start)]
            to = start + n
        else:
            counts[first] |= _MET
    return covered
