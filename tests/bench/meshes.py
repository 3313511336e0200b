"""A decoder over four ranks, by mesh: what a rank holds, what it computes, and whether it learns the same.

    python tests/bench/meshes.py

Four processes of one thread over gloo. `holds`: bytes of weights and AdamW's state on the fullest rank, as a share of one
process's. `computes`: CPU time of all ranks in the quickest step over that of one process in its own: what is computed twice,
copied and waited for, on a CPU where nothing runs beside anything else. `loss`: the largest difference from one process's.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from curator.train.architectures.build import build_model
from curator.train.config import ModelConfig, ParallelConfig, TrainConfig
from curator.train.data import MicroBatch
from curator.train.device import Place
from curator.train.mesh import BATCH, Mesh, sizes
from curator.train.optimizer import adamw
from curator.train.parallel import spread

RANKS, STEPS, SEQUENCES, LENGTH, VOCABULARY = 4, 6, 16, 128, 4096
SHAPE = ModelConfig(layers=8, width=256, heads=8, kv_heads=4)
MESHES = (
    ParallelConfig(),
    ParallelConfig(kind="fsdp"),
    ParallelConfig(tensor=4),
    ParallelConfig(pipeline=4),
    ParallelConfig(pipeline=4, schedule="gpipe"),
    ParallelConfig(kind="fsdp", context=4),
    ParallelConfig(kind="fsdp", tensor=2),
    ParallelConfig(kind="fsdp", pipeline=2),
    ParallelConfig(pipeline=2, tensor=2),
)


def learn(parallel: ParallelConfig, rank: int, ranks: int) -> tuple[list[float], int, float]:
    """The losses of the steps, and of this rank the bytes it holds and the CPU seconds of its quickest step."""
    length, micro = SEQUENCES * LENGTH, 2 if ranks == 1 or parallel.pipeline > 1 else 4
    config = TrainConfig(model=SHAPE, parallel=parallel, batch_tokens=length, micro_batch=micro, device="cpu", steps=1000)
    cpu = torch.device("cpu")
    place = Place(cpu, torch.float32, False, rank, ranks, None, Mesh(sizes(parallel, ranks), rank, cpu if ranks > 1 else None))
    torch.manual_seed(1)
    model = build_model(config.model, VOCABULARY, LENGTH)
    ours, optimizer = spread(model, config, place), adamw(model, config.optimizer, cpu)
    losses, times = [], []
    for batch in batches(place.mesh, micro):
        began = time.process_time()
        sums = ours.gradients(batch)
        ours.clip(1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append(time.process_time() - began)
        mine = np.array([float(torch.cat(sums).sum()) * place.mesh.has_losses])
        losses.append(float(place.sum(mine)[0]) / length)
    held = [*model.parameters(), *(each for state in optimizer.state.values() for each in state.values())]
    return losses, sum(local(each).nbytes for each in held), min(times)


def batches(mesh: Mesh, micro: int) -> Iterator[list[MicroBatch]]:
    generator = torch.Generator().manual_seed(2)
    share = SEQUENCES // mesh.size(*BATCH)
    for _ in range(STEPS):
        ids = torch.randint(0, VOCABULARY, (SEQUENCES, LENGTH + 1), generator=generator)
        mine = ids[mesh.rank(*BATCH) * share :][:share].split(micro)
        none, counts = np.zeros(micro, dtype=int), np.full(micro, LENGTH)
        yield [MicroBatch(each[:, :-1].contiguous(), each[:, 1:].contiguous(), none, counts) for each in mine]


def local(tensor: Any) -> torch.Tensor:
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def as_rank(rank: int, port: int, found: Any) -> None:
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=RANKS)
    for parallel in MESHES:
        found.put((rank, parallel, learn(parallel, rank, RANKS)))
        dist.barrier()
    dist.destroy_process_group()


def named(parallel: ParallelConfig) -> str:
    shape = sizes(parallel, RANKS)
    how = [parallel.kind] * (shape["data"] * shape["context"] > 1) + [parallel.schedule] * (parallel.pipeline > 1)
    return f"{' x '.join(f'{name} {size}' for name, size in shape.items() if size > 1)}{', ' if how else ''}{', '.join(how)}"


def main() -> None:
    torch.set_num_threads(1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    expected, whole, alone = learn(ParallelConfig(), 0, 1)
    found = torch.multiprocessing.get_context("spawn").SimpleQueue()
    running = spawn(as_rank, (port, found), nprocs=RANKS, join=False)
    assert running is not None
    results: dict[ParallelConfig, list[Any]] = {}
    for _ in range(RANKS * len(MESHES)):
        _, parallel, result = found.get()
        results.setdefault(parallel, []).append(result)
    while not running.join():
        pass
    print("| four ranks | holds | computes | loss |\n|---|---:|---:|---:|")
    for parallel, ranks in results.items():
        apart = max(abs(a - b) for losses, _, _ in ranks for a, b in zip(losses, expected, strict=True))
        held, seconds = max(each[1] for each in ranks) / whole, sum(each[2] for each in ranks) / alone
        print(f"| {named(parallel)} | {held:.0%} | {seconds:.2f} | {apart:.0e} |")


if __name__ == "__main__":
    main()
