"""How the run goes, known before it begins: the learning rate and the batch of every step. Pure arithmetic, without torch."""

from __future__ import annotations

import math
from itertools import accumulate

from curator.train.config import OptimizerConfig, TrainConfig


def learning_rate(step: int, total: int, config: OptimizerConfig) -> float:
    """Of the step numbered `step` from 0: linear up to `lr` over `warmup` steps, then down to `min_lr_ratio` x `lr` at the
    last step, total - 1: by half a cosine (SGDR's, arXiv 1608.03983; a tenth at the end as in GPT-3), or, by `wsd`, level and
    then exponentially over the last `decay` x total steps (MiniCPM, arXiv 2404.06395, section 4.2)."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    first = config.warmup
    if config.schedule == "wsd":
        first = max(first, total - 1 - max(1, round(config.decay * total)))
    progress = min(1.0, max(0, step - first) / max(1, total - 1 - first))
    if config.schedule == "wsd":
        return config.lr * config.min_lr_ratio**progress
    lowest = config.lr * config.min_lr_ratio
    return lowest + (config.lr - lowest) * 0.5 * (1 + math.cos(math.pi * progress))


class Plan:
    """The steps of a run and the sequences of each. Step `k`, from 0, follows on `before(k)` sequences, whatever the ranks."""

    def __init__(self, config: TrainConfig, sequences: int, sequence_length: int) -> None:
        """`sequences` are in the shards. Raises ValueError for batches that are no whole sequences."""
        self.config = config
        self.full = config.batch_sequences(sequence_length)
        self.ramp = config.ramp_sizes(sequence_length)
        self.smallest = self.ramp[0] if self.ramp else self.full  # all batches are multiples of it
        self.steps = config.total_steps(sequences, sequence_length)
        self._before = list(accumulate(self.ramp, initial=0))

    def size(self, step: int) -> int:
        return self.ramp[step] if step < len(self.ramp) else self.full

    def before(self, step: int) -> int:
        over = max(0, step - len(self.ramp))
        return self._before[step - over] + over * self.full

    def lr(self, step: int) -> float:
        return learning_rate(step, self.steps, self.config.optimizer)
