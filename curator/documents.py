"""The words of the project in code: documents, sources, stages, rules, and the one function that drops a document.

Read this first. A *document* is a row; a *batch* is a `pa.RecordBatch` of them (about 16 MB). A *source* turns raw bytes
into batches. A *stage* takes a batch and returns new columns, a value for every row: it cannot drop or reorder one.
A *rule* names a column and its bounds, and `decide` is the only code in the project that can lose a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

T = TypeVar("T")
R = TypeVar("R")

# The second of the four contracts: what every document has, in every file that the project writes.
SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # 128-bit hash of (source, file, offset) in hex: see `document_ids` in engine/reading.py
        ("source", pa.string()),
        ("text", pa.string()),
        ("url", pa.string()),
        ("title", pa.string()),
        ("date", pa.string()),
        ("license", pa.string()),
        ("language", pa.string()),
        ("script", pa.string()),
        ("origin", pa.struct([("file", pa.string()), ("offset", pa.int64())])),
        ("metadata", pa.string()),  # JSON object
    ]
)

# What a source of raw pages adds until `extract` has made text of it; never written to disk.
TRANSIENT = pa.schema([("payload", pa.binary()), ("content_type", pa.string()), ("charset", pa.string())])

# What a source's rows hold besides: the position inside the file, and the member's path when the file is an archive.
POSITION = pa.schema([("offset", pa.int64()), ("part", pa.string())])

BATCH_BYTES = 16 << 20
BATCH_ROWS = 4096


# ------------------------------------------------------------------------------------------------------------ raw input


@dataclass(frozen=True)
class File:
    """One raw input file. `name` is its path below the fixed prefix of its glob: part of every document's id."""

    path: str
    name: str
    size: int
    stamp: str  # modification time in nanoseconds, an object store's ETag, or a content hash


@dataclass(frozen=True)
class Piece:
    """A file, or what begins in its bytes from `start` up to `stop` (lines, bz2 streams, Parquet row groups); a stop of -1 is
    the end of the file. `others` are files that are read together with it (of one repository)."""

    file: File
    start: int = 0
    stop: int = -1
    others: tuple[File, ...] = ()

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.stop == -1

    @property
    def files(self) -> tuple[File, ...]:
        return (self.file, *self.others)

    @property
    def size(self) -> int:
        return (self.file.size if self.stop == -1 else self.stop) - self.start + sum(other.size for other in self.others)


@dataclass(frozen=True)
class Split:
    """A piece of raw input that is read by one worker: a file, a range of one, or a bundle of small files."""

    key: str
    source: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.pieces)


@dataclass
class Tally:
    """What a reader met in one piece. Every record that is met ends as a document, a skip or an error, and the engine checks
    that the three add up: a reader that drops a record without a word fails its shard."""

    records: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    damage: list[dict[str, Any]] = field(default_factory=list)  # the first places that went wrong, to be named in the summary

    MOST_DAMAGE: ClassVar[int] = 20

    def record(self) -> None:
        """A record was met: a WARC record, a wiki page, a line, a row, a file of code."""
        self.records += 1

    def skip(self, kind: str, count: int = 1) -> None:
        """The record is not a document, by its nature (a request, a redirect, a talk page)."""
        self.skipped[kind] = self.skipped.get(kind, 0) + count

    def error(self, kind: str, where: int | str, message: str = "") -> None:
        """The record should have been a document and could not be read. `where` is its offset or its name."""
        self.errors[kind] = self.errors.get(kind, 0) + 1
        self._keep(kind, where, message)

    def broken(self, kind: str, where: int | str, message: str = "") -> None:
        """The file itself is damaged here (truncated, unreadable), so an unknown number of records is lost."""
        self._keep(kind, where, message, file_damage=True)

    def mended(self, kind: str, where: int | str, count: int, message: str) -> None:
        """The record is a document, though `count` things in it (characters, a header) were wrong and are replaced or done
        without. A kind has one place, the first, with the count of all."""
        place = next((place for place in self.damage if place.get("mended") and place["kind"] == kind), None)
        if place is None:
            place = {"kind": kind, "where": where, "message": "", "file_damage": False, "mended": 0}
            self.damage.append(place)
        place["mended"] += count
        place["message"] = f"{message}: {place['mended']:,}"

    def _keep(self, kind: str, where: int | str, message: str, file_damage: bool = False) -> None:
        if file_damage or len(self.damage) < self.MOST_DAMAGE:
            self.damage.append({"kind": kind, "where": where, "message": message[:300], "file_damage": file_damage})


