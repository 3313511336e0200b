"""What the model sees of a block: itself, its ancestors, its neighbours, its look-alikes, and where it stands in the page.

All numbers are counts, shares or distances; no word of any language is one of them but through the groups of `words`. The
kernels write where a group of columns begins; numpy takes logarithms, which it does for many at once.
"""

from __future__ import annotations

from typing import Any

import numba
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
    NOTICES,
    QUOTES,
    SIGNS,
    SPOKEN,
    STOPS,
    STRONG,
    TEXES,
    TITLED,
    TRIGRAMS,
    TWIN,
    TWINS,
    Blocks,
)  # fmt: skip
from curator.extraction.outline import LEVELS, Outline, core, meeting
from curator.extraction.tags import TAGS
from curator.extraction.tree import Tree
from curator.extraction.words import NAMES, PHRASES

_NAMES, _PHRASES = len(NAMES), len(PHRASES)
FAR = np.uint8(12)  # elements up that mean never
_LONG_AGO = 40  # blocks that mean never

# Tags whose nearest ancestor's distance is a feature; tags in one group count as one.
PATH = (
    ("p",), ("li",), ("td", "th"), ("table",), ("a",), ("article",), ("main",), ("nav",), ("header",), ("footer",), ("aside",),
    ("form",), ("section",), ("blockquote",), ("pre",), ("h1",), ("h2",), ("h3", "h4", "h5", "h6"), ("dl", "dt", "dd"),
    ("figure", "figcaption"), ("button", "label", "legend", "fieldset"), ("ul", "ol"), ("custom",), ("noscript",), ("center",),
)  # fmt: skip
_PATHS = len(PATH)
_GROUP = np.full(len(TAGS), -1)  # the group of each tag
for _at, _group in enumerate(PATH):
    _GROUP[[TAGS[_tag] for _tag in _group]] = _at
_P, _BODY = TAGS["p"], TAGS["body"]
_KIND_WORDS = sum(
    1 << at for at, name in enumerate(NAMES) if name in ("content", "main", "body", "text", "post", "title", "lead", "code")
)
_WIDE, _WIDER = 0.7, 0.9  # shares of a page; comments may well be longer than what they are about
_COMMENTS = 1 << list(NAMES).index("comment")
_RELATED, _COMMENT = list(PHRASES).index("related"), list(PHRASES).index("comment")

_OWN, _LEVEL, _NEAR, _PAGE, _PLACE = 32, 10, 9, 9, 28
AROUND = (-3, -2, -1, 1, 2, 3)
_WIDTHS = (_OWN, _PHRASES, _NAMES + _PATHS, LEVELS * _LEVEL, len(AROUND) * _NEAR, _PAGE + _PLACE, _PHRASES, 4)
_AT_SPOKEN, AT_ABOVE, _AT_LEVELS, _AT_AROUND, _AT_PAGE, _AT_SINCE, _AT_HEADED, FIRST = np.cumsum(_WIDTHS).tolist()


H1, ASIDE, QUOTED = (
    AT_ABOVE + _NAMES + PATH.index((_tag,)) for _tag in ("h1", "aside", "blockquote")
)  # the columns of their distances; behind h1 stand the other headings


def log(value: Any) -> Any:
    return np.log1p(np.maximum(value, 0.0))


def first(tree: Tree, blocks: Blocks, shape: Outline, out: np.ndarray) -> None:
    """Fill the first FIRST columns of `out`, a row a block."""
    n, nodes, total = len(blocks), len(tree.tag), shape.total
    if not n:
        return
    counts = blocks.counts.astype(np.float64)
    all_bytes, all_prose = max(total[0, 0], 1.0), max(total[0, 4], 1.0)
    near, flagged = np.empty((nodes, _NAMES + _PATHS), np.uint8), np.empty(nodes, np.uint8)
    _above(tree.parent, tree.tag, tree.words, tree.flags, total, all_bytes, near, flagged)
    logs = log(counts[:, [CHARS, BYTES, SPOKEN, NOTICES]])
    _own(blocks.anchor, blocks.broken, blocks.phrases, counts, logs, shape.depth, shape.each, near, flagged, out)
    sizes = log(np.maximum(total[:, [0, 3]], np.array([1.0, 0.0])))
    _levels(shape.level, total, shape.own, shape.twins, shape.members, sizes, all_bytes, all_prose, out)
    _around(blocks.anchor, tree.tag, tree.parent, shape.alike, shape.depth, out)
    _place(tree, blocks, counts, shape, out, all_bytes, all_prose)
    _since(counts, blocks.phrases, np.full(_PHRASES, -_LONG_AGO - 1), out)


