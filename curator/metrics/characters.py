"""Counts of characters by class, of distinct characters, their entropy, and text inside 【】."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from curator.metrics.classes import BLANKS, LENTICULAR_CLOSE, LENTICULAR_OPEN, NEWLINE, mask
from curator.metrics.compiled import inner, kernel
from curator.metrics.vectors import LANES, count, within

# What is counted of a range of classes: its characters, all others, or those that stand inside 【】 on one line.
_ALIKE, _OTHERS, _BETWEEN = 0, 1, 2


def _column(what: int, first: int, last: int) -> int:
    """A number for each thing that can be counted."""
    return what << 16 | first << 8 | last


VISIBLE = _column(_OTHERS, BLANKS[0], BLANKS[-1])
BRACKETED = _column(_BETWEEN, LENTICULAR_OPEN, LENTICULAR_OPEN)
COLUMNS = BRACKETED + 1  # none is made that no metric reads

_BLANK = mask(BLANKS)
_ONE = np.uint64(1)
_LOGS = np.array([0.0, *(n * math.log(n) for n in range(1, 1024))])  # n ln(n)


def columns_of(kinds: Iterable[int]) -> list[int]:
    """What counts the characters of these classes, together: a number for each range of them without a gap."""
    found: list[int] = []
    for kind in sorted(kinds):
        grows = found and found[-1] & 0xFF == kind - 1
        found.append(_column(_ALIKE, found.pop() >> 8 if grows else kind, kind))
    return found


def classes_of(column: int) -> range:
    """The classes whose characters it counts; none if it counts something else."""
    what, first, last = column >> 16, column >> 8 & 0xFF, column & 0xFF
    return range(first, last + 1) if what == _ALIKE else range(0)


def wanted_ranges(places: Mapping[int, int]) -> np.ndarray:
    """What `count_characters` counts, by the columns of `out` that it is wanted in: what of which range, and the column."""
    return np.array([(what >> 16, what >> 8 & 0xFF, what & 0xFF, place) for what, place in places.items()], np.uint8)


@kernel
def count_characters(kinds, bounds, rows, wanted, out):
    """Add what is `wanted` of each span's characters to its row of `out`."""
    for span in range(len(rows)):
        row = np.uint64(rows[span])
        begin = bounds[span]
        end = bounds[span + 1]
        for k in range(len(wanted)):
            what, first, last, column = wanted[k]
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
