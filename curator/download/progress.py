"""How a download comes along: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

QUIET = 10.0  # seconds between plain lines


class Shown:
    """Tells a download to a console. The length of files that did not begin yet is taken to be the mean of the others."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._telling = threading.Lock()
        self._bars: Progress | None = None
        self._begin(0)

    def _begin(self, files: int) -> None:
        self._files, self._ended = files, 0
        self._lengths: dict[str, int] = {}
        self._positions: dict[str, int] = {}
        self._came = 0
        self._began = self._told = time.monotonic()

    @contextmanager
    def bars(self, files: int) -> Iterator[None]:
        """For as long as `files` files are brought."""
        self._begin(files)
        if not self.console.is_terminal:
            yield
            return
        bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._all = bars.add_task(f"0/{files} files", total=None)
        with bars:
            self._bars = bars
            try:
                yield
            finally:
                self._bars = None

    @contextmanager
    def file(self, name: str) -> Iterator[FileShown]:
        told = FileShown(self, name)
        bar = self._bars.add_task(name[:60], total=None) if self._bars else None
        told.bar = bar
        began = time.monotonic()
        try:
            yield told
        finally:
            if self._bars and bar is not None:
                self._bars.remove_task(bar)
        self._end()
        spent = max(time.monotonic() - began, 1e-3)
        speed = f", {told.came / 1e6:.1f} MB in {spent:.1f} s, {told.came / spent / 1e6:.1f} MB/s" if told.came else ""
        self._line(f"[{self._ended}/{self._files}] {name}{speed}")

    def present(self, name: str, size: int) -> None:
        with self._telling:
            self._lengths[name] = self._positions[name] = size
        self._end()
        self._line(f"[{self._ended}/{self._files}] {name} is there already")

    def note(self, line: str) -> None:
        self.console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True, style="yellow")

    def _line(self, line: str) -> None:
        self.console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)

    def _end(self) -> None:
        with self._telling:
            self._ended += 1

    def moved(self, name: str, position: int, size: int, came: int) -> None:
        with self._telling:
            self._lengths[name], self._positions[name] = size, position
            self._came += came
            held, known = sum(self._positions.values()), sum(self._lengths.values())
            total = known + (self._files - len(self._lengths)) * known // max(len(self._lengths), 1)
            if self._bars:
                self._bars.update(self._all, description=f"{self._ended}/{self._files} files", completed=held, total=total)
            elif time.monotonic() - self._told >= QUIET:
                self._told = time.monotonic()
                speed = self._came / (self._told - self._began)
                left = f", about {(total - held) / speed:,.0f} s left" if speed else ""
                self._line(f"{self._ended}/{self._files} files, {held / 1e6:,.0f} MB, {speed / 1e6:.1f} MB/s{left}")

    def bar_moved(self, bar: TaskID, position: int, size: int) -> None:
        if self._bars:
            self._bars.update(bar, completed=position, total=size)


class FileShown:
    """One file on its way."""

    def __init__(self, shown: Shown, name: str) -> None:
        self.came = 0  # bytes over the line, those of vain tries included
        self.bar: TaskID | None = None
        self._shown, self._name = shown, name
        self._position: int | None = None

    def at(self, position: int, size: int) -> None:
        came = max(position - self._position, 0) if self._position is not None else 0
        self.came += came
        self._position = position
        self._shown.moved(self._name, position, size, came)
        if self.bar is not None:
            self._shown.bar_moved(self.bar, position, size)
