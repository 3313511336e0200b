"""What the model sees of a block: itself, its ancestors, its neighbours, its look-alikes, and where it stands in the page.

All numbers are counts, shares or distances; no word of any language is one of them but through the bits of `words`. What
the first model thought of the surroundings is added by `context`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curator.extraction.blocks import (
    BARS,
    BYTES,
    CAPITALS,
    CHARS,
    CODE,
    COMMAS,
    DIGITS,
    GAPS,
    HAN,
    LETTERS,
    LINKED,
    LINKS,
    QUOTES,
    SIGNS,
    STOPS,
    STRONG,
    TEXES,
    TITLED,
    TRIGRAMS,
    TWIN,
    TWINS,
    Blocks,
)  # fmt: skip
from curator.extraction.outline import LEVELS, Outline, core, meeting, nearest
from curator.extraction.tags import TAGS
from curator.extraction.tree import Tree
from curator.extraction.words import NAMES, PHRASES

_NAMES, _PHRASES = len(NAMES), len(PHRASES)
_FAR, _DEEP = 12.0, 1e6  # distances that mean never
_LONG_AGO = 40  # blocks

# Tags whose nearest ancestor's distance is a feature; tags in one group count as one.
_PATH = (
    ("p",), ("li",), ("td", "th"), ("table",), ("a",), ("article",), ("main",), ("nav",), ("header",), ("footer",), ("aside",),
    ("form",), ("section",), ("blockquote",), ("pre",), ("h1",), ("h2",), ("h3", "h4", "h5", "h6"), ("dl", "dt", "dd"),
    ("figure", "figcaption"), ("button", "label", "legend", "fieldset"), ("ul", "ol"), ("custom",), ("noscript",), ("center",),
)  # fmt: skip
_PATHS = len(_PATH)
_GROUPS = np.zeros((len(TAGS), _PATHS), np.bool_)
for _at, _group in enumerate(_PATH):
    for _tag in _group:
        _GROUPS[TAGS[_tag], _at] = True
_P, _BODY = TAGS["p"], TAGS["body"]
_HEADINGS = slice(_PATH.index(("h1",)), _PATH.index(("h1",)) + 3)
_KIND_WORDS = np.array([name in ("content", "main", "body", "text", "post", "title", "lead", "code") for name in NAMES])
_RELATED, _COMMENT = list(PHRASES).index("related"), list(PHRASES).index("comment")

_OWN, _LEVEL, _NEAR, _PAGE, _PLACE = 26, 10, 9, 9, 28
AROUND = (-3, -2, -1, 1, 2, 3)
FIRST = _OWN + _PHRASES + _NAMES + _PATHS + LEVELS * _LEVEL + len(AROUND) * _NEAR + _PAGE + _PLACE + _PHRASES + 4


def log(value: Any) -> Any:
    return np.log1p(np.maximum(value, 0.0))


def bits(values: np.ndarray, count: int) -> np.ndarray:
    return (values[:, None] >> np.arange(count)) & 1


def first(tree: Tree, blocks: Blocks, shape: Outline, out: np.ndarray) -> None:
    """Fill the first FIRST columns of `out`, a row a block."""
    n = len(blocks)
    if not n:
        return
    counts = blocks.counts.astype(np.float64)
    all_bytes, all_prose = max(shape.total[0, 0], 1.0), max(shape.total[0, 4], 1.0)
    above = _above(tree, shape, all_bytes)[blocks.anchor]
    spoken = bits(blocks.phrases, _PHRASES)
    on_path = above[:, _NAMES : _NAMES + _PATHS]
    parts = [
        _own(blocks, counts, shape, above[:, _NAMES + _PATHS :]),
        spoken,
        above[:, : _NAMES + _PATHS],
        *_levels(shape, all_bytes, all_prose),
        *_neighbours(tree, blocks, counts, shape),
        _place(tree, blocks, counts, shape, on_path, all_bytes, all_prose),
        _since(spoken.astype(np.bool_) & (counts[:, BYTES] < 90)[:, None]),
        _headed(on_path[:, _HEADINGS] == 0, spoken, counts),
    ]
    at = 0
    for part in parts:
        out[:, at : at + part.shape[1]] = part
        at += part.shape[1]


def _above(tree: Tree, shape: Outline, all_bytes: float) -> np.ndarray:
    """Distances to the nearest ancestor of each name, tag and flag, by element."""
    named = bits(tree.words, _NAMES).astype(np.bool_)
    named &= _KIND_WORDS | (shape.total[:, :1] <= 0.7 * all_bytes)  # nearly the whole page: a wrapper's name accuses nobody
    named[tree.tag == _BODY] = False  # the body's class says something of the page, not of its parts
    flags = nearest(tree, bits(tree.flags, 3).astype(np.bool_), _DEEP)
    return np.concatenate([nearest(tree, np.concatenate([named, _GROUPS[tree.tag]], axis=1), _FAR), flags], axis=1)


def _own(blocks: Blocks, counts: np.ndarray, shape: Outline, flags: np.ndarray) -> np.ndarray:
    c = counts.T
    chars = np.maximum(c[CHARS], 1)
    return np.stack(
        [
            log(c[CHARS]), log(c[BYTES]), c[LINKED] / chars, np.minimum(c[LINKS], 20), c[HAN] / chars, c[LETTERS] / chars,
            c[DIGITS] / chars, c[CAPITALS] / np.maximum(c[LETTERS], 1), np.minimum(c[STOPS], 30), np.minimum(c[COMMAS], 30),
            (c[STOPS] + c[COMMAS]) / chars * 20, c[SIGNS] / chars, np.minimum(c[BARS], 10), c[STRONG] / chars, c[CODE] / chars,
            c[TEXES], np.minimum(c[QUOTES], 10), c[TITLED] / np.maximum(c[TRIGRAMS], 1), c[GAPS] / chars, blocks.broken,
            (flags < _DEEP) @ np.array([1, 2, 4]), np.minimum(shape.depth[blocks.anchor], 40), np.minimum(c[TRIGRAMS], 50),
            shape.each[:, 5], np.minimum(c[TWIN], 10), np.minimum(c[TWINS], 20),
        ],
        axis=1,
    )  # fmt: skip


def _levels(shape: Outline, all_bytes: float, all_prose: float) -> list[np.ndarray]:
    """The elements that hold a block, each with more text than the one before."""
    parts = []
    for at in shape.level.T:
        sums = shape.total[at].T
        inside = np.maximum(sums[0], 1.0)
        part = np.stack(
            [
                log(inside), sums[1] / inside, inside / all_bytes, sums[2] / inside * 50, log(sums[3]), sums[4] / inside,
                sums[4] / all_prose, shape.own[at] / inside, inside / np.maximum(sums[3], 1),
                np.minimum(shape.members[shape.twins[at]], 100),
            ],
            axis=1,
        )  # fmt: skip
        part[at < 0] = -1
        parts.append(part)
    return parts


def _neighbours(tree: Tree, blocks: Blocks, counts: np.ndarray, shape: Outline) -> list[np.ndarray]:
    n, c = len(blocks), counts.T
    chars = np.maximum(c[CHARS], 1)
    said = np.stack(
        [log(c[BYTES]), c[LINKED] / chars, (c[STOPS] + c[COMMAS]) / chars * 20, shape.each[:, 5], c[DIGITS] / chars]
    )
    kind = np.stack([tree.tag[blocks.anchor], shape.alike, tree.parent[blocks.anchor]])
    depth = shape.depth[blocks.anchor]
    parts = []
    for step in AROUND:
        part = np.full((n, _NEAR), -1.0)
        here = slice(max(0, -step), max(0, min(n, n - step)))
        there = slice(max(0, step), max(0, min(n, n + step)))
        part[here, [0, 1, 2, 6, 8]] = said[:, there].T
        part[here, 3:6] = (kind[:, here] == kind[:, there]).T
        part[here, 7] = depth[there] - depth[here]
        parts.append(part)
    return parts


def _place(
    tree: Tree, blocks: Blocks, counts: np.ndarray, shape: Outline, on_path: np.ndarray, all_bytes: float, all_prose: float
) -> np.ndarray:
    """The page, the blocks that look alike, and where the block stands towards the page's centre and its title."""
    n, c, total = len(blocks), counts.T, shape.total
    size, anchor, reads, place = c[BYTES], blocks.anchor, shape.each[:, 5], np.arange(n)
    middle = core(tree, total[:, 4], 0.55)
    top = _best_parent(tree, blocks, counts, shape)
    title = _title(counts, on_path)
    kind_bytes, kind_prose = shape.by_kind(size)[shape.alike], shape.by_kind(shape.each[:, 4])[shape.alike]
    # the family of repeated elements around the block with the most prose: posts of a thread, rows of a list
    family_bytes, family_prose = shape.by_family(total[:, 0]), shape.by_family(total[:, 4])
    around = shape.richest(family_prose, tree, blocks)
    family, some = shape.twins[around], around >= 0
    members, bulk = np.where(some, shape.members[family], 0), np.where(some, family_bytes[family], 0)
    held = np.maximum(total[around, 0], 1)
    spans = []
    for node in (top, middle):
        inside = np.flatnonzero((anchor >= node) & (anchor < tree.last[node]))
        spans += [place - (inside[0] if len(inside) else n), (inside[-1] if len(inside) else -1) - place]
    steps, meet = meeting(tree, blocks, top)
    page = [
        log(n), log(all_bytes), total[0, 1] / all_bytes, total[0, 4] / all_bytes, log(total[0, 2]),
        total[middle, 4] / max(total[middle, 0], 1), total[top, 4] / all_prose, total[top, 1] / max(total[top, 0], 1),
        log(total[top, 5]),
    ]  # fmt: skip
    columns = [
        *(np.full(n, value) for value in page),
        log(shape.by_kind(np.ones(n))[shape.alike]),
        log(kind_bytes),
        kind_bytes / shape.by_kind(np.ones(n))[shape.alike],
        shape.by_kind(shape.each[:, 1])[shape.alike] / np.maximum(kind_bytes, 1),
        kind_prose / np.maximum(kind_bytes, 1),
        kind_prose / all_prose,
        np.minimum(members, 100),
        np.where(some, family_prose[family] / np.maximum(bulk, 1), -1),
        bulk / all_bytes,
        np.where(some, family_prose[family] / all_prose, -1),
        np.where(some, bulk / np.maximum(members, 1), -1),
        np.where(some, total[around, 4] / held, -1),
        np.where(some, size / held, -1),
        (top <= anchor) & (anchor < tree.last[top]),
        (middle <= anchor) & (anchor < tree.last[middle]),
        *(np.clip(span, -40, 40) for span in spans),
        np.clip(place - title, -60, 60) if title >= 0 else np.full(n, 99),
        place / n,
        (np.cumsum(size) - size) / all_bytes,
        (np.cumsum(size * reads) - size * reads) / all_prose,
        shape.depth[anchor] - shape.depth[top],
        np.minimum(steps, 20),
        np.minimum(shape.depth[top] - shape.depth[meet], 20),
        (tree.parent[anchor] == top) | (anchor == top),
        np.full(n, total[middle, 0] / all_bytes),
    ]
    return np.stack(columns, axis=1)


