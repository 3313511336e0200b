"""A model over the ranks of a mesh. What divides a model changes it from outside: no model knows of ranks.

`spread` gives what the loop sees: gradients of a step, losses of a look at the validation split, the gradient's norm. Each kind
of parallelism is a function `divide(model, config, mesh)` in a module of its own, which changes the model in place (`DIVIDES`
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
from typing import Any

from curator.train.config import TrainConfig
from curator.train.device import Place
from curator.train.mesh import DIMENSIONS, Dimension, Mesh
from curator.train.parallel import context, expert, pipeline, tensor
from curator.train.parallel.pipeline import Pipelined
from curator.train.parallel.spread import Spread

DIVIDES: dict[Dimension, Callable[[Any, TrainConfig, Mesh], None]] = {
    "pipeline": pipeline.divide,
    "expert": expert.divide,
    "context": context.divide,
    "tensor": tensor.divide,
}


def spread(model: Any, config: TrainConfig, place: Place) -> Spread:
    """`model` over the ranks of `place`'s mesh. Raises ValueError for one that cannot be divided so."""
    for dimension in DIMENSIONS:
        if dimension != "data" and place.mesh.size(dimension) > 1:
            DIVIDES[dimension](model, config, place.mesh)
    return (Pipelined if place.mesh.size("pipeline") > 1 else Spread)(model, config, place)
