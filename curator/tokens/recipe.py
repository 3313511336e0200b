"""A vocabulary from a recipe: a sample of the run's own documents, byte-level BPE trained on it once, and then pinned.

The sample is chosen by a hash of the ids, source by source, so it depends on the set of documents alone, not on shards or
their order. The artefact is `<folder>/<hash>/tokenizer.json`, with `training.json` beside it, where the hash is of recipe,
sample and library. `<folder>/pin.json` keeps the artefact of each recipe: new documents or other weights of the mixture do not
retrain it, since that would change every id of the corpus; that the sample would be another one is reported instead.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from curator import storage
from curator.documents import Executor, Shard
from curator.tokens.draw import drawn, held_out, id_hashes
from curator.tokens.encode import Progress, read_documents
from curator.tokens.fingerprint import fingerprint

REVISION = 1
BINS = 4096  # of the draw: the sample of a source ends at the end of one

# What GPT-4's pattern does for words, numbers and line ends, with three changes. Han is a script apart, so that `iPhone手机` is
# cut where a reader cuts it and no token is half of each. Only letters of other scripts take the sign before them along
# (` word`, `.name`): written Chinese has no spaces, and `，我` would be a token beside `我`. Marks count as letters, or Hindi
# and Thai would fall apart at every vowel.
PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)"""
    r"""|[^\r\n\p{L}\p{N}\p{Han}]?[\p{L}\p{M}&&[^\p{Han}]]+"""
    r"""|\p{Han}+"""
    r"""|\p{N}{1,3}"""
    r"""| ?[^\s\p{L}\p{N}\p{Han}]+[\r\n]*"""
    r"""|\s*[\r\n]+|\s+(?!\S)|\s+"""
)


@dataclass(frozen=True, kw_only=True)
class VocabularyRecipe:
    """Byte-level BPE: `size` ids in all, the 256 bytes and the `special` tokens (the first ones) among them.

    The first special token ends a document. `pattern` splits a text before pairs are merged, so no token reaches over its cuts.
    It is trained on `sample_bytes` of UTF-8 (the library takes some 80 bytes of memory for one of Chinese), shared by `weights`
    of the sources (those of the mixture if none are given; without any, as they come). A pair must occur `min_frequency` times,
    and no token is over `max_token_bytes` long: unbounded, the slogans of spam become tokens.
    """

    algorithm: Literal["bpe"] = "bpe"
    size: int = 32_000
    pattern: str = PATTERN
    special: tuple[str, ...] = ("<|endoftext|>",)
    sample_bytes: int = 50_000_000
    weights: dict[str, float] = field(default_factory=dict)
    min_frequency: int = 2
    max_token_bytes: int = 24

    def __post_init__(self) -> None:
        if not self.special or len(set(self.special)) < len(self.special) or not all(self.special):
            raise ValueError("special: name each token once, and at least the one that ends a document")
        if not 256 + len(self.special) <= self.size <= 1 << 24:
            least = 256 + len(self.special)
            raise ValueError(f"size: {self.size} must be from {least} (bytes and special tokens) to 16,777,216")
        if self.sample_bytes < 1:
            raise ValueError(f"sample_bytes: {self.sample_bytes} must be at least 1")
        if self.min_frequency < 1 or self.max_token_bytes < 2:
            raise ValueError("min_frequency must be at least 1, and max_token_bytes at least 2")
        if not all(0 < weight < float("inf") for weight in self.weights.values()):
            raise ValueError("weights: must be above 0")
        try:
            Regex(self.pattern)
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"pattern: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A tokenizer to use. `drift` says in words how the sample differs from the one that it was trained on, if it does."""

    path: str
    trained: bool = False
    drift: str | None = None


