"""What is highlighted is what was counted: the places of a text, divided as the metric divides, are the metric."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.metrics import METRICS, WORDS
from curator.metrics.lists import WordList
from curator.tuning.places import Place, counted, places

STOPS = ("the", "of", "don't", "的", "是")
PHRASES = ("中国", "国人", "the end", "ab", "3 likes", "中")
LISTS = {"stop_words_en": WordList.of(STOPS), "phrases": WordList.of(PHRASES)}
characters = list("ab的是中。.…'’\n\n  \u3000#{【】-•9½é\u0301𠀀アー한\ufffd!：\t\x85T,，")
pieces_of_text = st.sampled_from(
    [*characters, "the ", "don't ", "...", "。。。", "a line\n", "【菜单】", *PHRASES, "中国人民的"]
)
repetitive = st.tuples(st.text("ab中 \n", max_size=12), st.integers(1, 8)).map(lambda pair: pair[0] * pair[1])
texts = st.one_of(st.lists(pieces_of_text, max_size=60).map("".join), repetitive)

Measure = Callable[[str, list[Place]], float]  # the numerator of a metric, from its places


def covered(text: str, found: list[Place]) -> float:
    return sum(end - start for start, end in found)


def covered_visible(text: str, found: list[Place]) -> float:
    return sum(not c.isspace() for start, end in found for c in text[start:end])


def covered_in_lines(text: str, found: list[Place]) -> float:
    return sum(len(line) for start, end in found for line in text[start:end].split("\n"))


def number(text: str, found: list[Place]) -> float:
    return len(found)


def distinct(text: str, found: list[Place]) -> float:
    forms = reference.stop_forms(STOPS)
    return len({forms[text[start:end]] for start, end in found})


def letters(text: str, found: list[Place]) -> float:
    return sum(reference.is_letter(c) for start, end in found for c in text[start:end])


def numerator(name: str) -> Measure:
    if name == "stop_words":
        return distinct
    if "phrase" in name:
        return letters if name.endswith("phrase_ratio") else number
    if "gram_" in name:
        return covered_visible
    if name == "hash_word_ratio":
        return covered
    if name.startswith(("punct", "clause", "dup")) and "_char_" in name:
        return covered_in_lines
    if ("line" in name and not name.startswith(("max", "newlines"))) or "paragraph" in name or name.endswith("word_ratio"):
        return number
    return covered


def denominator(name: str, text: str, words: str, piece_bytes: int) -> float:
    parts = reference.cut(text, piece_bytes)
    lines = [line for part in parts for line in reference.lines_of(part)]
    tokens = [token for part in parts for token in reference.tokens_of(part, words)]
    if METRICS[name].kind == "count":
        return 1
    if "_word_" in name and "gram_" in name:
        return len(text)
    if "gram_" in name:
        return sum(not c.isspace() for c in text)
    if name == "newlines_per_word" or name in ("alpha_word_ratio", "hash_word_ratio", "ellipsis_word_ratio"):
        return len(tokens)
    if name.endswith("phrase_ratio"):
        return sum(map(reference.is_letter, text))
    if name in ("stop_word_ratio", "phrases_per_word"):
        return sum(map(reference.is_word, tokens))
    if name in ("dup_paragraph_ratio",):
        return sum(len(reference.paragraphs_of(part)) for part in parts)
    if "line" in name or "paragraph" in name:
        return sum(map(len, lines)) if "_char_" in name else len(lines)
    return len(text)


WITH_PLACES = [name for name in METRICS if counted(name)]
COUNTED = [name for name in WITH_PLACES if not name.endswith("joined_ratio")]  # those count a run once for each occurrence


@pytest.mark.parametrize("name", COUNTED)
def test_the_places_are_what_the_metric_counts(name: str) -> None:
    listed = "phrases" if "phrase" in name else "stop_words_en"

    @settings(max_examples=40, deadline=None)
    @given(
        texts,
        st.integers(0, 20),
        st.sampled_from([16, 1 << 21]),
        st.sampled_from(["words", "anywhere"]),
        st.sampled_from(WORDS),
    )
    def check(text: str, short: int, piece_bytes: int, match: str, words: str) -> None:
        parameters = {"chars": short, "list": listed, "match": match}
        found = places(text, name, parameters, LISTS, words=words, piece_bytes=piece_bytes)
        assert found == sorted(found)
        assert all(0 <= start < end <= len(text) for start, end in found)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(found))
        given = {"phrases": PHRASES, "match": match, "words": words, "piece_bytes": piece_bytes}
        want = reference.measure(text, name, chars=short, stop_words=STOPS, **given)
        if want is not None:
            shown = numerator(name)(text, found) / denominator(name, text, words, piece_bytes)
            assert math.isclose(shown, want, abs_tol=1e-9), found

    check()


def test_what_has_no_place_says_so() -> None:
    without = {name for name in METRICS if not counted(name)}
    assert {"chars", "words", "lines", "char_entropy", "mean_line_chars", "mean_word_length", "unique_chars"} <= without
    assert places("any text", "char_entropy") == []
    assert len(WITH_PLACES) > 40
    assert {name for name, metric in METRICS.items() if metric.reads == "url"} <= without


def test_places_are_code_points_and_run_over_what_is_joined() -> None:
    assert places("𠀀é 中文x", "han_ratio") == [(0, 1), (3, 5)]
    assert places("看【菜单】和【】和【未完\n】", "bracketed_ratio") == [(2, 4)]
    assert places("a b a b a b c", "top_word_2gram_ratio") == [(0, 11)]
    assert places("a b a b a b c", "top_word_2gram_joined_ratio") == [(0, 11)]
    assert places("中国人和中国", "distinct_phrases", {"list": "x"}, {"x": WordList.of(["中国"])}) == [(0, 2)]
    assert places("中国人和中国", "phrases", {"list": "x"}, {"x": WordList.of(["中国"])}) == [(0, 2), (4, 6)]
    assert places("甲乙丙丁戊x甲乙丙丁戊", "dup_char_5gram_ratio") == [(6, 11)]
