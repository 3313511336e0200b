"""What is kept on this machine of what lies elsewhere (wheels, copies of remote files, token shards of object stores), and how
much of it.

What was asked for longest ago makes room. To let go of a file is to take its name away: who has it open or mapped keeps it.
Who asked for one may still be about to open it, so for a while after that nobody lets go of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from curator.errors import UserError

BYTES = 64 << 30
HELD_SECONDS = 600.0  # between a file's being asked for and being open
FETCHED_SECONDS = 86_400.0  # what was not written to for so long, nobody is bringing any more
LOCK = ".room.lock"


class CacheError(UserError):
    """A bound that is no number."""


def cache_folder() -> Path:
    """$CURATOR_CACHE, or ~/.cache/curator."""
    return Path(os.environ.get("CURATOR_CACHE") or Path.home() / ".cache" / "curator")


def cache_bytes() -> int:
    """Most bytes of copies of remote files: $CURATOR_CACHE_BYTES, or 64 GiB."""
    given = os.environ.get("CURATOR_CACHE_BYTES") or str(BYTES)
    if not given.isdecimal():
        raise CacheError(f"CURATOR_CACHE_BYTES: {given!r} is no number of bytes: 64000000000")
    return int(given)


def held(path: Path) -> bool:
    """Whether a file is there; if so, nobody lets go of it for the next HELD_SECONDS. When it was asked for is the time of its
    last reading: that of its last writing says whether it has changed."""
    if not path.exists():
        return False
    try:
        with locked(path.parent / LOCK):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    except OSError:  # it is gone; or this user may only read here, and so may let go of nothing
        return path.exists()
    return True


def make_room(folder: Path, most: int, pattern: str = "*") -> int:
    """Let go of the files of `folder` whose names match until those that are left take `most` bytes, or are held; and of what
    killed processes were bringing (`.part`). Returns how many bytes are left."""
    now = time.time()
    with locked(folder / LOCK):
        files = [(path, path.stat()) for path in folder.glob(pattern) if not path.name.startswith(".") and path.is_file()]
        for path, status in files:
            if path.suffix == ".part" and now - status.st_mtime > FETCHED_SECONDS:
                path.unlink()
        whole = sorted((status.st_atime, path, status.st_size) for path, status in files if path.suffix != ".part")
        taken = sum(size for _, _, size in whole)
        for asked, path, size in whole:
            if taken <= most or now - asked < HELD_SECONDS:
                break
            path.unlink()
            taken -= size
    return taken


@contextlib.contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Alone among threads and processes with the lock `path`, which a process that is killed lets go. Raises BlockingIOError
    if another has it and this one would not `wait`."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
