"""A tree to blocks of text: the runs between borders of paragraphs, cells, items or lines, and what can be counted in each."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from curator.extraction.characters import code_point, entity, is_blank
from curator.extraction.tags import FIRST_INLINE, TAGS
from curator.extraction.tree import BREAK, CLOSE, LINK, OPEN, TEX, TEXT, Tree
from curator.extraction.words import OF_ITSELF, PHRASES, TEXT_PHRASES

_COUNTS = 24
# What is counted in a block's text: characters, of which Han, letters, digits, capitals; marks that end a sentence, that divide
# one, other signs; characters in links, links, characters in bold; runs of white space; bytes; trigrams of the title, trigrams;
# characters in code, formulas, bars and arrows, quotes; how often the page said the same before, and in all; different
# trigrams of the page's own description; phrases (see `words`), and those in which a site speaks of itself.
(
    CHARS, HAN, LETTERS, DIGITS, CAPITALS, STOPS, COMMAS, SIGNS, LINKED, LINKS, STRONG, GAPS, BYTES, TITLED, TRIGRAMS, CODE,
    TEXES, BARS, QUOTES, TWIN, TWINS, LEAD, SPOKEN, NOTICES,
) = range(_COUNTS)  # fmt: skip
_OF_ITSELF = sum(1 << list(PHRASES).index(group) for group in OF_ITSELF)
_FOUND = TEXT_PHRASES.found
# The last: what SPOKEN and NOTICES gain in a state. The kernel is given them: with globals as large it would not be cached.
_AUTOMATON = (TEXT_PHRASES.step, _FOUND, np.bitwise_count(np.stack([_FOUND, _FOUND & _OF_ITSELF], axis=1)))
_PRE, _LINK = TAGS["pre"], TAGS["a"]
_STRONG = (TAGS["b"], TAGS["strong"], TAGS["em"], TAGS["mark"])
_CODE = (TAGS["code"], TAGS["pre"], TAGS["kbd"], TAGS["samp"])
_ALL_CODE = 0.9
_TRIGRAM_BITS = 1 << 15
# Of a trigram by its hash: whether the title has it, the description, and the number of the last block that did.
_TITLE, _DESCRIPTION, _BLOCK = np.uint32(1 << 31), np.uint32(1 << 30), np.uint32((1 << 30) - 1)
# Marks beyond ASCII (Chinese, Japanese, the ellipsis, danda, Urdu, Arabic, Burmese): those that end a sentence, then those that
# divide one.
_MARKS = np.array(
    [*map(ord, "\u3002\uff01\uff1f\uff0e\uff61\u2026\u0964\u06d4\u061f\u104b\uff0c\u3001\uff1b\u060c\u104a\u061b")], np.int32
)
_ENDS = 10
# Where an ASCII character is counted, and where besides (TWIN, which is written last, for nowhere).
_ASCII, _BESIDE = np.full(128, SIGNS, np.int64), np.full(128, TWIN, np.int64)
for _column_of, _characters in ((LETTERS, range(97, 123)), (LETTERS, range(65, 91)), (DIGITS, b"0123456789"), (STOPS, b".!?"),
                                (COMMAS, b",;")):  # fmt: skip
    _ASCII[list(_characters)] = _column_of
for _column_of, _characters in ((CAPITALS, range(65, 91)), (BARS, b"|>"), (QUOTES, b'"')):
    _BESIDE[list(_characters)] = _column_of


@dataclass(frozen=True)
class Blocks:
    """One row a block: `anchor` (the nearest element that is no inline one), `first` and `behind` (its events), `broken` (1
    where a line break, 2 where an element's border is before it), `phrases` (bits of `words.PHRASES`), `counts` (see above),
    `said` (equal for blocks whose letters and digits are the same). `lead`: how many trigrams the page's description has."""

    anchor: np.ndarray
    first: np.ndarray
    behind: np.ndarray
    broken: np.ndarray
    phrases: np.ndarray
    counts: np.ndarray
    said: np.ndarray
    lead: int

    def __len__(self) -> int:
        return len(self.anchor)

    @property
    def coded(self) -> np.ndarray:
        """A mask: blocks of which nearly every character stands in `<code>`. White space means something there."""
        return self.counts[:, CODE] >= _ALL_CODE * self.counts[:, CHARS]


def cut(tree: Tree, title: str, description: str = "") -> Blocks:
    most = int(np.count_nonzero((tree.kind == TEXT) | (tree.kind == TEX)))
    rows = [np.empty(most, kind) for kind in (np.int32, np.int32, np.int32, np.uint8)]
    phrases, counts, spoken = np.zeros(most, np.int64), np.zeros((most, _COUNTS), np.float32), np.zeros(most, np.uint64)
    asked = np.zeros(_TRIGRAM_BITS, np.uint32)
    _mark(np.frombuffer(title[:300].encode("utf-8", "replace"), np.uint8), asked, _TITLE)
    lead = _mark(np.frombuffer(description[:600].encode("utf-8", "replace"), np.uint8), asked, _DESCRIPTION)
    page = (tree.page, tree.tag, tree.parent, tree.flags, tree.kind, tree.node, tree.begin, tree.end)
    room = [*page, *_AUTOMATON, asked, *rows, phrases, counts, spoken]
    n = _cut(*room)
    counts = counts[:n]
    said, kinds = groups(spoken[:n])
    _again(said, np.zeros(kinds, np.int32), counts)
    anchor, first, behind, broken = (row[:n] for row in rows)
    return Blocks(anchor, first, behind, broken, phrases[:n], counts, said, int(lead))


@numba.njit(cache=True, nogil=True)
def _column(point):
    """Where a character beyond ASCII is counted."""
    if 0x3400 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or point >= 0x20000:
        return HAN
    for i in range(len(_MARKS)):
        if _MARKS[i] == point:
            return STOPS if i < _ENDS else COMMAS
    if 0x201C <= point <= 0x201F or 0x300C <= point <= 0x300F:
        return QUOTES
    if 0x2000 <= point <= 0x2BFF or 0x3000 <= point <= 0x303F or 0xFF00 <= point <= 0xFF20 or point < 0xC0:
        return SIGNS
    return LETTERS


@numba.njit(cache=True, nogil=True)
def _fold(point):
    return point | 32 if 65 <= point <= 90 else point


@numba.njit(cache=True, nogil=True)
def _wordlike(point):
    return 48 <= point <= 57 or 65 <= point <= 90 or 97 <= point <= 122 or (point > 0xBF and not 0x2000 <= point <= 0x303F
                                                                        and not 0xFF00 <= point <= 0xFF20)  # fmt: skip


def groups(keys: np.ndarray) -> tuple[np.ndarray, int]:
    """Equal keys get equal small numbers, by a hash table with open addresses."""
    out = np.empty(len(keys), np.int32)
    table = np.full(1 << max(3, (2 * len(keys)).bit_length()), -1, np.int32)
    return out, int(_group(keys, table, np.empty(len(keys), np.uint64), out))


@numba.njit(cache=True, nogil=True)
def _group(keys, table, names, out):
    most = np.uint64(len(table) - 1)
    count = 0
    for i in range(len(keys)):
        spot = (keys[i] ^ (keys[i] >> np.uint64(29))) & most
        while table[spot] >= 0 and names[table[spot]] != keys[i]:
            spot = (spot + np.uint64(1)) & most
        if table[spot] < 0:
            table[spot] = count
            names[count] = keys[i]
            count += 1
        out[i] = table[spot]
    return count


@numba.njit(cache=True, nogil=True)
def _again(said, times, counts):
    for block in range(len(said)):
        counts[block, TWIN] = times[said[block]]
        times[said[block]] += 1
    for block in range(len(said)):
        counts[block, TWINS] = times[said[block]]


@numba.njit(cache=True, nogil=True)
def _mark(text, asked, mark):
    """Marks the trigrams of a text; how many there are."""
    one, two, count = 0, 0, 0
    at = np.int64(0)
    while at < len(text):
        point, at = code_point(text, at)
        if _wordlike(point):
            point = _fold(point)
            if two != 0:
                place = (one * 961 + two * 31 + point) & (_TRIGRAM_BITS - 1)
                count += asked[place] & mark == 0
                asked[place] |= mark
            one, two = two, point
    return count


@numba.njit(cache=True, nogil=True)
def _cut(
    page, tag, parent, flags, kind, node, begin, end, move, found, hits, asked,
    anchor, first, behind, broken, phrases, counts, spoken,
):  # fmt: skip
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
        at, stop = np.int64(begin[event]), np.int64(end[event])
        while at < stop:
            place = at
            if page[at] == 38:
                point, at = entity(page, at, stop)
            else:
                point, at = code_point(page, at)
            if is_blank(point):
                if running and not blank:
                    counts[blocks, GAPS] += 1
                state = move[state, 32]
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
            counts[blocks, CHARS] += 1
            counts[blocks, LINKED] += links > 0
            counts[blocks, STRONG] += bold > 0
            counts[blocks, CODE] += code > 0
            folded = _fold(point)
            if page[place] == 38:
                counts[blocks, BYTES] += 1
                state = move[state, folded & 127]
            else:
                counts[blocks, BYTES] += at - place
                for i in range(place, min(at, len(page))):
                    state = move[state, _fold(np.int32(page[i]))]
            if found[state] != 0:
                phrases[blocks] |= found[state]
                counts[blocks, SPOKEN] += hits[state, 0]
                counts[blocks, NOTICES] += hits[state, 1]
            if point >= 128:
                counts[blocks, _column(point)] += 1
            elif _ASCII[point] == STOPS:
                following = page[at] if at < stop else 32
                counts[blocks, STOPS] += following <= 32 or following == 34 or following == 60
            else:
                counts[blocks, _ASCII[point]] += 1
                counts[blocks, _BESIDE[point]] += 1
            if _wordlike(point):
                spoken[blocks] = (spoken[blocks] ^ np.uint64(folded)) * np.uint64(1099511628211)
                if two != 0:
                    trigram = (one * 961 + two * 31 + folded) & (_TRIGRAM_BITS - 1)
                    counts[blocks, TRIGRAMS] += 1
                    mark = asked[trigram]
                    if mark != 0:
                        counts[blocks, TITLED] += mark & _TITLE != 0
                        if mark & _DESCRIPTION != 0 and np.int64(mark & _BLOCK) != blocks + 1:  # a block says it once
                            counts[blocks, LEAD] += 1
                            asked[trigram] = (mark & ~_BLOCK) | np.uint32(blocks + 1)
                one, two = two, folded
        if what == TEX and running:
            counts[blocks, TEXES] += 1
    if running:
        behind[blocks] = len(kind)
        blocks += 1
    return blocks
