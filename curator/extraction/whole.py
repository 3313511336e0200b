"""What the whole page says of a block: its kind, where its title stands, how much of it is named comments or related."""

from __future__ import annotations

import numba
import numpy as np

from curator.extraction.blocks import LEAD, TRIGRAMS, Blocks
from curator.extraction.features import AT_ABOVE, FAR, FIRST, H1, PATH, log, titled
from curator.extraction.kind import KINDS
from curator.extraction.outline import Outline, meet_with
from curator.extraction.tree import Tree
from curator.extraction.words import NAMES, PHRASES

_SAID = np.array([list(PHRASES).index(phrase) for phrase in ("comment", "counts", "origin", "related")])
_SHORT = 90  # bytes: a block that says a phrase, and not much besides


def _columns(names: str, tags: str = "") -> np.ndarray:
    """Where the distances to such ancestors stand."""
    first = [group[0] for group in PATH]
    of_tags = [len(NAMES) + first.index(tag) for tag in tags.split()]
    return AT_ABOVE + np.array([list(NAMES).index(name) for name in names.split()] + of_tags)


_COUNTED = _columns("comment post related")
_AGAINST = _columns(
    "comment nav footer side related share advert form notice hidden toc", "nav footer aside form noscript button"
)
_FOR = _columns("content main body text post", "article main")
_FROM, _PARTS = 8, 2 * len(_COUNTED) + 2 * len(_SAID) + 2 + 4 + 5
FEATURES = FIRST + KINDS + 2 * _FROM + _PARTS
_FEW = 8  # trigrams: a block with no more says nothing of the description
_FOUND = 0.35  # of the description's trigrams: a block that has as many begins the text


def whole(tree: Tree, blocks: Blocks, shape: Outline, kind: np.ndarray, table: np.ndarray) -> None:
    """Fill the columns from FIRST on; those before are filled."""
    n = len(blocks)
    if not n:
        return
    out, size, prose = table[:, FIRST:], shape.each[:, 0], shape.each[:, 4]
    out[:, :KINDS] = kind
    everything, read = np.maximum([size.sum(), prose.sum()], 1.0), np.cumsum(prose)
    logs = log(np.arange(n + 1.0))
    found = _fill(blocks.counts, blocks.phrases, shape.each, everything, blocks.lead, logs, table)
    steps, meet = np.empty(n, np.int32), np.empty(n, np.int32)
    elements = (tree.parent, tree.last, shape.depth, shape.total)
    for at, row in enumerate(found):
        away = log(np.abs(read - read[row]))
        _from(row, *elements, blocks.anchor, everything, away, logs, steps, meet, out[:, KINDS + at * _FROM :])


@numba.njit(cache=True, nogil=True)
def _fill(counts, phrases, each, everything, lead, logs, table):
    """What is counted over the page. Comes back with the block of the title and the one that begins as the page's description
    says, each -1 where there is none."""
    n, marks = len(counts), len(_SAID)
    under, spoken = np.zeros(2 * len(_COUNTED)), np.zeros(2 * marks, np.int64)
    headings, begins, most = 0, 0, -1.0
    for block in range(n):
        c, row = counts[block], table[block]
        for i in range(len(_COUNTED)):
            if row[_COUNTED[i]] < FAR:
                under[i] += each[block, 0]
                under[len(_COUNTED) + i] += each[block, 4]
        for i in range(marks):
            spoken[marks + i] += (each[block, 0] < _SHORT) * ((phrases[block] >> _SAID[i]) & 1)
        headings += row[H1] == 0
        held = (c[LEAD] if c[TRIGRAMS] > _FEW else 0.0) / max(lead, 1)
        if held > most:
            begins, most = block, held
    before = 0
    for block in range(n):
        c, row = counts[block], table[block]
        at = FIRST + KINDS + 2 * _FROM
        for i in range(len(under)):
            row[at + i] = under[i] / everything[i // len(_COUNTED)]
        at += len(under)
        for i in range(marks):
            spoken[i] += (each[block, 0] < _SHORT) * ((phrases[block] >> _SAID[i]) & 1)
            row[at + i] = logs[spoken[i]]
            row[at + marks + i] = logs[spoken[marks + i]]
        at += 2 * marks
        before += row[H1] == 0
        nearest, praised, near = np.float32(FAR), np.float32(FAR), 0
        for column in _AGAINST:
            nearest = min(nearest, row[column])
            near += row[column] < FAR
        for column in _FOR:
            praised = min(praised, row[column])
        said = c[LEAD] if c[TRIGRAMS] > _FEW else 0.0
        told, held = said / max(c[TRIGRAMS], 1.0), said / max(lead, 1)
        row[at], row[at + 1] = min(before, 10), min(headings, 10)
        row[at + 2], row[at + 3], row[at + 4], row[at + 5] = nearest, praised, nearest - praised, near
        row[at + 6], row[at + 7] = lead > 0, most
        row[at + 8], row[at + 9], row[at + 10] = told, held, np.sqrt(told * held)
    return titled(counts, table), begins if most > _FOUND else -1


@numba.njit(cache=True, nogil=True)
def _from(row, parent, last, depth, total, anchor, everything, away, logs, steps, meet, out):
    """How far each block is from one (-1: there is none such), and what the element that holds both holds besides."""
    if row < 0:
        for block in range(len(anchor)):
            out[block, 0] = 99
            for i in range(1, _FROM):
                out[block, i] = -1
        return
    meet_with(parent, last, anchor, anchor[row], steps, meet)
    for block in range(len(anchor)):
        held, own = total[meet[block]], out[block]
        own[0] = min(max(block - row, -60), 60)
        own[1] = min(steps[block], 20)
        own[2] = min(depth[anchor[row]] - depth[meet[block]], 20)
        own[3] = held[0] / everything[0]
        own[4] = held[4] / everything[1]
        own[5] = away[block]
        own[6] = held[1] / max(held[0], 1.0)
        own[7] = logs[np.int64(held[3])]
