"""`filter`: the rules of one YAML file, the metrics that they need, and nothing else.

    document:
      chars: {min: 200}                                # a metric of curator/metrics
      stop_words: {min: 2, list: stop_words_zh}        # with its parameters beside the bounds
      language: {in: [zh, yue]}                        # a column that every document has
      language.score: {min: 0.5}                       # a metric of the stage named `language`
      metadata.generated: {is: false}                  # a key of the metadata

Both ends of `min` and `max` are included. A rule whose number cannot be measured fails.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
import pyarrow as pa

from curator import config, storage
from curator.config import ConfigError, Section, nearest
from curator.documents import SCHEMA, Rule
from curator.metrics import METRICS, measure, parameters_of, warm

BOUNDS = ("min", "max", "in", "is")
KEPT_APART = ("text", "origin", "metadata")  # columns that no rule can read as they are
METADATA = re.compile(r"metadata\.(\w+)")
METADATA_TYPES = {"flag": pa.bool_(), "name": pa.string(), "number": pa.float64()}

Parameters = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Measure what the rules of a filter name; the engine's `decide` judges by them.

    Made by `load` from `filters/NAME.yaml`. It writes one column for each metric (int32 for counts, float32 for ratios, means
    and nats) and each key of `metadata` that a rule names (null where a document's metadata has no such key, or not of that
    kind), and reads the columns of other rules where they are. Every rule is measured for every document.
    """

    name: str
    rules: tuple[Rule, ...]
    metrics: tuple[str, ...] = ()
    parameters: tuple[tuple[str, Parameters], ...] = ()
    columns: tuple[str, ...] = ()  # that exist before, and that rules read
    metadata: tuple[tuple[str, str], ...] = ()  # key, and which of METADATA_TYPES
    unicode: str = unicodedata.unidata_version  # the version of the character classes

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def load(cls, preset: str, change: Mapping[str, Any] | None = None, name: str | None = None) -> Filter:
        """The filter in `filters/<preset>.yaml`, or at a path. `change` replaces or adds bounds rule by rule and removes the
        rules that it sets to `off` or null; `name` qualifies its columns and reasons. Raises ConfigError at a slip's line."""
        path = storage.preset("filters", preset)
        section = config.load(path)
        for key in section:
            if key != "document":
                raise section.error(f"no part {key!r} in a filter{nearest(key, ['document'])}", key)
        rules = _mapping(section, "document")
        where: dict[str, Section] = dict.fromkeys(rules, rules)
        merged = {key: _bounds(rules, key) for key in rules}
        if change is not None:
            _merge(merged, where, change)
        if not merged:
            raise section.error("a filter needs a rule", "document")
        return _build(cls, name or re.sub(r"\W", "_", _stem(path)), merged, where)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset([*self.columns, *(["text"] if self.metrics else []), *(["metadata"] if self.metadata else [])])

    @property
    def writes(self) -> Mapping[str, pa.DataType]:
        computed = {name: METRICS[name].type for name in self.metrics}
        return computed | {f"metadata.{key}": METADATA_TYPES[kind] for key, kind in self.metadata}

    def files(self) -> Sequence[str]:
        word_list = self._run_parameters().get("list")
        return [_list_path(word_list)] if word_list else []

    def warm(self) -> None:
        warm(self.metrics)

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        found: dict[str, pa.Array] = {}
        if self.metrics:
            given = {metric: dict(values) for metric, values in self.parameters}
            words = tuple(w for path in self.files() for w in _words(path, storage.content_digest(path)))
            found |= measure(docs.column("text"), self.metrics, given, words)
        for key, kind in self.metadata:
            found[f"metadata.{key}"] = _metadata_values(docs.column("metadata"), key, kind)
        return found

    def _run_parameters(self) -> dict[str, Any]:
        return parameters_of(self.metrics, {metric: dict(values) for metric, values in self.parameters})


# ------------------------------------------------------------------------------------------------------- reading the YAML


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".yaml")


def _mapping(section: Section, key: str) -> Section:
    value = section.get(key)
    if not isinstance(value, Section):
        raise section.error(f"{key}: must be a mapping of rules", key)
    return value


def _bounds(rules: Section, key: str) -> dict[str, Any]:
    value = rules[key]
    if not isinstance(value, Section) or not value:
        raise rules.error(f"{key}: write its bounds, for example {{min: 0.3}}", key)
    return dict(value)


def _merge(merged: dict[str, dict[str, Any]], where: dict[str, Section], change: Mapping[str, Any]) -> None:
    if not isinstance(change, Section):  # from Python
        section = Section("change", None)
        section.update({k: _section(v) if isinstance(v, Mapping) else v for k, v in change.items()})
        change = section
    for key, value in change.items():
        if value is None or value in ("off", False):
            if key not in merged:
                raise change.error(f"{key}: there is no such rule to take out{nearest(key, merged)}", key)
            del merged[key]
            continue
        merged[key] = merged.get(key, {}) | _bounds(change, key)
        merged[key] = {k: v for k, v in merged[key].items() if v is not None and v != "off"}
        where[key] = change


def _section(values: Mapping[str, Any]) -> Section:
    section = Section("change", None)
    section.update(values)
    return section


