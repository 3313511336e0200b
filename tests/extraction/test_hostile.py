"""Pages that cost much although `markup.work` lets them pass, pages that are no pages, and mutated real ones."""

from __future__ import annotations

import os
import random
import time
import tracemalloc
from pathlib import Path

import pytest
from fuzz import mutated
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction import extract
from curator.extraction.blocks import cut
from curator.extraction.gold import load
from curator.extraction.tree import parse
from curator.stages.markup import visible_text, work

DEEP = 6000
HOSTILE = {
    "deep": "<div>" * DEEP + "text, text. " + "</div>" * DEEP,
    "deep and prosaic": "<div>A sentence, of some length. " * (DEEP // 2),
    "deep lists": "<ul><li>item one, item two. " * (DEEP // 4),
    "nested quotes": "<blockquote>said, and said. " * (DEEP // 2),
    "many blocks": "<p>A short line, of text." * 60_000,
    "one long line": "字，" * 700_000,
    "one long line of marks": "<p>" + "<b>a</b> <i></i>" * 60_000,
    "unpaired marks": "<p>" + "<b>a<p>" * 900,
    "one long pre": "<pre>" + "x = 1\n" * 150_000 + "</pre>",
    "broken lines": "<p>" + "line, one.<br>" * 60_000,
    "a table": "<table>" + "<tr>" + "<td>1" * 50_000 + "</table>",
    "a list": "<ol>" + "<li>entry, entry." * 30_000 + "</ol>",
    "links": "<a href=/x>link</a> " * 60_000,
    "names": f"<div class='{'content ' * 100_000}'>text, text.</div>",
    "meta": "<meta name=a content=b>" * 30_000 + "<p>text, text.",
    "headings": "<h1>" + "<b>x</b>" * 20_000,
    "almost json": '<script>"author":' + " " * 200_000 + '"datePublished":' * 20_000 + "</script><p>text.",
    "formulas": "<math><mi>x</mi></math>" * 20_000,
    "deep formulas": ("<math>" + "<mrow>" * 200 + "x" + "</mrow>" * 200 + "</math>") * 100,
    "formulas never closed": "<math><mi>x" * 1_000,
    "formulas in a script": "<script>" + "<math>" * 150_000 + "</script><p>text.",
    "images of formulas": "<img src=codecogs?x alt=y>" * 50_000,
    "copies": "<p>The same sentence, said again and again and again." * 30_000,
    "a long tag opened again": "<p><b class='" + "ab " * 33_000 + "'>" + "<p>text, text." * 40_000,
    "names in a script": "<script><!--" + "<script" * 150_000,
    "titles": "<title>" + "a" * 1_000_000 + "</title><p>text.",
}

PARTS = [
    *(
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<a href=x>",
        "</a>",
        "<pre>",
        "</pre>",
        "<td>",
        "<table>",
        "</table>",
        "<li>",
        "<br>",
        "<math>",
    ),
    *("</math>", "<svg>", "</svg>", "<x-y>", "</x-y>", "<ul>", "</ul>", "word, ", "中文。", "&lt;", " "),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_page_is_read_in_bounded_time(kind: str, form: str) -> None:
    page = f"<html><body>{HOSTILE[kind]}"
    extract("<p>warm", form)  # type: ignore[arg-type]
    assert work(page.encode()) <= 20_000_000, "the stage would not parse it: no test of the engine"
    began = time.process_time()
    extract(page, form)  # type: ignore[arg-type]
    assert time.process_time() - began < 10


def test_a_page_too_large_to_be_described_is_read_whole() -> None:
    tracemalloc.start()
    found = extract("<p>a, b." * 300_000)
    assert found.text.count("a, b.") == 300_000
    assert tracemalloc.get_traced_memory()[1] < 400 << 20
    tracemalloc.stop()


@given(st.text(alphabet="<>/!-'\"= abp中。,scriptmath\n&;\u00a0\ud800", max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_page(page: str) -> None:
    extract(page)
    extract(page, "markdown")


@given(
    st.lists(
        st.sampled_from(PARTS),
        max_size=60,
    )
)
@settings(max_examples=200, deadline=None)
def test_the_tree_is_whole(parts: list[str]) -> None:
    """Every element but the root has its parent before it and lies inside it; blocks lie in order and hold text."""
    tree = parse("".join(parts))
    for node in range(1, len(tree.tag)):
        parent = int(tree.parent[node])
        assert 0 <= parent < node < tree.last[node] <= tree.last[parent]
    blocks = cut(tree, "word")
    assert (blocks.first[1:] >= blocks.behind[:-1]).all()
    assert (blocks.counts[:, 0] > 0).all()
    assert blocks.counts[:, 0].sum() <= len("".join(parts))


@pytest.mark.parametrize(
    "page", ["<script><!--" + "<script" * 50_000, "<title>" + "</title" * 50_000, "<p " + "a=b " * 100_000]
)
def test_what_scans_every_page_reads_it_once(page: str) -> None:
    began = time.process_time()
    work(page.encode())
    visible_text(page.encode())
    assert time.process_time() - began < 5


@pytest.mark.data
def test_mutated_pages() -> None:
    """A sample of what `python tests/extraction/fuzz.py` does in thousands."""
    folder = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "html_gold"
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the test data"
    pages = [page.page for page in load(folder)[::20]]
    source = random.Random(7)
    for _ in range(100):
        page = mutated(source.choice(pages), source).replace("\0", "").encode("utf-8", "replace").decode()
        assert extract(page, "markdown").title == extract(page).title
