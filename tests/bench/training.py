"""Training beside a plain PyTorch loop as nanoGPT's and beside transformers' Trainer; and the loader alone.

    python tests/bench/training.py

All train a decoder of the same layers, width, heads, vocabulary and length on the same shards with the same batch, AdamW
(fused), schedule and clipping, in float32 on one core of a CPU. `plain loop` is nanoGPT's way written out: random batches from
a memory-mapped array, and GPT-2's blocks (LayerNorm, learned positions, GELU of 4 x width), which curator trains as an
architecture; or curator's default decoder in the same bare loop, which is what the loop's own work costs. Trainer trains
LlamaForCausalLM. `by MKL` multiplies matrices as torch does by itself, and as the peers do: what is left is the model's and
the loop's. Tokens a second of CPU time in the quickest step of several runs of each side in turn: all steps do the same work,
batch and journal included.

The loader: tokens that reach tensors a second of CPU time, from shards that are in the page cache, with the number of each
token's document and without.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["TOKENIZERS_PARALLELISM"] = "1"

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from curator.tokens.shards import TokenShards
from curator.train import ModelConfig, OptimizerConfig, TrainConfig, linear, train
from curator.train.architectures.config import ArchitectureConfig
from curator.train.data import Batches
from curator.train.export import llama_config
from curator.train.model import Decoder
from filters import beside

write_shards = beside("token_shards.py").write_shards

ROUNDS, STEPS, WARMUP = 4, 8, 2
VOCABULARY, LENGTH, BATCH = 4096, 256, 4
SHAPE = ModelConfig(layers=4, width=384, heads=6, tied_embeddings=True)  # 8/3 of 384: as many weights as 4 x 384 without a gate
PLAIN_BLOCKS = ArchitectureConfig(norm="layer", activation="gelu", positions="learned")
GPT2_SHAPE = ModelConfig(layers=4, width=384, heads=6, ffn_multiple=4, tied_embeddings=True, architecture=PLAIN_BLOCKS)
OPTIMIZER = OptimizerConfig(lr=1e-3, warmup=WARMUP)


def write_tokens(folder: Path, sequences: int, length: int, pieces: int = 1) -> str:
    """Shards of random tokens, with documents that begin at even distances."""
    ids = np.random.default_rng(0).integers(0, VOCABULARY, size=(sequences, length + 1))
    return str(write_shards(folder, {"train": ids}, ("web",), VOCABULARY, files=1, documents=pieces))


class Clock:
    """CPU seconds at the end of each step; the shortest step counts."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def tick(self) -> None:
        self.times.append(time.process_time())

    def rate(self) -> float:
        assert len(self.times) == STEPS
        return BATCH * LENGTH / float(np.diff(self.times).min())


# ------------------------------------------------------------------------------------------------------------- the sides


def ours(tokens: str, shape: ModelConfig = SHAPE) -> float:
    clock = Clock()

    def progress(record: dict[str, Any]) -> None:
        if record["event"] == "train":
            clock.tick()

    config = TrainConfig(
        model=shape,
        optimizer=OPTIMIZER,
        steps=STEPS,
        batch_tokens=BATCH * LENGTH,
        micro_batch=BATCH,
        log_every=1,
        eval_every=0,
        checkpoint_every=0,
        device="cpu",
    )
    with tempfile.TemporaryDirectory() as output:
        train(config, tokens, output, progress)
    return clock.rate()


def ours_gpt2(tokens: str) -> float:
    return ours(tokens, GPT2_SHAPE)


def by_mkl(side: Callable[[str], float]) -> Callable[[str], float]:
    def run(tokens: str) -> float:
        with mock.patch.object(linear, "PRODUCT", None):
            return side(tokens)

    return run


class Block(nn.Module):
    """GPT-2's, as nanoGPT has it: queries, keys and values in one product, no biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(self.ln_1(x)).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.ln_2(x))))


class GPT2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = SHAPE.width
        self.wte, self.wpe = nn.Embedding(VOCABULARY, width), nn.Embedding(LENGTH, width)
        self.blocks = nn.ModuleList(Block(width, SHAPE.heads) for _ in range(SHAPE.layers))
        self.ln_f = nn.LayerNorm(width, bias=False)
        self.lm_head = nn.Linear(width, VOCABULARY, bias=False)
        self.lm_head.weight = self.wte.weight
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.lm_head(self.ln_f(x)).flatten(0, 1), targets.flatten())


def plain_loop(model: nn.Module, tokens: str) -> float:
    """nanoGPT's: `model(ids, targets)` gives a loss or losses; the data are one long memory-mapped array."""
    clock = Clock()
    data = np.memmap(Path(tokens) / "train.tokens", dtype=np.uint16, mode="r", offset=64)[: 512 * LENGTH]
    optimizer = torch.optim.AdamW(model.parameters(), lr=OPTIMIZER.lr, betas=OPTIMIZER.betas, weight_decay=0.1, fused=True)
    for step in range(STEPS):
        at = torch.randint(len(data) - LENGTH - 1, (BATCH,)).tolist()
        ids = torch.stack([torch.from_numpy(data[i : i + LENGTH].astype(np.int64)) for i in at])
        targets = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + LENGTH].astype(np.int64)) for i in at])
        progress = (step - WARMUP) / (STEPS - WARMUP)
        lr = (step + 1) / WARMUP if step < WARMUP else 0.1 + 0.45 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = OPTIMIZER.lr * lr
        loss = model(ids, targets).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        clock.tick()
    return clock.rate()


