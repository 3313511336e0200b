"""A stage's columns for a batch, whatever the stage does: where it applies, and what to do when it raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator.errors import UserError

# What is no document's fault: a model that is gone, a library that a node lacks, a GPU that is none, memory that is short. It
# stops the run; as an error of the documents it would be in their manifests, and the next run, on a sound machine, would take
# it for done. A RecursionError is none of these: what nests is the document.
NOT_OF_A_DOCUMENT = (OSError, ImportError, MemoryError, UserError)


def holds_where(docs: pa.RecordBatch, where: Mapping[str, tuple[str, ...]]) -> pa.Array | None:
    """Which rows a stage applies to; None is all of them."""
    mask: pa.Array | None = None
    for column, values in where.items():
        inside = pc.is_in(docs.column(column), value_set=pa.array(values, pa.string()))
        mask = inside if mask is None else pc.and_(mask, inside)
    return None if mask is None or pc.all(mask).as_py() else mask


def measure_within(
    call: Callable[..., Mapping[str, pa.Array]],
    types: Mapping[str, pa.DataType],
    inputs: tuple[pa.RecordBatch, ...],
    within: pa.Array | None,
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """The columns of a stage for all rows, null outside `within`; and the rows on which it raised, with the message."""
    if within is None:
        return measure(call, types, inputs)
    columns, failures = measure(call, types, tuple(i.filter(within) for i in inputs))
    inside = np.flatnonzero(within.to_numpy(zero_copy_only=False))
    places = np.full(len(within), -1, np.int64)
    places[inside] = np.arange(len(inside))
    taken = pa.array(places, mask=places < 0)
    return {k: c.take(taken) for k, c in columns.items()}, {int(inside[row]): m for row, m in failures.items()}


def measure(
    call: Callable[..., Mapping[str, pa.Array]], types: Mapping[str, pa.DataType], inputs: tuple[pa.RecordBatch, ...]
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    """Run a stage on a batch. If it raises, halve the batch until the rows that do it stand alone and cost only themselves.
    Raises what is of NOT_OF_A_DOCUMENT."""
    count = len(inputs[0])
    if count == 0:
        return {key: pa.nulls(0, kind) for key, kind in types.items()}, {}
    try:
        return _checked(call(*inputs), types, count), {}
    except NOT_OF_A_DOCUMENT:
        raise
    except Exception as error:
        if count == 1:
            return {key: pa.nulls(1, kind) for key, kind in types.items()}, {0: f"{type(error).__name__}: {error}"}
    half = count // 2
    left, failed_left = measure(call, types, tuple(i.slice(0, half) for i in inputs))
    right, failed_right = measure(call, types, tuple(i.slice(half) for i in inputs))
    columns = {key: pa.concat_arrays([left[key], right[key]]) for key in types}
    return columns, failed_left | {row + half: message for row, message in failed_right.items()}


def _checked(columns: Mapping[str, pa.Array], types: Mapping[str, pa.DataType], count: int) -> dict[str, pa.Array]:
    if columns.keys() != types.keys():
        raise TypeError(f"the stage returned the columns {sorted(columns)}, and declares {sorted(types)}")
    for key, column in columns.items():
        if len(column) != count:
            raise TypeError(f"{key}: {len(column)} values for {count} documents")
    return {key: _combined(columns[key]).cast(kind) for key, kind in types.items()}


def _combined(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column
