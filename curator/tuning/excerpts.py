"""Text of a corpus for a terminal: private data replaced unless it is asked for, control characters written out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from curator.privacy import ENTITIES, find_in
from curator.terminal import printable

LONGEST_ENTITY = 700  # characters: an e-mail address at the bounds of its pattern


class Mark(NamedTuple):
    """A part of a text that is shown in a way of its own: a place that was counted, or a line that was cut."""

    start: int
    end: int
    kind: str


class Run(NamedTuple):
    """A stretch of text to print, already harmless; `kind` is that of its mark, empty without one."""

    text: str
    kind: str = ""


def excerpt(text: str, most: int, raw: bool) -> str:
    """The beginning of a text. What crosses the cut is replaced too, never cut in two."""
    return "".join(run.text for run in runs(text, (), 0, most, raw))


def one_line(text: str, most: int, raw: bool) -> str:
    """The beginning of a text on one line."""
    return excerpt(" ".join(text[: most * 8 + LONGEST_ENTITY].split()), most, raw)


def runs(text: str, marks: Sequence[Mark], start: int, end: int, raw: bool, escape: bool = True) -> list[Run]:
    """What stands from `start` to `end`, with its marks (in order, apart from one another), `…` where it goes on. A private
    datum is replaced whole, and has the mark that touches it. Without `escape` control characters stay: for JSON."""
    end = min(end, len(text))
    private = [] if raw else _private(text, start, end)
    inner = [at for begin, stop, *_ in (*marks, *private) for at in (begin, stop)]
    edges = sorted({start, end, *(at for at in inner if start < at < end)})
    found = [Run("…")] if start else []
    mark = entity = 0
    done = start
    for begin, stop in itertools.pairwise(edges):
        if begin < done:  # inside an entity that is replaced already
            continue
        while mark < len(marks) and marks[mark].end <= begin:
            mark += 1
        while entity < len(private) and private[entity][1] <= begin:
            entity += 1
        if entity < len(private) and private[entity][0] <= begin:
            _, done, name = private[entity]
            shown = f"<{name.upper()}>"
        else:
            done = stop
            shown = printable(text[begin:stop]) if escape else text[begin:stop]
        found.append(Run(shown, marks[mark].kind if mark < len(marks) and marks[mark].start < done else ""))
    return [*found, Run("…")] if end < len(text) else found


def _private(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """Private data that touches a part of a text; looked for a little further, as the part may cut one in two."""
    first = max(0, start - LONGEST_ENTITY)
    part = text[first : end + LONGEST_ENTITY]
    found = [(a + first, b + first, name) for a, b, name in find_in(part, tuple(ENTITIES))]
    return [each for each in found if each[1] > start and each[0] < end]
