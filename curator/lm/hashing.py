"""MurmurHash64A (Austin Appleby, public domain), by which KenLM's files know words, and its hash of n-grams."""

from __future__ import annotations

import numba
import numpy as np

_M = np.uint64(0xC6A4A7935BD1E995)
_R = np.uint64(47)
_LEFT = np.uint64(8978948897894561157)
_RIGHT = np.uint64(17894857484156487943)


@numba.njit(cache=True, nogil=True)
def murmur(data, start, stop):
    """The hash of `data[start:stop]`, seed 0."""
    length = stop - start
    found = np.uint64(length) * _M
    whole = start + (length & ~7)
    at = start
    while at < whole:
        block = np.uint64(0)
        for k in range(8):
            block |= np.uint64(data[at + k]) << np.uint64(8 * k)
        block *= _M
        block ^= block >> _R
        block *= _M
        found ^= block
        found *= _M
        at += 8
    if whole < stop:
        block = np.uint64(0)
        for k in range(stop - whole):
            block |= np.uint64(data[whole + k]) << np.uint64(8 * k)
        found ^= block
        found *= _M
    found ^= found >> _R
    found *= _M
    found ^= found >> _R
    return found


@numba.njit(inline="always")
def chained(current, word):
    """The hash of an n-gram, from that of its last words and the number of the word to their left."""
    return (current * _LEFT) ^ ((np.uint64(word) + np.uint64(1)) * _RIGHT)


def hash_word(word: str) -> int:
    data = np.frombuffer(word.encode(), np.uint8)
    return int(murmur(data, 0, len(data)))
