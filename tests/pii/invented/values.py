"""Invented private values in the forms that public specifications give them, for the labelled set.

Every function takes a seeded generator and gives a `Value`: its text, and the part of it that a redaction must cover (all of
it, unless said otherwise). Some are told by the words around them alone; those are in the frames.
Where a specification keeps numbers apart for fiction, they are used: 555-01xx of the North American plan, 7946 0xxx and
7700 900xxx of Ofcom, 2001:db8::/32 of RFC 3849.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

DIGITS, LOWER, UPPER = string.digits, string.ascii_lowercase, string.ascii_uppercase
ALNUM = DIGITS + UPPER + LOWER
HEX = DIGITS + "abcdef"
PLATE = DIGITS + UPPER.replace("I", "").replace("O", "")  # GA 36: no I and no O


class Value(NamedTuple):
    text: str
    core: tuple[int, int] | None = None  # None: all of it


Make = Callable[[Random], Value]


def draw(r: Random, alphabet: str, count: int) -> str:
    return "".join(r.choice(alphabet) for _ in range(count))


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def wide(text: str) -> str:
    """Full-width forms of U+FF01..FF5E."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def around(before: str, core: str, after: str = "") -> Value:
    return Value(before + core + after, (len(before), len(before) + len(core)))


def grouped(number: str, sizes: Sequence[int], by: str) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return by.join([*parts, number[at:]] if at < len(number) else parts)
