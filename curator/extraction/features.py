"""What the model sees of a block: itself, its ancestors, its neighbours, its look-alikes, and where it stands in the page.

All numbers are counts, shares or distances; no word of any language is one of them but through the bits of `words`. What
the first model thought of the surroundings is added by `context`.
"""

from __future__ import annotations

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
    groups,
)  # fmt: skip
from curator.extraction.tree import TAGS, Tree
from curator.extraction.words import NAMES, PHRASES

LEVELS = 5  # ancestors that are described: each holds more text than the one before
_NAMES, _PHRASES = len(NAMES), len(PHRASES)
_FAR = 12.0  # a distance that means never

# Tags whose nearest ancestor's distance is a feature; tags in one group count as one.
_PATH = (
    ("p",), ("li",), ("td", "th"), ("table",), ("a",), ("article",), ("main",), ("nav",), ("header",), ("footer",), ("aside",),
    ("form",), ("section",), ("blockquote",), ("pre",), ("h1",), ("h2",), ("h3", "h4", "h5", "h6"), ("dl", "dt", "dd"),
    ("figure", "figcaption"), ("button", "label", "legend", "fieldset"), ("ul", "ol"), ("custom",), ("noscript",), ("center",),
)  # fmt: skip
_GROUP = np.full(len(TAGS), -1, np.int8)
for _at, _group in enumerate(_PATH):
    for _tag in _group:
        _GROUP[TAGS[_tag]] = _at
_P = TAGS["p"]
_PATHS = len(_PATH)
_KIND_WORDS = sum(
    1 << at for at, name in enumerate(NAMES) if name in ("content", "main", "body", "text", "post", "title", "lead", "code")
)

_OWN, _LEVEL, _NEAR, _PAGE = 26, 10, 9, 9
_NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
AROUND = np.array(_NEIGHBOURS, np.int32)
FIRST = _OWN + _PHRASES + _NAMES + _PATHS + LEVELS * _LEVEL + len(_NEIGHBOURS) * _NEAR + _PAGE + 28 + _PHRASES + 4
SECOND = FIRST + 26  # with those of `context`


@numba.njit(cache=True, nogil=True)
def log(value):
    return np.log1p(max(value, 0.0))


@numba.njit(cache=True, nogil=True)
def _is_prose(row):
    """A block that reads like a sentence: several marks, or a long run of text, and hardly linked."""
    return row[LINKED] * 3 < row[CHARS] and (
        (row[STOPS] + row[COMMAS] >= 2 and row[BYTES] >= 45) or (row[STOPS] >= 1 and row[BYTES] >= 60) or row[BYTES] >= 150
    )


@numba.njit(cache=True, nogil=True)
def outline(tag, parent, look, anchor, counts):
    """Sums over subtrees, signatures and depths: what both passes ask of the tree."""
    nodes = len(tag)
    # chars, linked, stops + commas, blocks, prose chars, prose blocks, bytes
    total = np.zeros((nodes, 7), np.float64)
    for block in range(len(anchor)):
        row, into = counts[block], total[anchor[block]]
        prose = _is_prose(row)
        into[0] += row[BYTES]
        into[1] += row[LINKED] * row[BYTES] / max(row[CHARS], 1)
        into[2] += row[STOPS] + row[COMMAS]
        into[3] += 1
        into[4] += row[BYTES] if prose else 0
        into[5] += prose
        into[6] += row[LINKS]
    own = total.copy()
    path = np.empty(nodes, np.uint64)
    beside = np.empty(nodes, np.uint64)
    depth = np.zeros(nodes, np.int32)
    for node in range(nodes):
        up = parent[node]
        above = path[up] if up >= 0 else np.uint64(1469598103934665603)
        path[node] = (above ^ look[node]) * np.uint64(1099511628211) + np.uint64(tag[node])
        beside[node] = (look[node] * np.uint64(31) + np.uint64(up + 1)) * np.uint64(0x9E3779B97F4A7C15)
        depth[node] = depth[up] + 1 if up >= 0 else 0
    for node in range(nodes - 1, 0, -1):
        if parent[node] >= 0:
            for i in range(7):
                total[parent[node], i] += total[node, i]
    return total, own, path, beside, depth


