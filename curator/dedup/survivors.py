"""From clusters to marks: the best document of a cluster in each group, the best of those, and a mark a row.

Best is: a document that an earlier run has published, then the source that comes first in `prefer`, then the higher quality,
then the longer text, then the smaller id; never the one that was read first. What belongs together is told by a *key*: the
mixed number of the cluster's root, or, in a cluster of more than `largest` documents, that of the root and the text.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.dedup.buckets import REPEAT
from curator.dedup.clusters import mixed
from curator.dedup.exchange import by_range, read_batch, read_span, write_batches, write_spans
from curator.dedup.keys import exact_hashes, signatures
from curator.dedup.plan import BYTES_A_CANDIDATE, Group, Plan, counted, make_missing, names_there
from curator.dedup.rounds import labels_of
from curator.documents import Executor

MARKS = pa.schema([("keep", pa.bool_()), ("cluster", pa.string()), ("copies", pa.int32())])
EARLIER = -1  # the priority of what an earlier run has published
_CANDIDATES = pa.schema(
    [
        ("key", pa.uint64()),
        ("row", pa.uint32()),
        ("members", pa.int64()),
        ("priority", pa.int32()),
        ("quality", pa.float64()),
        ("length", pa.int32()),
        ("id", pa.large_string()),  # of all groups together they can exceed 2 GB
    ]
)
_CHOSEN = pa.schema([("survives", pa.bool_()), ("priority", pa.int32()), ("cluster", pa.string()), ("copies", pa.int32())])
_BEST_FIRST = [
    ("key", "ascending"),
    ("priority", "ascending"),
    ("quality", "descending"),
    ("length", "descending"),
    ("id", "ascending"),
]


def mark_all(plan: Plan, labels: int, executor: Executor) -> int:
    """Every mark of every shard of this run. Returns into how many parts the keys were cut."""
    most = sum(counted(plan, "repeats", plan.own, "rows")) + sum(counted(plan, "components", labels, "rows"))
    parts = 1
    while parts * plan.most(BYTES_A_CANDIDATE) < most:
        parts *= 2

    def have(kind: str, count: int, make: Callable[..., None]) -> None:
        make_missing(plan, kind, count, functools.partial(make, labels=labels, parts=parts), executor)

    if plan.options.largest is not None:
        have("totals", len(plan.groups), count_members)
        have("giants", parts, find_giants)
    have("candidates", len(plan.groups), choose_candidates)
    have("survivors", parts, choose_survivors)
    there, marked = names_there(plan.folder, "tallies"), names_there(plan.folder, "marks")
    missing = [
        index
        for index in range(plan.own)
        if plan.name("tallies", index) not in there
        or any(plan.name("marks", place) not in marked for place in plan.groups[index].shards)
    ]
    for _ in executor.map(functools.partial(write_marks, plan, labels=labels, parts=parts), missing):
        pass
    return parts


def members_of(plan: Plan, index: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a group, ascending, that are in a cluster, and the mixed roots of their clusters."""
    group = plan.groups[index]
    rows, roots = labels_of(plan, labels, index)
    if group.earlier:
        return rows, roots
    moved, stands = read_span(plan.path("repeats", index), 0, REPEAT)
    first = np.arange(group.rows)  # of the documents that were joined inside the group
    first[moved] = stands
    known = np.zeros(group.rows, bool)
    known[stands] = True
    root = np.zeros(group.rows, np.uint64)
    root[stands] = mixed(stands.astype(np.int64) + group.first)
    known[rows] = True
    root[rows] = roots
    found = np.flatnonzero(known[first])
    return found, root[first[found]]


# ------------------------------------------------------------------------------------------------- clusters too large


def count_members(plan: Plan, index: int, labels: int, parts: int) -> None:
    """How many documents one group has of each cluster."""
    keys, counts = np.unique(members_of(plan, index, labels)[1], return_counts=True)
    write_spans(plan.path("totals", index), [keys, counts.astype(np.int64)], by_range(keys, parts))


