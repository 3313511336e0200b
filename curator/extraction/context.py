"""What the second model sees besides: what the first thought of a block, its neighbours, ancestors and look-alikes."""

from __future__ import annotations

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
    size, place = blocks.counts[:, BYTES].astype(np.float64), np.arange(n)
    mine = chance * size
    held = shape.up(mine[:, None], tree, blocks)[:, 0]  # bytes thought content
    everything = max(held[0], 1.0)
    gained, passed = (np.concatenate([[0], np.cumsum(values)]) for values in (mine, size))
    low, high = np.maximum(place - _REACH, 0), np.minimum(place + _REACH + 1, n)
    sure = np.flatnonzero(chance > _SURE)
    begin, end = (sure[0], sure[-1]) if len(sure) else (n, -1)
    of_kind = shape.by_kind(size)[shape.alike] - size
    family_held, family_size = shape.by_family(held), shape.by_family(shape.total[:, 0])
    around = shape.richest(family_held, tree, blocks)
    family, some = shape.twins[around], around >= 0
    columns = [
        chance,
        *(_shifted(chance, step) for step in AROUND),
        (gained[place] - gained[low]) / np.maximum(passed[place] - passed[low], 1),
        (gained[high] - gained[place + 1]) / np.maximum(passed[high] - passed[place + 1], 1),
        gained[:-1] / everything,
        (gained[n] - gained[1:]) / everything,
        *(np.where(at >= 0, _share(held[at] - mine, shape.total[at, 0] - size), -1) for at in shape.level.T),
        _share(shape.by_kind(mine)[shape.alike] - mine, of_kind),
        np.clip(place - begin, -30, 30),
        np.clip(end - place, -30, 30),
        np.full(n, everything / max(shape.total[0, 0], 1)),
        np.where(some, _share(family_held[family] - held[around], family_size[family] - shape.total[around, 0]), -1),
        np.where(some, family_held[family], -1) / everything,
        np.where(some, np.minimum(shape.members[family], 100), 0),
        *(np.where(at >= 0, held[at] / everything, -1) for at in shape.level.T[1:3]),
        np.full(n, log(gained[n])),
    ]
    table[:, FIRST:SECOND] = np.stack(columns, axis=1)


def _shifted(values: np.ndarray, step: int) -> np.ndarray:
    """The value `step` blocks on; -1 beyond the page."""
    out = np.full(len(values), -1.0)
    if abs(step) < len(values):
        if step > 0:
            out[:-step] = values[step:]
        else:
            out[-step:] = values[:step]
    return out


def _share(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return np.where(rest > 0, part / np.where(rest > 0, rest, 1), -1)