@numba.njit(cache=True, nogil=True)
def levels(node, parent, total):
    """The ancestors that hold more text than the one below them: their rows, at most LEVELS, -1 beyond the root."""
    found = np.full(LEVELS, -1, np.int32)
    at = 0
    while node >= 0 and at < LEVELS:
        if at == 0 or total[node, 0] > total[found[at - 1], 0]:
            found[at] = node
            at += 1
        elif at:
            found[at - 1] = node  # a wrapper: the widest stands for all
        node = parent[node]
    return found


@numba.njit(cache=True, nogil=True)
def _first(tag, parent, last, words, flags, look, anchor, broken, phrases, counts, out):
    n = len(anchor)
    nodes = len(tag)
    total, own, path, beside, depth = outline(tag, parent, look, anchor, counts)
    all_bytes, all_links = max(total[0, 0], 1.0), total[0, 1]
    all_prose, all_marks = total[0, 4], total[0, 2]
    # names and tags above, as the distance to the nearest
    said = np.full((nodes, _NAMES), np.float32(_FAR))
    on_path = np.full((nodes, _PATHS), np.float32(_FAR))
    hidden = np.zeros(nodes, np.uint8)
    for node in range(nodes):
        up = parent[node]
        if up >= 0:
            hidden[node] = hidden[up]
            for i in range(_NAMES):
                said[node, i] = min(_FAR, said[up, i] + 1)
            for i in range(_PATHS):
                on_path[node, i] = min(_FAR, on_path[up, i] + 1)
        hidden[node] |= flags[node]
        if tag[node] != 1:  # the body's class says something of the page, not of its parts
            bits = words[node]
            if total[node, 0] > 0.7 * all_bytes:  # nearly the whole page: a wrapper's name accuses nobody
                bits &= _KIND_WORDS
            for i in range(_NAMES):
                if bits >> i & 1:
                    said[node, i] = 0
        if _GROUP[tag[node]] >= 0:
            on_path[node, _GROUP[tag[node]]] = 0
    # blocks that look alike (same path), elements that look alike (same parent)
    block_path = np.empty(n, np.uint64)
    for block in range(n):
        block_path[block] = path[anchor[block]]
    alike, kinds = groups(block_path)
    kind_sum = np.zeros((kinds, 5), np.float64)  # blocks, bytes, linked, marks, prose bytes
    twins, families = groups(beside)
    family = np.zeros((families, 4), np.float64)  # elements with text, bytes, prose bytes, marks
    for block in range(n):
        row, into = counts[block], kind_sum[alike[block]]
        into[0] += 1
        into[1] += row[BYTES]
        into[2] += row[LINKED] * row[BYTES] / max(row[CHARS], 1)
        into[3] += row[STOPS] + row[COMMAS]
        into[4] += row[BYTES] if _is_prose(row) else 0
    for node in range(nodes):
        if total[node, 0] > 0:
            into = family[twins[node]]
            into[0] += 1
            into[1] += total[node, 0]
            into[2] += total[node, 4]
            into[3] += total[node, 2]
    # the core: down from the root while one child holds most of the prose; and the parent that scores best
    core = 0
    node = 1
    while node < last[core] and core < nodes:
        if parent[node] == core and total[node, 4] > 0.55 * all_prose and all_prose > 0:
            core = node
            node = core + 1
        else:
            node = last[node] if parent[node] == core else node + 1
    points = np.zeros(nodes, np.float64)
    for block in range(n):
        row = counts[block]
        if _is_prose(row):
            gain = 1 + row[COMMAS] + row[STOPS] + min(row[BYTES] / 100, 3.0)
            up = anchor[block]
            if tag[up] == _P and parent[up] >= 0:
                up = parent[up]
            points[up] += gain
            if parent[up] >= 0:
                points[parent[up]] += gain / 2
    top, best = 0, 0.0
    for node in range(nodes):
        if points[node] > 0:
            value = points[node] * (1 - total[node, 1] / max(total[node, 0], 1))
            if value > best:
                top, best = node, value
    # the place of the title: a heading, or the first short block, that says what <title> says
    title_at, title_best = -1, 0.0
    for block in range(n):
        row = counts[block]
        if row[TRIGRAMS] >= 3 and row[CHARS] < 200:
            share = row[TITLED] / row[TRIGRAMS] * min(1.0, row[TITLED] / 6)
            heading = on_path[anchor[block], 15] < 2 or on_path[anchor[block], 16] < 2
            share = share + (0.3 if heading else 0.0) - (0.2 if row[LINKED] > 0 else 0.0)
            if share > title_best and share > 0.6:
                title_at, title_best = block, share
    top_first, top_last, core_first, core_last = n, -1, n, -1
    for block in range(n):
        node = anchor[block]
        if top <= node < last[top]:
            top_first, top_last = min(top_first, block), block
        if core <= node < last[core]:
            core_first, core_last = min(core_first, block), block
    before = 0.0
    prose_before = 0.0
    since = np.full(_PHRASES, np.float32(40))  # blocks since a short one spoke so
    headed = np.zeros(4, np.float32)  # the last heading: blocks since, what it says
    headed[0] = 40
    for block in range(n):
        row, o = counts[block], out[block]
        node = anchor[block]
        chars, size = max(row[CHARS], 1), row[BYTES]
        o[0] = log(row[CHARS])
        o[1] = log(size)
        o[2] = row[LINKED] / chars
        o[3] = min(row[LINKS], 20)
        o[4] = row[HAN] / chars
        o[5] = row[LETTERS] / chars
        o[6] = row[DIGITS] / chars
        o[7] = row[CAPITALS] / max(row[LETTERS], 1)
        o[8] = min(row[STOPS], 30)
        o[9] = min(row[COMMAS], 30)
        o[10] = (row[STOPS] + row[COMMAS]) / chars * 20
        o[11] = row[SIGNS] / chars
        o[12] = min(row[BARS], 10)
        o[13] = row[STRONG] / chars
        o[14] = row[CODE] / chars
        o[15] = row[TEXES]
        o[16] = min(row[QUOTES], 10)
        o[17] = row[TITLED] / max(row[TRIGRAMS], 1)
        o[18] = row[GAPS] / chars
        o[19] = broken[block]
        o[20] = hidden[node]
        o[21] = min(depth[node], 40)
        o[22] = min(row[TRIGRAMS], 50)
        o[23] = _is_prose(row)
        o[24] = min(row[TWIN], 10)
        o[25] = min(row[TWINS], 20)
        k = _OWN
        for i in range(_PHRASES):
            o[k + i] = phrases[block] >> i & 1
        k += _PHRASES
        for i in range(_NAMES):
            o[k + i] = said[node, i]
        k += _NAMES
        for i in range(_PATHS):
            o[k + i] = on_path[node, i]
        k += _PATHS
        level = levels(node, parent, total)
        for i in range(LEVELS):
            at = level[i]
            if at < 0:
                for j in range(_LEVEL):
                    o[k + j] = -1
            else:
                sums = total[at]
                inside = max(sums[0], 1.0)
                o[k] = log(inside)
                o[k + 1] = sums[1] / inside
                o[k + 2] = inside / all_bytes
                o[k + 3] = sums[2] / inside * 50
                o[k + 4] = log(sums[3])
                o[k + 5] = sums[4] / inside
                o[k + 6] = sums[4] / max(all_prose, 1.0)
                o[k + 7] = own[at, 0] / inside
                o[k + 8] = inside / sums[3]
                o[k + 9] = min(family[twins[at], 0], 100)
            k += _LEVEL
        for step in AROUND:
            other = block + step
            if other < 0 or other >= n:
                for j in range(_NEAR):
                    o[k + j] = -1
            else:
                near = counts[other]
                o[k] = log(near[BYTES])
                o[k + 1] = near[LINKED] / max(near[CHARS], 1)
                o[k + 2] = (near[STOPS] + near[COMMAS]) / max(near[CHARS], 1) * 20
                o[k + 3] = tag[anchor[other]] == tag[node]
                o[k + 4] = alike[other] == alike[block]
                o[k + 5] = parent[anchor[other]] == parent[node]
                o[k + 6] = _is_prose(near)
                o[k + 7] = depth[anchor[other]] - depth[node]
                o[k + 8] = near[DIGITS] / max(near[CHARS], 1)
            k += _NEAR
        o[k] = log(n)
        o[k + 1] = log(all_bytes)
        o[k + 2] = all_links / all_bytes
        o[k + 3] = all_prose / all_bytes
        o[k + 4] = log(all_marks)
        o[k + 5] = total[core, 4] / max(total[core, 0], 1)
        o[k + 6] = total[top, 4] / max(all_prose, 1)
        o[k + 7] = total[top, 1] / max(total[top, 0], 1)
        o[k + 8] = log(total[top, 5])
        k += _PAGE
        kind = kind_sum[alike[block]]
        o[k] = log(kind[0])
        o[k + 1] = log(kind[1])
        o[k + 2] = kind[1] / kind[0]
        o[k + 3] = kind[2] / max(kind[1], 1)
        o[k + 4] = kind[4] / max(kind[1], 1)
        o[k + 5] = kind[4] / max(all_prose, 1)
        # the family of repeated elements around the block with the most prose: posts of a thread, rows of a list
        members, prose, bulk, place = 0.0, -1.0, 0.0, -1
        at, up = node, 0
        while at >= 0 and up < 12:
            group = family[twins[at]]
            if group[0] >= 2 and group[2] > prose:
                members, prose, bulk, place = group[0], group[2], group[1], at
            at = parent[at]
            up += 1
        o[k + 6] = min(members, 100)
        o[k + 7] = prose / max(bulk, 1) if place >= 0 else -1
        o[k + 8] = bulk / all_bytes
        o[k + 9] = prose / max(all_prose, 1) if place >= 0 else -1
        o[k + 10] = bulk / members if members else -1
        o[k + 11] = total[place, 4] / max(total[place, 0], 1) if place >= 0 else -1
        o[k + 12] = size / max(total[place, 0], 1) if place >= 0 else -1
        o[k + 13] = top <= node < last[top]
        o[k + 14] = core <= node < last[core]
        o[k + 15] = max(-40, min(40, block - top_first))
        o[k + 16] = max(-40, min(40, top_last - block))
        o[k + 17] = max(-40, min(40, block - core_first))
        o[k + 18] = max(-40, min(40, core_last - block))
        o[k + 19] = max(-60, min(60, block - title_at)) if title_at >= 0 else 99
        o[k + 20] = block / n
        o[k + 21] = before / all_bytes
        o[k + 22] = prose_before / max(all_prose, 1)
        o[k + 23] = depth[node] - depth[top]
        steps, at = 0, node  # up to what holds the best parent
        while at > 0 and not (at <= top < last[at]):
            at = parent[at]
            steps += 1
        o[k + 24] = min(steps, 20)
        o[k + 25] = min(depth[top] - depth[at], 20)
        o[k + 26] = parent[node] == top or node == top
        o[k + 27] = total[core, 0] / all_bytes
        k += 28
        for i in range(_PHRASES):
            o[k + i] = since[i]
            since[i] = min(40, since[i] + 1)
            if phrases[block] >> i & 1 and size < 90:
                since[i] = 0
        k += _PHRASES
        for i in range(4):
            o[k + i] = headed[i]
        headed[0] = min(40, headed[0] + 1)
        if on_path[node, 15] == 0 or on_path[node, 16] == 0 or on_path[node, 17] == 0:
            headed[0], headed[1] = 0, phrases[block] >> 2 & 1
            headed[2], headed[3] = phrases[block] >> 4 & 1, row[LINKED] / chars
        before += size
        prose_before += size if _is_prose(row) else 0


def first(tree: Tree, blocks: Blocks) -> np.ndarray:
    out = np.empty((len(blocks), SECOND), np.float32)
    _first(tree.tag, tree.parent, tree.last, tree.words, tree.flags, tree.look,
           blocks.anchor, blocks.broken, blocks.phrases, blocks.counts, out)  # fmt: skip
    return out
