"""Lists of words, phrases, domains: what a rule's `list` names."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import xxhash

from curator import storage

COMMENT = re.compile(r"(?:^|\s)#.*")  # `C#` and `example.com/#top` are entries


@dataclass(frozen=True)
class WordList:
    """Entries in their order, each once. Equal and hashed by digest, so that what is compiled from a list is cached by it."""

    digest: str
    words: tuple[str, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, words: Iterable[str]) -> WordList:
        kept = tuple(dict.fromkeys(words))
        return cls(xxhash.xxh3_128_hexdigest("\n".join(kept).encode()), kept)


EMPTY = WordList.of(())


def list_path(name: str) -> str:
    """`filters/lists/<name>.txt`, or a path. Raises StorageError, with the nearest name, if there is neither."""
    return storage.preset("filters/lists", name, ".txt")


def load_list(name: str) -> WordList:
    """The list of this name: one entry a line; `#` at the beginning of a line or behind white space begins a comment. A changed
    file is read again. Raises StorageError for a list that is not UTF-8, or has no entries."""
    path = list_path(name)
    return _read(path, storage.content_digest(path))


@functools.lru_cache(maxsize=64)
def _read(path: str, digest: str) -> WordList:
    data = storage.read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path, data.count(b"\n", 0, error.start) + 1, error.start) from None
    lines = (COMMENT.sub("", line).strip() for line in text.splitlines())
    found = WordList.of(line for line in lines if line)
    if not found.words:
        raise no_entries(path)
    return found


def not_utf8(path: str, line: int, byte: int) -> storage.StorageError:
    return storage.StorageError(f"{path}:{line}: the list is not UTF-8 (byte {byte}): save it as UTF-8")


def no_entries(path: str) -> storage.StorageError:
    return storage.StorageError(
        f"{path}: the list has no entries, so what names it finds nothing: add some, or take the rule out"
    )
