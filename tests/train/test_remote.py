"""Shards in an object store: fsspec's one in memory, and a folder taken for one that other processes see too."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from curator import storage
from curator.caches import HELD_SECONDS, locked
from curator.tokens.shards import ShardError, TokenShards
from curator.train import TrainConfig, train
from curator.train.remote import CachedShards, open_shards


@pytest.fixture
def remote(shards: str) -> Iterator[str]:
    """The shards of `shards`, in an object store."""
    memory = fsspec.filesystem("memory")
    folder = f"/{uuid.uuid4().hex}"
    memory.mkdir(folder)
    for path in Path(shards).iterdir():
        memory.pipe_file(f"{folder}/{path.name}", path.read_bytes())
    yield f"memory:/{folder}"
    memory.rm(folder, recursive=True)


def files(reader: CachedShards) -> list[str]:
    return sorted(path.name for path in reader.here.iterdir() if path.suffix == ".tokens")


def test_every_sequence_is_that_of_the_local_reader_and_no_more_lies_here_than_may(
    remote: str, shards: str, tmp_path: Path
) -> None:
    local = TokenShards(shards)
    size = local.shards[0]["bytes"]
    reader = CachedShards(remote, "train", size + 10, tmp_path / "cache")
    assert files(reader) == []
    for index in (0, 49, 1, 25, 24, 24):
        np.testing.assert_array_equal(reader[index], local[index])
        assert reader.source_of(index) == local.source_of(index)
        assert len(files(reader)) == 1
    both = CachedShards(remote, "train", 2 * size, tmp_path / "cache")
    for index in (0, 49):
        np.testing.assert_array_equal(both[index], local[index])
    assert files(both) == ["train-0.tokens", "train-1.tokens"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(both))[30], local[30])


def test_what_was_fetched_is_found_again_and_makes_room_when_it_is_old(remote: str, tmp_path: Path) -> None:
    first = CachedShards(remote, "train", 1, tmp_path / "cache")
    assert first[0] is not None
    fsspec.filesystem("memory").rm(f"{remote.removeprefix('memory:/')}/train-0.tokens")
    second = CachedShards(remote, "train", 1, tmp_path / "cache")
    np.testing.assert_array_equal(second[0], first[0])  # not fetched again: it is gone
    view = first[3]
    assert second[49] is not None
    assert files(second) == ["train-1.tokens"]
    assert view.sum() >= 0  # what is mapped outlives its name
    with pytest.raises(ShardError, match=r"train-0\.tokens: this token shard is missing"):
        second[0]


def test_bytes_that_are_not_the_manifests_are_refused(remote: str, tmp_path: Path) -> None:
    memory, path = fsspec.filesystem("memory"), f"{remote.removeprefix('memory:/')}/train-1.tokens"
    data = bytearray(memory.cat_file(path))
    data[100] ^= 1
    memory.pipe_file(path, bytes(data))
    reader = CachedShards(remote, "train", 1 << 20, tmp_path / "cache")
    assert reader[0] is not None
    with pytest.raises(ShardError, match=r"train-1\.tokens: its sha256 is .* manifest.json says"):
        reader[49]
    assert files(reader) == ["train-0.tokens"]
    reader.shards[0]["file"] = "../train-0.tokens"
    reader.held.clear()
    with pytest.raises(ShardError, match="no plain file name"):
        reader[0]


def test_a_run_on_remote_shards_is_the_same_run(
    remote: str,
    shards: str,
    small: Callable[..., TrainConfig],
    tmp_path: Path,
    losses_of: Callable[[Path], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CURATOR_CACHE", str(tmp_path / "cache"))
    assert type(open_shards(shards, "train", 1)) is TokenShards
    for name, folder in (("local", shards), ("remote", remote)):
        train(small(shard_cache=3000), folder, str(tmp_path / name), lambda record: None)
    assert losses_of(tmp_path / "remote") == losses_of(tmp_path / "local")


# ------------------------------------------------------------------------------------------------------------ ahead of time


class Store:
    """Five shards of ten sequences, of which each fetch is counted; those in `closed` wait until they are opened, those in
    `broken` fail so many times."""

    def __init__(self, folder: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.cache, self.local = f"local://{folder}", cache, TokenShards(folder)
        self.size = max(shard["bytes"] for shard in self.local.shards)
        self.opened: Counter[str] = Counter()
        self.closed: dict[str, threading.Event] = {}
        self.broken: Counter[str] = Counter()
        really = storage.open_input

        def open_input(path: str) -> Any:
            name = path.rsplit("/", 1)[-1]
            if name.endswith(".tokens"):
                self.opened[name] += 1
                if name in self.closed:
                    assert self.closed[name].wait(20)
                if self.broken[name]:
                    self.broken[name] -= 1
                    raise OSError("the line is cut")
            return really(path)

        monkeypatch.setattr(storage, "open_input", open_input)

    def reader(self, shards: float) -> CachedShards:
        return CachedShards(self.folder, "train", int(shards * self.size), self.cache)

    def bytes_here(self, reader: CachedShards) -> int:
        with locked(reader.here / ".room.lock"):
            return sum(path.stat().st_size for path in reader.here.iterdir() if ".tokens" in path.name)


@pytest.fixture
def store(shards_of: Callable[..., str], corpus: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    return Store(shards_of("many", {"train": corpus["train"]}, files=5), tmp_path / "cache", monkeypatch)


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_the_next_shard_is_fetched_while_one_is_read(store: Store) -> None:
    store.closed["train-1.tokens"] = threading.Event()
    reader = store.reader(3)
    for index in range(10):
        np.testing.assert_array_equal(reader[index], store.local[index])
    until(lambda: store.opened["train-1.tokens"] == 1)
    assert files(reader) == ["train-0.tokens"]  # what is on its way does not look whole
    store.closed["train-1.tokens"].set()
    until(lambda: files(reader) == ["train-0.tokens", "train-1.tokens"])
    for index in range(10, 20):
        np.testing.assert_array_equal(reader[index], store.local[index])
    until(lambda: store.opened["train-2.tokens"] == 1)
    assert store.opened["train-1.tokens"] == 1


def test_a_shard_that_is_needed_while_it_comes_is_waited_for(store: Store) -> None:
    store.closed["train-1.tokens"] = threading.Event()
    reader = store.reader(5)
    assert reader[0] is not None
    threading.Timer(0.2, store.closed["train-1.tokens"].set).start()
    np.testing.assert_array_equal(reader[10], store.local[10])
    assert store.opened["train-1.tokens"] == 1


@pytest.mark.parametrize(("room", "fetches"), [(1, 5), (2.5, 5), (3, 6)])  # the sixth: of the next round
def test_no_more_lies_here_than_may_and_nothing_is_fetched_twice(store: Store, room: float, fetches: int) -> None:
    reader = store.reader(room)
    back = 1 if room > 1 else 0  # over the edge of two shards it goes back and forth
    for index in range(50):
        for each in (index, max(0, index - back)):
            np.testing.assert_array_equal(reader[each], store.local[each])
        assert store.bytes_here(reader) <= room * store.size
    until(lambda: store.opened.total() == fetches)


def test_what_fails_ahead_of_time_is_tried_again_when_it_is_needed(store: Store) -> None:
    store.broken["train-1.tokens"] = 1
    store.broken["train-3.tokens"] = 2
    reader = store.reader(5)
    assert reader[0] is not None
    until(lambda: store.broken["train-1.tokens"] == 0)
    for index in range(30):
        np.testing.assert_array_equal(reader[index], store.local[index])
    until(lambda: store.broken["train-3.tokens"] == 1)
    assert reader[29] is not None  # nothing is wrong yet
    with pytest.raises(OSError, match="the line is cut"):
        reader[30]
    np.testing.assert_array_equal(reader[30], store.local[30])


def test_ranks_of_one_machine_fetch_a_shard_once(store: Store) -> None:
    def read(rank: int) -> None:
        reader = store.reader(5)
        for index in range(rank, 50, 4):
            np.testing.assert_array_equal(reader[index], store.local[index])

    with ThreadPoolExecutor(4) as ranks:
        list(ranks.map(read, range(4)))
    assert store.opened == {f"train-{number}.tokens": 1 for number in range(5)}


SLOW = """
import io, sys, time
from pathlib import Path
from curator import storage
from curator.train.remote import CachedShards
really = storage.open_input
class Slow(io.BytesIO):
    def read(self, size=-1):
        if self.tell():
            print("half", flush=True)
            time.sleep(60)
        return super().read(len(self.getvalue()) // 2)
storage.open_input = lambda path: Slow(really(path).read()) if path.endswith(".tokens") else really(path)
CachedShards(sys.argv[1], "train", 1 << 20, Path(sys.argv[2]))[0]
"""


def test_a_process_killed_half_way_leaves_nothing_that_looks_whole(store: Store) -> None:
    command = [sys.executable, "-c", SLOW, store.folder, str(store.cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        (here,) = store.cache.iterdir()
        assert [path.name for path in here.glob(".*.partial")] == [".train-0.tokens.partial"]
        alive = store.reader(1)  # leaves alone what somebody is at
        assert len(list(here.glob(".*.partial"))) == 1
        assert files(alive) == []
        process.send_signal(signal.SIGKILL)
    reader = store.reader(1)
    assert not list(here.glob(".*.partial"))
    np.testing.assert_array_equal(reader[0], store.local[0])


def test_other_corpora_make_room_when_they_were_not_read_for_a_while(
    remote: str, shards_of: Callable[..., str], corpus: dict, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = CachedShards(remote, "train", 1 << 30, cache)
    assert all(first[index] is not None for index in (0, 49))
    size = first.shards[0]["bytes"]
    other = f"local://{shards_of('many', {'train': corpus['train']}, files=5)}"
    CachedShards(other, "train", size + 10, cache)
    assert files(first) == ["train-0.tokens", "train-1.tokens"], "somebody may be about to open them"
    view = first[1]
    for number, path in enumerate(sorted(first.here.glob("*.tokens"))):
        os.utime(path, (time.time() - HELD_SECONDS - 10 + number, path.stat().st_mtime))
    CachedShards(other, "train", size + 10, cache)
    assert files(first) == ["train-1.tokens"]
    assert view.sum() >= 0  # what is mapped outlives its name
    np.testing.assert_array_equal(CachedShards(remote, "train", 1 << 30, cache)[1], view)
