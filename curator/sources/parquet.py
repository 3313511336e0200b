"""`parquet`: documents in a column."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator.documents import File, Piece, Tally
from curator.sources.fields import SEPARATOR, take
from curator.sources.mapped import MAPPED, Mapped
from curator.sources.parquet_rows import MOST_ROW_BYTES, batches, expands, open_rows
from curator.storage import open_input
from curator.stores import of_the_machine

MAGIC = b"PAR1"
UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)  # the last for the name of a column


@dataclass(frozen=True, kw_only=True)
class Parquet(Mapped):
    """Parquet files, a row group at a time.

    `text`, `url`, `title`, `date`, `language` and `license` name the column that holds each; a dot goes into a struct
    (`content.body`) and, for all but the text, into a column of JSON objects written as strings. `text` may name several
    columns: those that are not empty are joined by an empty line. All but the text are taken only if they are strings (a date
    may be a date or timestamp, and becomes ISO 8601). Every other column goes to the metadata. The offset is the row's number
    in the file. A text that is null or not UTF-8 is an error; so is every row of a file without the text column, and of a row
    group that cannot be read.

        fineweb:  {read: parquet, from: fineweb/*.parquet}
        wudao:    {read: parquet, from: wudao/*.parquet, text: [title, content]}
        redpajama: {read: parquet, from: redpajama/*.parquet, url: meta.url}
    """

    revision: ClassVar[int] = 4
    columns: ClassVar[frozenset[str]] = frozenset(["text", *MAPPED, "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("pyarrow", "orjson")

    def __post_init__(self) -> None:
        self.check_text("column")

    @property
    def _texts(self) -> tuple[str, ...]:
        return (self.text,) if isinstance(self.text, str) else self.text

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return group_ranges(file, size)

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        for row, batch in rows_of(piece, tally, self._wrong_schema):
            yield self._documents(batch, row, tally)

    def _wrong_schema(self, schema: pa.Schema) -> tuple[str, str] | None:
        table = _with_columns(pa.Table.from_batches([], schema), self._texts)
        for name in self._texts:
            if name not in table.column_names:
                near = get_close_matches(name, table.column_names, 1, 0.5)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                return "no_text_column", f"no column {name!r}{hint} The columns are: {', '.join(table.column_names)}"
            if table.column_names.count(name) > 1:
                return "no_text_column", f"several columns are called {name!r}"
            kind = table.schema.field(name).type
            if not (_is_text(kind) or _is_bytes(kind)):
                return "text_not_string", f"column {name!r} is of type {kind}, not of text"
        return None

    def _documents(self, batch: pa.RecordBatch, row: int, tally: Tally) -> pa.RecordBatch:
        """The documents of some rows; no Python object is made of a text."""
        table = _with_columns(pa.Table.from_batches([batch]), [*self._texts, *(getattr(self, name) for name in MAPPED)])
        columns = {name: table.column(i).combine_chunks() for i, name in enumerate(table.column_names)}
        text, invalid = self._text(columns)
        found: dict[str, pa.Array] = {"text": text}
        for name in MAPPED:
            wanted = getattr(self, name)
            column = columns.get(wanted)
            mapped = None if column is None else _as_iso(column) if name == "date" else column
            if mapped is not None and _is_text(mapped.type):
                found[name], replaced = _as_text(mapped)
                found[name] = _replaced(mapped, found[name], replaced)
                del columns[wanted]
            elif column is None and _is_json(columns.get(wanted.partition(".")[0]), wanted):
                found[name] = _inside(columns[wanted.partition(".")[0]], wanted.partition(".")[2])
            else:
                found[name] = pa.nulls(len(text), pa.string())
        for name in set(self._texts) & set(columns):
            del columns[name]
        found["metadata"] = _metadata(columns, len(text))
        tally.records += len(text)
        for i in invalid:
            tally.error("invalid_utf8", row + i, "the text is not UTF-8")
        missing = np.flatnonzero(text.is_null().to_numpy(zero_copy_only=False))
        for i in np.setdiff1d(missing, invalid).tolist():
            tally.error("no_text", row + i, "the text is null")
        found = {
            "offset": pa.array(np.arange(row, row + len(text), dtype=np.int64)),
            "part": pa.nulls(len(text), pa.string()),
            **found,
        }
        documents = pa.RecordBatch.from_arrays(list(found.values()), names=list(found))
        return documents.filter(text.is_valid()) if len(missing) else documents

    def _text(self, columns: dict[str, pa.Array]) -> tuple[pa.Array, list[int]]:
        """The text, and the rows in which it is not UTF-8."""
        if isinstance(self.text, str):
            return _as_text(columns[self.text])
        parts, bad = zip(*(_as_text(columns[name]) for name in self.text))
        text = pa.repeat("", len(parts[0]))
        for part in parts:
            part = pc.fill_null(pc.if_else(pc.utf8_is_space(part), "", part), "")
            joined = pc.binary_join_element_wise(text, part, SEPARATOR)
            text = pc.if_else(pc.equal(text, ""), part, pc.if_else(pc.equal(part, ""), text, joined))
        invalid = sorted({row for rows in bad for row in rows})
        lost = pc.or_(pc.equal(text, ""), pc.is_in(pa.array(np.arange(len(text))), pa.array(invalid, pa.int64())))
        return pc.if_else(lost, None, text), invalid


def group_ranges(file: File, size: int) -> Sequence[tuple[int, int]]:
    """Ranges of about `size` bytes that begin where a row group does."""
    if file.size <= size:
        return [(0, -1)]
    try:
        with open_input(file.path) as raw:
            metadata = pq.ParquetFile(raw).metadata
            starts = [_place(metadata.row_group(i)) for i in range(metadata.num_row_groups)]
    except UNREADABLE:
        return [(0, -1)]  # who reads it will say what is wrong
    cuts = [0]
    for start in sorted(starts)[1:]:
        if start - cuts[-1] >= size:
            cuts.append(start)
    return list(zip(cuts, [*cuts[1:], -1]))


def rows_of(
    piece: Piece, tally: Tally, wrong: Callable[[pa.Schema], tuple[str, str] | None]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """`(number of the first row, rows)` of the row groups that begin in a piece, which the caller counts as records. What
    cannot be read is counted here, and so is every row of a file whose schema is `wrong`."""
    if piece.file.size == 0:
        tally.broken("empty", 0, "the file is empty")
        return
    with open_input(piece.file.path) as raw:
        try:
            file = open_rows(raw)
        except UNREADABLE as failure:
            if of_the_machine(failure):
                raise
            raw.seek(0)
            kind = "corrupt" if raw.read(4) == MAGIC else "not_parquet"
            tally.broken(kind, 0, f"cannot be read as Parquet: {failure}")
            return
        row = 0
        for index in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(index)
            rows = group.num_rows
            if piece.whole or (piece.start <= (start := _place(group)) and (piece.stop < 0 or start < piece.stop)):
                kind = wrong(file.schema_arrow)
                if kind is not None:
                    _lost(tally, *kind, row, rows)
                elif expands(file, index, piece.file.size):
                    _lost(tally, "expansion", f"row group {index} says that it has {group.total_byte_size:,} bytes", row, rows)
                else:
                    yield from _group(file, index, row, rows, tally)
            row += rows


def _group(file: pq.ParquetFile, index: int, row: int, rows: int, tally: Tally) -> Iterator[tuple[int, pa.RecordBatch]]:
    done = 0
    found = batches(file, index)
    while done < rows:
        try:
            batch, too_large = next(found, (None, False))
        except UNREADABLE as failure:
            if of_the_machine(failure):
                raise
            _lost(tally, "corrupt", f"row group {index} cannot be read: {failure}", row + done, rows - done)
            return
        if batch is None:
            _lost(tally, "corrupt", f"row group {index} has fewer rows than it says", row + done, rows - done)
            return
        if too_large:
            _lost(tally, "row_too_large", f"more than {MOST_ROW_BYTES:,} bytes", row + done, 1)
        else:
            yield row + done, batch
        done += len(batch)


def records_of(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Rows as what JSON would hold of them."""
    names = batch.schema.names
    for row in zip(*(_values(column) for column in batch.columns)):
        yield dict(zip(names, row))


def _place(group: pq.RowGroupMetaData) -> int:
    """The first byte of a row group. Only asked where a file is cut: what some damaged footers say of columns makes Arrow end
    the process."""
    columns = (group.column(i) for i in range(group.num_columns))
    places = (min(c.data_page_offset, c.dictionary_page_offset or c.data_page_offset) for c in columns)
    return max(min(places, default=0), 0)


def _lost(tally: Tally, kind: str, message: str, row: int, rows: int) -> None:
    """Rows that are there and cannot be read: each is an error, the place is named once."""
    if rows:
        tally.records += rows
        tally.error(kind, row, message)
        tally.errors[kind] += rows - 1


def _with_columns(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table with structs opened as far as the dotted names need it; a field is then called by its path."""
    for _ in range(max(name.count(".") for name in names)):
        if any("." in name and name not in table.column_names for name in names):
            table = table.flatten()
    return table


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    """Strings of writers that leave out to say that they are (Impala, Hive, older Spark), or bytes indeed."""
    if pa.types.is_dictionary(kind):
        return _is_bytes(kind.value_type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_json(column: pa.Array | None, name: str) -> bool:
    return "." in name and column is not None and _is_text(column.type)


def _inside(column: pa.Array, path: str) -> pa.Array:
    """A string in each of a column's JSON objects; null where there is none."""
    return pa.array([take({"": value}, f".{path}", str) for value in _values(column)], pa.string())


def _as_text(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """The column as `string`, and the rows that are not UTF-8, which are null in it."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    column = column.cast(pa.string(), safe=False)  # bytes, too: they are looked at here
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        values = column.cast(pa.binary()).to_pylist()
        bad = [i for i, value in enumerate(values) if value is not None and not _is_utf8(value)]
        for i in bad:
            values[i] = None
        return pa.array(values, pa.binary()).cast(pa.string()), bad
    return column, []


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _replaced(column: pa.Array, text: pa.Array, bad: list[int]) -> pa.Array:
    """For columns other than the text: values that are not UTF-8 with their bad bytes replaced."""
    if not bad:
        return text
    values = text.to_pylist()
    for i in bad:
        values[i] = column.cast(pa.binary())[i].as_py().decode("utf-8", "replace")
    return pa.array(values, pa.string())


def _as_iso(column: pa.Array) -> pa.Array:
    if pa.types.is_date(column.type):
        return column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        return pc.replace_substring(column.cast(pa.string()), " ", "T")  # pyright: ignore[reportAttributeAccessIssue]
    return column


def _metadata(columns: dict[str, pa.Array], rows: int) -> pa.Array:
    """A JSON object per row of what no column of the schema holds; null where there is nothing."""
    if not columns:
        return pa.nulls(rows, pa.string())
    names = list(columns)
    values = [_values(column) for column in columns.values()]
    return pa.array([orjson.dumps(dict(zip(names, row)), default=_plain).decode() for row in zip(*values)], pa.string())


def _values(column: pa.Array) -> list[Any]:
    kind = column.type
    if _is_text(kind):
        text, bad = _as_text(column)
        return _replaced(column, text, bad).to_pylist()
    if pa.types.is_temporal(kind):
        return _as_iso(column).cast(pa.string()).to_pylist()
    return [_value(value) for value in column]


def _value(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except (ValueError, OverflowError):  # a nested time out of Python's range or finer than it has, a string that is not UTF-8
        return None


def _plain(value: object) -> Any:
    """What JSON has no type for."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    return str(value)
