"""What is kept of remote files: bounded, and never taken from under somebody."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from curator import caches, storage

SIZE = 1000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CURATOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CURATOR_CACHE_BYTES", str(3 * SIZE))
    return tmp_path / "cache" / "files"


def remote(tmp_path: Path, number: int) -> str:
    path = f"memory://{tmp_path.name}/{number}.bin"
    storage.write_bytes(path, bytes([number]) * SIZE)
    return path


def rest(path: Path, seconds: float) -> None:
    """As if it had been asked for so long ago."""
    os.utime(path, ns=(time.time_ns() - int(seconds * 1e9), path.stat().st_mtime_ns))


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in folder.iterdir() if path.name != caches.LOCK)


def test_what_was_asked_for_longest_ago_makes_room(tmp_path: Path, folder: Path) -> None:
    for number in range(4):
        copy = storage.local(remote(tmp_path, number))
        rest(copy, 4000 - 1000 * number)
    assert names(folder) == ["1.bin", "2.bin", "3.bin"]
    storage.local(f"memory://{tmp_path.name}/1.bin")  # asked for again
    storage.local(remote(tmp_path, 4))
    assert names(folder) == ["1.bin", "3.bin", "4.bin"]


def test_nobody_lets_go_of_what_somebody_is_about_to_open(tmp_path: Path, folder: Path) -> None:
    copies = [storage.local(remote(tmp_path, number)) for number in range(6)]
    assert all(copy.read_bytes() == bytes([number]) * SIZE for number, copy in enumerate(copies))


def test_that_a_file_is_asked_for_is_no_change_of_it(tmp_path: Path, folder: Path) -> None:
    path = remote(tmp_path, 1)
    written = storage.local(path).stat().st_mtime_ns
    rest(storage.local(path), 100)
    assert storage.local(path).stat().st_mtime_ns == written


def test_what_is_open_outlives_its_name(tmp_path: Path, folder: Path) -> None:
    copy = storage.local(remote(tmp_path, 1))
    with copy.open("rb") as stream:
        rest(copy, 1000)
        caches.make_room(folder, 0)
        assert not copy.exists()
        assert stream.read() == bytes([1]) * SIZE
    assert storage.local(f"memory://{tmp_path.name}/1.bin").read_bytes() == bytes([1]) * SIZE


def test_many_may_ask_while_room_is_made(tmp_path: Path, folder: Path) -> None:
    popular, *new = (remote(tmp_path, number) for number in range(30))
    rest(storage.local(popular), 5000)  # the first to go, were it not asked for
    for number in range(20):
        (folder / f"0-old{number}").write_bytes(bytes(SIZE))
        rest(folder / f"0-old{number}", 1000 + number)

    def ask(turn: int) -> bytes:
        return storage.local(new[turn // 8] if turn % 8 == 0 else popular).read_bytes()

    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(ask, range(8 * len(new))))
    assert given == [bytes([1 + turn // 8 if turn % 8 == 0 else 0]) * SIZE for turn in range(8 * len(new))]
    assert names(folder) == sorted(f"{number}.bin" for number in range(30))


def test_what_killed_processes_were_bringing_goes_after_a_day_and_what_failed_at_once(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.local(remote(tmp_path, 1))
    old, new = folder / "0-x.bin.0123abcd.part", folder / "0-y.bin.0123abcd.part"
    for path, hours in ((old, 25), (new, 1)):
        path.write_bytes(b"half")
        written = time.time() - 3600 * hours
        os.utime(path, (written, written))
    storage.local(remote(tmp_path, 2))
    assert (old.exists(), new.exists()) == (False, True)
    path = remote(tmp_path, 3)

    def cut(self: MemoryFileSystem, path: str, to: str) -> None:
        Path(to).write_bytes(b"half")
        raise TimeoutError("the line is cut")

    monkeypatch.setattr(MemoryFileSystem, "get_file", cut)
    with pytest.raises(OSError, match="the line is cut"):
        storage.local(path)
    assert [name for name in names(folder) if name.startswith("3.bin")] == []


def test_a_cache_that_may_only_be_read_is_read(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = storage.local(remote(tmp_path, 1))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", refused)
    assert storage.local(f"memory://{tmp_path.name}/1.bin") == copy


def test_a_bound_that_is_no_number_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATOR_CACHE_BYTES", "64GB")
    with pytest.raises(caches.CacheError, match="CURATOR_CACHE_BYTES: '64GB' is no number of bytes"):
        caches.cache_bytes()
