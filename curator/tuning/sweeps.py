"""A bound at other values: what would be kept, from the numbers that are stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from curator.config import ConfigError
from curator.documents import Rule
from curator.tuning.judging import Values

POINTS = 11
QUANTILES = (0.01, 0.99)  # between which the points lie
WIDE = 20.0  # over so many times from end to end, points grow by factors

End = Literal["min", "max"]


@dataclass(frozen=True)
class Point:
    """A bound, and what it would do: documents that all rules keep, that this rule rejects, that it alone rejects."""

    bound: float
    kept: int
    kills: int
    unique: int
    present: bool


@dataclass(frozen=True)
class Sweep:
    rule: Rule
    end: End
    documents: int
    points: tuple[Point, ...]


def ends(rule: Rule, name: str) -> list[End]:
    """The bounds that can be swept. Raises ConfigError for a rule that has none."""
    found: list[End] = [end for end in ("min", "max") if getattr(rule, end) is not None]
    if not found:
        raise ConfigError(f"has no min or max to sweep: it passes {_said(rule)}", name)
    return found


def _said(rule: Rule) -> str:
    return f"what is in {', '.join(rule.among)}" if rule.among else f"what is {str(rule.equals).lower()}"


def sweep(values: Values, end: End) -> Sweep:
    """About eleven bounds between the 1 % and the 99 % quantile of all numbers, and the present one."""
    rule = values.rule
    alone, others = values.all_alone(), values.all_others()
    present = float(getattr(rule, end))
    every = np.concatenate([alone, others])
    known = every[np.isfinite(every)]
    tried = _between(known) if len(known) else []
    bounds = sorted({*(map(round, tried) if values.whole else tried), present})
    points = [_point(rule, end, bound, alone, others, bound == present) for bound in bounds]
    return Sweep(rule, end, len(every), tuple(points))


def _point(rule: Rule, end: End, bound: float, alone: np.ndarray, others: np.ndarray, present: bool) -> Point:
    low, high = (bound, rule.max) if end == "min" else (rule.min, bound)
    kept = int(_passes(alone, low, high).sum())
    unique = len(alone) - kept
    return Point(bound, kept, unique + int((~_passes(others, low, high)).sum()), unique, present)


def _passes(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """As `Rule.passes`: bounds in the column's own precision, both ends included; what is not a number fails."""
    passed = ~np.isnan(values)
    if low is not None:
        passed &= values >= values.dtype.type(low)
    if high is not None:
        passed &= values <= values.dtype.type(high)
    return passed


def _between(known: np.ndarray) -> Sequence[float]:
    low, high = (float(q) for q in np.quantile(known.astype(np.float64), QUANTILES))
    spread = np.geomspace(low, high, POINTS) if low > 0 and high / low > WIDE else np.linspace(low, high, POINTS)
    return [_rounded(float(value), (high - low) / POINTS) for value in spread]


def _rounded(value: float, gap: float) -> float:
    """A number that a person would write, close enough to tell the points apart."""
    if value == 0:
        return 0.0
    digits = 2 - math.floor(math.log10(abs(value)))
    if gap > 0:
        digits = max(digits, 1 - math.floor(math.log10(gap))) if abs(value) < gap else digits
    return round(value, digits)
