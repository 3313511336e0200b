"""`warc` and `wet`: web crawls as WARC files (ISO 28500) or ARC files, the older format, pages as they came or as text."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar

import orjson
import pyarrow as pa

from curator.charsets import decode
from curator.documents import File, Piece, Tally, batched
from curator.sources.streams import StreamError, decompressed
from curator.sources.warc_framing import HEADER_BYTES, Record
from curator.sources.warc_http import PayloadError, Response, decode_payload, media_type, parse_response
from curator.sources.warc_portions import Portions
from curator.sources.warc_records import records
from curator.storage import open_input

PAGES = frozenset(["text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml", "text/plain"])
NO_TYPE = frozenset(["", "application/octet-stream", "application/unknown", "content/unknown", "unknown/unknown", "unk", "*/*"])
OTHER_TYPES = frozenset(["request", "metadata", "warcinfo", "revisit", "conversion", "continuation", "resource", "response"])
BEGINS_AS_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE
)
BINARY_FORMATS = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"RIFF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b\x08")
DATE = re.compile(r"(\d{4})-?(\d\d)?-?(\d\d)?(?:T?(\d\d):?(\d\d):?(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?)?$")


class _Crawl(ABC):
    """What is alike in both: records become rows, one by one."""

    columns: ClassVar[frozenset[str]]

    @property
    @abstractmethod
    def hold(self) -> int:
        """How many bytes of a record are held."""

    @abstractmethod
    def _row(self, record: Record, tally: Tally) -> Mapping[str, Any] | None: ...

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return [(0, -1)]

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        rows = (self._row(record, tally) for record in read_records(piece.file, tally, self.hold))
        return batched((row for row in rows if row is not None), self.columns)

    def _document(self, record: Record, tally: Tally, **found: Any) -> Mapping[str, Any] | None:
        url = record.headers.get("warc-target-uri", "").strip().removeprefix("<").removesuffix(">")
        if not url:
            return tally.error("no_url", record.offset, "the record has no WARC-Target-URI")
        date = iso_date(record.headers.get("warc-date", ""))
        return {"offset": record.offset, "part": record.part, "url": url, "date": date, **found}


@dataclass(frozen=True, kw_only=True)
class Warc(_Crawl):
    """Pages of a crawl: HTTP responses with status 200, and stored resources, that are HTML, XHTML or plain text.

    `max_payload` bounds a page in bytes after decompression; a larger one is skipped as `too_large`, not cut: pages of this
    size are listings and logs, and a cut would make a document whose end means nothing. WARC or ARC (versions 1 and 2), told by
    content; compressed by record or as a whole (gzip, zstd with or without a dictionary, lz4, bzip2), or not at all. A damaged
    record is an error and costs itself alone. The offset is the record's in the compressed file; in a file compressed as a
    whole, in the decompressed bytes.
    """

    max_payload: int = 16 << 20

    revision: ClassVar[int] = 5
    columns: ClassVar[frozenset[str]] = frozenset(["url", "date", "payload", "content_type", "charset", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("brotli", "lz4", "zlib-ng", "zstandard")

    def __post_init__(self) -> None:
        _require_positive("max_payload", self.max_payload)

    @property
    def hold(self) -> int:
        return self.max_payload + HEADER_BYTES

    def _row(self, record: Record, tally: Tally) -> Mapping[str, Any] | None:
        kind = record.kind
        if kind == "response":
            return self._response(record, tally)
        return self._resource(record, tally) if kind == "resource" else skip_type(record, kind, tally)

    def _response(self, record: Record, tally: Tally) -> Mapping[str, Any] | None:
        response = parse_response(record.data, record.begin, record.end)
        if response is None:
            if media_type(record.headers.get("content-type", ""))[0] == "application/http":
                return tally.error("http", record.offset, "the response has no HTTP status line")
            return tally.skip("not_http")
        if response.status != 200:
            return tally.skip(_status_kind(response.status))
        mime, charset = media_type(response.headers.get("content-type", ""))
        return self._page(record, response, mime, charset, tally)

    def _resource(self, record: Record, tally: Tally) -> Mapping[str, Any] | None:
        mime, charset = media_type(record.headers.get("content-type", ""))
        if mime == "text/plain":  # a crawler's own log or a robots.txt: no page
            return tally.skip("not_html")
        return self._page(record, Response(200, {}, record.body), mime, charset, tally)

    def _page(
        self, record: Record, response: Response, mime: str, charset: str | None, tally: Tally
    ) -> Mapping[str, Any] | None:
        identified = record.headers.get("warc-identified-payload-type", "").lower()
        if mime not in PAGES and not (mime in NO_TYPE and (identified in PAGES or not identified)):
            return tally.skip("not_html")
        if record.cut:
            return tally.skip("too_large")
        try:
            payload, complete = decode_payload(response, self.max_payload)
        except PayloadError as failure:
            if failure.kind == "too_large":
                return tally.skip("too_large")
            return tally.error(failure.kind, record.offset, str(failure))
        if not payload:
            return tally.skip("empty")
        if mime not in PAGES:
            mime = identified or ("text/html" if BEGINS_AS_HTML.match(payload) else "")
        if not mime or payload.startswith(BINARY_FORMATS):
            return tally.skip("not_html")
        metadata = _metadata(record, status=response.status, damaged=not complete or None)
        return self._document(record, tally, payload=payload, content_type=mime, charset=charset, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Wet(_Crawl):
    """Text that was extracted before: `conversion` records, as in Common Crawl's WET files.

    The text is UTF-8, or what its bytes show it to be; bad bytes are replaced, and counted in the metadata. `max_text` bounds
    a text in bytes; a larger one is skipped as `too_large`. Damage and offsets are as for `warc`.
    """

    max_text: int = 16 << 20

    revision: ClassVar[int] = 5
    columns: ClassVar[frozenset[str]] = frozenset(["url", "date", "text", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("lz4", "zlib-ng", "zstandard")

    def __post_init__(self) -> None:
        _require_positive("max_text", self.max_text)

    @property
    def hold(self) -> int:
        return self.max_text

    def _row(self, record: Record, tally: Tally) -> Mapping[str, Any] | None:
        kind = record.kind
        if kind != "conversion":
            return skip_type(record, kind, tally)
        mime, charset = media_type(record.headers.get("content-type", "text/plain"))
        if mime != "text/plain":
            return tally.skip("not_text")
        if record.cut:
            return tally.skip("too_large")
        found = decode(record.body, charset, markup=False)
        languages = record.headers.get("warc-identified-content-language")
        metadata = _metadata(record, languages=languages, replaced=found.replaced or None)
        return self._document(record, tally, text=found.text, metadata=metadata)


# -------------------------------------------------------------------------------------------------------- common to both


def read_records(file: File, tally: Tally, hold: int) -> Iterator[Record]:
    """All records of a file; an empty file and one without any record are reported as broken."""
    with open_input(file.path) as raw:
        if not raw.read(1):
            tally.broken("empty", 0, "the file is empty")
            return
        raw.seek(0)
        met = tally.records
        yield from records(Portions(raw, file.size), tally, hold)
        if tally.records == met:
            raw.seek(0)
            tally.broken("not_warc", 0, f"no WARC record in the file: {_describe(raw)}")


FORMATS = {
    b"PK\x03\x04": "this is a zip archive",
    b"%PDF": "this is a PDF",
    b"{": "it looks like JSON: `read: jsonl`?",
    b"PAR1": "this is Parquet: `read: parquet`",
    b"<mediawiki": "this is a Wikipedia dump: `read: wikipedia`",
    b"<": "it looks like HTML or XML, without the crawl's record headers",
}


def _describe(raw: IO[bytes]) -> str:
    try:
        head = decompressed(raw).read(512)
    except StreamError as failure:
        return str(failure)
    for magic, words in FORMATS.items():
        if head.lstrip().startswith(magic):
            return words
    return f"it begins with {head[:24]!r}"


def skip_type(record: Record, kind: str, tally: Tally) -> None:
    """Count a record of a type that holds no document; types that no standard knows are one kind."""
    if not kind:
        return tally.error("no_type", record.offset, "the record has no WARC-Type")
    return tally.skip(kind if kind in OTHER_TYPES else "unknown_type")


def iso_date(value: str) -> str | None:
    """`2024-05-18T01:58:10Z`, also from `20240518015810`; None if it is no date."""
    found = DATE.match(value.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    date = "-".join(part for part in (year, month, day) if part)
    return f"{date}T{hour}:{minute}:{second}{fraction or ''}{zone or 'Z'}" if hour else date


def _status_kind(status: int) -> str:
    if 300 <= status < 400:
        return "redirect"
    return "http_error" if status >= 400 else "other_status"


def _metadata(record: Record, **more: Any) -> str:
    found = {
        **more,
        "record_id": record.headers.get("warc-record-id"),
        "truncated": record.headers.get("warc-truncated"),
        "payload_digest": record.headers.get("warc-payload-digest"),
        "ip": record.headers.get("warc-ip-address"),
        "wrong_length": record.mended or None,
    }
    return orjson.dumps({name: value for name, value in found.items() if value is not None}).decode()


def _require_positive(option: str, value: int) -> None:
    if value <= 0:
        raise ValueError(f"{option}: {value} is not a number of bytes above 0")
