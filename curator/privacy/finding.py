"""Private data in a column of texts: places by the first pass, and the recognisers at them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

import numpy as np
import pyarrow as pa

from curator.errors import nearest
from curator.metrics.segments import texts as texts_of
from curator.privacy.entities import ENTITIES
from curator.privacy.finders import NARROW, Finder, Span
from curator.privacy.foreign import FOREIGN, check_foreign, find_foreign
from curator.privacy.people import PERSON, find_people, load
from curator.privacy.places import WIDE, in_characters, places

MOST_TRIED = 256  # characters of a place
Found = tuple[int, int, str]  # start and end in code points, entity
Regs = tuple[tuple[int, int], ...]  # of a match: start and end of it and of each of its groups

_ANY_WIDE = re.compile("[０-９＠]")


def find(texts: pa.Array, entities: Sequence[str] | None = None, ner: str | None = None) -> list[list[Found]]:
    """Of each text, what is private: (start, end, entity) in characters, in order, none overlapping; nothing for a null. Where
    two overlap it is the one that begins first, then the longer, then the one that ENTITIES names first.

    `entities` are names of ENTITIES (all of them if none are given), of FOREIGN, and `person`, which needs `ner`, a spaCy
    model. Only texts at whose places something could be are ever made Python's, but for `person`."""
    check(entities, ner)
    found = _ours(texts, _finders(entities))
    others = itertools.chain(
        find_foreign(texts, foreign) if (foreign := [name for name in entities or () if name in FOREIGN]) else (),
        find_people(texts, ner) if ner and PERSON in (entities or ()) else (),
    )
    more: dict[int, list[tuple[int, int, int, str]]] = {}
    for row, start, end, name in others:
        more.setdefault(row, []).append((start, end, len(ENTITIES), name))
    for row, candidates in more.items():
        found[row] = _first_of([*((start, end, 0, name) for start, end, name in found[row]), *candidates])
    return found


def check(entities: Sequence[str] | None, ner: str | None = None) -> None:
    """Raises ValueError for a name that is none, and for what a kind needs and is not there."""
    for name in entities or ():
        if name not in ENTITIES and name not in FOREIGN and name != PERSON:
            known = (*ENTITIES, PERSON, *FOREIGN)
            raise ValueError(f"entities: no {name!r}" + (nearest(name, known) or f". There are: {', '.join(known)}"))
    if any(name in FOREIGN for name in entities or ()):
        check_foreign()
    if PERSON in (entities or ()) and not ner:
        raise ValueError("entities: `person` needs `ner`, the name or the folder of a spaCy model that you have")
    if PERSON in (entities or ()) and ner:
        load(ner)


def _ours(texts: pa.Array, finders: list[tuple[int, str, Finder]]) -> list[list[Found]]:
    found: list[list[Found]] = [[] for _ in range(len(texts))]
    by_place: dict[int, list[tuple[int, str, Finder]]] = {}
    for each in finders:
        by_place.setdefault(each[2].place, []).append(each)
    if not by_place:
        return found
    column = texts_of(texts)
    where = places(column, sum(by_place) | WIDE)
    in_characters(column, where)
    wide = where[:, 3] == WIDE
    for row, spots in itertools.groupby(where[~np.isin(where[:, 0], where[wide, 0])].tolist(), itemgetter(0)):
        found[row] = _first_of(_at_places(texts[row].as_py(), spots, by_place))
    rows = where[wide, 0].tolist()
    if rows:
        narrow = pa.array([text.translate(NARROW) for text in (texts[row].as_py() for row in rows)], pa.large_string())
        for row, of_row in zip(rows, _ours(narrow, finders)):
            found[row] = of_row
    return found


def find_in(text: str, entities: Sequence[str] | None = None) -> list[Found]:
    """Of one text, without the first pass: every recogniser over all of it. What `find` gives, slowly."""
    if _ANY_WIDE.search(text):
        text = text.translate(NARROW)
    return _first_of(
        (*span, rank, name)
        for rank, name, finder in _finders(entities)
        for span in _spans(finder, text, 0, len(text), len(text), set())
    )


def _finders(entities: Sequence[str] | None) -> list[tuple[int, str, Finder]]:
    wanted = ENTITIES if entities is None else entities
    return [(rank, name, finder) for rank, name in enumerate(ENTITIES) if name in wanted for finder in ENTITIES[name]]


def _at_places(
    text: str, spots: Iterable[Sequence[int]], by_place: dict[int, list[tuple[int, str, Finder]]]
) -> Iterator[tuple[int, int, int, str]]:
    judged: dict[int, set[Regs]] = {id(finder): set() for finders in by_place.values() for _, _, finder in finders}
    for _, start, end, kind in spots:
        for rank, name, finder in by_place.get(kind, ()):
            if end - start < finder.shortest:
                continue
            for span in _spans(finder, text, max(start - finder.back, 0), end, end + finder.longest, judged[id(finder)]):
                yield (*span, rank, name)


def _spans(finder: Finder, text: str, start: int, end: int, seen: int, judged: set[Regs]) -> Iterator[Span]:
    """What begins from `start` to `end`; a datum may begin inside what was taken for one and is none. Each match is judged
    once: places stand close (1号1号1号), and each looks back over those before it."""
    if finder.long and end - start < MOST_TRIED:
        matches = (finder.pattern.match(text, at, seen) for at in range(start, end))
    else:
        matches = _from_each(finder.pattern, text, start, end, seen)
    for match in matches:
        if match is None or match.regs in judged:
            continue
        judged.add(match.regs)
        if (span := finder.judge(match, text)) is not None:
            yield span


def _from_each(pattern: re.Pattern[str], text: str, start: int, end: int, seen: int) -> Iterator[re.Match[str]]:
    while (match := pattern.search(text, start, seen)) is not None and match.start() < end:
        yield match
        start = match.start() + 1


def _first_of(candidates: Iterable[tuple[int, int, int, str]]) -> list[Found]:
    kept: list[Found] = []
    for start, end, _, name in sorted(candidates, key=lambda c: (c[0], -c[1], c[2])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end, name))
    return kept
