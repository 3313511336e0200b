"""`curator inspect`: the documents that left for a reason, or stayed in spite of it, in an order that a person can choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator.config import ConfigError
from curator.documents import Rule
from curator.engine.measuring import holds_where
from curator.errors import nearest
from curator.metrics import Asked
from curator.pipeline.finished import Run, documents_at, files_of, opened
from curator.tuning.judging import distance
from curator.tuning.stored import StoredFilter, filters_of, rules_of

Order = Literal["near", "far", "random"]
SHOWN = ("id", "source", "title", "url", "date", "language", "text", "origin", "detail")
SEARCHED = ("text", "title", "url")


class Place(NamedTuple):
    """Where a document stands, and what puts it in order: the first goes first, equals by id."""

    order: float
    id: str
    path: str
    row: int


@dataclass(frozen=True)
class Looked:
    """A document that was looked for: its number, if a number decided, and the copy that was kept, if it is a duplicate."""

    document: Mapping[str, Any]
    value: Any
    twin: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Inspected:
    """What was found. `rule` is known where the reason is a rule; `applied`, and `asked` if the rule has a metric, where it is
    one of a filter."""

    reason: str
    kept: bool
    matched: int
    documents: Sequence[Looked]
    column: str | None = None  # that the value is of
    rule: Rule | None = None
    asked: Asked | None = None
    applied: StoredFilter | None = None


@dataclass
class _Search:
    """What to look for in every file."""

    reason: str
    kept: bool
    order: Order
    limit: int
    contains: str
    column: str | None  # whose number puts documents in order
    rule: Rule | None
    where: Mapping[str, tuple[str, ...]]
    matched: int = 0
    best: list[Place] = field(default_factory=list)


def inspect(
    run: Run,
    reason: str,
    *,
    source: str | None = None,
    kept: bool = False,
    order: Order = "near",
    limit: int = 20,
    contains: str = "",
) -> Inspected:
    """Documents that were rejected for a reason, or, with `kept`, those that passed that rule and are in documents/.

    Raises ConfigError, with the nearest name, for a reason or a source that the run does not have.
    """
    applied, rule = _rule_of(run, reason)
    if rule is None and reason not in run.reasons:
        raise unknown(run, reason)
    if kept and rule is None:
        raise ConfigError("is no rule, so nothing was kept by it", reason)
    if source is not None and source not in run.sources:
        raise ConfigError(f"the run has no source {source!r}{nearest(source, run.sources)}", "--source")
    column = _told_by(run, reason, rule)
    search = _Search(reason, kept, order, limit, contains, column, rule, applied.where if applied and kept else {})
    for path in _paths(run, search, source):
        with opened(run, path) as file:
            if file is None:
                raise ConfigError("cannot be read, and the run's manifests count on it; run it again", run.at(path))
            _search_file(search, path, file)
    asked = applied.asked.get(applied.key(rule)) if applied and rule else None
    return Inspected(reason, kept, search.matched, _read(run, search), column, rule, asked, applied)


def unknown(run: Run, reason: str) -> ConfigError:
    """For a name that is no reason: the nearest one, or those that it is a part of (a stage, a rule without its filter)."""
    lines = [rule.reason for applied in filters_of(run).values() for rule in applied.line_rules]
    if reason in (*lines, *(name.replace(".lines.", ".") for name in lines)):
        share = f"{Run.stage_of(reason, run.stages)}.cut_char_ratio"
        return ConfigError(f"{reason!r} cuts lines and rejects no document; {share} is of those that lost too much", run.output)
    known = [*run.reasons, *(rule for rule in run.rules if rule not in run.reasons)]
    parts = [name for name in known if reason and f".{reason}." in f".{name}."]
    parts = [name for name in parts if name in run.reasons] or parts
    if parts:
        return ConfigError(f"name the whole of a reason: {reason!r} is a part of {', '.join(parts)}", run.output)
    near = nearest(reason, known)
    listed = f" The run's reasons: {', '.join(run.reasons)}" if run.reasons and not near.startswith(". There are") else ""
    return ConfigError(f"nothing was rejected for {reason!r}{near or '.'}{listed}", run.output)


def _rule_of(run: Run, reason: str) -> tuple[StoredFilter | None, Rule | None]:
    """The rule that a reason is of, and its filter, if it is a filter's."""
    rule = rules_of(run).get(reason)
    of = [applied for applied in filters_of(run).values() if rule in applied.rules]
    return (of[0] if of else None), rule


def _told_by(run: Run, reason: str, rule: Rule | None) -> str | None:
    """The column that says why: what the rule reads, or the size of a cluster, which says more than that it is one; for a
    reason that is no rule a stage's own number."""
    if ":" in reason:
        return None
    stage = Run.stage_of(reason, run.stages)
    if reason == f"{stage}.duplicate":
        return f"{stage}.copies"
    return rule.column if rule else reason


# ------------------------------------------------------------------------------------------------------------ searching


