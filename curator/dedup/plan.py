"""What `mark` works on and how its files are named, so that a rerun after a kill makes only what is missing."""

from __future__ import annotations

import functools
import hashlib
import json
import posixpath
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol, TypeVar

from curator import storage
from curator.dedup.exchange import read_told
from curator.documents import Executor, Shard

# What a call holds in memory for each of these at its peak, with room to spare; divides `memory` into calls.
BYTES_AN_ENTRY = 23  # of a group: packed by part, then by cell, beside what is read at a time
BYTES_A_MET_ENTRY = 16  # of a partition: 8 in the file, and what is told
BYTES_A_KEPT_ENTRY = 24  # of a partition that is kept for later runs: 16, and what is sorted at a time
BYTES_A_SORTED_ENTRY = 160  # of a partition with `verify` or earlier runs: sorted by an index, and as many that they meet there
BYTES_A_SKETCH = 400  # with `verify`
BYTES_AN_EDGE = 160  # 16 in the file, sorted by both ends
BYTES_A_CANDIDATE = 320  # with its id, sorted by an index
PARALLEL = 64  # calls that a set is cut into though fewer would do, so that there is work for many; not below LEAST_ROWS
LEAST_ROWS = 1 << 14
TOGETHER = 4  # groups that are filled one after the other, all but the last to the brim, and that a shard more may change

FORMAT = 3  # of all files but marks; another one makes them anew

SPANS = (
    "repeats",
    "buckets",
    "asked",
    "given",
    "meetings",
    "edges",
    "leaves",
    "core",
    "stars",
    "components",
    "totals",
    "giants",
)


class Named(Protocol):
    """What names files: by kind and index, each with a hash of all that its content depends on."""

    @property
    def folder(self) -> str: ...

    def name(self, kind: str, index: int) -> str: ...


P = TypeVar("P", bound=Named)


@dataclass(frozen=True)
class Options:
    """Those of a stage that decide what is marked, as plain values."""

    by: tuple[str, ...]
    keys: int  # hashes that a document has at most
    verify: float | None
    prefer: tuple[str, ...]
    quality: bool  # the signatures have a column `quality`
    keeps: Literal["one", "source"]
    largest: int | None
    warn: float
    revision: int


@dataclass(frozen=True)
class Group:
    """Documents that one call works on: those of some shards, or some that an earlier run has published."""

    first: int  # documents are numbered through all groups; this is the number of the first one
    rows: int
    shards: tuple[int, ...]  # places in `Plan.shards`; none for an earlier run's
    earlier: str  # the file of an earlier run
    digest: str


@dataclass(frozen=True)
class Store:
    """The sorted hashes of an earlier run: `partitions` files, each of one range of hashes, and the first of its groups."""

    digest: str
    partitions: tuple[str, ...]
    group: int


