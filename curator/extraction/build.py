"""A page's bytes to a tree of nodes, its text, and what it says of itself: one pass."""

# ruff: noqa: SIM109 - numba compiles a tuple and the search in it

from __future__ import annotations

import numpy as np

from curator.extraction import grammar as mode
from curator.extraction import tags
from curator.extraction.construction import finish, open_body, root, start
from curator.extraction.dom import (
    BEFORE,
    COLUMNS,
    CUSTOM,
    END,
    FREE,
    HEIGHT,
    HTML_SPACE,
    LAST,
    MODE,
    NAME,
    NO,
    OPEN,
    RESERVE,
    SPACE,
    TEXT,
    WRITTEN,
    attach,
    current,
    has,
    insert,
    new,
    place,
    push,
    reconstruct,
)
from curator.extraction.grammar import BREAKS, KNOWN, LINE_EATEN, NOTED, NUMBER, PLAIN, RAW, known
from curator.extraction.notes import fits, note, note_type
from curator.extraction.tokens import LESS, MORE, after_comment, attribute, blank, end_of_raw, find, letter, name_at
from curator.extraction.written import write
from curator.metrics.compiled import inner, kernel
from curator.metrics.vectors import load64

_HELD = RAW | PLAIN
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_CDATA = np.uint64(int.from_bytes(b"![CDATA[", "little"))
_SVG, _ANNOTATION_XML, _P, _BR, _H1, _SCRIPT, _TEMPLATE, _PLAINTEXT = (
    NUMBER[name] for name in ("svg", "annotation-xml", "p", "br", "h1", "script", "template", "plaintext")
)


@inner
def _html_text(dom):
    """Whether what comes next is HTML: the current node is, or holds some as the text of a formula or a drawing."""
    node = current(dom)
    if dom[node + SPACE] == 0:
        return True
    return has(np.int64(dom[node + NAME]), mode.DRAWING_TEXT if dom[node + SPACE] == 1 else mode.MATH_TEXT)


@inner
def _text(dom, page, out, at, end):
    """Text from `at` up to `end`."""
    foster = NO
    if _html_text(dom):
        first = at
        while first < end and (blank(page[first]) or page[first] == 0):
            first += 1
        now = dom[MODE]
        if now == mode.BEFORE_HEAD or now == mode.IN_FRAMES:
            at = first
        if at == end or now == mode.IN_FRAMES:
            return
        if first == end:  # white space alone
            if now == mode.AFTER_BODY or now == mode.IN_BODY or now == mode.IN_CELL or now == mode.IN_CAPTION:
                reconstruct(dom, NO)
        else:
            if now <= mode.AFTER_HEAD or now == mode.IN_COLUMNS:
                if first > at:
                    _append(dom, page, out, at, first, NO)
                    at = first
                if now == mode.IN_COLUMNS:
                    dom[HEIGHT] -= 1
                    dom[MODE] = mode.IN_TABLE
                else:
                    if now == mode.IN_NOSCRIPT:
                        dom[HEIGHT] -= 1
                    if now == mode.BEFORE_HEAD:
                        insert(dom, mode.HEAD_TAG, HTML_SPACE, at, at, NO)
                    elif now != mode.AFTER_HEAD:
                        dom[HEIGHT] -= 1
                    open_body(dom, at, at)
            elif now == mode.AFTER_BODY:
                dom[MODE] = mode.IN_BODY
            now = dom[MODE]
            foster = mode.IN_TABLE <= now <= mode.IN_ROW
            reconstruct(dom, foster)
    _append(dom, page, out, at, end, foster)


@inner
def _append(dom, page, out, at, end, foster):
    """Text to the tree: to the text before it if there is some."""
    begin = np.int64(dom[WRITTEN])
    behind = write(page, at, end, out, begin, NO)
    if behind == begin:
        return
    dom[WRITTEN] = behind
    parent, before = place(dom, current(dom), foster)
    left = dom[before + BEFORE] if before >= 0 else dom[parent + LAST]
    if left >= 0 and dom[left + NAME] == TEXT and dom[left + END] == begin:
        dom[left + END] = behind
    else:
        attach(dom, new(dom, TEXT, HTML_SPACE, begin, behind), parent, before)


@inner
def _start_foreign(dom, page, name, begin, end):
    """A start tag in SVG or MathML; False where it breaks out of them."""
    if has(name, BREAKS):
        while not _html_text(dom):
            dom[HEIGHT] -= 1
        return False
    node = insert(dom, name, np.int64(dom[current(dom) + SPACE]), begin, end, NO)
    if page[end - 2] != 47:
        push(dom, node)
    return True


@inner
def _finish_foreign(dom, name):
    """An end tag there; False where it is not theirs."""
    if name == _P or name == _BR:
        while not _html_text(dom):
            dom[HEIGHT] -= 1
        return False
    for at in range(dom[HEIGHT] - 1, 0, -1):
        node = np.int64(dom[OPEN + at])
        if dom[node + SPACE] == 0:
            return False
        if dom[node + NAME] == name:
            dom[HEIGHT] = at
            return True
    return True


