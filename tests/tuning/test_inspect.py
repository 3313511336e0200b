"""The documents that left for a reason: which, in what order, and what of their texts is marked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curator.config import ConfigError
from curator.documents import Rule
from curator.metrics import Asked
from curator.pipeline.finished import read_run
from curator.stages.filter import Filter
from curator.tuning.excerpts import Mark, runs
from curator.tuning.inspecting import inspect
from curator.tuning.views import CUT, PLACE, lines_of, marks


def titles(found) -> list[str]:
    return [looked.document["title"] for looked in found.documents]


def test_documents_stand_in_the_order_that_is_asked_for(output):
    run = read_run(output)
    near = inspect(run, "mine.han_ratio")
    assert (near.matched, titles(near)[0], titles(near)[-1]) == (3, "only han", "english")
    assert titles(inspect(run, "mine.han_ratio", order="far")) == titles(near)[::-1]
    assert sorted(titles(inspect(run, "mine.han_ratio", order="random"))) == sorted(titles(near))
    assert titles(inspect(run, "mine.han_ratio", limit=1)) == ["only han"]
    assert near.documents[0].value == 1.0


def test_documents_are_chosen_by_text_and_by_source(output):
    run = read_run(output)
    assert titles(inspect(run, "mine.han_ratio", contains="no Chinese")) == ["english"]
    assert titles(inspect(run, "mine.han_ratio", contains="site.example/12")) == ["only han"]
    assert inspect(run, "mine.han_ratio", source="books").matched == 0
    with pytest.raises(ConfigError, match="Did you mean 'books'"):
        inspect(run, "mine.han_ratio", source="book")


def test_what_a_rule_let_pass_is_looked_at_too(output):
    run = read_run(output)
    kept = inspect(run, "mine.han_ratio", kept=True)
    assert kept.matched == run.sources["web"]["kept"]
    assert titles(kept)[0] == "half", "a third is nearest to 0.3"
    assert "cut line" in titles(kept)
    failed = {**run.sources["web"], "errors": {"tag:ValueError": 1}}
    with pytest.raises(ConfigError, match="is no rule"):
        inspect(replace(run, summary={**run.summary, "sources": {"web": failed}}), "tag:ValueError", kept=True)


def test_rules_of_stages_that_are_no_filters_have_bounds_and_an_order(output):
    run = read_run(output)
    short = inspect(run, "length.chars")
    assert short.rule == Rule(column="length.chars", reason="length.chars", min=3)
    assert short.applied is None
    kept = inspect(run, "length.chars", kept=True)
    assert kept.matched == sum(source["kept"] for source in run.sources.values())
    lengths = [looked.value for looked in kept.documents]
    assert lengths == sorted(lengths), "the nearest to the bound first"
    alone = inspect(run, "dedup_documents.duplicate", kept=True)
    assert alone.rule == Rule(column="dedup_documents.duplicate", reason="dedup_documents.duplicate", equals=False)
    assert alone.matched == kept.matched
    (first, *_) = inspect(run, "dedup_documents.duplicate", kept=True, order="far").documents
    assert first.value == 2


def test_manifests_from_before_they_had_rules_still_tell_those_of_filters(output):
    run = read_run(output)
    older = replace(run, manifests=[replace(manifest, rules={}) for manifest in run.manifests])
    assert older.rules.keys() == {reason for reason in run.rules if reason.startswith(("mine.", "last."))}
    assert titles(inspect(older, "mine.han_ratio")) == titles(inspect(run, "mine.han_ratio"))
    assert inspect(older, "length.chars").rule is None


def test_a_duplicate_names_the_copy_that_was_kept(output):
    (looked,) = inspect(read_run(output), "dedup_documents.duplicate").documents
    assert looked.value == 2
    assert looked.twin is not None
    assert {looked.document["title"], looked.twin["title"]} == {"good", "good twin"}


def test_a_stage_with_a_number_of_its_own_is_a_reason(output):
    (looked,) = inspect(read_run(output), "length.chars").documents
    assert (looked.value, looked.document["text"]) == (1, "短")


def test_reasons_that_do_not_exist_name_the_nearest(output):
    with pytest.raises(ConfigError, match=r"Did you mean 'mine.han_ratio'\? The run's reasons: length.chars, "):
        inspect(read_run(output), "mine.hann_ratio")
    with pytest.raises(ConfigError, match=r"for 'q'\. "):
        inspect(read_run(output), "q")
    assert inspect(read_run(output), "mine.language").matched == 0, "a rule that rejected nothing is no slip"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("length", "name the whole of a reason: 'length' is a part of length.chars$"),
        ("han_ratio", "'han_ratio' is a part of mine.han_ratio"),
        ("mine.lines.digit_ratio", "cuts lines and rejects no document; mine.cut_char_ratio is of those"),
        ("mine.digit_ratio", "cuts lines and rejects no document"),
    ],
)
def test_a_part_of_a_reason_and_a_rule_on_lines_are_told_apart_from_slips(output, reason, said):
    with pytest.raises(ConfigError, match=said):
        inspect(read_run(output), reason)


TEXT = "第一行有些中文。\n\n111 222 333\n\n第二行也有 abc 中文。\n999\n最后一行"


@pytest.fixture
def cutting(folder) -> Filter:
    return Filter.load(str(folder / "mine.yaml"))


def test_places_of_what_is_left_are_shown_where_they_stood(cutting):
    lines, left = lines_of(cutting, TEXT)
    assert left == "第一行有些中文。\n\n第二行也有 abc 中文。\n最后一行"
    assert [TEXT[line.start : line.end] for line in lines if line.cut_by >= 0] == ["111 222 333", "999"]
    found = marks(TEXT, Asked("latin_ratio", "latin_ratio"), cutting)
    assert [(TEXT[m.start : m.end], m.kind) for m in found] == [("111 222 333", CUT), ("abc", PLACE), ("999", CUT)]
    assert [TEXT[m.start : m.end] for m in marks(TEXT, None, cutting)] == ["111 222 333", "999"]
    assert marks(TEXT, Asked("digit_ratio", "digit_ratio"), cutting, cut=False)[0] == Mark(10, 13, PLACE)


def test_a_place_over_several_lines_is_marked_in_each(cutting):
    text = "甲乙丙丁。\n甲乙丙丁。\n\n123\n甲乙丙丁。\n甲乙丙丁。"
    found = marks(text, Asked("dup_char_5gram_ratio", "dup_char_5gram_ratio"), cutting)
    assert "".join(text[m.start : m.end] for m in found if m.kind == PLACE) == "甲乙丙丁。" * 3


def test_private_data_is_replaced_whole_wherever_it_is_cut_or_marked():
    text = "写信给 li.si@example.com 谢谢"
    start, end = text.index("li."), text.index(" 谢谢")
    assert [run.text for run in runs(text, [], 0, 99, raw=False)] == ["写信给 ", "<EMAIL>", " 谢谢"]
    marked = runs(text, [Mark(start + 3, start + 5, PLACE)], 0, 99, raw=False)
    assert [(run.text, run.kind) for run in marked] == [("写信给 ", ""), ("<EMAIL>", PLACE), (" 谢谢", "")]
    assert [run.text for run in runs(text, [], 0, start + 2, raw=False)] == ["写信给 ", "<EMAIL>", "…"]
    assert [run.text for run in runs(text, [], end - 3, 99, raw=False)] == ["…", "<EMAIL>", " 谢谢"]
    assert "".join(run.text for run in runs(text, [], 0, 99, raw=True)) == text
    assert [r.text for r in runs("a\x1b[1mb", [], 0, 9, raw=True)] == ["a\\x1b[1mb"]


def test_texts_with_hostile_numbers_of_places_take_no_time():
    import time

    text = "a中" * 200_000
    asked = Asked("han_ratio", "han_ratio")
    began = time.process_time()
    found = marks(text, asked, Filter.load("zh_language"))
    shown = runs(text, found, 0, len(text), raw=False)
    assert len(found) == 200_000
    assert len(shown) == 400_000
    assert time.process_time() - began < 10
