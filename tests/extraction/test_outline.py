"""What is asked of the tree, against the same asked slowly."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction.blocks import BYTES, cut, groups
from curator.extraction.outline import HIGHEST, LEVELS, core, meeting, outline
from curator.extraction.tree import parse

PARTS = [
    "<p>",
    "</p>",
    "<div class=a>",
    "<div>",
    "</div>",
    "<ul>",
    "</ul>",
    "<li>",
    "<td>",
    "word, and more. ",
    "<a href=x>",
    "</a>",
]
pages = st.lists(st.sampled_from(PARTS), max_size=50).map("".join)


def above(parent: list[int], node: int) -> list[int]:
    """The node and its ancestors, upwards."""
    chain = []
    while node >= 0:
        chain.append(node)
        node = parent[node]
    return chain


@given(pages)
@settings(max_examples=150, deadline=None)
def test_sums_levels_and_families(page: str) -> None:
    tree = parse(page)
    blocks = cut(tree, "")
    shape = outline(tree, blocks)
    parent, anchor = tree.parent.tolist(), blocks.anchor.tolist()
    size = blocks.counts[:, BYTES]
    total = np.zeros(len(parent))
    for block, node in enumerate(anchor):
        for up in above(parent, node):
            total[up] += size[block]
    assert np.allclose(shape.total[:, 0], total)
    assert shape.depth.tolist() == [len(above(parent, node)) - 1 for node in range(len(parent))]
    value = shape.by_family()[:, 0]
    place = shape.richest(value, tree, blocks)
    for block, node in enumerate(anchor):
        chain = above(parent, node)
        widest = {total[up]: up for up in chain}  # the last of equal ones
        assert [at for at in shape.level[block].tolist() if at >= 0] == [widest[held] for held in sorted(widest)][:LEVELS]
        likely = [up for up in chain[:HIGHEST] if shape.members[shape.twins[up]] >= 2]
        best = max(likely, key=lambda up: value[shape.twins[up]], default=-1)
        assert (place[block] < 0) == (best < 0)
        if best >= 0:
            assert value[shape.twins[place[block]]] == value[shape.twins[best]]


@given(pages, st.data())
@settings(max_examples=100, deadline=None)
def test_the_core_and_the_meeting(page: str, data: st.DataObject) -> None:
    tree = parse(page)
    blocks = cut(tree, "")
    shape, parent, nodes = outline(tree, blocks), tree.parent.tolist(), len(tree.tag)
    if not nodes:
        return
    total = shape.total[:, 0]
    middle = core(tree, total, 0.55)
    holding = [node for node in range(1, nodes) if total[0] > 0 and total[node] > 0.55 * total[0] and parent[node] >= 0]
    assert middle == max(holding, default=0)
    node = data.draw(st.integers(0, nodes - 1))
    steps, meet = meeting(tree, blocks, node)
    for block, at in enumerate(blocks.anchor.tolist()):
        chain, line = above(parent, at), above(parent, node)
        assert meet[block] == next(up for up in chain if up in line)
        assert steps[block] == chain.index(meet[block])


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=80))
def test_equal_keys_get_equal_numbers(keys: list[int]) -> None:
    numbers, count = groups(np.array(keys, np.uint64))
    known = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    assert numbers.tolist() == [known[key] for key in keys]
    assert count == len(known)
