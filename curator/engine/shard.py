"""The inner loop: one shard through one leg of the recipe, every document accounted for.

For each batch, for each stage: add its columns, `decide`, set the rejected aside. At the end the ledger must balance, and the
manifest is written last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator.documents import SCHEMA, decide
from curator.engine.leg import Leg, Placed
from curator.engine.manifest import Ledger, Manifest
from curator.engine.measuring import holds_where, measure_within
from curator.engine.output import ShardFile
from curator.engine.reading import Batch, chars, in_sample, read

KILLED = "engine:killed_worker"  # the reason of a document that kills every process which touches it


class Sink(Protocol):
    """Where rows go: a `ShardFile`, or nowhere, in a trial."""

    def write(self, batch: pa.RecordBatch) -> None: ...


def run_leg(leg: Leg) -> Manifest:
    """Take one shard through its leg and write its files and its manifest. Safe to run again at any time."""
    ledger, damage, seconds = Ledger(), [], {}
    started = time.perf_counter()
    kept = ShardFile(leg.output, leg.kept_path, leg.schema)
    rejected = ShardFile(leg.output, leg.rejected_path, leg.rejects)
    signed = ShardFile(leg.output, leg.signed_path, _signature_schema(leg.ends) if leg.ends else None, ordered=True)
    with kept, rejected, signed:
        for batch in read(leg, ledger, damage):
            through(leg, batch, ledger, seconds, kept, rejected, signed)
    ledger.check(reads_raw=leg.split is not None)
    seconds["read"] = time.perf_counter() - started - sum(seconds.values())
    manifest = Manifest(
        key=leg.key,
        source=leg.source,
        number=leg.number,
        fingerprint=leg.fingerprint,
        inputs=dict(leg.inputs),
        kept=kept.written,
        rejected=rejected.written,
        signed=signed.written,
        ledger=ledger,
        damage=damage,
        quarantined=sorted(leg.quarantined),
        seconds={name: round(spent, 4) for name, spent in seconds.items()},
        rules={rule.reason: rule.bounds for rule in leg.rules},
        bytes_read=leg.split.size if leg.split else 0,
    )
    manifest.write(leg.at(leg.manifest_path))
    return manifest


def through(
    leg: Leg,
    batch: Batch,
    ledger: Ledger,
    seconds: dict[str, float],
    kept: Sink,
    rejected: Sink,
    signed: Sink,
) -> None:
    """One batch through every stage of the leg; each row ends in exactly one of the files."""
    docs = batch.docs
    if leg.quarantined:
        reasons = pc.if_else(
            pc.is_in(docs.column("id"), pa.array(sorted(leg.quarantined))), KILLED, pa.scalar(None, pa.string())
        )
        docs = _leave(leg, docs, reasons, {}, ledger, rejected)
        marks = None if batch.marks is None else batch.marks.filter(pc.is_null(reasons))
        batch = Batch(docs, marks)
    places = [leg.begins, *leg.stages] if leg.begins else leg.stages
    for placed in places:
        if not len(docs):
            return
        started = time.perf_counter()
        call = placed.stage if placed is not leg.begins else placed.stage.apply
        inputs = (docs,) if placed is not leg.begins else (docs, batch.marks)
        docs = _judge(leg, placed, call, inputs, ledger, rejected)
        seconds[placed.name] = seconds.get(placed.name, 0.0) + time.perf_counter() - started
    signatures = None
    if leg.ends and len(docs):
        started = time.perf_counter()
        docs, signatures = _sign(leg, leg.ends, docs, ledger, rejected)
        seconds[leg.ends.name] = seconds.get(leg.ends.name, 0.0) + time.perf_counter() - started
    ledger.kept += len(docs)
    ledger.chars_kept += chars(docs.column("text"))
    kept.write(docs)
    if signatures is not None:
        signed.write(signatures)


def _judge(
    leg: Leg, placed: Placed, call: Callable[..., Any], inputs: tuple[Any, ...], ledger: Ledger, rejected: Sink
) -> pa.RecordBatch:
    """Add the columns of one stage, and let the rows go that it made fail."""
    docs: pa.RecordBatch = inputs[0]
    within = holds_where(docs, placed.where)
    measured, failures = measure_within(call, placed.stage.writes, inputs, within)
    before = docs.column("text")
    docs = _with_columns(docs, placed, measured, _measured(within, failures, len(docs)))
    reasons = decide(docs, placed.rules, within)
    if placed.rewrites_text:
        missing = pc.is_null(docs.column("text"))
        if within is not None:
            missing = pc.and_(missing, within)
        reasons = pc.if_else(missing, pa.scalar(f"{placed.name}.text"), reasons)
    if failures:
        kinds: list[str | None] = [None] * len(docs)
        for row, message in failures.items():
            kinds[row] = f"{placed.name}:{message.split(':')[0]}"
        reasons = pc.coalesce(pa.array(kinds, pa.string()), reasons)
    if placed.rewrites_text:  # a rejected document keeps the text that it came with, for the one who looks at what was rejected
        text = pc.if_else(pc.is_valid(reasons), before, docs.column("text"))
        docs = docs.set_column(docs.schema.get_field_index("text"), "text", text)
        _count_rewrite(ledger, placed.name, before, docs.column("text"))
    if placed.watched:
        _count_varieties(ledger, placed, docs, within, reasons)
    for key in getattr(placed.stage, "tallies", ()):
        column = placed.columns[key]
        passed = pc.if_else(pc.is_valid(reasons), 0, docs.column(column))
        ledger.tally(column, pc.sum(passed, min_count=0).as_py())
    return _leave(leg, docs, reasons, failures, ledger, rejected)


def _leave(
    leg: Leg, docs: pa.RecordBatch, reasons: pa.Array, failures: Mapping[int, str], ledger: Ledger, rejected: Sink
) -> pa.RecordBatch:
    """Set the rows with a reason aside, counted and kept in the rejected file; return the others."""
    if reasons.null_count == len(docs):
        return docs
    gone = pc.is_valid(reasons)
    details = pa.array([failures.get(row) for row in range(len(docs))], pa.string()).filter(gone)
    leaving, reasons = docs.filter(gone), reasons.filter(gone)
    text = leaving.column("text")
    lengths = pc.fill_null(pc.utf8_length(text), 0)
    for reason in pc.unique(reasons).to_pylist():
        chars = pc.sum(pc.if_else(pc.equal(reasons, reason), lengths, 0)).as_py()
        count = pc.sum(pc.equal(reasons, reason)).as_py()
        ledger.reject(reason, count, chars, error=":" in reason)
    if leg.rejected_text < 1:
        keep_text = pa.array([in_sample(i, leg.rejected_text) for i in leaving.column("id").to_pylist()], pa.bool_())
        text = pc.if_else(keep_text, text, pa.scalar(None, pa.string()))
        leaving = leaving.set_column(leaving.schema.get_field_index("text"), "text", text)
    rejected.write(leaving.append_column("reason", reasons).append_column("detail", details))
    return docs.filter(pc.invert(gone))


def _sign(
    leg: Leg, ends: Placed, docs: pa.RecordBatch, ledger: Ledger, rejected: Sink
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The documents whose signature could be made, and one row of signature for each."""
    within = holds_where(docs, ends.where)
    measured, failures = measure_within(ends.stage.sign, ends.stage.signature, (docs,), within)
    signatures = docs.select(["id", "source"])
    for name, column in measured.items():
        signatures = signatures.append_column(name, column)
    if not failures:
        return docs, signatures
    kinds = pa.array(
        [f"{ends.name}:{failures[row].split(':')[0]}" if row in failures else None for row in range(len(docs))], pa.string()
    )
    return _leave(leg, docs, kinds, failures, ledger, rejected), signatures.filter(pc.is_null(kinds))


