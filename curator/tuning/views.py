"""A document's text as a rule saw it: the lines that were cut before, and the places that the rule's metric counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from curator import storage
from curator.metrics import CUTS, METRICS, Asked
from curator.metrics.cutting import split_lines, without
from curator.metrics.lists import WordList, load_list
from curator.stages.filter import Filter
from curator.tuning.excerpts import Mark
from curator.tuning.places import counted, places

PLACE, CUT = "place", "cut"


@dataclass(frozen=True)
class Line:
    """A line of a text, without its newline; `cut_by` is the number of the rule that cuts it, -1 if it stays."""

    start: int
    end: int
    cut_by: int


def lines_of(stage: Filter, text: str) -> tuple[list[Line], str]:
    """Every line of a text with what the filter's rules on lines make of it, and the text that is left."""
    column = pa.array([text], pa.large_string())
    split = split_lines(column)
    first = stage.first_failing(split)
    found: list[Line] = []
    start = 0
    for number, line in zip(first.tolist(), text.split("\n")):
        found.append(Line(start, start + len(line), number))
        start += len(line) + 1
    left = without(split, first >= 0)[0].as_py() if (first >= 0).any() else text
    return found, left


def marks(text: str, asked: Asked | None, stage: Filter, cut: bool = True) -> list[Mark]:
    """What to look at in a text, in order: what the metric counts in the lines that a filter leaves, and the lines that it cuts
    (with `cut`: a document that it kept has lost them already). Raises StorageError if a list that it names is gone."""
    if not cut or not stage.line_rules:
        return [Mark(start, end, PLACE) for start, end in _places(text, asked, stage.words)]
    lines, left = lines_of(stage, text)
    gone = [Mark(line.start, line.end, CUT) for line in lines if line.cut_by >= 0]
    found = [Mark(*place, PLACE) for place in _moved(_places(left, asked, stage.words), left, text, lines)]
    return sorted([*gone, *found])


def described(asked: Asked) -> str:
    """What a metric measures, with the list and the numbers that it was asked with."""
    about = METRICS[asked.metric].about
    if asked.list and "`list`" not in about:
        counted, over, divisor = about.partition(" / ")
        about = f"{counted} of phrases of the `list`{over}{divisor}"
    for name, value in asked.parameters.items():
        about = about.replace(f"the `{name}`", str(value)).replace(f"`{name}`", str(value))
    return about


def said(asked: Asked | None, rule: str) -> str:
    """What the marked places are, or why there is none."""
    if asked is None and rule in CUTS:
        return "marked: the lines that `lines:` cut"
    if asked is None:
        return f"{rule} is no number of the text, so no place in it decided"
    if METRICS[asked.metric].reads == "url":
        return "the address decided, not the text"
    about = described(asked)
    return (
        f"marked: {about.split(' / ')[0]}"
        if counted(asked.metric)
        else f"{about}: a number of the whole text, no place decides"
    )


def _places(text: str, asked: Asked | None, words: str) -> list[tuple[int, int]]:
    if asked is None or METRICS[asked.metric].reads != "text" or not counted(asked.metric):
        return []
    lists: dict[str, WordList] = {}
    if asked.list:
        try:
            lists[asked.list] = load_list(asked.list)
        except OSError as error:
            raise storage.StorageError(f"{asked.list}: {error.strerror or error}") from None
    return places(text, asked.metric, dict(asked.given), lists, words=words)


def _moved(found: Sequence[tuple[int, int]], left: str, text: str, lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Places of what is left of a text, as places of the text: `left` is made of whole lines of it, in order."""
    shifts: list[tuple[int, int, int]] = []  # where a line begins and ends in `left`, and how much further on it is in the text
    at = 0
    kept = iter([line for line in lines if line.cut_by < 0])
    for line in left.split("\n"):
        there = next((each for each in kept if text[each.start : each.end] == line), None)
        if there is not None:
            shifts.append((at, at + len(line), there.start - at))
        at += len(line) + 1
    moved: list[tuple[int, int]] = []
    first = 0
    for start, end in found:
        while first < len(shifts) and shifts[first][1] < start:
            first += 1
        at = first
        while at < len(shifts) and shifts[at][0] < end:
            begin, stop, shift = shifts[at]
            if max(begin, start) < min(stop, end):
                moved.append((max(begin, start) + shift, min(stop, end) + shift))
            at += 1
    return moved
