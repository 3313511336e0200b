"""A page to flat arrays: elements and what happens in the order of the page, for all that follows to work on whole columns.

`build` makes the tree that a browser would, with pointers between its nodes; one walk over that leaves out scripts, styles
and what else nobody reads, and asks attributes for what they say of an element.
"""

# ruff: noqa: SIM109 - numba compiles a tuple and the search in it

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from curator.extraction import notes, tags
from curator.extraction.build import build
from curator.extraction.dom import (
    BEFORE,
    BEGIN,
    COLUMNS,
    CUSTOM,
    END,
    FIRST,
    FREE,
    LAST,
    NAME,
    NEXT,
    NONE,
    PARENT,
    ROOT,
    WRITTEN,
    empty,
    has,
)
from curator.extraction.dom import TEXT as TEXT_NODE
from curator.extraction.formulas import with_sources
from curator.extraction.grammar import FLAT, IDS, KNOWN, NUMBER, RAW
from curator.extraction.tokens import attribute, name_at, openings, padded
from curator.extraction.words import NAME_WORDS
from curator.extraction.written import GROWTH, YES, write
from curator.metrics.compiled import inner, kernel

OPEN, CLOSE, TEXT, TEX, BREAK = range(5)  # kinds of events; TEX is a formula's source
HIDDEN, ARTICLE_BODY, LINK = 1, 2, 4  # flags of an element; a link is an `a` that leads somewhere
_STEP, _FOUND = NAME_WORDS.step, NAME_WORDS.found
_ANNOTATION, _BR, _HR, _IMG, _MATH, _SCRIPT, _SPAN = (
    NUMBER[name] for name in ("annotation", "br", "hr", "img", "math", "script", "span")
)

_DOCTYPE = re.compile(rb"(?>\s+|<!--.{0,2000}?-->|<\?[^>]*>|\xef\xbb\xbf)*+<!doctype\s+html\b([^>]*)>", re.I | re.S)
# The doctypes by which browsers know pages that were written before there were rules.
_OLD = re.compile(
    rb"""\s+public\s*["']
    (?: -//w3c//dtd[ ](?: html[ ](?: 3 | 4\.0[ ](?:frameset|transitional)// | experimental ) | w3[ ]html )
      | -//w3c//dtd[ ]html[ ]4\.01[ ](?:frameset|transitional)//[^"']*["']\s*$
      | -//(?: ietf//dtd[ ]html | w3o//dtd[ ]w3[ ]html | netscape[ ]comm | microsoft//dtd[ ]internet | softquad
             | sq//dtd[ ]html[ ]2 | spyglass | webtechs | as//dtd | advasoft | metrius | o'reilly | sun[ ]microsystems )
      | -/w3c/dtd[ ]html[ ]4\.0[ ]transitional/en["'] | html["'] | \+//silmaril )""",
    re.I | re.X,
)


@dataclass(frozen=True)
class Tree:
    """`html` is what the page says of itself (see `notes`), `source` its bytes, `page` the text in it, as a serialiser writes
    it. One row an element, in document order: `tag`, `parent` (-1), `last` (the row behind its subtree), `words` (bits of
    `words.NAMES`), `flags`, `look` (a hash of tag and class), `start` (the place of its tag in the source).
    One row an event: `kind`, `node`, and for text its place in `page`."""

    html: str
    source: np.ndarray
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


def parse(page: str | bytes) -> Tree:
    """Bytes are UTF-8."""
    data = page.encode("utf-8", "replace") if isinstance(page, str) else page
    source = padded(data)
    opened, formulas = openings(source, len(data))
    if formulas and b"<math" in data:
        data = with_sources(data.decode("utf-8", "replace")).encode("utf-8", "replace")
        source = padded(data)
        opened, _ = openings(source, len(data))
    size = len(data)
    dom = empty(1 + opened, _quirks(data))
    out, said = np.empty(GROWTH * size + 64, np.uint8), notes.room(size)
    html = said[: build(source, size, dom, out, said)].tobytes().decode("utf-8", "replace")
    made = (int(dom[FREE]) - ROOT) // COLUMNS
    nodes = [np.empty(made, kind) for kind in (np.int16, np.int32, np.int32, np.int64, np.uint8, np.uint64, np.int32)]
    events = [np.empty(3 * made, kind) for kind in (np.uint8, np.int32, np.int32, np.int32)]
    count, happened, written = _walk(source, size, dom, out, *nodes, *events)
    return Tree(html, source, out[:written], *(column[:count] for column in nodes), *(column[:happened] for column in events))


