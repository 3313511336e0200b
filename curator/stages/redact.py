"""`redact`: private data out of the text and what is published beside it, and a note of where it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator import privacy
from curator.documents import Rule
from curator.privacy import foreign, people

SPANS = pa.list_(pa.struct([("type", pa.string()), ("start", pa.int32()), ("end", pa.int32())]))
SHORTEST = 1000  # characters: a shorter text counts as one of so many where private data is counted by the thousand


class Mark(NamedTuple):
    type: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Redact:
    """Replace private data by typed placeholders such as `<EMAIL>`, or by stand-ins.

    `entities`: email, phone (Chinese mobile, landline, 400; international with `+`, North American, others behind a word that
    says so), id_card (resident ID of 18 digits with its checksum, of 15 behind a word), uscc (unified social credit code),
    bank_card (Luhn, issuers' ranges), passport, plate, ip (public IPv4, global IPv6), mac, url_credentials, qq, wechat,
    address (postal), api_key, private_key; these are the default. Also, by name, those of presidio that tell themselves
    (`IBAN_CODE`, `US_SSN` …: `curator.privacy.FOREIGN`, with the extra `pii`) and `person`, found by `ner`, a spaCy model.
    `replace: pseudonym` puts stand-ins of the same form, in ranges that are nobody's: equal values get equal ones in every
    document of runs with the same `seed`, from which the values could be tried out: keep it as private as they are.

    `columns` are what it rewrites, by default all: the text; the title; of the URL user and password, the values behind the
    path, and of the path e-mail addresses, resident IDs, and the telephones, qq and wechat that it says are somebody's
    (`/user/138…`: what else host and path say names the document, and stays as it is); of the metadata each string, and each
    number that becomes a placeholder, under the key that says what it is (keys and all else stay). Not looked at: `date`,
    `license`, names of files.

    `count` is how many were replaced, `outside_text` how many of them in other columns than the text; `spans` are those of the
    text, their types and where what replaced them stands in the new text, in characters; a column for each entity is how many
    there were of it. The values are kept nowhere. `per_thousand` is how many the text had by a thousand of its characters (a
    text shorter than that, at all); with `max_per_thousand` a document that has more is rejected. One pass over the bytes
    finds the few places that are looked at any further.
    """

    name: str = "redact"
    entities: tuple[str, ...] = tuple(privacy.ENTITIES)
    columns: tuple[str, ...] = ("text", *privacy.FIELDS)
    replace: Literal["placeholder", "pseudonym"] = "placeholder"
    seed: str = ""
    max_per_thousand: float | None = None
    ner: str | None = None

    revision: ClassVar[int] = 5
    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __post_init__(self) -> None:
        if not self.entities or len(set(self.entities)) < len(self.entities):
            raise ValueError("entities: name at least one, and each once")
        privacy.check(self.entities, self.ner)
        if "text" not in self.columns or len(set(self.columns)) < len(self.columns):
            raise ValueError("columns: name `text`, and each once")
        for column in self.columns:
            if column != "text" and column not in privacy.FIELDS:
                raise ValueError(f"columns: no {column!r}. There are: text, {', '.join(privacy.FIELDS)}")
        if self.ner is not None and privacy.PERSON not in self.entities:
            raise ValueError("ner: is for `person`, which `entities` does not name")
        if self.replace == "pseudonym" and not self.seed:
            raise ValueError("seed: `replace: pseudonym` needs one, any words that nobody else knows")
        if self.replace == "placeholder" and self.seed:
            raise ValueError("seed: is for `replace: pseudonym`")
        if self.max_per_thousand is not None and self.max_per_thousand < 0:
            raise ValueError(f"max_per_thousand: {self.max_per_thousand}; it must be 0 or more")

    @property
    def libraries(self) -> tuple[str, ...]:
        asked = foreign.LIBRARIES if set(self.entities) & set(privacy.FOREIGN) else ()
        return (*asked, *(people.LIBRARIES if self.ner else ()))

    @property
    def tallies(self) -> tuple[str, ...]:
        return self.entities

    @property
    def rewrites(self) -> frozenset[str]:
        return frozenset(self.columns)

    @property
    def writes(self) -> Mapping[str, pa.DataType]:
        counts = dict.fromkeys(("count", "outside_text", *self.entities), pa.int32())
        return dict.fromkeys(self.columns, pa.string()) | {"per_thousand": pa.float32(), "spans": SPANS} | counts

    @property
    def rules(self) -> Sequence[Rule]:
        if self.max_per_thousand is None:
            return ()
        column = f"{self.name}.per_thousand"
        return (Rule(column=column, reason=column, max=self.max_per_thousand),)

    def files(self) -> Sequence[str]:
        return ()

    def warm(self) -> None:
        self(pa.record_batch({"text": pa.array(["text to compile for: 13812345678"])}))

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        text = docs.column("text")
        null = ~text.is_valid().to_numpy(zero_copy_only=False)
        found = privacy.find(text, self.entities, self.ner)
        changed = {row: self._replaced(text[row].as_py(), of_row) for row, of_row in enumerate(found) if of_row}
        marks = [None if null[row] else changed[row][1] if row in changed else [] for row in range(len(text))]
        columns = {"text": _with(text, {row: new for row, (new, _) in changed.items()})}
        counts = np.zeros((len(self.entities), len(text)), np.int32)
        self._count(((row, of_row) for row, of_row in enumerate(found) if of_row), counts)
        in_text = counts.sum(0, dtype=np.int32)
        for name in self.columns:
            if name != "text":
                # a column that no document of the batch has stays empty
                column = docs.column(name) if name in docs.schema.names else pa.nulls(len(docs), pa.string())
                columns[name] = self._field(column, privacy.FIELDS[name], counts)
        count = counts.sum(0, dtype=np.int32)
        characters = pc.fill_null(pc.utf8_length(text), 0).to_numpy(zero_copy_only=False)
        return {
            **columns,
            "count": pa.array(count, mask=null),
            "outside_text": pa.array(count - in_text, mask=null),
            "per_thousand": pa.array((1000 * in_text / np.maximum(characters, SHORTEST)).astype(np.float32), mask=null),
            "spans": pa.array([None if row is None else [m._asdict() for m in row] for row in marks], SPANS),
            **{name: pa.array(of_name, mask=null) for name, of_name in zip(self.entities, counts)},
        }

    def _field(self, column: pa.Array, parts_of: privacy.Parts, counts: np.ndarray) -> pa.Array:
        """A column beside the text, rewritten; what was found in it is added to `counts`."""
        parts = [(row, part) for row, value in enumerate(column.to_pylist()) if value for part in parts_of(value)]
        found = privacy.find(pa.array([part.text for _, part in parts], pa.large_string()), self.entities, self.ner)
        new: dict[int, list[tuple[int, int, str]]] = {}
        for (row, part), spans in zip(parts, found):
            first, last = len(part.before), len(part.before) + len(part.value)
            own = [
                (start - first, end - first, name)
                for start, end, name in spans
                if first <= start and end <= last and (part.entities is None or name in part.entities)
            ]
            if own:
                new.setdefault(row, []).append((part.start, part.end, part.written(self._replaced(part.value, own)[0])))
                self._count([(row, own)], counts)
        return _with(column, {row: _spliced(column[row].as_py(), pieces) for row, pieces in new.items()})

    def _count(self, found: Iterable[tuple[int, Iterable[privacy.Found]]], counts: np.ndarray) -> None:
        for row, of_row in found:
            for *_, name in of_row:
                counts[self.entities.index(name), row] += 1

    def _replaced(self, text: str, found: Iterable[privacy.Found]) -> tuple[str, list[Mark]]:
        """The new text, and (type, start, end) of what replaced each in it."""
        parts: list[str] = []
        marks: list[Mark] = []
        at = written = 0
        for start, end, name in found:
            new = f"<{name.upper()}>" if self.replace == "placeholder" else privacy.pseudonym(name, text[start:end], self.seed)
            written += start - at
            parts += [text[at:start], new]
            marks.append(Mark(name, written, written + len(new)))
            written += len(new)
            at = end
        return "".join([*parts, text[at:]]), marks


def _spliced(value: str, pieces: Iterable[tuple[int, int, str]]) -> str:
    parts, at = [], 0
    for start, end, new in pieces:
        parts += [value[at:start], new]
        at = end
    return "".join([*parts, value[at:]])


def _with(text: pa.Array, new: Mapping[int, str]) -> pa.Array:
    if not new:
        return text
    mask = np.zeros(len(text), bool)
    mask[list(new)] = True
    return pc.replace_with_mask(text, pa.array(mask), pa.array(list(new.values()), text.type))
