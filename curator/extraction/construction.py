"""From tokens to a tree: the HTML standard's tree construction (13.2.6), by which browsers repair what authors wrote.

Left out is what no text depends on: scripting, and the content of `<template>`, which `build` skips.
"""

# ruff: noqa: SIM109 - numba compiles a tuple and the search in it, for a quarter of a second

from __future__ import annotations

import numpy as np

from curator.extraction import grammar
from curator.extraction.body import act_of, finish_in_body, merge, start_in_body, structure
from curator.extraction.dom import (
    FORM,
    HEAD,
    HEIGHT,
    HTML_SPACE,
    MODE,
    NAME,
    NO,
    OPEN,
    ROOT,
    close,
    current,
    has,
    insert,
    insert_open,
    is_open,
    mark,
    new,
    push,
    scoped,
    unmark,
)
from curator.extraction.grammar import (
    AFTER_BODY,
    AFTER_HEAD,
    BEFORE_HEAD,
    BODY_TAG,
    BR,
    CAPTION_TAG,
    COL,
    COLGROUP,
    FORM_TAG,
    FRAME,
    FRAMESET,
    HEAD_TAG,
    HTML,
    IN_BODY,
    IN_CAPTION,
    IN_CELL,
    IN_COLUMNS,
    IN_FRAMES,
    IN_HEAD,
    IN_NOSCRIPT,
    IN_ROW,
    IN_ROWS,
    IN_TABLE,
    NOFRAMES,
    NOSCRIPT,
    SCRIPT,
    STYLE,
    TABLE_TAG,
    TBODY,
    TD,
    TEMPLATE,
    TFOOT,
    TH,
    THEAD,
    TR,
)
from curator.metrics.compiled import inner

_ROOT = np.int64(ROOT)
_TABLE_SCOPE = grammar.TABLE_SCOPE


@inner
def _back_to(dom, borders):
    """Close what stands in a table's part."""
    while not has(np.int64(dom[current(dom) + NAME]), borders):
        dom[HEIGHT] -= 1


@inner
def _reset(dom):
    """Behind a table: the mode that the open elements say."""
    mode = IN_BODY
    for at in range(dom[HEIGHT] - 1, 0, -1):
        name = np.int64(dom[dom[OPEN + at] + NAME])
        act = act_of(name)
        if act == grammar.CELL:
            mode = IN_CELL
        elif name == TR:
            mode = IN_ROW
        elif act == grammar.ROWS:
            mode = IN_ROWS
        elif name == TABLE_TAG:
            mode = IN_TABLE
        elif name == CAPTION_TAG:
            mode = IN_CAPTION
        elif name == COLGROUP:
            mode = IN_COLUMNS
        else:
            continue
        break
    dom[MODE] = mode


@inner
def open_body(dom, begin, end):
    insert_open(dom, BODY_TAG, begin, end, NO)
    dom[MODE] = IN_BODY


@inner
def _close_cell(dom):
    at = max(scoped(dom, TD, _TABLE_SCOPE), scoped(dom, TH, _TABLE_SCOPE))
    if at >= 0:
        dom[HEIGHT] = at
    unmark(dom)
    dom[MODE] = IN_ROW


@inner
def _close_rows(dom):
    """The rows' group, if one is open in this table; False else."""
    at = max(scoped(dom, TBODY, _TABLE_SCOPE), scoped(dom, THEAD, _TABLE_SCOPE), scoped(dom, TFOOT, _TABLE_SCOPE))
    if at >= 0:
        dom[HEIGHT] = at
        dom[MODE] = IN_TABLE
    return at >= 0


@inner
def _leave(dom, name, mode):
    """Close a part of a table; False if none is open."""
    if not close(dom, name, _TABLE_SCOPE):
        return False
    if name == CAPTION_TAG:
        unmark(dom)
    dom[MODE] = mode
    return True


@inner
def _in_head(dom, name, begin, end):
    """What a head holds has no elements in it."""
    insert(dom, name, HTML_SPACE, begin, end, NO)


