"""Progress that people like to watch: live bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from curator.engine.manifest import Manifest
from curator.engine.passes import State
from curator.pipeline.watch import Watch
from curator.terminal import printable

MOST_REASONS = 8
QUIET = 10.0  # seconds between plain lines


class Shown(Watch):
    """Tells a run to a console: in a terminal a bar a pass with documents/s, MB/s and kept %, elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars: Progress | None = None
        self._began = self._told = time.monotonic()
        self._done = self._todo = self._documents = self._kept = self._bytes = 0

    def pass_begins(self, number: int, passes: int, states: Sequence[State]) -> None:
        todo = [s for s in states if not s.done]
        self._began = self._told = time.monotonic()
        self._done = self._documents = self._kept = self._bytes = 0
        self._todo = len(todo)
        again = f", {len(states) - len(todo)} done already" if len(todo) < len(states) else ""
        self.console.print(f"[bold]pass {number + 1} of {passes}[/]: {len(todo)} shards to run{again}")
        self._say_why(todo)
        if todo and self.console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("pass {task.fields[number]}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"),
                TimeElapsedColumn(),
                TextColumn("ETA"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._bars.start()
            self._bar = self._bars.add_task("", total=len(todo), number=number + 1, speed="")

    def _say_why(self, todo: Sequence[State]) -> None:
        """Why shards that were done are redone: every changed field once, with the number of shards it concerns."""
        reasons = Counter(reason for state in todo for reason in state.reasons if reason != "not done yet")
        for reason, count in reasons.most_common(MOST_REASONS):
            self.console.print(f"  changed in {count}: {reason}", markup=False, highlight=False)
        if len(reasons) > MOST_REASONS:
            self.console.print(f"  … and {len(reasons) - MOST_REASONS} more fields (see `curator plan`)", markup=False)

    def shard_done(self, manifest: Manifest) -> None:
        self._done += 1
        self._documents += manifest.ledger.documents
        self._kept += manifest.ledger.kept
        self._bytes += manifest.bytes_read
        if self._bars:
            self._bars.update(self._bar, advance=1, speed=self._speed())
        elif time.monotonic() - self._told >= QUIET:
            self._told = time.monotonic()
            self.console.print(f"  {self._done}/{self._todo} shards, {self._speed()}", markup=False, highlight=False)
        for place in manifest.damage:
            if place.get("file_damage"):
                self.note(f"damaged input: {place['file']}: {place['kind']} at {place['where']}: {place['message']}")
        for document in manifest.quarantined:
            self.note(f"quarantined: document {document} of {manifest.key} kills the process that works on it")

    def _speed(self) -> str:
        spent = max(time.monotonic() - self._began, 1e-3)
        kept = f", {self._kept / self._documents:.0%} kept" if self._documents else ""
        return f"{self._documents / spent:,.0f} docs/s, {self._bytes / spent / 1e6:.1f} MB/s{kept}"

    def pass_ends(self, number: int) -> None:
        if self._bars:
            self._bars.stop()
            self._bars = None
        if self._done:
            spent = time.monotonic() - self._began
            self.console.print(
                f"  {self._documents:,} documents in {spent:.1f} s: {self._speed()}", markup=False, highlight=False
            )

    def begins(self, what: str) -> None:
        self.console.print(f"[bold]{what}[/]")

    def advances(self, what: str, done: int, total: int) -> None:
        if done == total or time.monotonic() - self._told >= QUIET:
            self._told = time.monotonic()
            self.console.print(f"  {what}: {done}/{total}", markup=False, highlight=False)

    def realised(self, part: str, asked: float, given: float, tokens: int, epochs: float) -> None:
        line = f"  {part}: {given:.1%} of the tokens (asked {asked:.1%}), {tokens:,} tokens, read {epochs:.2f} times"
        self.console.print(line, markup=False, highlight=False)

    def note(self, line: str) -> None:
        self.console.print(f"  {printable(line)}", markup=False, highlight=False, style="yellow")
