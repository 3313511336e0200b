"""A page to flat arrays: parse with a C library, serialise, and walk over the bytes once.

The parser (lexbor, in resiliparse) repairs what authors wrote as browsers do. What it writes out again is well nested, with
every attribute in double quotes, so that one compiled pass over the bytes finds elements, attributes and text: no call
into Python for a node. Scripts, styles and other parts that nobody reads are left out on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from resiliparse.parse.html import HTMLTree

from curator.extraction import tags
from curator.extraction.formulas import with_sources
from curator.extraction.words import NAME_WORDS

OPEN, CLOSE, TEXT, TEX, BREAK = range(5)  # kinds of events; TEX is a formula's source
HIDDEN, ARTICLE_BODY, LINK = 1, 2, 4  # flags of an element; a link is an `a` that leads somewhere
_STEP, _FOUND = NAME_WORDS.step, NAME_WORDS.found
_LESS, _MORE, _QUOTE = np.uint8(60), np.uint8(62), np.uint8(34)  # no literals: a kernel is compiled anew for each of those


@dataclass(frozen=True)
class Tree:
    """`page` are the serialised bytes. One row an element, in document order: `tag`, `parent` (-1), `last` (the row behind its
    subtree), `words` (bits of `words.NAMES`), `flags`, `look` (a hash of tag and class), `start` (the place of its tag).
    One row an event: `kind`, `node`, and for text its place in the page."""

    html: str
    page: np.ndarray
    tag: np.ndarray
    parent: np.ndarray
    last: np.ndarray
    words: np.ndarray
    flags: np.ndarray
    look: np.ndarray
    start: np.ndarray
    kind: np.ndarray
    node: np.ndarray
    begin: np.ndarray
    end: np.ndarray


def parse(page: str) -> Tree:
    try:
        html = str(HTMLTree.parse(page))
    except UnicodeEncodeError:  # half a surrogate pair is no character
        html = str(HTMLTree.parse(page.encode("utf-8", "replace").decode()))
    page_bytes = html.encode("utf-8", "replace")
    if b"<math" in page_bytes:
        html = with_sources(html)
        page_bytes = html.encode("utf-8", "replace")
    data = np.frombuffer(page_bytes, np.uint8)
    most = 1 + int(np.count_nonzero(data == 60))  # elements; each begins and ends, and text may stand before and behind
    nodes = [np.empty(most, kind) for kind in (np.int16, np.int32, np.int32, np.int64, np.uint8, np.uint64, np.int32)]
    events = [np.empty(2 * most + 1, kind) for kind in (np.uint8, np.int32, np.int32, np.int32)]
    room = [data, *nodes, *events, np.empty(most, np.uint64), np.empty(most, np.int32)]
    count, happened = _walk(*room)
    return Tree(html, data, *(column[:count] for column in nodes), *(column[:happened] for column in events))


@numba.njit(cache=True, nogil=True)
def _find(page, at, byte):
    while at < len(page) and page[at] != byte:
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _holds(page, at, end, what):
    """Whether the bytes `what` (lower case) occur in page[at:end]."""
    for start in range(at, end - len(what) + 1):
        same = True
        for i in range(len(what)):
            if (page[start + i] | 32 if 65 <= page[start + i] <= 90 else page[start + i]) != what[i]:
                same = False
                break
        if same:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _holds_any(page, at, end, names):
    """Whether one of several words does; they stand in one row of bytes, each with a line's end behind it."""
    first = 0
    for i in range(len(names)):
        if names[i] == 10:
            if _holds(page, at, end, names[first:i]):
                return True
            first = i + 1
    return False


@numba.njit(cache=True, nogil=True)
def _name_at(page, at):
    """A name packed into a number, where it ends, and whether it has a hyphen or a colon."""
    packed = np.uint64(0)
    shift = 56
    mark = 0
    while at < len(page):
        byte = page[at]
        if byte == 32 or byte == 62 or byte == 61 or byte == 47 or byte == 34:
            break
        if byte == 45 or byte == 58:
            mark = byte
        if shift >= 0:
            packed |= np.uint64(byte | 32 if 65 <= byte <= 90 else byte) << np.uint64(shift)
            shift -= 8
        at += 1
    return packed, at, mark


