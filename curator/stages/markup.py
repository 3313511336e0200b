"""One pass over a page's bytes without building a tree: what a parser would have to do, and the text a reader would see.

Browsers' parsing rules make some pages quadratic: deep nesting, thousands of attributes in one tag, formatting elements
that every paragraph opens again. `work` counts that before a parser meets the page. `visible_text` is cheap enough to ask of
every page of a crawl which language it is in. The tokens are those of the HTML standard's tokenizer, on UTF-8 bytes.
"""

from __future__ import annotations

import html

import numba
import numpy as np

from curator.extraction.tokens import find
from curator.metrics.vectors import LANES

_INLINE, _RAW, _FORMATTING, _LEVEL = 1, 2, 4, 8  # stands in a line; holds no markup; is opened again; is a level of nesting
_HAVE = {
    _INLINE: "a abbr acronym b bdi bdo big cite code data dfn em font i img ins kbd label mark nobr q rp rt ruby s samp small "
    "span strike strong sub sup time tt u var wbr",
    _RAW: "script style title textarea iframe noembed noframes template xmp",
    _FORMATTING: "a b big code em font i nobr s small strike strong tt u",
}
# Elements without an end, and those whose end is implied so often that their nesting says nothing.
_FLAT = (
    "area base br col embed hr img input link meta param source track wbr "
    "p li dd dt tr td th tbody thead tfoot option optgroup colgroup html head body"
)
_REOPENED = 10  # a formatting element that is opened again is a new node; a level of nesting is only walked over
_SLOTS = 256
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def _table() -> tuple[np.ndarray, np.ndarray]:
    """Names as numbers of their first eight letters, and their traits: a hash table with open addresses."""
    names, traits = np.zeros(_SLOTS, np.uint64), np.full(_SLOTS, _LEVEL, np.uint8)
    for name in sorted({*_FLAT.split(), *" ".join(_HAVE.values()).split()}):
        packed = int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "big")
        slot = (packed * int(_SPREAD) >> 56) % _SLOTS
        while names[slot]:
            slot = (slot + 1) % _SLOTS
        names[slot] = packed
        traits[slot] = sum(trait for trait, held in _HAVE.items() if name in held.split())
        if not (traits[slot] & _RAW or name in _FLAT.split()):
            traits[slot] |= _LEVEL
    return names, traits


_NAMES, _TRAITS = _table()


@numba.njit(cache=True, nogil=True)
def _traits(name):
    slot = (name * _SPREAD) >> np.uint64(56)
    while _NAMES[slot] != name and _NAMES[slot] != 0:
        slot = (slot + np.uint64(1)) % np.uint64(_SLOTS)
    return _TRAITS[slot]


@numba.njit(cache=True, nogil=True)
def _letter(byte):
    return 97 <= (byte | 32) <= 122


@numba.njit(cache=True, nogil=True)
def _blank(byte):
    return byte == 32 or 9 <= byte <= 13


@numba.njit(cache=True, nogil=True)
def _name(page, at, end):
    """The packed name of the tag at `at`, and where it ends."""
    packed = np.uint64(0)
    shift = 56
    while at < end and not _blank(page[at]) and page[at] != 62 and page[at] != 47:  # > /
        if shift >= 0:
            byte = page[at] | 32 if 65 <= page[at] <= 90 else page[at]
            packed |= np.uint64(byte) << np.uint64(shift)
            shift -= 8
        at += 1
    return packed, at


@numba.njit(cache=True, nogil=True)
def _attributes(page, at, end):
    """How many attributes the tag has from `at` on, and the place after its `>`."""
    count = 0
    while at < end:
        while at < end and (_blank(page[at]) or page[at] == 47):
            at += 1
        if at >= end or page[at] == 62:
            return count, at + 1
        count += 1
        at += 1  # a name may begin with `=`
        while at < end and not _blank(page[at]) and page[at] != 47 and page[at] != 62 and page[at] != 61:
            at += 1
        while at < end and _blank(page[at]):
            at += 1
        if at < end and page[at] == 61:  # =
            at += 1
            while at < end and _blank(page[at]):
                at += 1
            if at < end and (page[at] == 34 or page[at] == 39):  # a quoted value
                at = find(page, at + 1, end, page[at]) + 1
            else:
                while at < end and not _blank(page[at]) and page[at] != 62:
                    at += 1
    return count, end


