"""One look over the stored metrics of a filter's documents: what each rule rejects, alone and with others, now and then.

`Rule.passes`, the engine's own test, judges the stored columns; nothing is measured and no text is read.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator.documents import Rule
from curator.engine.measuring import holds_where
from curator.pipeline.finished import Run
from curator.tuning.stored import FAILED, HERE, LATER, PUBLISHED, Seen, StoredFilter, seen

UNKNOWN = "none"  # the language of a document that has none


@dataclass
class RuleCount:
    """What one rule does to the documents that its filter judges."""

    rule: Rule
    kills: int = 0  # documents that fail it
    unique: int = 0  # … and that no other rule of the filter would reject
    reason: int = 0  # … and no rule before it: whose reason it is
    unmeasured: int = 0  # … because there is no number


@dataclass
class GroupCount:
    """Documents of one source and language, then and now."""

    documents: int = 0
    passed_then: int = 0
    passed_now: int = 0
    gained: int = 0  # rejected by the filter then, passing now: later stages have not seen them
    lost: int = 0  # passed then, rejected now
    lost_published: int = 0  # … and in documents/


@dataclass(frozen=True)
class Near:
    """A document close to a bound; with `decides`, no other rule rejects it, so that this bound alone decides."""

    distance: float
    value: float
    path: str
    row: int
    passes: bool


@dataclass
class Values:
    """One rule's numbers, of the documents where no other rule has decided."""

    rule: Rule
    whole: bool = False  # they are whole numbers
    alone: list[np.ndarray] = field(default_factory=list)  # values of documents that every other rule lets pass
    others: list[np.ndarray] = field(default_factory=list)  # values of the other documents
    near: dict[bool, list[Near]] = field(default_factory=lambda: {True: [], False: []})  # by passes

    def all_alone(self) -> np.ndarray:
        return np.concatenate(self.alone) if self.alone else np.empty(0, np.float32)

    def all_others(self) -> np.ndarray:
        return np.concatenate(self.others) if self.others else np.empty(0, np.float32)


@dataclass
class Judged:
    """What the rules make of a run's documents. `then` are the run's own rules, `now` those that are asked about."""

    then: dict[str, RuleCount]
    now: dict[str, RuleCount]
    overlap: np.ndarray  # rules of now x rules of now: documents that both reject
    groups: dict[tuple[str, str], GroupCount] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)
    outside: int = 0  # documents for which the filter's `where:` does not hold
    failed: int = 0  # documents without numbers, because the filter itself failed or left no text
    differing: int = 0  # documents that the stored numbers would have decided otherwise than the run did

    def total(self, name: str) -> int:
        return sum(getattr(group, name) for group in self.groups.values())


def judge(run: Run, applied: StoredFilter, rules: Sequence[Rule], follow: Sequence[Rule] = (), nearest: int = 0) -> Judged:
    """Count all documents that reached the filter, by its own rules and by `rules`. The values of `follow`, which are of
    `rules`, are kept, and the `nearest` documents on both sides of their bounds."""
    judged = Judged(
        then={rule.reason: RuleCount(rule) for rule in applied.rules},
        now={rule.reason: RuleCount(rule) for rule in rules},
        overlap=np.zeros((len(rules), len(rules)), np.int64),
        values={rule.reason: Values(rule) for rule in follow},
    )
    columns = list(dict.fromkeys([*(r.column for r in (*applied.rules, *rules)), *applied.where, "language"]))
    for found in seen(run, applied, columns):
        _judge_file(judged, applied, rules, found, nearest)
    return judged


def _judge_file(judged: Judged, applied: StoredFilter, rules: Sequence[Rule], found: Seen, nearest: int) -> None:
    known = found.fates != FAILED
    judged.failed += int((~known).sum())
    within = holds_where(found.table, applied.where)
    inside = known if within is None else known & within.to_numpy(zero_copy_only=False)
    judged.outside += int((known & ~inside).sum())
    table = found.table.filter(pa.array(inside))
    fates, rows = found.fates[inside], found.rows[inside]
    if not len(table):
        return
    then = failing(table, applied.rules)
    now = then if tuple(rules) == applied.rules else failing(table, rules)
    _count_rules(judged.then, table, then)
    _count_rules(judged.now, table, now)
    for place, mine in enumerate(now):  # not as a product of matrices: BLAS would take every core, and wait for it
        judged.overlap[place] += np.count_nonzero(now[:, mine], axis=1)
    judged.differing += _differing(table, applied.rules, then, fates)
    _count_groups(judged.groups, found.source, table.column("language"), now.sum(0) == 0, fates)
    for place, rule in enumerate(rules):
        if rule.reason in judged.values:
            _follow(judged.values[rule.reason], table, now, place, found.path, rows, nearest)


