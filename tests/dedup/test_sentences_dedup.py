"""The stage: which copies of a sentence stay, and that nothing else has a say."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.dedup import DEDUP, minhash, sentence_plan
from curator.dedup.dedup_sentences import DedupSentences
from curator.dedup.sentence_units import UNITS, split
from curator.documents import Shard, decide
from curator.engine.executor import Inline

NOTICE = "版权所有，未经许可不得转载。"
FOLLOW = "点击关注我们的公众号！"


@dataclass
class Corpus:
    """A stage over documents in shards."""

    folder: Path
    stage: DedupSentences

    def batch(self, documents: Sequence[dict]) -> pa.RecordBatch:
        names = {"id": pa.string(), "source": pa.string(), "text": pa.string(), "q": pa.float32()}
        return pa.RecordBatch.from_pylist([{"source": "web", **d} for d in documents], schema=pa.schema(names))

    def shard(self, key: str, documents: Sequence[dict]) -> Shard:
        docs = self.batch(documents)
        path = self.folder / "signed" / f"{key}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": docs["id"], "source": docs["source"], **self.stage.sign(docs)}), path)
        return Shard(key, "web", str(path), len(documents), repr(self.stage) + json.dumps(documents, sort_keys=True))

    def run(self, shards: dict[str, list[dict]], executor=None, order: Sequence[str] | None = None) -> dict[str, dict]:
        signed = [self.shard(key, shards[key]) for key in order or shards]
        paths = self.stage.mark(signed, str(self.folder / "marks"), executor or Inline())
        found = {}
        for shard, path in zip(signed, paths, strict=True):
            docs = self.batch(shards[shard.key])
            marks = pq.read_table(path).combine_chunks().to_batches()[0]
            columns = self.stage.apply(docs, marks)
            for row, document in enumerate(shards[shard.key]):
                found[document["id"]] = {name: column[row].as_py() for name, column in columns.items()}
        return found

    def texts(self, *documents: dict) -> dict[str, str]:
        return {key: each["text"] for key, each in self.run({"s": list(documents)}).items()}


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., Corpus]:
    return lambda **options: Corpus(tmp_path, DedupSentences(**options))


def pages(count: int, *parts: str) -> list[dict]:
    return [{"id": f"{n:02}", "text": f"第{n}页的正文是独一无二的，编号{n * 7919:05}。" + "".join(parts)} for n in range(count)]


# ------------------------------------------------------------------------------------------------------------ what is cut


def test_boilerplate_goes_and_some_copies_stay(corpus):
    found = corpus(copies=3).run({"s": pages(6, "\n\n", NOTICE, FOLLOW)})
    assert ["版权" in found[f"{n:02}"]["text"] for n in range(6)] == [True] * 3 + [False] * 3
    assert found["05"]["text"] == "第5页的正文是独一无二的，编号39595。"
    assert (found["05"]["cut"], found["05"]["cut_chars"]) == (2, len("\n\n" + NOTICE + FOLLOW))
    assert found["05"]["cut_char_ratio"] == pytest.approx(
        len("\n\n" + NOTICE + FOLLOW) / len(pages(6, "\n\n", NOTICE, FOLLOW)[5]["text"])
    )
    assert found["00"] == {"text": pages(1, "\n\n", NOTICE, FOLLOW)[0]["text"], "cut": 0, "cut_chars": 0, "cut_char_ratio": 0}


def test_not_more_than_copies_is_left_alone(corpus):
    documents = pages(3, NOTICE)
    assert corpus(copies=3).texts(*documents) == {d["id"]: d["text"] for d in documents}


def test_width_case_and_punctuation_are_one_and_script_if_asked(corpus):
    same = ["All Rights Reserved, Example Inc.", "ＡＬＬ rights reserved - example inc！", "all rights  reserved; EXAMPLE INC?"]
    documents = [{"id": str(n), "text": t} for n, t in enumerate(same)]
    assert [bool(t) for t in corpus(copies=1).texts(*documents).values()] == [True, False, False]
    scripts = [{"id": "a", "text": "版权所有未经许可不得转载。"}, {"id": "b", "text": "版權所有未經許可不得轉載。"}]
    assert all(corpus(copies=1).texts(*scripts).values())
    assert [bool(t) for t in corpus(copies=1, variants="fold").texts(*scripts).values()] == [True, False]


def test_short_sentences_are_left_alone(corpus):
    documents = [{"id": str(n), "text": "好的。" * 3 + f"这是第{n}个很长的句子，应当保留。"} for n in range(5)]
    assert corpus(copies=1).texts(*documents) == {d["id"]: d["text"] for d in documents}
    assert corpus(copies=1, min_chars=2).texts(*documents)["0"].count("好的") == 1
    assert "好的" not in corpus(copies=1, min_chars=2).texts(*documents)["4"]


def test_copies_in_one_document_count(corpus):
    assert corpus(copies=2).texts({"id": "a", "text": NOTICE * 5}) == {"a": NOTICE * 2}


def test_more_than_65535_sentences(corpus):
    text = "".join(f"这是第{n}句各不相同的话。" for n in range(66_000)) + NOTICE * 2
    assert corpus(copies=1).texts({"id": "a", "text": text})["a"] == text[: -len(NOTICE)]


def test_lines_and_paragraphs(corpus):
    head = "Home | About us | Contact\nSubscribe. Then read."
    documents = [{"id": str(n), "text": f"{head}\n\nArticle {n * 7919:05} begins here.\nSubscribe. Then go."} for n in range(3)]
    cut = corpus(copies=1, unit="line").texts(*documents)["2"]
    assert cut == "Article 15838 begins here."
    assert corpus(copies=1, unit="paragraph").texts(*documents)["2"] == "Article 15838 begins here.\nSubscribe. Then go."


def test_spans_of_three_sentences(corpus):
    run = ["The first of the three stands here. ", "The second one follows it. ", "And so does the third. "]
    a = {"id": "a", "text": "".join(run) + "An end of its own."}
    b = {"id": "b", "text": "Oh no. " + "".join(run) + "Bye."}
    c = {"id": "c", "text": run[1] + run[0] + run[2]}
    d = {"id": "d", "text": run[0] + run[1]}
    e = {"id": "e", "text": run[0] + run[1]}
    found = corpus(copies=1, span=3).texts(a, b, c, d, e)
    assert found == {"a": a["text"], "b": "Oh no. Bye.", "c": c["text"], "d": d["text"], "e": ""}


def test_near_copies(corpus):
    base = (
        "Copyright 2024 by the Example Publishing House of Springfield, all rights are reserved by the publisher and its owners"
    )
    texts = [base + ".", base.replace("2024", "2025") + ".", base + " today."]
    other = "The weather of the last week was unusually warm for the season, and farmers were worried about their fields."
    documents = [{"id": str(n), "text": t} for n, t in enumerate([*texts, other])]
    assert [bool(t) for t in corpus(copies=1).texts(*documents).values()] == [True] * 4
    assert [bool(t) for t in corpus(copies=1, threshold=0.5).texts(*documents).values()] == [False, False, True, True]


def test_documents_outside_where_are_untouched(corpus):
    found = corpus(copies=1).run({"s": [{"id": "a", "text": NOTICE}, {"id": "b", "text": None}, {"id": "c", "text": NOTICE}]})
    assert found["b"] == {"text": None, "cut": 0, "cut_chars": 0, "cut_char_ratio": 0}
    assert (found["a"]["text"], found["c"]["text"]) == (NOTICE, "")


def test_a_document_that_loses_too_much_is_rejected(corpus):
    stage = corpus(copies=1, max_cut=0.5).stage
    columns = {"dedup_sentences.cut_char_ratio": pa.array([0.0, 0.5, 0.51, 1.0], pa.float32())}
    assert decide(pa.record_batch(columns), stage.rules).to_pylist() == [None, None, *["dedup_sentences.cut_char_ratio"] * 2]


def test_marks_of_another_text_are_refused(corpus):
    one = corpus(copies=1)
    shard = one.shard("s", pages(2, NOTICE))
    marks = pq.read_table(one.stage.mark([shard], str(one.folder / "m"), Inline())[0]).to_batches()[0]
    with pytest.raises(ValueError, match="another version"):
        one.stage.apply(one.batch(pages(2, FOLLOW)), marks)


# -------------------------------------------------------------------------------------------------------------- who keeps


def test_copies_stay_by_source_then_quality_then_length_then_id(corpus):
    long, short = NOTICE + "后面还有一些别的内容。", NOTICE
    everyone = [
        {"id": "a", "source": "web", "text": short, "q": 0.1},
        {"id": "b", "source": "web", "text": short, "q": 0.9},
        {"id": "c", "source": "web", "text": long, "q": 0.1},
        {"id": "d", "source": "wiki", "text": short, "q": None},
        {"id": "e", "source": "web", "text": short, "q": float("nan")},
    ]

    def keeper(**options) -> str:
        found = corpus(copies=1, quality="q", **options).texts(*everyone)
        return "".join(key for key, text in found.items() if "版权" in text)

    assert keeper(prefer=("wiki", "*")) == "d"
    assert keeper() == "b"
    everyone = [each for each in everyone if each["id"] != "b"]
    assert keeper() == "c"
    everyone = [each for each in everyone if each["id"] != "c"]
    assert keeper() == "a"
    everyone = [{**each, "q": 0.1} for each in everyone]
    assert keeper(prefer=("*", "wiki")) == "a"


def test_what_is_cut_does_not_depend_on_who_is_rejected(corpus):
    """The best document has all of a notice's copies and loses everything else: its copies stay its own."""
    mostly = {"id": "a", "source": "wiki", "text": NOTICE + FOLLOW * 4}
    others = [{"id": i, "text": NOTICE + FOLLOW + "自己的一句话也在这里。"} for i in "bc"]
    stage = corpus(copies=1, prefer=("wiki", "*"))
    found = stage.run({"s": [mostly, *others]})
    assert found["a"]["cut_char_ratio"] > 0.5
    assert [("版权" in found[i]["text"]) for i in "abc"] == [True, False, False]


