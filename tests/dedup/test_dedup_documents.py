"""The stage: which documents are one, which of them stays, and that nothing else has a say."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasketch import MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import storage
from curator.dedup import DEDUP, DedupDocuments, deduplication
from curator.documents import decide
from curator.engine.executor import Inline


def edited(text: str, *places: int) -> str:
    words = text.split(" ")
    for place in places:
        words[place] = f"longer_than_before_{place}"
    return " ".join(words)


# ------------------------------------------------------------------------------------------------------------ what is marked


def test_near_duplicates_are_one_and_the_rest_stay(dedup, words):
    text = words(1, 300)
    documents = [
        {"id": "a", "text": text},
        {"id": "b", "text": text.upper() + "!!"},
        {"id": "c", "text": edited(text, 10)},
        {"id": "d", "text": words(2, 300)},
    ]
    marks = dedup().dedup(documents)
    assert marks["d"] == {"keep": True, "cluster": None, "copies": 1}
    assert [marks[i]["cluster"] for i in "abc"] == ["c"] * 3  # the longest
    assert [marks[i]["keep"] for i in "abc"] == [False, False, True]
    assert {marks[i]["copies"] for i in "abc"} == {3}


def test_chinese(dedup):
    text = "敏捷的棕色狐狸跳过懒狗，然后在村口的老槐树下睡了一个下午，醒来时天已经黑了，它只好独自走回山里。" * 2
    other = "今天的会议改到下周三举行，请各位同事提前准备好材料，并于周一之前发到秘书处的邮箱，逾期不候。"
    documents = [{"id": "a", "text": text}, {"id": "b", "text": text.replace("，", ", ")}, {"id": "c", "text": other}]
    assert dedup().kept(documents) == ["a", "c"]


def test_texts_without_a_shingle_are_duplicates_only_of_the_same(dedup):
    """Short texts are deduplicated exactly, and lack of shingles makes nobody a duplicate."""
    texts = ["你好", "你好！", "再见", "hi there", "Hi, there", "hi", "！！！", "？？？", "😀", "404", "", "第一章", "第二章"]
    kept = dedup().kept([{"id": f"{i:02}", "text": t} for i, t in enumerate(texts)])
    assert [texts[int(i)] for i in kept] == [
        "你好",
        "再见",
        "hi there",
        "hi",
        "！！！",
        "？？？",
        "😀",
        "404",
        "",
        "第一章",
        "第二章",
    ]


def test_a_thousand_documents_without_shingles_are_kept(dedup):
    assert len(dedup(shingle=20).kept([{"id": str(i), "text": f"标题 {i}"} for i in range(1000)])) == 1000


def test_very_long_documents_do_not_fall_together(dedup, words):
    """Any number of sentences; and bins with thousands of shingles still tell two texts apart."""
    documents = [{"id": str(i), "text": ". ".join(words(i, 140_000).split(" "))} for i in range(2)]
    assert dedup().kept(documents) == ["0", "1"]


def test_documents_outside_where_are_kept_and_untouched(dedup, words):
    documents = [
        {"id": "a", "text": words(1, 50)},
        {"id": "b", "text": None},
        {"id": "c", "text": None},
        {"id": "d", "text": words(1, 50)},
    ]
    marks = dedup().dedup(documents)
    assert marks["b"] == marks["c"] == {"keep": True, "cluster": None, "copies": 1}
    assert marks["d"] == {"keep": False, "cluster": "a", "copies": 2}


def test_closure_over_bands(dedup):
    """A meets B in one band and B meets C in another, so the three are one."""
    stage = DedupDocuments(bands=3, rows=1)
    signed = {
        "id": pa.array(["a", "b", "c", "d"]),
        "source": pa.array(["web"] * 4),
        "bands": pa.array([[1, 2, 3], [1, 12, 13], [21, 12, 23], [31, 32, 33]], stage.signature["bands"]),
        "exact": pa.array([bytes([i]) * 16 for i in range(4)], pa.binary(16)),
        "length": pa.array([5, 6, 7, 8], pa.int32()),
    }
    one = dedup(bands=3, rows=1)
    shard = one.shard("s", [{"id": i, "text": "x"} for i in "abcd"])
    pq.write_table(pa.table(signed), shard.path)
    marks = one.mark([shard])
    assert [marks[i]["cluster"] for i in "abcd"] == ["c", "c", "c", None]


# -------------------------------------------------------------------------------------------------------------- who survives


def survivor(found) -> str:
    return next(i for i, mark in found.items() if mark["keep"])


def test_the_survivor_is_the_preferred_source_then_quality_then_length_then_id(dedup, words):
    text = words(3, 200)
    a = {"id": "a", "source": "web", "text": text, "q": 0.9}
    longer = {"id": "b", "source": "web", "text": text + " again", "q": 0.5}
    book = {"id": "c", "source": "book", "text": text, "q": 0.1}
    wiki = {"id": "d", "source": "wiki", "text": text, "q": None}
    twin = {"id": "e", "source": "web", "text": text, "q": 0.9}
    everyone = [twin, wiki, longer, book, a]
    options = {"quality": "q", "prefer": ("wiki", "*", "web")}
    assert survivor(dedup(**options).dedup(everyone)) == "d"
    assert survivor(dedup(**options).dedup([twin, longer, book, a])) == "c"
    assert survivor(dedup(**options).dedup([twin, longer, a])) == "a"
    assert survivor(dedup().dedup([twin, longer, a])) == "b"
    assert survivor(dedup(quality="q").dedup([wiki, longer])) == "b"  # a quality that was not measured is the lowest
    assert survivor(dedup(prefer=("book",)).dedup(everyone)) == "c"
    assert survivor(dedup(quality="q").dedup([{**a, "q": float("nan")}, {**longer, "q": -5.0}])) == "b"


def test_a_source_named_like_the_wildcard_is_no_wildcard(dedup, words):
    text = words(3, 50)
    found = dedup(prefer=("*", "web")).dedup(
        [{"id": "a", "source": "web", "text": text}, {"id": "b", "source": "*", "text": text}]
    )
    assert survivor(found) == "b"


# ------------------------------------------------------------------------------------------- the same, however it is computed


def expected(documents: list[dict], stage: DedupDocuments) -> dict[str, dict]:
    """Brute force: everything against everything."""
    schema = pa.schema({"id": pa.string(), "text": pa.string(), "q": pa.float64()})
    docs = pa.RecordBatch.from_pylist(documents, schema=schema)
    signed = pa.table(dict(stage.sign(docs))).to_pylist()
    label = list(range(len(documents)))

    def meet(one: dict, other: dict) -> bool:
        if one["exact"] is None or other["exact"] is None:
            return False
        if one["bands"] is None or other["bands"] is None:
            return one["bands"] is other["bands"] and one["exact"] == other["exact"]
        return any(x == y for x, y in zip(one["bands"], other["bands"], strict=True))

    for i in range(len(documents)):
        for j in range(i):
            if meet(signed[i], signed[j]) and label[i] != label[j]:
                label = [label[j] if one == label[i] else one for one in label]
    marks = {}
    for i, document in enumerate(documents):
        members = [j for j in range(len(documents)) if label[j] == label[i]]

        def key(j: int) -> tuple:
            rank = {"wiki": 0, "web": 2}.get(documents[j]["source"], 1)
            return rank, -documents[j]["q"], -(signed[j]["length"] or 0), documents[j]["id"]

        best = documents[min(members, key=key)]["id"]
        alone = len(members) == 1
        marks[document["id"]] = {"keep": best == document["id"], "cluster": None if alone else best, "copies": len(members)}
    return marks


BASES = [
    *("alpha beta gamma delta epsilon zeta eta theta iota kappa", "红楼梦是中国古典小说的巅峰之作，曹雪芹著。"),
    *("短", "two words", None, "！！"),
]
TAILS, SOURCES = ["", " more", "，完", " 1"], ["web", "wiki", "books"]
DRAWN = st.tuples(
    st.sampled_from(BASES), st.sampled_from(TAILS), st.sampled_from(SOURCES), st.integers(0, 2), st.integers(0, 4)
)
DOCUMENTS = st.lists(DRAWN, max_size=14)


@settings(max_examples=40, deadline=None)
@given(DOCUMENTS, st.integers(0, 1000), st.sampled_from([1 << 30, 5000, 600]))
def test_any_shards_any_order_any_partitions_give_the_marks_of_brute_force(dedup_in, drawn, seed, memory):
    documents = [
        {"id": f"{(i * 7919 + seed) % 1009:04}", "text": None if base is None else base + tail, "source": source, "q": float(q)}
        for i, (base, tail, source, q, _) in enumerate(drawn)
    ]
    assignment = [shard * 31 % 7 for *_, shard in drawn]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(deduplication, "LEAST_MEMORY", 1)
        one = dedup_in(folder, bands=4, rows=2, shingle=3, prefer=("wiki", "*", "web"), quality="q", memory=memory)
        shards = one.shards(documents, assignment) if documents else []
        assert one.mark(shards) == expected(documents, one.stage)


def corpus(words) -> list[dict]:
    texts = [words(i // 3, 60) for i in range(60)]
    texts = [edited(t, i % 50) if i % 3 else t for i, t in enumerate(texts)] + ["短文"] * 5 + [None] * 3
    return [{"id": f"{i * 37 % 101:03}", "text": t, "source": "web" if i % 2 else "wiki"} for i, t in enumerate(texts)]


def written(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("seed", range(25))
def test_chaos_changes_no_byte(dedup, words, chaotic, killed, monkeypatch, seed):
    """Calls in any order and twice, kills, reruns, shards in another order: the same files, byte for byte."""
    monkeypatch.setattr(deduplication, "LEAST_MEMORY", 1)
    one = dedup(bands=7, rows=4, memory=8000)
    shards = one.shards(corpus(words), [i % 5 for i in range(68)])
    calm = one.mark(shards, folder="calm")
    executor = chaotic(seed)
    given_order = list(shards)
    for _ in range(1000):
        executor.random.shuffle(given_order)
        try:
            stormy = one.mark(given_order, executor, folder="stormy")
            break
        except killed:
            continue
    else:
        pytest.fail("never done")
    assert stormy == calm
    assert written(one.folder / "stormy") == written(one.folder / "calm")


@pytest.mark.parametrize("late", [False, True])
def test_a_kill_while_a_file_is_written_leaves_nothing_to_trust(dedup, words, killed, monkeypatch, late):
    """A call dies before its file has its name, or after that and before anybody knows: the rerun is the same to the byte."""
    monkeypatch.setattr(deduplication, "LEAST_MEMORY", 1)
    one = dedup(bands=7, rows=4, memory=20_000, by=("exact", "minhash"))
    shards = one.shards(corpus(words), [i % 3 for i in range(68)])
    calm = one.mark(shards, folder="calm")
    files = len(written(one.folder / "calm"))
    real = os.replace
    for moment in range(0, files, 3):
        calls = iter(range(moment))

        def dies(source, target, calls=calls):
            if next(calls, None) is None:
                if late:
                    real(source, target)
                raise killed
            real(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(storage.os, "replace", dies)
            with pytest.raises(killed):
                one.mark(shards, folder=f"killed{moment}")
        assert one.mark(shards, folder=f"killed{moment}") == calm
        assert written(one.folder / f"killed{moment}") == written(one.folder / "calm")


class Counting:
    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def map(self, function, items, resources=None):
        for index, item in enumerate(items):
            self.calls[function.func.__name__] += 1
            yield index, function(item)


def test_a_rerun_makes_only_what_is_missing(dedup, words):
    one = dedup()
    shards = one.shards(corpus(words), [i % 4 for i in range(68)])
    before = one.mark(shards)
    nothing, marks_only, other = Counting(), Counting(), Counting()
    one.mark(shards, nothing)
    assert not nothing.calls
    storage.remove(one.stage.mark(shards, str(one.folder / "marks"), nothing)[2])
    assert one.mark(shards, marks_only) == before
    assert marks_only.calls == {"write_marks": 1}
    new = one.shard("new", [{"id": "zzz", "text": corpus(words)[0]["text"]}])
    one.mark([*shards, new], other)
    assert other.calls["fill_buckets"] == 1  # the other shards' buckets are as they were


def test_another_keeper_needs_no_new_clusters(dedup, words):
    calls = Counting()
    first = dedup(prefer=("wiki", "*"))
    shards = first.shards(corpus(words), [i % 4 for i in range(68)])
    first.mark(shards)
    dedup(prefer=("*", "wiki")).mark(shards, calls)
    assert set(calls.calls) == {"choose_candidates", "choose_survivors", "write_marks"}


def test_a_changed_shard_is_not_taken_for_the_old_one(dedup, words):
    one = dedup()
    shards = [one.shard("s", [{"id": "a", "text": words(1, 30)}, {"id": "b", "text": words(1, 30)}])]
    assert sum(m["keep"] for m in one.mark(shards).values()) == 1
    changed = [one.shard("s", [{"id": "a", "text": words(1, 30)}, {"id": "b", "text": words(2, 30)}])]
    assert sum(m["keep"] for m in one.mark(changed).values()) == 2


def test_what_does_not_fit_is_refused(dedup, words):
    one = dedup()
    shard = one.shard("s", [{"id": "a", "text": words(1, 30)}])
    with pytest.raises(ValueError, match="two shards have the key 's'"):
        one.mark([shard, shard])
    pq.write_table(pq.read_table(shard.path).slice(1), shard.path)
    with pytest.raises(ValueError, match="has 0 rows, and its manifest says 1"):
        one.mark([shard])


# ----------------------------------------------------------------------------------------------------- the numbers, the columns


def test_the_summary_tells_what_each_source_loses(dedup, words):
    """A source that is eaten by another shows."""
    texts = [words(i, 40) for i in range(10)]
    documents = [{"id": f"w{i}", "source": "web", "text": t} for i, t in enumerate(texts)]
    documents += [{"id": f"k{i}", "source": "wiki", "text": t} for i, t in enumerate(texts[:6])]
    documents += [{"id": "n", "source": "web", "text": None}, {"id": "x", "source": "wiki", "text": texts[0]}]
    one = dedup(prefer=("wiki", "*"))
    one.mark(one.shards(documents, [i % 3 for i in range(len(documents))]))
    assert one.summary() == {
        "documents": 18,
        "signed": 17,
        "clusters": 6,
        "duplicates": 7,
        "largest": {"copies": 3, "cluster": "k0"},
        "sizes": {"2-3": 6},
        "sources": {
            "web": {"signed": 10, "duplicates": 6, "share": 0.6},
            "wiki": {"signed": 7, "duplicates": 1, "share": 1 / 7},
        },
        "warnings": [],
    }


def test_no_documents(dedup):
    one = dedup()
    assert one.stage.mark([], str(one.folder / "marks"), Inline()) == []
    assert one.summary()["documents"] == 0


def test_a_shard_without_rows_gets_marks_without_rows(dedup, words):
    one = dedup()
    shards = [one.shard("none", []), one.shard("s", [{"id": i, "text": words(1, 30)} for i in "ab"]), one.shard("other", [])]
    assert [pq.read_metadata(path).num_rows for path in one.stage.mark(shards, str(one.folder / "m"), Inline())] == [0, 2, 0]


def test_apply_and_its_rule_reject_the_duplicates(dedup, words):
    stage = DedupDocuments(name="near")
    marks = pa.RecordBatch.from_pylist(
        [{"keep": True, "cluster": None, "copies": 1}, {"keep": False, "cluster": "x", "copies": 2}],
        schema=pa.schema({"keep": pa.bool_(), "cluster": pa.string(), "copies": pa.int32()}),
    )
    docs = pa.RecordBatch.from_pydict({"id": ["a", "b"]})
    columns = stage.apply(docs, marks)
    assert {key: column.type for key, column in columns.items()} == dict(stage.writes)
    for key, column in columns.items():
        docs = docs.append_column(f"near.{key}", column)
    assert decide(docs, stage.rules).to_pylist() == [None, "near.duplicate"]


def test_sign_has_the_columns_that_it_says(words):
    for stage in (DedupDocuments(), DedupDocuments(threshold=0.8, quality="q")):
        docs = pa.RecordBatch.from_pydict({"text": [words(1, 20), None, "短"], "q": pa.array([1, None, 3], pa.int64())})
        for part in (docs, docs.slice(1), docs.slice(0, 0)):
            columns = stage.sign(part)
            assert {key: column.type for key, column in columns.items()} == dict(stage.signature)
            for column in columns.values():
                column.validate(full=True)
                assert len(column) == len(part)
        columns = stage.sign(docs)
        assert [column.is_null().to_pylist() for column in columns.values()][:3] == [
            [False, True, True],
            [False, True, False],
            [False, True, False],
        ]
        assert stage.sign(docs.slice(2))["exact"] == columns["exact"].slice(2)


def test_threshold_chooses_as_datasketch_does():
    for threshold in (0.5, 0.7, 0.8, 0.9):
        lsh = MinHashLSH(threshold=threshold, num_perm=128)
        assert DedupDocuments(threshold=threshold).banding == (lsh.b, lsh.r)
    assert DedupDocuments().banding == (14, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shingle": 0}, "shingle: 0"),
        ({"bands": 0}, "bands, rows: 0 x 8"),
        ({"bands": 200, "rows": 6}, "at most 1024 hashes"),
        ({"threshold": 1.5}, "threshold: 1.5"),
        ({"threshold": 0.8, "bands": 20}, "give either threshold, or bands and rows"),
        ({"hashes": 1}, "hashes: 1"),
        ({"prefer": ("wiki", "wiki")}, "every source once"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        DedupDocuments(**options)


def test_registered():
    assert DEDUP["dedup_documents"] is DedupDocuments
