"""MinHash signatures of texts: one numba kernel from Arrow's UTF-8 buffer to band hashes.

A *shingle* is `shingle` consecutive units (see `folding`), hashed by a polynomial over the units' 64-bit hashes.
One-permutation hashing (Li, Owen & Zhang 2012) puts every shingle in one of `bands * rows` bins and keeps the smallest of each;
an empty bin borrows from a full one, in an order of its own (the optimal densification of Shrivastava 2017, with a fixed
permutation in place of a hash sequence). Two texts agree in a bin with a probability equal to the Jaccard similarity of their
shingle sets. Each band is the hash of its rows. All arithmetic is modulo 2**64, so every platform gives the same bits.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from curator.dedup.folding import BREAK, CLASS_SHIFT, COMBINES, EXPANDED, IGNORED, TABLE_SIZE, UNIT, WORD, folding

ABSENT, SHORT, SHINGLED, _UNFOLDED = range(4)
MOST_HASHES = 1024
NOTHING = np.uint64(2**64 - 1)
_IGNORED_ENTRY = IGNORED << CLASS_SHIFT
_CODE_MASK = (1 << CLASS_SHIFT) - 1
_BLOCK = 2048  # units that are read before they are taken in
_ROOM = 64  # more than one character makes (18, of U+FDFA)

# Odd constants without structure; the finaliser's two are those of MurmurHash3 (public domain).
_BASE = np.uint64(0x9E6C63D0876A9A4B)
_WORD_START, _WORD_PRIME = np.uint64(0x2545F4914F6CDD1D), np.uint64(0x00000100000001B3)
_UNIT_START = np.uint64(0xD6E8FEB86659FD93)
_EXACT_A, _EXACT_B = np.uint64(0x9FB21C651E98DF25), np.uint64(0xA0761D6478BD642F)
_MIX_A, _MIX_B = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_U33, _U32, _U29 = np.uint64(33), np.uint64(32), np.uint64(29)


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
    tables = folding(variants)
    order, keys = _borrowing_order(bands * rows), _keys(bands * rows if hashing == "kminhash" else 0)
    _sign(data, starts, stops, *tables, False, shingle, order, keys, rows, *result)
    unfolded = np.flatnonzero(result.kind == _UNFOLDED)
    if len(unfolded):
        normal = [unicodedata.normalize("NFKC", bytes(data[starts[i] : stops[i]]).decode("utf-8", "replace")) for i in unfolded]
        lines = pa.array(normal, pa.large_string())
        part = Signatures(*(column[unfolded] for column in result))
        _sign(*_views(lines), *tables, True, shingle, order, keys, rows, *part)
        for column, values in zip(result, part, strict=True):
            column[unfolded] = values
    return result


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


@njit(cache=True, nogil=True)
def _keys(hashes):
    """Row i: an odd factor and a summand, which make the hash function `(factor * x + summand) mod 2**64` of the value i."""
    keys = np.empty((hashes, 2), np.uint64)
    for i in range(hashes):
        keys[i, 0] = _mix(np.uint64(2 * i + 1) * _BASE) | np.uint64(1)
        keys[i, 1] = _mix(np.uint64(2 * i + 2) * _BASE)
    return keys


@njit(cache=True, nogil=True)
def _decode(data, at, stop):
    """The code point at `at` and where the next one starts; -1 for a byte that is no part of valid UTF-8."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, at + 1
    size = 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4 if 0xF0 <= byte < 0xF5 else 0
    if size == 0 or at + size > stop:
        return np.int64(-1), at + 1
    code = byte & (0x7F >> size)
    for k in range(1, size):
        follow = np.int64(data[at + k])
        if follow & 0xC0 != 0x80:
            return np.int64(-1), at + 1
        code = code << 6 | (follow & 0x3F)
    return code, at + size


@njit(cache=True, nogil=True)
def _entry_of(code, table):
    if 0 <= code < TABLE_SIZE:
        return np.int64(table[code])
    if 0xE0000 <= code < 0xE1000:
        return np.int64(_IGNORED_ENTRY)
    return np.int64(BREAK)