def plain_gpt2(tokens: str) -> float:
    return plain_loop(GPT2(), tokens)


def plain_default(tokens: str) -> float:
    return plain_loop(Decoder(SHAPE, VOCABULARY, LENGTH), tokens)


class Examples(torch.utils.data.Dataset):
    def __init__(self, tokens: str) -> None:
        self.shards = TokenShards(tokens)

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        ids = torch.from_numpy(self.shards[index][:-1].astype(np.int64))
        return {"input_ids": ids, "labels": ids}


def trainer(tokens: str) -> float:
    clock = Clock()

    class Ticks(TrainerCallback):
        def on_step_end(self, *given: Any, **named: Any) -> None:
            clock.tick()

    described = {k: v for k, v in llama_config(SHAPE, VOCABULARY, LENGTH, 0).items() if k != "torch_dtype"}
    model = LlamaForCausalLM(LlamaConfig(**{**described, "use_cache": False}))
    with tempfile.TemporaryDirectory() as output:
        options = TrainingArguments(
            output_dir=output,
            max_steps=STEPS,
            per_device_train_batch_size=BATCH,
            learning_rate=OPTIMIZER.lr,
            lr_scheduler_type="cosine",
            warmup_steps=WARMUP,
            weight_decay=0.1,
            max_grad_norm=1.0,
            optim="adamw_torch_fused",
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        run = Trainer(model=model, args=options, train_dataset=Examples(tokens), callbacks=[Ticks()])
        run.remove_callback(PrinterCallback)  # among our rows
        run.train()
    return clock.rate()


SIDES: dict[str, Callable[[str], float]] = {
    "GPT-2 blocks": ours_gpt2,
    "GPT-2 blocks, by MKL": by_mkl(ours_gpt2),
    "default decoder": ours,
    "default decoder, by MKL": by_mkl(ours),
    "plain loop, GPT-2 blocks": plain_gpt2,
    "plain loop, default decoder": plain_default,
    "transformers Trainer": trainer,
}
PAIRS = (
    ("GPT-2 blocks", "plain loop, GPT-2 blocks"),
    ("GPT-2 blocks, by MKL", "plain loop, GPT-2 blocks"),
    ("default decoder", "plain loop, GPT-2 blocks"),
    ("default decoder", "plain loop, default decoder"),
    ("default decoder", "transformers Trainer"),
    ("default decoder, by MKL", "plain loop, GPT-2 blocks"),
    ("default decoder, by MKL", "transformers Trainer"),
)


def training(folder: Path) -> Iterator[str]:
    tokens = write_tokens(folder / "training", 1024, LENGTH)
    best = dict.fromkeys(SIDES, 0.0)
    for _ in range(ROUNDS):
        for side, run in SIDES.items():
            best[side] = max(best[side], run(tokens))
    for mine, peer in PAIRS:
        yield (
            f"| training, {SHAPE.parameters(VOCABULARY) / 1e6:.1f} M parameters: {mine} | {best[mine]:,.0f} tokens/s "
            f"| {peer}: {best[peer]:,.0f} tokens/s | {best[mine] / best[peer]:.2f} |"
        )


# ------------------------------------------------------------------------------------------------------------ the loader


def loader(folder: Path) -> Iterator[str]:
    for length in (256, 2048):
        tokens = write_tokens(folder / f"loader-{length}", (1 << 24) // length, length, pieces=4)
        for documents in (False, True):
            batches = Batches(TokenShards(tokens), 64, 16, torch.device("cpu"), documents=documents)
            spent = []
            for _ in range(ROUNDS):
                began = time.process_time()
                for start in range(0, len(batches.shards), 64):
                    batches.load(start, 64)
                spent.append(time.process_time() - began)
            rate = (1 << 24) / min(spent) / 1e6
            kind = "with documents" if documents else "ids and sources"
            yield f"| loader, sequences of {length}, {kind} | {rate:,.0f} M tokens/s | wanted: 20 | {rate / 20:.1f} |"


def main() -> None:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    print("| work, one core | curator | beside it | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for part in (loader, training):
            for row in part(Path(folder)):
                print(row, flush=True)


if __name__ == "__main__":
    main()
