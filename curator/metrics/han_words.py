"""Where words begin inside runs of Han characters, as jieba cuts them (rjieba).

Only the runs reach the segmenter, joined by newlines: what stands between them does not change how they are cut, so where a
word begins depends on its run alone. The time is linear in the run, be it a million characters without a boundary.
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np

from curator.metrics.classes import HAN

LIBRARIES = ("rjieba",)  # whose version can change a number


def mark_all(points: np.ndarray, kinds: np.ndarray, bounds: np.ndarray, begins: np.ndarray) -> None:
    """Set `begins` to 1 at every Han character that begins a word and to 0 at every other one, unknown words guessed by jieba's
    HMM: the words that the usual Chinese tokenizers count."""
    mark(points, *_runs(kinds, bounds), begins, hmm=True)


def mark(points: np.ndarray, starts: np.ndarray, stops: np.ndarray, begins: np.ndarray, *, hmm: bool) -> None:
    """The same for the runs `starts[i]:stops[i]` alone. Each must be a whole run of Han characters."""
    if not len(starts):
        return
    joined = _join(points, starts, stops)
    words = _segmenter().cut(joined.tobytes().decode("utf-32-le"), hmm)
    _scatter(np.fromiter(map(len, words), np.int32, len(words)), starts, stops, begins)


@functools.cache
def _segmenter() -> Any:
    import rjieba  # here, because it reads a dictionary

    return rjieba


@numba.njit(cache=True, nogil=True)
def _runs(kinds, bounds):
    """Runs of Han characters, none across two spans."""
    count = 0
    for span in range(len(bounds) - 1):
        before = False
        for i in range(bounds[span], bounds[span + 1]):
            han = kinds[i] == HAN
            count += han and not before
            before = han
    starts = np.empty(count, np.int64)
    stops = np.empty(count, np.int64)
    n = 0
    for span in range(len(bounds) - 1):
        before = False
        for i in range(bounds[span], bounds[span + 1]):
            han = kinds[i] == HAN
            if han and not before:
                starts[n] = i
            elif before and not han:
                stops[n] = i
                n += 1
            before = han
        if before:
            stops[n] = bounds[span + 1]
            n += 1
    return starts, stops


@numba.njit(cache=True, nogil=True)
def _join(points, starts, stops):
    total = 0
    for run in range(len(starts)):
        total += stops[run] - starts[run] + 1
    joined = np.empty(total, np.uint32)
    n = 0
    for run in range(len(starts)):
        for i in range(starts[run], stops[run]):
            joined[n] = points[i]
            n += 1
        joined[n] = 10
        n += 1
    return joined


@numba.njit(cache=True, nogil=True)
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
