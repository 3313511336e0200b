"""What `dedup_documents` and `dedup_datasets` share: options, signatures, and the calls from signatures to marks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator import storage
from curator.dedup import minhash
from curator.dedup.buckets import fill_buckets, find_meetings
from curator.dedup.earlier import Stored
from curator.dedup.plan import Options, Plan, make_missing, plan
from curator.dedup.rounds import connect
from curator.dedup.signing import Signing
from curator.dedup.summary import summarise
from curator.dedup.survivors import mark_all
from curator.dedup.urls import url_hashes
from curator.dedup.verified import SKETCH, ask, find_similar, give
from curator.documents import Executor, Rule, Shard

LEAST_MEMORY = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Deduplication(Signing):
    """Options of a stage that finds documents which are one, besides those of `Signing`.

    `by`: what makes two documents one. `minhash`: similar texts; `exact`: equal texts after normalisation; `url`: equal
    addresses after normalisation (see `urls`). Any of them does, and what is one with the same is one.
    `verify`: documents that meet in a band are one only if their Jaccard similarity is at least this, estimated from 256
    MinHash values, with a standard deviation of at most 0.03; costs a second signature. Without it, what shares a band is one.
    `largest`: of a cluster of more documents, only those of equal normalised text are one.
    `warn`: a source that loses a larger share is named in the summary.
    `memory`: bytes that a call of `mark` takes at most, beside what its process has loaded; more means fewer and larger files,
    never another result.
    """

    by: tuple[Literal["exact", "url", "minhash"], ...] = ("minhash",)
    prefer: tuple[str, ...] = ("*",)
    quality: str | None = None
    verify: float | None = None
    largest: int | None = None
    warn: float = 0.5
    memory: int = field(default=1 << 30, compare=False)

    libraries: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[Mapping[str, pa.DataType]] = {"duplicate": pa.bool_(), "cluster": pa.string(), "copies": pa.int32()}
    revision: ClassVar[int]
    name: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.prefer)) != len(self.prefer):
            raise ValueError(f"prefer: {', '.join(self.prefer)}; every source once")
        if not self.by or len(set(self.by)) != len(self.by):
            raise ValueError(
                f"by: {', '.join(self.by) or 'nothing'}; each of exact, url and minhash at most once, and one at least"
            )
        if self.verify is not None:
            if not 0.1 <= self.verify <= 1:
                raise ValueError(f"verify: {self.verify}; a Jaccard similarity from 0.1 to 1")
            if "minhash" not in self.by:
                raise ValueError("verify: only what meets by minhash needs it; add minhash to `by`")
        if self.largest is not None and self.largest < 2:
            raise ValueError(f"largest: {self.largest} documents; it must be 2 or more")
        if not 0 < self.warn <= 1:
            raise ValueError(f"warn: {self.warn}; a share above 0, up to 1")
        if self.memory < LEAST_MEMORY:
            raise ValueError(f"memory: {self.memory} bytes; it must be {LEAST_MEMORY} or more")

    @property
    def reads(self) -> frozenset[str]:
        # every document has an address, if only a null one: `url` is asked of no stage
        return frozenset({"text"} | ({self.quality} if self.quality else set()))

    @property
    def signature(self) -> Mapping[str, pa.DataType]:
        columns = {name: kind for name, kind in self.columns.items() if name != "bands" or "minhash" in self.by}
        return {
            **columns,
            **({"url": pa.uint64()} if "url" in self.by else {}),
            **({"sketch": pa.binary(SKETCH)} if self.verify is not None else {}),
            **({"quality": pa.float64()} if self.quality else {}),
        }

    @property
    def rules(self) -> Sequence[Rule]:
        return (Rule(column=f"{self.name}.duplicate", reason=f"{self.name}.duplicate", equals=False),)

    def files(self) -> Sequence[str]:
        return ()

    def sign(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """See `WholeDatasetStage.sign`."""
        columns = self.signed(docs.column("text"))
        present = columns["exact"].is_valid()
        if "url" in self.by:
            columns["url"] = pc.if_else(present, url_hashes(docs.column("url")), None)
        if self.verify is not None:
            columns["sketch"] = self._sketches(docs.column("text"), columns["bands"])
        if self.quality:
            columns["quality"] = pc.if_else(present, docs.column(self.quality).cast(pa.float64()), None)
        return {name: columns[name] for name in self.signature}

    def _sketches(self, texts: pa.Array, bands: pa.Array) -> pa.Array:
        """The lowest byte of each of SKETCH MinHash values: bands of one value each."""
        found = minhash.signatures(texts, self.shingle, SKETCH, 1, hashing=self.hashing, variants=self.variants)
        bitmap = pa.py_buffer(np.packbits(bands.is_valid().to_numpy(zero_copy_only=False), bitorder="little").tobytes())
        return pa.Array.from_buffers(
            pa.binary(SKETCH), len(texts), [bitmap, pa.py_buffer(found.bands.astype(np.uint8).tobytes())]
        )

    @property
    def signing(self) -> Mapping[str, Any]:
        """All that the stored signatures of this stage depend on: those of a run and of an earlier one may be compared if this
        is equal."""
        return {**self.comparable, "by": sorted(self.by), "sketch": SKETCH if self.verify is not None else 0}

    @property
    def signed_by(self) -> Mapping[str, Any]:
        """What the signatures of this very run depend on: a change of anything else signs no document anew."""
        return {**self.signing, "quality": self.quality}

    def plan(self, signed: Sequence[Shard], folder: str, keeps: Literal["one", "source"], earlier: Sequence[Stored]) -> Plan:
        keys = (self.banding[0] if "minhash" in self.by else 0) + ("exact" in self.by) + ("url" in self.by)
        options = Options(
            by=tuple(sorted(self.by)),
            keys=keys,
            verify=self.verify,
            prefer=self.prefer,
            quality=self.quality is not None,
            keeps=keeps,
            largest=self.largest,
            warn=self.warn,
            revision=self.revision,
        )
        return plan(folder, signed, options, self.memory, earlier)

    def mark(self, signed: Sequence[Shard], folder: str, executor: Executor) -> Sequence[str]:
        """See `WholeDatasetStage.mark`. Rounds of calls over files, by group of shards or by partition."""
        return mark(self.plan(signed, folder, "one", ()), signed, executor)

    def apply(self, docs: pa.RecordBatch, marks: pa.RecordBatch) -> Mapping[str, pa.Array]:
        return {
            "duplicate": pc.invert(marks.column("keep")),
            "cluster": marks.column("cluster"),
            "copies": marks.column("copies"),
        }


def mark(plan: Plan, signed: Sequence[Shard], executor: Executor) -> Sequence[str]:
    """All that is missing, from buckets to marks; the paths of the marks of `signed`."""
    make_missing(plan, "buckets", plan.own, fill_buckets, executor)
    if plan.options.verify is None:
        make_missing(plan, "meetings", plan.partitions, find_meetings, executor)
    else:
        make_missing(plan, "asked", plan.partitions, ask, executor)
        make_missing(plan, "given", len(plan.groups), give, executor)
        make_missing(plan, "meetings", plan.partitions, find_similar, executor)
    parts = mark_all(plan, connect(plan, executor), executor)
    summary = summarise(plan, parts)
    storage.write_bytes(storage.join(plan.folder, "summary.json"), json.dumps(summary, indent=2, ensure_ascii=False).encode())
    place = {shard.key: index for index, shard in enumerate(plan.shards)}
    return [plan.path("marks", place[shard.key]) for shard in signed]
