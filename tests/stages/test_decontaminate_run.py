"""`decontaminate` in a run: the reason names the set, and the report says which items were met."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from curator.engine.executor import Inline
from curator.pipeline.finished import read_run
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch
from curator.report.page import page, write_report

SUMS = [
    "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?",
    "Every day, Wendi feeds each of her chickens three cups of mixed chicken feed, containing seeds and mealworms.",
]
EXAM = "在孵化室温度适宜的条件下，立体孵化器孵化鸡蛋的最适温度为多少摄氏度？"
RECIPE = """
name: t
sources:
  a: {{read: jsonl, from: {folder}/in.jsonl}}
stages:
  - decontaminate: {{against: {{sums: "{folder}/sets/*.jsonl", exam: "{folder}/sets/*.csv"}}}}
output: {folder}/out
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "test.jsonl").write_text("\n".join(json.dumps({"question": q}) for q in SUMS))
    (tmp_path / "sets" / "<b>.csv").write_text(f"Question,Answer\n{EXAM},B\n", encoding="utf-8")
    texts = [
        "前言。" + EXAM + "答案是乙。",
        SUMS[0],
        SUMS[0].lower() + " " + EXAM,
        SUMS[1] + "\n" + SUMS[0],
        "Nothing of the kind.",
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"text": t}, ensure_ascii=False) for t in texts), encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(folder=tmp_path))
    return tmp_path


def test_reasons_and_report(folder: Path) -> None:
    summary = run(load_recipe(str(folder / "recipe.yaml")), Inline(), Watch())
    assert summary["sources"]["a"]["rejected"] == {"decontaminate.sums": 3, "decontaminate.exam": 1}
    kept = pl.read_parquet(f"{folder}/out/documents/*.parquet")
    assert kept["text"].to_list() == ["Nothing of the kind."]
    rejected = pl.read_parquet(f"{folder}/out/rejected/*.parquet").to_dicts()
    found = [json.loads(row["decontaminate.found"]) for row in rejected]
    assert found[2] == ["sums/test.jsonl:1", "exam/<b>.csv:1"]
    html = page(read_run(str(folder / "out")))
    assert "Evaluation sets" in html
    section = html[html.index('id="decontamination"') :]
    assert "sums: 2 items" in section
    assert "<code>test.jsonl:1</code>" in section
    assert "&lt;b&gt;.csv:1" in section
    assert "<b>.csv" not in html
    assert write_report(str(folder / "out")).endswith("report.html")


def test_a_changed_set_runs_again(folder: Path) -> None:
    recipe = str(folder / "recipe.yaml")
    first = run(load_recipe(recipe), Inline(), Watch())
    assert run(load_recipe(recipe), Inline(), Watch())["digests"] == first["digests"]
    with open(folder / "sets" / "test.jsonl", "a") as stream:
        stream.write("\n" + json.dumps({"question": "Nothing of the kind."}))
    again = run(load_recipe(recipe), Inline(), Watch())
    assert again["sources"]["a"]["rejected"] == first["sources"]["a"]["rejected"], "too short to be told from chance"
    (folder / "sets" / "test.jsonl").unlink()
    (folder / "sets" / "other.jsonl").write_text(json.dumps({"question": SUMS[1]}))
    assert run(load_recipe(recipe), Inline(), Watch())["sources"]["a"]["rejected"] == {
        "decontaminate.sums": 1,
        "decontaminate.exam": 2,
    }
