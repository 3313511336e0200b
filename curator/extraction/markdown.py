"""The chosen blocks to Markdown: headings, lists, quotes, code, tables and formulas keep their form.

Python, but only over the events of what was chosen, some hundreds a page. The flavour is GitHub's: fenced code, pipe tables,
`$…$` around formulas. Characters that would be markup are left as they are: a corpus wants the author's text.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import numpy as np

from curator.extraction import tables
from curator.extraction.blocks import Blocks
from curator.extraction.tags import TAG_NAMES
from curator.extraction.tree import BREAK, CLOSE, OPEN, TEX, TEXT, Tree

_THIN = "\u200b\ufeff"  # of no width: within a word they part nothing
_SPACES = re.compile(f"(?<![{_THIN}])(?:[{_THIN}]*\\s)+[{_THIN}]*")
_LANGUAGE = re.compile(
    r"""\bclass\s?=\s?["']?[^"'<>]{0,500}?\b(?:language|lang|highlight-source|brush:)[-: ]\s*([a-zA-Z0-9+#]{1,20})""", re.I
)
_MARKS = {
    "b": "**",
    "strong": "**",
    "em": "*",
    "i": "*",
    "code": "`",
    "kbd": "`",
    "samp": "`",
    "tt": "`",
    "del": "~~",
    "s": "~~",
}
_BREAK = "\uf8cf"  # private, as are the marks below
_SOURCE_LINE = re.compile(f"({_BREAK})?[ \\t]*[\\r\\n][ \\t\\r\\n]*({_BREAK})?")
_FORMULA = re.compile(r"\$((?:[^$\\]|\\.)+)\$[.,;]?")  # that stands by itself: set on its own line
_DEEPEST = 8  # levels of lists and quotes that are shown
_HIGHEST = 32  # elements above a block that are asked for its form


def markdown(tree: Tree, blocks: Blocks, chosen: np.ndarray) -> str:
    page = _Page(tree)
    listings = _listings(tree, blocks, chosen)
    for row in np.flatnonzero(chosen).tolist():
        place = page.place(int(blocks.anchor[row]))
        pre = place.pre >= 0
        if not pre and place.row < 0:
            place.pre = listings.get(row, -1)
        flat = place.row >= 0 or place.heading > 0
        text = _text(tree, int(blocks.first[row]), int(blocks.behind[row]), place.pre >= 0, not flat)
        if place.pre >= 0:
            text = _code(text, pre)
        if text.strip():
            page.add(place, text, int(blocks.broken[row]))
    page.close()
    return "\n".join(page.lines).strip()


def _listings(tree: Tree, blocks: Blocks, chosen: np.ndarray) -> dict[int, int]:
    """Code outside of `<pre>`, and the element around it: lines that stand side by side as elements of their own, as some
    highlighters write them, and one element with breaks in it."""
    rows = np.flatnonzero(chosen & blocks.coded)
    around = tree.parent[blocks.anchor[rows]]
    same = np.concatenate([[False], (around[1:] == around[:-1]) & (around[1:] >= 0), [False]])
    found = {int(row): int(up) for row, up, listed in zip(rows, around, same[1:] | same[:-1]) if listed}
    for row in rows.tolist():
        if row not in found and (tree.kind[blocks.first[row] : blocks.behind[row]] == BREAK).any():
            found[row] = int(blocks.anchor[row])
    return found


@dataclass
class _Place:
    """Where a block stands: what its ancestors say of its form."""

    box: int
    heading: int = 0
    quotes: int = 0
    lists: int = 0
    number: int = 0
    item: int = -1
    pre: int = -1
    row: int = -1
    table: int = -1
    cell: int = -1


