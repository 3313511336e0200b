"""One model over several ranks: copied (DDP), or divided (FSDP2)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from curator.train.config import ParallelConfig
from curator.train.device import Place
from curator.train.model import Decoder


class Spread:
    """`model`, whose weights keep their names, and `forward`, by which it is called so that ranks exchange what they must.

    With one rank there is nothing to divide, whatever `kind` says.
    """

    def __init__(self, model: Decoder, config: ParallelConfig, place: Place) -> None:
        self.divided = config.kind == "fsdp" and place.ranks > 1
        self.copied = config.kind == "ddp" and place.ranks > 1
        if self.divided:
            _divide(model, config, place)
        else:
            model.to(place.device)
            if place.compile:
                model.compile()  # in place: the names of the weights stay
        self.model = model
        self.forward: Any = DistributedDataParallel(model, broadcast_buffers=False) if self.copied else model

    @contextmanager
    def backward(self, last: bool) -> Iterator[None]:
        """Around forward and backward of a micro-batch: ranks exchange gradients once a step, at the `last` one."""
        if self.divided:
            self.forward.set_requires_gradient_sync(last)
        if self.copied and not last:
            with self.forward.no_sync():
                yield
        else:
            yield

    def clip(self, most: float) -> Tensor:
        """Scale the gradient down to a norm of `most` if it is above it; the norm that it had."""
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), most)
        return norm.full_tensor() if self.divided else norm  # type: ignore[operator]


def _divide(model: Decoder, config: ParallelConfig, place: Place) -> None:
    """FSDP2, a layer at a time: a rank never holds more than its part and the whole of the layer it is in.

    In bfloat16 the ranks exchange weights in it, and gradients in float32; weights and optimiser stay float32.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    low = place.precision if place.precision != torch.float32 else None
    policy = MixedPrecisionPolicy(param_dtype=low, reduce_dtype=torch.float32, cast_forward_inputs=False)
    options: dict[str, Any] = {
        "mesh": init_device_mesh(place.device.type, (place.ranks,)),
        "reshard_after_forward": config.reshard,
        "mp_policy": policy,
    }
    for layer in model.layers:
        if place.compile:
            layer.compile()
        fully_shard(layer, **options)
    fully_shard(model, **options)
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view")  # nobody changes the losses in place
