"""`jsonl`: JSON objects, one a line or in one list, plain or compressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from curator.documents import File, Piece, Tally, batched
from curator.sources import jsonarray
from curator.sources.fields import join_text, no_text, take, take_text
from curator.sources.jsonlines import LINE_BYTES, dumps, line_ranges, objects
from curator.sources.mapped import MAPPED, Mapped


@dataclass(frozen=True, kw_only=True)
class Jsonl(Mapped):
    """JSON lines, or one JSON list of objects, also .gz, .zst, .bz2, .xz and .lz4 (by their first bytes, not their name).

    `text`, `url`, `title`, `date`, `language` and `license` name the field that holds each; a dot goes into an object
    (`content.body`), also into one that is a string of JSON, and for the text into each object of a list (`段落.内容`, a line
    each). `text` may name several fields: those that are there and not empty are joined by an empty line. All but the text are
    taken only if they are strings. Every other field goes to the metadata. Plain files are cut into ranges; the offset is that
    of the line in the decompressed bytes. A line that is no JSON object with such a text, or longer than `max_line` bytes, is
    an error and costs itself alone; blank lines are skipped. Of two equal keys the last wins; NaN and infinities are null, lone
    surrogates (`\\ud800`) U+FFFD. Behind a damaged place, reading goes on at the next gzip member, zstd or lz4 frame, bz2 block
    or xz stream of the file; in a list it does not.

        c4:       {read: jsonl, from: c4/*.json.gz, date: timestamp}
        pile:     {read: jsonl, from: pile/*.jsonl.zst}                      # meta.pile_set_name is in the metadata
        redpajama: {read: jsonl, from: redpajama/*.jsonl, url: meta.url, date: meta.timestamp}
        wudao:    {read: jsonl, from: wudao/*.json, text: [title, content]}  # each file is a list
        mnbvc:    {read: jsonl, from: mnbvc/*.jsonl.gz, text: 段落.内容, title: 文件名}
    """

    max_line: int = LINE_BYTES

    revision: ClassVar[int] = 4
    columns: ClassVar[frozenset[str]] = frozenset(["text", *MAPPED, "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("orjson", "zstandard")

    def __post_init__(self) -> None:
        self.check_text("field")
        if self.max_line <= 0:
            raise ValueError(f"max_line: {self.max_line} is not a number of bytes above 0")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        cuts = line_ranges(file, size)
        return cuts if len(cuts) < 2 or not jsonarray.is_list_of_objects(file.path) else [(0, -1)]

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece, tally), self.columns)

    def _rows(self, piece: Piece, tally: Tally) -> Iterator[Mapping[str, Any]]:
        one_list = piece.whole and jsonarray.is_list_of_objects(piece.file.path)
        read = jsonarray.records if one_list else objects
        for offset, fields in read(piece, tally, self.max_line):
            row = self._row(fields, offset, tally)
            if row is not None:
                yield row

    def _row(self, fields: dict[str, Any], offset: int, tally: Tally) -> Mapping[str, Any] | None:
        if isinstance(self.text, str):
            text, wanted = take_text(fields, self.text), self.text
        else:
            taken = [(name, take_text(fields, name)) for name in self.text]
            text, wanted = join_text([value for _, value in taken]), self.text[-1]
            for name, value in taken:  # a title that begins the text is the title, too
                if value is not None and name in (getattr(self, column) for column in MAPPED):
                    fields.setdefault(name, value)
        if text is None:
            kind, message = no_text(fields, wanted)
            return tally.error(kind, offset, message)
        row = {name: take(fields, getattr(self, name), str) for name in MAPPED}
        metadata = dumps(fields, offset, tally) if fields else ""
        return None if metadata is None else {"offset": offset, "text": text, **row, "metadata": metadata or None}
