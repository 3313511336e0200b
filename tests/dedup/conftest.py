"""Shards of signed documents, marks read back, and an executor that does what clusters do on bad days."""

from __future__ import annotations

import json
import os
import pickle
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator.dedup import DedupDocuments
from curator.documents import Shard
from curator.engine.executor import Inline


class Killed(Exception):
    """The run was killed here."""


class Chaotic:
    """Calls in any order, some twice, each of what came out of a pickle; now and then the run is killed."""

    def __init__(self, seed: int, kills: float = 0.1) -> None:
        self.random, self.kills = random.Random(seed), kills

    def map(self, function, items: Sequence, resources: Mapping[str, float] | None = None) -> Iterator:
        order = [*range(len(items)), *(i for i in range(len(items)) if self.random.random() < 0.5)]
        self.random.shuffle(order)
        done = set()
        for index in order:
            if self.random.random() < self.kills:
                raise Killed
            call, item = pickle.loads(pickle.dumps((function, items[index])))
            result = call(item)
            if index not in done:
                done.add(index)
                yield index, result


@dataclass
class Dedup:
    """A stage and a folder: documents in shards in, marks by id out."""

    folder: Path
    stage: DedupDocuments

    def shards(self, documents: Sequence[dict], assignment: Sequence[int] | None = None) -> list[Shard]:
        """`assignment`: the shard of each document, in whose order they lie there."""
        places = assignment or [0] * len(documents)
        found = []
        for number in sorted(set(places), key=lambda n: hash_of(n)):
            rows = [d for d, place in zip(documents, places, strict=True) if place == number]
            found.append(self.shard(f"s{number}", rows))
        return found

    def shard(self, key: str, rows: list[dict]) -> Shard:
        names = {"id": pa.string(), "source": pa.string(), "text": pa.string()}
        if self.stage.quality:
            names[self.stage.quality] = pa.float32()
        filled = [{"source": "web", **row} for row in rows]
        docs = pa.RecordBatch.from_pylist(filled, schema=pa.schema(names))
        columns = {"id": docs.column("id"), "source": docs.column("source"), **self.stage.sign(docs)}
        return self.signed(key, pa.table(columns), "digest of " + json.dumps(filled, sort_keys=True))

    def signed(self, key: str, signatures: pa.Table, digest: str) -> Shard:
        path = self.folder / "signed" / f"{key}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(signatures, path)
        return Shard(key, "web", str(path), len(signatures), digest)

    def mark(self, shards: Sequence[Shard], executor=None, folder: str = "marks") -> dict[str, dict]:
        paths = self.stage.mark(shards, str(self.folder / folder), executor or Inline())
        marks = {}
        for shard, path in zip(shards, paths, strict=True):
            ids = pq.read_table(shard.path, columns=["id"]).column("id").to_pylist()
            marks.update(zip(ids, pq.read_table(path).to_pylist(), strict=True))
        return marks

    def mark_despite_kills(self, shards: Sequence[Shard], executor: Chaotic) -> dict[str, dict]:
        """Run again after every kill, the shards in another order, until the run ends."""
        shuffled = list(shards)
        for _ in range(2000):
            executor.random.shuffle(shuffled)
            try:
                return self.mark(shuffled, executor)
            except Killed:
                continue
        return pytest.fail("never done")

    def dedup(self, documents: Sequence[dict]) -> dict[str, dict]:
        return self.mark(self.shards(documents))

    def kept(self, documents: Sequence[dict]) -> list[str]:
        return sorted(i for i, mark in self.dedup(documents).items() if mark["keep"])

    def summary(self, folder: str = "marks") -> dict:
        return json.loads((self.folder / folder / "summary.json").read_bytes())


def hash_of(number: int) -> int:
    """An order of shards that is neither that of their keys nor that of their documents."""
    return number * 2654435761 % 1000003


@pytest.fixture
def dedup(tmp_path: Path) -> Callable[..., Dedup]:
    return lambda **options: Dedup(tmp_path, DedupDocuments(**options))


@pytest.fixture(scope="session")
def dedup_in() -> Callable[..., Dedup]:
    return lambda folder, **options: Dedup(Path(folder), DedupDocuments(**options))


@pytest.fixture(scope="session")
def chaotic() -> Callable[..., Chaotic]:
    return Chaotic


@pytest.fixture(scope="session")
def killed() -> type[Exception]:
    return Killed


@pytest.fixture(scope="session")
def words() -> Callable[[int, int], str]:
    """`words(seed, n)`: n random words."""

    def make(seed: int, count: int) -> str:
        generator = np.random.default_rng(seed)
        return " ".join(f"w{n}" for n in generator.integers(0, 1 << 40, count))

    return make


@pytest.fixture(scope="session")
def data_root() -> Path:
    root = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
    assert root.is_dir(), f"{root} is missing: set CURATOR_DATA to the folder of the data sets, or deselect with -m 'not data'"
    return root


@pytest.fixture(scope="session")
def data(data_root: Path) -> Callable[[str], list[dict]]:
    def read(name: str) -> list[dict]:
        return [json.loads(line) for line in (data_root / name).read_text(encoding="utf-8").splitlines()]

    return read