@njit(cache=True, nogil=True)
def _read_units(data, at, stop, table, expansions, normalised, word, in_word, units, filled):
    """Hash units into `units[filled:]` until the text or the room ends: where to go on, how many there are, the word that has
    not ended yet, the characters that count, and whether the text must be normalised as a whole first."""
    length = 0
    most = len(units) - _ROOM
    while at < stop and filled < most:
        code = np.int64(data[at])
        if code < 0x80:  # as below, for the characters that never expand nor combine
            at += 1
            entry = np.int64(table[code])
            if entry >> CLASS_SHIFT == WORD:
                word = (word ^ np.uint64(entry & _CODE_MASK)) * _WORD_PRIME
                in_word = True
                length += 1
            elif in_word:
                units[filled] = _mix(word)
                filled += 1
                word, in_word = _WORD_START, False
            continue
        code, at = _decode(data, at, stop)
        entry = _entry_of(code, table)
        if entry & COMBINES and not normalised:
            return at, filled, word, in_word, length, True
        left, where, expands = 1, 0, (entry >> CLASS_SHIFT) & 7 == EXPANDED
        if expands:
            where = entry & _CODE_MASK
            left = np.int64(expansions[where])
        for k in range(left):
            if expands:
                entry = np.int64(expansions[where + 1 + k])
            kind = (entry >> CLASS_SHIFT) & 7
            if kind == WORD:
                word = (word ^ np.uint64(entry & _CODE_MASK)) * _WORD_PRIME
                in_word = True
                length += 1
            elif kind == UNIT or kind == BREAK:  # noqa: SIM109 - a tuple costs time here
                if in_word:
                    units[filled] = _mix(word)
                    filled += 1
                    word, in_word = _WORD_START, False
                if kind == UNIT:
                    units[filled] = _mix(_UNIT_START ^ np.uint64(entry & _CODE_MASK))
                    filled += 1
                    length += 1
    if at >= stop and in_word:
        units[filled] = _mix(word)
        filled += 1
    return at, filled, word, in_word, length, False


@njit(cache=True, nogil=True)
def _take_in(units, filled, shingle, leaving, count, roll, a, b, keys, smallest):
    """Take `units[shingle:filled]` into the exact hash (a, b), and each shingle that ends there into its bin; `units[:shingle]`
    are the units before them (zero before the first)."""
    bins = np.uint64(len(smallest))
    for i in range(shingle, filled):
        unit = units[i]
        a = (a ^ unit) * _EXACT_A
        a ^= a >> _U32
        b = (b + unit) * _EXACT_B
        b ^= b >> _U29
        roll = roll * _BASE + unit - units[i - shingle] * leaving
        count += 1
        if count >= shingle:
            h = _mix(roll)
            if len(keys):
                for k in range(len(keys)):
                    smallest[k] = min(smallest[k], keys[k, 0] * h + keys[k, 1])
                continue
            place = np.int64(((h >> _U32) * bins) >> _U32)
            if h < smallest[place]:
                smallest[place] = h
    return count, roll, a, b


@njit(cache=True, nogil=True)
def _sign(
    data, starts, stops, table, expansions, normalised, shingle, order, keys, rows, out_kind, out_bands, out_exact, out_length
):
    smallest = np.empty(len(order), np.uint64)
    units = np.empty(shingle + _BLOCK + _ROOM, np.uint64)
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
        word, in_word, unfolded = _WORD_START, False, False
        while at < stop:
            at, filled, word, in_word, more, unfolded = _read_units(
                data, at, stop, table, expansions, normalised, word, in_word, units, shingle
            )
            if unfolded:
                break
            length += more
            count, roll, a, b = _take_in(units, filled, shingle, leaving, count, roll, a, b, keys, smallest)
            for i in range(shingle):  # ascending, so that a source is read before it is overwritten
                units[i] = units[filled - shingle + i]
        if unfolded:
            out_kind[row] = _UNFOLDED
            continue
        if count == 0:  # nothing to compare by: the bytes themselves
            a, b = _EXACT_A, _EXACT_B
            for i in range(starts[row], stop):
                a = (a ^ np.uint64(data[i])) * _EXACT_A
                a ^= a >> _U32
                b = (b + np.uint64(data[i])) * _EXACT_B
                b ^= b >> _U29
        out_exact[row, 0] = _mix(a ^ np.uint64(count))
        out_exact[row, 1] = _mix(b + np.uint64(count))
        out_length[row] = length
        if count < shingle:
            out_kind[row] = SHORT
            continue
        out_kind[row] = SHINGLED
        _band_hashes(smallest, order, rows, out_bands[row])


@njit(cache=True, nogil=True)
def _band_hashes(smallest, order, rows, bands):
    for band in range(len(bands)):
        h = np.uint64(band + 1) * _BASE
        for i in range(band * rows, band * rows + rows):
            value = smallest[i]
            if value == NOTHING:
                for k in order[i]:
                    if smallest[k] != NOTHING:
                        value = smallest[k]
                        break
            h = (h ^ value) * _EXACT_A
            h ^= h >> _U32
        bands[band] = _mix(h)
