"""The traps that others fell into (repetition that is not there, or not seen; empty texts), one test each."""

from __future__ import annotations

import pyarrow as pa
import pytest

from curator.metrics import METRICS, measure
from curator.metrics.lists import WordList


def value(text: str, name: str) -> float:
    return measure(pa.array([text]), [name])[name][0].as_py()


def test_top_ngram_is_true_covered_characters() -> None:
    text = "人工智能的发展，人工智能的未来，都离不开数据。"
    assert value(text, "top_char_4gram_ratio") == pytest.approx(8 / len(text))
    assert value("the cat sat on the cat", "top_word_2gram_ratio") == pytest.approx(12 / 22)  # "the cat" twice


def test_overlaps_count_once() -> None:
    assert value("哈" * 50, "top_char_2gram_ratio") == 1.0
    assert value("哈" * 50, "dup_char_10gram_ratio") == pytest.approx(49 / 50)


def test_a_top_ngram_that_occurs_once_contributes_nothing() -> None:
    assert value("one two three", "top_word_2gram_ratio") == 0.0
    assert value("春夏秋冬", "top_char_2gram_ratio") == 0.0


def test_ngrams_are_known_by_their_words_not_by_their_letters() -> None:
    assert value("ab c d e f a bc d e f", "dup_word_5gram_ratio") == 0.0
    assert value("ab c d e f ab c d e f", "dup_word_5gram_ratio") == pytest.approx(6 / 21)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u3000\t", "。", "#", "…"])
def test_empty_and_blank_texts_never_fail(text: str) -> None:
    found = measure(pa.array([text]), [name for name, metric in METRICS.items() if metric.reads == "text"])
    assert found["chars"][0].as_py() == len(text)
    assert found["words"][0].as_py() == 0


def test_chinese_with_newlines_has_symbols_and_words() -> None:
    assert value("第一行#\n第二行", "hash_word_ratio") == pytest.approx(1 / 7)
    assert value("第一行\n第二行", "newlines_per_word") == pytest.approx(1 / 6)


def test_a_sentence_repeated_200_times_is_seen_and_no_ratio_is_over_one() -> None:
    text = "本店常年办理各种证件，欢迎来电咨询。" * 200
    assert value(text, "top_char_4gram_ratio") > 0.2
    assert value(text, "dup_char_5gram_ratio") > 0.99
    found = measure(pa.array([text, "a b a b a b " * 50]), [n for n, m in METRICS.items() if m.kind == "ratio"])
    assert all(0 <= v <= 1 for column in found.values() for v in column.to_pylist())


def test_a_hyphen_begins_a_bullet() -> None:
    assert value("- one\n  - two\n• 三\nfour", "bullet_line_ratio") == 0.75


def test_the_last_ngram_counts() -> None:
    assert value("甲乙丙丁戊甲乙丙丁戊", "dup_char_5gram_ratio") == 0.5
    assert value("春眠不觉晓", "dup_char_5gram_ratio") == 0.0


def test_more_than_65535_lines() -> None:
    text = "".join(f"{i}\n" for i in range(70_000))
    assert value(text, "lines") == 70_000
    assert value(text * 2, "dup_line_ratio") == 0.5


def test_chinese_marks_end_a_line() -> None:
    lines = ["好。", "吗？", "是！", "等；", "说：", "他说“好”", "『』", "「」", "（注）", "……", "yes.", "无"]
    assert value("\n".join(lines), "punct_line_end_ratio") == pytest.approx(11 / 12)


def test_stop_words_are_met_in_any_case_and_counted_once() -> None:
    lists = {"stop_words_en": WordList.of(["the", "of", "的", "是"])}
    found = measure(pa.array(["The THE the of", "的确是的", "thesis"]), ["stop_words"], lists=lists)
    assert found["stop_words"].to_pylist() == [2, 2, 0]


def test_lines_that_are_alike_at_their_ends_are_told_apart() -> None:
    one, two, three = (f"{'begins alike ' * 4}{middle}{' ends alike' * 4}" for middle in ("first", "other", "third"))
    assert value("\n".join([one, two, three]), "dup_line_ratio") == 0.0
    assert value("\n".join([one, two, one, three, three, two]), "dup_line_ratio") == 0.5
    assert value("\n".join([one, two, "", one, three, "", one, two]), "dup_paragraph_ratio") == pytest.approx(1 / 3)
