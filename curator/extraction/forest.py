"""Boosted trees, evaluated: no training library at run time.

A model is a JSON file of plain lists: per tree the inner nodes' feature, threshold, left and right child, and the leaves'
values. A child below zero is a leaf (-1 the first). A value goes left when it is not greater than the threshold.

No tree is walked. A word holds a bit for each leaf of a tree, from left to right; every node whose value goes right takes away
the leaves at its left, and the first one that remains is where a walk would have ended (QuickScorer, Lucchese et al., SIGIR
2015). So each node is one comparison for many rows at once, without a branch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numba
import numpy as np

MOST_LEAVES = 32  # of a tree: the bits of a word
_ROWS = 64  # that pass a node together
_ALL = np.uint32(0xFFFFFFFF)
_ZERO = np.uint32(0)
_BIT = tuple(np.uint32(mask) for mask in (0xAAAAAAAA, 0xCCCCCCCC, 0xF0F0F0F0, 0xFF00FF00, 0xFFFF0000))  # of a place's number


@dataclass(frozen=True)
class Forest:
    feature: np.ndarray  # a node each, trees one behind the other
    threshold: np.ndarray
    remaining: np.ndarray  # uint32: the leaves that are not at the left of the node
    value: np.ndarray  # a leaf each, from left to right
    nodes: np.ndarray  # where each tree starts in them, and the end
    leaves: np.ndarray

    @classmethod
    def of(cls, trees: Sequence[Mapping[str, list]]) -> Forest:
        """Trees as lists; a tree without inner nodes is its one leaf. A tree of more than MOST_LEAVES is refused."""
        remaining: list[int] = []
        value: list[float] = []
        for number, tree in enumerate(trees):
            if len(tree["value"]) > MOST_LEAVES:
                raise ValueError(f"tree {number} has {len(tree['value'])} leaves; at most {MOST_LEAVES} can be evaluated")
            order = _leaves(tree, 0 if tree["feature"] else -1)
            place = {leaf: at for at, leaf in enumerate(order)}
            value += [tree["value"][leaf] for leaf in order]
            remaining += [int(_ALL) - sum(1 << place[leaf] for leaf in _leaves(tree, left)) for left in tree["left"]]
        return cls(
            np.array([f for tree in trees for f in tree["feature"]], np.int32),
            np.array([t for tree in trees for t in tree["threshold"]], np.float32),
            np.array(remaining, np.uint32),
            np.array(value, np.float32),
            np.cumsum([0, *(len(tree["feature"]) for tree in trees)]),
            np.cumsum([0, *(len(tree["value"]) for tree in trees)]),
        )

    def chances(self, table: np.ndarray) -> np.ndarray:
        """For each row of features the chance of being content."""
        column = np.zeros((int(self.feature.max(initial=0)) + 1, _ROWS), np.float32)
        left, total = np.empty(_ROWS, np.uint32), np.zeros(len(table), np.float64)
        trees = (self.feature, self.threshold, self.remaining, self.value, self.nodes, self.leaves)
        _add(table, *trees, column, left, total)
        return 1 / (1 + np.exp(-total))


def _leaves(tree: Mapping[str, list], root: int) -> list[int]:
    """The leaves below a node from left to right, without recursion: a file may hold a chain."""
    found, waiting = [], [root]
    while waiting:
        at = waiting.pop()
        if at < 0:
            found.append(~at)
        else:
            waiting += [tree["right"][at], tree["left"][at]]
    return found


@dataclass(frozen=True)
class Model:
    first: Forest
    second: Forest
    features: tuple[int, int]


@lru_cache(maxsize=1)
def load() -> Model:
    """The model that lies beside this file: see `train`."""
    return read(files("curator.extraction").joinpath("model.json").read_text(encoding="ascii"))


def read(text: str) -> Model:
    held = json.loads(text)
    return Model(Forest.of(held["first"]), Forest.of(held["second"]), tuple(held["features"]))


@numba.njit(cache=True, nogil=True)
def _add(table, feature, threshold, remaining, value, nodes, leaves, column, left, out):
    """The trees' values, added to `out`; `column` (features x rows) and `left` are room for the rows that pass together."""
    for start in range(0, len(table), _ROWS):
        rows = min(_ROWS, len(table) - start)
        for row in range(rows):
            for at in range(len(column)):
                column[at, row] = table[start + row, at]
        for tree in range(len(nodes) - 1):
            for row in range(_ROWS):
                left[row] = _ALL
            for node in range(nodes[tree], nodes[tree + 1]):
                which, bound, rest = feature[node], threshold[node], remaining[node]
                for row in range(_ROWS):
                    left[row] &= rest if column[which, row] > bound else _ALL
            for row in range(rows):
                lowest = left[row] & (_ZERO - left[row])
                leaf = 0
                for at in range(5):
                    leaf |= np.int64((lowest & _BIT[at]) != _ZERO) << at
                out[start + row] += value[leaves[tree] + leaf]
