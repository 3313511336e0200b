"""Texts to units that are compared with those of evaluation items: words, and characters of scripts without spaces.

Every character is folded by itself, so no neighbour matters: NFKD, case, marks dropped (é e, が か), full width to half, and
Chinese characters to the simplified one (OpenCC's table of characters). Letters and digits in a row are a word; Han, kana,
Thai, Lao, Tibetan, Burmese and Khmer letters are units of their own; all else only ends a word. So white space, punctuation,
width, case and script do not tell two texts apart.

A word weighs as much as 20/13 characters: 13 words of English, the n-gram of GPT-3, are about 20 characters of Chinese.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple

import numpy as np
from numba import njit

WORD_WEIGHT, ALONE_WEIGHT = 20, 13

_BREAK, _PASSED = 0, 1  # entries of the table; any other is a folded character + 2
_ALONE, _EXPANDED = 1 << 30, 1 << 31
_CODES = (1 << 30) - 1
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F40, 0x0FBC),  # Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x31FF),  # radicals, kana, bopomofo
    (0x3400, 0x9FFF),  # Han
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B2FF),  # kana
    (0x20000, 0x3FFFF),  # Han
)
# Where every character, be it assigned or not yet, folds to itself: Han, and Hangul, which NFKD would take apart.
_PLAIN = ((0x3400, 0x4DBF, _ALONE), (0x4E00, 0x9FFF, _ALONE), (0xAC00, 0xD7A3, 0), (0x20000, 0x2F7FF, _ALONE))

_START, _PRIME = np.uint64(0x2545F4914F6CDD1D), np.uint64(0x00000100000001B3)
_MIX_A, _MIX_B, _SHIFT = np.uint64(0xD6E8FEB86659FD93), np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


class Units(NamedTuple):
    """The units of some texts one after another; those of text i are `bounds[i]` to `bounds[i + 1]`."""

    hashes: np.ndarray  # uint64
    weights: np.ndarray  # uint8
    bounds: np.ndarray  # int64


def units(data: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> Units:
    """Of texts that are ranges of bytes of UTF-8."""
    room = int((stops - starts).sum()) + 1
    hashes, weights = np.empty(room, np.uint64), np.empty(room, np.uint8)
    bounds = np.zeros(len(starts) + 1, np.int64)
    count = _read(data, starts, stops, *_folding(), hashes, weights, bounds)
    return Units(hashes[:count], weights[:count], bounds)


@functools.cache
def _folding() -> tuple[np.ndarray, np.ndarray]:
    """An entry for every code point, and what those stand for that fold to more than one character; built once a process."""
    table = np.full(0x110000, _BREAK, np.uint32)
    plain = np.zeros(0x110000, bool)
    for first, last, flag in _PLAIN:
        plain[first : last + 1] = True
        table[first : last + 1] = np.arange(first, last + 1, dtype=np.uint32) + 2 | flag
    expansions: list[int] = []
    simple = _simplified()
    for code in np.flatnonzero(~plain[:0xE0200]).tolist():
        if unicodedata.category(character := chr(code)) in ("Cn", "Co", "Cs"):
            continue
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
        entries = [entry for c in folded if (entry := _entry(simple.get(c, c))) != _PASSED]
        if len(entries) == 1:
            table[code] = entries[0]
        elif not entries:
            table[code] = _PASSED
        else:
            table[code] = _EXPANDED | len(expansions)
            expansions += [len(entries), *entries]
    for character, other in simple.items():
        table[ord(character)] = _entry(other)
    return table, np.array([*expansions, 0], np.uint32)


def _entry(character: str) -> int:
    code, category = ord(character), unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return _PASSED
    if category[0] not in "LMN":
        return _BREAK
    alone = category != "Nd" and any(first <= code <= last for first, last in _UNSPACED)
    return (code + 2) | (_ALONE if alone else 0)


def _simplified() -> dict[str, str]:
    from opencc import OpenCC

    han = [chr(c) for first, last in ((0x3400, 0x9FFF), (0x20000, 0x2F7FF)) for c in range(first, last + 1)]
    found = OpenCC("t2s").convert("\n".join(han)).split("\n")
    return {one: other for one, other in zip(han, found, strict=True) if one != other and len(other) == 1}


@njit(cache=True, nogil=True)
def _mixed(value):
    value = (value ^ (value >> _SHIFT)) * _MIX_A
    value = (value ^ (value >> _SHIFT)) * _MIX_B
    return value ^ (value >> _SHIFT)


@njit(cache=True, nogil=True)
def _read(data, starts, stops, table, expansions, hashes, weights, bounds):
    n = 0
    for text in range(len(starts)):
        bounds[text] = n
        at, stop = starts[text], stops[text]
        word, in_word = _START, False
        while at < stop:
            a = np.int64(data[at])
            code, size = np.int64(0xFFFD), 1
            if a < 0x80:
                code = a
            elif 0xE0 <= a < 0xF0 and at + 2 < stop:
                code, size = (a & 15) << 12 | np.int64(data[at + 1] & 63) << 6 | np.int64(data[at + 2] & 63), 3
            elif 0xC2 <= a < 0xE0 and at + 1 < stop:
                code, size = (a & 31) << 6 | np.int64(data[at + 1] & 63), 2
            elif 0xF0 <= a < 0xF5 and at + 3 < stop:
                high = (a & 7) << 18 | np.int64(data[at + 1] & 63) << 12
                code, size = min(high | np.int64(data[at + 2] & 63) << 6 | np.int64(data[at + 3] & 63), 0x10FFFF), 4
            at += size
            entry = np.int64(table[code])
            many, first, expanded = 1, entry & _CODES, entry & _EXPANDED != 0
            if expanded:
                many = np.int64(expansions[first])
            for k in range(many):
                if expanded:
                    entry = np.int64(expansions[first + 1 + k])
                if entry == _PASSED:
                    continue
                if entry > _PASSED and not entry & _ALONE:
                    word = (word ^ np.uint64(entry)) * _PRIME
                    in_word = True
                    continue
                if in_word:
                    hashes[n], weights[n] = _mixed(word), WORD_WEIGHT
                    n += 1
                    word, in_word = _START, False
                if entry & _ALONE:
                    hashes[n], weights[n] = _mixed(np.uint64(entry)), ALONE_WEIGHT
                    n += 1
        if in_word:
            hashes[n], weights[n] = _mixed(word), WORD_WEIGHT
            n += 1
    bounds[len(starts)] = n
    return n
