"""Whom rules on scores reject more than others: languages, scripts of a language, and sources.

Filters of quality are known to turn away dialects and the text of some groups of people more than that of others (Dodge et al.
2021, arXiv 2104.08758; Gururangan et al. 2022, arXiv 2201.10474).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from typing import Any, NamedTuple

LEAST_JUDGED = 100  # documents on both sides
RATIO = 2.0  # of the shares that are rejected
DIFFERENCE = 0.1  # of them
DEVIATIONS = 5.0  # of the difference from what chance gives

CHINESE = frozenset({"zh", "yue", "lzh", "wuu"})  # compared with each other where there are others


class Count(NamedTuple):
    rejected: int
    judged: int

    @property
    def share(self) -> float:
        return self.rejected / self.judged if self.judged else 0.0


class Cell(NamedTuple):
    """Documents that are counted together."""

    source: str
    language: str
    script: str


def uneven(sources: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of the sources of a summary, with `judged` and `turned_away` by language and script: the groups that a rule rejects at
    least RATIO times as often as those that they are compared with, the most uneven first, each with a sentence."""
    found: list[dict[str, Any]] = []
    for reason, cells in sorted(_by_reason(sources).items()):
        found += [_told(reason, *compared) for compared in _comparisons(cells) if _far(compared[1], compared[3])]
    return sorted(found, key=lambda each: (each["others_share"] / each["share"], each["reason"], each["group"]))


def _by_reason(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[Cell, Count]]:
    """What each rule rejected of what its stage judged."""
    judged: dict[str, dict[Cell, int]] = defaultdict(dict)
    rejected: dict[str, dict[Cell, int]] = defaultdict(dict)
    for source, counts in sources.items():
        for kind, into in (("judged", judged), ("turned_away", rejected)):
            for key, number in counts.get(kind, {}).items():
                name, language, script = key.rsplit(" ", 2)
                into[name][Cell(source, language, script)] = number
    stages = sorted(judged, key=len, reverse=True)
    found = {}
    for reason, cells in rejected.items():
        stage = next((name for name in stages if reason.startswith(f"{name}.")), None)
        if stage is not None:
            found[reason] = {cell: Count(cells.get(cell, 0), number) for cell, number in judged[stage].items()}
    return found


def _comparisons(cells: Mapping[Cell, Count]) -> Iterator[tuple[str, Count, str, Count]]:
    """Each group and what it is compared with, by name: a language with others, one of Chinese with the others of Chinese where
    there are enough; a script with the others of its language; a source with the others."""

    def total(some: Set[Cell]) -> Count:
        return Count(sum(cells[cell].rejected for cell in some), sum(cells[cell].judged for cell in some))

    for language in sorted({cell.language for cell in cells}):
        mine = {cell for cell in cells if cell.language == language}
        name, others = "other languages", set(cells) - mine
        kin = {cell for cell in others if language in CHINESE and cell.language in CHINESE}
        if total(kin).judged >= LEAST_JUDGED:
            name, others = f"other Chinese ({', '.join(sorted({cell.language for cell in kin}))})", kin
        yield language, total(mine), name, total(others)
        for script in sorted({cell.script for cell in mine}):
            own = {cell for cell in mine if cell.script == script}
            name = f"{language} in other scripts"
            yield f"{language} in {script}", total(own), name, total(mine - own)
    for source in sorted({cell.source for cell in cells}):
        own = {cell for cell in cells if cell.source == source}
        yield f"source {source}", total(own), "other sources", total(set(cells) - own)


def _far(mine: Count, theirs: Count) -> bool:
    if min(mine.judged, theirs.judged) < LEAST_JUDGED or mine.share < RATIO * theirs.share:
        return False
    pooled = (mine.rejected + theirs.rejected) / (mine.judged + theirs.judged)
    chance = math.sqrt(pooled * (1 - pooled) * (1 / mine.judged + 1 / theirs.judged))
    return mine.share - theirs.share >= max(DIFFERENCE, DEVIATIONS * chance)


def _told(reason: str, name: str, mine: Count, others_name: str, theirs: Count) -> dict[str, Any]:
    ratio = mine.share / theirs.share if theirs.rejected else None
    times = f"{ratio:.1f} times the share of {others_name}" if ratio else f"and none of {others_name}"
    return {
        "reason": reason,
        "group": name,
        "rejected": mine.rejected,
        "judged": mine.judged,
        "share": round(mine.share, 6),
        "others": others_name,
        "others_rejected": theirs.rejected,
        "others_judged": theirs.judged,
        "others_share": round(theirs.share, 6),
        "ratio": round(ratio, 3) if ratio else None,
        "said": (
            f"{reason} rejects {mine.share:.1%} of {name} ({mine.rejected:,} of {mine.judged:,}), {times} "
            f"({theirs.rejected:,} of {theirs.judged:,})"
        ),
    }
