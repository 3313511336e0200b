"""The chosen blocks to plain text."""

from __future__ import annotations

import numba
import numpy as np

from curator.extraction import tables
from curator.extraction.blocks import Blocks
from curator.extraction.characters import code_point, entity, is_blank
from curator.extraction.tags import TAGS
from curator.extraction.tree import BREAK, TEX, TEXT, Tree

_PRE = np.int16(TAGS["pre"])


def plain(tree: Tree, blocks: Blocks, chosen: np.ndarray) -> str:
    """One line a block; the cells of a row on one line, set apart by tabs, empty ones too; code as it stands: with its breaks,
    and with the hard spaces that indent it outside of `<pre>`. `chosen` is a mask, or rows."""
    rows = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
    places = tables.places(tree, blocks.anchor[rows])
    most = len(tree.page) + len(tree.kind) + (2 + tables.WIDEST * (places[2].max(initial=0) > 0)) * len(rows)
    room = np.empty(most, np.uint8)  # text, breaks, borders and empty cells
    columns = (tree.tag, tree.parent, tree.kind, tree.begin, tree.end, blocks.anchor, blocks.first, blocks.behind)
    written = _plain(tree.page, *columns, blocks.coded, rows, *places, room)
    return room[:written].tobytes().decode("utf-8", "replace")


def separately(tree: Tree, blocks: Blocks) -> list[str]:
    """Every block's text by itself."""
    return [plain(tree, blocks, np.array([row])) for row in range(len(blocks))]


@numba.njit(cache=True, nogil=True)
def _within(tag, parent, node, which):
    while node >= 0 and tag[node] != which:
        node = parent[node]
    return node


@numba.njit(cache=True, nogil=True)
def _plain(page, tag, parent, kind, begin, end, anchor, first, behind, coded, rows, row_of, cell_of, column, room):
    written = 0
    for number in range(len(rows)):
        row = rows[number]
        pre = _within(tag, parent, anchor[row], _PRE) >= 0
        borders = 0  # of columns that stand already
        if written:
            beside = row_of[number] >= 0 and row_of[number] == row_of[number - 1]
            cells = beside and cell_of[number] != cell_of[number - 1]
            room[written] = 9 if cells else 10
            written += 1
            borders = column[number - 1] + cells if beside else 0
        for _ in range(borders, column[number]):
            room[written] = 9
            written += 1
        owed, thin = False, -1
        began = written
        indented = coded[row]  # at a line's beginning, where hard spaces count
        for event in range(first[row], behind[row]):
            if kind[event] == BREAK:  # in other text a block ends there
                room[written] = 10
                written += 1
                owed, indented = False, True
            if kind[event] != TEXT and kind[event] != TEX:
                continue
            at, stop = np.int64(begin[event]), np.int64(end[event])
            while at < stop:
                place = at
                if page[at] == 38:
                    point, at = entity(page, at, stop)
                else:
                    point, at = code_point(page, at)
                hard = point == 0xA0 and (pre or indented)
                if pre:
                    if point == 13:
                        continue
                elif (point == 0x200B or point == 0xFEFF) and written > began and not owed:
                    thin = place  # of no width: within a word it parts nothing
                    continue
                elif is_blank(point) and not hard:
                    owed = written > began and room[written - 1] != 10
                    continue
                if owed:
                    room[written] = 32
                    written += 1
                    owed, thin = False, -1
                if thin >= 0:
                    for i in range(thin, thin + 3):
                        room[written] = page[i]
                        written += 1
                    thin = -1
                indented = indented and hard
                if page[place] == 38 or hard:
                    room[written] = point if point < 128 else 32
                    written += 1
                else:
                    for i in range(place, min(at, len(page))):
                        room[written] = page[i]
                        written += 1
        while written > began and (room[written - 1] == 10 or room[written - 1] == 32):
            written -= 1
    return written
