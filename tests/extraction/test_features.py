"""What the kernels say of a block, against the same counted slowly."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction import features
from curator.extraction.blocks import BYTES, NOTICES, SPOKEN, Blocks, cut
from curator.extraction.features import AROUND, FIRST, first
from curator.extraction.outline import outline
from curator.extraction.tags import TAG_NAMES
from curator.extraction.tree import Tree, parse
from curator.extraction.words import NAMES, PHRASES

PARTS = [
    *("<p>", "</p>", "<div class=comment>", '<section id="main">', "</div>", "<h1>", "</h1>", "<h3>Comments</h3>", "<nav>"),
    *("</nav>", "<ul>", "</ul>", "<li>", "<td>", "<tr>", "<table>", "word, and more. ", "next page ", "分享", "<a href=x>"),
    *("</a>", "<br>"),
]
pages = st.lists(st.sampled_from(PARTS), max_size=60).map("".join)
NEVER, LONG_AGO = 12, 40


def described(page: str) -> tuple[Tree, Blocks, np.ndarray]:
    tree = parse(page)
    blocks = cut(tree, "word, and more")
    table = np.full((len(blocks), FIRST), np.nan, np.float32)
    first(tree, blocks, outline(tree, blocks), table)
    return tree, blocks, table


@given(pages)
@settings(max_examples=150, deadline=None)
def test_names_and_tags_above_a_block(page: str) -> None:
    tree, blocks, table = described(page)
    total = outline(tree, blocks).total[:, 0] if len(blocks) else np.zeros(0)
    assert not np.isnan(table).any()
    kinds = ("content", "main", "body", "text", "post", "title", "lead", "code")
    for block, anchor in enumerate(blocks.anchor.tolist()):
        chain, node = [], anchor
        while node >= 0:
            chain.append(node)
            node = int(tree.parent[node])
        row = table[block, features.AT_ABOVE :]
        for at, name in enumerate(NAMES):
            told = [
                i
                for i, up in enumerate(chain)
                if tree.words[up] >> at & 1
                and TAG_NAMES[tree.tag[up]] != "body"
                and (name in kinds or total[up] <= (0.9 if name == "comment" else 0.7) * max(total[0], 1) + 1e-6)
            ]
            assert row[at] == min([NEVER, *told])
        for at, group in enumerate(features.PATH):
            told = [i for i, up in enumerate(chain) if TAG_NAMES[tree.tag[up]] in group]
            assert row[len(NAMES) + at] == min([NEVER, *told])


@given(pages)
@settings(max_examples=150, deadline=None)
def test_what_is_around_a_block_and_before_it(page: str) -> None:
    tree, blocks, table = described(page)
    tag, parent = tree.tag[blocks.anchor], tree.parent[blocks.anchor]
    headings = [{"h1", "h2", "h3"} & {TAG_NAMES[tree.tag[blocks.anchor[i]]]} for i in range(len(blocks))]
    for block in range(len(blocks)):
        around = table[block, features._AT_AROUND : features._AT_PAGE].reshape(len(AROUND), -1)
        for step, said in zip(AROUND, around):
            other = block + step
            if not 0 <= other < len(blocks):
                assert (said == -1).all()
                continue
            assert said[[0, 1, 2, 6, 8]].tolist() == table[other, [1, 2, 10, 23, 6]].tolist()
            assert (said[3], said[5]) == (tag[block] == tag[other], parent[block] == parent[other])
        for at in range(len(PHRASES)):
            spoke = [i for i in range(block) if blocks.phrases[i] >> at & 1 and blocks.counts[i, BYTES] < 90]
            assert table[block, features._AT_SINCE + at] == min([LONG_AGO, *(block - i - 1 for i in spoke)])
        last = max((i for i in range(block) if headings[i]), default=None)
        headed = table[block, features._AT_HEADED :]
        if last is None:
            assert headed.tolist() == [LONG_AGO, 0, 0, 0]
        else:
            said = [blocks.phrases[last] >> list(PHRASES).index(name) & 1 for name in ("related", "comment")]
            assert headed.tolist() == [min(block - last - 1, LONG_AGO), *said, table[last, 2]]


def test_what_a_site_says_of_itself_is_counted() -> None:
    page = "<p>今天下雨，明天晴。<p>版权所有，未经许可不得转载。电话：010<p>记者报道 &copy; 2020<p>Privacy Policy"
    _, blocks, table = described(page)
    hits = blocks.counts[:, [SPOKEN, NOTICES]]
    # 版权, 转载, 版权所有, 未经许可 and 电话; 记者 says whence a text is and where one begins, as 报道 does, and © whose
    assert hits.tolist() == [[0, 0], [5, 5], [4, 1], [2, 1]]
    size = blocks.counts[:, BYTES]
    assert np.allclose(table[:, 27], 100 * hits[:, 0] / size)
    assert np.allclose(table[:, 28], 100 * hits[:, 1] / size)
    counted = np.log1p(hits[:, 1])
    assert np.allclose(table[:, [30, 29, 31]], np.stack([[0, *counted[:-1]], counted, [*counted[1:], 0]], axis=1))
