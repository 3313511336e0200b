"""Repetition in texts of some hundred units, longer than what a kernel looks at together, equals its slow twin."""

from __future__ import annotations

import random
import time

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


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("甲乙𠀀 ", max_size=90) | st.none(), max_size=4), st.integers(0, 2), st.integers(12, 300))
def test_few_letters_in_slices_and_pieces(rows: list[str | None], before: int, piece_bytes: int) -> None:
    names = [name for name in NAMES if "_char_" in name]
    column = pa.array([*["甲乙"] * before, *rows], pa.string()).slice(before)
    found = measure(column, names, piece_bytes=piece_bytes)
    for name in names:
        for text, got in zip(rows, found[name].to_pylist()):
            want = None if text is None else reference.measure(text, name, piece_bytes=piece_bytes)
            assert (got is None) == (want is None), (name, text)
            assert got is None or got == pytest.approx(np.float32(want), rel=1e-6), (name, text)


def test_more_often_than_a_tally_can_show() -> None:
    check(["甲乙" * 400 + "丙丁" * 300 + "戊己" * 400, "丙丁己" * 300 + "甲乙丙丁" * 280], NAMES)


def de_bruijn(letters: int, n: int) -> list[int]:
    """The shortest cycle that has every n-gram once (the prefer-largest rule)."""
    found, seen = [0] * n, set()
    while True:
        for letter in reversed(range(letters)):
            gram = (*found[len(found) - n + 1 :], letter)
            if gram not in seen:
                seen.add(gram)
                found.append(letter)
                break
        else:
            return found


HOSTILE = {
    "one letter": lambda size: "甲" * size,
    "two letters in turn": lambda size: "甲乙" * (size // 2),
    "every 4-gram": lambda size: "".join(chr(0x4E00 + letter) for letter in de_bruijn(12, 4)) * (size // 20_000),
    "every 7-gram": lambda size: "".join(chr(0x4E00 + letter) for letter in de_bruijn(4, 7)) * (size // 16_000),
    "few letters": lambda size: "".join(random.Random(1).choices("甲乙", k=size)),
    "some letters": lambda size: "".join(random.Random(2).choices([chr(0x4E00 + k) for k in range(60)], k=size)),
    "growing": lambda size: "".join("甲" * k + "乙" for k in range(int((2 * size) ** 0.5))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_takes_linear_time(kind: str) -> None:
    column = pa.array([HOSTILE[kind](600_000)])
    names = [name for name in NAMES if "_char_" in name]
    measure(pa.array(["甲乙"]), names)
    began = time.process_time()
    measure(column, names)
    assert time.process_time() - began < 0.5