@numba.njit(cache=True, nogil=True)
def _above(parent, tag, words, flags, total, all_bytes, near, flagged):
    """For each element how far up the nearest is that has a name or a tag, itself counted, and the flags of all above it."""
    for node in range(len(parent)):
        up = parent[node]
        for i in range(near.shape[1]):
            near[node, i] = min(near[up, i] + np.uint8(1), FAR) if up >= 0 else FAR
        flagged[node] = flags[node] | (flagged[up] if up >= 0 else np.uint8(0))
        named = words[node]
        if tag[node] == _BODY:  # its class says something of the page, not of its parts
            named = np.int64(0)
        elif total[node, 0] > _WIDE * all_bytes:  # nearly the whole page: a wrapper's name accuses nobody
            named &= _KIND_WORDS | (_COMMENTS if total[node, 0] <= _WIDER * all_bytes else 0)
        for i in range(_NAMES):
            if (named >> i) & 1:
                near[node, i] = 0
        if _GROUP[tag[node]] >= 0:
            near[node, _NAMES + _GROUP[tag[node]]] = 0


@numba.njit(cache=True, nogil=True)
def _own(anchor, broken, phrases, counts, logs, depth, each, near, flagged, out):
    """The block itself, and what stands above it."""
    for block in range(len(anchor)):
        c, row, node = counts[block], out[block], anchor[block]
        chars = max(c[CHARS], 1.0)
        row[0] = logs[block, 0]
        row[1] = logs[block, 1]
        row[2] = c[LINKED] / chars
        row[3] = min(c[LINKS], 20.0)
        row[4] = c[HAN] / chars
        row[5] = c[LETTERS] / chars
        row[6] = c[DIGITS] / chars
        row[7] = c[CAPITALS] / max(c[LETTERS], 1.0)
        row[8] = min(c[STOPS], 30.0)
        row[9] = min(c[COMMAS], 30.0)
        row[10] = (c[STOPS] + c[COMMAS]) / chars * 20
        row[11] = c[SIGNS] / chars
        row[12] = min(c[BARS], 10.0)
        row[13] = c[STRONG] / chars
        row[14] = c[CODE] / chars
        row[15] = c[TEXES]
        row[16] = min(c[QUOTES], 10.0)
        row[17] = c[TITLED] / max(c[TRIGRAMS], 1.0)
        row[18] = c[GAPS] / chars
        row[19] = broken[block]
        row[20] = flagged[node]
        row[21] = min(depth[node], 40)
        row[22] = min(c[TRIGRAMS], 50.0)
        row[23] = each[block, 5]
        row[24] = min(c[TWIN], 10.0)
        row[25] = min(c[TWINS], 20.0)
        row[26] = logs[block, 2]
        row[27] = c[SPOKEN] / max(c[BYTES], 1.0) * 100
        row[28] = c[NOTICES] / max(c[BYTES], 1.0) * 100
        row[29] = logs[block, 3]
        row[30] = logs[block - 1, 3] if block > 0 else 0.0
        row[31] = logs[block + 1, 3] if block + 1 < len(anchor) else 0.0
        for i in range(_PHRASES):
            row[_AT_SPOKEN + i] = (phrases[block] >> i) & 1
        for i in range(_NAMES + _PATHS):
            row[AT_ABOVE + i] = near[node, i]


