"""`cut`: head, middle and tail of the documents by a number that they have."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator import storage
from curator.documents import Executor, Rule, Shard
from curator.selection import histograms
from curator.selection.bins import Scale
from curator.selection.cuts import BUCKETS, NOTHING, Basis, Cuts, CutsError, place, read_cuts, to_bytes
from curator.selection.draws import gumbel
from curator.selection.sample import scores
from curator.selection.summary import summarise


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Put each document in the head, the middle or the tail by a column of numbers, `by`, and reject the buckets in `reject`.

    `best` says which end of the numbers is the head. Where the buckets end is told by one of these:
    - `percentiles: [30, 60]`: the best 30 % of a group's documents are the head, the next 30 % the middle, the rest the tail;
      one percentile makes head and tail alone. CCNet's buckets (Wenzek et al. 2020, arXiv 1911.00359) are `best: lowest`
      perplexity.
    - `keep: 0.3`: `percentiles: [30]`, for a fraction.
    - `at: [300, 1000]`: these numbers, for every group, the best first. A document that has the very number is on its better
      side (CCNet, whose perplexities have one decimal, puts it on the worse).

    Percentiles are of each group of documents with the same values in `per`. They are found by counting in fixed bins (`scale`:
    see `bins`; `log` suits perplexities, `linear` scores from 0 to 1), so a cut point is exact but for the width of a bin, and
    a bucket gets at least the share that is asked for. Equal numbers are never parted. A group of fewer than `least` documents
    with a number is cut where the group around it is: without the last column of `per`, and so on up to all documents.

    A document whose number is null, infinite or NaN is in the bucket `unmeasured` and counts for no percentile; it is rejected
    as by every rule, unless `unmeasured: keep`. `gumbel`, a seed, adds noise by the document's id to the number first, which
    must be a log-weight with `best: highest`: then the head is a sample without replacement, in proportion to the weights.

    The cut points are published in `cuts/<stage>.json`. `cuts: FILE` takes them from there: such a stage, and one with `at`,
    judges a document by itself and needs no other. The file's `by`, `best`, `scale`, `per`, `gumbel` and bins must be this
    stage's, and its percentiles too where this one names some; a group that the file lacks is cut where the one around it is.
    """

    by: str
    best: Literal["lowest", "highest"]
    percentiles: tuple[float, ...] = ()
    keep: float | None = None
    at: tuple[float, ...] = ()
    cuts: str | None = None
    reject: tuple[Literal["head", "middle", "tail"], ...] = ("tail",)
    unmeasured: Literal["reject", "keep"] = "reject"
    scale: Scale = "log"
    per: tuple[Literal["source", "language", "script"], ...] = ("language", "source")
    least: int = 100
    gumbel: int | None = None
    name: str = "cut"

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("xxhash",)
    writes: ClassVar[Mapping[str, pa.DataType]] = {"bucket": pa.string(), "kept": pa.bool_()}
    signature: ClassVar[Mapping[str, pa.DataType]] = {"group": pa.string(), "score": pa.float64()}

    def __post_init__(self) -> None:
        asked = [option for option in ("percentiles", "keep", "at") if getattr(self, option) not in ((), None)]
        if len(asked) > 1:
            raise ValueError(f"{' and '.join(asked)}: they say the same thing in different ways; give one")
        if not asked and self.cuts is None:
            raise ValueError(
                "percentiles: say where to cut: `percentiles`, `keep` or `at`, or `cuts` with a file of cut points"
            )
        if self.keep is not None and not 0 < self.keep < 1:
            raise ValueError(f"keep: {self.keep:g}; a fraction between 0 and 1")
        if len(self.percentiles) > 2 or not all(0 < p < 100 for p in self.percentiles):
            raise ValueError(f"percentiles: {_listed(self.percentiles)}; one or two numbers between 0 and 100")
        if list(self.percentiles) != sorted(set(self.percentiles)):
            raise ValueError(f"percentiles: {_listed(self.percentiles)}; they count from the best, the smaller first")
        if len(self.at) > 2 or not np.isfinite(self.at).all():
            raise ValueError(f"at: {_listed(self.at)}; one or two numbers")
        if list(self.at) != sorted(set(self.at), reverse=self.best == "highest"):
            raise ValueError(f"at: {_listed(self.at)}; the better number first, with `best: {self.best}`")
        if self.at and self.cuts is not None:
            raise ValueError("at: needs no file of cut points; give `at` or `cuts`")
        if len(set(self.per)) != len(self.per) or len(set(self.reject)) != len(self.reject):
            raise ValueError("per, reject: every name once")
        if self.least < 1:
            raise ValueError(f"least: {self.least} documents; 1 or more")
        if self.gumbel is not None and (self.best != "highest" or self.at):
            raise ValueError("gumbel: draws documents by log-weights, of which the highest are best, to a share: not with `at`")

    # ---------------------------------------------------------------------------------------------- what the engine asks

    @property
    def whole_dataset(self) -> bool:
        """Whether every document must be seen before one can be judged."""
        return not self.at and self.cuts is None

    @property
    def numbers(self) -> frozenset[str]:
        """Of the columns that it reads, those that must hold numbers."""
        return frozenset({self.by})

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({self.by, *(self.per if not self.at else ())})

    @property
    def rules(self) -> Sequence[Rule]:
        """One for each bucket that is rejected, the unmeasured first: they have no place among the others."""
        rejected = [*(["unmeasured"] if self.unmeasured == "reject" else []), *self.reject]
        return [
            Rule(column=f"{self.name}.bucket", reason=f"{self.name}.{bucket}", among=tuple(b for b in BUCKETS if b != bucket))
            for bucket in rejected
        ]

    @property
    def signed_by(self) -> Mapping[str, Any]:
        """What the signatures depend on: another percentile reads no document anew."""
        return {"by": self.by, "per": self.per, "gumbel": self.gumbel}

    def files(self) -> Sequence[str]:
        return () if self.cuts is None else (self.cuts,)

    def check(self) -> None:
        """Raise CutsError if the file of cut points cannot be read, or is of something else."""
        if self.cuts is not None:
            self._stored()

    # ------------------------------------------------------------------------------------------------ over all documents

    @property
    def basis(self) -> Basis:
        asked = (self.keep * 100,) if self.keep is not None else self.percentiles
        return Basis(
            self.by, self.best, self.scale, self.per, tuple(round(float(p), 9) for p in asked), self.least, self.gumbel
        )

    def sign(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """See `WholeDatasetStage.sign`."""
        return {"group": self._groups(docs), "score": pa.array(self._scores(docs), from_pandas=True)}

    def mark(self, signed: Sequence[Shard], folder: str, executor: Executor) -> Sequence[str]:
        """See `WholeDatasetStage.mark`: histograms of the shards, their sum, cut points, and the buckets of each shard."""
        work = histograms.Work(folder, self.basis, self.revision)
        counts = histograms.count_all(work, signed, executor)
        cuts = histograms.find_cuts(self.basis, counts)
        storage.write_bytes(storage.join(folder, "cuts.json"), to_bytes(cuts))
        summary = summarise(cuts, histograms.small_groups(self.basis, counts, cuts))
        storage.write_bytes(storage.join(folder, "summary.json"), json.dumps(summary, ensure_ascii=False, indent=1).encode())
        return histograms.mark_all(work, signed, cuts, executor)

    def apply(self, docs: pa.RecordBatch, marks: pa.RecordBatch) -> Mapping[str, pa.Array]:
        return self._verdict(marks.column("bucket"))

    def publish(self, folder: str, output: str) -> list[str]:
        """Put the cut points that `mark` has left in `folder` into the output; the paths of the files."""
        path = storage.join(output, "cuts", f"{self.name}.json")
        storage.write_bytes(path, storage.read_bytes(storage.join(folder, "cuts.json")))
        return [path]

    # --------------------------------------------------------------------------------------------- each document by itself

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        values = self._scores(docs)
        if self.at:
            exact = pa.types.is_float32(docs.column(self.by).type)  # a bound in the column's own precision, as in every rule
            points = [float(np.float32(point)) for point in self.at] if exact else list(self.at)
            return self._verdict(pa.array(place(values, points, self.best)))
        return self._verdict(histograms.place_all(self._stored(), self._groups(docs), values))

    def _stored(self) -> Cuts:
        assert self.cuts is not None
        found = _read_once(self.cuts, storage.content_digest(self.cuts) if storage.exists(self.cuts) else "")
        mine, theirs = self.basis, found.basis
        for option in ("by", "best", "scale", "per", "gumbel", "percentiles"):
            asked, there = getattr(mine, option), getattr(theirs, option)
            if asked != there and not (option == "percentiles" and not asked):
                raise CutsError(f"cuts: {self.cuts} was made with {option}: {_said(there)}, and here it is {_said(asked)}")
        return found

    def _scores(self, docs: pa.RecordBatch) -> np.ndarray:
        found = scores(docs.column(self.by))
        return found if self.gumbel is None else found + gumbel(docs.column("id"), self.gumbel, self.by)

    def _groups(self, docs: pa.RecordBatch) -> pa.Array:
        if not self.per:
            return pa.repeat(pa.scalar(""), len(docs))
        columns = [
            pc.replace_substring(pc.fill_null(docs.column(name).cast(pa.string()), NOTHING), histograms.SEPARATOR, " ")
            for name in self.per
        ]
        return pc.binary_join_element_wise(*columns, histograms.SEPARATOR)

    def _verdict(self, buckets: pa.Array) -> dict[str, pa.Array]:
        names = pa.array(BUCKETS).take(buckets)
        rejected = {"unmeasured"} if self.unmeasured == "reject" else set()
        kept = [bucket for bucket in BUCKETS if bucket not in rejected | set(self.reject)]
        return {"bucket": names, "kept": pc.is_in(names, value_set=pa.array(kept, pa.string()))}


@functools.lru_cache(maxsize=16)
def _read_once(path: str, _digest: str) -> Cuts:
    return read_cuts(path)


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{n:g}" for n in numbers) or "nothing"


def _said(value: object) -> str:
    if value is None:
        return "off"
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, tuple) else str(value)
