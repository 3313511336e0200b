"""Linear layers whose float32 products a CPU computes by oneDNN.

torch multiplies float32 matrices by MKL, which on processors other than Intel's does so without AVX-512. oneDNN, which torch
carries for lower precisions, asks the processor itself: on AMD's Zen 5 it is twice as fast, forward and backward, as precise.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PRODUCT: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
SMALL = 1 << 21  # multiplications below which preparing oneDNN's costs more than they do


class Linear(nn.Linear):
    """nn.Linear: the same weights under the same names."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x · weightᵀ + bias."""
    if _suits(x, weight):
        return _Product.apply(x, weight, bias)  # type: ignore[return-value]
    return F.linear(x, weight, bias)


def _suits(x: Tensor, weight: Tensor) -> bool:
    """Large and plain float32 matrices on a CPU: not DTensors, nothing to be cast, nothing that a compiler looks into."""
    plain = type(weight) in (nn.Parameter, Tensor) and x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"
    large = x.numel() * weight.shape[0] >= SMALL
    return plain and large and PRODUCT is not None and not (torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling())


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x · weightᵀ + bias; either may be a transposed view."""
    return PRODUCT(x, weight, bias, "none", [], "")


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous()  # once, not for each product
        rows = gradient.flatten(0, -2)
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            _product(gradient, weight.t()) if for_x else None,
            _product(rows.t(), x.flatten(0, -2).t()) if for_weight else None,
            rows.sum(0) if for_bias else None,
        )
