"""Posts.xml of a Stack Exchange dump, row by row, and where it lies: plain, compressed, or in the .7z or .zip of its site.

Rows are cut out at `<`, which cannot stand inside of an attribute, and each is parsed by its own expat parser: a malformed row
costs itself alone, memory is bounded by the largest row, and no document type, so no entity, can be in force.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from xml.parsers import expat

from curator.sources.archives import MemberError, safe_name
from curator.sources.sevenzip import MAGIC, SevenZip
from curator.sources.streams import StreamError, open_stream
from curator.storage import open_input
from curator.stores import of_the_machine

NAME = "posts.xml"
ROW_BYTES = 4 << 20  # bodies have 30,000 characters at most, 200 kB if each is escaped
PORTION_BYTES = 1 << 20
ZIP = b"PK\x03\x04"
_ZIP_FAILURES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, struct.error)


class BadRow(Exception):
    """A row that cannot be read. `kind` names the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Table:
    """An XML file of a dump. `part` is its name in an archive."""

    name: str
    part: str | None
    contents: Iterator[bytes]  # StreamError where it cannot be read on


def tables(path: str, name: str) -> Iterator[Table]:
    """The tables of a file. Contents are to be read before the next table is asked for, or not at all."""
    with open_input(path) as raw:
        head = raw.read(len(MAGIC))
        if head == MAGIC:
            archive = SevenZip(raw)
            for member in archive.members:
                yield Table(member.name, _safe(member.name), archive.contents(member))
            return
        if head.startswith(ZIP):
            yield from _zipped(raw)
            return
    yield Table(name, None, _plain(path))


def _plain(path: str) -> Iterator[bytes]:
    with open_stream(path) as stream:
        while portion := stream.read(PORTION_BYTES):
            yield portion


def _zipped(raw: IO[bytes]) -> Iterator[Table]:
    try:
        archive = zipfile.ZipFile(raw)
        infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
    except _ZIP_FAILURES as failure:
        if of_the_machine(failure):
            raise
        raise StreamError("corrupt", f"not a readable zip: {failure}") from None
    for info in infos:
        yield Table(info.filename, _safe(info.filename), _inflated(archive, info))


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise StreamError("unsupported_method", "it is encrypted, or not packed by Deflate: unpack it first (unzip)")
    try:
        with archive.open(info) as stream:
            while portion := stream.read(PORTION_BYTES):
                yield portion
    except _ZIP_FAILURES as failure:
        if of_the_machine(failure):
            raise
        raise StreamError("corrupt", f"damaged zip: {failure}") from None


def _safe(name: str) -> str:
    try:
        return safe_name(name)
    except MemberError as failure:
        raise StreamError(failure.kind, str(failure)) from None


# ----------------------------------------------------------------------------------------------------------------- rows


class Elements:
    """Cuts portions of an XML file at `<`. What it gives is what stands behind each, None if that is too long."""

    def __init__(self, most_bytes: int = ROW_BYTES) -> None:
        self._most = most_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, portion: bytes) -> Iterator[bytes | None]:
        first, *rest = portion.split(b"<")
        self._hold(first)
        if not rest:
            return
        yield self.last()
        for element in rest[:-1]:
            yield element if len(element) <= self._most else None
        self._hold(rest[-1])

    def last(self) -> bytes | None:
        """What is held: at the end of the file, its last element."""
        element = b"".join(self._parts) if self._size <= self._most else None
        self._parts, self._size = [], 0
        return element

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._most:
            self._parts.append(part)
        else:
            self._parts.clear()


def is_row(element: bytes) -> bool:
    return element.startswith(b"row") and element[3:4] in (b" ", b"\t", b"\r", b"\n", b"/", b">", b"")


def read_row(element: bytes) -> dict[str, str]:
    """The attributes of `row …/>`. Raises BadRow."""
    element = element.rstrip()
    found: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        found.update(attributes)

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    try:
        parser.Parse(b"<" + element + (b"" if element.endswith(b"/>") else b"</row>"), True)
    except (expat.ExpatError, ValueError) as failure:
        raise BadRow("malformed_row", str(failure)) from None
    return found
