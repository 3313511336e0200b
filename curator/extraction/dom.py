"""A tree of nodes while it is built: rows of numbers, the elements that are open, the formatting that is to be opened again.

The names are those of the HTML standard (13.2.4 and 13.2.6.1). What it leaves unbounded is bounded here: the depth, the list
of formatting elements, and how many elements are opened again.
"""

from __future__ import annotations

import numpy as np

from curator.extraction.grammar import (
    BUTTON_SCOPE,
    FOREIGN,
    GRID,
    HAS,
    IMPLIED,
    KNOWN,
    NUMBER,
    PART,
    SCOPE,
    SPECIAL,
)
from curator.metrics.compiled import inner

# Of a node: its relatives; its name (see `grammar.NUMBER`; TEXT; above KNOWN a hash, with CUSTOM if it has a hyphen); 0 for
# HTML, 1 for SVG, 2 for MathML; where its tag, or its text as it was written, begins and ends. The LAST of what holds no
# markup is where that ends in the page.
PARENT, FIRST, LAST, NEXT, BEFORE, NAME, SPACE, BEGIN, END = range(9)
COLUMNS = 9
NONE, TEXT, CUSTOM = np.int64(-1), np.int64(-1), np.int64(1 << 30)  # no literals: a kernel is compiled anew for each of those
NO, HTML_SPACE = np.bool_(False), np.int64(0)
MOST_OPEN, MOST_LISTED = 512, 48
_SLACK = 4  # parts of the innermost table, whatever the depth
# What stands before the nodes: how many elements are open and listed; how construction goes on; the form and the head; where
# text is written; how many elements may yet be opened again or moved; whether the page is an old one; the next node.
HEIGHT, LISTED, MODE, FORM, HEAD, WRITTEN, SPARE, QUIRKS, FREE = range(9)
OPEN = 9  # where the open elements stand
LIST = OPEN + MOST_OPEN + _SLACK  # and the listed ones
ROOT = LIST + MOST_LISTED + 1
_TABLE, _P = NUMBER["table"], NUMBER["p"]
_FIRST, _OPEN, _LIST = np.int64(0), np.int64(OPEN), np.int64(LIST)
RESERVE = 256 * COLUMNS  # for what one tag and the text before it make: elements opened again, and parts of a table
_MARK = -1  # in the list: formatting from outside ends here


def empty(tags: int, quirks: bool) -> np.ndarray:
    """Room for a page with so many tags: a column, its group, and text in it and behind for each, and one that is opened
    again."""
    dom = np.empty(ROOT + (5 * tags + 1000) * COLUMNS + RESERVE, np.int32)
    dom[:OPEN] = 0
    dom[SPARE], dom[QUIRKS], dom[FREE] = tags + 1000, quirks, ROOT
    dom[[FORM, HEAD]] = -1
    return dom


@inner
def has(name, traits):
    return 0 <= name < KNOWN and HAS[name] & traits != 0


@inner
def bears(dom, node, traits):
    """Whether a node has one of some traits that end a search, be it in HTML, SVG or MathML."""
    return has(np.int64(dom[node + NAME]), traits if dom[node + SPACE] == 0 else FOREIGN)


@inner
def current(dom):
    return np.int64(dom[OPEN + dom[HEIGHT] - 1])


@inner
def is_open(dom, name):
    """Whether the current node is an HTML element of this name."""
    node = current(dom)
    return dom[node + NAME] == name and dom[node + SPACE] == 0


@inner
def attach(dom, node, parent, before):
    """Put it into a parent, before another node or (-1) at the end."""
    left = dom[before + BEFORE] if before >= 0 else dom[parent + LAST]
    dom[node + PARENT], dom[node + BEFORE], dom[node + NEXT] = parent, left, before
    if left >= 0:
        dom[left + NEXT] = node
    else:
        dom[parent + FIRST] = node
    if before >= 0:
        dom[before + BEFORE] = node
    else:
        dom[parent + LAST] = node


@inner
def detach(dom, node):
    parent, left, right = dom[node + PARENT], dom[node + BEFORE], dom[node + NEXT]
    if parent < 0:
        return
    if left >= 0:
        dom[left + NEXT] = right
    else:
        dom[parent + FIRST] = right
    if right >= 0:
        dom[right + BEFORE] = left
    else:
        dom[parent + LAST] = left
    dom[node + PARENT] = -1


@inner
def new(dom, name, space, begin, end):
    node = np.int64(dom[FREE])
    dom[FREE] = node + COLUMNS
    for column in range(NAME):
        dom[node + column] = -1
    dom[node + NAME], dom[node + SPACE], dom[node + BEGIN], dom[node + END] = name, space, begin, end
    return node


