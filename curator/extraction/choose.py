"""From chances to a choice: which blocks are the main text."""

from __future__ import annotations

import numba
import numpy as np

from curator.extraction.blocks import BYTES, CHARS, CODE, LINKED, Blocks, groups
from curator.extraction.features import ASIDE, FAR, QUOTED, first
from curator.extraction.forest import Forest
from curator.extraction.outline import Outline, outline
from curator.extraction.records import together
from curator.extraction.tags import TAGS
from curator.extraction.tree import Tree
from curator.extraction.whole import FEATURES, whole

MOST_BLOCKS, MOST_NODES = 50_000, 300_000  # some 120 MB of features; real pages stay under a fifth of it
LEAST = 0.1  # a page whose likeliest block is less likely than this has no main text
MEMBERS, MOST_CHOSEN, NOT_EXCLUDED, MOST_LINKED = 3, 0.6, 0.05, 0.3  # see `complete`
BESIDE = 0.1  # of its chance is left to what stands in an <aside>
COPY = 45  # bytes: a block as long as this is not taken twice; code may repeat a line
_TABLE, _ROW, _CELL, _HEAD, _PRE = (TAGS[name] for name in ("table", "tr", "td", "th", "pre"))


def choose(model: Forest, tree: Tree, blocks: Blocks, kind: np.ndarray) -> np.ndarray:
    """A mask over the blocks; on a page too large to be described, all of them. `kind` as `kind.kind` gives it."""
    if len(blocks) > MOST_BLOCKS or len(tree.tag) > MOST_NODES:
        return np.ones(len(blocks), np.bool_)
    shape = outline(tree, blocks)
    table = described(tree, blocks, shape, kind)
    chance = chances(table, together(tree, blocks, shape, model.margins(table)))
    chosen = complete(tree, blocks, shape, chance, best(chance, blocks.counts[:, CHARS]))
    return once(tree, blocks, chosen, table[:, QUOTED] < FAR)


def chances(table: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """For each block the chance of being content. What HTML calls an aside is taken for one, if the page has anything else:
    the marked pages hold too few for the model to believe the tag more than whole sentences."""
    chance = 1 / (1 + np.exp(-margin))
    beside = chance * np.where(table[:, ASIDE] < FAR, BESIDE, 1.0)
    return beside if beside.max(initial=0.0) >= LEAST else chance


def described(tree: Tree, blocks: Blocks, shape: Outline, kind: np.ndarray) -> np.ndarray:
    """What the model sees, a row a block."""
    table = np.zeros((len(blocks), FEATURES), np.float32)
    first(tree, blocks, shape, table)
    whole(tree, blocks, shape, kind, table)
    return table


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


def complete(tree: Tree, blocks: Blocks, shape: Outline, chance: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """What belongs together is taken together.

    Posts of a thread, answers, reviews: where most of what looks alike (the same path of tags and classes, below at least
    MEMBERS parents) was chosen, the rest is too, unless it is next to impossible. A table of facts or a piece of code
    of which half was chosen, or that stands between chosen blocks, is taken whole, unless it is made of links.
    """
    if not chosen.any():
        return chosen
    size = blocks.counts[:, CHARS].astype(np.float64)
    parent = (tree.parent[blocks.anchor] + 1).astype(np.uint64)
    beside, count = groups(shape.path[blocks.anchor] * np.uint64(31) + parent * np.uint64(0x9E3779B97F4A7C15))
    kind = np.empty(count, np.int32)
    kind[beside] = shape.alike
    parents = np.bincount(kind, minlength=shape.kinds)
    held = shape.by_kind(np.stack([size, size * chosen], axis=1))
    most = held[:, 1] >= MOST_CHOSEN * held[:, 0]
    out = chosen | (((parents >= MEMBERS) & most)[shape.alike] & (chance >= NOT_EXCLUDED))
    around = np.full(len(tree.tag), -1, np.int32)
    facts = np.zeros((len(tree.tag), 3), np.int32)
    _whole(tree.tag, tree.parent, blocks.anchor, blocks.counts, around, facts, out)
    return out


def once(tree: Tree, blocks: Blocks, chosen: np.ndarray, quoted: np.ndarray) -> np.ndarray:
    """Without copies of a paragraph already taken: the form for phones, the form for print.

    A copy stands in another element than the first: a refrain stays. So does what a post quotes: without it the answer to
    it hangs in the air.
    """
    rows = np.flatnonzero(chosen & (blocks.counts[:, BYTES] >= COPY) & (blocks.counts[:, CODE] == 0))
    around, said = tree.parent[blocks.anchor[rows]], blocks.said[rows]
    first = np.empty(len(blocks), np.int32)
    first[said[::-1]] = around[::-1]  # of equal ones the last that is written stays
    out = chosen.copy()
    out[rows[(around != first[said]) & ~quoted[rows]]] = False
    return out


@numba.njit(cache=True, nogil=True)
def _whole(tag, parent, anchor, counts, inside, facts, chosen):
    n = len(anchor)
    nodes = len(tag)
    # inside: the nearest element above, itself included, that may be taken as a whole; facts: its rows, cells and blocks
    for node in range(nodes):
        up = parent[node]
        around = inside[up] if up >= 0 else -1
        inside[node] = node if tag[node] == _TABLE or tag[node] == _PRE else around
        if around >= 0:
            facts[around, 0] += tag[node] == _ROW
            facts[around, 1] += tag[node] == _CELL or tag[node] == _HEAD
            if tag[node] == _TABLE:
                facts[around, 0] = -(1 << 20)  # a table with tables in it is layout
    for block in range(n):
        if inside[anchor[block]] >= 0:
            facts[inside[anchor[block]], 2] += 1
    was_chosen = False  # the block before, as it came
    start = 0
    while start < n:
        whole = inside[anchor[start]]
        stop = start + 1
        held, taken, linked = 0.0, 0.0, 0.0
        before = was_chosen
        while stop < n and inside[anchor[stop]] == whole:
            stop += 1
        was_chosen = chosen[stop - 1]
        # a table of facts has rows and columns, and little more than one line a cell
        if whole >= 0 and (
            tag[whole] == _PRE
            or (facts[whole, 0] >= 2 and facts[whole, 1] >= 2 * facts[whole, 0] and facts[whole, 2] <= 1.3 * facts[whole, 1])
        ):
            for block in range(start, stop):
                held += counts[block, CHARS]
                linked += counts[block, LINKED]
                taken += counts[block, CHARS] * chosen[block]
            between = before and stop < n and chosen[stop]
            if linked < MOST_LINKED * held and (taken >= 0.5 * held or between):
                for block in range(start, stop):
                    chosen[block] = True
        start = stop
