"""A tree to blocks of text: the runs between borders of paragraphs, cells, items or lines, and what can be counted in each."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from curator.extraction.tree import BREAK, CLOSE, FIRST_INLINE, LINK, OPEN, TAGS, TEX, TEXT, Tree
from curator.extraction.words import TEXT_PHRASES

# What is counted in a block's text: characters, of which Han, letters, digits, capitals; marks that end a sentence, that divide
# one, other signs; characters in links, links, characters in bold; runs of white space; bytes; trigrams of the title, trigrams;
# characters in code, formulas, bars and arrows, quotes; how often the page said the same before, and in all.
(
    CHARS, HAN, LETTERS, DIGITS, CAPITALS, STOPS, COMMAS, SIGNS, LINKED, LINKS, STRONG, GAPS, BYTES, TITLED, TRIGRAMS, CODE,
    TEXES, BARS, QUOTES, TWIN, TWINS,
) = range(21)  # fmt: skip
_STEP, _FOUND = TEXT_PHRASES.step, TEXT_PHRASES.found
_PRE, _LINK = TAGS["pre"], TAGS["a"]
_STRONG = (TAGS["b"], TAGS["strong"], TAGS["em"], TAGS["mark"])
_CODE = (TAGS["code"], TAGS["pre"], TAGS["kbd"], TAGS["samp"])
_TITLE_BITS = 1 << 15


@dataclass(frozen=True)
class Blocks:
    """One row a block: `anchor` (the nearest element that is no inline one), `first` and `behind` (its events), `broken` (1
    where a line break, 2 where an element's border is before it), `phrases` (bits of `words.PHRASES`), `counts` (see above)."""

    anchor: np.ndarray
    first: np.ndarray
    behind: np.ndarray
    broken: np.ndarray
    phrases: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.anchor)


def cut(tree: Tree, title: str) -> Blocks:
    bits = np.zeros(_TITLE_BITS, np.bool_)
    marked = np.frombuffer(title[:300].encode("utf-8", "replace"), np.uint8)
    return Blocks(*_cut(tree.page, tree.tag, tree.parent, tree.flags, tree.kind, tree.node, tree.begin, tree.end, marked, bits))


@numba.njit(cache=True, nogil=True)
def _code_point(page, at):
    byte = np.int32(page[at])
    if byte < 0x80:
        return byte, at + 1
    if byte < 0xE0:
        size, value = 2, byte & 0x1F
    elif byte < 0xF0:
        size, value = 3, byte & 0x0F
    else:
        size, value = 4, byte & 0x07
    for i in range(at + 1, min(at + size, len(page))):
        value = (value << 6) | (np.int32(page[i]) & 0x3F)
    return value, at + size


@numba.njit(cache=True, nogil=True)
def _blank(point):
    return point == 32 or 9 <= point <= 13 or point == 0xA0 or point == 0x3000 or 0x2000 <= point <= 0x200B or point == 0xFEFF


@numba.njit(cache=True, nogil=True)
def _entity(page, at, end):
    """What a serialiser escapes: &amp; &lt; &gt; &nbsp; &quot;. The character and the place behind it."""
    if at + 3 < end and page[at + 3] == 59:
        if page[at + 1] == 108:
            return 60, at + 4
        if page[at + 1] == 103:
            return 62, at + 4
    if at + 4 < end and page[at + 4] == 59 and page[at + 1] == 97:
        return 38, at + 5
    if at + 5 < end and page[at + 5] == 59:
        return (0xA0 if page[at + 1] == 110 else 34), at + 6
    return 38, at + 1


@numba.njit(cache=True, nogil=True)
def _stops(point):
    """Marks that end a sentence beyond ASCII: Chinese and Japanese, the ellipsis, danda, Urdu, Arabic, Burmese."""
    return point in (0x3002, 0xFF01, 0xFF1F, 0xFF0E, 0xFF61, 0x2026, 0x964, 0x6D4, 0x61F, 0x104B)


@numba.njit(cache=True, nogil=True)
def _fold(point):
    return point | 32 if 65 <= point <= 90 else point


@numba.njit(cache=True, nogil=True)
def _wordlike(point):
    return 48 <= point <= 57 or 65 <= point <= 90 or 97 <= point <= 122 or (point > 0xBF and not 0x2000 <= point <= 0x303F
                                                                        and not 0xFF00 <= point <= 0xFF20)  # fmt: skip


@numba.njit(cache=True, nogil=True)
def groups(keys):
    """Equal keys get equal small numbers, by a hash table with open addresses."""
    size = 8
    while size < 2 * len(keys):
        size *= 2
    table = np.full(size, -1, np.int32)
    out = np.empty(len(keys), np.int32)
    names = np.empty(len(keys), np.uint64)
    count = 0
    for i in range(len(keys)):
        spot = (keys[i] ^ (keys[i] >> np.uint64(29))) & np.uint64(size - 1)
        while table[spot] >= 0 and names[table[spot]] != keys[i]:
            spot = (spot + np.uint64(1)) & np.uint64(size - 1)
        if table[spot] < 0:
            table[spot] = count
            names[count] = keys[i]
            count += 1
        out[i] = table[spot]
    return out, count


