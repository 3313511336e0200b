"""Paths, wheels, atomic writes; on the local disk and on an object store in this process."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from curator import storage, stores, wheels


def test_a_folder_a_glob_and_a_file(tmp_path):
    for name in ("a/x.txt", "a/b/y.txt", "a/b/z.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    names = lambda *patterns, **options: [f.name for f in storage.find([str(tmp_path / p) for p in patterns], **options)]  # noqa: E731
    assert names("a") == ["b/y.txt", "b/z.md", "x.txt"]
    assert names("a/*.txt") == ["x.txt"]
    assert names("a/**/*.txt") == ["b/y.txt", "x.txt"]
    assert names("a/b/y.txt") == ["y.txt"]
    assert names("a", exclude=["**/b/**"]) == ["x.txt"]
    assert names("a", "a/x.txt") == ["b/y.txt", "b/z.md", "x.txt"], "a file found twice is read once"
    with pytest.raises(storage.StorageError, match="nothing matches"):
        names("c/*.txt")


def test_a_name_that_is_not_utf_8_is_read_and_told(tmp_path):
    name = os.fsdecode("中.txt".encode("gbk"))
    (tmp_path / name).write_text("x")
    for pattern in (tmp_path, tmp_path / "*.txt"):
        (found,) = storage.find([str(pattern)])
        assert found.name == r"\xd6\xd0.txt"
        with storage.open_input(found.path) as stream:
            assert stream.read() == b"x"


def test_links_out_of_a_folder_are_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("x")
    (tmp_path / "in" / "door").symlink_to(tmp_path / "out", target_is_directory=True)
    (tmp_path / "in" / "mine").write_text("x")
    (tmp_path / "in" / "window").symlink_to(tmp_path / "out" / "secret")
    (tmp_path / "in" / "mirror").symlink_to(tmp_path / "in" / "mine")
    assert [f.name for f in storage.find([str(tmp_path / "in")])] == ["mine", "mirror"]


def test_a_package_is_found_without_importing_it():
    files = storage.find(["package:rich"], exclude=["**/__pycache__/**"])
    assert "rich/console.py" in {f.name for f in files}
    with storage.open_input(files[0].path) as stream:
        assert isinstance(stream.read(), bytes)
    with pytest.raises(storage.StorageError, match="no package 'nowhere_at_all'"):
        storage.find(["package:nowhere_at_all"])
    with pytest.raises(storage.StorageError, match="leaves the package"):
        storage.find(["package:rich/../typer"])
    with pytest.raises(storage.StorageError, match="leaves the package"):
        storage.find(["package:rich/../rich_x"])


def fail_while_writing(path: str) -> None:
    def write() -> None:
        with storage.create(path) as stream:
            stream.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = str(tmp_path / "deep" / "file")
    storage.write_bytes(path, b"old")
    fail_while_writing(path)
    assert storage.read_bytes(path) == b"old"
    assert storage.listing(str(tmp_path)) == [path]


def test_a_disk_that_is_full_is_told_by_what_was_being_written(tmp_path):
    path = str(tmp_path / "file")
    with pytest.raises(OSError, match="No space left") as caught, storage.create(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.filename, caught.value.errno) == (path, errno.ENOSPC)
    assert storage.listing(str(tmp_path)) == []


def test_object_store(tmp_path):
    root = f"memory://{tmp_path.name}"
    storage.write_bytes(f"{root}/a/x.txt", b"1")
    fail_while_writing(f"{root}/a/y.txt")
    assert storage.listing(root) == [f"{root}/a/x.txt"]
    assert [(f.name, f.size) for f in storage.find([f"{root}/a/*.txt"])] == [("x.txt", 1)]
    assert storage.claim(f"{root}/lease", b"me")
    assert not storage.claim(f"{root}/lease", b"you")
    assert storage.local(f"{root}/a/x.txt").read_bytes() == b"1"
    storage.remove(f"{root}/a/x.txt")
    storage.remove(f"{root}/a/x.txt")
    assert not storage.exists(f"{root}/a/x.txt")


class Unreachable(MemoryFileSystem):
    """A store whose line goes down while a file is read; its library has exceptions of its own, as those of real ones."""

    protocol = "unreachable"

    class Failure(Exception):
        pass

    def open(self, path, *args, **options):
        file = super().open(path, *args, **options)
        file.read = lambda size=-1: (_ for _ in ()).throw(self.Failure("could not connect to the endpoint"))
        return file

    def cat_file(self, path, start=None, end=None, **options):
        raise self.Failure("no credentials")


def test_whatever_a_store_fails_at_is_an_error_of_the_system(tmp_path):
    fsspec.register_implementation("unreachable", Unreachable, clobber=True)
    path = f"unreachable://{tmp_path.name}/x.gz"
    storage.write_bytes(path, b"1")
    for read in (storage.read_bytes, storage.passing_digest, lambda it: storage.read_range(it, 0, 1)):
        with pytest.raises(OSError, match=r"Failure: (could not connect|no credentials)") as caught:
            read(path)
        assert stores.of_the_machine(caught.value)
        assert caught.value.filename == path
    assert not stores.of_the_machine(gzip.BadGzipFile("what damaged data is"))


@pytest.mark.parametrize("path", ["nobody://bucket/x", "nobody://bucket/*.gz"])
def test_a_store_that_is_not_known_is_a_sentence(path):
    with pytest.raises(storage.StorageError, match=r"nobody://bucket/.*: Protocol not known"):
        storage.find([path])


def test_a_digest_in_passing_leaves_no_copy_of_a_remote_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATOR_CACHE", str(tmp_path / "cache"))
    path = f"memory://{tmp_path.name}/raw.gz"
    storage.write_bytes(path, b"raw")
    assert storage.passing_digest(path) == hashlib.sha256(b"raw").hexdigest()
    assert not (tmp_path / "cache").exists()
    assert storage.content_digest(path) == hashlib.sha256(b"raw").hexdigest()


def test_names_with_brackets_are_names_where_they_are_there(tmp_path):
    path = tmp_path / "page[1].txt"
    path.write_bytes(b"1")
    (tmp_path / "page1.txt").write_bytes(b"22")
    assert [(f.path, f.name, f.size) for f in storage.find([str(path)])] == [(str(path), "page[1].txt", 1)]
    path.unlink()
    assert [f.name for f in storage.find([str(path)])] == ["page1.txt"]
    remote = f"memory://{tmp_path.name}/a[1]/x.txt"
    storage.write_bytes(remote, b"1")
    assert [f.name for f in storage.find([f"memory://{tmp_path.name}/a[1]"])] == ["x.txt"]


def test_a_home_folder_and_a_file_url_are_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    storage.write_bytes("~/in/x.txt", b"1")
    storage.write_bytes(f"file://{tmp_path}/in/y.txt", b"22")
    assert storage.claim("~/lease", b"me")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == ["in", "in/x.txt", "in/y.txt", "lease"]
    assert storage.absolute("~/out") == str(tmp_path / "out")
    assert [f.name for f in storage.find(["~/in"])] == [f.name for f in storage.find(["~/in/*.txt"])] == ["x.txt", "y.txt"]
    assert storage.read_bytes("~/in/x.txt") == storage.read_range("~/in/x.txt", 0, 9) == b"1"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """pip, but for a wheel made here: what is tested is ours, not the index."""
    monkeypatch.setenv("CURATOR_CACHE", str(tmp_path / "cache"))
    wheel = tmp_path / "toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toy/data.txt", "the data")

    def download(command, **_):
        target = Path(command[command.index("--dest") + 1])
        if command[-1] != "toy==1.0":
            return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution found")
        (target / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(wheels.subprocess, "run", download)
    return wheel


def test_a_file_inside_a_pinned_wheel(index):
    pin = hashlib.sha256(index.read_bytes()).hexdigest()
    path = f"pypi:toy==1.0/toy/data.txt#sha256={pin}"
    assert storage.read_bytes(path) == b"the data"
    (file,) = storage.find([path])
    assert (file.name, file.size, file.path) == ("toy/data.txt", 8, path)
    assert storage.read_bytes("pypi:toy==1.0/toy/data.txt") == b"the data"


def test_a_wheel_that_is_not_the_pinned_one_is_refused(index):
    with pytest.raises(wheels.WheelError, match="expected 0000"):
        storage.read_bytes(f"pypi:toy==1.0/toy/data.txt#sha256={'0' * 64}")


def test_a_cached_wheel_that_was_changed_is_refused(index, tmp_path):
    storage.read_bytes("pypi:toy==1.0/toy/data.txt")
    (cached,) = (tmp_path / "cache").rglob("*.whl")
    with zipfile.ZipFile(cached, "a") as archive:
        archive.writestr("toy/other.txt", "slipped in")
    with pytest.raises(wheels.WheelError, match="delete it to bring it again"):
        storage.read_bytes("pypi:toy==1.0/toy/other.txt")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("pypi:toy/toy/data.txt", "write pypi:NAME==VERSION"),
        ("pypi:nothing==1.0/x", "could not bring nothing==1.0"),
        ("pypi:toy==1.0/data.txt", "did you mean 'toy/data.txt'"),
        ("pypi:toy==1.0/../../etc/passwd", "has no"),
    ],
)
def test_wheel_paths_that_lead_nowhere(index, path, message):
    with pytest.raises(wheels.WheelError, match=message):
        storage.read_bytes(path)


def test_a_file_that_curator_ships_is_read_from_anywhere_and_one_of_its_name_here_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "pipelines/quickstart/questions.csv"
    assert storage.read_bytes(name).startswith(b"Question,")
    with storage.create(name) as stream:  # writing never goes to what is shipped
        stream.write(b"mine")
    assert storage.read_bytes(name) == b"mine"
    assert storage.local(name) == storage.Path(name)
    assert not storage.exists("pipelines/none.yaml")


def test_from_elsewhere_only_what_is_shipped_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert storage.find(["pipelines/quickstart.yaml"])
    with pytest.raises(storage.StorageError, match="nothing matches 'tests'"):
        storage.find(["tests"])
