"""`curator clean` frees what nothing needs again, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator.engine.digest import output_digest
from curator.engine.executor import Inline
from curator.pipeline.clean import clean
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

RECIPE = """
name: t
sources: {{web: {{read: jsonl, from: {folder}/{source}.jsonl}}}}
stages:
  - dedup_documents: {{shingle: 3}}
  - dedup_sentences: {{}}
  - filter: {folder}/size.yaml
  - cut: {{by: size.chars, best: highest, percentiles: [50], per: [], least: 1}}
{more}
output: {folder}/{source}
"""
AGAINST = "  - dedup_datasets: {{shingle: 3, against: [{folder}/old]}}"


class Told(Watch):
    """What is done anew."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def shard_done(self, manifest):
        self.done.append(manifest.key)

    def begins(self, what):
        self.done.append(what)


def recipe_of(folder: Path, source: str, more: str = ""):
    path = folder / f"{source}.yaml"
    path.write_text(RECIPE.format(folder=folder, source=source, more=more.format(folder=folder)))
    return load_recipe(str(path))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "size.yaml").write_text("document:\n  chars: {min: 1}\n")
    texts = [f"document {n % 40} says of itself that its number is {n % 40} and nothing more than that" for n in range(60)]
    own = "what stands here is longer than all else, and no earlier dump has ever held it in any form like this one"
    for name, chosen in (("old", texts), ("new", [*texts[30:], own])):
        lines = [json.dumps({"text": text}) for text in chosen]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_finished_run_gives_back_what_its_stages_made_on_their_way(folder):
    recipe = recipe_of(folder, "old")
    run(recipe, Inline(), Watch())
    before = files(folder / "old")
    assert any("/buckets/" in path for path in before)
    would = clean(recipe, dry=True)
    assert files(folder / "old") == before
    assert clean(recipe) == would
    left = files(folder / "old")
    assert len(before - left) == would[0]
    assert all(path.startswith("work/") for path in before - left), "what is published stays"
    inside = {path.split("/")[2] for path in left if path.startswith("work/dedup") and path.count("/") > 2}
    assert inside == {"marks"}
    assert clean(recipe) == (0, 0)


def test_nothing_is_done_anew_afterwards_and_a_later_run_finds_what_it_compares_with(folder):
    recipe = recipe_of(folder, "old")
    run(recipe, Inline(), Watch())
    new = recipe_of(folder, "new", AGAINST)
    run(new, Inline(), Watch())
    found = [output_digest(str(folder / name)) for name in ("old", "new")]
    assert found[0]["documents"] != found[1]["documents"]
    assert clean(recipe)[0]
    told = Told()
    run(recipe, Inline(), told)
    assert told.done == []
    clean(new)
    for path in [folder / "new" / "work", folder / "new" / "manifests"]:
        path.rename(path.with_name(f"{path.name}-aside"))
    run(new, Inline(), Watch())
    assert [output_digest(str(folder / name)) for name in ("old", "new")] == found


def test_of_a_run_that_has_not_finished_what_it_will_go_on_with_stays(folder):
    recipe = recipe_of(folder, "old")
    run(recipe, Inline(), Watch())
    (folder / "old" / "summary.json").unlink()  # as a run begins
    (folder / "old" / "work" / "dedup_documents" / "buckets" / "x.spans.12-0123abcd.part").write_text("half")
    (folder / "old" / "work" / "dedup_old").mkdir()
    (folder / "old" / "work" / "dedup_old" / "x.spans").write_text("of a stage that is gone")
    before = files(folder / "old")
    clean(recipe)
    gone = {"work/dedup_documents/buckets/x.spans.12-0123abcd.part", "work/dedup_old/x.spans"}
    assert before - files(folder / "old") == gone


def test_marks_that_are_damaged_are_no_marks_and_other_peoples_half_written_files_are_theirs(folder):
    recipe = recipe_of(folder, "old")
    run(recipe, Inline(), Watch())
    mark = folder / "old" / "manifests" / "dedup_documents.json"
    mark.write_bytes(mark.read_bytes()[:40])
    (folder / "old" / "film.part").write_text("somebody's")
    clean(recipe)
    assert (folder / "old" / "film.part").exists()
    assert not list((folder / "old" / "work" / "dedup_documents").rglob("*.arrow"))


def test_a_run_that_never_was_leaves_nothing_and_makes_no_folder(folder):
    assert clean(recipe_of(folder, "old")) == (0, 0)
    assert not (folder / "old").exists()
