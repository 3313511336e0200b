"""Expert parallelism: each rank along `expert` holds some of the experts, and tokens travel to theirs and back (GShard, arXiv
2006.16668; all-to-all by the counts there are, so that none is padded).

What a router decides, and its capacity and losses, are of a rank's own micro-batch, as without: dividing the experts
changes where they are computed and nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Shard

from curator.train.architectures.experts import Experts
from curator.train.config import TrainConfig, TrainedRunError
from curator.train.mesh import Mesh


def divide(model: nn.Module, config: TrainConfig, mesh: Mesh) -> None:
    """Raises TrainedRunError for a model without experts, for a number of them that the ranks do not divide, and for parts of
    sequences."""
    ranks = mesh.size("expert")
    found = [module for module in model.modules() if isinstance(module, Experts)]
    if not found:
        raise TrainedRunError(f"parallel.expert: {ranks} ranks have nothing to divide: give model.architecture experts")
    if found[0].config.count % ranks:
        raise TrainedRunError(f"parallel.expert: {ranks} ranks do not divide {found[0].config.count} experts equally")
    if mesh.size("context") > 1:
        raise TrainedRunError(
            "parallel.expert: not beside parallel.context: what an expert has room for is said of whole sequences"
        )
    along = mesh.along("expert")
    for module in found:
        for part in module.experts.children():
            for name, weight in part.named_parameters():
                own = weight.detach().chunk(ranks)[mesh.rank("expert")].to(along.device_type, copy=True)
                part.register_parameter(name, nn.Parameter(DTensor.from_local(own, along, [Shard(0)], run_check=False)))
        module.experts.forward = functools.partial(travel, along, module.experts.forward)
        if mesh.size("data") > 1:
            fully_shard(module.experts, mesh=mesh.along("data"), reshard_after_forward=config.parallel.reshard)


@torch.compiler.disable  # how many travel where is known only when they do
def travel(along: DeviceMesh, compute: Callable[[Tensor, Tensor], Tensor], rows: Tensor, counts: Tensor) -> Tensor:
    """`rows` of all experts in their order, `counts` of each, to the ranks that have them, computed there, and back."""
    group, ranks = along.get_group(), along.size()
    arriving = torch.empty_like(counts)
    dist.all_to_all_single(arriving, counts, group=group)
    here = arriving.view(ranks, -1)  # from each rank, for each expert that is here
    sent, received = counts.view(ranks, -1).sum(dim=1).tolist(), here.sum(dim=1).tolist()
    arrived = _Exchange.apply(rows, received, sent, group, float(ranks))
    expert = torch.arange(here.shape[1], device=rows.device).repeat(ranks).repeat_interleave(arriving)
    order = expert.argsort(stable=True)  # by expert: they have come by rank
    out = compute(arrived[order], here.sum(dim=0))
    # a rank's mean loss is one of as many: the gradient of its expert is the mean over them, that of its tokens is not
    return _Exchange.apply(out[order.argsort()], sent, received, group, 1 / ranks)


class _Exchange(torch.autograd.Function):
    """All-to-all: `into` rows come from each rank, `out_of` go to it. The gradient travels back, times `factor`."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, into: list[int], out_of: list[int], group: Any, factor: float) -> Tensor:
        ctx.given = (into, out_of, group, factor)
        return _exchanged(rows, into, out_of, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        into, out_of, group, factor = ctx.given
        return _exchanged(gradients[0], out_of, into, group) * factor, None, None, None, None


def _exchanged(rows: Tensor, into: list[int], out_of: list[int], group: Any) -> Tensor:
    found = rows.new_empty(sum(into), rows.shape[1])
    dist.all_to_all_single(found, rows.contiguous(), into, out_of, group=group)
    return found
