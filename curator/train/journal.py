"""`metrics.jsonl`: what happened at every step that is written down, one JSON object a line, and the same as plain lines.

Every record has `event` and `step` (steps finished by then):

- `start`: steps, parameters, parameters_by_formula (V·H + 12·H²·L), batch_tokens, device, precision, compile, ranks,
  parallel, mesh (the dimensions of more ranks than one), resumed_from, changed
- `train`: loss and `losses` by source (means since the record before), lr, gradient_norm, batch_tokens, tokens and
  `tokens_by_source` since the beginning, epoch, seconds, tokens_per_second, mfu (null where the device's peak is not known),
  memory_bytes
- `spike`: at (the step whose loss it was), loss, limit, checkpoint, and the sequences passed over: from `first` up to `last`
- `validation`: loss, losses
- `checkpoint`: name
- `end`: the summary that `train` returns
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from curator.train.board import Board

Progress = Callable[[dict[str, Any]], None]


class Journal:
    """Rank 0's journal; on other ranks nothing is written. `board` draws the same records."""

    def __init__(self, path: Path, progress: Progress | None, writes: bool, board: Board | None = None) -> None:
        self.path, self.writes, self.board = path, writes, board
        self.progress = progress or (lambda record: print(plain_line(record), flush=True))

    def go_back_to(self, step: int | None, passed: Sequence[dict[str, Any]] = ()) -> None:
        """Drop what was written after the checkpoint of `step`, all of it without one: those steps are done again.

        `passed` are the spikes that the checkpoint knows of: those that led back to it are in the journal once, come what may.
        """
        if not self.writes:
            return
        kept = []
        if step is not None and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    record = json.loads(line)
                except ValueError:  # the line that was being written when the run was killed
                    continue
                if record["step"] < step or (record["step"] == step and record["event"] not in ("start", "end", "spike")):
                    kept.append(line + "\n")
        kept += [_line(record) for record in passed if record["step"] == step]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text("".join(kept), encoding="utf-8")
        os.replace(partial, self.path)

    def write(self, event: str, step: int, **values: Any) -> None:
        if not self.writes:
            return
        record = {"event": event, "step": step, **values}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(record))
        self.tell(record)

    def tell(self, record: dict[str, Any]) -> None:
        """Show a record that the file has already."""
        if self.writes:
            if self.board:
                self.board.draw(record)
            self.progress(record)

    def close(self) -> None:
        if self.board:
            self.board.close()


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def plain_line(record: dict[str, Any]) -> str:
    """A record as one line for a log."""
    event, step = record["event"], record["step"]
    if event == "start":
        resumed = f", resumed from step {step}" if record["resumed_from"] is not None else ""
        changed = f", changed: {'; '.join(record['changed'])}" if record["changed"] else ""
        mesh = " x ".join(f"{name} {size}" for name, size in record["mesh"].items())
        ranks = f" x {record['ranks']} ({record['parallel']}, {mesh})" if record["ranks"] > 1 else ""
        return (
            f"train: {record['parameters']:,} parameters (V·H + 12·H²·L: {record['parameters_by_formula']:,}), "
            f"{record['steps']} steps of {record['batch_tokens']:,} tokens on "
            f"{record['device']}{ranks} in {record['precision']}{resumed}{changed}"
        )
    if event == "train":
        mfu = f" mfu {record['mfu']:.1%}" if record.get("mfu") is not None else ""
        return (
            f"step {step} loss {record['loss']:.4f} ({_by_source(record['losses'])}) lr {record['lr']:.2e} "
            f"norm {record['gradient_norm']:.3f} {record['tokens_per_second']:,.0f} tokens/s{mfu} "
            f"{record['memory_bytes'] / 1e9:.1f} GB"
        )
    if event == "spike":
        loss, limit = (f"{value:.4f}" if value is not None else "no number" for value in (record["loss"], record["limit"]))
        return (
            f"step {record['at']} loss {loss} is a spike (the limit is {limit}): back to {record['checkpoint']}, "
            f"passing over sequences {record['first']} to {record['last'] - 1}"
        )
    if event == "validation":
        return f"step {step} validation loss {record['loss']:.4f} ({_by_source(record['losses'])})"
    if event == "checkpoint":
        return f"step {step} saved {record['name']}"
    ended = "finished" if record["finished"] else "stopped by SIGTERM, can be resumed,"
    return (
        f"train: {ended} at step {step}, {record['tokens']:,} tokens, {record['seconds']:.0f} s, loss {record['last_loss']:.4f}"
    )


def _by_source(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