@numba.njit(cache=True, nogil=True)
def _speak(page, at, end, words, look):
    """The words in a class or id, and a hash that numbers in it do not change."""
    state = _STEP[0, 95]
    before = 95
    for i in range(at, end):
        byte = page[i]
        if 65 <= byte <= 90:
            if 97 <= before <= 122:
                state = _STEP[state, 95]
                words |= _FOUND[state]
            byte = np.uint8(byte | 32)
            before = 65
        elif 97 <= byte <= 122:
            before = 97
        elif 48 <= byte <= 57:
            before = byte
            state = _STEP[state, 95]
            words |= _FOUND[state]
            continue
        else:
            look = (look ^ np.uint64(7)) * np.uint64(1099511628211)
            before = byte
            if byte == 45:  # some words hold their hyphen
                dashed = _STEP[state, 45]
                if dashed != 0:
                    words |= _FOUND[_STEP[state, 95]]
                    state = dashed
                    continue
            byte = np.uint8(95)
        look = (look ^ np.uint64(byte)) * np.uint64(1099511628211)
        state = _STEP[state, byte]
        words |= _FOUND[state]
    words |= _FOUND[_STEP[state, 95]]
    return words, look


@numba.njit(cache=True, nogil=True)
def _known(name):
    """The row of a name in tags.KEYS, -1 for another."""
    low, high = 0, len(tags.KEYS)
    while low < high:
        middle = (low + high) >> 1
        if tags.KEYS[middle] < name:
            low = middle + 1
        else:
            high = middle
    return low if low < len(tags.KEYS) and tags.KEYS[low] == name else -1


