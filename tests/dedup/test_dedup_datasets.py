"""Across sources by priority, and against what earlier runs have published."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator import storage
from curator.dedup import DedupDatasets, deduplication, earlier
from curator.dedup.earlier import Keeping, keep
from curator.documents import Shard
from curator.engine.executor import Inline
from curator.pipeline.load import RecipeErrors, load_recipe
from curator.pipeline.run import plan, run
from curator.pipeline.watch import Watch

# ---------------------------------------------------------------------------------------------------------- across sources


@pytest.fixture
def datasets(dedup):
    """`DedupDatasets` where `dedup` gives a `DedupDocuments`."""

    def make(**options):
        one = dedup()
        one.stage = DedupDatasets(**options)
        return one

    return make


def test_what_a_better_source_has_goes_and_copies_inside_it_stay(datasets, words):
    text, other = words(1, 60), words(2, 60)
    documents = [
        {"id": "w1", "source": "web", "text": text},
        {"id": "w2", "source": "web", "text": text},
        {"id": "k1", "source": "wiki", "text": text},
        {"id": "k2", "source": "wiki", "text": text},
        {"id": "b1", "source": "books", "text": text},
        {"id": "w3", "source": "web", "text": other},
        {"id": "w4", "source": "web", "text": other},
    ]
    marks = datasets(prefer=("wiki", "books", "web")).dedup(documents)
    assert {i for i, mark in marks.items() if mark["keep"]} == {"k1", "k2", "w3", "w4"}
    assert [marks[i]["cluster"] for i in ("w1", "b1", "k2", "w4")] == ["k1", "k1", "k1", "w3"]
    assert [marks[i]["copies"] for i in ("w1", "w3")] == [5, 2]
    marks = datasets(prefer=("wiki", "books", "web"), within=True).dedup(documents)
    assert {i for i, mark in marks.items() if mark["keep"]} == {"k1", "w3"}


def test_sources_that_are_not_named_are_one(datasets, words):
    documents = [{"id": s, "source": s, "text": words(1, 60)} for s in ("news", "blogs", "code")]
    assert datasets(prefer=("*", "code")).kept(documents) == ["blogs", "news"]


# ------------------------------------------------------------------------------------------------------------ against runs


def shards_of(one, documents: Sequence[dict], cut: int, name: str) -> list[Shard]:
    found = []
    for number in range(cut):
        rows = documents[number::cut]
        table = pa.table(
            {
                "id": pa.array([d["id"] for d in rows], pa.string()),
                "source": pa.array(["web"] * len(rows), pa.string()),
                "bands": pa.array([d["bands"] for d in rows], one.stage.signature["bands"]),
                "exact": pa.array([bytes(16)] * len(rows), pa.binary(16)),
                "length": pa.array([len(d["id"]) for d in rows], pa.int32()),
            }
        )
        found.append(one.signed(f"{name}{number}", table, json.dumps(rows)))
    return found


def stored(one, documents: Sequence[dict], published: set[str], cut: int, name: str) -> Path:
    """What a run leaves that has signed `documents` and published some."""
    output = one.folder / name
    shards = shards_of(one, documents, cut, name)
    remain = {}
    for shard in shards:
        ids = [i for i in pq.read_table(shard.path).column("id").to_pylist() if i in published]
        path = output / "documents" / f"{shard.key}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": pa.array(ids, pa.string())}), path)
        if ids:
            remain[shard.key] = (str(path), json.dumps(ids))
    plan_ = one.stage.plan(shards, str(output / "work"), "one", ())
    keep(Keeping(plan_, str(output / "signatures/near"), ("exact",), remain), one.stage.signing, Inline())
    (output / "summary.json").write_text("{}")
    return output


def brute_force(new: Sequence[dict], old: Sequence[dict]) -> dict[str, dict]:
    """Two new documents that share a band are one, and so are an old and a new one."""
    everyone = [*new, *old]
    label = list(range(len(everyone)))
    for i, one in enumerate(everyone):
        for j in range(min(i, len(new))):
            if set(one["bands"]) & set(everyone[j]["bands"]) and label[i] != label[j]:
                label = [label[j] if each == label[i] else each for each in label]
    marks = {}
    for i, document in enumerate(new):
        members = [j for j in range(len(everyone)) if label[j] == label[i]]
        best = min(members, key=lambda j: (j < len(new), 0 if j >= len(new) else -len(everyone[j]["id"]), everyone[j]["id"]))
        alone = len(members) == 1
        marks[document["id"]] = {
            "keep": best == i,
            "cluster": None if alone else everyone[best]["id"],
            "copies": len(members),
        }
    return marks


@pytest.mark.parametrize("seed", range(12))
def test_any_partitions_of_any_run_give_what_brute_force_gives(datasets, monkeypatch, chaotic, seed):
    monkeypatch.setattr(deduplication, "LEAST_MEMORY", 1)
    monkeypatch.setattr(earlier, "BATCH", 3)
    generator = random.Random(seed)

    def made(name: str, count: int) -> list[dict]:
        values = [2 * v << 40 | 1 << 63 * (v % 2) for v in range(3 * count)]
        return [{"id": f"{name}{i:03}", "bands": generator.sample(values, 3)} for i in range(count)]

    def memory() -> int:
        return generator.choice([1000, 4000, 1 << 30])

    old, other, new = made("old", 30), made("other", 20), made("n", generator.randrange(1, 50))
    published = {d["id"] for d in [*old, *other] if generator.random() < 0.7}
    outputs = [
        stored(datasets(bands=3, rows=1, memory=memory()), rows, published, generator.randrange(1, 5), name)
        for name, rows in (("a", old), ("b", other))
    ]
    one = datasets(bands=3, rows=1, memory=memory(), within=True, against=tuple(map(str, outputs)))
    shards = shards_of(one, new, generator.randrange(1, 6), "new")
    found = one.mark_despite_kills(shards, chaotic(seed, 0.03))
    assert found == brute_force(new, [d for d in [*old, *other] if d["id"] in published])


RECIPE = """\
name: datasets
sources:
  web: {{read: jsonl, from: {raw}}}
