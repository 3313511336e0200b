"""Texts to units, and texts without some of them, beside references that are slow and obvious."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.dedup.sentence_cutting import without
from curator.dedup.sentence_units import LINE, PARAGRAPH, SENTENCE, UNITS, split
from curator.metrics import measure

TEXTS = st.text(st.sampled_from("ab A1你好。！？.!?…\"'”’)） \n\n\t\u3000,、-é𠀀\u00a0\r"), max_size=40)
ENDS, CLOSES = ".。！？!?…", "\"'”’)）"


def pieces(texts: list[str | None], unit: int) -> list[list[str]]:
    found = split(pa.array(texts, pa.string()), unit)
    parts: list[list[str]] = [[] for _ in texts]
    for row, piece in zip(found.rows.tolist(), found.strings().to_pylist(), strict=True):
        parts[row].append(piece)
    return parts


def expected(text: str, unit: int) -> list[str]:
    """Cut the text before every character that is not white space and follows an end."""
    cuts = []
    content = False
    for i, c in enumerate(text):
        if c.isspace():
            continue
        blank = re.search(r"\s*\Z", text[:i])
        assert blank is not None
        lines = blank[0].count("\n")
        begins = bool(text[: blank.start()]) and lines >= (2 if unit == PARAGRAPH else 1)
        if unit == SENTENCE and content and not blank[0]:
            tail = re.search(rf"([{re.escape(ENDS)}])[{re.escape(CLOSES)}]*\Z", text[:i])
            begins |= tail is not None and c not in CLOSES and ended(text, tail.start())
        elif unit == SENTENCE and content:
            tail = re.search(rf"([{re.escape(ENDS)}])[{re.escape(CLOSES)}]*\Z", text[: blank.start()])
            begins |= tail is not None and ended(text, tail.start())
        if begins:
            cuts.append(i)
            content = False
        content |= c.isalnum()
    bounds = [0, *cuts, len(text)]
    return [text[a:b] for a, b in pairwise(bounds) if b > a]


def ended(text: str, at: int) -> bool:
    """Does the mark at `at` end a sentence."""
    after = text[at + 1 : at + 2]
    if after and after in ENDS:
        return False
    if not (after == "" or after.isspace() or after in "\"'”’)" or text[at] in "。！？"):
        return False
    lone = re.search(r"(?<![\w'’])[^\W\d_]\Z", text[:at])
    return not (text[at] == "." and lone and not "一" <= text[at - 1] <= "鿿" and text[at - 1] != "𠀀")


@given(st.lists(st.none() | TEXTS, max_size=4), st.sampled_from([SENTENCE, LINE, PARAGRAPH]))
def test_units_are_those_of_the_reference(texts, unit):
    assert pieces(texts, unit) == [expected(text or "", unit) for text in texts]


@given(st.lists(TEXTS | st.text(max_size=60), min_size=1, max_size=3))
def test_there_are_as_many_sentences_as_the_metric_counts(texts):
    column = pa.array(texts)
    counted = measure(column, ["sentences"])["sentences"].to_pylist()
    assert [sum(any(map(str.isalnum, p)) for p in parts) for parts in pieces(texts, SENTENCE)] == [n or 0 for n in counted]


@given(st.lists(st.none() | st.text(max_size=30), max_size=6), st.sampled_from(sorted(UNITS.values())))
def test_units_cover_their_text_and_slices_are_honoured(texts, unit):
    assert ["".join(parts) for parts in pieces(texts, unit)] == [text or "" for text in texts]
    column = pa.array(["before. 之前。", *texts, None, "after"])
    part = split(column.slice(1, len(texts)), unit)
    whole = pieces(texts, unit)
    assert part.strings().to_pylist() == [piece for parts in whole for piece in parts]


def test_a_null_over_bytes_has_no_units():
    column = pa.Array.from_buffers(
        pa.string(), 2, [pa.py_buffer(b"\x02"), pa.py_buffer(np.array([0, 4, 8], np.int32)), pa.py_buffer(b"gonestay")]
    )
    found = split(column, LINE)
    assert (found.rows.tolist(), found.strings().to_pylist()) == ([1], ["stay"])


def test_chinese_and_english():
    text = '他说：“走吧！”然后走了。（完）Dr. Li met J. Smith at 3.14. "Go!" he said... 点击关注！！\n版权声明'
    assert pieces([text], SENTENCE) == [
        [
            "他说：“走吧！”",
            "然后走了。",
            "（完）Dr. ",
            "Li met J. Smith at 3.14. ",
            '"Go!" ',
            "he said... ",
            "点击关注！！\n",
            "版权声明",
        ]
    ]


def test_more_than_65535_units():
    assert len(pieces(["第一句话。" * 70_000], SENTENCE)[0]) == 70_000


# -------------------------------------------------------------------------------------------------------------- cutting


def cut(text: str, which: list[int], unit: int = SENTENCE) -> str:
    units = split(pa.array([text]), unit)
    starts, stops = units.starts[np.array(which, np.int64)], units.stops[np.array(which, np.int64)]
    found = without(pa.array([text]), np.zeros(len(which), np.int64), starts, stops)
    left = found.text[0].as_py()
    assert (found.whole[0], found.chars[0]) == (len(text), len(text) - len(left))
    return left


TEXT = "一。二。\n三。四。\n\n五。\n\n六。\n"


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ([0], "二。\n三。四。\n\n五。\n\n六。\n"),
        ([1], "一。\n三。四。\n\n五。\n\n六。\n"),
        ([2], "一。二。\n四。\n\n五。\n\n六。\n"),
        ([1, 2], "一。\n四。\n\n五。\n\n六。\n"),
        ([2, 3], "一。二。\n\n五。\n\n六。\n"),
        ([4], "一。二。\n三。四。\n\n六。\n"),
        ([1, 4], "一。\n三。四。\n\n六。\n"),
        ([5], "一。二。\n三。四。\n\n五。\n"),
        ([0, 1, 2, 3, 4, 5], ""),
    ],
)
def test_white_space_stays_as_a_reader_expects(which, left):
    assert cut(TEXT, which) == left


def test_words_stay_apart():
    assert cut("One is here. Two is here. Three is here.", [1]) == "One is here. Three is here."
    assert cut("  One is here. Two is here.", [1]) == "  One is here."


@given(TEXTS, st.sampled_from([SENTENCE, LINE, PARAGRAPH]), st.data())
def test_what_is_not_cut_is_left_in_order(text, unit, data):
    whole = pieces([text], unit)[0]
    which = sorted(data.draw(st.sets(st.integers(0, len(whole) - 1))) if whole else [])
    left = cut(text, which, unit)
    kept = [part for n, part in enumerate(whole) if n not in which]
    assert re.sub(r"\s", "", left) == re.sub(r"\s", "", "".join(kept))
    assert not which or "\n\n\n" not in left or "\n\n\n" in re.sub(r"[^\n]", "", text)
    joined = [a.strip() + " " + b.strip() for a, b in pairwise(kept) if a[-1:].isspace()]
    assert all(re.sub(r"\s+", " ", pair) in re.sub(r"\s+", " ", left) for pair in joined)


def test_ranges_of_another_text_are_refused():
    for start, stop in [(0, 9), (1, 3), (2, 2), (-1, 3), (3, 0)]:
        with pytest.raises(ValueError, match="are not of these texts"):
            without(pa.array(["你好"]), np.zeros(1, np.int64), np.array([start]), np.array([stop]))