@numba.njit(cache=True, nogil=True)
def _walk(page, tag, parent, last, words, flags, look, start, kind, node, begin, end, names, rows):
    """Fills the columns of `Tree`; `names` and `rows` (-1 in what is not read) are room for the open elements."""
    height, nodes, events = 0, 0, 0
    unread = -1  # the height above which nothing is read
    in_math, wrote_tex = -1, False
    before, same = np.uint64(0), 0
    at, size = np.int64(0), np.int64(len(page))
    while at < size:
        if page[at] != 60:  # text up to the next <
            stop = _find(page, at, _LESS)
            if unread < 0 and in_math < 0 and height > 0:
                kind[events], node[events], begin[events], end[events] = TEXT, rows[height - 1], at, stop
                events += 1
            at = stop
            continue
        if at + 1 >= size:
            break
        following = page[at + 1]
        if following == 33 or following == 63:  # a comment, a doctype, an instruction
            if at + 3 < size and page[at + 2] == 45 and page[at + 3] == 45:
                at += 4
                while at < size and not (page[at] == 62 and page[at - 1] == 45 and page[at - 2] == 45):
                    at += 1
            else:
                at = _find(page, at, _MORE)
            at += 1
            continue
        if following == 47:
            name, at, _ = _name_at(page, at + 2)
            at = _find(page, at, _MORE) + 1
            level = height - 1
            lowest = max(0, height - 64)
            while level >= lowest and names[level] != name:
                level -= 1
            if level >= lowest and names[level] == name:
                while height > level:
                    height -= 1
                    if unread < 0 and in_math < 0 and rows[height] >= 0:
                        row = rows[height]
                        last[row] = nodes
                        kind[events], node[events], begin[events], end[events] = CLOSE, row, at, at
                        events += 1
                    if height == unread:
                        unread = -1
                    if height == in_math:
                        in_math = -1
                        row = rows[height]
                        last[row] = nodes
                        kind[events], node[events], begin[events], end[events] = CLOSE, row, at, at
                        events += 1
            continue
        # an element begins
        place = at
        name, at, mark = _name_at(page, at + 1)
        said, flag = np.int64(0), np.uint8(0)
        seen = np.uint64(14695981039346656037)
        tex_from, tex_to, tex_kind = np.int64(-1), np.int64(-1), False
        alt_from, alt_to, drawn = np.int64(-1), np.int64(-1), False
        rendered = False
        while at < size and page[at] != 62:
            if page[at] == 32 or page[at] == 47 or page[at] == 34 or page[at] == 61:
                at += 1
                continue
            attribute, at, _ = _name_at(page, at)
            value = at
            if at + 1 < size and page[at] == 61 and page[at + 1] == 34:
                value = at + 2
                at = _find(page, value, _QUOTE)
            if unread < 0:
                if attribute == tags.CLASS:
                    said, seen = _speak(page, value, at, said, seen)
                    drawn = drawn or (name == tags.IMG and _holds(page, value, at, tags.LATEX))
                    if name == tags.SPAN and _holds_any(page, value, at, tags.DRAWN_BY):
                        rendered = True  # a formula drawn with glyphs: its source stands beside it
                elif attribute in (tags.ID, tags.ROLE, tags.ITEMPROP):
                    said, _ = _speak(page, value, at, said, np.uint64(0))
                    if attribute == tags.ITEMPROP and _holds(page, value, at, tags.BODY):
                        flag |= ARTICLE_BODY
                elif attribute == tags.STYLE:
                    if (_holds(page, value, at, tags.DISPLAY) and _holds(page, value, at, tags.NONE)) or _holds(
                        page, value, at, tags.INVISIBLE
                    ):
                        flag |= HIDDEN
                elif attribute == tags.HIDDEN_NAME or (attribute == tags.ARIA and _holds(page, value, at, tags.TRUE)):
                    flag |= HIDDEN
                elif attribute == tags.HREF:
                    target = np.uint64(at - value + 1)
                    for i in range(value, at):
                        target = (target ^ np.uint64(page[i])) * np.uint64(1099511628211)
                    same = same + 1 if target == before else 0
                    before = target
                    if same < 3:  # one that its author forgot to close is opened again in every paragraph
                        flag |= LINK
                elif name == tags.IMG and attribute == tags.SRC:
                    query = value
                    while query < at and page[query] != 63:
                        query += 1
                    if _holds_any(page, value, query, tags.FORMULA_IMAGES):  # a formula as an image
                        drawn = True
                        if alt_from < 0:
                            alt_from, alt_to = min(query + 1, at), at
                elif name == tags.IMG and attribute == tags.ALT and at > value:
                    alt_from, alt_to = value, at
                elif attribute == tags.ALTTEXT:
                    tex_from, tex_to = value, at
                elif attribute in (tags.ENCODING, tags.TYPE):
                    tex_kind = tex_kind or _holds_any(page, value, at, tags.TEX_KINDS)
        at += 1
        known = _known(name)
        traits = tags.TRAITS[known] if known >= 0 else 0
        void = traits & tags.VOID != 0
        if traits & tags.RAW:  # its content is no markup
            content = at
            while at < size:
                at = _find(page, at, _LESS)
                if at + 1 < size and page[at + 1] == 47 and _name_at(page, at + 2)[0] == name:
                    break
                at += 1
            if name == tags.SCRIPT and tex_kind and unread < 0 and in_math < 0 and height > 0:
                kind[events], node[events], begin[events], end[events] = TEX, rows[height - 1], content, min(at, size)
                events += 1
            at = _find(page, at, _MORE) + 1
            continue
        if unread >= 0 or in_math >= 0:
            if in_math >= 0 and name == tags.ANNOTATION and tex_kind and not wrote_tex and unread < 0:
                stop = _find(page, at, _LESS)
                kind[events], node[events], begin[events], end[events] = TEX, rows[in_math], at, stop
                events += 1
                wrote_tex = True
            if not void:
                names[height], rows[height] = name, -1
                height += 1
            continue
        if known >= 0:
            which = tags.IDS[known]
        elif mark == 45 and name >> np.uint64(40) != np.uint64(7170680):  # mjx-… stands in a line
            which = tags.CUSTOM
        else:
            which = tags.OTHER
        if void:
            if name == tags.IMG and drawn and alt_to > alt_from and height > 0:
                kind[events], node[events], begin[events], end[events] = TEX, rows[height - 1], alt_from, alt_to
                events += 1
            if name in (tags.BR, tags.HR):
                kind[events], node[events], begin[events], end[events] = BREAK, rows[height - 1] if height else -1, at, at
                events += 1
            continue
        if which >= tags.FIRST_UNREAD or rendered:
            unread = height
            names[height], rows[height] = name, -1
            height += 1
            continue
        tag[nodes], words[nodes], flags[nodes], start[nodes] = which, said, flag, place
        look[nodes] = (seen ^ np.uint64(which)) * np.uint64(1099511628211)
        parent[nodes] = rows[height - 1] if height else -1
        last[nodes] = -1
        kind[events], node[events], begin[events], end[events] = OPEN, nodes, place, at
        events += 1
        names[height], rows[height] = name, nodes
        if name == tags.MATH:
            in_math, wrote_tex = height, tex_from >= 0
            if tex_from >= 0:
                kind[events], node[events], begin[events], end[events] = TEX, nodes, tex_from, tex_to
                events += 1
        height += 1
        nodes += 1
    for row in range(nodes):
        if last[row] < 0:
            last[row] = nodes
    return nodes, events
