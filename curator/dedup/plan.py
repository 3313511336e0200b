"""What `mark` works on and how its files are named, so that a rerun after a kill makes only what is missing."""

from __future__ import annotations

import functools
import hashlib
import json
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from curator import storage
from curator.documents import Executor, Shard

ENTRIES_A_PARTITION = 1 << 23  # of 12 bytes in the file; sorting needs about 40 bytes each in memory


@dataclass(frozen=True)
class Plan:
    """The shards by key (so that the order in which they are given means nothing) and the options that decide. A file's name is
    a hash of everything that its content depends on: what is there is right, and is not made again."""

    folder: str
    shards: tuple[Shard, ...]
    partitions: int  # a power of two
    prefer: tuple[str, ...]
    quality: bool  # the signatures have a column `quality`
    revision: int

    def path(self, kind: str, index: int = 0) -> str:
        return storage.join(self.folder, kind, self.name(kind, index))

    def name(self, kind: str, index: int) -> str:
        suffix = "parquet" if kind == "marks" else "arrow"
        return f"{_hash(self._inputs(kind, index))}.{suffix}"

    def _inputs(self, kind: str, index: int) -> list[object]:
        match kind:
            case "buckets" | "repeats":
                return [kind, self.revision, self.partitions, self.shards[index].rows, self.shards[index].digest]
            case "edges" | "components":
                return [kind, self._all, index]
            case "candidates" | "marks":
                return [kind, self._all, self.prefer, self.quality, self.shards[index].key]
            case "survivors":
                return [kind, self._all, self.prefer, self.quality]
        raise KeyError(kind)

    @functools.cached_property
    def _all(self) -> str:
        return _hash([self.revision, self.partitions, [[s.key, s.rows, s.digest] for s in self.shards]])


def plan(folder: str, signed: Sequence[Shard], bands: int, prefer: tuple[str, ...], quality: bool, revision: int) -> Plan:
    """The number of partitions follows from the number of documents alone, and is a power of two so that it seldom changes."""
    shards = tuple(sorted(signed, key=lambda shard: shard.key))
    for one, other in pairwise(shards):
        if one.key == other.key:
            raise ValueError(f"two shards have the key {one.key!r}")
    entries = sum(shard.rows for shard in shards) * bands
    partitions = 1
    while partitions * ENTRIES_A_PARTITION < entries:
        partitions *= 2
    return Plan(folder, shards, partitions, prefer, quality, revision)


def make_missing(plan: Plan, kind: str, count: int, make: Callable[[Plan, int], None], executor: Executor) -> None:
    """Have `make(plan, index)` write every file of a kind that is not there yet."""
    there = {posixpath.basename(path) for path in storage.listing(storage.join(plan.folder, kind))}
    missing = [index for index in range(count) if plan.name(kind, index) not in there]
    for _ in executor.map(functools.partial(make, plan), missing):
        pass


def _hash(inputs: object) -> str:
    return hashlib.blake2b(json.dumps(inputs).encode(), digest_size=16).hexdigest()
