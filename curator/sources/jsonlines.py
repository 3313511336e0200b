"""JSON lines: one object a line, plain or compressed, each line by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any

import orjson

from curator.documents import File, Piece, Tally
from curator.sources.packing import ZSTD_WINDOW_BYTES, compression
from curator.sources.parsing import parse, parsed
from curator.sources.resync import holds_text
from curator.sources.streams import StreamError, open_stream
from curator.storage import open_input

BOM = b"\xef\xbb\xbf"
LINE_BYTES = 64 << 20  # the longest line, where nothing else is said
REST_BYTES = 1 << 20
MOST_GAPS = 20  # of a file that are told one by one


def line_ranges(file: File, size: int) -> Sequence[tuple[int, int]]:
    """Ranges of about `size` bytes of a plain file; lines belong to the range in which they begin."""
    count = file.size // max(size, 1)
    if count < 2:
        return [(0, -1)]
    with open_input(file.path) as raw:
        if compression(raw.read(10)) is not None:
            return [(0, -1)]
    cuts = [file.size * i // count for i in range(count)]
    return list(zip(cuts, [*cuts[1:], -1]))


def objects(
    piece: Piece, tally: Tally, longest: int = LINE_BYTES, window: int = ZSTD_WINDOW_BYTES
) -> Iterator[tuple[int, dict[str, Any]]]:
    """`(offset, object)` of the lines that begin in a piece. Each line is met as a record; one that is blank is a skip, one
    that holds no JSON object an error. Of a compressed file, what can be read behind a damaged place is read: the line that
    ends there is an error, and so is the next one if its beginning is lost."""
    gaps = untold = 0
    with open_stream(piece.file.path, window, holds_text) as stream:
        if piece.whole and piece.file.size == 0:
            tally.broken("empty", 0, "the file is empty")
        for offset, line, failure in lines(stream, piece, longest):
            if failure is not None and not isinstance(failure, Behind):
                gaps += 1
                if gaps <= MOST_GAPS or not failure.goes_on:
                    tally.broken(failure.kind, offset, str(failure))
                else:
                    untold += 1
                if not line:
                    continue
            tally.record()
            if failure is not None and (lost := _lost(line, failure)):
                tally.error(failure.kind, offset, lost)
            elif line is None:
                tally.error("line_too_long", offset, f"a line of more than {longest} bytes")
            elif not line.strip():
                tally.skip("blank")
            else:
                fields = loads(line, offset, tally)
                if fields is not None:
                    yield offset, fields
    if untold:
        tally.broken("corrupt", "end", f"{untold:,} more places are damaged, {gaps:,} in all")


def loads(data: bytes, offset: int, tally: Tally) -> dict[str, Any] | None:
    """A JSON object; None, and an error counted, if it is none."""
    try:
        fields = parsed(data, offset, tally)
    except orjson.JSONDecodeError as failure:
        return tally.error(_why(data), offset, str(failure))
    return fields if isinstance(fields, dict) else tally.error("not_object", offset, "no JSON object stands here")


def _lost(line: bytes | None, failure: StreamError) -> str:
    """What is lost of a line at a damaged place or behind one; nothing if it is whole."""
    if isinstance(failure, Behind):
        whole = line is None or not line.strip() or _is_object(line)
        return "" if whole else "the beginning of the line is lost"
    whole = failure.kind == "trailing_bytes" or (failure.kind == "garbage" and _is_object(line or b""))
    return "" if whole else "the line could not be read to its end"


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(parse(data)[0], dict)
    except orjson.JSONDecodeError:
        return False


def dumps(fields: dict[str, Any], offset: int, tally: Tally) -> str | None:
    """The JSON of what is left of an object; None, and an error counted, if it nests deeper than can be written (254)."""
    try:
        return orjson.dumps(fields).decode()
    except TypeError as failure:
        return tally.error("nested_too_deep", offset, str(failure))


class Behind(StreamError):
    """Said of the first line behind a damaged place, whose beginning may be lost."""


def lines(stream: IO[bytes], piece: Piece, longest: int) -> Iterator[tuple[int, bytes | None, StreamError | None]]:
    """(offset, line, None) for the lines that begin in the piece; the line is None if it is too long. With a StreamError, the
    line is what there is of it, and the last one, unless that goes on."""
    gap: StreamError | None = None
    offset = piece.start
    if offset:
        stream.seek(offset - 1)  # the line that is cut by the start of the piece belongs to the piece before
        offset += _skip_line(stream, piece.stop - offset if piece.stop >= 0 else -1) - 1
    while piece.stop < 0 or offset < piece.stop:
        line: bytes | None = b""
        length = 0
        try:
            line = stream.readline(longest + 2)
            length = len(line)
            if not line:
                return
            if not line.endswith(b"\n"):
                length += _skip_line(stream)
        except StreamError as failure:
            yield offset, line, failure
            if not failure.goes_on:
                return
            offset, gap = stream.tell(), failure
            continue
        if length > longest + line.endswith(b"\n"):
            line = None
        elif offset == 0:
            line = line.removeprefix(BOM)
        yield offset, line, Behind(gap.kind, str(gap)) if gap else None
        offset, gap = offset + length, None


def _skip_line(stream: IO[bytes], most: int = -1) -> int:
    """Bytes up to and including the next newline, or a little more than `most`."""
    skipped = 0
    while part := stream.readline(REST_BYTES):
        skipped += len(part)
        if part.endswith(b"\n") or 0 <= most < skipped:
            break
    return skipped


def _why(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "invalid_utf8"
    return "invalid_json"
