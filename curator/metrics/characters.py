"""Counts of characters by class, of distinct characters, their entropy, and text inside 【】."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from curator.metrics.classes import BLANKS, CLASSES, LENTICULAR_CLOSE, LENTICULAR_OPEN, NEWLINE, mask
from curator.metrics.compiled import inner, kernel
from curator.metrics.vectors import LANES, count, within

# What can be counted: each class, and these.
BRACKETED = CLASSES
VISIBLE = CLASSES + 1  # all but whitespace
COLUMNS = CLASSES + 2

_ALIKE, _OTHERS, _BETWEEN = 0, 1, 2  # what is counted of a range of classes
_BLANK = mask(BLANKS)
_ONE = np.uint64(1)
_LOGS = np.array([0.0, *(n * math.log(n) for n in range(1, 1024))])  # n ln(n)


def wanted_ranges(places: Mapping[int, int]) -> np.ndarray:
    """What `count_characters` counts, by the columns of `out` that it is wanted in: the first and last class of a range, what
    is counted of it, and the column."""
    special = {BRACKETED: (LENTICULAR_OPEN, LENTICULAR_OPEN, _BETWEEN), VISIBLE: (BLANKS[0], BLANKS[-1], _OTHERS)}
    return np.array([(*special.get(what, (what, what, _ALIKE)), place) for what, place in places.items()], np.uint8)


@kernel
def count_characters(kinds, bounds, rows, wanted, out):
    """Add each span's characters of each of the `wanted` ranges to its row of `out`, or all others, or those that stand inside
    【】 on one line."""
    for span in range(len(rows)):
        row = np.uint64(rows[span])
        begin = bounds[span]
        end = bounds[span + 1]
        for k in range(len(wanted)):
            first, last, what, column = wanted[k]
            found = 0
            at = begin
            while at + LANES <= end:
                found += count(within(kinds, at, first, last))
                at += LANES
            found += count(within(kinds, at, first, last) & ((_ONE << np.uint64(end - at)) - _ONE))
            if what == _OTHERS:
                found = end - begin - found
            elif what == _BETWEEN and found:
                found = _bracketed(kinds, begin, end)
            out[row, column] += found


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
