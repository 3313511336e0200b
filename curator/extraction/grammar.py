"""What the rules of HTML say of elements by name (HTML standard, 13.2.6, tree construction), as tables for kernels."""

from __future__ import annotations

from html.entities import html5

import numpy as np

from curator.extraction.tags import TAGS, packed
from curator.metrics.compiled import inner

# Traits. FLAT has no end tag; RAW holds no markup, PLAIN neither, but references; a SCOPE ends the search for an open element,
# as FOREIGN does in SVG and MathML, of which DRAWING_TEXT and MATH_TEXT hold HTML, and LIST_SCOPE and BUTTON_SCOPE for some
# elements; an entry of a list may be within NO_BORDER; the end of what is IMPLIED need not be written; BREAKS what stands in
# SVG or MathML; text in a GRID (a table's parts) belongs before the table; a FIELD ends a list of options; NOTED is what a page
# says of itself. All numbers are numpy's: a kernel is compiled anew for each literal that it is called with.
_TRAITS = {
    "FLAT": "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr",
    "RAW": "script style xmp iframe noembed noframes plaintext",
    "PLAIN": "title textarea",
    "SPECIAL": "address applet area article aside base basefont bgsound blockquote body br button caption center col colgroup "
    "dd details dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head "
    "header hgroup hr html iframe img input keygen li link listing main marquee menu meta nav noembed noframes "
    "noscript object ol p param plaintext pre script search section select source style summary table tbody td "
    "template textarea tfoot th thead title tr track ul wbr xmp",
    "SCOPE": "applet caption html table td th marquee object select template",
    "TABLE_SCOPE": "html table template",
    "FOREIGN": "mi mo mn ms mtext annotation-xml foreignobject desc title",
    "MATH_TEXT": "mi mo mn ms mtext",
    "DRAWING_TEXT": "foreignobject desc title",
    "LIST_SCOPE": "ol ul",
    "BUTTON_SCOPE": "button",
    "IMPLIED": "dd dt li optgroup option p rb rp rt rtc",
    "BREAKS": "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu "
    "meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var",
    "GRID": "table tbody tfoot thead tr",
    "ROW_BORDER": "html table template tr",
    "ROWS_BORDER": "html table tbody template tfoot thead",
    "PART": "caption colgroup tbody td tfoot th thead tr",
    "NOTED": "meta link title h1 time body script",
    "LINE_EATEN": "pre listing",
    "IN_NOSCRIPT_TOO": "basefont bgsound link meta noframes style",
    "FIELD": "input keygen textarea",
    "NO_BORDER": "address div p",
}
TRAITS = tuple(_TRAITS)
(
    FLAT, RAW, PLAIN, SPECIAL, SCOPE, TABLE_SCOPE, FOREIGN, MATH_TEXT, DRAWING_TEXT, LIST_SCOPE, BUTTON_SCOPE, IMPLIED, BREAKS,
    GRID, ROW_BORDER, ROWS_BORDER, PART, NOTED, LINE_EATEN, IN_NOSCRIPT_TOO, FIELD, NO_BORDER,
) = (np.int64(1 << at) for at in range(len(TRAITS)))  # fmt: skip

# What a start tag does in a page's body, and an end tag: the first number is that of any other name.
_STARTS = {
    "ORDINARY": "",
    "WHOLE": "html",
    "HEADISH": "base basefont bgsound link meta noframes script style template title",
    "BODY": "body",
    "NOWHERE": "frame frameset head",
    "BLOCK": "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header "
    "hgroup main menu nav ol p search section summary ul pre listing",
    "HEADING": "h1 h2 h3 h4 h5 h6",
    "FORM": "form",
    "ITEM": "li",
    "TERM": "dd dt",
    "BUTTON": "button",
    "ANCHOR": "a",
    "FORMAT": "b big code em font i s small strike strong tt u",
    "NOBR": "nobr",
    "MARKED": "applet marquee object",
    "TABLE": "table",
    "LEAF": "area br embed img image input keygen wbr",
    "BARE": "param source track textarea iframe noembed",
    "RULE": "hr xmp plaintext",
    "SELECT": "select",
    "OPTION": "optgroup option",
    "RUBY": "rb rtc rp rt",
    "OTHER_SPACE": "math svg",
    "CAPTION": "caption",
    "COLUMNS": "colgroup",
    "COLUMN": "col",
    "ROWS": "tbody tfoot thead",
    "ROW": "tr",
    "CELL": "td th",
}
(
    ORDINARY, WHOLE, HEADISH, BODY, NOWHERE, BLOCK, HEADING, FORM, ITEM, TERM, BUTTON, ANCHOR, FORMAT, NOBR, MARKED, TABLE,
    LEAF, BARE, RULE, SELECT, OPTION, RUBY, OTHER_SPACE, CAPTION, COLUMNS, COLUMN, ROWS, ROW, CELL,
) = (np.int64(at) for at in range(len(_STARTS)))  # fmt: skip