def _quirks(page: bytes) -> bool:
    """Whether the page is one of those that browsers read with leniency."""
    found = _DOCTYPE.match(page[:4096])
    return not found or _OLD.match(found[1]) is not None


@inner
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


@inner
def _holds_any(page, at, end, names):
    """Whether one of several words does; they stand in one row of bytes, each with a line's end behind it."""
    first = 0
    for i in range(len(names)):
        if names[i] == 10:
            if _holds(page, at, end, names[first:i]):
                return True
            first = i + 1
    return False


@inner
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
            look = (look ^ np.uint64(7)) * tags.PRIME
            before = byte
            if byte == 45:  # some words hold their hyphen
                dashed = _STEP[state, 45]
                if dashed != 0:
                    words |= _FOUND[_STEP[state, 95]]
                    state = dashed
                    continue
            byte = np.uint8(95)
        look = (look ^ np.uint64(byte)) * tags.PRIME
        state = _STEP[state, byte]
        words |= _FOUND[state]
    words |= _FOUND[_STEP[state, 95]]
    return words, look


@inner
def _annotated(source, dom, math):
    """The text of a formula's annotation that is TeX, -1 if it has none."""
    node = np.int64(dom[math + FIRST])
    while node >= 0 and node != math:
        if dom[node + NAME] == _ANNOTATION and dom[node + FIRST] >= 0:
            _, at = name_at(source, np.int64(dom[node + BEGIN]) + 1, np.int64(dom[node + END]))
            while True:
                first, behind, value, stop, at = attribute(source, at, np.int64(dom[node + END]))
                if first == behind:
                    break
                name, _ = name_at(source, first, behind)
                if (name == tags.ENCODING or name == tags.TYPE) and _holds_any(source, value, stop, tags.TEX_KINDS):
                    return np.int64(dom[node + FIRST]) if dom[dom[node + FIRST] + NAME] == TEXT_NODE else NONE
        if dom[node + FIRST] >= 0 and dom[node + NAME] >= 0:
            node = np.int64(dom[node + FIRST])
            continue
        while node != math and dom[node + NEXT] < 0:
            node = np.int64(dom[node + PARENT])
        if node != math:
            node = np.int64(dom[node + NEXT])
    return NONE


