"""Scores of texts by a fastText classifier of two labels, without fastText.

Such a classifier is linear: its answer is the softmax of a matrix times the mean of its features' vectors, so the difference of
its two outputs is the mean of one number a feature. These numbers are computed once; a text then costs a look in a table for
each token and each pair of tokens, where the library adds vectors, and no Python at all. The scores are the library's but for
what float32 rounds (`tests/quality_models`).

Features are as in `dictionary.cc` of facebookresearch/fastText: the words that the dictionary has, the end of the line, and
n-grams of the hashes of all words, known or not, by their bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa

from curator.models import ModelError, Parts, fasttext_parts
from curator.quality.tokens import (
    FNV_BASIS,
    FNV_PRIME,
    IN_NUMBER,
    KIND,
    LONG_BASIS,
    LONG_PRIME,
    MOST_DIGITS,
    MOST_LETTERS,
    NOTHING,
    POINT,
    SINGLE,
    ZERO,
    decoded,
    table,
    utf8,
)

_GRAM = np.uint64(116049371)  # fastText's multiplier of n-grams' hashes
MOST_NGRAMS = 5
_END = b"</s>"


@dataclass(frozen=True, eq=False)
class Scorer:
    """A number for each feature, NaN for those that the model does not have."""

    singles: np.ndarray  # float32 by code point: tokens of one character
    keys: np.ndarray  # uint64: hashes of the other words, 0 where free; a power of two long
    words: np.ndarray  # float32: theirs
    grams: np.ndarray  # float32 by bucket
    ngrams: int
    end: float

    @classmethod
    def of(cls, path: Path, positive: str) -> Scorer:
        """Of the model at a path, for the label whose score is wanted. Raises ModelError for one that is broken, or that is not
        linear: with other labels than two, parts of words, or another loss than softmax."""
        parts = fasttext_parts(path)
        if len(parts.labels) != 2 or positive not in parts.labels:
            raise ModelError(f"{path}: its labels are {', '.join(parts.labels)}; two are needed, one of them {positive!r}")
        if parts.subwords or not parts.softmax or parts.ngrams > MOST_NGRAMS:
            raise ModelError(
                f"{path}: only softmax over whole words and n-grams of at most {MOST_NGRAMS} of them is scored here"
            )
        return cls._of(parts, parts.labels.index(positive))

    @classmethod
    def _of(cls, parts: Parts, label: int) -> Scorer:
        direction = parts.output[label].astype(np.float64) - parts.output[1 - label]
        numbers = np.zeros(len(parts.rows))
        for column in range(len(direction)):  # in one order on every machine
            numbers += parts.rows[:, column] * direction[column]
        of_words, of_grams = numbers[: len(parts.words)], numbers[len(parts.words) :]
        singles, single = np.full(0x110000, np.nan, np.float32), np.zeros(len(parts.words), bool)
        end = float("nan")
        for i, word in enumerate(parts.words):
            text = word.decode("utf-8", "replace")
            if len(text) == 1:
                singles[ord(text)] = of_words[i]
                single[i] = True
            elif word == _END:
                end = float(of_words[i])
                single[i] = True
        several = [word for word, alone in zip(parts.words, single) if not alone]
        size = 16
        while size < 3 * len(several):
            size *= 2
        keys, words = np.zeros(size, np.uint64), np.full(size, np.nan, np.float32)
        starts = np.cumsum([0, *map(len, several)])
        _insert(np.frombuffer(b"".join(several), np.uint8), starts, of_words[~single].astype(np.float32), keys, words)
        grams = np.full(max(parts.buckets, 1), np.nan, np.float32)
        if parts.kept is None:
            grams[: parts.buckets] = of_grams[: parts.buckets]
        else:
            grams[parts.kept] = of_grams[: len(parts.kept)]
        return cls(singles, keys, words, grams, parts.ngrams, end)

    def logits(self, texts: pa.Array) -> np.ndarray:
        """For each text the log of the odds of the positive label, float64; NaN for one without any token that the model
        knows."""
        data, offsets = utf8(texts)
        found = np.empty(len(texts))
        _score(
            data, offsets, table(), self.singles, self.keys, self.words, self.grams, self.ngrams, np.float64(self.end), found
        )
        return found

    def weights(self, features: Sequence[Sequence[bytes]]) -> np.ndarray:
        """The number of each feature: a token, or the n-gram of several; NaN where the model has none."""
        found = np.full(len(features), np.nan)
        for i, tokens in enumerate(features):
            if len(tokens) == 1:
                found[i] = self._weight(tokens[0])
            elif len(tokens) <= self.ngrams:
                gram = 0
                for n, token in enumerate(tokens):
                    gram = (gram * int(_GRAM) * (n > 0) + _signed_hash(token)) % (1 << 64)
                found[i] = self.grams[gram % len(self.grams)]
        return found

    def _weight(self, token: bytes) -> float:
        text = token.decode("utf-8", "replace")
        if len(text) == 1:
            return float(self.singles[ord(text)])
        key = int(LONG_BASIS)
        for byte in token:
            key = ((key ^ byte) * int(LONG_PRIME)) % (1 << 64)
        at = np.flatnonzero(self.keys == np.uint64(key))
        return float(self.words[at[0]]) if len(at) else float("nan")


def _signed_hash(token: bytes) -> int:
    """fastText's hash of a word as the number that its n-grams are made of."""
    found = int(FNV_BASIS)
    for byte in token:
        found = ((found ^ (byte | (0xFFFFFF00 if byte >= 128 else 0))) * int(FNV_PRIME)) % (1 << 32)
    return found if found < 1 << 31 else found - (1 << 32)


