"""The feed-forward layer: plain, or gated by a second product (Shazeer 2020, arXiv 2002.05202)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from curator.train.architectures.config import Activation
from curator.train.linear import Linear

_gelu_tanh = functools.partial(F.gelu, approximate="tanh")  # GPT-2's and T5 1.1's (arXiv 1606.08415, section 2)
GATED: dict[str, Callable[[Tensor], Tensor]] = {"swiglu": F.silu, "geglu": F.gelu, "geglu_tanh": _gelu_tanh}
PLAIN: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "gelu_tanh": _gelu_tanh, "relu": F.relu}


class FeedForward(nn.Module):
    def __init__(self, activation: Activation, width: int, inner: int, bias: bool) -> None:
        super().__init__()
        self.activation = (GATED | PLAIN)[activation]
        self.gate_proj = Linear(width, inner, bias=bias) if activation in GATED else None
        self.up_proj = Linear(width, inner, bias=bias)
        self.down_proj = Linear(inner, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.gate_proj is None:
            return self.down_proj(self.activation(self.up_proj(x)))
        return self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))