def find_giants(plan: Plan, part: int, labels: int, parts: int) -> None:
    """The clusters of more than `largest` documents."""
    spans = [read_span(plan.path("totals", index), part, (np.uint64, np.int64)) for index in range(len(plan.groups))]
    found, counts = (np.concatenate(column) for column in zip(*spans, strict=True))
    keys, where = np.unique(found, return_inverse=True)
    totals = np.zeros(len(keys), np.int64)
    np.add.at(totals, where, counts)
    giants = keys[totals > (plan.options.largest or 0)]
    write_spans(plan.path("giants", part), [giants], [(0, len(giants))], {"clusters": len(giants)})


def _keys(plan: Plan, roots: np.ndarray, exact: pa.Array | None, parts: int) -> np.ndarray:
    if exact is None or not len(roots):
        return roots
    giants = np.concatenate([read_span(plan.path("giants", part), 0, (np.uint64,))[0] for part in range(parts)])
    return np.where(np.isin(roots, giants), roots ^ exact_hashes(exact)[:, 0], roots)


# ---------------------------------------------------------------------------------------------------------- the best


def choose_candidates(plan: Plan, index: int, labels: int, parts: int) -> None:
    """The best document that one group has of each key, sorted by key, with the number of its members in this group."""
    rows, roots = members_of(plan, index, labels)
    table = _described(plan, plan.groups[index], rows)
    ranked = table.append_column("key", pa.array(_keys(plan, roots, _exact(plan, table), parts))).sort_by(_BEST_FIRST)
    keys = ranked.column("key").to_numpy()
    starts = _starts(keys)
    best = ranked.take(pa.array(starts))
    members = np.diff(np.append(starts, len(keys)))
    chosen = best.append_column("members", pa.array(members)).select(_CANDIDATES.names).cast(_CANDIDATES).combine_chunks()
    batch = chosen.to_batches()[0] if len(chosen) else pa.RecordBatch.from_pylist([], schema=_CANDIDATES)
    spans = by_range(keys[starts], parts)
    write_batches(plan.path("candidates", index), _CANDIDATES, (batch.slice(i, j - i) for i, j in spans))


def _exact(plan: Plan, table: pa.Table) -> pa.Array | None:
    return table.column("exact").combine_chunks() if plan.options.largest is not None else None


def _described(plan: Plan, group: Group, rows: np.ndarray) -> pa.Table:
    """What rows of a group are judged by."""
    giants = ["exact"] if plan.options.largest is not None else []
    if group.earlier:
        with storage.open_input(group.earlier) as stream:
            table = pq.read_table(stream, columns=["id", *giants]).take(pa.array(rows))
        sources, length = None, pa.array(np.zeros(len(rows), np.int32))
    else:
        names = ["id", "source", "length", *(["quality"] if plan.options.quality else []), *giants]
        table = signatures(plan, group, names, rows)
        sources, length = table.column("source"), table.column("length")
    quality = table.column("quality").cast(pa.float64()) if "quality" in table.column_names else pa.repeat(-np.inf, len(rows))
    first = pa.array(np.full(len(rows), EARLIER, np.int32))
    found = {
        "row": pa.array(rows),
        "priority": first if sources is None else _priority(sources, plan.options.prefer),
        "quality": pc.if_else(pc.fill_null(pc.is_nan(quality), True), -np.inf, quality),  # not measured is worst
        "length": length,
        "id": table.column("id"),
    }
    return pa.table(found | ({"exact": table.column("exact")} if giants else {}))


def _priority(sources: pa.ChunkedArray, prefer: tuple[str, ...]) -> pa.Array:
    others = prefer.index("*") if "*" in prefer else len(prefer)
    place = pc.index_in(sources, value_set=pa.array(prefer, pa.string()))
    return pc.if_else(pc.equal(sources, "*"), others, pc.fill_null(place, others)).cast(pa.int32())


