"""How the examples of objectives lie in rows as long as the shards' sequences, and which sequences they are made of.

    causal, prefix:   source | target | padding
    encoder_decoder:  source | padding | target | padding         the encoder's part is `source_length` long

Beside the ids goes a layout (3 x length): whether a token is of the source, and GLM's two positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from curator.tokens.shards import TokenShards
from curator.train.architectures import objectives
from curator.train.architectures.config import ArchitectureConfig
from curator.train.architectures.objectives import Example
from curator.train.config import TrainedRunError
from curator.train.data import PADDING, Batches, MicroBatch


def source_length(how: ArchitectureConfig, sequence_length: int) -> int:
    """How many ids of a row are the encoder's; 0 without one."""
    if how.shape != "encoder_decoder":
        return 0
    return min(max(1, round(how.source * sequence_length)), sequence_length - 1)


def special_ids(how: ArchitectureConfig, sequence_length: int) -> int:
    """How many ids the objectives need behind the vocabulary. Raises TrainedRunError where a sequence is too short for them."""
    if how.plain:
        return 0
    maker = Maker(how, 0, sequence_length, seed=0)
    return objectives.SENTINELS + (objectives.noise_of(maker.tokens["spans"], how.objectives)[1] if how.objectives.spans else 0)


class Maker:
    """Makes the row of the sequence at a position. `tokens`: how many of a sequence each objective takes, as many as fit."""

    def __init__(self, how: ArchitectureConfig, vocabulary_size: int, sequence_length: int, seed: int) -> None:
        self.how, self.first, self.length, self.seed = how, vocabulary_size, sequence_length, seed
        self.source = source_length(how, sequence_length)
        weights = np.array(list(how.objectives.weights.values()))
        self.names, self.bounds = tuple(how.objectives.weights), np.cumsum(weights / weights.sum())
        self.tokens = {name: self._most(name) for name, weight in how.objectives.weights.items() if weight}

    def _most(self, name: str) -> int:
        for tokens in range(self.length + (name == "language"), 1, -1):
            source, target = self._needs(name, tokens)
            if source + target <= self.length and (not self.source or self._fits(source, target)):
                return tokens
        raise TrainedRunError(f"objectives: sequences of {self.length} are too short for {name}")

    def _fits(self, source: int, target: int) -> bool:
        return source <= self.source and target <= self.length - self.source

    def _needs(self, name: str, tokens: int) -> tuple[int, int]:
        """The longest source and target."""
        if name == "language":
            return 0, tokens - 1
        if name == "prefix":
            return (min(tokens - 1, self.source), tokens - min(tokens - 1, self.source)) if self.source else (tokens - 1, 1)
        hidden, count = objectives.noise_of(tokens, self.how.objectives)
        if name == "spans":
            return tokens - hidden + count + 1, hidden + count + 1
        most = objectives.most_blanks(hidden, tokens)
        return tokens - hidden + most, hidden + most

    def example(self, ids: np.ndarray, position: int) -> tuple[str, Example]:
        """Of the sequence `ids`, which is the one at `position`, counted from the beginning of the run: a second epoch asks
        other things of it."""
        rng = np.random.default_rng([self.seed, position])
        name = self.names[int(np.searchsorted(self.bounds, rng.random(), side="right"))]
        tokens = self.tokens[name]
        begin = int(rng.integers(0, len(ids) - tokens + 1))
        ids = ids[begin : begin + tokens].astype(np.int64)
        if name == "language":
            return name, objectives.language(ids)
        if name == "prefix":
            least = max(1, tokens - (self.length - self.source)) if self.source else 1
            most = min(tokens - 1, self.source) if self.source else tokens - 1
            return name, objectives.prefix(ids, self.first, rng, least, most)
        make = objectives.spans if name == "spans" else objectives.blanks
        return name, make(ids, self.first, self.how.objectives, rng)

    def row(self, ids: np.ndarray, position: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """Inputs, targets, the layout, and how many targets there are."""
        _, example = self.example(ids, position)
        inputs, layout = np.zeros(self.length, dtype=np.int64), np.zeros((3, self.length), dtype=np.int64)
        targets = np.full(self.length, PADDING)
        given, asked = len(example.source), len(example.inputs)
        begin = self.source or given
        inputs[:given], inputs[begin : begin + asked] = example.source, example.inputs
        targets[begin : begin + asked] = example.targets
        layout[0, :given] = 1
        layout[1:, :given], layout[1:, begin : begin + asked] = example.places[:, :given], example.places[:, given:]
        return inputs, targets, layout, asked

    def read(
        self, shards: TokenShards, positions: Sequence[int], size: int, device: torch.device, documents: bool = False
    ) -> Iterator[MicroBatch]:
        """As `data.micro_batches`; the third tensor is the layout, so there are no `documents`."""
        for start in range(0, len(positions), size):
            chosen = positions[start : start + size]
            indexes = [position % len(shards) for position in chosen]
            rows = [self.row(shards[index], position) for index, position in zip(indexes, chosen)]
            inputs, targets, layouts = (_on(device, np.stack([row[part] for row in rows])) for part in range(3))
            sources = np.array([shards.source_of(index) for index in indexes], dtype=np.int64)
            yield MicroBatch(inputs, targets, sources, np.array([row[3] for row in rows]), layouts)


class ObjectiveBatches(Batches):
    """Batches whose sequences a `maker` has made into examples."""

    maker: Maker

    def load(self, start: int, size: int) -> list[MicroBatch]:
        return list(self.maker.read(self.shards, self.positions(start, size), self.micro_batch, self.device))


def _on(device: torch.device, array: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
