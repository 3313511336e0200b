from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from curator import config as yaml
from curator.train import ModelConfig, OptimizerConfig, TrainConfig
from curator.train.config import BatchRamp, ParallelConfig, SpikeConfig, TrainedRunError
from curator.train.model import Decoder

RECIPES = Path(__file__).parents[2] / "pipelines" / "train"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (ModelConfig, {"heads": 5}, "heads: 5 heads do not divide a width of 768"),
        (ModelConfig, {"width": 12, "heads": 4}, "heads: RoPE needs an even width"),
        (ModelConfig, {"kv_heads": 5}, "kv_heads: must divide the 12 heads, not 5"),
        (ModelConfig, {"kv_heads": 0}, "kv_heads: must divide"),
        (ModelConfig, {"layers": 0}, "layers: must be at least 1"),
        (OptimizerConfig, {"lr": float("nan")}, "lr: must be above 0"),
        (OptimizerConfig, {"betas": (0.9, 0.95, 0.99)}, "betas: must be two numbers"),
        (OptimizerConfig, {"min_lr_ratio": 1.5}, "min_lr_ratio: must be from 0 to 1"),
        (TrainConfig, {"steps": 10, "tokens": 10}, "steps: give steps or tokens, not both"),
        (TrainConfig, {"steps": 200}, "warmup: 200 steps do not fit into a run of 200"),
        (TrainConfig, {"device": "gpu"}, "device: must be auto, cpu, cuda"),
        (TrainConfig, {"device": "cpu:1"}, "device: must be auto"),
        (TrainConfig, {"micro_batch": 0}, "micro_batch: must be at least 1"),
        (ModelConfig, {"activation": "relu"}, "activation: must be swiglu or geglu"),
        (OptimizerConfig, {"schedule": "linear"}, "schedule: must be cosine or wsd"),
        (OptimizerConfig, {"schedule": "wsd", "min_lr_ratio": 0.0}, "min_lr_ratio: must be above 0"),
        (OptimizerConfig, {"embedding_decay": -1.0}, "embedding_decay: must be 0 or more"),
        (ParallelConfig, {"kind": "zero"}, "kind: must be ddp or fsdp"),
        (SpikeConfig, {"window": 2}, "window: must be at least 8"),
        (TrainConfig, {"batch_ramp": BatchRamp(start=1000, tokens=1)}, "batch_ramp: its start must divide batch_tokens"),
        (TrainConfig, {"spikes": SpikeConfig(), "keep_checkpoints": 1}, "keep_checkpoints: must be at least 2"),
        (TrainConfig, {"attention": "blocks"}, "attention: must be sequence or documents"),
        (TrainConfig, {"recompute": "all"}, "recompute: must be none, pointwise or layers"),
        (TrainConfig, {"peak_flops": 0.0}, "peak_flops: must be above 0"),
        (TrainConfig, {"precision": "fp16"}, "precision: no 'fp16'"),
    ],
)
def test_a_wrong_option_is_refused_by_name(kind: type, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**options)


def test_the_length_of_a_run() -> None:
    short = OptimizerConfig(warmup=0)
    assert TrainConfig(steps=7, optimizer=short).total_steps(1, 1) == 7
    assert TrainConfig(tokens=1001, batch_tokens=100, optimizer=short).total_steps(1, 1) == 11
    assert TrainConfig(batch_tokens=100, optimizer=short).total_steps(30, 10) == 3  # the shards once
    with pytest.raises(ValueError, match="warmup: 200 steps do not fit into a run of 3"):
        TrainConfig(batch_tokens=100).total_steps(30, 10)


def test_a_batch_is_whole_sequences_or_refused_with_what_would_be() -> None:
    assert TrainConfig(batch_tokens=2048).batch_sequences(256) == 8
    with pytest.raises(ValueError, match="write 1792 or 2048"):
        TrainConfig(batch_tokens=2000).batch_sequences(256)
    with pytest.raises(ValueError, match=r"write 2048$"):
        TrainConfig(batch_tokens=2000).batch_sequences(2048)


@pytest.mark.parametrize(
    ("name", "vocabulary", "length", "parameters", "steps"),
    [("tiny", 4000, 256, 1_201_280, 250), ("160m", 32_000, 2048, 162_426_624, 6104)],
)
def test_the_shipped_recipes(name: str, vocabulary: int, length: int, parameters: int, steps: int) -> None:
    config = yaml.build(TrainConfig, yaml.load(str(RECIPES / f"{name}.yaml")))
    with torch.device("meta"):
        model = Decoder(config.model, vocabulary, length)
    assert model.parameter_count() == parameters
    assert config.total_steps(1, 1) == steps
    assert config.batch_sequences(length) * length == config.batch_tokens


def test_the_sections_of_the_yaml(tmp_path: Path) -> None:
    path = tmp_path / "train.yaml"
    path.write_text(
        "parallel: {kind: fsdp, reshard: false}\nspikes: {window: 64}\nbatch_ramp: {start: 65536, tokens: 1B}\n"
        "optimizer: {schedule: wsd, decay: 0.2}\nmodel: {activation: geglu, bias: true}\n"
    )
    config = yaml.build(TrainConfig, yaml.load(str(path)))
    assert config.parallel == ParallelConfig(kind="fsdp", reshard=False)
    assert config.spikes == SpikeConfig(window=64)
    assert config.batch_ramp == BatchRamp(start=65536, tokens=10**9)
    assert (config.optimizer.schedule, config.model.activation) == ("wsd", "geglu")


def test_the_options_are_known_without_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; from curator.train import TrainConfig; print(TrainConfig(steps=300).steps)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "300\n"


def test_what_does_not_fit_the_shards_is_a_sentence_for_the_user() -> None:
    with pytest.raises(TrainedRunError, match="warmup: 20 steps do not fit into a run of 10"):
        TrainConfig(steps=10, optimizer=OptimizerConfig(warmup=20)).total_steps(100, 256)
    with pytest.raises(TrainedRunError, match="batch_tokens: 2000 is no whole number of sequences of 256"):
        TrainConfig(batch_tokens=2000).batch_sequences(256)
