"""One writer to an output folder: a second one is refused, a dead one's lease is taken over."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from types import TracebackType

import orjson

from curator import storage
from curator.errors import UserError

BEAT = 15.0  # seconds between signs of life
TAKEOVER = 0.5  # seconds after which one who took over a dead lease looks whether another did so too
STALE = 90.0  # without one for so long, a writer counts as dead

_HELD: set[str] = set()  # tokens of this process: a part of a command needs no lease of its own within the command's


class OutputInUse(UserError):
    """Another run writes to the same output."""


class Lease:
    """`with Lease(output):` holds `<output>/lease.json` for the time of the block; one within another of this process is a part
    of it."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.path = storage.join(output, "lease.json")
        self.token = uuid.uuid4().hex
        self._part = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def _said(self) -> bytes:
        return orjson.dumps({"host": socket.gethostname(), "pid": os.getpid(), "token": self.token, "alive": time.time()})

    def __enter__(self) -> Lease:
        if not storage.claim(self.path, self._said()):
            holder = self._holder()
            if holder is None:  # it may be at the point of writing it
                time.sleep(TAKEOVER)
                holder = self._holder()
            if holder is not None and holder.get("token") in _HELD:
                self._part = True
                return self
            if holder is not None and _alive(holder):
                raise OutputInUse(
                    f"{self.output}: a run writes here already (process {holder['pid']} on {holder['host']}). "
                    "Wait for it, or give this one another --output"
                )
            storage.write_bytes(self.path, self._said())
            time.sleep(TAKEOVER)
            if not self._mine():
                raise OutputInUse(f"{self.output}: another run has begun here at the same moment")
        _HELD.add(self.token)
        self._thread.start()
        return self

    def _holder(self) -> dict[str, object] | None:
        try:
            return orjson.loads(storage.read_bytes(self.path))
        except (OSError, ValueError):
            return None

    def _mine(self) -> bool:
        """Not if another run has taken it over while this one slept, with its machine, for longer than STALE."""
        return (self._holder() or {}).get("token") == self.token

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            with contextlib.suppress(Exception):  # a store that does not answer now may do so at the next beat
                if self._mine():
                    storage.write_bytes(self.path, self._said())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._part:
            return
        _HELD.discard(self.token)
        self._stop.set()
        self._thread.join()
        if self._mine():
            storage.remove(self.path)


def _alive(holder: dict[str, object]) -> bool:
    """While its signs of life are fresh; on this machine, also only if there is such a process. Its number alone says nothing:
    after a restart, of a container above all, another process has it."""
    if time.time() - float(str(holder.get("alive", 0))) >= STALE:
        return False
    if holder.get("host") == socket.gethostname():
        try:
            os.kill(int(str(holder["pid"])), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return int(str(holder["pid"])) != os.getpid()
    return True
