"""One pass over a page's bytes without building a tree: what a parser would have to do, and the text a reader would see.

Browsers' parsing rules make some pages quadratic: deep nesting, thousands of attributes in one tag, formatting elements
that every paragraph opens again. `work` counts that before a parser meets the page. `visible_text` is cheap enough to ask of
every page of a crawl which language it is in. The tokens are those of the HTML standard's tokenizer, on UTF-8 bytes.
"""

from __future__ import annotations

import html

import numpy as np

from curator.extraction.grammar import NAMES, known
from curator.extraction.tokens import LESS, MORE, after_comment, attribute, blank, end_of_raw, find, letter, name_at, padded
from curator.metrics.compiled import inner, kernel

# Stands in a line; holds no markup; is opened again; is a level of nesting; shows nothing before somebody clicks on it.
_INLINE, _RAW, _FORMATTING, _LEVEL, _UNSHOWN = 1, 2, 4, 8, 16
_HAVE = {
    _INLINE: "a abbr acronym b bdi bdo big cite code data dfn em font i img ins kbd label mark nobr q rp rt ruby s samp small "
    "span strike strong sub sup time tt u var wbr",
    _RAW: "script style title textarea iframe noembed noframes template xmp",
    _FORMATTING: "a b big code em font i nobr s small strike strong tt u",
    _UNSHOWN: "option",
}
# Elements without an end, and those whose end is implied so often that their nesting says nothing.
_FLAT = (
    "area base br col embed hr img input link meta param source track wbr "
    "p li dd dt tr td th tbody thead tfoot option optgroup colgroup html head body"
)
_REOPENED = 10  # a formatting element that is opened again is a new node; a level of nesting is only walked over
_SCRIPT = np.int64(NAMES.index("script"))


def _traits(name: str) -> int:
    found = sum(trait for trait, held in _HAVE.items() if name in held.split())
    return found if found & _RAW or name in _FLAT.split() else found | _LEVEL


_TRAITS = np.array([*map(_traits, NAMES), _LEVEL], np.uint8)  # the last for any other name


@inner
def _attributes(page, at, end):
    """How many attributes the tag has from `at` on, and the place after its `>`."""
    count = 0
    while True:
        first, behind, _, _, at = attribute(page, at, end)
        if first == behind:
            return count, min(at, end)
        count += 1


@kernel
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
                at = find(page, at + 1, end, LESS)
                continue
            if blank(byte):
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
        if letter(following):
            packed, at = name_at(page, at + 1, end)
            attributes, at = _attributes(page, at, end)
            work += attributes * attributes // 2 + depth + 1
            name = known(packed)
            traits = _TRAITS[name]
            if not traits & _INLINE:
                pending = 10
            if traits & _RAW:
                at = end_of_raw(page, at, end, packed, name == _SCRIPT)
            elif traits & _UNSHOWN:  # two hundred countries, the months of an archive
                at = find(page, at, end, LESS)
            elif traits & _FORMATTING:
                formatting += 1
                depth += 1
            else:
                work += formatting * _REOPENED
                depth += traits & _LEVEL != 0
        elif following == 47 and at + 2 < end and letter(page[at + 2]):
            packed, at = name_at(page, at + 2, end)
            _, at = _attributes(page, at, end)
            traits = _TRAITS[known(packed)]
            if not traits & _INLINE:
                pending = 10
            if traits & _FORMATTING:
                formatting = max(formatting - 1, 0)
            if traits & _LEVEL:
                depth = max(depth - 1, 0)
        elif following == 33 and at + 3 < end and page[at + 2] == 45 and page[at + 3] == 45:  # <!--
            at = after_comment(page, at, end)
        elif following == 33 or following == 63 or following == 47:  # <! <? </ : up to the next >
            at = find(page, at, end, MORE) + 1
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


def work(page: bytes) -> int:
    """What a tree of this page costs at least, in nodes: the sum over its tags of their depth, of the formatting elements open
    at each, and of the squared number of attributes."""
    return int(_scan(padded(page), len(page), np.empty(0, np.uint8), -1)[1])


def visible_text(page: bytes, most: int | None = None) -> str:
    """A page's text without markup, script and style, about `most` characters of it; blocks are set apart by line ends."""
    limit = len(page) + 1 if most is None else min(len(page) + 1, most * 4)
    room = np.empty(limit, np.uint8)
    written, _ = _scan(padded(page), len(page), room, limit)
    text = html.unescape(room[:written].tobytes().decode("utf-8", "ignore"))
    return text if most is None else text[:most]