# ------------------------------------------------------------------------------------------- the same, however it is computed


def expected(documents: list[dict], stage: DedupSentences) -> dict[str, list[str]]:
    """By brute force: the pieces that stay of each document. A copy is cut if `copies` better ones share a key with it."""
    copies = []
    for document in documents:
        units = split(pa.array([document["text"]]), UNITS[stage.unit]).strings()
        bands, rows = stage.banding
        signed = minhash.signatures(units, stage.shingle, bands, rows)
        length = int(signed.length.sum())
        rank = ({"wiki": 0, "*": 1}.get(document["source"], 1), -document["q"], -length, document["id"])
        for n, piece in enumerate(units.to_pylist()):
            near = stage.threshold is not None and signed.kind[n] == minhash.SHINGLED
            keys = [*enumerate(signed.bands[n].tolist())] if near else [(-1, int(signed.exact[n, 0]))]
            copies.append({"rank": (*rank, n), "id": document["id"], "piece": piece, "keys": keys, "chars": signed.length[n]})
    copies.sort(key=lambda c: c["rank"])
    left: dict[str, list[str]] = {document["id"]: [] for document in documents}
    for place, copy in enumerate(copies):
        better = [c for c in copies[:place] if c["chars"] >= stage.min_chars]
        shared = [sum(key in c["keys"] for c in better) for key in copy["keys"]]
        if copy["chars"] < stage.min_chars or max(shared) < stage.copies:
            left[copy["id"]].append(copy["piece"])
    return left


