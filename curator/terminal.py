"""Text for a terminal: file names and messages from foreign data must not steer it."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """`text` with control and formatting characters written out, but for line ends, tabs and spaces (the ideographic one begins
    Chinese paragraphs): an escape sequence shows as `\\x1b[31m`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or _harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _harmless(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) == "Zs"