def _paths(run: Run, search: _Search, source: str | None) -> Iterator[str]:
    through = run.sources_of(Run.stage_of(search.reason, run.stages))
    for manifest in run.manifests:
        if (source is not None and manifest.source != source) or (search.kept and manifest.source not in through):
            continue
        left = manifest.ledger.rejected | manifest.ledger.errors
        if search.kept or left.get(search.reason):
            yield from (path for path, _ in files_of(manifest, search.kept))


def _search_file(search: _Search, path: str, file: pq.ParquetFile) -> None:
    names = file.schema_arrow.names
    column = search.column if search.column in names else None
    deciding = [search.rule.column] if search.kept and search.rule and search.rule.column in names else []
    wanted = ["id", *([column] if column else []), *deciding, *search.where, *([] if search.kept else ["reason"])]
    table = file.read(columns=[*dict.fromkeys([*wanted, *(SEARCHED if search.contains else ())])]).combine_chunks()
    batch = pa.RecordBatch.from_arrays([c.combine_chunks() for c in table.columns], names=table.column_names)
    mine = _mine(search, batch)
    if search.contains:
        found = [pc.fill_null(pc.match_substring(batch.column(c), search.contains), False) for c in SEARCHED]
        mine &= np.logical_or.reduce([each.to_numpy(zero_copy_only=False) for each in found])
    rows = np.flatnonzero(mine)
    search.matched += len(rows)
    keys = _keys(search, batch.column(column) if column else None, rows)
    ids = batch.column("id").take(pa.array(rows))
    order = pc.sort_indices(pa.table({"key": keys, "id": ids}), sort_keys=[("key", "ascending"), ("id", "ascending")])
    best = [Place(float(keys[i]), ids[i].as_py(), path, int(rows[i])) for i in order[: search.limit].to_pylist()]
    search.best = sorted([*search.best, *best])[: search.limit]


def _mine(search: _Search, batch: pa.RecordBatch) -> np.ndarray:
    if not search.kept:
        return pc.fill_null(pc.equal(batch.column("reason"), search.reason), False).to_numpy(zero_copy_only=False)
    within = holds_where(batch, search.where)
    mine = np.ones(len(batch), bool) if within is None else within.to_numpy(zero_copy_only=False)
    if search.rule and search.rule.column in batch.schema.names:
        mine = mine & search.rule.passes(batch.column(search.rule.column)).to_numpy(zero_copy_only=False)
    return mine


def _keys(search: _Search, column: pa.Array | None, rows: np.ndarray) -> np.ndarray:
    """What puts documents in order: how far the number is from its bound. What has no number goes last."""
    number = column is not None and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type))
    if column is None or not number or search.order == "random":  # then by id: ids are hashes, so any order
        return np.zeros(len(rows))
    values = pc.cast(column.take(pa.array(rows)), pa.float64()).to_numpy(zero_copy_only=False)
    far = np.abs(distance(search.rule, values)) if search.rule and _bounded(search.rule) else values
    return np.nan_to_num(far if search.order == "near" else -far, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def _bounded(rule: Rule) -> bool:
    return rule.min is not None or rule.max is not None


# -------------------------------------------------------------------------------------------------------------- reading


def _read(run: Run, search: _Search) -> list[Looked]:
    stage = Run.stage_of(search.reason, run.stages)
    cluster = f"{stage}.cluster" if search.reason == f"{stage}.duplicate" else None
    columns = [*SHOWN, *([search.column] if search.column else []), *([cluster] if cluster else [])]
    found = dict(_documents(run, [(p.path, p.row) for p in search.best], columns))
    documents = [found[place.path, place.row] for place in search.best]
    twins = _twins(run, {d[cluster] for d in documents if d.get(cluster)}) if cluster else {}
    return [
        Looked(d, d.get(search.column) if search.column else None, twins.get(d.get(cluster) or "") if cluster else None)
        for d in documents
    ]


def _documents(
    run: Run, places: Sequence[tuple[str, int]], columns: Sequence[str]
) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    for path in sorted({path for path, _ in places}):
        rows = sorted({row for p, row in places if p == path})
        with opened(run, path) as file:
            if file is not None:
                yield from (((path, row), document) for row, document in zip(rows, documents_at(file, rows, columns)))


def _twins(run: Run, ids: set[str]) -> dict[str, dict[str, Any]]:
    """The documents that were kept of clusters, which are named by their ids."""
    places: list[tuple[str, int]] = []
    for manifest in run.manifests if ids else ():
        for path, _ in files_of(manifest, kept=True):
            with opened(run, path) as file:
                if file is not None:
                    there = pc.is_in(file.read(columns=["id"]).column("id"), value_set=pa.array(sorted(ids), pa.string()))
                    places += [(path, row) for row in pc.indices_nonzero(there).to_pylist()]
    return {document["id"]: document for _, document in _documents(run, places, SHOWN)}
