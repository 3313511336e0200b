"""Where words begin inside runs of Han characters, as jieba cuts them (rjieba).

Only the runs reach the segmenter, joined by newlines: what stands between them does not change how they are cut, so where a
word begins depends on its run alone. The time is linear in the run, be it a million characters without a boundary.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from curator.metrics.classes import HAN
from curator.metrics.compiled import allocating, kernel

LIBRARIES = ("rjieba",)  # whose version can change a number

AT_ONCE = 8000  # characters that are cut together: their words stay in the processor's cache until they are counted
KEYS = 3  # numbers that hold the characters of a run, four each
LONGEST = 4 * KEYS
REMEMBERED = 1 << 16
_SHIFT = np.uint64(64 - 16)
_PENDING = np.uint64(1 << 32)  # and the number of the run that is being cut
_PRIME = np.uint64(0x9E3779B97F4A7C15)


class HanWords:
    """Marks the words of chunk after chunk. Short runs come again and again (menus, dates, names): each is cut once while it is
    remembered."""

    def __init__(self) -> None:
        self._known = np.zeros((REMEMBERED, KEYS + 1), np.uint64)  # a run's characters, and where words begin in it

    def mark(self, points: np.ndarray, kinds: np.ndarray, bounds: np.ndarray, begins: np.ndarray) -> None:
        """Set `begins` to 1 at every Han character that begins a word and to 0 at every other one, unknown words guessed by
        jieba's HMM: the words that the usual Chinese tokenizers count."""
        starts, stops, slots, again, first = _new_runs(points, kinds, bounds, self._known, begins)
        mark(points, starts, stops, begins, hmm=True)
        _remember(starts, stops, slots, again, first, begins, self._known)


def mark(points: np.ndarray, starts: np.ndarray, stops: np.ndarray, begins: np.ndarray, *, hmm: bool) -> None:
    """The same for the runs `starts[i]:stops[i]`. Each must be a whole run of Han characters."""
    if not len(starts):
        return
    joined, ends = _join(points, starts, stops)
    lengths, first = [], 0
    while first < len(joined):
        last = int(ends[min(np.searchsorted(ends, first + AT_ONCE), len(ends) - 1)])
        lengths.append(_lengths(_segmenter().cut(joined[first:last].tobytes().decode("utf-32-le"), hmm)))
        first = last
    _scatter(np.concatenate(lengths, dtype=np.int32), starts, stops, begins)


def _lengths(words: list[str]) -> np.ndarray:
    try:
        return np.frombuffer(bytes(map(len, words)), np.uint8)
    except ValueError:  # a word of more than 255 characters
        return np.fromiter(map(len, words), np.int32, len(words))


@functools.cache
def _segmenter() -> Any:
    import rjieba  # here, because it reads a dictionary

    return rjieba


@allocating
def _new_runs(points, kinds, bounds, known, begins):
    """Runs of Han characters, none across two spans. Those that are remembered are marked in `begins`; the others are returned,
    with their slots in `known` (-1 for none), but for those equal to one of them: where they begin is `again`, and that one's
    number is `first`."""
    room = 0
    for span in range(len(bounds) - 1):
        before = False
        for i in range(bounds[span], bounds[span + 1]):
            han = kinds[i] == HAN
            room += han and not before
            before = han
    starts = np.empty(room, np.int64)
    stops = np.empty(room, np.int64)
    slots = np.empty(room, np.int32)
    again = np.empty(room, np.int32)
    first = np.empty(room, np.int32)
    n = 0
    repeats = 0
    for span in range(len(bounds) - 1):
        i = bounds[span]
        last = bounds[span + 1]
        while i < last:
            if kinds[i] != HAN:
                i += 1
                continue
            start = i
            while i < last and kinds[i] == HAN:
                i += 1
            short, a, b, c = _key(points, start, i)
            slot = -1
            if short:
                mixed = ((a * _PRIME ^ b) * _PRIME ^ c) * _PRIME
                slot = np.int64(mixed >> _SHIFT)
                row = known[slot]
                if row[0] == a and row[1] == b and row[2] == c:
                    if row[KEYS] < _PENDING:
                        for k in range(start, i):
                            begins[k] = (row[KEYS] >> np.uint64(k - start)) & np.uint64(1)
                    else:
                        again[repeats] = start
                        first[repeats] = np.int64(row[KEYS] - _PENDING)
                        repeats += 1
                    continue
                row[0] = a
                row[1] = b
                row[2] = c
                row[KEYS] = _PENDING + np.uint64(n)
            starts[n] = start
            stops[n] = i
            slots[n] = slot
            n += 1
    return starts[:n], stops[:n], slots[:n], again[:repeats], first[:repeats]


@kernel
def _key(points, start, stop):
    """Whether a run is one to remember, and its characters in three numbers."""
    a = np.uint64(0)
    b = np.uint64(0)
    c = np.uint64(0)
    if stop - start > LONGEST:
        return False, a, b, c
    for i in range(start, stop):
        if points[i] > 0xFFFF:
            return False, a, b, c
        b = b << np.uint64(16) | a >> np.uint64(48) if i - start < 8 else b
        c = c << np.uint64(16) | np.uint64(points[i]) if i - start >= 8 else c
        a = a << np.uint64(16) | np.uint64(points[i]) if i - start < 8 else a
    return True, a, b, c


@kernel
def _remember(starts, stops, slots, again, first, begins, known):
    for run in range(len(starts)):
        if slots[run] < 0 or known[slots[run], KEYS] != _PENDING + np.uint64(run):
            continue
        mask = np.uint64(0)
        for k in range(stops[run] - starts[run]):
            mask |= np.uint64(begins[starts[run] + k]) << np.uint64(k)
        known[slots[run], KEYS] = mask
    for repeat in range(len(again)):
        run = first[repeat]
        for k in range(stops[run] - starts[run]):
            begins[again[repeat] + k] = begins[starts[run] + k]


@allocating
def _join(points, starts, stops):
    """The characters of the runs, a newline after each, and where each newline ends."""
    total = 0
    for run in range(len(starts)):
        total += stops[run] - starts[run] + 1
    joined = np.empty(total, np.uint32)
    ends = np.empty(len(starts), np.int64)
    n = 0
    for run in range(len(starts)):
        for i in range(starts[run], stops[run]):
            joined[n] = points[i]
            n += 1
        joined[n] = 10
        n += 1
        ends[run] = n
    return joined, ends


@kernel
def _scatter(lengths, starts, stops, begins):
    """`lengths`: of the words of all runs and of the newlines after them, in order."""
    run = 0
    i = starts[0]
    begins[i : stops[0]] = 0
    for word in range(len(lengths)):
        if i >= stops[run]:  # the newline
            run += 1
            if run < len(starts):
                i = starts[run]
                begins[i : stops[run]] = 0
            continue
        begins[i] = 1
        i += lengths[word]
