"""Tokens to n-gram counts: words are numbered in the order in which they appear, n-grams are sorted runs on disk.

A tokenised text is bytes: tokens with a space between them, a sentence to a line, so that it is what `lmplz` would read too.
An n-gram is a key of two 64-bit numbers, its last word in the most significant bits, so that sorting keys sorts n-grams by
their ends: each then stands beside those that share its last words, which is what Kneser-Ney smoothing counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numba
import numpy as np
import polars as pl

from curator.lm.errors import LanguageModelError
from curator.lm.hashing import hash_word, murmur

UNKNOWN, START, END = 0, 1, 2
SPECIALS = ("<unk>", "<s>", "</s>")
ORDERS = range(2, 7)

_SPACE, _LINE = 0x20, 0x0A
_FAN_IN = 16  # runs that are merged at a time
_BYTES_A_GRAM = 64  # that counting needs for an n-gram in memory, keys and sorting together
_TOKENS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Packing:
    """How n-grams of an order lie in their key: one word after the other in its 128 bits, `bits` each."""

    order: int

    @property
    def bits(self) -> int:
        return min(32, 128 // self.order)

    @property
    def most_words(self) -> int:
        return 1 << self.bits


@dataclass
class Counts:
    """Every different n-gram of the highest order, sorted by its end, and how often it occurs."""

    packing: Packing
    words: list[str]  # by number
    high: np.ndarray
    low: np.ndarray
    count: np.ndarray
    tokens: int
    sentences: int


# ---------------------------------------------------------------------------------------------------------- vocabulary


@dataclass
class Vocabulary:
    """Words and their numbers, given in the order in which they are first seen."""

    words: list[str] = field(default_factory=lambda: list(SPECIALS))

    def __post_init__(self) -> None:
        self._keys = np.zeros(1 << 12, np.uint64)
        self._numbers = np.zeros(1 << 12, np.uint32)
        for number, word in enumerate(self.words):
            _place(self._keys, self._numbers, np.uint64(hash_word(word)), number)

    def number(self, tokenised: np.ndarray) -> Iterator[np.ndarray]:
        """The numbers of the tokens of tokenised text, in parts; END where a sentence ends. Tokens that read as one of
        SPECIALS are left out, as `lmplz --skip_symbols` does. Sentences without a token are left out too."""
        at = 0
        while at < len(tokenised):
            while 2 * (len(self.words) + _TOKENS_AT_ONCE // 16) > len(self._keys):
                self._grow()
            room = len(self._keys) // 2 - len(self.words)
            found = np.empty(_TOKENS_AT_ONCE, np.uint32)
            fresh = np.empty((room, 2), np.int64)
            at, tokens, new = _number(tokenised, at, self._keys, self._numbers, len(self.words), found, fresh)
            self.words.extend(tokenised[start:stop].tobytes().decode() for start, stop in fresh[:new].tolist())
            yield found[:tokens]

    def _grow(self) -> None:
        keys, numbers = self._keys, self._numbers
        self._keys = np.zeros(2 * len(keys), np.uint64)
        self._numbers = np.zeros(2 * len(keys), np.uint32)
        _place_all(self._keys, self._numbers, keys, numbers)


@numba.njit(cache=True, nogil=True)
def _place(keys, numbers, key, number):
    mask = np.uint64(len(keys) - 1)
    slot = key & mask
    while keys[slot] != 0:
        slot = (slot + np.uint64(1)) & mask
    keys[slot] = key
    numbers[slot] = number


@numba.njit(cache=True, nogil=True)
def _place_all(keys, numbers, old_keys, old_numbers):
    for i in range(len(old_keys)):
        if old_keys[i] != 0:
            _place(keys, numbers, old_keys[i], old_numbers[i])


@numba.njit(cache=True, nogil=True)
def _number(data, at, keys, numbers, size, found, fresh):
    """Numbers tokens from `data[at:]` until `found` or `fresh` is full: where it stopped, tokens, new words."""
    mask = np.uint64(len(keys) - 1)
    tokens = 0
    new = 0
    in_sentence = True  # a part may begin inside a sentence whose tokens were in the last one
    if at == 0 or data[at - 1] == _LINE:
        in_sentence = False
    while at < len(data) and tokens < len(found) and new < len(fresh):
        if data[at] == _SPACE:
            at += 1
        elif data[at] == _LINE:
            if in_sentence:
                found[tokens] = END
                tokens += 1
                in_sentence = False
            at += 1
        else:
            stop = at
            while stop < len(data) and data[stop] != _SPACE and data[stop] != _LINE:
                stop += 1
            key = murmur(data, at, stop)
            slot = key & mask
            while keys[slot] != 0 and keys[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            if keys[slot] == 0:
                keys[slot] = key
                numbers[slot] = size + new
                fresh[new, 0] = at
                fresh[new, 1] = stop
                new += 1
            if numbers[slot] > END:
                found[tokens] = numbers[slot]
                tokens += 1
                in_sentence = True
            at = stop
    return at, tokens, new


# ------------------------------------------------------------------------------------------------------------- n-grams


def count(texts: Iterable[np.ndarray], order: int, folder: Path, memory: int) -> Counts:
    """Count the n-grams of tokenised texts, each of them whole sentences. Files go to `folder`, which the arrays of the result
    are mapped from; about `memory` bytes are held at a time."""
    packing = Packing(order)
    vocabulary = Vocabulary()
    capacity = max(memory // _BYTES_A_GRAM, 1 << 12)
    keys = np.empty((2, capacity), np.uint64)
    context = np.full(order, START, np.uint32)
    runs: list[Path] = []
    filled = tokens = sentences = 0
    for text in texts:
        for numbers in vocabulary.number(text):
            if len(vocabulary.words) > packing.most_words:
                raise LanguageModelError(
                    f"over {packing.most_words} different tokens, more than order {order} can count: use a lower order, or a"
                    " SentencePiece model"
                )
            tokens += len(numbers)
            sentences += int(np.count_nonzero(numbers == END))
            done = 0
            while done < len(numbers):
                used, filled = _keys_of(numbers[done:], context, keys, filled, packing.bits)
                done += used
                if filled == capacity:
                    runs.append(_write_run(keys, filled, folder / f"run{len(runs)}"))
                    filled = 0
    if filled or not runs:
        runs.append(_write_run(keys, filled, folder / f"run{len(runs)}"))
    if not sentences:
        raise LanguageModelError("no text to train on: every document is empty, or of another language")
    high, low, counted = _read_run(_merged(runs, folder))
    return Counts(packing, vocabulary.words, high, low, counted, tokens - sentences, sentences)


@numba.njit(cache=True, nogil=True)
def _keys_of(numbers, context, keys, filled, bits):
    """Append the key of the n-gram that ends with each number; `context` goes on from one call to the next."""
    order = len(context)
    room = keys.shape[1] - filled
    most = min(len(numbers), room)
    for i in range(most):
        for k in range(order - 1):
            context[k] = context[k + 1]
        context[order - 1] = numbers[i]
        high = np.uint64(0)
        low = np.uint64(0)
        for k in range(order):
            word = np.uint64(context[order - 1 - k])
            end = bits * (k + 1)
            if end <= 64:
                high |= word << np.uint64(64 - end)
            else:
                low |= word << np.uint64(128 - end)
                if end - bits < 64:
                    high |= word >> np.uint64(end - 64)
        keys[0, filled] = high
        keys[1, filled] = low
        filled += 1
        if numbers[i] == END:
            for k in range(order):
                context[k] = START
    return most, filled


# ---------------------------------------------------------------------------------------------------------------- runs


def _write_run(keys: np.ndarray, filled: int, path: Path) -> Path:
    grams = pl.DataFrame({"high": keys[0, :filled], "low": keys[1, :filled]})
    counted = grams.group_by("high", "low").agg(pl.len().cast(pl.UInt64).alias("count")).sort("high", "low")
    table = np.lib.format.open_memmap(path, "w+", np.uint64, (3, counted.height))
    for row, name in enumerate(("high", "low", "count")):
        table[row] = counted[name].to_numpy()
    table.flush()
    return path


def _read_run(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, mmap_mode="r"))


def _merged(runs: list[Path], folder: Path) -> Path:
    """One run of all: `_FAN_IN` at a time, until one is left."""
    level = 0
    while len(runs) > 1:
        level += 1
        merged = []
        for first in range(0, len(runs), _FAN_IN):
            group = runs[first : first + _FAN_IN]
            merged.append(_merge(group, folder / f"merge{level}.{first}") if len(group) > 1 else group[0])
        runs = merged
    return runs[0]


def _merge(runs: list[Path], path: Path) -> Path:
    tables = numba.typed.List([_read_run(run) for run in runs])
    rows = _merge_into(tables, np.empty((3, 0), np.uint64))
    table = np.lib.format.open_memmap(path, "w+", np.uint64, (3, rows))
    _merge_into(tables, table)
    table.flush()
    for run in runs:
        run.unlink()
    return path


@numba.njit(cache=True, nogil=True)
def _merge_into(tables, into):
    """Merge sorted runs, adding the counts of equal n-grams; with no room in `into`, only count the rows that there will be."""
    at = np.zeros(len(tables), np.int64)
    row = 0
    while True:
        high = np.uint64(0)
        low = np.uint64(0)
        found = False
        for i in range(len(tables)):
            if at[i] < tables[i].shape[1]:
                table = tables[i]
                if not found or table[0, at[i]] < high or (table[0, at[i]] == high and table[1, at[i]] < low):
                    high = table[0, at[i]]
                    low = table[1, at[i]]
                    found = True
        if not found:
            return row
        total = np.uint64(0)
        for i in range(len(tables)):
            table = tables[i]
            if at[i] < table.shape[1] and table[0, at[i]] == high and table[1, at[i]] == low:
                total += table[2, at[i]]
                at[i] += 1
        if into.shape[1]:
            into[0, row] = high
            into[1, row] = low
            into[2, row] = total
        row += 1


def workspace() -> tempfile.TemporaryDirectory[str]:
    """Where runs lie while a model is made; TMPDIR says on which disk."""
    return tempfile.TemporaryDirectory(prefix="curator-lm-")
