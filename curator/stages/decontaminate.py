"""`decontaminate`: documents that hold items of evaluation sets are rejected, by the name of the set."""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from curator import storage
from curator.documents import File, Rule
from curator.metrics.segments import texts
from curator.stages.decontaminate_items import Item, find, read_items
from curator.stages.decontaminate_match import Found, Table, build, search, tellable

MOST_NAMED = 20  # items of one document


@dataclass(frozen=True, kw_only=True)
class Decontaminate:
    """Find the questions of evaluation sets in documents: verbatim, but for white space, punctuation, width, case, marks and
    the script of Chinese (see `decontaminate_units`), anywhere in a page, whatever its choices' order.

    `against`: sets by name, each a glob of .csv, .tsv, .jsonl, .json or .parquet, packed or not. `fields`: of a set, the name
    of the question's field and those of its choices; the usual names are found (`question` `prompt` `problem` …, `A` to `H`
    `choices` `options`). A document holds an item if matches near each other cover `overlap` of its question (PaLM: 70 % of
    its 8-grams; matches of under 8 words do not count) and one has at least `ngram` words (GPT-3: 13). In scripts without
    spaces 20 characters are 13 words. Or if the matches, with choices that stand near them whole (two at least, in any order),
    cover `overlap` of question and choices, and as much as `ngram` words: so short questions are found, and those with a slip.
    What many questions share ("which of the following is true") begins no match. An item that has less than `ngram` words with
    its choices cannot be told from chance: it is never found.

    Writes for each set how many of its items the document holds (the rule: none), the largest share of a question that is
    covered (`<set>.covered`) and the units of the longest match (`<set>.longest`), null where nothing matches; and `found`, a
    JSON list of the items, the first 20, for the report.
    """

    name: str = "decontaminate"
    against: dict[str, tuple[str, ...]]
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ngram: int = 13
    overlap: float = 0.7
    unicode: str = field(default=unicodedata.unidata_version, init=False)  # the units follow it: part of the fingerprint

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("opencc",)
    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __post_init__(self) -> None:
        if not self.against:
            raise ValueError("against: names no evaluation set")
        for name in self.against:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name == "found":
                raise ValueError(f"against: {name!r} must be letters, digits and _, and not `found`")
        for name, names in self.fields.items():
            if name not in self.against or not names:
                raise ValueError(f"fields: {name!r} must be a set of `against`, with the name of its question's field")
        if not 8 <= self.ngram <= 100:
            raise ValueError(f"ngram: {self.ngram} words; it must be 8 to 100")
        if not 0 < self.overlap <= 1:
            raise ValueError(f"overlap: {self.overlap}; a share of the question, above 0, at most 1")
        try:
            self._index()
        except (storage.StorageError, OSError) as error:
            raise ValueError(f"against: {error}") from None

    @property
    def writes(self) -> Mapping[str, pa.DataType]:
        columns: dict[str, pa.DataType] = {}
        for name in self.against:
            columns |= {name: pa.int32(), f"{name}.covered": pa.float32(), f"{name}.longest": pa.int32()}
        return columns | {"found": pa.string()}

    @property
    def rules(self) -> Sequence[Rule]:
        return tuple(Rule(column=f"{self.name}.{s}", reason=f"{self.name}.{s}", max=0) for s in self.against)

    def files(self) -> Sequence[str]:
        return [file.path for _, files, _ in self._sets() for file in files]

    def warm(self) -> None:
        self(pa.record_batch({"text": pa.array(["a text to compile for"])}))

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        index = self._index()
        column = docs.column("text")
        text = texts(column)
        starts = np.where(text.valid, text.starts, text.stops)
        found = search(index.table, text.data, starts, text.stops, self.ngram, self.overlap)
        set_of = index.set_of[found.items]
        columns: dict[str, pa.Array] = {}
        for number, name in enumerate(self.against):
            columns |= self._of_set(name, Found(*(part[set_of == number] for part in found)), ~text.valid)
        return columns | {"found": _named(index.names, found, len(column))}

    def _of_set(self, name: str, found: Found, null: np.ndarray) -> dict[str, pa.Array]:
        rows = len(null)
        hits = np.bincount(found.rows[found.hits], minlength=rows).astype(np.int32)
        covered, longest = np.zeros(rows, np.float32), np.zeros(rows, np.int32)
        np.maximum.at(covered, found.rows, found.covered)
        np.maximum.at(longest, found.rows, found.longest)
        nothing = covered == 0
        return {
            name: pa.array(hits, mask=null),
            f"{name}.covered": pa.array(covered, mask=nothing),
            f"{name}.longest": pa.array(longest, mask=nothing),
        }

    def _sets(self) -> list[tuple[str, list[File], tuple[str, ...]]]:
        return [(name, find(patterns), self.fields.get(name, ())) for name, patterns in self.against.items()]

    def _index(self) -> Index:
        """The items of all sets, read once a process and again when a file has changed."""
        return _index(tuple((name, tuple(files), fields) for name, files, fields in self._sets()), self.ngram)


class Index(NamedTuple):
    table: Table
    set_of: np.ndarray  # int64 per item
    names: tuple[str, ...]  # `<set>/<file>:<record>`


@functools.lru_cache(maxsize=4)
def _index(sets: tuple[tuple[str, tuple[File, ...], tuple[str, ...]], ...], ngram: int) -> Index:
    items: list[Item] = []
    names: list[str] = []
    sizes: list[int] = []
    for name, files, fields in sets:
        mine = [item for file in files for item in read_items(file, fields)]
        if not mine:
            raise ValueError(f"against: {name!r} has no items")
        items += mine
        names += [f"{name}/{item.name}" for item in mine]
        sizes.append(len(mine))
    return Index(build(items, ngram), np.repeat(np.arange(len(sizes)), sizes), tuple(names))


def told_apart(stage: Decontaminate) -> dict[str, tuple[int, int]]:
    """By set: its items, and how many of them are long enough to be told from chance; the others are never found."""
    index = stage._index()
    enough = tellable(index.table, stage.ngram)
    return {
        name: (int((index.set_of == number).sum()), int(enough[index.set_of == number].sum()))
        for number, name in enumerate(stage.against)
    }


def _named(names: tuple[str, ...], found: Found, rows: int) -> pa.Array:
    """A JSON list for each row that holds an item."""
    held: dict[int, list[str]] = {}
    for row, item in zip(found.rows[found.hits].tolist(), found.items[found.hits].tolist(), strict=True):
        mine = held.setdefault(row, [])
        if len(mine) < MOST_NAMED:
            mine.append(names[item])
    values = [json.dumps(held[row], ensure_ascii=False) if row in held else None for row in range(rows)]
    return pa.array(values, pa.string())