@numba.njit(cache=True, nogil=True)
def _cut(page, tag, parent, flags, kind, node, begin, end, title, bits):
    one, two = 0, 0  # the title's trigrams
    at = 0
    while at < len(title):
        point, at = _code_point(title, at)
        if _wordlike(point):
            point = _fold(point)
            bits[(one * 961 + two * 31 + point) & (len(bits) - 1)] = two != 0
            one, two = two, point
    most = 0
    for k in kind:
        most += k in (TEXT, TEX)
    anchor = np.empty(most, np.int32)
    first = np.empty(most, np.int32)
    behind = np.empty(most, np.int32)
    broken = np.empty(most, np.uint8)
    phrases = np.zeros(most, np.int64)
    counts = np.zeros((most, 21), np.float32)
    spoken = np.zeros(most, np.uint64)  # a hash of what a block says
    blocks = 0
    running = False
    owed = 2
    links, bold, code = 0, 0, 0  # how many of these elements are open
    one, two, state = 0, 0, np.int16(0)
    for event in range(len(kind)):
        what = kind[event]
        if what in (OPEN, CLOSE):
            which = tag[node[event]]
            change = 1 if what == OPEN else -1
            if which == _LINK and flags[node[event]] & LINK:
                links += change
                if what == OPEN and running:
                    counts[blocks, LINKS] += 1
            elif which in _STRONG:
                bold += change
            if which in _CODE:
                code += change
            if which < FIRST_INLINE:
                if running:
                    behind[blocks] = event
                    blocks += 1
                    running = False
                owed = 2
            continue
        if what == BREAK:
            if node[event] >= 0 and code > 0 and running:
                continue
            if running:
                behind[blocks] = event
                blocks += 1
                running = False
            owed = max(owed, 1)
            continue
        blank = True
        at = begin[event]
        while at < end[event]:
            if page[at] == 38:
                point, at = _entity(page, at, end[event])
            else:
                point, at = _code_point(page, at)
            if _blank(point):
                if running and not blank:
                    counts[blocks, GAPS] += 1
                state = _STEP[state, 32]
                blank = True
                continue
            if not running:
                running = True
                up = node[event]
                while up > 0 and tag[up] >= FIRST_INLINE:
                    up = parent[up]
                anchor[blocks], first[blocks], broken[blocks] = up, event, owed
                owed = 0
                counts[blocks, LINKS] = links > 0
                one, two, state = 0, 0, np.int16(0)
            blank = False
            row = counts[blocks]
            row[CHARS] += 1
            row[LINKED] += links > 0
            row[STRONG] += bold > 0
            row[CODE] += code > 0
            folded = _fold(point)
            if point < 128:
                row[BYTES] += 1
                state = _STEP[state, folded]
                if 97 <= folded <= 122:
                    row[LETTERS] += 1
                    row[CAPITALS] += point < 97
                elif 48 <= point <= 57:
                    row[DIGITS] += 1
                elif point == 46 or point == 33 or point == 63:
                    following = page[at] if at < end[event] else 32
                    row[STOPS] += following <= 32 or following == 34 or following == 60
                elif point == 44 or point == 59:
                    row[COMMAS] += 1
                else:
                    row[SIGNS] += 1
                    row[BARS] += point == 124 or point == 62
                    row[QUOTES] += point == 34
            else:
                width = 2 if point < 0x800 else 3 if point < 0x10000 else 4
                row[BYTES] += width
                if width == 2:
                    state = _STEP[_STEP[state, 0xC0 | (point >> 6)], 0x80 | (point & 63)]
                elif width == 3:
                    state = _STEP[state, 0xE0 | (point >> 12)]
                    phrases[blocks] |= _FOUND[state]
                    state = _STEP[_STEP[state, 0x80 | ((point >> 6) & 63)], 0x80 | (point & 63)]
                else:
                    state = np.int16(0)
                if 0x3400 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or point >= 0x20000:
                    row[HAN] += 1
                elif _stops(point):
                    row[STOPS] += 1
                elif (
                    point == 0xFF0C or point == 0x3001 or point == 0xFF1B or point == 0x60C or point == 0x104A or point == 0x61B
                ):
                    row[COMMAS] += 1
                elif 0x201C <= point <= 0x201F or 0x300C <= point <= 0x300F:
                    row[QUOTES] += 1
                elif 0x2000 <= point <= 0x2BFF or 0x3000 <= point <= 0x303F or 0xFF00 <= point <= 0xFF20 or point < 0xC0:
                    row[SIGNS] += 1
                else:
                    row[LETTERS] += 1
            phrases[blocks] |= _FOUND[state]
            if _wordlike(point):
                spoken[blocks] = (spoken[blocks] ^ np.uint64(folded)) * np.uint64(1099511628211)
                if two != 0:
                    row[TRIGRAMS] += 1
                    row[TITLED] += bits[(one * 961 + two * 31 + folded) & (len(bits) - 1)]
                one, two = two, folded
        if what == TEX and running:
            counts[blocks, TEXES] += 1
    if running:
        behind[blocks] = len(kind)
        blocks += 1
    # how often the page says the same, and the how manieth this is
    alike, kinds = groups(spoken[:blocks])
    times = np.zeros(kinds, np.int32)
    for block in range(blocks):
        counts[block, TWIN] = times[alike[block]]
        times[alike[block]] += 1
    for block in range(blocks):
        counts[block, TWINS] = times[alike[block]]
    return anchor[:blocks], first[:blocks], behind[:blocks], broken[:blocks], phrases[:blocks], counts[:blocks]
