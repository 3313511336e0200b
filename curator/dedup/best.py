"""The best document of each cluster: by priority, quality, length and id, in this order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit


@dataclass(frozen=True)
class Judged:
    """What documents of clusters are chosen by; a column each."""

    key: np.ndarray  # uint64, one a cluster
    priority: np.ndarray  # int16, the lowest is best
    quality: np.ndarray  # float64, the highest is best; no NaN
    length: np.ndarray  # int32, the longest is best
    id: pa.LargeStringArray  # the smallest is best


def priorities(sources: pa.ChunkedArray, prefer: tuple[str, ...]) -> pa.Array:
    """The place of each document's source in `prefer`, where `*` stands for those that are not named, and else comes last."""
    others = prefer.index("*") if "*" in prefer else len(prefer)
    place = pc.index_in(sources, value_set=pa.array(prefer, pa.string()))
    return pc.if_else(pc.equal(sources, "*"), others, pc.fill_null(place, others)).cast(pa.int16())


def qualities(table: pa.Table) -> pa.Array:
    """The column `quality`, if there is one; what was not measured is worst."""
    if "quality" not in table.column_names:
        return pa.repeat(-np.inf, len(table))
    measured = table.column("quality").cast(pa.float64())
    return pc.if_else(pc.fill_null(pc.is_nan(measured), True), -np.inf, measured)


def best_of(judged: Judged) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An order of documents by key, where in it each key begins, and the best document of each."""
    order = np.argsort(judged.key)
    ascending = judged.key[order]
    new = np.ones(len(order), bool)
    new[1:] = ascending[1:] != ascending[:-1]
    starts = np.flatnonzero(new)
    if not len(starts):
        return order, starts, starts
    best = _best(order, starts, judged.priority, judged.quality, judged.length, *_bytes_of(judged.id))
    return order, starts, best


def _bytes_of(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    _, offsets, data = texts.buffers()
    return np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset), np.frombuffer(data or b"", np.uint8)


@njit(cache=True, nogil=True)
def _before(begins, data, one, other):
    """Whether the text of one comes before the other's, byte by byte; of equal ones the first does."""
    a, b = begins[one], begins[other]
    while a < begins[one + 1] and b < begins[other + 1]:
        if data[a] != data[b]:
            return data[a] < data[b]
        a += 1
        b += 1
    if a == begins[one + 1] and b == begins[other + 1]:
        return one < other
    return a == begins[one + 1]


@njit(cache=True, nogil=True)
def _best(order, starts, priority, quality, length, begins, data):
    best = np.empty(len(starts), np.int64)
    for k in range(len(starts)):
        stop = starts[k + 1] if k + 1 < len(starts) else len(order)
        first = order[starts[k]]
        for i in range(starts[k] + 1, stop):
            one = order[i]
            if priority[one] != priority[first]:
                better = priority[one] < priority[first]
            elif quality[one] != quality[first]:
                better = quality[one] > quality[first]
            elif length[one] != length[first]:
                better = length[one] > length[first]
            else:
                better = _before(begins, data, one, first)
            if better:
                first = one
        best[k] = first
    return best
