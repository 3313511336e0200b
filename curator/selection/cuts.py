"""Cut points: how they follow from histograms, the file that records them, and the bucket that they put a value in."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from curator import storage
from curator.selection.bins import LINEAR_MOST, WIDTHS, Scale, bins_of, edge

FORMAT = "curator cuts"
VERSION = 1
MOST_BYTES = 64 << 20

HEAD, MIDDLE, TAIL, UNMEASURED = range(4)
BUCKETS = ("head", "middle", "tail", "unmeasured")
NOTHING = "none"  # what a group is called by a column that has no value there

Group = tuple[str, ...]  # one value for each column of `per`, or only for the first of them


@dataclass(frozen=True)
class Basis:
    """What cut points are of. They serve only a stage with an equal one."""

    by: str
    best: Literal["lowest", "highest"]
    scale: Scale
    per: tuple[str, ...]
    percentiles: tuple[float, ...]
    least: int
    gumbel: int | None

    def held(self, values: np.ndarray) -> np.ndarray:
        """Values, held to what the bins reach."""
        return np.clip(values, -LINEAR_MOST, LINEAR_MOST) if self.scale == "linear" else values

    def bins(self, values: np.ndarray) -> np.ndarray:
        """The bin of each value, the best lowest."""
        return bins_of(values if self.best == "lowest" else -values, self.scale)

    def edge(self, number: int) -> float:
        """The worst value of a bin."""
        found = edge(number, self.scale)
        return found + 0.0 if self.best == "lowest" else 0.0 - found


@dataclass(frozen=True)
class Counted:
    """A group's documents: how many have a number, how many have none, where it is cut, and how many each bucket gets."""

    documents: int
    unmeasured: int
    cuts: tuple[float, ...]
    buckets: tuple[int, ...]  # as many as there are cuts and one more, the best first


@dataclass(frozen=True)
class Cuts:
    """Cut points of every group with enough documents, and of the coarser groups around them; the group () is all documents."""

    basis: Basis
    groups: Mapping[Group, Counted]

    def of(self, group: Group) -> tuple[Group, tuple[float, ...]]:
        """The cut points of a group, and whose they are: its own, or those of the first group around it that has some."""
        around = next((g for g in levels(group) if g in self.groups), None)
        return ((), ()) if around is None else (around, self.groups[around].cuts)


def levels(group: Group) -> Iterator[Group]:
    """A group, then the coarser ones around it: its last column left out, and so on up to all documents."""
    for length in range(len(group), -1, -1):
        yield group[:length]


def place(values: np.ndarray, cuts: Sequence[float], best: Literal["lowest", "highest"]) -> np.ndarray:
    """The bucket of each value; NaN is unmeasured. A value that equals a cut point is on its better side. Without cut points
    (no document had a number when they were made) everything is in the head."""
    worse = [(values > cut) if best == "lowest" else (values < cut) for cut in cuts]
    found = np.sum(worse, axis=0, dtype=np.int8) if worse else np.zeros(len(values), np.int8)
    if len(cuts) == 1:
        found = np.where(found > 0, TAIL, HEAD).astype(np.int8)
    return np.where(np.isnan(values), UNMEASURED, found).astype(np.int8)


