"""A divided model as the loop sees it: how it learns from micro-batches."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor
from torch.distributed.tensor.parallel import loss_parallel

from curator.train.config import TrainConfig
from curator.train.data import MicroBatch
from curator.train.device import Place
from curator.train.parallel.copies import Copies
from curator.train.parallel.norm import clip


class Spread:
    """`model`, whose weights keep their names, and `copies`, by which it is called so that ranks exchange what they must."""

    def __init__(self, model: Any, config: TrainConfig, place: Place) -> None:
        self.model, self.place = model, place
        self.copies = Copies(model, config.parallel, place)

    def gradients(self, batch: list[MicroBatch]) -> list[Tensor]:
        """Forward and backward: the gradient of the batch's mean loss is in the weights; the sums of losses by sequence."""
        tokens = sum(micro.inputs.numel() for micro in batch) // self.place.mesh.size("context")  # padding too, as on any rank
        sums = []
        for number, micro in enumerate(batch, 1):
            with self.copies.exchanging(last=number == len(batch)), self.loss_in_parts():
                with self.place.autocast():
                    losses = self.copies(micro.inputs, micro.targets, micro.documents)
                (losses.sum() / tokens).backward()
            sums.append(losses.detach().sum(dim=1))
        return sums

    def losses(self, micro: MicroBatch) -> Tensor:
        """The sums of losses by sequence, without gradients."""
        with self.place.autocast(), self.loss_in_parts():
            return self.model(micro.inputs, micro.targets, micro.documents).sum(dim=1)

    def loss_in_parts(self) -> AbstractContextManager[None]:
        """Where tensor ranks divide the vocabulary, the loss is computed so too."""
        return loss_parallel() if self.place.mesh.size("tensor") > 1 else nullcontext()

    def clip(self, most: float) -> Tensor:
        """Scale the gradient down to a norm of `most` if it is above it; the norm that it had."""
        return clip(self.model.parameters(), most, self.place.mesh)
