"""HTML that is escaped by construction: every string becomes visible, harmless text unless it is already `Html`.

What comes from a corpus is hostile and private. Control characters and those that reorder a line are shown by their code
point, so that nothing hides and no text can rearrange the page around it; `excerpt` takes private data out and cuts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

from curator.privacy import ENTITIES, find_in

# C0 and C1 controls but tab and line feed, soft hyphen, zero-width and bidirectional controls (but the joiners that Persian and
# emoji are written with), line separators, annotation marks, musical and tag characters, surrogates, noncharacters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f]+"
)
MOST_SHOWN = 4  # characters of one run of hidden ones
LONGEST_ENTITY = 700  # characters: an e-mail address at the bounds of its pattern


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: Any, **attributes: Any) -> Html:
    """`<name attributes>children</name>`. `class_` is `class`, other underscores are hyphens; None and False leave one out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None and value is not False)
    return Html(f"<{name}{written}>{together(children)}</{name}>")


def _attribute(key: str, value: Any) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{plain(str(value))}"'


def together(children: Iterable[Any]) -> Html:
    """Children one after the other: HTML as it is, lists flattened, None left out, all else as text."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, list | tuple):
            parts.append(together(child))
        elif child is not None:
            parts.append(text(str(child)))
    return Html("".join(parts))


def text(value: str) -> Html:
    """A string as visible text."""
    parts: list[str] = []
    at = 0
    for match in _HIDDEN.finditer(value):
        parts += [html.escape(value[at : match.start()]), f'<span class="hidden">{_code_points(match)}</span>']
        at = match.end()
    return Html("".join([*parts, html.escape(value[at:])]))


def plain(value: str) -> Html:
    """A string as visible text where no element can stand: in an attribute, in the page's title."""
    return Html(html.escape(_HIDDEN.sub(_code_points, value)))


def _code_points(match: re.Match[str]) -> str:
    run = match[0]
    if len(run) > 1 and len(set(run)) == 1:
        return f"U+{ord(run[0]):04X}×{len(run)}"
    shown = " ".join(f"U+{ord(c):04X}" for c in run[:MOST_SHOWN])
    return shown if len(run) <= MOST_SHOWN else f"{shown} …({len(run)})"


def excerpt(value: str, most: int) -> str:
    """The beginning of a text, private data replaced. What crosses the cut is replaced too, never cut in two."""
    parts: list[str] = []
    at = 0
    for start, end, name in find_in(value[: most + LONGEST_ENTITY], tuple(ENTITIES)):
        if start >= most:
            break
        parts += [value[at:start], f"<{name.upper()}>"]
        at = end
    parts.append(value[at : max(at, most)])
    return "".join(parts).replace("\r\n", "\n") + ("…" if len(value) > max(at, most) else "")


# --------------------------------------------------------------------------------------------------------------- tables


def table(
    heads: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    *,
    words: int = 1,
    caption: str = "",
    footer: Sequence[Any] | None = None,
) -> Html:
    """A table whose first cell of a row is its heading; the first `words` columns are words, the others numbers."""

    def line(cells: Sequence[Any]) -> Html:
        first, *others = cells
        return element(
            "tr",
            element("th", first, scope="row"),
            [element("td", cell, class_=None if at < words else "number") for at, cell in enumerate(others, 1)],
        )

    return element(
        "div",
        element(
            "table",
            element("caption", element("span", caption)) if caption else None,
            element(
                "thead",
                element(
                    "tr", [element("th", h, scope="col", class_=None if i < words else "number") for i, h in enumerate(heads)]
                ),
            ),
            element("tbody", [line(row) for row in rows]),
            element("tfoot", line(footer)) if footer else None,
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption or str(heads[0]),
    )


def many(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def paragraph(*children: Any) -> Html:
    return element("p", *children)


def fold(summary: Any, *children: Any, opened: bool = False) -> Html:
    """What is shown when one asks for it."""
    return element("details", element("summary", summary), *children, open=opened)


# -------------------------------------------------------------------------------------------------------------- numbers


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """A percentage that never shows a little as nothing, nor nearly all as all."""
    if not whole:
        return "–"
    ratio = part / whole
    if 0 < ratio < 0.0005:
        return "< 0.1 %"
    if 0.9995 < ratio < 1:
        return "> 99.9 %"
    return f"{ratio * 100:.1f} %"


def short(value: float) -> str:
    """Three digits or so: 0.0123, 12.3, 12.3k, 4.56M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def size(value: float) -> str:
    """Bytes in decimal units."""
    for unit, width in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= width:
            return f"{value / width:.1f} {unit}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
