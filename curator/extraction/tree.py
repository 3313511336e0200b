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

from curator.extraction.words import NAME_WORDS

OPEN, CLOSE, TEXT, TEX, BREAK = range(5)  # kinds of events; TEX is a formula's source

# Tags by what they are to a reader. Everything unknown is inline, but custom elements (`x-y`) stand as blocks.
_BLOCKS = [
    "html",
    "body",
    "div",
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "pre",
    "blockquote",
    "article",
    "section",
    "main",
    "nav",
    "header",
    "footer",
    "aside",
    "form",
    "fieldset",
    "figure",
    "figcaption",
    "details",
    "summary",
    "address",
    "center",
    "hr",
    "button",
    "label",
    "legend",
    "noscript",
    "custom",
    "dir",
    "menu",
    "hgroup",
    "search",
    "option",
    "marquee",
    "picture",
    "frameset",
    "ruby",
]
_INLINE = [
    "a",
    "abbr",
    "b",
    "big",
    "cite",
    "code",
    "del",
    "dfn",
    "em",
    "font",
    "i",
    "ins",
    "kbd",
    "mark",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "time",
    "tt",
    "u",
    "var",
    "img",
    "math",
    "br",
    "wbr",
    "input",
    "rt",
    "rp",
    "nobr",
    "bdi",
    "bdo",
    "data",
    "output",
    "acronym",
    "other",
]
_UNREAD = [
    "head",
    "script",
    "style",
    "template",
    "svg",
    "iframe",
    "noembed",
    "noframes",
    "textarea",
    "select",
    "datalist",
    "canvas",
    "audio",
    "video",
    "object",
    "embed",
    "map",
    "applet",
    "title",
]
TAGS = {name: at for at, name in enumerate((*_BLOCKS, *_INLINE, *_UNREAD))}
TAG_NAMES = tuple(TAGS)
FIRST_INLINE, FIRST_UNREAD = len(_BLOCKS), len(_BLOCKS) + len(_INLINE)
OTHER, CUSTOM = TAGS["other"], TAGS["custom"]

HIDDEN, ARTICLE_BODY, LINK = 1, 2, 4  # flags of an element; a link is an `a` that leads somewhere


def _packed(name: str) -> int:
    """The first eight letters of a name as one number."""
    return int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "big")


_ORDER = sorted((_packed(name), tag) for name, tag in TAGS.items() if name not in ("custom", "other"))
_KEYS = np.array([key for key, _ in _ORDER], np.uint64)
_IDS = np.array([tag for _, tag in _ORDER], np.int16)
_VOID = np.array(
    sorted(
        map(
            _packed,
            ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"],
        )
    ),
    np.uint64,
)
_RAW = np.array(sorted(map(_packed, ["script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"])), np.uint64)
_STEP, _FOUND = NAME_WORDS.step, NAME_WORDS.found
_CLASS, _ID, _ROLE, _STYLE, _HIDDEN, _ARIA, _ITEMPROP, _ALTTEXT, _ENCODING, _TYPE, _HREF = (
    np.uint64(_packed(name))
    for name in ["class", "id", "role", "style", "hidden", "aria-hidden", "itemprop", "alttext", "encoding", "type", "href"]
)
_BR, _MATH, _SCRIPT, _SPAN, _HR = (np.uint64(_packed(name)) for name in ("br", "math", "script", "span", "hr"))
_ANNOTATION = np.uint64(_packed("annotation"))


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
    data = np.frombuffer(html.encode("utf-8", "replace"), np.uint8)
    return Tree(html, data, *_walk(data))


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


