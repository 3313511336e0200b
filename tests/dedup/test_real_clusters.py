"""Clusters of a real crawl, over many partitions and with meetings verified."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter

import pyarrow as pa
import pytest

from curator.dedup import DedupDocuments, deduplication

pytestmark = pytest.mark.data

UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


@pytest.fixture(scope="module")
def crawl(data):
    return [row["text"] for row in data("text/hplt_raw_zh_web.jsonl")]


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Of five units: Han characters, and words of all else."""
    units = UNIT.findall(unicodedata.normalize("NFKC", text).casefold())
    return frozenset(zip(*(units[i:] for i in range(5)), strict=False))


def similar_pairs(sets: list[frozenset], least: float) -> dict[tuple[int, int], float]:
    holders: dict[tuple, list[int]] = {}
    for i, each in enumerate(sets):
        for shingle in each:
            holders.setdefault(shingle, []).append(i)
    shared: Counter[tuple[int, int]] = Counter()
    for having in holders.values():
        shared.update(itertools.combinations(having, 2))
    similar = {(i, j): n / (len(sets[i]) + len(sets[j]) - n) for (i, j), n in shared.items()}
    return {pair: s for pair, s in similar.items() if s >= least}


def together(texts: list[str]) -> list[tuple[int, int]]:
    """Pairs that share a band, or a text that is too short for one; each with the first that has it."""
    signed = DedupDocuments().signed(pa.array(texts))
    first: dict[object, int] = {}
    found = []
    for i, (bands, exact) in enumerate(zip(signed["bands"].to_pylist(), signed["exact"].to_pylist(), strict=True)):
        found += [(first.setdefault(key, i), i) for key in bands or [exact]]
    return found


@pytest.mark.parametrize("memory", [20_000, 200_000])
def test_real_text_over_any_partitions_is_clustered_as_by_brute_force(dedup, crawl, monkeypatch, chaotic, memory):
    """Shards, partitions, order, calls twice and kills: the clusters are the closure of all pairs that share a band."""
    monkeypatch.setattr(deduplication, "LEAST_MEMORY", 1)
    texts = [text[:3000] for text in crawl]
    neighbours: dict[int, set[int]] = {i: {i} for i in range(len(texts))}
    for one, other in together(texts):
        joined = neighbours[one] | neighbours[other]
        for i in joined:
            neighbours[i] = joined
    stage = dedup(memory=memory)
    documents = [{"id": f"{i:03}", "text": text} for i, text in enumerate(texts)]
    shards = stage.shards(documents, [i * 7 % 9 for i in range(len(texts))])
    marks = stage.mark_despite_kills(shards, chaotic(memory, 0.003))
    assert sum(len(having) > 1 for having in neighbours.values()) > 50
    for i, having in neighbours.items():
        mark = marks[f"{i:03}"]
        assert mark["copies"] == len(having)
        assert {marks[f"{j:03}"]["cluster"] for j in having} == {mark["cluster"]}
        assert sum(marks[f"{j:03}"]["keep"] for j in having) == 1


def test_verification_keeps_what_is_similar_and_parts_what_is_not(dedup, crawl):
    """Bands that meet early, verified at 0.8: pairs well above are one, and no two that are alone in it are well below."""
    texts = [text for text in sorted({text[:1500] for text in crawl}) if shingles(text)]
    sets = [shingles(text) for text in texts]
    similar = similar_pairs(sets, 0.3)
    marks = dedup(bands=40, rows=3, verify=0.8).dedup([{"id": f"{i:03}", "text": text} for i, text in enumerate(texts)])
    cluster = [marks[f"{i:03}"]["cluster"] or f"{i:03}" for i in range(len(texts))]
    assert [pair for pair, s in similar.items() if s >= 0.93 and cluster[pair[0]] != cluster[pair[1]]] == []
    pairs = [(i, j) for i, one in enumerate(cluster) for j in range(i + 1, len(cluster)) if one == cluster[j]]
    of_two = [(i, j) for i, j in pairs if marks[f"{i:03}"]["copies"] == 2]
    assert len(of_two) > 3
    assert [pair for pair in of_two if similar.get(pair, 0) < 0.68] == []
