"""Records: what a page repeats, as posts of a thread, answers, reviews. What stands at one place in each is judged together.

`outline` knows look-alikes by their classes; posts differ in those (`odd`, `byuser`, `post-7897`). Here siblings of one tag
are records where there are MEMBERS or more with text, of BLOCKS blocks or more on average, half of which say a sentence.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.extraction.blocks import CHARS, Blocks, groups
from curator.extraction.outline import Outline
from curator.extraction.tree import Tree

MEMBERS, BLOCKS, READ = 3, 2, 0.5
HIGHEST = 16  # elements above a block that are asked whether they are records
SHARED = 0.4  # of what is thought of a block is what is thought of its place; chosen with the model
_TAGS, _ODD = np.uint64(256), np.uint64(0x9E3779B97F4A7C15)


def together(tree: Tree, blocks: Blocks, shape: Outline, margin: np.ndarray) -> np.ndarray:
    """The model's margins, each drawn towards the mean of its place; long blocks have more to say in that."""
    place, count = places(tree, blocks, shape)
    if count == len(blocks):  # no two share one
        return margin
    weight = blocks.counts[:, CHARS].astype(np.float64) ** 0.7
    means = np.bincount(place, weight * margin, count) / np.bincount(place, weight, count)
    return (1 - SHARED) * margin + SHARED * means[place]


def places(tree: Tree, blocks: Blocks, shape: Outline) -> tuple[np.ndarray, int]:
    """For each block the number of its place: of the records around it with the most prose, and the tags from there down to
    it. A block outside of records has one for itself."""
    beside, key = np.empty(len(tree.tag), np.uint64), np.empty(len(blocks), np.uint64)
    _beside(tree.parent, tree.tag, beside)
    family, families = groups(beside)
    if not _places(tree.parent, tree.tag, family, shape.total, np.zeros((families, 4)), blocks.anchor, key):
        return np.arange(len(blocks), dtype=np.int32), len(blocks)
    return groups(key)


@numba.njit(cache=True, nogil=True)
def _beside(parent, tag, key):
    for node in range(len(parent)):
        key[node] = (np.uint64(parent[node] + 1) * _TAGS + np.uint64(tag[node])) * _ODD


@numba.njit(cache=True, nogil=True)
def _places(parent, tag, family, total, held, anchor, key):
    """Fills `key`; says whether there are records."""
    for node in range(len(parent)):  # of each family: members with text, blocks, bytes of prose, members with prose
        if total[node, 0] > 0:
            sums = held[family[node]]
            sums[0] += 1
            sums[1] += total[node, 3]
            sums[2] += total[node, 4]
            sums[3] += total[node, 5] > 0
    some = False
    for at in range(len(held)):
        if not (held[at, 0] >= MEMBERS and held[at, 1] >= BLOCKS * held[at, 0] and held[at, 3] >= max(2.0, READ * held[at, 0])):
            held[at, 2] = 0  # no records
        some = some or held[at, 2] > 0
    if not some:
        return False
    for block in range(len(anchor)):
        key[block] = np.uint64(block + 1) * _ODD
        path, most = np.uint64(14695981039346656037), 0.0
        node, up = anchor[block], 0
        while node >= 0 and up < HIGHEST:
            if held[family[node], 2] > most:
                most = held[family[node], 2]
                key[block] = (path ^ np.uint64(family[node] + 1)) * _ODD
            path = (path ^ np.uint64(tag[node] + 1)) * np.uint64(1099511628211)
            node = parent[node]
            up += 1
    return True
