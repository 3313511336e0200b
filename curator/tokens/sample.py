"""Which documents a vocabulary is trained on: by a hash of their ids, source by source, never one of the validation split.

So it depends on the set of documents alone, not on shards, files or their order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator.documents import Executor, Shard
from curator.tokens.draw import drawn, held_out, id_hashes
from curator.tokens.encode import Progress, read_documents
from curator.tokens.fingerprint import fingerprint

BINS = 4096  # of the draw: the sample of a source ends at the end of one

# Batches with the columns key, source and text, from the beginning at each call.
Corpus = Callable[[], Iterable[pa.RecordBatch]]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Which documents to train on: those of a source whose draw is below its limit, each cut to `most` bytes."""

    corpora: tuple[Shard | Corpus, ...]
    limits: dict[str, int]  # bins, by source
    most: dict[str, int]  # bytes of one document, by source
    validation: float
    digest: str
    documents: int
    bytes: int

    def texts(self) -> Iterator[str]:
        for corpus in self.corpora:
            if isinstance(corpus, Shard) and not self.limits.get(corpus.source, 0):
                continue
            for source, keys, texts in _documents(corpus):
                hashes = id_hashes(keys)
                chosen = (_bins(hashes) < self.limits.get(source, 0)) & ~held_out(hashes, self.validation)
                yield from (_cut(text, self.most[source]) for text in texts.filter(pa.array(chosen)).to_pylist() if text)


class Asked(Protocol):
    """What of a recipe the sample depends on."""

    @property
    def sample_bytes(self) -> int: ...
    @property
    def weights(self) -> Mapping[str, float]: ...


def choose(
    asked: Asked,
    corpora: Sequence[Shard | Corpus],
    executor: Executor,
    validation: float = 0.0,
    progress: Progress | None = None,
) -> Sample:
    """Draw whole bins of documents from every source until its share of the sample is full (at least one document)."""
    shards = sorted((each for each in corpora if isinstance(each, Shard)), key=lambda shard: (shard.source, shard.key))
    others = [each for each in corpora if not isinstance(each, Shard)]
    bytes_in: dict[str, np.ndarray] = {}
    marks: dict[str, np.ndarray] = {}
    survey = functools.partial(_survey, validation=validation)
    surveys = (found for _, found in executor.map(survey, shards))
    for done, found in enumerate((*surveys, *map(survey, others)), 1):
        for source, (sizes, mark) in found.items():
            bytes_in[source] = bytes_in.get(source, 0) + sizes
            marks[source] = marks.get(source, np.uint64(0)) + mark
        if progress:
            progress("vocabulary sample", done, len(corpora))
    bytes_in = {source: bytes_in[source] for source in sorted(bytes_in)}
    targets = _targets(asked.sample_bytes, asked.weights, {source: int(sizes.sum()) for source, sizes in bytes_in.items()})
    limits: dict[str, int] = {}
    for source, target in targets.items():
        held = np.cumsum(bytes_in[source])
        fitting = int(np.searchsorted(held, target, side="right"))
        limits[source] = max(fitting, int(np.searchsorted(held, 0, side="right")) + 1) if target else 0
    chosen = {source: marks[source][:, :limit].sum(axis=1, dtype=np.uint64).tolist() for source, limit in limits.items()}
    return Sample(
        corpora=(*shards, *others),
        limits=limits,
        most=targets,
        validation=validation,
        digest=fingerprint(chosen, {source: most for source, most in targets.items() if limits[source] < BINS}),
        documents=sum(counts[0] for counts in chosen.values()),
        bytes=sum(int(bytes_in[source][:limit].sum()) for source, limit in limits.items()),
    )


def _documents(corpus: Shard | Corpus) -> Iterator[tuple[str, list[str], pa.Array]]:
    """(source, keys, texts) of documents of one source each."""
    if isinstance(corpus, Shard):
        for batch in read_documents(corpus, ("id", "text")):
            yield corpus.source, batch.column("id").to_pylist(), batch.column("text")
        return
    for batch in corpus():
        sources = batch.column("source").cast(pa.string())
        for source in sorted(set(sources.to_pylist())):
            rows = batch.filter(pc.equal(sources, source))
            yield source, rows.column("key").to_pylist(), rows.column("text").cast(pa.string())


def _bins(hashes: np.ndarray) -> np.ndarray:
    return (drawn(hashes, "vocabulary") >> np.uint64(52)).astype(np.int64)


def _survey(corpus: Shard | Corpus, validation: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By source and bin of the draw: bytes of text; and documents, with two sums over ids and lengths that tell one set from
    another."""
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if isinstance(corpus, Shard):
        found[corpus.source] = np.zeros(BINS, np.int64), np.zeros((3, BINS), np.uint64)
    for source, keys, texts in _documents(corpus):
        sizes, marks = found.setdefault(source, (np.zeros(BINS, np.int64), np.zeros((3, BINS), np.uint64)))
        hashes = id_hashes(keys)
        lengths = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        kept = ~held_out(hashes, validation) & (lengths > 0)
        hashes, lengths = hashes[kept], lengths[kept]
        bins = _bins(hashes)
        np.add.at(sizes, bins, lengths)
        with_lengths = drawn(hashes ^ lengths.astype(np.uint64), "length")
        for mark, values in zip(marks, (np.ones(len(hashes), np.uint64), drawn(hashes, "digest"), with_lengths)):
            np.add.at(mark, bins, values)
    return found


def _targets(sample_bytes: int, given: Mapping[str, float], available: Mapping[str, int]) -> dict[str, int]:
    """Bytes from each source: what it has, at most, and what it lacks goes to the others."""
    weights = {source: Fraction(str(given.get(source, 0))) if given else Fraction(size) for source, size in available.items()}
    targets = dict.fromkeys(available, 0)
    free = {source for source in available if weights[source] and available[source]}
    left = sample_bytes
    while free:
        whole = sum(weights[source] for source in free)
        shares = {source: int(weights[source] * left / whole) for source in free}
        full = {source for source in free if shares[source] >= available[source]}
        if not full:
            return targets | shares
        targets |= {source: available[source] for source in full}
        left -= sum(available[source] for source in full)
        free -= full
    return targets


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, whole characters."""
    if len(text) * 4 <= most:
        return text
    return text.encode()[:most].decode("utf-8", errors="ignore")
