"""What-if: the rules of a run's filter with other bounds, as far as what is stored can answer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from curator import config, storage
from curator.config import ConfigError, Section
from curator.documents import Rule
from curator.metrics import Asked
from curator.stages.rules import Parts, document_needs, line_needs, parts_of
from curator.tuning.stored import StoredFilter

RULE_AND_BOUNDS = re.compile(r"\s*[\w.]+\s*=")


def read_change(given: Sequence[str]) -> Section | None:
    """Changes from the command line, later ones over earlier ones: `han_ratio={min: 0.6}`, `{han_ratio: {min: 0.6}}`, a YAML
    file of such rules, or a whole filter (one with `document:`, alone), as a file or by its name."""
    merged = Section("--change", None)
    for text in given:
        section = _section(text)
        if "document" in section and len(given) > 1:
            raise ConfigError("a whole filter stands alone: there is nothing that another change could change", "--change")
        merged.path = section.path if len(given) == 1 else merged.path
        merged.lines |= section.lines
        merged.update(section)
    return merged if given else None


def _section(text: str) -> Section:
    if RULE_AND_BOUNDS.match(text):
        key, _, bounds = text.partition("=")
        return config.parse(f"{key.strip()}: {bounds}", "--change")
    if not re.search(r"^\s*\{|[:{]\s", f"{text} ") or text.endswith((".yaml", ".yml")):
        return config.load(storage.preset("filters", text))
    return config.parse(text, "--change")


def changed_rules(applied: StoredFilter, change: Section) -> tuple[Rule, ...]:
    """The rules that would judge now, over columns that are stored. Raises ConfigError for what would have to be measured."""
    whole = "document" in change
    parts = parts_of(change if whole else _as_written(applied), None if whole else change)
    _refuse_lines(applied, parts, change, whole)
    # Rules that nobody changed are taken as they are: they need no list that may be gone by now.
    fresh = {key: rule for key, rule in parts.document.items() if whole or rule.section is change}
    needs = document_needs(applied.name, fresh, bool(parts.lines))
    asked = {each.name: each for each in needs.metrics}
    made = dict(zip(fresh, needs.rules))
    return tuple(
        _stored(applied, made[key], asked.get(key), key, change) if key in made else applied.rule(key) for key in parts.document
    )


def _as_written(applied: StoredFilter) -> Section:
    """The filter's file, made from what was applied."""
    section = _mapping({"words": applied.words})
    for part, rules, asked in (
        ("lines", applied.line_rules, applied.line_asked),
        ("document", applied.rules, applied.asked),
    ):
        if rules:
            section[part] = _mapping({applied.key(r): _mapping(_values(r, applied.key(r), asked)) for r in rules})
    return section


def _values(rule: Rule, key: str, asked: Mapping[str, Asked]) -> dict[str, Any]:
    bounds = {"min": rule.min, "max": rule.max, "in": list(rule.among) if rule.among else None, "is": rule.equals}
    values: dict[str, Any] = {word: bound for word, bound in bounds.items() if bound is not None}
    if key in asked:
        values |= dict(asked[key].given)
        if asked[key].metric != key:
            values["metric"] = asked[key].metric
    return values


def _mapping(values: Mapping[str, Any]) -> Section:
    section = Section("the run", None)
    section.update(values)
    return section


def _refuse_lines(applied: StoredFilter, parts: Parts, change: Section, whole: bool) -> None:
    """Rules on lines and the cutting of words decide what the numbers are of."""
    before = parts_of(_as_written(applied), None)
    if parts.words != before.words:
        raise change.error(f"words: the run counted {before.words}; to count {parts.words}, run it again", "words")
    if whole:
        now, then = line_needs(applied.name, parts.lines), line_needs(applied.name, before.lines)
        same = (now.rules, now.metrics) == (then.rules, then.metrics)
    else:
        same = {k: w.values for k, w in parts.lines.items()} == {k: w.values for k, w in before.lines.items()}
    if not same:
        key = next((k for k in change if k == "lines" or k.startswith("lines.")), None)
        raise change.error(
            "rules on lines change the text that everything else is measured on, so what they would do is not stored: run "
            "it again, or try them on single documents with `curator score`",
            key,
        )


AGAIN = (
    "add it to the recipe's filter (with a bound that all pass, to measure only) and run again; `curator score` measures it "
    "on single documents"
)


def _stored(applied: StoredFilter, rule: Rule, asked: Asked | None, key: str, change: Section) -> Rule:
    """The rule over a column that the run has stored."""
    section = change["document"] if isinstance(change.get("document"), Section) else change
    if asked is None:
        own = {each.column for each in applied.rules}
        if rule.column.startswith(f"{applied.name}.") and rule.column not in own:
            raise section.error(f"{key}: the run has not stored {rule.column!r}: {AGAIN}", key)
        return rule
    then = applied.asked.get(key)
    if then is not None and _same(then, asked):
        return rule
    for other in applied.rules:  # the same number under another name
        found = applied.asked.get(applied.key(other))
        if found is not None and _same(found, asked):
            return dataclasses.replace(rule, column=other.column)
    measured = f"the run measured {_said(then)}, not" if then else "the run did not measure"
    raise section.error(f"{key}: {measured} {_said(asked)}, so nothing is stored of it: {AGAIN}", key)


def _same(one: Asked, other: Asked) -> bool:
    return (one.metric, one.parameters) == (other.metric, other.parameters)


def _said(asked: Asked) -> str:
    given = ", ".join(f"{k} {v}" for k, v in asked.parameters.items())
    return f"{asked.metric!r}{f' ({given})' if given else ''}"
