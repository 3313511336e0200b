"""Documents that a classifier learns from and is judged on, by source; windows and pairs that only their words tell apart.

Classes differ in length and white space before they differ in words, and then it is measured how texts were collected. White
space is no token. Lengths are made equal: in training, both classes are cut into windows of one sequence of lengths,
log-uniform from SHORTEST to LONGEST tokens (short documents of a source are joined, so that messages of one line can stand
beside articles); for calibration and judgement, documents stand in pairs, both cut to the shorter one. Short windows are many
examples: with those of 32 to 512 tokens, the same texts taught a spam model to an AUC of .958, with these to .991.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curator.quality.tokens import spelled

SHORTEST, LONGEST = 8, 32  # tokens of a window
MEAN = (LONGEST - SHORTEST) / np.log(LONGEST / SHORTEST)
LEAST = 16  # tokens of a document that is worth a look
REPEATS = 4  # of the smaller class, at most
FOLDS = 100
_NO_LETTER = re.compile(r"[\W\d_]+")


class Document(NamedTuple):
    hash: int  # of its letters: texts that are equal but for numbers and marks are one document, wherever they lie
    tokens: bytes
    language: str
    characters: int
    newlines: int

    @property
    def fold(self) -> int:
        return self.hash % FOLDS


Sources = Mapping[str, Sequence[Document]]  # each in the order of the hashes


def collected(batches: Iterable[pa.RecordBatch], most: int, tokens: int) -> Sources:
    """The distinct documents of each source: those with the lowest hashes if there are more than `most`, the first `tokens`
    tokens of each."""
    found: dict[str, dict[int, Document]] = {}
    for batch in batches:
        for source, document in _documents(batch, tokens):
            of_source = found.setdefault(source, {})
            of_source.setdefault(document.hash, document)
            if len(of_source) >= 2 * most:
                found[source] = {key: of_source[key] for key in sorted(of_source)[:most]}
    return {source: [found[source][key] for key in sorted(found[source])[:most]] for source in sorted(found)}


def _documents(batch: pa.RecordBatch, most: int) -> Iterator[tuple[str, Document]]:
    texts = batch.column("text")
    languages = batch.column("language").to_pylist() if "language" in batch.schema.names else [None] * len(batch)
    for source, text, language, line in zip(
        batch.column("source").to_pylist(), texts.to_pylist(), languages, spelled(texts, most)
    ):
        if line.count(b" ") + 1 >= LEAST:
            letters = _NO_LETTER.sub("", line.decode())
            key = int.from_bytes(hashlib.blake2b(letters.encode(), digest_size=8).digest(), "big")
            yield source, Document(key, line, language or "", len(text), text.count("\n"))


def without(sources: Sources, hashes: frozenset[int]) -> Sources:
    return {source: [d for d in documents if d.hash not in hashes] for source, documents in sources.items()}


def folded(sources: Sources, first: int, stop: int) -> Sources:
    """The documents of the folds from `first` up to `stop`."""
    return {source: [d for d in documents if first <= d.fold < stop] for source, documents in sources.items()}


def count(sources: Sources) -> int:
    return sum(map(len, sources.values()))


# ------------------------------------------------------------------------------------------------------ windows of a length


def matched(positive: Sources, negative: Sources, seed: int) -> tuple[list[bytes], list[bytes]]:
    """Windows of both classes, as many and as long. Sources weigh as the square root of their size, so that a small one is
    heard beside a large one; the smaller class is repeated, REPEATS times at most."""
    sizes = [sum(d.tokens.count(b" ") + 1 for documents in side.values() for d in documents) for side in (positive, negative)]
    windows = max(int(min(max(sizes), REPEATS * min(sizes)) / MEAN), 1)
    lengths = np.floor(SHORTEST * (LONGEST / SHORTEST) ** uniform(windows, seed)).astype(np.int64).tolist()
    return list(_windows(positive, lengths)), list(_windows(negative, lengths))


def uniform(size: int, seed: int) -> np.ndarray:
    """Numbers from 0 up to 1 that depend on nothing but the seed (splitmix64)."""
    with np.errstate(over="ignore"):
        z = (np.arange(1, size + 1, dtype=np.uint64) + np.uint64(seed) * np.uint64(0x10000000000)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return ((z ^ z >> np.uint64(31)) >> np.uint64(11)).astype(np.float64) / (1 << 53)


def _windows(sources: Sources, lengths: Sequence[int]) -> Iterator[bytes]:
    streams = [_Stream(documents) for documents in sources.values() if documents]
    shares = np.sqrt([stream.size for stream in streams])
    shares /= shares.sum()
    given = np.zeros(len(streams))
    for number, length in enumerate(lengths, 1):
        chosen = int(np.argmax(shares * number - given))
        given[chosen] += 1
        yield streams[chosen].take(length)


class _Stream:
    """The tokens of a source, again and again."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.tokens = b" ".join(d.tokens for d in documents) + b" "
        self.ends = np.flatnonzero(np.frombuffer(self.tokens, np.uint8) == 32)
        self.size = len(self.ends)
        self.at = 0

    def take(self, length: int) -> bytes:
        parts = []
        while length:
            first, stop = self.at, min(self.at + length, self.size)
            start = int(self.ends[first - 1]) + 1 if first else 0
            parts.append(self.tokens[start : int(self.ends[stop - 1])])
            length -= stop - first
            self.at = stop if stop < self.size else 0
        return b" ".join(parts)


# ------------------------------------------------------------------------------------------------------ pairs of a length


def pairs(positive: Sources, negative: Sources) -> tuple[list[bytes], list[bytes]]:
    """Each document beside one of the other class, the fewer ones repeated, both cut to the shorter one's tokens."""
    sides = [
        sorted((d for documents in side.values() for d in documents), key=lambda d: d.hash) for side in (positive, negative)
    ]
    size = max(map(len, sides)) if all(sides) else 0
    found: tuple[list[bytes], list[bytes]] = [], []
    for i in range(size):
        cut = [side[i % len(side)].tokens.split(b" ") for side in sides]
        length = min(map(len, cut))
        for out, tokens in zip(found, cut):
            out.append(b" ".join(tokens[:length]))
    return found
