"""A filter with rules on lines in a run: what it cuts is counted, what it rejects is kept as it came."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

FILTER = """
lines:
  words: {min: 3}
  clause_line_ratio: {min: 1}
document:
  cut_char_ratio: {max: 0.5}
"""
ROWS = [
    "Menu\n\nThis line has a comma, and stays.\n\nno end here at all\n\n首页",
    "Menu\nHome\nA line, which stays.\n" + "menu of all that there is " * 9,
    "Nothing, nothing at all is cut here.",
]


def test_lines_are_cut_and_counted_and_rejected_documents_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(FILTER, encoding="utf-8")
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in ROWS), encoding="utf-8")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: t\nsources:\n  a: {{read: jsonl, from: {tmp_path}/in.jsonl}}\nstages:\n  - filter: {tmp_path}/f.yaml\n"
        f"output: {tmp_path}/out\n"
    )
    summary = run(load_recipe(str(recipe)), Inline(), Watch())
    found = summary["sources"]["a"]
    kept = pl.read_parquet(f"{tmp_path}/out/documents/*.parquet")
    rejected = pl.read_parquet(f"{tmp_path}/out/rejected/*.parquet")
    assert kept.sort("text")["text"].to_list() == [ROWS[2], "This line has a comma, and stays."]
    assert rejected["text"].to_list() == [ROWS[1]]
    assert rejected["reason"].to_list() == ["f.cut_char_ratio"]
    assert found["tallies"] == {"f.lines.words": 2, "f.lines.clause_line_ratio": 1}  # of what stayed: not the rejected one's
    assert found["chars_cut"] == {"f": len(ROWS[0]) - len("This line has a comma, and stays.")}
    assert found["chars_in"] == found["chars_kept"] + found["chars_rejected"] + found["chars_cut"]["f"]
