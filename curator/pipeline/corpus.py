"""Documents to learn from: what language models, classifiers and tokenizers are trained on, outside a run.

documents of a run      runs/2026-10                    (its `documents/`, but for those held out for validation)
files of documents      data/*.parquet  data/*.jsonl.gz
lines of text           data/*.txt      data/*.txt.zst  (a document a line)
raw dumps with text     data/zhwiki-*.xml.bz2, read as `wikipedia`; books, code and every other source that gives text
some of them            labelled.jsonl::label=clean     (a field of their metadata, or `source`, `language`)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator import config, storage
from curator.documents import File, Piece, Source, Tally, batched
from curator.errors import UserError
from curator.sources import SOURCES
from curator.sources.jsonl import Jsonl
from curator.sources.jsonlines import LINE_BYTES, lines
from curator.sources.parquet import Parquet
from curator.sources.streams import PACKED, open_stream
from curator.tokens.draw import held_out, id_hashes
from curator.tokens.mixture import Mixture

SCHEMA = pa.schema([(name, pa.string()) for name in ("key", "source", "language", "text")])
LINES = tuple(f".txt{packed}" for packed in PACKED)
OBJECTS = tuple(f"{name}{packed}" for name in (".jsonl", ".ndjson", ".json") for packed in PACKED)
SELECTOR = "::"
BATCH_ROWS = 4096


class CorpusError(UserError):
    """What should be learnt from cannot be read as documents."""


@dataclass
class Corpus:
    """Batches of (key, source, language, text), in the order of the files' names: equal inputs give equal batches.

    `patterns` are globs, folders or outputs of runs, each perhaps with `::field=value`; `read` names a source (`wikipedia`,
    `books` …) for files whose name does not say what they are, `text` the field of JSONL and Parquet that holds the text.
    `key` is a stable name of the document: its id in a run, else file and offset. `source` is the run's, else the file's name.
    Documents that a run holds out for validation are never given, so that nothing is trained on what the model will be judged
    by. After it was read, `counts` says what came of every record: documents, held_out, not_selected, skipped, errors.
    Raises CorpusError for what cannot be documents at all; a bad record is counted.
    """

    patterns: Sequence[str]
    read: str | None = None
    text: str = "text"
    counts: Counter[str] = field(default_factory=Counter)
    _first: str = field(default="", init=False)  # the first record that is an error

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.counts.clear()
        self._first = ""
        for pattern in self.patterns:
            path, wanted = _selected(pattern)
            for batch in _of_run(path, self.counts) if _is_run(path) else self._of_files(path):
                if wanted:
                    chosen = batch.filter(_matches(batch, wanted))
                    self.counts["not_selected"] += len(batch) - len(chosen)
                    batch = chosen
                self.counts["documents"] += len(batch)
                if len(batch):
                    yield batch.select(SCHEMA.names)
        if not self.counts["documents"] and self.counts["errors"]:
            raise CorpusError(
                f"none of {self.counts['errors']:,} records could be read as a document; the first: {self._first}"
            )

    @property
    def files(self) -> list[File]:
        """The files that are read, each once, by name: of a run those of its documents."""
        found = {}
        for pattern in self.patterns:
            path, _ = _selected(pattern)
            found |= {file.path: file for file in storage.find([storage.join(path, "documents") if _is_run(path) else path])}
        return sorted(found.values(), key=lambda file: (file.name, file.path))

    @property
    def weights(self) -> dict[str, float]:
        """Of the sources, as the mixture of the run shares them; empty for anything but the documents of one run."""
        path, wanted = _selected(self.patterns[0])
        parts = _tokens(path).get("parts", []) if len(self.patterns) == 1 and not wanted and _is_run(path) else []
        found: dict[str, float] = {}
        for part in parts:
            found[part["source"]] = found.get(part["source"], 0.0) + part["asked_weight"]
        return found

    def described(self) -> list[dict[str, Any]]:
        """For the manifest of an artefact: every file's name, size and sha256."""
        return [{"name": f.name, "bytes": f.size, "sha256": storage.passing_digest(f.path)} for f in self.files]

    def _of_files(self, pattern: str) -> Iterator[pa.RecordBatch]:
        for file in storage.find([pattern]):
            reader = self._reader(file)
            tally = Tally()
            rows = reader.read(Piece(file), tally) if reader else _lines(file, tally)
            for batch in rows:
                yield _named(batch, file)
            self.counts["skipped"] += sum(tally.skipped.values())
            self.counts["errors"] += sum(tally.errors.values())
            for place in tally.damage:
                said = f"{file.path}: {place['kind']} at {place['where']}: {place['message']}"
                if place["file_damage"]:
                    raise CorpusError(said)
                self._first = self._first or said

    def _reader(self, file: File) -> Source | None:
        """None for lines of text."""
        if self.read is not None:
            if self.read not in SOURCES:
                raise CorpusError(f"no source {self.read!r}{config.nearest(self.read, SOURCES)}")
            kind: Any = SOURCES[self.read]
            if "text" not in kind.columns:
                raise CorpusError(
                    f"{self.read}: gives raw pages, not text: run a recipe with `extract`, and learn from its output"
                )
            return kind(text=self.text) if self.read in ("jsonl", "parquet") else kind()
        if file.name.endswith(".parquet"):
            return Parquet(text=self.text)
        if file.name.endswith(OBJECTS):
            return Jsonl(text=self.text)
        if file.name.endswith(LINES):
            return None
        raise CorpusError(
            f"{file.path}: say what it is with --read ({', '.join(SOURCES)}); by name we know .parquet, .jsonl, .txt"
        )


