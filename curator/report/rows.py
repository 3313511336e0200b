"""A bounded look into the Parquet files of a run: columns of an even sample of rows, and documents to show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator.pipeline.finished import Run, documents_at, files_of, number, opened

T = TypeVar("T")

MOST_ROWS = 20_000  # of each source, kept and rejected apart
MOST_FILES = 32
SHOWN = ("id", "source", "title", "url", "text", "language", "origin")


@dataclass(frozen=True)
class Rows:
    """Columns of some of a run's documents. `weight` is how many documents each row stands for."""

    table: pa.Table
    total: int  # documents that there are

    @property
    def complete(self) -> bool:
        return len(self.table) == self.total

    def column(self, name: str) -> pa.ChunkedArray:
        return self.table.column(name) if name in self.table.schema.names else pa.chunked_array([pa.nulls(len(self.table))])

    def numbers(self, name: str) -> np.ndarray:
        """A column as floats, NaN where there is nothing (a stage did not look at the document)."""
        column = self.column(name)
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            return np.full(len(self.table), np.nan)
        return pc.cast(column, pa.float64()).to_numpy()

    @property
    def weights(self) -> np.ndarray:
        return self.table.column("weight").to_numpy()

    def filtered(self, within: np.ndarray) -> Rows:
        return Rows(self.table.filter(pa.array(within, pa.bool_())), self.total)

    def counts(self, name: str) -> dict[str, int]:
        """How many documents have each value of a column; the commonest first."""
        column = self.column(name)
        if pa.types.is_null(column.type):
            return {}
        values = pc.fill_null(pc.cast(column, pa.string()), "none")
        summed = (
            pa.table({"value": values, "weight": self.table.column("weight")}).group_by("value").aggregate([("weight", "sum")])
        )
        rows = sorted(summed.to_pylist(), key=lambda r: (-r["weight_sum"], r["value"]))
        return {row["value"]: round(row["weight_sum"]) for row in rows}


def sampled(run: Run, kept: bool, columns: Sequence[str]) -> Rows:
    """The columns of kept or of rejected documents, of every source; all rows where there are not more than MOST_ROWS."""
    tables: list[pa.Table] = []
    total = 0
    for source in run.sources:
        written = [(path, rows) for m in run.manifests if m.source == source for path, rows in files_of(m, kept)]
        there = sum(rows for _, rows in written)
        found = list(_read_some(run, written, columns))
        if found:
            table = pa.concat_tables(found, promote_options="permissive")
            tables.append(table.append_column("weight", pa.repeat(there / max(1, len(table)), len(table))))
            total += there
    if not tables:
        return Rows(pa.table({"weight": pa.array([], pa.float64())}), 0)
    return Rows(pa.concat_tables(tables, promote_options="permissive"), total)


def _read_some(run: Run, written: Sequence[tuple[str, int]], columns: Sequence[str]) -> Iterator[pa.Table]:
    """The same share of the rows of every file, from row groups spread over it."""
    chosen = evenly(written, MOST_FILES)
    fraction = min(1.0, MOST_ROWS / max(1, sum(rows for _, rows in chosen)))
    for path, rows in chosen:
        with opened(run, path) as file:
            if file is None:
                continue
            wanted = math.ceil(rows * fraction)
            groups = evenly(range(file.num_row_groups), max(1, math.ceil(file.num_row_groups * fraction)))
            names = [c for c in dict.fromkeys(columns) if c in file.schema_arrow.names]
            yield file.read_row_groups(list(groups), columns=names).slice(0, wanted)


