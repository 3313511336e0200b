"""The inner loop: one shard through one leg of the recipe, every document accounted for.

For each batch, for each stage: add its columns, `decide`, set the rejected aside. At the end the ledger must balance, and the
manifest is written last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from curator import storage
from curator.documents import SCHEMA, TRANSIENT, Rule, Shard, Source, Split, Tally, decide
from curator.engine.manifest import Ledger, Manifest
from curator.engine.output import ShardFile

KILLED = "engine:killed_worker"  # the reason of a document that kills every process which touches it


@dataclass(frozen=True)
class Placed:
    """A stage where it stands in the recipe: its name, the documents it applies to, and what the engine calls its columns."""

    name: str
    stage: Any  # Stage or WholeDatasetStage
    columns: Mapping[str, str]  # key of the stage's `writes` -> column
    types: Mapping[str, pa.DataType]  # column -> type
    rules: Sequence[Rule] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rewrites_text(self) -> bool:
        return "text" in self.columns


@dataclass(frozen=True)
class Leg:
    """What is to be done with one split between two whole-dataset stages: everything that a worker needs to know."""

    number: int  # of the pass
    key: str
    source: str
    stages: Sequence[Placed]
    schema: pa.Schema  # of the kept file
    rejects: pa.Schema  # of the rejected file
    inputs: Mapping[str, Any]
    fingerprint: str
    output: str
    kept_path: str  # this and the following are paths below `output`, so that a finished run can be moved
    rejected_path: str
    signed_path: str
    manifest_path: str
    attempts_path: str
    split: Split | None = None  # the first leg reads raw input …
    reader: Source | None = None
    shard: Shard | None = None  # … the later ones what the leg before has kept, with the marks of the stage between
    begins: Placed | None = None
    marks_path: str = ""
    ends: Placed | None = None
    sample: float = 1.0
    rejected_text: float = 1.0
    quarantined: frozenset[str] = frozenset()  # ids of documents that kill their worker

    def at(self, path: str) -> str:
        return storage.join(self.output, path)


class Batch(NamedTuple):
    """Documents on their way, with their marks if a whole-dataset stage stands before the leg."""

    docs: pa.RecordBatch
    marks: pa.RecordBatch | None = None


def run_leg(leg: Leg) -> Manifest:
    """Take one shard through its leg and write its files and its manifest. Safe to run again at any time."""
    ledger, damage, seconds = Ledger(), [], {}
    started = time.perf_counter()
    kept = ShardFile(leg.output, leg.kept_path, leg.schema)
    rejected = ShardFile(leg.output, leg.rejected_path, leg.rejects)
    signed = ShardFile(leg.output, leg.signed_path, _signature_schema(leg.ends) if leg.ends else None)
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
        bytes_read=leg.split.size if leg.split else 0,
    )
    manifest.write(leg.at(leg.manifest_path))
    return manifest


# -------------------------------------------------------------------------------------------------------------- reading


def read(leg: Leg, ledger: Ledger, damage: list[dict[str, Any]]) -> Iterator[Batch]:
    """Batches of whole documents with their marks, counted in."""
    batches = _read_raw(leg, ledger, damage) if leg.split else _read_shard(leg)
    for batch in batches:
        ledger.documents += len(batch.docs)
        ledger.chars_in += _chars(batch.docs.column("text"))
        yield batch


def _read_raw(leg: Leg, ledger: Ledger, damage: list[dict[str, Any]]) -> Iterator[Batch]:
    assert leg.split is not None
    assert leg.reader is not None
    for piece in leg.split.pieces:
        tally, documents = Tally(), 0
        try:
            for rows in leg.reader.read(piece, tally):
                documents += len(rows)
                docs = _complete(rows, leg.source, piece.file.name)
                if leg.sample < 1:
                    wanted = _sampled(docs, leg.sample)
                    tally.skip("not_in_sample", len(docs) - len(wanted))
                    documents -= len(docs) - len(wanted)
                    docs = wanted
                yield Batch(docs)
        except OSError as error:
            tally.broken("unreadable", 0, error.strerror or str(error))
        except Exception as error:
            tally.broken("unreadable", 0, f"{type(error).__name__}: {error}")
        lost = tally.records - documents - sum(tally.skipped.values()) - sum(tally.errors.values())
        if lost == 1 and any(d["kind"] == "unreadable" for d in tally.damage):
            tally.errors["unreadable"] = tally.errors.get("unreadable", 0) + 1  # the record at which the reader gave up
        ledger.take(tally)
        damage.extend({"file": piece.file.path, **place} for place in tally.damage)


def _complete(rows: pa.RecordBatch, source: str, file: str) -> pa.RecordBatch:
    """Documents with every column of SCHEMA, from what a source gives."""
    count = len(rows)
    names = set(rows.schema.names)
    files: pa.Array = pa.repeat(pa.scalar(file), count)
    if "part" in names:
        parts = rows.column("part")
        files = pc.if_else(pc.is_valid(parts), pc.binary_join_element_wise(files, parts, "!/"), files)
    given = {
        "id": document_ids(source, files, rows.column("offset")),
        "source": pa.repeat(pa.scalar(source), count),
        "origin": pa.StructArray.from_arrays([files, rows.column("offset")], fields=list(SCHEMA.field("origin").type)),
    }
    arrays, fields = [], []
    for each in (*SCHEMA, *(f for f in TRANSIENT if f.name in names)):
        column = given.get(each.name)
        if column is None:
            column = rows.column(each.name).cast(each.type) if each.name in names else pa.nulls(count, each.type)
        arrays.append(column)
        fields.append(each)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def document_ids(source: str, files: pa.Array, offsets: pa.Array) -> pa.Array:
    """128-bit ids from the place alone: independent of text, batches, workers and of how files are cut into splits."""
    keys = zip(files.to_pylist(), offsets.to_pylist(), strict=True)
    return pa.array([xxhash.xxh3_128_hexdigest(f"{source}\0{file}\0{offset}") for file, offset in keys], pa.string())


def _sampled(docs: pa.RecordBatch, fraction: float) -> pa.RecordBatch:
    return docs.filter(pa.array([in_sample(i, fraction) for i in docs.column("id").to_pylist()], pa.bool_()))


def in_sample(document_id: str, fraction: float) -> bool:
    """A fixed `fraction` of all documents, by their id: the same ones in every run."""
    return int(document_id[:12], 16) < fraction * (1 << 48)


def _read_shard(leg: Leg) -> Iterator[Batch]:
    assert leg.shard is not None
    if not leg.shard.rows:
        return
    with storage.open_input(leg.shard.path) as stream, storage.open_input(leg.marks_path) as marks_stream:
        marks = pq.read_table(marks_stream)
        file = pq.ParquetFile(stream)
        if len(marks) != file.metadata.num_rows:
            raise RuntimeError(
                f"{leg.marks_path}: {len(marks)} marks for {file.metadata.num_rows} documents of {leg.shard.path}"
            )
        at = 0
        for group in range(file.num_row_groups):
            for docs in file.read_row_group(group).combine_chunks().to_batches():
                slice_ = marks.slice(at, len(docs)).combine_chunks().to_batches()[0]
                at += len(docs)
                yield Batch(docs, slice_)


# ------------------------------------------------------------------------------------------------------- through stages


def through(
    leg: Leg,
    batch: Batch,
    ledger: Ledger,
    seconds: dict[str, float],
    kept: ShardFile,
    rejected: ShardFile,
    signed: ShardFile,
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
    ledger.chars_kept += _chars(docs.column("text"))
    kept.write(docs)
    if signatures is not None:
        signed.write(signatures)


def _judge(
    leg: Leg, placed: Placed, call: Callable[..., Any], inputs: tuple[Any, ...], ledger: Ledger, rejected: ShardFile
) -> pa.RecordBatch:
    """Add the columns of one stage, and let the rows go that it made fail."""
    docs: pa.RecordBatch = inputs[0]
    within = _within(docs, placed.where)
    measured, failures = _measure_within(call, placed.stage.writes, inputs, within)
    before = docs.column("text")
    docs = _with_columns(docs, placed, measured, within)
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
        failed = pa.array(kinds, pa.string())
        reasons = pc.coalesce(failed, reasons)
        if placed.rewrites_text:  # the text as it was, so that the one who looks at the error sees what caused it
            text = pc.if_else(pc.is_valid(failed), before, docs.column("text"))
            docs = docs.set_column(docs.schema.get_field_index("text"), "text", text)
    if placed.rewrites_text:
        _count_rewrite(ledger, placed.name, before, docs.column("text"))
    return _leave(leg, docs, reasons, failures, ledger, rejected)


def _leave(
    leg: Leg, docs: pa.RecordBatch, reasons: pa.Array, failures: Mapping[int, str], ledger: Ledger, rejected: ShardFile
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
    leg: Leg, ends: Placed, docs: pa.RecordBatch, ledger: Ledger, rejected: ShardFile
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The documents whose signature could be made, and one row of signature for each."""
    within = _within(docs, ends.where)
    measured, failures = _measure_within(ends.stage.sign, ends.stage.signature, (docs,), within)
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


