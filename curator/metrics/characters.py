"""Counts of characters by class, of distinct characters, their entropy, and text inside 【】."""

from __future__ import annotations

import math

import numba
import numpy as np

from curator.metrics.classes import CLASSES, LENTICULAR_CLOSE, LENTICULAR_OPEN, NEWLINE, SPACE, mask

# Columns of `out`: one for each class, then these.
BRACKETED = CLASSES
COLUMNS = CLASSES + 1

_BLANK = mask((SPACE, NEWLINE))


@numba.njit(cache=True, nogil=True)
def count_characters(kinds, bounds, rows, out):
    """Add each span's characters by class to its row of `out`, and those that stand inside 【】 on one line."""
    for span in range(len(rows)):
        row = out[rows[span]]
        opened = -1
        for i in range(bounds[span], bounds[span + 1]):
            kind = kinds[i]
            row[kind] += 1
            if kind == LENTICULAR_OPEN:
                if opened < 0:
                    opened = i
            elif kind == LENTICULAR_CLOSE:
                if opened >= 0:
                    row[BRACKETED] += i - opened - 1
                opened = -1
            elif kind == NEWLINE:
                opened = -1


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
