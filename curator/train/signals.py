"""SIGTERM asks a run to stop at the end of its step, instead of ending the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether this rank was told to stop. A plain attribute: a lock, taken in a signal handler, could wait for itself."""

    asked = False


@contextmanager
def sigterm() -> Iterator[Stop]:
    """Outside the main thread signals stay with the caller."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(signum: int, frame: FrameType | None) -> None:
        stop.asked = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
