"""From chances to a choice: which blocks are the main text."""

from __future__ import annotations

import numba
import numpy as np

from curator.extraction.blocks import CHARS, LINKED, Blocks, groups
from curator.extraction.context import second
from curator.extraction.features import FIRST, first, outline
from curator.extraction.forest import Model
from curator.extraction.tree import TAGS, Tree

MOST_BLOCKS, MOST_NODES = 50_000, 300_000  # some 120 MB of features; real pages stay under a fifth of it
LEAST = 0.1  # a page whose likeliest block is less likely than this has no main text
MEMBERS, MOST_CHOSEN, NOT_EXCLUDED, MOST_LINKED = 3, 0.6, 0.05, 0.3  # see `complete`
_TABLE, _ROW, _CELL, _HEAD, _PRE = (TAGS[name] for name in ("table", "tr", "td", "th", "pre"))


def choose(model: Model, tree: Tree, blocks: Blocks) -> np.ndarray:
    """A mask over the blocks; on a page too large to be described, all of them."""
    if len(blocks) > MOST_BLOCKS or len(tree.tag) > MOST_NODES:
        return np.ones(len(blocks), np.bool_)
    chance = chances(model, tree, blocks)
    return complete(tree, blocks, chance, best(chance, blocks.counts[:, CHARS]))


def chances(model: Model, tree: Tree, blocks: Blocks) -> np.ndarray:
    """For each block the chance of being content: the mean of two models; the second sees what the first thought around it."""
    table = first(tree, blocks)
    before = model.first.chances(table[:, :FIRST])
    second(tree, blocks, before, table)
    return (before + model.second.chances(table)) / 2


def best(chance: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The blocks that give the best F1 to be expected: those above a threshold that each page sets for itself.

    If the chances are right, taking the k likeliest has the expected F1 of 2 S_k / (C_k + S), with C_k the characters taken,
    S_k those of them that are content and S those of the page; the best k is found by trying all (after Lewis, SIGIR 1995).
    """
    if not len(chance) or chance.max() < LEAST:
        return np.zeros(len(chance), np.bool_)
    order = np.argsort(-chance, kind="stable")
    sizes = size[order].astype(np.float64)
    gains = chance[order] * sizes
    expected = 2 * np.cumsum(gains) / np.maximum(np.cumsum(sizes) + gains.sum(), 1e-9)
    return chance >= chance[order[int(np.argmax(expected))]]


def complete(tree: Tree, blocks: Blocks, chance: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """What belongs together is taken together.

    Posts of a thread, answers, reviews: where most of what looks alike (the same path of tags and classes, below at least
    MEMBERS parents) was chosen, the rest is too, unless it is next to impossible. A table of facts or a piece of code
    of which half was chosen, or that stands between chosen blocks, is taken whole, unless it is made of links.
    """
    path = outline(tree.tag, tree.parent, tree.look, blocks.anchor, blocks.counts)[2]
    alike = _alike(path[blocks.anchor], tree.parent[blocks.anchor], chance, chosen, blocks.counts[:, CHARS])
    return _whole(tree.tag, tree.parent, blocks.anchor, blocks.counts, alike)


@numba.njit(cache=True, nogil=True)
def _alike(path, parent, chance, chosen, size):
    alike, kinds = groups(path)
    beside, families = groups(path * np.uint64(31) + (parent + 1).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    seen = np.zeros(families, np.bool_)
    members = np.zeros(kinds, np.int32)
    held, taken = np.zeros(kinds, np.float64), np.zeros(kinds, np.float64)
    for block in range(len(path)):
        kind = alike[block]
        if not seen[beside[block]]:
            seen[beside[block]] = True
            members[kind] += 1
        held[kind] += size[block]
        taken[kind] += size[block] * chosen[block]
    out = chosen.copy()
    for block in range(len(path)):
        kind = alike[block]
        if members[kind] >= MEMBERS and taken[kind] >= MOST_CHOSEN * held[kind] and chance[block] >= NOT_EXCLUDED:
            out[block] = True
    return out


@numba.njit(cache=True, nogil=True)
def _whole(tag, parent, anchor, counts, chosen):
    n = len(anchor)
    nodes = len(tag)
    inside = np.full(nodes, -1, np.int32)  # the nearest element above, itself included, that may be taken as a whole
    rows, cells, texts = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32), np.zeros(nodes, np.int32)
    for node in range(nodes):
        up = parent[node]
        around = inside[up] if up >= 0 else -1
        inside[node] = node if tag[node] == _TABLE or tag[node] == _PRE else around
        if around >= 0:
            rows[around] += tag[node] == _ROW
            cells[around] += tag[node] == _CELL or tag[node] == _HEAD
            if tag[node] == _TABLE:
                rows[around] = -(1 << 20)  # a table with tables in it is layout
    for block in range(n):
        if inside[anchor[block]] >= 0:
            texts[inside[anchor[block]]] += 1
    out = chosen.copy()
    start = 0
    while start < n:
        whole = inside[anchor[start]]
        stop = start + 1
        held, taken, linked = 0.0, 0.0, 0.0
        while stop < n and inside[anchor[stop]] == whole:
            stop += 1
        # a table of facts has rows and columns, and little more than one line a cell
        if whole >= 0 and (
            tag[whole] == _PRE or (rows[whole] >= 2 and cells[whole] >= 2 * rows[whole] and texts[whole] <= 1.3 * cells[whole])
        ):
            for block in range(start, stop):
                held += counts[block, CHARS]
                linked += counts[block, LINKED]
                taken += counts[block, CHARS] * chosen[block]
            between = start > 0 and stop < n and chosen[start - 1] and chosen[stop]
            if linked < MOST_LINKED * held and (taken >= 0.5 * held or between):
                out[start:stop] = True
        start = stop
    return out
