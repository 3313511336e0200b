"""Hashed unigrams and bigrams of tokens: the features of DSIR, counted or weighed in one walk over a text.

Tokens are those of metrics/tokens.py in lower case: a Han or kana character each, words elsewhere, and symbols; so Chinese is
told by its characters and pairs of them. A feature is the bucket, of a fixed number, that the hash of one token or of two
neighbours falls into; different ones in a bucket are one. No pair crosses from a piece of 2 MiB of a text to the next.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator.metrics import memory, segments, tokens, words
from curator.metrics.hashes import SEED, mix

REVISION = 1  # of what a feature is: a table fits only the features that it was counted with

_ALL_HAN = np.empty(0, np.uint8)  # every Han character begins a word


def count_features(column: pa.Array, counts: np.ndarray) -> int:
    """Add the features of all texts to `counts`, an int64 a bucket; returns how many there were."""
    before = int(counts.sum())
    _walk(column, lambda hashes, bounds, rows: _count(hashes, bounds, counts))
    return int(counts.sum()) - before


def weigh_features(column: pa.Array, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each text the sum of `table`, a float32 a bucket, over its features, and their number."""
    sums, totals = np.zeros(len(column)), np.zeros(len(column), np.int64)
    _walk(column, lambda hashes, bounds, rows: _weigh(hashes, bounds, rows, table, sums, totals))
    return sums, totals


def _walk(column: pa.Array, take: Callable[[np.ndarray, np.ndarray, np.ndarray], None]) -> None:
    """`take(hashes, bounds, rows)` for each chunk: the hashes of its tokens, which are a span's, and the spans' rows."""
    found = segments.texts(pc.utf8_lower(column))
    spans = segments.spans(found)
    parts = list(segments.chunks(spans))
    if not parts:
        return
    decoder = segments.Decoder(found.data, spans, parts)
    starts, stops = memory.scratch("starts", decoder.room, np.int32), memory.scratch("stops", decoder.room, np.int32)
    hashes, places = memory.scratch("units", decoder.room, np.uint64), memory.scratch("places", decoder.room + 1, np.int32)
    unused = np.zeros((found.rows, words.COLUMNS), np.int64)
    for c in decoder.chunks():
        bounds = np.empty_like(c.bounds)
        tokens.find_tokens(c.points, c.kinds, c.bounds, c.rows, _ALL_HAN, True, starts, stops, bounds, unused)
        tokens.hash_tokens(c.data, c.starts, c.stops, c.at, c.bounds, starts, stops, bounds, hashes, places)
        take(hashes, bounds, c.rows)


@numba.njit(inline="always")
def _bucket(found, buckets):
    return np.uint64(((found >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32))


@numba.njit(inline="always")
def _pair(one, other):
    return mix(SEED, one, other)


@numba.njit(cache=True, nogil=True)
def _count(hashes, bounds, counts):
    buckets = len(counts)
    for span in range(len(bounds) - 1):
        before = np.uint64(0)
        for k in range(bounds[span], bounds[span + 1]):
            one = hashes[k]
            counts[_bucket(one, buckets)] += 1
            if k > bounds[span]:
                counts[_bucket(_pair(before, one), buckets)] += 1
            before = one


@numba.njit(cache=True, nogil=True)
def _weigh(hashes, bounds, rows, table, sums, totals):
    buckets = len(table)
    for span in range(len(rows)):
        first, past = bounds[span], bounds[span + 1]
        if past == first:
            continue
        before = hashes[first]
        total = np.float64(table[_bucket(before, buckets)])
        for k in range(first + 1, past):
            one = hashes[np.uint64(k)]
            total += np.float64(table[_bucket(one, buckets)]) + np.float64(table[_bucket(_pair(before, one), buckets)])
            before = one
        sums[rows[span]] += total
        totals[rows[span]] += 2 * (past - first) - 1
