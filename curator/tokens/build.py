"""All of it in one call: tokenizer (given, or trained from a recipe), token files, mixture, token shards, manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from curator import config, storage
from curator.documents import Executor, Shard
from curator.tokens import bestfit, formats, packing, recipe, shards, vocabulary
from curator.tokens import mixture as mixing
from curator.tokens.encode import Encoded, Progress, encode
from curator.tokens.fingerprint import fingerprint
from curator.tokens.mixture import Mixture, Part, Plan

REVISION = 1


@dataclass(frozen=True, kw_only=True)
class Tokenize:
    """Documents to ids, and ids to sequences.

    `tokenizer` is a Hugging Face `tokenizer.json`, or a recipe (YAML, or the name of a shipped one) to train one from the run's
    own documents. `eos` ends a document: unless given, the first special token of a recipe, or a token of a usual name. A
    sequence predicts `sequence_length` tokens, and a shard holds about `shard_tokens`. `retrain` trains a recipe again although
    a tokenizer is pinned.
    """

    tokenizer: str
    sequence_length: int = 2048
    eos: str | None = None
    shard_tokens: int = 100_000_000
    retrain: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.sequence_length <= 1 << 24:
            raise ValueError(f"sequence_length: {self.sequence_length} must be from 1 to 16,777,216")
        if self.shard_tokens < self.sequence_length:
            raise ValueError(f"shard_tokens: {self.shard_tokens} must hold one sequence of {self.sequence_length} at least")

    @property
    def is_recipe(self) -> bool:
        return not self.tokenizer.endswith(".json")


def check(tokenize: Tokenize, mixture: Mixture, sources: Iterable[str]) -> None:
    """Before the run: is there such a tokenizer or recipe, and such sources? Raises ValueError or ConfigError."""
    mixture.check(sources)
    try:
        if tokenize.is_recipe:
            made = read_recipe(tokenize.tokenizer)
            unknown = set(made.weights) - set(sources)
            if unknown:
                raise ValueError(f"tokenizer: {tokenize.tokenizer}: weights: no source {', '.join(sorted(unknown))}")
            if made.base is not None:
                formats.read(made.base)
            if tokenize.eos is not None and tokenize.eos not in made.special:
                raise ValueError(f"eos: {tokenize.eos!r} is none of the special tokens of {tokenize.tokenizer}")
        else:
            vocabulary.load(storage.resolve(tokenize.tokenizer), tokenize.eos)
    except (storage.StorageError, formats.FormatError, FileNotFoundError) as error:
        raise ValueError(f"tokenizer: {error}") from None


def read_recipe(name: str) -> recipe.VocabularyRecipe:
    return config.build(recipe.VocabularyRecipe, config.load(storage.preset("tokenizers", name)))


def build(
    tokenize: Tokenize,
    mixture: Mixture,
    documents: Sequence[Shard],
    output: str,
    executor: Executor,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write `<output>/tokens/` (shards, tokenizer, manifest) from the run's kept documents, and return its manifest.

    What is there and has an equal fingerprint is not written again; `<output>/artefacts/` keeps tokenizer and token files.
    Equal documents and options give equal bytes, whatever the executor and the order of `documents`.
    """
    if not documents:
        raise ValueError("no document is left to make tokens of")
    artefact, eos = _tokenizer(tokenize, mixture, documents, output, executor, progress)
    words = vocabulary.load(artefact.path, eos)
    encoded_folder = storage.join(output, "artefacts", "encoded")
    encoded = encode(documents, artefact.path, eos, encoded_folder, executor, progress)
    parts = mixture.parts({shard.source for shard in documents})
    name = fingerprint(
        "tokens",
        REVISION,
        words.hash,
        words.eos,
        tokenize.sequence_length,
        tokenize.shard_tokens,
        asdict(mixture),
        {name: asdict(part) for name, part in parts.items()},
        [file.fingerprint for file in encoded],
    )
    folder = storage.join(output, "tokens")
    found = _finished(folder, name)
    if found is not None:
        _remove_others(folder, found)  # of a build with other options that was killed half-way
        return {**found, "drift": artefact.drift}
    split = {part: packing.documents_of(which, encoded, encoded_folder, mixture.validation) for part, which in parts.items()}
    tokens = {part: train.tokens for part, (train, _) in split.items()}
    packed = mixture.packing == "best_fit"
    width = tokenize.sequence_length + 1
    if packed:
        filled = {part: bestfit.sequences(train.length, width) for part, (train, _) in split.items()}
        plan = mixing.plan(mixture, parts, tokens, tokenize.sequence_length, filled)
        held = [bestfit.sequences(each.length, width) for _, each in split.values()]
    else:
        plan = mixing.plan(mixture, parts, tokens, tokenize.sequence_length)
        held = [mixing.capacity(each.tokens, tokenize.sequence_length, mixing.Fraction(1)) for _, each in split.values()]
    written: dict[str, list[dict[str, Any]]] = {}
    for kind, counts, chosen in (
        ("train", [share.sequences for share in plan.shares], [train for train, _ in split.values()]),
        ("validation", held, [each for _, each in split.values()]),
    ):
        work = packing.Work(
            name=f"{kind}-{name[:12]}",
            encoded=tuple(encoded),
            encoded_folder=encoded_folder,
            index_folder=storage.join(output, "artefacts", "mixture"),
            output=folder,
            counts=tuple(counts),
            sequence_length=tokenize.sequence_length,
            vocabulary_size=words.size,
            eos=words.eos,
            packed=packed,
        )
        written[kind] = packing.materialise(work, chosen, mixture.seed, tokenize.shard_tokens, executor, progress)
        _assert_counts(kind, counts, written[kind])
    storage.write_bytes(storage.join(folder, shards.TOKENIZER), storage.read_bytes(words.path))
    manifest = _manifest(name, tokenize, mixture, parts, plan, split, held, encoded, words, written)
    storage.write_bytes(storage.join(folder, shards.MANIFEST), json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    _remove_others(folder, manifest)
    return {**manifest, "drift": artefact.drift}


def _tokenizer(
    tokenize: Tokenize,
    mixture: Mixture,
    documents: Sequence[Shard],
    output: str,
    executor: Executor,
    progress: Progress | None,
) -> tuple[recipe.Artefact, str | None]:
    """The artefact, and the name of the token that ends a document: of a recipe, the first special one unless `eos` says."""
    if not tokenize.is_recipe:
        return recipe.Artefact(path=storage.resolve(tokenize.tokenizer)), tokenize.eos
    made = read_recipe(tokenize.tokenizer)
    artefact = recipe.obtain(
        tokenize.tokenizer.rsplit("/", 1)[-1].removesuffix(".yaml"),
        made,
        documents,
        storage.join(output, "artefacts", "tokenizer"),
        executor,
        weights=mixture.by_source(),
        validation=mixture.validation,
        retrain=tokenize.retrain,
        progress=progress,
    )
    return artefact, tokenize.eos or made.special[0]


# ------------------------------------------------------------------------------------------------------------ manifest


def _finished(folder: str, name: str) -> dict[str, Any] | None:
    """The manifest in `folder` if it is of this fingerprint and all its files are there."""
    try:
        manifest = shards.read_manifest(folder)
    except shards.ShardError:
        return None
    if manifest.get("fingerprint") != name:
        return None
    return manifest if all(storage.exists(storage.join(folder, file)) for file in _files(manifest)) else None


def remove_tokens(output: str) -> None:
    """The shards of an earlier run, if there are any, its manifest last; the pinned tokenizer and the token files stay."""
    folder = storage.join(output, "tokens")
    try:
        files = _files(shards.read_manifest(folder))
    except shards.ShardError:
        return
    for path in storage.listing(folder):
        if path.rsplit("/", 1)[-1] in files:
            storage.remove(path)
    storage.remove(storage.join(folder, shards.MANIFEST))


def _files(manifest: Mapping[str, Any]) -> set[str]:
    entries = [entry for split in manifest["splits"].values() for entry in split["shards"]]
    return {shards.TOKENIZER} | {entry["file"] for entry in entries} | {entry["documents"]["file"] for entry in entries}


def _remove_others(folder: str, manifest: Mapping[str, Any]) -> None:
    keep = _files(manifest) | {shards.MANIFEST}
    for path in storage.listing(folder):
        if path.rsplit("/", 1)[-1] not in keep:
            storage.remove(path)


def _assert_counts(split: str, planned: Sequence[int], entries: Sequence[Mapping[str, Any]]) -> None:
    realised = [sum(entry["by_part"][number] for entry in entries) for number in range(len(planned))]
    if realised != list(planned):
        raise AssertionError(f"{split}: {realised} sequences were written, and {list(planned)} were planned")


def _manifest(
    name: str,
    tokenize: Tokenize,
    mixture: Mixture,
    parts: Mapping[str, Part],
    plan: Plan,
    split: Mapping[str, tuple[packing.Documents, packing.Documents]],
    held: Sequence[int],
    encoded: Sequence[Encoded],
    words: vocabulary.Vocabulary,
    written: Mapping[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    length = tokenize.sequence_length
    described = []
    entries = written["train"]
    for number, (share, held_sequences, (train, validation)) in enumerate(zip(plan.shares, held, split.values())):
        part = parts[share.name]
        padding = sum(entry["padding_by_part"][number] for entry in entries)
        read = share.sequences * (length + 1) - padding if mixture.packing == "best_fit" else share.sequences * length
        described.append(
            {
                "name": share.name,
                "source": part.source,
                "language": list(part.language),
                "asked_weight": float(share.asked),
                "effective_weight": share.sequences / plan.sequences,
                "documents": len(train),
                "available_tokens": share.tokens,
                "cap_sequences": share.cap,
                "sequences": share.sequences,
                "tokens": share.sequences * length,
                "padding": padding,
                "epochs": round(read / share.tokens, 6) if share.tokens else 0.0,
                "max_epochs": float(mixture.epochs(part)),
                "validation": {
                    "documents": len(validation),
                    "available_tokens": validation.tokens,
                    "sequences": held_sequences,
                },
            }
        )
    return {
        "version": shards.VERSION,
        "fingerprint": name,
        "tokenizer": {
            "name": tokenize.tokenizer,
            "hash": words.hash,
            "encoder": words.encoder,
            "slow_because": words.slow_because,
        },
        "vocabulary_size": words.size,
        "eos": words.eos,
        "dtype": words.dtype.str,
        "sequence_length": length,
        "tokens": plan.sequences * length,
        "mixture": asdict(mixture),
        "asked_tokens": plan.asked_sequences * length,
        "shortages": list(plan.shortages),
        "parts": described,
        "encoded": _encoded_by_source(encoded),
        "splits": {
            kind: {"sequences": sum(entry["sequences"] for entry in entries), "shards": entries}
            for kind, entries in written.items()
        },
    }


def _encoded_by_source(encoded: Sequence[Encoded]) -> dict[str, dict[str, Any]]:
    """What every source came to as tokens, whether the mixture takes it or not: how well the vocabulary fits it."""
    totals: dict[str, dict[str, Any]] = {}
    for file in encoded:
        total = totals.setdefault(file.source, {"documents": 0, "tokens": 0, "characters": 0, "utf8_bytes": 0})
        for key in ("documents", "tokens", "characters", "utf8_bytes"):
            total[key] += getattr(file, key)
    return totals
