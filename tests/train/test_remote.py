"""Shards in an object store: fsspec's one in memory."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

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
