"""Where the documents of a leg come from: raw input, or what the leg before has kept, with its marks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from curator import storage
from curator.documents import SCHEMA, TRANSIENT, Tally
from curator.engine.leg import Leg
from curator.engine.manifest import Ledger
from curator.engine.measuring import NOT_OF_A_DOCUMENT

UNREADABLE = "unreadable"  # the store or the machine failed, not the data: such a shard is read again by the next run


class Batch(NamedTuple):
    """Documents on their way, with their marks if a whole-dataset stage stands before the leg."""

    docs: pa.RecordBatch
    marks: pa.RecordBatch | None = None


def read(leg: Leg, ledger: Ledger, damage: list[dict[str, Any]]) -> Iterator[Batch]:
    """Batches of whole documents with their marks, counted in."""
    batches = _read_raw(leg, ledger, damage) if leg.split else _read_shard(leg)
    for batch in batches:
        ledger.documents += len(batch.docs)
        ledger.chars_in += chars(batch.docs.column("text"))
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
        except NOT_OF_A_DOCUMENT as error:  # also a wheel, or a store's library, that cannot be had
            _give_up(tally, documents, UNREADABLE, getattr(error, "strerror", None) or str(error) or type(error).__name__)
        except Exception as error:
            _give_up(tally, documents, "reader_failed", f"{type(error).__name__}: {error}")
        ledger.take(tally)
        damage.extend({"file": storage.readable(piece.file.path), **place} for place in tally.damage)


def _give_up(tally: Tally, documents: int, kind: str, message: str) -> None:
    """The reader came no further: what it had met by then, and given no account of, goes with the rest of the file. That is
    the record at hand, or all that a reader held back to sort or to join."""
    tally.broken(kind, 0, message)
    lost = tally.records - documents - sum(tally.skipped.values()) - sum(tally.errors.values())
    if lost > 0:
        tally.errors[kind] = tally.errors.get(kind, 0) + lost


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


def chars(text: pa.Array) -> int:
    """Characters (code points) of a column."""
    return pc.sum(pc.utf8_length(text)).as_py() or 0
