"""Object stores, by fsspec: the only door to it. Whatever a store fails at is an OSError, as a disk's failures are."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import fsspec

from curator.errors import UserError

BLOCK_BYTES = 8 << 20  # asked for at a time
BUFFER_BYTES = 1 << 20


class StorageError(UserError):
    """A path that cannot be read or written, in words for the user."""


def is_remote(path: str) -> bool:
    return "://" in path and not path.startswith("file://")


def plain(path: str) -> str:
    """A local path as the system has it."""
    return os.path.expanduser(path.removeprefix("file://"))


def filesystem_of(path: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """fsspec's, without its memory of listings (other processes write too, and what they wrote must be seen), and the path as
    it takes it."""
    if not is_remote(path):
        return fsspec.filesystem("file"), os.path.abspath(plain(path))
    try:
        return fsspec.url_to_fs(path, use_listings_cache=False)
    except (ImportError, ValueError) as error:  # a store whose library is not installed, or that nobody knows
        raise StorageError(f"{path}: {error}") from None


@contextmanager
def os_errors(path: str) -> Iterator[None]:
    """Libraries of stores raise kinds of their own for a line that is down, or for keys that nobody gave."""
    try:
        yield
    except (OSError, StorageError):
        raise
    except Exception as error:
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}", path) from error


def of_the_machine(error: BaseException) -> bool:
    """Whether a file could not be read for reasons of its disk or store, or of memory that is short: what libraries say of
    damaged data has no number, and where damaged data say that something lies is perhaps no place in a file (EINVAL)."""
    if isinstance(error, OSError):
        return error.errno not in (None, errno.EINVAL, errno.EOVERFLOW)
    return isinstance(error, MemoryError)


def reading(filesystem: fsspec.AbstractFileSystem, inside: str, path: str) -> IO[bytes]:
    """A seekable stream of a file's bytes."""
    with os_errors(path):
        stream = filesystem.open(inside, "rb", block_size=BLOCK_BYTES, cache_type="readahead")
    return io.BufferedReader(_Stored(cast(IO[bytes], stream), path), BUFFER_BYTES)


class _Stored(io.RawIOBase):
    def __init__(self, stream: IO[bytes], path: str) -> None:
        self._stream, self._path = stream, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with os_errors(self._path):
            given = self._stream.read(len(buffer))
        buffer[: len(given)] = given
        return len(given)

    def readall(self) -> bytes:
        with os_errors(self._path):
            return self._stream.read()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_SET and offset < 0:
            raise OSError(errno.EINVAL, "a place before the file's beginning", self._path)
        with os_errors(self._path):
            return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
