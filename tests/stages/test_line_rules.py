"""Rules on lines: what is told of a line by its end, its bytes and its lines is what measuring all of it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.documents import Rule
from curator.metrics import METRICS, Asked, measure
from curator.metrics.cutting import split_lines, without
from curator.metrics.lists import WordList
from curator.metrics.segments import PIECE_BYTES
from curator.stages.line_rules import ADD_UP, BY_END, judge_lines

LISTS = {"notices": WordList.of(["use cookies", "中文"])}
pieces = st.sampled_from(
    [*"aZ9.…。!？”;：） \t\u3000\u2028'’中{é😀", "...", "。。。", "use cookies", "U.S.", "a b c.", "\n", "\n\n", " \n"]
)
texts = st.lists(pieces, max_size=16).map("".join)
ends = st.sampled_from(sorted(BY_END)).flatmap(
    lambda name: st.tuples(st.just(Asked(name, name)), st.sampled_from([(1, None), (None, 0), (0, 0.5)]))
)
counts = st.sampled_from(["spaced_words", "max_spaced_word_chars", "sentences", "chars", "words"]).flatmap(
    lambda name: st.tuples(st.just(Asked(name, name)), st.sampled_from([(2, None), (None, 3), (None, 2.5), (1, 4)]))
)
others = st.sampled_from(
    [
        (Asked("untrimmed", "punct_line_end_ratio", (("trim", False),)), (1, None)),
        (Asked("notices", "phrases", (("list", "notices"), ("match", "anywhere"))), (None, 0)),
        (Asked("letters", "latin_ratio"), (None, 0.6)),
        (Asked("length", "mean_word_length"), (2, None)),
    ]
)
ADDING = [Asked(name, name, (("list", "notices"),) if name == "phrases" else ()) for name in sorted(ADD_UP)]


def with_lists(column: object, asked: Sequence[Asked]) -> dict[str, pa.Array]:
    return measure(column, asked, lists=LISTS)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.none() | texts, max_size=5),
    st.lists(ends | counts | others, max_size=4, unique_by=lambda one: one[0].name),
    st.booleans(),
)
@example(["a b c....\nno end\n one. \n...", None, ""], [(Asked("e", "ellipsis_line_ratio"), (None, 0))], True)
def test_lines_fail_as_if_all_were_measured(rows: list[str | None], asked: list, adding: bool) -> None:
    lines = split_lines(pa.array(rows, pa.string()))
    metrics = [one for one, _ in asked]
    rules = [Rule(column=one.name, reason=one.name, min=low, max=high) for one, (low, high) in asked]
    first, sums = judge_lines(lines, rules, metrics, with_lists, ADDING if adding else ())
    want = np.full(len(lines.rows), -1)
    values = with_lists(lines.texts, metrics)
    for number in reversed(range(len(rules))):
        column = values[metrics[number].name]
        failed = ~rules[number].passes(column).to_numpy(zero_copy_only=False) & column.is_valid().to_numpy(zero_copy_only=False)
        want[failed] = number
    assert first.tolist() == want.tolist()
    if adding:
        left = with_lists(without(lines, first >= 0), ADDING)
        assert {key: value.to_pylist() for key, value in sums.items()} == {key: left[key].to_pylist() for key in left}


def test_only_counts_add_up() -> None:
    assert all(METRICS[name].kind == "count" for name in ADD_UP)


@pytest.mark.parametrize(("end", "kept"), [(b"\xff", False), (b"\xe2\x80", False), (b"\x80.", True), (b".\xc2\xa0", True)])
def test_a_line_ends_with_the_character_that_is_read_there(end: bytes, kept: bool) -> None:
    data = b"one" + end
    column = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, len(data)], np.int32)), pa.py_buffer(data))
    asked = Asked("punct_line_end_ratio", "punct_line_end_ratio")
    rule = Rule(column=asked.name, reason=asked.name, min=1)
    assert judge_lines(split_lines(column), [rule], [asked], with_lists)[0].tolist() == [-1 if kept else 0]
    assert with_lists(column, [asked])[asked.name].to_pylist() == [float(kept)]


def test_a_line_that_is_measured_in_pieces() -> None:
    column = pa.array(["a" * (PIECE_BYTES + 9) + ".\nb."])
    asked = Asked("punct_line_end_ratio", "punct_line_end_ratio")
    rule = Rule(column=asked.name, reason=asked.name, min=1)
    assert with_lists(split_lines(column).texts, [asked])[asked.name].to_pylist() == [0.5, 1]
    assert judge_lines(split_lines(column), [rule], [asked], with_lists)[0].tolist() == [0, -1]
