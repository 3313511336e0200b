"""Chinese words: every metric on words equals its slow twin, which cuts each run of Han characters by itself."""

from __future__ import annotations

import math
import random
import time

import numpy as np
import pyarrow as pa
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.metrics import METRICS, Asked, classes, libraries_of, measure
from curator.metrics.catalogue import Kernel
from curator.metrics.han_words import HanWords
from curator.metrics.lists import WordList

ON_WORDS = {Kernel.WORDS, Kernel.STOP_WORDS, Kernel.WORD_NGRAMS}
NAMES = [
    name for name, metric in METRICS.items() if metric.kernels <= ON_WORDS | {Kernel.CHARACTERS} and metric.kernels & ON_WORDS
]
STOPS = ["的", "中国", "don't"]
LISTS = {"stop_words_en": WordList.of(STOPS)}

parts = st.sampled_from(
    ["中国", "人民", "的", "研究生命起源", "𠀀𠀁", "〇々", "\u0301", "ア", "a", "don't", "9", "，", "\n", " ", "…", "。"]
)
texts = st.lists(parts, max_size=25).map("".join) | st.text(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=30
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | texts, max_size=4), st.integers(0, 2), st.integers(24, 80))
@example(["中\u0301国人" * 5, None, "", "ア中国ア", "中国don't中国人民"], 1, 60)
def test_metrics_equal_their_twins(rows: list[str | None], before: int, piece_bytes: int) -> None:
    column = pa.array([*["研究生命\n"] * before, *rows], pa.string()).slice(before)
    found = measure(column, NAMES, lists=LISTS, words="jieba", piece_bytes=piece_bytes)
    for name in NAMES:
        for text, got in zip(rows, found[name].to_pylist()):
            want = None
            if text is not None:
                want = reference.measure(text, name, stop_words=STOPS, words="jieba", piece_bytes=piece_bytes)
            same = got is want if got is None or want is None else math.isclose(got, np.float32(want), rel_tol=1e-6)
            assert same, (name, text, got, want)


def test_words_of_several_characters() -> None:
    text = pa.array(["我来到北京清华大学，他来到了网易杭研大厦。", "hello 中国"])
    asked = ["words", "mean_word_length", "max_word_chars"]
    found = measure(text, asked, words="jieba")
    assert found["words"].to_pylist() == [10, 2]
    assert found["max_word_chars"].to_pylist() == [4, 5]
    assert measure(text, asked)["words"].to_pylist() == [19, 3]
    assert measure(
        text, [Asked("n", "stop_words", (("list", "x"),))], lists={"x": WordList.of(["北京", "大学"])}, words="jieba"
    )["n"].to_pylist() == [1, 0]


def test_results_do_not_depend_on_the_batch() -> None:
    rows = [f"第{i}行讲的是研究生命起源\n" * (i % 5) + "中华人民共和国" * i for i in range(40)]
    whole = measure(pa.array(rows), NAMES, lists=LISTS, words="jieba")
    backwards = measure(pa.array(rows[::-1]), NAMES, lists=LISTS, words="jieba")
    for name in NAMES:
        apart = [measure(pa.array([row]), [name], lists=LISTS, words="jieba")[name][0].as_py() for row in rows[:4]]
        assert whole[name].to_pylist()[:4] == apart
        assert backwards[name].to_pylist()[::-1] == whole[name].to_pylist()


@pytest.mark.parametrize("unit", ["中", "中国", "𠀀", "龘靐", "研究生命"])
def test_a_run_without_an_end_takes_linear_time(unit: str) -> None:
    column = pa.array([unit * (600_000 // len(unit))])
    began = time.process_time()
    words = measure(column, ["words"], words="jieba")["words"][0].as_py()
    assert 0 < words <= 600_000
    assert time.process_time() - began < 3


def test_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="none of characters, jieba"):
        measure(pa.array(["x"]), ["words"], words="pkuseg")


def test_the_segmenter_is_named_where_its_version_matters() -> None:
    phrases = Asked("n", "phrases", (("list", "x"),))
    assert libraries_of([Asked("words", "words")], "jieba") == libraries_of([phrases], "characters") == ("rjieba",)
    assert libraries_of([Asked("words", "words"), Asked("n", "phrases", (("match", "anywhere"),))], "characters") == ()
    assert libraries_of([Asked("chars", "chars")], "jieba") == ()


def test_runs_that_are_remembered_and_forgotten() -> None:
    rng = random.Random(3)
    common = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动研究命起源"
    runs = ["".join(rng.choices(common, k=rng.choice([1, 2, 3, 4, 8, 9, 12, 13]))) for _ in range(90_000)]
    text = "，".join([*runs, *rng.choices(runs, k=9000)])
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    begins, kinds, finder = np.empty(len(points), np.uint8), classes.table()[points], HanWords()
    half = len(points) // 2
    wanted = reference.word_starts(text[:half], True) | {half + i for i in reference.word_starts(text[half:], True)}
    for _ in range(2):
        finder.mark(points, kinds, np.array([0, half, len(points)], np.int64), begins)
        assert set(np.flatnonzero((begins == 1) & (kinds == classes.HAN)).tolist()) == wanted
