"""The mean loss of a token, over everything and by source: sums and counts, so that means over steps and ranks stay exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class SourceLosses:
    """Adds up the losses of sequences by their source. The total is the token-weighted mean of the sources' means."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.sums = np.zeros(len(self.names))
        self.tokens = np.zeros(len(self.names))

    def add(self, sequence_sums: np.ndarray, sources: np.ndarray, counts: np.ndarray) -> None:
        """Sequences of `counts` targets whose losses sum to `sequence_sums`."""
        self.sums += np.bincount(sources, weights=sequence_sums, minlength=len(self.names))
        self.tokens += np.bincount(sources, weights=counts, minlength=len(self.names))

    def merge(self, other: SourceLosses) -> None:
        self.sums += other.sums
        self.tokens += other.tokens

    @property
    def mean(self) -> float:
        """NaN before anything was added."""
        tokens = float(self.tokens.sum())
        return float(self.sums.sum()) / tokens if tokens else float("nan")

    def by_source(self) -> dict[str, float]:
        """Of the sources that occurred."""
        return {n: float(s / t) for n, s, t in zip(self.names, self.sums, self.tokens, strict=True) if t}

    def tokens_by_source(self) -> dict[str, int]:
        return {n: int(t) for n, t in zip(self.names, self.tokens, strict=True)}

    def state(self) -> dict[str, Any]:
        return {"sums": self.sums.tolist(), "tokens": self.tokens.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        self.sums, self.tokens = np.array(state["sums"], dtype=np.float64), np.array(state["tokens"], dtype=np.float64)
