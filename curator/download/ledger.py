"""`downloads.json`: what was brought into a folder, whence, and the digests of it. It lies next to the files."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from curator.download.connection import DownloadError
from curator.download.proof import Proof
from curator.storage import write_bytes

NAME = "downloads.json"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file that came whole and was checked."""

    url: str
    size: int
    sha256: str
    sha1: str | None  # where the publisher has one
    etag: str
    modified: str  # Last-Modified of the server
    changed_ns: int  # modification time here: a file with another one is hashed again
    fetched: str  # when, UTC


def entry_of(path: Path, url: str, proof: Proof, etag: str = "", modified: str = "") -> Entry:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    status = path.stat()
    return Entry(
        url=url,
        size=status.st_size,
        sha256=proof.sha256,
        sha1=proof.sha1,
        etag=etag,
        modified=modified,
        changed_ns=status.st_mtime_ns,
        fetched=now,
    )


class Ledger:
    """The entries of one folder, by file name; and which dump of a wiki was begun and is not complete yet."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._writing = threading.Lock()
        self.files: dict[str, Entry] = {}
        self.begun: dict[str, str] = {}
        if self.path.exists():
            self._load()

    def _load(self) -> None:
        try:
            held: dict[str, Any] = orjson.loads(self.path.read_bytes())
            if held["version"] != VERSION:
                raise ValueError(f"it has version {held['version']}, and this program writes {VERSION}")
            self.files = {name: Entry(**entry) for name, entry in held["files"].items()}
            self.begun = {str(wiki): str(date) for wiki, date in held["begun"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DownloadError(
                f"{self.path}: cannot be read ({error}). Move it away and run the command again: it checks the files"
            ) from None

    def enter(self, name: str, entry: Entry) -> None:
        with self._writing:
            self.files[name] = entry
            self._save()

    def begin(self, wiki: str, date: str) -> None:
        with self._writing:
            self.begun[wiki] = date
            self._save()

    def complete(self, wiki: str) -> None:
        with self._writing:
            self.begun.pop(wiki, None)
            self._save()

    def _save(self) -> None:
        files = {name: dataclasses.asdict(entry) for name, entry in sorted(self.files.items())}
        held = {"version": VERSION, "begun": self.begun, "files": files}
        write_bytes(str(self.path), orjson.dumps(held, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
