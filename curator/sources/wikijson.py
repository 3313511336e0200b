"""HTML dumps of wikis (Wikimedia Enterprise snapshots): JSON lines, in a tar file or without one, each an article's HTML.

The members of a snapshot are of many gigabytes, so they are read as a stream, line by line, and a line above the limit costs
itself alone. Fields: name, identifier, url, date_modified, version, namespace, in_language, is_part_of, license, templates,
article_body.html.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Any

import orjson

from curator.documents import Tally
from curator.sources import wikikinds
from curator.sources.archives import ArchiveError, tar_files
from curator.sources.parsing import parsed
from curator.sources.streams import StreamError, open_stream
from curator.sources.wikihtml import article
from curator.stores import of_the_machine

READ_BYTES = 64 << 10  # at most lost where a tar file breaks off
TAR_MAGIC = b"ustar"
MOST_BYTES = 1 << 50  # of a snapshot; the largest has some 10^12


def is_json(head: bytes) -> bool:
    """Whether a dump that begins so is one of HTML: a tar file, or a JSON object."""
    return head[257:262] == TAR_MAGIC or head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")


def lines(path: str, most: int, tally: Tally) -> Iterator[bytes | None]:
    """The lines of a dump; None for one of more than `most` bytes."""
    try:
        with open_stream(path) as stream:
            head = stream.read(512)
            if head[257:262] != TAR_MAGIC:
                yield from _lines(_Rest(head, stream), most)
                return
            for archive, info in tar_files(_Rest(head, stream), MOST_BYTES):
                if member := archive.extractfile(info):
                    yield from _lines(member, most)
    except StreamError as error:
        tally.broken(error.kind, error.offset, str(error))
    except ArchiveError as error:
        tally.broken(error.kind, "end", str(error))
    except (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, RecursionError) as error:
        if of_the_machine(error):
            raise
        tally.broken("truncated" if "unexpected end" in str(error) else "corrupt", "end", str(error))


class _Rest:
    """A stream of which some bytes were read already."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head + self._stream.read(size - len(head)) if len(head) < size else head


def _lines(stream: Any, most: int) -> Iterator[bytes | None]:
    held = bytearray()
    flooded = False
    while portion := stream.read(READ_BYTES):
        *complete, rest = portion.split(b"\n")
        for end in complete:
            held += end
            if flooded or len(held) > most:
                yield None
            elif held.strip():
                yield bytes(held)
            held.clear()
            flooded = False
        held += rest
        if len(held) > most:
            flooded = True
            held.clear()
    if flooded:
        yield None
    elif held.strip():
        yield bytes(held)


class BadArticle(Exception):
    """A line that is no article."""


def read_article(
    line: bytes, namespaces: tuple[int, ...], variant: str | None, number: int, tally: Tally
) -> tuple[str | None, dict[str, Any]]:
    """The skip of an article, or None and its row without `offset`. Raises BadArticle."""
    try:
        found = parsed(line, number, tally)
    except orjson.JSONDecodeError as error:
        raise BadArticle(f"the line is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadArticle("the line is no JSON object")
    title, body = found.get("name"), found.get("article_body")
    page = body.get("html") if isinstance(body, dict) else None
    if not isinstance(title, str) or not isinstance(page, str):
        raise BadArticle("no name, or no article_body.html")
    namespace = _identifier(found.get("namespace"))
    namespace = namespace if isinstance(namespace, int) else 0
    language = _identifier(found.get("in_language"))
    if namespace not in namespaces:
        return wikikinds.namespace(namespace), {}
    if "mw:PageProp/redirect" in page[:20_000]:
        return "redirect", {}
    names = {name.partition(":")[2] for name in _names(found.get("templates"))}
    if wikikinds.is_soft_redirect(names):
        return "soft_redirect", {}
    chosen = variant if variant and language in (None, variant.partition("-")[0]) else None
    text, title_shown = article(page, chosen, title)
    if not text:
        return "empty", {}
    metadata = {
        "wiki": _identifier(found.get("is_part_of")),
        "page": found.get("identifier"),
        "revision": _identifier(found.get("version")),
        "namespace": namespace or None,
        **wikikinds.marks(title, names, "mw:PageProp/disambiguation" in page),
        "list_share": wikikinds.list_share(text),
    }
    return None, {
        "text": text,
        "title": title_shown,
        "url": _string(found.get("url")),
        "date": _string(found.get("date_modified")),
        "license": _license(found.get("license")),
        "metadata": orjson.dumps({key: value for key, value in metadata.items() if value is not None}).decode(),
    }


def _identifier(value: object) -> Any:
    found = value.get("identifier") if isinstance(value, dict) else None
    return found if isinstance(found, (int, str)) else None


def _names(value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        name = each.get("name") if isinstance(each, dict) else None
        if isinstance(name, str):
            yield name


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _license(value: object) -> str | None:
    """`CC-BY-SA-4.0` reads `CC BY-SA 4.0`, as of the XML dumps."""
    first = value[0] if isinstance(value, list) and value else None
    found = _string(_identifier(first)) or next(_names(value), None)
    if found and found.upper().startswith("CC-BY-SA"):
        return f"CC BY-SA{found[8:].replace('-', ' ')}"
    return found
