"""What a run says of itself in its journal."""

from __future__ import annotations

import math
from typing import Any

from curator.train.board import Board
from curator.train.losses import SourceLosses
from curator.train.run import Run


def begin(run: Run, changed: list[str]) -> None:
    run.journal.go_back_to(run.resumed_from, run.course.passed)
    if run.config.tensorboard and run.place.rank == 0:
        run.journal.board = Board(run.output / "tensorboard", run.course.step)
    run.journal.write(
        "start",
        run.course.step,
        steps=run.plan.steps,
        parameters=run.parameters,
        parameters_by_formula=run.config.model.parameters_by_formula(run.shards.vocabulary_size),
        batch_tokens=run.config.batch_tokens,
        device=run.place.name,
        precision=run.identity["course"]["precision"],
        compile=run.place.compile,
        ranks=run.place.ranks,
        parallel=run.config.parallel.kind,
        mesh={name: size for name, size in run.place.mesh.sizes.items() if size > 1},
        resumed_from=run.resumed_from,
        changed=changed,
    )


def log(run: Run, lr: float, norm: float, tokens_per_second: float) -> None:
    course = run.course
    course.last_loss = course.window.mean
    if math.isnan(course.first_loss):
        course.first_loss = course.last_loss
    peak = run.place.peak_flops()
    run.journal.write(
        "train",
        course.step,
        loss=course.last_loss,
        losses=course.window.by_source(),
        lr=lr,
        gradient_norm=norm,
        batch_tokens=run.plan.size(course.step - 1) * run.length,
        tokens=run.tokens(course.step),
        tokens_by_source=course.seen.tokens_by_source(),
        epoch=run.batches.epoch(run.position(course.step - 1)),
        seconds=course.seconds,
        tokens_per_second=tokens_per_second,
        mfu=tokens_per_second * run.flops_per_token / peak if peak else None,
        memory_bytes=run.place.memory_bytes(),
    )
    course.window = SourceLosses(run.shards.sources)


def summary(run: Run) -> dict[str, Any]:
    course, tokens = run.course, run.tokens(run.course.step)
    return {
        "step": course.step,
        "steps": run.plan.steps,
        "finished": course.step == run.plan.steps,
        "tokens": tokens,
        "tokens_by_source": course.seen.tokens_by_source(),
        "epochs": run.plan.before(course.step) / len(run.shards),
        "spikes": len(course.passed),
        "parameters": run.parameters,
        "first_loss": course.first_loss,
        "last_loss": course.last_loss,
        "validation_loss": course.validated["loss"],
        "validation_losses": course.validated["losses"],
        "seconds": course.seconds,
        "tokens_per_second": tokens / course.seconds if course.seconds else 0.0,
        "device": run.place.name,
        "precision": run.identity["course"]["precision"],
        "ranks": run.place.ranks,
        "resumed_from": run.resumed_from,
        "checkpoint": run.saved,
    }
