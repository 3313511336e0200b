"""When a document kills its worker (a segfault in a native library): find it in fresh processes and set it aside.

Every attempt at a shard is noted in a file, and the note is taken away when the attempt ends, be it by an exception. Two notes
of attempts that never ended mean that something here kills workers, or that somebody kills them from outside: the third attempt
first runs the shard in a child process that says which batch it works on, and if the child dies, halves that batch until the
document stands alone. State lies in files alone, so it makes no difference which executor runs the attempts, or which run.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
from ray.cloudpickle import dumps  # pyright: ignore[reportPrivateImportUsage] - plugins by value, as Ray itself sends them

from curator import storage
from curator.engine.leg import Leg
from curator.engine.manifest import Ledger, Manifest
from curator.engine.reading import Batch, read
from curator.engine.shard import run_leg, through
from curator.errors import UserError

ATTEMPTS_BEFORE_CARE = 2
MOST_KILLERS = 32  # in one shard; beyond that the library is broken, not the documents


class WorkerKillers(UserError):
    """A shard that cannot be finished because what it holds kills every process."""


def finish_leg(leg: Leg) -> Manifest:
    """`run_leg`, with care where earlier attempts have died."""
    earlier = _note_attempt(leg.at(leg.attempts_path))
    if earlier >= ATTEMPTS_BEFORE_CARE:
        leg = replace(leg, quarantined=find_killers(leg))
    try:
        return run_leg(leg)
    finally:  # an exception, or Ctrl-C, is no death
        storage.remove(leg.at(leg.attempts_path))


def _note_attempt(path: str) -> int:
    try:
        earlier = len(storage.read_bytes(path))
    except OSError:
        earlier = 0
    storage.write_bytes(path, b"." * (earlier + 1))
    return earlier


def find_killers(leg: Leg) -> frozenset[str]:
    """Ids of the documents of this shard whose processing kills the process; none if a child gets through."""
    killers: set[str] = set()
    while len(killers) <= MOST_KILLERS:
        suspect = replace(leg, quarantined=frozenset(killers))
        survived, said = _child(suspect, None)
        if survived:
            return frozenset(killers)
        where = said.split("\n")[-1].split()
        if len(where) != 3 or where[0] != "batch":
            raise WorkerKillers(
                f"{leg.key}: reading the input kills the process: {_named(leg)}. Take the file out of the recipe"
            )
        killers.add(_halve(suspect, int(where[1]), 0, int(where[2])))
    raise WorkerKillers(f"{leg.key}: over {MOST_KILLERS} documents kill the process: a native library is broken")


def _halve(leg: Leg, number: int, start: int, stop: int) -> str:
    """The id of a document of batch `number`, between rows `start` and `stop`, that kills the process."""
    while stop - start > 1:
        middle = (start + stop) // 2
        if _child(leg, (number, start, middle))[0]:
            start = middle
        else:
            stop = middle
    survived, said = _child(leg, (number, start, stop))
    if survived:
        raise WorkerKillers(f"{leg.key}: a worker dies in batch {number}, and no single document of it does it alone")
    return said.split("\n")[-1].split()[1]


def _named(leg: Leg) -> str:
    return ", ".join(p.file.path for p in leg.split.pieces[:3]) if leg.split else leg.kept_path


# ---------------------------------------------------------------------------------------------------------- in the child


def _child(leg: Leg, slice_: tuple[int, int, int] | None) -> tuple[bool, str]:
    """Run (a slice of) the shard in a fresh process, with no output; whether it lived, and the last it said."""
    command = [sys.executable, "-m", "curator.engine.quarantine"]
    done = subprocess.run(command, input=dumps((leg, slice_)), capture_output=True, check=False)
    if done.returncode == 1:  # a Python exception of the trial itself, not a death
        raise WorkerKillers(f"{leg.key}: the trial process failed: {done.stderr.decode(errors='replace')[-500:]}")
    return done.returncode == 0, done.stdout.decode().strip()


class _Nowhere:
    def write(self, batch: pa.RecordBatch) -> None:
        """Nothing is kept of a trial."""


def _trial(leg: Leg, slice_: tuple[int, int, int] | None) -> None:
    ledger, nowhere = Ledger(), _Nowhere()
    seconds: dict[str, float] = {}
    outputs: Mapping[str, Any] = {"kept": nowhere, "rejected": nowhere, "signed": nowhere}
    print("reading", flush=True)
    for number, batch in enumerate(read(leg, ledger, [])):
        if slice_ is None:
            print("batch", number, len(batch.docs), flush=True)
            through(leg, batch, ledger, seconds, **outputs)
            print("reading", flush=True)
        elif number == slice_[0]:
            _, start, stop = slice_
            marks = None if batch.marks is None else batch.marks.slice(start, stop - start)
            docs = batch.docs.slice(start, stop - start)
            print("document", docs.column("id")[0].as_py(), flush=True)
            through(leg, Batch(docs, marks), ledger, seconds, **outputs)
            return


if __name__ == "__main__":
    _trial(*pickle.loads(sys.stdin.buffer.read()))  # what our own parent process has written, never data
