"""A vocabulary from a recipe: a sample of the run's own documents, trained on once, and then pinned.

The artefact is `<folder>/<hash>/tokenizer.json`, with `training.json` beside it, where the hash is of recipe,
sample and library. `<folder>/pin.json` keeps the artefact of each recipe: new documents or other weights of the mixture do not
retrain it, since that would change every id of the corpus; that the sample would be another one is reported instead.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any, Literal

import pyarrow.parquet as pq
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from curator import storage
from curator.documents import Executor, Shard
from curator.tokens import formats, wordpiece
from curator.tokens.encode import Progress
from curator.tokens.extend import extend
from curator.tokens.fingerprint import fingerprint
from curator.tokens.sample import Sample, choose

REVISION = 1
TRAINED = "training.json"  # beside tokenizer.json, and written last
RETRAIN = "retrain: true trains it again and changes every id"
LATER = ("base", "corpus", "read", "lowercase")  # options of later versions: at their defaults, what was pinned stays pinned

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
    """`size` ids in all, the `special` tokens (the first ones; the first of them ends a document) among them.

    `bpe`: byte-level, so every text has ids and comes back. `pattern` splits a text before pairs are merged: no token reaches
    over its cuts. A pair must occur `min_frequency` times, and no token is over `max_token_bytes` long: unbounded, the slogans
    of spam become tokens. `wordpiece`: for models of BERT's kind, with [UNK] for what it lacks (see `wordpiece`); `lowercase`
    also takes accents away, and `pattern` and `max_token_bytes` are BERT's.

    With `base` (a tokenizer of byte-level BPE, of any format that `curator tokenizer` reads) its ids stay as they are, and
    merges for Chinese are added up to `size` ids (see `extend`); it splits as it always did, so `pattern` does not apply.

    It is trained on `sample_bytes` of UTF-8 (the library takes some 80 bytes of memory for one of Chinese), shared by `weights`
    of the sources (those of the mixture if none are given; without any, as they come). A run learns from its own documents;
    `curator tokenizer train` from those that it is given, else from `corpus` (globs, or the output of a run), raw dumps with
    `read: wikipedia` or the like.
    """

    algorithm: Literal["bpe", "wordpiece"] = "bpe"
    size: int = 32_000
    base: str | None = None
    pattern: str = PATTERN
    lowercase: bool = False
    special: tuple[str, ...] = ("<|endoftext|>",)
    corpus: tuple[str, ...] = ()
    read: str | None = None
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
        if self.base is not None and (self.algorithm != "bpe" or self.pattern != PATTERN):
            raise ValueError("base: it is extended by byte-level BPE and splits text as it did: leave algorithm and pattern")
        if self.lowercase and self.algorithm != "wordpiece":
            raise ValueError("lowercase: only for wordpiece; byte-level BPE gives every text back as it was")
        if self.algorithm == "wordpiece" and wordpiece.UNKNOWN not in self.special:
            raise ValueError(f"special: wordpiece needs {wordpiece.UNKNOWN!r} among them, for what the vocabulary lacks")
        try:
            Regex(self.pattern)
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"pattern: {error}") from None

    def described(self) -> dict[str, Any]:
        """The options, for a fingerprint; the base by what it holds, not by where it lies."""
        defaults = {f.name: f.default_factory() if f.default is MISSING else f.default for f in fields(self)}  # type: ignore[misc]
        found = {name: value for name, value in asdict(self).items() if name not in LATER or value != defaults[name]}
        if self.base is not None:
            found["base"] = fingerprint(formats.read(self.base).decode())
        return {name: value for name, value in found.items() if name not in ("corpus", "read")}


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
    described = fingerprint("recipe", recipe.described())
    if not recipe.weights and weights:
        recipe = replace(recipe, weights=dict(weights))
    documents = fingerprint(validation, sorted((shard.source, shard.key, shard.digest) for shard in shards))
    inputs = fingerprint(recipe.weights, documents)
    pins = _pins(folder)
    pin = pins.get(name)
    path = storage.join(folder, pin["hash"], "tokenizer.json") if pin else ""
    pinned = pin is not None and pin["recipe"] == described and not retrain and storage.exists(path)
    if pin and pinned and pin["inputs"] == inputs:
        return Artefact(path=path)
    if pin and pinned and pin.get("documents") == documents:
        drift = f"tokenizer {name!r} is pinned: it was trained by other weights of the sources. {RETRAIN}"
        return Artefact(path=path, drift=drift)
    sample = choose(recipe, shards, executor, validation, progress)
    if pin and pinned:
        moved = pin["sample"] != sample.digest
        return Artefact(path=path, drift=_drift(name, folder, pin, sample) if moved else None)
    if not sample.documents:  # nothing but bytes would be learnt, and pinned
        raise ValueError(f"tokenizer {name!r}: no document to learn from, of a source that the weights name")
    made = train(recipe, sample, folder, progress)
    pins[name] = {"hash": made, "recipe": described, "inputs": inputs, "documents": documents, "sample": sample.digest}
    storage.write_bytes(_pin_path(folder), json.dumps(pins, ensure_ascii=False, indent=1, sort_keys=True).encode())
    return Artefact(path=storage.join(folder, made, "tokenizer.json"), trained=True)


def _pin_path(folder: str) -> str:
    return storage.join(folder, "pin.json")


def _pins(folder: str) -> dict[str, Any]:
    return json.loads(storage.read_bytes(_pin_path(folder))) if storage.exists(_pin_path(folder)) else {}


def _drift(name: str, folder: str, pin: Mapping[str, Any], sample: Sample) -> str:
    before = json.loads(storage.read_bytes(storage.join(folder, pin["hash"], TRAINED)))
    return (
        f"tokenizer {name!r} is pinned: it was trained on {before['documents']:,} documents, {before['bytes']:,} bytes; "
        f"the sample of this run would be another one ({sample.documents:,} documents, {sample.bytes:,} bytes). {RETRAIN}"
    )


# --------------------------------------------------------------------------------------------------------------- train


def train(recipe: VocabularyRecipe, sample: Sample, folder: str, progress: Progress | None = None) -> str:
    """Train on the sample, unless that was done; returns the name of the artefact's folder."""
    name = fingerprint(recipe.algorithm, REVISION, recipe.described(), sample.digest, tokenizers.__version__)
    if not storage.exists(storage.join(folder, name, TRAINED)):
        write(recipe, sample, storage.join(folder, name), progress)
    return name


