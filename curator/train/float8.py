"""Products of the layers' matrices in 8 bits (Micikevicius et al. 2022, arXiv 2209.05433): e4m3 for what goes forward, e5m2 for
gradients, each divided by a scale that its largest value sets, found anew for every product.

What is summed and what comes out is in the run's own precision; weights, their gradients and the optimiser stay float32. The
embedding, the head, norms, routers and experts are left as they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from curator.train.config import TrainedRunError

FORWARD, BACKWARD = torch.float8_e4m3fn, torch.float8_e5m2
TILE = 16  # the kernels take sides that are multiples of it
LEAST = (8, 9)  # compute capability: Ada, Hopper and later


class Float8Linear(nn.Linear):
    """nn.Linear: the same weights under the same names."""

    def forward(self, input: Tensor) -> Tensor:
        y = _Product.apply(input.flatten(0, -2), self.weight).unflatten(0, input.shape[:-1])  # type: ignore[union-attr]
        return y if self.bias is None else y + self.bias.to(y.dtype)


def to_float8(model: Any, device: torch.device) -> None:
    """Make the linear layers of `model.layers` such, in place. A CPU multiplies so too, to try it out: not faster.

    Raises TrainedRunError for a device that has no such products, and for a layer whose sides are no multiples of 16.
    """
    if device.type == "cuda" and (has := torch.cuda.get_device_capability(device)) < LEAST:
        name, needs = torch.cuda.get_device_name(device), ".".join(map(str, LEAST))
        raise TrainedRunError(
            f"float8: {name} has no 8-bit products: it is of compute capability {has[0]}.{has[1]}, {needs} has them"
        )
    if device.type not in ("cuda", "cpu"):
        raise TrainedRunError(f"float8: {device.type} has no 8-bit products: leave it out")
    for name, module in model.layers.named_modules():
        if isinstance(module, nn.Linear) and not name.endswith(".router"):
            outer, inner = module.weight.shape
            if outer % TILE or inner % TILE:
                raise TrainedRunError(f"float8: layers.{name} is {outer} x {inner}: sides must be multiples of {TILE}")
            module.__class__ = Float8Linear  # the same weights, another product


class _Rounded(NamedTuple):
    """`values` x `scale` is about what was rounded."""

    values: Tensor
    scale: Tensor

    def turned(self) -> _Rounded:
        return _Rounded(self.values.t().contiguous(), self.scale)


def _rounded(x: Tensor, to: torch.dtype) -> _Rounded:
    most = torch.finfo(to).max
    scale = (x.abs().amax().float() / most).clamp(min=1e-12)
    return _Rounded((x.float() / scale).clamp(-most, most).to(to), scale)


def _times(a: _Rounded, b: _Rounded, dtype: torch.dtype, fast: bool = False) -> Tensor:
    """a · bᵀ. `fast` sums in fewer bits, which going forward does no harm (it is cuBLAS' own way)."""
    product: Any = torch.ops.aten._scaled_mm
    return product(a.values, b.values.t(), a.scale, b.scale, out_dtype=dtype, use_fast_accum=fast)


def _padded(x: Tensor) -> Tensor:
    return F.pad(x, (0, 0, 0, -len(x) % TILE))


class _Product(torch.autograd.Function):
    """x · weightᵀ. What is kept for the backward is x in 8 bits."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        kind = x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        a = _rounded(_padded(x), FORWARD)
        ctx.save_for_backward(*a, weight)
        ctx.dtype = x.dtype
        return _times(a, _rounded(weight, FORWARD), dtype, fast=kind == "cuda")[: len(x)]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        *kept, weight = ctx.saved_tensors
        gradient = _rounded(_padded(gradients[0]), BACKWARD)
        for_x, for_weight = ctx.needs_input_grad
        rows = len(gradients[0])
        return (
            _times(gradient, _rounded(weight, FORWARD).turned(), ctx.dtype)[:rows] if for_x else None,
            _times(gradient.turned(), _Rounded(*kept).turned(), weight.dtype) if for_weight else None,
        )