# ------------------------------------------------------------------------------------------------------------ measuring


def _within(docs: pa.RecordBatch, where: Mapping[str, tuple[str, ...]]) -> pa.Array | None:
    """Which rows a stage applies to; None is all of them."""
    mask: pa.Array | None = None
    for column, values in where.items():
        holds = pc.is_in(docs.column(column), value_set=pa.array(values, pa.string()))
        mask = holds if mask is None else pc.and_(mask, holds)
    return None if mask is None or pc.all(mask).as_py() else mask


def _measure_within(
    call: Callable[..., Mapping[str, pa.Array]],
    types: Mapping[str, pa.DataType],
    inputs: tuple[pa.RecordBatch, ...],
    within: pa.Array | None,
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """The columns of a stage for all rows, null outside `within`; and the rows on which it raised, with the message."""
    if within is None:
        return measure(call, types, inputs)
    columns, failures = measure(call, types, tuple(i.filter(within) for i in inputs))
    inside = np.flatnonzero(within.to_numpy(zero_copy_only=False))
    places = np.full(len(within), -1, np.int64)
    places[inside] = np.arange(len(inside))
    taken = pa.array(places, mask=places < 0)
    return {k: c.take(taken) for k, c in columns.items()}, {int(inside[row]): m for row, m in failures.items()}


def measure(
    call: Callable[..., Mapping[str, pa.Array]], types: Mapping[str, pa.DataType], inputs: tuple[pa.RecordBatch, ...]
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """Run a stage on a batch. If it raises, halve the batch until the rows that do it stand alone and cost only themselves."""
    count = len(inputs[0])
    if count == 0:
        return {key: pa.nulls(0, kind) for key, kind in types.items()}, {}
    try:
        return _checked(call(*inputs), types, count), {}
    except Exception as error:
        if count == 1:
            return {key: pa.nulls(1, kind) for key, kind in types.items()}, {0: f"{type(error).__name__}: {error}"}
    half = count // 2
    left, failed_left = measure(call, types, tuple(i.slice(0, half) for i in inputs))
    right, failed_right = measure(call, types, tuple(i.slice(half) for i in inputs))
    columns = {key: pa.concat_arrays([left[key], right[key]]) for key in types}
    return columns, failed_left | {row + half: message for row, message in failed_right.items()}


def _checked(columns: Mapping[str, pa.Array], types: Mapping[str, pa.DataType], count: int) -> dict[str, pa.Array]:
    if columns.keys() != types.keys():
        raise TypeError(f"the stage returned the columns {sorted(columns)}, and declares {sorted(types)}")
    for key, column in columns.items():
        if len(column) != count:
            raise TypeError(f"{key}: {len(column)} values for {count} documents")
    return {key: _combined(columns[key]).cast(kind) for key, kind in types.items()}


def _combined(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column


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


# -------------------------------------------------------------------------------------------------------------- counting


def _chars(text: pa.Array) -> int:
    return pc.sum(pc.utf8_length(text)).as_py() or 0


def _count_rewrite(ledger: Ledger, name: str, before: pa.Array, after: pa.Array) -> None:
    change = pc.subtract(pc.fill_null(pc.utf8_length(after), 0), pc.fill_null(pc.utf8_length(before), 0)).to_numpy()
    ledger.rewrite(name, added=int(change[change > 0].sum()), cut=int(-change[change < 0].sum()))