def write(recipe: VocabularyRecipe, sample: Sample, folder: str, progress: Progress | None = None) -> dict[str, Any]:
    """Train on the sample, in this process: `tokenizer.json`, for an extended one `new_tokens.parquet` (see `extend`), and last
    `training.json` with what it was made of, which is returned.

    The result depends on how often each word occurs, not on their order, nor on how many threads count them.
    """
    if progress:
        progress("vocabulary training", 0, 1)
    path = storage.join(folder, "tokenizer.json")
    if recipe.base is not None:
        data, table = extend(
            formats.read(recipe.base),
            sample.texts(),
            size=recipe.size,
            special=recipe.special,
            min_frequency=recipe.min_frequency,
            max_token_bytes=recipe.max_token_bytes,
        )
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        storage.write_bytes(storage.join(folder, "new_tokens.parquet"), sink.getvalue())
    elif recipe.algorithm == "wordpiece":
        data = wordpiece.train(sample.texts(), recipe.size, recipe.special, recipe.min_frequency, recipe.lowercase)
    else:
        data = _byte_level(recipe, sample.texts())
    storage.write_bytes(path, data)
    manifest = {
        "recipe": asdict(recipe),
        "sample": sample.digest,
        "documents": sample.documents,
        "bytes": sample.bytes,
        "bytes_by_source": sample.most,
        "validation": sample.validation,
        "vocabulary_size": Tokenizer.from_buffer(data).get_vocab_size(),
        "sha256": storage.content_digest(path),
        "library": f"tokenizers {importlib.metadata.version('tokenizers')}",
    }
    storage.write_bytes(storage.join(folder, TRAINED), json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    if progress:
        progress("vocabulary training", 1, 1)
    return manifest


def _byte_level(recipe: VocabularyRecipe, texts: Iterator[str]) -> bytes:
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
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str(pretty=True).encode()
