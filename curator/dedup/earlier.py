"""What a run keeps of its signatures, so that later runs can leave out what it has published: written, and read again.

Below `signatures/<stage>/` lie: `documents/`, the ids of published documents and what a later run may ask of them;
`hashes/`, all that they are met by, each file one range of hashes, sorted; and `manifest.json`, which says how they were
signed. A later run reads the sorted files beside its own and computes nothing anew.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.dedup import cells
from curator.dedup.exchange import READ, ZSTD, batch_of, find_span, read_span, write_pieces
from curator.dedup.keys import columns_of, keys, tables
from curator.dedup.memory import released
from curator.dedup.plan import BYTES_A_KEPT_ENTRY, Group, Plan, hash_of, make_missing, parts_of
from curator.documents import Executor

FORMAT = 1
PIECES = 8  # of a partition, sorted one after the other
ROUTED = 12  # bytes of an entry on its way
BATCH = 1 << 16  # entries that a reader holds at a time
_ENTRIES = pa.schema([("hash", pa.uint64()), ("number", pa.uint64())])
_SUFFIX = {"documents": "parquet", "routed": "spans", "hashes": "arrow"}


@dataclass(frozen=True)
class Stored:
    """The signatures that a run has kept: paths, and how they were made."""

    run: str
    signing: Mapping[str, object]
    partitions: tuple[str, ...]
    documents: tuple[tuple[str, int, str], ...]  # path, rows and digest of each file
    digest: str


def stored_in(run: str) -> list[str]:
    """The manifests of all signatures that a run has kept."""
    return [path for path in storage.listing(storage.join(run, "signatures")) if path.endswith("/manifest.json")]


def read_stored(run: str, manifest: str) -> Stored:
    found = json.loads(storage.read_bytes(manifest))
    if found.get("format") != FORMAT:
        raise ValueError(f"against: {manifest} has the format {found.get('format')}; this is {FORMAT}")
    folder = manifest.rpartition("/")[0]
    documents = tuple((storage.join(folder, path), rows, digest) for path, rows, digest in found["documents"])
    return Stored(
        run, found["signing"], tuple(storage.join(folder, path) for path in found["hashes"]), documents, found["digest"]
    )


def differences(there: Mapping[str, object], here: Mapping[str, object]) -> list[str]:
    """Field by field, what makes two kinds of signatures strangers to each other."""
    fields = sorted(there.keys() | here.keys())
    return [
        f"{field} is {there.get(field, 'unknown')!r} there and {here.get(field, 'unknown')!r} here"
        for field in fields
        if there.get(field) != here.get(field)
    ]


def matching(plan: Plan, partition: int, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(hash, document) of the entries of earlier runs that are among `hashes`, all of which lie in one partition."""
    found, nodes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    if not len(hashes):
        return found[0], nodes[0]
    for store in plan.stores:
        first = plan.groups[store.group].first if store.group < len(plan.groups) else 0
        count = len(store.partitions)
        start = partition * count // plan.partitions
        for path in store.partitions[start : max(start + 1, (partition + 1) * count // plan.partitions)]:
            with storage.open_input(path) as stream, pa.ipc.open_file(stream, options=READ) as reader:
                begins = json.loads(reader.schema.metadata[b"begins"])  # the first hash of every batch, and the last of all
                for index in range(reader.num_record_batches):
                    if begins[index] > hashes[-1] or begins[index + 1] < hashes[0]:
                        continue
                    batch = reader.get_batch(index)
                    theirs = batch.column("hash").to_numpy()
                    places = np.minimum(np.searchsorted(hashes, theirs), len(hashes) - 1)
                    met = hashes[places] == theirs
                    found.append(theirs[met])
                    nodes.append(batch.column("number").to_numpy()[met].astype(np.int64) + first)
    return np.concatenate(found), np.concatenate(nodes)


# -------------------------------------------------------------------------------------------------------------- keeping


@dataclass(frozen=True)
class Keeping:
    """What is kept of one stage, by the groups and partitions of its plan."""

    plan: Plan
    folder: str  # where it stays
    columns: tuple[str, ...]  # of a signature, beside the id
    published: Mapping[str, tuple[str, str]]  # by the key of a shard: file and digest of those of its documents that remain

    @functools.cached_property
    def partitions(self) -> int:
        plan = self.plan
        return parts_of(sum(group.rows for group in plan.groups) * plan.options.keys, plan.most(BYTES_A_KEPT_ENTRY))

    @functools.cached_property
    def everything(self) -> str:
        return hash_of([self.name("documents", index) for index in range(len(self.plan.groups))])

    def name(self, kind: str, index: int) -> str:
        plan = self.plan
        what: list[object] = [FORMAT, PIECES, plan.options.by, self.columns, self.partitions]
        if kind == "hashes":
            what += [self.everything, index]
        else:
            group = plan.groups[index]
            what += [group.digest, [self.published.get(plan.shards[place].key, ("", ""))[1] for place in group.shards]]
        return f"{hash_of([kind, *what])}.{_SUFFIX[kind]}"

    def path(self, kind: str, index: int) -> str:
        return storage.join(self.folder if kind != "routed" else self.plan.folder, kind, self.name(kind, index))


def keep(keeping: Keeping, signing: Mapping[str, object], executor: Executor) -> list[str]:
    """Write what a later run needs of the published documents; the paths of all its files."""
    groups, partitions = len(keeping.plan.groups), keeping.partitions
    make_missing(keeping, "documents", groups, keep_documents, executor)
    make_missing(keeping, "hashes", partitions, keep_hashes, executor)
    documents = [["documents/" + keeping.name("documents", i), n] for i, n in enumerate(_rows(keeping))]
    found = {
        "format": FORMAT,
        "signing": dict(signing),
        "documents": [[path, rows, path.rpartition("/")[2].partition(".")[0]] for path, rows in documents if rows],
        "hashes": ["hashes/" + keeping.name("hashes", index) for index in range(partitions)],
        "digest": keeping.everything,
    }
    manifest = storage.join(keeping.folder, "manifest.json")
    storage.write_bytes(manifest, json.dumps(found, indent=1).encode())
    return [manifest, *(storage.join(keeping.folder, path) for path in [*(d[0] for d in found["documents"]), *found["hashes"]])]


@released
def keep_documents(keeping: Keeping, index: int) -> None:
    """One group: its published documents, and their hashes, sorted, in PIECES spans for each partition."""
    plan = keeping.plan
    group = plan.groups[index]
    with storage.create(keeping.path("documents", index)) as stream, _writer(keeping, group, stream) as documents:
        most, count = group.rows * plan.options.keys, max(plan.cells, PIECES * keeping.partitions)
        packed, ends = cells.pack(_turns(keeping, group, documents), most, count, plan.row_bits)
        pieces, begin = [], 0
        for number, mine in enumerate(ends.reshape(PIECES * keeping.partitions, -1)):
            found = packed[begin : mine[-1]]
            rows = (found & np.uint64(plan.row_mask)).astype(np.uint32)
            found[:] = cells.hashes_of(found, mine - begin, number * len(mine), 65 - len(ends).bit_length(), plan.row_bits)
            pieces.append([found, rows])
            begin = mine[-1]
        write_pieces(keeping.path("routed", index), pieces)


def _writer(keeping: Keeping, group: Group, stream: IO[bytes]) -> pq.ParquetWriter:
    """For the documents of a group; one of which nothing is published has no columns but the id."""
    fields = [pa.field("id", pa.string())]
    for shard in (keeping.plan.shards[place] for place in group.shards):
        if shard.key in keeping.published:
            with storage.open_input(shard.path) as signed:
                schema = pq.read_schema(signed)
            fields += [schema.field(name) for name in keeping.columns]
            break
    return pq.ParquetWriter(stream, pa.schema(fields), compression="zstd")


def _turns(keeping: Keeping, group: Group, documents: pq.ParquetWriter) -> Iterator[tuple[int, cells.Keys]]:
    """All that the published documents of a group are met by; the documents are written on the way."""
    by = keeping.plan.options.by
    columns = ["id", *dict.fromkeys([*columns_of(by), *keeping.columns])]
    first = 0
    for place in group.shards:
        key = keeping.plan.shards[place].key
        if key not in keeping.published:
            continue
        with storage.open_input(keeping.published[key][0]) as stream:
            ids = pq.read_table(stream, columns=["id"]).column("id")
        for table in tables(keeping.plan, dataclasses.replace(group, shards=(place,)), columns):
            table = table.filter(pc.and_(pc.is_in(table.column("id"), ids), table.column("exact").is_valid()))
            for found in keys(table, by):
                yield first, found
            documents.write_table(table.select(documents.schema.names))
            first += len(table)


@released
def keep_hashes(keeping: Keeping, partition: int) -> None:
    """One range of hashes of all groups, sorted, in batches that are found by their first hash."""
    paths = [keeping.path("routed", index) for index in range(len(keeping.plan.groups))]
    firsts = np.cumsum([0, *_rows(keeping)]).tolist()
    pieces = range(PIECES * partition, PIECES * (partition + 1))
    places = [[find_span(path, piece) for path in paths] for piece in pieces]
    ends = np.cumsum([0, *(sum(stop - start for start, stop in spans) // ROUTED for spans in places)]).tolist()
    joined, documents = np.empty(ends[-1], np.uint64), np.empty(ends[-1], np.uint64)
    for piece, (start, stop) in zip(pieces, pairwise(ends), strict=True):  # each sorted for itself: that takes less memory
        hashes, numbers = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
        for path, first in zip(paths, firsts[:-1], strict=True):
            found, rows = read_span(path, piece, (np.uint64, np.uint32))
            hashes.append(found)
            numbers.append(rows.astype(np.uint64) + np.uint64(first))
        mine = np.concatenate(hashes)
        order = np.argsort(mine, kind="stable")  # equal ones stay in the order of their numbers
        joined[start:stop] = mine[order]
        documents[start:stop] = np.concatenate(numbers)[order]
    _write_hashes(keeping.path("hashes", partition), joined, documents)


def _write_hashes(path: str, hashes: np.ndarray, numbers: np.ndarray) -> None:
    begins = [*hashes[::BATCH].tolist(), *hashes[-1:].tolist()]
    schema = _ENTRIES.with_metadata({"begins": json.dumps(begins)})
    with storage.create(path) as stream, pa.ipc.new_file(stream, schema, options=ZSTD) as writer:
        for start in range(0, len(hashes), BATCH):
            writer.write_batch(batch_of(schema, hashes[start : start + BATCH], numbers[start : start + BATCH]))


def _rows(keeping: Keeping) -> list[int]:
    """Published documents of each group."""
    found = []
    for index in range(len(keeping.plan.groups)):
        with storage.open_input(keeping.path("documents", index)) as stream:
            found.append(pq.read_metadata(stream).num_rows)
    return found
