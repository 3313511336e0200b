"""`dedup_documents`: of documents that are nearly the same, one is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from curator import storage
from curator.dedup.buckets import connect, fill_buckets, find_edges
from curator.dedup.exchange import read_metadata
from curator.dedup.plan import make_missing, plan
from curator.dedup.signing import Signing
from curator.dedup.survivors import choose_candidates, choose_survivors, write_marks
from curator.documents import Executor, Rule, Shard


@dataclass(frozen=True, kw_only=True)
class DedupDocuments(Signing):
    """Find documents that are nearly the same (MinHash over shingles; the options of `Signing`) and mark all but one of each
    cluster as duplicates. The survivor: its source comes first in `prefer` (`*` stands for all others), then the higher
    `quality` (a metric column; unmeasured is lowest), then the longer (in letters, marks and digits), then the smaller id.
    Documents outside `where:` are kept. `summary.json` beside the marks tells the share that each source loses."""

    name: str = "dedup_documents"
    prefer: tuple[str, ...] = ("*",)
    quality: str | None = None

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("datasketch",)
    writes: ClassVar[Mapping[str, pa.DataType]] = {"duplicate": pa.bool_(), "cluster": pa.string(), "copies": pa.int32()}

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.prefer)) != len(self.prefer):
            raise ValueError(f"prefer: {', '.join(self.prefer)}; every source once")

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"text"} | ({self.quality} if self.quality else set()))

    @property
    def signature(self) -> Mapping[str, pa.DataType]:
        return {**self.columns, **({"quality": pa.float64()} if self.quality else {})}

    @property
    def rules(self) -> Sequence[Rule]:
        return (Rule(column=f"{self.name}.duplicate", reason=f"{self.name}.duplicate", equals=False),)

    def files(self) -> Sequence[str]:
        return ()

    def sign(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """See `WholeDatasetStage.sign`."""
        columns = self.signed(docs.column("text"))
        if self.quality:
            columns["quality"] = pc.if_else(columns["exact"].is_valid(), docs.column(self.quality).cast(pa.float64()), None)
        return columns

    def mark(self, signed: Sequence[Shard], folder: str, executor: Executor) -> Sequence[str]:
        """See `WholeDatasetStage.mark`. Six rounds of calls over files: shards, hash partitions, once, shards, once, shards."""
        plan_ = plan(folder, signed, self.banding[0], self.prefer, self.quality is not None, self.revision)
        shards = len(plan_.shards)
        make_missing(plan_, "buckets", shards, fill_buckets, executor)
        make_missing(plan_, "edges", plan_.partitions, find_edges, executor)
        make_missing(plan_, "components", 1, connect, executor)
        make_missing(plan_, "candidates", shards, choose_candidates, executor)
        make_missing(plan_, "survivors", 1, choose_survivors, executor)
        make_missing(plan_, "marks", shards, write_marks, executor)
        summary = json.loads(read_metadata(plan_.path("survivors"))[b"summary"])
        storage.write_bytes(storage.join(folder, "summary.json"), json.dumps(summary, indent=2, ensure_ascii=False).encode())
        place = {shard.key: index for index, shard in enumerate(plan_.shards)}
        return [plan_.path("marks", place[shard.key]) for shard in signed]

    def apply(self, docs: pa.RecordBatch, marks: pa.RecordBatch) -> Mapping[str, pa.Array]:
        return {
            "duplicate": pc.invert(marks.column("keep")),
            "cluster": marks.column("cluster"),
            "copies": marks.column("copies"),
        }
