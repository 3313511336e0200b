"""The main text of a web page: parse, cut into blocks, describe them, judge them, render what was chosen.

In the order of the data flow: `build` (bytes to a tree as browsers make it, by `tokens`, `construction`, `body` and `dom`
with the tables of `grammar`; `written`: its text; `notes`: what the page says of itself), `tree` (that to flat arrays, with
`tags` and `formulas`; `raised`: powers and indices in characters that plain text has), `blocks` (runs of text and their
counts, by `characters`), `outline` (sums over the tree), `features` and `whole` (what the model sees of a block; `kind`: what
the page says it is), `forest` (the models, in `model.json`), `records` (posts of a thread are judged together), `choose`,
then `render` or `markdown` (`tables`: the columns of cells); `about` reads title, author, date and address. `train` makes the
models from `gold`, pages whose main text people marked, copies of them with `notices`, and `marked`, more such pages, read
for this project. Everything between the parser and the plain text is compiled, or works on whole columns: a page costs no
Python call for a node, but for the cells of tables that were chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from curator.extraction import about
from curator.extraction.blocks import cut
from curator.extraction.choose import choose
from curator.extraction.forest import load
from curator.extraction.kind import kind
from curator.extraction.markdown import markdown
from curator.extraction.raised import raised
from curator.extraction.render import plain
from curator.extraction.tags import TAGS
from curator.extraction.tree import parse

_SUB, _SUP = TAGS["sub"], TAGS["sup"]
_NEAR = 6  # blocks before and behind the first chosen one that may hold the date


@dataclass(frozen=True)
class Extracted:
    text: str  # empty where the page has no main text
    title: str | None = None
    author: str | None = None
    published: str | None = None  # YYYY-MM-DD
    canonical: str | None = None


def extract(page: str | bytes, form: Literal["text", "markdown"] = "text", url: str | None = None) -> Extracted:
    """Main text and what the page says of itself. Bytes are UTF-8. `url`, if known, completes a relative canonical address."""
    tree = parse(page)
    if ((tree.tag == _SUB) | (tree.tag == _SUP)).any():  # a search of the page for them is slower
        tree = parse(raised(page.decode("utf-8", "replace") if isinstance(page, bytes) else page))
    said = about.metas(tree.html)
    title = about.title(tree.html)
    canonical = about.canonical(tree.html, said, url)
    blocks = cut(tree, title or "", about.description(said))
    chosen = choose(load().of(blocks.counts), tree, blocks, kind(tree.html, said, title, canonical))
    text, near = "", ""
    if chosen.any():
        text = markdown(tree, blocks, chosen) if form == "markdown" else plain(tree, blocks, chosen)
        start = int(np.argmax(chosen))
        around = np.zeros(len(blocks), np.bool_)
        around[max(0, start - _NEAR) : start + _NEAR] = True
        near = plain(tree, blocks, around & (blocks.counts[:, 0] < 80))
    return Extracted(
        text.strip(),
        title,
        about.author(tree.html, said),
        about.published(tree.html, said, near),
        canonical,
    )


def warm() -> None:
    """Compile the kernels."""
    extract("<title>warm</title><p>One sentence, and another. <a href=/>A link</a></p><pre>code</pre>", "markdown")