def obtain(
    name: str,
    recipe: VocabularyRecipe,
    shards: Sequence[Shard],
    folder: str,
    executor: Executor,
    *,
    weights: Mapping[str, float] | None = None,
    validation: float = 0.0,
    retrain: bool = False,
    progress: Progress | None = None,
) -> Artefact:
    """The pinned artefact of the recipe called `name`, or one trained now and pinned.

    A pin holds for one recipe: change an option and it is trained anew. Documents of the `validation` split are never sampled.
    """
    described = fingerprint("recipe", asdict(recipe))
    if not recipe.weights and weights:
        recipe = replace(recipe, weights=dict(weights))
    inputs = fingerprint(recipe.weights, validation, sorted((shard.source, shard.key, shard.digest) for shard in shards))
    pins = _pins(folder)
    pin = pins.get(name)
    path = storage.join(folder, pin["hash"], "tokenizer.json") if pin else ""
    pinned = pin is not None and pin["recipe"] == described and not retrain and storage.exists(path)
    if pin and pinned and pin["inputs"] == inputs:
        return Artefact(path=path)
    sample = choose(recipe, shards, executor, validation, progress)
    if pin and pinned:
        moved = pin["sample"] != sample.digest
        return Artefact(path=path, drift=_drift(name, folder, pin, sample) if moved else None)
    made = train(recipe, sample, folder, progress)
    pins[name] = {"hash": made, "recipe": described, "inputs": inputs, "sample": sample.digest}
    storage.write_bytes(_pin_path(folder), json.dumps(pins, ensure_ascii=False, indent=1, sort_keys=True).encode())
    return Artefact(path=storage.join(folder, made, "tokenizer.json"), trained=True)


def _pin_path(folder: str) -> str:
    return storage.join(folder, "pin.json")


def _pins(folder: str) -> dict[str, Any]:
    return json.loads(storage.read_bytes(_pin_path(folder))) if storage.exists(_pin_path(folder)) else {}


def _drift(name: str, folder: str, pin: Mapping[str, Any], sample: Sample) -> str:
    before = json.loads(storage.read_bytes(storage.join(folder, pin["hash"], "training.json")))
    return (
        f"tokenizer {name!r} is pinned: it was trained on {before['documents']:,} documents, {before['bytes']:,} bytes; "
        f"the sample of this run would be another one ({sample.documents:,} documents, {sample.bytes:,} bytes). "
        "retrain: true trains it again and changes every id"
    )