@inner
def start(dom, page, name, begin, end):
    """A start tag, in HTML."""
    act = act_of(name)
    foster = NO
    while True:
        mode = dom[MODE]
        if act == grammar.WHOLE:
            merge(dom, _ROOT, begin, end)
            return
        if mode == IN_BODY:
            break
        if mode == BEFORE_HEAD:
            head = name == HEAD_TAG
            dom[HEAD] = insert_open(dom, HEAD_TAG, begin, end if head else begin, NO)
            dom[MODE] = IN_HEAD
            if head:
                return
        elif mode == IN_HEAD or mode == IN_NOSCRIPT:
            if name == HEAD_TAG:
                return
            if act == grammar.HEADISH and (mode == IN_HEAD or has(name, grammar.IN_NOSCRIPT_TOO)):
                _in_head(dom, name, begin, end)
                return
            if name == NOSCRIPT:
                if mode == IN_HEAD:
                    insert_open(dom, name, begin, end, NO)
                    dom[MODE] = IN_NOSCRIPT
                return
            dom[HEIGHT] -= 1
            dom[MODE] = AFTER_HEAD if mode == IN_HEAD else IN_HEAD
        elif mode == AFTER_HEAD:
            if act == grammar.HEADISH:
                push(dom, np.int64(dom[HEAD]))
                _in_head(dom, name, begin, end)
                dom[HEIGHT] -= 1
                return
            if name == HEAD_TAG:
                return
            if name == FRAMESET:
                insert_open(dom, name, begin, end, NO)
                dom[MODE] = IN_FRAMES
                return
            if name == BODY_TAG:
                open_body(dom, begin, end)
                return
            open_body(dom, begin, begin)
        elif mode == AFTER_BODY:
            dom[MODE] = IN_BODY
        elif mode == IN_FRAMES:
            if name == FRAMESET:
                insert_open(dom, name, begin, end, NO)
            elif name == FRAME or name == NOFRAMES:
                _in_head(dom, name, begin, end)
            return
        elif mode == IN_CELL:
            if not structure(act):
                break
            _close_cell(dom)
        elif mode == IN_CAPTION:
            if not structure(act):
                break
            if not _leave(dom, CAPTION_TAG, IN_TABLE):
                return
        elif mode == IN_COLUMNS:
            if name == COL:
                _in_head(dom, name, begin, end)
                return
            if not is_open(dom, COLGROUP):
                return
            dom[HEIGHT] -= 1
            dom[MODE] = IN_TABLE
        elif mode == IN_ROW and structure(act):
            _back_to(dom, grammar.ROW_BORDER)
            if act == grammar.CELL:
                insert_open(dom, name, begin, end, NO)
                dom[MODE] = IN_CELL
                mark(dom)
                return
            if not _leave(dom, TR, IN_ROWS):
                return
        elif mode == IN_ROWS and structure(act):
            if act == grammar.ROW or act == grammar.CELL:
                _back_to(dom, grammar.ROWS_BORDER)
                insert_open(dom, TR, begin, end if act == grammar.ROW else begin, NO)
                dom[MODE] = IN_ROW
                if act == grammar.ROW:
                    return
            elif not _close_rows(dom):
                return
        elif structure(act):  # in the table itself
            _back_to(dom, _TABLE_SCOPE)
            if act == grammar.CAPTION:
                mark(dom)
                insert_open(dom, name, begin, end, NO)
                dom[MODE] = IN_CAPTION
                return
            if act == grammar.COLUMNS or act == grammar.COLUMN:
                insert_open(dom, COLGROUP, begin, end if act == grammar.COLUMNS else begin, NO)
                dom[MODE] = IN_COLUMNS
                if act == grammar.COLUMNS:
                    return
            else:
                insert_open(dom, name if act == grammar.ROWS else TBODY, begin, end if act == grammar.ROWS else begin, NO)
                dom[MODE] = IN_ROWS
                if act == grammar.ROWS:
                    return
        elif name == TABLE_TAG:
            if not close(dom, TABLE_TAG, _TABLE_SCOPE):
                return
            _reset(dom)
        elif name == STYLE or name == SCRIPT or name == TEMPLATE:
            _in_head(dom, name, begin, end)
            return
        elif name == FORM_TAG:
            if dom[FORM] < 0:
                dom[FORM] = insert(dom, name, HTML_SPACE, begin, end, NO)
            return
        else:
            foster = True
            break
    start_in_body(dom, page, name, act, begin, end, foster)


