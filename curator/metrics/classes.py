"""Every code point in one of 27 classes: a table of bytes that all kernels look characters up in.

The classes follow Python's own Unicode tables (`unicodedata.unidata_version`, which a filter's fingerprint holds), so that a
metric agrees with `str.isalpha`, `str.isspace` and `str.isnumeric` of the same interpreter.
"""

from __future__ import annotations

import functools
import unicodedata

import numpy as np

OTHER = 0  # controls, format characters, private use, unassigned
SPACE = 1  # str.isspace, but the newline
NEWLINE = 2
HAN = 3
KANA = 4
HANGUL = 5
LATIN_UPPER = 6
LATIN = 7
LETTER = 8  # any other letter
MARK = 9  # combining marks
DIGIT = 10  # decimal digits of any script
NUMBER = 11  # other numerals: ½ Ⅳ ①
STOP = 12  # . alone: it also makes ellipses
IDEOGRAPHIC_STOP = 13  # 。 alone: it also makes ellipses
TERMINAL = 14  # other marks that end a sentence or a quotation
COLON = 15  # ：） end a line of Chinese, : ) do not end one of English
ELLIPSIS = 16
APOSTROPHE = 17  # ' and ’: join a word, and end a quotation
LENTICULAR_OPEN = 18  # 【
LENTICULAR_CLOSE = 19  # 】
BULLET = 20
HASH = 21  # #
BRACE = 22  # { }
REPLACEMENT = 23  # U+FFFD
PUNCTUATION = 24  # any other punctuation
SYMBOL = 25  # any other symbol
COMMA = 26  # and other marks between clauses
CLASSES = 27

LETTERS = (HAN, KANA, HANGUL, LATIN_UPPER, LATIN, LETTER)
ALPHANUMERIC = (*LETTERS, DIGIT, NUMBER)
SYMBOLS = tuple(range(STOP, CLASSES))
TERMINALS = (STOP, IDEOGRAPHIC_STOP, TERMINAL, COLON, ELLIPSIS, APOSTROPHE)

# Unified ideographs and their extensions, compatibility ideographs, 々 and 〇.
HAN_RANGES = ((0x3005, 0x3005), (0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
KANA_RANGES = ((0x3041, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F))
HANGUL_RANGES = ((0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB))
LATIN_NAMES = ("LATIN ", "FULLWIDTH LATIN ", "FEMININE ORDINAL", "MASCULINE ORDINAL")

# Bullets: Gopher's • and -, MAP-CC's list, and the asterisk of Markdown.
BULLETS = "•●○■□▪▫※·➢‣▶◀◦⁃–-*"
# What ends a line: C4's and FineWeb's . ! ? " with the same of Chinese, Arabic, Devanagari, Armenian, Ethiopic, Khmer, Burmese.
TERMINAL_MARKS = '!?"！？；”」』〉》．｡؟۔।॥։።፧។။‼⁇⁈⁉›»'
COMMAS = ",，､、;﹐،؛՝၊፣"


@functools.cache
def table() -> np.ndarray:
    """The class of each code point, indexed by it: 1.1 MB, read-only."""
    found = np.fromiter(map(_general_class, range(0x110000)), np.uint8, 0x110000)
    for ranges, kind in ((HAN_RANGES, HAN), (KANA_RANGES, KANA), (HANGUL_RANGES, HANGUL)):
        for first, last in ranges:
            part = found[first : last + 1]
            part[np.isin(part, (LETTER, NUMBER))] = kind
    for point in np.flatnonzero(found == LETTER).tolist():
        if unicodedata.name(chr(point), "").startswith(LATIN_NAMES):
            found[point] = LATIN_UPPER if chr(point).isupper() else LATIN
    for characters, kind in (
        ("\n", NEWLINE),
        (".", STOP),
        ("。", IDEOGRAPHIC_STOP),
        (TERMINAL_MARKS, TERMINAL),
        ("：）", COLON),
        (COMMAS, COMMA),
        ("…⋯", ELLIPSIS),
        ("'’", APOSTROPHE),
        ("【", LENTICULAR_OPEN),
        ("】", LENTICULAR_CLOSE),
        (BULLETS, BULLET),
        ("#", HASH),
        ("{}", BRACE),
        ("\ufffd", REPLACEMENT),
    ):
        found[[ord(c) for c in characters]] = kind
    found.flags.writeable = False
    return found


def _general_class(point: int) -> int:
    character = chr(point)
    if character.isspace():
        return SPACE
    category = unicodedata.category(character)
    if category == "Nd":
        return DIGIT
    return {"L": LETTER, "M": MARK, "N": NUMBER, "P": PUNCTUATION, "S": SYMBOL}.get(category[0], OTHER)


def mask(classes: tuple[int, ...]) -> int:
    """A number with a bit for each class, for tests inside kernels: `(mask >> kind) & 1`."""
    return sum(1 << kind for kind in classes)
