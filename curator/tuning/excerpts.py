"""Text of a corpus for a terminal: private data replaced unless it is asked for, control characters written out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from curator.stages.private import ENTITIES, find
from curator.terminal import printable

LONGEST_ENTITY = 700  # characters: an e-mail address at the bounds of its pattern


class Run(NamedTuple):
    """A stretch of text to print, already harmless; `marked` if it is one of the places that are looked at."""

    text: str
    marked: bool


def excerpt(text: str, most: int, raw: bool) -> str:
    """The beginning of a text. What crosses the cut is replaced too, never cut in two."""
    return "".join(run.text for run in runs(text, (), 0, most, raw))


def one_line(text: str, most: int, raw: bool) -> str:
    """The beginning of a text on one line."""
    return excerpt(" ".join(text[: most * 8 + LONGEST_ENTITY].split()), most, raw)


def runs(text: str, places: Sequence[tuple[int, int]], start: int, end: int, raw: bool) -> list[Run]:
    """What stands from `start` to `end`, with `places` marked, `…` where it goes on. A private datum is replaced whole, and
    marked if a place touches it."""
    end = min(end, len(text))
    private = [] if raw else _private(text, start, end)
    inner = [at for begin, stop, *_ in (*places, *private) for at in (begin, stop)]
    edges = sorted({start, end, *(at for at in inner if start < at < end)})
    found = [Run("…", False)] if start else []
    place = entity = 0
    done = start
    for begin, stop in itertools.pairwise(edges):
        if begin < done:  # inside an entity that is replaced already
            continue
        while place < len(places) and places[place][1] <= begin:
            place += 1
        while entity < len(private) and private[entity][1] <= begin:
            entity += 1
        if entity < len(private) and private[entity][0] <= begin:
            _, done, name = private[entity]
            found.append(Run(f"<{name.upper()}>", place < len(places) and places[place][0] < done))
        else:
            marked = place < len(places) and places[place][0] <= begin
            found.append(Run(printable(text[begin:stop]), marked))
            done = stop
    return [*found, Run("…", False)] if end < len(text) else found


def _private(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """Private data that touches a part of a text; looked for a little further, as the part may cut one in two."""
    first = max(0, start - LONGEST_ENTITY)
    part = text[first : end + LONGEST_ENTITY]
    found = [(a + first, b + first, name) for a, b, name in find(part, tuple(ENTITIES))]
    return [each for each in found if each[1] > start and each[0] < end]
