"""Paragraphs of plain-text books: lines that were broken at a fixed width are joined again, blank lines go."""

from __future__ import annotations

import re
import unicodedata

_NARROWEST, _WIDEST = 48, 100  # columns of a hard-wrapped file
_INDENTED = re.compile(r"(?<=[。！？：；…”’」』）])[\u3000]{2,}+")  # a Chinese paragraph that does not begin a line
_FULL = 0.78  # of the width: a shorter line ends its paragraph, is a verse or a heading


def paragraphs(text: str, rejoin: bool = True) -> str:
    """One paragraph a line. Files with long lines keep their lines; blanks at both ends of a line go."""
    text = _INDENTED.sub("\n\u3000\u3000", text.replace("\r\n", "\n").replace("\r", "\n"))
    raw = [line.rstrip() for line in text.split("\n")]
    width = _wrapped_at(raw) if rejoin else 0
    out: list[str] = []
    joins = False  # the line before was full, so that its paragraph goes on
    for line in raw:
        stripped = line.strip(" \t\u3000\u00a0\ufeff")
        if not stripped:
            joins = False
            continue
        if joins and not line.startswith((" ", "\t", "\u3000")):
            out[-1] += _between(out[-1][-1], stripped[0]) + stripped
        else:
            out.append(stripped)
        joins = width > 0 and _columns(line) >= _FULL * width
    return "\n".join(out)


def _wrapped_at(lines: list[str]) -> int:
    """The width in columns that a file was wrapped at: nearly no line is longer, and many come near; 0 if it was not."""
    widths = sorted(_columns(line) for line in lines if line)
    if len(widths) < 8:
        return 0
    width = widths[int(len(widths) * 0.98)]
    near = sum(w >= _FULL * width for w in widths)
    return width if _NARROWEST <= width <= _WIDEST and near >= 0.35 * len(widths) else 0


def _columns(line: str) -> int:
    return len(line) if line.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def _between(left: str, right: str) -> str:
    """No space between Chinese or Japanese characters."""
    return "" if _is_wide(left) or _is_wide(right) else " "


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" and not "\uac00" <= character <= "\ud7a3"
