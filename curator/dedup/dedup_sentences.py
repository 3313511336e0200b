"""`dedup_sentences`: of sentences that stand in many places, a few copies stay, and the others are cut from their texts."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from curator import storage
from curator.dedup import minhash
from curator.dedup.plan import make_missing
from curator.dedup.sentence_copies import choose_candidates, find_common, keep_best, summary_of, write_counts, write_marks
from curator.dedup.sentence_cutting import without
from curator.dedup.sentence_plan import sentence_plan
from curator.dedup.sentence_units import UNITS, Units, split
from curator.dedup.signing import REVISION, optimal
from curator.documents import Executor, Rule, Shard
from curator.metrics.hashes import hash_bytes
from curator.metrics.segments import texts

_PRIME = np.uint64(0x9E6C63D0876A9A4B)
_SHIFT = np.uint64(29)


@dataclass(frozen=True, kw_only=True)
class DedupSentences:
    """Cut what stands more than `copies` times in the whole dataset: notices of copyright, headers and footers of pages, "click
    to follow".

    `unit`: `sentence`, `line` (CCNet's) or `paragraph` (up to a blank line). `span`: how many of them in a row are compared as
    one (3 sentences and `copies: 1` is C4's rule); a text of fewer is compared as a whole. Spans of fewer than `min_chars`
    letters, marks and digits are left alone. Spans are equal that differ in case, width, punctuation and white space alone
    (`folding`; `variants: fold`: in script too). With `threshold`, also those that are near by MinHash over shingles of
    `shingle` units, in as many bands as datasketch's optimiser chooses for that Jaccard similarity within `hashes`: a span is
    then a copy of all that share a band with it, not of their copies in turn.

    Copies are ranked as documents are kept: the source that comes first in `prefer` (`*` stands for all others), then the
    higher `quality` (a metric column; unmeasured is lowest), then the longer text, then the smaller id, then the place in the
    text. The first `copies` stay, the others are cut with the white space behind them. So what is cut depends on the documents
    that come in alone: not on their order, nor on whether one of them is rejected here, which may take a copy along.

    A document that loses more than `max_cut` of its characters is rejected (`cut_char_ratio`). It writes the text that is
    left, `cut` (spans), `cut_chars` and `cut_char_ratio`.
    """

    name: str = "dedup_sentences"
    unit: Literal["sentence", "line", "paragraph"] = "sentence"
    span: int = 1
    copies: int = 3
    min_chars: int = 10
    max_cut: float = 0.5
    variants: Literal["keep", "fold"] = "keep"
    threshold: float | None = None
    hashes: int = 40
    shingle: int = 3
    prefer: tuple[str, ...] = ("*",)
    quality: str | None = None
    unicode: str = field(default=unicodedata.unidata_version, init=False)  # the folding follows it: part of the fingerprint
    signatures: int = field(default=REVISION, init=False)  # of near sentences, likewise

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[Mapping[str, pa.DataType]] = {
        "text": pa.string(),
        "cut": pa.int32(),
        "cut_chars": pa.int32(),
        "cut_char_ratio": pa.float32(),
    }
    tallies: ClassVar[tuple[str, ...]] = ("cut", "cut_chars")

    def __post_init__(self) -> None:
        for option, least, most in (("span", 1, 100), ("copies", 1, 1 << 30), ("min_chars", 1, 1 << 30), ("shingle", 1, 100)):
            if not least <= getattr(self, option) <= most:
                raise ValueError(f"{option}: {getattr(self, option)}; it must be {least} to {most}")
        if not 0 <= self.max_cut <= 1:
            raise ValueError(f"max_cut: {self.max_cut}; a share of the characters, from 0 to 1")
        if not 2 <= self.hashes <= minhash.MOST_HASHES:
            raise ValueError(f"hashes: {self.hashes}; it must be 2 to {minhash.MOST_HASHES}")
        if self.threshold is not None and not 0.1 <= self.threshold <= 0.99:
            raise ValueError(f"threshold: {self.threshold}; a Jaccard similarity from 0.1 to 0.99")
        if self.threshold is not None and self.span > 1:
            raise ValueError("threshold compares units one by one: give it, or a span of more than one")
        if len(set(self.prefer)) != len(self.prefer):
            raise ValueError(f"prefer: {', '.join(self.prefer)}; every source once")

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"text"} | ({self.quality} if self.quality else set()))

    @property
    def signature(self) -> Mapping[str, pa.DataType]:
        """`keys`: 8 bytes each, as many for each span; `spans`: start and stop in bytes of the text, 4 bytes each."""
        columns = {"keys": pa.binary(), "spans": pa.binary(), "length": pa.int32(), "version": pa.uint64()}
        return columns | ({"quality": pa.float64()} if self.quality else {})

    @property
    def banding(self) -> tuple[int, int]:
        return (1, 1) if self.threshold is None else optimal(self.threshold, self.hashes)

    @property
    def rules(self) -> Sequence[Rule]:
        column = f"{self.name}.cut_char_ratio"
        return (Rule(column=column, reason=column, max=self.max_cut),)

    def files(self) -> Sequence[str]:
        return ()

    def warm(self) -> None:
        text = pa.array(["Enough words for a sentence or two. 还有几个汉字在一起。"])
        self.sign(pa.record_batch({"text": text, **({self.quality: pa.array([0.0])} if self.quality else {})}))
        without(text, np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.int64))

    def sign(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """See `WholeDatasetStage.sign`."""
        text = docs.column("text")
        units = split(text, UNITS[self.unit])
        signed = minhash.signatures(units.strings(), self.shingle, *self.banding, variants=self.variants)
        if self.threshold is None:
            keys = signed.exact[:, :1]
        else:
            shingled = (signed.kind == minhash.SHINGLED)[:, None]
            keys = np.where(shingled, signed.bands, 0)
            keys[:, :1] = np.where(shingled, keys[:, :1], signed.exact[:, :1])
        of_row = np.bincount(units.rows, minlength=len(text))
        lengths = np.bincount(units.rows, weights=signed.length, minlength=len(text)).astype(np.int32)
        rows, starts, stops, keys, chars = _spans(units, of_row, keys, signed.length, self.span)
        wanted = chars >= self.min_chars
        ranges = np.stack([starts, stops], 1)[wanted] - units.whole.starts[rows[wanted]][:, None]
        sizes = np.bincount(rows[wanted], minlength=len(text))
        null = ~text.is_valid().to_numpy(zero_copy_only=False)
        columns = {
            "keys": _packed(keys[wanted].astype("<u8"), sizes * 8 * keys.shape[1], null),
            "spans": _packed(ranges.astype("<i4"), sizes * 8, null),
            "length": pa.array(lengths, mask=null),
            "version": pa.array(_versions(units.whole.data, units.whole.starts, units.whole.stops), mask=null),
        }
        if self.quality:
            columns["quality"] = pc.if_else(pa.array(~null), docs.column(self.quality).cast(pa.float64()), None)
        return columns

    def mark(self, signed: Sequence[Shard], folder: str, executor: Executor) -> Sequence[str]:
        """See `WholeDatasetStage.mark`. Rounds of calls over files: shards, partitions, shards, partitions, shards."""
        plan = sentence_plan(folder, signed, self.copies, self.prefer, self.quality is not None, self.revision, executor)
        shards = len(plan.shards)
        make_missing(plan, "counts", shards, write_counts, executor)
        make_missing(plan, "common", plan.partitions, find_common, executor)
        make_missing(plan, "candidates", shards, choose_candidates, executor)
        make_missing(plan, "kept", plan.partitions, keep_best, executor)
        make_missing(plan, "marks", shards, write_marks, executor)
        place = {shard.key: index for index, shard in enumerate(plan.shards)}
        paths = [plan.path("marks", place[shard.key]) for shard in signed]
        summary = _summary([found for _, found in executor.map(summary_of, paths)])
        storage.write_bytes(storage.join(folder, "summary.json"), json.dumps(summary, indent=2, ensure_ascii=False).encode())
        return paths

    def apply(self, docs: pa.RecordBatch, marks: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """See `WholeDatasetStage.apply`. Raises ValueError where a text is not the one that was signed."""
        text = docs.column("text")
        whole = texts(text)
        signed = marks.column("version").to_numpy(zero_copy_only=False)
        if (_versions(whole.data, whole.starts, whole.stops) != signed)[whole.valid].any():
            raise ValueError("the marks are of another version of this text")
        sizes = pc.fill_null(pc.list_value_length(marks.column("starts")), 0).to_numpy()
        starts, stops = (marks.column(name).flatten().to_numpy().astype(np.int64) for name in ("starts", "stops"))
        found = without(text, np.repeat(np.arange(len(text)), sizes), starts, stops)
        ratio = found.chars / np.maximum(found.whole, 1)
        return {
            "text": found.text,
            "cut": marks.column("cut"),
            "cut_chars": pa.array(found.chars.astype(np.int32)),
            "cut_char_ratio": pa.array(ratio.astype(np.float32)),
        }


def _summary(shards: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, Any]:
    """The shards together: what every source loses shows here."""
    sources: dict[str, Any] = {}
    for name in sorted({name for shard in shards for name in shard}):
        mine = [shard[name] for shard in shards if name in shard]
        total = {kind: sum(each[kind] for each in mine) for kind in ("documents", "spans", "cut")}
        sources[name] = total | {"share": total["cut"] / max(1, total["spans"])}
    return {kind: sum(each[kind] for each in sources.values()) for kind in ("documents", "spans", "cut")} | {"sources": sources}


def _spans(
    units: Units, of_row: np.ndarray, keys: np.ndarray, chars: np.ndarray, span: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, start, stop, keys and characters of every `span` units in a row; of a text that has fewer, of all of them."""
    if span == 1:
        return units.rows, units.starts, units.stops, keys, chars
    last_of_row = np.cumsum(of_row) - 1
    firsts = np.arange(len(units.rows))
    lasts = np.minimum(firsts + span - 1, last_of_row[units.rows])
    whole = (lasts - firsts == span - 1) | (firsts == last_of_row[units.rows] - of_row[units.rows] + 1)
    firsts, lasts = firsts[whole], lasts[whole]
    joined = _joined(np.ascontiguousarray(keys[:, 0]), firsts, lasts)
    sums = np.concatenate(([0], np.cumsum(chars)))
    return units.rows[firsts], units.starts[firsts], units.stops[lasts], joined[:, None], sums[lasts + 1] - sums[firsts]


@njit(cache=True, nogil=True)
def _joined(keys, firsts, lasts):
    """The hash of several keys in a row."""
    joined = np.empty(len(firsts), np.uint64)
    for i in range(len(firsts)):
        state = np.uint64(lasts[i] - firsts[i] + 1)
        for k in range(firsts[i], lasts[i] + 1):
            state = (state ^ keys[k]) * _PRIME
            state ^= state >> _SHIFT
        joined[i] = state
    return joined


@njit(cache=True, nogil=True)
def _versions(data, starts, stops):
    found = np.empty(len(starts), np.uint64)
    for row in range(len(starts)):
        found[row] = hash_bytes(data, starts[row], stops[row] - starts[row])
    return found


def _packed(values: np.ndarray, sizes: np.ndarray, null: np.ndarray) -> pa.Array:
    """A row of bytes for each text; `sizes` in bytes."""
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    valid = pa.array(~null).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), len(sizes), [valid, pa.py_buffer(offsets), pa.py_buffer(values.tobytes())])
