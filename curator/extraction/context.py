"""What the second model sees besides: what the first thought of a block, its neighbours, ancestors and look-alikes."""

from __future__ import annotations

import numba
import numpy as np

from curator.extraction.blocks import BYTES, Blocks, groups
from curator.extraction.features import AROUND, FIRST, LEVELS, levels, log, outline
from curator.extraction.tree import Tree


@numba.njit(cache=True, nogil=True)
def _second(tag, parent, last, look, anchor, counts, chance, out):
    n, nodes = len(anchor), len(tag)
    total, _, path, beside, _ = outline(tag, parent, look, anchor, counts)
    held = np.zeros(nodes, np.float64)  # bytes thought content
    keys = np.empty(n, np.uint64)
    size = np.empty(n, np.float64)
    for block in range(n):
        size[block] = counts[block, BYTES]
        held[anchor[block]] += chance[block] * size[block]
        keys[block] = path[anchor[block]]
    for node in range(nodes - 1, 0, -1):
        if parent[node] >= 0:
            held[parent[node]] += held[node]
    alike, kinds = groups(keys)
    kind_sum = np.zeros((kinds, 2), np.float64)
    for block in range(n):
        kind_sum[alike[block], 0] += size[block]
        kind_sum[alike[block], 1] += chance[block] * size[block]
    twins, families = groups(beside)
    family = np.zeros((families, 3), np.float64)
    for node in range(nodes):
        if total[node, 0] > 0:
            family[twins[node], 0] += total[node, 0]
            family[twins[node], 1] += held[node]
            family[twins[node], 2] += 1
    everything = max(held[0], 1.0)
    begin, end = n, -1
    before = np.zeros(n + 1, np.float64)
    weight = np.zeros(n + 1, np.float64)
    for block in range(n):
        before[block + 1] = before[block] + chance[block] * size[block]
        weight[block + 1] = weight[block] + size[block]
        if chance[block] > 0.6:
            begin, end = min(begin, block), block
    for block in range(n):
        o = out[block]
        k = FIRST
        o[k] = chance[block]
        for i in range(len(AROUND)):
            other = block + AROUND[i]
            o[k + 1 + i] = chance[other] if 0 <= other < n else -1
        k += 7
        reach = 8
        low, high = max(0, block - reach), min(n, block + 1 + reach)
        o[k] = (before[block] - before[low]) / max(weight[block] - weight[low], 1)
        o[k + 1] = (before[high] - before[block + 1]) / max(weight[high] - weight[block + 1], 1)
        o[k + 2] = before[block] / everything
        o[k + 3] = (before[n] - before[block + 1]) / everything
        k += 4
        level = levels(anchor[block], parent, total)
        mine = chance[block] * size[block]
        for i in range(LEVELS):
            if level[i] < 0:
                o[k + i] = -1
            else:
                rest = total[level[i], 0] - size[block]
                o[k + i] = (held[level[i]] - mine) / rest if rest > 0 else -1
        k += LEVELS
        rest = kind_sum[alike[block], 0] - size[block]
        o[k] = (kind_sum[alike[block], 1] - mine) / rest if rest > 0 else -1
        o[k + 1] = max(-30, min(30, block - begin))
        o[k + 2] = max(-30, min(30, end - block))
        o[k + 3] = everything / max(total[0, 0], 1)
        chosen, other, count = -1.0, -1.0, 0.0
        at, up = anchor[block], 0
        while at >= 0 and up < 12:
            group = family[twins[at]]
            if group[2] >= 2 and group[1] > chosen:
                chosen, count = group[1], group[2]
                remaining = group[0] - total[at, 0]
                other = (group[1] - held[at]) / remaining if remaining > 0 else -1
            at = parent[at]
            up += 1
        o[k + 4] = other
        o[k + 5] = chosen / everything
        o[k + 6] = min(count, 100)
        o[k + 7] = held[level[1]] / everything if level[1] >= 0 else -1
        o[k + 8] = held[level[2]] / everything if level[2] >= 0 else -1
        o[k + 9] = log(before[n])


def second(tree: Tree, blocks: Blocks, chance: np.ndarray, table: np.ndarray) -> None:
    """Fill the columns from FIRST on."""
    _second(tree.tag, tree.parent, tree.last, tree.look, blocks.anchor, blocks.counts, chance, table)
