"""What the whole page says of a block, against the same counted slowly; what a page says it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction import about
from curator.extraction.blocks import BYTES, LEAD, cut
from curator.extraction.choose import described
from curator.extraction.features import FIRST, titled
from curator.extraction.kind import KINDS, kind
from curator.extraction.outline import outline
from curator.extraction.tags import TAG_NAMES
from curator.extraction.tree import parse
from curator.extraction.words import PHRASES

PARTS = [
    *(
        "<p>",
        "</p>",
        "<div class=comments>",
        "<section id=related>",
        "</div>",
        "</section>",
        "<h1>",
        "</h1>",
        "<nav>",
        "</nav>",
    ),
    *(
        "<li>",
        "word, and more. ",
        "some words that go on, and on, until they are prose; is it? ",
        "reply ",
        "views ",
        "<a href=x>",
    ),
    *("</a>", "<article>", "</article>"),
]
pages = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)
TITLE, DESCRIPTION = "word, and more", "some words that go on, and on, until"


def above(parent: list[int], node: int) -> list[int]:
    chain = []
    while node >= 0:
        chain.append(node)
        node = parent[node]
    return chain


def trigrams(text: str) -> set[str]:
    letters = "".join(character for character in text.lower() if character.isalnum())
    return {letters[max(0, at - 2) : at + 1] for at in range(1, len(letters))}


@given(pages)
@settings(max_examples=150, deadline=None)
def test_columns(page: str) -> None:
    tree = parse(page)
    blocks = cut(tree, TITLE, DESCRIPTION)
    n, shape = len(blocks), outline(tree, blocks)
    said = np.arange(KINDS, dtype=np.float32)
    table = described(tree, blocks, shape, said)
    assert not np.isnan(table).any()
    if not n:
        return
    size, prose, total = shape.each[:, 0], shape.each[:, 4], shape.total
    title = titled(blocks.counts.astype(float), table)
    for at, row in enumerate(table[:, FIRST:]):
        assert (row[:KINDS] == said).all()
        if title < 0:
            assert row[KINDS : KINDS + 8].tolist() == [99] + [-1] * 7
        else:
            chain, line = (above(tree.parent.tolist(), int(blocks.anchor[i])) for i in (at, title))
            meet = next(node for node in chain if node in line)
            between = abs(prose[: at + 1].sum() - prose[: title + 1].sum())
            assert np.allclose(row[KINDS : KINDS + 3], [at - title, chain.index(meet), line.index(meet)])
            held = [total[meet, 0] / size.sum(), total[meet, 4] / max(prose.sum(), 1), np.log1p(between)]
            assert np.allclose(row[KINDS + 3 : KINDS + 6], held, atol=1e-5)
        rest = row[KINDS + 16 :]
        for i, phrase in enumerate(("comment", "counts", "origin", "related")):
            bit = list(PHRASES).index(phrase)
            spoke = [b for b in range(n) if blocks.phrases[b] >> bit & 1 and blocks.counts[b, BYTES] < 90]
            assert np.allclose(rest[[6 + i, 10 + i]], np.log1p([sum(b <= at for b in spoke), len(spoke)]))
        headings = [b for b in range(n) if TAG_NAMES[tree.tag[blocks.anchor[b]]] == "h1"]
        assert rest[14:16].tolist() == [min(sum(b <= at for b in headings), 10), min(len(headings), 10)]
        assert rest[18] == rest[16] - rest[17]


@given(st.lists(st.sampled_from(["some ", "words ", "that ", "go on", ", 一個 ", "字 "]), max_size=12).map("".join))
@settings(max_examples=100, deadline=None)
def test_what_a_block_has_of_the_description(text: str) -> None:
    blocks = cut(parse(f"<p>{text}</p>"), "", DESCRIPTION)
    assert blocks.lead == len(trigrams(DESCRIPTION))
    if len(blocks):
        assert blocks.counts[0, LEAD] == len(trigrams(text) & trigrams(DESCRIPTION))


@pytest.mark.parametrize(
    ("head", "column"),
    [
        ('<script type="application/ld+json">{"@type": "QAPage"}</script>', 0),
        ('<script type="application/ld+json">{"@type":["NewsArticle"]}</script>', 1),
        ("<meta property=og:type content=article>", 2),
        ("<meta property=og:type content=website>", 3),
        ("<link rel=canonical href=https://a.org/thread/12>", 4),
        ("<meta name=generator content=phpBB>", 4),
        ("<link rel=canonical href=https://a.org/question/12>", 5),
        ("<link rel=canonical href=https://a.org/news/12>", 8),
        ("<title>某某论坛</title>", 9),
        ("<title>API Tutorial</title>", 12),
    ],
)
def test_what_a_page_says_it_is(head: str, column: int) -> None:
    assert _kind(head).nonzero()[0].tolist() == [column]


def test_a_page_of_questions_by_its_microdata_and_its_body() -> None:
    assert _kind("<body class=question-page><div itemtype=https://schema.org/Question>").nonzero()[0].tolist() == [0, 14]


def _kind(page: str) -> np.ndarray:
    html = parse(page).html
    said = about.metas(html)
    found = kind(html, said, about.title(html), about.canonical(html, said))
    assert len(found) == KINDS
    return found
