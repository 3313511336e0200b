"""Counts of characters by class, of distinct characters, their entropy, and text inside 【】."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from curator.metrics.classes import BLANKS, CLASSES, LENTICULAR_CLOSE, LENTICULAR_OPEN, NEWLINE, mask
from curator.metrics.compiled import inner, kernel
from curator.metrics.vectors import LANES, count, within

# Columns of `out`: one for each class, then these.
BRACKETED = CLASSES
VISIBLE = CLASSES + 1  # all but whitespace
COLUMNS = CLASSES + 2

_BLANK = mask(BLANKS)
_ONE = np.uint64(1)
_LOGS = np.array([0.0, *(n * math.log(n) for n in range(1, 1024))])  # n ln(n)


def wanted_classes(columns: Iterable[int]) -> np.ndarray:
    """The classes that must be counted for these columns of `out`."""
    needed = {BRACKETED: (LENTICULAR_OPEN,), VISIBLE: BLANKS}
    return np.array(sorted({kind for column in columns for kind in needed.get(column, (column,))}), np.uint8)


@kernel
def count_characters(kinds, bounds, rows, wanted, out):
    """Add each span's characters of the `wanted` classes to its row of `out`, all that are not whitespace, and those that stand
    inside 【】 on one line."""
    for span in range(len(rows)):
        row = np.uint64(rows[span])
        begin = bounds[span]
        end = bounds[span + 1]
        out[row, VISIBLE] += end - begin
        for kind in wanted:
            found = 0
            at = begin
            while at + LANES <= end:
                found += count(within(kinds, at, kind, kind))
                at += LANES
            found += count(within(kinds, at, kind, kind) & ((_ONE << np.uint64(end - at)) - _ONE))
            out[row, kind] += found
            out[row, VISIBLE] -= found * np.int64((_BLANK >> kind) & 1)
            if kind == LENTICULAR_OPEN and found:
                out[row, BRACKETED] += _bracketed(kinds, begin, end)


@kernel
def count_all(bounds, rows, out):
    """Add each span's characters, of whatever class, to its row of `out`."""
    for span in range(len(rows)):
        out[rows[span], 0] += bounds[span + 1] - bounds[span]


@inner
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


@kernel
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
        known = held[1]
        for i in range(bounds[span], bounds[span + 1]):  # no branch: which characters are new cannot be guessed
            point = np.uint64(points[np.uint64(i)])
            visible = np.int32(~(_BLANK >> kinds[np.uint64(i)]) & 1)
            before = counts[point]
            seen[np.uint64(known)] = np.int32(point)
            known += visible & np.int32(before == 0)
            counts[point] = before + visible
        held[1] = known
    if final:
        _finish(counts, seen, held, distinct, entropy_sum)


@inner
def _finish(counts, seen, held, distinct, entropy_sum):
    if held[0] >= 0:
        total = 0.0
        for i in range(held[1]):
            count = counts[seen[i]]
            total += _LOGS[count] if count < len(_LOGS) else count * math.log(np.float64(count))
            counts[seen[i]] = 0
        distinct[held[0]] = held[1]
        entropy_sum[held[0]] = total
    held[1] = 0
