"""`curator score`: the rules of filters on one document, one after the other, with the lines that they cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from curator import config, storage
from curator.config import ConfigError, Section
from curator.documents import SCHEMA, Rule
from curator.errors import nearest
from curator.metrics import CUTS, METRICS, Asked, measure
from curator.metrics.lists import load_list
from curator.stages.filter import Filter, name_of
from curator.stages.rules import parts_of
from curator.tuning.views import Line, described, lines_of


@dataclass(frozen=True)
class RuleScore:
    """A rule and the document's value. `passes` is None where the value is of another stage, and not known here."""

    rule: Rule
    name: str
    value: Any
    passes: bool | None
    about: str


@dataclass(frozen=True)
class LineScore:
    """A line that is cut: its number from 1, its text, the rule that cuts it and its value there."""

    number: int
    text: str
    rule: Rule
    name: str
    value: float


@dataclass(frozen=True)
class Scored:
    """One filter on the document."""

    name: str
    rules: Sequence[RuleScore]
    cut: Sequence[LineScore]
    lines: int  # that are not blank

    @property
    def reason(self) -> str | None:
        """The first rule that is known to fail."""
        return next((score.rule.reason for score in self.rules if score.passes is False), None)

    @property
    def unknown(self) -> Sequence[str]:
        return [score.name for score in self.rules if score.passes is None]


def load_filters(names: Sequence[str], change: Section | None) -> list[Filter]:
    """The filters of these names with what `change` says of their rules: `FILTER.RULE` of one, `RULE` of each that has it."""
    if change is None:
        return [Filter.load(name) for name in names]
    # Without the change a filter may want what it gives: lists of addresses.
    paths = [storage.preset("filters", name) for name in names]
    found = [(name_of(path), parts_of(config.load(path), None).names) for path in paths]
    mine: list[dict[str, Any]] = [{} for _ in found]
    for key, value in change.items():
        to = [at for at, (stage, _) in enumerate(found) if key.startswith(f"{stage}.")]
        name = key.removeprefix(f"{found[to[0]][0]}.") if to else key
        to = to or ([0] if len(found) == 1 else [at for at, (_, rules) in enumerate(found) if key in rules])
        if not to:
            known = [f"{stage}.{name}" for stage, rules in found for name in rules]
            raise change.error(f"{key}: none of the filters has such a rule{nearest(key, known)}", key)
        for at in to:
            mine[at][name] = value
    return [Filter.load(name, _section(change, values)) for name, values in zip(names, mine)]


def _section(change: Section, values: Mapping[str, Any]) -> Section:
    section = Section(change.path, change.at)
    section.lines = change.lines
    section.update(values)
    return section


def score(document: Mapping[str, Any], filters: Sequence[Filter]) -> list[Scored]:
    """Each filter on the document, with the text that the filters before it have left, whether they would keep it or not."""
    docs = as_batch(document)
    found = []
    for stage in filters:
        scored, docs = _score(docs, stage)
        found.append(scored)
    return found


def as_batch(document: Mapping[str, Any]) -> pa.RecordBatch:
    """One row with the columns of every document, and whatever else the document has that Arrow understands."""
    arrays = {}
    for field in SCHEMA:
        value = document.get(field.name)
        if field.name == "metadata" and isinstance(value, Mapping):
            value = orjson.dumps(value).decode()
        usable = isinstance(value, str) and not pa.types.is_struct(field.type)
        arrays[field.name] = pa.array([value if usable else None], field.type)
    for name, value in document.items():
        if name not in arrays and isinstance(value, bool | int | float | str):
            arrays[name] = pa.array([value], pa.float64() if type(value) in (int, float) else None)
    return pa.RecordBatch.from_pydict(arrays)


def _score(docs: pa.RecordBatch, stage: Filter) -> tuple[Scored, pa.RecordBatch]:
    text = docs.column("text")[0].as_py()
    cut, lines = _cut_lines(stage, text) if stage.line_rules else ([], sum(1 for line in text.split("\n") if line.strip()))
    columns = {stage_column(stage, key): column for key, column in stage(docs).items()}
    asked = {each.name: each for each in stage.metrics}
    there = {**dict(zip(docs.schema.names, docs.columns)), **columns}
    scores = [
        _rule_score(rule, rule.reason.removeprefix(f"{stage.name}."), asked, docs, there, rule.column in columns)
        for rule in stage.rules
    ]
    return Scored(stage.name, scores, cut, lines), pa.RecordBatch.from_pydict(there)


def stage_column(stage: Filter, key: str) -> str:
    return key if key == "text" else f"{stage.name}.{key}"


def _rule_score(
    rule: Rule, name: str, asked: Mapping[str, Asked], docs: pa.RecordBatch, there: Mapping[str, pa.Array], own: bool
) -> RuleScore:
    """`own` columns are measured here, if the document has what they are measured on; others, if the document has them."""
    metric = METRICS[asked[name].metric] if name in asked else CUTS.get(name)
    about = described(asked[name]) if name in asked else metric.about if metric else ""
    measured_on = metric.reads if metric else "metadata"
    column = there.get(rule.column)
    if column is None or not (docs.column(measured_on) if own else column)[0].is_valid:
        return RuleScore(rule, name, None, None, about)
    if not _comparable(rule, column.type):
        kind = "a string" if rule.among else "true or false" if rule.equals is not None else "a number"
        raise ConfigError(f"{rule.column} is {column[0].as_py()!r}, and {rule.reason} judges {kind}", "the document")
    return RuleScore(rule, name, column[0].as_py(), rule.passes(column)[0].as_py(), about)


def _comparable(rule: Rule, kind: pa.DataType) -> bool:
    """What a file of documents brings is of any type; the engine's columns are of the right one."""
    if rule.among is not None:
        return pa.types.is_string(kind)
    if rule.equals is not None:
        return pa.types.is_boolean(kind)
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _cut_lines(stage: Filter, text: str) -> tuple[list[LineScore], int]:
    lines, _ = lines_of(stage, text)
    cut = [(number, line) for number, line in enumerate(lines, 1) if line.cut_by >= 0]
    values = stage.measured(pa.array([_text(text, line) for _, line in cut], pa.string()), stage.line_metrics) if cut else {}
    found = []
    for at, (number, line) in enumerate(cut):
        name = stage.line_metrics[line.cut_by].name
        found.append(LineScore(number, _text(text, line), stage.line_rules[line.cut_by], name, values[name][at].as_py()))
    return found, sum(1 for line in lines if _text(text, line).strip())


def _text(text: str, line: Line) -> str:
    return text[line.start : line.end]


def every_metric(document: Mapping[str, Any], words: str = "characters") -> dict[str, Any]:
    """Every metric of the text that needs no list of the user's, by its own parameters."""
    names = [name for name, metric in METRICS.items() if metric.reads == "text" and metric.parameters.get("list") != ""]
    lists = {name: load_list(name) for name in {Asked(n, n).list for n in names} if name}
    text = document.get("text")
    if not isinstance(text, str):
        raise ConfigError("has no text", "the document")
    found = measure(pa.array([text], pa.large_string()), names, lists=lists, words=words)
    return {name: column[0].as_py() for name, column in found.items()}
