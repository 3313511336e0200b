"""Tensor parallelism (Megatron, arXiv 1909.08053): of every two matrices the first is cut by what it gives, heads or inner
width, and the second by what it takes; the embedding and the head by the vocabulary.

Between them the default decoder's stream is cut along the sequence (arXiv 2205.05198), and its loss by the vocabulary. The
architectures' streams and logits are whole on every rank, so that what they do with them, from positions to routers, needs no
other form; what is no such pair of matrices, as experts are not, all ranks compute alike.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from curator.train.config import ModelConfig, TrainConfig, TrainedRunError
from curator.train.mesh import Mesh

FIRST, SECOND = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"), ("o_proj", "down_proj")


def divide(model: Any, config: TrainConfig, mesh: Mesh) -> None:
    """Cut the weights of `model`, whose losses then are the same on every rank; they and their backward are computed under
    torch's `loss_parallel`."""
    check(config.model, mesh.size("tensor"), model.sequence_length // mesh.size("context"))
    ranks = mesh.along("tensor")
    stream: Placement = Shard(1) if cuts_stream(config.model) else Replicate()
    for layer in model.layers:
        for module in list(layer.modules()):
            _divide_branch(module, ranks, stream)
    if isinstance(model.embed_tokens, nn.Embedding):
        _apply(RowwiseParallel(input_layouts=Replicate(), output_layouts=stream), model.embed_tokens, ranks)
        model.embed_tokens.register_forward_hook(_arrived)
    if isinstance(stream, Shard):
        _cut_norms(model, ranks)
    if isinstance(model.lm_head, nn.Linear):
        if cuts_stream(config.model):
            _apply(ColwiseParallel(input_layouts=stream, use_local_output=False), model.lm_head, ranks)
            model.register_forward_hook(_whole)
        else:
            _apply(ColwiseParallel(output_layouts=Replicate()), model.lm_head, ranks)
    if config.model.tied_embeddings:
        model.lm_head.weight = model.embed_tokens.weight  # cut alike


def cuts_stream(model: ModelConfig) -> bool:
    return model.architecture is None


def check(model: ModelConfig, ranks: int, length: int) -> None:
    """Raises TrainedRunError for a model whose layers cannot be cut so."""
    for name, size in (("heads", model.heads), ("kv_heads", model.key_heads), ("ffn_multiple", model.ffn_width)):
        if size % ranks:
            raise TrainedRunError(f"parallel.tensor: {ranks} ranks do not divide model.{name}, {size}")
    how = model.architecture
    if how is None and length % ranks:
        raise TrainedRunError(f"parallel.tensor: {ranks} ranks do not divide a sequence of {length}")
    if how is not None and how.positions in ("alibi", "relative"):
        raise TrainedRunError(
            f"parallel.tensor: a rank has some heads, and the biases of positions: {how.positions} are of all"
        )


def _divide_branch(module: nn.Module, ranks: DeviceMesh, stream: Placement) -> None:
    """`module` takes the stream first of its arguments, if it is one that has matrices of its own."""
    names = {name for name, child in module.named_children() if isinstance(child, nn.Linear)}
    if names.isdisjoint(FIRST):
        return
    for name in names.intersection(FIRST):
        _apply(ColwiseParallel(), getattr(module, name), ranks)
    for name in names.intersection(SECOND):
        _apply(RowwiseParallel(output_layouts=stream), getattr(module, name), ranks)

    def gather(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        """Once for all matrices, whose gradients of it are then summed once."""
        return tuple(_gathered(x, ranks, stream) if number == 0 else x for number, x in enumerate(given))

    module.register_forward_pre_hook(gather)


def _gathered(x: Tensor, ranks: DeviceMesh, stream: Placement) -> Tensor:
    return DTensor.from_local(x, ranks, (stream,), run_check=False).redistribute(placements=(Replicate(),))


def _cut_norms(model: nn.Module, ranks: DeviceMesh) -> None:
    for module in list(model.modules()):
        if isinstance(module, nn.RMSNorm | nn.LayerNorm):
            _apply(SequenceParallel(use_local_output=True), module, ranks)


def _apply(style: ParallelStyle, module: nn.Module, ranks: DeviceMesh) -> None:
    parallelize_module(module, ranks, style, src_data_rank=None)  # all ranks have drawn the same first weights


def _arrived(_: nn.Module, given: tuple[Any, ...], stream: Tensor) -> Tensor:
    """A compiled layer's gradients are wrong where it is given a tensor that is still on its way between ranks."""
    return stream.clone()


def _whole(_: nn.Module, given: tuple[Any, ...], losses: Tensor) -> Tensor:
    return losses.full_tensor() if isinstance(losses, DTensor) else losses
