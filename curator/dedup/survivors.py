"""From clusters to marks: the best document of a cluster in each group, the best of those, and a mark a row.

Best is: a document that an earlier run has published, then the source that comes first in `prefer`, then the higher quality,
then the longer text, then the smaller id; never the one that was read first. What belongs together is told by a *key*: the
number of the cluster's root mixed twice (roots are the smallest of their clusters by what is mixed once: equal ranges of that
would not hold as many), or, in a cluster of more than `largest` documents, that of the root and the text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.dedup.best import Judged, best_of, priorities, qualities
from curator.dedup.buckets import REPEAT
from curator.dedup.clusters import mixed
from curator.dedup.exchange import by_range, read_span, read_table, read_tables, write_spans, write_tables
from curator.dedup.keys import exact_hashes, signatures
from curator.dedup.memory import released
from curator.dedup.plan import BYTES_A_CANDIDATE, Group, Plan, counted, make_missing, names_there, parts_of
from curator.dedup.rounds import labels_of
from curator.documents import Executor

MARKS = pa.schema([("keep", pa.bool_()), ("cluster", pa.string()), ("copies", pa.int32())])
EARLIER = -1  # the priority of what an earlier run has published
_CANDIDATES = pa.schema(
    [
        ("key", pa.uint64()),
        ("row", pa.uint32()),
        ("members", pa.uint32()),
        ("priority", pa.int16()),
        ("quality", pa.float64()),
        ("length", pa.int32()),
        ("id", pa.string()),
    ]
)
_CHOSEN = pa.schema([("survives", pa.bool_()), ("priority", pa.int16()), ("cluster", pa.string()), ("copies", pa.int32())])


def mark_all(plan: Plan, labels: int, executor: Executor) -> int:
    """Every mark of every shard of this run. Returns into how many parts the keys were cut."""
    most = sum(counted(plan, "repeats", plan.own, "rows")) + sum(counted(plan, "components", labels, "rows"))
    parts = parts_of(most, plan.most(BYTES_A_CANDIDATE))

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
    """Rows of a group, ascending, that are in a cluster, and the roots of their clusters, mixed twice."""
    group = plan.groups[index]
    rows, roots = labels_of(plan, labels, index)
    if group.earlier:
        return rows, mixed(roots)
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
    return found, mixed(root[first[found]])


# ------------------------------------------------------------------------------------------------- clusters too large


@released
def count_members(plan: Plan, index: int, labels: int, parts: int) -> None:
    """How many documents one group has of each cluster."""
    keys, counts = np.unique(members_of(plan, index, labels)[1], return_counts=True)
    write_spans(plan.path("totals", index), [keys, counts.astype(np.int64)], by_range(keys, parts))


@released
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


@released
def choose_candidates(plan: Plan, index: int, labels: int, parts: int) -> None:
    """The best document that one group has of each key, sorted by key, with the number of its members in this group."""
    rows, roots = members_of(plan, index, labels)
    table = _described(plan, plan.groups[index], rows)
    judged = _judged(table, _keys(plan, roots, _exact(plan, table), parts))
    order, starts, best = best_of(judged)
    found = {
        "key": judged.key[best],
        "row": rows[best].astype(np.uint32),
        "members": np.diff(np.append(starts, len(order))).astype(np.uint32),
        "priority": judged.priority[best],
        "quality": judged.quality[best],
        "length": judged.length[best],
        "id": judged.id.take(pa.array(best)),
    }

    def batches() -> Iterator[pa.RecordBatch]:
        for i, j in by_range(found["key"], parts):
            columns = {name: column[i:j] for name, column in found.items()}
            columns["id"] = columns["id"].cast(pa.string())
            yield pa.record_batch(columns, schema=_CANDIDATES)

    write_tables(plan.path("candidates", index), batches())


def _judged(table: pa.Table, keys: np.ndarray) -> Judged:
    columns = {name: np.array(table.column(name).to_numpy()) for name in ("priority", "quality", "length")}
    return Judged(key=keys, **columns, id=_together(table.column("id")))


def _together(texts: pa.ChunkedArray) -> pa.LargeStringArray:
    """Of all groups they can exceed 2 GB."""
    return texts.cast(pa.large_string()).combine_chunks()


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
    first = pa.array(np.full(len(rows), EARLIER, np.int16))
    found = {
        "row": pa.array(rows),
        "priority": first if sources is None else priorities(sources, plan.options.prefer),
        "quality": qualities(table),
        "length": length,
        "id": table.column("id"),
    }
    return pa.table(found | ({"exact": table.column("exact")} if giants else {}))


@released
def choose_survivors(plan: Plan, part: int, labels: int, parts: int) -> None:
    """The best document of every key, told to the groups that have members of it: a batch each, aligned with its candidates."""
    batches = [read_table(plan.path("candidates", index), part, _CANDIDATES) for index in range(len(plan.groups))]
    cuts = np.cumsum([0, *map(len, batches)]).tolist()
    table = pa.Table.from_batches(batches, _CANDIDATES)
    del batches
    judged, members = _judged(table, table.column("key").to_numpy()), table.column("members").to_numpy().astype(np.int64)
    del table
    order, starts, best = best_of(judged)
    copies = np.add.reduceat(members[order], starts) if len(starts) else np.zeros(0, np.int64)
    cluster = np.empty(len(order), np.int64)
    cluster[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order))))
    survives = np.zeros(len(order), bool)
    survives[best] = True
    ids, priorities = judged.id.take(pa.array(best)), judged.priority[best]

    def answers() -> Iterator[pa.RecordBatch]:
        for start, stop in pairwise(cuts):
            here = cluster[start:stop]
            names = ids.take(pa.array(here)).cast(pa.string())
            columns = [survives[start:stop], priorities[here], names, copies[here].astype(np.int32)]
            yield pa.record_batch(columns, schema=_CHOSEN)

    write_tables(plan.path("survivors", part), answers(), {"clusters": _clusters(copies, ids, priorities)})


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


@released
def write_marks(plan: Plan, index: int, labels: int, parts: int) -> None:
    """One group's marks, a file a shard: `keep`, `cluster` (id of the best document; null for a document alone) and `copies`
    (1 for one alone). And its tallies, by source."""
    group = plan.groups[index]
    rows, roots = members_of(plan, index, labels)
    candidates = pa.Table.from_batches(read_tables(plan.path("candidates", index), _CANDIDATES))
    chosen = pa.Table.from_batches([read_table(plan.path("survivors", part), index, _CHOSEN) for part in range(parts)])
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
    write_spans(plan.path("tallies", index), [], [], tally)


def _count(values: pa.ChunkedArray) -> dict[str, int]:
    return {item["values"]: item["counts"] for item in pc.value_counts(values).to_pylist()}