stages:
  - {stage}
  - filter: {{preset: {filter}}}
output: {output}
"""


class World:
    def __init__(self, folder: Path, words) -> None:
        self.folder, self.words = folder, words
        (folder / "mine.yaml").write_text("document:\n  chars: {min: 100}\n")

    def write(self, name: str, texts: Sequence[str]) -> None:
        path = self.folder / name / "a.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))

    def recipe(self, name: str, stage: str):
        path = self.folder / f"{name}.yaml"
        path.write_text(
            RECIPE.format(
                raw=self.folder / name, stage=stage, filter=self.folder / "mine.yaml", output=self.folder / "out" / name
            )
        )
        return load_recipe(str(path))

    def go(self, name: str, stage: str, watch: Watch | None = None) -> list[str]:
        run(self.recipe(name, stage), Inline(), watch or Watch())
        found = []
        for path in sorted((self.folder / "out" / name / "documents").glob("*.parquet")):
            found += pq.read_table(path, columns=["text"]).column("text").to_pylist()
        return sorted(found)

    @property
    def first(self) -> str:
        return str(self.folder / "out" / "first")


@pytest.fixture
def world(tmp_path, words) -> World:
    return World(tmp_path, words)


def test_a_new_dump_leaves_out_what_an_earlier_run_has_published(world):
    texts = [world.words(i, 40) for i in range(6)]
    world.write("first", [*texts[:3], "too short to be published, though it was signed there"])
    world.write(
        "second", [texts[1], texts[2] + " more", *texts[3:], texts[3], "too short to be published, though it was signed there"]
    )
    assert world.go("first", "dedup_documents: {shingle: 3}") == sorted(texts[:3])
    shutil.rmtree(world.folder / "first")  # nothing of it is read again but what it has kept
    shutil.rmtree(world.folder / "out/first/documents")
    shutil.rmtree(world.folder / "out/first/work")
    stage = f"dedup_datasets: {{shingle: 3, within: true, against: [{world.first}]}}"
    assert world.go("second", stage) == sorted(texts[3:])
    summary = json.loads((world.folder / "out/second/summary.json").read_text())
    found = summary["dedup"]["dedup_datasets"]
    assert (found["known_clusters"], found["duplicates"]) == (2, 3)
    rejected = Counter()
    for path in (world.folder / "out/second/rejected").glob("*.parquet"):
        rejected.update(pq.read_table(path, columns=["reason"]).column("reason").to_pylist())
    assert rejected["mine.chars"] == 1, "what the first run has rejected is no reason to leave it out"


def test_a_new_dump_reads_the_kept_hashes_of_an_earlier_run_once_and_none_of_its_texts(world, monkeypatch):
    world.write("first", [world.words(i, 400) for i in range(40)])
    world.write("second", [world.words(i, 40) for i in range(100, 105)])
    world.go("first", "dedup_documents: {shingle: 3}")
    opened: Counter[str] = Counter()

    def noted(path: str, *given):
        opened[path] += path.startswith(world.first) and not path.endswith("/manifest.json")
        return open_input(path, *given)

    open_input = storage.open_input
    monkeypatch.setattr(storage, "open_input", noted)
    world.go("second", f"dedup_datasets: {{shingle: 3, against: [{world.first}]}}")
    read = {path.removeprefix(f"{world.first}/").rpartition("/")[0]: times for path, times in opened.items() if times}
    assert read == {"signatures/dedup_documents/hashes": 1, "signatures/dedup_documents/documents": 1}
    size = sum(Path(path).stat().st_size * times for path, times in opened.items() if times)
    texts = sum(len(text.encode()) for text in (world.words(i, 400) for i in range(40)))
    assert size < texts / 4, (size, texts)


def test_what_the_earlier_run_is_decides_whether_marks_are_made_anew(world):
    texts = [world.words(i, 40) for i in range(6)]
    world.write("first", texts[:2])
    world.write("second", texts)
    world.go("first", "dedup_documents: {shingle: 3}")
    stage = f"dedup_datasets: {{shingle: 3, against: [{world.first}]}}"
    assert world.go("second", stage) == sorted(texts[2:])
    world.go("first", "dedup_documents: {shingle: 3}")
    assert not [state for each in plan(world.recipe("second", stage)) for state in each.states if not state.done]
    world.write("first", texts[:3])
    world.go("first", "dedup_documents: {shingle: 3}")
    planned = plan(world.recipe("second", stage))
    assert all(state.done for state in planned[0].states), "no document is signed anew"
    assert "files" in planned[1].unknown
    assert world.go("second", stage) == sorted(texts[3:])


def test_a_run_keeps_signatures_of_what_it_publishes_and_no_files_of_an_earlier_state(world):
    world.write("first", [world.words(i, 40) for i in range(3)])
    world.go("first", "dedup_documents: {shingle: 3}")
    before = {p.name for p in (world.folder / "out/first/signatures").rglob("*.*")}
    world.write("first", [world.words(i, 40) for i in range(5)])
    world.go("first", "dedup_documents: {shingle: 3}")
    manifest = json.loads((world.folder / "out/first/signatures/dedup_documents/manifest.json").read_text())
    assert sum(rows for _, rows, _ in manifest["documents"]) == 5
    after = {p.name for p in (world.folder / "out/first/signatures").rglob("*.*")}
    assert after & before == {"manifest.json"}
    assert len(after) == 1 + len(manifest["documents"]) + len(manifest["hashes"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("shingle: 7", "shingle is 3 there and 7 here$"),
        ("shingle: 4, bands: 20", "bands is 14 there and 20 here; shingle is 3 there and 4 here$"),
        (
            "shingle: 3, hashing: kminhash, variants: fold",
            "hashing is 'oph' there and 'kminhash' here; variants is 'keep' there",
        ),
        ("shingle: 3, by: [url, minhash]", r"by is \['minhash'\] there and \['minhash', 'url'\] here$"),
        ("shingle: 3, verify: 0.8", "sketch is 0 there and 256 here$"),
    ],
)
def test_a_run_that_signed_otherwise_is_refused_field_by_field(world, options, message):
    world.write("first", [world.words(1, 40)])
    world.go("first", "dedup_documents: {shingle: 3}")
    with pytest.raises(RecipeErrors, match=r"yaml:5: against: .*first were signed in another way: " + message):
        world.recipe("second", f"dedup_datasets: {{{options}, against: [{world.first}]}}")


def test_a_run_signed_with_sketches_serves_one_that_asks_for_none(world):
    texts = [world.words(i, 40) for i in range(3)]
    world.write("first", texts[:2])
    world.write("second", texts)
    world.go("first", "dedup_documents: {shingle: 3, verify: 0.8}")
    assert world.go("second", f"dedup_datasets: {{shingle: 3, against: [{world.first}]}}") == texts[2:]
    assert world.go("second", f"dedup_datasets: {{shingle: 3, verify: 0.7, against: [{world.first}]}}") == texts[2:]


def test_runs_that_are_none_are_refused(world):
    world.write("first", [world.words(1, 40)])
    with pytest.raises(RecipeErrors, match=r"first is no finished run: it has no summary\.json"):
        world.recipe("second", f"dedup_datasets: {{against: [{world.first}]}}")
    world.go("first", "normalize")
    with pytest.raises(RecipeErrors, match="has kept no signatures"):
        world.recipe("second", f"dedup_datasets: {{against: [{world.first}]}}")
    world.go("first", "dedup_documents")
    with pytest.raises(RecipeErrors, match="against: this very output"):
        world.recipe("first", f"dedup_datasets: {{against: [{world.first}/]}}")
    with pytest.raises(ValueError, match="every run once"):
        DedupDatasets(against=("a", "a"))


def test_the_path_of_an_earlier_run_is_no_part_of_the_fingerprint():
    compared = {field.name for field in dataclasses.fields(DedupDatasets) if field.compare}
    assert not {"against", "memory"} & compared
    assert {"by", "verify", "largest", "within", "prefer"} <= compared