SENTENCES = [
    "今天天气不错。",
    "今天天气很不错！",
    "Hello there, world. ",
    "A b c d e f g. ",
    "A b c d e f h. ",
    "嗯。",
    "版权所有\n",
]


@given(
    st.lists(st.lists(st.sampled_from(SENTENCES), max_size=6), min_size=1, max_size=8),
    st.integers(1, 3),
    st.sampled_from([None, 0.3]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_any_partitions_shards_and_orders_give_what_brute_force_gives(monkeypatch_module, documents, copies, threshold, chance):
    stage = DedupSentences(copies=copies, min_chars=3, threshold=threshold, quality="q", prefer=("wiki", "*"))
    rows = [
        {"id": f"{chance.randrange(1 << 40):x}-{n}", "text": "".join(d), "q": chance.choice([0.0, 1.0]),
         "source": chance.choice(["web", "wiki"])}
        for n, d in enumerate(documents)
    ]  # fmt: skip
    shards: dict[str, list[dict]] = {}
    for row in rows:
        shards.setdefault(f"s{chance.randrange(3)}", []).append(row)
    order = chance.sample(sorted(shards), len(shards))
    monkeypatch_module.setattr(sentence_plan, "KEYS_A_PARTITION", chance.choice([2, 1 << 21]))
    with tempfile.TemporaryDirectory() as folder:
        found = Corpus(Path(folder), stage).run(shards, order=order)
    wanted = expected(rows, stage)
    squeezed = {key: "".join("".join(parts).split()) for key, parts in wanted.items()}
    assert {key: "".join(each["text"].split()) for key, each in found.items()} == squeezed


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_killed_at_random_and_run_again(tmp_path, chaotic, killed, monkeypatch_module):
    """Every file that is there is whole and right: what was done before a kill is not done again, and the end is the same."""
    monkeypatch_module.setattr(sentence_plan, "KEYS_A_PARTITION", 16)
    stage = DedupSentences(copies=1, min_chars=3)
    draw = random.Random(5)
    shards = {f"s{s}": [{"id": f"{s}-{n}", "text": "".join(draw.choices(SENTENCES, k=5))} for n in range(6)] for s in range(4)}
    (tmp_path / "whole").mkdir()
    expected = Corpus(tmp_path / "whole", stage).run(shards)
    kills = 0
    for seed in range(10):
        one = Corpus(tmp_path / f"{seed}", stage)
        order = random.Random(seed).sample(sorted(shards), 4)
        while True:
            try:
                found = one.run(shards, chaotic(seed + 1000 * kills), order)
                break
            except killed:
                kills += 1
        assert found == expected
    assert kills > 10


def test_a_new_shard_costs_its_own_counts(tmp_path):
    one = Corpus(tmp_path, DedupSentences(copies=1))
    shards = {"a": pages(3, NOTICE), "b": [{"id": "x", "text": FOLLOW}]}
    one.run(shards)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "marks" / "counts").iterdir()}
    one.run({**shards, "c": [{"id": "y", "text": FOLLOW}]})
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "marks" / "counts").iterdir()}
    assert len(after) == 3
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"copies": 0}, "copies: 0; it must be 1"),
        ({"span": 0}, "span: 0; it must be 1"),
        ({"min_chars": 0}, "min_chars: 0"),
        ({"max_cut": 1.5}, "max_cut: 1.5"),
        ({"threshold": 1.0}, "threshold: 1.0"),
        ({"threshold": 0.8, "span": 3}, "threshold compares units one by one"),
        ({"prefer": ("a", "a")}, "prefer: a, a; every source once"),
        ({"hashes": 1}, "hashes: 1"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        DedupSentences(**options)


def test_it_is_registered():
    assert DEDUP["dedup_sentences"] is DedupSentences
