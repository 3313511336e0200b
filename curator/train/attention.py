"""Which earlier tokens each token attends to: all of its sequence, or those of its own document alone."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Mask = Any  # None: causal; a Tensor of booleans; a FlexAttention BlockMask


def document_mask(documents: Tensor, blocks: bool | None = None, last: int | None = None) -> Mask:
    """A causal mask within documents. `documents` (batch x length) numbers the document of each token; the queries are all
    tokens, or the `last` so many.

    With `blocks` (by default on CUDA) it is FlexAttention's, of blocks of 128 x 128 (arXiv 2412.05496): those that are all of
    other documents are never computed. Elsewhere it is a matrix for SDPA. Positions need not begin again at a document: RoPE
    knows distances alone.
    """
    length = documents.shape[1]
    queries = last or length
    first = length - queries
    if documents.device.type == "cuda" if blocks is None else blocks:
        from torch.nn.attention.flex_attention import create_block_mask

        def visible(batch: Tensor, head: Tensor, q: Tensor, k: Tensor) -> Tensor:
            return (q + first >= k) & (documents[batch, q + first] == documents[batch, k])

        return create_block_mask(visible, len(documents), None, queries, length, device=str(documents.device))
    same = documents[:, first:, None] == documents[:, None, :]
    return same.tril(first)[:, None]


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    """softmax(q · k / sqrt(width)) · v of (batch x heads x length x width), `k` and `v` with as many heads or a divisor."""
    grouped = k.shape[1] != q.shape[1]
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
    if isinstance(mask, Tensor):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=grouped)
    return _flex(q.device.type == "cuda")(q, k, v, block_mask=mask, enable_gqa=grouped)


@functools.cache
def _flex(fused: bool) -> Any:
    """FlexAttention is one kernel only when compiled."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False) if fused else flex_attention
