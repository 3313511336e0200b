"""The norm of a gradient whose parts lie on several meshes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from curator.train.mesh import Mesh, by_mesh


def clip(weights: Iterable[nn.Parameter], most: float, mesh: Mesh) -> Tensor:
    """Scale the gradients down so that the norm of all, those of other stages too, is at most `most`; the norm that it was."""
    groups = by_mesh(weight for weight in weights if weight.grad is not None)
    norm = _norm([_whole(_norm([weight.grad for weight in group])) for group in groups])  # type: ignore[misc]
    if mesh.size("pipeline") > 1:
        square = norm.square()
        dist.all_reduce(square, group=mesh.along("pipeline").get_group())
        norm = square.sqrt()
    for group in groups:
        nn.utils.clip_grads_with_norm_(group, most, norm)
    return norm


def _norm(tensors: list[Tensor]) -> Tensor:
    return nn.utils.get_total_norm(tensors) if len(tensors) > 1 else torch.linalg.vector_norm(tensors[0])


def _whole(norm: Tensor) -> Tensor:
    return norm.full_tensor() if isinstance(norm, DTensor) else norm
