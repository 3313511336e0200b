"""Which brackets of a wikitext belong together: one pass with a stack, in time linear in its length.

Templates, arguments, links, tables and language variants nest in any order, and in real pages some never end. A construct
that is not closed is not marked: its brackets are text, and what is inside is converted as if it stood outside.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

TEMPLATE, ARGUMENT, LINK, LINK_END, TABLE, VARIANT = range(6)

_COMMON = (
    r"\{{2,}+|\}{2,}+|\[\[|\]\]"  # {{ }} [[ ]]
    r"|^[ \t:]*+\{\||^[ \t]*+\|\}(?!\})"  # {| and |} at the start of a line; |}} ends a template
)
_BRACKETS = re.compile(_COMMON, re.MULTILINE)
_BRACKETS_AND_VARIANTS = re.compile(_COMMON + r"|-\{(?!\{)|\}-", re.MULTILINE)
_NEAR = 200  # characters within which the end of a variant is looked for, when a link ends inside of it


class Marks:
    """Matched constructs of a text: `ends[position]` is the position after the construct that begins there,
    `kinds[position]` what it is. The `]]` of a link is a mark of its own. `positions` is sorted."""

    def __init__(self, text: str, variants: bool = True) -> None:
        self.ends: dict[int, int] = {}
        self.kinds: dict[int, int] = {}
        self._open: list[list[int]] = []  # [kind, position, braces] of what is not yet closed
        self._count = [0] * 6
        self._variants = variants
        for bracket in (_BRACKETS_AND_VARIANTS if variants else _BRACKETS).finditer(text):
            self._meet(bracket[0], bracket.start(), text)
        self.positions = sorted(self.ends)

    def after(self, position: int) -> int:
        """Index in `positions` of the first mark at or after a position."""
        return bisect_left(self.positions, position)

    def outside(self, pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
        """What a pattern finds in no inner construct. Those are jumped over, so deep nesting costs nothing more."""
        at = start
        while at < end:
            index = self.after(at)
            inner = self.positions[index] if index < len(self.positions) else end
            yield from pattern.finditer(text, at, min(inner, end))
            at = self.ends[inner] if inner < end else end

    def _meet(self, bracket: str, at: int, text: str) -> None:
        first, last = bracket[0], bracket[-1]
        if bracket == "[[":
            self._push(LINK, at)
        elif bracket == "]]":
            self._close_link(at, text)
        elif first == "{" and last == "{":
            self._push(TEMPLATE, at, len(bracket))
        elif first == "}" and last == "}":
            self._close_braces(at, at + len(bracket), text)
        elif bracket == "-{":
            self._push(VARIANT, at)
        elif bracket == "}-":
            self._close(VARIANT, at + 2)
        elif last == "|":
            self._push(TABLE, at)
        else:
            self._close(TABLE, at + len(bracket))

    def _push(self, kind: int, at: int, braces: int = 0) -> None:
        self._open.append([kind, at, braces])
        self._count[kind] += 1

    def _pop(self) -> int:
        kind, at, _ = self._open.pop()
        self._count[kind] -= 1
        return at

    def _mark(self, kind: int, start: int, end: int) -> None:
        self.kinds[start] = kind
        self.ends[start] = end

    def _close(self, kind: int, end: int) -> None:
        """A variant or a table ends; links inside that did not are text."""
        while self._open and self._open[-1][0] == LINK and self._count[kind]:
            self._pop()
        if self._open and self._open[-1][0] == kind:
            self._mark(kind, self._pop(), end)

    def _close_link(self, at: int, text: str) -> None:
        if self._open and self._open[-1][0] == VARIANT:
            inside = text[at : max(text.find("}-", at, at + _NEAR), at)]
            if inside and "\n" not in inside and "-{" not in inside:
                return  # the variant ends on this line: the brackets are its text
        while self._open and self._open[-1][0] == VARIANT and self._count[LINK]:
            self._pop()
        if self._open and self._open[-1][0] == LINK:
            self._mark(LINK, self._pop(), at + 2)
            self._mark(LINK_END, at, at + 2)

    def _close_braces(self, at: int, end: int, text: str) -> None:
        """A run of `}`: it closes the innermost braces three (an argument) or two (a template) at a time, as MediaWiki does."""
        if self._open and self._open[-1][0] == VARIANT and text.startswith("-", end):
            self._close(VARIANT, end + 1)
            return
        while end - at >= 2 and self._count[TEMPLATE]:
            while self._open[-1][0] != TEMPLATE:
                self._pop()
            inner = self._open[-1]
            width = 3 if end - at >= 3 and inner[2] >= 3 else 2
            inner[2] -= width
            at += width
            self._mark(ARGUMENT if width == 3 else TEMPLATE, inner[1] + inner[2], at)
            if inner[2] < 2:
                self._pop()
                if self._variants and inner[2] and inner[1] and text[inner[1] - 1] == "-":
                    self._push(VARIANT, inner[1] - 1)  # `-{{{a}}…}-`: the outermost brace belongs to the hyphen
        if end - at == 1 and text.startswith("-", end):
            self._close(VARIANT, end + 1)