def choose_survivors(plan: Plan, part: int, labels: int, parts: int) -> None:
    """The best document of every key, told to the groups that have members of it: a batch each, aligned with its candidates."""
    batches = [read_batch(plan.path("candidates", index), part) for index in range(len(plan.groups))]
    table = pa.Table.from_batches(batches, _CANDIDATES)
    order = pc.sort_indices(table, _BEST_FIRST)
    keys = table.column("key").take(order).to_numpy()
    starts = _starts(keys)
    copies = np.add.reduceat(table.column("members").take(order).to_numpy(), starts) if len(starts) else np.zeros(0, np.int64)
    winners = order.take(pa.array(starts))
    cluster = np.empty(len(keys), np.int64)
    cluster[order.to_numpy()] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(keys))))
    survives = np.zeros(len(keys), bool)
    survives[winners.to_numpy()] = True
    ids = table.column("id").take(winners).combine_chunks()
    priorities = table.column("priority").take(winners).combine_chunks()
    told = _clusters(copies, ids, priorities.to_numpy())
    schema = _CHOSEN.with_metadata({"clusters": json.dumps(told)})

    def answers() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in batches:
            stop = start + len(batch)
            here = pa.array(cluster[start:stop])
            names = ids.take(here).cast(pa.string())
            sizes = pa.array(copies[cluster[start:stop]].astype(np.int32))
            columns = [pa.array(survives[start:stop]), priorities.take(here), names, sizes]
            yield pa.record_batch(columns, schema=schema)
            start = stop

    write_batches(plan.path("survivors", part), schema, answers())


def _clusters(copies: np.ndarray, ids: pa.LargeStringArray, priorities: np.ndarray) -> dict:
    """What is told of clusters; one that fell to pieces may leave a document alone, which is none."""
    real = copies > 1
    largest = {"copies": 0, "cluster": None}
    if real.any():
        most = int(copies.max())
        largest = {"copies": most, "cluster": min(ids.filter(pa.array(copies == most)).to_pylist())}
    sizes = np.bincount(np.frexp(copies[real])[1] - 1).tolist()
    earlier = int((real & (priorities == EARLIER)).sum())
    return {"clusters": int(real.sum()), "earlier": earlier, "largest": largest, "sizes": sizes}


# --------------------------------------------------------------------------------------------------------------- marks


def write_marks(plan: Plan, index: int, labels: int, parts: int) -> None:
    """One group's marks, a file a shard: `keep`, `cluster` (id of the best document; null for a document alone) and `copies`
    (1 for one alone). And its tallies, by source."""
    group = plan.groups[index]
    rows, roots = members_of(plan, index, labels)
    candidates = pa.Table.from_batches([read_batch(plan.path("candidates", index), part) for part in range(parts)])
    chosen = pa.Table.from_batches([read_batch(plan.path("survivors", part), index) for part in range(parts)])
    described = _described(plan, group, rows) if plan.options.largest is not None or plan.options.keeps == "source" else None
    keys = _keys(plan, roots, _exact(plan, described) if described is not None else None, parts)
    place = np.searchsorted(candidates.column("key").to_numpy(), keys)

    keep = np.ones(group.rows, bool)
    if plan.options.keeps == "source" and described is not None:
        keep[rows] = described.column("priority").to_numpy() == chosen.column("priority").to_numpy()[place]
    else:
        keep[rows] = False
        keep[candidates.column("row").filter(chosen.column("survives")).to_numpy()] = True
    copies = np.ones(group.rows, np.int32)
    copies[rows] = chosen.column("copies").to_numpy()[place]
    where = np.full(group.rows, -1)
    where[rows] = place
    cluster = chosen.column("cluster").take(pa.array(where, mask=(where < 0) | (copies < 2)))
    marks = pa.table([pa.array(keep), cluster, pa.array(copies)], schema=MARKS)
    start = 0
    for place_of_shard in group.shards:
        rows_there = plan.shards[place_of_shard].rows
        with storage.create(plan.path("marks", place_of_shard)) as stream:
            pq.write_table(marks.slice(start, rows_there), stream, compression="zstd")
        start += rows_there
    table = signatures(plan, group, ["source", "length"])
    signed = table.column("length").is_valid()
    sources = table.column("source")
    tally = {
        "documents": len(table),
        "signed": _count(sources.filter(signed)),
        "duplicates": _count(sources.filter(pa.array(~keep))),
    }
    schema = pa.schema([]).with_metadata({"tally": json.dumps(tally, sort_keys=True)})
    write_batches(plan.path("tallies", index), schema, [])


def _starts(ascending: np.ndarray) -> np.ndarray:
    new = np.ones(len(ascending), bool)
    new[1:] = ascending[1:] != ascending[:-1]
    return np.flatnonzero(new)


def _count(values: pa.ChunkedArray) -> dict[str, int]:
    return {item["values"]: item["counts"] for item in pc.value_counts(values).to_pylist()}
