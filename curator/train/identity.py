"""Which run a checkpoint is of, and whether the run that wants to go on from it is the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from curator.errors import UserError
from curator.tokens.shards import TokenShards
from curator.train.config import TrainConfig


class CheckpointMismatch(UserError, ValueError):
    """The run in the output folder is another one; `fields` names what differs."""

    def __init__(self, folder: Path, differences: dict[str, tuple[Any, Any]], advice: str) -> None:
        self.fields = tuple(differences)
        listed = "\n".join(f"  {name}: {was!r} in the checkpoint, {now!r} now" for name, (was, now) in differences.items())
        super().__init__(f"cannot resume from {folder}: it is of another run:\n{listed}\n{advice}")


def identity(config: TrainConfig, shards: TokenShards, steps: int, precision: torch.dtype) -> dict[str, dict[str, Any]]:
    """What makes a run this one, flat: `fixed` may never differ on a resume, `course` only where the config allows it."""
    fixed: dict[str, Any] = {f"model.{k}": v for k, v in dataclasses.asdict(config.model).items()}
    fixed |= {"batch_tokens": config.batch_tokens, "seed": config.seed}
    fixed |= {"batch_ramp": dataclasses.asdict(config.batch_ramp) if config.batch_ramp else None}
    fixed |= {"tokens.sequence_length": shards.sequence_length, "tokens.vocabulary_size": shards.vocabulary_size}
    fixed |= {"tokens.tokenizer": shards.tokenizer_hash, "tokens.sources": shards.sources}
    for split, described in shards.manifest["splits"].items():  # the bytes of the corpus, whatever they are made with
        fixed[f"tokens.{split}"] = _digest_of([entry["sha256"] for entry in described["shards"]])
    course: dict[str, Any] = {f"optimizer.{k}": v for k, v in dataclasses.asdict(config.optimizer).items()}
    course |= {"steps": steps, "precision": str(precision).removeprefix("torch."), "attention": config.attention}
    course |= {"float8": True} if config.float8 else {}
    course |= {"spikes": dataclasses.asdict(config.spikes) if config.spikes else None}
    return json.loads(json.dumps({"fixed": fixed, "course": course}))


def _digest_of(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def check_same_run(folder: Path, saved: dict[str, Any], now: dict[str, Any], allow_course: bool) -> list[str]:
    """Raise CheckpointMismatch if the checkpoint is of another run; the changes that were allowed, in words."""
    fixed = _differences(saved["fixed"], now["fixed"])
    course = _differences(saved["course"], now["course"])
    if fixed or (course and not allow_course):
        advice = "Write these back, or train into an empty output folder."
        if not fixed:
            advice += " `resume: changed` goes on all the same."
        raise CheckpointMismatch(folder, {**fixed, **course}, advice)
    return [f"{name} from {was} to {becomes}" for name, (was, becomes) in course.items()]


def _differences(saved: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*saved, *(n for n in now if n not in saved)]
    return {n: (saved.get(n), now.get(n)) for n in names if saved.get(n) != now.get(n)}
