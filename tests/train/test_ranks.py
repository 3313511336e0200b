"""Two processes over gloo beside one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curator.train import ModelConfig, TrainConfig, train
from curator.train.config import BatchRamp, ParallelConfig, SpikeConfig

Small = Callable[..., TrainConfig]
Losses = Callable[[Path], list]
Near = Callable[[list, list], None]
Ranks = Callable[..., list]


class Stopped(Exception):
    pass


def stop_at(step: int) -> Callable[[dict[str, Any]], None]:
    def progress(record: dict[str, Any]) -> None:
        if record["event"] == "train" and record["step"] == step:
            raise Stopped

    return progress


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""


@pytest.mark.slow
def test_two_ranks_equal_one_process_and_either_resumes_the_other(
    shards: str, small: Small, tmp_path: Path, losses_of: Losses, near: Near, under_ranks: Ranks
) -> None:
    options: dict[str, Any] = {
        "model": ModelConfig(layers=2, width=32, heads=4, kv_heads=2, tied_embeddings=True, bias=True),
        "batch_ramp": BatchRamp(start=4 * 16, tokens=20 * 16),
        "eval_sequences": 7,  # an odd number: one rank has fewer
        "attention": "documents",
    }
    config = small(**options)
    kinds = {
        "ddp": config,
        "zero-3": small(**options, parallel=ParallelConfig(kind="fsdp")),
        "zero-2": small(**options, parallel=ParallelConfig(kind="fsdp", reshard=False), recompute="layers"),
    }
    whole = train(config, shards, str(tmp_path / "alone"), quiet)
    expected = losses_of(tmp_path / "alone")
    with pytest.raises(Stopped):
        train(config, shards, str(tmp_path / "began alone"), stop_at(7))  # the checkpoint of step 5
    calls = [(kind, shards, str(tmp_path / name)) for name, kind in kinds.items()]
    under_ranks(2, [*calls, (kinds["zero-3"], shards, str(tmp_path / "began alone"))])
    near(expected, losses_of(tmp_path / "began alone"))
    for name in kinds:
        near(expected, losses_of(tmp_path / name))
        saved = tmp_path / name / "checkpoints"
        assert len(list((saved / "step-00000010").glob("*.safetensors"))) == 2  # each rank wrote its part
        shutil.rmtree(saved / "step-00000012")
        again = train(config, shards, str(tmp_path / name), quiet)  # the last two steps alone
        assert again["resumed_from"] == 10
        near(expected, losses_of(tmp_path / name))
        assert again["validation_loss"] == pytest.approx(whole["validation_loss"], abs=1e-4)


@pytest.mark.slow
def test_two_ranks_pass_over_a_spike_together(
    shards_of: Callable[..., str], corpus: dict, small: Small, tmp_path: Path, losses_of: Losses, near: Near, under_ranks: Ranks
) -> None:
    import numpy as np

    ids = np.tile(corpus["train"], (8, 1))
    ids[300:304] = np.random.default_rng(0).integers(0, 32, size=(4, 17))
    tokens = shards_of("spiked", {"train": ids})
    options: dict[str, Any] = {"steps": 48, "checkpoint_every": 10, "eval_every": 0}
    config = small(**options, spikes=SpikeConfig(window=16, patience=1), parallel=ParallelConfig(kind="fsdp"))
    alone = train(config, tokens, str(tmp_path / "alone"), quiet)
    assert alone["spikes"] == 1
    under_ranks(2, [(config, tokens, str(tmp_path / "both"))])
    near(losses_of(tmp_path / "alone"), losses_of(tmp_path / "both"))
