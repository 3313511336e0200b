"""The first pass: where in a column of texts private data could be, found in the bytes 64 at a time.

A text without digits, `@`, keywords and the like is read once and costs nothing more. What is found are *places*: a kind, and
the bytes from which the recognisers of that kind look. A place is no judgement: every datum begins at a place of its kind, and
most places hold none.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.segments import Texts
from curator.metrics.vectors import LANES, below, lowest
from curator.privacy.anchors import AHEAD, interesting
from curator.privacy.around import (
    in_local_part,
    in_token,
    is_added,
    is_among,
    is_date,
    is_digit,
    is_hex,
    is_letter,
    key_without_digits,
    number_at,
    of_chat,
    plate_before,
    scheme_before,
    three_at,
    three_bytes,
)

NUMBER, AT, HEX, TOKEN, PLATE, PEM, CHAT, UNIT, STREET, WIDE = (1 << k for k in range(10))

FEWEST_DIGITS = 7  # of a number that can be somebody's
TOKEN_LENGTH = 16  # characters of the shortest key
LOCAL_PART = 66  # bytes before an @ that an address can take, and one more

UNITS = "号號弄栋棟幢座室楼樓单單层層房院"
NUMERALS = "零〇一二三四五六七八九十百两"

_UNITS, _NUMERALS = three_bytes(UNITS), three_bytes(NUMERALS)
_MONTHS = three_bytes(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"))
_WIDE_ZERO = int.from_bytes("０".encode(), "big")
_WIDE_AT = int.from_bytes("＠".encode(), "big")
_ADD = int.from_bytes("加".encode(), "big")
_MONTH = int.from_bytes("月".encode(), "big")


def places(found: Texts, kinds: int) -> np.ndarray:
    """Rows of (row, byte in the text, byte behind it, kind), in the order of rows."""
    starts = np.where(found.valid, found.starts, found.stops)
    return _places(found.data, starts, found.stops, np.int64(kinds))


def in_characters(found: Texts, where: np.ndarray) -> None:
    """The bytes of places as characters, in place."""
    if len(where):
        _in_characters(found.data, found.starts, where)


@numba.njit(cache=True, nogil=True)
def _in_characters(data, starts, where):
    row = np.int64(-1)
    at = count = np.int64(0)
    for n in range(len(where)):
        if where[n, 0] != row:
            row = where[n, 0]
            at = count = np.int64(0)
        start = starts[row]
        for end in range(1, 3):
            to = where[n, end]
            while at < to:
                count += data[start + at] & 0xC0 != 0x80
                at += 1
            while at > to:
                at -= 1
                count -= data[start + at] & 0xC0 != 0x80
            where[n, end] = count


@numba.njit
def _more(out):
    larger = np.empty((2 * len(out), 4), np.int64)
    larger[: len(out)] = out
    return larger


@numba.njit(cache=True, nogil=True)
def _places(data, starts, stops, kinds):
    out = np.empty((1024, 4), np.int64)
    n = 0
    for row in range(len(starts)):
        start = starts[row]
        stop = stops[row]
        number_end = token_end = hex_end = start
        block = start
        while block < stop:
            bits = below(stop - block)
            if block + LANES + AHEAD <= len(data):
                bits &= interesting(data, block)
            while bits:
                i = block + lowest(bits)
                bits &= bits - np.uint64(1)
                if n + 8 > len(out):
                    out = _more(out)
                byte = data[i]
                if byte == 0xEF:
                    three = three_at(data, i, start, stop)
                    if three == _WIDE_AT or np.uint32(three - _WIDE_ZERO) <= 9:
                        out[n] = (row, i - start, i - start, WIDE)
                        n += 1
                        block = stop
                        break
                elif is_digit(byte):
                    if i >= token_end and kinds & TOKEN:
                        first = i
                        while first > start and in_token(data[first - 1]):
                            first -= 1
                        letter = i > first
                        token_end = i
                        while token_end < stop and in_token(data[token_end]):
                            letter |= is_letter(data[token_end])
                            token_end += 1
                        if letter and token_end - first >= TOKEN_LENGTH:
                            out[n] = (row, first - start, token_end - start, TOKEN)
                            n += 1
                    if i >= number_end:
                        number_end, digits, groups, dots = number_at(data, i, stop)
                        date = is_date(data, i, number_end, digits, groups)
                        if (digits >= FEWEST_DIGITS and not date) or (dots >= 3 and digits >= 4):
                            out[n] = (row, i - start, number_end - start, NUMBER)
                            n += 1
                    if kinds & (STREET | UNIT | PLATE) and (i == start or not is_digit(data[i - 1])):
                        last = i + 1
                        while last < stop and is_digit(data[last]):
                            last += 1
                        if last < stop and data[last] == 0x20:
                            ahead = three_at(data, last + 1, start, stop)
                            if np.uint8((ahead >> np.uint32(16)) - 0x41) <= 25 and not is_among(ahead, _MONTHS):
                                out[n] = (row, i - start, last - start, STREET)
                                n += 1
                        letters = last
                        while letters < stop and letters < last + 2 and is_letter(data[letters]):
                            letters += 1
                        unit = is_among(three_at(data, letters, start, stop), _UNITS)
                        if unit and three_at(data, i - 3, start, stop) != _MONTH:
                            out[n] = (row, i - start, letters + 3 - start, UNIT)
                            n += 1
                        first = plate_before(data, i, start, stop)
                        if first >= 0:
                            out[n] = (row, first - start, i - start, PLATE)
                            n += 1
                elif byte == 0x40:
                    if kinds & AT:
                        first = i
                        while first > start and first > i - LOCAL_PART and in_local_part(data[first - 1]):
                            first -= 1
                        after = i + 1 < stop and (is_digit(data[i + 1]) or is_letter(data[i + 1]))
                        if (first < i and after) or scheme_before(data, i, start):
                            out[n] = (row, first - start, i - start, AT)
                            n += 1
                elif byte == 0x3A or byte == 0x2D or byte == 0x2E:
                    if byte == 0x2D and i + 6 < stop and data[i + 5] == 0x42 and data[i + 6] == 0x45:
                        if kinds & PEM:
                            out[n] = (row, i - start, i + 5 - start, PEM)
                            n += 1
                    elif kinds & HEX and i >= hex_end:
                        first = i
                        while first > start and first > i - 4 and is_hex(data[first - 1]):
                            first -= 1
                        hex_end = i
                        marks = 0
                        while hex_end < stop and hex_end < i + 45 and (is_hex(data[hex_end]) or data[hex_end] == byte):
                            marks += data[hex_end] == byte
                            hex_end += 1
                        double = byte == 0x3A and i + 1 < stop and data[i + 1] == 0x3A
                        if byte == 0x3A and not double and marks < 5:
                            for k in range(i, hex_end - 1):
                                double |= data[k] == 0x3A and data[k + 1] == 0x3A
                        if double or marks >= (2 if byte == 0x2E else 5):
                            out[n] = (row, first - start, hex_end - start, HEX)
                            n += 1
                elif byte == 0xE5 and three_at(data, i, start, stop) == _ADD:
                    if kinds & CHAT and is_added(data, i + 3, start, stop):
                        out[n] = (row, i - start, i + 3 - start, CHAT)
                        n += 1
                elif byte == 0x2B:  # +V, behind what is no letter of a program
                    if kinds & CHAT and i > start and data[i - 1] >= 0x80 and is_added(data, i + 1, start, stop):
                        out[n] = (row, i - start, i + 1 - start, CHAT)
                        n += 1
                elif byte == 0xE5 or byte == 0xE8:
                    if kinds & UNIT and is_among(three_at(data, i - 3, start, stop), _NUMERALS):
                        out[n] = (row, i - 3 - start, i + 3 - start, UNIT)
                        n += 1
                elif key_without_digits(data, i, stop):
                    if kinds & TOKEN:
                        out[n] = (row, i - start, i + 3 - start, TOKEN)
                        n += 1
                elif kinds & CHAT and (byte == 0xE4 or byte == 0xE6 or is_letter(byte)) and of_chat(data, i, start, stop):
                    out[n] = (row, i - start, i + 1 - start, CHAT)
                    n += 1
            block += LANES
    return out[:n]
