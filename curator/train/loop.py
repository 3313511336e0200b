"""The training loop: batch, forward, backward, clip, update; and what is written down and saved on the way."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from curator.errors import UserError
from curator.tokens.shards import TokenShards
from curator.train import checkpoint
from curator.train.config import TrainConfig
from curator.train.data import Batches, MicroBatch, micro_batches, spread
from curator.train.device import Place, join
from curator.train.journal import Journal, Progress
from curator.train.losses import SourceLosses
from curator.train.model import Decoder
from curator.train.optimizer import adamw, learning_rate


class TrainingDiverged(UserError, RuntimeError):
    """A loss or a gradient that is not a number; the weights of the last checkpoint are untouched by it."""


def train(config: TrainConfig, shards_folder: str, output_folder: str, progress: Progress | None = None) -> dict[str, Any]:
    """Train on the shards below `shards_folder`, from the newest checkpoint below `output_folder` if there is one.

    Writes `checkpoints/step-XXXXXXXX/` and `metrics.jsonl` (see `journal`) there; `progress` receives every record of the
    latter, and without it they are printed. On SIGTERM the run saves a checkpoint and returns, with `finished` false.
    Killed in any other way and called again, it ends with the same losses: to the last bit on a CPU with as many threads.
    Under torchrun every process calls this, and the output folder is one that all of them see.

    Raises ValueError for options that do not fit the shards or the machine, CheckpointMismatch when the output folder holds
    another run, TrainingDiverged when the loss is no longer a number.
    """
    if "://" in str(output_folder):
        raise ValueError(f"output: checkpoints are written to a local folder, not to {output_folder}")
    with join(config) as place, _sigterm() as stop:
        return _Run(config, str(shards_folder), Path(output_folder), place, progress, stop).go()


class _Stop:
    """Whether this rank was told to stop. A plain attribute: a lock, taken in a signal handler, could wait for itself."""

    asked = False


@contextmanager
def _sigterm() -> Iterator[_Stop]:
    """SIGTERM asks the run to stop, instead of ending the process. Outside the main thread signals stay with the caller."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(signum: int, frame: FrameType | None) -> None:
        stop.asked = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


