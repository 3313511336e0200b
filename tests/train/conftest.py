"""Token shards made on the spot, in the reader's own format, and the smallest run that trains."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from token_shards import write_shards
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from curator.train import ModelConfig, OptimizerConfig, TrainConfig, train

LENGTH, VOCABULARY = 16, 32


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def periodic(count: int, seed: int = 0, length: int = LENGTH) -> np.ndarray:
    """Sequences that count upwards through the vocabulary from a random id: easily learned, different each."""
    starts = np.random.default_rng(seed).integers(0, VOCABULARY, size=(count, 1))
    return (starts + np.arange(length + 1)) % VOCABULARY


@pytest.fixture
def corpus() -> dict[str, np.ndarray]:
    return {"train": periodic(50), "validation": periodic(10, seed=1)}


@pytest.fixture
def shards(tmp_path: Path, corpus: dict[str, np.ndarray]) -> str:
    folder = tmp_path / "tokens"
    folder.mkdir()
    return str(write_shards(folder, corpus))


@pytest.fixture
def shards_of(tmp_path: Path) -> Callable[..., str]:
    """A factory of further folders: `shards_of("name", splits, …)`."""

    def make(name: str, splits: dict[str, np.ndarray], **options: Any) -> str:
        folder = tmp_path / name
        folder.mkdir()
        return str(write_shards(folder, splits, **options))

    return make


@pytest.fixture
def small() -> Callable[..., TrainConfig]:
    """A factory of configs for the shards above: 8 sequences a step, 12 steps, everything written down."""

    def config(**changes: Any) -> TrainConfig:
        options: dict[str, Any] = {
            "model": ModelConfig(layers=2, width=32, heads=4, kv_heads=2),
            "optimizer": OptimizerConfig(lr=1e-2, warmup=3),
            "steps": 12,
            "batch_tokens": 8 * LENGTH,
            "micro_batch": 3,
            "log_every": 1,
            "eval_every": 6,
            "checkpoint_every": 5,
            "device": "cpu",
        }
        return TrainConfig(**(options | changes))

    return config


@pytest.fixture
def trained(
    shards_of: Callable[..., str], small: Callable[..., TrainConfig], tmp_path: Path, corpus: dict[str, Any]
) -> tuple[str, str]:
    """(output, tokens) of a run whose shards have a real tokenizer."""
    alphabet = {character: number for number, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    data = tokenizer.to_str().encode()
    folder = shards_of("tokens", corpus, vocabulary_size=257, tokenizer=hashlib.sha256(data).hexdigest(), eos=256)
    (Path(folder) / "tokenizer.json").write_bytes(data)
    train(small(), folder, str(tmp_path), lambda record: None)
    return str(tmp_path), folder


def losses(output: Path) -> list[tuple[int, float, dict, float]]:
    """What must not differ by a bit between two runs: step, loss, loss by source and gradient norm of each train record."""
    records = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [(r["step"], r["loss"], r["losses"], r["gradient_norm"]) for r in records if r["event"] == "train"]


@pytest.fixture
def weights_of() -> Callable[..., dict[str, torch.Tensor]]:
    """`weights_of(output, step)`: the model in a checkpoint that one rank wrote, by the names of its weights."""

    def read(output: Path, step: int = 12) -> dict[str, torch.Tensor]:
        (path,) = (output / "checkpoints" / f"step-{step:08d}").glob("*.safetensors")
        return {n.removeprefix("model."): w for n, w in load_file(path).items() if n.startswith("model.")}

    return read


@pytest.fixture
def losses_of() -> Callable[[Path], list]:
    return losses


RANK = """
import os, pickle, signal, sys, torch
import torch.distributed as dist
from curator.train import train

torch.set_num_threads(1)
compiled = torch.nn.Module.compile  # traced and differentiated as by any backend, without the minutes that inductor takes
torch.nn.Module.compile = lambda self: compiled(self, backend="aot_eager")
dist.init_process_group("gloo")
results = []
for config, shards, output, last in pickle.load(open(sys.argv[1], "rb")):
    def progress(record):
        if record["event"] == "train" and record["step"] == last:
            os.kill(os.getpid(), signal.SIGTERM)
    try:
        results.append(train(config, shards, output, progress))
    except ValueError as error:
        results.append(str(error))
if dist.get_rank() == 0:
    pickle.dump(results, open(sys.argv[2], "wb"))
dist.destroy_process_group()
"""


@pytest.fixture
def under_ranks(tmp_path: Path) -> Callable[..., list]:
    """`under_ranks(number, [(config, shards, output), ...])`: processes that find each other by their environment, as those of
    torchrun do, and train one call after the other. Gives what `train` gave, or the message of its ValueError. With a fourth in
    a call rank 0 is told to stop after that step."""

    def run(number: int, calls: Sequence[tuple]) -> list:
        given, results = tmp_path / "calls.bin", tmp_path / "results.bin"
        given.write_bytes(pickle.dumps([(*call, None)[:4] for call in calls]))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        shared = {**os.environ, "WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", RANK, str(given), str(results)],
                env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank in range(number)
        ]
        try:
            assert [process.wait(250) for process in processes] == [0] * number
        finally:
            for process in processes:
                process.kill()
        return pickle.loads(results.read_bytes())

    return run


@pytest.fixture
def near() -> Callable[[list, list], None]:
    """Losses, losses by source and norms of the same steps: equal but for the order of additions."""

    def check(mine: list, theirs: list) -> None:
        assert [row[0] for row in theirs] == [row[0] for row in mine]
        for (_, loss, by_source, norm), (_, other, other_by_source, other_norm) in zip(mine, theirs, strict=True):
            assert other == pytest.approx(loss, abs=1e-5)
            assert other_norm == pytest.approx(norm, rel=1e-4)
            assert other_by_source == pytest.approx(by_source, abs=1e-5)

    return check