@inner
def place(dom, target, foster):
    """Where a node goes that belongs into `target`: the parent, and the node that it stands before (-1: none). What does not
    fit into a table stands before the table if it is to find a foster parent."""
    name = np.int64(dom[target + NAME])
    if not foster or not has(name, GRID):
        return np.int64(target), np.int64(-1)
    at = dom[HEIGHT] - 1
    while at > 0 and dom[dom[OPEN + at] + NAME] != _TABLE:
        at -= 1
    table = dom[OPEN + at]
    if at > 0 and dom[table + PARENT] >= 0:
        return np.int64(dom[table + PARENT]), np.int64(table)
    return np.int64(dom[OPEN + max(at - 1, 0)]), np.int64(-1)


@inner
def insert(dom, name, space, begin, end, foster):
    parent, before = place(dom, current(dom), foster)
    node = new(dom, name, space, begin, end)
    attach(dom, node, parent, before)
    return node


@inner
def push(dom, node):
    """Open an element; deeper than MOST_OPEN it stays without content, unless it is part of a table that is open."""
    room = MOST_OPEN + (_SLACK if has(np.int64(dom[node + NAME]), PART) else 0)
    height = dom[HEIGHT]
    if height < room:
        dom[OPEN + height] = node
        dom[HEIGHT] = height + 1
    return height < room


@inner
def insert_open(dom, name, begin, end, foster):
    node = insert(dom, name, HTML_SPACE, begin, end, foster)
    push(dom, node)
    return node


@inner
def scoped(dom, name, borders):
    """Where the nearest open element of this name is, if nothing that ends the search is open within it; else -1."""
    for at in range(dom[HEIGHT] - 1, -1, -1):
        node = np.int64(dom[OPEN + at])
        if dom[node + NAME] == name and dom[node + SPACE] == 0:
            return at
        if bears(dom, node, borders):
            return -1
    return -1


@inner
def imply(dom, name):
    """Close what need not be closed, but for an element of this name."""
    while has(np.int64(dom[current(dom) + NAME]), IMPLIED) and dom[current(dom) + NAME] != name:
        dom[HEIGHT] -= 1


@inner
def close_p(dom):
    at = scoped(dom, _P, SCOPE | BUTTON_SCOPE)
    if at >= 0:
        dom[HEIGHT] = at


@inner
def close(dom, name, borders):
    """Close an element and all in it; False if there is none in scope."""
    at = scoped(dom, name, borders)
    if at >= 0:
        dom[HEIGHT] = at
    return at >= 0


@inner
def close_other(dom, name):
    """An end tag about which nothing is special."""
    for at in range(dom[HEIGHT] - 1, 0, -1):
        node = np.int64(dom[OPEN + at])
        if dom[node + NAME] == name and dom[node + SPACE] == 0:
            dom[HEIGHT] = at
            return
        if bears(dom, node, SPECIAL):
            return


@inner
def where(dom, first, count, node):
    """The last place of a node among the first `count` of those that stand from `first` on, -1 if it is not there."""
    for at in range(count - 1, -1, -1):
        if dom[first + at] == node:
            return np.int64(at)
    return NONE


@inner
def remove(dom, first, count, at):
    for i in range(first + at, first + count - 1):
        dom[i] = dom[i + 1]


@inner
def unlist(dom, at):
    remove(dom, _LIST, dom[LISTED], at)
    dom[LISTED] -= 1


@inner
def unopen(dom, at):
    remove(dom, _OPEN, dom[HEIGHT], at)
    dom[HEIGHT] -= 1


@inner
def mark(dom):
    """What is formatted from here on is not opened again behind the cell that begins here."""
    if dom[LISTED] == MOST_LISTED:
        unlist(dom, _FIRST)
    dom[LIST + dom[LISTED]] = _MARK
    dom[LISTED] += 1


@inner
def unmark(dom):
    while dom[LISTED] > 0:
        dom[LISTED] -= 1
        if dom[LIST + dom[LISTED]] == _MARK:
            return


@inner
def formatting(dom, name):
    """Where the last formatting element of this name is in the list, -1 if there is none behind the last mark."""
    for at in range(dom[LISTED] - 1, -1, -1):
        if dom[LIST + at] == _MARK:
            return -1
        if dom[dom[LIST + at] + NAME] == name:
            return at
    return -1


