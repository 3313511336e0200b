"""The same recipes on Ray: equal bytes for any number of workers; a document that kills its worker costs itself alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from curator.engine.digest import output_digest
from curator.engine.executor import Inline
from curator.engine.quarantine import ATTEMPTS_BEFORE_CARE
from curator.engine.ray import ClusterError, Ray
from curator.engine.shard import KILLED
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

TOYS = Path(__file__).parents[1] / "toys.py"

RECIPE = """
name: toy
plugins: [{toys}]
split_bytes: 1 MiB
sources:
  a: {{read: lines, from: {folder}/a}}
stages:
  - cut
  - length: {{min: 3, die_on: killer}}
  - dedup_documents: {{shingle: 3, bands: 4, rows: 2}}
output: {folder}/out
"""


@pytest.fixture(scope="module")
def cluster():
    executor = Ray("local", workers=2)
    yield executor
    executor.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(6):
        lines = [f"line {i} of file {number} with some words in it {i * number % 7}" for i in range(200)]
        (tmp_path / "a" / f"{number}.txt").write_text("\n".join(lines) + "\n" + "x" * 300_000 + "\n")
    (tmp_path / "toy.yaml").write_text(RECIPE.format(toys=TOYS, folder=tmp_path))
    return tmp_path


def test_inline_and_ray_give_the_same_bytes(folder, cluster):
    digests = set()
    for name, executor in (("inline", Inline()), ("ray", cluster)):
        run(load_recipe(str(folder / "toy.yaml"), output=str(folder / name)), executor, Watch())
        digests.add(output_digest(str(folder / name))["all"])
    assert len(digests) == 1


def test_a_document_that_kills_its_worker_is_found_and_set_aside(folder, cluster):
    path = folder / "a" / "3.txt"
    lines = path.read_text().splitlines()
    lines.insert(57, "this one is a killer")
    lines.insert(110, "and another killer")
    path.write_text("\n".join(lines) + "\n")
    summary = run(load_recipe(str(folder / "toy.yaml")), cluster, Watch())
    assert len(summary["quarantined"]) == 2
    assert summary["sources"]["a"]["errors"] == {KILLED: 2}
    (rejected,) = [
        f for f in (folder / "out" / "rejected").glob("*pass0*.parquet") if KILLED in set(pl.read_parquet(f)["reason"])
    ]
    rows = pl.read_parquet(rejected).filter(pl.col("reason") == KILLED)
    assert set(rows["text"]) == {"this one is a killer", "and another killer"}
    assert summary["sources"]["a"]["kept"] + summary["sources"]["a"]["rejected"].get("dedup_documents.duplicate", 0) == 6 * 201


def test_attempts_that_were_killed_from_outside_change_nothing(folder, cluster):
    loaded = load_recipe(str(folder / "toy.yaml"))
    run(load_recipe(str(folder / "toy.yaml"), output=str(folder / "plain")), Inline(), Watch())
    attempts = folder / "out" / "work" / "attempts"
    attempts.mkdir(parents=True)
    for manifest in (folder / "plain" / "manifests" / "pass0").glob("*.json"):
        (attempts / f"pass0-{manifest.stem}").write_bytes(b"." * ATTEMPTS_BEFORE_CARE)
    summary = run(loaded, cluster, Watch())
    assert summary["quarantined"] == []
    assert output_digest(str(folder / "out")) == output_digest(str(folder / "plain"))


def test_a_cluster_that_is_not_there_is_named():
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1"):
        Ray("127.0.0.1:1")
