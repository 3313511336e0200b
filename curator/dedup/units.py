"""From the bytes of a text to the 64-bit hashes of its units (see `folding`): words of ASCII 64 bytes at a time by bit masks,
runs of Han and other characters of three bytes in a loop of their own, all else a character at a time.

A character that is a unit is its own hash: its code point in NFKC with a bit of its class. A word's hash takes its bytes in
pieces of 8, little-endian, filled up with zeros: a piece is joined to the hash so far by xor, and that multiplied to 128 bits
whose halves are joined by xor. A character of ASCII is one such byte; any other is three, the first of them 128 or more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, njit, types

from curator.dedup.folding import BREAK, CLASS_SHIFT, EXPANDED, IGNORED, TABLE_SIZE, UNIT, WORD
from curator.metrics.vectors import count, highest, load64, lowest, within

ROOM = 64  # units that one turn of `read_units` may add to those there are
BEHIND = 128  # bytes that must be readable behind every text

_CODE_MASK = (1 << CLASS_SHIFT) - 1
_COMBINES = 1 << (CLASS_SHIFT + 3)
_IGNORED_ENTRY = IGNORED << CLASS_SHIFT
_COMPOUND = 2 << CLASS_SHIFT  # an entry below is of a character that is a unit or a break, and no more than that

# Odd constants without structure.
WORD_START, WORD_FACTOR = np.uint64(0x2545F4914F6CDD1D), np.uint64(0x9FB21C651E98DF25)
_NONE, _ONE = np.uint64(0), np.uint64(1)
_LOWER = np.uint64(0x2020202020202020)  # no ASCII letter or digit is another's lower case but its own
_LEAD, _LEAD_OF_THREE = np.uint64(0xC0C0F0), np.uint64(0x8080E0)
_U2, _U12, _U15, _U16, _U63 = np.uint64(2), np.uint64(12), np.uint64(15), np.uint64(16), np.uint64(63)
_MIDDLE = np.uint64(0xFC0)


intrinsic: Any = extending.intrinsic  # what it makes is called without the first argument


@intrinsic
def fold_product(typingctx: Any, left: Any, right: Any) -> Any:
    """The product of two numbers, 128 bits, its halves joined by xor."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        upper = builder.lshr(product, ir.Constant(wide, 64))
        return builder.trunc(builder.xor(product, upper), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), code


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
def _read_block(data, at, stop, table, units, filled):
    """Hash the units that begin in 64 bytes into `units[filled:]`, up to a character that only `read_units` can read or a word
    that may go on with one: where to go on, how many units there are, and their letters and digits."""
    size = min(stop - at, 64)
    inside = within(data, at, 0x30, 0x39) | within(data, at, 0x41, 0x5A) | within(data, at, 0x61, 0x7A)
    beyond = within(data, at, 0x80, 0xFF)
    lead = _NONE
    if beyond:
        follow = within(data, at, 0x80, 0xBF)
        lead = within(data, at, 0xE0, 0xEF) & (follow >> _ONE) & (follow >> _U2)
        size = min(size, lowest(beyond & ~(lead | lead << _ONE | lead << _U2)))
    if at + size < stop:
        size = _without_open_word(inside, size)
    if size == 0:
        return at, filled, np.int64(0)

    begun = filled
    inside &= ~_NONE >> np.uint64(64 - size)
    lead &= ~_NONE >> np.uint64(64 - size)
    first = inside & ~(inside << _ONE)
    events = lead | first
    while events:
        k = lowest(events)
        bit = events & (~events + _ONE)
        events ^= bit
        read = load64(data, at + k)
        if lead & bit:
            code = (read & _U15) << _U12 | (read >> _U2) & _MIDDLE | (read >> _U16) & _U63
            entry = np.int64(table[code])
            if entry >= _COMPOUND:
                size = _without_open_word(inside, k)
                filled -= size < k
                inside &= (_ONE << np.uint64(size)) - _ONE
                first &= inside
                break
            units[np.uint64(filled)] = np.uint64(entry)
            filled += entry >> CLASS_SHIFT
        else:
            left = lowest(~(inside >> np.uint64(k)))
            unit = WORD_START
            while left > 8:
                unit = fold_product(unit ^ (read | _LOWER), WORD_FACTOR)
                k += 8
                left -= 8
                read = load64(data, at + k)
            shift = np.uint64(64 - 8 * left)
            units[np.uint64(filled)] = fold_product(unit ^ (((read | _LOWER) << shift) >> shift), WORD_FACTOR)
            filled += 1
    return at + size, filled, filled - begun - np.int64(count(first)) + np.int64(count(inside))


@njit(cache=True, nogil=True)
def _without_open_word(inside, size):
    """How many of the first `size` bytes are before a word that reaches their end; bits of `inside` are letters and digits."""
    if size and (inside >> np.uint64(size - 1)) & _ONE:
        return highest(~inside & (~_NONE >> np.uint64(64 - size))) + 1
    return size


@njit(cache=True, nogil=True)
def _take_character(word, piece, bits, code):
    """A word's hash, its last piece and the bits of that, with one more character."""
    taken, size = np.uint64(code), 8
    if code >= 0x80:
        taken, size = np.uint64((code & 0x7F) | 0x80 | (code >> 7) << 8), 24
    piece |= taken << np.uint64(bits)
    if bits + size < 64:
        return word, piece, bits + size
    word = fold_product(word ^ piece, WORD_FACTOR)
    rest = bits + size - 64
    return word, taken >> np.uint64(size - rest), rest


@njit(cache=True, nogil=True)
def read_units(data, at, stop, table, expansions, normalised, word, piece, bits, units, filled):
    """Hash units into `units[filled:]` until the text or the room ends: where to go on, how many there are, the word that has
    not ended (its hash, last piece and bits; `bits` is -1 outside of words), the letters, marks and digits, and whether the
    text must be normalised as a whole first."""
    length = 0
    most = len(units) - ROOM
    while at < stop and filled < most:
        if bits < 0 and (data[at] < 0xC0 or data[at] & 0xF0 == 0xE0):
            begun = at
            at, filled, letters = _read_block(data, at, stop, table, units, filled)
            length += letters
            if at > begun:
                continue
        code, at = _decode(data, at, stop)
        entry = _entry_of(code, table)
        if entry & _COMBINES and not normalised:
            return at, filled, word, piece, bits, length, True
        left, where, expands = 1, 0, (entry >> CLASS_SHIFT) & 7 == EXPANDED
        if expands:
            where = entry & _CODE_MASK
            left = np.int64(expansions[where])
        for k in range(left):
            if expands:
                entry = np.int64(expansions[where + 1 + k])
            kind = (entry >> CLASS_SHIFT) & 7
            if kind == WORD:
                if bits < 0:
                    word, piece, bits = WORD_START, _NONE, 0
                word, piece, bits = _take_character(word, piece, bits, entry & _CODE_MASK)
                length += 1
            elif kind == UNIT or kind == BREAK:  # noqa: SIM109 - a tuple costs time here
                if bits >= 0:
                    units[filled] = word if bits == 0 else fold_product(word ^ piece, WORD_FACTOR)
                    filled += 1
                    bits = -1
                if kind == UNIT:
                    units[filled] = np.uint64(entry & (_COMBINES - 1))
                    filled += 1
                    length += 1
    if at >= stop and bits >= 0:
        units[filled] = word if bits == 0 else fold_product(word ^ piece, WORD_FACTOR)
        filled += 1
    return at, filled, word, piece, bits, length, False
