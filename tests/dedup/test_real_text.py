"""Real documents: gold pairs, exact repeats of a raw crawl, exact Jaccard similarity, and datasketch as a second opinion."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash, MinHashLSH

from curator.dedup import DedupDocuments
from curator.dedup.folding import IGNORED, UNIT, WORD, character_class
from curator.dedup.minhash import SHINGLED, signatures

pytestmark = pytest.mark.data


@functools.cache
def units(text: str) -> tuple[str, ...]:
    found, word = [], ""
    for character in unicodedata.normalize("NFKC", text).casefold() + " ":
        kind = character_class(character)
        if kind == WORD:
            word += character
        elif kind != IGNORED:
            found += [word] if word else []
            found += [character] if kind == UNIT else []
            word = ""
    return tuple(found)


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    found = units(text)
    return frozenset(found[i : i + 5] for i in range(len(found) - 4))


def similar_pairs(sets: list[frozenset], least: float) -> dict[tuple[int, int], float]:
    """All pairs of at least this Jaccard similarity, exactly: by counting the shingles that two texts share."""
    holders: dict[tuple, list[int]] = {}
    for i, each in enumerate(sets):
        for shingle in each:
            holders.setdefault(shingle, []).append(i)
    shared: Counter[tuple[int, int]] = Counter()
    for having in holders.values():
        shared.update(itertools.combinations(having, 2))
    similar = {(i, j): n / (len(sets[i]) + len(sets[j]) - n) for (i, j), n in shared.items()}
    return {pair: s for pair, s in similar.items() if s >= least}


def meet(texts: list[str]) -> set[tuple[int, int]]:
    """Pairs of indexes that share a band."""
    found = signatures(pa.array(texts), 5, 14, 8)
    buckets: dict[int, list[int]] = {}
    for i in np.flatnonzero(found.kind == SHINGLED):
        for value in found.bands[i].tolist():
            buckets.setdefault(value, []).append(int(i))
    return {pair for having in buckets.values() for pair in itertools.combinations(having, 2)}


@pytest.fixture(scope="module")
def mccormick(data):
    return data("dedup/mccormick_1000.docs.jsonl"), data("dedup/mccormick_1000.pairs.jsonl")


def test_all_gold_pairs_of_plagiarised_articles_are_found_and_no_other(dedup, mccormick):
    documents, gold = mccormick
    marks = dedup().dedup([{"id": d["id"], "text": d["text"]} for d in documents])
    clusters: dict[str, set[str]] = {}
    for identity, mark in marks.items():
        if mark["cluster"]:
            clusters.setdefault(mark["cluster"], set()).add(identity)
    assert sorted(map(sorted, clusters.values())) == sorted(sorted([p["a"], p["b"]]) for p in gold)


def test_all_pairs_of_the_course_set_are_found(dedup, data):
    documents = data("dedup/parkr_ndd_100.docs.jsonl")
    pairs = {(f"file{a:02}.txt", f"file{b:02}.txt") for a, b in COURSE_PAIRS}
    marks = dedup().dedup([{"id": d["id"], "text": d["text"]} for d in documents])
    assert {d for d, mark in marks.items() if mark["copies"] == 2} == {name for pair in pairs for name in pair}
    assert all(marks[a]["cluster"] == marks[b]["cluster"] for a, b in pairs)


COURSE_PAIRS = [(1, 75), (2, 76), (3, 87), (9, 64), (14, 88), (18, 99), (23, 51), (25, 40), (32, 52), (34, 63)]


@pytest.fixture(scope="module")
def crawl(data):
    return [row["text"] for row in data("text/hplt_raw_zh_web.jsonl")]


def test_exact_repeats_of_a_raw_chinese_crawl_go_and_one_of_each_stays(dedup, crawl):
    marks = dedup().dedup([{"id": f"{i:03}", "text": text} for i, text in enumerate(crawl)])
    same: dict[tuple[str, ...], list[str]] = {}
    for i, text in enumerate(crawl):
        same.setdefault(units(text) or (text,), []).append(f"{i:03}")
    repeated = [members for members in same.values() if len(members) > 1]
    assert sum(len(members) - 1 for members in repeated) > 40
    for members in repeated:
        assert len({marks[i]["cluster"] for i in members}) == 1
        assert sum(marks[i]["keep"] for i in members) <= 1
    clusters = Counter(mark["cluster"] for mark in marks.values() if mark["cluster"])
    assert Counter(mark["cluster"] for mark in marks.values() if mark["cluster"] and mark["keep"]) == Counter(clusters.keys())


@pytest.mark.parametrize("which", ["crawl", "news"])
def test_recall_is_what_theory_says(crawl, mccormick, which):
    """Every pair of similarity s is found with the probability 1 - (1 - s**8)**14. Pairs inside one group of repeats are not
    independent, so a text counts once."""
    texts = sorted({text[:1500] for text in (crawl if which == "crawl" else [d["text"] for d in mccormick[0]])})
    sets = [shingles(text) for text in texts]
    distinct: dict[frozenset, int] = {s: i for i, s in enumerate(sets) if s}
    texts = [texts[i] for i in distinct.values()]
    similar = similar_pairs(list(distinct), 0.3)
    found = meet(texts)
    chances = {pair: 1 - (1 - s**8) ** 14 for pair, s in similar.items()}
    expected, spread = sum(chances.values()), sum(p * (1 - p) for p in chances.values()) ** 0.5
    assert abs(len(found & similar.keys()) - expected) <= 4 * spread + 1
    assert not [pair for pair, s in similar.items() if s >= 0.95 and pair not in found]
    assert len(found - similar.keys()) <= 1  # below 0.3 a pair meets once in 1000 times


def test_agrees_with_datasketch_where_chance_has_no_say(crawl):
    """The same shingles, 14 bands of 8 rows: both find all that is nearly equal, and neither what is not."""
    texts = [text[:2000] for text in crawl[:250]]
    sets = [shingles(text) for text in texts]
    lsh = MinHashLSH(num_perm=112, params=(14, 8))
    theirs = set()
    for i, each in enumerate(sets):
        if each:
            sketch = MinHash(num_perm=112)
            sketch.update_batch([" ".join(s).encode() for s in each])
            theirs |= {(j, i) for j in lsh.query(sketch)}
            lsh.insert(i, sketch)
    ours, similar = meet(texts), similar_pairs(sets, 0.0)
    for pair in ours ^ theirs:
        assert 0.3 < similar[pair] < 0.92
    sure = {pair for pair, s in similar.items() if s >= 0.92}
    assert sure
    assert sure <= ours & theirs


def test_simplified_and_traditional_copies_are_two(data):
    """Whatever else folds, the two forms of Chinese do not."""
    rows = data("dedup/zh_script_variant_pairs_ud_gsd.jsonl")[:100]
    different = [r for r in rows if units(r["hant"]) != units(r["hans"])]
    assert len(different) > 80
    found = signatures(pa.array([r["hant"] for r in different] + [r["hans"] for r in different]), 5, 14, 8)
    half = len(different)
    assert (found.exact[:half] != found.exact[half:]).any(axis=1).all()


def test_every_band_and_row_that_threshold_chooses_signs(mccormick):
    documents, _ = mccormick
    for threshold in (0.5, 0.7, 0.9):
        stage = DedupDocuments(threshold=threshold)
        signed = stage.sign(pa.RecordBatch.from_pydict({"text": [d["text"] for d in documents[:50]]}))
        assert signed["bands"].type.list_size == stage.banding[0]
        assert signed["bands"].null_count == 0


def test_silver_pairs_of_the_crawl_are_one(dedup, data):
    """Numbers computed by others, on shingles of seven characters: all that is nearly equal by them is one here."""
    rows = data("text/hplt_raw_zh_web.jsonl")
    named = {row["url"]: f"{i:03}" for i, row in enumerate(rows)}
    assert len(named) == len(rows)
    silver = [
        [named.get(pair[side].partition("|")[2]) for side in "ab"]
        for pair in data("dedup/silver_zh_news_and_web_exact_jaccard.jsonl")
        if pair["set"] == "hplt_raw_zh_web" and pair["jaccard_char7"] >= 0.95
    ]
    silver = [pair for pair in silver if None not in pair]
    assert len(silver) > 100
    marks = dedup().dedup([{"id": f"{i:03}", "text": row["text"]} for i, row in enumerate(rows)])
    assert [pair for pair in silver if marks[pair[0]]["cluster"] != marks[pair[1]]["cluster"]] == []
    assert all(marks[one]["cluster"] for one, _ in silver)


def test_editions_of_a_book_and_copies_of_a_licence_are_one(data_root):
    books = sorted((data_root / "books").glob("gitenberg_3261_*.txt"))
    licences = sorted((data_root / "dedup/cs336/documents_with_fuzzy_duplicates").glob("*.txt"))
    texts = [path.read_bytes().decode("utf-8", "replace") for path in (*books, *licences)]
    assert [len(books), len(licences)] == [2, 3]
    assert meet(texts) == {(0, 1), (3, 4)}
