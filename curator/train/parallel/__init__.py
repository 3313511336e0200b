"""A model over the ranks of a mesh. What divides a model changes it from outside: no model knows of ranks.

`Spread` is what the loop sees: gradients of a step, losses of a look at the validation split, the gradient's norm. Each kind of
parallelism is a function `divide(model, config, mesh)` in a module of its own, which changes the model in place (`DIVIDES`
below); copies over what ranks are left, DDP's or FSDP's, come last (`copies`). What they may rely on, and owe each other:

- Called are `model(ids, targets, documents)`, for the losses of the tokens that this rank computes (batch x length, or, where
  context ranks divide a sequence, batch x length / context), and `model(ids, targets)` without documents.
- Every rank has whole sequences of its batch: `mesh.rank(*BATCH)` says which. A model divided along `context` cuts them itself.
- A weight that differs between ranks is a DTensor over `mesh.along(...)` of the dimensions it differs along, so that norms,
  AdamW and checkpoints see the whole of it; those of stages are simply not there. One that is the same everywhere may be plain.
- The names of weights stay what they are in one process: checkpoints move between meshes by them.
- The gradient of a dense weight is the mean over `COPIES` of the gradients of each rank's own mean loss; `copies` sees to it.
  It leaves weights along `expert` alone: who divides those also averages them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor
from torch.distributed.tensor.parallel import loss_parallel

from curator.train.config import TrainConfig
from curator.train.data import MicroBatch
from curator.train.device import Place
from curator.train.mesh import Dimension, Mesh
from curator.train.parallel import expert, tensor
from curator.train.parallel.copies import Copies
from curator.train.parallel.norm import clip

DIVIDES: dict[Dimension, Callable[[Any, TrainConfig, Mesh], None]] = {"expert": expert.divide, "tensor": tensor.divide}


class Spread:
    """`model`, whose weights keep their names, and how it learns from micro-batches."""

    def __init__(self, model: Any, config: TrainConfig, place: Place) -> None:
        for dimension in ("pipeline", "expert", "context", "tensor"):
            if place.mesh.size(dimension) > 1:
                DIVIDES[dimension](model, config, place.mesh)
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
