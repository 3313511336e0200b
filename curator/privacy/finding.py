"""Private data in a column of texts: places by the first pass, and the recognisers at them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

import numpy as np
import pyarrow as pa

from curator.metrics.segments import texts as texts_of
from curator.privacy.entities import ENTITIES
from curator.privacy.finders import Finder, Span
from curator.privacy.places import WIDE, in_characters, places

Found = tuple[int, int, str]  # start and end in code points, entity

_WIDE = {
    c: c - 0xFEE0 for first, last in ((0xFF10, 0xFF19), (0xFF20, 0xFF3A), (0xFF41, 0xFF5A)) for c in range(first, last + 1)
}
_WIDE |= {ord("＋"): ord("+"), ord("－"): ord("-"), ord("．"): ord(".")}
_ANY_WIDE = re.compile("[０-９＠]")


def find(texts: pa.Array, entities: Sequence[str] | None = None) -> list[list[Found]]:
    """Of each text, what is private: (start, end, entity) in characters, in order, none overlapping; nothing for a null. Where
    two overlap it is the one that begins first, then the longer, then the one that ENTITIES names first. `entities` are names
    of ENTITIES, all of them if none are given. Only texts at whose places something could be are ever made Python's."""
    finders = _finders(entities)
    found: list[list[Found]] = [[] for _ in range(len(texts))]
    by_place: dict[int, list[tuple[int, str, Finder]]] = {}
    for each in finders:
        by_place.setdefault(each[2].place, []).append(each)
    column = texts_of(texts)
    where = places(column, sum(by_place) | WIDE)
    in_characters(column, where)
    wide = where[:, 3] == WIDE
    for row, spots in itertools.groupby(where[~np.isin(where[:, 0], where[wide, 0])].tolist(), itemgetter(0)):
        found[row] = _first_of(_at_places(texts[row].as_py(), spots, by_place))
    rows = where[wide, 0].tolist()
    if rows:
        narrow = pa.array([text.translate(_WIDE) for text in (texts[row].as_py() for row in rows)], pa.large_string())
        for row, of_row in zip(rows, find(narrow, entities)):
            found[row] = of_row
    return found


def find_in(text: str, entities: Sequence[str] | None = None) -> list[Found]:
    """Of one text, without the first pass: every recogniser over all of it. What `find` gives, slowly."""
    if _ANY_WIDE.search(text):
        text = text.translate(_WIDE)
    return _first_of(
        (*span, rank, name)
        for rank, name, finder in _finders(entities)
        for span in _spans(finder, text, 0, len(text), len(text))
    )


def _finders(entities: Sequence[str] | None) -> list[tuple[int, str, Finder]]:
    wanted = ENTITIES if entities is None else entities
    return [(rank, name, finder) for rank, name in enumerate(ENTITIES) if name in wanted for finder in ENTITIES[name]]


def _at_places(
    text: str, spots: Iterable[Sequence[int]], by_place: dict[int, list[tuple[int, str, Finder]]]
) -> Iterator[tuple[int, int, int, str]]:
    for _, start, end, kind in spots:
        for rank, name, finder in by_place.get(kind, ()):
            for span in _spans(finder, text, max(start - finder.back, 0), end, end + finder.longest):
                yield (*span, rank, name)


def _spans(finder: Finder, text: str, start: int, end: int, seen: int) -> Iterator[Span]:
    """What begins from `start` to `end`; a datum may begin inside what was taken for one and is none."""
    while (match := finder.pattern.search(text, start, seen)) is not None and match.start() < end:
        span = finder.judge(match, text)
        if span is not None:
            yield span
        start = match.start() + 1


def _first_of(candidates: Iterable[tuple[int, int, int, str]]) -> list[Found]:
    kept: list[Found] = []
    for start, end, _, name in sorted(candidates, key=lambda c: (c[0], -c[1], c[2])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end, name))
    return kept
