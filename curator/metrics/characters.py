"""Counts of characters by class, of distinct characters, their entropy, and text inside 【】."""

from __future__ import annotations

import math

import numba
import numpy as np

from curator.metrics.classes import BLANKS, CLASSES, LENTICULAR_CLOSE, LENTICULAR_OPEN, NEWLINE, mask
from curator.metrics.vectors import LANES, count, within

# Columns of `out`: one for each class, then these.
BRACKETED = CLASSES
VISIBLE = CLASSES + 1  # all but whitespace
COLUMNS = CLASSES + 2

_BLANK = mask(BLANKS)
_ONE = np.uint64(1)


@numba.njit(cache=True, nogil=True)
def count_characters(kinds, bounds, rows, out):
    """Add each span's characters by class to its row of `out`, and those that stand inside 【】 on one line."""
    for span in range(len(rows)):
        row = out[rows[span]]
        begin = bounds[span]
        end = bounds[span + 1]
        for kind in range(CLASSES):
            found = 0
            at = begin
            while at + LANES <= end:
                found += count(within(kinds, at, kind, kind))
                at += LANES
            found += count(within(kinds, at, kind, kind) & ((_ONE << np.uint64(end - at)) - _ONE))
            row[kind] += found
            row[VISIBLE] += found * np.int64(not (_BLANK >> kind) & 1)
            if kind == LENTICULAR_OPEN and found:
                row[BRACKETED] += _bracketed(kinds, begin, end)


@numba.njit(cache=True, nogil=True)
def count_all(bounds, rows, out):
    """Add each span's characters, of whatever class, to its row of `out`."""
    for span in range(len(rows)):
        out[rows[span], 0] += bounds[span + 1] - bounds[span]


@numba.njit(cache=True, nogil=True)
def _bracketed(kinds, begin, end):
    found = 0
    opened = -1
    for i in range(begin, end):
        kind = kinds[i]
        if kind == LENTICULAR_OPEN:
            if opened < 0:
                opened = i
        elif kind == LENTICULAR_CLOSE:
            if opened >= 0:
                found += i - opened - 1
            opened = -1
        elif kind == NEWLINE:
            opened = -1
    return found


@numba.njit(cache=True, nogil=True)
def count_distinct(points, kinds, bounds, rows, final, counts, seen, held, distinct, entropy_sum):
    """Distinct code points of each row, whitespace aside, and the sum of count × ln(count) over them, in the order of their
    first occurrence.

    `counts` (one per code point) and `seen` (those met) carry a row from span to span; `held` holds the row and the number
    seen. `final` finishes the last row.
    """
    for span in range(len(rows)):
        if rows[span] != held[0]:
            _finish(counts, seen, held, distinct, entropy_sum)
            held[0] = rows[span]
        for i in range(bounds[span], bounds[span + 1]):
            if (_BLANK >> kinds[i]) & 1:
                continue
            point = points[i]
            if counts[point] == 0:
                seen[held[1]] = point
                held[1] += 1
            counts[point] += 1
    if final:
        _finish(counts, seen, held, distinct, entropy_sum)


@numba.njit(cache=True, nogil=True)
def _finish(counts, seen, held, distinct, entropy_sum):
    if held[0] >= 0:
        total = 0.0
        for i in range(held[1]):
            count = counts[seen[i]]
            total += count * math.log(np.float64(count))
            counts[seen[i]] = 0
        distinct[held[0]] = held[1]
        entropy_sum[held[0]] = total
    held[1] = 0