_NONE = np.frombuffer(b"none", np.uint8)
_DISPLAY = np.frombuffer(b"display", np.uint8)
_INVISIBLE = np.frombuffer(b"visibility:hidden", np.uint8)
_TRUE = np.frombuffer(b"true", np.uint8)
_BODY = np.frombuffer(b"articlebody", np.uint8)
_KATEX = np.frombuffer(b"katex-html", np.uint8)
_MATHJAX = np.frombuffer(b"mathjax", np.uint8)
_TEX = np.frombuffer(b"x-tex", np.uint8)
_MATH_TYPE = np.frombuffer(b"math/tex", np.uint8)


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
def _walk(page):
    most = 1
    for byte in page:
        most += byte == 60
    tag = np.empty(most, np.int16)
    parent = np.empty(most, np.int32)
    last = np.empty(most, np.int32)
    words = np.empty(most, np.int64)
    flags = np.empty(most, np.uint8)
    look = np.empty(most, np.uint64)
    start = np.empty(most, np.int32)
    kind = np.empty(2 * most + 1, np.uint8)
    node = np.empty(2 * most + 1, np.int32)
    begin = np.empty(2 * most + 1, np.int32)
    end = np.empty(2 * most + 1, np.int32)
    names = np.empty(most, np.uint64)  # the open elements: name, row (-1 in what is not read)
    rows = np.empty(most, np.int32)
    height, nodes, events = 0, 0, 0
    unread = -1  # the height above which nothing is read
    in_math, wrote_tex = -1, False
    before, same = np.uint64(0), 0
    at, size = 0, len(page)
    while at < size:
        if page[at] != 60:  # text up to the next <
            stop = _find(page, at, 60)
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
                at = _find(page, at, 62)
            at += 1
            continue
        if following == 47:
            name, at, _ = _name_at(page, at + 2)
            at = _find(page, at, 62) + 1
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
        tex_from, tex_to, tex_kind = -1, -1, False
        rendered = False
        while at < size and page[at] != 62:
            if page[at] == 32 or page[at] == 47 or page[at] == 34 or page[at] == 61:
                at += 1
                continue
            attribute, at, _ = _name_at(page, at)
            value = at
            if at + 1 < size and page[at] == 61 and page[at + 1] == 34:
                value = at + 2
                at = _find(page, value, 34)
            if unread < 0:
                if attribute == _CLASS:
                    said, seen = _speak(page, value, at, said, seen)
                    if name == _SPAN and (_holds(page, value, at, _KATEX) or _holds(page, value, at, _MATHJAX)):
                        rendered = True  # a formula drawn with glyphs: its source stands beside it
                elif attribute in (_ID, _ROLE, _ITEMPROP):
                    said, _ = _speak(page, value, at, said, np.uint64(0))
                    if attribute == _ITEMPROP and _holds(page, value, at, _BODY):
                        flag |= ARTICLE_BODY
                elif attribute == _STYLE:
                    if (_holds(page, value, at, _DISPLAY) and _holds(page, value, at, _NONE)) or _holds(
                        page, value, at, _INVISIBLE
                    ):
                        flag |= HIDDEN
                elif attribute == _HIDDEN or (attribute == _ARIA and _holds(page, value, at, _TRUE)):
                    flag |= HIDDEN
                elif attribute == _HREF:
                    target = np.uint64(at - value + 1)
                    for i in range(value, at):
                        target = (target ^ np.uint64(page[i])) * np.uint64(1099511628211)
                    same = same + 1 if target == before else 0
                    before = target
                    if same < 3:  # one that its author forgot to close is opened again in every paragraph
                        flag |= LINK
                elif attribute == _ALTTEXT:
                    tex_from, tex_to = value, at
                elif attribute in (_ENCODING, _TYPE):
                    tex_kind = tex_kind or _holds(page, value, at, _TEX) or _holds(page, value, at, _MATH_TYPE)
        at += 1
        void_at = np.searchsorted(_VOID, name)
        void = void_at < len(_VOID) and _VOID[void_at] == name
        raw_at = np.searchsorted(_RAW, name)
        if raw_at < len(_RAW) and _RAW[raw_at] == name:  # its content is no markup
            content = at
            while at < size:
                at = _find(page, at, 60)
                if at + 1 < size and page[at + 1] == 47 and _name_at(page, at + 2)[0] == name:
                    break
                at += 1
            if name == _SCRIPT and tex_kind and unread < 0 and in_math < 0 and height > 0:
                kind[events], node[events], begin[events], end[events] = TEX, rows[height - 1], content, min(at, size)
                events += 1
            at = _find(page, at, 62) + 1
            continue
        if unread >= 0 or in_math >= 0:
            if in_math >= 0 and name == _ANNOTATION and tex_kind and not wrote_tex and unread < 0:
                stop = _find(page, at, 60)
                kind[events], node[events], begin[events], end[events] = TEX, rows[in_math], at, stop
                events += 1
                wrote_tex = True
            if not void:
                names[height], rows[height] = name, -1
                height += 1
            continue
        found = np.searchsorted(_KEYS, name)
        if found < len(_KEYS) and _KEYS[found] == name:
            which = _IDS[found]
        elif mark == 45 and name >> np.uint64(40) != np.uint64(7170680):  # mjx-… stands in a line
            which = CUSTOM
        else:
            which = OTHER
        if void:
            if name in (_BR, _HR):
                kind[events], node[events], begin[events], end[events] = BREAK, rows[height - 1] if height else -1, at, at
                events += 1
            continue
        if which >= FIRST_UNREAD or rendered:
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
        if name == _MATH:
            in_math, wrote_tex = height, tex_from >= 0
            if tex_from >= 0:
                kind[events], node[events], begin[events], end[events] = TEX, nodes, tex_from, tex_to
                events += 1
        height += 1
        nodes += 1
    for row in range(nodes):
        if last[row] < 0:
            last[row] = nodes
    return (
        tag[:nodes], parent[:nodes], last[:nodes], words[:nodes], flags[:nodes], look[:nodes], start[:nodes],
        kind[:events], node[:events], begin[:events], end[:events],
    )  # fmt: skip
