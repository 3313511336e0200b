"""Where a run computes, with what precision, and as which of how many ranks (started by torchrun, one process a device)."""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.distributed as dist

from curator.train.config import TrainConfig, TrainedRunError
from curator.train.losses import SourceLosses
from curator.train.mesh import Mesh, alone, sizes

# Dense bfloat16 FLOP/s of one device, from NVIDIA's data sheets; the first name that occurs in the device's own wins.
PEAK_FLOPS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "GH200": 989e12,
    "H800": 989e12,
    "H20": 148e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
    "L20": 119.5e12,
    "L4": 121e12,
    "A6000": 154.8e12,
    "A10": 125e12,
    "RTX 4090": 165.2e12,
    "RTX 3090": 71e12,
}


@dataclass(frozen=True)
class Place:
    """One rank's device. `precision` is the type that matrices are multiplied in; weights and optimiser are always
    float32."""

    device: torch.device
    precision: torch.dtype
    compile: bool
    rank: int = 0
    ranks: int = 1
    stated_flops: float | None = None
    mesh: Mesh = field(default_factory=alone)

    @property
    def name(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type

    def autocast(self) -> AbstractContextManager[object]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def peak_flops(self) -> float | None:
        """Of all ranks together; None, unless it was stated, for float32 and for devices that the table does not know."""
        if self.stated_flops is not None:
            return self.stated_flops * self.ranks
        if self.device.type != "cuda" or self.precision != torch.bfloat16:
            return None
        name = self.name
        return next((flops * self.ranks for key, flops in PEAK_FLOPS.items() if key in name), None)

    def memory_bytes(self) -> int:
        """The most that this process has held at once: on its GPU, elsewhere of the machine's memory."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum of float64 `values` over all ranks, on every rank."""
        if self.ranks == 1:
            return values
        tensor = torch.from_numpy(values)
        if self.device.type == "cuda":  # NCCL reduces what lies on a GPU
            tensor = tensor.to(self.device)
        dist.all_reduce(tensor)
        return tensor.cpu().numpy()

    def exchange(self, found: SourceLosses, asked: bool = False) -> bool:
        """Add up the losses of all ranks, in place, each once (see `mesh`). Gives whether any asked to stop, so that all do at
        the same step."""
        names, mesh = len(found.names), self.mesh
        mine = (found.sums * mesh.has_losses, found.tokens * mesh.has_counts, [float(asked)])
        total = self.sum(np.concatenate(mine))
        found.sums, found.tokens = total[:names], total[names : 2 * names]
        return bool(total[-1])

    def from_first(self, number: int) -> int:
        """Rank 0's `number`, on every rank."""
        return round(float(self.sum(np.array([float(number) if self.rank == 0 else 0.0]))[0]))


@contextmanager
def join(config: TrainConfig) -> Iterator[Place]:
    """This process's place among its ranks: alone, or one of torchrun's WORLD_SIZE over NCCL (gloo on CPU).

    Raises TrainedRunError for a device that this machine does not have, and for a mesh that does not divide the ranks.
    """
    rank, ranks = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    shape = sizes(config.parallel, ranks)
    device = choose_device(config.device, int(os.environ.get("LOCAL_RANK", "0")))
    joined = ranks > 1 and not dist.is_initialized()
    if joined:
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"  # checkpoints are written from the CPU
        dist.init_process_group(backend, rank=rank, world_size=ranks)
    precision, compiled = choose_precision(config.precision, device), choose_compile(config.compile, device)
    try:
        yield Place(device, precision, compiled, rank, ranks, config.peak_flops, Mesh(shape, rank, device))
    finally:
        if joined:
            dist.destroy_process_group()


def choose_device(wanted: str, local_rank: int = 0) -> torch.device:
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(wanted)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise TrainedRunError("device: this machine has no mps: write auto or cpu")
    if device.type == "cuda":
        number = local_rank if device.index is None else device.index
        if number >= torch.cuda.device_count():
            raise TrainedRunError(f"device: no cuda:{number}: torch sees {torch.cuda.device_count()} CUDA devices here")
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    return device


def choose_precision(wanted: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 on a GPU that computes in it, float32 elsewhere: a CPU without its instructions is a hundred times
    slower."""
    if wanted == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        wanted = "bfloat16" if fast else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wanted]


def choose_compile(wanted: bool | str, device: torch.device) -> bool:
    """`auto` compiles on CUDA, where Triton is: on a CPU it costs half a minute and gains nothing on short runs."""
    if wanted == "auto":
        return device.type == "cuda" and importlib.util.find_spec("triton") is not None
    return bool(wanted)
