"""What tags do in a page's body (HTML standard, 13.2.6.4.7)."""

# ruff: noqa: SIM109 - numba compiles a tuple and the search in it, for a quarter of a second

from __future__ import annotations

import numpy as np

from curator.extraction import grammar
from curator.extraction.dom import (
    BEGIN,
    END,
    FORM,
    HEIGHT,
    HTML_SPACE,
    LIST,
    LISTED,
    MODE,
    NAME,
    NONE,
    OPEN,
    QUIRKS,
    SPACE,
    adopt,
    bears,
    close,
    close_other,
    close_p,
    current,
    enlist,
    formatting,
    has,
    imply,
    insert,
    is_open,
    mark,
    push,
    reconstruct,
    scoped,
    unlist,
    unmark,
    unopen,
    where,
)
from curator.extraction.grammar import (
    ACT,
    AFTER_BODY,
    BODY_TAG,
    BR,
    DD,
    DT,
    ENDS,
    ENDS_P,
    FORM_TAG,
    FORMATS,
    H1,
    H6,
    HTML,
    IMAGE,
    IMG,
    IN_TABLE,
    KNOWN,
    OPTION_TAG,
    REOPENS,
    RP,
    RT,
    RTC,
    RUBY_TAG,
    SELECT_TAG,
    SVG,
    TEMPLATE,
    XMP,
    A,
    P,
)
from curator.metrics.compiled import inner

_SCOPE = grammar.SCOPE
_CHILDLESS = grammar.FLAT | grammar.RAW | grammar.PLAIN
_BUTTON_SCOPE, _LIST_SCOPE = _SCOPE | grammar.BUTTON_SCOPE, _SCOPE | grammar.LIST_SCOPE


@inner
def act_of(name):
    return ACT[name] if 0 <= name < KNOWN else grammar.ORDINARY


@inner
def _heading(name):
    return H1 <= name <= H6  # they are neighbours in the alphabet


@inner
def structure(act):
    """A part of a table."""
    return act >= grammar.CAPTION


@inner
def merge(dom, node, begin, end):
    """Attributes of a second <html> or <body>, where the first was implied."""
    if dom[node + BEGIN] == dom[node + END]:
        dom[node + BEGIN], dom[node + END] = begin, end


@inner
def start_in_body(dom, page, name, act, begin, end, foster):
    if (act == grammar.FORM and dom[FORM] >= 0) or act == grammar.NOWHERE or structure(act):
        return
    if act == grammar.BODY:
        if dom[HEIGHT] > 1:
            merge(dom, np.int64(dom[OPEN + 1]), begin, end)
        return
    if act == grammar.ITEM or act == grammar.TERM:
        _close_item(dom, name, act)
    if ENDS_P[act] and not (act == grammar.TABLE and dom[QUIRKS]):
        close_p(dom)
    if has(name, grammar.FIELD):
        close(dom, SELECT_TAG, _SCOPE)
    if act == grammar.SELECT and close(dom, name, _SCOPE):
        return
    if act == grammar.BUTTON:
        close(dom, name, _SCOPE)
    elif act == grammar.ANCHOR:
        _close_anchor(dom, foster)
    elif act == grammar.NOBR:
        reconstruct(dom, foster)
        if scoped(dom, name, _SCOPE) >= 0:
            adopt(dom, name, foster)
    elif act == grammar.RUBY and scoped(dom, RUBY_TAG, _SCOPE) >= 0:
        imply(dom, RTC if name == RP or name == RT else NONE)
    elif act == grammar.OPTION:
        if is_open(dom, OPTION_TAG):
            dom[HEIGHT] -= 1
    elif act == grammar.HEADING and _heading(np.int64(dom[current(dom) + NAME])) and dom[current(dom) + SPACE] == 0:
        dom[HEIGHT] -= 1
    if REOPENS[act] or name == XMP:
        reconstruct(dom, foster)
    space = HTML_SPACE
    if act == grammar.OTHER_SPACE:
        space = np.int64(1 if name == SVG else 2)
    node = insert(dom, IMG if name == IMAGE else name, space, begin, end, foster)
    if has(name, _CHILDLESS) or name == IMAGE or name == TEMPLATE or (space and page[end - 2] == 47):
        return
    opened = push(dom, node)
    if act == grammar.FORM:
        dom[FORM] = node
    elif FORMATS[act]:
        enlist(dom, page, node)
    elif opened and act == grammar.MARKED:
        mark(dom)
    elif opened and act == grammar.TABLE:
        dom[MODE] = IN_TABLE


@inner
def _close_item(dom, name, act):
    """An entry of a list ends where the next begins."""
    for at in range(dom[HEIGHT] - 1, 0, -1):
        node = np.int64(dom[OPEN + at])
        other = np.int64(dom[node + NAME])
        if other == name or (act == grammar.TERM and (other == DD or other == DT)):
            dom[HEIGHT] = at
            return
        if bears(dom, node, grammar.SPECIAL) and not has(other, grammar.NO_BORDER):
            return


@inner
def _close_anchor(dom, foster):
    """A link in a link ends it."""
    at = formatting(dom, A)
    if at < 0:
        return
    node = np.int64(dom[LIST + at])
    adopt(dom, A, foster)
    at = where(dom, np.int64(LIST), dom[LISTED], node)
    if at >= 0:
        unlist(dom, at)
    at = where(dom, np.int64(OPEN), dom[HEIGHT], node)
    if at >= 0:
        unopen(dom, at)


@inner
def finish_in_body(dom, name, act, begin, foster):
    if name == BODY_TAG or name == HTML:
        if scoped(dom, BODY_TAG, _SCOPE) >= 0:
            dom[MODE] = AFTER_BODY
    elif name == P:
        if not close(dom, name, _BUTTON_SCOPE):
            insert(dom, P, HTML_SPACE, begin, begin, foster)
    elif name == FORM_TAG:
        node = np.int64(dom[FORM])
        dom[FORM] = -1
        if node < 0 or scoped(dom, name, _SCOPE) < 0:
            return
        imply(dom, NONE)
        at = where(dom, np.int64(OPEN), dom[HEIGHT], node)
        if at >= 0:
            unopen(dom, at)
    elif name == BR:
        reconstruct(dom, foster)
        insert(dom, BR, HTML_SPACE, begin, begin, foster)
    elif ENDS[act]:
        if close(dom, name, _LIST_SCOPE if act == grammar.ITEM else _SCOPE) and act == grammar.MARKED:
            unmark(dom)
    elif act == grammar.HEADING:
        _close_heading(dom)
    elif not FORMATS[act] or not adopt(dom, name, foster):
        close_other(dom, name)


@inner
def _close_heading(dom):
    """Any heading is closed by the end tag of any."""
    at = -1
    for name in range(H1, H6 + 1):
        at = max(at, scoped(dom, name, _SCOPE))
    if at >= 0:
        dom[HEIGHT] = at
