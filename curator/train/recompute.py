"""What a layer keeps for its backward, and what it computes a second time instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from curator.train.linear import PRODUCT

Recompute = Literal["none", "pointwise", "layers"]

# What `pointwise` keeps: the costly results of a layer
_ops = torch.ops.aten
_products = [
    _ops.mm.default,
    _ops.addmm.default,
    *([] if PRODUCT is None else [PRODUCT.default]),
    _ops._scaled_mm.default,
    _ops._scaled_dot_product_flash_attention.default,
    _ops._scaled_dot_product_efficient_attention.default,
    _ops._scaled_dot_product_cudnn_attention.default,
    _ops._scaled_dot_product_flash_attention_for_cpu.default,
]
_keep_products = functools.partial(create_selective_checkpoint_contexts, _products)


def recomputed(how: Recompute, compute: Callable[..., Any], *given: Any) -> Any:
    """`compute(*given)`, which keeps all (`none`), the costly (`pointwise`) or only what it was given (`layers`)."""
    if how == "none" or not torch.is_grad_enabled():
        return compute(*given)
    if how == "layers":
        return checkpoint(compute, *given, use_reentrant=False)
    return checkpoint(compute, *given, use_reentrant=False, context_fn=_keep_products)
