"""A file on its way: `<name>.part` holds what has come, `<name>.part.json` says of what it is the beginning."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from curator.download.proof import Proof
from curator.storage import write_bytes


@dataclass(frozen=True)
class Wanted:
    """A file to bring. `name` was checked by whoever made this: it is one plain file name."""

    name: str
    url: str
    size: int | None = None  # bytes, where it is published
    sha1: str | None = None  # in hex, where it is published

    def proof(self) -> Proof:
        return Proof(gzip=self.name.endswith(".gz"), sha1=self.sha1)


class Part:
    """What has come of one file, and its proof. What an earlier process left is gone on with if it is certain what it is."""

    def __init__(self, wanted: Wanted, folder: Path) -> None:
        self.wanted = wanted
        self.target = folder / wanted.name
        self.path = folder / f"{wanted.name}.part"
        self.note = folder / f"{wanted.name}.part.json"
        self.size: int | None = None  # of the whole file, as the server said when it began
        self.etag = self.modified = ""
        self.proof = wanted.proof()
        if self._remembered():
            self.proof.read(self.path)
        if self.size is None or self.length > self.size or self.proof.broken:
            self.drop()

    def _remembered(self) -> bool:
        try:
            noted = orjson.loads(self.note.read_bytes())
            if noted["url"] != self.wanted.url or not self.path.is_file():
                return False
            self.size, self.etag, self.modified = int(noted["size"]), str(noted["etag"]), str(noted["modified"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return True

    @property
    def length(self) -> int:
        return self.proof.size

    @property
    def whole(self) -> bool:
        return self.size == self.length

    @property
    def validator(self) -> str:
        """What If-Range takes: a strong ETag, or a date. Without one a part cannot be continued safely."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def begin(self, size: int, etag: str, modified: str) -> None:
        """The first byte of a file of `size` bytes is about to come. Whatever was here is of no use."""
        self.drop()
        free = shutil.disk_usage(self.path.parent).free
        if free < size:
            raise OSError(errno.ENOSPC, f"needs {size / 1e9:.2f} GB and {free / 1e9:.2f} GB are free", str(self.path))
        self.size, self.etag, self.modified = size, etag, modified
        held = {"url": self.wanted.url, "size": size, "etag": etag, "modified": modified}
        write_bytes(str(self.note), orjson.dumps(held))
        self.path.touch()

    def append(self, chunks: Iterable[bytes]) -> None:
        """Each chunk goes to the system at once: a kill at any moment loses none that came."""
        with self.path.open("ab") as stream:
            for chunk in chunks:
                stream.write(chunk)
                stream.flush()
                self.proof.update(chunk)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)  # before its note: a part without one is never continued
        self.note.unlink(missing_ok=True)
        self.size, self.etag, self.modified = None, "", ""
        self.proof = self.wanted.proof()

    def settle(self) -> None:
        """Onto the disk, so that a checked file is still whole after a power failure."""
        with self.path.open("rb") as stream:
            os.fsync(stream.fileno())

    def rename(self) -> None:
        os.replace(self.path, self.target)
        self.note.unlink(missing_ok=True)