@dataclass(frozen=True)
class Plan:
    """The shards by key (so that the order in which they are given means nothing) and the options that decide. A file's name is
    a hash of everything that its content depends on: what is there is right, and is not made again."""

    folder: str
    shards: tuple[Shard, ...]
    groups: tuple[Group, ...]  # this run's, then those of earlier runs
    stores: tuple[Store, ...]
    options: Options
    partitions: int  # of hashes; a power of two
    memory: int

    @functools.cached_property
    def own(self) -> int:
        """How many of the groups are this run's."""
        return sum(not group.earlier for group in self.groups)

    @functools.cached_property
    def row_bits(self) -> int:
        """Bits of a row of any group."""
        return max(1, *((group.rows - 1).bit_length() for group in self.groups)) if self.groups else 1

    @property
    def row_mask(self) -> int:
        return (1 << self.row_bits) - 1

    @property
    def cells(self) -> int:
        """Ranges that all hashes are cut into: at least as many as a group has rows, and one a partition."""
        return max(self.partitions, 1 << self.row_bits)

    @property
    def low_bits(self) -> int:
        """Bits of a hash that tell it from others of its cell."""
        return 65 - self.cells.bit_length()

    def most(self, bytes_each: int) -> int:
        """How many things of that size a call takes."""
        return max(1, self.memory // bytes_each)

    def path(self, kind: str, index: int = 0) -> str:
        return storage.join(self.folder, kind, self.name(kind, index))

    def name(self, kind: str, index: int) -> str:
        suffix = "parquet" if kind == "marks" else "spans" if kind in SPANS else "arrow"
        return f"{hash_of(self._inputs(kind, index))}.{suffix}"

    def _inputs(self, kind: str, index: int) -> list[object]:
        options = self.options
        match kind:
            case "buckets" | "repeats":
                verified = options.verify is not None
                return [
                    kind,
                    FORMAT,
                    options.revision,
                    options.by,
                    verified,
                    self.cells,
                    self.partitions,
                    self.groups[index].digest,
                ]
            case "totals" | "giants" | "candidates" | "survivors" | "tallies":
                return [kind, self._decided, index]
            case "marks":
                return [kind, self._decided, self.shards[index].key]
        return [kind, self._all, index]

    @functools.cached_property
    def _all(self) -> str:
        """All that clusters depend on."""
        options = self.options
        groups = [[g.first, g.digest] for g in self.groups]
        clusters = [
            FORMAT,
            BYTES_AN_EDGE,
            BYTES_A_CANDIDATE,
            options.revision,
            options.by,
            options.verify,
            self.partitions,
            self.memory,
        ]
        return hash_of([*clusters, groups, [s.digest for s in self.stores]])

    @functools.cached_property
    def _decided(self) -> str:
        """All that marks depend on."""
        options = self.options
        return hash_of([self._all, options.prefer, options.quality, options.keeps, options.largest])


def plan(folder: str, signed: Sequence[Shard], options: Options, memory: int, earlier: Sequence[EarlierRun] = ()) -> Plan:
    """Groups and partitions follow from the shards and `memory` alone. Their numbers are powers of two, and a shard's group is
    chosen by the hash of its key, so that one shard more seldom changes the others'."""
    shards = tuple(sorted(signed, key=lambda shard: shard.key))
    for one, other in pairwise(shards):
        if one.key == other.key:
            raise ValueError(f"two shards have the key {one.key!r}")
    an_entry = BYTES_A_SORTED_ENTRY if earlier or options.verify is not None else BYTES_A_MET_ENTRY
    an_entry += BYTES_A_SKETCH if options.verify is not None else 0
    partitions = parts_of(sum(shard.rows for shard in shards) * options.keys, memory // an_entry)
    groups = _groups(shards, max(1, memory // (BYTES_AN_ENTRY * options.keys)))
    stores = []
    for run in earlier:
        stores.append(Store(run.digest, run.partitions, len(groups)))
        for path, count, digest in run.documents:
            groups.append(Group(groups[-1].first + groups[-1].rows if groups else 0, count, (), path, digest))
    made = Plan(folder, shards, tuple(groups), tuple(stores), options, partitions, memory)
    documents = sum(group.rows for group in groups)
    if documents.bit_length() + made.row_bits > 63:
        raise ValueError(f"{documents:,} documents in groups of up to {1 << made.row_bits:,}; give less `memory`")
    return made


class EarlierRun(Protocol):
    """What `earlier.Stored` is: the signatures that a run has kept."""

    @property
    def digest(self) -> str: ...
    @property
    def partitions(self) -> tuple[str, ...]: ...
    @property
    def documents(self) -> tuple[tuple[str, int, str], ...]: ...  # path, rows and digest of each file


def parts_of(count: int, most: int) -> int:
    """Into how many parts, a power of two, things are cut to be `most` in each."""
    parts = 1
    while parts * most < count:
        parts *= 2
    return parts


def _groups(shards: Sequence[Shard], most: int) -> list[Group]:
    rows = sum(shard.rows for shard in shards)
    target = min(most, max(LEAST_ROWS, rows // PARALLEL))
    buckets = parts_of(rows, TOGETHER * target)
    placed: dict[int, list[int]] = {}
    for place, shard in enumerate(shards):
        placed.setdefault(int(hash_of(shard.key)[:8], 16) % buckets, []).append(place)
    groups: list[Group] = []
    first = 0
    for _, places in sorted(placed.items()):
        for together in _packed(places, [shards[place].rows for place in places], min(most, target + target // 4)):
            count = sum(shards[place].rows for place in together)
            digest = hash_of([[shards[place].rows, shards[place].digest] for place in together])
            groups.append(Group(first, count, tuple(together), "", digest))
            first += count
    return groups


def _packed(places: Sequence[int], rows: Sequence[int], most: int) -> list[list[int]]:
    """Neighbours together, up to `most` rows; a larger one is alone."""
    packed: list[list[int]] = []
    held = most + 1
    for place, count in zip(places, rows, strict=True):
        if held + count > most:
            packed.append([])
            held = 0
        packed[-1].append(place)
        held += count
    return packed


def make_missing(plan: P, kind: str, count: int, make: Callable[[P, int], None], executor: Executor) -> None:
    """Have `make(plan, index)` write every file of a kind that is not there yet."""
    there = names_there(plan.folder, kind)
    missing = [index for index in range(count) if plan.name(kind, index) not in there]
    for _ in executor.map(functools.partial(make, plan), missing):
        pass


def names_there(folder: str, kind: str) -> set[str]:
    return {posixpath.basename(path) for path in storage.listing(storage.join(folder, kind))}


def counted(plan: Plan, kind: str, count: int, key: str) -> list[int]:
    """What the span files of a kind tell under `key`."""
    with ThreadPoolExecutor(16) as threads:  # an object store takes its time for each
        return list(threads.map(lambda index: read_told(plan.path(kind, index))[key], range(count)))


def hash_of(inputs: object) -> str:
    return hashlib.blake2b(json.dumps(inputs).encode(), digest_size=16).hexdigest()
