"""Candidates of a short list of phrases, found by how they begin: by their first characters, 64 places at a time.

An automaton must look at one character after the other. A list whose phrases begin with few different characters needs it only
where these stand, which is rare. They are found by the lowest bytes of their code points: a table says for each byte in which
of the beginnings it may stand, so that all are looked for at once. (G. Langdale's "Teddy", of Hyperscan.)
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
from curator.metrics.vectors import LANES, SETS, in_sets64, lowest

MOST_BEGINNINGS = 8  # a bit for each
DEPTH = SETS  # characters of a beginning that are looked at
WINDOW = 4096  # characters whose lowest bytes are looked at together
MOST_CHARS = 200  # of all phrases: what a hostile text can cost at each place

_SPACED_FIRST, _SPACED_LAST = SPACED[0], SPACED[-1]
_ONE = np.uint64(1)
_u = np.uint64  # of an index that cannot be negative: spares numba a test


@dataclass(frozen=True, eq=False)
class Beginnings:
    """How the phrases of a list begin, and what they are."""

    sets: np.ndarray  # of in_sets64: a bit for each beginning
    order: np.ndarray  # phrases, the longest first
    letters: np.ndarray  # the symbols of each phrase, one row each, filled up with 0

    @property
    def arrays(self) -> tuple[Any, ...]:
        return self.sets, self.order, self.letters


@functools.lru_cache(maxsize=32)
def beginnings_of(automaton: Automaton) -> Beginnings | None:
    """None if the list is not short, or a phrase is one character."""
    fold = folded()
    phrases = [fold[np.frombuffer(p.encode("utf-32-le", "surrogatepass"), np.uint32)] for p in automaton.phrases]
    if not 0 < sum(map(len, phrases)) <= MOST_CHARS or min(map(len, phrases)) < 2:
        return None
    depth = DEPTH
    while len(heads := sorted({tuple(p[:depth].tolist()) for p in phrases})) > MOST_BEGINNINGS:
        depth -= 1
        if depth < 2:
            return None
    sets = np.zeros((DEPTH, 2, 16), np.uint8)
    for phrase in phrases:
        bit = 1 << heads.index(tuple(phrase[:depth].tolist()))
        for k in range(DEPTH):  # whatever follows a phrase that is shorter will do
            low = np.flatnonzero(fold == phrase[k]) & 0xFF if k < len(phrase) else np.arange(0x100)
            sets[k, 0, low & 0xF] |= bit
            sets[k, 1, low >> 4] |= bit
    letters = np.zeros((len(phrases), max(map(len, phrases))), np.int32)
    for row, phrase in zip(letters, phrases):
        row[: len(phrase)] = automaton.symbols[phrase]
    order = np.argsort(-automaton.lengths, kind="stable").astype(np.int32)
    return Beginnings(sets.reshape(-1), order, letters)


@kernel
def find_candidates(points, kinds, bounds, words, places, longest, found, symbols, lengths, lows, sets, order, letters):
    """Places where a phrase begins and the longest one that does, span by span, each span from its end. With `words`, not those
    whose beginning is inside a word of a spaced script. `points` must go on for LANES + DEPTH elements behind the last; `lows`
    has room for as many more than WINDOW."""
    n = 0
    span = 0
    spans = len(bounds) - 1
    found[0] = 0
    for at in range(bounds[0], bounds[spans], LANES):
        place = (at - bounds[0]) % WINDOW
        if place == 0:
            for k in range(min(bounds[spans] - at, WINDOW) + LANES + DEPTH):
                lows[_u(k)] = np.uint8(points[_u(at + k)])
        bits = in_sets64(lows, place, sets)
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
