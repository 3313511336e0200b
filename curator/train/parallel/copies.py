"""Ranks that learn from other sequences with the same weights: each holds them whole (DDP), or a part of them (FSDP2)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from curator.train.config import ParallelConfig, TrainedRunError
from curator.train.device import Place
from curator.train.mesh import COPIES


class Copies:
    """`model`, on its device and compiled, called so that ranks exchange what they must. With one copy there is nothing to
    exchange, whatever `kind` says."""

    def __init__(self, model: Any, config: ParallelConfig, place: Place) -> None:
        """Raises TrainedRunError for `ddp` of a model of which a rank holds but a part."""
        several = place.mesh.size(*COPIES) > 1
        self.divided, self.copied = several and config.kind == "fsdp", several and config.kind == "ddp"
        in_parts = place.mesh.size("pipeline", "expert", "tensor") > 1
        if self.copied and in_parts:
            raise TrainedRunError("parallel.kind: ddp copies whole models: with pipeline, expert or tensor write kind: fsdp")
        if place.compile:
            parts = model.layers if self.divided or in_parts else [model]
            for part in parts:
                part.compile()  # in place: the names of the weights stay
        if self.divided:
            _divide(model, config, place)
        else:
            model.to(place.device)
        self.forward: Any = model
        if self.copied:
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)  # its successor is too new
            group = place.mesh.along(*COPIES).get_group()
            self.forward = DistributedDataParallel(model, process_group=group, broadcast_buffers=False)

    def __call__(self, *given: Tensor | None) -> Tensor:
        return self.forward(*given)

    @contextmanager
    def exchanging(self, last: bool) -> Iterator[None]:
        """Around forward and backward of a micro-batch: ranks exchange gradients once a step, at the `last` one."""
        if self.divided:
            self.forward.set_requires_gradient_sync(last)
        if self.copied and not last:
            with self.forward.no_sync():
                yield
        else:
            yield


def _divide(model: Any, config: ParallelConfig, place: Place) -> None:
    """FSDP2, a layer at a time: a rank never holds more than its part and the whole of the layer it is in.

    In bfloat16 the ranks exchange weights in it, and gradients in float32; weights and optimiser stay float32.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    low = place.precision if place.precision != torch.float32 else None
    policy = MixedPrecisionPolicy(param_dtype=low, reduce_dtype=torch.float32, cast_forward_inputs=False)
    options: dict[str, Any] = {
        "mesh": place.mesh.along(*COPIES),
        "reshard_after_forward": config.reshard,
        "mp_policy": policy,
        "ignored_params": {weight for weight in model.parameters() if _of_expert(weight)},
    }
    for layer in model.layers:
        fully_shard(layer, **options)
    fully_shard(model, **options)
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view")  # nobody changes the losses in place


def _of_expert(weight: nn.Parameter) -> bool:
    return isinstance(weight, DTensor) and "expert" in (weight.device_mesh.mesh_dim_names or ())