@kernel
def _walk(source, size, dom, out, tag, parent, last, words, flags, look, start, kind, node, begin, end):
    """Fills the columns of `Tree`; returns how many elements and events there are, and how much of `out` is written."""
    count, events, written = 0, 0, np.int64(dom[WRITTEN])
    before, same = np.uint64(0), 0
    at = np.int64(ROOT)
    while True:
        name, row = np.int64(dom[at + NAME]), np.int64(-1)
        up = np.int64(dom[dom[at + PARENT] + BEFORE]) if at != ROOT else np.int64(-1)
        enter = False
        if name == TEXT_NODE:
            kind[events], node[events], begin[events], end[events] = TEXT, up, dom[at + BEGIN], dom[at + END]
            events += 1
        else:
            known = 0 <= name < KNOWN
            which = np.int64(IDS[name]) if known else tags.CUSTOM if name >= CUSTOM else tags.OTHER
            from_, to = np.int64(dom[at + BEGIN]), np.int64(dom[at + END])
            # what its attributes say
            said, flag = np.int64(0), np.uint8(0)
            seen = np.uint64(14695981039346656037)
            tex_from, tex_to, tex_kind = np.int64(-1), np.int64(-1), False
            alt_from, alt_to, drawn = np.int64(-1), np.int64(-1), False
            rendered, classed = False, False
            place = np.int64(to)
            if to > from_:
                _, place = name_at(source, from_ + 1, to)
            while place < to:
                first, behind, value, stop, place = attribute(source, place, to)
                asked, _ = name_at(source, first, behind)
                if asked == tags.CLASS and not classed:
                    classed = True
                    said, seen = _speak(source, value, stop, said, seen)
                    drawn = drawn or (name == _IMG and _holds(source, value, stop, tags.LATEX))
                    if name == _SPAN and _holds_any(source, value, stop, tags.DRAWN_BY):
                        rendered = True  # a formula drawn with glyphs: its source stands beside it
                elif asked == tags.ID or asked == tags.ROLE or asked == tags.ITEMPROP:
                    said, _ = _speak(source, value, stop, said, np.uint64(0))
                    if asked == tags.ITEMPROP and _holds(source, value, stop, tags.BODY):
                        flag |= ARTICLE_BODY
                elif asked == tags.STYLE:
                    if (_holds(source, value, stop, tags.DISPLAY) and _holds(source, value, stop, tags.NONE)) or _holds(
                        source, value, stop, tags.INVISIBLE
                    ):
                        flag |= HIDDEN
                elif asked == tags.HIDDEN_NAME or (asked == tags.ARIA and _holds(source, value, stop, tags.TRUE)):
                    flag |= HIDDEN
                elif asked == tags.HREF:
                    target = np.uint64(stop - value + 1)
                    for i in range(value, stop):
                        target = (target ^ np.uint64(source[i])) * tags.PRIME
                    same = same + 1 if target == before else 0
                    before = target
                    if same < 3:  # one that its author forgot to close is opened again in every paragraph
                        flag |= LINK
                elif name == _IMG and asked == tags.SRC:
                    query = value
                    while query < stop and source[query] != 63:
                        query += 1
                    if _holds_any(source, value, query, tags.FORMULA_IMAGES):  # a formula as an image
                        drawn = True
                        if alt_from < 0:
                            alt_from, alt_to = min(query + 1, stop), stop
                elif name == _IMG and asked == tags.ALT and stop > value:
                    alt_from, alt_to = value, stop
                elif asked == tags.ALTTEXT:
                    tex_from, tex_to = value, stop
                elif asked == tags.ENCODING or asked == tags.TYPE:
                    tex_kind = tex_kind or _holds_any(source, value, stop, tags.TEX_KINDS)
            # what it is
            if has(name, FLAT):
                tex_from, tex_to = (alt_from, alt_to) if name == _IMG and drawn and alt_to > alt_from else (to, to)
                if name == _BR or name == _HR:
                    kind[events], node[events], begin[events], end[events] = BREAK, up, 0, 0
                    events += 1
            elif has(name, RAW):
                tex_from, tex_to = (np.int64(to), np.int64(dom[at + LAST])) if name == _SCRIPT and tex_kind else (to, to)
            elif which < tags.FIRST_UNREAD and not rendered:
                row = count
                tag[row], words[row], flags[row], start[row], parent[row] = which, said, flag, from_, up
                look[row] = (seen ^ np.uint64(which)) * tags.PRIME
                kind[events], node[events], begin[events], end[events] = OPEN, row, 0, 0
                events += 1
                count += 1
                dom[at + BEFORE] = row  # from here on its row
                up = row
                enter = name != _MATH
                if name == _MATH and tex_from < 0:
                    found = _annotated(source, dom, at)
                    if found >= 0:
                        kind[events], node[events] = TEX, row
                        begin[events], end[events] = dom[found + BEGIN], dom[found + END]
                        events += 1
                if name != _MATH:
                    tex_from = tex_to
            else:
                tex_from = tex_to
            if tex_from < tex_to:
                kind[events], node[events], begin[events] = TEX, up, written
                written = write(source, tex_from, tex_to, out, written, YES)
                end[events] = written
                events += 1
        if enter and dom[at + FIRST] >= 0:
            at = np.int64(dom[at + FIRST])
            continue
        while True:
            if row >= 0:
                last[row] = count
                kind[events], node[events], begin[events], end[events] = CLOSE, row, 0, 0
                events += 1
            if at == ROOT:
                return count, events, written
            if dom[at + NEXT] >= 0:
                at = np.int64(dom[at + NEXT])
                break
            at = np.int64(dom[at + PARENT])
            row = np.int64(dom[at + BEFORE])
