"""Repetition in texts of some hundred units, longer than what a kernel looks at together, equals its slow twin."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.metrics import METRICS, measure

NAMES = [name for name in METRICS if "gram" in name]


def check(rows: list[str], names: list[str]) -> None:
    found = measure(pa.array(rows), names)
    for name in names:
        for text, got in zip(rows, found[name].to_pylist()):
            want = reference.measure(text, name)
            assert (got is None) == (want is None), (name, text)
            assert got is None or got == pytest.approx(np.float32(want), rel=1e-6), (name, text)


def some_text(seed: int, size: int, letters: int, again: int) -> str:
    """Characters or words by chance, and parts of what was before, so that passages of all lengths repeat and overlap."""
    rng = random.Random(seed)
    units = [rng.choice(["甲乙丙丁戊己庚辛", ["ab ", "c ", "def ", "g "]][seed % 2])[:letters] for _ in range(8)]
    made: list[str] = []
    while len(made) < size:
        if made and rng.randrange(again) == 0:
            begin = rng.randrange(len(made))
            made += made[begin : begin + rng.randint(2, 30)]
        else:
            made.append(rng.choice(units))
    return "".join(made)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 999), st.integers(60, 260), st.integers(2, 6)), min_size=1, max_size=3))
def test_long_texts_equal_their_twins(parts: list[tuple[int, int, int]]) -> None:
    check([some_text(seed, size, 4, again) for seed, size, again in parts], NAMES)


@pytest.mark.parametrize(
    "names", [["dup_char_10gram_ratio"], ["dup_char_5gram_ratio", "dup_char_13gram_ratio"], NAMES[:1], NAMES[2:5]]
)
def test_some_lengths_alone(names: list[str]) -> None:
    check([some_text(seed, 200, 4, 4) for seed in range(6)], names)


@pytest.mark.parametrize(
    "text", ["甲" * 300, "甲乙" * 130, "ab " * 200, "甲乙丙" * 21 + "丁" + "甲乙丙" * 22, "𠀀" * 64 + "甲" * 65]
)
def test_what_overlaps_itself(text: str) -> None:
    check([text], NAMES)