# ------------------------------------------------------------------------------------------------------------- selection


def _selected(pattern: str) -> tuple[str, tuple[str, str] | None]:
    path, sign, wanted = pattern.partition(SELECTOR)
    if not sign:
        return path, None
    name, equals, value = wanted.partition("=")
    if not (name and equals):
        raise CorpusError(f"{pattern}: after {SELECTOR} stands field=value")
    return path, (name, value)


def _matches(batch: pa.RecordBatch, wanted: tuple[str, str]) -> pa.Array:
    name, value = wanted
    if name in ("source", "language"):
        return pc.fill_null(pc.equal(batch.column(name), value), False)
    return pa.array([_field(metadata, name) == value for metadata in batch.column("metadata").to_pylist()], pa.bool_())


def _field(metadata: str | None, name: str) -> str | None:
    value = orjson.loads(metadata).get(name) if metadata else None
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


# ---------------------------------------------------------------------------------------------------------------- files


def _is_run(path: str) -> bool:
    return storage.exists(storage.join(path, "summary.json"))


def _of_run(output: str, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    fraction = float(_tokens(output).get("mixture", {}).get("validation", Mixture().validation))  # else what a mixture would
    for file in storage.find([storage.join(output, "documents")]):
        with storage.open_input(file.path) as stream:
            parquet = pq.ParquetFile(stream)
            names = ["id", "source", "language", "text", "metadata"]
            for batch in parquet.iter_batches(BATCH_ROWS, columns=names):
                out = pa.array(held_out(id_hashes(batch.column("id").to_pylist()), fraction))
                counts["held_out"] += pc.sum(out).as_py() or 0
                yield batch.filter(pc.invert(out)).rename_columns(["key", *names[1:]])


def _tokens(output: str) -> dict[str, Any]:
    """The manifest of the run's tokens; empty without any."""
    path = storage.join(output, "tokens", "manifest.json")
    return orjson.loads(storage.read_bytes(path)) if storage.exists(path) else {}


def _named(rows: pa.RecordBatch, file: File) -> pa.RecordBatch:
    """What a source gives, with a key for every row."""
    count, names = len(rows), set(rows.schema.names)
    parts = rows.column("part") if "part" in names else pa.nulls(count, pa.string())
    offsets = pc.cast(rows.column("offset"), pa.string())
    place = pc.coalesce(pc.binary_join_element_wise(file.name, parts, "!/"), pa.scalar(file.name))
    columns = [
        pc.binary_join_element_wise(place, offsets, ":"),
        pa.repeat(pa.scalar(file.name), count),
        *(rows.column(n) if n in names else pa.nulls(count, pa.string()) for n in ("language", "text", "metadata")),
    ]
    return pa.RecordBatch.from_arrays(columns, names=[*SCHEMA.names[:2], "language", "text", "metadata"])


def _lines(file: File, tally: Tally) -> Iterator[pa.RecordBatch]:
    """A document a line; blank lines are skipped, one that is too long or no UTF-8 is an error."""
    return batched(_rows(file, tally), ["text"])


def _rows(file: File, tally: Tally) -> Iterator[Mapping[str, Any]]:
    with open_stream(file.path) as stream:
        for offset, line, failure in lines(stream, Piece(file), LINE_BYTES):
            if failure is not None:
                tally.broken(failure.kind, offset, str(failure))
            tally.record()
            if line is None or failure is not None:
                tally.error("line_unreadable", offset)
            elif not line.strip():
                tally.skip("blank")
            else:
                try:
                    yield {"offset": offset, "text": line.decode().strip("\r\n")}
                except UnicodeDecodeError as error:
                    tally.error("not_utf8", offset, str(error))
