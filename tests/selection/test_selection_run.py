"""`cut` and `sample` in whole runs: the ledger, the published cut points, an incremental run that reuses them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from curator.engine.executor import Inline
from curator.pipeline.load import RecipeErrors, load_recipe
from curator.pipeline.run import plan, run
from curator.pipeline.watch import Watch

RECIPE = """
name: chosen
sources:
  web: {{read: jsonl, from: {folder}/{raw}/*.jsonl}}
stages:
  - filter: {folder}/size.yaml
  - cut: {{by: size.chars, best: highest, {options}}}
{more}output: {folder}/{out}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "size.yaml").write_text("document:\n  chars: {min: 1}\n")
    for name, first in (("raw", 0), ("new", 400)):
        (tmp_path / name).mkdir()
        for part in range(4):
            numbers = range(first + part * 100, first + part * 100 + 100)
            rows = [{"text": f"{n:04d} " + "x" * (n % 400 + 1), "language": "en" if n % 2 else "zh"} for n in numbers]
            (tmp_path / name / f"{part}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return tmp_path


def load(folder: Path, options: str, out: str = "out", raw: str = "raw", more: str = ""):
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(folder=folder, options=options, out=out, raw=raw, more=more))
    return load_recipe(str(path))


def go(folder: Path, options: str, **where: str) -> dict:
    return run(load(folder, options, **where), Inline(), Watch())


def test_a_fraction_of_each_language_stays_and_is_accounted_for(folder):
    summary = go(folder, "keep: 0.25, least: 10")
    web = summary["sources"]["web"]
    assert (web["documents"], web["kept"], web["rejected"]) == (400, 100, {"cut.tail": 300})
    kept = pl.read_parquet(folder / "out" / "documents" / "*.parquet")
    assert kept["cut.bucket"].unique().to_list() == ["head"]
    assert kept["language"].value_counts(sort=True)["count"].to_list() == [50, 50]
    assert min(kept["size.chars"].to_list()) > 300
    assert summary["selection"]["cut"]["groups"][0]["documents"] == 400
    assert summary["dedup"] == {}


def test_an_incremental_run_reuses_the_cut_points_in_one_pass(folder):
    go(folder, "keep: 0.25, least: 10")
    options = f"least: 10, cuts: {folder}/out/cuts/cut.json"
    recipe = load(folder, options, out="next", raw="new")
    assert len(plan(recipe)) == 1
    summary = run(recipe, Inline(), Watch())
    assert summary["sources"]["web"]["kept"] == 100
    first, then = (pl.read_parquet(folder / out / "documents" / "*.parquet") for out in ("out", "next"))
    assert sorted(first["size.chars"]) == sorted(then["size.chars"])


def test_another_share_makes_marks_anew_and_reads_nothing_again(folder):
    go(folder, "keep: 0.25, least: 10")
    recipe = load(folder, "keep: 0.5, least: 10")
    first, second = plan(recipe)
    assert all(state.done for state in first.states)
    assert "percentiles" in second.unknown or "keep" in second.unknown
    assert run(recipe, Inline(), Watch())["sources"]["web"]["kept"] == 200


def test_cut_points_that_the_recipe_no_longer_makes_are_taken_away(folder):
    go(folder, "keep: 0.25")
    assert (folder / "out" / "cuts" / "cut.json").exists()
    go(folder, "at: [200]")
    assert not (folder / "out" / "cuts" / "cut.json").exists()


def test_a_run_that_was_cut_short_ends_with_the_same_bytes(folder):
    from curator.engine.digest import output_digest

    go(folder, "keep: 0.25, least: 10")
    wanted, cuts = output_digest(str(folder / "out")), (folder / "out" / "cuts" / "cut.json").read_bytes()
    for lost in sorted((folder / "out" / "work" / "cut").rglob("*.*"))[::2]:
        lost.unlink()
    (folder / "out" / "manifests" / "cut.json").unlink()
    (folder / "out" / "summary.json").unlink()
    go(folder, "keep: 0.25, least: 10")
    assert (output_digest(str(folder / "out")), (folder / "out" / "cuts" / "cut.json").read_bytes()) == (wanted, cuts)


def test_where_limits_what_is_cut(folder):
    path = folder / "recipe.yaml"
    text = RECIPE.format(folder=folder, options="keep: 0.25, least: 10", out="out", raw="raw", more="")
    path.write_text(text.replace("size.yaml\n  - cut", "size.yaml\n  - where: {language: [zh]}\n    cut"))
    summary = run(load_recipe(str(path)), Inline(), Watch())
    assert summary["sources"]["web"]["kept"] == 250
    assert summary["selection"]["cut"]["groups"][0]["documents"] == 200


def test_sampling_by_score_is_an_ordinary_stage(folder):
    more = "  - sample: {by: cut.kept, seed: 1}\n"
    with pytest.raises(RecipeErrors, match=r"sample wants numbers, and 'cut.kept' is bool"):
        load(folder, "keep: 0.25", more=more)
    path = folder / "recipe.yaml"
    text = RECIPE.format(folder=folder, options="", out="out", raw="raw", more="")
    path.write_text(text.replace("cut: {by: size.chars, best: highest, }", "sample: {by: size.chars, seed: 1}"))
    assert run(load_recipe(str(path)), Inline(), Watch())["sources"]["web"]["kept"] == 400


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "percentiles: say where to cut"),
        ("cuts: no/such/file.json", "no/such/file.json"),
        ("kep: 0.3", "Did you mean 'keep'"),
        ("keep: 0.3, per: [colour]", "per"),
    ],
)
def test_slips_are_found_before_the_run(folder, options, said):
    with pytest.raises(RecipeErrors, match=said) as raised:
        load(folder, options)
    assert "recipe.yaml:" in str(raised.value)


def test_cut_points_of_another_column_are_refused_before_the_run(folder):
    go(folder, "keep: 0.25, least: 10")
    with pytest.raises(RecipeErrors, match="was made with scale: log, and here it is linear"):
        load(folder, f"scale: linear, cuts: {folder}/out/cuts/cut.json", out="next")
