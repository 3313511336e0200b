"""From clusters to marks: the best document of a cluster in each shard, the best of those, and a mark a row.

Best is: the source that comes first in `prefer`, then the higher quality, then the longer text, then the smaller id; never
the one that was read first.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.dedup.exchange import read_batch, read_metadata, write_batches
from curator.dedup.plan import Plan

MARKS = pa.schema([("keep", pa.bool_()), ("cluster", pa.string()), ("copies", pa.int32())])
_CANDIDATES = pa.schema(
    [
        ("root", pa.int64()),
        ("row", pa.uint32()),
        ("members", pa.int64()),
        ("priority", pa.int32()),
        ("quality", pa.float64()),
        ("length", pa.int32()),
        ("id", pa.large_string()),  # of all shards together they can exceed 2 GB
        ("source", pa.string()),
    ]
)
_CHOSEN = pa.schema([("survives", pa.bool_()), ("cluster", pa.string()), ("copies", pa.int32())])
_BEST_FIRST = [
    ("root", "ascending"),
    ("priority", "ascending"),
    ("quality", "descending"),
    ("length", "descending"),
    ("id", "ascending"),
]


def choose_candidates(plan: Plan, index: int) -> None:
    """The best document that one shard has of each cluster, sorted by cluster, with the number of its members in this shard."""
    members = read_batch(plan.path("components"), index)
    names = ["id", "source", "length", *(["quality"] if plan.quality else [])]
    with storage.open_input(plan.shards[index].path) as stream:
        table = pq.read_table(stream, columns=names)
    rows = members.column("row")
    table_of_members = table.take(rows)
    quality = table_of_members.column("quality").cast(pa.float64()) if plan.quality else pa.repeat(-np.inf, len(rows))
    sources = table_of_members.column("source")
    ranked = pa.table(
        {
            "root": members.column("root"),
            "row": rows,
            "priority": _priority(sources, plan.prefer),
            "quality": pc.if_else(pc.fill_null(pc.is_nan(quality), True), -np.inf, quality),  # not measured is worst
            "length": table_of_members.column("length"),
            "id": table_of_members.column("id"),
            "source": sources,
        }
    ).sort_by(_BEST_FIRST)
    roots = ranked.column("root").to_numpy()
    starts = _starts(roots)
    best = ranked.take(pa.array(starts))
    counts = np.diff(np.append(starts, len(roots)))
    chosen = best.append_column("members", pa.array(counts)).select(_CANDIDATES.names).cast(_CANDIDATES).combine_chunks()
    sizes = {
        "documents": _count(table.column("source")),
        "signed": _count(table.column("source").filter(table.column("length").is_valid())),
        "members": _count(sources),
    }
    schema = _CANDIDATES.with_metadata({"counts": json.dumps(sizes, sort_keys=True)})
    batch = chosen.to_batches()[0] if len(chosen) else pa.RecordBatch.from_pylist([], schema=_CANDIDATES)
    write_batches(plan.path("candidates", index), schema, [batch.replace_schema_metadata(schema.metadata)])


def _priority(sources: pa.ChunkedArray, prefer: tuple[str, ...]) -> pa.Array:
    others = prefer.index("*") if "*" in prefer else len(prefer)
    place = pc.index_in(sources, value_set=pa.array(prefer, pa.string()))
    return pc.if_else(pc.equal(sources, "*"), others, pc.fill_null(place, others)).cast(pa.int32())


def choose_survivors(plan: Plan, _: int) -> None:
    """The survivor of every cluster, told to each shard that has members of it: a batch for each shard, aligned with its
    candidates. One process does it, in about 150 bytes of memory a candidate."""
    batches, counts = [], []
    for index in range(len(plan.shards)):
        path = plan.path("candidates", index)
        batches.append(read_batch(path, 0).replace_schema_metadata(None))
        counts.append(json.loads(read_metadata(path)[b"counts"]))
    table = pa.Table.from_batches(batches, _CANDIDATES)
    order = pc.sort_indices(table, _BEST_FIRST)
    roots = table.column("root").take(order).to_numpy()
    starts = _starts(roots)
    copies = np.add.reduceat(table.column("members").take(order).to_numpy(), starts) if len(starts) else np.zeros(0, np.int64)
    winners = order.take(pa.array(starts))

    cluster_of_sorted = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(roots))))
    cluster = np.empty(len(roots), np.int64)
    cluster[order.to_numpy()] = cluster_of_sorted
    survives = np.zeros(len(roots), bool)
    survives[winners.to_numpy()] = True
    ids = table.column("id").take(winners).combine_chunks()
    summary = _summary(counts, copies, ids, table.column("source").take(winners))
    schema = _CHOSEN.with_metadata({"summary": json.dumps(summary, sort_keys=True)})

    def told():
        start = 0
        for batch in batches:
            here = cluster[start : start + len(batch)]
            yield pa.record_batch(
                [
                    pa.array(survives[start : start + len(batch)]),
                    ids.take(pa.array(here)).cast(pa.string()),
                    pa.array(copies[here].astype(np.int32)),
                ],
                schema=schema,
            )
            start += len(batch)

    write_batches(plan.path("survivors"), schema, told())


def _summary(counts: list[dict], copies: np.ndarray, ids: pa.LargeStringArray, sources: pa.ChunkedArray) -> dict:
    """What was found, with the share that every source loses: a cluster or a share that is not plausible shows here."""
    totals = {kind: _added(part[kind] for part in counts) for kind in ("documents", "signed", "members")}
    kept = _count(sources)
    by_source = {}
    for source, signed in totals["signed"].items():
        duplicates = totals["members"].get(source, 0) - kept.get(source, 0)
        by_source[source] = {"signed": signed, "duplicates": duplicates, "share": duplicates / signed}
    largest = {"copies": 0, "cluster": None}
    if len(copies):
        most = int(copies.max())
        largest = {"copies": most, "cluster": min(ids.filter(pa.array(copies == most)).to_pylist())}
    return {
        "documents": sum(totals["documents"].values()),
        "signed": sum(totals["signed"].values()),
        "clusters": len(copies),
        "duplicates": int(copies.sum()) - len(copies),
        "largest": largest,
        "sizes": {f"{1 << k}-{(2 << k) - 1}": n for k, n in enumerate(np.bincount(np.frexp(copies)[1] - 1).tolist()) if n},
        "sources": by_source,
    }


def write_marks(plan: Plan, index: int) -> None:
    """One shard's marks: `keep`, `cluster` (id of the survivor; null for a document alone) and `copies` (1 for one alone)."""
    shard = plan.shards[index]
    members = read_batch(plan.path("components"), index)
    candidates = read_batch(plan.path("candidates", index), 0)
    chosen = read_batch(plan.path("survivors"), index)
    rows = members.column("row").to_numpy()
    place = np.searchsorted(candidates.column("root").to_numpy(), members.column("root").to_numpy())

    keep = np.ones(shard.rows, bool)
    keep[rows] = False
    keep[candidates.column("row").filter(chosen.column("survives")).to_numpy()] = True
    copies = np.ones(shard.rows, np.int32)
    copies[rows] = chosen.column("copies").to_numpy()[place]
    where = np.full(shard.rows, -1)
    where[rows] = place
    cluster = chosen.column("cluster").take(pa.array(where, mask=where < 0))
    marks = pa.table([pa.array(keep), cluster, pa.array(copies)], schema=MARKS)
    with storage.create(plan.path("marks", index)) as stream:
        pq.write_table(marks, stream, compression="zstd")


def _starts(ascending: np.ndarray) -> np.ndarray:
    new = np.ones(len(ascending), bool)
    new[1:] = ascending[1:] != ascending[:-1]
    return np.flatnonzero(new)


def _count(values: pa.ChunkedArray) -> dict[str, int]:
    counted = pc.value_counts(values).to_pylist()
    return {item["values"]: item["counts"] for item in counted}


def _added(parts) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return dict(sorted(total.items()))