@numba.njit(cache=True, nogil=True)
def _levels(level, total, own, twins, members, sizes, all_bytes, all_prose, out):
    """The elements that hold a block, each with more text than the one before."""
    for block in range(len(level)):
        row = out[block]
        for i in range(LEVELS):
            at = _AT_LEVELS + i * _LEVEL
            node = level[block, i]
            if node < 0:
                for column in range(at, at + _LEVEL):
                    row[column] = -1
                continue
            sums = total[node]
            inside = max(sums[0], 1.0)
            row[at] = sizes[node, 0]
            row[at + 1] = sums[1] / inside
            row[at + 2] = inside / all_bytes
            row[at + 3] = sums[2] / inside * 50
            row[at + 4] = sizes[node, 1]
            row[at + 5] = sums[4] / inside
            row[at + 6] = sums[4] / all_prose
            row[at + 7] = own[node] / inside
            row[at + 8] = inside / max(sums[3], 1.0)
            row[at + 9] = min(members[twins[node]], 100)


@numba.njit(cache=True, nogil=True)
def _around(anchor, tag, parent, alike, depth, out):
    """The neighbours, and what they have in common with the block."""
    for block in range(len(anchor)):
        row, here = out[block], anchor[block]
        at = _AT_AROUND
        for step in AROUND:
            other = block + step
            if 0 <= other < len(anchor):
                there = anchor[other]
                row[at], row[at + 1], row[at + 2] = out[other, 1], out[other, 2], out[other, 10]
                row[at + 3] = tag[here] == tag[there]
                row[at + 4] = alike[block] == alike[other]
                row[at + 5] = parent[here] == parent[there]
                row[at + 6] = out[other, 23]
                row[at + 7] = depth[there] - depth[here]
                row[at + 8] = out[other, 6]
            else:
                for column in range(at, at + _NEAR):
                    row[column] = -1
            at += _NEAR


def _place(
    tree: Tree, blocks: Blocks, counts: np.ndarray, shape: Outline, out: np.ndarray, all_bytes: float, all_prose: float
) -> None:
    """The page, the blocks that look alike, and where the block stands towards the page's centre and its title."""
    n, total, each = len(blocks), shape.total, shape.each
    middle, top = core(tree, total[:, 4], 0.55), _best_parent(tree, blocks, counts, shape)
    of_page, of_middle, of_top = total[[0, middle, top]].tolist()
    logs = log(np.array([n, all_bytes, of_page[2], of_top[5]])).tolist()
    out[:, _AT_PAGE : _AT_PAGE + _PAGE] = [
        logs[0], logs[1], of_page[1] / all_bytes, of_page[4] / all_bytes, logs[2],
        of_middle[4] / max(of_middle[0], 1), of_top[4] / all_prose, of_top[1] / max(of_top[0], 1),
        logs[3],
    ]  # fmt: skip
    kinds, families = shape.by_kind(each), shape.by_family()
    # the family of repeated elements around the block with the most prose: posts of a thread, rows of a list
    around = shape.richest(families[:, 4], tree, blocks)
    steps, meet = meeting(tree, blocks, top)
    alike = (shape.alike, kinds, log(kinds[:, [3, 0]]))
    family = (around, shape.twins, shape.members, families)
    page = (tree.parent, tree.last, blocks.anchor, shape.depth, total, each, counts)
    _placed(*page, *alike, *family, steps, meet, top, middle, all_bytes, all_prose, of_middle[0] / all_bytes, out)


