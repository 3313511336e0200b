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
    norms = [_norm(group) for group in groups]
    norm = norms[0] if len(norms) == 1 else torch.stack(norms).norm()
    if mesh.size("pipeline") > 1:
        square = norm.square()
        dist.all_reduce(square, group=mesh.along("pipeline").get_group())
        norm = square.sqrt()
    for group in groups:
        nn.utils.clip_grads_with_norm_(group, most, norm)
    return norm


def _norm(weights: list[nn.Parameter]) -> Tensor:
    """Of the gradients of weights of one mesh, in one exchange: by one dimension after the other, ranks would add up in other
    orders than each other, and scale by other numbers."""
    if isinstance(weights[0], DTensor) and weights[0].device_mesh.ndim > 1:
        weights[0].device_mesh._flatten()
    norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    return norm.full_tensor() if isinstance(norm, DTensor) else norm
