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
            if not (_BLANK >> kinds[i]) & 1:
                x = (np.uint64(points[i]) + SEED) * PRIME
                x = (x ^ (x >> np.uint64(32))) * PRIME
                units[n] = x ^ (x >> np.uint64(29))
                n += 1
                places[n] = n
        unit_bounds[span + 1] = n


@numba.njit(cache=True, nogil=True)
def count_ngrams(units, places, bounds, rows, wanted, scratch, table, held, out):
    """Add to each span's row of `out` what its n-grams cover, for the lengths n where `wanted[n]` has a bit of TOP, JOINED, DUP
    or SKIPPING.

    `table` (a power of two, at least twice the longest span's units) holds places of first occurrences, plus a base that grows
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
        row[UNITS_CHARS] += places[begin + total] - places[begin]
        left = max(total - shortest + 1, 0)
        if shortest == 2:
            for i in range(left):
                hashes[i] = units[begin + i] * SEED + units[begin + i + 1]
                starts[i] = i
        else:
            for i in range(left):
                x = units[begin + i]
                for k in range(1, shortest):
                    x = x * SEED + units[begin + i + k]
                hashes[i] = x
                starts[i] = i
        n = shortest
        while left > 1 and n <= longest:
            shift = np.uint64(62)
            while (np.int64(1) << np.int64(np.uint64(64) - shift)) < 2 * left:
                shift -= np.uint64(1)
            last_slot = (np.int64(1) << np.int64(np.uint64(64) - shift)) - 1
            if held[0] > 0x7FFFFFFF - left - 1:
                table[:] = 0
                held[0] = 0
            base = held[0]
            held[0] += left
            top = 0
            most = 1
            covered = 0
            to = 0
            repeats = 0
            for i in range(left):
                x = hashes[i]
                at = np.int64(((x ^ (x >> np.uint64(32))) * PRIME) >> shift)
                firsts[i] = i
                counts[i] = 1
                while True:
                    slot = np.int64(table[at])
                    if slot <= base:
                        table[at] = base + i + 1
                        break
                    first = slot - base - 1
                    if hashes[first] == x:
                        firsts[i] = first
                        repeats += 1
                        count = counts[first] + 1
                        counts[first] = count
                        if (count > most) | (count == most) & (first < top):
                            most = count
                            top = first
                        start = np.int64(starts[i])
                        covered += places[begin + start + n] - places[begin + max(start, to)]
                        to = start + n
                        break
                    at = (at + 1) & last_slot
            if not repeats:
                break
            if wanted[n] & TOP:
                row[top_column(n)] += _covered_by(top, most, firsts, starts, places[begin:], n)
            if wanted[n] & JOINED:
                start = begin + starts[top]
                row[joined_column(n)] += most * (places[start + n] - places[start] + n - 1)
            if wanted[n] & DUP:
                row[dup_column(n)] += covered
            if wanted[n] & SKIPPING:
                row[skipping_column(n)] += _covered_skipping(left, firsts, starts, counts, places[begin:], n)
            kept = 0
            for i in range(left):
                start = starts[i]
                if start + n >= total:
                    break
                hashes[kept] = hashes[i] * SEED + units[begin + start + n]
                starts[kept] = start
                kept += np.int64(counts[firsts[i]] > 1)
            left = kept
            n += 1


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
        first = firsts[i]
        start = np.int64(starts[i])
        if counts[first] < 2 or start < to:
            continue
        if counts[first] & _MET:
            covered += places[start + n] - places[start]
            to = start + n
        else:
            counts[first] |= _MET
    return covered