@numba.njit(cache=True, nogil=True)
def _placed(
    parent, last, anchor, depth, total, each, counts, alike, kinds, logs, around, twins, members, families, steps, meet,
    top, middle, all_bytes, all_prose, bulk, out,
):  # fmt: skip
    n = len(anchor)
    title = titled(counts, out)
    starts, ends = [n, n], [-1, -1]  # the blocks in the best parent, and in the middle
    for block in range(n):
        for i, node in enumerate((top, middle)):
            if node <= anchor[block] < last[node]:
                starts[i], ends[i] = min(starts[i], block), block
    passed, read = 0.0, 0.0
    for block in range(n):
        row, node, kind, size = out[block, _AT_PAGE + _PAGE : _AT_SINCE], anchor[block], alike[block], each[block, 0]
        row[0] = logs[kind, 0]
        row[1] = logs[kind, 1]
        row[2] = kinds[kind, 0] / kinds[kind, 3]
        row[3] = kinds[kind, 1] / max(kinds[kind, 0], 1.0)
        row[4] = kinds[kind, 4] / max(kinds[kind, 0], 1.0)
        row[5] = kinds[kind, 4] / all_prose
        if around[block] >= 0:
            up = around[block]
            family = twins[up]
            held = max(total[up, 0], 1.0)
            row[6] = min(members[family], 100)
            row[7] = families[family, 4] / max(families[family, 0], 1.0)
            row[8] = families[family, 0] / all_bytes
            row[9] = families[family, 4] / all_prose
            row[10] = families[family, 0] / max(members[family], 1)
            row[11] = total[up, 4] / held
            row[12] = size / held
        else:
            row[6] = row[8] = 0
            row[7] = row[9] = row[10] = row[11] = row[12] = -1
        row[13] = top <= node < last[top]
        row[14] = middle <= node < last[middle]
        for i in range(2):
            row[15 + 2 * i] = min(max(block - starts[i], -40), 40)
            row[16 + 2 * i] = min(max(ends[i] - block, -40), 40)
        row[19] = min(max(block - title, -60), 60) if title >= 0 else 99
        row[20] = block / n
        passed += size
        read += each[block, 4]
        row[21] = (passed - size) / all_bytes
        row[22] = (read - each[block, 4]) / all_prose
        row[23] = depth[node] - depth[top]
        row[24] = min(steps[block], 20)
        row[25] = min(depth[top] - depth[meet[block]], 20)
        row[26] = parent[node] == top or node == top
        row[27] = bulk


def _best_parent(tree: Tree, blocks: Blocks, counts: np.ndarray, shape: Outline) -> int:
    """Paragraphs vote for what they stand in, with half a vote for what that stands in; links count against it."""
    votes = np.zeros((len(tree.tag), 2))
    _vote(tree.tag, tree.parent, blocks.anchor, counts, shape.each, votes)
    total = shape.total
    return int(np.argmax((votes[:, 0] + votes[:, 1]) * (1 - total[:, 1] / np.maximum(total[:, 0], 1))))


@numba.njit(cache=True, nogil=True)
def _vote(tag, parent, anchor, counts, each, votes):
    for block in range(len(anchor)):
        c, up = counts[block], anchor[block]
        gain = (1 + c[COMMAS] + c[STOPS] + min(c[BYTES] / 100, 3.0)) * each[block, 5]
        if tag[up] == _P and parent[up] >= 0:
            up = parent[up]
        votes[up, 0] += gain
        if parent[up] >= 0:
            votes[parent[up], 1] += gain / 2


@numba.njit(cache=True, nogil=True)
def titled(counts, out):
    """The block that says what <title> says: a heading rather than another, -1 if there is none."""
    best, most = -1, 0.6
    for block in range(len(counts)):
        c = counts[block]
        if c[TRIGRAMS] < 3 or c[CHARS] >= 200:
            continue
        heading = out[block, H1] < 2 or out[block, H1 + 1] < 2
        share = c[TITLED] / max(c[TRIGRAMS], 1.0) * min(1.0, c[TITLED] / 6)
        share = share + 0.3 * heading - 0.2 * (c[LINKED] > 0)
        if share > most:
            best, most = block, share
    return best


@numba.njit(cache=True, nogil=True)
def _since(counts, phrases, said, out):
    """How many blocks lie between a block and the last short one before it that said a phrase (`said`: which that was), and
    the last heading: whether it spoke of related things or of comments, its share of links."""
    heading = -_LONG_AGO - 1
    for block in range(len(counts)):
        row = out[block]
        for i in range(_PHRASES):
            row[_AT_SINCE + i] = min(block - said[i] - 1, _LONG_AGO)
            if (phrases[block] >> i) & 1 and counts[block, BYTES] < 90:
                said[i] = block
        row[_AT_HEADED] = min(block - heading - 1, _LONG_AGO)
        spoke, linked = np.int64(0), 0.0
        if heading >= 0:
            spoke = phrases[heading]
            linked = counts[heading, LINKED] / max(counts[heading, CHARS], 1.0)
        row[_AT_HEADED + 1] = (spoke >> _RELATED) & 1
        row[_AT_HEADED + 2] = (spoke >> _COMMENT) & 1
        row[_AT_HEADED + 3] = linked
        for i in range(3):
            if row[H1 + i] == 0:
                heading = block
