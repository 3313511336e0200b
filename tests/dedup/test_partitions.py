"""Clusters over many partitions, with calls killed at random, against brute force."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from curator.dedup import deduplication

BANDS = 3


def chain(generator: random.Random, size: int) -> list[list[int]]:
    """Each meets the next one, and no other."""
    return [[2 * i, 2 * i + 2, -i - 1] for i in range(size)]


def tree(generator: random.Random, size: int) -> list[list[int]]:
    """Each meets one that came before it: stars of stars."""
    return [[2 * i, 2 * generator.randrange(max(1, i // 2 + 1)), -i - 1] for i in range(size)]


def cliques(generator: random.Random, size: int) -> list[list[int]]:
    return [[2 * (i % 5), -2 * i - 1, -2 * i - 2] for i in range(size)]


def hot(generator: random.Random, size: int) -> list[list[int]]:
    """One bucket that holds nearly all, and chains beside it."""
    return [[7 if generator.random() < 0.8 else 100 + i, 1000 + i // 2, 2000 + (i + 1) // 2] for i in range(size)]


def scattered(generator: random.Random, size: int) -> list[list[int]]:
    return [[generator.randrange(4 * size) for _ in range(BANDS)] for _ in range(size)]


GRAPHS: list[Callable[[random.Random, int], list[list[int]]]] = [chain, tree, cliques, hot, scattered]
MEMORIES = (1000, 3000, 20_000, 1 << 30)


def brute_force(documents: Sequence[dict]) -> dict[str, dict]:
    """Everything against everything; the longest of a cluster stays, of those the first by id."""
    label = list(range(len(documents)))
    for i, one in enumerate(documents):
        for j in range(i):
            if set(one["bands"]) & set(documents[j]["bands"]) and label[i] != label[j]:
                label = [label[j] if each == label[i] else each for each in label]
    marks = {}
    for i, document in enumerate(documents):
        members = [documents[j] for j in range(len(documents)) if label[j] == label[i]]
        best = min(members, key=lambda d: (-d["length"], d["id"]))["id"]
        alone = len(members) == 1
        marks[document["id"]] = {"keep": best == document["id"], "cluster": None if alone else best, "copies": len(members)}
    return marks


def documents_of(generator: random.Random, graph: Callable, most: int) -> list[dict]:
    size = generator.randrange(1, most)
    spread = {}

    def hashed(value: int, band: int) -> int:
        return spread.setdefault(value, generator.getrandbits(64) & ~1)

    made = [
        {"bands": [hashed(v, b) for b, v in enumerate(bands)], "length": generator.randrange(3), "id": f"{i:04}"}
        for i, bands in enumerate(graph(generator, size))
    ]
    generator.shuffle(made)
    return made


def trial(seed: int, dedup_in, chaotic, most: int) -> None:
    generator = random.Random(seed)
    graph, memory = GRAPHS[seed % len(GRAPHS)], MEMORIES[seed // len(GRAPHS) % len(MEMORIES)]
    documents = documents_of(generator, graph, most)
    with tempfile.TemporaryDirectory() as folder:
        one = dedup_in(folder, bands=BANDS, rows=1, memory=memory)
        cut = generator.randrange(1, 12)
        shards = []
        for number in range(cut):
            rows = [d for i, d in enumerate(documents) if i % cut == number]
            table = pa.table(
                {
                    "id": pa.array([d["id"] for d in rows], pa.string()),
                    "source": pa.array(["web"] * len(rows), pa.string()),
                    "bands": pa.array([d["bands"] for d in rows], one.stage.signature["bands"]),
                    "exact": pa.array([bytes(16)] * len(rows), pa.binary(16)),
                    "length": pa.array([d["length"] for d in rows], pa.int32()),
                }
            )
            shards.append(one.signed(f"s{number}", table, f"{seed} {number}"))
        found = one.mark_despite_kills(shards, chaotic(seed, 0.02))
        assert found == brute_force(documents), (seed, graph.__name__, memory)


@pytest.fixture(autouse=True)
def any_memory(monkeypatch):
    monkeypatch.setattr(deduplication, "LEAST_MEMORY", 1)


@pytest.mark.parametrize("seed", range(20))
def test_any_graph_is_clustered_as_by_brute_force(dedup_in, chaotic, seed):
    trial(seed, dedup_in, chaotic, most=40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_two_hundred_graphs_are_clustered_as_by_brute_force(dedup_in, chaotic, seed):
    trial(seed, dedup_in, chaotic, most=200)


@pytest.mark.parametrize("graph", GRAPHS)
def test_what_does_not_fit_into_one_call_takes_a_few_rounds(dedup, graph):
    """A chain of 300 over many shards: its length doubles every round. Where nearly all are leaves, none is needed."""
    one = dedup(bands=BANDS, rows=1, memory=3000)
    generator = random.Random(5)
    documents = documents_of(generator, lambda g, _: graph(g, 300), 3)
    columns = {"source": pa.array(["web"] * 30), "exact": pa.array([bytes(16)] * 30, pa.binary(16))}
    shards = []
    for number in range(10):
        rows = documents[number::10]
        table = pa.table(
            columns
            | {
                "id": pa.array([d["id"] for d in rows]),
                "bands": pa.array([d["bands"] for d in rows], one.stage.signature["bands"]),
                "length": pa.array([d["length"] for d in rows], pa.int32()),
            }
        )
        shards.append(one.signed(f"s{number}", table, f"{number}"))
    assert one.mark(shards) == brute_force(documents)
    rounds = [path.name for path in (one.folder / "marks").glob("large*")]
    assert {chain: 3, tree: 2}.get(graph, 0) <= len(rounds) < 16, rounds
