"""Boosted trees, evaluated: no training library at run time.

A model is a JSON file of plain lists: per tree the inner nodes' feature, threshold, left and right child, and the leaves'
values. A child below zero is a leaf (-1 the first). A value goes left when it is not greater than the threshold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numba
import numpy as np


@dataclass(frozen=True)
class Forest:
    feature: np.ndarray
    threshold: np.ndarray
    child: np.ndarray  # inner nodes x 2: a row, or ~leaf
    value: np.ndarray
    roots: np.ndarray

    @classmethod
    def of(cls, trees: Sequence[Mapping[str, list]]) -> Forest:
        """Trees as lists, one after the other; a tree without inner nodes is its one leaf."""
        feature: list[int] = []
        threshold: list[float] = []
        child: list[tuple[int, int]] = []
        value: list[float] = []
        roots = []
        for tree in trees:
            inner, leaves = len(feature), len(value)
            roots.append(inner if tree["feature"] else ~leaves)
            feature += tree["feature"]
            threshold += tree["threshold"]
            value += tree["value"]
            for left, right in zip(tree["left"], tree["right"]):
                child.append(tuple(inner + at if at >= 0 else ~(leaves + ~at) for at in (left, right)))  # type: ignore[arg-type]
        return cls(
            np.array(feature, np.int32),
            np.array(threshold, np.float32),
            np.array(child, np.int32).reshape(-1, 2),
            np.array(value, np.float32),
            np.array(roots, np.int32),
        )

    def chances(self, table: np.ndarray) -> np.ndarray:
        """For each row of features the chance of being content."""
        return _chances(table, self.feature, self.threshold, self.child, self.value, self.roots)


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
def _chances(table, feature, threshold, child, value, roots):
    out = np.zeros(len(table), np.float64)
    for root in roots:  # a tree stays in the cache while all rows pass it
        for row in range(len(table)):
            at = root
            while at >= 0:
                at = child[at, np.int64(table[row, feature[at]] > threshold[at])]
            out[row] += value[~at]
    return 1 / (1 + np.exp(-out))
