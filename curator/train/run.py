"""A training run: what it is made of, where it stands, how it is saved, and how it goes back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from curator.errors import UserError
from curator.train import checkpoint
from curator.train.architectures.build import build_batches, build_model
from curator.train.config import TrainConfig
from curator.train.course import Course
from curator.train.data import MicroBatch
from curator.train.device import Place
from curator.train.float8 import to_float8
from curator.train.identity import check_same_run, identity
from curator.train.journal import Journal, Progress
from curator.train.losses import SourceLosses
from curator.train.optimizer import adamw
from curator.train.parallel import spread
from curator.train.remote import open_shards
from curator.train.schedule import Plan
from curator.train.spikes import SpikeWatch


class TrainingDiverged(UserError, RuntimeError):
    """A loss or a gradient that is not a number, or spikes without end; the last checkpoint's weights are untouched by it."""


class Run:
    """Its parts. Where it stands is its `course`; `loop` moves it."""

    def __init__(self, config: TrainConfig, shards: str, output: Path, place: Place, progress: Progress | None = None) -> None:
        self.config, self.place, self.output = config, place, output
        self.shards = open_shards(shards, "train", config.shard_cache)
        has_validation = "validation" in self.shards.manifest["splits"]  # a small sample may have none, or an empty one
        self.validation = open_shards(shards, "validation", config.shard_cache) if has_validation else None
        self.length = self.shards.sequence_length
        self.plan = Plan(config, len(self.shards), self.length)
        self.batches = build_batches(config, self.shards, self.plan.smallest, place)

        torch.manual_seed(config.seed)  # on the CPU, so that the first weights are the same wherever the run computes
        model = build_model(config.model, self.shards.vocabulary_size, self.length, config.recompute)
        if config.float8:
            to_float8(model, place.device)
        self.parameters, self.flops_per_token = model.parameter_count(), model.flops_per_token()
        self.spread = spread(model, config, place)
        self.optimizer = adamw(model, config.optimizer, place.device)

        self.identity = identity(config, self.shards, self.plan.steps, place.precision)
        self.checkpoints = output / "checkpoints"
        self.saver = checkpoint.Saver(self.checkpoints, config.keep_checkpoints, self.identity, place.rank, place.ranks)
        self.journal = Journal(output / "metrics.jsonl", progress, writes=place.rank == 0)
        self.course = Course.start(self.shards.sources, SpikeWatch(config.spikes) if config.spikes else None)
        self.resumed_from: int | None = None
        self.saved: str | None = None

    def close(self) -> None:
        self.journal.close()
        self.saver.close()

    def due(self, every: int) -> bool:
        return self.course.step == self.plan.steps or (every > 0 and self.course.step % every == 0)

    def tokens(self, step: int) -> int:
        return self.plan.before(step) * self.length

    def position(self, step: int) -> int:
        return self.course.position(self.plan.before(step))

    def load(self, step: int) -> list[MicroBatch]:
        return self.batches.load(self.position(step), self.plan.size(step)) if step < self.plan.steps else []

    # ------------------------------------------------------------------------------------------------ saving, resuming

    def save(self) -> None:
        course = self.course
        state = {"position": self.position(course.step), **course.state()}
        self.saved = self.saver.save(course.step, self.spread.model, self.optimizer, state)
        self.journal.write("checkpoint", course.step, name=self.saved)

    def resume(self) -> list[str]:
        """Go on from the newest whole checkpoint, if there is one."""
        if self.place.rank == 0:
            checkpoint.clean(self.checkpoints)
        step = self._find()
        if step < 0:
            return []
        path = self.checkpoints / f"step-{step:08d}"
        description = checkpoint.describe(path, verify=False)
        changed = check_same_run(path, description["run"], self.identity, allow_course=self.config.resume == "changed")
        self._restore(path, description["course"])
        self.resumed_from = step
        return changed

    def _find(self, most: int | None = None) -> int:
        """The step of the newest whole checkpoint, or of the newest up to `most` and else the oldest; -1 without. Rank 0 looks;
        all take the one that it found."""
        found = checkpoint.newest(self.checkpoints, most) if self.place.rank == 0 else None
        return self.place.from_first(found[1]["step"] if found else -1)

    def _restore(self, path: Path, state: dict[str, Any]) -> None:
        checkpoint.load(path, self.spread.model, self.optimizer)
        self.course.restore(state)
        self.saved = path.name

    # ---------------------------------------------------------------------------------------------------------- spikes

    def is_spike(self, loss: float, norm: float) -> bool:
        if self.course.watch is not None:
            return self.course.watch.sees(loss if math.isfinite(norm) else math.nan)
        return not (math.isfinite(loss) and math.isfinite(norm))

    def roll_back(self, found: SourceLosses, norm: float) -> None:
        """Go back to a checkpoint before the spike, from which the run then passes over the batches that led to it."""
        course, config = self.course, self.config.spikes
        if course.watch is None or config is None or len(course.passed) >= config.most:
            raise self._diverged(found, norm)
        first = max(0, course.step - (course.watch.high - 1) - config.before)
        record = {"event": "spike", "step": 0, "at": course.step + 1, "loss": _finite(found.mean)}
        record |= {"limit": _finite(course.watch.limit())}
        record |= {"last": self.position(course.step) + self.plan.size(course.step)}
        self.optimizer.zero_grad(set_to_none=True)
        self.saver.wait()
        step = self._find(first)
        path = self.checkpoints / f"step-{step:08d}"
        record |= {"step": step, "checkpoint": path.name, "first": self.position(max(first, step))}
        state = checkpoint.describe(path, verify=False)["course"] | {"passed": [*course.passed, record]}
        if self.place.rank == 0:
            checkpoint.go_back(path, state)
        seconds = course.seconds
        self._restore(path, state)
        course.seconds = seconds
        self.journal.go_back_to(step, course.passed)
        self.journal.tell(record)

    def _diverged(self, found: SourceLosses, norm: float) -> TrainingDiverged:
        step = self.course.step
        first = self.position(step) % len(self.shards)
        bad = [name for name, loss in found.by_source().items() if not math.isfinite(loss)]
        often = f", after {len(self.course.passed)} spikes that were passed over" if self.course.passed else ""
        return TrainingDiverged(
            f"step {step + 1}: the loss is {found.mean} and the gradient's norm {norm}, in the {self.plan.size(step)} "
            f"sequences from {first} on{' (source ' + ', '.join(bad) + ')' if bad else ''}{often}. The update was not made; "
            f"{'the last checkpoint is ' + self.saved if self.saved else 'there is no checkpoint yet'}. "
            f"A lower lr, a longer warmup or a smaller clip is the usual cure."
        )


def _finite(value: float) -> float | None:
    """JSON has no other numbers."""
    return value if math.isfinite(value) else None
