"""The options of signatures: what is refused, what bands are chosen, what may be compared."""

from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa
import pytest
from datasketch import MinHashLSH

from curator.dedup.minhash import ABSENT, SHINGLED, SHORT, signatures
from curator.dedup.signing import Signing


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shingle": 0}, "shingle: 0 units"),
        ({"bands": 0}, "bands, rows"),
        ({"bands": 100, "rows": 100}, "at most 1024 hashes"),
        ({"threshold": 0.05}, "threshold: 0.05"),
        ({"threshold": 1.0}, "threshold: 1.0"),
        ({"threshold": 0.8, "bands": 9}, "either threshold, or bands and rows"),
        ({"threshold": 0.8, "hashes": 1}, "hashes: 1"),
        ({"hashes": 256}, "hashes is for"),
        ({"false_positive_weight": 0.9}, "false_positive_weight is for"),
        ({"threshold": 0.8, "false_negative_weight": 0.0}, "false_negative_weight: 0.0"),
        ({"threshold": 0.8, "false_positive_weight": float("nan")}, "false_positive_weight: nan"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Signing(**options)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.7, 0.85])
@pytest.mark.parametrize(("positive", "negative"), [(0.5, 0.5), (0.25, 0.75), (3, 1)])
@pytest.mark.parametrize("hashes", [32, 64, 128])
def test_bands_are_those_of_datasketch(threshold, positive, negative, hashes):
    signing = Signing(
        threshold=threshold, hashes=hashes, false_positive_weight=float(positive), false_negative_weight=float(negative)
    )
    share = positive / (positive + negative)
    theirs = MinHashLSH(threshold=threshold, num_perm=hashes, weights=(share, 1 - share))
    assert signing.banding == (theirs.b, theirs.r)


def test_costs_move_the_curve():
    def half(**costs: Any) -> float:
        bands, rows = Signing(threshold=0.7, **costs).banding
        return (1 - 0.5 ** (1 / bands)) ** (1 / rows)

    assert half(false_negative_weight=5.0) < half() < half(false_positive_weight=5.0)


def test_what_may_be_compared():
    """All that the bits depend on, and nothing else: whatever chose the bands."""
    chosen = Signing(threshold=0.7)
    bands, rows = chosen.banding
    assert chosen.comparable == Signing(bands=bands, rows=rows).comparable
    fields = {f.name for f in dataclasses.fields(Signing)}
    assert fields - chosen.comparable.keys() == {"threshold", "hashes", "false_positive_weight", "false_negative_weight"}
    others: list[dict[str, Any]] = [{"shingle": 4}, {"bands": 9}, {"rows": 5}, {"hashing": "kminhash"}, {"variants": "fold"}]
    for other in others:
        (name,) = other
        differing = {k for k, v in Signing(**other).comparable.items() if Signing().comparable[k] != v}
        assert differing == {name}


@pytest.mark.parametrize(
    "options",
    [{"shingle": 4}, {"hashing": "kminhash"}, {"variants": "fold"}, {"bands": 7, "rows": 16}, {"bands": 8, "rows": 14}],
)
def test_what_may_not_be_compared_does_not_meet(options):
    """Chance aside, signatures of other options share no band, so that a comparison by mistake finds nothing, and not the
    wrong."""
    text = pa.array(["臺灣的歷史，還有很多字 and some words to go with it, and some more"])
    one, other = (signing.signed(text)["bands"].flatten().to_pylist() for signing in (Signing(), Signing(**options)))
    assert set(one).isdisjoint(other)


def test_columns():
    texts = pa.array([None, "", "！？", "二字", "足够长的一个句子", "足够长的一个句子"])
    for hashing in ("oph", "kminhash"):
        signing = Signing(hashing=hashing)
        signed = signing.signed(texts)
        assert {name: column.type for name, column in signed.items()} == signing.columns
        assert [column.null_count for column in signed.values()] == [4, 1, 1]
        assert all(column[4] == column[5] for column in signed.values())
        assert len(set(signed["exact"].to_pylist()[1:5])) == 4
        assert signed["length"].to_pylist() == [None, 0, 0, 2, 8, 8]


# ------------------------------------------------------------------------------------------------------------ the short texts


@pytest.mark.parametrize("hashing", ["oph", "kminhash"])
@pytest.mark.parametrize("shingle", [1, 3, 5, 13])
def test_a_text_of_too_few_units_has_an_exact_hash_and_no_bands(shingle, hashing):
    texts = [" ".join(f"w{i}" for i in range(n)) for n in range(20)] + ["字" * n for n in range(1, 20)]
    found = signatures(pa.array([*texts, None]), shingle, 14, 8, hashing=hashing)
    units = [*range(20), *range(1, 20)]
    assert found.kind.tolist() == [*(SHINGLED if n >= shingle else SHORT for n in units), ABSENT]
    exact = {tuple(pair) for pair in found.exact[:-1].tolist()}
    assert len(exact) == len(texts)


def test_a_thousand_different_short_texts_are_a_thousand():
    """Of peers' defects: texts that have no shingle all fall into one cluster, or are never compared."""
    texts = (
        [f"{chr(0x4E00 + i)}{chr(0x5E00 + i)}" for i in range(500)]
        + [f"ok{i}" for i in range(490)]
        + list("。！？，…￥～、；：")
    )
    found = signatures(pa.array(texts), 5, 14, 8)
    assert (found.kind == SHORT).all()
    assert len({tuple(pair) for pair in found.exact.tolist()}) == 1000
    again = signatures(pa.array([f"「{text}」" for text in texts[:990]]), 5, 14, 8)  # marks are no units
    assert (again.exact == found.exact[:990]).all()


def test_a_prefix_a_repeat_and_another_order_are_other_texts():
    texts = ["甲", "甲甲", "甲甲甲", "甲乙", "乙甲", "甲 乙", "ab", "a b", "ba", "b a", "abab", "ab ab"]
    found = signatures(pa.array(texts), 5, 14, 8).exact.tolist()
    alike = [{texts[j] for j in range(len(texts)) if found[j] == found[i]} for i in range(len(texts))]
    assert alike == [{t} if t not in ("甲乙", "甲 乙") else {"甲乙", "甲 乙"} for t in texts]


@pytest.mark.parametrize("hashing", ["oph", "kminhash"])
def test_of_equal_short_documents_one_stays_and_different_ones_all_do(dedup, hashing):
    different = [f"{chr(0x4E00 + i)}{chr(0x5E00 + i)}" for i in range(300)] + ["", "!", "?", "ok", "OK then"]
    documents = [{"id": f"a{i}", "text": text} for i, text in enumerate(different)]
    copies = [{"id": f"b{i}", "text": f"《{text}》"} for i, text in enumerate(different[:20])]
    assert dedup(hashing=hashing).kept(documents + copies) == sorted(d["id"] for d in documents)


@pytest.mark.parametrize("hashing", ["oph", "kminhash"])
def test_a_giant_document_is_no_copy_of_its_parts(hashing, words):
    """Of peers' defects: a document with all shingles that there are has small values in every band."""
    parts = [words(seed, 300) for seed in range(40)]
    bands = signatures(pa.array([*parts, " ".join(parts) + words(99, 100_000)]), 5, 14, 8, hashing=hashing).bands
    assert not (bands[:-1] == bands[-1]).any()
    assert len({value for row in bands.tolist() for value in row}) == bands.size
