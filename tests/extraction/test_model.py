"""The trees are evaluated as trained, the model is plain data, and the choice is the best that can be expected."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.extraction.choose import LEAST, best
from curator.extraction.features import FIRST, SECOND
from curator.extraction.forest import Forest, load
from curator.extraction.train import MODEL

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
    return 1 / (1 + np.exp(-total))


def test_trees_are_walked() -> None:
    rows = np.array(list(product((0.4, 0.5, 0.6), (1.9, 2.0, 2.1))), np.float32)
    found = Forest.of(TREES).chances(rows)
    assert np.allclose(found, [slow(TREES, row) for row in rows.tolist()])
    assert len(set(found.round(4))) == 3


def test_the_model_is_small_plain_and_of_this_code() -> None:
    assert MODEL.stat().st_size < 1 << 20
    held = json.loads(MODEL.read_text(encoding="ascii"))
    assert held["features"] == [FIRST, SECOND]
    model = load()
    assert model.first.feature.max() < FIRST
    assert model.second.feature.max() < SECOND
    assert model.second.feature.max() >= FIRST, "the second stage does not look at what the first said"


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
