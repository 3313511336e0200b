"""MinHash signatures of texts: one numba kernel from Arrow's UTF-8 buffer to band hashes.

A *shingle* is `shingle` consecutive units (see `folding`), hashed by a polynomial over the units' hashes (see `units`).

- `oph`, one-permutation hashing (Li, Owen & Zhang 2012): every shingle falls into one of `bands * rows` bins, and the smallest
  of each bin is kept; an empty bin borrows from a full one, in an order of its own (the optimal densification of Shrivastava
  2017, with a fixed permutation in place of a hash sequence).
- `kminhash` (Broder 1997): of each of `bands * rows` hash functions `(factor * x + summand) mod 2**64` the smallest is kept.

Two texts agree in a value with a probability equal to the Jaccard similarity of their shingle sets. The first has a variance
not above the second's where shingles are many, above it where they are fewer than bins, and costs a third or less. Each band
is the hash of its rows. All arithmetic is of whole numbers modulo 2**64 or 2**128: every platform gives the same bits.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from curator.dedup.folding import folding
from curator.dedup.units import BEHIND, ROOM, WORD_START, fold_product, read_units

ABSENT, SHORT, SHINGLED, _UNFOLDED = range(4)
MOST_HASHES = 1024
NOTHING = np.uint64(2**64 - 1)
_BLOCK = 2048  # units that are read before they are taken in

# Odd constants without structure; the finaliser's two are those of MurmurHash3 (public domain).
_BASE = np.uint64(0x9E6C63D0876A9A4B)
_SHINGLE_START, _SHINGLE_FACTOR = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xE7037ED1A0B428DB)
_EXACT_A, _EXACT_B = np.uint64(0x9FB21C651E98DF25), np.uint64(0xA0761D6478BD642F)
_MIX_A, _MIX_B = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_U33, _U32 = np.uint64(33), np.uint64(32)


class Signatures(NamedTuple):
    kind: np.ndarray  # uint8: ABSENT (null text), SHORT (exact only) or SHINGLED
    bands: np.ndarray  # uint64[rows, bands]; meaningful where kind is SHINGLED
    exact: np.ndarray  # uint64[rows, 2]: hash of all units
    length: np.ndarray  # int32: letters, marks and digits after normalisation


def signatures(
    texts: pa.Array, shingle: int, bands: int, rows: int, *, hashing: str = "oph", variants: str = "keep"
) -> Signatures:
    """Sign every text of a string array. A text of fewer than `shingle` units is SHORT; one without units has the exact hash of
    its bytes, so that `!!!` and `???` differ."""
    count = len(texts)
    result = Signatures(
        np.zeros(count, np.uint8),
        np.zeros((count, bands), np.uint64),
        np.zeros((count, 2), np.uint64),
        np.zeros(count, np.int32),
    )
    if not count:
        return result
    data, starts, stops = _views(texts)
    options = shingle, _borrowing_order(bands * rows), _keys(bands * rows if hashing == "kminhash" else 0)
    tables = folding(variants)
    _sign_padded(data, starts, stops, *tables, False, *options, result)
    unfolded = np.flatnonzero(result.kind == _UNFOLDED)
    if len(unfolded):
        normal = [unicodedata.normalize("NFKC", bytes(data[starts[i] : stops[i]]).decode("utf-8", "replace")) for i in unfolded]
        part = Signatures(*(column[unfolded] for column in result))
        _sign_padded(*_views(pa.array(normal, pa.large_string())), *tables, True, *options, part)
        for column, values in zip(result, part, strict=True):
            column[unfolded] = values
    return result


def _sign_padded(data, starts, stops, *options_and_result) -> None:
    """`_sign`, with the texts at the end of the data copied, so that the kernel may read past the end of every text."""
    *options, result = options_and_result
    within = int(np.searchsorted(stops, len(data) - BEHIND, side="right"))
    _sign(data, starts[:within], stops[:within], *options, *(column[:within] for column in result))
    if within < len(stops):
        first = stops[within - 1] if within else 0
        tail = np.concatenate([data[first : stops[-1]], np.zeros(BEHIND, np.uint8)])
        tail.flags.writeable = False
        starts = np.where(starts[within:] < 0, -1, starts[within:] - first)
        _sign(tail, starts, stops[within:] - first, *options, *(column[within:] for column in result))


def _views(texts: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bytes of a string array, and where each text starts and stops in them; a null starts at -1."""
    if not pa.types.is_large_string(texts.type):
        texts = texts.cast(pa.string())
    _, offsets, data = texts.buffers()
    wide = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    ends = np.frombuffer(offsets, wide)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    starts = np.where(texts.is_valid().to_numpy(zero_copy_only=False), ends[:-1], -1)
    view = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    view.flags.writeable = False  # always, so that the kernel is compiled for one type
    return view, starts, ends[1:]


@njit(cache=True, nogil=True)
def _mix(h):
    h ^= h >> _U33
    h *= _MIX_A
    h ^= h >> _U33
    h *= _MIX_B
    return h ^ (h >> _U33)


@functools.cache
@njit(cache=True, nogil=True)
def _borrowing_order(bins):
    """Row i: all bins in the order in which the empty bin i looks for a full one; a Fisher-Yates shuffle each."""
    order = np.empty((bins, bins), np.uint16)
    for i in range(bins):
        for j in range(bins):
            order[i, j] = j
        for j in range(bins - 1, 0, -1):
            random = _mix(np.uint64(i * bins + j + 1) * _BASE)
            k = np.int64(((random >> _U32) * np.uint64(j + 1)) >> _U32)
            order[i, j], order[i, k] = order[i, k], order[i, j]
    return order


