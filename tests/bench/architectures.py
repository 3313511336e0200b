"""What each choice of an architecture costs beside the default decoder of the same width and depth, and the seams nothing.

    python tests/bench/architectures.py

All train on the same shards for as many steps, float32 on one core, sides in turn, the best of several rounds: tokens a second
of CPU time from the end of the second step to that of the last, and the most memory that a process of its own held beyond what
it held before the model was made. An encoder-decoder's tokens are those of both sides. `default, built directly` is the default
run's work without the functions that choose a model, its batches and its reader: a ratio of 1.0 means that they cost nothing.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from curator.tokens.shards import Header, write_shard
from curator.train import ModelConfig, OptimizerConfig, TrainConfig, train
from curator.train import run as run_module
from curator.train.architectures.config import ArchitectureConfig, ExpertsConfig, ObjectivesConfig, PatternConfig
from curator.train.data import Batches
from curator.train.model import Decoder

ROUNDS, STEPS = 3, 7
VOCABULARY, LENGTH, BATCH = 4096, 256, 4
SHAPE: dict[str, Any] = {"layers": 4, "width": 256, "heads": 4, "tied_embeddings": True}
SIDES: dict[str, dict[str, Any] | None] = {
    "default": None,
    "default, built directly": None,
    "the same parts as an architecture": {},
    "LayerNorm": {"norm": "layer"},
    "sandwich": {"norm_place": "sandwich"},
    "DeepNorm": {"norm_place": "deep"},
    "GELU, plain": {"activation": "gelu"},
    "learned positions": {"positions": "learned"},
    "sinusoidal positions": {"positions": "sinusoidal"},
    "relative positions": {"positions": "relative"},
    "ALiBi": {"positions": "alibi"},
    "window of 64": {"pattern": PatternConfig(kind="window", window=64)},
    "blocks of 32": {"pattern": PatternConfig(kind="blocks", block=32)},
    "8 experts, 2 a token": {"experts": ExpertsConfig(count=8, top=2)},
    "8 experts, 2 a token, capacity 1.25": {"experts": ExpertsConfig(count=8, top=2, capacity=1.25)},
    "prefix decoder": {"shape": "prefix", "objectives": ObjectivesConfig(prefix=1.0)},
    "prefix decoder, GLM's blanks": {"shape": "prefix", "objectives": ObjectivesConfig(blanks=1.0)},
    "encoder-decoder, T5's spans": {"shape": "encoder_decoder", "objectives": ObjectivesConfig(spans=1.0)},
}


def write_tokens(folder: Path) -> str:
    """Shards of random tokens."""
    folder.mkdir()
    ids = np.random.default_rng(0).integers(0, VOCABULARY, size=(64, LENGTH + 1))
    header = Header(itemsize=2, sequence_length=LENGTH, vocabulary_size=VOCABULARY, sequences=64, pieces=64, eos=0)
    entry = write_shard(str(folder / "train.tokens"), header, [ids], np.arange(65), np.zeros(64), np.zeros(64))
    manifest = {"version": 1, "splits": {"train": {"shards": [entry]}}, "sequence_length": LENGTH, "eos": 0, "dtype": "<u2"}
    manifest |= {"vocabulary_size": VOCABULARY, "tokenizer": {"hash": "none"}, "parts": [{"name": "web"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return str(folder)


def peak() -> float:
    """MiB that this process has held at most; what getrusage tells of a new process begins with its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024


def measured(name: str, tokens: str, steps: int = STEPS) -> tuple[float, float, int]:
    """Tokens a second, MiB, parameters."""
    options, times = SIDES[name], []

    def progress(record: dict[str, Any]) -> None:
        if record["event"] == "train":
            times.append(time.process_time())

    config = TrainConfig(
        model=ModelConfig(**SHAPE, architecture=None if options is None else ArchitectureConfig(**options)),
        optimizer=OptimizerConfig(lr=1e-3, warmup=1),
        steps=steps,
        batch_tokens=BATCH * LENGTH,
        micro_batch=BATCH,
        log_every=1,
        eval_every=0,
        checkpoint_every=0,
        device="cpu",
    )
    before = peak()
    with tempfile.TemporaryDirectory() as output:
        if name == "default, built directly":
            with (
                mock.patch.object(run_module, "build_model", Decoder),
                mock.patch.object(run_module, "build_batches", _batches),
            ):
                summary = train(config, tokens, output, progress)
        else:
            summary = train(config, tokens, output, progress)
    held = peak() - before
    rate = (steps - 2) * BATCH * LENGTH / (times[-1] - times[1]) if steps > 2 else 0.0
    return rate, held, summary["parameters"]


def _batches(config: TrainConfig, shards: Any, smallest: int, place: Any) -> Batches:
    return Batches(shards, smallest, config.micro_batch, place.device, place.rank, place.ranks, False)


def rows(tokens: str) -> Iterator[str]:
    best = dict.fromkeys(SIDES, 0.0)
    for _ in range(ROUNDS):
        for name in SIDES:
            best[name] = max(best[name], measured(name, tokens)[0])
    apart = multiprocessing.get_context("spawn")
    for name in SIDES:
        with apart.Pool(1) as pool:  # memory that was held once is never given back to the figure
            _, held, parameters = pool.apply(measured, (name, tokens, 2))
        yield (
            f"| {name} | {parameters / 1e6:.2f} M | {best[name]:,.0f} tokens/s | {best[name] / best['default']:.2f} "
            f"| {held:,.0f} MiB |"
        )


def main() -> None:
    torch.set_num_threads(1)
    print("| architecture | parameters | speed, one core | of the default's | memory of a run |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(write_tokens(Path(folder) / "tokens")):
            print(row, flush=True)


if __name__ == "__main__":
    main()
