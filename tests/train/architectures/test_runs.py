"""Whole runs: every combination that makes sense learns, resumes exactly, is judged, and is refused where it cannot be."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM

from curator.tokens.shards import Header, write_shard
from curator.train import ModelConfig, OptimizerConfig, TrainConfig, train
from curator.train import evaluate as judge
from curator.train.architectures.build import build_batches, build_model, build_reader
from curator.train.architectures.config import (
    ArchitectureConfig,
    ExpertsConfig,
    ObjectivesConfig,
    PatternConfig,
    RopeScaling,
)
from curator.train.architectures.export import transformers_config
from curator.train.config import TrainedRunError
from curator.train.data import Batches, micro_batches
from curator.train.device import Place
from curator.train.export import export_hf, llama_config
from curator.train.model import Decoder

LENGTH, VOCABULARY = 32, 257

OBJECTIVES: dict[str, list[ObjectivesConfig]] = {
    "causal": [ObjectivesConfig(language=1.0)],
    "prefix": [ObjectivesConfig(language=1.0, prefix=1.0, spans=1.0, blanks=1.0)],
    "encoder_decoder": [ObjectivesConfig(prefix=1.0, spans=1.0)],
}
POSITIONS = ("rope", "learned", "sinusoidal", "relative", "alibi")
PLACES = ("pre", "post", "sandwich", "deep")
PATTERNS = (
    PatternConfig(),
    PatternConfig(kind="window", window=8),
    PatternConfig(kind="blocks", block=4, near=2, first=1, full_every=2),
)
EXPERTS = (None, ExpertsConfig(count=4, top=2, capacity=1.5, every=2, z_loss=1e-3))


def counting(count: int, seed: int) -> np.ndarray:
    """Sequences that count upwards through 32 ids."""
    starts = np.random.default_rng(seed).integers(0, 32, size=(count, 1))
    return (starts + np.arange(LENGTH + 1)) % 32


@pytest.fixture
def shards(tmp_path: Path) -> str:
    """Three documents a sequence; a tokenizer of bytes."""
    alphabet = {character: number for number, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    data = tokenizer.to_str().encode()
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes(data)
    splits: dict[str, Any] = {}
    for split, count in (("train", 40), ("validation", 6)):
        header = Header(
            itemsize=2, sequence_length=LENGTH, vocabulary_size=VOCABULARY, sequences=count, pieces=3 * count, eos=256
        )
        starts, offsets = np.tile([0, 10, 21], count), 3 * np.arange(count + 1)
        path = str(folder / f"{split}.tokens")
        entry = write_shard(path, header, [counting(count, count)], offsets, starts, np.zeros(count))
        splits[split] = {"shards": [entry]}
    manifest = {"version": 1, "splits": splits, "sequence_length": LENGTH, "vocabulary_size": VOCABULARY, "eos": 256}
    manifest |= {"dtype": "<u2", "tokenizer": {"hash": hashlib.sha256(data).hexdigest()}, "parts": [{"name": "web"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return str(folder)


def run_of(how: ArchitectureConfig | None, sizes: dict[str, Any] | None = None, **options: Any) -> TrainConfig:
    shape = {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "init_std": 0.1} | (sizes or {})
    given: dict[str, Any] = {
        "model": ModelConfig(**shape, architecture=how),
        "optimizer": OptimizerConfig(lr=5e-3, warmup=5),
        "steps": 30,
        "batch_tokens": 8 * LENGTH,
        "micro_batch": 8,
        "log_every": 1,
        "eval_every": 0,
        "checkpoint_every": 0,
        "device": "cpu",
    }
    return TrainConfig(**given | options)


def losses_of(config: TrainConfig, shards: str, output: Path) -> tuple[list[float], dict[str, Any]]:
    records: list[dict[str, Any]] = []
    summary = train(config, shards, str(output), records.append)
    return [record["loss"] for record in records if record["event"] == "train"], summary


def learns(how: ArchitectureConfig, shards: str, output: Path, sizes: dict[str, Any] | None = None, **options: Any) -> None:
    losses, summary = losses_of(run_of(how, sizes, **options), shards, output)
    first, last = np.mean(losses[:3]), np.mean(losses[-3:])
    assert last < 0.8 * first, f"from {first:.2f} to {last:.2f}"
    assert summary["validation_loss"] < 0.9 * first


def combinations() -> list[ArchitectureConfig]:
    found = []
    for shape, positions, place, pattern, experts in itertools.product(OBJECTIVES, POSITIONS, PLACES, PATTERNS, EXPERTS):
        number = len(found)
        found += [
            ArchitectureConfig(
                shape=shape,  # type: ignore[arg-type]
                source=0.6,
                positions=positions,  # type: ignore[arg-type]
                norm_place=place,  # type: ignore[arg-type]
                norm=("rms", "layer")[number % 2],  # type: ignore[arg-type]
                embedding_norm=number % 3 == 0,
                activation=("swiglu", "geglu", "gelu", "relu")[number % 4],  # type: ignore[arg-type]
                pattern=pattern,
                experts=experts,
                objectives=objectives,
            )
            for objectives in OBJECTIVES[shape]
        ]
    return found


GRID = combinations()


def named(how: ArchitectureConfig) -> str:
    experts = "experts" if how.experts else "dense"
    return f"{how.shape} {how.positions} {how.norm_place} {how.norm} {how.activation} {how.pattern.kind} {experts}"


@pytest.mark.slow
@pytest.mark.parametrize("how", GRID, ids=named)
def test_every_combination_learns(how: ArchitectureConfig, shards: str, tmp_path: Path) -> None:
    learns(how, shards, tmp_path)


@pytest.mark.parametrize("how", GRID[:: len(GRID) // 11], ids=named)
def test_some_of_them_learn(how: ArchitectureConfig, shards: str, tmp_path: Path) -> None:
    learns(how, shards, tmp_path)


@pytest.mark.parametrize("kv_heads", [1, 4])
@pytest.mark.parametrize("kind", ["linear", "ntk", "yarn"])
def test_scaled_rope_learns_with_heads_shared_or_not(kind: Any, kv_heads: int, shards: str, tmp_path: Path) -> None:
    how = ArchitectureConfig(rope_scaling=RopeScaling(kind=kind, factor=2, original_length=16))
    learns(how, shards, tmp_path, {"kv_heads": kv_heads, "bias": True, "tied_embeddings": True})


@pytest.mark.parametrize("recompute", ["layers", "pointwise"])
def test_documents_and_recomputed_layers_learn(recompute: Any, shards: str, tmp_path: Path) -> None:
    how = ArchitectureConfig(positions="relative", experts=ExpertsConfig(count=4))
    learns(how, shards, tmp_path, attention="documents", recompute=recompute)


@pytest.mark.parametrize("shape", ["causal", "prefix", "encoder_decoder"])
def test_a_run_that_was_cut_goes_on_with_the_same_losses(shape: Any, shards: str, tmp_path: Path) -> None:
    asked = ObjectivesConfig(prefix=1.0, spans=1.0, blanks=2.0) if shape != "causal" else ObjectivesConfig(language=1.0)
    how = ArchitectureConfig(shape=shape, source=0.6, objectives=asked, experts=ExpertsConfig(count=4, capacity=1.0))
    whole = losses_of(run_of(how, steps=12, checkpoint_every=5), shards, tmp_path / "whole")[0]
    out = tmp_path / "cut"
    seen: list[dict[str, Any]] = []

    class Cut(Exception):
        pass

    def cut(record: dict[str, Any]) -> None:
        seen.append(record)
        if record["event"] == "train" and record["step"] == 8:
            raise Cut

    with pytest.raises(Cut):
        train(run_of(how, steps=12, checkpoint_every=5), shards, str(out), cut)
    rest = losses_of(run_of(how, steps=12, checkpoint_every=5), shards, out)[0]
    assert rest == whole[5:]


def test_balance_is_kept_within_a_micro_batch(shards: str, tmp_path: Path) -> None:
    def norm(balance: float, micro_batch: int) -> float:
        how = ArchitectureConfig(experts=ExpertsConfig(count=4, balance=balance))
        found: list[float] = []

        def progress(record: dict[str, Any]) -> None:
            found.extend([record["gradient_norm"]] if record["event"] == "train" else [])

        output = tmp_path / f"{balance} {micro_batch}"
        train(run_of(how, steps=1, micro_batch=micro_batch, optimizer=OptimizerConfig(warmup=0)), shards, str(output), progress)
        return found[0]

    assert norm(0.0, 2) == pytest.approx(norm(0.0, 8), rel=1e-4)
    assert norm(3.0, 2) != pytest.approx(norm(3.0, 8), rel=1e-3)


def test_plain_architecture_of_the_default_s_parts_is_the_default(shards: str, tmp_path: Path) -> None:
    """The same weights in other places, so not the same first draw: the logits of one in the other."""
    torch.manual_seed(0)
    default = Decoder(ModelConfig(layers=2, width=32, heads=4, kv_heads=2, activation="geglu", bias=True), 50, 24)
    model = build_model(
        ModelConfig(layers=2, width=32, heads=4, kv_heads=2, activation="geglu", bias=True, architecture=ArchitectureConfig()),
        50,
        24,
    )
    names = {".self_attn.": ".self_attn.inner.", ".mlp.": ".mlp.inner."}
    names |= {".input_layernorm.": ".self_attn.before.", ".post_attention_layernorm.": ".mlp.before."}
    weights = {}
    for name, weight in default.state_dict().items():
        weights[next((name.replace(was, now) for was, now in names.items() if was in name), name)] = weight
    model.load_state_dict(weights, strict=True)
    ids = torch.arange(48).view(2, 24)
    assert torch.equal(model(ids), default(ids))
    assert model.flops_per_token() == default.flops_per_token()
    assert model.parameter_count() == default.parameter_count()


def test_without_the_section_everything_is_the_default(shards: str) -> None:
    from curator.tokens.shards import TokenShards

    config, opened = run_of(None), TokenShards(shards)
    assert type(build_model(config.model, 50, 24)) is Decoder
    place = Place(torch.device("cpu"), torch.float32, False)
    assert type(build_batches(config, opened, 8, place)) is Batches
    assert build_reader(config, opened) is micro_batches


def test_eval_judges_decoders_and_refuses_the_rest(shards: str, tmp_path: Path) -> None:
    mixed = ObjectivesConfig(language=1.0, prefix=1.0, blanks=1.0)
    how = ArchitectureConfig(shape="prefix", positions="alibi", objectives=mixed)
    train(run_of(how, steps=20, optimizer=OptimizerConfig(lr=1e-2, warmup=5)), shards, str(tmp_path), lambda record: None)
    found = judge.perplexity(judge.load(str(tmp_path), shards, device="cpu"))
    assert found["all"]["tokens"] == 6 * LENGTH
    assert found["all"]["loss"] < 3.0
    with pytest.raises(TrainedRunError, match=r"model.architecture: transformers has no model of these parts"):
        export_hf(str(tmp_path), str(tmp_path / "hf"), shards)
    assert not (tmp_path / "hf").exists()

    how = ArchitectureConfig(shape="encoder_decoder", source=0.6, objectives=ObjectivesConfig(prefix=1.0))
    train(run_of(how, steps=6), shards, str(tmp_path / "both"), lambda record: None)
    with pytest.raises(TrainedRunError, match="an encoder-decoder reads a source and a target"):
        judge.load(str(tmp_path / "both"), shards, device="cpu")


GPT2 = {"norm": "layer", "positions": "learned", "activation": "gelu_tanh"}
EXPORTED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "linear": ("Llama", {"rope_scaling": RopeScaling(kind="linear", factor=2, original_length=16)}, {"bias": True}),
    "ntk": ("Llama", {"rope_scaling": RopeScaling(kind="ntk", factor=2, original_length=16)}, {"tied_embeddings": True}),
    "yarn": ("Llama", {"rope_scaling": RopeScaling(kind="yarn", factor=2, original_length=16), "activation": "geglu"}, {}),
    "window": ("Mistral", {"pattern": PatternConfig(kind="window", window=5), "activation": "geglu_tanh"}, {}),
    "experts": ("Mixtral", {"experts": ExpertsConfig(count=4, top=2)}, {}),
    "gpt2": ("GPT2", GPT2, {"bias": True, "kv_heads": None, "ffn_multiple": 4.0, "tied_embeddings": True}),
    "gpt2, untied": ("GPT2", GPT2 | {"activation": "relu"}, {"bias": True, "kv_heads": None}),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_transformers_loads_what_was_exported_with_equal_logits(name: str, shards: str, tmp_path: Path) -> None:
    called, options, sizes = EXPORTED[name]
    train(run_of(ArchitectureConfig(**options), sizes, steps=6), shards, str(tmp_path), lambda record: None)
    told = export_hf(str(tmp_path), str(tmp_path / "hf"), shards)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "hf", dtype=torch.float32).eval()
    assert type(theirs).__name__.startswith(called)
    assert sum(weight.numel() for weight in theirs.parameters()) == told["parameters"]
    ours = judge.load(str(tmp_path), shards, device="cpu").model
    ids = torch.arange(LENGTH)[None] * 7 % VOCABULARY
    torch.testing.assert_close(theirs(input_ids=ids).logits, ours(ids), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"experts": ExpertsConfig(capacity=1.0)},
        {"experts": ExpertsConfig(top=1)},
        {"experts": ExpertsConfig(), "pattern": PatternConfig(kind="window")},
        {"pattern": PatternConfig(kind="window", full_every=2)},
        {"norm_place": "sandwich"},
        {"activation": "gelu"},
        {"positions": "relative"},
        GPT2,
    ],
    ids=str,
)
def test_what_transformers_has_no_model_of_is_not_exported_as_another(options: dict[str, Any]) -> None:
    config = ModelConfig(layers=1, width=32, heads=4, architecture=ArchitectureConfig(**options))
    with pytest.raises(TrainedRunError, match="transformers has no model of these parts"):
        transformers_config(config, llama_config(config, 50, 16, 0))
