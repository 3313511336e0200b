"""A real small run: two sources, a filter on the Chinese ones, stages before and after it, and what they left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

TOYS = Path(__file__).parents[1] / "toys.py"

FILTER = """
lines:
  digit_ratio: {max: 0.5}
document:
  cut_line_ratio: {max: 0.6}
  han_ratio: {min: 0.3, max: 0.95}
  chars: {min: 12}
  few_stops: {metric: stop_words, list: stop_words_zh, min: 1}
  dup_line_ratio: {max: 0.3}
  language: {in: [zh]}
"""
RECIPE = """
name: toy
plugins: [{toys}]
sources:
  web: {{read: jsonl, from: {folder}/web}}
  books: {{read: jsonl, from: {folder}/books.jsonl}}
stages:
  - length: {{min: 3}}
  - tag
  - filter: {folder}/mine.yaml
    only: [web]
  - dedup_documents: {{shingle: 3, bands: 8, rows: 2}}
  - filter: {folder}/last.yaml
output: {folder}/out
"""
HOSTILE = "\x1b]0;mine\x07\x1b[31m恶意\u202e的文本在这里，联系 li.si@example.com 或者 13912345678。"

WEB: list[tuple[str, str]] = [
    ("good", "今天的天气很好，我们去公园散步，看到了很多花。"),
    ("good twin", "今天的天气很好，我们去公园散步，看到了很多花。"),
    ("cut line", "这一行是正常的中文句子，内容也很完整。\n12345 67890 123\n这是第二行，也是正常的句子。"),
    ("mostly cut", "123\n456\n789\n000\n这是剩下的一行。"),
    ("english", "There is no Chinese in this line of the text at all."),
    ("half", "中文与 English are halves 的，一半文本在这里。"),
    ("no stops", "苹果，香蕉，西瓜，葡萄，橙子，桃子，樱桃，草莓，柠檬"),
    ("short", "太短的文本。"),
    ("too short", "短"),
    ("repeated", "重复的一行。\n重复的一行。\n重复的一行。\n重复的一行。"),
    ("hostile", HOSTILE),
    ("last", "这一篇会被最后的规则拒绝，因为它的字太多了，" * 3 + "所以是长的。"),
    ("only han", "全部都是汉字的一段文本没有任何标点符号的文本"),
]
BOOKS = ["书里的文字也是中文的，但是它不经过网页的规则。", "A book in English goes another way."]


def document(number: int, title: str, text: str) -> dict[str, Any]:
    return {"text": text, "title": title, "url": f"https://site.example/{number}", "id": str(number)}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the run reads; `out` below it is what it has written."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "web").mkdir()
    rows = [document(number, title, text) for number, (title, text) in enumerate(WEB)]
    for part, name in ((rows[:7], "one"), (rows[7:], "two")):
        (folder / "web" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    (folder / "books.jsonl").write_text("".join(json.dumps(document(90 + n, "book", t)) + "\n" for n, t in enumerate(BOOKS)))
    (folder / "mine.yaml").write_text(FILTER)
    (folder / "last.yaml").write_text("document:\n  max_line_chars: {max: 60}\n  language: {in: [zh, en]}\n")
    (folder / "toy.yaml").write_text(RECIPE.format(toys=TOYS, folder=folder))
    run(load_recipe(str(folder / "toy.yaml")), Inline(), Watch())
    return folder


@pytest.fixture(scope="session")
def output(folder: Path) -> str:
    return str(folder / "out")
