"""What each choice of an architecture costs beside the default decoder of the same width and depth, and the loop beside none.

    python tests/bench/architectures.py

All train on the same shards, float32 on one core, sides in turn, the best of several rounds: tokens a second of CPU time from
the end of the second step to that of the last. Memory is the most bytes of tensors that there were at once in the first two
steps, counted as they come and go: weights, gradients, the optimiser's and what a layer keeps; the same in every run.
An encoder-decoder's tokens are those of both sides. `default, in a plain loop` is the same model, optimiser and batches in
twelve lines of torch: a ratio of 1.0 means that the trainer costs nothing.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from curator.tokens.shards import TokenShards
from curator.train import ModelConfig, OptimizerConfig, TrainConfig, train
from curator.train.architectures.config import ArchitectureConfig, ExpertsConfig, ObjectivesConfig, PatternConfig, RopeScaling
from curator.train.model import Decoder
from curator.train.optimizer import adamw
from filters import beside

write_shards = beside("token_shards.py").write_shards

ROUNDS, STEPS = 3, 5
VOCABULARY, LENGTH, BATCH = 4096, 256, 4
SHAPE: dict[str, Any] = {"layers": 4, "width": 256, "heads": 4, "tied_embeddings": True}
SIZE = ModelConfig(**SHAPE).parameters(VOCABULARY)
PLAIN = "default, in a plain loop"


@dataclass
class Side:
    architecture: dict[str, Any] | None = None
    model: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)


SIDES: dict[str, Side] = {
    "default": Side(),
    PLAIN: Side(),
    "default, multi-query": Side(model={"kv_heads": 1}),
    "default, attention within documents": Side(run={"attention": "documents"}),
    "default, `recompute: pointwise`": Side(run={"recompute": "pointwise"}),
    "default, `recompute: layers`": Side(run={"recompute": "layers"}),
    "the same parts as an architecture": Side({}),
    "… `recompute: pointwise`": Side({}, run={"recompute": "pointwise"}),
    "… `recompute: layers`": Side({}, run={"recompute": "layers"}),
    "LayerNorm": Side({"norm": "layer"}),
    "sandwich": Side({"norm_place": "sandwich"}),
    "post": Side({"norm_place": "post"}),
    "DeepNorm": Side({"norm_place": "deep"}),
    "a norm after the embedding, its gradient shrunk": Side({"embedding_norm": True, "embedding_gradient": 0.1}),
    "GELU, plain": Side({"activation": "gelu"}),
    "GeGLU": Side({"activation": "geglu"}),
    "learned positions": Side({"positions": "learned"}),
    "sinusoidal positions": Side({"positions": "sinusoidal"}),
    "relative positions": Side({"positions": "relative"}),
    "ALiBi": Side({"positions": "alibi"}),
    "RoPE, scaled by YaRN": Side({"rope_scaling": RopeScaling(kind="yarn", factor=4, original_length=64)}),
    "window of 64": Side({"pattern": PatternConfig(kind="window", window=64)}),
    "blocks of 32": Side({"pattern": PatternConfig(kind="blocks", block=32)}),
    "8 experts, 1 a token": Side({"experts": ExpertsConfig(count=8, top=1)}),
    "8 experts, 2 a token": Side({"experts": ExpertsConfig(count=8, top=2)}),
    "8 experts, 2 a token, capacity 1.25": Side({"experts": ExpertsConfig(count=8, top=2, capacity=1.25)}),
    "prefix decoder": Side({"shape": "prefix", "objectives": ObjectivesConfig(prefix=1.0)}),
    "prefix decoder, GLM's blanks": Side({"shape": "prefix", "objectives": ObjectivesConfig(blanks=1.0)}),
    "encoder-decoder, T5's spans": Side({"shape": "encoder_decoder", "objectives": ObjectivesConfig(spans=1.0)}),
}


def write_tokens(folder: Path) -> str:
    """Shards of random tokens, four documents a sequence."""
    ids = np.random.default_rng(0).integers(0, VOCABULARY, size=(64, LENGTH + 1))
    return str(write_shards(folder, {"train": ids}, ("web",), VOCABULARY, files=1, documents=4))


def config_of(side: Side, steps: int) -> TrainConfig:
    architecture = None if side.architecture is None else ArchitectureConfig(**side.architecture)
    return TrainConfig(
        model=ModelConfig(**SHAPE | side.model, architecture=architecture),
        optimizer=OptimizerConfig(lr=1e-3, warmup=1),
        steps=steps,
        batch_tokens=BATCH * LENGTH,
        micro_batch=BATCH,
        log_every=1,
        eval_every=0,
        checkpoint_every=0,
        device="cpu",
        **side.run,
    )


# ------------------------------------------------------------------------------------------------------------------ speed


def speed(name: str, tokens: str) -> float:
    """Tokens a second of CPU time."""
    times: list[float] = []

    def progress(record: dict[str, Any]) -> None:
        if record["event"] == "train":
            times.append(time.process_time())

    if name == PLAIN:
        plain_loop(tokens, STEPS, lambda: times.append(time.process_time()))
    else:
        with tempfile.TemporaryDirectory() as output:
            train(config_of(SIDES[name], STEPS), tokens, output, progress)
    return (STEPS - 2) * BATCH * LENGTH / (times[-1] - times[1])


def plain_loop(tokens: str, steps: int, done: Callable[[], None]) -> None:
    config, shards = config_of(Side(), steps), TokenShards(tokens)
    model = Decoder(config.model, VOCABULARY, LENGTH)
    optimizer = adamw(model, config.optimizer, torch.device("cpu"))
    for step in range(steps):
        ids = torch.from_numpy(np.stack([shards[step * BATCH + row] for row in range(BATCH)]).astype(np.int64))
        model(ids[:, :-1].contiguous(), ids[:, 1:].contiguous()).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done()


# ----------------------------------------------------------------------------------------------------------------- memory


class Tensors(TorchDispatchMode):
    """Counts the bytes of the tensors that there are, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.most, self.seen = 0, 0, weakref.WeakSet[Any]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage() not in self.seen:
                storage = tensor.untyped_storage()
                self.seen.add(storage)
                self.count(storage.nbytes())
                weakref.finalize(storage, self.count, -storage.nbytes())
        return found

    def count(self, change: int) -> None:
        self.bytes += change
        self.most = max(self.most, self.bytes)


