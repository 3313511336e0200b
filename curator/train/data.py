"""Which sequences a rank trains on at a step, and their tensors.

The shards are already mixed and shuffled, so the order of training is the order of the shards: global batch k is the
sequences k x B up to (k + 1) x B, and each rank takes an equal, contiguous slice of it. The position of a run is one
number, the sequences consumed, whatever the number of ranks; past the last sequence it goes round again, and the rounds are
counted as epochs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from curator.tokens.shards import TokenShards


@dataclass(frozen=True)
class MicroBatch:
    """Sequences for one forward and backward: `inputs` and `targets` (n x length, int64) and each sequence's source."""

    inputs: Tensor
    targets: Tensor
    sources: np.ndarray

    def __len__(self) -> int:
        return len(self.sources)


class Batches:
    """The sequences of `shards`, in global batches of `size`, as rank `rank` of `ranks` sees them."""

    def __init__(
        self, shards: TokenShards, size: int, micro_batch: int, device: torch.device, rank: int = 0, ranks: int = 1
    ) -> None:
        """Raises ValueError if there is nothing to read, or the ranks cannot share a batch equally."""
        if not len(shards):
            raise ValueError(f"{shards.folder}: the split {shards.split!r} has no sequences: the corpus is too small for one")
        if size % ranks:
            raise ValueError(f"batch_tokens: {size} sequences a step cannot be shared equally by {ranks} ranks")
        self.shards, self.size, self.micro_batch, self.device = shards, size, micro_batch, device
        self.rank, self.ranks = rank, ranks

    def positions(self, number: int) -> range:
        """This rank's slice of global batch `number`, counted in sequences from the beginning of the run."""
        share = self.size // self.ranks
        start = number * self.size + self.rank * share
        return range(start, start + share)

    def epoch(self, number: int) -> int:
        """How often the shards had been read whole before the first sequence of global batch `number`."""
        return number * self.size // len(self.shards)

    def load(self, number: int) -> list[MicroBatch]:
        """This rank's slice of global batch `number`, on its way to the device."""
        indexes = [position % len(self.shards) for position in self.positions(number)]
        return list(micro_batches(self.shards, indexes, self.micro_batch, self.device))


def micro_batches(shards: TokenShards, indexes: Sequence[int], size: int, device: torch.device) -> Iterator[MicroBatch]:
    """The sequences `indexes`, in order, `size` at a time; the last may be smaller."""
    for start in range(0, len(indexes), size):
        chosen = indexes[start : start + size]
        ids = torch.from_numpy(np.stack([shards[i] for i in chosen]).astype(np.int64))
        on_gpu = device.type == "cuda"  # from pinned memory the copy runs beside the computation
        ids = (ids.pin_memory() if on_gpu else ids).to(device, non_blocking=on_gpu)
        sources = np.array([shards.source_of(i) for i in chosen], dtype=np.int64)
        yield MicroBatch(ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), sources)


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` indexes, evenly spread; all of them if `most` is 0."""
    if not most or most >= count:
        return list(range(count))
    return [i * count // most for i in range(most)]