def _signature_schema(ends: Placed) -> pa.Schema:
    return pa.schema([SCHEMA.field("id"), SCHEMA.field("source"), *((k, t) for k, t in ends.stage.signature.items())])


def _measured(within: pa.Array | None, failures: Mapping[int, str], count: int) -> pa.Array | None:
    """The rows that a stage has measured: a document on which it raised keeps the columns that it came with."""
    if not failures:
        return within
    sound = np.ones(count, np.bool_)
    sound[list(failures)] = False
    return pa.array(sound) if within is None else pc.and_(within, pa.array(sound))


def _with_columns(
    docs: pa.RecordBatch, placed: Placed, measured: Mapping[str, pa.Array], within: pa.Array | None
) -> pa.RecordBatch:
    for key, column in measured.items():
        name = placed.columns[key]
        place = docs.schema.get_field_index(name)
        if place < 0:
            docs = docs.append_column(name, column)
        else:
            column = column if within is None else pc.if_else(within, column, docs.column(name))
            docs = docs.set_column(place, docs.schema.field(name), column)
    return docs


def _count_varieties(ledger: Ledger, placed: Placed, docs: pa.RecordBatch, within: pa.Array | None, reasons: pa.Array) -> None:
    """How many documents of each language and script came to rules on scores, and how many of them they rejected."""
    named = [
        pc.if_else(pc.match_substring_regex(docs.column(name), pattern), docs.column(name), "other")
        for name, pattern in (("language", r"^[a-z]{2,3}$"), ("script", r"^[A-Z][a-z]{3}$|^mixed$"))
    ]  # codes alone: a field of raw data that says anything at all must not grow the ledger
    varieties = pc.binary_join_element_wise(*(pc.fill_null(column, "none") for column in named), " ")
    judged = varieties if within is None else varieties.filter(within)
    for found in judged.value_counts().to_pylist():
        ledger.judge(placed.name, found["values"], found["counts"])
    for reason in placed.watched:
        for found in varieties.filter(pc.fill_null(pc.equal(reasons, reason), False)).value_counts().to_pylist():
            ledger.turn_away(reason, found["values"], found["counts"])


def _count_rewrite(ledger: Ledger, name: str, before: pa.Array, after: pa.Array) -> None:
    change = pc.subtract(pc.fill_null(pc.utf8_length(after), 0), pc.fill_null(pc.utf8_length(before), 0)).to_numpy()
    ledger.rewrite(name, added=int(change[change > 0].sum()), cut=int(-change[change < 0].sum()))