@inner
def enlist(dom, page, node):
    """To be opened again. Of four that are equal the first is forgotten."""
    same, first = 0, NONE
    for at in range(dom[LISTED] - 1, -1, -1):
        if dom[LIST + at] == _MARK:
            break
        other = np.int64(dom[LIST + at])
        length = dom[node + END] - dom[node + BEGIN]
        if dom[other + NAME] == dom[node + NAME] and dom[other + END] - dom[other + BEGIN] == length:
            equal = True
            for i in range(length):
                if page[dom[node + BEGIN] + i] != page[dom[other + BEGIN] + i]:
                    equal = False
                    break
            if equal:
                same, first = same + 1, at
    if same >= 3:
        unlist(dom, first)
    elif dom[LISTED] == MOST_LISTED:
        unlist(dom, _FIRST)
    dom[LIST + dom[LISTED]] = node
    dom[LISTED] += 1


@inner
def twin(dom, node):
    """An element with the same tag. A long one costs more: it will be read again."""
    name, space = np.int64(dom[node + NAME]), np.int64(dom[node + SPACE])
    begin, end = np.int64(dom[node + BEGIN]), np.int64(dom[node + END])
    dom[SPARE] -= 1 + ((end - begin) >> 9)
    return new(dom, name, space, begin, end)


@inner
def reconstruct(dom, foster):
    """Open again what is listed and was closed by something else than its end tag."""
    count = dom[LISTED]
    if dom[SPARE] < count:
        return
    at = count
    while at > 0 and dom[LIST + at - 1] != _MARK and where(dom, _OPEN, dom[HEIGHT], np.int64(dom[LIST + at - 1])) < 0:
        at -= 1
    if dom[HEIGHT] + count - at > MOST_OPEN:
        return
    for i in range(at, count):
        parent, before = place(dom, current(dom), foster)
        node = twin(dom, np.int64(dom[LIST + i]))
        attach(dom, node, parent, before)
        push(dom, node)
        dom[LIST + i] = node


@inner
def adopt(dom, name, foster):
    """The end tag of a formatting element: the adoption agency, which unties what is closed in another order than it was
    opened. False if there is no such element to be closed."""
    if dom[current(dom) + NAME] == name and where(dom, _LIST, dom[LISTED], current(dom)) < 0:
        dom[HEIGHT] -= 1
        return True
    for _ in range(8):
        at = formatting(dom, name)
        if at < 0:
            return False
        element = np.int64(dom[LIST + at])
        place_open = where(dom, _OPEN, dom[HEIGHT], element)
        if place_open < 0:
            unlist(dom, at)
            return True
        block = -1  # the outermost one in it that is no formatting
        for i in range(dom[HEIGHT] - 1, place_open, -1):
            open_ = np.int64(dom[OPEN + i])
            if bears(dom, open_, SCOPE):
                return True
            if bears(dom, open_, SPECIAL):
                block = i
        if block < 0 or dom[SPARE] < MOST_LISTED:
            dom[HEIGHT] = place_open
            unlist(dom, at)
            return True
        furthest, ancestor, bookmark = np.int64(dom[OPEN + block]), np.int64(dom[OPEN + place_open - 1]), at
        last, i, inner = furthest, block, 0
        while True:
            i -= 1
            if i <= place_open:
                break
            inner += 1
            held = where(dom, _LIST, dom[LISTED], np.int64(dom[OPEN + i]))
            if held >= 0 and inner > 3:
                unlist(dom, held)
                bookmark -= held < bookmark
                held = -1
            if held < 0:
                unopen(dom, i)
                block -= 1
                continue
            node = twin(dom, np.int64(dom[OPEN + i]))
            dom[LIST + held] = dom[OPEN + i] = node
            if last == furthest:
                bookmark = held + 1
            detach(dom, last)
            attach(dom, last, node, NONE)
            last = node
        detach(dom, last)
        parent, before = place(dom, ancestor, foster)
        attach(dom, last, parent, before)
        node = twin(dom, element)
        while dom[furthest + FIRST] >= 0 and dom[SPARE] > 0:
            child = np.int64(dom[furthest + FIRST])
            detach(dom, child)
            attach(dom, child, node, NONE)
            dom[SPARE] -= 1
        attach(dom, node, furthest, NONE)
        gone = where(dom, _LIST, dom[LISTED], element)
        unlist(dom, gone)
        bookmark -= gone < bookmark
        for i in range(dom[LISTED], bookmark, -1):
            dom[LIST + i] = dom[LIST + i - 1]
        dom[LIST + bookmark] = node
        dom[LISTED] += 1
        unopen(dom, place_open)
        block -= 1
        for i in range(dom[HEIGHT], block + 1, -1):
            dom[OPEN + i] = dom[OPEN + i - 1]
        dom[OPEN + block + 1] = node
        dom[HEIGHT] += 1
    return True
