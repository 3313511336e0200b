"""The training loop: batch, forward, backward, clip, update; and what is written down and saved on the way."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from curator.train import records
from curator.train.config import TrainConfig, TrainedRunError
from curator.train.data import MicroBatch
from curator.train.device import join
from curator.train.journal import Progress
from curator.train.losses import SourceLosses
from curator.train.run import Run, TrainingDiverged
from curator.train.signals import Stop, sigterm
from curator.train.validation import validate

__all__ = ["TrainingDiverged", "train"]


def train(config: TrainConfig, shards_folder: str, output_folder: str, progress: Progress | None = None) -> dict[str, Any]:
    """Train on the shards below `shards_folder`, from the newest checkpoint below `output_folder` if there is one.

    Writes `checkpoints/step-XXXXXXXX/` and `metrics.jsonl` (see `journal`) there; `progress` receives every record of the
    latter, and without it they are printed. On SIGTERM the run saves a checkpoint and returns, with `finished` false.
    Killed in any other way and called again, it ends with the same losses: to the last bit on a CPU with as many threads.
    Under torchrun every process calls this, and the output folder is one that all of them see.

    Raises TrainedRunError for options that do not fit the shards or the machine, CheckpointMismatch when the output folder
    holds another run, TrainingDiverged when the loss is no longer a number.
    """
    if "://" in str(output_folder):
        raise TrainedRunError(f"output: checkpoints are written to a local folder, not to {output_folder}")
    with join(config) as place, sigterm() as stop:
        run = Run(config, str(shards_folder), Path(output_folder), place, progress)
        try:
            return _go(run, stop)
        finally:
            run.close()


def _go(run: Run, stop: Stop) -> dict[str, Any]:
    course, config, plan = run.course, run.config, run.plan
    records.begin(run, changed=run.resume())
    if config.spikes and course.step == 0:
        run.save()  # to go back to
    since, session_seconds, stopped = course.step, 0.0, False  # since the last record
    batch = run.load(course.step)
    while course.step < plan.steps and not stopped:
        began = time.perf_counter()
        lr = plan.lr(course.step)
        norm, found, following, stopped = _learn(run, batch, stop)
        if run.is_spike(found.mean, norm):
            run.roll_back(found, norm)
            since, session_seconds, batch = course.step, 0.0, run.load(course.step)
            continue
        _update(run, lr, found)
        batch = following
        elapsed = time.perf_counter() - began
        course.seconds += elapsed
        session_seconds += elapsed
        if run.due(config.log_every) or course.step == 1:
            tokens = run.tokens(course.step) - run.tokens(since)
            records.log(run, lr, norm, tokens_per_second=tokens / session_seconds)
            since, session_seconds = course.step, 0.0
        if run.due(config.eval_every):
            _validate(run)
        if run.due(config.checkpoint_every) or stopped:
            run.save()
    run.saver.wait()
    summary = records.summary(run)
    run.journal.write("end", **summary)
    return summary


def _learn(run: Run, batch: list[MicroBatch], stop: Stop) -> tuple[float, SourceLosses, list[MicroBatch], bool]:
    """The gradients of one batch. Gives their norm, the losses, the next batch, and whether any rank was told to stop."""
    sums = run.spread.gradients(batch)
    norm = run.spread.clip(run.config.optimizer.clip)
    following = run.load(run.course.step + 1)  # while the device computes

    found = SourceLosses(run.shards.sources)
    for micro, each in zip(batch, sums, strict=True):
        found.add(each.cpu().double().numpy(), micro.sources, micro.counts)
    return float(norm), found, following, run.place.exchange(found, stop.asked)


def _update(run: Run, lr: float, found: SourceLosses) -> None:
    for group in run.optimizer.param_groups:
        group["lr"] = lr
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    run.course.window.merge(found)
    run.course.seen.merge(found)
    run.course.step += 1


def _validate(run: Run) -> None:
    if run.validation:  # not empty
        found = validate(run.spread, run.validation, run.config, run.place)
        run.place.exchange(found)
        run.course.validated = {"step": run.course.step, "loss": found.mean, "losses": found.by_source()}
        run.journal.write("validation", **run.course.validated)
