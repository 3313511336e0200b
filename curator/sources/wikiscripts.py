"""The script of a page without its author's rules: Chinese by OpenCC, Serbian by its alphabet.

A page of a Chinese wiki mixes both scripts, line by line, and the usual conversion harms text that is already in the script
asked for (traditional 皇后 and 里程 are no simplified words). So a line is converted whole only if most of its telling
characters are of the other script; in a line of the right script the few foreign characters are replaced one by one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

_HAN = "".join(map(chr, range(0x4E00, 0xA000)))
_CONFIGURATIONS: dict[str, tuple[str, str | None]] = {  # variant: (from the other script, within its own)
    "zh-hans": ("t2s", None),
    "zh-cn": ("t2s", None),
    "zh-sg": ("t2s", None),
    "zh-my": ("t2s", None),
    "zh-hant": ("s2t", None),
    "zh-tw": ("s2tw", "t2tw"),
    "zh-hk": ("s2hk", "t2hk"),
    "zh-mo": ("s2hk", "t2hk"),
}
HANS = frozenset(["zh-hans", "zh-cn", "zh-sg", "zh-my"])


@functools.cache
def _opencc(configuration: str) -> Callable[[str], str]:
    from opencc import OpenCC

    return OpenCC(configuration).convert


@functools.cache
def _table(configuration: str, charset: str) -> dict[int, str]:
    """Characters of one script alone and what they become in the other: OpenCC changes them, and the other's old national
    character set, which has what both scripts share (后 and 里 are in Big5), does not have them."""
    one_a_line = _opencc(configuration)("\n".join(_HAN)).split("\n")
    shared = frozenset(_HAN.encode(charset, "ignore").decode(charset)) - {"後"}  # GB 2312 has it, and nobody writes it
    return {ord(one): other for one, other in zip(_HAN, one_a_line) if one != other and one not in shared}


def simplified_only() -> dict[int, str]:
    return _table("s2t", "big5")


def traditional_only() -> dict[int, str]:
    return _table("t2s", "gb2312")


@functools.cache
def _telling() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Runs without simplified, and without traditional characters: what is left when they are gone tells."""
    simplified, traditional = (
        re.compile(f"[^{''.join(map(chr, table))}]++") for table in (simplified_only(), traditional_only())
    )
    return simplified, traditional


def balance(text: str) -> int:
    """How many more simplified than traditional characters a text has, of those that only one of the scripts writes."""
    if text.isascii():
        return 0
    simplified, traditional = _telling()
    return len(simplified.sub("", text)) - len(traditional.sub("", text))


class Chinese:
    """Text into the script of a variant. `page` is the whole page's text: it decides for lines that tell nothing."""

    def __init__(self, variant: str, page: str) -> None:
        crossing, own = _CONFIGURATIONS[variant]
        self._crossing = _opencc(crossing)
        self._own = _opencc(own) if own else None
        self._sign = 1 if variant in HANS else -1
        self._foreign = traditional_only() if variant in HANS else simplified_only()
        self._absent = _telling()[1 if variant in HANS else 0]
        self._page_is_ours = balance(page) * self._sign >= 0

    def __call__(self, text: str) -> str:
        if text.isascii():
            return text
        return "".join(map(self._line, text.splitlines(keepends=True)))

    def _line(self, line: str) -> str:
        ours = balance(line) * self._sign
        if ours < 0 or (ours == 0 and not self._page_is_ours):
            return self._crossing(line)
        if self._absent.sub("", line):
            line = line.translate(self._foreign)
        return self._own(line) if self._own else line


# -------------------------------------------------------------------------------------------------------------- Serbian

_PAIRS = """
а a б b в v г g д d ђ đ е e ж ž з z и i ј j к k л l љ lj м m н n њ nj о o п p р r с s т t ћ ć у u ф f х h ц c ч č џ dž ш š
"""
_LETTERS = _PAIRS.split()
_TO_LATIN: dict[str, str] = dict(zip(_LETTERS[::2], _LETTERS[1::2]))
_TO_LATIN |= {letter.upper(): latin[0].upper() + latin[1:] for letter, latin in _TO_LATIN.items()}
_TO_CYRILLIC = {latin: letter for letter, latin in _TO_LATIN.items()} | {"LJ": "Љ", "NJ": "Њ", "DŽ": "Џ"}
_FROM_LATIN = re.compile("|".join(sorted(_TO_CYRILLIC, key=lambda latin: (-len(latin), latin))))
_FROM_CYRILLIC = re.compile(f"[{''.join(_TO_LATIN)}]")
_ROMAN = re.compile(r"(?<!\w)(?=[MDCLXVI])M{0,4}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?!\w)")
_ONLY_CYRILLIC = re.compile("[^шђчћжШЂЧЋЖ]++")
_ONLY_LATIN = re.compile("[^šđčćžŠĐČĆŽ]++")


class Serbian:
    """Letter by letter, but for Roman numbers; a page whose telling letters are mostly of the alphabet asked for stays."""

    def __init__(self, variant: str, page: str) -> None:
        cyrillic, latin = len(_ONLY_CYRILLIC.sub("", page)), len(_ONLY_LATIN.sub("", page))
        self._to_cyrillic = variant == "sr-ec"
        self._stays = cyrillic > latin if self._to_cyrillic else latin > cyrillic

    def __call__(self, text: str) -> str:
        if self._stays:
            return text
        if not self._to_cyrillic:
            return _FROM_CYRILLIC.sub(lambda m: _TO_LATIN[m[0]], text)
        parts: list[str] = []
        done = 0
        for number in _ROMAN.finditer(text):
            parts += (self._cyrillic(text[done : number.start()]), number[0])
            done = number.end()
        parts.append(self._cyrillic(text[done:]))
        return "".join(parts)

    def _cyrillic(self, text: str) -> str:
        return _FROM_LATIN.sub(lambda m: _TO_CYRILLIC[m[0]], text)


def converter(variant: str, page: str) -> Callable[[str], str]:
    """What brings a page's text into a variant; the text stays for variants that nothing here writes."""
    if variant in ("sr-ec", "sr-el"):
        return Serbian(variant, page)
    return Chinese(variant, page) if variant in _CONFIGURATIONS else str
