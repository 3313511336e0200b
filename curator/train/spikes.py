"""Losses that leap, and the sequences that are passed over because of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from curator.train.config import SpikeConfig


class SpikeWatch:
    """Knows a spike when it sees one. The same losses give the same answers, on every rank and after every resume."""

    def __init__(self, config: SpikeConfig) -> None:
        self.config = config
        self.losses: deque[float] = deque(maxlen=config.window)
        self.high = 0  # how many losses in a row have been too high, up to now

    def limit(self) -> float:
        """The highest loss that is no spike; infinite until half the window is known."""
        if len(self.losses) < self.config.window // 2:
            return math.inf
        losses = np.array(self.losses)
        median = float(np.median(losses))
        deviation = 1.4826 * float(np.median(np.abs(losses - median)))  # of a normal distribution: its standard deviation
        return median + self.config.deviations * max(deviation, 0.01 * abs(median))

    def sees(self, loss: float) -> bool:
        """Whether this loss of the next step makes a spike. Losses that are too high are not what others are measured by."""
        if not math.isfinite(loss):
            self.high += 1
            return True
        if loss > self.limit():
            self.high += 1
            return self.high >= self.config.patience
        self.high = 0
        self.losses.append(loss)
        return False

    def state(self) -> dict[str, Any]:
        return {"losses": list(self.losses), "high": self.high}

    def restore(self, state: dict[str, Any]) -> None:
        self.losses = deque(state["losses"], maxlen=self.config.window)
        self.high = state["high"]


def position(trained: int, passed: Iterable[tuple[int, int]]) -> int:
    """Where the run stands after `trained` sequences, when those from the first up to the second of each pair of `passed` were
    left out. Pairs may overlap."""
    at, reached = trained, 0
    for first, last in sorted(passed):
        first = max(first, reached)
        if last > first:
            if at < first:
                break
            at += last - first
            reached = last
    return at