def _best_parent(tree: Tree, blocks: Blocks, counts: np.ndarray, shape: Outline) -> int:
    """Paragraphs vote for what they stand in, with half a vote for what that stands in; links count against it."""
    gain = (1 + counts[:, COMMAS] + counts[:, STOPS] + np.minimum(counts[:, BYTES] / 100, 3.0)) * shape.each[:, 5]
    up = blocks.anchor
    up = np.where((tree.tag[up] == _P) & (tree.parent[up] >= 0), tree.parent[up], up)
    points = np.bincount(up, gain, len(tree.tag))
    over = tree.parent[up]
    points += np.bincount(over[over >= 0], gain[over >= 0] / 2, len(tree.tag))
    return int(np.argmax(points * (1 - shape.total[:, 1] / np.maximum(shape.total[:, 0], 1))))


def _title(counts: np.ndarray, on_path: np.ndarray) -> int:
    """The block that says what <title> says: a heading rather than another, -1 if there is none."""
    c = counts.T
    heading = (on_path[:, _HEADINGS.start] < 2) | (on_path[:, _HEADINGS.start + 1] < 2)
    share = c[TITLED] / np.maximum(c[TRIGRAMS], 1) * np.minimum(1.0, c[TITLED] / 6) + 0.3 * heading - 0.2 * (c[LINKED] > 0)
    share[(c[TRIGRAMS] < 3) | (c[CHARS] >= 200)] = 0
    best = int(np.argmax(share))
    return best if share[best] > 0.6 else -1


def _since(here: np.ndarray) -> np.ndarray:
    """For each column how many blocks lie between a block and the last one before it where it holds."""
    place = np.arange(len(here))[:, None]
    latest = np.maximum.accumulate(np.where(here, place, -_LONG_AGO - 1), axis=0)
    before = np.concatenate([np.full((1, here.shape[1]), -_LONG_AGO - 1), latest[:-1]])
    return np.minimum(place - before - 1, _LONG_AGO)


def _headed(heading: np.ndarray, spoken: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The last heading before a block: how long ago, whether it spoke of related things or of comments, its share of links."""
    here = np.any(heading, axis=1)
    since = _since(here[:, None])[:, 0]
    latest = np.maximum.accumulate(np.where(here, np.arange(len(heading)), -1))
    before = np.concatenate([[-1], latest[:-1]])
    linked = counts[:, LINKED] / np.maximum(counts[:, CHARS], 1)
    said = np.stack([spoken[before, _RELATED], spoken[before, _COMMENT], linked[before]], axis=1)
    said[before < 0] = 0
    return np.concatenate([since[:, None], said], axis=1)
