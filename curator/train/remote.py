"""Token shards in an object store, brought here a little before training reaches them, and never more than fits."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from curator import storage
from curator.caches import LOCK, cache_folder, locked, make_room
from curator.tokens.shards import MANIFEST, TOKENIZER, Mapped, ShardError, TokenShards

CHUNK = 8 << 20


def open_shards(folder: str, split: str, cache_bytes: int) -> TokenShards:
    """The sequences of one split, wherever they are. Raises ShardError as TokenShards does."""
    return CachedShards(folder, split, cache_bytes) if storage.is_remote(folder) else TokenShards(folder, split)


class CachedShards(TokenShards):
    """Of an object store: a shard is fetched when one of its sequences is first read, checked against the manifest's sha256,
    and mapped; while it is read the next one is fetched, if it fits beside it and the one before. The shards read longest ago
    make room, so that at most `cache_bytes` (and always one shard) lie here, and as much of other corpora.

    What one run fetched, the next finds. Processes of one machine share the files, and what one is fetching the others wait
    for; a file that is removed under another stays mapped there until it lets go. One has its name only once it is whole.
    """

    def __init__(self, folder: str, split: str, cache_bytes: int, cache: Path | None = None) -> None:
        super().__init__(folder, split)
        self.remote, self.cache_bytes = self.folder, cache_bytes
        manifest = storage.read_bytes(storage.join(folder, MANIFEST))
        self.here = (cache or cache_folder() / "tokens") / hashlib.sha256(manifest).hexdigest()[:16]
        self.here.mkdir(parents=True, exist_ok=True)
        self._clear_away()
        self._clear_of_others()
        self.held: OrderedDict[int, Mapped] = OrderedDict()
        self._mapped = self._lately
        tokenizer = storage.join(folder, TOKENIZER)
        if storage.exists(tokenizer):
            self._write(TOKENIZER, storage.read_bytes(tokenizer))
        self.folder = str(self.here)  # from now on files are read from here

    def __reduce__(self) -> tuple[Any, ...]:
        return CachedShards, (self.remote, self.split, self.cache_bytes, self.here.parent)

    def _lately(self, number: int) -> Mapped:
        if number in self.held:
            self.held.move_to_end(number)
        else:
            self._fetch(number)
            self.held[number] = self._map(number)
            self._fetch_ahead((number + 1) % len(self.shards))
        return self.held[number]

    def _fetch(self, number: int) -> None:
        """Raises ShardError for bytes that are not the manifest's."""
        target = self._target(number)
        with locked(self._beside(target, "lock")):  # by whoever is fetching it, be it another process or this one, ahead
            if self._is_whole(number):
                os.utime(target)
                return
            self._make_room(number)
            self._copy(number)

    def _fetch_ahead(self, number: int) -> None:
        """In the background, unless somebody does already. What fails is tried again, and told, when the shard is needed."""
        lock = contextlib.ExitStack()
        with contextlib.suppress(BlockingIOError):
            lock.enter_context(locked(self._beside(self._target(number), "lock"), wait=False))
            if self._is_whole(number) or not self._make_room(number, spared=list(self.held)[-2:]):
                lock.close()
                return

            def copy() -> None:
                with lock, contextlib.suppress(Exception):
                    self._copy(number)

            threading.Thread(target=copy, name=f"fetching {self._target(number).name}", daemon=True).start()

    def _target(self, number: int) -> Path:
        name = self.shards[number]["file"]
        if Path(name).name != name:
            raise ShardError(f"{self.remote}: {MANIFEST} names a shard {name!r}, which is no plain file name")
        return self.here / name

    def _beside(self, target: Path, kind: Literal["lock", "partial"]) -> Path:
        return self.here / f".{target.name}.{kind}"

    def _is_whole(self, number: int) -> bool:
        target = self._target(number)
        return target.exists() and target.stat().st_size == self.shards[number]["bytes"]

    def _copy(self, number: int) -> None:
        """By who holds the shard's lock."""
        entry, target = self.shards[number], self._target(number)
        source, partial = storage.join(self.remote, target.name), self._beside(target, "partial")
        digest = hashlib.sha256()
        try:
            with storage.open_input(source) as stream, partial.open("r+b") as copy:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
            if digest.hexdigest() != entry["sha256"]:
                raise ShardError(f"{source}: its sha256 is {digest.hexdigest()}, and {MANIFEST} says {entry['sha256']}")
            with self._alone_in_folder():
                os.replace(partial, target)
        except FileNotFoundError:
            raise ShardError(f"{source}: this token shard is missing") from None
        finally:
            with self._alone_in_folder():
                partial.unlink(missing_ok=True)

    def _make_room(self, number: int, spared: Sequence[int] = ()) -> bool:
        """Let go of what was read longest ago, here and of earlier runs, until shard `number` fits, and hold its place by a
        file of its size. False, and nothing goes, if it does not fit beside those `spared`."""
        size = self.shards[number]["bytes"]
        with self._alone_in_folder():
            last = {self.shards[each]["file"]: each for each in self.held}
            order = {name: place for place, name in enumerate(last)}
            kept = {self.shards[each]["file"] for each in spared} | {TOKENIZER}
            present = [path for path in self.here.iterdir() if path.suffix != ".lock" and path.name != TOKENIZER]
            free = self.cache_bytes - size - sum(path.stat().st_size for path in present)
            old = [path for path in present if path.name not in kept and not path.name.startswith(".")]
            old.sort(key=lambda path: (order.get(path.name, -1), path.stat().st_mtime_ns))
            if spared and free + sum(path.stat().st_size for path in old) < 0:
                return False
            while free < 0 and old:
                path = old.pop(0)
                free += path.stat().st_size
                self.held.pop(last.get(path.name, -1), None)
                path.unlink()
            with self._beside(self._target(number), "partial").open("wb") as place:
                place.truncate(size)
        return True

    def _clear_away(self) -> None:
        """What processes that were killed had begun to fetch."""
        for partial in self.here.glob(".*.partial"):
            with (
                contextlib.suppress(BlockingIOError),
                locked(partial.with_suffix(".lock"), wait=False),
                self._alone_in_folder(),
            ):
                partial.unlink(missing_ok=True)

    def _clear_of_others(self) -> None:
        """The corpora read latest keep their place."""
        others = [path for path in self.here.parent.iterdir() if path.is_dir() and path != self.here]
        left = self.cache_bytes
        for other in sorted(others, key=lambda path: -path.stat().st_mtime_ns):  # files come as they are read
            left = max(left - make_room(other, left, "*.tokens"), 0)

    def _alone_in_folder(self) -> AbstractContextManager[None]:
        """While files come and go, so that the room they take can be counted."""
        return locked(self.here / LOCK)

    def _write(self, name: str, data: bytes) -> None:
        partial = self.here / f".{name}.{os.getpid()}"
        partial.write_bytes(data)
        os.replace(partial, self.here / name)
