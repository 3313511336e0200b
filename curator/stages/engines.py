"""A page's main text by libraries of others: what `extract` has beside its own engine. Pages are UTF-8."""

from __future__ import annotations

import logging
from typing import Literal

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from curator.stages.markup import visible_text, work

MOST_WORK = 20_000_000  # see `markup.work`; real pages stay under 200,000, and this much takes about a second


def resiliparse(page: bytes) -> tuple[str, str | None]:
    """Its main text (Bevendorff et al., ECIR 2018), else all that is visible; and the title."""
    return _plain(page, main_content=True)


def trafilatura(page: bytes, form: Literal["text", "markdown"]) -> tuple[str, str | None]:
    """Its main text without comments (Barbaresi, ACL 2021), else all that is visible; and the title."""
    if work(page) > MOST_WORK:
        return visible_text(page), None
    from trafilatura import extract

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it writes a line for a page without text
    # `deduplicate` would look at what other pages of the process have said
    text = extract(page.decode(), output_format="markdown" if form == "markdown" else "txt", include_comments=False)
    visible, title = _plain(page, main_content=False)
    return text or visible, title


def everything(page: bytes) -> str:
    """All that is visible."""
    return _plain(page, main_content=False)[0]


def _plain(page: bytes, main_content: bool) -> tuple[str, str | None]:
    if work(page) > MOST_WORK:
        return visible_text(page), None
    tree = HTMLTree.parse(page.decode())
    text = extract_plain_text(tree, main_content=main_content, alt_texts=False)
    if main_content and not text.strip():
        text = extract_plain_text(tree, main_content=False, alt_texts=False)
    return text, tree.title