def _build(cls: type[Filter], name: str, merged: Mapping[str, Mapping[str, Any]], where: Mapping[str, Section]) -> Filter:
    rules: list[Rule] = []
    metrics: list[str] = []
    columns: list[str] = []
    parameters: list[tuple[str, Parameters]] = []
    metadata: list[tuple[str, str]] = []
    for key, values in merged.items():
        error = functools.partial(_error, where[key], key)
        bounds = {k: v for k, v in values.items() if k in BOUNDS}
        given = {k: v for k, v in values.items() if k not in BOUNDS}
        if key in METRICS:
            _check_metric(key, bounds, given, error)
            metrics.append(key)
            if given:
                parameters.append((key, tuple(sorted(given.items()))))
        else:
            if given:
                word = next(iter(given))
                raise error(f"no bound {word!r}{nearest(word, BOUNDS)}")
            if match := METADATA.fullmatch(key):
                metadata.append((match[1], "flag" if "is" in bounds else "name" if "in" in bounds else "number"))
            else:
                _check_column(key, bounds, error)
                columns.append(key)
        rules.append(_rule(name, key, bounds, error))
        _check_parameters(metrics, parameters, error)
    return cls(
        name=name,
        rules=tuple(rules),
        metrics=tuple(metrics),
        parameters=tuple(parameters),
        columns=tuple(columns),
        metadata=tuple(metadata),
    )


def _error(section: Section, key: str, message: str) -> ConfigError:
    inside = section.get(key)
    return ConfigError(f"{key}: {message}", section.path, inside.line() if isinstance(inside, Section) else section.line(key))


def _rule(name: str, key: str, bounds: Mapping[str, Any], error: Any) -> Rule:
    if not bounds:
        raise error(f"needs one of {', '.join(BOUNDS)}")
    if len(bounds) > 1 and not set(bounds) <= {"min", "max"}:
        raise error("takes min and max together, or one of in and is")
    for end in ("min", "max"):
        value = bounds.get(end, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise error(f"{end} must be a number, not {value!r}")
    if bounds.get("min", float("-inf")) > bounds.get("max", float("inf")):
        raise error(f"min {bounds['min']} is above max {bounds['max']}: nothing could pass")
    among = bounds.get("in")
    if "in" in bounds and not (isinstance(among, list) and among and all(isinstance(v, str) for v in among)):
        raise error("in must be a list of strings, for example [zh, yue]")
    if "is" in bounds and not isinstance(bounds["is"], bool):
        raise error(f"is must be true or false, not {bounds['is']!r}")
    computed = key in METRICS or METADATA.fullmatch(key)
    return Rule(
        column=f"{name}.{key}" if computed else key,
        reason=f"{name}.{key}",
        min=float(bounds["min"]) if "min" in bounds else None,
        max=float(bounds["max"]) if "max" in bounds else None,
        among=tuple(among) if among else None,
        equals=bounds.get("is"),
    )


def _check_metric(key: str, bounds: Mapping[str, Any], given: Mapping[str, Any], error: Any) -> None:
    if not set(bounds) <= {"min", "max"}:
        raise error("is a number: it takes min and max")
    known = METRICS[key].parameters
    for word, value in given.items():
        if word not in known:
            raise error(f"no bound or parameter {word!r}{nearest(word, [*BOUNDS, *known])}")
        if type(value) is not type(known[word]):
            raise error(f"{word} must be {'a whole number' if isinstance(known[word], int) else 'a string'}, not {value!r}")


def _check_column(key: str, bounds: Mapping[str, Any], error: Any) -> None:
    if key in SCHEMA.names and key not in KEPT_APART:
        if bounds and "in" not in bounds:
            raise error("is a column of strings: it takes in")
    elif "." not in key or key.split(".")[0] in KEPT_APART:
        names = [*METRICS, *(c for c in SCHEMA.names if c not in KEPT_APART)]
        near = nearest(key, names) or ". `curator metrics` lists them"
        raise error(f"is no metric, no column of a document, and no <stage>.<metric>{near}")


def _check_parameters(metrics: Sequence[str], parameters: Sequence[tuple[str, Parameters]], error: Any) -> None:
    try:
        found = parameters_of(metrics, {metric: dict(values) for metric, values in parameters})
        if "list" in found:
            _list_path(found["list"])
    except storage.StorageError as problem:
        raise error(str(problem).replace("filters/list", "list of words", 1)) from None
    except ValueError as problem:
        raise error(str(problem)) from None


# -------------------------------------------------------------------------------------------------- lists and metadata


def _list_path(name: str) -> str:
    return storage.preset("filters/lists", name, ".txt")


@functools.lru_cache(maxsize=16)
def _words(path: str, digest: str) -> tuple[str, ...]:
    """The words of a list: one a line, `#` begins a comment. `digest` is there to read a changed file again."""
    lines = (line.split("#")[0].strip() for line in storage.read_bytes(path).decode("utf-8-sig").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def _metadata_values(column: pa.Array, key: str, kind: str) -> pa.Array:
    """One key of each JSON object; null where it is missing, or null, or not of the kind, or where there is no object."""
    found = pl.Series(column.cast(pa.large_string())).str.json_path_match(f"$.{key}")
    if kind == "flag":
        found = found.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    elif kind == "number":
        found = found.cast(pl.Float64, strict=False)
    return found.to_arrow().cast(METADATA_TYPES[kind])
