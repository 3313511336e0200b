"""Sentences cut over a whole dataset and evaluation items, on real text: killed at any moment and run again, the same bytes."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import orjson
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.data, pytest.mark.timeout(1200)]

RECIPE = """\
name: sentences
sources:
  crawl: {{read: jsonl, from: {raw}/crawl-*.jsonl}}
  wiki:  {{read: jsonl, from: {raw}/wiki.jsonl}}
stages:
  - dedup_sentences: {{copies: 2, prefer: [wiki, "*"]}}
  - dedup_sentences: {{as: lines, unit: line, copies: 1, threshold: 0.8, max_cut: 0.9}}
    only: [crawl]
  - decontaminate: {{against: {{cmmlu: "{bench}/cmmlu/*/*.csv"}}}}
output: {output}
"""
PARTS = 6  # files of the crawl


@pytest.fixture(scope="module")
def recipe(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentences")
    raw = folder / "raw"
    raw.mkdir()
    lines = (data / "text" / "hplt_raw_zh_web.jsonl").read_bytes().split(b"\n")
    for part in range(PARTS):
        (raw / f"crawl-{part}.jsonl").write_bytes(b"\n".join(lines[part::PARTS]))
    question = (data / "bench" / "cmmlu" / "test" / "agronomy.csv").read_text().split("\n")[1].split(",")[1]
    paragraphs = (data / "text" / "zhwiki_paragraphs_hans_cmrc2018.jsonl").read_bytes()
    (raw / "wiki.jsonl").write_bytes(paragraphs.rstrip(b"\n") + b"\n" + orjson.dumps({"text": f"试题：{question}"}))
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(raw=raw, bench=data / "bench", output=folder / "out"))
    return path


def test_killed_again_and_again(recipe: Path, cli) -> None:
    folder = recipe.parent
    whole, killed = folder / "whole", folder / "killed"
    cli("run", recipe, "--output", whole, "--on", "inline")
    summary = orjson.loads((whole / "summary.json").read_bytes())
    crawl = summary["sources"]["crawl"]
    assert crawl["chars_cut"]["dedup_sentences"] > 10_000
    assert crawl["chars_cut"]["lines"] > 100
    assert crawl["rejected"]["dedup_sentences.cut_char_ratio"] > 10
    assert summary["sources"]["wiki"]["rejected"]["decontaminate.cmmlu"] >= 1
    draw, files = random.Random(7), len(done(whole))
    for moment in sorted(draw.sample(range(files - 2), 5)):
        process = cli.start("run", recipe, "--output", killed, "--on", "inline")
        wait(process, killed, moment)
        cli.kill()
        process.wait()
    cli("run", recipe, "--output", killed, "--on", "local", "--workers", 2)
    assert cli.digest(killed) == cli.digest(whole)
    shutil.rmtree(killed)


def done(output: Path) -> list[Path]:
    return [path for path in output.rglob("*") if path.is_file() and path.suffix != ".part"]


def wait(process: subprocess.Popen[bytes], output: Path, moment: int) -> None:
    while process.poll() is None and len(done(output)) < moment:
        time.sleep(0.005)
