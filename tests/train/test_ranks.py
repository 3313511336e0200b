"""Two processes over gloo beside one."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curator.train import ModelConfig, TrainConfig, train
from curator.train.config import BatchRamp, ParallelConfig, SpikeConfig

Small = Callable[..., TrainConfig]
Losses = Callable[[Path], list]

WORKER = """
import pickle, sys, torch
import torch.distributed as dist
from curator.train import train
torch.set_num_threads(1)
dist.init_process_group("gloo")
for call in pickle.load(open(sys.argv[1], "rb")):
    train(*call, lambda record: None)
dist.destroy_process_group()
"""


def under_two_ranks(calls: list[tuple[TrainConfig, str, str]], folder: Path) -> None:
    """What `torchrun --nproc-per-node 2` does: two processes that find each other by their environment."""
    (folder / "calls.bin").write_bytes(pickle.dumps(calls))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder / "calls.bin")],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    assert [process.wait(200) for process in processes] == [0, 0]


class Stopped(Exception):
    pass


def stop_at(step: int) -> Callable[[dict[str, Any]], None]:
    def progress(record: dict[str, Any]) -> None:
        if record["event"] == "train" and record["step"] == step:
            raise Stopped

    return progress


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""


def near(mine: list, theirs: list) -> None:
    """Losses, losses by source and norms of the same steps: equal but for the order of additions."""
    assert [row[0] for row in theirs] == [row[0] for row in mine]
    for (_, loss, by_source, norm), (_, other, other_by_source, other_norm) in zip(mine, theirs, strict=True):
        assert other == pytest.approx(loss, abs=1e-4)
        assert other_norm == pytest.approx(norm, rel=1e-2)
        assert other_by_source == pytest.approx(by_source, abs=1e-4)


@pytest.mark.slow
def test_two_ranks_equal_one_process_and_either_resumes_the_other(
    shards: str, small: Small, tmp_path: Path, losses_of: Losses
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
    under_two_ranks([*calls, (kinds["zero-3"], shards, str(tmp_path / "began alone"))], tmp_path)
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
    shards_of: Callable[..., str], corpus: dict, small: Small, tmp_path: Path, losses_of: Losses
) -> None:
    import numpy as np

    ids = np.tile(corpus["train"], (8, 1))
    ids[300:304] = np.random.default_rng(0).integers(0, 32, size=(4, 17))
    tokens = shards_of("spiked", {"train": ids})
    options: dict[str, Any] = {"steps": 48, "checkpoint_every": 10, "eval_every": 0}
    config = small(**options, spikes=SpikeConfig(window=16, patience=1), parallel=ParallelConfig(kind="fsdp"))
    alone = train(config, tokens, str(tmp_path / "alone"), quiet)
    assert alone["spikes"] == 1
    under_two_ranks([(config, tokens, str(tmp_path / "both"))], tmp_path)
    near(losses_of(tmp_path / "alone"), losses_of(tmp_path / "both"))
