"""One pass over a page's bytes without building a tree: what a parser would have to do, and the text a reader would see.

Browsers' parsing rules make some pages quadratic: deep nesting, thousands of attributes in one tag, formatting elements
that every paragraph opens again. `work` counts that before a parser meets the page. `visible_text` is cheap enough to ask of
every page of a crawl which language it is in. The tokens are those of the HTML standard's tokenizer, on UTF-8 bytes.
"""

from __future__ import annotations

import html

import numba
import numpy as np


def _packed(names: str) -> np.ndarray:
    """Names as sorted 64-bit numbers of their first eight letters, to be found by bisection."""
    return np.array(sorted(int.from_bytes(n.encode()[:8].ljust(8, b"\0"), "big") for n in names.split()), np.uint64)


# Elements without an end, and those whose end is implied so often that their nesting says nothing.
_FLAT = _packed("area base br col embed hr img input link meta param source track wbr")
_IMPLIED = _packed("p li dd dt tr td th tbody thead tfoot option optgroup colgroup html head body")
_FORMATTING = _packed("a b big code em font i nobr s small strike strong tt u")
_RAW = _packed("script style title textarea iframe noembed noframes template xmp")
_INLINE = _packed(
    "a abbr acronym b bdi bdo big cite code data dfn em font i img ins kbd label mark nobr q rp rt ruby s samp small span "
    "strike strong sub sup time tt u var wbr"
)
_REOPENED = 10  # a formatting element that is opened again is a new node; a level of nesting is only walked over


@numba.njit(cache=True, nogil=True)
def _among(name, names):
    at = np.searchsorted(names, name)
    return at < len(names) and names[at] == name


@numba.njit(cache=True, nogil=True)
def _letter(byte):
    return 97 <= (byte | 32) <= 122


@numba.njit(cache=True, nogil=True)
def _blank(byte):
    return byte == 32 or 9 <= byte <= 13


@numba.njit(cache=True, nogil=True)
def _name(page, at):
    """The packed name of the tag at `at`, and where it ends."""
    packed = np.uint64(0)
    shift = 56
    while at < len(page) and not _blank(page[at]) and page[at] != 62 and page[at] != 47:  # > /
        if shift >= 0:
            byte = page[at] | 32 if 65 <= page[at] <= 90 else page[at]
            packed |= np.uint64(byte) << np.uint64(shift)
            shift -= 8
        at += 1
    return packed, at


@numba.njit(cache=True, nogil=True)
def _attributes(page, at):
    """How many attributes the tag has from `at` on, and the place after its `>`."""
    count = 0
    end = len(page)
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
                quote = page[at]
                at += 1
                while at < end and page[at] != quote:
                    at += 1
                at += 1
            else:
                while at < end and not _blank(page[at]) and page[at] != 62:
                    at += 1
    return count, end


@numba.njit(cache=True, nogil=True)
def _after_comment(page, at):
    """`at` is behind `<!--`."""
    if at < len(page) and page[at] == 62:
        return at + 1
    while at + 2 < len(page):
        if page[at] == 45 and page[at + 1] == 45 and page[at + 2] == 62:
            return at + 3
        at += 1
    return len(page)


@numba.njit(cache=True, nogil=True)
def _after_raw(page, at, name):
    """The place of the end tag that closes a script or another element whose content is no markup."""
    while at + 2 < len(page):
        if page[at] == 60 and page[at + 1] == 47:
            closing, behind = _name(page, at + 2)
            if closing == name and behind < len(page):
                return at
        at += 1
    return len(page)


@numba.njit(cache=True, nogil=True)
def _scan(page, text, most):
    """Walk over the page. Writes up to `most` bytes of visible text; (bytes written, work) comes back."""
    at, end = 0, len(page)
    written = 0
    depth, formatting, work = 0, 0, 0
    pending = 0  # white space owed: 32 a space, 10 a line end
    while at < end and written < most:
        byte = page[at]
        if byte != 60 or at + 1 >= end:
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
            name, at = _name(page, at + 1)
            attributes, at = _attributes(page, at)
            work += attributes * attributes // 2 + depth + 1
            if not _among(name, _INLINE):
                pending = 10
            if _among(name, _RAW):
                at = _after_raw(page, at, name)
            elif _among(name, _FORMATTING):
                formatting += 1
                depth += 1
            else:
                work += formatting * _REOPENED
                if not _among(name, _FLAT) and not _among(name, _IMPLIED):
                    depth += 1
        elif following == 47 and at + 2 < end and _letter(page[at + 2]):
            name, at = _name(page, at + 2)
            _, at = _attributes(page, at)
            if not _among(name, _INLINE):
                pending = 10
            if _among(name, _FORMATTING):
                formatting = max(formatting - 1, 0)
                depth = max(depth - 1, 0)
            elif not _among(name, _FLAT) and not _among(name, _IMPLIED) and not _among(name, _RAW):
                depth = max(depth - 1, 0)
        elif following == 33 and at + 3 < end and page[at + 2] == 45 and page[at + 3] == 45:  # <!--
            at = _after_comment(page, at + 4)
        elif following == 33 or following == 63 or following == 47:  # <! <? </ : up to the next >
            while at < end and page[at] != 62:
                at += 1
            at += 1
        else:  # a bare <
            if pending and written:
                text[written] = pending
                written += 1
            pending = 0
            if written < most:
                text[written] = byte
                written += 1
            at += 1
    return written, work


def work(page: bytes) -> int:
    """What a tree of this page costs at least, in nodes: the sum over its tags of their depth, of the formatting elements open
    at each, and of the squared number of attributes."""
    room = np.empty(len(page) + 1, np.uint8)
    return int(_scan(np.frombuffer(page, np.uint8), room, len(page) + 1)[1])


def visible_text(page: str, most: int | None = None) -> str:
    """The page's text without markup, script and style, about `most` characters of it; blocks are set apart by line ends."""
    data = page.encode("utf-8", "replace")
    limit = len(data) + 1 if most is None else min(len(data) + 1, most * 4)
    room = np.empty(limit, np.uint8)
    written, _ = _scan(np.frombuffer(data, np.uint8), room, limit)
    text = html.unescape(room[:written].tobytes().decode("utf-8", "ignore"))
    return text if most is None else text[:most]