@numba.njit(cache=True, nogil=True)
def _after_comment(page, at, end):
    """`at` is behind `<!--`."""
    if at < end and page[at] == 62:
        return at + 1
    begin = at + 2
    at = find(page, begin, end, 62)
    while at < end and not (page[at - 1] == 45 and page[at - 2] == 45):
        at = find(page, at + 1, end, 62)
    return min(at + 1, end)


@numba.njit(cache=True, nogil=True)
def _after_raw(page, at, end, name):
    """The place of the end tag that closes a script or another element whose content is no markup."""
    while True:
        at = find(page, at, end, 60)
        if at + 2 >= end:
            return end
        if page[at + 1] == 47:
            closing, behind = _name(page, at + 2, end)
            if closing == name and behind < end:
                return at
        at += 1


@numba.njit(cache=True, nogil=True)
def _scan(page, end, text, most):
    """Walk over the page's first `end` bytes. Writes up to `most` bytes of visible text, none and all of the page if that is
    below zero; (bytes written, work) comes back."""
    at, written = 0, 0
    depth, formatting, work = 0, 0, 0
    pending = 0  # white space owed: 32 a space, 10 a line end
    while at < end and (written < most or most < 0):
        byte = page[at]
        if byte != 60 or at + 1 >= end:
            if most < 0:
                at = find(page, at + 1, end, 60)
                continue
            if _blank(byte):
                if pending == 0:
                    pending = 32
            else:
                if pending and written:
                    text[written] = pending
                    written += 1
                    if written == most:
                        break
                pending = 0
                text[written] = byte
                written += 1
            at += 1
            continue
        following = page[at + 1]
        if _letter(following):
            name, at = _name(page, at + 1, end)
            attributes, at = _attributes(page, at, end)
            work += attributes * attributes // 2 + depth + 1
            traits = _traits(name)
            if not traits & _INLINE:
                pending = 10
            if traits & _RAW:
                at = _after_raw(page, at, end, name)
            elif traits & _FORMATTING:
                formatting += 1
                depth += 1
            else:
                work += formatting * _REOPENED
                depth += traits & _LEVEL != 0
        elif following == 47 and at + 2 < end and _letter(page[at + 2]):
            name, at = _name(page, at + 2, end)
            _, at = _attributes(page, at, end)
            traits = _traits(name)
            if not traits & _INLINE:
                pending = 10
            if traits & _FORMATTING:
                formatting = max(formatting - 1, 0)
            if traits & _LEVEL:
                depth = max(depth - 1, 0)
        elif following == 33 and at + 3 < end and page[at + 2] == 45 and page[at + 3] == 45:  # <!--
            at = _after_comment(page, at + 4, end)
        elif following == 33 or following == 63 or following == 47:  # <! <? </ : up to the next >
            at = find(page, at, end, 62) + 1
        else:  # a bare <
            if most < 0:
                at += 1
                continue
            if pending and written:
                text[written] = pending
                written += 1
            pending = 0
            if written < most:
                text[written] = byte
                written += 1
            at += 1
    return written, work


def _padded(page: bytes) -> np.ndarray:
    room = np.empty(len(page) + LANES, np.uint8)
    room[: len(page)] = np.frombuffer(page, np.uint8)
    room[len(page) :] = 0
    return room


def work(page: bytes) -> int:
    """What a tree of this page costs at least, in nodes: the sum over its tags of their depth, of the formatting elements open
    at each, and of the squared number of attributes."""
    return int(_scan(_padded(page), len(page), np.empty(0, np.uint8), -1)[1])


def visible_text(page: bytes, most: int | None = None) -> str:
    """A page's text without markup, script and style, about `most` characters of it; blocks are set apart by line ends."""
    limit = len(page) + 1 if most is None else min(len(page) + 1, most * 4)
    room = np.empty(limit, np.uint8)
    written, _ = _scan(_padded(page), len(page), room, limit)
    text = html.unescape(room[:written].tobytes().decode("utf-8", "ignore"))
    return text if most is None else text[:most]
