"""Which keys a query sees, and by how much a distance lowers a score.

Both are written once, as functions of (batch, head, query, key): FlexAttention (arXiv 2412.05496) compiles them into its kernel
on a GPU and leaves out the blocks that nobody sees; elsewhere they are spread out into a matrix for SDPA.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from curator.train.architectures.config import PatternConfig

Rule = Callable[[Any, Any, Any, Any], Any]  # of (batch, head, query, key): is it seen; or what is added to its score


# ---------------------------------------------------------------------------------------------------------------- rules


def causal(batch: Any, head: Any, q: Any, k: Any) -> Any:
    return k <= q


def prefix(source: Tensor) -> Rule:
    """What `source` (batch x length) marks is seen by all, the rest by what follows it."""
    return lambda batch, head, q, k: (k <= q) | source[batch, k]


def given(source: Tensor) -> Rule:
    return lambda batch, head, q, k: source[batch, k]


def given_or_itself(source: Tensor) -> Rule:
    """Padding sees itself: a query without any key would be no number."""
    return lambda batch, head, q, k: source[batch, k] | (q == k)


def within(documents: Tensor) -> Rule:
    return lambda batch, head, q, k: documents[batch, q] == documents[batch, k]


def pattern(config: PatternConfig) -> list[Rule]:
    if config.kind == "window":
        return [lambda batch, head, q, k: abs(q - k) < config.window]
    if config.kind == "blocks":
        return [functools.partial(_in_block, config)]
    return []


def _in_block(config: PatternConfig, batch: Any, head: Any, q: Any, k: Any) -> Any:
    at = k // config.block
    seen = (abs(q // config.block - at) < config.near) | (at < config.first)
    return seen | (at % config.stride == config.stride - 1) if config.stride else seen


def _all(rules: list[Rule]) -> Rule:
    return lambda batch, head, q, k: functools.reduce(lambda x, y: x & y, [rule(batch, head, q, k) for rule in rules])


# ---------------------------------------------------------------------------------------------------------------- sight


@dataclass(frozen=True)
class Sight:
    """How a layer's queries see. `mask` is None, a matrix for SDPA, or FlexAttention's blocks, which `score` goes with."""

    is_causal: bool = False
    mask: Any = None
    score: Any = None


def look(
    rules: list[Rule], bias: Rule | None, sizes: tuple[int, int, int, int], device: torch.device, blocks: bool | None = None
) -> Sight:
    """`sizes`: batch, heads, queries, keys. With `blocks` (by default on CUDA) it is FlexAttention's."""
    batch, heads, queries, keys = sizes
    if bias is None and rules == [causal] and queries == keys:
        return Sight(is_causal=True)
    if bias is None and not rules:
        return Sight()
    if device.type == "cuda" if blocks is None else blocks:
        return _blocks(rules, bias, sizes, device)
    at = [
        torch.arange(size, device=device).view([-1 if own == axis else 1 for own in range(4)])
        for axis, size in enumerate((batch, heads, queries, keys))
    ]
    seen = _all(rules)(*at) if rules else None
    if bias is None:
        return Sight(mask=seen)
    scores = bias(*at)
    return Sight(mask=scores if seen is None else scores.masked_fill(~seen, -torch.inf))


def _blocks(rules: list[Rule], bias: Rule | None, sizes: tuple[int, int, int, int], device: torch.device) -> Sight:
    from torch.nn.attention.flex_attention import create_block_mask

    batch, _, queries, keys = sizes
    mask = create_block_mask(_all(rules), batch, None, queries, keys, device=str(device)) if rules else None
    score = None if bias is None else lambda score, batch, head, q, k: score + bias(batch, head, q, k)
    return Sight(mask=mask, score=score)


def attend(q: Tensor, k: Tensor, v: Tensor, sight: Sight) -> Tensor:
    """softmax(q · k / sqrt(width)) · v of (batch x heads x length x width), `k` and `v` with as many heads or a divisor."""
    grouped, mask = k.shape[1] != q.shape[1], sight.mask
    if sight.score is None and (mask is None or isinstance(mask, Tensor)):
        if mask is not None and mask.is_floating_point():
            mask = mask.to(q.dtype)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=sight.is_causal, enable_gqa=grouped)
    return _flex(q.device.type == "cuda")(q, k, v, score_mod=sight.score, block_mask=mask, enable_gqa=grouped)


@functools.cache
def _flex(fused: bool) -> Any:
    """One kernel only when compiled."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False) if fused else flex_attention
