"""Real documents: gold pairs, exact repeats of a raw crawl, exact Jaccard similarity, and datasketch as a second opinion."""

from __future__ import annotations

import functools
import html
import itertools
import re
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


def test_by_exact_hash_one_of_each_repeat_stays_and_nothing_else_goes(dedup, crawl):
    marks = dedup(by=("exact",)).dedup([{"id": f"{i:03}", "text": text} for i, text in enumerate(crawl)])
    different = {units(text) or (text,) for text in crawl}
    kept = [units(crawl[int(i)]) or (crawl[int(i)],) for i, mark in marks.items() if mark["keep"]]
    assert len(crawl) - len(different) > 40
    assert len(kept) == len(set(kept)) == len(different)


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


def test_every_silver_pair_is_found_or_explained(dedup, data):
    """Pairs of web pages and of news told by others, on shingles of seven characters. Those that are not one here have, on our
    shingles, a similarity at which 14 x 8 misses a pair more often than once in 10,000 times, and as many are missed as theory
    allows."""
    gold = {row["id"]: row["gold"] for row in data("html_gold/gold.jsonl")}
    crawled = {row["url"]: row["text"] for row in data("text/hplt_raw_zh_web.jsonl")}
    names = [*gold, *crawled]
    marks = dedup().dedup([{"id": f"{i:04}", "text": text} for i, text in enumerate([*gold.values(), *crawled.values()])])
    pairs = []
    for pair in data("dedup/silver_zh_news_and_web_exact_jaccard.jsonl"):
        sides = [pair[side] if pair["set"] == "html_gold" else pair[side].partition("|")[2] for side in "ab"]
        if all(side in gold or side in crawled for side in sides):
            pairs.append([names.index(side) for side in sides])
    assert len(pairs) > 300
    texts = [*gold.values(), *crawled.values()]
    found, chances = 0, []
    for a, b in pairs:
        one, other = shingles(texts[a]), shingles(texts[b])
        similarity = len(one & other) / len(one | other) if one and other else float(units(texts[a]) == units(texts[b]))
        chance = 1 - (1 - similarity**8) ** 14
        cluster = marks[f"{a:04}"]["cluster"]
        together = cluster is not None and cluster == marks[f"{b:04}"]["cluster"]
        assert together or chance < 0.9999, (names[a], names[b], similarity)
        found += together
        chances.append(chance)
    print(f"{len(pairs)} silver pairs, {found} found, {sum(chances):.1f} expected")
    assert found >= sum(chances) - 4 * sum(p * (1 - p) for p in chances) ** 0.5 - 1


def test_three_editions_of_a_book_and_two_copies_of_a_licence_are_one(data_root):
    books = sorted((data_root / "books").glob("gitenberg_3261_*"))
    licences = sorted((data_root / "dedup/cs336/documents_with_fuzzy_duplicates").glob("*.txt"))
    read = [path.read_bytes().decode("utf-8", "replace") for path in (*books, *licences)]
    texts = [html.unescape(re.sub(r"<[^>]*>", "", text)) for text in read]
    assert [len(books), len(licences)] == [3, 3]
    assert meet(texts) == {(0, 1), (0, 2), (1, 2), (4, 5)}
