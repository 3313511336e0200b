"""What a text is compared by: its *units*, after a fixed normalisation.

The normalisation is `casefold(NFKC(text))`: full and half width, compatibility forms and case are one. Of the result,

- a letter of a script written without spaces (Han, kana, bopomofo, Thai, Khmer …) and a Hangul syllable is a unit by itself;
- a run of other letters, marks and digits is one unit (a word, a number);
- invisible characters (formats, zero width, variation selectors, fillers) count as if they were not there;
- all else (white space, punctuation, symbols, controls) only ends a run.

Both forms of Chinese stay different, unless variants are folded: then every Han character is the first of its class in
han_variants.txt. Classes are of characters, so what is said in other words (软件, 軟體) stays different.

The kernel reads a table with an entry a code point. Characters that may combine with the one before them cannot be folded
alone; they carry `COMBINES`, and texts that hold one are put in NFKC as a whole first. The tables follow the Unicode version
of the running Python (`unicodedata.unidata_version`).
"""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple

import numpy as np

from curator.han import variants

BREAK, UNIT, WORD, IGNORED, EXPANDED = range(5)
CLASS_SHIFT = 21  # an entry is: code point or index in 21 bits, class in 3, COMBINES in 1
COMBINES = 1 << 24
TABLE_SIZE = 4 << 16  # planes 0 to 3; above them are only tags and variation selectors (ignored) and private use (breaks)

_UNIT_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul jamo
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x31FF),  # radicals, kana, bopomofo, compatibility jamo, strokes, small kana
    (0x3400, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xA960, 0xA97F),  # Hangul jamo
    (0xA980, 0xA9FF),  # Javanese, Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x16FE0, 0x18DFF),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # kana, Nüshu
    (0x20000, 0x3FFFF),  # Han
)
_FILLERS = frozenset([0x034F, 0x115F, 0x1160, 0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10)])
# Han and Hangul where every character, be it assigned or not yet, is a unit that folds to itself; not asked for one by one.
_PLAIN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0x20000, 0x2F800), (0x2FA20, 0x40000))


class Folding(NamedTuple):
    table: np.ndarray  # uint32, an entry a code point
    expansions: np.ndarray  # uint32: a count, then that many entries; where an entry of class EXPANDED points


@functools.cache
def folding(of_variants: str = "keep") -> Folding:
    """The tables for `variants: keep` or `fold`, built once a process (0.2 s)."""
    canonical = variants() if of_variants == "fold" else {}
    table = np.zeros(TABLE_SIZE, np.uint32)
    plain = np.zeros(TABLE_SIZE, bool)
    for start, stop in _PLAIN:
        plain[start:stop] = True
        table[start:stop] = np.arange(start, stop, dtype=np.uint32) | (UNIT << CLASS_SHIFT)
    combining = _combining()
    expansions: list[int] = []
    for code in np.flatnonzero(~plain).tolist():
        if 0xD800 <= code < 0xE000:
            continue
        normal = unicodedata.normalize("NFKC", chr(code))
        entries = [_entry(canonical.get(c, c)) for c in normal.casefold()]
        if len(entries) == 1:
            entry = entries[0]
        else:
            entry = len(expansions) | (EXPANDED << CLASS_SHIFT)
            expansions += [len(entries), *entries]
        table[code] = entry | (COMBINES if any(c in combining for c in normal) else 0)
    for character, first in canonical.items():
        if plain[ord(character)]:
            table[ord(character)] = _entry(first)
    return Folding(table, np.array(expansions, np.uint32))


def _entry(character: str) -> int:
    return ord(character) | (character_class(character) << CLASS_SHIFT)


def character_class(character: str) -> int:
    """What a normalised character does to the units around it."""
    code, category = ord(character), unicodedata.category(character)
    if any(start <= code < stop for start, stop in _PLAIN):
        return UNIT
    if category in ("Cf", "Me") or code in _FILLERS:
        return IGNORED
    if category[0] not in "LMN":
        return BREAK
    if category != "Nd" and any(start <= code <= stop for start, stop in _UNIT_RANGES):
        return UNIT
    return WORD


def _combining() -> frozenset[str]:
    """Characters that NFKC may reorder or join with one before them: a combining class, or second in a composition."""
    found = {chr(c) for c in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}  # Hangul vowels and finals
    for code in range(0x3400):
        found |= _second(code)
    for code in range(0xA000, 0x20000):
        found |= _second(code)
    return frozenset(found)


def _second(code: int) -> set[str]:
    character = chr(code)
    found = {character} if unicodedata.combining(character) else set()
    parts = unicodedata.decomposition(character).split()
    if len(parts) == 2 and not parts[0].startswith("<"):
        found.add(chr(int(parts[1], 16)))
    return found
