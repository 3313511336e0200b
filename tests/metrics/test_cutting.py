"""Texts to lines and back: equal to a slow twin, whatever is cut, through slices and nulls."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.metrics import measure
from curator.metrics.cutting import split_lines, without

lines_of_text = st.lists(st.sampled_from(["", " ", "\u3000\t", "一行", "a line", "𠀀é\u0301", "\x85x", "\u2028"]), max_size=8)
texts = lines_of_text.map("\n".join) | st.text("a中\n \u3000", max_size=20)


def lines_of(text: str) -> list[str]:
    found = text.split("\n")
    return found if found[-1] else found[:-1]


def twin(text: str, cut: list[bool]) -> str:
    """Line by line; of the blank lines around what was cut, those stay that a reader needs to see a paragraph end."""
    if not any(cut):
        return text
    kept: list[str] = []
    since = False  # was something cut since the last line of text
    for line, gone in zip(lines_of(text), cut, strict=True):
        if gone:
            since = True
        elif line.strip():
            kept.append(line)
            since = False
        elif not since or (kept and kept[-1].strip()):
            kept.append(line)
    while since and kept and not kept[-1].strip():
        kept.pop()
    return "\n".join(kept)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | texts, max_size=5), st.integers(0, 2), st.randoms(use_true_random=False))
def test_what_is_cut_is_gone_and_the_rest_is_there(rows: list[str | None], before: int, random: object) -> None:
    column = pa.array([*["earlier\nrow"] * before, *rows], pa.string()).slice(before)
    lines = split_lines(column)
    expected = [(row, line) for row, text in enumerate(rows) if text is not None for line in lines_of(text)]
    spans = zip(lines.texts.starts, lines.texts.stops)
    assert [(int(r), bytes(lines.texts.data[a:b]).decode()) for r, (a, b) in zip(lines.rows, spans)] == expected
    assert lines.chars.tolist() == [len(line) for _, line in expected]
    assert lines.texts.valid.tolist() == [bool(line.strip()) for _, line in expected]
    cut = np.array([bool(line.strip()) and random.random() < 0.4 for _, line in expected], np.bool_)  # type: ignore[attr-defined]
    each = [[bool(c) for c, (r, _) in zip(cut, expected) if r == row] for row in range(len(rows))]
    assert without(lines, cut).to_pylist() == [None if t is None else twin(t, c) for t, c in zip(rows, each, strict=True)]


def test_a_line_is_measured_as_a_text_of_its_own() -> None:
    lines = split_lines(pa.array(["one two\n\n三。", None, "", "\nlast"]))
    found = measure(lines.texts, ["chars", "words", "punct_line_end_ratio"])
    assert found["chars"].to_pylist() == [7, None, 2, None, 4]
    assert found["words"].to_pylist() == [2, None, 1, None, 1]
    assert found["punct_line_end_ratio"].to_pylist() == [0.0, None, 1.0, None, 0.0]


def test_a_null_row_with_bytes_has_no_lines() -> None:
    column = pa.StringArray.from_buffers(
        3,
        pa.py_buffer(np.array([0, 2, 5, 7], np.int32)),
        pa.py_buffer(b"a\nx\nyb\n"),
        pa.array([True, False, True]).buffers()[1],
    )
    lines = split_lines(column)
    assert lines.rows.tolist() == [0, 2]
    assert without(lines, np.array([True, False])).to_pylist() == ["", None, "b\n"]
