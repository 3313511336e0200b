"""The ranks of a run as a grid with named dimensions, one a kind of parallelism, and what a rank's coordinates mean.

    pipeline   stages of the layers                                        the same sequences
    data       copies of the model, or parts of its weights (FSDP)         other sequences
    expert     other experts; everything else as along `data`              other sequences
    context    parts of each sequence                                      the same sequences
    tensor     parts of each matrix                                        the same sequences

The last changes fastest: what exchanges most, and in every layer, is nearest, on one machine's links; the stages of a pipeline,
which exchange least, are farthest apart (Megatron's order, arXiv 2104.04473).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from curator.train.config import ParallelConfig, TrainedRunError

Dimension = Literal["pipeline", "data", "expert", "context", "tensor"]
DIMENSIONS: tuple[Dimension, ...] = ("pipeline", "data", "expert", "context", "tensor")
BATCH: tuple[Dimension, ...] = ("data", "expert")  # ranks that read other sequences
COPIES: tuple[Dimension, ...] = ("data", "expert", "context")  # ranks among which dense weights are the same: DDP's, FSDP's


def sizes(config: ParallelConfig, ranks: int) -> dict[Dimension, int]:
    """How many ranks each dimension has; `data` takes what the others leave. Raises TrainedRunError where they do not divide
    `ranks`."""
    wanted: dict[Dimension, int] = {name: 1 if name == "data" else getattr(config, name) for name in DIMENSIONS}
    least = math.prod(wanted.values())
    if ranks % least:
        asked = " x ".join(f"{name} {size}" for name, size in wanted.items() if size > 1)
        processes = f"{ranks} processes were started" if ranks > 1 else "one process was started"
        raise TrainedRunError(
            f"parallel: {asked} needs a multiple of {least} ranks, and {processes}: torchrun --nproc-per-node"
        )
    return {**wanted, "data": ranks // least}


class Mesh:
    """This rank's place in the grid. Dimensions of one rank are not in torch's mesh: nothing is exchanged along them."""

    def __init__(self, sizes: dict[Dimension, int], rank: int = 0, device: torch.device | None = None) -> None:
        """With more than one rank torch.distributed is initialised already, and every rank makes its mesh."""
        self.sizes = sizes
        self._coordinates: dict[Dimension, int] = {}
        for name in reversed(DIMENSIONS):
            rank, self._coordinates[name] = divmod(rank, sizes[name])
        wide = tuple(name for name in sizes if sizes[name] > 1)
        shape = tuple(size for size in sizes.values() if size > 1)
        self._mesh = init_device_mesh(device.type, shape, mesh_dim_names=wide) if wide and device else None

    def size(self, *names: Dimension) -> int:
        return math.prod(self.sizes[name] for name in names)

    def rank(self, *names: Dimension) -> int:
        """This rank's coordinate; along several dimensions, of their ranks in order."""
        number = 0
        for name in names:
            number = number * self.sizes[name] + self._coordinates[name]
        return number

    def along(self, *names: Dimension) -> DeviceMesh:
        """Torch's mesh of one dimension: of the ranks that differ from this one in `names` alone. At least one of them has more
        ranks than one. Every rank must ask for the same meshes in the same order: the first time makes a group."""
        assert self._mesh is not None
        wide = tuple(name for name in DIMENSIONS if name in names and self.sizes[name] > 1)
        return self._mesh[wide]._flatten() if len(wide) > 1 else self._mesh[wide]

    @property
    def is_last_stage(self) -> bool:
        return self.rank("pipeline") == self.sizes["pipeline"] - 1

    @property
    def has_losses(self) -> bool:
        """Whether this rank's losses count: those of tensor ranks are all the same, and only the last stage has any."""
        return self.is_last_stage and self.rank("tensor") == 0

    @property
    def has_counts(self) -> bool:
        """Whether this rank counts the targets of its sequences: context ranks have the same ones, and each some losses."""
        return self.has_losses and self.rank("context") == 0


def by_mesh(weights: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Grouped by the mesh that they lie on; plain ones are a group too."""
    groups: dict[DeviceMesh | None, list[nn.Parameter]] = {}
    for weight in weights:
        groups.setdefault(weight.device_mesh if isinstance(weight, DTensor) else None, []).append(weight)
    return list(groups.values())


def alone() -> Mesh:
    """One rank."""
    return Mesh(sizes(ParallelConfig(), 1))
