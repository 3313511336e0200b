"""Pipeline parallelism: each rank has a stage, some of the layers, and micro-batches go through them one behind the other.

A stage is the same model, called in the same way, in which what another stage has is a stand-in without weights. So it needs no
other form of the model, and its weights keep their names. Torch's schedules send the stream on, and its gradient back.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe

from curator.train.config import ModelConfig, TrainConfig, TrainedRunError
from curator.train.data import MicroBatch
from curator.train.device import Place
from curator.train.mesh import BATCH, COPIES, Mesh
from curator.train.parallel import tensor
from curator.train.parallel.copies import Copies
from curator.train.parallel.spread import Spread


class Through(nn.Module):
    """In the place of a layer or the last norm."""

    def forward(self, x: Tensor, *given: Any) -> Tensor:
        return x


class ThroughAlone(Through):
    """In the place of an architecture's layer, which gives an extra loss beside the stream."""

    def forward(self, x: Tensor, *given: Any) -> tuple[Tensor, None]:  # type: ignore[override]
        return x, None


class Entrance(nn.Module):
    """In the place of the embedding: what the stage before sent."""

    stream: Tensor

    def forward(self, ids: Tensor) -> Tensor:
        return self.stream


class Exit(nn.Module):
    """In the place of the head: what the next stage is sent."""

    stream: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.stream = x
        return x


def divide(model: Any, config: TrainConfig, mesh: Mesh) -> None:
    """Leave this rank's stage of `model`. Raises TrainedRunError for one that has no stages."""
    stages, stage, layers = mesh.size("pipeline"), mesh.rank("pipeline"), len(model.layers)
    _check_model(config.model, layers, stages)
    _check_batches(config, model.sequence_length, mesh)
    own = np.array_split(np.arange(layers), stages)[stage]  # one more for the first ones: the last has the head too
    for number in set(range(layers)).difference(own):
        model.layers[number] = ThroughAlone() if config.model.architecture else Through()
    if stage > 0:
        for name in ("embed_positions", "embed_blocks", "embedding_norm"):
            if hasattr(model, name):
                setattr(model, name, None)
        model.embed_tokens = Entrance()
        if config.model.architecture:
            model._embed = lambda ids, layout: model.embed_tokens(ids)  # with all that it does around it
    if stage < stages - 1:
        model.lm_head = Exit()
        model.norm = Through()


def _check_model(model: ModelConfig, layers: int, stages: int) -> None:
    how = model.architecture
    refused = {
        f"layers, {layers}": layers < stages,
        "tied_embeddings, whose weight would be of two stages": model.tied_embeddings,
        "architecture.shape: encoder_decoder, whose memory all stages read": how and how.shape == "encoder_decoder",
        "architecture.positions: relative, whose biases all stages read": how and how.positions == "relative",
        "architecture.experts, whose routers' losses stay in their stage": how and how.experts,
    }
    for what, found in refused.items():
        if found:
            raise TrainedRunError(f"parallel.pipeline: {stages} stages cannot be made of model.{what}")


def _check_batches(config: TrainConfig, length: int, mesh: Mesh) -> None:
    """Of the smallest batch: all are multiples of it."""
    sequences = (config.ramp_sizes(length) or [config.batch_sequences(length)])[0] // mesh.size(*BATCH)
    number, rest = divmod(sequences, config.micro_batch)
    if rest:
        raise TrainedRunError(
            f"micro_batch: {config.micro_batch} must divide the {sequences} sequences of a step and a rank, in a pipeline"
        )
    if number < mesh.size("pipeline") and config.parallel.schedule == "1f1b":
        raise TrainedRunError(
            f"micro_batch: a rank has {number} a step, and {mesh.size('pipeline')} stages need as many: make it smaller"
        )