class _Page:
    """What is written so far, and the row or the piece of code that is not yet finished."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.lines: list[str] = []
        self.last: _Place | None = None
        self.cells: dict[int, list[str]] = {}  # of a row, by column
        self.code: list[str] = []
        self.headed: set[int] = set()  # tables whose first row is written
        self.columns: dict[int, tuple[dict[int, int], int] | None] = {}  # of each table, None of one that is layout
        self.counted: dict[int, tuple[int, int]] = {}  # of an ordered list the last item met, and its number

    def add(self, place: _Place, text: str, broken: int) -> None:
        last = self.last
        if last and ((self.cells and place.row != last.row) or (self.code and place.pre != last.pre)):
            self.close()
        if place.pre >= 0:
            self.code.append(text)
            if len(self.code) == 1:
                self.last = place
            return
        if place.row >= 0:
            at = self.cell(place)
            self.cells.setdefault(at, []).append(_SPACES.sub(" ", text).replace("|", "\\|").strip())
        else:
            self.lines.append(self.framed(place, text, broken))
        self.last = place

    def cell(self, place: _Place) -> int:
        """The column; in a table that is too wide for empty cells the next one."""
        column, _ = self.columns[place.table] or ({}, 0)
        fresh = not self.last or self.last.cell != place.cell
        return column.get(place.cell, max(self.cells, default=-1) + fresh)

    def close(self) -> None:
        last = self.last
        if last and self.cells:
            _, width = self.columns[last.table] or ({}, 0)
            width = width or len(self.cells)
            row = "| " + " | ".join("<br>".join(self.cells.get(at, ())) for at in range(width)) + " |"
            if last.table not in self.headed:
                self.headed.add(last.table)
                row = ("\n" if self.lines else "") + row + "\n|" + " --- |" * width
            self.lines.append(row)
        if last and self.code:
            start = int(self.tree.start[last.pre])
            language = _LANGUAGE.search(bytes(self.tree.source[start : start + 600]).decode("utf-8", "ignore"))
            text = "\n".join(self.code)
            self.lines.append(self.framed(last, f"```{language[1] if language else ''}\n{text}\n```", 2))
        self.cells, self.code = {}, []

    def framed(self, place: _Place, text: str, broken: int) -> str:
        """The block with its marks, and the empty line before it where it begins something new."""
        last = self.last if self.lines else None
        listed = place.item >= 0 and place.lists > 0
        if place.heading:
            text = "#" * place.heading + " " + text
        if listed:
            indent = "  " * (min(place.lists, _DEEPEST) - 1)
            fresh = last is None or last.item != place.item or last is place
            mark = (f"{place.number}. " if place.number else "- ") if fresh else "  "
            text = indent + mark + text.replace("\n", "\n" + indent + "  ")
        if place.quotes:
            prefix = "> " * min(place.quotes, _DEEPEST)
            text = prefix + text.replace("\n", "\n" + prefix)
        inside = last is not None and last.box == place.box and broken < 2
        together = last is None or inside or (listed and last.item >= 0 and place.pre < 0)
        return text if together else "\n" + text

    def place(self, node: int) -> _Place:
        place = _Place(node)
        for _ in range(_HIGHEST):
            if node < 0:
                break
            name = TAG_NAMES[self.tree.tag[node]]
            if name == "li" and place.item < 0:
                place.item = node
                place.number = self.number(node)
            if name in ("ul", "ol"):
                place.lists += 1
            elif name == "blockquote":
                place.quotes += 1
            elif name == "pre":
                place.pre = node
            elif name in ("td", "th") and place.cell < 0:
                place.cell = node
            elif name == "tr" and place.row < 0:
                place.row = node
            elif name == "table" and place.table < 0:
                place.table = node
            elif len(name) == 2 and name[0] == "h" and name[1].isdigit() and not place.heading:
                place.heading = int(name[1])
            node = int(self.tree.parent[node])
        if place.row >= 0:
            if place.table not in self.columns:
                data = tables.is_data(self.tree, place.table)
                self.columns[place.table] = tables.columns(self.tree, place.table) if data else None
            if self.columns[place.table] is None:
                place.row = place.table = place.cell = -1
        return place

    def number(self, item: int) -> int:
        """Its number in an ordered list, 0 in another."""
        up = int(self.tree.parent[item])
        if up < 0 or TAG_NAMES[self.tree.tag[up]] != "ol":
            return 0
        node, number = self.counted.get(up, (up + 1, 1))
        while node < item:
            number += TAG_NAMES[self.tree.tag[node]] == "li"
            node = int(self.tree.last[node])
        self.counted[up] = item, number
        return number


def _text(tree: Tree, first: int, behind: int, fenced: bool, inline: bool) -> str:
    parts: list[str] = []
    for event in range(first, behind):
        kind = tree.kind[event]
        if kind in (TEXT, TEX):
            text = html.unescape(bytes(tree.page[tree.begin[event] : tree.end[event]]).decode("utf-8", "replace"))
            if kind == TEX:
                parts.append(f"${_SPACES.sub(' ', text).strip()}$")
            else:
                parts.append(text if fenced else _SPACES.sub(" ", text))
        elif kind == BREAK:
            parts.append(_BREAK if fenced else " ")
        elif inline and not fenced and kind in (OPEN, CLOSE):
            mark = _MARKS.get(TAG_NAMES[tree.tag[tree.node[event]]])
            if mark:
                parts.append(_OPENING[mark] if kind == OPEN else _CLOSING[mark])
    if fenced:
        return "".join(parts)
    text = _SPACES.sub(" ", "".join(parts)).strip(" " + _THIN)
    return f"$$\n{alone[1]}\n$$" if inline and (alone := _FORMULA.fullmatch(text)) else _marked(text)


def _code(text: str, pre: bool) -> str:
    """A piece of code; outside of `<pre>` the lines of the page's source are none of its own."""
    if not pre:
        text = _SOURCE_LINE.sub(lambda found: _BREAK if found[1] or found[2] else " " if found.start() else "", text)
    return text.replace("\r", "").replace("\xa0", " ").replace(_BREAK, "\n").strip("\n").rstrip()


