"""TensorBoard's curves of the journal: `tensorboard --logdir <output>/tensorboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curator.train.config import TrainedRunError

DRAWN = ("loss", "lr", "gradient_norm", "batch_tokens", "tokens", "tokens_per_second", "mfu", "memory_bytes")


class Board:
    """Draws the journal's records of a run that goes on from `step`; what was drawn after it is hidden."""

    def __init__(self, folder: Path, step: int) -> None:
        """Raises TrainedRunError where TensorBoard is not installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainedRunError("tensorboard: it is not installed: pip install tensorboard, or write false") from None
        self.folder, self.writer_of = str(folder), SummaryWriter
        self.writer = SummaryWriter(self.folder, purge_step=step + 1)

    def draw(self, record: dict[str, Any]) -> None:
        event, step = record["event"], record["step"]
        if event == "spike":  # the steps after the checkpoint are done again
            self.writer.close()
            self.writer = self.writer_of(self.folder, purge_step=step + 1)
            self.writer.add_text("spikes", f"step {record['at']}: loss {record['loss']}", step)
        elif event == "train":
            for name in DRAWN:
                if record[name] is not None:
                    self.writer.add_scalar(f"train/{name}", record[name], step)
            self._by_source("train", record)
        elif event == "validation":
            self.writer.add_scalar("validation/loss", record["loss"], step)
            self._by_source("validation", record)

    def _by_source(self, kind: str, record: dict[str, Any]) -> None:
        for name, loss in record["losses"].items():
            self.writer.add_scalar(f"{kind}/loss of {name}", loss, record["step"])

    def close(self) -> None:
        self.writer.close()
