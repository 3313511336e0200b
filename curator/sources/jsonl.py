"""`jsonl`: one JSON object a line, plain or compressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar

import orjson
import pyarrow as pa

from curator.documents import File, Piece, Tally, batched
from curator.sources.packing import compression
from curator.sources.streams import StreamError, open_stream
from curator.storage import open_input

MAPPED = ("url", "title", "date", "language", "license")
BOM = b"\xef\xbb\xbf"
REST_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Jsonl:
    """JSON lines, also .gz, .zst and .bz2 (by their first bytes, not their name).

    `text`, `url`, `title`, `date`, `language` and `license` name the field that holds each; a dot goes into an object
    (`content.body`). All but the text are taken only if they are strings. Every other field goes to the metadata. Plain files
    are cut into ranges; the offset is that of the line in the decompressed bytes. A line that is no JSON object with such a
    text, or longer than `max_line` bytes, is an error and costs itself alone; blank lines are skipped. Of two equal keys the
    last wins.
    """

    text: str = "text"
    url: str = "url"
    title: str = "title"
    date: str = "date"
    language: str = "language"
    license: str = "license"
    max_line: int = 64 << 20

    revision: ClassVar[int] = 1
    columns: ClassVar[frozenset[str]] = frozenset(["text", *MAPPED, "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("orjson", "zstandard")

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("text: name the field that holds the text")
        if self.max_line <= 0:
            raise ValueError(f"max_line: {self.max_line} is not a number of bytes above 0")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        count = file.size // max(size, 1)
        if count < 2:
            return [(0, -1)]
        with open_input(file.path) as raw:
            if compression(raw.read(10)) is not None:
                return [(0, -1)]
        cuts = [file.size * i // count for i in range(count)]
        return list(zip(cuts, [*cuts[1:], -1]))

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece, tally), self.columns)

    def _rows(self, piece: Piece, tally: Tally) -> Iterator[Mapping[str, Any]]:
        with open_stream(piece.file.path) as stream:
            if piece.whole and piece.file.size == 0:
                tally.broken("empty", 0, "the file is empty")
            for offset, line, failure in _lines(stream, piece, self.max_line):
                if failure is not None:
                    tally.broken(failure.kind, offset, str(failure))
                    if not line:
                        return
                tally.record()
                if failure is not None and failure.kind != "trailing_bytes":
                    tally.error(failure.kind, offset, "the line could not be read to its end")
                elif line is None:
                    tally.error("line_too_long", offset, f"a line of more than {self.max_line} bytes")
                elif not line.strip():
                    tally.skip("blank")
                else:
                    row = self._row(line, offset, tally)
                    if row is not None:
                        yield row

    def _row(self, line: bytes, offset: int, tally: Tally) -> Mapping[str, Any] | None:
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError as failure:
            return tally.error(_why(line, failure), offset, str(failure))
        if not isinstance(fields, dict):
            return tally.error("not_object", offset, "the line holds no JSON object")
        text = _take(fields, self.text, str)
        if text is None:
            kind, message = _no_text(fields, self.text)
            return tally.error(kind, offset, message)
        row = {name: _take(fields, getattr(self, name), str) for name in MAPPED}
        return {"offset": offset, "text": text, **row, "metadata": orjson.dumps(fields).decode() if fields else None}


def _lines(stream: IO[bytes], piece: Piece, longest: int) -> Iterator[tuple[int, bytes | None, StreamError | None]]:
    """(offset, line, None) for the lines that begin in the piece; the line is None if it is too long. With a StreamError, the
    line is what there is of it, and the last one."""
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
            return
        if length > longest + line.endswith(b"\n"):
            line = None
        elif offset == 0:
            line = line.removeprefix(BOM)
        yield offset, line, None
        offset += length


def _skip_line(stream: IO[bytes], most: int = -1) -> int:
    """Bytes up to and including the next newline, or a little more than `most`."""
    skipped = 0
    while part := stream.readline(REST_BYTES):
        skipped += len(part)
        if part.endswith(b"\n") or 0 <= most < skipped:
            break
    return skipped


def _take(fields: dict[str, Any], name: str, kind: type) -> Any:
    """Take a field out, by its name or its dotted path; None, and nothing taken, if it is not of this kind."""
    holder: Any = fields
    if name not in fields:
        *path, name = name.split(".")
        for key in path:
            holder = holder.get(key) if isinstance(holder, dict) else None
    value = holder.get(name) if isinstance(holder, dict) else None
    if value is None or not isinstance(value, kind):
        return None
    del holder[name]
    return value


def _no_text(fields: dict[str, Any], name: str) -> tuple[str, str]:
    value = _take(fields, name, object)
    if value is None:
        return "no_text", f"no field {name!r}, or null; there are: {', '.join(map(repr, list(fields)[:20]))}"
    return "text_not_string", f"field {name!r} is of type {type(value).__name__}"


def _why(line: bytes, failure: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "invalid_utf8"
    return "lone_surrogate" if "surrogate" in str(failure) else "invalid_json"