def _acts(names: str) -> np.ndarray:
    return np.array([name in names.split() for name in _STARTS])


# Of such a start tag: whether it ends a paragraph; whether formatting is opened again before it; whether it is formatting.
ENDS_P = _acts("BLOCK HEADING FORM RULE TABLE ITEM TERM")
REOPENS = _acts("ORDINARY BUTTON ANCHOR FORMAT NOBR MARKED LEAF SELECT OPTION OTHER_SPACE")
FORMATS = _acts("ANCHOR FORMAT NOBR")
# Of an end tag: whether it ends the nearest such element and all in it.
ENDS = _acts("BLOCK BUTTON TERM SELECT MARKED ITEM")

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
NAMES = sorted({*TAGS, *" ".join([*_TRAITS.values(), *_STARTS.values()]).split(), "annotation"} - {"custom", "other"})
NUMBER = {name: np.int64(at) for at, name in enumerate(NAMES)}
KNOWN = np.int64(len(NAMES))
# By name, for rules about few: the modes of construction, and elements.
(
    BEFORE_HEAD, IN_HEAD, IN_NOSCRIPT, AFTER_HEAD, IN_BODY, IN_TABLE, IN_ROWS, IN_ROW, IN_CELL, IN_CAPTION, IN_COLUMNS,
    AFTER_BODY, IN_FRAMES,
) = (np.int64(at) for at in range(13))  # fmt: skip
_NAMED = """a address base body br button caption col colgroup dd div dt form frame frameset head h1 h6 hr html image img input
keygen li nobr noframes noscript optgroup option p plaintext rp rt rtc ruby script select style svg table tbody td template
textarea tfoot th thead title tr xmp"""
(
    A, ADDRESS, BASE, BODY_TAG, BR, BUTTON_TAG, CAPTION_TAG, COL, COLGROUP, DD, DIV, DT, FORM_TAG, FRAME, FRAMESET,
    HEAD_TAG, H1, H6, HR, HTML, IMAGE, IMG, INPUT, KEYGEN, LI, NOBR_TAG, NOFRAMES, NOSCRIPT, OPTGROUP, OPTION_TAG, P,
    PLAINTEXT, RP, RT, RTC, RUBY_TAG, SCRIPT, SELECT_TAG, STYLE, SVG, TABLE_TAG, TBODY, TD, TEMPLATE, TEXTAREA, TFOOT, TH,
    THEAD, TITLE, TR, XMP,
) = (NUMBER[name] for name in _NAMED.split())  # fmt: skip
IDS = np.array([TAGS.get(name, TAGS["other"]) for name in NAMES], np.int16)
HAS = np.array([sum(1 << at for at, held in enumerate(_TRAITS.values()) if name in held.split()) for name in NAMES])
ACT = np.array([next((at for at, held in enumerate(_STARTS.values()) if name in held.split()), 0) for name in NAMES])


def _hashed(names: list[str], slots: int) -> tuple[np.ndarray, np.ndarray]:
    """A hash table with open addresses: packed names, 0 in slots without one, and their numbers, -1 there."""
    keys, rows = np.zeros(slots, np.uint64), np.full(slots, -1, np.int16)
    for row, name in enumerate(names):
        slot = (packed(name) * int(_SPREAD) >> 48) % slots
        while keys[slot]:
            slot = (slot + 1) % slots
        keys[slot], rows[slot] = packed(name), row
    return keys, rows


@inner
def _row(name, keys, rows):
    slot = np.int64(name * _SPREAD >> np.uint64(48)) & (len(keys) - 1)
    while keys[slot] != name and keys[slot] != 0:
        slot = (slot + 1) & (len(keys) - 1)
    return np.int64(rows[slot])


_KEYS, _ROWS = _hashed(NAMES, 1024)


@inner
def known(name):
    """The row of a name in the tables, -1 for another."""
    return _row(name, _KEYS, _ROWS)


# References to characters by name; a few of the oldest do without the semicolon.
_REFERENCES = sorted(html5)
_REFERENCE_KEYS, _REFERENCE_ROWS = _hashed(_REFERENCES, 8192)
MEANT = np.array([[ord(html5[name][0]), ord(html5[name][1:] or "\0")] for name in _REFERENCES], np.int32)
LONGEST_REFERENCE = max(map(len, html5))
LONGEST_BARE = max(len(name) for name in html5 if not name.endswith(";"))
# What numbers from 128 on mean that somebody took from Windows' code page 1252.
WINDOWS = np.array([ord(bytes([byte]).decode("cp1252", "ignore") or chr(byte)) for byte in range(128, 160)], np.int32)


@inner
def reference(name):
    """The row of a reference in MEANT, -1 for another."""
    return _row(name, _REFERENCE_KEYS, _REFERENCE_ROWS)