@functools.cache
@njit(cache=True, nogil=True)
def _keys(hashes):
    """Odd factors and summands of the hash functions of the first `hashes` values."""
    factors, summands = np.empty(hashes, np.uint64), np.empty(hashes, np.uint64)
    for i in range(hashes):
        factors[i] = _mix(np.uint64(2 * i + 1) * _BASE) | np.uint64(1)
        summands[i] = _mix(np.uint64(2 * i + 2) * _BASE)
    return factors, summands


@njit(cache=True, nogil=True)
def _take_in(units, begin, filled, shingle, leaving, roll, a, b, smallest):
    """Take `units[begin:filled]` into the exact hash (a, b), and each shingle that ends there into its bin."""
    bins = np.uint64(len(smallest))
    for i in range(np.uint64(begin), np.uint64(filled)):
        unit = units[i]
        a = fold_product(a ^ unit, _EXACT_A)
        b = (b + unit) * _EXACT_B
        b ^= b >> _U32
        roll = roll * _BASE + (unit - units[i - np.uint64(shingle)] * leaving)
        h = fold_product(roll ^ _SHINGLE_START, _SHINGLE_FACTOR)
        place = ((h >> _U32) * bins) >> _U32
        smallest[place] = min(smallest[place], h)
    return roll, a, b


@njit(cache=True, nogil=True)
def _take_in_all(units, begin, filled, shingle, leaving, roll, a, b, factors, summands, smallest):
    """As `_take_in`, and each shingle into every value."""
    for i in range(begin, filled):
        unit = units[i]
        a = fold_product(a ^ unit, _EXACT_A)
        b = (b + unit) * _EXACT_B
        b ^= b >> _U32
        roll = roll * _BASE + (unit - units[i - shingle] * leaving)
        h = fold_product(roll ^ _SHINGLE_START, _SHINGLE_FACTOR)
        for k in range(len(factors)):
            smallest[k] = min(smallest[k], factors[k] * h + summands[k])
    return roll, a, b


@njit(cache=True, nogil=True)
def _begin(units, begin, filled, shingle, leaving, roll, a, b):
    """The units before the end of the first shingle."""
    for i in range(begin, filled):
        unit = units[i]
        a = fold_product(a ^ unit, _EXACT_A)
        b = (b + unit) * _EXACT_B
        b ^= b >> _U32
        roll = roll * _BASE + unit
    return roll, a, b


@njit(cache=True, nogil=True)
def _sign(data, starts, stops, table, expansions, normalised, shingle, order, keys, out_kind, out_bands, out_exact, out_length):
    smallest, full = np.empty(len(order), np.uint64), np.empty(len(order), np.uint64)
    units = np.empty(shingle + _BLOCK + ROOM, np.uint64)
    factors, summands = keys
    leaving = np.uint64(1)
    for _ in range(shingle):
        leaving *= _BASE
    for row in range(len(starts)):
        if starts[row] < 0:
            out_kind[row] = ABSENT
            continue
        smallest[:] = NOTHING
        units[:shingle] = np.uint64(0)
        at, stop = starts[row], stops[row]
        count, length = 0, 0
        roll, a, b = np.uint64(0), _EXACT_B, _EXACT_A
        word, piece, bits, unfolded = WORD_START, np.uint64(0), -1, False
        while at < stop:
            at, filled, word, piece, bits, more, unfolded = read_units(
                data, at, stop, table, expansions, normalised, word, piece, bits, units, shingle
            )
            if unfolded:
                break
            length += more
            begin = min(filled, max(shingle, 2 * shingle - 1 - count))
            roll, a, b = _begin(units, shingle, begin, shingle, leaving, roll, a, b)
            if len(factors):
                roll, a, b = _take_in_all(units, begin, filled, shingle, leaving, roll, a, b, factors, summands, smallest)
            else:
                roll, a, b = _take_in(units, begin, filled, shingle, leaving, roll, a, b, smallest)
            count += filled - shingle
            for i in range(shingle):  # ascending, so that a source is read before it is overwritten
                units[i] = units[filled - shingle + i]
        if unfolded:
            out_kind[row] = _UNFOLDED
            continue
        if count == 0:  # nothing to compare by: the bytes themselves
            a, b = _EXACT_A, _EXACT_B
            for i in range(starts[row], stop):
                a = fold_product(a ^ np.uint64(data[i]), _EXACT_A)
                b = (b + np.uint64(data[i])) * _EXACT_B
                b ^= b >> _U32
        out_exact[row, 0] = _mix(a ^ np.uint64(count))
        out_exact[row, 1] = _mix(b + np.uint64(count))
        out_length[row] = length
        if count < shingle:
            out_kind[row] = SHORT
            continue
        out_kind[row] = SHINGLED
        _band_hashes(smallest, order, full, out_bands[row])


@njit(cache=True, nogil=True)
def _band_hashes(smallest, order, full, bands):
    """Every empty bin borrows; then row i of band j is the value `i * len(bands) + j`. `full` is room to work in."""
    for i in range(len(smallest)):
        full[i] = smallest[i]
        if full[i] == NOTHING:
            for k in order[i]:
                if smallest[k] != NOTHING:
                    full[i] = smallest[k]
                    break
    for band in range(len(bands)):
        bands[band] = np.uint64(band + 1) * _BASE
    for row in range(len(full) // len(bands)):
        values = full[row * len(bands) : (row + 1) * len(bands)]
        for band in range(len(bands)):
            h = (bands[band] ^ values[band]) * _EXACT_A
            bands[band] = h ^ (h >> _U32)
    for band in range(len(bands)):
        bands[band] = _mix(bands[band])
