"""Where the tokens of a page begin and end, by the HTML standard's tokenizer (13.2.5), in UTF-8 bytes.

LANES more bytes stand behind the end of a page: see `padded`.
"""

from __future__ import annotations

import numpy as np

from curator.extraction.tags import PRIME
from curator.metrics.compiled import inner, kernel
from curator.metrics.vectors import LANES, before, count, lowest, within

# No literals: a kernel is compiled anew for each type of those.
LESS, MORE, QUOTE = np.uint8(60), np.uint8(62), np.uint8(34)
_M, _A = np.uint8(109), np.uint8(97)
_NUL = np.uint8(1)  # stands for a zero in a name, which is packed into zeros
_RAW_NAME = 10  # bytes that hold the name of an element whose content is no markup, and what ends it


def padded(page: bytes) -> np.ndarray:
    room = np.empty(len(page) + LANES, np.uint8)
    room[: len(page)] = np.frombuffer(page, np.uint8)
    room[len(page) :] = 0
    return room


@kernel
def openings(page, size):
    """How many tags there are at most, and whether one may be a formula's."""
    tags, formulas = 0, np.uint64(0)
    less, m = np.uint64(0), np.uint64(0)
    for at in range(0, size, LANES):
        less_before, m_before = less, m
        less, m = within(page, at, LESS, LESS), within(page, at, _M, _M)
        formulas |= before(less, less_before, 2) & before(m, m_before, 1) & within(page, at, _A, _A)  # <ma
        tags += count(less)
    return tags, formulas != 0


@inner
def find(page, at, end, byte):
    """The next place of a byte, at the earliest `at`; `end` if there is none."""
    while at < end:
        found = within(page, at, byte, byte)
        if found != 0:
            return min(at + lowest(found), end)
        at += LANES
    return end


@inner
def letter(byte):
    return 97 <= (byte | 32) <= 122


@inner
def blank(byte):
    return byte == 32 or (9 <= byte <= 13 and byte != 11)


@inner
def name_at(page, at, end):
    """A name packed as `tags.packed` does it, and where it ends."""
    packed = np.uint64(0)
    shift = 56
    while at < end:
        byte = page[at]
        if byte < 65:
            if blank(byte) or byte == 62 or byte == 47:  # > /
                break
            byte = max(byte, _NUL)
        elif byte <= 90:
            byte = np.uint8(byte | 32)
        if shift >= 0:
            packed |= np.uint64(byte) << np.uint64(shift)
            shift -= 8
        else:
            packed = (packed ^ np.uint64(byte)) * PRIME
        at += 1
    return packed, at


@inner
def attribute(page, at, end):
    """From `at` in a tag to its next attribute: where its name begins and ends, and its value, and where to go on. Where the
    tag has none left the name is empty, and the last place that behind its `>`; where the page ends in it, one behind `end`."""
    while at < end and (blank(page[at]) or page[at] == 47):
        at += 1
    first = at
    if at >= end or page[at] == 62:
        return first, first, at, at, min(at, end) + 1
    at += 1  # a name may begin with `=`
    while at < end and not (page[at] <= 62 and (blank(page[at]) or page[at] == 62 or page[at] == 47 or page[at] == 61)):
        at += 1
    behind = at
    while at < end and blank(page[at]):
        at += 1
    if at >= end or page[at] != 61:
        return first, behind, at, at, at
    at += 1
    while at < end and blank(page[at]):
        at += 1
    value = at
    if at < end and (page[at] == 34 or page[at] == 39):
        at = find(page, at + 1, end, page[at])
        return first, behind, value + 1, at, at + 1
    while at < end and not blank(page[at]) and page[at] != 62:
        at += 1
    return first, behind, value, at, at


@inner
def after_comment(page, at, end):
    """The place behind the comment that opens with the `<!--` at `at`."""
    begin = at + 4
    if begin < end and page[begin] == 62:
        return begin + 1
    at = find(page, begin + 1, end, MORE)
    while at < end:
        dashes = page[at - 1] == 45 and page[at - 2] == 45 and (at - 2 >= begin or at - 1 == begin)
        if dashes or (page[at - 1] == 33 and page[at - 2] == 45 and page[at - 3] == 45 and at - 3 >= begin):
            return at + 1
        at = find(page, at + 1, end, MORE)
    return end


@inner
def end_of_raw(page, at, end, name, script):
    """The place of the end tag that closes a script or another element whose content is no markup. In a script that hides
    itself in a comment, a script in a string does not end it."""
    hidden, inner = False, False  # behind a <!--; behind a <script in that
    while True:
        at = find(page, at, end, LESS)
        if at + 2 >= end:
            return end
        if page[at + 1] == 47:
            closing, behind = name_at(page, at + 2, min(at + 2 + _RAW_NAME, end))
            if closing == name and behind < end:
                if not inner:
                    return at
                inner = False
        elif script and page[at + 1] == 33 and page[at + 2] == 45 and page[at + 3] == 45:
            hidden = True
        elif script and hidden and not inner:
            opening, behind = name_at(page, at + 1, min(at + 1 + _RAW_NAME, end))
            inner = opening == name and behind < end
        at += 1
        if hidden and _closed_before(page, at, end):
            hidden, inner = False, False


@inner
def _closed_before(page, at, end):
    """Whether a --> stands before the next <."""
    stop = find(page, at, end, LESS)
    at = find(page, at, stop, MORE)
    while at < stop:
        if page[at - 1] == 45 and page[at - 2] == 45:
            return True
        at = find(page, at + 1, stop, MORE)
    return False
