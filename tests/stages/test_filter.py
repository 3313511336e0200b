"""The `filter` stage: YAML to rules, what it writes, slips by line, the shipped presets, and that every rule can fire."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curator import config, storage
from curator.config import ConfigError
from curator.documents import SCHEMA, Rule, Stage, decide
from curator.stages import STAGES
from curator.stages.filter import Filter


def write(folder: Path, text: str, name: str = "mine") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def batch(rows: Sequence[Mapping[str, Any]], types: Mapping[str, pa.DataType] | None = None) -> pa.RecordBatch:
    """Documents with the columns of SCHEMA and those of `types`."""
    schema = pa.schema([*SCHEMA, *(pa.field(k, v) for k, v in (types or {}).items())])
    return pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=schema)


def reasons(stage: Filter, docs: pa.RecordBatch) -> list[str | None]:
    """What the engine does with a stage: its columns under its name, then `decide`."""
    measured = stage(docs)
    assert measured.keys() == stage.writes.keys()
    for key, column in measured.items():
        assert column.type == stage.writes[key]
        docs = docs.append_column(f"{stage.name}.{key}", column)
    return decide(docs, stage.rules).to_pylist()


# ------------------------------------------------------------------------------------------------------------- from YAML


def test_a_filter_measures_what_its_rules_name_and_nothing_else(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "document:\n  chars: {min: 3, max: 9}\n  han_ratio: {min: 0.5}\n  language: {in: [zh, yue]}\n"
        "  early.score: {min: 0.5}\n  metadata.generated: {is: false}\n",
    )
    stage = Filter.load(path)
    assert isinstance(stage, Stage)
    assert stage.name == "mine"
    assert stage.reads == {"text", "language", "early.score", "metadata"}
    assert stage.writes == {"chars": pa.int32(), "han_ratio": pa.float32(), "metadata.generated": pa.bool_()}
    assert stage.rules[0] == Rule(column="mine.chars", reason="mine.chars", min=3, max=9)
    assert stage.rules[2] == Rule(column="language", reason="mine.language", among=("zh", "yue"))
    docs = batch(
        [
            {"text": "中文中文", "language": "zh", "early.score": 0.5, "metadata": '{"generated": false}'},
            {"text": "中", "language": "zh", "early.score": 0.9, "metadata": '{"generated": false}'},
            {"text": "Chinese", "language": "zh", "early.score": 0.9, "metadata": '{"generated": false}'},
            {"text": "中文中文", "language": "en", "early.score": 0.9, "metadata": '{"generated": false}'},
            {"text": "中文中文", "language": "zh", "early.score": None, "metadata": '{"generated": false}'},
            {"text": "中文中文", "language": "zh", "early.score": 0.9, "metadata": '{"generated": true}'},
            {"text": None, "language": "zh", "early.score": 0.9, "metadata": None},
        ],
        {"early.score": pa.float32()},
    )
    expected = [
        None,
        "mine.chars",
        "mine.han_ratio",
        "mine.language",
        "mine.early.score",
        "mine.metadata.generated",
        "mine.chars",
    ]
    assert reasons(stage, docs) == expected
    assert reasons(stage, docs.slice(2, 3)) == expected[2:5]
    assert reasons(stage, docs.slice(0, 0)) == []


def test_both_ends_are_included(tmp_path: Path) -> None:
    stage = Filter.load(write(tmp_path, "document:\n  han_ratio: {min: 0.7, max: 0.7}\n  chars: {min: 10, max: 10}\n"))
    assert reasons(stage, batch([{"text": "七个汉字在这里abc"}, {"text": "汉字在这里abcde"}])) == [None, "mine.han_ratio"]


def test_change_replaces_adds_and_takes_out(tmp_path: Path) -> None:
    path = write(tmp_path, "document:\n  chars: {min: 200, max: 900}\n  han_ratio: {min: 0.3}\n")
    recipe = config.parse("change:\n  chars: {min: 50}\n  han_ratio: off\n  words: {max: 7}\n", "recipe.yaml")["change"]
    stage = Filter.load(path, recipe, "again")
    assert [(r.reason, r.min, r.max) for r in stage.rules] == [("again.chars", 50, 900), ("again.words", None, 7)]
    assert Filter.load(path, {"han_ratio": None, "chars": {"max": None}}).rules[0].max is None


def test_parameters_stand_beside_the_bounds(tmp_path: Path) -> None:
    words = tmp_path / "few.txt"
    words.write_text("# two\n猫\n狗\n", encoding="utf-8")
    path = write(
        tmp_path, f"document:\n  stop_words: {{min: 2, list: '{words}'}}\n  short_line_ratio: {{max: 0.5, chars: 3}}\n"
    )
    stage = Filter.load(path)
    assert stage.files() == [str(words)]
    docs = batch([{"text": "猫追狗跑\n狗"}, {"text": "猫追猫跑"}, {"text": "猫狗\n猫\n狗追猫又追狗"}])
    assert reasons(stage, docs) == [None, "mine.stop_words", "mine.short_line_ratio"]
    words.write_text("追\n跑\n", encoding="utf-8")
    assert reasons(stage, docs) == [None, None, "mine.stop_words"]


def test_a_metric_serves_twice_under_names_of_its_own(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "document:\n  tiny: {metric: short_line_ratio, chars: 3, max: 0.4}\n"
        "  short: {metric: short_line_ratio, chars: 9, max: 0.9}\n",
    )
    stage = Filter.load(path)
    assert stage.writes == {"tiny": pa.float32(), "short": pa.float32()}
    docs = batch([{"text": "one\ntwo words to keep"}, {"text": "longer\nlonger"}, {"text": "a longer line\nlong"}])
    assert reasons(stage, docs) == ["mine.tiny", "mine.short", None]


def test_lines_that_fail_are_cut_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "lines:\n  words: {min: 2}\n  punct_line_end_ratio: {min: 1}\n"
        "document:\n  cut_line_ratio: {max: 0.6}\n  chars: {min: 5}\n",
    )
    stage = Filter.load(path)
    assert list(stage.writes) == ["text", "lines.words", "lines.punct_line_end_ratio", "cut_line_ratio", "chars"]
    rows = ["Menu\n\nA good line.\n\nNo end here\n\n第二行。\n\nFoot\n", "Home\nNo\nends here", "一行。\n", "", None, " \n "]
    docs = batch([{"text": row} for row in ["before.", *rows, "after."]]).slice(1, len(rows))
    found = stage(docs)
    assert found["text"].to_pylist() == ["A good line.\n\n第二行。", "", "一行。\n", "", None, " \n "]
    assert found["lines.words"].to_pylist() == [2, 2, 0, 0, None, 0]
    assert found["lines.punct_line_end_ratio"].to_pylist() == [1, 1, 0, 0, None, 0]
    assert found["cut_line_ratio"].to_pylist() == [pytest.approx(0.6), 1.0, 0.0, None, None, None]
    assert found["chars"].to_pylist() == [18, 0, 4, 0, None, 3]


def test_shares_of_what_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path, "lines:\n  words: {min: 2}\ndocument:\n  cut_char_ratio: {max: 1}\n  cut_word_ratio: {max: 1}\n")
    found = Filter.load(path)(batch([{"text": "ab\ncd efg h"}, {"text": "首\n一行字\n\n……"}]))
    assert found["cut_char_ratio"].to_pylist() == [pytest.approx(2 / 10), pytest.approx(3 / 6)]
    assert found["cut_word_ratio"].to_pylist() == [pytest.approx(1 / 4), pytest.approx(1 / 4)]


def test_a_line_that_cannot_be_measured_is_kept(tmp_path: Path) -> None:
    stage = Filter.load(write(tmp_path, "lines:\n  mean_word_length: {min: 3}\n"))
    assert stage(batch([{"text": "-----\nof a\nwhole words"}]))["text"].to_pylist() == ["-----\nwhole words"]


def test_change_reaches_the_rules_on_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "words: characters\nlines:\n  words: {min: 2}\n  chars: {max: 50}\n")
    stage = Filter.load(path, {"lines.words": {"min": 3}, "lines.chars": None, "words": {"min": 9}})
    assert [(r.reason, r.min, r.max) for r in stage.line_rules] == [("mine.lines.words", 3, None)]
    assert [r.reason for r in stage.rules] == ["mine.words"]
    with pytest.raises(ConfigError, match=r"Did you mean 'lines\.words'"):
        Filter.load(path, {"lines.word": None})


def test_metadata_values_of_every_kind(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "document:\n  metadata.minified: {is: false}\n  metadata.licence: {in: [MIT]}\n  metadata.stars: {min: 2.5}\n",
    )
    good = {"minified": False, "licence": "MIT", "stars": 3, "inner": {"minified": True}}
    rows = [good, good | {"minified": True}, good | {"licence": "GPL"}, good | {"stars": 2}, good | {"stars": "many"}, {}, []]
    docs = batch([{"metadata": json.dumps(r)} for r in rows] + [{"metadata": m} for m in ("{broken", "", None, "null")])
    assert reasons(Filter.load(path), docs) == [
        None,
        "mine.metadata.minified",
        "mine.metadata.licence",
        "mine.metadata.stars",
        "mine.metadata.stars",
        *["mine.metadata.minified"] * 6,
    ]
    assert Filter.load(path).reads == {"metadata"}


def test_a_text_that_cannot_be_measured_is_rejected(tmp_path: Path) -> None:
    stage = Filter.load(write(tmp_path, "document:\n  dup_line_ratio: {max: 1}\n"))
    assert reasons(stage, batch([{"text": ""}, {"text": "\n \n"}, {"text": "x"}])) == ["mine.dup_line_ratio"] * 2 + [None]


def test_equal_filters_are_equal_and_travel(tmp_path: Path) -> None:
    one, two = Filter.load("zh_web"), Filter.load("filters/zh_web.yaml")
    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert Filter.load("zh_web", {"han_ratio": {"min": 0.6}}) != one
    assert Filter.load("zh_web", {"stop_word_ratio": {"list": "stop_words_en"}}) != one


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("  han_ration: {min: 1}", 2, "Did you mean 'han_ratio'"),
        ("  chars: {min: 1}\n  is_minified: {is: false}", 3, "is_minified: is no metric"),
        ("  chars: {mim: 1}", 2, "Did you mean 'min'"),
        ("  chars: {min: x}", 2, "min must be a number"),
        ("  chars: {min: .nan}", 2, "min must be a number"),
        ("  chars: {min: 1e400}", 2, "min must be a number, not inf"),
        ("  han_ratio: {min: 30}", 2, "han_ratio: is a share: min must be from 0 to 1, not 30"),
        ("  han_ratio: {max: -0.1}", 2, "max must be from 0 to 1, not -0.1"),
        ("  short_line_ratio: {chars: -3, max: 0.5}", 2, "chars must be a whole number from 0 on, not -3"),
        ("  language: {in: []}", 2, "in must be a list"),
        ("  chars: {min: 9, max: 1}", 2, "nothing could pass"),
        ("  chars: {is: true}", 2, "takes min and max"),
        ("  chars: {}", 2, "write its bounds"),
        ("  chars: 5", 2, "write its bounds"),
        ("  stop_words: {list: stop_words_en}", 2, "needs one of"),
        ("  stop_words: {min: 1, list: nowhere}", 2, "nowhere"),
        ("  stop_words: {min: 1, list: 7}", 2, "list must be a string"),
        ("  short_line_ratio: {max: 1, chars: many}", 2, "chars must be a whole number"),
        ("  few: {metric: wordz, max: 1}", 2, "Did you mean 'words'"),
        ("  language: {metric: words, max: 1}", 2, "a name of letters"),
        ("  chars: {metric: words, max: 1}", 2, "the name of another metric"),
        ("  cut_char_ratio: {max: 0.5}", 2, "has no `lines:`"),
        ("  chars: {min: 1}\nlines:\n  language: {in: [zh]}", 4, "is no metric of a line"),
        ("  chars: {min: 1}\nlines:\n  wordz: {min: 3}", 4, "Did you mean 'words'"),
        ("  chars: {min: 1}\nwords: jeiba", 3, "words: must be one of"),
        ("  chars: {min: 1}\nline: {}", 3, "Did you mean 'lines'"),
        ("  language: {min: 1}", 2, "it takes in"),
        ("  language: {in: zh}", 2, "in must be a list"),
        ("  language: {in: [zh], is: true}", 2, "one of in and is"),
        ("  early.score: {min: 1, chars: 3}", 2, "no bound 'chars'"),
        ("  metadata.a: {is: 1}", 2, "is must be true or false"),
        ("  text: {in: [a]}", 2, "is no metric"),
        ("  metadata.a.b: {is: true}", 2, "is no metric"),
    ],
)
def test_slips_are_named_with_their_line(tmp_path: Path, body: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Filter.load(write(tmp_path, f"document:\n{body}\n"))
    assert caught.value.line == line
    assert message in str(caught.value)


def test_slips_in_a_change_are_at_its_own_line(tmp_path: Path) -> None:
    path = write(tmp_path, "document:\n  chars: {min: 200}\n")
    for body, line, message in (
        ("change:\n  chars: {min: 1}\n  han: {min: 1}\n", 3, "is no metric"),
        ("change:\n  lines: off\n", 2, "there is no such rule"),
        ("change:\n  chars: {min: null}\n", 2, "needs one of"),
        ("change:\n  chars: {mni: null, max: 9}\n", 2, "there is no 'mni' to take out. Did you mean 'min'?"),
    ):
        with pytest.raises(ConfigError) as caught:
            Filter.load(path, config.parse(body, "recipe.yaml")["change"])
        assert (caught.value.path, caught.value.line) == ("recipe.yaml", line)
        assert message in str(caught.value)


def test_a_filter_without_rules_is_refused(tmp_path: Path) -> None:
    for text in ("document: {}\n", "{}\n", "document:\n  chars: {min: 1}\nlines: {}\n", "document: [chars]\n"):
        with pytest.raises(ConfigError):
            Filter.load(write(tmp_path, text))
    with pytest.raises(ConfigError, match="needs a rule"):
        Filter.load(write(tmp_path, "document:\n  chars: {min: 1}\n"), {"chars": None})
    with pytest.raises(storage.StorageError, match="zh_web"):
        Filter.load("zh_wed")


def test_it_is_registered() -> None:
    assert STAGES["filter"] is Filter
