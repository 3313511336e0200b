"""Text normalised as CCNet's models were trained on it (Wenzek et al. 2020), so that its cut-offs of perplexity mean the same.

In this order: outer white space goes, letters are lowered, accents are stripped (every nonspacing mark of the canonical
decomposition; hangul stays decomposed), each digit of any script becomes 0, punctuation is mapped to ASCII, control
characters are removed. Line breaks are control characters: CCNet normalises a whole document before it cuts it into
pieces, so that the document is a single line and the last word of a line stands against the first of the next. That is kept,
since its cut-offs were found that way.
"""

from __future__ import annotations

import functools
import unicodedata

import numba
import numpy as np

PUNCTUATION = {
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("„”“«»」「《》", '"'),
    **dict.fromkeys("´’", "'"),
    **dict.fromkeys("∶：", ":"),
    **dict.fromkeys("–━►", "-"),
    "。": ".",
    "？": "?",
    "！": "!",
    "（": "(",
    "）": ")",
    "；": ";",
    "～": "~",
    "〈": "<",
    "〉": ">",
    "【": "[",
    "】": "]",
    "％": "%",
    "．": ". ",
    "—": " - ",
    "…": "...",
}
CONTROLS = (*range(32), *range(127, 160))

_LONG = {"．": 1, "—": 2, "…": 3}  # marks that become several characters
_EXPANSIONS = np.array([[0, 0, 0, 0], [2, *map(ord, ". "), 0], [3, *map(ord, " - ")], [3, *map(ord, "...")]], np.uint32)
_REMOVED = np.uint32(0xFFFFFFFF)
_LONG_FROM = np.uint32(0xFFFFFF00)


def normalized(text: str) -> str:
    """What CCNet's models see of a text."""
    text = unicodedata.normalize("NFD", text.strip().lower())
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    out = np.empty(3 * len(points), np.uint32)
    return out[: _replace(points, _replacements(), _EXPANSIONS, out)].tobytes().decode("utf-32-le", "surrogatepass")


@functools.cache
def _replacements() -> np.ndarray:
    found = np.arange(0x110000, dtype=np.uint32)
    for point in range(0x110000):
        category = unicodedata.category(chr(point))
        if category == "Mn":
            found[point] = _REMOVED
        elif category == "Nd":
            found[point] = ord("0")
    for mark, plain in PUNCTUATION.items():
        found[ord(mark)] = _LONG_FROM + np.uint32(_LONG[mark]) if mark in _LONG else ord(plain)
    found[list(CONTROLS)] = _REMOVED
    return found


@numba.njit(cache=True, nogil=True)
def _replace(points, replacements, expansions, out):
    n = 0
    for point in points:
        entry = replacements[point]
        if entry == _REMOVED:
            continue
        if entry >= _LONG_FROM:
            row = entry - _LONG_FROM
            for k in range(expansions[row, 0]):
                out[n] = expansions[row, k + 1]
                n += 1
        else:
            out[n] = entry
            n += 1
    return n
