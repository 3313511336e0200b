"""The tree that a page becomes, beside that of lexbor, which follows the same rules of the HTML standard."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import DOMNode, HTMLTree, NodeType

from curator.extraction import notes
from curator.extraction.build import build
from curator.extraction.dom import BEGIN, END, FIRST, FREE, NAME, NEXT, ROOT, TEXT, empty
from curator.extraction.gold import load
from curator.extraction.grammar import KNOWN, NAMES
from curator.extraction.tokens import openings, padded
from curator.extraction.tree import _quirks, parse
from curator.extraction.written import GROWTH

UNREAD = {
    "script",
    "style",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "plaintext",
    "title",
    "textarea",
    "template",
    "select",
    "svg",
}
Shape = list[tuple[int, str]]  # depth, and a name or a text


def ours(page: str) -> Shape:
    data = page.encode()
    source, dom = padded(data), empty(1 + data.count(b"<"), _quirks(data))
    out = np.empty(GROWTH * len(data) + 64, np.uint8)
    build(source, len(data), dom, out, notes.room(len(data)))
    found: Shape = []

    def walk(node: int, depth: int) -> None:
        if dom[node + NAME] == TEXT:
            text = bytes(out[dom[node + BEGIN] : dom[node + END]]).decode()
            found.append((depth, text.replace("&lt;", "<").replace("&amp;", "&")))
            return
        name = NAMES[dom[node + NAME]] if dom[node + NAME] < KNOWN else "?"
        found.append((depth, name))
        if name not in UNREAD:
            child = int(dom[node + FIRST])
            while child >= 0:
                walk(child, depth + 1)
                child = int(dom[child + NEXT])

    walk(ROOT, 0)
    return found


def lexbors(page: str) -> Shape:
    found: Shape = []

    def walk(node: DOMNode, depth: int) -> None:
        if node.type == NodeType.TEXT:
            found.append((depth, node.value or ""))
        elif node.type == NodeType.ELEMENT:
            name = (node.tag or "").lower()
            found.append((depth, name if name in NAMES else "?"))
            if name not in UNREAD:
                for child in node.child_nodes:
                    walk(child, depth + 1)

    document = HTMLTree.parse(page).document
    assert document is not None
    root = document.first_element_child
    assert root is not None
    walk(root, 0)
    return found


# Left out are frames, which have no text, and what stands in lists of options and comments.
PARTS = [
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<i>",
    "</i>",
    "<a",
    "href=x>",
    "</a>",
    "<pre>",
    "</pre>",
    "<td>",
    "</td>",
    "<tr>",
    "</tr>",
    "<tbody>",
    "</tbody>",
    "<table>",
    "</table>",
    "<caption>",
    "</caption>",
    "<col>",
    "<colgroup>",
    "<li>",
    "</li>",
    "<br>",
    "</br>",
    "<math>",
    "</math>",
    "<mi>",
    "</mi>",
    "<x-y>",
    "</x-y>",
    "<ul>",
    "</ul>",
    "<div>",
    "</div>",
    "<h1>",
    "</h1>",
    "<h2>",
    "</h3>",
    "<form>",
    "</form>",
    "<font>",
    "</font>",
    "<nobr>",
    "</nobr>",
    "<button>",
    "</button>",
    "<dd>",
    "<dt>",
    "</dl>",
    "<hr>",
    "<body>",
    "</body>",
    "<html>",
    "</html>",
    "<head>",
    "</head>",
    "<input>",
    "<span>",
    "</span>",
    "<center>",
    "</center>",
    "<noscript>",
    "</noscript>",
    "<object>",
    "</object>",
    "<ruby>",
    "<rt>",
    "<rp>",
    "<option>",
    "<em>",
    "</em>",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<title>",
    "</title>",
    "<svg>",
    "</svg>",
    "<iframe>",
    "<meta>",
    "<link>",
    "x",
    "中文",
    "&amp;",
    "&lt;",
    "&mdash;",
    "&notit;",
    "&#150;",
    "&nbsp",
    "&",
]


@given(st.lists(st.sampled_from([*PARTS, " ", "\n", "<"]), max_size=14), st.sampled_from(["", "<!doctype html>"]))
@settings(max_examples=400, deadline=None)
def test_the_tree_is_that_of_a_browser(parts: list[str], doctype: str) -> None:
    page = doctype + "".join(parts)
    assert ours(page) == lexbors(page)


@pytest.mark.parametrize(
    ("page", "shape"),
    [
        ("<b>1<p>2</b>3", [(2, "b"), (3, "1"), (2, "p"), (3, "b"), (4, "2"), (3, "3")]),
        ("<table>1<tr><td>2", [(2, "1"), (2, "table"), (3, "tbody"), (4, "tr"), (5, "td"), (6, "2")]),
        ("<p>1<div>2</p>3", [(2, "p"), (3, "1"), (2, "div"), (3, "2"), (3, "p"), (3, "3")]),
        ("<a>1<a>2", [(2, "a"), (3, "1"), (2, "a"), (3, "2")]),
        ("<!doctype html><p><table>", [(2, "p"), (2, "table")]),
        ("<p><table>", [(2, "p"), (3, "table")]),
        ("<template><p>1</template>2", [(2, "2")]),
        ("<script>'<!-- <script> </script>' --></script>1", [(2, "1")]),
        ("<p><style></style\ta='>'>1", [(2, "p"), (3, "style"), (3, "1")]),
        ("<p>1<a href='2>", [(2, "p"), (3, "1")]),
        ("<pre>\r\n1</pre><textarea>\n</textarea>\n2", [(2, "pre"), (3, "1"), (2, "textarea"), (2, "\n2")]),
        ("<p\x0b>1<b=>2<i\0>3", [(2, "?"), (3, "1"), (3, "?"), (4, "2"), (4, "?"), (5, "3")]),
        ("<script><!--<script><!----></script>1", [(2, "1")]),
        ("<select><b>1<input>2", [(2, "select"), (2, "b"), (3, "input"), (3, "2")]),
        ("<div><select><p>1</div>2</select>3", [(2, "div"), (3, "select"), (3, "3")]),
        ("<b><math><style></b>1", [(2, "b"), (3, "math"), (4, "style"), (2, "1")]),
        ("<math><![if x]>1<![CDATA[<b>2]]></math>3", [(2, "math"), (3, "1"), (2, "3")]),
    ],
)
def test_what_authors_wrote_is_repaired(page: str, shape: Shape) -> None:
    found = ours(page)
    assert found[found.index((1, "body")) + 1 :] == shape


@pytest.mark.parametrize(
    "page", ["<b>" * 5000 + "<p>" * 5000, "<a><div>" * 4000, "<table><b>" * 3000, "<div>" * 9000 + "</p>" * 9000]
)
def test_a_hostile_tree_is_bounded(page: str) -> None:
    assert len(ours(page)) <= 4 * page.count("<") + 1100


@pytest.mark.parametrize("page", ["<p><b></p><table>" + " x<col>" * 3000, "<body itemtype='" + '"' * 50_000 + "'>"])
def test_a_hostile_page_stays_in_the_room_it_was_given(page: str) -> None:
    data = page.encode()
    source, dom = padded(data), empty(1 + data.count(b"<"), _quirks(data))
    out, said = np.empty(GROWTH * len(data) + 64, np.uint8), notes.room(len(data))
    assert build(source, len(data), dom, out, said) <= len(said)
    assert ROOT < dom[FREE] <= len(dom)


@pytest.mark.data
def test_trees_of_real_pages() -> None:
    """What lexbor serialises, read again, is the same tree: elements, parents and text."""
    folder = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "html_gold"
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the test data"
    pages = [page.page.replace("\0", "") for page in load(folder)[::12]]
    same = 0
    for page in pages:
        mine, other = parse(page), parse(str(HTMLTree.parse(page)))
        same += np.array_equal(mine.tag, other.tag) and np.array_equal(mine.parent, other.parent)
        assert abs(len(mine.page) - len(other.page)) <= 0.01 * len(other.page) + 50
    assert same >= 0.95 * len(pages)


@given(st.lists(st.sampled_from([b"<", b"m", b"a", b"<ma", b"x" * 61]), max_size=9).map(b"".join))
def test_how_many_tags_there_are_and_whether_one_may_be_a_formula(page: bytes) -> None:
    assert openings(padded(page), len(page)) == (page.count(b"<"), b"<ma" in page)