@inner
def _end_of_text(page, at, size):
    """The next < that is markup."""
    while at < size:
        at = find(page, at, size, LESS)
        if at + 1 < size:
            following = page[at + 1]
            if letter(following) or following == 33 or following == 63 or (following == 47 and at + 2 < size):
                return at
        at += 1
    return size


@inner
def _after_tag(page, at, end):
    """From behind a tag's name: the place behind the tag, and where a type of microdata in it begins and ends."""
    typed_from, typed_to = at, at
    while True:
        first, behind, value, stop, at = attribute(page, at, end)
        if first == behind:
            return at, typed_from, typed_to
        if page[first] | 32 == 105:  # an i
            name, _ = name_at(page, first, behind)
            if name == tags.ITEMTYPE:
                typed_from, typed_to = value, stop


@inner
def _after_declaration(dom, page, at, size):
    """The place behind a comment, a doctype, an instruction."""
    if page[at + 1] == 33 and at + 3 < size and page[at + 2] == 45 and page[at + 3] == 45:
        return after_comment(page, at, size)
    stop = find(page, at + 2, size, MORE)
    if load64(page, at + 1) == _CDATA and dom[current(dom) + SPACE] != 0:
        while stop < size and not (page[stop - 1] == 93 and page[stop - 2] == 93):
            stop = find(page, stop + 1, size, MORE)
    return min(stop + 1, size)


@inner
def _is_custom(page, at, end):
    """Whether a name is that of an element of the page's own: with a hyphen, behind any colon; mjx-… stands in a line."""
    if page[at] | 32 == 109 and page[at + 1] | 32 == 106 and page[at + 2] | 32 == 120:
        return False
    for i in range(end - 1, at, -1):
        if page[i] == 45 or page[i] == 58:
            return page[i] == 45
    return False


@inner
def _is_html(dom, name):
    """Whether a start tag is one of HTML."""
    return _html_text(dom) or (dom[current(dom) + NAME] == _ANNOTATION_XML and name == _SVG)


@kernel
def build(page, size, dom, out, notes):
    """The tree of page[:size], and its text in `out`; returns how much of `notes` is written."""
    root(dom)
    at, noted = np.int64(0), np.int64(0)
    hidden = 0  # how many <template> are open
    eat, headed = False, False
    while at < size:
        stop = _end_of_text(page, at, size)
        if eat and at < stop:  # the first line end in a <pre> is no text
            at += page[at] == 13
            at += at < stop and page[at] == 10
        if at < stop and not hidden:
            _text(dom, page, out, at, stop)
        at, eat = stop, False
        if at >= size:
            break
        closing = page[at + 1] == 47
        if not letter(page[at + 1 + closing]):
            at = _after_declaration(dom, page, at, size)
            continue
        packed, behind = name_at(page, at + 1 + closing, size)
        name = known(packed)
        if name < 0:
            custom = _is_custom(page, at + 1 + closing, behind)
            name = KNOWN + np.int64((packed * _SPREAD) >> np.uint64(36)) + (CUSTOM if custom else 0)
        begin = at
        at, typed_from, typed_to = _after_tag(page, behind, size)
        if at > size or dom[FREE] + RESERVE > len(dom):
            break
        raw = not closing and has(name, _HELD) and (hidden > 0 or _is_html(dom, name))
        behind_raw, content = at, at
        if raw:
            content = size if name == _PLAINTEXT else end_of_raw(page, at, size, packed, name == _SCRIPT)
            behind_raw, _, _ = _after_tag(page, content + 2, size)
        if hidden:
            if name == _TEMPLATE:
                hidden += -1 if closing else 1
        elif closing:
            if dom[current(dom) + SPACE] == 0 or not _finish_foreign(dom, name):
                finish(dom, name, begin)
        elif _is_html(dom, name) or not _start_foreign(dom, page, name, begin, at):
            held = dom[FREE]
            start(dom, page, name, begin, at)
            hidden += name == _TEMPLATE
            eat = has(name, LINE_EATEN)
            if raw and dom[FREE] > held and dom[dom[FREE] - COLUMNS + NAME] == name:
                dom[dom[FREE] - COLUMNS + LAST] = content
            if (has(name, NOTED) or typed_from < typed_to) and fits(notes, noted, at - begin):
                if has(name, NOTED) and not (name == _H1 and headed):
                    noted = note(page, name, begin, at, content, size, notes, noted)
                    headed = headed or name == _H1
                if typed_from < typed_to and fits(notes, noted, typed_to - typed_from):
                    noted = note_type(page, typed_from, typed_to, notes, noted)
        at = behind_raw
    if dom[MODE] == mode.IN_NOSCRIPT:
        dom[HEIGHT], dom[MODE] = dom[HEIGHT] - 1, mode.IN_HEAD
    if dom[MODE] <= mode.AFTER_HEAD:  # every page has a body
        finish(dom, mode.HTML, size)
    return noted