# Marks as private characters first, so that pairs that hold nothing, or that a block's border has cut, can be dropped.
_OPENING = {mark: chr(0xF8D0 + 2 * at) for at, mark in enumerate(dict.fromkeys(_MARKS.values()))}
_CLOSING = {mark: chr(ord(opening) + 1) for mark, opening in _OPENING.items()}
_EITHER = re.compile("([\uf8d0-\uf8df])")
_TOUCHING = re.compile("|".join(f"{_CLOSING[mark]}(?: ?){_OPENING[mark]}" for mark in _OPENING))


def _marked(text: str) -> str:
    """Marks around what is not empty, spaces outside of them; one whose partner stands in another block is dropped, and two
    of a kind that touch become one."""
    text = _TOUCHING.sub(lambda found: found[0][1:-1], text)
    parts = _EITHER.split(text)
    if len(parts) == 1:
        return text
    marks = {**{opening: mark for mark, opening in _OPENING.items()}, **{closing: mark for mark, closing in _CLOSING.items()}}
    waiting: list[int] = []
    for at in range(1, len(parts), 2):
        sign = parts[at]
        parts[at] = ""
        if sign in _OPENING.values():
            waiting.append(at)
            marks_at = marks[sign]
            parts[at] = marks_at
        elif sign in _CLOSING.values() and waiting and parts[waiting[-1]] == marks[sign]:
            opened = waiting.pop()
            if opened == at - 2 and not parts[at - 1].strip():
                parts[opened] = ""
                continue
            before, behind = parts[opened + 1], parts[at - 1]
            if before.startswith(" "):
                parts[opened - 1] += " "
                parts[opened + 1] = before = before[1:]
            if opened == at - 2:
                behind = before
            if behind.endswith(" "):
                parts[at - 1] = behind[:-1]
                parts[at + 1] = " " + parts[at + 1]
            parts[at] = marks[sign]
    for at in waiting:
        parts[at] = ""
    return _SPACES.sub(" ", "".join(parts)).strip()
