"""Verification of meetings, the bound of a cluster, and what is told of the implausible."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from curator.dedup import DedupDocuments, deduplication
from curator.dedup.cells import SURE
from curator.dedup.verified import LEADERS, SKETCH, similarity


def overlapping(words, number: int, kept: int = 60) -> list[str]:
    """Texts in a row: each shares most of its words with its neighbours, and the first nothing with the last."""
    flow = words(77, 10 * number + kept).split(" ")
    return [" ".join(flow[10 * i : 10 * i + kept]) for i in range(number)]


def test_a_chain_is_broken_where_its_links_are_unlike(dedup, words):
    """Eight words in ten are shared: bands of one row meet at once, and without verification the chain is one."""
    documents = [{"id": f"{i:02}", "text": text} for i, text in enumerate(overlapping(words, 12))]
    loose = {"bands": 30, "rows": 1, "shingle": 2}
    assert len(dedup(**loose).kept(documents)) == 1
    marks = dedup(**loose, verify=0.9).dedup(documents)
    assert all(mark == {"keep": True, "cluster": None, "copies": 1} for mark in marks.values())


def test_estimates_are_near_the_exact_similarity(words):
    stage = DedupDocuments(shingle=2, verify=0.5)
    flow = words(5, 700).split(" ")
    for shared in range(0, 301, 30):
        one, other = flow[:300], flow[300 - shared : 600 - shared]
        sets = [set(pairwise(text)) for text in (one, other)]
        exact = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        sketches = stage.sign(pa.RecordBatch.from_pydict({"text": [" ".join(one), " ".join(other)]}))["sketch"].to_pylist()
        assert abs(similarity(*sketches) - exact) < 0.1


def test_a_first_document_that_is_unlike_does_not_hide_that_others_are_alike(dedup, words):
    """All share a bucket; none but two are alike, and whichever is the first in it, these two are found."""
    stage = dedup(bands=1, rows=1, verify=0.8)
    texts = [words(i, 50) for i in range(4)]
    texts.append(texts[-1])
    for ids in (range(5), range(5, 0, -1), range(100, 105)):
        one = stage.shard("s", [{"id": f"d{i}", "text": text + " x" * (i % 2)} for i, text in zip(ids, texts)])
        table = pq.read_table(one.path)
        shared = pa.array([[7 << 20]] * 5, table.schema.field("bands").type)
        changed = table.set_column(table.column_names.index("bands"), "bands", shared)
        marks = stage.mark([stage.signed(f"{ids[0]}", changed, str(ids))], folder=str(ids[0]))
        assert sorted(mark["copies"] for mark in marks.values()) == [1, 1, 1, 2, 2]


# --------------------------------------------------------------------------------------------------- against brute force


def documents_of(generator: random.Random, count: int) -> list[dict]:
    """Variants of some sketches, spread over few buckets, some of them of equal text or address."""
    bases = [generator.randbytes(SKETCH) for _ in range(6)]
    found = []
    for i in range(count):
        sketch = bytearray(generator.choice(bases))
        for place in generator.sample(range(SKETCH), generator.choice([0, 10, 40, 80])):
            sketch[place] ^= 1 + generator.randrange(255)
        short = generator.random() < 0.1
        found.append(
            {
                "id": f"{generator.getrandbits(40):x}-{i}",
                "bands": None if short else [2 * (generator.randrange(5) + 10 * b) << 50 for b in range(2)],
                "sketch": None if short else bytes(sketch),
                "exact": (2 * i).to_bytes(8, "little") * 2,
                "url": generator.choice([None, None, generator.randrange(1 << 40)]),
                "length": generator.randrange(3),
            }
        )
    for one in generator.sample(found, count // 5):  # the same text has the same signature
        other = generator.choice(found)
        one |= {key: other[key] for key in ("bands", "sketch", "exact")}
    return found


def brute_force(documents: Sequence[dict], least: float) -> dict[str, dict]:
    """The rule as it is stated: in every bucket, in the order of the hashes of ids, each is compared with the leaders."""
    label = {d["id"]: d["id"] for d in documents}

    def join(one: str, other: str) -> None:
        old, new = label[one], label[other]
        for key in label:
            if label[key] == old:
                label[key] = new

    by_text: dict[bytes, list[dict]] = {}
    for d in documents:
        by_text.setdefault(d["exact"], []).append(d)
    for same in by_text.values():
        for d in same[1:]:
            join(d["id"], same[0]["id"])
    for i, d in enumerate(documents):
        for other in documents[:i]:
            if d["url"] is not None and d["url"] == other["url"]:
                join(d["id"], other["id"])
    banded = [d for d in documents if d["bands"]]
    for value in sorted({v for d in banded for v in d["bands"]}):
        bucket = sorted((d for d in banded if value in d["bands"]), key=lambda d: xxhash.xxh3_64_intdigest(d["id"].encode()))
        leaders: list[dict] = []
        for d in bucket:
            leader = next((x for x in leaders if similarity(d["sketch"], x["sketch"]) >= least), None)
            if leader:
                join(d["id"], leader["id"])
            elif len(leaders) < LEADERS:
                leaders.append(d)
    marks = {}
    for d in documents:
        members = [x for x in documents if label[x["id"]] == label[d["id"]]]
        best = min(members, key=lambda x: (-x["length"], x["id"]))["id"]
        alone = len(members) == 1
        marks[d["id"]] = {"keep": best == d["id"], "cluster": None if alone else best, "copies": len(members)}
    return marks


@pytest.mark.parametrize("seed", range(15))
def test_any_partitions_verify_as_brute_force_does(dedup, monkeypatch, chaotic, seed):
    monkeypatch.setattr(deduplication, "LEAST_MEMORY", 1)
    generator = random.Random(seed)
    documents = documents_of(generator, generator.randrange(5, 80))
    by = ("exact", "url", "minhash")
    one = dedup(bands=2, rows=1, verify=0.75, by=by, memory=generator.choice([1000, 10_000, 1 << 30]))
    cut = generator.randrange(1, 7)
    shards = []
    for number in range(cut):
        rows = documents[number::cut]
        columns = {name: pa.array([d[name] for d in rows], kind) for name, kind in one.stage.signature.items()}
        ids = pa.array([d["id"] for d in rows], pa.string())
        table = pa.table({"id": ids, "source": pa.array(["web"] * len(rows), pa.string()), **columns})
        shards.append(one.signed(f"s{number}", table, f"{number}"))
    found = one.mark_despite_kills(shards, chaotic(seed, 0.03))
    assert found == brute_force(documents, 0.75)


def test_a_hot_bucket_costs_a_few_comparisons_a_document():
    from curator.dedup.verified import _similar

    count = 200_000
    sketches = np.random.default_rng(0).integers(0, 256, (count, SKETCH)).astype(np.uint8)
    places = np.arange(count)
    members, _ = _similar(np.zeros(count, np.uint64), places, places, sketches, SKETCH)
    assert len(members) == 0
    members, firsts = _similar(np.full(count, SURE), places, places, sketches, SKETCH)
    assert len(members) == count - 1
    assert not firsts.any()


# ------------------------------------------------------------------------------------------------------ what is implausible


def test_of_a_cluster_that_is_too_large_only_equal_texts_are_one(dedup, words):
    texts = overlapping(words, 8)
    documents = [{"id": f"{i:02}{copy}", "text": text} for i, text in enumerate(texts) for copy in "ab"]
    documents += [{"id": "pair", "text": "a pair of small texts"}, {"id": "pear", "text": "A pair of small texts!"}]
    loose = {"bands": 30, "rows": 1, "shingle": 2}
    assert len(dedup(**loose).kept(documents)) == 2
    one = dedup(**loose, largest=10)
    marks = one.dedup(documents)
    assert {i for i, mark in marks.items() if mark["keep"]} == {f"{i:02}a" for i in range(8)} | {"pair"}
    assert {mark["copies"] for mark in marks.values()} == {2}
    assert marks["03b"]["cluster"] == "03a"
    assert one.summary()["too_large"] == 1
    assert one.summary()["warnings"] == [
        "1 clusters had more than 10 documents (`largest`): of those only documents of the same text were taken for duplicates"
    ]
    assert dedup(**loose, largest=16).dedup(documents) == dedup(**loose).dedup(documents)


@pytest.mark.parametrize("memory", [1000, 1 << 30])
def test_the_bound_of_a_cluster_holds_over_partitions(dedup, monkeypatch, memory):
    monkeypatch.setattr(deduplication, "LEAST_MEMORY", 1)
    generator = random.Random(3)
    documents = []
    for size in (1, 2, 3, 7, 8, 9, 30):
        documents += [{"band": size, "id": f"{size:02}-{i:02}", "text": generator.randrange(3)} for i in range(size)]
    generator.shuffle(documents)
    one = dedup(bands=1, rows=1, largest=8, memory=memory)
    shards = []
    for number in range(6):
        rows = documents[number::6]
        columns = {
            "bands": pa.array([[2 * d["band"] << 55] for d in rows], one.stage.signature["bands"]),
            "exact": pa.array([bytes([d["band"], d["text"]] * 8) for d in rows], pa.binary(16)),
            "length": pa.array([1] * len(rows), pa.int32()),
        }
        ids = {"id": pa.array([d["id"] for d in rows]), "source": pa.array(["web"] * len(rows))}
        shards.append(one.signed(f"s{number}", pa.table(ids | columns), f"{number}"))
    marks = one.mark(shards)
    expected = {}
    for d in documents:
        same = [x for x in documents if x["band"] == d["band"] and (d["band"] <= 8 or x["text"] == d["text"])]
        best = min(x["id"] for x in same)
        alone = len(same) == 1
        expected[d["id"]] = {"keep": d["id"] == best, "cluster": None if alone else best, "copies": len(same)}
    assert marks == expected


def test_a_source_and_a_cluster_that_are_not_plausible_are_named(dedup, words):
    """A source that is eaten nearly whole, and one page that is a fifth of all, are told of."""
    texts = [words(i, 40) for i in range(400)]
    documents = [{"id": f"w{i:03}", "source": "web", "text": text} for i, text in enumerate(texts)]
    documents += [{"id": f"f{i:03}", "source": "feed", "text": texts[i]} for i in range(30)]
    documents += [{"id": f"p{i:03}", "source": "web", "text": texts[77]} for i in range(120)]
    one = dedup(prefer=("web", "feed"))
    one.dedup(documents)
    assert one.summary()["warnings"] == [
        "feed loses 100.0% of its documents (30 of 30)",
        "one cluster holds 121 documents, 22.0% of all; p000 stands for it "
        "(`verify` breaks chains, `largest` bounds a cluster)",
    ]
    tolerant = dedup(prefer=("web", "feed"), warn=1.0)
    tolerant.dedup(documents)
    assert len(tolerant.summary()["warnings"]) == 1


# --------------------------------------------------------------------------------------------------------- ways to be one


def addressed(dedup, documents: Sequence[tuple[str, str | None]], **options) -> dict[str, int]:
    one = dedup(**options)
    rows = [{"id": f"{i:02}", "source": "web", "text": text, "url": url} for i, (text, url) in enumerate(documents)]
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema({n: pa.string() for n in ("id", "source", "text", "url")}))
    table = pa.table({"id": batch.column("id"), "source": batch.column("source"), **one.stage.sign(batch)})
    assert [table.schema.field(name).type for name in one.stage.signature] == list(one.stage.signature.values())
    return {i: mark["copies"] for i, mark in one.mark([one.signed("s", table, "x")]).items()}


def test_by_address_by_text_and_by_similarity(dedup, words):
    text, other = words(1, 60), words(2, 60)
    documents = [
        (text, "http://example.com/a?utm_source=b"),
        (other, "https://www.example.com/a/#top"),
        (other.upper() + "!", None),
        (text.replace("w", "v", 1), "mailto:nobody@example.com"),
        (text, None),
    ]
    assert list(addressed(dedup, documents, by=("url",)).values()) == [2, 2, 1, 1, 1]
    assert list(addressed(dedup, documents, by=("exact",)).values()) == [2, 2, 2, 1, 2]
    assert list(addressed(dedup, documents, by=("exact", "url")).values()) == [4, 4, 4, 1, 4]
    assert list(addressed(dedup, documents).values()) == [3, 2, 2, 3, 3]
    assert list(addressed(dedup, documents, by=("minhash", "url", "exact")).values()) == [5] * 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": ()}, "by: nothing"),
        ({"by": ("url", "url")}, "each of exact"),
        ({"verify": 0.01}, "verify: 0.01"),
        ({"verify": 0.8, "by": ("exact",)}, "add minhash"),
        ({"largest": 1}, "largest: 1"),
        ({"warn": 0.0}, "warn: 0.0"),
        ({"memory": 1000}, "memory: 1000 bytes"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        DedupDocuments(**options)
