"""What `mark` of `dedup_sentences` works on, and how its files are named: by a hash of all that their content depends on, so
that a rerun after a kill makes only what is missing."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import storage
from curator.dedup.plan import hash_of
from curator.documents import Executor, Shard

KEYS_A_PARTITION = 1 << 21  # a call over a partition takes at most about 200 bytes of memory for each


@dataclass(frozen=True)
class SentencePlan:
    """The shards by key, so that the order in which they are given means nothing, and the options that decide."""

    folder: str
    shards: tuple[Shard, ...]
    partitions: int  # a power of two
    copies: int
    prefer: tuple[str, ...]
    quality: bool  # the signatures have a column `quality`
    revision: int

    def path(self, kind: str, index: int = 0) -> str:
        return storage.join(self.folder, kind, self.name(kind, index))

    def name(self, kind: str, index: int) -> str:
        return f"{hash_of(self._inputs(kind, index))}.{'parquet' if kind == 'marks' else 'arrow'}"

    def _inputs(self, kind: str, index: int) -> list[object]:
        order = [self.copies, self.prefer, self.quality]
        match kind:
            case "counts":
                return [kind, self.revision, self.partitions, self.shards[index].rows, self.shards[index].digest]
            case "common":
                return [kind, self._all, self.copies, index]
            case "kept":
                return [kind, self._all, order, index]
            case "candidates" | "marks":
                return [kind, self._all, order, self.shards[index].key]
        raise KeyError(kind)

    @functools.cached_property
    def _all(self) -> str:
        return hash_of([self.revision, self.partitions, [[s.key, s.rows, s.digest] for s in self.shards]])


def sentence_plan(
    folder: str, signed: Sequence[Shard], copies: int, prefer: tuple[str, ...], quality: bool, revision: int, executor: Executor
) -> SentencePlan:
    """The number of partitions follows from the number of keys alone."""
    shards = tuple(sorted(signed, key=lambda shard: shard.key))
    for one, other in pairwise(shards):
        if one.key == other.key:
            raise ValueError(f"two shards have the key {one.key!r}")
    keys = sum(found for _, found in executor.map(count_keys, [shard.path for shard in shards]))
    partitions = 1
    while partitions * KEYS_A_PARTITION < keys:
        partitions *= 2
    return SentencePlan(folder, shards, partitions, copies, prefer, quality, revision)


def count_keys(path: str) -> int:
    """The keys of one shard, a row group at a time."""
    total = 0
    with storage.open_input(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(columns=["keys"]):
            total += pc.sum(pc.binary_length(batch.column("keys"))).as_py() or 0
    return total // 8
