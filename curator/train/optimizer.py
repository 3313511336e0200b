"""AdamW, which weights decay, and the learning rate of every step."""

from __future__ import annotations

import math

import torch
from torch import nn

from curator.train.config import OptimizerConfig


def learning_rate(step: int, total: int, config: OptimizerConfig) -> float:
    """Of the step numbered `step` from 0: linear up to `lr` over `warmup` steps, then half a cosine down to `min_lr_ratio`
    x `lr`, reached at the last step, total - 1 (SGDR's cosine, arXiv 1608.03983; a tenth at the end as in GPT-3)."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    progress = min(1.0, (step - config.warmup) / max(1, total - 1 - config.warmup))
    lowest = config.lr * config.min_lr_ratio
    return lowest + (config.lr - lowest) * 0.5 * (1 + math.cos(math.pi * progress))


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Matrices (and the embeddings among them) decay; norms' gains do not: pulling those to 0 changes the scale of a layer,
    not its size."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def adamw(model: nn.Module, config: OptimizerConfig, device: torch.device) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101), in one fused kernel on the devices that have it."""
    return torch.optim.AdamW(
        decay_groups(model, config.weight_decay),
        lr=config.lr,
        betas=config.betas,
        eps=config.epsilon,
        fused=device.type in ("cuda", "cpu"),
    )
