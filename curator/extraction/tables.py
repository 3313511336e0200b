"""Where the cells of a table of facts stand. A cell that is empty has its column all the same: left out, what stands behind
it would be read as something else."""

from __future__ import annotations

import re

import numba
import numpy as np

from curator.extraction.tags import TAGS
from curator.extraction.tree import Tree

WIDEST = 64  # columns; a table that says it is wider is written without the empty cells, so that no page can ask for gigabytes
_TABLE, _ROW, _CELL, _HEAD = (TAGS[name] for name in ("table", "tr", "td", "th"))
_SPAN = re.compile(rb"""\s(col|row)span\s{0,9}=\s{0,9}["']?\s{0,9}(\d{1,4})""")
_TAG = 400  # bytes of a tag that are searched for what it spans


def is_data(tree: Tree, table: int) -> bool:
    """A table of facts rather than of layout: two rows or more, more cells than rows, no table inside."""
    return table >= 0 and bool(_is_data(tree.tag, tree.last, table))


def columns(tree: Tree, table: int) -> tuple[dict[int, int], int]:
    """The column of each cell, from 0, and how many there are. Cells push aside what they span (HTML standard, 4.9.12)."""
    column: dict[int, int] = {}
    taken: dict[int, int] = {}  # rows that a cell above still reaches down to, by column
    width, behind = 0, int(tree.last[table])
    tag, last = tree.tag[table:behind].tolist(), (tree.last[table:behind] - table).tolist()
    start = (tree.start[table:behind] - tree.start[table]).tolist()
    source = tree.source[tree.start[table] : tree.start[behind - 1] + _TAG].tobytes().lower()
    for row in (place for place, name in enumerate(tag) if name == _ROW):
        at, cell = 0, row + 1
        reached: dict[int, int] = {}
        while cell < last[row]:
            if tag[cell] in (_CELL, _HEAD):
                while taken.get(at, 0):
                    at += 1
                column[table + cell] = at
                wide, high = _spans(source[start[cell] : start[cell] + _TAG].partition(b">")[0])
                if high > 1:
                    reached |= dict.fromkeys(range(at, min(at + wide, WIDEST)), high)
                at += wide
                if at > WIDEST:
                    return {}, 0
            cell = last[cell]
        taken = {place: left - 1 for place, left in (taken | reached).items() if left > 1}
        width = max(width, at)
    return column, width


def _spans(tag: bytes) -> tuple[int, int]:
    """Columns and rows, as a cell's tag says."""
    said = {name: int(number) for name, number in _SPAN.findall(tag)} if b"span" in tag else {}
    return max(1, said.get(b"col", 1)), max(1, said.get(b"row", 1))


def places(tree: Tree, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each block, by its element: the row around it, the cell in that, and the column of the cell; -1 where there is none,
    and the column where the table is none of facts."""
    row, cell, table = np.empty((3, len(anchors)), np.int32)
    column = np.full(len(anchors), -1, np.int32)
    if _around(tree.tag, tree.parent, tree.last, anchors, np.zeros(len(tree.tag), np.uint8), row, cell, table):
        for number in np.unique(table[table >= 0]).tolist():
            of, _ = columns(tree, number)
            blocks = np.flatnonzero((table == number) & (row >= 0))
            column[blocks] = [of.get(found, -1) for found in cell[blocks].tolist()]
    return row, cell, column


@numba.njit(cache=True, nogil=True)
def _is_data(tag, last, table):
    rows, cells = 0, 0
    for node in range(table + 1, last[table]):
        if tag[node] == _TABLE:
            return False
        rows += tag[node] == _ROW
        cells += tag[node] == _CELL or tag[node] == _HEAD
    return rows >= 2 and cells > rows


@numba.njit(cache=True, nogil=True)
def _around(tag, parent, last, anchors, known, row, cell, table):
    """Fills the last three; `table` is that of facts. Says whether there is one. `known`: 1 facts, 2 layout."""
    some = False
    for block in range(len(anchors)):
        row[block] = cell[block] = table[block] = -1
        node = anchors[block]
        while node >= 0 and tag[node] != _TABLE:
            if row[block] < 0:
                if tag[node] == _ROW:
                    row[block] = node
                elif tag[node] == _CELL or tag[node] == _HEAD:
                    cell[block] = node
            node = parent[node]
        if node >= 0:
            if known[node] == 0:
                known[node] = 1 if _is_data(tag, last, node) else 2
            if known[node] == 1:
                table[block] = node
                some = True
    return some
