"""The loss on held-out sequences, by source."""

from __future__ import annotations

import math

import torch

from curator.tokens.shards import TokenShards
from curator.train.architectures.build import build_reader
from curator.train.config import TrainConfig
from curator.train.data import spread
from curator.train.device import Place
from curator.train.losses import SourceLosses
from curator.train.mesh import BATCH
from curator.train.parallel.spread import Spread


@torch.no_grad()
def validate(run: Spread, shards: TokenShards, config: TrainConfig, place: Place) -> SourceLosses:
    """This rank's share of at most `eval_sequences`, evenly spread.

    Where the model is divided, ranks need each other's weights for every forward: all go through as many micro-batches, and one
    that has no sequences left reads one more, which does not count.
    """
    found = SourceLosses(shards.sources)
    chosen = spread(len(shards), config.eval_sequences)
    rank, ranks = place.mesh.rank(*BATCH), place.mesh.size(*BATCH)
    rounds = math.ceil(math.ceil(len(chosen) / ranks) / config.micro_batch)
    read, within = build_reader(config, shards), config.attention == "documents"
    mine = chosen[rank::ranks]
    for number in range(rounds):
        indexes = mine[number * config.micro_batch : (number + 1) * config.micro_batch]
        micro = next(read(shards, indexes or chosen[:1], config.micro_batch, place.device, within))
        sums = run.losses(micro)
        if indexes:
            found.add(sums.cpu().double().numpy(), micro.sources, micro.counts)
    return found
