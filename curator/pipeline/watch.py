"""What a run tells while it runs. The default says nothing; `report/progress.py` shows it to people."""

from __future__ import annotations

from collections.abc import Sequence

from curator.engine.manifest import Manifest
from curator.engine.passes import State


class Watch:
    """Called by `run` in the driver, in the order of events."""

    def pass_begins(self, number: int, passes: int, states: Sequence[State]) -> None:
        """A pass is about to run those of its shards that are not done."""

    def shard_done(self, manifest: Manifest) -> None:
        """A shard of the pass is finished."""

    def pass_ends(self, number: int) -> None:
        """Every shard of the pass is finished, or the pass has been stopped by an error or by the user."""

    def begins(self, what: str) -> None:
        """Work on the whole dataset begins: marks, tokenizer, token shards, training."""

    def advances(self, what: str, done: int, total: int) -> None:
        """So much of such work is done."""

    def realised(self, part: str, asked: float, given: float, tokens: int, epochs: float) -> None:
        """A part of the mixture: its weight as asked and as given, its tokens, and how often it is read."""

    def note(self, line: str) -> None:
        """Something that the user should read."""
