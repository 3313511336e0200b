"""The trees are evaluated as trained, the model is plain data, and the choice is the best that can be expected."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction.blocks import CHARS, HAN
from curator.extraction.choose import LEAST, best
from curator.extraction.features import FIRST
from curator.extraction.forest import HOPELESS, MOST_LEAVES, Forest, load
from curator.extraction.train import MODEL
from curator.extraction.whole import FEATURES

TREES = [
    {"feature": [0, 1], "threshold": [0.5, 2.0], "left": [1, ~2], "right": [~0, ~1], "value": [0.3, -0.7, 1.1]},
    {"feature": [], "threshold": [], "left": [], "right": [], "value": [0.05]},
]


def slow(trees: list[dict], row: list[float]) -> float:
    total = 0.0
    for tree in trees:
        at = 0 if tree["feature"] else -1
        while at >= 0:
            side = "left" if row[tree["feature"][at]] <= tree["threshold"][at] else "right"
            at = tree[side][at]
        total += tree["value"][~at]
    return total


def test_a_forest_gives_what_a_walk_through_its_trees_gives() -> None:
    rows = np.array(list(product((0.4, 0.5, 0.6), (1.9, 2.0, 2.1))), np.float32)
    found = Forest.of(TREES).margins(rows)
    assert np.allclose(found, [slow(TREES, row) for row in rows.tolist()])
    assert len(set(found.round(4))) == 3


def grown(draw: st.DataObject, leaves: int) -> dict:
    """A tree of any shape: leaves are split one after the other, each into a node with two leaves."""
    tree: dict = {"feature": [], "threshold": [], "left": [], "right": [], "value": [0.0]}
    ends: list[tuple[str, int] | None] = [None]  # where each leaf hangs
    for node in range(leaves - 1):
        split = draw.draw(st.integers(0, len(ends) - 1))
        end = ends[split]
        if end is not None:
            tree[end[0]][end[1]] = node
        tree["feature"].append(draw.draw(st.integers(0, 2)))
        tree["threshold"].append(draw.draw(st.sampled_from([0.25, 0.5, 0.75])))
        tree["left"].append(~split)
        tree["right"].append(~len(ends))
        ends[split] = ("left", node)
        ends.append(("right", node))
        tree["value"].append(0.0)
    tree["value"] = [(leaf * 7 % 32) / 64 - 0.2 for leaf in range(leaves)]
    return tree


@given(st.data(), st.lists(st.integers(1, MOST_LEAVES), min_size=1, max_size=3), st.integers(1, 70))
@settings(max_examples=60, deadline=None)
def test_a_forest_of_any_trees_on_any_number_of_rows(data: st.DataObject, leaves: list[int], count: int) -> None:
    trees = [grown(data, number) for number in leaves]
    rows = np.array([[(i * 37 + f * 11) % 5 / 4 for f in range(3)] for i in range(count)], np.float32)
    assert np.allclose(Forest.of(trees).margins(rows), [slow(trees, row) for row in rows.tolist()])


@given(st.data(), st.integers(1, 150), st.sampled_from([1, 8, 40]))
@settings(max_examples=30, deadline=None)
def test_what_the_first_model_calls_hopeless_the_others_are_not_asked(data: st.DataObject, count: int, scale: int) -> None:
    trees = [grown(data, 6) for _ in range(6)]
    for tree in trees:
        tree["value"] = [value * scale for value in tree["value"]]
    rows = np.array([[(i * 37 + f * 11) % 5 / 4 for f in range(3)] for i in range(count)], np.float32)
    expected = []
    for row in rows.tolist():
        first = 3 * slow(trees[:2], row)
        expected.append(first if first < HOPELESS else slow(trees, row))
    assert np.allclose(Forest.of(trees, 3).margins(rows), expected)
    with pytest.raises(ValueError, match="6 trees cannot be those of 4 models"):
        Forest.of(trees, 4)


def test_a_tree_with_too_many_leaves_is_refused() -> None:
    chain = {"feature": [0] * 32, "threshold": [0.5] * 32, "value": [0.0] * 33}
    chain |= {"left": [~at for at in range(32)], "right": [*range(1, 32), ~32]}
    with pytest.raises(ValueError, match="tree 1 has 33 leaves; at most 32"):
        Forest.of([TREES[0], chain])


def test_the_model_is_small_plain_and_of_this_code() -> None:
    assert MODEL.stat().st_size < 1 << 20
    held = json.loads(MODEL.read_text(encoding="ascii"))
    assert held["features"] == FEATURES
    for model in (load().han, load().other):
        assert FIRST <= model.feature.max() < FEATURES, "the model does not look at what the whole page says"


def test_a_page_of_mostly_han_characters_has_a_model_of_its_own() -> None:
    counts = np.zeros((2, 22), np.float32)
    counts[:, CHARS], counts[0, HAN] = 10, 10
    models = load()
    assert models.of(counts) is models.other
    counts[1, HAN] = 1
    assert models.of(counts) is models.han
    assert models.of(counts[:0]) is models.other


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 50)), min_size=1, max_size=7))
@settings(max_examples=200, deadline=None)
def test_no_other_choice_has_a_better_expected_f1(blocks: list[tuple[float, int]]) -> None:
    chance, size = np.array([c for c, _ in blocks]), np.array([s for _, s in blocks])

    def expected(chosen: np.ndarray) -> float:
        gain = (chance * size)[chosen].sum()
        return float(2 * gain / max(size[chosen].sum() + (chance * size).sum(), 1e-9))

    found = best(chance, size)
    if chance.max() < LEAST:
        assert not found.any()
    else:
        masks = (np.array(mask) for mask in product((False, True), repeat=len(blocks)) if any(mask))
        assert expected(found) >= max(map(expected, masks)) - 1e-9
