"""`dedup_documents`: of documents that are nearly the same, one is kept."""

from __future__ import annotations

import functools
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator import storage
from curator.dedup import minhash
from curator.dedup.buckets import connect, fill_buckets, find_edges
from curator.dedup.exchange import read_metadata
from curator.dedup.plan import make_missing, plan
from curator.dedup.survivors import choose_candidates, choose_survivors, write_marks
from curator.documents import Executor, Rule, Shard

_BANDS, _ROWS = 14, 8


@dataclass(frozen=True, kw_only=True)
class DedupDocuments:
    """Find documents that are nearly the same (MinHash over shingles of `shingle` units; see `folding` for units and
    normalisation) and mark all but one of each cluster as duplicates. Two documents of Jaccard similarity s meet with the
    probability 1 - (1 - s**rows)**bands; the default 14 x 8 is FineWeb's, one half at s = 0.69. `threshold` instead of `bands`
    and `rows` has datasketch's optimiser choose them within `hashes`, for equal costs of both errors. A document of fewer than
    `shingle` units is a duplicate only of one with the same units; one with none, of the same bytes. The survivor: its source
    comes first in `prefer` (`*` stands for all others), then the higher `quality` (a metric column; unmeasured is lowest), then
    the longer (in letters, marks and digits), then the smaller id. Documents outside `where:` are kept. `summary.json` beside
    the marks tells the share that each source loses."""

    name: str = "dedup_documents"
    shingle: int = 5
    bands: int = _BANDS
    rows: int = _ROWS
    threshold: float | None = None
    hashes: int = 128
    prefer: tuple[str, ...] = ("*",)
    quality: str | None = None
    unicode: str = field(default=unicodedata.unidata_version, init=False)  # the folding follows it: part of the fingerprint

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("datasketch",)
    writes: ClassVar[Mapping[str, pa.DataType]] = {"duplicate": pa.bool_(), "cluster": pa.string(), "copies": pa.int32()}

    def __post_init__(self) -> None:
        if not 1 <= self.shingle <= 100:
            raise ValueError(f"shingle: {self.shingle} units; it must be 1 to 100")
        if self.bands < 1 or self.rows < 1 or self.bands * self.rows > minhash.MOST_HASHES:
            raise ValueError(f"bands, rows: {self.bands} x {self.rows}; both 1 or more, at most {minhash.MOST_HASHES} hashes")
        if not 2 <= self.hashes <= minhash.MOST_HASHES:
            raise ValueError(f"hashes: {self.hashes}; it must be 2 to {minhash.MOST_HASHES}")
        if self.threshold is not None:
            if not 0.1 <= self.threshold <= 0.99:
                raise ValueError(f"threshold: {self.threshold}; a Jaccard similarity from 0.1 to 0.99")
            if (self.bands, self.rows) != (_BANDS, _ROWS):
                raise ValueError("threshold chooses bands and rows: give either threshold, or bands and rows")
        if len(set(self.prefer)) != len(self.prefer):
            raise ValueError(f"prefer: {', '.join(self.prefer)}; every source once")

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"text"} | ({self.quality} if self.quality else set()))

    @property
    def signature(self) -> Mapping[str, pa.DataType]:
        columns = {"bands": pa.list_(pa.uint64(), self.banding[0]), "exact": pa.binary(16), "length": pa.int32()}
        return columns | ({"quality": pa.float64()} if self.quality else {})

    @property
    def banding(self) -> tuple[int, int]:
        """Bands and rows, as given or as chosen for the threshold."""
        return (self.bands, self.rows) if self.threshold is None else _optimal(self.threshold, self.hashes)

    @property
    def rules(self) -> Sequence[Rule]:
        return (Rule(column=f"{self.name}.duplicate", reason=f"{self.name}.duplicate", equals=False),)

    def files(self) -> Sequence[str]:
        return ()

    def warm(self) -> None:
        minhash.signatures(pa.array(["enough words for a shingle or two, 和几个汉字在一起"]), self.shingle, *self.banding)

    def sign(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """See `WholeDatasetStage.sign`. `bands` is null for a text that is too short to have a shingle."""
        signed = minhash.signatures(docs.column("text"), self.shingle, *self.banding)
        present, shingled = signed.kind != minhash.ABSENT, signed.kind == minhash.SHINGLED
        hashes = pa.array(signed.bands.reshape(-1))
        digests = pa.py_buffer(signed.exact.astype("<u8").tobytes())
        columns: dict[str, pa.Array] = {
            "bands": pa.Array.from_buffers(self.signature["bands"], len(docs), [_bitmap(shingled)], children=[hashes]),
            "exact": pa.Array.from_buffers(pa.binary(16), len(docs), [_bitmap(present), digests]),
            "length": pa.array(signed.length, mask=~present),
        }
        if self.quality:
            columns["quality"] = pc.if_else(pa.array(present), docs.column(self.quality).cast(pa.float64()), None)
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


@functools.cache
def _optimal(threshold: float, hashes: int) -> tuple[int, int]:
    from datasketch.lsh import _optimal_param  # brings scipy: only where it is asked for

    return _optimal_param(threshold, hashes, 0.5, 0.5)


def _bitmap(valid: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
