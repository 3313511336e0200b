"""The decoder: pre-RMSNorm, rotary positions, grouped-query causal attention, SwiGLU or GeGLU. The names of its weights are
Llama's.

ids ─ embed_tokens ─┬─ norm ─ attention ─┬─ (+) ─┬─ norm ─  GLU  ─┬─ (+) ─ … layers … ─ norm ─ lm_head ─ logits
                    └────────────────────┘       └────────────────┘
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from curator.train.attention import Mask, attend, document_mask
from curator.train.config import ModelConfig
from curator.train.linear import Linear
from curator.train.recompute import Recompute, recomputed


def rotary_table(length: int, head_width: int, theta: float) -> tuple[Tensor, Tensor]:
    """cos and sin (length x head_width) of position x frequency, `theta ** (-2i / head_width)` (Su et al., arXiv
    2104.09864)."""
    frequencies = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (i, i + head_width / 2) by its position's angle. Llama's checkpoints pair the halves like this, not
    neighbours."""
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


class Attention(nn.Module):
    """Causal self-attention in which `heads / kv_heads` query heads share a head of keys and values (arXiv 2305.13245)."""

    attend = staticmethod(attend)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_width = config.head_width
        self.q_proj = Linear(config.width, config.heads * config.head_width, bias=config.bias)
        self.k_proj = Linear(config.width, config.key_heads * config.head_width, bias=config.bias)
        self.v_proj = Linear(config.width, config.key_heads * config.head_width, bias=config.bias)
        self.o_proj = Linear(config.heads * config.head_width, config.width, bias=config.bias)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask = None) -> Tensor:
        batch, length, _ = x.shape
        q = self.q_proj(x).view(batch, length, -1, self.head_width).transpose(1, 2)
        k = self.k_proj(x).view(batch, length, -1, self.head_width).transpose(1, 2)
        v = self.v_proj(x).view(batch, length, -1, self.head_width).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        y = self.attend(q, k, v, mask)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))


class FeedForward(nn.Module):
    """SwiGLU or GeGLU: a gate in SiLU or GELU times a linear layer (Shazeer 2020, arXiv 2002.05202)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.activation = F.silu if config.activation == "swiglu" else F.gelu
        self.gate_proj = Linear(config.width, config.ffn_width, bias=config.bias)
        self.up_proj = Linear(config.width, config.ffn_width, bias=config.bias)
        self.down_proj = Linear(config.ffn_width, config.width, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: ModelConfig, recompute: Recompute = "none") -> None:
        super().__init__()
        self.recompute: Recompute = recompute
        self.input_layernorm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask = None) -> Tensor:
        return recomputed(self.recompute, self.compute, x, cos, sin, mask)

    def compute(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """`model(ids)` gives logits (batch x length x vocabulary); `model(ids, targets)` the loss of every token (batch x length; 0
    where the target is padding). With `documents`, a number for each token's document (batch x length), no token sees another
    document's."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig, vocabulary_size: int, sequence_length: int, recompute: Recompute = "none") -> None:
        super().__init__()
        self.config, self.vocabulary_size, self.sequence_length = config, vocabulary_size, sequence_length
        self.embed_tokens = nn.Embedding(vocabulary_size, config.width)
        self.layers = nn.ModuleList(Layer(config, recompute) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width, eps=config.norm_epsilon)
        self.lm_head = Linear(config.width, vocabulary_size, bias=False)
        if config.tied_embeddings:
            self.lm_head.weight = self.embed_tokens.weight
        cos, sin = rotary_table(sequence_length, config.head_width, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """GPT-2's: normal with deviation `init_std`; the two layers of each block that write to the residual stream, 1/sqrt(2 x
        layers) of it, so that the stream's variance does not grow with depth (Radford et al. 2019, section 2.3)."""
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                nn.init.constant_(weight, 0.0 if name.endswith(".bias") else 1.0)
                continue
            residual = name.endswith(("o_proj.weight", "down_proj.weight"))
            std = self.config.init_std
            nn.init.normal_(weight, std=std / math.sqrt(2 * self.config.layers) if residual else std)

    def forward(self, ids: Tensor, targets: Tensor | None = None, documents: Tensor | None = None) -> Tensor:
        length = ids.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        mask = self.mask(documents)
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        logits = self.lm_head(self.norm(x)).float()
        if targets is None:
            return logits
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)

    def mask(self, documents: Tensor | None) -> Mask:
        return None if documents is None else document_mask(documents)

    def parameter_count(self) -> int:
        """Every weight that is trained; tied embeddings count once."""
        return sum(p.numel() for p in self.parameters())

    def flops_per_token(self) -> float:
        """Of forward and backward, PaLM's way (arXiv 2204.02311, appendix B): 6 per weight in a matrix product, and 12 x
        layers x width x length for attention, as if it were neither causal nor within documents."""
        in_products = self.lm_head.weight.numel() + sum(p.numel() for p in self.layers.parameters() if p.ndim >= 2)
        return 6.0 * in_products + 12.0 * self.config.layers * self.config.width * self.sequence_length