@inner
def finish(dom, name, begin):
    """An end tag, in HTML; `begin` is its place."""
    act = act_of(name)
    foster = NO
    rest = name == HTML or name == BODY_TAG
    while True:
        mode = dom[MODE]
        if mode == IN_BODY:
            break
        if mode <= AFTER_HEAD:
            if (mode == IN_HEAD and name == HEAD_TAG) or (mode == IN_NOSCRIPT and name == NOSCRIPT):
                dom[HEIGHT] -= 1
                dom[MODE] = AFTER_HEAD if mode == IN_HEAD else IN_HEAD
                return
            if not (rest or name == BR or (mode == BEFORE_HEAD and name == HEAD_TAG)):
                return
            if mode == BEFORE_HEAD:
                dom[HEAD] = insert_open(dom, HEAD_TAG, begin, begin, NO)
                dom[MODE] = IN_HEAD
            elif mode == AFTER_HEAD:
                open_body(dom, begin, begin)
            elif mode == IN_NOSCRIPT and name != BR:
                return
            else:
                dom[HEIGHT] -= 1
                dom[MODE] = AFTER_HEAD if mode == IN_HEAD else IN_HEAD
        elif mode == AFTER_BODY:
            if rest:
                return
            dom[MODE] = IN_BODY
        elif mode == IN_FRAMES:
            if name == FRAMESET and dom[HEIGHT] > 1:
                dom[HEIGHT] -= 1
            return
        elif rest or name == COL:
            return
        elif mode == IN_COLUMNS:
            if not is_open(dom, COLGROUP):
                return
            dom[HEIGHT] -= 1
            dom[MODE] = IN_TABLE
            if name == COLGROUP:
                return
        elif not (structure(act) or name == TABLE_TAG):
            foster = IN_TABLE <= mode <= IN_ROW
            break
        elif mode == IN_CELL:
            if act == grammar.CAPTION or act == grammar.COLUMNS or scoped(dom, name, _TABLE_SCOPE) < 0:
                return
            if act == grammar.CELL:
                close(dom, name, _TABLE_SCOPE)
                unmark(dom)
                dom[MODE] = IN_ROW
                return
            _close_cell(dom)
        elif mode == IN_CAPTION:
            if not (name == CAPTION_TAG or name == TABLE_TAG) or not _leave(dom, CAPTION_TAG, IN_TABLE) or name == CAPTION_TAG:
                return
        elif act == grammar.CAPTION or act == grammar.COLUMNS or act == grammar.CELL:
            return
        elif mode == IN_ROW:
            if act == grammar.ROWS and scoped(dom, name, _TABLE_SCOPE) < 0:
                return
            if not _leave(dom, TR, IN_ROWS) or name == TR:
                return
        elif name == TR:
            return
        elif mode == IN_ROWS:
            if act == grammar.ROWS and scoped(dom, name, _TABLE_SCOPE) < 0:
                return
            if not _close_rows(dom) or act == grammar.ROWS:
                return
        else:
            if name == TABLE_TAG and close(dom, TABLE_TAG, _TABLE_SCOPE):
                _reset(dom)
            return
    finish_in_body(dom, name, act, begin, foster)


@inner
def root(dom):
    """The first element of any page."""
    push(dom, new(dom, HTML, HTML_SPACE, HTML_SPACE, HTML_SPACE))
