"""Which sequences a rank trains on at a step, and their tensors.

The shards are already mixed and shuffled, so the order of training is the order of the shards: a global batch is the next so
many sequences, and each rank takes an equal, contiguous slice of it. The position of a run is one number, the sequences
consumed, whatever the number of ranks; past the last sequence it goes round again, and the rounds are counted as epochs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from curator.tokens.shards import ShardError, TokenShards
from curator.train.config import TrainedRunError

PADDING = -100  # what cross_entropy leaves out


@dataclass(frozen=True)
class MicroBatch:
    """Sequences for one forward and backward: `inputs` and `targets` (n x length, int64; PADDING is no target), each sequence's
    source and number of targets, and if asked for the document of each input, numbered within its sequence (n x length,
    int32)."""

    inputs: Tensor
    targets: Tensor
    sources: np.ndarray
    counts: np.ndarray
    documents: Tensor | None = None

    def __len__(self) -> int:
        return len(self.sources)


class Batches:
    """The sequences of `shards`, in global batches of multiples of `smallest`, as rank `rank` of `ranks` sees them."""

    def __init__(
        self,
        shards: TokenShards,
        smallest: int,
        micro_batch: int,
        device: torch.device,
        rank: int = 0,
        ranks: int = 1,
        documents: bool = False,
    ) -> None:
        """Raises TrainedRunError if there is nothing to read, or the ranks cannot share a batch equally."""
        if not len(shards):
            raise TrainedRunError(f"{shards.folder}: the split {shards.split!r} has no sequences: the corpus is too small")
        if smallest % ranks:
            raise TrainedRunError(f"batch_tokens: {smallest} sequences a step cannot be shared equally by {ranks} ranks")
        self.shards, self.micro_batch, self.device, self.documents = shards, micro_batch, device, documents
        self.rank, self.ranks = rank, ranks

    def positions(self, start: int, size: int) -> range:
        """This rank's slice of the global batch of `size` sequences from `start`, counted from the beginning of the run."""
        share = size // self.ranks
        first = start + self.rank * share
        return range(first, first + share)

    def epoch(self, position: int) -> int:
        """How often the shards had been read whole before this sequence."""
        return position // len(self.shards)

    def load(self, start: int, size: int) -> list[MicroBatch]:
        """This rank's slice of the global batch of `size` sequences from `start`, on its way to the device."""
        indexes = [position % len(self.shards) for position in self.positions(start, size)]
        return list(micro_batches(self.shards, indexes, self.micro_batch, self.device, self.documents))


def micro_batches(
    shards: TokenShards, indexes: Sequence[int], size: int, device: torch.device, documents: bool = False
) -> Iterator[MicroBatch]:
    """The sequences `indexes`, in order, `size` at a time; the last may be smaller."""

    def on_device(array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)
        on_gpu = device.type == "cuda"  # from pinned memory the copy runs beside the computation
        return (tensor.pin_memory() if on_gpu else tensor).to(device, non_blocking=on_gpu)

    padded = shards.manifest.get("mixture", {}).get("packing") == "best_fit"
    for start in range(0, len(indexes), size):
        chosen = indexes[start : start + size]
        ids = on_device(_checked(shards, chosen).astype(np.int64))
        sources = np.array([shards.source_of(i) for i in chosen], dtype=np.int64)
        numbers = on_device(document_numbers(shards, chosen)) if documents else None
        targets, counts = ids[:, 1:].contiguous(), np.full(len(chosen), shards.sequence_length)
        if padded:
            padding = np.array([shards.padding_of(i) for i in chosen])
            counts = np.maximum(counts - padding, 0)
            for row in np.flatnonzero(padding):
                targets[row, counts[row] :] = PADDING
        yield MicroBatch(ids[:, :-1].contiguous(), targets, sources, counts, numbers)


def _checked(shards: TokenShards, indexes: Sequence[int]) -> np.ndarray:
    """Their ids, a row a sequence. Raises ShardError for an id beyond the vocabulary, which a GPU would not name."""
    ids = np.stack([shards[index] for index in indexes])
    if int(ids.max()) >= shards.vocabulary_size:
        number, _ = shards.locate(indexes[int(np.argmax(ids.max(axis=1)))])
        raise ShardError(
            f"{shards.folder}/{shards.shards[number]['file']}: damaged: it holds the id {int(ids.max())}, and there are "
            f"{shards.vocabulary_size}; remove the folder of tokens and run the recipe again"
        )
    return ids


def document_numbers(shards: TokenShards, indexes: Sequence[int]) -> np.ndarray:
    """The document of each input of these sequences, counted from 0 within the sequence."""
    starts = [shards.starts_of(index) for index in indexes]
    rows = np.repeat(np.arange(len(indexes)), [len(each) for each in starts])
    begins = np.zeros((len(indexes), shards.sequence_length + 1), dtype=np.int32)
    begins[rows, np.concatenate(starts)] = 1
    return begins[:, :-1].cumsum(axis=1, dtype=np.int32) - 1


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` indexes, evenly spread; all of them if `most` is 0."""
    if not most or most >= count:
        return list(range(count))
    return [i * count // most for i in range(most)]
