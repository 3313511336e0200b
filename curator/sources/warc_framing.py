"""How records begin in the two formats of web archives: WARC (ISO 28500) and ARC, the older one of the Internet Archive.

A WARC record has a header block like an e-mail's. An ARC record has one line: URL, IP address, date, media type and the
body's length, with five more fields (status, checksum, location, offset, file) before the length in version 2. Old crawls left
spaces in URLs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from curator.sources.resync import START_BYTES

HEADER_BYTES = 256 << 10  # a longer WARC header is none
LINE_BYTES = 16 << 10  # nor is a longer line of an ARC file
BLANK = re.compile(rb"[\r\n \t\0]*")
HEADER_END = re.compile(rb"\r?\n\r?\n")


@dataclass(slots=True)
class Record:
    offset: int
    part: str | None  # the compressed member, for a record inside one that holds several
    head: bytes  # the header as it was
    length: int = -1  # as the record says; -1 where it does not
    data: bytes = field(default=b"", repr=False)  # what holds the body, from `begin` to `end`
    begin: int = 0
    end: int = 0
    cut: bool = False  # longer than what is held: the body is its beginning
    mended: bool = False  # its length was wrong, the body ends where the next record begins
    parsed: dict[str, str] | None = field(default=None, repr=False)

    @property
    def body(self) -> bytes:
        return self.data[self.begin : self.end]

    @property
    def headers(self) -> dict[str, str]:
        """Lower-case names; the first of two equal ones."""
        if self.parsed is None:
            self.parsed = parse_headers(self.head)
        return self.parsed

    @property
    def kind(self) -> str:
        """WARC-Type, without parsing what else the header says."""
        if self.parsed is None and (found := WARC_TYPE.search(self.head)) is not None:
            return found[1].decode()
        return self.headers.get("warc-type", "").lower()


class Framing(Protocol):
    longest_start: int  # bytes that are enough to know a start by
    separator: re.Pattern[bytes]  # what stands behind a record that ends where it says
    ahead: int  # bytes that are looked at there, where no separator is found

    def starts(self, data: bytes, at: int) -> bool:
        """Whether a record surely begins at `at`."""
        ...

    def follows(self, data: bytes, at: int) -> bool:
        """Whether something begins at `at`, behind the end of a record, that is a record, if only a bad one."""
        ...

    def may_follow(self, data: bytes, at: int) -> bool:
        """The same, where `data` may end before the start does."""
        ...

    def search(self, data: bytes, at: int) -> int:
        """The first line from `at` on that begins a record; -1 if there is none."""
        ...

    def header(self, data: bytes, at: int) -> tuple[int, int] | None:
        """(end of the header, beginning of the body); None if it does not end in `data`. The two are -1 where the header breaks
        off at the next record."""
        ...

    def record(self, offset: int, part: str | None, head: bytes) -> Record: ...


def parse_headers(lines: bytes) -> dict[str, str]:
    """Names and values of a header block, after its first line; folded lines are joined."""
    headers: dict[str, str] = {}
    folded: dict[str, list[str]] = {}
    name = ""
    for line in lines.decode("utf-8", "replace").split("\n")[1:]:
        if line[:1] in (" ", "\t") and name:
            folded.setdefault(name, [headers[name]]).append(line.strip())
            continue
        key, colon, value = line.partition(":")
        key = key.strip().lower()
        name = key if colon and key not in headers else ""
        if name:
            headers[name] = value.strip()
    return {**headers, **{name: " ".join(filter(None, parts)) for name, parts in folded.items()}}


def length_of(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else -1


# ----------------------------------------------------------------------------------------------------------------- WARC

NAMES = (b"WARC/", b"warc/")
RECORD_START = re.compile(rb"(?<![^\n])(?:WARC|warc)/[01]\.\d{1,2}[ \t]*\r?\n")
HEADER_STOP = re.compile(rb"\r?\n(?:(\r?\n)|(?=(?:WARC|warc)/[01]\.\d))")  # or the next record, where a header has no end
WARC_TYPE = re.compile(rb"\nWARC-Type: ([a-z]+)\r?(?:\n(?![ \t])|\Z)")
CONTENT_LENGTH = re.compile(rb"\nContent-Length: (\d{1,18})\r?(?:\n(?![ \t])|\Z)")


class WarcFraming:
    longest_start = 16  # but for white space
    separator = re.compile(rb"\r\n\r\n")
    ahead = 64

    def starts(self, data: bytes, at: int) -> bool:
        return data.startswith(NAMES, at)

    follows = starts

    def may_follow(self, data: bytes, at: int) -> bool:
        following = data[at : at + 5]
        return any(name.startswith(following) for name in NAMES)

    def search(self, data: bytes, at: int) -> int:
        found = RECORD_START.search(data, at)
        return found.start() if found else -1

    def header(self, data: bytes, at: int) -> tuple[int, int] | None:
        end = data.find(b"\r\n\r\n", at, at + HEADER_BYTES)
        if end >= 0 and data.find(b"\nWARC/", at, end) < 0 and data.find(b"\n\n", at, end) < 0:
            head = data[at:end]  # the ordinary case; the pattern below knows the others
            if b"\nwarc/" not in head and b"\n\r\n" not in head:
                return end, end + 4
        stop = HEADER_STOP.search(data, at, at + HEADER_BYTES)
        if stop is None:
            return None
        return (stop.start(), stop.end()) if stop[1] else (-1, -1)

    def record(self, offset: int, part: str | None, head: bytes) -> Record:
        record = Record(offset, part, head)
        found = CONTENT_LENGTH.search(head)
        record.length = int(found[1]) if found else length_of(record.headers.get("content-length", ""))
        return record


# ------------------------------------------------------------------------------------------------------------------ ARC

ARC_LINE = re.compile(rb"(?<![^\n])([A-Za-z][A-Za-z0-9+.-]{0,30}:[^\n]{2,%d}) (\S{1,40})[ \t]*\r?\n" % LINE_BYTES)
ARC_BEGINNING = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\n]*\Z")
# From the right, because a URL may hold spaces. Version 2's five more fields stand between media type and length.
ARC_FIELDS = re.compile(rb"(.+?) ([0-9a-fA-F.:]{2,45}|-) (\d{8,18}) (.+)")
ARC_DATE = re.compile(rb" \d{8,18} ")
FILEDESC = b"filedesc:"


class ArcFraming:
    longest_start = LINE_BYTES + 64
    separator = re.compile(rb"\r?\n")
    ahead = START_BYTES

    def starts(self, data: bytes, at: int) -> bool:
        line = ARC_LINE.match(data, at)
        return line is not None and _is_arc(line)

    def follows(self, data: bytes, at: int) -> bool:
        line = ARC_LINE.match(data, at)
        return line is not None and (_is_arc(line) or (line[1].count(b" ") >= 3 and b"://" in line[1].partition(b" ")[0]))

    def may_follow(self, data: bytes, at: int) -> bool:
        return at >= len(data) or self.follows(data, at) or ARC_BEGINNING.match(data, at) is not None

    def search(self, data: bytes, at: int) -> int:
        return next((line.start() for line in ARC_LINE.finditer(data, at) if _is_arc(line)), -1)

    def header(self, data: bytes, at: int) -> tuple[int, int] | None:
        end = data.find(b"\n", at, at + LINE_BYTES + 64)
        return None if end < 0 else (end, end + 1)

    def record(self, offset: int, part: str | None, head: bytes) -> Record:
        line, _, length = head.decode("utf-8", "replace").strip().rpartition(" ")
        fields = ARC_FIELDS.fullmatch(line.encode())
        said = {"warc-type": "warcinfo" if head.startswith(FILEDESC) else "response"}
        if fields is not None:
            url, address, date, rest = (value.decode() for value in fields.groups())
            said |= {"warc-target-uri": url, "warc-date": date[:14], "content-type": rest.partition(" ")[0]}
            if address not in ("-", "0.0.0.0"):
                said["warc-ip-address"] = address
        return Record(offset, part, head, length_of(length), parsed=said)


def _is_arc(line: re.Match[bytes]) -> bool:
    """A file's own description, or a line with an address, a date and a length (which may be wrong: `-1`)."""
    return line[1].startswith(FILEDESC) or (ARC_DATE.search(line[1]) is not None and ARC_FIELDS.fullmatch(line[1]) is not None)


def as_http(record: Record) -> None:
    """ARC's media type is the page's; a WARC response says of itself that it is HTTP. What an old server sent without a status
    line (HTTP/0.9) is a resource."""
    said = record.headers
    if said["warc-type"] == "response" and said.get("warc-target-uri", "").lower().startswith(("http:", "https:")):
        if record.data.startswith(b"HTTP/", record.begin):
            said["content-type"] = "application/http; msgtype=response"
        else:
            said["warc-type"] = "resource"


WARC, ARC = WarcFraming(), ArcFraming()
FRAMINGS: tuple[Framing, ...] = (WARC, ARC)
