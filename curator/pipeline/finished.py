"""What a finished run has left behind: summary, manifests, token manifest and journal in one object; its files of documents."""

from __future__ import annotations

import functools
import json
import math
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curator import storage
from curator.engine.manifest import Manifest


@dataclass(frozen=True)
class Run:
    """A finished run. Whatever but the summary is missing is empty."""

    output: str
    summary: Mapping[str, Any]
    manifests: Sequence[Manifest]
    tokens: Mapping[str, Any] | None
    journal: Sequence[Mapping[str, Any]]

    @functools.cached_property
    def sources(self) -> Mapping[str, Mapping[str, Any]]:
        return self.summary.get("sources", {})

    @functools.cached_property
    def descriptions(self) -> Mapping[str, Mapping[str, Any]]:
        """What the manifests say of each stage: class, options, where."""
        found: dict[str, Mapping[str, Any]] = {}
        for manifest in self.manifests:
            found |= manifest.inputs.get("stages") or {}
        return found

    def sources_of(self, stage: str) -> set[str]:
        """The sources that go through a stage."""
        return {m.source for m in self.manifests if stage in (m.inputs.get("stages") or {}) or stage == m.begins}

    @functools.cached_property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """By reason: the column that the rule reads and its bounds (min, max, among, equals), whatever stage it is of."""
        found = self._rules("rules")  # of filters also where a manifest is from before the field
        for manifest in self.manifests:
            found |= manifest.rules
        return found

    @functools.cached_property
    def line_rules(self) -> Mapping[str, Mapping[str, Any]]:
        """The rules on lines, by `<filter>.lines.<rule>`."""
        return self._rules("line_rules")

    def _rules(self, option: str) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for described in self.descriptions.values():
            rules = (described.get("options") or {}).get(option)
            if isinstance(rules, Mapping):
                found |= {reason: rule for reason, rule in rules.items() if isinstance(rule, Mapping) and "column" in rule}
        return found

    def tallied(self, column: str) -> int:
        """A sum that the ledger keeps, over all sources: of `<filter>.lines.<rule>` the lines that it cut."""
        return sum(found.get("tallies", {}).get(column, 0) for found in self.sources.values())

    @functools.cached_property
    def stages(self) -> Sequence[str]:
        """Names of the stages in the recipe's order, then what else has rejected anything."""
        named = list(self.summary.get("stages", ()))
        return [*named, *sorted({self.stage_of(r, named) for r in self._reasons()} - set(named))]

    def _reasons(self) -> set[str]:
        return {reason for found in self.sources.values() for reason in (*found["rejected"], *found["errors"])}

    @staticmethod
    def stage_of(reason: str, stages: Sequence[str]) -> str:
        """The stage that a reason is of: `<stage>.<metric>` or `<stage>:<error>`."""
        mine = [s for s in stages if reason.startswith((f"{s}.", f"{s}:"))]
        return max(mine, key=len) if mine else reason.replace(":", ".").split(".")[0]

    @functools.cached_property
    def reasons(self) -> Sequence[str]:
        """Every reason with a document, in the order of the stages, the commonest first."""
        totals = {reason: self.total(reason) for reason in self._reasons()}
        place = {stage: at for at, stage in enumerate(self.stages)}
        return sorted(totals, key=lambda r: (place[self.stage_of(r, self.stages)], -totals[r], r))

    def total(self, reason: str) -> int:
        return sum(found["rejected"].get(reason, 0) + found["errors"].get(reason, 0) for found in self.sources.values())

    def sum(self, key: str) -> int:
        """A number of the ledger, or a group of them, over all sources."""
        values = [found.get(key, 0) for found in self.sources.values()]
        return sum(sum(v.values()) if isinstance(v, Mapping) else v for v in values)

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        return [record for record in self.journal if record.get("event") == kind]

    def at(self, path: str) -> str:
        return storage.join(self.output, path)


