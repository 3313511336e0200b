"""Text to the tokens that a model counts, the same in training and in scoring. A document is one sentence, a line of tokens.

- `words`: runs of letters, marks and digits, of 40 characters at most; runs of Han characters as jieba cuts them; any other
  character is one of its own.
- `characters`: every character that can be seen.
- `sentencepiece`: the pieces of a SentencePiece model, of text normalised as CCNet does (see `ccnet`).

For the first two, letters are in lower case, full-width forms are ASCII, each digit is 0; white space and line breaks only
separate, so that no layout is learnt; Han characters that are variants of each other (简 簡) are one, unless a model says
otherwise.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numba
import numpy as np
import pyarrow as pa

from curator import han
from curator.lm.ccnet import normalized
from curator.lm.errors import LanguageModelError
from curator.metrics.automaton import folded
from curator.metrics.classes import DIGIT, HAN, NEWLINE, OTHER, SPACE, SPACED, table
from curator.metrics.han_words import HanWords
from curator.metrics.utf8 import written

Tokens = Literal["characters", "words", "sentencepiece"]
TOKENS = get_args(Tokens)
REVISION = 1  # of the rules above; a model that was made by others is refused
LONGEST_WORD = 40

_NOTHING, _SPACE, _SINGLE, _IN_WORD, _HAN = range(5)
_KIND = np.uint32(24)  # an entry: what a character is, and 24 bits for the one that it is folded to
_POINT = np.uint32((1 << 24) - 1)


@functools.cache
def rules(tokens: Tokens, variants: bool) -> np.ndarray:
    """For each code point, its kind and the character that it is folded to."""
    classes = table()
    kinds = np.full(0x110000, _SINGLE, np.uint32)
    if tokens == "words":
        kinds[np.isin(classes, SPACED)] = _IN_WORD
        kinds[classes == HAN] = _HAN
    kinds[classes == OTHER] = _NOTHING
    kinds[np.isin(classes, (SPACE, NEWLINE))] = _SPACE
    points = folded().copy()
    points[classes == DIGIT] = ord("0")
    if variants:
        for character, first in han.variants().items():
            points[ord(character)] = ord(first)
    return kinds << _KIND | points


def tokenised(texts: pa.Array, tokens: Tokens, variants: bool = True, pieces: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Texts as UTF-8 lines of tokens with a space between them, and where each line ends (its newline is included). A null
    text is an empty line. `pieces` is the SentencePiece model, for the tokens of that name."""
    if tokens == "sentencepiece":
        return lines([" ".join(spelled(text, pieces)) if text else "" for text in texts.to_pylist()])
    data, offsets = utf8(texts)
    points = np.empty(int(offsets[-1] - offsets[0]), np.uint32)
    bounds = np.empty(len(offsets), np.int64)
    points = points[: _decode(data, offsets, points, bounds)]
    begins = np.zeros(len(points), np.uint8)
    if tokens == "words":
        HanWords().mark(points, table()[points], bounds, begins)
    out = np.empty(5 * len(points) + len(texts) + 8, np.uint8)
    ends = np.empty(len(texts), np.int64)
    return out[: _spell(points, bounds, begins, rules(tokens, variants), LONGEST_WORD, out, ends)], ends


def spelled(text: str, pieces: Any) -> list[str]:
    """The pieces of one text, as CCNet has them."""
    return pieces.encode(normalized(text), out_type=str)


def lines(tokenised: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Lines of tokens as `tokenised` gives them."""
    encoded = [line.encode() + b"\n" for line in tokenised]
    ends = np.cumsum([len(line) for line in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def sentencepiece_model(data: bytes, name: str) -> Any:
    """A SentencePiece processor from the bytes of its model."""
    library: Any = importlib.import_module("sentencepiece")
    try:
        return library.SentencePieceProcessor(model_proto=data)
    except RuntimeError:
        raise LanguageModelError(f"{name}: not a SentencePiece model, or a damaged one") from None


def utf8(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of a column of strings, and where each begins in them; nulls are empty."""
    if not pa.types.is_large_string(texts.type):
        texts = texts.cast(pa.large_string())
    if texts.null_count:
        texts = texts.fill_null("")
    if not len(texts):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int64, len(texts) + 1, texts.offset * 8)
    return np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8), places


@numba.njit(cache=True, nogil=True)
def _decode(data, offsets, points, bounds):
    """The code points of each text; what is no code point is 0."""
    n = 0
    bounds[0] = 0
    for text in range(len(offsets) - 1):
        at = offsets[text]
        stop = offsets[text + 1]
        while at < stop:
            byte = np.uint32(data[at])
            if byte < 0x80:
                point = byte
                at += 1
            elif byte < 0xE0:
                point = (byte & np.uint32(0x1F)) << np.uint32(6) | _tail(data, at + 1, stop)
                at += 2
            elif byte < 0xF0:
                point = (byte & np.uint32(0x0F)) << np.uint32(12) | _tail(data, at + 1, stop) << np.uint32(6)
                point |= _tail(data, at + 2, stop)
                at += 3
            else:
                point = (byte & np.uint32(0x07)) << np.uint32(18) | _tail(data, at + 1, stop) << np.uint32(12)
                point |= _tail(data, at + 2, stop) << np.uint32(6) | _tail(data, at + 3, stop)
                at += 4
            points[n] = point if point < np.uint32(0x110000) else np.uint32(0)
            n += 1
        bounds[text + 1] = n
    return n


@numba.njit(cache=True, nogil=True)
def _spell(points, bounds, begins, rules, longest, out, ends):
    n = 0
    for text in range(len(bounds) - 1):
        first = n
        before = _SPACE
        length = 0
        for i in range(bounds[text], bounds[text + 1]):
            entry = rules[points[i]]
            kind = entry >> _KIND
            if kind == _NOTHING:
                continue
            if kind != _SPACE:
                goes_on = kind == before and length < longest and (kind == _IN_WORD or (kind == _HAN and not begins[i]))
                if not goes_on and n > first:
                    out[n] = 0x20
                    n += 1
                length = length + 1 if goes_on else 1
                n = written(out, n, entry & _POINT)
            before = kind
        out[n] = 0x0A
        n += 1
        ends[text] = n
    return n


@numba.njit(inline="always")
def _tail(data, at, stop):
    return np.uint32(data[at]) & np.uint32(0x3F) if at < stop else np.uint32(0)
