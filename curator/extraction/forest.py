"""Boosted trees, evaluated: no training library at run time.

A model is plain lists in a JSON file: per tree the inner nodes' feature, threshold, left and right child, and the leaves'
values. A child below zero is a leaf (-1 the first). A value goes left when it is not greater than the threshold.

No tree is walked. A word holds a bit for each leaf of a tree, from left to right; every node whose value goes right takes away
the leaves at its left, and the first one that remains is where a walk would have ended (QuickScorer, Lucchese et al., SIGIR
2015). So each node is one comparison for many rows at once, in the registers of vectors and without a branch.

Half of a page is beyond doubt: what the first of the averaged models calls hopeless, the others are not asked about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

from curator.extraction.blocks import CHARS, HAN

intrinsic: Any = extending.intrinsic  # what it makes is called without the first argument

MOST_LEAVES = 32  # of a tree: the bits of a word
_ROWS = 64  # that pass a node together
HOPELESS = -4.0  # a margin by the first model alone; six in ten blocks of the gold, of which none has .1 by all models
_ALL = (1 << MOST_LEAVES) - 1


@dataclass(frozen=True)
class Forest:
    feature: np.ndarray  # a node each, trees one behind the other
    threshold: np.ndarray
    remaining: np.ndarray  # uint32: the leaves that are not at the left of the node
    value: np.ndarray  # a leaf each, from left to right
    nodes: np.ndarray  # where each tree starts in them, and the end
    leaves: np.ndarray
    models: int  # that the trees are of, as many in each, one model behind the other

    @classmethod
    def of(cls, trees: Sequence[Mapping[str, list]], models: int = 1) -> Forest:
        """Trees as lists; a tree without inner nodes is its one leaf. A tree of more than MOST_LEAVES is refused."""
        if len(trees) % models:
            raise ValueError(f"{len(trees)} trees cannot be those of {models} models of one size")
        remaining: list[int] = []
        value: list[float] = []
        for number, tree in enumerate(trees):
            if len(tree["value"]) > MOST_LEAVES:
                raise ValueError(f"tree {number} has {len(tree['value'])} leaves; at most {MOST_LEAVES} can be evaluated")
            order = _leaves(tree, 0 if tree["feature"] else -1)
            place = {leaf: at for at, leaf in enumerate(order)}
            value += [tree["value"][leaf] for leaf in order]
            remaining += [_ALL - sum(1 << place[leaf] for leaf in _leaves(tree, left)) for left in tree["left"]]
        return cls(
            np.array([f for tree in trees for f in tree["feature"]], np.int32),
            np.array([t for tree in trees for t in tree["threshold"]], np.float32),
            np.array(remaining, np.uint32),
            np.array(value, np.float32),
            np.cumsum([0, *(len(tree["feature"]) for tree in trees)]),
            np.cumsum([0, *(len(tree["value"]) for tree in trees)]),
            models,
        )

    def margins(self, table: np.ndarray) -> np.ndarray:
        """For each row of features the logarithm of the odds that it is content; for hopeless ones by the first model."""
        column = np.zeros((int(self.feature.max(initial=0)) + 1, _ROWS), np.float32)
        leaf, total = np.empty(_ROWS, np.int32), np.zeros(len(table), np.float64)
        trees = (self.feature, self.threshold, self.remaining, self.value, self.nodes, self.leaves)
        behind = len(self.nodes) - 1
        first = behind // self.models
        _add(table, np.arange(len(table)), *trees, 0, first, column, leaf, total)
        hopeless = self.models * total < HOPELESS
        _add(table, np.flatnonzero(~hopeless), *trees, first, behind, column, leaf, total)
        total[hopeless] *= self.models
        return total


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


def mostly_han(counts: np.ndarray) -> bool:
    """Whether most characters of a page are Han; `counts` are those of its blocks."""
    return bool(2 * counts[:, HAN].sum() > counts[:, CHARS].sum())


@dataclass(frozen=True)
class Models:
    """One for pages whose text is mostly Han characters, one for all others."""

    han: Forest
    other: Forest

    def of(self, counts: np.ndarray) -> Forest:
        """The one for a page, by the counts of its blocks."""
        return self.han if mostly_han(counts) else self.other


@lru_cache(maxsize=1)
def load() -> Models:
    """The models that lie beside this file: see `train`."""
    return read(files("curator.extraction").joinpath("model.json").read_text(encoding="ascii"))


def read(text: str) -> Models:
    held = json.loads(text)
    return Models(*(Forest.of(held[name], held["models"]) for name in ("han", "other")))


@numba.njit(cache=True, nogil=True)
def _add(table, asked, feature, threshold, remaining, value, nodes, leaves, begin, behind, column, leaf, out):
    """The values that trees from `begin` up to `behind` give to the rows `asked`, added to `out`; `column` (features x rows)
    and `leaf` are room for the rows that pass together."""
    for start in range(0, len(asked), _ROWS):
        together = asked[start : start + _ROWS]
        for at in range(len(column)):
            for row in range(len(together)):
                column[at, row] = table[together[row], at]
        for tree in range(begin, behind):
            _fall(column, feature, threshold, remaining, nodes[tree], nodes[tree + 1], leaf)
            for row in range(len(together)):
                out[together[row]] += value[leaves[tree] + leaf[row]]


@intrinsic
def _fall(typingctx: Any, column: Any, feature: Any, threshold: Any, remaining: Any, begin: Any, behind: Any, leaf: Any) -> Any:
    """The leaf that each row falls to in the tree whose nodes stand from `begin` up to `behind`, written into `leaf`.

    `_ROWS` words as one value of LLVM's, so that they stay in registers from node to node; in a loop over an array each node
    would read and write them, and take four times as long.
    """
    words, numbers = ir.VectorType(ir.IntType(32), _ROWS), ir.VectorType(ir.FloatType(), _ROWS)
    index, bit = ir.IntType(64), ir.IntType(1)
    everything = ir.Constant(words, [_ALL] * _ROWS)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = {at: context.make_array(kind)(context, builder, args[at]).data for at, kind in enumerate(signature.args[:4])}
        begin, behind, leaf = *args[4:6], context.make_array(signature.args[6])(context, builder, args[6]).data

        def held(which: int, at: Any, vector: Any) -> Any:
            """One element, in every lane of a vector."""
            lane = builder.load(builder.gep(arrays[which], [at]))
            lane = builder.insert_element(ir.Constant(vector, ir.Undefined), lane, index(0))
            return builder.shuffle_vector(lane, lane, ir.Constant(words, [0] * _ROWS))

        before, loop, done = builder.block, builder.append_basic_block("node"), builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", begin, behind), loop, done)
        builder.position_at_end(loop)
        node, left = builder.phi(index), builder.phi(words)
        which = builder.sext(builder.load(builder.gep(arrays[1], [node])), index)
        values = builder.gep(arrays[0], [builder.mul(which, index(_ROWS))])
        values = builder.load(builder.bitcast(values, numbers.as_pointer()), align=4)
        goes_right = builder.fcmp_ordered(">", values, held(2, node, numbers))
        kept = builder.select(goes_right, builder.and_(left, held(3, node, words)), left)
        following = builder.add(node, index(1))
        builder.cbranch(builder.icmp_signed("<", following, behind), loop, done)
        builder.position_at_end(done)
        last = builder.phi(words)
        for phi, at_first, then in ((node, begin, following), (left, everything, kept), (last, everything, kept)):
            phi.add_incoming(at_first, before)
            phi.add_incoming(then, loop)
        lowest = ir.FunctionType(words, [words, bit])
        lowest = cgutils.get_or_insert_function(builder.module, lowest, f"llvm.cttz.v{_ROWS}i32")
        place = builder.bitcast(leaf, words.as_pointer())
        builder.store(builder.call(lowest, [last, bit(1)]), place, align=4)
        return context.get_dummy_value()

    return types.void(column, feature, threshold, remaining, begin, behind, leaf), code
