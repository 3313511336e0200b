"""A layer: attention, attention to the encoder where there is one, feed-forward; each a branch of the residual stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from curator.train.architectures.activations import FeedForward
from curator.train.architectures.config import ArchitectureConfig
from curator.train.architectures.experts import Experts
from curator.train.architectures.norms import build_norm
from curator.train.architectures.sight import Sight, attend
from curator.train.linear import Linear
from curator.train.model import rotate
from curator.train.recompute import Recompute, recomputed


@dataclass(frozen=True)
class Setting:
    """What all layers of a side share in one forward: what they see, what they turn by, and what the encoder gave."""

    full: Sight
    sparse: Sight
    turn: tuple[Tensor, Tensor] | None = None
    memory: Tensor | None = None
    across: Sight | None = None


class Attention(nn.Module):
    """`heads / kv_heads` query heads share a head of keys and values (arXiv 2305.13245; one head for all: 1911.02150)."""

    attend = staticmethod(attend)

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.heads, self.key_heads, self.head_width = model.heads, model.key_heads, model.head_width
        self.q_proj = Linear(model.width, model.width, bias=model.bias)
        self.k_proj = Linear(model.width, self.key_heads * self.head_width, bias=model.bias)
        self.v_proj = Linear(model.width, self.key_heads * self.head_width, bias=model.bias)
        self.o_proj = Linear(model.width, model.width, bias=model.bias)

    def forward(self, x: Tensor, memory: Tensor, turn: tuple[Tensor, Tensor] | None, sight: Sight) -> Tensor:
        q, k, v = self.q_proj(x), self.k_proj(memory), self.v_proj(memory)
        q, k, v = (part.unflatten(-1, (-1, self.head_width)).transpose(1, 2) for part in (q, k, v))
        if turn is not None:
            q, k = rotate(q, *turn), rotate(k, *turn)
        return self.o_proj(self.attend(q, k, v, sight).transpose(1, 2).flatten(2))


class Branch(nn.Module):
    """`before` and `after` are the norms around a branch, `stream` the one of the sum; None where the placement has none."""

    def __init__(self, inner: nn.Module, model: Any, alpha: float) -> None:
        super().__init__()
        architecture: ArchitectureConfig = model.architecture
        place, self.alpha = architecture.norm_place, alpha

        def norm(wanted: bool) -> nn.Module | None:
            return build_norm(architecture.norm, model.width, model.norm_epsilon, model.bias) if wanted else None

        self.inner = inner
        self.before = norm(place in ("pre", "sandwich"))
        self.after = norm(place == "sandwich")
        self.stream = norm(place in ("post", "deep"))

    def forward(self, x: Tensor, *around: Any) -> tuple[Tensor, Tensor | None]:
        """`around` goes to the inner module. The second is an extra loss, if that has one."""
        y = self.inner(x if self.before is None else self.before(x), *around)
        y, extra = y if isinstance(y, tuple) else (y, None)
        if self.after is not None:
            y = self.after(y)
        x = self.alpha * x + y if self.alpha != 1 else x + y
        return (x if self.stream is None else self.stream(x)), extra


class SelfAttention(Attention):
    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor] | None, sight: Sight) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, turn, sight)


class CrossAttention(Attention):
    def forward(self, x: Tensor, memory: Tensor, sight: Sight) -> Tensor:  # type: ignore[override]
        return super().forward(x, memory, None, sight)


class Layer(nn.Module):
    """The layer numbered `number` of its side. Gives the stream and the extra loss."""

    def __init__(self, model: Any, number: int, alpha: float, beta: float, across: bool, recompute: Recompute) -> None:
        super().__init__()
        architecture: ArchitectureConfig = model.architecture
        experts, every = architecture.experts, architecture.pattern.full_every
        self.recompute: Recompute = recompute
        self.beta = beta
        self.full = architecture.pattern.kind == "full" or (every > 0 and number % every == every - 1)
        sizes = (architecture.activation or model.activation, model.width, model.ffn_width, model.bias)
        mixed = experts is not None and number % experts.every == experts.every - 1
        self.self_attn = Branch(SelfAttention(model), model, alpha)
        self.cross_attn = Branch(CrossAttention(model), model, alpha) if across else None
        self.mlp = Branch(Experts(experts, *sizes) if mixed and experts else FeedForward(*sizes), model, alpha)

    def forward(self, x: Tensor, setting: Setting) -> tuple[Tensor, Tensor | None]:
        return recomputed(self.recompute, self.compute, x, setting)

    def compute(self, x: Tensor, setting: Setting) -> tuple[Tensor, Tensor | None]:
        x, _ = self.self_attn(x, setting.turn, setting.full if self.full else setting.sparse)
        if self.cross_attn is not None:
            x, _ = self.cross_attn(x, setting.memory, setting.across)
        return self.mlp(x)
