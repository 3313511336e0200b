"""What a quality model sees of a text: its *tokens*, the same in training and in scoring.

- each Han character and kana, and each character of other scripts written without spaces, is a token;
- a run of other letters and marks is one (32 characters of it at most, then the next begins), in lower case;
- a run of digits is one token of as many zeros, at most 12: how long numbers are tells a page of telephone numbers, which ones
  they are tells nothing that holds for other pages;
- a mark or symbol is a token, those that typography alone tells apart (。 ．, 、 ，, “ 「) being one;
- white space and newlines are no tokens: how a text was extracted and joined shows in them first, and a classifier would learn
  just that.

Full width and half width are one, and every Han character is the first of its class in the table of variants, so that 简 and 繁
cannot be told apart and a model serves both. The name and the revision of these rules, and the hash of the table that they come
to, are in every model's manifest.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import unicodedata
from collections.abc import Mapping

import numba
import numpy as np
import pyarrow as pa

from curator.han import variants
from curator.metrics.automaton import folded
from curator.metrics.classes import ALONE, DIGIT, NUMBER, SPACED_LETTERS, SYMBOLS
from curator.metrics.classes import table as classes
from curator.metrics.utf8 import written

NAME, REVISION = "characters", 1
MOST_LETTERS = 32
MOST_DIGITS = 12

NOTHING, SINGLE, IN_WORD, IN_NUMBER = range(4)
KIND = np.uint32(24)  # an entry of the table: what a character is, and 24 bits for the one that stands for it
POINT = np.uint32((1 << 24) - 1)
UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3100, 0x312F), (0xA000, 0xA4CF))  # Thai, Burmese, Khmer …

_ALIKE = {
    ".": "。．｡",
    ",": "，、､﹐",
    '"': "“”„«»「」『』〝〞＂",
    "'": "‘’",
    "(": "（〔【［[",
    ")": "）〕】］]",
    "-": "‐‑–—―－─",
    "…": "⋯",
    "·": "・•●○■□▪▫※◆◇★☆",
    "<": "《〈",
    ">": "》〉",
    "~": "～〜",
}

FNV_BASIS, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)  # fastText's hash of a word
LONG_BASIS, LONG_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # ours, to tell words apart
ZERO = np.uint32(ord("0"))


@functools.cache
def table() -> np.ndarray:
    """For each code point its kind and the one that stands for it (4.4 MB, read-only)."""
    found, kinds = classes(), np.zeros(0x110000, np.uint32)
    kinds[np.isin(found, SPACED_LETTERS)] = IN_WORD
    for first, last in UNSPACED:
        part = kinds[first : last + 1]
        part[part == IN_WORD] = SINGLE
    kinds[np.isin(found, (*ALONE, NUMBER, *SYMBOLS))] = SINGLE
    kinds[found == DIGIT] = IN_NUMBER
    points = folded().copy()
    for one, others in _ALIKE.items():
        points[[ord(other) for other in others]] = ord(one)
    for character, first in variants().items():
        points[ord(character)] = ord(first)
    made = kinds << KIND | points
    made[kinds == NOTHING] = 0
    made.flags.writeable = False
    return made


@functools.cache
def identity() -> Mapping[str, str | int]:
    """What a manifest says of the tokens that its model was trained on."""
    digest = hashlib.sha256(table().tobytes()).hexdigest()[:16]
    return {"name": NAME, "revision": REVISION, "table": digest, "unicode": unicodedata.unidata_version}


def utf8(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of a column of strings and where each text begins in them; null texts are empty."""
    if pa.types.is_large_string(texts.type):
        texts = texts.cast(pa.string())
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int32)
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    return np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8), places


def spelled(texts: pa.Array, most: int = 1 << 30) -> list[bytes]:
    """The tokens of each text, in UTF-8 with a space between them: the lines that fastText is trained on. At most `most` tokens
    of each."""
    data, offsets = utf8(texts)
    out = np.empty(4 * int(offsets[-1] - offsets[0]) + len(texts) + 16, np.uint8)
    ends = _spell(data, offsets, table(), most, out)
    whole = out[: int(ends[-1]) if len(ends) else 0].tobytes()
    starts = [0, *ends.tolist()]
    return [whole[a:b] for a, b in itertools.pairwise(starts)]


@numba.njit(inline="always")
def decoded(data, i, end):
    """The code point at `i`, and where the next begins. Bytes that are cut off are a character that is nothing."""
    first = np.uint32(data[i])
    if first < 0x80:
        return first, i + 1
    if first < 0xE0 and i + 1 < end:
        return (first & np.uint32(0x1F)) << np.uint32(6) | (np.uint32(data[i + 1]) & np.uint32(0x3F)), i + 2
    if first < 0xF0 and i + 2 < end:
        high = (first & np.uint32(0x0F)) << np.uint32(12) | (np.uint32(data[i + 1]) & np.uint32(0x3F)) << np.uint32(6)
        return high | (np.uint32(data[i + 2]) & np.uint32(0x3F)), i + 3
    if i + 3 < end:
        high = (first & np.uint32(0x07)) << np.uint32(18) | (np.uint32(data[i + 1]) & np.uint32(0x3F)) << np.uint32(12)
        low = (np.uint32(data[i + 2]) & np.uint32(0x3F)) << np.uint32(6) | (np.uint32(data[i + 3]) & np.uint32(0x3F))
        point = high | low
        return (point if point < 0x110000 else np.uint32(0)), i + 4
    return np.uint32(0), end


@numba.njit(cache=True, nogil=True)
def _spell(data, offsets, table, most, out):
    ends = np.empty(len(offsets) - 1, np.int64)
    n = 0
    for text in range(len(offsets) - 1):
        i, end, first, tokens = offsets[text], offsets[text + 1], n, 0
        length, kind_before = 0, NOTHING
        while i < end:
            point, i = decoded(data, i, end)
            entry = table[point]
            kind = entry >> KIND
            if kind == NOTHING:
                kind_before = NOTHING
                continue
            joins = kind == kind_before and kind != SINGLE
            if joins and kind == IN_NUMBER and length >= MOST_DIGITS:
                continue
            if not joins or length >= MOST_LETTERS:
                if tokens == most:
                    break
                if n > first:
                    out[n] = 32
                    n += 1
                tokens += 1
                length = 0
            length += 1
            kind_before = kind
            n = written(out, n, ZERO if kind == IN_NUMBER else entry & POINT)
        ends[text] = n
    return ends
