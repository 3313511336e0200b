"""Phrases: what is one, at whose ends, through every kind of text and list; and hostile text."""

from __future__ import annotations

import math
import random
import time
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.metrics import METRICS, Asked, measure
from curator.metrics.lists import WordList
from curator.metrics.phrases import Phrases, places

Match = Literal["words", "anywhere"]
NAMES = [name for name in METRICS if "phrase" in name and METRICS[name].reads == "text"]

pieces = st.sampled_from(
    [*"aAbＡ口交中国人\u0301アー한9.- \n\u3000𠀀İǅ々", "进出口交易会", "口交", "视频", "terms of use", "做爱"]
)
texts = st.lists(pieces, max_size=14).map("".join) | st.text("ab", max_size=30)
phrase_lists = st.lists(
    st.lists(pieces, min_size=1, max_size=4).map("".join) | st.text("ab", min_size=1, max_size=5), max_size=8
)
matches = st.sampled_from(["words", "anywhere"])


@settings(max_examples=300, deadline=None)
@given(texts, phrase_lists, matches)
@example("aab", ["a", "aab", "ab", "b"], "anywhere")
@example("看口交视频", ["口交视频", "看口", "口交"], "words")
def test_places_equal_the_twins(text: str, phrases: list[str], match: Match) -> None:
    assert places(text, WordList.of(phrases), match) == reference.places(text, phrases, match)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | texts, max_size=5), phrase_lists, matches, st.integers(0, 2), st.integers(16, 60))
def test_metrics_equal_their_twins(
    rows: list[str | None], phrases: list[str], match: Match, before: int, piece_bytes: int
) -> None:
    column = pa.array([*["口交 a\n"] * before, *rows], pa.string()).slice(before)
    asked = [Asked(name, name, (("list", "x"), ("match", match))) for name in NAMES]
    found = measure(column, asked, lists={"x": WordList.of(phrases)}, piece_bytes=piece_bytes)
    for name in NAMES:
        for text, got in zip(rows, found[name].to_pylist()):
            want = None
            if text is not None:
                want = reference.measure(text, name, phrases=phrases, match=match, piece_bytes=piece_bytes)
            same = got is want if got is None or want is None else math.isclose(got, np.float32(want), rel_tol=1e-6)
            assert same, (name, text, got, want)


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=4), st.lists(phrase_lists, min_size=2, max_size=4), matches)
@example(["看口交视频"], [["口交视频", "看口"], ["口交"], ["看", "口交", "频"]], "anywhere")
def test_lists_together_equal_each_alone(rows: list[str], lists: list[list[str]], match: Match) -> None:
    named = {str(number): WordList.of(phrases) for number, phrases in enumerate(lists)}
    asked = [Asked(f"{name} {key}", name, (("list", key), ("match", match))) for key in named for name in NAMES]
    found = measure(pa.array(rows, pa.string()), asked, lists=named)
    for one in asked:
        assert found[one.name].equals(measure(pa.array(rows, pa.string()), [one], lists=named)[one.name]), one.name


@pytest.mark.parametrize(
    ("text", "words", "anywhere"),
    [
        ("进出口交易会", 0, 1),
        ("他做爱国者", 0, 1),
        ("加微信看口交视频", 1, 1),
        ("口交", 1, 1),
        ("【口交】", 1, 1),
        ("x口交x", 1, 1),
        ("a cat sat", 1, 1),
        ("concatenate", 0, 1),
        ("cats", 0, 1),
        ("cat's ＣＡＴ Cat猫", 3, 3),
        ("cat9 9cat cat\u0301", 0, 3),
        ("重庆时时彩后二", 1, 1),
    ],
)
def test_ends_of_words(text: str, words: int, anywhere: int) -> None:
    listed = WordList.of(["口交", "做爱", "cat", "时时彩"])
    assert (len(places(text, listed)), len(places(text, listed, "anywhere"))) == (words, anywhere)


def test_the_longest_from_the_left_counts_once() -> None:
    listed = WordList.of(["视频", "做爱视频", "做爱", "use of cookies", "cookies policy", "Policy"])
    assert places("激情做爱视频", listed) == [(2, 6, "做爱视频")]
    text = "the USE of cookies policy"
    assert [text[i:j] for i, j, _ in places(text, listed)] == ["USE of cookies", "policy"]
    assert [phrase for *_, phrase in places(text, listed)] == ["use of cookies", "Policy"]
    assert places("any", WordList.of([])) == []


def test_a_line_that_is_nothing_but_phrases() -> None:
    listed = WordList.of(["likes", "评论", "分享到"])
    asked = [Asked("share", "phrase_ratio", (("list", "x"),))]
    found = measure(pa.array(["3 likes", "评论(0)", "分享到：", "分享到朋友圈", "12"]), asked, lists={"x": listed})["share"]
    assert found.to_pylist() == [1, 1, 1, 0.5, None]


def test_two_lists_and_both_ways_of_matching_in_one_filter() -> None:
    asked = [
        Asked("a", "phrases", (("list", "a"),)),
        Asked("b", "phrases", (("list", "b"),)),
        Asked("anywhere", "phrases", (("list", "b"), ("match", "anywhere"))),
        Asked("per_word", "phrases_per_word", (("list", "b"),)),
        Asked("stops", "stop_words", (("list", "stops"),)),
    ]
    lists = {"a": WordList.of(["red"]), "b": WordList.of(["cat"]), "stops": WordList.of(["the"])}
    found = measure(pa.array(["the red cat concat"]), asked, lists=lists)
    assert {name: values[0].as_py() for name, values in found.items()} == {
        "a": 1,
        "b": 1,
        "anywhere": 2,
        "per_word": 0.25,
        "stops": 1,
    }


def test_a_long_list() -> None:
    rng = random.Random(5)
    letters = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动"
    phrases = ["".join(rng.choices(letters, k=rng.randint(2, 6))) for _ in range(100_000)]
    text = "".join(rng.choices(letters + "，。 ", k=3000))
    began = time.process_time()
    finder = Phrases([WordList.of(phrases)], "anywhere", 0)
    assert time.process_time() - began < 20
    assert len(finder.automaton.phrases) == len(set(phrases))
    known, i, want = set(phrases), 0, []
    while i < len(text):
        length = next((n for n in range(6, 1, -1) if i + n <= len(text) and text[i : i + n] in known), 0)
        if length:
            want.append((i, i + length, text[i : i + length]))
        i += length or 1
    assert places(text, WordList.of(phrases), "anywhere") == want


@pytest.mark.parametrize("match", ["words", "anywhere"])
@pytest.mark.parametrize("unit", ["a", "口交", "中", "a口交", "口交 "])
def test_hostile_text_takes_linear_time(unit: str, match: Match) -> None:
    listed = WordList.of([*(unit * n for n in range(1, 40)), unit * 500 + "x"])
    asked = [Asked("n", "phrases", (("list", "x"), ("match", match)))]

    def seconds(chars: int) -> float:
        column = pa.array([unit * (chars // len(unit))])
        began = time.process_time()
        measure(column, asked, lists={"x": listed})
        return time.process_time() - began

    seconds(1000)
    assert seconds(1_000_000) < 2.5
