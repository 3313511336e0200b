"""What all passes ask of a page's tree: sums over subtrees, depths, what looks alike, and the elements above a block.

The kernels are small and fill what they are given: a kernel that allocates takes longer to compile than to run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from curator.extraction.blocks import BYTES, CHARS, COMMAS, LINKED, LINKS, STOPS, Blocks, groups
from curator.extraction.tree import Tree

LEVELS = 5  # ancestors that are described: each holds more text than the one before
_SUMS = 7  # see `Outline.total`
HIGHEST = 12  # ancestors that are searched for a family


@dataclass(frozen=True)
class Outline:
    """`total`: for each element its subtree's bytes, linked bytes, marks, blocks, bytes of prose, blocks of prose and links;
    `own` the bytes of its own blocks. `alike`: for each block the number of its path of tags and classes, one of `kinds`;
    `twins`: for each element the number that it shares with children of its parent that look the same, one of `families`,
    and `members`: how many of them hold text. `level`: for each block its element and the ancestors that hold more (-1)."""

    each: np.ndarray  # what `total` sums, by block
    total: np.ndarray
    own: np.ndarray
    depth: np.ndarray
    path: np.ndarray
    alike: np.ndarray
    kinds: int
    twins: np.ndarray
    members: np.ndarray
    level: np.ndarray

    def up(self, values: np.ndarray, tree: Tree, blocks: Blocks) -> np.ndarray:
        """Values of blocks (one column or more) summed over subtrees."""
        out = np.zeros((len(tree.tag), values.shape[1]))
        _sum(tree.parent, blocks.anchor, values, out)
        return out

    def by_kind(self, values: np.ndarray) -> np.ndarray:
        """Values of blocks (a column each) summed over those that look alike."""
        out = np.zeros((self.kinds, values.shape[1]))
        _gather(self.alike, values, out)
        return out

    def by_family(self) -> np.ndarray:
        """`total` summed over elements that look the same and have the same parent."""
        out = np.zeros((len(self.members), self.total.shape[1]))
        _gather(self.twins, self.total, out)
        return out

    def richest(self, value: np.ndarray, tree: Tree, blocks: Blocks) -> np.ndarray:
        """For each block the element above it whose family (of two or more) has the greatest value; -1 where there is none."""
        place = np.empty(len(blocks), np.int32)
        _richest(tree.parent, self.twins, self.members, value, blocks.anchor, place)
        return place


def outline(tree: Tree, blocks: Blocks) -> Outline:
    nodes = len(tree.tag)
    each = np.empty((len(blocks), _SUMS))
    _describe(blocks.counts, each)
    total = np.zeros((nodes, _SUMS))
    _sum(tree.parent, blocks.anchor, each, total)
    path, depth = np.empty(nodes, np.uint64), np.empty(nodes, np.int32)
    _paths(tree.tag, tree.parent, tree.look, path, depth)
    beside = (tree.look * np.uint64(31) + (tree.parent + 1).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    alike, kinds = groups(path[blocks.anchor])
    twins, families = groups(beside)
    members = np.bincount(twins, total[:, 0] > 0, families)
    level = np.full((len(blocks), LEVELS), -1, np.int32)
    _levels(tree.parent, total, blocks.anchor, level)
    own = np.bincount(blocks.anchor, each[:, 0], nodes)
    return Outline(each, total, own, depth, path, alike, kinds, twins, members, level)


def core(tree: Tree, value: np.ndarray, share: float) -> int:
    """Down from the root while one child holds more than this share of the value."""
    return int(_core(tree.parent, tree.last, value, share * value[0])) if len(value) and value[0] > 0 else 0


def meeting(tree: Tree, blocks: Blocks, node: int) -> tuple[np.ndarray, np.ndarray]:
    """For each block how many elements it is up to the first that `node` lies in, and which that is."""
    steps, meet = np.empty(len(blocks), np.int32), np.empty(len(blocks), np.int32)
    meet_with(tree.parent, tree.last, blocks.anchor, node, steps, meet)
    return steps, meet


@numba.njit(cache=True, nogil=True)
def _describe(counts, each):
    for block in range(len(counts)):
        c, row = counts[block], each[block]
        size, chars, stops, linked = np.float64(c[BYTES]), np.float64(c[CHARS]), np.float64(c[STOPS]), np.float64(c[LINKED])
        marks = stops + c[COMMAS]
        # reads like a sentence: several marks, or a long run of text, and hardly linked
        said = (marks >= 2 and size >= 45) or (stops >= 1 and size >= 60) or size >= 150
        prose = said and linked * 3 < chars
        row[0], row[1], row[2], row[3] = size, linked * size / max(chars, 1.0), marks, 1
        row[4], row[5], row[6] = size * prose, prose, c[LINKS]


@numba.njit(cache=True, nogil=True)
def _gather(group, values, out):
    for row in range(len(group)):
        for i in range(values.shape[1]):
            out[group[row], i] += values[row, i]


@numba.njit(cache=True, nogil=True)
def _sum(parent, anchor, each, total):
    _gather(anchor, each, total)
    for node in range(len(parent) - 1, 0, -1):
        if parent[node] >= 0:
            for i in range(each.shape[1]):
                total[parent[node], i] += total[node, i]


@numba.njit(cache=True, nogil=True)
def _paths(tag, parent, look, path, depth):
    for node in range(len(tag)):
        up = parent[node]
        above = path[up] if up >= 0 else np.uint64(1469598103934665603)
        path[node] = (above ^ look[node]) * np.uint64(1099511628211) + np.uint64(tag[node])
        depth[node] = depth[up] + 1 if up >= 0 else 0


@numba.njit(cache=True, nogil=True)
def _levels(parent, total, anchor, level):
    for block in range(len(anchor)):
        node, at = anchor[block], 0
        while node >= 0 and at < LEVELS:
            if at == 0 or total[node, 0] > total[level[block, at - 1], 0]:
                level[block, at] = node
                at += 1
            else:
                level[block, at - 1] = node  # a wrapper: the widest stands for all
            node = parent[node]


@numba.njit(cache=True, nogil=True)
def _richest(parent, twins, members, value, anchor, place):
    for block in range(len(anchor)):
        place[block], most = -1, -1.0
        node, up = anchor[block], 0
        while node >= 0 and up < HIGHEST:
            family = twins[node]
            if members[family] >= 2 and value[family] > most:
                place[block], most = node, value[family]
            node = parent[node]
            up += 1


@numba.njit(cache=True, nogil=True)
def _core(parent, last, value, least):
    found, node = 0, 1
    while node < last[found]:
        if parent[node] == found and value[node] > least:
            found = node
            node = found + 1
        else:
            node = last[node] if parent[node] == found else node + 1
    return found


@numba.njit(cache=True, nogil=True)
def meet_with(parent, last, anchor, node, steps, meet):
    for block in range(len(anchor)):
        at, count = anchor[block], 0
        while at > 0 and not at <= node < last[at]:
            at = parent[at]
            count += 1
        steps[block], meet[block] = count, at
