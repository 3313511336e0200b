"""Importance weights and cut points together, on real text: edited paragraphs lost in a raw crawl are found again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from curator.engine.executor import Inline
from curator.pipeline.corpus import Corpus
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch
from curator.stages.dsir_table import fit, save

RECIPE = """
name: chosen
sources:
  web: {{read: jsonl, from: {folder}/mixed.jsonl}}
stages:
  - dsir: {{model: {folder}/table}}
  - cut: {{by: dsir.{by}, best: highest, keep: 0.2, per: [], least: 1{more}}}
output: {folder}/{out}
"""

pytestmark = pytest.mark.data


@pytest.fixture(scope="session")
def real() -> Path:
    folder = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "text"
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the test data"
    return folder


@pytest.fixture(scope="module")
def mixed(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four of five documents are of a raw crawl, one is a paragraph of the encyclopaedia that the table has not seen; all are
    400 characters without white space, so that nothing but the words tells them apart."""
    folder = tmp_path_factory.mktemp("mixed")

    def texts(name: str) -> list[str]:
        lines = (real / name).read_text(encoding="utf-8").split("\n")
        found = ("".join(json.loads(line)["text"].split()) for line in lines if line)
        return [text[:400] for text in found if len(text) >= 400]

    wiki, crawl = texts("zhwiki_paragraphs_hans_cmrc2018.jsonl"), texts("hplt_raw_zh_web.jsonl")
    half = {"wiki": wiki[::2], "crawl": crawl[::2]}
    for name, some in half.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in some))
    save(fit(Corpus([f"{folder}/wiki.jsonl"]), Corpus([f"{folder}/crawl.jsonl"])), str(folder / "table"))
    most = min(len(wiki[1::2]), len(crawl[1::2]) // 4)
    rows = [("wiki", text) for text in wiki[1::2][:most]] + [("crawl", text) for text in crawl[1::2][: 4 * most]]
    (folder / "mixed.jsonl").write_text("".join(json.dumps({"text": t, "title": kind}) + "\n" for kind, t in rows))
    return folder


def share_of_wiki(folder: Path, by: str, out: str, more: str = "") -> float:
    (folder / f"{out}.yaml").write_text(RECIPE.format(folder=folder, by=by, out=out, more=more))
    run(load_recipe(str(folder / f"{out}.yaml")), Inline(), Watch())
    titles = pl.read_parquet(folder / out / "documents" / "*.parquet")["title"].to_list()
    return titles.count("wiki") / len(titles)


def test_the_best_fifth_is_the_fifth_that_was_put_in(mixed):
    assert share_of_wiki(mixed, "per_feature", "best") > 0.85


def test_a_draw_by_weight_is_of_the_target_too(mixed):
    """The weights of whole documents differ by so much more than the noise that hardly anything else is drawn."""
    assert share_of_wiki(mixed, "log_weight", "drawn", ", gumbel: 3") > 0.8
