from __future__ import annotations

import dataclasses
import json
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributed.checkpoint.api import CheckpointException

from curator.errors import Notice
from curator.tokens.shards import TokenShards
from curator.train import ModelConfig, OptimizerConfig, TrainConfig, train
from curator.train.checkpoint import CheckpointMismatch, Saver, newest
from curator.train.model import Decoder
from curator.train.optimizer import adamw

Small = Callable[..., TrainConfig]


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""


class Killed(Exception):
    pass


def killed_at(step: int) -> Callable[[dict[str, Any]], None]:
    def progress(record: dict[str, Any]) -> None:
        if record["event"] == "train" and record["step"] == step:
            raise Killed

    return progress


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def names(output: Path) -> list[str]:
    return sorted(path.name for path in (output / "checkpoints").iterdir())


Weights = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture
def reference(shards: str, small: Small, tmp_path: Path) -> Path:
    """The run that was never interrupted."""
    train(small(), shards, str(tmp_path / "whole"), quiet)
    return tmp_path / "whole"


@pytest.mark.parametrize("log_every", [1, 4])
@pytest.mark.parametrize("at", [1, 4, 8, 12])
def test_a_resumed_run_has_the_same_losses_to_the_last_bit(
    shards: str, small: Small, tmp_path: Path, losses_of: Callable[[Path], list], weights_of: Weights, at: int, log_every: int
) -> None:
    config = small(log_every=log_every)
    whole = train(config, shards, str(tmp_path / "whole"), quiet)
    with pytest.raises(Killed):
        train(config, shards, str(tmp_path / "out"), killed_at(at))
    resumed = train(config, shards, str(tmp_path / "out"), quiet)
    assert resumed["resumed_from"] == {1: None, 4: None, 8: 5, 12: 10}[at]
    assert losses_of(tmp_path / "out") == losses_of(tmp_path / "whole")
    assert same(weights_of(tmp_path / "out"), weights_of(tmp_path / "whole"))
    for key in ("first_loss", "last_loss", "validation_loss", "validation_losses"):
        assert resumed[key] == whole[key]


def test_after_sigkill_at_a_random_moment_the_losses_are_the_same(
    shards: str, small: Small, tmp_path: Path, losses_of: Callable[[Path], list], weights_of: Weights
) -> None:
    """A process that is killed when its journal has a random number of lines."""
    config = small(steps=40, checkpoint_every=3)
    train(config, shards, str(tmp_path / "whole"), quiet)
    output = tmp_path / "out"
    (tmp_path / "config.bin").write_bytes(pickle.dumps((config, shards, str(output))))
    code = (
        "import pickle, sys, torch; torch.set_num_threads(1); from curator.train import train; "
        "train(*pickle.load(open(sys.argv[1], 'rb')), lambda record: None)"
    )
    lines = random.SystemRandom().randint(8, 40)  # of about 70
    journal = output / "metrics.jsonl"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "config.bin")])
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            process.kill()
            break
        time.sleep(0.001)
    assert process.wait() == -signal.SIGKILL, f"it was to be killed after {lines} lines"
    summary = train(config, shards, str(output), quiet)
    assert summary["resumed_from"] is not None
    assert losses_of(output) == losses_of(tmp_path / "whole")
    assert same(weights_of(output, 40), weights_of(tmp_path / "whole", 40))
    assert names(output) == ["step-00000039", "step-00000040"]  # nothing half-written is left


def test_a_finished_run_is_not_trained_again(reference: Path, shards: str, small: Small) -> None:
    first = json.loads((reference / "metrics.jsonl").read_text().splitlines()[-1])
    again = train(small(), shards, str(reference), quiet)
    assert again["resumed_from"] == 12
    for key in ("first_loss", "last_loss", "validation_losses", "seconds", "tokens"):
        assert again[key] == first[key]
    lines = (reference / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines].count("end") == 1


def test_the_newest_are_kept(reference: Path, shards: str, small: Small, tmp_path: Path) -> None:
    assert names(reference) == ["step-00000010", "step-00000012"]
    train(small(keep_checkpoints=1), shards, str(tmp_path / "one"), quiet)
    assert names(tmp_path / "one") == ["step-00000012"]
    found = newest(reference / "checkpoints")
    assert found is not None
    assert found[1]["course"]["position"] == 12 * 8


