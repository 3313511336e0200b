"""Candidates of a short list of phrases, found by how they begin: by their first characters, 64 places at a time.

An automaton must look at one character after the other. A list whose phrases begin with few different characters needs it only
where these stand, which is rare.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from curator.metrics.automaton import Automaton, folded
from curator.metrics.classes import SPACED
from curator.metrics.compiled import inner, kernel
from curator.metrics.vectors import LANES, low_alike, lowest

MOST_BEGINNINGS = 8
DEPTH = 4  # characters of a beginning that are looked at, at most
MOST_CHARS = 200  # of all phrases: what a hostile text can cost at each place

_SPACED_FIRST, _SPACED_LAST = SPACED[0], SPACED[-1]
_ONE = np.uint64(1)


@dataclass(frozen=True, eq=False)
class Beginnings:
    """A row for each beginning, an element for each of its characters: the bits of a code point's lowest byte in which all that
    are folded to the character are alike, and what they are. Another character seldom has them too."""

    masks: np.ndarray
    values: np.ndarray
    order: np.ndarray  # phrases, the longest first
    letters: np.ndarray  # the symbols of each phrase, one row each, filled up with 0

    @property
    def arrays(self) -> tuple[Any, ...]:
        return self.masks, self.values, self.order, self.letters


@functools.lru_cache(maxsize=32)
def beginnings_of(automaton: Automaton) -> Beginnings | None:
    """None if the list is not short, or a phrase is one character."""
    fold = folded()
    phrases = [fold[np.frombuffer(p.encode("utf-32-le", "surrogatepass"), np.uint32)] for p in automaton.phrases]
    if not 0 < sum(map(len, phrases)) <= MOST_CHARS or min(map(len, phrases)) < 2:
        return None
    depth = min(DEPTH, *map(len, phrases))
    while len(heads := sorted({tuple(p[:depth].tolist()) for p in phrases})) > MOST_BEGINNINGS:
        depth -= 1
        if depth < 2:
            return None
    letters = np.zeros((len(phrases), max(map(len, phrases))), np.int32)
    for row, phrase in zip(letters, phrases):
        row[: len(phrase)] = automaton.symbols[phrase]
    order = np.argsort(-automaton.lengths, kind="stable").astype(np.int32)
    masks, values = np.zeros((2, len(heads), DEPTH), np.uint8)  # nothing is asked of the characters behind `depth`
    for row, head in enumerate(heads):
        for k, point in enumerate(head):
            masks[row, k], values[row, k] = _alike(np.flatnonzero(fold == point))
    return Beginnings(masks, values, order, letters)


def _alike(points: np.ndarray) -> tuple[int, int]:
    mask = ~int(np.bitwise_or.reduce(points ^ points[0])) & 0xFF
    return mask, int(points[0]) & mask


@kernel
def find_candidates(points, kinds, bounds, words, places, longest, found, symbols, lengths, masks, values, order, letters):
    """Places where a phrase begins and the longest one that does, span by span, each span from its end. With `words`, not those
    whose beginning is inside a word of a spaced script. `points` must go on for 2 * LANES elements behind the last."""
    n = 0
    span = 0
    spans = len(bounds) - 1
    found[0] = 0
    at = bounds[0]
    while at < bounds[spans]:
        bits = _beginnings(points, at, masks, values)
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
def _beginnings(points, at, masks, values):
    """The places of 64 where characters may stand that begin a phrase."""
    bits = np.uint64(0)
    for head in range(len(masks)):
        found = low_alike(points, at, masks[head, 0], values[head, 0])
        found &= low_alike(points, at + 1, masks[head, 1], values[head, 1])
        found &= low_alike(points, at + 2, masks[head, 2], values[head, 2])
        bits |= found & low_alike(points, at + 3, masks[head, 3], values[head, 3])
    return bits


@numba.njit(inline="always")
def _spaced(kind):
    return _SPACED_FIRST <= kind <= _SPACED_LAST


@inner
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
