"""Context parallelism: each rank has a part of every sequence, and for attention the keys and values of all parts, which are
small where heads share them (as Llama 3 was trained, arXiv 2407.21783, section 3.3.2).

A sequence is cut into twice as many chunks as there are ranks, and a rank has two, as far from either end. What is behind a
chunk is all that it sees, so that together they give every rank as much to do:

    rank of each chunk    0 1 2 3 3 2 1 0
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

from curator.train.architectures import sight
from curator.train.attention import Mask, document_mask
from curator.train.config import TrainConfig, TrainedRunError
from curator.train.mesh import Mesh

Attend = Callable[[Tensor, Tensor, Tensor, Any], Tensor]


def divide(model: Any, config: TrainConfig, mesh: Mesh) -> None:
    """Give `model` whole sequences and it computes the losses of this rank's part. Raises TrainedRunError for sequences that
    cannot be cut so, and for a model in which tokens see what follows them."""
    ranks, length, how = mesh.size("context"), model.sequence_length, config.model.architecture
    if length % (2 * ranks):
        raise TrainedRunError(
            f"parallel.context: {ranks} ranks cut a sequence into {2 * ranks} chunks, which do not divide {length}"
        )
    if how is not None and not (how.shape == "causal" and how.plain):
        raise TrainedRunError(
            "parallel.context: only a causal decoder that learns the next token sees nothing behind its own chunk"
        )
    part = Part(length, mesh.rank("context"), ranks)
    everyones = functools.partial(gather, ranks=mesh.along("context"))
    for module in model.modules():
        if hasattr(module, "attend"):
            module.attend = functools.partial(part.attend, module.attend, everyones)
    for table in ("cos", "sin", "sinusoids"):
        if hasattr(model, table):
            setattr(model, table, part.cut(getattr(model, table), 0))
    if getattr(model, "embed_positions", None) is not None:
        model.embed_positions.register_forward_pre_hook(part.positions)
    if how is None:
        model.mask = functools.partial(part.masks, model)
    else:
        model.look = functools.partial(part.look, model.look)
    model.forward = functools.partial(part.forward, model.forward)


class Part:
    """Which tokens of `length` a rank has, and what they see. Everything here gives way to the order of its two chunks."""

    def __init__(self, length: int, rank: int, ranks: int) -> None:
        self.length, self.chunk = length, length // (2 * ranks)
        self.firsts = (rank * self.chunk, (2 * ranks - 1 - rank) * self.chunk)

    def cut(self, whole: Tensor, along: int) -> Tensor:
        return torch.cat([whole.narrow(along, first, self.chunk) for first in self.firsts], dim=along)

    def forward(
        self, compute: Callable[..., Tensor], ids: Tensor, targets: Tensor | None = None, documents: Tensor | None = None
    ) -> Tensor:
        return compute(self.cut(ids, 1), None if targets is None else self.cut(targets, 1), documents)

    def positions(self, _: nn.Module, given: tuple[Tensor]) -> Tensor:
        """Of the tokens that are counted from 0 here."""
        return self.cut(torch.arange(self.length, device=given[0].device), 0)

    def masks(self, model: Any, documents: Tensor | None) -> list[Mask]:
        """What each chunk sees of all up to its own end."""
        if documents is None:
            documents = torch.zeros(1, self.length, dtype=torch.int32, device=model.cos.device)
        return [document_mask(documents[:, : first + self.chunk], last=self.chunk) for first in self.firsts]

    def look(
        self, look: Callable[..., Any], rules: list[sight.Rule], bias: sight.Rule | None, sizes: Any, device: Any
    ) -> list[Any]:
        """`masks`, of an architecture's rules."""
        batch, heads, _, _ = sizes
        return [
            look(
                [_after(first, rule) for rule in rules],
                bias and _after(first, bias),
                (batch, heads, self.chunk, first + self.chunk),
                device,
            )
            for first in self.firsts
        ]

    def attend(
        self, attend: Attend, gather: Callable[[Tensor], Tensor], q: Tensor, k: Tensor, v: Tensor, masks: Sequence[Any]
    ) -> Tensor:
        k, v = gather(torch.stack((k, v))).unbind()
        seen = [first + self.chunk for first in self.firsts]
        chunks = zip(q.chunk(2, dim=2), seen, masks, strict=True)
        return torch.cat([attend(each, k[:, :, :end], v[:, :, :end], mask) for each, end, mask in chunks], dim=2)


def _after(first: int, rule: sight.Rule) -> sight.Rule:
    """`rule` of queries that are counted from `first` on."""
    return (lambda batch, head, q, k: rule(batch, head, q + first, k)) if first else rule


def gather(part: Tensor, ranks: DeviceMesh) -> Tensor:
    """What the ranks have (… x length / ranks x width), in the order of the sequence (… x length x width). Backward, every part
    has the sum of what the ranks that saw it say."""
    found = DTensor.from_local(part[None], ranks, (Shard(0),), run_check=False).redistribute(placements=(Replicate(),))
    near, far = found.to_local(grad_placements=(Partial(),)).unflatten(-2, (2, -1)).unbind(-3)
    return torch.cat((near, far.flip(0))).movedim(0, -3).flatten(-3, -2)
