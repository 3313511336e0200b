"""What `cut` tells of a run, in numbers and in words: for `summary.json` and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curator.selection.cuts import BUCKETS, NOTHING, Basis, Counted, Cuts, Group

MOST_GROUPS = 200  # that are told one by one; the file of cut points has them all
FAR = 0.05  # of a group's documents: a bucket that has so many more than was asked for is worth a warning
UNMEASURED_SHARE = 0.1  # of the documents without a number, before it is worth one


def summarise(cuts: Cuts, small: Mapping[Group, tuple[int, Group]]) -> dict[str, Any]:
    """`groups`: documents, cut points and buckets of each, the coarsest first; `small`: those that are cut with another."""
    basis = cuts.basis
    ordered = sorted(cuts.groups.items(), key=lambda item: (len(item[0]), -item[1].documents, item[0]))
    return {
        "by": basis.by,
        "best": basis.best,
        "percentiles": list(basis.percentiles),
        "per": list(basis.per),
        "groups": [_row(basis, group, counted) for group, counted in ordered[:MOST_GROUPS]],
        "small": [
            {"group": dict(zip(basis.per, group)), "documents": documents, "cut_as": dict(zip(basis.per, around))}
            for group, (documents, around) in list(small.items())[:MOST_GROUPS]
        ],
        "warnings": list(_warnings(cuts)),
    }


def _row(basis: Basis, group: Group, counted: Counted) -> dict[str, Any]:
    return {
        "group": dict(zip(basis.per, group)),
        "documents": counted.documents,
        "unmeasured": counted.unmeasured,
        "cuts": list(counted.cuts),
        "buckets": dict(zip(buckets_of(basis), counted.buckets)),
    }


def buckets_of(basis: Basis) -> Sequence[str]:
    """The names of the buckets that there are, the best first."""
    return BUCKETS[:3] if len(basis.percentiles) == 2 else (BUCKETS[0], BUCKETS[2])


def _warnings(cuts: Cuts) -> Iterator[str]:
    basis = cuts.basis
    for group, found in sorted(cuts.groups.items()):
        if len(group) < len(basis.per):
            continue
        asked, reached = 0.0, 0
        for name, percentile, count in zip(buckets_of(basis), basis.percentiles, found.buckets):
            asked, reached = percentile / 100, reached + count
            if found.documents and reached / found.documents > asked + FAR:
                yield (
                    f"{called(basis, group)}: {asked:.0%} were asked for up to the {name}, and {reached / found.documents:.1%} "
                    f"({reached:,} of {found.documents:,}) are: many documents have the same {basis.by}"
                )
    every = cuts.groups[()]
    if every.unmeasured > UNMEASURED_SHARE * (every.documents + every.unmeasured):
        whole = every.documents + every.unmeasured
        yield f"{every.unmeasured:,} of {whole:,} documents ({every.unmeasured / whole:.1%}) have no {basis.by}"


def called(basis: Basis, group: Group) -> str:
    """A group in words: `language zh, source web`."""
    named = [f"{column} {value if value != NOTHING else '(none)'}" for column, value in zip(basis.per, group)]
    return ", ".join(named) or "all documents"
