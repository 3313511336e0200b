"""The calls of `cut` on files: a shard's histogram, histograms added up, and a shard's buckets. Each writes one file, whole."""

from __future__ import annotations

import functools
import hashlib
import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.documents import Executor, Shard
from curator.selection.cuts import Basis, Counted, Cuts, Group, cut_points, levels, place

MERGED = 64  # histograms that one call adds up
SEPARATOR = "\x1f"  # between the values of a group

HISTOGRAM = pa.schema([("group", pa.string()), ("bin", pa.int64()), ("count", pa.int64())])  # null bin: without a number
MARKS = pa.schema([("bucket", pa.int8())])  # null: outside `where:`


@dataclass(frozen=True)
class Work:
    """Where the files of one stage lie. Their names are hashes of all that their content depends on: what is there is right."""

    folder: str
    basis: Basis
    revision: int

    def path(self, kind: str, *inputs: object) -> str:
        of = [kind, self.revision, self.basis.by, self.basis.best, self.basis.scale, self.basis.per, self.basis.gumbel, *inputs]
        return storage.join(
            self.folder, kind, hashlib.blake2b(json.dumps(of).encode(), digest_size=16).hexdigest() + ".parquet"
        )


def count_all(work: Work, shards: Sequence[Shard], executor: Executor) -> pa.Table:
    """The histogram of all documents: of each shard, then of ever more of them together."""
    there = set(storage.listing(work.folder))
    paths = [work.path("histograms", shard.digest) for shard in shards]
    missing = [(shard, path) for shard, path in zip(shards, paths, strict=True) if path not in there]
    _make(functools.partial(count_shard, work.basis), missing, executor)
    paths.sort()
    while len(paths) > 1:
        together = [paths[at : at + MERGED] for at in range(0, len(paths), MERGED)]
        made = [work.path("sums", [posixpath.basename(path) for path in some]) for some in together]
        _make(add, [(some, path) for some, path in zip(together, made) if path not in there], executor)
        paths = made
    return _read(paths[0]) if paths else HISTOGRAM.empty_table()


def _make(function: object, items: Sequence[object], executor: Executor) -> None:
    for _ in executor.map(function, items):  # type: ignore[arg-type]
        pass


def count_shard(basis: Basis, item: tuple[Shard, str]) -> None:
    shard, path = item
    signed = _read(shard.path).select(["group", "score"])
    inside = signed.filter(pc.is_valid(signed.column("group")))
    scores = inside.column("score").to_numpy()
    bins = pa.array(basis.bins(np.nan_to_num(scores)), mask=np.isnan(scores))
    counted = pa.table({"group": inside.column("group"), "bin": bins, "count": pa.repeat(pa.scalar(1, pa.int64()), len(bins))})
    _write(path, _summed(counted))


def add(item: tuple[Sequence[str], str]) -> None:
    paths, path = item
    total = HISTOGRAM.empty_table()
    for each in paths:
        total = _summed(pa.concat_tables([total, _read(each)]))
    _write(path, total)


def _summed(table: pa.Table) -> pa.Table:
    found = table.group_by(["group", "bin"], use_threads=False).aggregate([("count", "sum")])
    return found.rename_columns({"count_sum": "count"}).select(HISTOGRAM.names).cast(HISTOGRAM)


def _read(path: str) -> pa.Table:
    with storage.open_input(path) as stream:
        return pq.read_table(stream)


def _write(path: str, table: pa.Table) -> None:
    with storage.create(path) as stream:
        pq.write_table(table.sort_by([(name, "ascending") for name in table.schema.names]), stream, compression="zstd")


# ------------------------------------------------------------------------------------------------------------ cut points


def find_cuts(basis: Basis, histogram: pa.Table) -> Cuts:
    """Cut points of all documents, and of every group at every level that has `least` of them with a number."""
    names = histogram.column("group").combine_chunks().dictionary_encode()
    groups = [_group(name, len(basis.per)) for name in names.dictionary.to_pylist()]
    codes = names.indices.to_numpy()
    bins = histogram.column("bin")
    measured = bins.is_valid().to_numpy()
    numbers = pc.fill_null(bins, 0).to_numpy()
    counts = histogram.column("count").to_numpy()
    found: dict[Group, Counted] = {}
    for length in range(len(basis.per) + 1):
        coarse = sorted({group[:length] for group in groups} | ({()} if not length else set()))
        number_of = {group: number for number, group in enumerate(coarse)}
        mine = np.array([number_of[group[:length]] for group in groups], np.int64)[codes] if len(codes) else codes
        order = np.lexsort((numbers, mine))
        bounds = np.searchsorted(mine[order], np.arange(len(coarse) + 1))
        for number, group in enumerate(coarse):
            rows = order[bounds[number] : bounds[number + 1]]
            own = rows[measured[rows]]
            documents = int(counts[own].sum())
            if group and documents < basis.least:
                continue
            values, places = np.unique(numbers[own], return_inverse=True)
            sums = np.bincount(places, counts[own], minlength=len(values)).astype(np.int64)
            cuts, buckets = cut_points(basis, values, sums)
            found[group] = Counted(documents, int(counts[rows].sum()) - documents, cuts, buckets)
    return Cuts(basis, found)


def _group(name: str, columns: int) -> Group:
    return tuple(name.split(SEPARATOR)) if columns else ()


def small_groups(basis: Basis, histogram: pa.Table, cuts: Cuts) -> dict[Group, tuple[int, Group]]:
    """Groups too small for cut points of their own: how many documents with a number, and whose cut points they get."""
    measured = histogram.filter(pc.is_valid(histogram.column("bin"))).group_by("group").aggregate([("count", "sum")])
    found = {}
    for row in measured.to_pylist():
        group = _group(row["group"], len(basis.per))
        if group not in cuts.groups:
            found[group] = row["count_sum"], next(g for g in levels(group) if g in cuts.groups)
    return dict(sorted(found.items()))


# ---------------------------------------------------------------------------------------------------------------- marks


def mark_all(work: Work, shards: Sequence[Shard], cuts: Cuts, executor: Executor) -> list[str]:
    """The paths of the shards' buckets, in the order of the shards."""
    there = set(storage.listing(work.folder))
    points = [[list(group), counted.cuts] for group, counted in sorted(cuts.groups.items())]
    paths = [work.path("marks", shard.digest, points) for shard in shards]
    missing = [(shard, path) for shard, path in zip(shards, paths, strict=True) if path not in there]
    _make(functools.partial(mark_shard, cuts), missing, executor)
    return paths


def mark_shard(cuts: Cuts, item: tuple[Shard, str]) -> None:
    shard, path = item
    signed = _read(shard.path)
    buckets = place_all(cuts, signed.column("group").combine_chunks(), signed.column("score").to_numpy())
    with storage.create(path) as stream:
        pq.write_table(pa.table({"bucket": buckets}, schema=MARKS), stream, compression="zstd")


def place_all(cuts: Cuts, groups: pa.Array, scores: np.ndarray) -> pa.Array:
    """The bucket of each row by the cut points of its group; null where the group is null."""
    names = groups.dictionary_encode()
    codes = names.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    found = np.zeros(len(scores), np.int8)
    values = cuts.basis.held(scores)
    for code, name in enumerate(names.dictionary.to_pylist()):
        rows = np.flatnonzero(codes == code)
        found[rows] = place(values[rows], cuts.of(_group(name, len(cuts.basis.per)))[1], cuts.basis.best)
    return pa.array(found, mask=codes < 0)
