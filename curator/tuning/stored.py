"""What a finished run has stored of its filters: rules and metrics as they were applied, and every document that met them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator import storage
from curator.config import ConfigError
from curator.documents import Rule
from curator.engine.manifest import Manifest
from curator.errors import nearest
from curator.metrics import Asked
from curator.metrics.lists import list_path
from curator.pipeline.finished import Run, files_of, opened
from curator.stages.filter import Filter

# What became of a document that reached a filter.
PUBLISHED = 0  # it is in documents/
LATER = 1  # the filter let it pass, and a later stage rejected it
HERE = 2  # a rule of the filter rejected it
FAILED = 3  # the filter itself failed on it, or left it without a text: its numbers are not known
NOT_SEEN = 4  # an earlier stage rejected it


@dataclass(frozen=True)
class StoredFilter:
    """A filter as a run has applied it. Rules are in order; `asked` says by rule which metric it measured, and how."""

    name: str
    rules: tuple[Rule, ...]
    asked: Mapping[str, Asked]
    line_rules: tuple[Rule, ...]
    line_asked: Mapping[str, Asked]
    words: str
    where: Mapping[str, tuple[str, ...]]
    lists: tuple[str, ...]  # file name and digest of each

    @property
    def stage(self) -> Filter:
        """The filter's own way with a text: its rules on lines, its words."""
        asked = [self.line_asked[self.key(rule)] for rule in self.line_rules]
        return Filter(name=self.name, rules=self.rules, line_rules=self.line_rules, line_metrics=tuple(asked), words=self.words)

    def key(self, rule: Rule) -> str:
        """What the rule is called in the filter's file."""
        return rule.reason.removeprefix(f"{self.name}.").removeprefix("lines.")

    def rule(self, name: str) -> Rule:
        """A rule by its name or by its reason. Raises ConfigError with the nearest name."""
        for rule in self.rules:
            if name in (rule.reason, self.key(rule)):
                return rule
        raise ConfigError(f"no rule {name!r}{nearest(name, map(self.key, self.rules))}", self.name)


def filters_of(run: Run) -> dict[str, StoredFilter]:
    """The filters of a run, by the names of their stages."""
    found = {name: described for name, described in run.descriptions.items() if (described.get("options") or {}).get("rules")}
    return {name: _filter(name, described) for name, described in found.items()}


def filter_of(run: Run, name: str) -> StoredFilter:
    """Raises ConfigError, with the nearest name, if the run has no such filter."""
    found = filters_of(run)
    if name not in found:
        raise ConfigError(f"the run has no filter {name!r}{nearest(name, found)}", run.output)
    return found[name]


def _filter(name: str, described: Mapping[str, Any]) -> StoredFilter:
    options = described["options"]
    order = described.get("rules") or list(options["rules"])
    return StoredFilter(
        name=name,
        rules=tuple(_rule(reason, options["rules"][reason]) for reason in order),
        asked=_asked(options.get("metrics", ())),
        line_rules=tuple(_rule(reason, rule) for reason, rule in dict(options.get("line_rules") or {}).items()),
        line_asked=_asked(options.get("line_metrics", ())),
        words=options.get("words", "characters"),
        where={column: tuple(values) for column, values in described.get("where", {}).items()},
        lists=tuple(described.get("files", ())),
    )


def rules_of(run: Run) -> dict[str, Rule]:
    """The rules of all stages of a run, filters and others, by their reasons."""
    return {reason: _rule(reason, stored) for reason, stored in run.rules.items()}


def _rule(reason: str, stored: Mapping[str, Any]) -> Rule:
    """From `Rule.bounds`."""
    among = stored.get("among")
    return Rule(
        column=stored["column"],
        reason=reason,
        min=stored.get("min"),
        max=stored.get("max"),
        among=tuple(among) if among else None,
        equals=stored.get("equals"),
    )


def _asked(stored: Sequence[Mapping[str, Any]]) -> dict[str, Asked]:
    return {each["name"]: Asked(each["name"], each["metric"], tuple((k, v) for k, v in each["given"])) for each in stored}


def list_has_changed(applied: StoredFilter, name: str) -> bool:
    """Whether a list that a rule names is another one than when the filter was run, or gone."""
    try:
        path = list_path(name)
        return f"{path.rpartition('/')[2]} {storage.content_digest(path)}" not in applied.lists
    except (OSError, storage.StorageError):
        return True


# ------------------------------------------------------------------------------------------------------------ documents


@dataclass(frozen=True)
class Seen:
    """The documents of one file that reached the filter: their columns, what became of them, where they stand in the file."""

    path: str
    source: str
    table: pa.RecordBatch
    fates: np.ndarray  # uint8
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def seen(run: Run, applied: StoredFilter, columns: Sequence[str]) -> Iterator[Seen]:
    """Every document that reached a filter, file by file; no more is read than `columns` (and `reason`).

    Raises StorageError if a file is gone, ConfigError if one does not have a column.
    """
    passes = {(m.source, m.key): m.number for m in run.manifests if applied.name in (m.inputs.get("stages") or {})}
    for manifest in run.manifests:
        at = passes.get((manifest.source, manifest.key))
        if at is None or manifest.number < at:
            continue
        for path, _ in files_of(manifest, kept=True):
            table = _read(run, path, columns)
            yield Seen(path, manifest.source, table, np.full(len(table), PUBLISHED, np.uint8), np.arange(len(table)))
        for path, _ in files_of(manifest, kept=False):
            table = _read(run, path, [*columns, "reason"])
            here = _fates(applied, manifest, table.column("reason"), same_pass=manifest.number == at)
            rows = np.flatnonzero(here != NOT_SEEN)
            yield Seen(path, manifest.source, table.take(pa.array(rows)), here[rows], rows)


def _read(run: Run, path: str, columns: Sequence[str]) -> pa.RecordBatch:
    with opened(run, path) as file:
        if file is None:
            raise storage.StorageError(f"{run.at(path)}: cannot be read, and the run's manifests count on it; run it again")
        missing = [c for c in columns if c not in file.schema_arrow.names]
        if missing:
            raise ConfigError(f"the run has not stored {missing[0]!r}{nearest(missing[0], file.schema_arrow.names)}", path)
        table = file.read(columns=list(dict.fromkeys(columns))).combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _fates(applied: StoredFilter, manifest: Manifest, reasons: pa.Array, same_pass: bool) -> np.ndarray:
    """What became of each rejected document, by its reason."""
    if not same_pass:
        return np.full(len(reasons), LATER, np.uint8)
    encoded = pc.dictionary_encode(reasons)
    fates = [_fate(applied, manifest, reason) for reason in encoded.dictionary.to_pylist()]
    return np.array([*fates, NOT_SEEN], np.uint8)[pc.fill_null(encoded.indices, len(fates)).to_numpy(zero_copy_only=False)]


def _fate(applied: StoredFilter, manifest: Manifest, reason: str) -> int:
    if any(reason == rule.reason for rule in applied.rules):
        return HERE
    order = list(manifest.inputs.get("order") or manifest.inputs["stages"])
    begins = manifest.begins
    stage = Run.stage_of(reason, [*order, begins] if begins else order)
    if stage == applied.name:
        return FAILED
    if stage in order:
        return NOT_SEEN if order.index(stage) < order.index(applied.name) else LATER
    return NOT_SEEN if stage in (begins, "engine") else LATER  # else: of the whole-dataset stage that the pass ends with
