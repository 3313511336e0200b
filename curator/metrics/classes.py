"""Every code point in one of 29 classes: a table of bytes that all kernels look characters up in.

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
UPPER = 8  # capitals of other scripts
LETTER = 9  # any other letter
MARK = 10  # combining marks
DIGIT = 11  # decimal digits of any script
NUMBER = 12  # other numerals: ½ Ⅳ ①
APOSTROPHE = 13  # ' and ’: stand inside words, and end a quotation
COLON = 14  # ：） end a line of Chinese, : ) do not end one of English
STOP = 15  # . alone: it also makes ellipses
IDEOGRAPHIC_STOP = 16  # 。 alone: it also makes ellipses
TERMINAL = 17  # any other mark that ends a sentence
ELLIPSIS = 18
CLOSING = 19  # marks that end a quotation, and ；: lines and clauses end with them, sentences do not
COMMA = 20  # and other marks between clauses
LENTICULAR_OPEN = 21  # 【
LENTICULAR_CLOSE = 22  # 】
BULLET = 23
HASH = 24  # #
BRACE = 25  # { }
REPLACEMENT = 26  # U+FFFD
PUNCTUATION = 27  # any other punctuation
SYMBOL = 28  # any other symbol
CLASSES = 29

# Sets of classes. A kernel that looks at 64 characters at a time takes the first and the last of a set without gaps.
BLANKS = (SPACE, NEWLINE)
ALONE = (HAN, KANA)  # each a word of its own
SPACED = tuple(range(HANGUL, NUMBER + 1))  # letters, marks and digits of scripts that space their words
SPACED_LETTERS = tuple(range(HANGUL, MARK + 1))
IN_WORD = tuple(range(HAN, NUMBER + 1))
CAPITALS = (LATIN_UPPER, UPPER)
SENTENCE_ENDS = tuple(range(STOP, ELLIPSIS + 1))
TERMINALS = tuple(range(APOSTROPHE, CLOSING + 1))  # what ends a line of prose
CLAUSE_ENDS = tuple(range(IDEOGRAPHIC_STOP, COMMA + 1))
LETTERS = (HAN, KANA, HANGUL, LATIN_UPPER, LATIN, UPPER, LETTER)
ALPHANUMERIC = (*LETTERS, DIGIT, NUMBER)
SYMBOLS = tuple(range(APOSTROPHE, CLASSES))

# Unified ideographs and their extensions, compatibility ideographs, 々 and 〇.
HAN_RANGES = ((0x3005, 0x3005), (0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
KANA_RANGES = ((0x3041, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F))
HANGUL_RANGES = ((0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB))
LATIN_NAMES = ("LATIN ", "FULLWIDTH LATIN ", "FEMININE ORDINAL", "MASCULINE ORDINAL")

# Bullets: Gopher's • and -, MAP-CC's list, and the asterisk of Markdown.
BULLETS = "•●○■□▪▫※·➢‣▶◀◦⁃–-*"
# What ends a line: C4's and FineWeb's . ! ? " with the same of Chinese, Arabic, Devanagari, Armenian, Ethiopic, Khmer, Burmese.
TERMINAL_MARKS = "!?！？．｡؟۔।॥։።፧។‼⁇⁈⁉"
CLOSING_MARKS = '"”」』〉》›»；'
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
        elif chr(point).isupper():
            found[point] = UPPER
    for characters, kind in (
        ("\n", NEWLINE),
        (".", STOP),
        ("。", IDEOGRAPHIC_STOP),
        (TERMINAL_MARKS, TERMINAL),
        (CLOSING_MARKS, CLOSING),
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
