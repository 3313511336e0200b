"""Aho-Corasick over the phrases of some lists, as flat arrays that a kernel reads.

The automaton reads a text backwards: its phrases are stored reversed, so that at each character it knows the longest phrase
that *begins* there, and, linked from it, the shorter ones. Leftmost-longest matches are then one pass forwards, whatever
overlaps. A transition is looked up in an open table of (state, symbol); 64 bits for each state say which symbols are worth it.
For the states near the root and the first symbols (ASCII comes first) a dense table has the whole answer. At the root, where
most texts spend their time, a table of hashes says at which characters no phrase ends: they are passed over.
(A. Aho, M. Corasick: Efficient string matching, CACM 18, 1975.)
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from curator.metrics.classes import SPACED
from curator.metrics.compiled import inner, kernel
from curator.metrics.lists import WordList
from curator.metrics.vectors import LANES, lowest, within

_PRIME = np.uint64(0x9E3779B97F4A7C15)
DENSE_STATES = 1024
DENSE_SYMBOLS = 64
ENDS = 1 << 15  # hashes of ends: as many bytes as a processor keeps at hand
TAIL = 6  # characters of an end that are looked at, at most
MOST_LISTS = 64  # of one automaton: a bit for each
_FULL_WIDTH = range(0xFF01, 0xFF5F)  # the forms of ! to ~


@dataclass(frozen=True, eq=False)
class Automaton:
    dense: np.ndarray  # int32, states by symbols: where the first of both lead, failed transitions included
    symbols: np.ndarray  # int32 per code point: its number in this list, case folded; 0 where no phrase has it
    firsts: np.ndarray  # int32 per symbol: the state after the root reads it
    keys: np.ndarray  # uint64: state and symbol of each other edge, 0 where free; a power of two long
    nexts: np.ndarray  # int32: where it leads
    wanted: np.ndarray  # uint64 per state: bit `symbol % 64` of each edge that it has
    fails: np.ndarray  # int32 per state: the longest other state that ends the same
    rests: np.ndarray  # int32 per state: the longest that ends the same, be it itself, and has an edge
    depths: np.ndarray  # int32 per state: the characters that lead to it
    heads: np.ndarray  # int32 per state: the longest phrase that begins here, -1 for none
    ends: np.ndarray  # uint8 by hash of the last one or two characters: 1, 2, 4 where a phrase of one, two, more may end
    tails: (
        np.ndarray
    )  # uint8 by hash of the last three and more symbols: bit n - 1 where they are a phrase of n, or end a longer one
    lengths: np.ndarray  # int32 per phrase, in characters
    shorter: np.ndarray  # int32 per phrase: the next shorter one that begins it, -1 for none
    lists: np.ndarray  # uint64 per phrase: a bit for each list that has it
    phrases: tuple[str, ...]  # each that is not equal to an earlier one after folding

    @property
    def states(self) -> tuple[Any, ...]:
        return (
            self.dense,
            self.symbols,
            self.firsts,
            self.keys,
            self.nexts,
            self.wanted,
            self.fails,
            self.rests,
            self.depths,
            self.heads,
        )


@functools.cache
def folded() -> np.ndarray:
    """What stands for each code point: its lower case if that is one code point, ASCII for the full-width forms of it."""
    found = np.arange(0x110000, dtype=np.uint32)
    for point in range(0x110000):
        near = point - 0xFEE0 if point in _FULL_WIDTH else point
        lower = chr(near).lower()
        found[point] = ord(lower) if len(lower) == 1 else near
    found[0x3000] = 0x20
    return found


@functools.lru_cache(maxsize=32)
def automaton(*lists: WordList) -> Automaton:
    """Of at most MOST_LISTS lists."""
    fold = folded()
    kept: dict[bytes, str] = {}
    having: dict[bytes, int] = {}
    for number, phrases in enumerate(lists):
        for phrase in phrases.words:
            points = np.frombuffer(phrase.encode("utf-32-le", "surrogatepass"), np.uint32)
            if len(points):
                key = fold[points][::-1].tobytes()
                kept.setdefault(key, phrase)
                having[key] = having.get(key, 0) | 1 << number
    points = np.frombuffer(b"".join(kept), np.uint32)
    lengths = np.array([len(key) // 4 for key in kept], np.int32)
    alphabet = np.unique(points)
    numbers = np.zeros(0x110000, np.int32)
    numbers[alphabet] = np.arange(1, len(alphabet) + 1)
    size = 16
    while size < 4 * len(points):
        size *= 2
    firsts, keys, nexts = np.zeros(len(alphabet) + 1, np.int32), np.zeros(size, np.uint64), np.zeros(size, np.int32)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    room = len(points) + 1
    wanted, heads, shorter = np.zeros(room, np.uint64), np.full(room, -1, np.int32), np.full(len(lengths), -1, np.int32)
    fails, rests, depths = (np.zeros(room, np.int32) for _ in range(3))
    going, at_state = (np.zeros(len(lengths), np.int32) for _ in range(2))
    edges = firsts, keys, nexts
    count = _build(numbers[points], starts, lengths, *edges, wanted, fails, rests, depths, heads, shorter, going, at_state)
    wanted, fails, rests, depths, heads = (array[:count] for array in (wanted, fails, rests, depths, heads))
    dense = np.zeros((min(count, DENSE_STATES), DENSE_SYMBOLS), np.int32)
    _dense(*edges, fails, dense)
    ends, tails = _ends(kept, fold), _tails(kept, numbers)
    masks = np.array(list(having.values()), np.uint64)
    made = dense, numbers[fold], firsts, keys, nexts, wanted, fails, rests, depths, heads, ends, tails, lengths, shorter, masks
    return Automaton(*made, tuple(kept.values()))


def _ends(kept: Iterable[bytes], fold: np.ndarray) -> np.ndarray:
    """`ends` for phrases that are folded and reversed: of every way in which a text may write their ends."""
    written: dict[int, list[int]] = {}
    reversed_phrases = [np.frombuffer(key, np.uint32) for key in kept]
    for point in np.flatnonzero(np.isin(fold, np.unique(np.concatenate([[0], *reversed_phrases])))).tolist():
        written.setdefault(int(fold[point]), []).append(point)
    ends = np.zeros(ENDS, np.uint8)
    for length, *end in {(min(len(p), 3), *p[:2].tolist()) for p in reversed_phrases}:
        for forms in itertools.product(*(written[point] for point in end)):
            ends[end_hash(*forms, *(0,) * (2 - len(end)))] |= 1 << length - 1
    return ends


def _tails(kept: Iterable[bytes], numbers: np.ndarray) -> np.ndarray:
    tails = np.zeros(ENDS, np.uint8)
    for key in kept:
        last, *before = numbers[np.frombuffer(key, np.uint32)[:TAIL]].tolist()
        for symbol in before:
            last = tail_hash(last, symbol)
        tails[last & (ENDS - 1)] |= 1 << len(before)
    return tails


@numba.njit(inline="always")
def tail_hash(found, symbol):
    return np.int64(found) * 1021 + np.int64(symbol)


@numba.njit(inline="always")
def end_hash(last, before):
    """Of two characters; 0 stands for one that is not looked at."""
    return (np.int64(last) * 5843 + np.int64(before) * 331) & (ENDS - 1)


@kernel
def possible_ends(points, kinds, bounds, words, ends, tails, symbols, bits):
    """Set bit i % 64 of `bits[i // 64]` where a phrase may end; with `words`, not inside a word of a spaced script. Two
    characters are looked at without a branch, as texts are full of those that end phrases, more only where they do."""
    begin, end = bounds[0], bounds[len(bounds) - 1]
    before = np.int64(0)
    span = 0
    for at in range(begin // LANES * LANES, end, LANES):
        sure = longer = np.uint64(0)
        for k in range(LANES):
            point = np.int64(points[np.uint64(at + k)])
            some = ends[end_hash(point, 0)] & np.uint8(1) | ends[end_hash(point, before)]
            sure |= np.uint64((some & np.uint8(3)) != 0) << np.uint64(k)
            longer |= np.uint64(some == np.uint8(4)) << np.uint64(k)
            before = point
        if words:
            inside = within(kinds, at, SPACED[0], SPACED[-1]) & within(kinds, at + 1, SPACED[0], SPACED[-1])
            while span < len(bounds) - 1 and bounds[span + 1] <= at + LANES:
                if bounds[span + 1] > at:  # what follows is another text
                    inside &= ~(np.uint64(1) << np.uint64(bounds[span + 1] - 1 - at))
                span += 1
            sure &= ~inside
            longer &= ~inside
        while longer:
            low = longer & (~longer + np.uint64(1))
            longer ^= low
            if _ends_longer(points, at + lowest(low), tails, symbols):
                sure |= low
        bits[at // LANES] = sure


@numba.njit(inline="always")
def _ends_longer(points, i, tails, symbols):
    """Whether a phrase of three characters or more may end at a place."""
    if i < TAIL:
        return True
    found = tail_hash(symbols[points[i]], symbols[points[i - 1]])
    some = np.uint8(0)
    for k in range(2, TAIL):
        found = tail_hash(found, symbols[points[i - k]])
        some |= tails[found & (ENDS - 1)] & np.uint8(1 << k)
    return some != 0


@inner
def child(state, symbol, keys, nexts):
    """The state that an edge of a state other than the root leads to, 0 if there is none."""
    key = np.uint64(state) << np.uint64(21) | np.uint64(symbol)
    at = np.int64((key * _PRIME) >> np.uint64(32)) & (len(keys) - 1)
    while keys[at] != 0:
        if keys[at] == key:
            return np.int64(nexts[at])
        at = (at + 1) & (len(keys) - 1)
    return np.int64(0)


@kernel
def _build(symbols, starts, lengths, firsts, keys, nexts, wanted, fails, rests, depths, heads, shorter, going, at_state):
    """Fill the tables of edges, states and phrases; return the number of states. Level by level, so that states near the root,
    where a text spends its time, lie together, and a state's fail is ready before the state. `going` has room for the phrases
    that are longer than a level, `at_state` for the state that each has come to."""
    for phrase in range(len(starts)):
        going[phrase] = phrase
    longer = len(starts)
    depth = 0
    count = 1
    while longer:
        left = 0
        for j in range(longer):
            phrase = np.int64(going[j])
            symbol = symbols[starts[phrase] + depth]
            parent = np.int64(at_state[phrase])
            state = np.int64(firsts[symbol]) if parent == 0 else child(parent, symbol, keys, nexts)
            if state == 0:
                state = count
                count += 1
                if parent == 0:
                    firsts[symbol] = state
                else:
                    _insert(parent, symbol, state, keys, nexts)
                    wanted[parent] |= np.uint64(1) << np.uint64(symbol & 63)
                    fail = np.int64(fails[parent])
                    while True:
                        to = np.int64(firsts[symbol]) if fail == 0 else child(fail, symbol, keys, nexts)
                        if to != 0 or fail == 0:
                            break
                        fail = np.int64(fails[fail])
                    fails[state] = to
                heads[state] = heads[fails[state]]
                depths[state] = depth + 1
            at_state[phrase] = state
            if lengths[phrase] == depth + 1:
                shorter[phrase] = heads[state]
                heads[state] = phrase
            else:
                going[left] = phrase
                left += 1
        longer = left
        depth += 1
    for state in range(1, count):
        rests[state] = state if wanted[state] != 0 else rests[fails[state]]
    return count


@kernel
def _dense(firsts, keys, nexts, fails, dense):
    for state in range(len(dense)):
        for symbol in range(1, min(len(firsts), DENSE_SYMBOLS)):
            if state == 0:
                dense[state, symbol] = firsts[symbol]
            else:
                to = child(state, symbol, keys, nexts)
                dense[state, symbol] = to if to != 0 else dense[fails[state], symbol]


@inner
def _insert(state, symbol, to, keys, nexts):
    key = np.uint64(state) << np.uint64(21) | np.uint64(symbol)
    at = np.int64((key * _PRIME) >> np.uint64(32)) & (len(keys) - 1)
    while keys[at] != 0:
        at = (at + 1) & (len(keys) - 1)
    keys[at] = key
    nexts[at] = to
