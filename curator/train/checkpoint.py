"""Checkpoints that are whole or not there, written while the run goes on, and read by any number of ranks.

    <output>/checkpoints/step-00000500/shard-*.safetensors checkpoint.json

Weights and the optimiser's state are divided among the ranks and written by torch.distributed.checkpoint, as safetensors:
nothing in them can run code. They are copied when `save` is called and written behind the run's back, under another name,
flushed to the disk and renamed, so a kill leaves the one before. `checkpoint.json` holds the sha256 of the other files: a
damaged one is passed over, with a warning, for the one before it. No state of random numbers is kept: after the first weights
nothing is drawn.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import get_model_state_dict, get_optimizer_state_dict
from torch.distributed.checkpoint.state_dict_loader import load as read_parts
from torch.distributed.checkpoint.state_dict_saver import async_save

from curator.errors import Notice
from curator.tokens.shards import TokenShards
from curator.train.architectures.config import restored
from curator.train.config import ModelConfig, TrainedRunError
from curator.train.identity import CheckpointMismatch

warnings.filterwarnings("ignore", "torch.distributed is disabled, unavailable or uninitialized")  # one rank is no mistake

VERSION = 2
DESCRIPTION = "checkpoint.json"


# ------------------------------------------------------------------------------------------------------------- writing


class Saver:
    """Writes the checkpoints of one run, one at a time, and keeps the newest `keep`. Every rank has one; they act together."""

    def __init__(self, folder: Path, keep: int, identity: dict[str, Any], rank: int = 0, ranks: int = 1) -> None:
        self.folder, self.keep, self.identity, self.rank = folder, keep, identity, rank
        group = dist.new_group(backend="gloo") if ranks > 1 else None  # beside the run's own exchanges
        self.group = cast("dist.ProcessGroup | None", group)
        self.finishing = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self.pending: Future[None] | None = None

    def save(self, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, course: dict[str, Any]) -> str:
        """Begin to write the checkpoint of `step`; `course` is what the loop goes on with, JSON. Its name."""
        self.wait()
        target = self.folder / f"step-{step:08d}"
        partial = self.folder / f".{target.name}.partial"
        written = async_save(
            _state(model, optimizer),
            storage_writer=HuggingFaceStorageWriter(str(partial), save_distributed=True),
            process_group=self.group,
            no_dist=self.group is None,
        )
        description = {"version": VERSION, "step": step, "run": self.identity, "course": course}
        self.pending = self.finishing.submit(self._finish, cast("Future[Any]", written), partial, target, description)
        return target.name

    def wait(self) -> None:
        """Until what was begun is on the disk; raises what went wrong with it."""
        if self.pending is not None:
            pending, self.pending = self.pending, None
            pending.result()

    def close(self) -> None:
        try:
            self.wait()
        finally:
            self.finishing.shutdown()

    def _finish(self, written: Future[Any], partial: Path, target: Path, description: dict[str, Any]) -> None:
        written.result()  # all ranks have written their parts
        if self.rank:
            return
        files = {path.name: _sha256(path) for path in sorted(partial.iterdir())}
        (partial / DESCRIPTION).write_text(_json({**description, "files": files}), encoding="utf-8")
        for path in (*partial.iterdir(), partial):
            _flush(path)
        if target.exists():  # a damaged one that the run passed over and has now caught up with
            shutil.rmtree(target)
        os.rename(partial, target)
        _flush(self.folder)
        for old in _newest_first(self.folder)[self.keep :]:
            shutil.rmtree(old)


def go_back(path: Path, course: dict[str, Any]) -> None:
    """Make `path` the newest checkpoint, from which the run goes on with another course."""
    description = describe(path, verify=False)
    partial = path / f".{DESCRIPTION}"
    partial.write_text(_json({**description, "course": course}), encoding="utf-8")
    _flush(partial)
    os.replace(partial, path / DESCRIPTION)
    _flush(path)
    for newer in _newest_first(path.parent):
        if _step(newer) > _step(path):
            shutil.rmtree(newer)


def clean(folder: Path) -> None:
    """Remove what a killed run was in the middle of writing."""
    for path in folder.glob(".step-*.partial"):
        shutil.rmtree(path)


def _state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The tensors of both by the names of the weights, however they are divided: the run's own, not copies."""
    fresh = not optimizer.state
    state = {"model": get_model_state_dict(model), "optimizer": get_optimizer_state_dict(model, optimizer)["state"]}
    if fresh:  # torch makes the state by an update of 0, and counts it
        for values in optimizer.state.values():
            values["step"].zero_()
    return state


def _json(description: dict[str, Any]) -> str:
    return json.dumps(description, indent=1, ensure_ascii=False)


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


def newest(folder: Path, most: int | None = None) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that is whole, and its description; with `most`, the newest of a step up to it, or else the oldest.

    Warns of each damaged one that it passes over. Raises CheckpointMismatch for one of another version.
    """
    found = list(_newest_first(folder))
    if most is not None:
        early = [path for path in found if _step(path) <= most]
        found = [*early, *reversed(found[: len(found) - len(early)])]
    for path in found:
        try:
            return path, describe(path)
        except CheckpointMismatch:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(f"{path} is damaged and passed over: {error}", Notice, stacklevel=2)
    return None


def describe(path: Path, verify: bool = True) -> dict[str, Any]:
    """The description of a checkpoint. Raises ValueError or OSError if its files are not the ones described, and
    CheckpointMismatch if another version of curator wrote it."""
    description = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
    if description["version"] != VERSION:
        advice = "Go on with the curator that wrote it, or train into an empty output folder."
        raise CheckpointMismatch(path, {"version": (description["version"], VERSION)}, advice)
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
    except CheckpointMismatch:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainedRunError(f"{path}: no whole checkpoint: {error}") from None


def model_config(described: dict[str, Any]) -> ModelConfig:
    """The shape of the model that a checkpoint holds."""
    fixed = described["run"]["fixed"]
    options: dict[str, Any] = {name.removeprefix("model."): value for name, value in fixed.items() if name.startswith("model.")}
    options["architecture"] = restored(options.get("architecture"))
    return ModelConfig(**options)


def check_shards(path: Path, described: dict[str, Any], shards: TokenShards) -> None:
    """Raise TrainedRunError if the checkpoint's ids are of another tokenizer than the shards'."""
    if described["run"]["fixed"]["tokens.tokenizer"] != shards.tokenizer_hash:
        raise TrainedRunError(f"{shards.folder}: its tokenizer is not the one that {path} was trained with")


def load(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put the weights and the optimiser's state back, each rank its own part. The caller has looked at `describe`."""
    _read(path, _state(model, optimizer))


def load_weights(path: Path, model: nn.Module) -> None:
    _read(path, {"model": get_model_state_dict(model)})


def _read(path: Path, state: dict[str, Any]) -> None:
    read_parts(state, storage_reader=HuggingFaceStorageReader(str(path)), no_dist=not dist.is_initialized())


def _newest_first(folder: Path) -> list[Path]:
    found = [p for p in folder.glob("step-*") if p.is_dir() and p.name.removeprefix("step-").isdigit()]
    return sorted(found, key=_step, reverse=True)


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
