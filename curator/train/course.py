"""Where a run stands: what a checkpoint keeps beside the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from curator.train.losses import SourceLosses
from curator.train.spikes import SpikeWatch, position


@dataclass
class Course:
    """All of it is restored by a resume, and by going back before a spike; only `seconds` then stay spent."""

    window: SourceLosses  # since the last record
    seen: SourceLosses  # since the beginning: tokens trained on by source
    watch: SpikeWatch | None = None
    step: int = 0  # steps finished
    seconds: float = 0.0  # spent in them, over all sessions
    first_loss: float = math.nan
    last_loss: float = math.nan
    validated: dict[str, Any] = field(default_factory=lambda: {"step": 0, "loss": None, "losses": {}})
    passed: list[dict[str, Any]] = field(default_factory=list)  # the journal's records of spikes

    @classmethod
    def start(cls, sources: Sequence[str], watch: SpikeWatch | None) -> Course:
        return cls(SourceLosses(sources), SourceLosses(sources), watch)

    def position(self, trained: int) -> int:
        """Where the run stands in the shards after so many sequences trained on: those that were passed over count too."""
        return position(trained, [(record["first"], record["last"]) for record in self.passed])

    def state(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in ("step", "seconds", "first_loss", "last_loss", "validated", "passed")}
        watch = self.watch.state() if self.watch else None
        return {**plain, "window": self.window.state(), "seen": self.seen.state(), "watch": watch}

    def restore(self, state: dict[str, Any]) -> None:
        for name in ("step", "seconds", "first_loss", "last_loss", "validated", "passed"):
            setattr(self, name, state[name])
        self.window.restore(state["window"])
        self.seen.restore(state["seen"])
        if self.watch and state["watch"]:
            self.watch.restore(state["watch"])
