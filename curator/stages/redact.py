"""`redact`: private data out of the text, and a note of where it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from curator.stages.private import ENTITIES, find

SPANS = pa.list_(pa.struct([("type", pa.string()), ("start", pa.int32()), ("end", pa.int32())]))


class Mark(NamedTuple):
    type: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Redact:
    """Replace private data by typed placeholders such as `<EMAIL>`.

    `entities`: email, phone (Chinese mobile and landline, international with `+`, North American), id_card (Chinese resident
    ID, with its checksum), bank_card (Luhn, issuers' ranges of 16 to 19 digits), ip (public IPv4, global IPv6). `count` is
    how many were replaced, `spans` their types and the offsets of their placeholders in the new text, in characters; the
    values are kept nowhere. One regular expression over the column finds the few texts that are looked at any further.
    """

    entities: tuple[str, ...] = ("email", "phone", "id_card", "bank_card", "ip")

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.string(), "count": pa.int32(), "spans": SPANS}

    def __post_init__(self) -> None:
        unknown = [name for name in self.entities if name not in ENTITIES]
        if unknown:
            raise ValueError(f"entities: no {unknown[0]!r}; there are {', '.join(ENTITIES)}")
        if not self.entities or len(set(self.entities)) < len(self.entities):
            raise ValueError("entities: name at least one, and each once")

    def files(self) -> Sequence[str]:
        return ()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        text = docs.column("text")
        hinted = pc.fill_null(pc.match_substring_regex(text, "|".join(ENTITIES[name].hint for name in self.entities)), False)
        where = pc.indices_nonzero(hinted).to_pylist()
        changed = dict(zip(where, self._redacted(text.filter(hinted))))
        if where:
            text = pc.replace_with_mask(text, hinted, pa.array([t for t, _ in changed.values()], pa.string()))
        marks = [
            (changed[i][1] if i in changed else []) if valid else None for i, valid in enumerate(text.is_valid().to_pylist())
        ]
        return {
            "text": text,
            "count": pa.array([None if row is None else len(row) for row in marks], pa.int32()),
            "spans": pa.array([None if row is None else [m._asdict() for m in row] for row in marks], SPANS),
        }

    def _redacted(self, texts: pa.Array) -> Iterator[tuple[str, list[Mark]]]:
        hints = [pc.match_substring_regex(texts, ENTITIES[name].hint).to_pylist() for name in self.entities]
        for text, *hinted in zip(texts.to_pylist(), *hints):
            yield redacted(text, [name for name, there in zip(self.entities, hinted) if there])


def redacted(text: str, entities: Sequence[str]) -> tuple[str, list[Mark]]:
    """The text with placeholders, and (type, start, end) of each in it."""
    parts: list[str] = []
    marks: list[Mark] = []
    at = written = 0
    for start, end, name in find(text, entities):
        placeholder = f"<{name.upper()}>"
        written += start - at
        parts += [text[at:start], placeholder]
        marks.append(Mark(name, written, written + len(placeholder)))
        written += len(placeholder)
        at = end
    return "".join([*parts, text[at:]]), marks
