"""Text for a terminal: file names and messages from foreign data must not steer it."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with control and formatting characters written out, but for line ends: an escape sequence shows as `\\x1b[31m`."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
