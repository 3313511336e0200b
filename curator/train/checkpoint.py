"""Checkpoints that are whole or not there, and that only the same run goes on from.

    <output>/checkpoints/step-00000500/model.pt optimizer.pt random.pt checkpoint.json

A checkpoint is written under another name, flushed to the disk and renamed, so a kill leaves the one before.
`checkpoint.json` holds the sha256 of the other files: a damaged one is passed over, with a warning, for the one before it.
Tensors are read with `weights_only`, so a file from elsewhere cannot run code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from curator.errors import UserError
from curator.tokens.shards import TokenShards
from curator.train.config import ModelConfig, TrainConfig, TrainedRunError

VERSION = 1
DESCRIPTION = "checkpoint.json"


class CheckpointMismatch(UserError, ValueError):
    """The run in the output folder is another one; `fields` names what differs."""

    def __init__(self, folder: Path, differences: dict[str, tuple[Any, Any]], advice: str) -> None:
        self.fields = tuple(differences)
        listed = "\n".join(f"  {name}: {was!r} in the checkpoint, {now!r} now" for name, (was, now) in differences.items())
        super().__init__(f"cannot resume from {folder}: it is of another run:\n{listed}\n{advice}")


# ---------------------------------------------------------------------------------------------------- which run it is


def identity(config: TrainConfig, shards: TokenShards, steps: int, precision: torch.dtype) -> dict[str, dict[str, Any]]:
    """What makes a run this one, flat: `fixed` may never differ on a resume, `course` only where the config allows it."""
    fixed: dict[str, Any] = {f"model.{k}": v for k, v in dataclasses.asdict(config.model).items()}
    fixed |= {"batch_tokens": config.batch_tokens, "seed": config.seed}
    fixed |= {"tokens.sequence_length": shards.sequence_length, "tokens.vocabulary_size": shards.vocabulary_size}
    fixed |= {"tokens.tokenizer": shards.tokenizer_hash, "tokens.sources": shards.sources}
    for split, described in shards.manifest["splits"].items():  # the bytes of the corpus, whatever they are made with
        fixed[f"tokens.{split}"] = _digest_of([entry["sha256"] for entry in described["shards"]])
    course: dict[str, Any] = {f"optimizer.{k}": v for k, v in dataclasses.asdict(config.optimizer).items()}
    course |= {"steps": steps, "precision": str(precision).removeprefix("torch.")}
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


# ------------------------------------------------------------------------------------------------------------- writing


def save(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    run: dict[str, Any],
    course: dict[str, Any],
    keep: int,
) -> Path:
    """Write the checkpoint of `step` and remove all but the newest `keep`. `run` is the identity, `course` what the loop
    goes on with; both JSON."""
    target = folder / f"step-{step:08d}"
    partial = folder / f".{target.name}.{os.getpid()}.partial"
    partial.mkdir(parents=True)
    for name, content in (
        ("model.pt", model.state_dict()),
        ("optimizer.pt", optimizer.state_dict()),
        ("random.pt", _random_state()),
    ):
        torch.save(content, partial / name)
    files = {path.name: _sha256(path) for path in sorted(partial.iterdir())}
    description = {"version": VERSION, "step": step, "run": run, "course": course, "files": files}
    (partial / DESCRIPTION).write_text(json.dumps(description, indent=1, ensure_ascii=False), encoding="utf-8")
    for path in (*partial.iterdir(), partial):
        _flush(path)
    if target.exists():  # a damaged one that the run passed over and has now caught up with
        shutil.rmtree(target)
    os.rename(partial, target)
    _flush(folder)
    for old in list(_newest_first(folder))[keep:]:
        shutil.rmtree(old)
    return target


def clean(folder: Path) -> None:
    """Remove what a killed run was in the middle of writing."""
    for path in folder.glob(".step-*.partial"):
        shutil.rmtree(path)


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# ------------------------------------------------------------------------------------------------------------- reading


def newest(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that is whole, and its description; warns of each damaged one that it passes over."""
    for path in _newest_first(folder):
        try:
            return path, describe(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(f"{path} is damaged and passed over: {error}", RuntimeWarning, stacklevel=2)
    return None


def describe(path: Path, verify: bool = True) -> dict[str, Any]:
    """The description of a checkpoint. Raises ValueError or OSError if its files are not the ones described."""
    description = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
    if description["version"] != VERSION:
        raise ValueError(f"checkpoint of version {description['version']}; this curator knows version {VERSION}")
    for name, digest in description["files"].items() if verify else ():
        if _sha256(path / name) != digest:
            raise ValueError(f"{name} is not what was written: its sha256 differs")
    return description


def find(output: Path, step: int | None = None) -> tuple[Path, dict[str, Any]]:
    """The newest whole checkpoint of a run, or that of `step`, and its description. Raises TrainedRunError."""
    folder = output / "checkpoints"
    if step is None:
        found = newest(folder)
        if found is None:
            raise TrainedRunError(f"{folder}: no whole checkpoint; train first")
        return found
    path = folder / f"step-{step:08d}"
    try:
        return path, describe(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainedRunError(f"{path}: no whole checkpoint: {error}") from None


def model_config(described: dict[str, Any]) -> ModelConfig:
    """The shape of the model that a checkpoint holds."""
    fixed = described["run"]["fixed"]
    return ModelConfig(**{name.removeprefix("model."): value for name, value in fixed.items() if name.startswith("model.")})


def check_shards(path: Path, described: dict[str, Any], shards: TokenShards) -> None:
    """Raise TrainedRunError if the checkpoint's ids are of another tokenizer than the shards'."""
    if described["run"]["fixed"]["tokens.tokenizer"] != shards.tokenizer_hash:
        raise TrainedRunError(f"{shards.folder}: its tokenizer is not the one that {path} was trained with")


def load(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put the weights, the optimiser's state and the random state back. The caller has looked at `describe`."""
    load_weights(path, model)
    optimizer.load_state_dict(_tensors(path / "optimizer.pt"))
    random = _tensors(path / "random.pt")
    torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])


def load_weights(path: Path, model: nn.Module) -> None:
    model.load_state_dict(_tensors(path / "model.pt"))


def _tensors(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True)


def _newest_first(folder: Path) -> Iterator[Path]:
    found = [p for p in folder.glob("step-*") if p.is_dir() and p.name.removeprefix("step-").isdigit()]
    yield from sorted(found, key=lambda p: int(p.name.removeprefix("step-")), reverse=True)