# -------------------------------------------------------------------------------------------------------------- sample


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Which documents to train on: those of a source whose draw is below its limit, each cut to `most` bytes."""

    shards: tuple[Shard, ...]
    limits: dict[str, int]  # bins, by source
    most: dict[str, int]  # bytes of one document, by source
    validation: float
    digest: str
    documents: int
    bytes: int

    def texts(self) -> Iterator[str]:
        for shard in self.shards:
            limit = self.limits.get(shard.source, 0)
            if not limit:
                continue
            for batch in read_documents(shard, ("id", "text")):
                hashes = id_hashes(batch.column("id").to_pylist())
                chosen = (_bins(hashes) < limit) & ~held_out(hashes, self.validation)
                texts = batch.column("text").filter(chosen).to_pylist()
                yield from (_cut(text, self.most[shard.source]) for text in texts if text)


def choose(
    recipe: VocabularyRecipe,
    shards: Sequence[Shard],
    executor: Executor,
    validation: float = 0.0,
    progress: Progress | None = None,
) -> Sample:
    """Draw whole bins of documents from every source until its share of `sample_bytes` is full (at least one document)."""
    ordered = sorted(shards, key=lambda shard: (shard.source, shard.key))
    bytes_in = {source: np.zeros(BINS, np.int64) for source in sorted({shard.source for shard in shards})}
    marks = {source: np.zeros((3, BINS), np.uint64) for source in bytes_in}
    survey = functools.partial(_survey, validation=validation)
    for done, (index, (sizes, mark)) in enumerate(executor.map(survey, ordered), 1):
        bytes_in[ordered[index].source] += sizes
        marks[ordered[index].source] += mark
        if progress:
            progress("vocabulary sample", done, len(ordered))
    targets = _targets(recipe, {source: int(sizes.sum()) for source, sizes in bytes_in.items()})
    limits: dict[str, int] = {}
    for source, target in targets.items():
        held = np.cumsum(bytes_in[source])
        fitting = int(np.searchsorted(held, target, side="right"))
        limits[source] = max(fitting, int(np.searchsorted(held, 0, side="right")) + 1) if target else 0
    chosen = {source: marks[source][:, :limit].sum(axis=1, dtype=np.uint64).tolist() for source, limit in limits.items()}
    return Sample(
        shards=tuple(ordered),
        limits=limits,
        most=targets,
        validation=validation,
        digest=fingerprint(chosen, {source: most for source, most in targets.items() if limits[source] < BINS}),
        documents=sum(counts[0] for counts in chosen.values()),
        bytes=sum(int(bytes_in[source][:limit].sum()) for source, limit in limits.items()),
    )


def _bins(hashes: np.ndarray) -> np.ndarray:
    return (drawn(hashes, "vocabulary") >> np.uint64(52)).astype(np.int64)


def _survey(shard: Shard, validation: float) -> tuple[np.ndarray, np.ndarray]:
    """By bin of the draw: bytes of text; and documents, with two sums over ids and lengths that tell one set from another."""
    sizes = np.zeros(BINS, np.int64)
    marks = np.zeros((3, BINS), np.uint64)
    for batch in read_documents(shard, ("id", "text")):
        hashes = id_hashes(batch.column("id").to_pylist())
        lengths = np.array([len(text.encode()) if text else 0 for text in batch.column("text").to_pylist()], np.int64)
        kept = ~held_out(hashes, validation) & (lengths > 0)
        hashes, lengths = hashes[kept], lengths[kept]
        bins = _bins(hashes)
        np.add.at(sizes, bins, lengths)
        with_lengths = drawn(hashes ^ lengths.astype(np.uint64), "length")
        for mark, values in zip(marks, (np.ones(len(hashes), np.uint64), drawn(hashes, "digest"), with_lengths)):
            np.add.at(mark, bins, values)
    return sizes, marks


def _targets(recipe: VocabularyRecipe, available: Mapping[str, int]) -> dict[str, int]:
    """Bytes from each source: what it has, at most, and what it lacks goes to the others."""
    weights = {
        source: Fraction(str(recipe.weights.get(source, 0))) if recipe.weights else Fraction(size)
        for source, size in available.items()
    }
    targets = dict.fromkeys(available, 0)
    free = {source for source in available if weights[source] and available[source]}
    left = recipe.sample_bytes
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


# --------------------------------------------------------------------------------------------------------------- train


def train(recipe: VocabularyRecipe, sample: Sample, folder: str, progress: Progress | None = None) -> str:
    """Train on the sample, unless that was done; returns the name of the artefact's folder.

    In this process, its text read one batch at a time: what it takes is memory for the distinct words. The result depends on
    how often each word occurs, not on their order, nor on how many threads count them.
    """
    name = fingerprint("bpe", REVISION, asdict(recipe), sample.digest, tokenizers.__version__)
    path = storage.join(folder, name, "tokenizer.json")
    done = storage.join(folder, name, "training.json")
    if storage.exists(done) and storage.exists(path):
        return name
    if progress:
        progress("vocabulary training", 0, 1)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(recipe.pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.size,
        min_frequency=recipe.min_frequency,
        special_tokens=list(recipe.special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=recipe.max_token_bytes + 1,  # the library keeps below it
        show_progress=False,
    )
    tokenizer.train_from_iterator(sample.texts(), trainer)
    storage.write_bytes(path, tokenizer.to_str(pretty=True).encode())
    manifest = {
        "recipe": asdict(recipe),
        "sample": sample.digest,
        "documents": sample.documents,
        "bytes": sample.bytes,
        "bytes_by_source": sample.most,
        "vocabulary_size": tokenizer.get_vocab_size(),
        "sha256": storage.content_digest(path),
        "library": f"tokenizers {importlib.metadata.version('tokenizers')}",
    }
    storage.write_bytes(done, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    if progress:
        progress("vocabulary training", 1, 1)
    return name
