"""A run judged again: without a change it is the run itself; with one it is what the engine would have decided."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.config import ConfigError
from curator.documents import Rule, decide
from curator.engine.executor import Inline
from curator.pipeline.finished import read_run
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run as run_recipe
from curator.pipeline.watch import Watch
from curator.storage import StorageError
from curator.tuning.changes import read_change
from curator.tuning.judging import RuleCount, Values, failing
from curator.tuning.retune import retune
from curator.tuning.show_retune import without_number
from curator.tuning.stored import filters_of, seen
from curator.tuning.sweeps import sweep


def counts(found) -> dict[str, int]:
    return {reason: count.reason for reason, count in found.judged.then.items() if count.reason}


def test_without_a_change_it_is_the_run(output):
    run = read_run(output)
    found = retune(run, "mine")
    rejected = {k: v for k, v in run.sources["web"]["rejected"].items() if k.startswith("mine.")}
    assert counts(found) == rejected
    assert len(rejected) >= 5, rejected
    assert found.judged.differing == 0
    documents = run.sources["web"]["documents"] - run.sources["web"]["rejected"]["length.chars"]
    assert found.judged.total("documents") == documents
    assert found.judged.total("passed_then") == documents - sum(rejected.values())
    assert not found.changed
    assert [rule.reason for rule in found.rules] == [
        f"mine.{key}" for key in ("cut_line_ratio", "han_ratio", "chars", "few_stops", "dup_line_ratio", "language")
    ], "the order of the file, which decides the reason"


def test_kills_overlap_and_unique(output):
    found = retune(read_run(output), "mine")
    now, place = found.judged.now, [rule.reason for rule in found.rules]
    assert now["mine.language"].kills == 1
    assert now["mine.language"].unique == 0, "the English one has no Han either"
    both = found.judged.overlap[place.index("mine.language"), place.index("mine.han_ratio")]
    assert both == 1
    assert all(found.judged.overlap[at, at] == count.kills for at, count in enumerate(now.values()))
    for count in now.values():
        assert count.unique <= count.reason <= count.kills


def test_a_change_is_what_a_run_with_it_decides(folder, output, tmp_path):
    change = "{han_ratio: {min: 0.6, max: 1}, chars: off, dup_line_ratio: {max: 0.9}}"
    found = retune(read_run(output), "mine", read_change([change]))
    recipe = (
        (folder / "toy.yaml")
        .read_text()
        .replace(f"filter: {folder}/mine.yaml", f"filter: {{preset: {folder}/mine.yaml, change: {change}}}")
    )
    (tmp_path / "changed.yaml").write_text(recipe)
    summary = run_recipe(load_recipe(str(tmp_path / "changed.yaml"), output=str(tmp_path / "out")), Inline(), Watch())
    rejected = {k: v for k, v in summary["sources"]["web"]["rejected"].items() if k.startswith("mine.")}
    assert {reason: count.reason for reason, count in found.judged.now.items() if count.reason} == rejected
    assert found.judged.total("gained") > 0
    assert found.judged.total("lost") > 0
    assert any("have not been through the stages after it (dedup_documents, last)" in c for c in found.cautions)


def test_a_filter_in_a_later_pass_sees_what_reached_it(output):
    run = read_run(output)
    found = retune(run, "last")
    assert found.judged.total("documents") == sum(s["kept"] for s in run.sources.values()) + run.total("last.max_line_chars")
    assert {source for source, _ in found.judged.groups} == {"web", "books"}
    assert counts(found) == {"last.max_line_chars": 1}
    assert found.judged.differing == 0


def test_sweep_marks_the_present_bound_and_counts_as_a_change_would(output):
    run = read_run(output)
    (swept,) = retune(run, "mine", swept=["chars"]).sweeps
    present = [point for point in swept.points if point.present]
    assert [point.bound for point in present] == [12]
    assert present[0].kept == retune(run, "mine").judged.total("passed_now")
    assert len(swept.points) >= 8
    for point in swept.points:
        changed = retune(run, "mine", read_change([f"chars={{min: {point.bound}}}"]))
        count = changed.judged.now["mine.chars"]
        assert (point.kept, point.kills, point.unique) == (changed.judged.total("passed_now"), count.kills, count.unique)


def test_both_ends_are_swept_and_nearest_stand_on_both_sides(output):
    found = retune(read_run(output), "mine", swept=["han_ratio"], nearest=2)
    assert [s.end for s in found.sweeps] == ["min", "max"]
    near = found.near["mine.han_ratio"]
    assert [each.near.passes for each in near] == sorted((each.near.passes for each in near), reverse=True)
    assert "only han" in {each.document["title"] for each in near if not each.near.passes}
    assert len(near) == 4
    assert all(each.document["url"].startswith("https://site.example/") for each in near)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "{latin_ratio: {max: 0.3}}",
            "did not measure 'latin_ratio', so nothing is stored of it: add it to the recipe",
        ),
        (
            "{few_stops: {list: stop_words_en}}",
            "the run measured 'stop_words' (list stop_words_zh), not 'stop_words' (list",
        ),
        ("{lines.digit_ratio: {max: 0.9}}", "rules on lines change the text"),
        ("{words: jieba}", "words: the run counted characters"),
        ("{hann_ratio: off}", "Did you mean 'han_ratio'?"),
        ("{han_ratio: {min: x}}", "min must be a number"),
        ("{language.score: {min: 0.5}}", "the run has not stored 'language.score'"),
        ("nowhere.yaml", "no filter 'nowhere.yaml'"),
    ],
)
def test_what_is_not_stored_is_named(output, change, said):
    with pytest.raises((ConfigError, StorageError)) as failure:
        retune(read_run(output), "mine", read_change([change]))
    assert said in str(failure.value)


def test_one_number_serves_rules_of_other_names_and_whole_filters(folder, output, tmp_path):
    run = read_run(output)
    again = retune(run, "mine", read_change(["less_han={metric: han_ratio, min: 0.5}"]))
    count = again.judged.now["mine.less_han"]
    assert (count.rule.column, count.kills) == ("mine.han_ratio", 3)
    whole = (folder / "mine.yaml").read_text().replace("min: 12", "min: 2")
    (tmp_path / "whole.yaml").write_text(whole)
    found = retune(run, "mine", read_change([str(tmp_path / "whole.yaml")]))
    assert [rule.reason for rule in found.rules if rule.reason == "mine.chars" and rule.min == 2]
    assert found.judged.now["mine.chars"].kills == 0
    (tmp_path / "cut.yaml").write_text(whole.replace("digit_ratio: {max: 0.5}", "digit_ratio: {max: 0.4}"))
    with pytest.raises(ConfigError, match="rules on lines"):
        retune(run, "mine", read_change([str(tmp_path / "cut.yaml")]))


def test_a_damaged_run_is_named(folder, output, tmp_path):
    shutil.copytree(output, tmp_path / "out")
    gone = next((tmp_path / "out" / "rejected").iterdir())
    gone.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        retune(read_run(str(tmp_path / "out")), "mine")


bounds = st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0, 1 / 3])
columns = {
    "ratio": st.lists(st.none() | st.sampled_from([0.1, 0.3, 0.7, 1 / 3, float("nan"), 0.0, 1.0]), min_size=8, max_size=8),
    "count": st.lists(st.none() | st.integers(0, 3), min_size=8, max_size=8),
    "name": st.lists(st.none() | st.sampled_from(["zh", "en"]), min_size=8, max_size=8),
    "flag": st.lists(st.none() | st.booleans(), min_size=8, max_size=8),
}
TYPES = {"ratio": pa.float32(), "count": pa.int32(), "name": pa.string(), "flag": pa.bool_()}


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries(columns), bounds, bounds)
def test_judging_equals_decide(rows, low, high):
    table = pa.RecordBatch.from_arrays([pa.array(rows[name], kind) for name, kind in TYPES.items()], names=list(TYPES))
    rules = (
        Rule(column="ratio", reason="r", min=min(low, high), max=max(low, high)),
        Rule(column="count", reason="c", min=low * 3),
        Rule(column="name", reason="n", among=("zh",)),
        Rule(column="flag", reason="f", equals=True),
    )
    failed = failing(table, rules)
    reasons = [next((rule.reason for rule, each in zip(rules, failed) if each[row]), None) for row in range(len(table))]
    assert reasons == decide(table, rules).to_pylist()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.3, 0.7, 1 / 3, float("nan"), 0.5]), min_size=1, max_size=9), bounds)
def test_sweeping_equals_decide(numbers, low):
    column = pa.array(numbers, pa.float32())
    rule = Rule(column="ratio", reason="r", min=low)
    values = Values(rule, alone=[np.array(numbers, np.float32)])
    for point in sweep(values, "min").points:
        rule = Rule(column="ratio", reason="r", min=point.bound)
        assert point.kept == sum(rule.passes(column).to_pylist())


def test_only_the_columns_of_the_rules_are_read(output):
    run = read_run(output)
    applied = filters_of(run)["mine"]
    for found in seen(run, applied, ["mine.chars"]):
        assert set(found.table.schema.names) <= {"mine.chars", "reason"}


@pytest.mark.parametrize(
    ("unmeasured", "said"),
    [
        ({"a": 0, "b": 0}, ""),
        ({"a": 3, "b": 0}, ". Of the kills by a, 3 had no number"),
        ({"a": 3, "b": 5}, ". Of the kills by b, 5 had no number; by one other rule, too"),
        (dict.fromkeys("abcdefgh", 5), ". Of the kills by h, 5 had no number; by 7 other rules, as many or fewer"),
    ],
)
def test_documents_without_numbers_are_told_once(unmeasured, said):
    rule = Rule(column="x", reason="x", min=1.0)
    assert without_number({name: RuleCount(rule, unmeasured=count) for name, count in unmeasured.items()}) == said
