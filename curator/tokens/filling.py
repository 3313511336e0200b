"""Folders of exports, filled file by file: one that was begun is finished by the same command, and by no other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from curator import storage
from curator.errors import UserError

DONE = "export.json"  # what was made
UNFINISHED = "unfinished.json"  # what is being made; gone when it is


class ExportError(UserError, ValueError):
    """An export that cannot be made: the message says why."""


@contextmanager
def filling(folder: str, made: Mapping[str, Any]) -> Iterator[None]:
    """Around the writing of what `made` says to `folder`, where nothing else may lie but the same, done or begun by a process
    that was killed. Raises ExportError."""
    there = storage.listing(folder)
    debris = [path for path in there if storage.HALF_WRITTEN.search(path)]
    done, unfinished = storage.join(folder, DONE), storage.join(folder, UNFINISHED)
    if len(there) > len(debris) and not any(_read(path) == made for path in (done, unfinished) if path in there):
        raise ExportError(f"{folder}: not empty, and not this export: name another folder")
    said = json.dumps(made, indent=1).encode()
    storage.write_bytes(unfinished, said)
    for path in debris:
        storage.remove(path)
    yield
    storage.write_bytes(done, said)
    storage.remove(unfinished)


def _read(path: str) -> Any:
    try:
        return json.loads(storage.read_bytes(path))
    except ValueError:  # not ours
        return None
