"""A page of a book, HTML, as text: what was printed, with what only plain text would lose."""

from __future__ import annotations

import re

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from curator.charsets import decode
from curator.extraction.formulas import written
from curator.extraction.raised import raised

INDENT = "\ufdd0"  # no character of any text: a blank that indents code, until lines are joined

# Readings beside characters, the numbers of a printed book's pages, marks of footnotes and ways back from them (EPUB 3
# Structural Semantics, DPUB-ARIA; classes are those of Project Gutenberg and pandoc).
_NOT_TEXT = [
    *("rt", "rp", '[role="doc-pagebreak"]', r'[epub\:type~="pagebreak"]', ".pagenum"),
    *(
        '[role="doc-noteref"]',
        r'[epub\:type~="noteref"]',
        ".fnanchor",
        "a.citation",
        'sup > a[href*="#"]',
        'a[href*="#"] > sup',
        '[role="doc-backlink"]',
        r'[epub\:type~="backlink"]',
        ".footnote-back",
    ),
]
_BACK = re.compile(r"[ \t]*[↩⏎]\ufe0e?(?=\n|$)")
_CODE = re.compile(r"code|program|listing|source|highlight|screen", re.IGNORECASE)
_PRE = re.compile(r"<pre(?=[\s>])[^<>]{0,1000}>")
_INDENTED = re.compile(r"(?<=\n)[ \t]++(?![^<>]{0,200}>)")  # not within a tag
_WIDE = r"[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60]"
_WITHIN_CHINESE = re.compile(rf"(?<={_WIDE})[ \t]*\r?\n[ \t]*(?={_WIDE})")  # no blank is shown there (CSS Text 3 §4.1.3)
_XHTML = "http://www.w3.org/1999/xhtml"
_EMPTY = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)([a-zA-Z][\w:.-]*+)([^<>]*)/>"
)


def page_text(data: bytes) -> tuple[str, str | None]:
    """A page's text, and its first heading or its title."""
    page = decode(data).text
    if "math" in page:
        page = written(page)
    if _XHTML in page[:3000]:  # in HTML, `<title/>` and `<span/>` do not end where they begin
        page = _EMPTY.sub(r"<\1\2></\1>", page)
    if "<pre" not in page:
        page = _WITHIN_CHINESE.sub("", page)
    tree = HTMLTree.parse(_with_indents(raised(page)))
    heading = tree.body.query_selector("h1, h2, h3") if tree.body else None
    name = " ".join(((heading.text if heading else tree.title) or "").split())
    text = extract_plain_text(tree, preserve_formatting=True, alt_texts=False, skip_elements=_NOT_TEXT)
    return _BACK.sub("", text), name[:200] or None


def _with_indents(page: str) -> str:
    """The blanks that indent code become INDENT, which outlives that lines are put in order. Verse and whole books in `<pre>`
    are not code."""
    parts: list[str] = []
    done = end = 0
    for opening in _PRE.finditer(page):
        if opening.start() < end:
            continue
        end = page.find("</pre", opening.end())
        if end < 0:
            break
        code = page[opening.end() : end]
        if _CODE.search(opening[0]) or "<code" in code:
            parts += (page[done : opening.end()], _INDENTED.sub(lambda blanks: INDENT * len(blanks[0].expandtabs(4)), code))
            done = end
    return "".join([*parts, page[done:]])


def finished(text: str) -> str:
    """A text whose lines have been put in order, with code indented again."""
    return text.replace(INDENT, " ")