def read_run(output: str) -> Run:
    """Everything but the documents. Raises StorageError without a summary: such an output is not to be trusted."""
    summary = read_summary(output)
    tokens = summary["tokens"] if "tokens" in summary else _json(storage.join(output, "tokens", "manifest.json"))
    return Run(output, summary, _manifests(output), tokens, _journal(storage.join(output, "metrics.jsonl")))


def read_summary(output: str) -> dict[str, Any]:
    """The `summary.json` of an output. Raises StorageError if there is none, or none that a run has written."""
    path = storage.join(output, "summary.json")
    if not storage.exists(path):
        raise storage.StorageError(
            f"{output}: there is no summary.json; the run is not finished (run it again), or this is no output"
        )
    summary = _json(path)
    if not isinstance(summary, dict) or not isinstance(summary.get("sources"), dict):
        raise storage.StorageError(f"{path}: this is no summary of a run: run the recipe again, which writes it anew")
    return summary


def _manifests(output: str) -> list[Manifest]:
    folder = storage.join(output, "manifests")
    passes = [p for p in storage.listing(folder) if posixpath.basename(posixpath.dirname(p)).startswith("pass")]
    return sorted((m for m in map(Manifest.read, passes) if m is not None), key=lambda m: (m.number, m.key))


def _json(path: str) -> Any:
    try:
        return orjson.loads(storage.read_bytes(path)) if storage.exists(path) else None
    except ValueError:
        return None


def _journal(path: str) -> list[Mapping[str, Any]]:
    if not storage.exists(path):
        return []
    found = []
    for line in storage.read_bytes(path).splitlines():
        try:
            record = json.loads(line)  # not orjson: a loss that is not a number is written as NaN
        except ValueError:  # the line that was being written when the run was killed
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            found.append(record)
    return found


def number(value: Any) -> float | None:
    """A finite number, or None."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def bounds(rule: Mapping[str, Any]) -> str:
    """What a rule lets pass, in words."""
    if "among" in rule:
        return "in " + ", ".join(rule["among"])
    if "equals" in rule:
        return f"is {str(rule['equals']).lower()}"
    ends = [f"{word} {_plainly(rule[key])}" for key, word in (("min", "at least"), ("max", "at most")) if key in rule]
    return " and ".join(ends)


def _plainly(bound: float) -> str:
    return f"{bound:,.0f}" if float(bound).is_integer() else f"{bound:g}"


# ---------------------------------------------------------------------------------------------------- files of documents


def files_of(manifest: Manifest, kept: bool) -> Iterator[tuple[str, int]]:
    """Path and rows of what a manifest has published: documents that are kept at the end, or rejected ones."""
    written = manifest.kept if kept else manifest.rejected
    if written.rows and written.path.startswith("documents/" if kept else "rejected/"):
        yield written.path, written.rows


@contextmanager
def opened(run: Run, path: str) -> Iterator[pq.ParquetFile | None]:
    """A Parquet file of the run; None if it is gone or damaged, which is no reason to have no report."""
    with ExitStack() as held:
        try:
            file = pq.ParquetFile(held.enter_context(storage.open_input(run.at(path))))
        except (OSError, pa.ArrowInvalid):
            file = None
        yield file


def documents_at(file: pq.ParquetFile, places: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of a file, in the order of `places`; only the row groups that hold them are read, one at a time. Columns that the
    file does not have are left out."""
    names = [c for c in columns if c in file.schema_arrow.names]
    found: dict[int, dict[str, Any]] = {}
    begin = 0
    for group in range(file.num_row_groups):
        end = begin + file.metadata.row_group(group).num_rows
        mine = [p for p in places if begin <= p < end]
        if mine:
            table = file.read_row_group(group, columns=names)
            rows = table.take([p - begin for p in mine]).to_pylist()
            found |= dict(zip(mine, rows))
        begin = end
    return [found[p] for p in places]
