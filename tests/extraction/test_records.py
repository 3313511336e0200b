"""Posts of a thread are decided together, whatever their classes are; what a post quotes stays."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction.blocks import CHARS, cut
from curator.extraction.choose import once
from curator.extraction.outline import outline
from curator.extraction.records import BLOCKS, HIGHEST, MEMBERS, READ, SHARED, places, together
from curator.extraction.tree import parse

SAID = "What was said is long enough to be prose, and it ends, as it should."


def thread(*bodies: str) -> str:
    classes = [f"post-{i} {'odd' if i % 2 else 'even'}" for i in range(len(bodies))]
    posts = [f"<li class='{names}'><b>name</b><p>{body}</p></li>" for names, body in zip(classes, bodies)]
    return f"<h1>About</h1><ul>{''.join(posts)}</ul><div><p>{SAID}</p></div>"


def placed(page: str) -> list[int]:
    tree = parse(page)
    blocks = cut(tree, "")
    return places(tree, blocks, outline(tree, blocks))[0].tolist()


def test_posts_share_their_places_though_their_classes_differ() -> None:
    heading, *posts, beside = placed(thread(SAID, SAID, "Thanks!"))
    assert posts[0::2] == [posts[0]] * 3
    assert posts[1::2] == [posts[1]] * 3
    assert len({heading, posts[0], posts[1], beside}) == 4


def test_two_are_no_list_nor_is_what_says_no_sentence() -> None:
    for page in (thread(SAID, SAID), thread("Home", "News", SAID, "Sport", "Contact")):
        found = placed(page)
        assert len(set(found)) == len(found)


def test_paragraphs_are_no_records() -> None:
    found = placed(f"<div>{f'<p>{SAID}</p>' * 4}</div>")
    assert len(set(found)) == 4


def test_a_short_answer_is_drawn_to_the_long_ones() -> None:
    tree = parse(thread(SAID, SAID, "Thanks!"))
    blocks = cut(tree, "")
    margin = np.array([-3.0, -2.0, 3.0, -2.0, 3.0, -2.0, -1.0, -3.0])
    found = together(tree, blocks, outline(tree, blocks), margin)
    size = blocks.counts[[2, 4, 6], CHARS].astype(float) ** 0.7
    mean = (size * [3, 3, -1]).sum() / size.sum()
    assert np.allclose(found, [-3, -2, *(0.6 * 3 + 0.4 * mean, -2) * 2, -0.6 + 0.4 * mean, -3])
    assert SHARED == 0.4


PARTS = ["<p>", "</p>", "<div class=a>", "<div>", "</div>", "<li>", "<ul>", "</ul>", "short", SAID]


@given(st.lists(st.sampled_from(PARTS), max_size=50).map("".join))
@settings(max_examples=150, deadline=None)
def test_places_against_the_same_asked_slowly(page: str) -> None:
    tree = parse(page)
    blocks = cut(tree, "")
    shape = outline(tree, blocks)
    parent, tag, total = tree.parent.tolist(), tree.tag.tolist(), shape.total

    def siblings(node: int) -> list[int]:
        return [n for n in range(len(tag)) if (parent[n], tag[n]) == (parent[node], tag[node]) and total[n, 0] > 0]

    wanted = []
    for block, anchor in enumerate(blocks.anchor.tolist()):
        best: tuple = (0.0, block)
        node, path = anchor, ()
        while node >= 0 and len(path) < HIGHEST:
            held = siblings(node)
            reading = sum(total[n, 5] > 0 for n in held)
            prose = sum(total[n, 4] for n in held)
            many = len(held) >= MEMBERS and sum(total[n, 3] for n in held) >= BLOCKS * len(held)
            if many and reading >= max(2, READ * len(held)) and prose > best[0]:
                best = (prose, parent[node], tag[node], path)
            path += (tag[node],)
            node = parent[node]
        wanted.append(best)
    found, count = places(tree, blocks, shape)
    assert len(set(zip(found.tolist(), wanted))) == len(set(wanted)) == len(set(found.tolist())) == count


def test_a_copy_goes_unless_it_is_quoted() -> None:
    tree = parse(f"<div><p>{SAID}</p></div><div><p>{SAID}</p></div><blockquote><p>{SAID}</p></blockquote>")
    blocks = cut(tree, "")
    chosen = np.ones(3, np.bool_)
    assert once(tree, blocks, chosen, np.array([False, False, True])).tolist() == [True, False, True]
