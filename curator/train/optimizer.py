"""AdamW, and which weights decay by how much."""

from __future__ import annotations

import torch
from torch import nn

from curator.train.config import OptimizerConfig
from curator.train.mesh import by_mesh


def decay_groups(model: nn.Module, config: OptimizerConfig) -> list[dict]:
    """Matrices, embeddings (with the head that turns back into ids), and vectors: gains and biases, which by default do not
    decay: pulling a gain to 0 changes the scale of a layer, not its size. Each by mesh: a fused kernel takes one at a time."""
    embedding_decay = config.weight_decay if config.embedding_decay is None else config.embedding_decay
    matrices, embeddings, vectors = [], [], []
    for name, weight in model.named_parameters():
        if weight.ndim < 2 or name.endswith(".bias"):  # those of experts are stacked
            vectors.append(weight)
        elif name.startswith(("embed_tokens.", "lm_head.")):
            embeddings.append(weight)
        else:
            matrices.append(weight)
    decays = ((matrices, config.weight_decay), (embeddings, embedding_decay), (vectors, config.gain_decay))
    return [{"params": near, "weight_decay": decay} for weights, decay in decays for near in by_mesh(weights)]


def adamw(model: nn.Module, config: OptimizerConfig, device: torch.device) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101), in one fused kernel on the devices that have it."""
    return torch.optim.AdamW(
        decay_groups(model, config),
        lr=config.lr,
        betas=config.betas,
        eps=config.epsilon,
        fused=device.type in ("cuda", "cpu"),
    )