@runtime_checkable
class Source(Protocol):
    """Raw bytes in, documents out. Implementations are frozen dataclasses whose fields are the YAML options.

    A source whose documents depend on other files than their own (`code`: the licence of a folder) has a `beside(files)` that
    returns what they say, by name: it enters the fingerprint of every split with these files. One that makes a document of
    several files (`code`: a repository) has a `together(files)` that returns them in groups, each read as one piece.
    """

    revision: ClassVar[int]  # bump when the output changes: part of the fingerprint
    columns: ClassVar[frozenset[str]]  # what its rows hold, of SCHEMA and TRANSIENT, besides id, source and origin
    libraries: ClassVar[tuple[str, ...]]  # distributions whose version can change the output

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        """Cut a large file into ranges of about `size` bytes that can be read apart; `[(0, -1)]` where it can't be cut."""
        ...

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        """Yield batches with the columns `offset`, optionally `part`, and `columns`. (part, offset) is unique in the file
        and does not depend on how it was cut."""
        ...


def batched(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """Collect rows (dicts with `offset`, optionally `part`, and any of `columns`) into batches bounded in rows and bytes.

    What was collected before `rows` raises is yielded first: a failure costs the records after it, never those before.
    """
    wanted = [*POSITION, *(f for f in (*SCHEMA, *TRANSIENT) if f.name in set(columns))]
    schema = pa.schema(wanted)
    held: list[Mapping[str, Any]] = []
    size = 0
    failure: Exception | None = None
    iterator = iter(rows)
    while True:
        try:
            row = next(iterator)
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        held.append(row)
        size += 2 * len(row.get("text") or "") + 2 * len(row.get("metadata") or "") + len(row.get("payload") or b"") + 200
        if size >= BATCH_BYTES or len(held) >= BATCH_ROWS:
            yield pa.RecordBatch.from_pylist(held, schema=schema)
            held, size = [], 0
    if held:
        yield pa.RecordBatch.from_pylist(held, schema=schema)
    if failure is not None:
        raise failure


# --------------------------------------------------------------------------------------------------------------- stages


@runtime_checkable
class Stage(Protocol):
    """Documents in, new columns out. The engine owns the rows, so a stage cannot drop or reorder one.

    Implementations are frozen keyword-only dataclasses whose fields are the YAML options. A key of `writes` that is a
    column of SCHEMA (`text`, `title`, `language` …) replaces it; any other is a metric, which the engine calls
    `<stage name>.<key>`; under a name by `as:` a stage replaces the text alone, and what its `rewrites` says. A null text
    rejects its document with the reason `<stage name>.text`; a rejected document keeps the text that it came with. A stage
    may have a `warm()` that compiles its kernels: it is called once before the workers start, so that they find them in the
    cache; `warmings()` is the same in parts by name, picklable callables, which are called beside each other, those of one
    name once. It may have `tallies`, keys of `writes` whose sums over the documents that it lets pass the ledger keeps;
    `numbers`, columns of `reads` that must hold numbers; and `resources` (`{"gpu": 0.25}`), what a worker needs for it.
    """

    reads: frozenset[str]
    writes: Mapping[str, pa.DataType]
    revision: ClassVar[int]
    libraries: ClassVar[tuple[str, ...]]

    def files(self) -> Sequence[str]:
        """Models and lists that the output depends on: checked before the run, and hashed into the fingerprint."""
        ...

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]: ...


class Executor(Protocol):
    """Where work runs. One method, so that the reference (`engine/executor.py`) and Ray (`engine/ray.py`) are all there is."""

    def map(
        self, function: Callable[[T], R], items: Sequence[T], resources: Mapping[str, float] | None = None
    ) -> Iterator[tuple[int, R]]:
        """`(index, function(items[index]))`, in the order in which they finish. A lost call is run again, so `function` keeps
        no state but files written whole (`storage.create`). `function` and items are pickled: module-level functions, or
        `functools.partial` of them. An exception of `function` is raised here."""
        ...


