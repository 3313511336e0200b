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

from curator.metrics.lists import WordList
from curator.metrics.vectors import LANES

_PRIME = np.uint64(0x9E3779B97F4A7C15)
DENSE_STATES = 1024
DENSE_SYMBOLS = 64
ENDS = 1 << 15  # hashes of ends: as many bytes as a processor keeps at hand
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
    heads: np.ndarray  # int32 per state: the longest phrase that begins here, -1 for none
    ends: np.ndarray  # uint8 by hash of the last one, two, three characters: 1, 2, 4 where a phrase of one, two, more may end
    lengths: np.ndarray  # int32 per phrase, in characters
    shorter: np.ndarray  # int32 per phrase: the next shorter one that begins it, -1 for none
    lists: np.ndarray  # uint64 per phrase: a bit for each list that has it
    phrases: tuple[str, ...]  # each that is not equal to an earlier one after folding

    @property
    def states(self) -> tuple[Any, ...]:
        return self.dense, self.symbols, self.firsts, self.keys, self.nexts, self.wanted, self.fails, self.rests, self.heads


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
    fails, rests, going, at_state = (np.zeros(size, np.int32) for size in (room, room, len(lengths), len(lengths)))
    edges = firsts, keys, nexts
    count = _build(numbers[points], starts, lengths, *edges, wanted, fails, rests, heads, shorter, going, at_state)
    wanted, fails, rests, heads = wanted[:count], fails[:count], rests[:count], heads[:count]
    dense = np.zeros((min(count, DENSE_STATES), DENSE_SYMBOLS), np.int32)
    _dense(*edges, fails, dense)
    ends, masks = _ends(kept, fold), np.array(list(having.values()), np.uint64)
    made = dense, numbers[fold], firsts, keys, nexts, wanted, fails, rests, heads, ends, lengths, shorter, masks
    return Automaton(*made, tuple(kept.values()))


def _ends(kept: Iterable[bytes], fold: np.ndarray) -> np.ndarray:
    """`ends` for phrases that are folded and reversed: of every way in which a text may write their ends."""
    written: dict[int, list[int]] = {}
    reversed_phrases = [np.frombuffer(key, np.uint32) for key in kept]
    for point in np.flatnonzero(np.isin(fold, np.unique(np.concatenate([[0], *reversed_phrases])))).tolist():
        written.setdefault(int(fold[point]), []).append(point)
    ends = np.zeros(ENDS, np.uint8)
    for end in {tuple(p[:3].tolist()) for p in reversed_phrases}:
        for forms in itertools.product(*(written[point] for point in end)):
            ends[end_hash(*forms, *(0,) * (3 - len(end)))] |= 1 << len(end) - 1
    return ends


@numba.njit(inline="always")
def end_hash(last, before, first):
    """Of three characters, the last one first; 0 stands for those that are not looked at."""
    return (np.int64(last) * 5843 + np.int64(before) * 331 + np.int64(first) * 17) & (ENDS - 1)


@numba.njit(cache=True, nogil=True)
def possible_ends(points, begin, end, ends, bits):
    """Set bit i % 64 of `bits[i // 64]` where a phrase may end, for i from `begin` to `end`. No branch: texts are full of
    characters that end phrases."""
    before = first = np.int64(0)
    for at in range(begin // LANES * LANES, end, LANES):
        found = np.uint64(0)
        for k in range(LANES):
            point = np.int64(points[np.uint64(at + k)])
            one = ends[end_hash(point, 0, 0)] & np.uint8(1)
            two = ends[end_hash(point, before, 0)] & np.uint8(2)
            three = ends[end_hash(point, before, first)] & np.uint8(4)
            found |= np.uint64((one | two | three) != 0) << np.uint64(k)
            first = before
            before = point
        bits[at // LANES] = found


@numba.njit(cache=True, nogil=True)
def child(state, symbol, keys, nexts):
    """The state that an edge of a state other than the root leads to, 0 if there is none."""
    key = np.uint64(state) << np.uint64(21) | np.uint64(symbol)
    at = np.int64((key * _PRIME) >> np.uint64(32)) & (len(keys) - 1)
    while keys[at] != 0:
        if keys[at] == key:
            return np.int64(nexts[at])
        at = (at + 1) & (len(keys) - 1)
    return np.int64(0)


@numba.njit(cache=True, nogil=True)
def _build(symbols, starts, lengths, firsts, keys, nexts, wanted, fails, rests, heads, shorter, going, at_state):
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


@numba.njit(cache=True, nogil=True)
def _dense(firsts, keys, nexts, fails, dense):
    for state in range(len(dense)):
        for symbol in range(1, min(len(firsts), DENSE_SYMBOLS)):
            if state == 0:
                dense[state, symbol] = firsts[symbol]
            else:
                to = child(state, symbol, keys, nexts)
                dense[state, symbol] = to if to != 0 else dense[fails[state], symbol]


@numba.njit(cache=True, nogil=True)
def _insert(state, symbol, to, keys, nexts):
    key = np.uint64(state) << np.uint64(21) | np.uint64(symbol)
    at = np.int64((key * _PRIME) >> np.uint64(32)) & (len(keys) - 1)
    while keys[at] != 0:
        at = (at + 1) & (len(keys) - 1)
    keys[at] = key
    nexts[at] = to
