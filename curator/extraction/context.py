"""What the second model sees besides: what the first thought of a block, its neighbours, ancestors and look-alikes."""

from __future__ import annotations

import numba
import numpy as np

from curator.extraction.blocks import BYTES, Blocks
from curator.extraction.features import AROUND, FIRST, log
from curator.extraction.outline import LEVELS, Outline
from curator.extraction.tree import Tree

_REACH = 8  # blocks on either side that are a block's surroundings
_SURE = 0.6  # a chance from which the first model counts as having chosen
SECOND = FIRST + 1 + len(AROUND) + 4 + LEVELS + 10


def second(tree: Tree, blocks: Blocks, shape: Outline, chance: np.ndarray, table: np.ndarray) -> None:
    """Fill the columns from FIRST on."""
    n = len(blocks)
    if not n:
        return
    size = blocks.counts[:, BYTES].astype(np.float64)
    mine = np.stack([chance * size, size], axis=1)
    passed = np.concatenate([np.zeros((1, 2)), np.cumsum(mine, axis=0)])
    held = shape.up(mine[:, :1], tree, blocks)[:, 0]  # bytes thought content
    kinds = np.stack([shape.by_kind(values) for values in mine.T], axis=1)
    families = np.stack([shape.by_family(held), shape.by_family(shape.total[:, 0])], axis=1)
    around = shape.richest(families[:, 0], tree, blocks)
    sure = np.flatnonzero(chance > _SURE)
    begin, end = (sure[0], sure[-1]) if len(sure) else (n, -1)
    alike = (shape.alike, kinds, around, shape.twins, shape.members, families)
    last = log(passed[n, 0])
    _second(chance, mine, passed, held, shape.total, shape.level, *alike, begin, end, last, table[:, FIRST:SECOND])


@numba.njit(cache=True, nogil=True)
def _second(
    chance, mine, passed, held, total, level, alike, kinds, around, twins, members, families, begin, end, last, out
):  # fmt: skip
    """`mine`, `passed` (its sums up to a block), `kinds` and `families` have two columns: bytes thought content, and bytes."""
    n = len(chance)
    everything = max(held[0], 1.0)
    for block in range(n):
        row = out[block]
        row[0] = chance[block]
        at = 1
        for step in AROUND:
            other = block + step
            row[at] = chance[other] if 0 <= other < n else -1.0  # beyond the page
            at += 1
        low, high = max(block - _REACH, 0), min(block + _REACH + 1, n)
        row[at] = (passed[block, 0] - passed[low, 0]) / max(passed[block, 1] - passed[low, 1], 1.0)
        row[at + 1] = (passed[high, 0] - passed[block + 1, 0]) / max(passed[high, 1] - passed[block + 1, 1], 1.0)
        row[at + 2] = passed[block, 0] / everything
        row[at + 3] = (passed[n, 0] - passed[block + 1, 0]) / everything
        at += 4
        for i in range(LEVELS):
            node = level[block, i]
            row[at] = _share(held[node] - mine[block, 0], total[node, 0] - mine[block, 1]) if node >= 0 else -1.0
            at += 1
        row[at] = _share(kinds[alike[block], 0] - mine[block, 0], kinds[alike[block], 1] - mine[block, 1])
        row[at + 1] = min(max(block - begin, -30), 30)
        row[at + 2] = min(max(end - block, -30), 30)
        row[at + 3] = everything / max(total[0, 0], 1.0)
        up = around[block]
        if up >= 0:
            family = twins[up]
            row[at + 4] = _share(families[family, 0] - held[up], families[family, 1] - total[up, 0])
            row[at + 5] = families[family, 0] / everything
            row[at + 6] = min(members[family], 100)
        else:
            row[at + 4], row[at + 5], row[at + 6] = -1.0, -1.0 / everything, 0.0
        for i in range(1, 3):
            row[at + 6 + i] = held[level[block, i]] / everything if level[block, i] >= 0 else -1.0
        row[at + 9] = last


@numba.njit(cache=True, nogil=True)
def _share(part, rest):
    return part / rest if rest > 0 else -1.0
