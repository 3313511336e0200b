"""What the whole page says of a block: its kind, where its title stands, how much of it is named comments or related."""

from __future__ import annotations

import numpy as np

from curator.extraction.blocks import LEAD, TRIGRAMS, Blocks
from curator.extraction.features import AT_ABOVE, FAR, FIRST, H1, PATH, log, titled
from curator.extraction.kind import KINDS
from curator.extraction.outline import Outline, meeting
from curator.extraction.tree import Tree
from curator.extraction.words import NAMES, PHRASES

_NAMES = list(NAMES)
_COUNTED = [AT_ABOVE + _NAMES.index(name) for name in ("comment", "post", "related")]
_SAID = np.array([list(PHRASES).index(phrase) for phrase in ("comment", "counts", "origin", "related")])
_SHORT = 90  # bytes: a block that says a phrase, and not much besides


def _columns(names: str, tags: str) -> list[int]:
    """Where the distances to such ancestors stand."""
    first = [group[0] for group in PATH]
    return [AT_ABOVE + _NAMES.index(name) for name in names.split()] + [
        AT_ABOVE + len(NAMES) + first.index(tag) for tag in tags.split()
    ]


_AGAINST = _columns(
    "comment nav footer side related share advert form notice hidden toc", "nav footer aside form noscript button"
)
_FOR = _columns("content main body text post", "article main")
_FROM, _PARTS = 8, 2 * len(_COUNTED) + 2 * len(_SAID) + 2 + 4 + 5
FEATURES = FIRST + KINDS + 2 * _FROM + _PARTS
_FOUND = 0.35  # of the description's trigrams: a block that has as many begins the text


def whole(tree: Tree, blocks: Blocks, shape: Outline, kind: np.ndarray, table: np.ndarray) -> None:
    """Fill the columns from FIRST on; those before are filled."""
    if not len(blocks):
        return
    size, prose = shape.each[:, 0], shape.each[:, 4]
    everything = np.maximum([size.sum(), prose.sum()], 1.0)
    under = table[:, _COUNTED] < FAR
    spoken = np.cumsum(((blocks.phrases[:, None] >> _SAID) & 1) & (size < _SHORT)[:, None], axis=0)
    headed = np.minimum(np.cumsum(table[:, H1] == 0), 10)
    accused, praised = table[:, _AGAINST], table[:, _FOR].min(axis=1)
    nearest = accused.min(axis=1)
    out = table[:, FIRST:]
    out[:, :KINDS] = kind
    counts = blocks.counts.astype(np.float64)
    told, held = _described(blocks, counts)
    title, lead = titled(counts, table), int(np.argmax(held))
    for at, row in enumerate((title, lead if held[lead] > _FOUND else -1)):
        _from(row, tree, blocks, shape, everything, out[:, KINDS + at * _FROM : KINDS + (at + 1) * _FROM])
    columns = [
        *(size @ under / everything[0]), *(prose @ under / everything[1]), *log(spoken.T), *log(spoken[-1]),
        headed, headed[-1], nearest, praised, nearest - praised, np.count_nonzero(accused < FAR, axis=1),
        blocks.lead > 0, held[lead], told, held, np.sqrt(told * held),
    ]  # fmt: skip
    for at, column in enumerate(columns, KINDS + 2 * _FROM):
        out[:, at] = column


def _described(blocks: Blocks, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of each block that the page's description says too, and the share of the description that the block says."""
    some = np.where(counts[:, TRIGRAMS] > 8, counts[:, LEAD], 0)
    return some / np.maximum(counts[:, TRIGRAMS], 1), some / max(blocks.lead, 1)


def _from(row: int, tree: Tree, blocks: Blocks, shape: Outline, everything: np.ndarray, out: np.ndarray) -> None:
    """How far each block is from one (-1: there is none such), and what the element that holds both holds besides."""
    if row < 0:
        out[:, 0], out[:, 1:] = 99, -1
        return
    anchor, read = blocks.anchor[row], np.cumsum(shape.each[:, 4])
    steps, meet = meeting(tree, blocks, int(anchor))
    held = shape.total[meet]
    out[:, 0] = np.clip(np.arange(len(blocks)) - row, -60, 60)
    out[:, 1] = np.minimum(steps, 20)
    out[:, 2] = np.minimum(shape.depth[anchor] - shape.depth[meet], 20)
    out[:, 3] = held[:, 0] / everything[0]
    out[:, 4] = held[:, 4] / everything[1]
    out[:, 5] = log(np.abs(read - read[row]))
    out[:, 6] = held[:, 1] / np.maximum(held[:, 0], 1)
    out[:, 7] = log(held[:, 3])
