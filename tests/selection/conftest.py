"""Shards of signed documents for a stage, marks read back, and an executor that does what clusters do on bad days."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator.documents import Shard
from curator.engine.executor import Inline
from curator.selection.cut import Cut

COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("script", pa.string()),
        ("m.score", pa.float64()),
    ]
)


class Twice:
    """Calls in any order, each of what came out of a pickle, half of them a second time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def map(self, function, items: Sequence, resources=None):
        order = [*range(len(items)), *(i for i in range(len(items)) if self.random.random() < 0.5)]
        self.random.shuffle(order)
        done = set()
        for index in order:
            call, item = pickle.loads(pickle.dumps((function, items[index])))
            result = call(item)
            if index not in done:
                done.add(index)
                yield index, result


def documents(scores: Sequence[float | None], **columns: Any) -> list[dict[str, Any]]:
    """A document for each score; `columns` are the same for all of them."""
    return [{"id": f"{n:032x}", "source": "web", "language": "zh", **columns, "m.score": s} for n, s in enumerate(scores)]


def batch(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=COLUMNS)


@dataclass
class Cutting:
    """A stage and a folder: documents in shards in, buckets by id out."""

    folder: Path
    stage: Cut

    def shards(self, rows: Sequence[dict[str, Any]], size: int) -> list[Shard]:
        return [self.shard(f"s{at}", rows[at : at + size]) for at in range(0, len(rows), size)]

    def shard(self, key: str, rows: Sequence[dict[str, Any]]) -> Shard:
        docs = batch(rows)
        columns = {"id": docs.column("id"), "source": docs.column("source"), **self.stage.sign(docs)}
        path = self.folder / f"{key}-{len(rows)}.parquet"
        pq.write_table(pa.table(columns), path)
        return Shard(key, "web", str(path), len(rows), f"{key} {rows!r}")

    def buckets(
        self, rows: Sequence[dict[str, Any]], size: int = 1000, executor: Any = None, folder: str = "w"
    ) -> dict[str, str]:
        shards = self.shards(rows, size)
        paths = self.stage.mark(shards, str(self.folder / folder), executor or Inline())
        found: dict[str, str] = {}
        for at, path in zip(range(0, len(rows), size), paths, strict=True):
            docs = batch(rows[at : at + size])
            table = pq.read_table(path).combine_chunks()
            marks = table.to_batches()[0] if len(table) else pa.RecordBatch.from_pylist([], schema=table.schema)
            verdict = self.stage.apply(docs, marks)
            found |= dict(zip(docs.column("id").to_pylist(), verdict["bucket"].to_pylist(), strict=True))
        return found

    def cuts(self, folder: str = "w") -> Path:
        return self.folder / folder / "cuts.json"


@pytest.fixture
def cutting(tmp_path: Path) -> Callable[..., Cutting]:
    def make(**options: Any) -> Cutting:
        given: dict[str, Any] = {"by": "m.score", "best": "lowest"} | options
        return Cutting(tmp_path, Cut(**given))

    return make


@pytest.fixture
def rows() -> Callable[..., list[dict[str, Any]]]:
    return documents


@pytest.fixture
def as_batch() -> Callable[..., pa.RecordBatch]:
    return batch


@pytest.fixture
def twice() -> Callable[[int], Twice]:
    return Twice