@pytest.mark.parametrize("file", ["shard-00001-model-00001-of-00001.safetensors", "checkpoint.json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    reference: Path, shards: str, small: Small, file: str, damage: str, losses_of: Callable[[Path], list], weights_of: Weights
) -> None:
    expected, expected_weights = losses_of(reference), weights_of(reference)
    path = reference / "checkpoints" / "step-00000012" / file
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    else:
        at = len(data) // 2 if file != "checkpoint.json" else data.index(b'.safetensors"') + 20
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.warns(Notice, match="step-00000012 is damaged and passed over"):
        summary = train(small(), shards, str(reference), quiet)
    assert summary["resumed_from"] == 10
    assert losses_of(reference) == expected
    assert same(weights_of(reference), expected_weights)
    assert names(reference) == ["step-00000010", "step-00000012"]


def test_when_every_checkpoint_is_damaged_the_run_begins_again(
    reference: Path, shards: str, small: Small, losses_of: Callable[[Path], list]
) -> None:
    expected = losses_of(reference)
    for path in (reference / "checkpoints").glob("*/*.safetensors"):
        path.write_bytes(b"")
    with pytest.warns(Notice, match="passed over"):
        assert train(small(), shards, str(reference), quiet)["resumed_from"] is None
    assert losses_of(reference) == expected


def test_a_half_written_checkpoint_is_removed(reference: Path, shards: str, small: Small) -> None:
    partial = reference / "checkpoints" / ".step-00000013.partial"
    partial.mkdir()
    (partial / "shard.safetensors").write_bytes(b"half")
    train(small(), shards, str(reference), quiet)
    assert names(reference) == ["step-00000010", "step-00000012"]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"model": ModelConfig(layers=2, width=32, heads=4, kv_heads=4)}, ("model.kv_heads",)),
        ({"model": ModelConfig(layers=3, width=32, heads=2, kv_heads=2)}, ("model.heads", "model.layers")),
        ({"batch_tokens": 64}, ("batch_tokens",)),
        ({"seed": 2, "steps": 14}, ("seed", "steps")),
        ({"optimizer": OptimizerConfig(lr=2e-2, warmup=3)}, ("optimizer.lr",)),
        ({"precision": "bfloat16"}, ("precision",)),
    ],
)
def test_another_configuration_is_refused_by_field(
    reference: Path, shards: str, small: Small, changes: dict, fields: tuple[str, ...]
) -> None:
    with pytest.raises(CheckpointMismatch) as error:
        train(small(**changes), shards, str(reference), quiet)
    assert tuple(sorted(error.value.fields)) == fields
    for name in fields:
        assert f"  {name}: " in str(error.value)


def test_other_tokens_are_refused_by_field(reference: Path, shards: str, shards_of: Callable[..., str], small: Small) -> None:
    splits = {}
    for split in ("train", "validation"):
        reader = TokenShards(shards, split)
        splits[split] = np.stack([reader[i] for i in range(len(reader))])
    copy = shards_of("copy", splits)
    assert train(small(), copy, str(reference), quiet)["resumed_from"] == 12  # the same bytes elsewhere are the same run
    other = {**splits, "train": splits["train"][::-1]}
    with pytest.raises(CheckpointMismatch) as error:
        train(small(), shards_of("other", other), str(reference), quiet)
    assert error.value.fields == ("tokens.train",)
    with pytest.raises(CheckpointMismatch) as error:
        train(small(resume="changed"), shards_of("renamed", splits, tokenizer="t1"), str(reference), quiet)
    assert error.value.fields == ("tokens.tokenizer",)
    assert newest(reference / "checkpoints") is not None  # a refusal leaves everything as it was


def test_changed_lets_the_course_differ_and_writes_it_down(reference: Path, shards: str, small: Small) -> None:
    seen: list[dict] = []
    summary = train(small(steps=16, resume="changed"), shards, str(reference), seen.append)
    assert (summary["resumed_from"], summary["step"]) == (12, 16)
    assert seen[0]["changed"] == ["steps from 12 to 16"]
    with pytest.raises(CheckpointMismatch, match="seed"):
        train(small(steps=16, seed=9, resume="changed"), shards, str(reference), quiet)


def test_what_does_not_change_the_losses_may_differ(reference: Path, shards: str, small: Small) -> None:
    config = dataclasses.replace(small(), log_every=3, eval_every=0, checkpoint_every=2, keep_checkpoints=5, micro_batch=2)
    assert train(config, shards, str(reference), quiet)["resumed_from"] == 12


def test_a_checkpoint_of_another_version_is_refused_in_words(reference: Path, shards: str, small: Small) -> None:
    path = reference / "checkpoints" / "step-00000012" / "checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 1}))
    with pytest.raises(CheckpointMismatch, match="version: 1 in the checkpoint, 2 now\nGo on with the curator that wrote it"):
        train(small(), shards, str(reference), quiet)


def test_a_checkpoint_is_of_the_moment_it_was_asked_for(tmp_path: Path, weights_of: Weights) -> None:
    """The run goes on while it is written."""
    torch.manual_seed(0)
    model = Decoder(ModelConfig(layers=4, width=128, heads=4), 2000, 16)
    optimizer = adamw(model, OptimizerConfig(), torch.device("cpu"))
    saver = Saver(tmp_path / "checkpoints", 5, {"fixed": {}, "course": {}})
    expected = []
    for step in range(3):
        model(torch.arange(16)[None], torch.arange(16)[None]).mean().backward()
        optimizer.step()
        saver.save(step, model, optimizer, {})
        expected.append({name: weight.clone() for name, weight in model.state_dict().items()})
        with torch.no_grad():
            for weight in model.parameters():  # at once, and again and again
                weight.add_(1)
    saver.close()
    for step in range(3):
        assert same(weights_of(tmp_path, step), expected[step])


def test_a_checkpoint_that_cannot_be_written_ends_the_run(shards: str, small: Small, tmp_path: Path) -> None:
    def in_the_way(record: dict[str, Any]) -> None:
        if record["event"] == "train" and record["step"] == 4:
            (tmp_path / "out" / "checkpoints" / ".step-00000005.partial").parent.mkdir(parents=True)
            (tmp_path / "out" / "checkpoints" / ".step-00000005.partial").write_text("a file")

    with pytest.raises((OSError, RuntimeError, CheckpointException)):
        train(small(), shards, str(tmp_path / "out"), in_the_way)