def cut_points(basis: Basis, bins: np.ndarray, counts: np.ndarray) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Of a histogram with rising bins: the edges at which the asked shares are reached, and the counts between them.

    A share ends with the bin in which it is reached, so a bucket gets the share that is asked for, and more only by documents
    of that one bin: those whose numbers are the same, or too near to be told apart.
    """
    total = int(counts.sum())
    if not total:
        return (), ()
    reached = np.cumsum(counts)
    ends = [int(np.searchsorted(reached, math.ceil(Fraction(repr(p)) / 100 * total))) for p in basis.percentiles]
    within = [int(reached[end]) for end in ends]
    return (
        tuple(basis.edge(int(bins[end])) for end in ends),
        tuple(stop - start for start, stop in zip([0, *within], [*within, total])),
    )


# ------------------------------------------------------------------------------------------------------------- the file


class CutsError(ValueError):
    """A file of cut points that cannot be used here, in words for the user."""


def to_bytes(cuts: Cuts) -> bytes:
    """JSON, a line for each group."""
    basis = cuts.basis
    head = {
        "format": FORMAT,
        "version": VERSION,
        **{f.name: getattr(basis, f.name) for f in fields(Basis)},
        "bins": WIDTHS[basis.scale],
    }
    rows = [
        json.dumps(
            {
                "group": dict(zip(basis.per, group)),
                "documents": found.documents,
                "unmeasured": found.unmeasured,
                "cuts": found.cuts,
                "buckets": found.buckets,
            },
            ensure_ascii=False,
        )
        for group, found in sorted(cuts.groups.items(), key=lambda item: (len(item[0]), item[0]))
    ]
    text = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    return (text + ',\n "groups": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n").encode()


def read_cuts(path: str) -> Cuts:
    """Raises CutsError for a file that is missing, damaged, or no file of cut points."""
    try:
        if storage.size(path) > MOST_BYTES:
            raise CutsError(f"cuts: {path}: {storage.size(path):,} bytes are no file of cut points")
        data = json.loads(storage.read_bytes(path), parse_constant=_no_constant)
    except OSError as error:
        raise CutsError(f"cuts: {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise CutsError(f"cuts: {path}: not a file of cut points ({error})") from None
    try:
        return _parsed(data)
    except (KeyError, TypeError, ValueError) as error:
        raise CutsError(f"cuts: {path}: not a file of cut points: {error}") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no cut point")


def _parsed(data: Any) -> Cuts:
    _need(isinstance(data, dict) and data.get("format") == FORMAT, f"its format is not {FORMAT!r}")
    _need(data.get("version") == VERSION, f"its version is {data.get('version')!r}, and this one reads {VERSION}")
    per, percentiles = data["per"], data["percentiles"]
    _need(isinstance(data["by"], str) and _all(per, str), "`by` and `per` name columns")
    _need(data["best"] in ("lowest", "highest") and data["scale"] in WIDTHS, "`best` or `scale` is none that there is")
    _need(data["bins"] == WIDTHS[data["scale"]], f"its bins are of {data['bins']!r}, and ours of {WIDTHS[data['scale']]!r}")
    _need(_all(percentiles, float) and 1 <= len(percentiles) <= 2, "`percentiles` are one or two numbers")
    gumbel = data["gumbel"]
    _need(_whole(data["least"]) and (gumbel is None or _whole(gumbel)), "`least` or `gumbel` is no whole number")
    basis = Basis(data["by"], data["best"], data["scale"], tuple(per), tuple(map(float, percentiles)), data["least"], gumbel)
    _need(isinstance(data["groups"], list) and bool(data["groups"]), "there are no groups")
    groups: dict[Group, Counted] = {}
    for row in data["groups"]:
        named, cuts, buckets = row["group"], row["cuts"], row["buckets"]
        _need(isinstance(named, dict) and list(named) == list(per)[: len(named)], f"the group {named!r} is not by {per!r}")
        group = tuple(named.values())
        _need(_all(list(group), str) and group not in groups, f"the group {named!r} stands twice, or is not of strings")
        _need(_all(cuts, float) and len(cuts) in (0, len(percentiles)), f"{named!r}: the cut points are {cuts!r}")
        _need(all(map(math.isfinite, cuts)), f"{named!r}: the cut points are {cuts!r}")
        rising = cuts if basis.best == "lowest" else cuts[::-1]
        _need(list(rising) == sorted(rising), f"{named!r}: the cut points {cuts!r} are not in order, the best first")
        _need(all(map(_whole, (row["documents"], row["unmeasured"], *buckets))), f"{named!r}: counts are whole numbers")
        groups[group] = Counted(row["documents"], row["unmeasured"], tuple(map(float, cuts)), tuple(buckets))
    _need(() in groups, "there is no group of all documents")
    return Cuts(basis, groups)


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _all(values: Any, kind: type) -> bool:
    kinds = (int, float) if kind is float else kind
    return isinstance(values, list) and all(isinstance(v, kinds) and not isinstance(v, bool) for v in values)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
