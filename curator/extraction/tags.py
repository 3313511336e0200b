"""What the pass over a page knows by name: tags, attributes, and marks in attributes' values."""

from __future__ import annotations

import numpy as np


def _split(names: str) -> list[str]:
    return names.split()


# Tags by what they are to a reader. Everything unknown is inline, but custom elements (`x-y`) stand as blocks.
_BLOCKS = _split(
    "html body div p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table caption thead tbody tfoot tr td th pre blockquote "
    "article section main nav header footer aside form fieldset figure figcaption details summary address center hr "
    "button label legend noscript custom dir menu hgroup search option marquee picture frameset ruby"
)
_INLINE = _split(
    "a abbr b big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup time tt u var "
    "img math br wbr input rt rp nobr bdi bdo data output acronym other"
)
_UNREAD = _split(
    "head script style template svg iframe noembed noframes textarea select datalist canvas audio video object "
    "embed map applet title"
)
TAGS = {name: at for at, name in enumerate((*_BLOCKS, *_INLINE, *_UNREAD))}
TAG_NAMES = tuple(TAGS)
FIRST_INLINE, FIRST_UNREAD = len(_BLOCKS), len(_BLOCKS) + len(_INLINE)
OTHER, CUSTOM = TAGS["other"], TAGS["custom"]
PRIME = np.uint64(1099511628211)  # of FNV-1a


def packed(name: str) -> int:
    """A name's first eight letters as one number, into which the others are mixed."""
    found = int.from_bytes(name.encode()[:8].ljust(8, b"\0"), "big")
    for byte in name.encode()[8:]:
        found = ((found ^ byte) * int(PRIME)) % (1 << 64)
    return found


# Attributes that are asked for by name.
CLASS, ID, ROLE, STYLE, HIDDEN_NAME, ARIA, ITEMPROP, ITEMTYPE, ALTTEXT, ENCODING, TYPE, HREF, SRC, ALT = (
    np.uint64(packed(name))
    for name in [
        "class",
        "id",
        "role",
        "style",
        "hidden",
        "aria-hidden",
        "itemprop",
        "itemtype",
        "alttext",
        "encoding",
        "type",
        "href",
        "src",
        "alt",
    ]
)


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


# Values are searched for these, in lower case.
NONE, DISPLAY, INVISIBLE, TRUE = _bytes("none"), _bytes("display"), _bytes("visibility:hidden"), _bytes("true")
BODY, LATEX = _bytes("articlebody"), _bytes("latex")
# Several at once, each with a line's end behind it.
DRAWN_BY, TEX_KINDS = _bytes("katex-html\nmathjax\n"), _bytes("x-tex\nmath/tex\n")
FORMULA_IMAGES = _bytes("codecogs\nmimetex\nmathtex\nlatex.php\n")
