"""Candidates of a short list of phrases, found by how they begin: the pairs of characters, 64 places at a time.

An automaton must look at one character after the other. A list whose phrases begin with few different pairs needs it only where
one of these stands, which is rare.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from curator.metrics.automaton import Automaton, folded
from curator.metrics.classes import SPACED
from curator.metrics.vectors import LANES, lowest, within

MOST_PAIRS = 8
MOST_CHARS = 200  # of all phrases: what a hostile text can cost at each place

_SPACED_FIRST, _SPACED_LAST = SPACED[0], SPACED[-1]
_ONE = np.uint64(1)


@dataclass(frozen=True, eq=False)
class Pairs:
    """`firsts` and `seconds`: a row of code points for each pair, all that are folded to its characters, the last repeated."""

    firsts: np.ndarray
    seconds: np.ndarray
    order: np.ndarray  # phrases, the longest first
    letters: np.ndarray  # the symbols of each phrase, one row each, filled up with 0

    @property
    def arrays(self) -> tuple[Any, ...]:
        return self.firsts, self.seconds, self.order, self.letters


@functools.lru_cache(maxsize=32)
def pairs_of(automaton: Automaton) -> Pairs | None:
    """None if the list is not short, or a phrase is one character."""
    phrases = [np.frombuffer(p.encode("utf-32-le", "surrogatepass"), np.uint32) for p in automaton.phrases]
    if not 0 < sum(map(len, phrases)) <= MOST_CHARS or min(map(len, phrases)) < 2:
        return None
    fold = folded()
    pairs = sorted({(int(fold[p[0]]), int(fold[p[1]])) for p in phrases})
    if len(pairs) > MOST_PAIRS:
        return None
    letters = np.zeros((len(phrases), max(map(len, phrases))), np.int32)
    for row, phrase in zip(letters, phrases):
        row[: len(phrase)] = automaton.symbols[phrase]
    order = np.argsort(-automaton.lengths, kind="stable").astype(np.int32)
    firsts, seconds = (_forms([pair[k] for pair in pairs], fold) for k in (0, 1))
    return Pairs(firsts, seconds, order, letters)


def _forms(points: list[int], fold: np.ndarray) -> np.ndarray:
    found = [np.flatnonzero(fold == point).astype(np.uint32) for point in points]
    width = max(map(len, found))
    return np.array([np.pad(forms, (0, width - len(forms)), "edge") for forms in found], np.uint32)


@numba.njit(cache=True, nogil=True)
def find_candidates(points, kinds, bounds, words, places, longest, found, symbols, lengths, firsts, seconds, order, letters):
    """Places where a phrase begins and the longest one that does, span by span, each span from its end. With `words`, not those
    whose beginning is inside a word of a spaced script. `points` must go on for 2 * LANES elements behind the last."""
    n = 0
    span = 0
    spans = len(bounds) - 1
    found[0] = 0
    at = bounds[0]
    while at < bounds[spans]:
        bits = _beginnings(points, at, firsts, seconds)
        while bits:
            i = at + lowest(bits)
            bits &= bits - _ONE
            while span < spans and i >= bounds[span + 1]:
                _turn_round(places, longest, found[span], n)
                span += 1
                found[span] = n
            if span == spans:
                break
            phrase = _longest_at(points, i, bounds[span + 1], symbols, lengths, order, letters)
            if phrase < 0 or (words and i > bounds[span] and _spaced(kinds[i]) and _spaced(kinds[i - 1])):
                continue
            places[n] = i
            longest[n] = phrase
            n += 1
        at += LANES
    while span < spans:
        _turn_round(places, longest, found[span], n)
        span += 1
        found[span] = n
    return n


@numba.njit(inline="always")
def _turn_round(places, longest, low, end):
    high = end - 1
    while low < high:
        places[low], places[high] = places[high], places[low]
        longest[low], longest[high] = longest[high], longest[low]
        low += 1
        high -= 1


@numba.njit(inline="always")
def _beginnings(points, at, firsts, seconds):
    """The places of 64 where a pair of characters stands that begins a phrase."""
    bits = np.uint64(0)
    for pair in range(len(firsts)):
        one = np.uint64(0)
        two = np.uint64(0)
        for k in range(firsts.shape[1]):
            one |= within(points, at, firsts[pair, k], firsts[pair, k])
        for k in range(seconds.shape[1]):
            two |= within(points, at + 1, seconds[pair, k], seconds[pair, k])
        bits |= one & two
    return bits


@numba.njit(inline="always")
def _spaced(kind):
    return _SPACED_FIRST <= kind <= _SPACED_LAST


@numba.njit(cache=True, nogil=True)
def _longest_at(points, i, end, symbols, lengths, order, letters):
    for phrase in order:
        length = lengths[phrase]
        if i + length > end:
            continue
        k = 0
        while k < length and symbols[points[i + k]] == letters[phrase, k]:
            k += 1
        if k == length:
            return np.int64(phrase)
    return np.int64(-1)
