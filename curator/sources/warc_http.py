"""HTTP responses as crawlers keep them: status, headers, and the payload without its transfer and content encodings.

Many crawlers store a payload decoded and leave the headers as they were, so an encoding is undone only where it is there.
Others drop the header and keep the payload encoded, and servers say one encoding and send another, or gzip of gzip: then the
bytes decide.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from curator.sources.packing import GZIP, Brotli, Inflate, compression, packing
from curator.sources.streams import StreamError, members, one_member
from curator.sources.warc_framing import HEADER_BYTES, HEADER_END, parse_headers

STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)")
CHUNK_SIZE = re.compile(rb"[ \t]*0{0,24}([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]{1,40})""", re.IGNORECASE)
BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
ZLIB = tuple(bytes((8 | window << 4,)) for window in range(8))  # RFC 1950: the first byte
UTF16 = (b"\xff\xfe", b"\xfe\xff")
MOST_CODINGS = 4
MOST_UNSAID = 2  # of gzip, within what the headers speak of
MOST_INTERIM = 8  # responses (`100 Continue`) before the one that has the page


class PayloadError(Exception):
    """A payload that gives nothing: `kind` is `content_encoding`, or `too_large` for one above the bound."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class Response:
    status: int
    headers: dict[str, str]
    payload: bytes  # as it was stored


def parse_response(data: bytes, begin: int = 0, end: int | None = None) -> Response | None:
    """The HTTP response in `data[begin:end]`; None if no status line begins it."""
    end = len(data) if end is None else end
    status = STATUS_LINE.match(data, begin, end)
    for _ in range(MOST_INTERIM):
        if status is None or not status[1].startswith(b"1"):
            break
        blank = HEADER_END.search(data, status.end(), min(begin + HEADER_BYTES, end))
        if blank is None or (final := STATUS_LINE.match(data, blank.end(), end)) is None:
            break
        begin, status = blank.end(), final
    if status is None:
        return None
    most = min(begin + HEADER_BYTES, end)
    stop = data.find(b"\r\n\r\n", status.end(), most)
    payload = stop + 4
    if stop < 0 or data.find(b"\n\n", begin, stop) >= 0 or data.find(b"\n\r\n", begin, stop) >= 0:
        blank = HEADER_END.search(data, status.end(), most)
        stop, payload = blank.span() if blank else (most, end)
    return Response(int(status[1]), parse_headers(data[begin:stop]), data[payload:end])


def media_type(content_type: str) -> tuple[str, str | None]:
    """`Text/HTML; Charset="GBK"` -> (`text/html`, `GBK`)."""
    charset = CHARSET.search(content_type)
    return re.split("[;,]", content_type, maxsplit=1)[0].strip().lower(), charset[1] if charset else None


def decode_payload(response: Response, most: int) -> tuple[bytes, bool]:
    """The payload without its encodings, and whether all of it came: a page that was cut short gives what there is.

    Raises PayloadError for more than `most` bytes, and where nothing can be decoded.
    """
    payload, complete = response.payload, True
    transfer = _codings(response.headers.get("transfer-encoding", ""))
    if "chunked" in transfer:
        payload, complete = _dechunk(payload)
    codings = [*_codings(response.headers.get("content-encoding", "")), *(c for c in transfer if c != "chunked")]
    if len(codings) > MOST_CODINGS:
        raise PayloadError("content_encoding", f"{len(codings)} encodings on top of each other")
    for coding in reversed(codings):
        payload, whole = _decompress(payload, coding, most)
        complete = complete and whole
    for _ in range(MOST_UNSAID):
        if not payload.startswith(GZIP):
            break
        inner, whole = _decompress(payload, "gzip", most)
        if not _is_text(inner) and not inner.startswith((GZIP, *UTF16)):
            break  # an archive that calls itself a page
        payload, complete = inner, complete and whole
    if len(payload) > most:
        raise PayloadError("too_large", f"a payload of more than {most} bytes")
    return payload, complete


def _codings(value: str) -> list[str]:
    return [name for name in (part.strip().lower().removeprefix("x-") for part in value.split(",")) if name]


def _dechunk(payload: bytes) -> tuple[bytes, bool]:
    """Chunks put together (RFC 9112 §7.1), as far as they are well-formed; a payload that holds none is left as it is."""
    joined = bytearray()
    at = 0
    while (size := CHUNK_SIZE.match(payload, at)) is not None:
        begin, length = size.end(), int(size[1], 16)
        if length == 0:
            return bytes(joined), True
        end = begin + length
        if at == 0 and end < len(payload) and not payload.startswith((b"\r\n", b"\n"), end):
            break
        joined += payload[begin:end]
        if end >= len(payload):
            return bytes(joined), False
        at = end + (2 if payload.startswith(b"\r\n", end) else 1)
    return (bytes(joined), False) if joined else (payload, True)


def _decompress(payload: bytes, coding: str, most: int) -> tuple[bytes, bool]:
    portions = _portions(payload, coding)
    guessed = portions is None and coding in ("gzip", "zstd") and not _is_text(payload) and not _is_wide(payload)
    if guessed:
        portions = one_member(io.BytesIO(payload), Brotli())  # the last that it may be
    if portions is None or not payload:
        return payload, True
    gathered = bytearray()
    complete = True
    try:
        for portion in portions:
            gathered += portion
            if len(gathered) > most:
                raise PayloadError("too_large", f"a payload of more than {most} bytes")
    except StreamError as failure:
        complete = failure.kind == "trailing_bytes"
        if guessed and (failure.kind == "corrupt" or not _is_text(gathered)):
            gathered.clear()
        if not gathered:
            if guessed or compression(payload[:10]) or not _is_text(payload):
                raise PayloadError("content_encoding", f"{coding}: {failure}") from None
            return payload, True
    return bytes(gathered), complete


def _portions(payload: bytes, coding: str) -> Iterator[bytes] | None:
    """The decompressed portions of a payload; None if it is not compressed, whatever its headers say."""
    if coding not in ("gzip", "zstd", "deflate", "br"):
        return None
    if compression(payload[:10]) in ("gzip", "zstd") and (kind := packing(payload[:10])) is not None:
        return members(io.BytesIO(payload), kind)
    if coding == "br":
        return one_member(io.BytesIO(payload), Brotli())
    zlib = payload[:1] in ZLIB and int.from_bytes(payload[:2], "big") % 31 == 0
    if coding == "deflate":  # zlib (RFC 1950) by the standard; some servers send raw deflate
        return one_member(io.BytesIO(payload), Inflate(15 if zlib else -15))
    return one_member(io.BytesIO(payload), Inflate(15)) if zlib and not _is_text(payload) else None


def _is_text(payload: bytes | bytearray) -> bool:
    """Whether few of the first bytes are such as compressed data are full of, and stray in pages."""
    head = payload[:1024]
    return len(BINARY.findall(head)) * 20 <= len(head)


def _is_wide(payload: bytes) -> bool:
    """Whether it may be UTF-16: marked, or with the zero bytes of its ASCII characters."""
    return payload.startswith(UTF16) or payload[:1024].count(0) * 16 > len(payload[:1024])
