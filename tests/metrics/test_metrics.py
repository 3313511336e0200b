"""Every metric equals its slow twin, on text of every kind, through slices, nulls and pieces."""

from __future__ import annotations

import math
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import reference
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.metrics import METRICS, Asked, measure
from curator.metrics.lists import WordList

NAMES = [name for name, metric in METRICS.items() if metric.reads == "text"]
STOPS = ["the", "of", "don't", "的", "是"]
LISTS = {"stop_words_en": WordList.of(STOPS)}

# Few characters, so that lines, words and n-grams repeat; with what is odd about each class.
characters = st.sampled_from(
    [
        *list("ab的是中。.…'’\n\n  \u3000#{【】-•9½é\u0301𠀀アー한\ufffd!：\t\x85T\"_:/—Σσ"),
        "the ",
        "don't ",
        "...",
        "。。。",
        "a.",
        "://",
        "9–",
        "@",
        "‐",
        "×",
    ]
)
repetitive = st.tuples(st.text("ab中 \n", max_size=12), st.integers(1, 8)).map(lambda pair: pair[0] * pair[1])
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
texts = st.one_of(st.lists(characters, max_size=60).map("".join), repetitive, any_text)


def same(got: float | None, want: float | None) -> bool:
    if got is None or want is None:
        return got is want
    return math.isclose(got, np.float32(want), rel_tol=1e-6, abs_tol=2e-6)


def check(column: pa.Array, piece_bytes: int = 1 << 21, short: int = 30, trim: bool = True, blank: bool = False) -> None:
    given = {"chars": short, "trim": trim, "blank": blank}
    asked = [Asked(name, name, tuple((k, given[k]) for k in METRICS[name].parameters if k in given)) for name in NAMES]
    found = measure(column, asked, lists=LISTS, piece_bytes=piece_bytes)
    for name in NAMES:
        assert found[name].type == METRICS[name].type
        assert len(found[name]) == len(column)
        for text, got in zip(column.to_pylist(), found[name].to_pylist()):
            want = None
            if text is not None:
                want = reference.measure(text, name, **given, stop_words=STOPS, piece_bytes=piece_bytes)
            assert same(got, want), (name, text, got, want)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.none() | texts, max_size=5),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 20),
    st.booleans(),
    st.booleans(),
)
@example(["", None, " \n\u3000", "第一" * 30, "𠀀é\u0301" * 9], 0, 0, 3, True, False)
def test_every_metric_equals_its_twin(
    rows: list[str | None], before: int, after: int, short: int, trim: bool, blank: bool
) -> None:
    column = pa.array([*["previous text\n"] * before, *rows, *[None] * after], pa.string())
    check(column.slice(before, len(rows)), short=short, trim=trim, blank=blank)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=1, max_size=3), st.integers(16, 40))
@example(["a'\u0301", "a'\u0301b's"], 16)
def test_a_long_text_is_measured_in_pieces(rows: list[str], piece_bytes: int) -> None:
    check(pa.array(rows, pa.large_string()), piece_bytes)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_string_types(kind: pa.DataType) -> None:
    column = pa.array(["中文。", None, "two\nlines"], kind)
    found = measure(column, ["chars", "lines"])
    assert found["chars"].to_pylist() == [3, None, 9]
    assert found["lines"].to_pylist() == [1, None, 2]


def test_no_rows_and_only_nulls() -> None:
    for column in (pa.array([], pa.string()), pa.nulls(3, pa.string()), pa.array(["", ""])):
        found = measure(column, NAMES)
        assert all(len(found[name]) == len(column) for name in NAMES)
    assert found["chars"].to_pylist() == [0, 0]
    assert found["han_ratio"].null_count == 2


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe4\xb8"]), max_size=4
    )
)
def test_bytes_that_are_no_utf8_are_counted_as_replacements(rows: list[bytes]) -> None:
    column = pa.array(rows, pa.binary()).view(pa.string())
    found = measure(column, ["chars", "replacement_ratio", "han_chars"])
    for row, data in enumerate(rows):
        text = reference.decode(data)
        assert found["chars"][row].as_py() == len(text)
        assert found["han_chars"][row].as_py() == sum(map(reference.is_han, text))
        assert same(found["replacement_ratio"][row].as_py(), reference.measure(text, "replacement_ratio"))


