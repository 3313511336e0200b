"""Rules on lines: which lines they cut, and what documents can be told of by the lines that stay.

Most lines of a page are short and many: a line is measured only as far as its fate asks for it. How it ends is known from where
it was found, and a count of it is never above its bytes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator.documents import Rule
from curator.metrics import METRICS, Asked
from curator.metrics.classes import BLANKS, CLASSES, ELLIPSIS, SENTENCE_ENDS, TERMINALS
from curator.metrics.cutting import Lines
from curator.metrics.segments import PIECE_BYTES, Texts

Measure = Callable[[Texts, Sequence[Asked]], Mapping[str, pa.Array]]

_NONE = np.uint16(0xFFFF)  # -1 as int16: no rule

# What one line has of these is told by the class that it ends with.
BY_END = {
    "punct_line_end_ratio": TERMINALS,
    "punct_line_end_char_ratio": TERMINALS,
    "sentence_line_end_ratio": SENTENCE_ENDS,
    "ellipsis_line_ratio": (ELLIPSIS,),
}
# What a text has of these is what its lines have together.
ADD_UP = frozenset({"curly_brackets", "han_chars", "phrases", "sentences", "spaced_words", "words"})


def adds_up(asked: Asked) -> bool:
    return asked.metric in ADD_UP


def judge_lines(
    lines: Lines, rules: Sequence[Rule], metrics: Sequence[Asked], measure: Measure, adding: Sequence[Asked] = ()
) -> tuple[np.ndarray, dict[str, pa.Array]]:
    """For each line the number of the first rule that it fails, -1 if there is none; and, of the lines of each row that fail
    none, the sums of the metrics `adding`, null where the row is."""
    sizes = lines.texts.stops - lines.texts.starts
    ended: dict[int, np.ndarray] = {}
    if sizes.max(initial=0) <= PIECE_BYTES:  # one that is measured in pieces has more ends than one
        ended = {n: passed for n, rule in enumerate(rules) if (passed := _by_end(rule, metrics[n])) is not None}
    first = _first_by_end(ended)[lines.ends]
    others = {number: rules[number] for number in range(len(rules)) if number not in ended}
    open_ones = _first_that_may_fail(sizes, others, metrics) < first
    if adding:
        open_ones |= first == _NONE
    looked = np.flatnonzero(open_ones & lines.texts.valid)
    own = [replace(asked, name=f"document.{asked.name}") for asked in adding]
    values = measure(lines.texts.part(looked), [*(metrics[number] for number in others), *own])
    of_looked = first[looked]
    for number, rule in others.items():
        column = values[metrics[number].name]
        passed = rule.passes(column)
        if column.null_count:
            passed = pc.or_(passed, pc.is_null(column))
        failed = ~passed.to_numpy(zero_copy_only=False)
        np.putmask(of_looked, failed & (of_looked > number), number)
    first[looked] = of_looked
    kept = of_looked == _NONE
    rows = lines.rows[looked[kept]]
    sums = {asked.name: _sum(lines, rows, values[one.name], kept) for asked, one in zip(adding, own)}
    return first.view(np.int16), sums


def _sum(lines: Lines, rows: np.ndarray, counts: pa.Array, kept: np.ndarray) -> pa.Array:
    """Of the counts that are kept, for each row: `rows` are theirs."""
    weights = counts.to_numpy(zero_copy_only=False)[kept]
    total = np.bincount(rows, weights=weights, minlength=len(lines.row_valid))  # exact: no text is of 2^53 bytes
    missing = None if lines.row_valid.all() else ~lines.row_valid
    return pa.array(np.minimum(total, 0x7FFFFFFF).astype(np.int32), mask=missing)


@functools.lru_cache(maxsize=64)
def _by_end(rule: Rule, asked: Asked) -> np.ndarray | None:
    """Whether a line passes, by the class that it ends with; None if that does not tell."""
    if asked.metric not in BY_END or not asked.parameters["trim"]:
        return None
    values = np.isin(np.arange(CLASSES), BY_END[asked.metric]).astype(np.float32)
    return rule.passes(pa.array(values)).to_numpy(zero_copy_only=False)


def _first_by_end(ended: Mapping[int, np.ndarray]) -> np.ndarray:
    """The first of these rules that a line fails, by the class that it ends with; none if that is whitespace."""
    first = np.full(CLASSES, _NONE)
    for number in sorted(ended, reverse=True):
        first[~ended[number]] = number
    first[list(BLANKS)] = _NONE
    return first


def _first_that_may_fail(sizes: np.ndarray, rules: Mapping[int, Rule], metrics: Sequence[Asked]) -> np.ndarray:
    """For each line of so many bytes, of rules that look at more of it than its end."""
    first = np.full(len(sizes), _NONE)
    for number, rule in sorted(rules.items(), key=lambda one: -one[0]):
        if METRICS[metrics[number].metric].kind == "count" and rule.min is None and rule.max is not None:
            np.putmask(first, sizes > math.floor(rule.max), number)
        else:
            first[:] = number
    return first