def failing(table: pa.RecordBatch, rules: Sequence[Rule]) -> np.ndarray:
    """Which rules each document fails: a row a rule."""
    failed = np.empty((len(rules), len(table)), bool)
    for place, rule in enumerate(rules):
        passed = rule.passes(table.column(rule.column))
        np.logical_not(passed.to_numpy(zero_copy_only=False), out=failed[place])
    return failed


def _count_rules(counts: Mapping[str, RuleCount], table: pa.RecordBatch, failed: np.ndarray) -> None:
    alone = failed.sum(0, dtype=np.int32) == 1
    undecided = np.ones(failed.shape[1], bool)
    for count, mine in zip(counts.values(), failed):
        count.kills += int(mine.sum())
        count.unique += int((mine & alone).sum())
        count.reason += int((mine & undecided).sum())
        undecided &= ~mine
        column = table.column(count.rule.column)
        count.unmeasured += column.null_count
        if pa.types.is_floating(column.type):
            count.unmeasured += pc.sum(pc.is_nan(column)).as_py() or 0


def _differing(table: pa.RecordBatch, rules: Sequence[Rule], failed: np.ndarray, fates: np.ndarray) -> int:
    """Documents that met another fate in the run than their stored numbers give them."""
    reasons = np.where(failed.any(0), failed.argmax(0), -1)
    if "reason" not in table.schema.names:
        return int((reasons >= 0).sum())
    numbers = pc.index_in(table.column("reason"), pa.array([rule.reason for rule in rules], pa.string()))
    stored = np.where(fates == HERE, pc.fill_null(numbers, -1).to_numpy(zero_copy_only=False), -1)
    return int((reasons != stored).sum())


def _count_groups(
    groups: dict[tuple[str, str], GroupCount], source: str, language: pa.Array, passes: np.ndarray, fates: np.ndarray
) -> None:
    encoded = pc.dictionary_encode(pc.fill_null(language, UNKNOWN))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    passed = (fates == PUBLISHED) | (fates == LATER)
    counted = {
        "documents": np.ones(len(codes), bool),
        "passed_then": passed,
        "passed_now": passes,
        "gained": passes & ~passed,
        "lost": passed & ~passes,
        "lost_published": (fates == PUBLISHED) & ~passes,
    }
    for name, mask in counted.items():
        for code, count in enumerate(np.bincount(codes[mask], minlength=len(encoded.dictionary)).tolist()):
            group = groups.setdefault((source, encoded.dictionary[code].as_py()), GroupCount())
            setattr(group, name, getattr(group, name) + count)


def _follow(
    values: Values, table: pa.RecordBatch, failed: np.ndarray, place: int, path: str, rows: np.ndarray, nearest: int
) -> None:
    column = table.column(values.rule.column)
    numbers = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    kind = np.float32 if pa.types.is_float32(column.type) else np.float64
    values.whole = pa.types.is_integer(column.type)
    others_pass = ~np.delete(failed, place, axis=0).any(0)
    values.alone.append(numbers[others_pass].astype(kind))
    values.others.append(numbers[~others_pass].astype(kind))
    if not nearest:
        return
    far = np.abs(distance(values.rule, numbers))
    for passes in (True, False):
        mine = np.flatnonzero(others_pass & (failed[place] != passes) & np.isfinite(far))
        best = mine[np.argsort(far[mine], kind="stable")[:nearest]]
        found = [Near(float(far[i]), float(numbers[i]), path, int(rows[i]), passes) for i in best]
        values.near[passes] = list(heapq.merge(values.near[passes], found, key=lambda n: n.distance))[:nearest]


def distance(rule: Rule, values: np.ndarray) -> np.ndarray:
    """How far numbers lie outside of a rule's bounds; inside they are negative. NaN where there is no number."""
    low = rule.min - values if rule.min is not None else np.where(np.isnan(values), np.nan, -np.inf)
    high = values - rule.max if rule.max is not None else np.where(np.isnan(values), np.nan, -np.inf)
    return np.maximum(low, high)
