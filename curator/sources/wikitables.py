"""Wikitext tables to lines: a data table becomes a line per row, `1990 | 12,345 | Beijing`; boxes and navigation are dropped.

A table is a box by its class (`infobox`, `navbox`, `toc` …), or because it floats beside the text. Rows of other tables are
lines of their cells that are not empty; cells of a table for layout that hold several lines stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from curator.sources.wikiarguments import Part, Span
from curator.sources.wikimarks import Marks

ROW, END, CELL = "\x04", "\x05", "\x06"  # around a row and between its cells, until its text is known
DEEPEST = 3  # tables in tables; below, cells are plain text of the one that they are in

_BOX = re.compile(
    r"\b(?:infobox|infobox_v\w*|navbox\w*|vertical-navbox|sidebar|toc|toccolours|metadata|[acfotms]mbox|messagebox|noprint"
    r"|nomobile|sistersitebox|succession-box|geography|vcard|biota|taxobox|multicol-nav|navigation-not-searchable"
    r"|noexcerpt|plainlinks-nav|babel\w*|userbox\w*|NavFrame|mw-empty-elt|bandeau|bandeau-\w*|wikitable-infobox"
    r"|float-?right|tright|right|sinottico\w*|navigazione|ambox-\w*|hintergrundfarbe\d* float-right)\b",
    re.IGNORECASE,
)
_DATA = re.compile(r"\b(?:wikitable|prettytable|sortable|datatable)\b", re.IGNORECASE)
_CLASS = re.compile(r"\bclass\s*+=\s*+(\"[^\"\n]*+\"|'[^'\n]*+'|[^\s|]++)", re.IGNORECASE)
_FLOATS = re.compile(r"float\s*+:\s*+(?:right|left)|\balign\s*+=\s*+[\"']?(?:right|left)|display\s*+:\s*+none", re.IGNORECASE)
_BORDERS = re.compile(r"\n[ \t:]*+(\|-++|\|\+|\|(?!\})|!)|(\|\||!!)|(\|)")


def is_box(attributes: str) -> bool:
    """Whether a table of these attributes stands beside the text, not in it."""
    classes = " ".join(_CLASS.findall(attributes))
    if _DATA.search(classes):
        return bool(re.search(r"infobox|navbox|display\s*+:\s*+none", attributes, re.IGNORECASE))
    return bool(_BOX.search(classes) or _FLOATS.search(attributes))


@dataclass
class _Row:
    cells: list[Span] = field(default_factory=list)
    caption: bool = False


def table(text: str, start: int, end: int, marks: Marks) -> list[Part]:
    """What is kept of the table that stands from `start` to `end`, in the order of its rows."""
    line_end = text.find("\n", start, end)
    if line_end < 0:
        return []
    attributes = text[start:line_end][:2000]
    if is_box(attributes):
        return []
    data = _DATA.search(attributes) is not None
    stop = text.rfind("|", start, end)
    parts: list[Part] = ["\n"]
    for row in _rows(text, line_end, stop, marks):
        if not data and any(text.find("\n", begin, close) >= 0 for begin, close in map(_trimmed(text), row.cells)):
            for cell in row.cells:
                parts += ["\n", cell, "\n"]
            continue
        parts.append(ROW)
        for cell in row.cells:
            parts += [cell, CELL]
        parts.append(END)
    return parts


def _trimmed(text: str) -> Callable[[Span], Span]:
    def trim(span: Span) -> Span:
        begin, close = span
        while close > begin and text[close - 1].isspace():
            close -= 1
        while begin < close and text[begin].isspace():
            begin += 1
        return begin, close

    return trim


def _rows(text: str, start: int, stop: int, marks: Marks) -> Iterator[_Row]:
    row = _Row()
    cell = -1  # where the cell that is open began; -1 in a row's attributes
    header = piped = False  # of the line that is read: it began with `!`; a single bar was met in its cell
    for border in marks.outside(_BORDERS, text, start, stop):
        opening, between, bar = border[1], border[2], border[3]
        if bar:
            if cell >= 0 and not piped:
                piped = True
                if _is_attributes(text, cell, border.start()):
                    cell = border.end()
            continue
        if between == "!!" and not header:
            continue
        if between and cell < 0:
            continue
        if cell >= 0:
            row.cells.append((cell, border.start()))
        piped = False
        if (opening and opening[-1] in "-+") or row.caption:
            if row.cells:
                yield row
            row = _Row(caption=opening == "|+")
        cell = -1 if opening and opening[-1] == "-" else border.end()
        if opening:
            header = opening == "!"
    if cell >= 0:
        row.cells.append((cell, stop))
    if row.cells:
        yield row


def _is_attributes(text: str, start: int, end: int) -> bool:
    before = text[start : min(end, start + 2000)]
    return "[[" not in before and "-{" not in before and "\n" not in before


# ------------------------------------------------------------------------------------------------------------ the lines

_ATTRIBUTES = re.compile(r"(?:[a-z]{3,12}=(?:\"[^\"]*+\"|[\w#%]++) ?)+")  # whose bar a dropped template held
_MARKS = re.compile(f"([{ROW}{END}{CELL}])")


_ITEM = re.compile(r"\n[ \t]*+[*#:;]++")


def _in_one_line(cell: str) -> str:
    return with_items(_ITEM.split(cell)) if "\n" in cell else " ".join(cell.split())


def with_items(parts: list[str]) -> str:
    """What stands in a cell before its lists, and their items, parted by semicolons."""
    before, *items = (" ".join(part.split()) for part in parts)
    listed = "; ".join(filter(None, items))
    return f"{before} {listed}".strip()


def flattened(text: str, keep: Callable[[str], str]) -> str:
    """Rows, their cells' text known, as lines: what `keep` makes of each, so that nothing takes its first cell for a list."""
    if ROW not in text:
        return text
    out: list[str] = []
    rows: list[list[list[str]]] = []  # that are open; of each its cells, of each its pieces
    too_deep = 0
    for piece in _MARKS.split(text):
        if piece == ROW:
            if len(rows) < DEEPEST:
                rows.append([[]])
            else:
                too_deep += 1
        elif piece == CELL:
            if rows and not too_deep:
                rows[-1].append([])
        elif piece == END:
            if too_deep:
                too_deep -= 1
            elif rows:
                cells = [_in_one_line("".join(cell)) for cell in rows.pop()]
                line = " | ".join(cell for cell in cells if cell and not _ATTRIBUTES.fullmatch(cell))
                if rows:
                    rows[-1][-1].append(line + "; " if line else "")
                elif line:
                    out.append(f"\n{keep(line)}\n")
        elif piece:
            (rows[-1][-1] if rows else out).append(piece)
    for row in rows:
        out += [" ".join("".join(cell) for cell in row)]
    return "".join(out)
