"""Where the trainer comes in: the model of a config, and how sequences are read for it; by default the trainer's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from curator.tokens.shards import TokenShards
from curator.train.architectures.config import ArchitectureConfig
from curator.train.config import ModelConfig, TrainConfig, TrainedRunError
from curator.train.data import Batches, MicroBatch, micro_batches
from curator.train.device import Place
from curator.train.mesh import BATCH
from curator.train.model import Decoder
from curator.train.recompute import Recompute


def build_model(config: ModelConfig, vocabulary_size: int, sequence_length: int, recompute: Recompute = "none") -> Any:
    """A Decoder, or a Transformer, which is called alike and has its figures and `layers`."""
    how = config.architecture
    if how is None:
        return Decoder(config, vocabulary_size, sequence_length, recompute)
    from curator.train.architectures.model import Transformer
    from curator.train.architectures.rows import special_ids

    vocabulary_size += special_ids(how, sequence_length)
    return Transformer(config, vocabulary_size, sequence_length, recompute)


def build_batches(config: TrainConfig, shards: TokenShards, smallest: int, place: Place) -> Batches:
    how, documents = config.model.architecture, config.attention == "documents"
    rest = (smallest, config.micro_batch, place.device, place.mesh.rank(*BATCH), place.mesh.size(*BATCH), documents)
    if how is None or how.plain:
        return Batches(shards, *rest)
    from curator.train.architectures.rows import ObjectiveBatches

    batches = ObjectiveBatches(shards, *rest)
    batches.maker = _maker(how, config.seed, shards)
    return batches


def build_reader(config: TrainConfig, shards: TokenShards) -> Callable[..., Iterator[MicroBatch]]:
    """What gives micro-batches of chosen sequences, as `data.micro_batches` does."""
    how = config.model.architecture
    return micro_batches if how is None or how.plain else _maker(how, config.seed, shards).read


def _maker(how: ArchitectureConfig, seed: int, shards: TokenShards) -> Any:
    from curator.train.architectures.rows import Maker

    if shards.manifest.get("mixture", {}).get("packing") == "best_fit":
        raise TrainedRunError("objectives: prefix, spans and blanks need sequences without padding: shards packed otherwise")

    return Maker(how, shards.vocabulary_size, shards.sequence_length, seed)
