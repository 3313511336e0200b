"""Repetition: the share of a text that its commonest n-gram covers, and the share that repeated n-grams cover.

Units are characters (whitespace left out) or tokens of `words`. Covered characters are true ones: a character that overlapping
n-grams cover counts once, so a share is at most 1.
- *top*: all occurrences of the commonest n-gram (the first to appear, of equals), if it occurs twice or more.
- *dup*: every occurrence of an n-gram but its first.
- *joined*: not a share of covered characters but datatrove's number, which thresholds of FineWeb-2 were chosen by: occurrences
  of the commonest n-gram, overlapping ones too, times its characters and n - 1 spaces.

An n-gram is known by a 64-bit polynomial hash of its units' hashes, rolled on from the (n-1)-gram at the same place: two of N
different n-grams of a text are taken for one with a chance of about N² / 2^65 (3e-8 for a million). Only places whose
(n-1)-gram repeats can hold a repeated n-gram, so each length looks at those alone and the search ends when none is left.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.classes import NEWLINE, SPACE, mask

LONGEST = 20  # of the lengths that may be asked for
UNITS_CHARS = 0  # columns of `out`: characters of all units, then top, dup and joined for each length
COLUMNS = 1 + 3 * (LONGEST + 1)
TOP, DUP, JOINED = 1, 2, 4  # bits of `wanted`

_BLANK = mask((SPACE, NEWLINE))
_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)


def top_column(n: int) -> int:
    return 1 + n


def dup_column(n: int) -> int:
    return 1 + LONGEST + 1 + n


def joined_column(n: int) -> int:
    return 1 + 2 * (LONGEST + 1) + n


@numba.njit(cache=True, nogil=True)
def character_units(points, kinds, bounds, units, places, unit_bounds):
    """Characters that are not whitespace as units, with hashes; see `count_words` for the other arrays."""
    n = 0
    unit_bounds[0] = 0
    places[0] = 0
    for span in range(len(bounds) - 1):
        for i in range(bounds[span], bounds[span + 1]):
            if not (_BLANK >> kinds[i]) & 1:
                x = (np.uint64(points[i]) + _SEED) * _PRIME
                x = (x ^ (x >> np.uint64(32))) * _PRIME
                units[n] = x ^ (x >> np.uint64(29))
                n += 1
                places[n] = n
        unit_bounds[span + 1] = n


@numba.njit(cache=True, nogil=True)
def count_ngrams(units, places, bounds, rows, wanted, scratch, table, held, out):
    """Add to each span's row of `out` what its n-grams cover, for the lengths n where `wanted[n]` has a bit.

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
        for i in range(left):
            x = units[begin + i]
            for k in range(1, shortest):
                x = x * _SEED + units[begin + i + k]
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
            for i in range(left):
                x = hashes[i]
                at = np.int64(((x ^ (x >> np.uint64(32))) * _PRIME) >> shift)
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
                        counts[first] += 1
                        break
                    at = (at + 1) & last_slot
            if wanted[n] & (TOP | JOINED):
                for i in range(left):
                    if counts[i] > counts[top]:
                        top = i
                covered = 0
                if counts[top] > 1:
                    to = 0
                    for i in range(left):
                        if firsts[i] == top:
                            start = starts[i]
                            covered += places[begin + start + n] - places[begin + max(start, to)]
                            to = start + n
                    times = np.int64(counts[top])
                    start = np.int64(starts[top])
                    row[1 + 2 * (LONGEST + 1) + n] += times * (places[begin + start + n] - places[begin + start] + n - 1)
                row[1 + n] += covered
            if wanted[n] & DUP:
                covered = 0
                to = 0
                for i in range(left):
                    again = np.int64(firsts[i] != i)  # as a factor: a branch would be guessed wrong too often
                    start = np.int64(starts[i])
                    covered += again * (places[begin + start + n] - places[begin + max(start, to)])
                    to += again * (start + n - to)
                row[1 + LONGEST + 1 + n] += covered
            kept = 0
            for i in range(left):
                start = starts[i]
                if start + n >= total:
                    break
                hashes[kept] = hashes[i] * _SEED + units[begin + start + n]
                starts[kept] = start
                kept += np.int64(counts[firsts[i]] > 1)
            left = kept
            n += 1
