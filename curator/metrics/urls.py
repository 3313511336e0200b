"""Addresses: whether a document's URL is in a list of domains or of addresses."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import xxhash

from curator import storage
from curator.metrics.catalogue import Asked
from curator.metrics.lists import COMMENT, list_path, no_entries, not_utf8

MOST_LEVELS = 64  # of a host or a path, from the top, that are looked up: hostile addresses have thousands

Keys = Callable[[str], Iterator[str]]
UrlList = np.ndarray  # uint64, sorted: hashes of the entries, 8 bytes each whatever their length


def measure_urls(column: pa.Array, asked: Sequence[Asked], lists: Mapping[str, UrlList]) -> dict[str, pa.Array]:
    """For each metric int32 per row: 1 where the URL is in its list, 0 where it is not or where there is none.

    Two entries of N are taken for one with a chance of about N² / 2^65, and an address for one of N entries with N / 2^64.
    """
    found: dict[str, pa.Array] = {}
    urls = column.to_pylist()
    for a in asked:
        entries = lists[a.list or ""]
        keys = _domains if a.metric == "listed_domains" else _paths
        found[a.name] = pa.array(_listed(urls, entries, keys), pa.int32())
    return found


def load_urls(name: str) -> UrlList:
    """The list of this name (filters/lists, or a path): one domain (`example.com`) or address (`example.com/shop`) a line;
    comments are those of word lists. Scheme, port, `www.` and a `*.` at the beginning don't count. An entry with a query or
    a fragment (`example.com/?id=5`) is the address with that one alone. Millions of lines are fine. Raises StorageError for a
    list that is not UTF-8, or has no entries."""
    path = list_path(name)
    return _load(path, storage.content_digest(path))


@functools.lru_cache(maxsize=16)
def _load(path: str, digest: str) -> UrlList:
    with storage.open_input(path) as stream:
        found = entries(_lines(path, stream))
    if not len(found):
        raise no_entries(path)
    return found


def _lines(path: str, stream: Iterable[bytes]) -> Iterator[str]:
    at = 0
    for number, raw in enumerate(stream, 1):
        try:
            line = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise not_utf8(path, number, at + error.start) from None
        at += len(raw)
        yield (COMMENT.sub("", line) if "#" in line else line).strip()


def entries(lines: Iterable[str]) -> UrlList:
    found = [_hash(_whole(*_split(line.removeprefix("*.").lstrip(".")))) for line in lines if line]
    return np.unique(np.array(found, np.uint64))


def split_url(url: str) -> tuple[str, str]:
    """Host and path: lower-case ASCII without `www.`, user, port and last full stop; and the path as it stands, without the
    query and a last slash. What is no address of the web has no host."""
    return _split(url)[:2]


def _split(url: str) -> tuple[str, str, str, str]:
    """`split_url`, and behind it the query and the fragment as they stand."""
    url = url.strip()
    scheme, mark, rest = url.partition("://")
    if not mark or (scheme not in ("http", "https") and _BEHIND_HOST.search(scheme)):
        rest = url  # `example.com/?to=http://other.com` has no scheme
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    host = host.rpartition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    host = host.lower().rstrip(".").removeprefix("www.")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:  # longer than a name can be, or with an empty part: it stays as it is
            pass
    path = path.rstrip("/")
    return host, f"/{path}" if path else "", query, fragment


_BEHIND_HOST = re.compile(r"[/?#]")


def _listed(urls: Sequence[str | None], entries: UrlList, keys: Keys) -> np.ndarray:
    """int32 per URL: whether one of its keys is an entry."""
    rows: list[int] = []
    hashes: list[int] = []
    for row, url in enumerate(urls):
        for key in keys(url) if url else ():
            rows.append(row)
            hashes.append(_hash(key))
    out = np.zeros(len(urls), np.int32)
    if hashes and len(entries):
        looked = np.array(hashes, np.uint64)
        places = np.minimum(np.searchsorted(entries, looked), len(entries) - 1)
        out[np.array(rows)[entries[places] == looked]] = 1
    return out


def _domains(url: str) -> Iterator[str]:
    """A host and the domains above it, from the top."""
    labels = _split(url)[0].split(".")
    for n in range(1, min(len(labels), MOST_LEVELS) + 1):
        yield ".".join(labels[-n:])


def _paths(url: str) -> Iterator[str]:
    """A host and the paths on it that lead to an address, from the top; and the address with its query, and its fragment."""
    host, path, query, fragment = _split(url)
    parts = path.split("/")
    for n in range(1, min(len(parts), MOST_LEVELS) + 1):
        yield host + "/".join(parts[:n])
    if query:
        yield f"{host}{path}?{query}"
    if fragment:
        yield _whole(host, path, query, fragment)


def _whole(host: str, path: str, query: str, fragment: str) -> str:
    return host + path + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def _hash(key: str) -> int:
    return xxhash.xxh3_64_intdigest(key.encode("utf-8", "surrogatepass"))