def evenly(items: Sequence[T], most: int) -> Sequence[T]:
    return [items[at * len(items) // most] for at in range(most)] if len(items) > most else items


# ------------------------------------------------------------------------------------------------------------ documents


@dataclass(frozen=True)
class Sample:
    """A document to look at, and why it left."""

    document: Mapping[str, Any]
    values: Mapping[str, Any]  # of the columns that say why


def rejected_samples(run: Run, most: int) -> dict[str, list[Sample]]:
    """For every reason up to `most` documents: nearest to the bound, middling and furthest from it where it is a number."""
    wanted: dict[str, dict[str, int]] = {}  # by file: reason -> how many
    for reason in run.reasons:
        paths = [
            path
            for m in run.manifests
            for path, _ in files_of(m, kept=False)
            if m.ledger.rejected.get(reason) or m.ledger.errors.get(reason)
        ]
        chosen = evenly(paths, most)
        for place, path in enumerate(chosen):
            wanted.setdefault(path, {})[reason] = (most - place - 1) // len(chosen) + 1
    found: dict[str, list[Sample]] = {}
    for path, reasons in sorted(wanted.items()):
        with opened(run, path) as file:
            if file is not None:
                for reason, samples in _of_file(run, file, reasons).items():
                    found.setdefault(reason, []).extend(samples)
    return {reason: samples[:most] for reason, samples in found.items()}


def kept_samples(run: Run, most: int) -> dict[str, list[Sample]]:
    """For every source up to `most` of the kept documents, those whose ids come first: ids are hashes, so they are any."""
    found: dict[str, list[Sample]] = {}
    for source in run.sources:
        paths = evenly([path for m in run.manifests if m.source == source for path, _ in files_of(m, kept=True)], most)
        for place, path in enumerate(paths):
            with opened(run, path) as file:
                if file is not None:
                    ids = file.read(columns=["id"]).column("id").to_pylist()
                    places = sorted(range(len(ids)), key=ids.__getitem__)[: (most - place - 1) // len(paths) + 1]
                    found.setdefault(source, []).extend(Sample(d, {}) for d in documents_at(file, places, SHOWN))
    return found


def _of_file(run: Run, file: pq.ParquetFile, reasons: Mapping[str, int]) -> dict[str, list[Sample]]:
    names = file.schema_arrow.names
    deciding = {reason: [c for c in _deciding(run, reason) if c in names] for reason in reasons}
    columns = ["id", "reason", *dict.fromkeys(c for found in deciding.values() for c in found)]
    table = file.read(columns=columns)
    places: dict[str, list[int]] = {}
    for reason, most in reasons.items():
        rows = pc.indices_nonzero(pc.equal(table.column("reason"), reason))
        values = table.column(deciding[reason][0]).take(rows).to_pylist() if deciding[reason] else [None] * len(rows)
        far = [_distance(run.rules.get(reason, {}), number(value)) for value in values]
        ids = table.column("id").take(rows).to_pylist()
        order = sorted(range(len(rows)), key=lambda r: (far[r], ids[r]))
        picked = [order[at * (len(order) - 1) // max(1, most - 1)] for at in range(min(most, len(order)))]
        places[reason] = [rows[r].as_py() for r in dict.fromkeys(picked)]
    every = sorted({row for found in places.values() for row in found})
    documents = dict(zip(every, documents_at(file, every, [*SHOWN, *columns[2:], "detail"])))
    return {
        reason: [Sample(documents[row], {c: documents[row].get(c) for c in [*deciding[reason], "detail"]}) for row in rows]
        for reason, rows in places.items()
    }


def _distance(rule: Mapping[str, Any], value: float | None) -> float:
    """How far a number is beyond the bound; without a bound, the number itself."""
    if value is None:
        return math.inf
    if "min" in rule and value < rule["min"]:
        return rule["min"] - value
    return value - rule.get("max", 0.0)


def _deciding(run: Run, reason: str) -> list[str]:
    """The columns that say why a document left with this reason; the first one puts them in order."""
    stage = run.stage_of(reason, run.stages)
    if reason == f"{stage}.duplicate":
        return [f"{stage}.copies", f"{stage}.cluster"]
    if rule := run.rules.get(reason):
        return [rule["column"]]
    return [] if ":" in reason else [reason]
