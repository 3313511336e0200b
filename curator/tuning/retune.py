"""`curator retune`: a finished run's filter, judged again from the numbers that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from curator.config import ConfigError, Section
from curator.documents import Rule
from curator.pipeline.finished import Run, documents_at, opened
from curator.tuning.changes import changed_rules
from curator.tuning.judging import Judged, Near, judge
from curator.tuning.stored import StoredFilter, filter_of
from curator.tuning.sweeps import End, Sweep, ends, sweep

SHOWN = ("id", "title", "url", "text")


@dataclass(frozen=True)
class NearDocument:
    """A document close to a bound, with what is stored of it."""

    near: Near
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Retuned:
    """What a filter does and would do. `near` are, by reason, documents that this rule alone decides."""

    applied: StoredFilter
    rules: tuple[Rule, ...]
    judged: Judged
    sweeps: tuple[Sweep, ...]
    near: Mapping[str, Sequence[NearDocument]]
    cautions: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return self.rules != self.applied.rules

    def plain(self) -> dict[str, Any]:
        """As values of JSON."""
        judged = self.judged
        reasons = [rule.reason for rule in self.rules]
        return {
            "filter": self.applied.name,
            "documents": judged.total("documents"),
            "passed_then": judged.total("passed_then"),
            "passed_now": judged.total("passed_now"),
            "outside_where": judged.outside,
            "failed": judged.failed,
            "differing": judged.differing,
            "then": {reason: _count(count) for reason, count in judged.then.items()},
            "now": {reason: _count(count) for reason, count in judged.now.items()},
            "overlap": {a: dict(zip(reasons, row)) for a, row in zip(reasons, judged.overlap.tolist())},
            "groups": [
                {"source": source, "language": language, **asdict(group)}
                for (source, language), group in sorted(judged.groups.items())
            ],
            "sweeps": [
                {
                    "reason": s.rule.reason,
                    "end": s.end,
                    "documents": s.documents,
                    "points": [asdict(point) for point in s.points],
                }
                for s in self.sweeps
            ],
            "near": {
                reason: [
                    {"value": each.near.value, "passes": each.near.passes, **{k: each.document.get(k) for k in SHOWN[:3]}}
                    for each in found
                ]
                for reason, found in self.near.items()
            },
            "cautions": list(self.cautions),
        }


def _count(count: Any) -> dict[str, Any]:
    rule = count.rule
    bounds = {"min": rule.min, "max": rule.max, "in": rule.among, "is": rule.equals}
    return {
        **{word: bound for word, bound in bounds.items() if bound is not None},
        "kills": count.kills,
        "unique": count.unique,
        "reason": count.reason,
        "unmeasured": count.unmeasured,
    }


def retune(run: Run, name: str, change: Section | None = None, swept: Sequence[str] = (), nearest: int = 0) -> Retuned:
    """Judge all documents that reached the filter again. Raises ConfigError for what the stored numbers cannot answer."""
    applied = filter_of(run, name)
    rules = applied.rules if change is None else changed_rules(applied, change)
    if not rules:
        raise ConfigError("no rule is left", "--change")
    chosen = [_named(applied, rules, each) for each in swept]
    wanted: list[tuple[Rule, End]] = [(rule, end) for rule in chosen for end in ends(rule, applied.key(rule))]
    follow = list(dict.fromkeys(chosen))
    if nearest and not follow:
        follow = [rule for rule in rules if rule not in applied.rules and (rule.min is not None or rule.max is not None)]
        if not follow:
            raise ConfigError("name the rule whose bound they should be near to, with --sweep or with --change", "--nearest")
    judged = judge(run, applied, rules, follow, nearest)
    return Retuned(
        applied=applied,
        rules=rules,
        judged=judged,
        sweeps=tuple(sweep(judged.values[rule.reason], end) for rule, end in wanted),
        near={rule.reason: _documents(run, judged, rule) for rule in follow} if nearest else {},
        cautions=tuple(_cautions(run, applied, rules, judged)),
    )


def _named(applied: StoredFilter, rules: Sequence[Rule], name: str) -> Rule:
    for rule in rules:
        if name in (rule.reason, applied.key(rule)):
            return rule
    return applied.rule(name)


def _documents(run: Run, judged: Judged, rule: Rule) -> list[NearDocument]:
    """What passes first, the nearest at the bound in the middle."""
    near = judged.values[rule.reason].near
    wanted = [*reversed(near[True]), *near[False]]
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    for path in sorted({each.path for each in wanted}):
        rows = sorted({each.row for each in wanted if each.path == path})
        with opened(run, path) as file:
            if file is not None:
                found |= {(path, row): document for row, document in zip(rows, documents_at(file, rows, SHOWN))}
    return [NearDocument(each, found.get((each.path, each.row), {})) for each in wanted]


def _cautions(run: Run, applied: StoredFilter, rules: Sequence[Rule], judged: Judged) -> list[str]:
    """What these numbers do not say."""
    said = [
        "Documents that an earlier stage rejected were never measured by this filter: they are in none of these numbers.",
    ]
    later = _later(run, applied)
    if later and rules != applied.rules:
        said.append(
            f"Documents that would now pass have not been through the stages after it ({', '.join(later)}), which may reject "
            "some of them; only a run can tell. One that is lost may have been the copy of others that deduplication kept: "
            "without it another copy would be."
        )
    if judged.failed:
        said.append(
            f"{judged.failed:,} documents have no numbers, because the filter failed on them or left them without a text: they "
            "are not counted."
        )
    if judged.differing:
        said.append(
            f"{judged.differing:,} documents would not be decided as the run decided them: a later stage has replaced a column "
            "that this filter reads. Take the numbers with care."
        )
    if applied.line_rules:
        said.append("Numbers are of what `lines:` left of the texts.")
    return said


def _later(run: Run, applied: StoredFilter) -> list[str]:
    """The stages after the filter that can reject a document of its sources."""
    names = list(run.summary.get("stages", ()))
    after = names[names.index(applied.name) + 1 :] if applied.name in names else []
    rejecting = {Run.stage_of(reason, names) for reason in (*run.rules, *run.reasons)}
    rejecting |= {*run.summary.get("dedup", {}), *run.summary.get("selection", {})}
    return [name for name in after if name in rejecting]
