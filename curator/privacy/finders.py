"""What a recogniser is made of: a place, a pattern, and a judge that says where exactly the datum is, or that it is none.

Boundaries are written out for ASCII: `\\b` sees none between a Han character and a letter. Every repetition is bounded, and a
judge looks at a bounded number of characters, so the work is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Span = tuple[int, int]
Judge = Callable[[re.Match[str], str], Span | None]

# Full-width digits and letters, and the marks that stand between them, to ASCII: a character for a character.
_WIDE = ((0xFF10, 0xFF19), (0xFF20, 0xFF3A), (0xFF41, 0xFF5A))
NARROW = {c: c - 0xFEE0 for first, last in _WIDE for c in range(first, last + 1)}
NARROW |= {ord("＋"): ord("+"), ord("－"): ord("-"), ord("．"): ord(".")}


@dataclass(frozen=True)
class Finder:
    """Matches begin at most `back` characters before their place and before its end; with what they look ahead at they end at
    most `longest` characters behind it."""

    place: int
    pattern: re.Pattern[str]
    judge: Judge
    back: int = 0
    longest: int = 32
    shortest: int = 0  # characters of the place: digits stand nowhere else

    @property
    def long(self) -> bool:
        """Whether it is tried at each character of a place, rather than searched for: a search goes on behind the place."""
        return self.longest > 32


def as_found(match: re.Match[str], text: str) -> Span | None:
    return match.span()


def group(number: int) -> Judge:
    return lambda match, text: match.span(number)


def before(text: str, start: int, most: int) -> str:
    return text[max(start - most, 0) : start]


AMOUNT_BEFORE = frozenset("¥￥$€£")
AMOUNT_AFTER = re.compile(
    r" ?(?:[万亿]?(?:元|美元|円|韩元|股|人|次|字节|吨|瓦|公里|米|个|条|篇|用户)|万|亿|%|％|bytes|USD|RMB|CNY|dollars|users)"
)
