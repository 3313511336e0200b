"""Many files into one folder, a few at a time; what is there already is recognised and left alone."""

from __future__ import annotations

import fcntl
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from curator.download.connection import DownloadError, OutOfTries, Session, Stopped
from curator.download.fetch import fetch
from curator.download.ledger import Entry, Ledger, entry_of
from curator.download.part import Wanted
from curator.download.progress import Shown
from curator.storage import is_remote

MOST_IN_A_ROW = 3  # files that run out of tries with none between them that comes: then the server is gone, not a file
PATIENCE_AT_END = 2.0  # seconds for open connections to notice that we stop


@dataclass
class Outcome:
    """What a download ended with."""

    brought: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    failed: dict[str, DownloadError] = field(default_factory=dict)
    size: int = 0  # bytes of all that is there now

    def __str__(self) -> str:
        there = f" ({len(self.present)} were there already)" if self.present else ""
        count = len(self.brought) + len(self.present)
        return f"{count} file{'s' * (count != 1)}{there}, {self.size / 1e6:,.1f} MB"


def fetch_all(
    wanted: Sequence[Wanted],
    folder: Path,
    session: Session,
    shown: Shown,
    *,
    connections: int = 2,
    verify: bool = False,
    dump: tuple[str, str] | None = None,
) -> Outcome:
    """Bring every wanted file into `folder`. One that cannot be had does not stop the others; they are named at the end.

    With `verify`, files that are there are hashed again; without, size and modification time are enough for them. `dump`, a
    wiki and a date, is noted as begun until all of it is there.
    """
    names = {each.name for each in wanted}
    if len(names) < len(wanted):
        raise DownloadError("the list names one file twice, so two downloads would be written to one place")
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder), shown.bars(len(wanted)):
        batch = _Batch(folder, session, shown, verify)
        if dump:
            batch.ledger.begin(*dump)
        batch.run(wanted, connections)
        if batch.failed_for_good is not None:
            raise batch.failed_for_good
        if batch.outcome.failed:
            raise DownloadError(_failures(batch.outcome, len(wanted)))
        if dump:
            batch.ledger.complete(dump[0])
    return batch.outcome


def local_folder(path: str) -> Path:
    if is_remote(path):
        raise DownloadError(f"--to {path}: a download is continued in a local folder; bring the files here and copy them")
    return Path(path.removeprefix("file://"))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two downloads into one folder would append to the same parts. The kernel drops the lock with the process."""
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DownloadError(f"{folder}: another download writes into it; wait for it, or choose another --to") from None
        yield
    finally:
        os.close(held)


def _failures(outcome: Outcome, count: int) -> str:
    lines = "".join(f"\n  {error}" for error in outcome.failed.values())
    return f"{len(outcome.failed)} of {count} files could not be had:{lines}"


class _Batch:
    def __init__(self, folder: Path, session: Session, shown: Shown, verify: bool) -> None:
        self.folder, self.session, self.shown, self.verify = folder, session, shown, verify
        self.ledger = Ledger(folder)
        self.outcome = Outcome()
        self.failed_for_good: Exception | None = None
        self._waiting: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
        self._in_a_row = 0
        self._counting = threading.Lock()

    def run(self, wanted: Sequence[Wanted], connections: int) -> None:
        for each in wanted:
            self._waiting.put(each)
        # Daemons, because a thread that sits in a silent connection must not hold up the user who pressed Ctrl-C.
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(connections, len(wanted)))]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except BaseException:
            self.session.stop.set()
            deadline = time.monotonic() + PATIENCE_AT_END
            for thread in threads:
                thread.join(max(deadline - time.monotonic(), 0))
            raise

    def _work(self) -> None:
        while not self.session.stop.is_set():
            try:
                wanted = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._one(wanted)
            except Stopped:
                return
            except DownloadError as error:
                self._failed(wanted, error)
            except OSError as error:  # those of the network ended as DownloadError
                self._abandon(DownloadError(f"{self.folder}: cannot be written: {error.strerror or error}"))
            except Exception as error:  # a defect of ours: raised in the main thread, with its traceback
                self._abandon(error)

    def _one(self, wanted: Wanted) -> None:
        entry = self._present(wanted)
        if entry is not None:
            self.shown.present(wanted.name, entry.size)
            with self._counting:
                self.outcome.present.append(wanted.name)
                self.outcome.size += entry.size
            return
        with self.shown.file(wanted.name) as told:
            entry = fetch(wanted, self.folder, self.session, told.at, lambda e: self.ledger.enter(wanted.name, e))
        with self._counting:
            self._in_a_row = 0
            self.outcome.brought.append(wanted.name)
            self.outcome.size += entry.size

    def _present(self, wanted: Wanted) -> Entry | None:
        """The entry of a file that is there and whole. Without an entry, or touched since, it is read and checked."""
        path = self.folder / wanted.name
        if not path.exists():
            return None
        entry = self.ledger.files.get(wanted.name)
        status = path.stat()
        published = entry is not None and wanted.sha1 in (None, entry.sha1) and wanted.size in (None, entry.size)
        if entry and published and status.st_size == entry.size and status.st_mtime_ns == entry.changed_ns and not self.verify:
            return entry
        size = entry.size if entry else wanted.size or self.session.length(wanted.url)
        proof = wanted.proof()
        if status.st_size == size:
            proof.read(path)
        if status.st_size != size or proof.problem or (entry and proof.sha256 != entry.sha256):
            self.shown.note(f"{wanted.name}: what is there is not the file that was published; bringing it again")
            return None
        found = entry_of(path, wanted.url, proof, entry.etag if entry else "", entry.modified if entry else "")
        self.ledger.enter(wanted.name, found)
        return found

    def _failed(self, wanted: Wanted, error: DownloadError) -> None:
        self.shown.note(f"{wanted.name}: could not be had; the reason comes at the end")
        with self._counting:
            self.outcome.failed[wanted.name] = error
            self._in_a_row = self._in_a_row + 1 if isinstance(error, OutOfTries) else 0
            gone = self._in_a_row >= MOST_IN_A_ROW
        if gone:
            self._abandon(error)

    def _abandon(self, error: Exception) -> None:
        with self._counting:
            self.failed_for_good = self.failed_for_good or error
        self.session.stop.set()
