"""Token shards in an object store, brought here one at a time as training reaches them, and never more than fits."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

from curator import storage
from curator.tokens.shards import MANIFEST, TOKENIZER, Mapped, ShardError, TokenShards
from curator.wheels import cache_folder

CHUNK = 8 << 20


def open_shards(folder: str, split: str, cache_bytes: int) -> TokenShards:
    """The sequences of one split, wherever they are. Raises ShardError as TokenShards does."""
    return CachedShards(folder, split, cache_bytes) if storage.is_remote(folder) else TokenShards(folder, split)


class CachedShards(TokenShards):
    """Of an object store: a shard is fetched when one of its sequences is first read, checked against the manifest's sha256,
    and mapped; the shards read longest ago make room, so that at most `cache_bytes` (and always one shard) lie here.

    What one run fetched, the next finds. Processes of one machine share the files: one that is removed under another stays
    mapped there until it lets go.
    """

    def __init__(self, folder: str, split: str, cache_bytes: int, cache: Path | None = None) -> None:
        super().__init__(folder, split)
        self.remote, self.cache_bytes = self.folder, cache_bytes
        manifest = storage.read_bytes(storage.join(folder, MANIFEST))
        self.here = (cache or cache_folder() / "tokens") / hashlib.sha256(manifest).hexdigest()[:16]
        self.here.mkdir(parents=True, exist_ok=True)
        self.held: OrderedDict[int, Mapped] = OrderedDict()
        self._mapped = self._lately
        tokenizer = storage.join(folder, TOKENIZER)
        if storage.exists(tokenizer):
            self._write(TOKENIZER, storage.read_bytes(tokenizer))
        self.folder = str(self.here)  # from now on files are read from here

    def __reduce__(self) -> tuple[Any, ...]:
        return CachedShards, (self.remote, self.split, self.cache_bytes, self.here.parent)

    def _lately(self, number: int) -> Mapped:
        if number not in self.held:
            self._fetch(number)
            self.held[number] = self._map(number)
        self.held.move_to_end(number)
        return self.held[number]

    def _fetch(self, number: int) -> None:
        """Raises ShardError for bytes that are not the manifest's."""
        entry = self.shards[number]
        name = entry["file"]
        if Path(name).name != name:
            raise ShardError(f"{self.remote}: {MANIFEST} names a shard {name!r}, which is no plain file name")
        target = self.here / name
        if target.exists() and target.stat().st_size == entry["bytes"]:
            os.utime(target)
            return
        self._make_room(entry["bytes"])
        source = storage.join(self.remote, name)
        digest = hashlib.sha256()
        partial = self.here / f".{name}.{os.getpid()}"
        try:
            with storage.open_input(source) as stream, partial.open("wb") as copy:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
            if digest.hexdigest() != entry["sha256"]:
                raise ShardError(f"{source}: its sha256 is {digest.hexdigest()}, and {MANIFEST} says {entry['sha256']}")
            os.replace(partial, target)
        except FileNotFoundError:
            raise ShardError(f"{source}: this token shard is missing") from None
        finally:
            partial.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """Let go of what was read longest ago, here and of earlier runs, until `size` more bytes fit."""
        last = {self.shards[number]["file"]: number for number in self.held}
        present = [path for path in self.here.iterdir() if path.name != TOKENIZER and not path.name.startswith(".")]
        order = {self.shards[number]["file"]: place for place, number in enumerate(self.held)}
        present.sort(key=lambda path: (order.get(path.name, -1), path.stat().st_mtime_ns))
        used = sum(path.stat().st_size for path in present)
        for path in present:
            if used + size <= self.cache_bytes:
                break
            used -= path.stat().st_size
            self.held.pop(last.get(path.name, -1), None)
            path.unlink(missing_ok=True)

    def _write(self, name: str, data: bytes) -> None:
        partial = self.here / f".{name}.{os.getpid()}"
        partial.write_bytes(data)
        os.replace(partial, self.here / name)
