"""The YAML of a filter to rules, and to what has to be measured for them; slips are named with their line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from curator import storage
from curator.config import ConfigError, Section
from curator.documents import SCHEMA, Rule
from curator.errors import nearest
from curator.metrics import CUTS, METRICS, WORDS, Asked
from curator.metrics.lists import list_path

BOUNDS = ("min", "max", "in", "is")
PARTS = ("words", "lines", "document")
KEPT_APART = ("text", "origin", "metadata")  # columns that no rule can read as they are
METADATA = re.compile(r"metadata\.(\w+)")
NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Written:
    """A rule as it stands in a file: what it says, and where."""

    key: str
    values: Mapping[str, Any]
    section: Section

    def fail(self, message: str) -> NoReturn:
        inside = self.section.get(self.key)
        line = inside.line() if isinstance(inside, Section) else self.section.line(self.key)
        raise ConfigError(f"{self.key}: {message}", self.section.path, line)

    @property
    def bounds(self) -> dict[str, Any]:
        return {k: v for k, v in self.values.items() if k in BOUNDS}

    @property
    def parameters(self) -> dict[str, Any]:
        return {k: v for k, v in self.values.items() if k not in (*BOUNDS, "metric")}


@dataclass
class Parts:
    """A filter's file with its change: how Han text is cut into words, rules on lines, rules on documents."""

    words: str = WORDS[0]
    lines: dict[str, Written] = field(default_factory=dict)
    document: dict[str, Written] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The rules, as a change names them."""
        return [*self.document, *(f"lines.{line}" for line in self.lines)]


@dataclass(frozen=True)
class Needs:
    """What the rules of a filter ask for: metrics, columns that exist before, keys of the metadata and the kind of each."""

    rules: tuple[Rule, ...]
    metrics: tuple[Asked, ...]
    cuts: tuple[str, ...]
    columns: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]


# ------------------------------------------------------------------------------------------------------ the file's parts


def parts_of(section: Section, change: Mapping[str, Any] | None) -> Parts:
    """What a filter's file says, with the bounds that `change` replaces or adds, and without the rules that it sets to `off` or
    null; `lines.RULE` changes a rule of `lines:`."""
    for key in section:
        if key not in PARTS:
            raise section.error(f"no part {key!r} in a filter{nearest(key, PARTS)}", key)
    parts = Parts()
    if "words" in section:
        parts.words = _words(section, "words")
    if "lines" in section:
        parts.lines = _written(section, "lines")
    if "document" in section or not parts.lines:
        parts.document = _written(section, "document")
    if change is not None:
        _change(parts, change if isinstance(change, Section) else _section(change))
    if not parts.lines and not parts.document:
        raise section.error("a filter needs a rule", "document" if "document" in section else None)
    return parts


def _words(section: Section, key: str) -> str:
    if section[key] not in WORDS:
        raise section.error(f"words: must be one of {', '.join(WORDS)}, not {section[key]!r}", key)
    return section[key]


def _written(section: Section, part: str) -> dict[str, Written]:
    rules = section.get(part)
    if not isinstance(rules, Section) or not rules:
        raise section.error(f"{part}: must be a mapping of rules, with at least one", part)
    return {key: Written(key, _bounds(rules, key), rules) for key in rules}


def _bounds(rules: Section, key: str) -> dict[str, Any]:
    value = rules[key]
    if not isinstance(value, Section) or not value:
        raise rules.error(f"{key}: write its bounds, for example {{min: 0.3}}", key)
    return dict(value)


def _change(parts: Parts, change: Section) -> None:
    for key, value in change.items():
        if key == "words" and isinstance(value, str) and value != "off":  # which takes a rule of that name out
            parts.words = _words(change, key)
            continue
        rules, name = (parts.lines, key[6:]) if key.startswith("lines.") else (parts.document, key)
        if value is None or value in ("off", False):
            if name not in rules:
                raise change.error(f"{key}: there is no such rule to take out{nearest(key, parts.names)}", key)
            del rules[name]
            continue
        before, given = rules[name].values if name in rules else {}, _bounds(change, key)
        gone = {word for word, bound in given.items() if bound is None or bound == "off"}
        for word in sorted(gone - set(before)):
            raise change.error(f"{key}: there is no {word!r} to take out{nearest(word, before)}", key)
        rules[name] = Written(key, {word: bound for word, bound in {**before, **given}.items() if word not in gone}, change)


def _section(values: Mapping[str, Any]) -> Section:
    """A change that comes from Python, not from a file."""
    section = Section("change", None)
    section.update({k: _section(v) if isinstance(v, Mapping) else v for k, v in values.items()})
    return section


# ---------------------------------------------------------------------------------------------------------------- rules


def line_needs(name: str, written: Mapping[str, Written]) -> Needs:
    """Rules on lines read metrics and nothing else."""
    rules: list[Rule] = []
    metrics: list[Asked] = []
    for key, rule in written.items():
        metric = _metric_of(rule, key)
        if metric is None or METRICS[metric].reads != "text":
            wanted = rule.values.get("metric", key)
            rule.fail(f"is no metric of a line{nearest(wanted, _of_text()) or '. `curator metrics` lists them'}")
        metrics.append(_asked(rule, key, metric))
        rules.append(_rule(rule, key, f"{name}.lines.{key}"))
    return Needs(tuple(rules), tuple(metrics), (), (), ())


def document_needs(name: str, written: Mapping[str, Written], cuts_lines: bool) -> Needs:
    rules: list[Rule] = []
    metrics: list[Asked] = []
    cuts: list[str] = []
    columns: list[str] = []
    metadata: list[tuple[str, str]] = []
    for key, rule in written.items():
        computed = True
        if (metric := _metric_of(rule, key)) is not None:
            metrics.append(_asked(rule, key, metric))
        elif key in CUTS:
            _only_bounds(rule)
            _numeric(rule)
            if not cuts_lines:
                rule.fail("this filter has no `lines:`, so nothing is cut")
            cuts.append(key)
        elif match := METADATA.fullmatch(key):
            _only_bounds(rule)
            metadata.append((match[1], "flag" if "is" in rule.bounds else "name" if "in" in rule.bounds else "number"))
        else:
            _only_bounds(rule)
            _check_column(rule, key)
            columns.append(key)
            computed = False
        rules.append(_rule(rule, f"{name}.{key}" if computed else key, f"{name}.{key}"))
    return Needs(tuple(rules), tuple(metrics), tuple(cuts), tuple(columns), tuple(metadata))


def _metric_of(rule: Written, key: str) -> str | None:
    """The metric that a rule is about, if it is about one."""
    metric = rule.values.get("metric", key)
    if "metric" in rule.values:
        if metric not in METRICS:
            rule.fail(f"there is no metric {metric!r}{nearest(str(metric), METRICS) or '. `curator metrics` lists them'}")
        if not NAME.fullmatch(key) or key in SCHEMA.names or key in CUTS:
            rule.fail("a rule of your own needs a name of letters, digits and _ that is no column")
        if key in METRICS and key != metric:
            rule.fail(f"is the name of another metric than {metric!r}")
    return metric if metric in METRICS else None


def _asked(rule: Written, key: str, metric: str) -> Asked:
    known = METRICS[metric].parameters
    for word, value in rule.parameters.items():
        if word not in known:
            rule.fail(f"no bound or parameter {word!r}{nearest(word, [*BOUNDS, *known])}")
        allowed = known[word]
        if isinstance(allowed, tuple):
            if value not in allowed:
                rule.fail(f"{word} must be one of {', '.join(allowed)}, not {value!r}")
        elif type(value) is not type(allowed):
            rule.fail(f"{word} must be {'a whole number' if isinstance(allowed, int) else 'a string'}, not {value!r}")
        elif isinstance(value, int) and value < 0:
            rule.fail(f"{word} must be a whole number from 0 on, not {value!r}")
    _numeric(rule)
    if METRICS[metric].kind == "ratio":
        _share(rule)
    asked = Asked(key, metric, tuple(sorted(rule.parameters.items())))
    if asked.list is not None:
        if not asked.list:
            rule.fail(
                "needs a `list`: the name of a list in filters/lists, or a path of your own, one entry a line. A filter that "
                f"curator ships takes it by `change: {{{key}: {{list: …}}}}`"
            )
        try:
            list_path(asked.list)
        except storage.StorageError as problem:
            rule.fail(str(problem).replace("filters/list", "list of words", 1))
    return asked


def _numeric(rule: Written) -> None:
    if not set(rule.bounds) <= {"min", "max"}:
        rule.fail("is a number: it takes min and max")


def _share(rule: Written) -> None:
    for end, value in rule.bounds.items():
        if isinstance(value, int | float) and math.isfinite(value) and not 0 <= value <= 1:
            rule.fail(f"is a share: {end} must be from 0 to 1, not {value!r}")


def _only_bounds(rule: Written) -> None:
    for word in rule.parameters:
        rule.fail(f"no bound {word!r}{nearest(word, BOUNDS)}")


def _rule(rule: Written, column: str, reason: str) -> Rule:
    bounds = rule.bounds
    if not bounds:
        rule.fail(f"needs one of {', '.join(BOUNDS)}")
    if len(bounds) > 1 and not set(bounds) <= {"min", "max"}:
        rule.fail("takes min and max together, or one of in and is")
    for end in ("min", "max"):
        value = bounds.get(end, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            rule.fail(f"{end} must be a number, not {value!r}")
    if bounds.get("min", float("-inf")) > bounds.get("max", float("inf")):
        rule.fail(f"min {bounds['min']} is above max {bounds['max']}: nothing could pass")
    among = bounds.get("in")
    if "in" in bounds and not (isinstance(among, list) and among and all(isinstance(v, str) for v in among)):
        rule.fail("in must be a list of strings, for example [zh, yue]")
    if "is" in bounds and not isinstance(bounds["is"], bool):
        rule.fail(f"is must be true or false, not {bounds['is']!r}")
    return Rule(
        column=column,
        reason=reason,
        min=float(bounds["min"]) if "min" in bounds else None,
        max=float(bounds["max"]) if "max" in bounds else None,
        among=tuple(among) if among else None,
        equals=bounds.get("is"),
    )


def _check_column(rule: Written, key: str) -> None:
    if key in SCHEMA.names and key not in KEPT_APART:
        if rule.bounds and "in" not in rule.bounds:
            rule.fail("is a column of strings: it takes in")
    elif "." not in key or key.split(".")[0] in KEPT_APART:
        names = [*METRICS, *CUTS, *(c for c in SCHEMA.names if c not in KEPT_APART)]
        near = nearest(key, names) or ". `curator metrics` lists them"
        rule.fail(f"is no metric, no column of a document, and no <stage>.<metric>{near}")


def _of_text() -> Iterable[str]:
    return [name for name, metric in METRICS.items() if metric.reads == "text"]


def lists_of(asked: Sequence[Asked]) -> list[str]:
    """The names of the lists that metrics count by, each once."""
    return list(dict.fromkeys(a.list for a in asked if a.list))
