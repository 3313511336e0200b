"""`redact`: private data out of the text, and a note of where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from curator.stages.private import ENTITIES, find

SPANS = pa.list_(pa.struct([("type", pa.string()), ("start", pa.int32()), ("end", pa.int32())]))


@dataclass(frozen=True, kw_only=True)
class Redact:
    """Replace private data by typed placeholders such as `<EMAIL>`.

    `entities`: email, phone (Chinese mobile and landline, international with `+`, North American), id_card (Chinese resident
    ID, with its checksum), bank_card (Luhn, issuers' ranges of 16 to 19 digits), ip (public IPv4, global IPv6). `count` is how many
    were replaced, `spans` their types and the offsets of their placeholders in the new text, in characters; the values are
    kept nowhere. One regular expression over the column finds the few texts that are looked at any further.
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
        hinted = pc.match_substring_regex(text, "|".join(ENTITIES[name].hint for name in self.entities))
        known = pc.fill_null(hinted, False)
        redacted = {i: self.redacted(text[i].as_py()) for i in pc.indices_nonzero(known).to_pylist()}
        if not redacted:
            return {"text": text, "count": _counts(text, {}), "spans": _spans(text, {})}
        return {
            "text": pc.replace_with_mask(text, known, pa.array([t for t, _ in redacted.values()], pa.string())),
            "count": _counts(text, {i: len(spans) for i, (_, spans) in redacted.items()}),
            "spans": _spans(text, {i: spans for i, (_, spans) in redacted.items()}),
        }

    def redacted(self, text: str) -> tuple[str, list[tuple[str, int, int]]]:
        """The text with placeholders, and (type, start, end) of each in it."""
        parts: list[str] = []
        spans: list[tuple[str, int, int]] = []
        at = written = 0
        for start, end, name in find(text, self.entities):
            mark = f"<{name.upper()}>"
            written += start - at
            parts += [text[at:start], mark]
            spans.append((name, written, written + len(mark)))
            written += len(mark)
            at = end
        return "".join([*parts, text[at:]]), spans


def _counts(text: pa.Array, counts: Mapping[int, int]) -> pa.Array:
    return pa.array([counts.get(i, 0) if valid else None for i, valid in enumerate(text.is_valid().to_pylist())], pa.int32())


def _spans(text: pa.Array, spans: Mapping[int, list[tuple[str, int, int]]]) -> pa.Array:
    rows = [
        [dict(zip(("type", "start", "end"), span)) for span in spans.get(i, ())] if valid else None
        for i, valid in enumerate(text.is_valid().to_pylist())
    ]
    return pa.array(rows, SPANS)
