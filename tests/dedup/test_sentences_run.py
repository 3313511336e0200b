"""`dedup_sentences` in a run: the text changes, the ledger balances, and a changed bound is not overlooked."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

NOTICE = "版权所有，未经许可不得转载本站的任何内容。"
RECIPE = """
name: t
sources:
  a: {{read: jsonl, from: {folder}/a.jsonl}}
  b: {{read: jsonl, from: {folder}/b.jsonl}}
stages:
  - dedup_sentences: {{copies: 1, prefer: [b, "*"], max_cut: {max_cut}}}
    where: {{language: [zh]}}
output: {folder}/out
"""


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    lines = [json.dumps({"text": text, "language": language}, ensure_ascii=False) for text, language in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def go(folder: Path, max_cut: float = 0.5) -> dict:
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(folder=folder, max_cut=max_cut))
    return run(load_recipe(str(recipe)), Inline(), Watch())


def table(folder: Path, name: str) -> list[dict]:
    files = sorted((folder / "out" / name).glob("*.parquet"))
    return [row for file in files for row in pl.read_parquet(file).to_dicts()]


def corpus(folder: Path) -> None:
    own = [f"第{n}篇文章有它自己的正文，写的是各不相同的事情，比如{n * 7919:05}和别的。" for n in range(4)]
    write(folder / "a.jsonl", [(own[0] + "\n\n" + NOTICE, "zh"), (NOTICE + "短。", "zh"), (NOTICE, "en"), (own[1], "zh")])
    write(folder / "b.jsonl", [(own[2] + NOTICE, "zh"), (own[3] + NOTICE, "zh")])


def test_texts_are_cut_counted_and_balanced(tmp_path):
    corpus(tmp_path)
    summary = go(tmp_path)
    a, b = summary["sources"]["a"], summary["sources"]["b"]
    kept = table(tmp_path, "documents")
    assert sum(NOTICE in row["text"] for row in kept if row["language"] == "zh") == 1
    assert [row["source"] for row in kept if NOTICE in row["text"] and row["language"] == "zh"] == ["b"]
    assert [row["dedup_sentences.cut"] for row in kept if row["language"] == "en"] == [None]
    assert a["rejected"] == {"dedup_sentences.cut_char_ratio": 1}
    assert [row["text"] for row in table(tmp_path, "rejected")] == [NOTICE + "短。"]
    assert a["tallies"] == {"dedup_sentences.cut": 1, "dedup_sentences.cut_chars": 2 + len(NOTICE)}
    assert a["chars_cut"] == {"dedup_sentences": 2 + len(NOTICE)}
    assert b["tallies"] == {"dedup_sentences.cut": 1, "dedup_sentences.cut_chars": len(NOTICE)}
    assert summary["dedup"]["dedup_sentences"]["sources"]["a"]["cut"] == 2


def test_the_same_again_does_nothing_and_a_new_bound_is_seen(tmp_path):
    corpus(tmp_path)
    first = go(tmp_path)
    assert go(tmp_path)["digests"] == first["digests"]
    other = go(tmp_path, max_cut=1.0)
    assert other["sources"]["a"]["rejected"] == {}
    assert "短。" in [row["text"] for row in table(tmp_path, "documents")]
    assert go(tmp_path)["digests"] == first["digests"]
