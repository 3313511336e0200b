"""A model divided over ranks learns what one process learns, and its checkpoints move between meshes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curator.train import ModelConfig, TrainConfig, train
from curator.train.architectures.config import ArchitectureConfig, ExpertsConfig, ObjectivesConfig
from curator.train.config import BatchRamp, SpikeConfig
from curator.train.config import ParallelConfig as Mesh

Small = Callable[..., TrainConfig]
Losses = Callable[[Path], list]
Near = Callable[[list, list], None]
Ranks = Callable[..., list]

# Three layers are no equal stages, biases and documents go everywhere, a ramp changes how many micro-batches there are
THREE = ModelConfig(layers=3, width=32, heads=4, kv_heads=2, bias=True)
USUAL: dict[str, Any] = {
    "model": THREE,
    "attention": "documents",
    "batch_ramp": BatchRamp(start=4 * 16, tokens=12 * 16),
    "micro_batch": 2,
    "eval_every": 2,
    "eval_sequences": 7,  # the last micro-batch is smaller
}


def validations(output: Path) -> list[tuple]:
    """As losses are, to be near: step, loss and loss by source of each look at the validation split."""
    records = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [(r["step"], r["loss"], r["losses"], 1.0) for r in records if r["event"] == "validation"]


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""


def test_two_ranks_of_a_matrix_or_of_stages_equal_one_process_and_resume_each_other(
    shards_of: Callable[..., str], corpus: dict, small: Small, tmp_path: Path, losses_of: Losses, near: Near, under_ranks: Ranks
) -> None:
    shards = shards_of("odd", corpus, vocabulary_size=33, documents=2)  # 33: two ranks cannot share them equally
    usual = small(**USUAL, steps=8)
    tensor, stages = (small(**USUAL, steps=8, parallel=mesh) for mesh in (Mesh(tensor=2), Mesh(pipeline=2)))
    train(usual, shards, str(tmp_path / "alone"), quiet)
    refused = {
        "parallel.tensor: 2 ranks do not divide model.kv_heads, 1": small(
            model=ModelConfig(layers=2, width=32, heads=4, kv_heads=1), parallel=Mesh(tensor=2)
        ),
        "parallel.pipeline: 2 stages cannot be made of model.tied_embeddings, whose weight would be of two stages": small(
            model=ModelConfig(layers=2, width=32, heads=4, tied_embeddings=True), parallel=Mesh(pipeline=2)
        ),
        "micro_batch: 3 must divide the 8 sequences of a step and a rank, in a pipeline": small(parallel=Mesh(pipeline=2)),
    }
    calls = [
        (tensor, shards, str(tmp_path / "moved"), 2),
        (stages, shards, str(tmp_path / "moved"), 5),
        *((config, shards, str(tmp_path / "refused")) for config in refused.values()),
    ]
    results = under_ranks(2, calls)
    assert [each["step"] for each in results[:2]] == [3, 6]
    assert results[2:] == list(refused)
    moved = train(usual, shards, str(tmp_path / "moved"), quiet)
    assert moved["resumed_from"] == 6
    near(losses_of(tmp_path / "alone"), losses_of(tmp_path / "moved"))
    near(validations(tmp_path / "alone"), validations(tmp_path / "moved"))


@pytest.mark.slow
def test_four_ranks_of_any_mesh_equal_one_process_and_resume_each_other(
    shards_of: Callable[..., str], corpus: dict, small: Small, tmp_path: Path, losses_of: Losses, near: Near, under_ranks: Ranks
) -> None:
    """One run that moves from mesh to mesh and back to one process; and one that goes on with its own mesh to the last bit."""
    meshes = [
        Mesh(tensor=2, kind="fsdp"),
        Mesh(pipeline=2, kind="fsdp"),
        Mesh(pipeline=2, tensor=2, schedule="gpipe"),
        Mesh(tensor=2, context=2, kind="fsdp"),
    ]
    options: dict[str, Any] = {
        **USUAL,
        "model": dataclasses.replace(THREE, kv_heads=4),
        "micro_batch": 1,
        "recompute": "layers",
    }
    configs = [small(**options, steps=10, parallel=mesh) for mesh in meshes]
    shards = shards_of("odd", corpus, vocabulary_size=33, documents=2)
    alone = small(**options, steps=10)
    train(alone, shards, str(tmp_path / "alone"), quiet)
    again = configs[1]
    refused = {
        "parallel.kind: ddp copies whole models: with pipeline, expert or tensor write kind: fsdp": Mesh(tensor=2),
        "parallel.pipeline: 4 stages cannot be made of model.layers, 3": Mesh(pipeline=4),
    }
    results = under_ranks(
        4,
        [
            *((config, shards, str(tmp_path / "moved"), 2 * number + 1) for number, config in enumerate(configs)),
            (again, shards, str(tmp_path / "whole")),
            (again, shards, str(tmp_path / "resumed"), 4),
            (again, shards, str(tmp_path / "resumed")),
            *((small(**options, parallel=mesh), shards, str(tmp_path / "refused")) for mesh in refused.values()),
        ],
    )
    assert [each["step"] for each in results[: -len(refused)]] == [2, 4, 6, 8, 10, 5, 10]
    assert results[-len(refused) :] == list(refused)
    assert train(alone, shards, str(tmp_path / "moved"), quiet)["resumed_from"] == 8
    near(losses_of(tmp_path / "alone"), losses_of(tmp_path / "moved"))
    near(validations(tmp_path / "alone"), validations(tmp_path / "moved"))
    assert losses_of(tmp_path / "resumed") == losses_of(tmp_path / "whole")
    assert validations(tmp_path / "resumed") == validations(tmp_path / "whole")


@pytest.mark.slow
def test_two_ranks_divide_other_architectures_and_pass_over_a_spike(
    shards_of: Callable[..., str], corpus: dict, small: Small, tmp_path: Path, losses_of: Losses, near: Near, under_ranks: Ranks
) -> None:
    def of(mesh: Mesh, **how: Any) -> TrainConfig:
        model = ModelConfig(layers=2, width=32, heads=4, kv_heads=2, bias=True, architecture=ArchitectureConfig(**how))
        return small(model=model, steps=4, micro_batch=2, parallel=mesh)

    tensor, stages, one = Mesh(tensor=2), Mesh(pipeline=2), ModelConfig(layers=1, width=32, heads=4)
    prefix = {"shape": "prefix", "objectives": ObjectivesConfig(language=1.0, prefix=1.0)}
    glm = {"norm_place": "deep", "norm": "layer", "positions": "learned", "embedding_norm": True, "embedding_gradient": 0.5}
    configs = {
        "tensor, experts": of(tensor, experts=ExpertsConfig(count=2, top=1)),
        "tensor, prefix": of(tensor, **prefix, norm_place="sandwich"),
        "tensor, two": of(tensor, shape="encoder_decoder", positions="sinusoidal", objectives=ObjectivesConfig(prefix=1.0)),
        "tensor, glm": of(tensor, **glm),
        "tensor, compiled": small(model=one, steps=4, micro_batch=4, eval_every=0, parallel=tensor, compile=True),
        "stages, prefix": of(stages, **prefix, positions="sinusoidal", norm_place="post"),
        "stages, glm": of(stages, **glm),
    }
    shards = shards_of("plain", corpus)
    for name, config in configs.items():
        train(dataclasses.replace(config, parallel=Mesh(), compile=False), shards, str(tmp_path / "alone" / name), quiet)
    refused = {
        "parallel.tensor: a rank has some heads, and the biases of positions: alibi": of(tensor, positions="alibi"),
        "parallel.pipeline: 2 stages cannot be made of model.architecture.experts": of(stages, experts=ExpertsConfig(count=2)),
        "parallel.pipeline: 2 stages cannot be made of model.architecture.positions": of(stages, positions="relative"),
    }
    ids = np.tile(corpus["train"], (8, 1))
    ids[300:304] = np.random.default_rng(0).integers(0, 32, size=(4, 17))
    spiked = shards_of("spiked", {"train": ids})
    spikes: dict[str, Any] = {"micro_batch": 2, "steps": 48, "checkpoint_every": 10, "eval_every": 0}
    spikes["spikes"] = SpikeConfig(window=16, patience=1)
    assert train(small(**spikes), spiked, str(tmp_path / "alone" / "spikes"), quiet)["spikes"] == 1
    calls = [(config, shards, str(tmp_path / name)) for name, config in configs.items()]
    calls += [(small(**spikes, parallel=stages), spiked, str(tmp_path / "spikes"))]
    calls += [(config, shards, str(tmp_path / "refused")) for config in refused.values()]
    messages = under_ranks(2, calls)[-len(refused) :]
    for name in (*configs, "spikes"):
        near(losses_of(tmp_path / "alone" / name), losses_of(tmp_path / name))
    assert all(message.startswith(beginning) for beginning, message in zip(refused, messages, strict=True)), messages