class Stage(nn.Module):
    """What torch's schedules call: with the stream that the stage before sent, and the micro-batch, which every rank reads."""

    def __init__(self, model: Any, place: Place, dtype: torch.dtype) -> None:
        super().__init__()
        self.model, self.place, self.dtype = model, place, dtype

    @property
    def layers(self) -> list[nn.Module]:
        return [layer for layer in self.model.layers if not isinstance(layer, Through)]

    def forward(self, stream: Tensor, ids: Tensor, targets: Tensor, documents: Tensor | None = None) -> Tensor:
        entrance, exit = self.model.embed_tokens, self.model.lm_head
        if isinstance(entrance, Entrance):
            entrance.stream = stream
        last = not isinstance(exit, Exit)
        with self.place.autocast():
            losses = self.model(ids, targets if last else None, documents)
        return losses if last else exit.stream.to(self.dtype)


class Pipelined(Spread):
    """A stage, and the schedules by which micro-batches go through it. The losses of all but the last stage are zeros."""

    def __init__(self, model: Any, config: TrainConfig, place: Place) -> None:
        self.model, self.config, self.place = model, config, place
        divided = config.parallel.kind == "fsdp" and place.mesh.size(*COPIES) > 1
        self.dtype = place.precision if divided else torch.float32  # of the stream: autocast alone leaves its sums in float32
        self.copies = Copies(Stage(model, place, self.dtype), config.parallel, place)
        self.schedules: dict[tuple[int, bool], Any] = {}

    def gradients(self, batch: list[MicroBatch]) -> list[Tensor]:
        losses = self._through(batch, learns=True)
        return [each.sum(dim=1) for each in losses.split([len(micro) for micro in batch])]

    def losses(self, micro: MicroBatch) -> Tensor:
        """Of a micro-batch that goes through alone, filled up to the size that all have."""
        rows = torch.arange(self.config.micro_batch, device=micro.inputs.device).clamp(max=len(micro) - 1)
        documents = None if micro.documents is None else micro.documents[rows]
        filled = dataclasses.replace(micro, inputs=micro.inputs[rows], targets=micro.targets[rows], documents=documents)
        return self._through([filled], learns=False)[: len(micro)].sum(dim=1)

    def _through(self, batch: list[MicroBatch], learns: bool) -> Tensor:
        if (len(batch), learns) not in self.schedules:  # a ramp of batches has several
            self.schedules[len(batch), learns] = self._schedule(len(batch), learns)
        given = {"ids": torch.cat([micro.inputs for micro in batch]), "targets": torch.cat([micro.targets for micro in batch])}
        if batch[0].documents is not None:
            given["documents"] = torch.cat([micro.documents for micro in batch if micro.documents is not None])
        mesh = self.place.mesh
        stream = [given["ids"]] if mesh.rank("pipeline") == 0 else []
        target = given["targets"] if mesh.is_last_stage else None
        with self.loss_in_parts():
            losses = self.schedules[len(batch), learns].step(*stream, target=target, **given)
        return losses.detach() if mesh.is_last_stage else torch.zeros(len(given["ids"]), 1)

    def _schedule(self, number: int, learns: bool) -> Any:
        """For so many micro-batches. Shapes are said beforehand, so that no stage has to try what it gives."""
        config, mesh, length = self.config, self.place.mesh, self.model.sequence_length
        here, rank, size = length // mesh.size("context"), mesh.rank("pipeline"), config.micro_batch
        rows = here // mesh.size("tensor") if tensor.cuts_stream(config.model) else here
        ids = torch.empty(size, length, dtype=torch.int64, device="meta")
        stream = torch.empty(size, rows, config.model.width, dtype=self.dtype, device="meta", requires_grad=True)
        losses = torch.empty(size, here, device="meta", requires_grad=True)
        stage = PipelineStage(
            self.copies.forward,
            rank,
            mesh.size("pipeline"),
            self.place.device,
            input_args=stream if rank else ids,
            output_args=losses if mesh.is_last_stage else stream,
            group=mesh.along("pipeline").get_group(),
        )
        kind = Schedule1F1B if learns and config.parallel.schedule == "1f1b" else ScheduleGPipe
        tokens = number * size * here
        return kind(stage, number, loss_fn=(lambda each, _: each.sum() / tokens) if learns else None, scale_grads=False)