class _Run:
    """One run: what it is made of, where it stands, and how it goes."""

    def __init__(
        self, config: TrainConfig, shards: str, output: Path, place: Place, progress: Progress | None, stop: _Stop
    ) -> None:
        self.config, self.place, self.stop = config, place, stop
        self.shards = TokenShards(shards)
        self.length = self.shards.sequence_length
        size = config.batch_sequences(self.length)
        self.batches = Batches(self.shards, size, config.micro_batch, place.device, place.rank, place.ranks)
        self.steps = config.total_steps(len(self.shards), self.length)
        has_validation = "validation" in self.shards.manifest["splits"]  # a small sample may have none, or an empty one
        self.validation = TokenShards(shards, "validation") if has_validation else None
        self.checkpoints = output / "checkpoints"
        self.journal = Journal(output / "metrics.jsonl", progress, writes=place.rank == 0)

        torch.manual_seed(config.seed)  # on the CPU, so that the first weights are the same wherever the run computes
        self.model = Decoder(config.model, self.shards.vocabulary_size, self.length).to(place.device)
        self.optimizer = adamw(self.model, config.optimizer, place.device)
        self.identity = checkpoint.identity(config, self.shards, self.steps, place.precision)

        self.step = 0  # steps finished
        self.seconds = 0.0  # spent in them, over all sessions
        self.first_loss = self.last_loss = math.nan
        self.validated: dict[str, Any] = {"step": 0, "loss": None, "losses": {}}
        self.window = SourceLosses(self.shards.sources)  # since the last record
        self.resumed_from: int | None = None
        self.saved: str | None = None

    # ------------------------------------------------------------------------------------------------------ the course

    def go(self) -> dict[str, Any]:
        changed = self._resume()
        if self.place.compile:
            self.model.compile()  # in place: the names of the weights stay
        ranks = self.place.ranks
        self.forward = DistributedDataParallel(self.model, broadcast_buffers=False) if ranks > 1 else self.model
        self._start(changed)
        since, session_seconds, stopped = self.step, 0.0, False  # since the last record
        batch = self.batches.load(self.step) if self.step < self.steps else []
        while self.step < self.steps and not stopped:
            began = time.perf_counter()
            lr = self._set_learning_rate()
            norm, batch, stopped = self._update(batch)
            self.step += 1
            elapsed = time.perf_counter() - began
            self.seconds += elapsed
            session_seconds += elapsed
            if self._due(self.config.log_every) or self.step == 1:
                self._log(lr, norm, tokens_per_second=(self.step - since) * self.config.batch_tokens / session_seconds)
                since, session_seconds = self.step, 0.0
            if self._due(self.config.eval_every):
                self._validate()
            if self._due(self.config.checkpoint_every) or stopped:
                self._save()
        summary = self.summary()
        self.journal.write("end", **summary)
        return summary

    def _due(self, every: int) -> bool:
        return self.step == self.steps or (every > 0 and self.step % every == 0)

    def _set_learning_rate(self) -> float:
        lr = learning_rate(self.step, self.steps, self.config.optimizer)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr

    def _update(self, batch: list[MicroBatch]) -> tuple[float, list[MicroBatch], bool]:
        """One step on `batch`. Gives the norm of the gradient, the next batch, and whether any rank was told to stop."""
        tokens = sum(len(micro) for micro in batch) * self.length
        sums = []
        for number, micro in enumerate(batch, 1):
            last = number == len(batch)
            alone = isinstance(self.forward, DistributedDataParallel) and not last  # ranks exchange gradients once a step
            with self.forward.no_sync() if alone else nullcontext():  # type: ignore[union-attr]
                with self.place.autocast():
                    losses = self.forward(micro.inputs, micro.targets)
                (losses.sum() / tokens).backward()
            sums.append(losses.detach().sum(dim=1))
        norm_tensor = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimizer.clip)
        following = self.batches.load(self.step + 1) if self.step + 1 < self.steps else []  # while the device computes

        found = SourceLosses(self.shards.sources)
        for micro, each in zip(batch, sums, strict=True):
            found.add(each.cpu().double().numpy(), micro.sources, self.length)
        stopped = self._exchange(found)
        norm = float(norm_tensor)
        if not (math.isfinite(found.mean) and math.isfinite(norm)):
            raise self._diverged(found, norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.window.merge(found)
        return norm, following, stopped

    def _exchange(self, found: SourceLosses) -> bool:
        """Add up the losses of all ranks, in place; whether any of them was told to stop, so that all stop at the same
        step."""
        names = len(found.names)
        total = self.place.sum(np.concatenate((found.sums, found.tokens, [float(self.stop.asked)])))
        found.sums, found.tokens = total[:names], total[names : 2 * names]
        return bool(total[-1])

    def _diverged(self, found: SourceLosses, norm: float) -> TrainingDiverged:
        size = self.batches.size
        first = self.step * size % len(self.shards)
        bad = [name for name, loss in found.by_source().items() if not math.isfinite(loss)]
        return TrainingDiverged(
            f"step {self.step + 1}: the loss is {found.mean} and the gradient's norm {norm}, in the {size} sequences from "
            f"{first} on{' (source ' + ', '.join(bad) + ')' if bad else ''}. The update was not made; "
            f"{'the last checkpoint is ' + self.saved if self.saved else 'there is no checkpoint yet'}. "
            f"A lower lr, a longer warmup or a smaller clip is the usual cure."
        )

    # ------------------------------------------------------------------------------------------------- what is written

    def _start(self, changed: list[str]) -> None:
        self.journal.go_back_to(self.resumed_from)
        self.journal.write(
            "start",
            self.step,
            steps=self.steps,
            parameters=self.model.parameter_count(),
            batch_tokens=self.config.batch_tokens,
            device=self.place.name,
            precision=self.identity["course"]["precision"],
            compile=self.place.compile,
            ranks=self.place.ranks,
            resumed_from=self.resumed_from,
            changed=changed,
        )

    def _log(self, lr: float, norm: float, tokens_per_second: float) -> None:
        self.last_loss = self.window.mean
        if math.isnan(self.first_loss):
            self.first_loss = self.last_loss
        on_gpu: dict[str, Any] = {}
        if self.place.device.type == "cuda":
            peak = self.place.peak_flops()
            on_gpu["mfu"] = tokens_per_second * self.model.flops_per_token() / peak if peak else None
            on_gpu["memory_bytes"] = torch.cuda.max_memory_allocated(self.place.device)
        self.journal.write(
            "train",
            self.step,
            loss=self.last_loss,
            losses=self.window.by_source(),
            lr=lr,
            gradient_norm=norm,
            tokens=self.step * self.config.batch_tokens,
            epoch=self.batches.epoch(self.step - 1),
            seconds=self.seconds,
            tokens_per_second=tokens_per_second,
            **on_gpu,
        )
        self.window = SourceLosses(self.shards.sources)

    @torch.no_grad()
    def _validate(self) -> None:
        if not self.validation:
            return
        found = SourceLosses(self.validation.sources)
        chosen = spread(len(self.validation), self.config.eval_sequences)[self.place.rank :: self.place.ranks]
        for micro in micro_batches(self.validation, chosen, self.config.micro_batch, self.place.device):
            with self.place.autocast():
                losses = self.model(micro.inputs, micro.targets)
            found.add(losses.sum(dim=1).cpu().double().numpy(), micro.sources, self.length)
        self._exchange(found)
        self.validated = {"step": self.step, "loss": found.mean, "losses": found.by_source()}
        self.journal.write("validation", **self.validated)

    def summary(self) -> dict[str, Any]:
        tokens = self.step * self.config.batch_tokens
        return {
            "step": self.step,
            "steps": self.steps,
            "finished": self.step == self.steps,
            "tokens": tokens,
            "epochs": self.step * self.batches.size / len(self.shards),
            "parameters": self.model.parameter_count(),
            "first_loss": self.first_loss,
            "last_loss": self.last_loss,
            "validation_loss": self.validated["loss"],
            "validation_losses": self.validated["losses"],
            "seconds": self.seconds,
            "tokens_per_second": tokens / self.seconds if self.seconds else 0.0,
            "device": self.place.name,
            "precision": self.identity["course"]["precision"],
            "ranks": self.place.ranks,
            "resumed_from": self.resumed_from,
            "checkpoint": self.saved,
        }

    # ------------------------------------------------------------------------------------------------ saving, resuming

    def _save(self) -> None:
        self.saved = f"step-{self.step:08d}"
        if self.place.rank == 0:
            course = {
                "position": self.step * self.batches.size,  # sequences consumed
                "seconds": self.seconds,
                "first_loss": self.first_loss,
                "last_loss": self.last_loss,
                "validated": self.validated,
                "window": self.window.state(),
            }
            checkpoint.save(
                self.checkpoints, self.step, self.model, self.optimizer, self.identity, course, self.config.keep_checkpoints
            )
        self.journal.write("checkpoint", self.step, name=self.saved)

    def _resume(self) -> list[str]:
        """Go on from the newest whole checkpoint, if there is one. Rank 0 looks; all take the one that it found."""
        step = -1
        if self.place.rank == 0:
            checkpoint.clean(self.checkpoints)
            found = checkpoint.newest(self.checkpoints)
            step = found[1]["step"] if found else -1
        step = self.place.from_first(step)
        if step < 0:
            return []
        path = self.checkpoints / f"step-{step:08d}"
        description = checkpoint.describe(path, verify=False)
        changed = checkpoint.check_same_run(
            path, description["run"], self.identity, allow_course=self.config.resume == "changed"
        )
        checkpoint.load(path, self.model, self.optimizer)
        course = description["course"]
        self.step = self.resumed_from = step
        self.saved = path.name
        self.seconds, self.first_loss, self.last_loss = course["seconds"], course["first_loss"], course["last_loss"]
        self.validated = course["validated"]
        self.window.restore(course["window"])
        return changed