class WholeDatasetStage(Protocol):
    """A stage that must see every document before it can judge one. `sign` runs in the pass that ends there, `mark` once,
    `apply` at the start of the next pass, on marks that are row-aligned with their shard. One that, with its options, judges
    each document by itself says so by a false `whole_dataset`, and is called as a `Stage`."""

    reads: frozenset[str]
    writes: Mapping[str, pa.DataType]  # what `apply` returns
    signature: Mapping[str, pa.DataType]  # what `sign` returns
    revision: ClassVar[int]
    libraries: ClassVar[tuple[str, ...]]
    rules: Sequence[Rule]

    def files(self) -> Sequence[str]: ...

    def sign(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        """One row a document: what `mark` needs to know of it. Rows outside `where:` are null in every column."""
        ...

    def mark(self, signed: Sequence[Shard], folder: str, executor: Executor) -> Sequence[str]:
        """Write one Parquet file of marks per shard, row-aligned with it, below `folder`; their paths, in the same order.

        `signed` files hold `id`, `source` and the columns of `signature`. Equal inputs give equal marks, whatever the executor,
        the order or the number of retries."""
        ...

    def apply(self, docs: pa.RecordBatch, marks: pa.RecordBatch) -> Mapping[str, pa.Array]: ...


@dataclass(frozen=True)
class Shard:
    """One split's output: a Parquet file of documents (or, for `mark`, of their ids and signatures) and its digest."""

    key: str
    source: str
    path: str
    rows: int
    digest: str  # of the logical rows, not of the Parquet bytes


# ---------------------------------------------------------------------------------------------------------------- rules


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One column and its bounds; both ends are included. The first rule that fails is the reason: `<filter>.<metric>`."""

    column: str  # what it reads, as the engine names it
    reason: str
    min: float | None = None
    max: float | None = None
    among: tuple[str, ...] | None = None  # `in:` in the YAML
    equals: bool | None = None  # `is:` in the YAML

    @property
    def bounds(self) -> dict[str, Any]:
        """As manifests have it, under its reason: the column, and what is given of the rest."""
        return {key: value for key, value in vars(self).items() if value is not None and key != "reason"}

    def passes(self, column: pa.Array) -> pa.Array:
        """A boolean per row. A null or NaN fails: nothing is kept because a number could not be measured."""
        if self.among is not None:
            return pc.is_in(column, value_set=pa.array(self.among, pa.string()))
        if self.equals is not None:
            return pc.fill_null(pc.equal(column, self.equals), False)
        passed = None
        if self.min is not None:
            passed = pc.greater_equal(column, _as(self.min, column.type))
        if self.max is not None:
            below = pc.less_equal(column, _as(self.max, column.type))
            passed = below if passed is None else pc.and_(passed, below)
        return pa.repeat(True, len(column)) if passed is None else pc.fill_null(passed, False)


def _as(bound: float, kind: pa.DataType) -> pa.Scalar:
    """A bound in the column's own precision: a float32 of 0.7 passes `min: 0.7`, which as a double it lies below."""
    return pa.scalar(bound, kind if pa.types.is_floating(kind) else pa.float64())


def decide(docs: pa.RecordBatch, rules: Sequence[Rule], within: pa.Array | None = None) -> pa.Array:
    """The reason for which each row is rejected, null for rows that are kept: the first rule, in order, that fails.

    Rows outside `within` (a `where:` that does not hold) are not judged. Nothing else in the project decides to drop.
    """
    first = np.full(len(docs), len(rules), np.int32)
    for number in reversed(range(len(rules))):
        passed = rules[number].passes(docs.column(rules[number].column)).to_numpy(zero_copy_only=False)
        np.putmask(first, ~passed, number)
    if within is not None:
        np.putmask(first, ~pc.fill_null(within, False).to_numpy(zero_copy_only=False), len(rules))
    return pa.array([*(rule.reason for rule in rules), None], pa.string()).take(pa.array(first))
