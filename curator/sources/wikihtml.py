"""Rendered wiki pages (Parsoid's HTML, as in the HTML dumps) to the text that their wikitext gives, in one pass without a tree.

The tags are walked with a stack of what is open. An element that is no part of the prose (boxes, navigation, references, files,
hatnotes) is skipped with all that it holds; formulas are their LaTeX source; blocks end a line; a row of a table is a line.
Language variants stand in an attribute as JSON: they become `-{…}-` markup again, which `wikivariants` resolves.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from curator.sources.wikilines import Line, finished, item
from curator.sources.wikitables import is_box, with_items
from curator.sources.wikivariants import CLOSE, OPEN
from curator.sources.wikivariants import Page as VariantPage

DEEPEST_TABLE = 3
_ITEM = "\x04"  # begins an item of a list in a cell, until its row ends
MOST_NESTED = 5  # variants in variants

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)((?:\"[^\"]*+\"|'[^']*+'|[^'\"<>])*+)>|<!--|<[!?][^<>]*+>")
_ATTRIBUTE = re.compile(r"([\w:-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')")


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_VOID = _set("area base br col embed hr img input link meta param source track wbr")
_BLOCKS = _set("""
address article aside blockquote body caption center dd details div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hgroup
hr html li main menu ol p pre section summary table tbody td tfoot th thead tr ul br poem
""")
_SKIPPED = _set("""
audio figcaption figure form head iframe map nav noscript object rp rt script select style template title video figure-inline
svg button
""")
_SKIPPED_CLASSES = re.compile(
    r"(?<![\w-])(?:infobox\w*|infobox[_-][\w-]*|navbox[\w-]*|vertical-navbox|sidebar[\w-]*|hatnote|dablink|rellink|noprint|metadata|[acfotms]mbox"
    r"|ambox[\w-]*|mbox-[\w-]*|messagebox|mw-editsection|mw-ref|reference|references|reflist|mw-references-wrap|refbegin|gallery"
    r"|gallerybox|thumb|mw-empty-elt|toc|catlinks|portal|portalbox|portal-bar|sistersitebox|side-box|shortdescription|navbar"
    r"|mw-kartographer[\w-]*|geo-nondefault|geo-multi-punct|Z3988|mw-cite-backlink|Inline-Template|Template-Fact|nomobile|printfooter"
    r"|authority-control|stub|asbox|succession-box|taxobox|biota|error|mw-selflink-fragment|mw-indicators?|listen|mw-tmh-player"
    r"|noexcerpt|navigation-not-searchable|mw-parser-output-hidden|NavFrame|bandeau-container|homonymie|mw-jump-link)(?![\w-])"
)
_TYPES = re.compile(
    r"mw:(?:Extension/(?:ref|references|gallery|imagemap|graph|timeline|score|templatestyles|indicator)\b|File\b|Image\b)"
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_STYLE = re.compile(r"^\{\\displaystyle\s*(.*)\}$|^\{\\textstyle\s*(.*)\}$", re.DOTALL)
_RAISED = {
    "sup": str.maketrans("0123456789+-−–", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻"),
    "sub": str.maketrans("0123456789+-−–", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋"),
}
_RAISABLE = re.compile("[0-9+−–-]{1,6}")
_BLANKS = re.compile(r"[ \t\n\r\f\xa0]+")


@dataclass
class _List:
    ordered: bool
    count: int = 0


@dataclass
class _Reader:
    """What is open while a page is read, and the lines so far."""

    nested: int = 0
    lines: list[Line] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)  # of the line that is read
    level: int = 0
    lists: list[_List] = field(default_factory=list)
    begins_item: bool = False
    tables: list[list[list[str]]] = field(default_factory=list)  # the open row of each table, its cells' pieces
    raised: str = ""
    verbatim: int = 0  # how many `pre` are open

    def text(self, text: str, blanks: bool = True) -> None:
        if blanks:
            text = _BLANKS.sub(" ", text)
        if self.raised and _RAISABLE.fullmatch(text):
            text = text.translate(_RAISED[self.raised])
        if self.tables:
            row = self.tables[-1]
            if row:
                row[-1].append(text)
        else:
            self.pieces.append(text)

    def end_line(self) -> None:
        if self.tables:
            self.text(" ")
            return
        text = "".join(self.pieces)
        text = text.rstrip() if self.verbatim else _BLANKS.sub(" ", text).strip()
        self.pieces.clear()
        if not text:
            return
        if self.level:
            self.lines.append(Line(text, level=self.level))
        elif self.lists and self.begins_item:
            innermost = self.lists[-1]
            innermost.count += 1
            self.lines.append(item(text, len(self.lists), innermost.count if innermost.ordered else None))
            self.begins_item = False
        else:
            self.lines.append(Line(text))

    def end_row(self) -> None:
        if not self.tables or not self.tables[-1]:
            return
        cells = [with_items("".join(cell).split(_ITEM)) for cell in self.tables[-1]]
        row = " | ".join(cell for cell in cells if cell)
        self.tables[-1] = []
        if not row:
            return
        if len(self.tables) > 1:
            outer = self.tables[-2]
            if outer:
                outer[-1].append(f" {row}; ")
        else:
            self.lines.append(Line(row))


def article(page: str, variant: str | None = None, title: str = "") -> tuple[str, str]:
    """The text of a page, and its title in the variant."""
    resolver = VariantPage(variant)
    lines = _read(page, 0).lines or [Line("")]
    texts = resolver.resolve("\n".join(line.text for line in lines)).split("\n")
    for line, text in zip(lines, texts, strict=True):
        line.text = text.rstrip()
    text = finished([line for line in lines if line.text.strip(" -")])
    return text, resolver.title or resolver.converted(title)


def _read(page: str, nested: int) -> _Reader:
    reader = _Reader(nested)
    open_tags: list[tuple[str, bool]] = []  # and whether a raised piece, or a table of rows, ends with it
    counts: dict[str, int] = {}
    skipping = 0  # number of open tags at which skipping began
    for text, closing, tag, attributes in _tokens(page):
        if text:
            if not skipping:
                _add(reader, html.unescape(text))
            continue
        if not closing:
            taken = False
            if not skipping:
                found = _attributes(attributes)
                replaced = _replacement(tag, found, reader)
                if replaced is not None:
                    reader.text(replaced, blanks=False)
                    skipping = 0 if tag in _VOID else len(open_tags) + 1
                elif _is_skipped(tag, found):
                    skipping = 0 if tag in _VOID else len(open_tags) + 1
                    if tag in _BLOCKS or tag == "figure":
                        reader.end_line()
                else:
                    taken = _begin(reader, tag)
                    reader.verbatim += tag == "pre"
            if tag not in _VOID and not attributes.endswith("/"):
                open_tags.append((tag, taken))
                counts[tag] = counts.get(tag, 0) + 1
            elif skipping > len(open_tags):
                skipping = 0
            continue
        if not counts.get(tag):
            continue
        while open_tags:
            name, taken = open_tags.pop()
            counts[name] -= 1
            if skipping:
                if len(open_tags) < skipping:
                    skipping = 0
            else:
                _end(reader, name, taken)
                reader.verbatim -= name == "pre"
            if name == tag:
                break
    reader.end_line()
    while reader.tables:
        reader.end_row()
        reader.tables.pop()
    return reader


def _tokens(page: str) -> Iterator[tuple[str, bool, str, str]]:
    """`(text, closing, tag, attributes)`, either text or a tag being empty."""
    at = 0
    size = len(page)
    ends = True  # as far as is known, every script does
    while at < size:
        found = _TAG.search(page, at)
        if found is None:
            yield page[at:], False, "", ""
            return
        if found.start() > at:
            yield page[at : found.start()], False, "", ""
        at = found.end()
        if found[2]:
            tag = found[2].lower()
            yield "", bool(found[1]), tag, found[3]
            if tag in ("script", "style") and not found[1] and ends:
                end = page.find(f"</{tag}", at)
                ends = end >= 0
                at = end if ends else at
        elif found[0] == "<!--":
            end = page.find("-->", at)
            at = size if end < 0 else end + 3


def _attributes(text: str) -> dict[str, str]:
    return {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _ATTRIBUTE.finditer(text)} if "=" in text else {}


def _is_skipped(tag: str, attributes: dict[str, str]) -> bool:
    if tag in _SKIPPED:
        return True
    if not attributes:
        return False
    if attributes.get("role") in ("navigation", "note", "presentation-navigation"):
        return True
    classes = attributes.get("class", "")
    if classes and (tag != "body" and _SKIPPED_CLASSES.search(classes)):
        return True
    if _HIDDEN.search(attributes.get("style", "")):
        return True
    if tag == "table" and is_box(" ".join(f'{k}="{v}"' for k, v in attributes.items() if k in ("class", "style", "align"))):
        return True
    return bool(_TYPES.search(attributes.get("typeof", "")))


def _replacement(tag: str, attributes: dict[str, str], reader: _Reader) -> str | None:
    """What stands for an element with all that it holds: a formula, a variant."""
    kind = attributes.get("typeof", "")
    if "mw:LanguageVariant" in kind:
        return _variant(html.unescape(attributes.get("data-mw-variant", "")), tag != "meta", reader.nested)
    if tag == "math" and "alttext" in attributes:
        return _formula(html.unescape(attributes["alttext"]), attributes.get("display") == "block")
    if tag == "img" and "mwe-math-fallback" in attributes.get("class", "") and not _after_formula(reader):
        return _formula(html.unescape(attributes.get("alt", "")), "display" in attributes.get("class", ""))
    return None


def _after_formula(reader: _Reader) -> bool:
    row = reader.tables[-1] if reader.tables else []
    pieces = row[-1] if row else reader.pieces
    return any(piece.endswith("$") for piece in pieces[-2:])


def _formula(source: str, block: bool) -> str:
    styled = _STYLE.match(source.strip())
    source = " ".join(((styled[1] or styled[2]) if styled else source).split())
    if not source:
        return ""
    return f"$${source}$$" if block else f"${source}$"


def _add(reader: _Reader, text: str) -> None:
    text = _RESERVED.sub("", text)
    if not reader.verbatim:
        reader.text(text)
        return
    first, *rest = text.split("\n")
    reader.text(first, blanks=False)
    for line in rest:
        if reader.tables:
            reader.text(f" {line}", blanks=False)
            continue
        kept = "".join(reader.pieces).rstrip()
        reader.pieces.clear()
        if kept:
            reader.lines.append(Line(kept))
        reader.pieces.append(line)


_RESERVED = re.compile("[\x00-\x07]++")  # these stand for something in wikivariants


def _begin(reader: _Reader, tag: str) -> bool:
    """Open an element; whether its end has something to close."""
    if tag in _BLOCKS:
        reader.end_line()
    if tag in ("ul", "ol") and not reader.tables:
        reader.lists.append(_List(tag == "ol"))
        return True
    if tag in ("li", "dt", "dd"):
        reader.begins_item = tag == "li"
        if tag == "li" and reader.tables:
            reader.text(_ITEM, blanks=False)
    elif tag in _HEADINGS and not reader.tables:
        reader.level = int(tag[1])
    elif tag == "table" and len(reader.tables) < DEEPEST_TABLE:
        reader.tables.append([])
        return True
    elif tag in ("td", "th") and reader.tables:
        reader.tables[-1].append([])
    elif tag == "caption" and reader.tables:
        reader.tables[-1] = [[]]
    elif tag == "tr":
        reader.end_row()
    elif tag in _RAISED:
        reader.raised = tag
    return False


_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])


def _end(reader: _Reader, tag: str, taken: bool) -> None:
    if tag in _BLOCKS:
        reader.end_line()
    if taken and tag in ("ul", "ol"):
        if reader.lists:
            reader.lists.pop()
    elif taken:
        reader.end_row()
        reader.tables.pop()
    elif tag in ("tr", "caption"):
        reader.end_row()
    elif tag in _HEADINGS:
        reader.level = 0
    elif tag in _RAISED:
        reader.raised = ""
    elif tag == "li":
        reader.begins_item = False


# -------------------------------------------------------------------------------------------------------------- variants


def _variant(description: str, shown: bool, nested: int) -> str:
    """`{"twoway":[{"l":"zh-cn","t":"…"},…]}` as the markup that it was made of; one that shows nothing is in a `meta`."""
    try:
        found = orjson.loads(description)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(found, dict) or nested >= MOST_NESTED:
        return ""

    def plain(value: object) -> str:
        lines = _read(str(value), nested + 1).lines
        return " ".join(line.text for line in lines)

    def of(key: str) -> str | None:
        value = found.get(key)
        return plain(value.get("t", "")) if isinstance(value, dict) else None

    if (text := of("disabled")) is not None:
        return f"{OPEN}{'T' if found.get('title') else 'R'}|{text}{CLOSE}"
    if (text := of("name")) is not None:
        return f"{OPEN}N|{text}{CLOSE}"
    if (text := of("filter")) is not None:
        codes = found["filter"].get("l")
        return f"{OPEN}{';'.join(map(str, codes if isinstance(codes, list) else []))}|{text}{CLOSE}"
    rules: list[str] = []
    for each in (*_dicts(found.get("twoway")), *_dicts(found.get("oneway"))):
        word, target, form = (plain(each.get(key, "")) for key in ("f", "l", "t"))
        before = f"{word}=>{target}:" if word else f"{target}:"
        rules.append(form if target == "*" else before + form)
    return f"{OPEN}{';'.join(_flags(found, shown))}|{';'.join(rules)}{CLOSE}"


def _dicts(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _flags(found: dict[str, object], shown: bool) -> list[str]:
    flags = [flag for key, flag in (("title", "T"), ("describe", "D"), ("remove", "-")) if found.get(key)]
    if found.get("add"):
        described = bool(found.get("describe"))
        flags.append("A" if shown != described else "H")
    return flags