@numba.njit(cache=True, nogil=True)
def _insert(data, starts, numbers, keys, words):
    mask = len(keys) - 1
    for word in range(len(starts) - 1):
        key = LONG_BASIS
        for i in range(starts[word], starts[word + 1]):
            key = (key ^ np.uint64(data[i])) * LONG_PRIME
        at = _slot(key, mask)
        while keys[at] != 0:
            at = (at + 1) & mask
        keys[at] = key
        words[at] = numbers[word]


@numba.njit(inline="always")
def _slot(key, mask):
    return np.int64(key ^ key >> np.uint64(32)) & mask


@numba.njit(inline="always")
def _add(short, long, byte):
    """One more byte of a word in fastText's hash, whose bytes are signed, and in ours."""
    signed = np.uint32(byte) | (np.uint32(0xFFFFFF00) if byte >= 128 else np.uint32(0))
    return np.uint32((short ^ signed) * FNV_PRIME), (long ^ np.uint64(byte)) * LONG_PRIME  # numba widens products to 64 bits


@numba.njit(inline="always")
def _add_point(short, long, point):
    """One more character, in UTF-8."""
    if point < 0x80:
        return _add(short, long, point)
    if point < 0x800:
        short, long = _add(short, long, np.uint32(0xC0) | point >> np.uint32(6))
        return _add(short, long, np.uint32(0x80) | point & np.uint32(0x3F))
    if point < 0x10000:
        short, long = _add(short, long, np.uint32(0xE0) | point >> np.uint32(12))
    else:
        short, long = _add(short, long, np.uint32(0xF0) | point >> np.uint32(18))
        short, long = _add(short, long, np.uint32(0x80) | point >> np.uint32(12) & np.uint32(0x3F))
    short, long = _add(short, long, np.uint32(0x80) | point >> np.uint32(6) & np.uint32(0x3F))
    return _add(short, long, np.uint32(0x80) | point & np.uint32(0x3F))


@numba.njit(inline="always")
def _signed(short):
    """fastText keeps hashes as signed numbers: the upper half of the wide one repeats their sign."""
    return np.uint64(short) | (np.uint64(0xFFFFFFFF00000000) if short >= np.uint32(0x80000000) else np.uint64(0))


@numba.njit(cache=True, nogil=True)
def _score(data, offsets, table, singles, keys, words, grams, ngrams, end_number, found):
    buckets = np.uint64(len(grams))
    mask = buckets - np.uint64(1)
    even = buckets & mask == 0  # a power of two
    slots = len(keys) - 1
    before = np.zeros(ngrams + 1, np.uint64)  # n-grams that end at the token before, by how many tokens they have
    line_end, ignored = FNV_BASIS, LONG_BASIS
    for byte in (60, 47, 115, 62):  # </s>
        line_end, ignored = _add(line_end, ignored, np.uint32(byte))
    for text in range(len(offsets) - 1):
        i, stop = np.int64(offsets[text]), np.int64(offsets[text + 1])
        total, features, tokens = 0.0, 0, 0
        ended = False
        next_point, next_i = np.uint32(0), i
        if i < stop:
            next_point, next_i = decoded(data, i, stop)
        while not ended:
            kind = np.uint32(NOTHING)
            entry = np.uint32(0)
            while i < stop:
                entry = table[next_point]
                kind = entry >> KIND
                if kind != NOTHING:
                    break
                i = next_i
                if i < stop:
                    next_point, next_i = decoded(data, i, stop)
            if i >= stop:
                ended = True
                short, number = line_end, end_number
                if features == 0:
                    break
            else:
                point = entry & POINT
                short, long = FNV_BASIS, LONG_BASIS
                length = 0
                if kind == SINGLE:
                    short, long = _add_point(short, long, point)
                    i = next_i
                    if i < stop:
                        next_point, next_i = decoded(data, i, stop)
                    length = 1
                else:
                    while True:
                        if kind == IN_NUMBER:
                            if length < MOST_DIGITS:
                                short, long = _add_point(short, long, ZERO)
                                length += 1
                        else:
                            short, long = _add_point(short, long, entry & POINT)
                            length += 1
                        i = next_i
                        if i >= stop:
                            break
                        next_point, next_i = decoded(data, i, stop)
                        entry = table[next_point]
                        if entry >> KIND != kind or (kind != IN_NUMBER and length >= MOST_LETTERS):
                            break
                    if kind == IN_NUMBER:
                        point = ZERO
                if length == 1:
                    number = np.float64(singles[point])
                else:
                    at = _slot(long, slots)
                    while keys[at] != 0 and keys[at] != long:
                        at = (at + 1) & slots
                    number = np.float64(words[at])
            if number == number:
                total += number
                features += 1
            tokens += 1
            wide = _signed(short)
            for n in range(min(tokens, ngrams), 1, -1):
                gram = before[n - 1] * _GRAM + wide
                before[n] = gram
                number = np.float64(grams[gram & mask if even else gram % buckets])
                if number == number:
                    total += number
                    features += 1
            before[1] = wide
        found[text] = total / features if features > 0 else np.nan