def test_every_character_has_the_class_that_python_gives_it() -> None:
    everything = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    column = pa.array(everything)
    names = ["alnum_ratio", "digit_ratio", "symbol_ratio", "whitespace_ratio", "latin_ratio", "han_ratio", "kana_ratio"]
    found = measure(column, names)
    for name, test in {
        "alnum_ratio": reference.is_alnum,
        "digit_ratio": str.isdecimal,
        "whitespace_ratio": str.isspace,
        "han_ratio": reference.is_han,
        "kana_ratio": reference.is_kana,
        "latin_ratio": reference.is_latin,
        "symbol_ratio": lambda c: unicodedata.category(c)[0] in "PS",
    }.items():
        assert found[name].to_numpy().astype(bool).tolist() == [test(c) for c in everything], name


def test_results_do_not_depend_on_the_batch() -> None:
    rows = [f"第{i}行 the line {i % 3}\n" * (i % 5) + "甲乙丙" * i for i in range(60)]
    whole = measure(pa.array(rows), NAMES, lists=LISTS)
    for name in NAMES:
        apart = [measure(pa.array([row]), NAMES, lists=LISTS)[name][0].as_py() for row in rows[:7]]
        assert whole[name].to_pylist()[:7] == apart
    backwards = measure(pa.array(rows[::-1]), NAMES, lists=LISTS)
    assert all(backwards[name].to_pylist()[::-1] == whole[name].to_pylist() for name in NAMES)


def test_subsets_give_the_same_numbers() -> None:
    column = pa.array(["甲乙丙丁甲乙丙丁甲乙丙丁\n再来一行。甲乙丙丁甲乙丙丁", "to be or not to be or not to be or not to be"])
    whole = measure(column, NAMES, lists=LISTS)
    for name in NAMES:
        assert measure(column, [name], lists=LISTS)[name].equals(whole[name]), name


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(texts, max_size=6).map("".join), min_size=1, max_size=3))
def test_where_only_longer_words_are_sought_tokens_of_one_character_are_counted(rows: list[str]) -> None:
    stops = ["the", "of", "don't", "ab"]
    names = ["stop_words", "stop_word_ratio", "words", "mean_word_length", "alpha_word_ratio"]
    found = measure(pa.array(rows), names, lists={"stop_words_en": WordList.of(stops)})
    for name in names:
        for text, got in zip(rows, found[name].to_pylist()):
            assert same(got, reference.measure(text, name, stop_words=stops)), (name, text)


@given(st.lists(texts, max_size=4))
@example(["The THE the thé ŧhe " + "the" * 40, "是 的是 不是"])
def test_stop_words_are_found_where_no_other_word_is_hashed(rows: list[str]) -> None:
    names = ["stop_words", "stop_word_ratio"]
    lists = {"stop_words_en": WordList.of([*STOPS, "the" * 40])}
    found = measure(pa.array(rows, pa.string()), names, lists=lists)
    beside = measure(pa.array(rows, pa.string()), [*names, "dup_word_5gram_ratio"], lists=lists)
    assert all(found[name].equals(beside[name]) for name in names)


def test_one_metric_can_serve_twice() -> None:
    column = pa.array(["one\ntwo words\nthe three words of it", None])
    asked = [
        Asked("tiny", "short_line_ratio", (("chars", 3),)),
        Asked("short", "short_line_ratio", (("chars", 9),)),
        Asked("lines", "lines"),
        Asked("some", "stop_words", (("list", "few"),)),
        Asked("others", "stop_words"),
        Asked("again", "dup_word_5gram_ratio"),
    ]
    found = measure(column, asked, lists={"few": WordList.of(["two", "three"]), **LISTS})
    assert {name: values.to_pylist() for name, values in found.items()} == {
        "tiny": [pytest.approx(1 / 3), None],
        "short": [pytest.approx(2 / 3), None],
        "lines": [3, None],
        "some": [2, None],
        "others": [2, None],
        "again": [0.0, None],
    }