def memory(name: str, tokens: str) -> tuple[float, float]:
    """MiB, and millions of parameters."""
    records: list[dict[str, Any]] = []
    most: list[int] = []

    def progress(record: dict[str, Any]) -> None:
        records.append(record)
        if record["event"] == "train":  # the checkpoint's copies come after
            most.append(held.most)

    with tempfile.TemporaryDirectory() as output, Tensors() as held:
        if name == PLAIN:
            plain_loop(tokens, 2, lambda: most.append(held.most))
            return most[-1] / 2**20, SIZE / 1e6
        train(config_of(SIDES[name], 2), tokens, output, progress)
    return most[-1] / 2**20, records[0]["parameters"] / 1e6


def rows(tokens: str) -> Iterator[str]:
    best = dict.fromkeys(SIDES, 0.0)
    for _ in range(ROUNDS):
        for name in SIDES:
            best[name] = max(best[name], speed(name, tokens))
    for name in SIDES:
        held, millions = memory(name, tokens)
        yield (
            f"| {name} | {millions:.2f} M | {best[name]:,.0f} tokens/s | {best[name] / best['default']:.2f} | {held:,.0f} MiB |"
        )


def main() -> None:
    torch.set_num_threads(1)
    print("| architecture | parameters | speed, one core | of the default's | memory of its tensors |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(write_tokens(Path(folder) / "tokens")):
            print(row, flush=True)


if __name__ == "__main__":
    main()
