"""Classes that differ in nothing but their words: windows and pairs of one length, splits by hash."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.quality.documents import (
    FOLDS,
    LONGEST,
    REPEATS,
    SHORTEST,
    Document,
    collected,
    folded,
    matched,
    pairs,
    uniform,
)


def sources(**sizes: list[int]) -> dict[str, list[Document]]:
    return {
        name: [
            Document(i * 7 + len(name), b" ".join(b"%s%d" % (name.encode(), i) for _ in range(n)), "", n, 0)
            for i, n in enumerate(lengths)
        ]
        for name, lengths in sizes.items()
    }


def sizes(windows: list[bytes]) -> list[int]:
    return [window.count(b" ") + 1 for window in windows]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"long": [2000] * 20}, {"short": [20] * 400}),
        ({"a": [300] * 50, "b": [40] * 10}, {"c": [900] * 30, "d": [16] * 20}),
        ({"large": [500] * 400}, {"small": [500] * 4}),
    ],
)
def test_windows_of_both_classes_have_the_same_lengths(one, other):
    first, second = matched(sources(**one), sources(**other), seed=3)
    assert sizes(first) == sizes(second)
    assert min(sizes(first)) >= SHORTEST
    assert max(sizes(first)) <= LONGEST


def test_the_smaller_class_is_repeated_a_few_times_at_most():
    first, second = matched(sources(large=[500] * 400), sources(small=[500] * 4), seed=1)
    assert sum(sizes(second)) <= 1.5 * REPEATS * 2000
    assert len(first) == len(second)


def test_a_small_source_is_heard_beside_a_large_one():
    first, _ = matched(sources(large=[500] * 400, few=[500] * 4), sources(other=[500] * 400), seed=1)
    share = sum(window.startswith(b"few") for window in first) / len(first)
    assert 0.06 < share < 0.14  # a hundredth of the tokens, a tenth as its root


def test_pairs_are_of_one_length():
    first, second = pairs(sources(a=[30, 50, 70, 20]), sources(b=[40, 25]))
    assert sizes(first) == sizes(second)
    assert len(first) == 4
    assert pairs(sources(a=[30]), {"b": []}) == ([], [])


def test_splits_are_by_the_text_and_not_by_its_place(invented):
    rows = invented.texts(invented.GOOD, 300, 1)
    together = collected([invented.batch("x", rows)], 10_000, 2048)
    apart = collected([invented.batch("x", rows[i : i + 7]) for i in range(0, 300, 7)][::-1], 10_000, 2048)
    assert together == apart
    parts = [folded(together, a, b)["x"] for a, b in ((0, 80), (80, 90), (90, FOLDS))]
    assert sum(map(len, parts)) == len(together["x"])
    assert 200 < len(parts[0]) < 280
    spaced = collected([invented.batch("x", ["\n".join(row) for row in rows])], 10_000, 2048)
    assert [d.hash for d in spaced["x"]] == [d.hash for d in together["x"]]


def test_equal_texts_are_one_document(invented):
    text = invented.texts(invented.GOOD, 1, 1)[0]
    copies = [text, f"{text} 2026", text.replace("，", ", "), None, "短"]
    assert len(collected([invented.batch("x", copies)], 100, 2048)["x"]) == 1


def test_the_documents_of_a_large_source_are_chosen_by_hash(invented):
    rows = invented.texts(invented.GOOD, 200, 5)
    whole = collected([invented.batch("x", rows)], 10_000, 2048)["x"]
    few = collected((invented.batch("x", [row]) for row in reversed(rows)), 20, 2048)["x"]
    assert list(few) == list(whole)[:20]


@given(st.integers(1, 500), st.integers(0, 1 << 31))
def test_uniform(size, seed):
    found = uniform(size, seed)
    assert np.array_equal(found, uniform(size + 10, seed)[:size])
    assert ((found >= 0) & (found < 1)).all()
    assert not np.array_equal(found, uniform(size, seed + 1))


def test_a_slice_of_documents_is_read_as_such(invented):
    batch = invented.batch("x", invented.texts(invented.GOOD, 20, 4))
    assert collected([batch.slice(5, 3)], 100, 2048) == collected(
        [pa.RecordBatch.from_pylist(batch.slice(5, 3).to_pylist())], 100, 2048
    )
