"""The probability of every token of tokenised text, by an open model: KenLM's own algorithm, on its own file, without it.

For each token the longest known n-gram that ends there gives the probability; for every longer context that was known, its
backoff is added. Sums are of single precision and in KenLM's order, so that both give the same number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from curator.lm.binary import Model
from curator.lm.counting import END, START
from curator.lm.hashing import chained, murmur

_SPACE, _LINE, _TAB, _RETURN, _NUL = 0x20, 0x0A, 0x09, 0x0D, 0x00


@dataclass(frozen=True)
class Scores:
    """Of every token, the end of a line being one: log10 probability, and whether the model knows it. `ends`: of each line."""

    logs: np.ndarray
    known: np.ndarray
    ends: np.ndarray


def score_tokens(model: Model, tokenised: np.ndarray, lines: int) -> Scores:
    """Score tokenised text, `lines` whole lines, each a sentence."""
    most = len(tokenised) // 2 + lines
    logs = np.empty(most, np.float32)
    known = np.empty(most, np.bool_)
    ends = np.empty(lines, np.int64)
    used = _score(tokenised, model.words, model.floats, model.places, model.layout.order, model.bound, logs, known, ends)
    return Scores(logs[:used], known[:used], ends)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _score(data, words, floats, places, order, bound, logs, known, ends):
    history = np.zeros(order, np.int64)  # the words before, the nearest first
    backoffs = np.zeros(order, np.float32)
    fresh = np.zeros(order, np.float32)
    length = np.int64(0)
    at = 0
    used = 0
    line = 0
    begun = False
    while at < len(data):
        byte = data[at]
        if byte != _LINE and _separates(byte):
            at += 1
            continue
        if not begun:
            history[0] = START
            backoffs[0] = floats[places[2] + 2 * START + 1]
            length = 1
            begun = True
        if byte == _LINE:
            word = np.int64(END)
            at += 1
            begun = False
        else:
            stop = at + 1
            while stop < len(data) and not _separates(data[stop]):
                stop += 1
            word = find_word(words, places, murmur(data, at, stop), bound)
            at = stop
        known[used] = word != 0
        logs[used], length = _step(words, floats, places, order, word, history, backoffs, fresh, length)
        used += 1
        if not begun:
            ends[line] = used
            line += 1
    return used


@numba.njit(inline="always")
def _separates(byte):
    return byte <= _SPACE and (byte == _SPACE or byte in (_LINE, _TAB, _RETURN, _NUL))


@numba.njit(inline="always")
def _find(words, start, buckets, width, key):
    """Where the value of a key begins, or -1."""
    slot = key % np.uint64(buckets)
    first = np.uint64(start)
    for _ in range(buckets):
        at = first + slot * np.uint64(width)
        held = np.uint64(words[at]) | (np.uint64(words[at + np.uint64(1)]) << np.uint64(32))
        if held == key:
            return np.int64(at) + 2
        if held == 0:
            return np.int64(-1)
        slot += np.uint64(1)
        if slot == np.uint64(buckets):
            slot = np.uint64(0)
    return np.int64(-1)


@numba.njit(inline="always")
def find_word(words, places, key, bound):
    """The number of a word, 0 if it is unknown."""
    at = _find(words, places[0], places[1], 3, key)
    if at < 0:
        return np.int64(0)
    number = np.int64(words[at])
    return number if number < bound else np.int64(0)


@numba.njit(inline="always")
def _negative(words, floats, at):
    """A log probability, whose sign says something else; and whether no longer n-gram ends with this one."""
    return -abs(floats[at]), (words[at] >> np.uint32(31)) != 0


@numba.njit(inline="always")
def _extends(words, at):
    """Whether a backoff is of an n-gram that something follows: it is not -0.0."""
    return words[at] != np.uint32(0x80000000)


@numba.njit(inline="always")
def _step(words, floats, places, order, word, history, backoffs, fresh, length):
    """The log probability of a word after `history`, and the length of the history that the next one needs."""
    at = places[2] + 2 * word
    log, alone = _negative(words, floats, at)
    fresh[0] = floats[at + 1]
    needed = np.int64(1) if _extends(words, at + 1) else np.int64(0)
    found = np.int64(1)
    key = np.uint64(word)
    for k in range(length):
        if alone:
            break
        key = chained(key, history[k])
        n = k + 2
        if n == order:
            at = _find(words, places[2 * n - 1], places[2 * n], 3, key)
            if at >= 0:
                log = -abs(floats[at])
                found = np.int64(n)
            break
        at = _find(words, places[2 * n - 1], places[2 * n], 4, key)
        if at < 0:
            break
        log, alone = _negative(words, floats, at)
        found = np.int64(n)
        fresh[k + 1] = floats[at + 1]
        if _extends(words, at + 1):
            needed = np.int64(n)
    for k in range(found - 1, length):
        log += backoffs[k]
    for k in range(needed - 1, 0, -1):
        history[k] = history[k - 1]
    history[0] = word
    for k in range(needed):
        backoffs[k] = fresh[k]
    return log, needed


# ---------------------------------------------------------------------------------------------------------- per line


def per_line(scores: Scores, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each line: the sum of its logs; the worst mean log of `window` tokens, side by side, the last taken together with
    what is left over if that is less than half; and how many tokens are unknown."""
    return _per_line(scores.logs, scores.known, scores.ends, window)


@numba.njit(cache=True, nogil=True)
def _per_line(logs, known, ends, window):
    sums = np.empty(len(ends), np.float64)
    worst = np.empty(len(ends), np.float64)
    unknown = np.empty(len(ends), np.int64)
    first = 0
    for line in range(len(ends)):
        stop = ends[line]
        total = 0.0
        missing = 0
        lowest = np.inf
        windows = max((stop - first + window // 2) // window, 1)
        at = first
        for w in range(windows):
            end = stop if w + 1 == windows else at + window
            part = 0.0
            for i in range(at, end):
                part += logs[i]
                missing += not known[i]
            lowest = min(lowest, part / (end - at))
            total += part
            at = end
        sums[line] = total
        worst[line] = lowest
        unknown[line] = missing
        first = stop
    return sums, worst, unknown


@numba.njit(cache=True, nogil=True)
def float_sums(logs, ends):
    """The sum of each line as `kenlm.Model.score` has it, in single precision."""
    found = np.empty(len(ends), np.float32)
    first = 0
    for line in range(len(ends)):
        total = np.float32(0.0)
        for i in range(first, ends[line]):
            total += logs[i]
        found[line] = total
        first = ends[line]
    return found


@numba.njit(cache=True, nogil=True)
def characters(data, ends):
    """How many characters the tokens of each line have, without SentencePiece's mark of a space (U+2581)."""
    found = np.zeros(len(ends), np.int64)
    at = 0
    for line in range(len(ends)):
        while at < ends[line]:
            byte = data[at]
            if byte > 0x20 and byte & 0xC0 != 0x80:
                found[line] += 1
            if byte == 0xE2 and at + 2 < ends[line] and data[at + 1] == 0x96 and data[at + 2] == 0x81:
                found[line] -= 1
            at += 1
    return found
