"""The first pass: where in a column of texts private data could be, found in the bytes 64 at a time.

A text without digits, `@`, keywords and the like is read once and costs nothing more. What is found are *places*: a kind, and
the bytes from which the recognisers of that kind look. A place is no judgement: every datum begins at a place of its kind, and
most places hold none.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.segments import Texts
from curator.metrics.vectors import LANES, below, low_alike, lowest, within

NUMBER, AT, HEX, TOKEN, PLATE, PEM, CHAT, UNIT, STREET, WIDE = (1 << k for k in range(10))
EVERY = (1 << 10) - 1

FEWEST_DIGITS = 7  # of a number that can be somebody's
TOKEN_LENGTH = 16  # characters of the shortest key
LOCAL_PART = 66  # bytes before an @ that an address can take, and one more
TO_SCHEME = 160  # bytes before an @ in which the // of a URL is looked for

_AHEAD = 24  # bytes behind a block of 64 that its tests read

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
UNITS = "号號弄栋棟幢座室楼樓单單层層房院"
NUMERALS = "零〇一二三四五六七八九十百两"


def _three_bytes(words: str | tuple[str, ...]) -> np.ndarray:
    """Three bytes each (a Han character, three letters) as one number, in order."""
    return np.array(sorted(int.from_bytes(word.encode(), "big") for word in words), np.uint32)


_PROVINCES, _UNITS, _NUMERALS = _three_bytes(PROVINCES), _three_bytes(UNITS), _three_bytes(NUMERALS)
_MONTHS = _three_bytes(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"))
_BEFORE_XIN = _three_bytes("微薇威徽")
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


@numba.njit(inline="always")
def _is_digit(byte):
    return np.uint8(byte - 0x30) <= 9


@numba.njit(inline="always")
def _is_letter(byte):
    return np.uint8((byte | 0x20) - 0x61) <= 25


@numba.njit(inline="always")
def _is_hex(byte):
    return _is_digit(byte) or np.uint8((byte | 0x20) - 0x61) <= 5


@numba.njit(inline="always")
def _in_local_part(byte):
    return _is_digit(byte) or _is_letter(byte) or byte in (0x5F, 0x2E, 0x25, 0x2B, 0x2D)  # _.%+-


@numba.njit(inline="always")
def _in_token(byte):
    return _is_digit(byte) or _is_letter(byte) or byte in (0x5F, 0x2D, 0x2B, 0x2F)  # _-+/


@numba.njit(inline="always")
def _three(data, i, start, stop):
    if i < start or i + 3 > stop:
        return np.uint32(0)
    return np.uint32(data[i]) << np.uint32(16) | np.uint32(data[i + 1]) << np.uint32(8) | np.uint32(data[i + 2])


@numba.njit
def _among(value, sorted_values):
    found = False
    for each in sorted_values:
        found |= each == value
    return found


@numba.njit(inline="always")
def _between(data, i, stop):
    """How many bytes a mark takes that may stand between the digits of a number: space - . "
    "( ) +, brackets of Chinese, dashes."""
    if i < stop:
        byte = data[i]
        if byte in (0x20, 0x2D, 0x2E, 0x28, 0x29, 0x2B):
            return 1
        if i + 2 < stop:
            if byte == 0xEF and data[i + 1] == 0xBC and data[i + 2] in (0x88, 0x89, 0x8D):
                return 3
            if byte == 0xE2 and data[i + 1] == 0x80 and np.uint8(data[i + 2] - 0x90) <= 5:
                return 3
        if byte == 0xC2 and i + 1 < stop and data[i + 1] == 0xA0:
            return 2
    return 0


@numba.njit
def _number(data, i, stop):
    """Of the number that begins here: its end, how many digits it has, groups of them, and dots."""
    end = i
    digits = groups = dots = np.int64(0)
    while True:
        groups += 1
        while i < stop and _is_digit(data[i]):
            digits += 1
            i += 1
        end = i
        marks = 0
        size = _between(data, i, stop)
        while size and marks < 3:
            dots += data[i] == 0x2E
            i += size
            marks += 1
            size = _between(data, i, stop)
        if marks == 0 or i >= stop or not _is_digit(data[i]):
            return end, digits, groups, dots


@numba.njit(inline="always")
def _is_date(data, i, end, digits, groups):
    """2012-01-17, 1998-2008: years and days, perhaps an hour behind them, which are most of what looks like a number."""
    if digits > 10 or groups < 2 or not (data[i] == 0x31 or data[i] == 0x32) or end - i < 9:
        return False
    if not (data[i + 1] in (0x30, 0x39, 0x38) and _is_digit(data[i + 2]) and _is_digit(data[i + 3])):
        return False
    if groups == 2:
        return digits == 8 and data[end - 4] in (0x31, 0x32) and data[end - 3] in (0x30, 0x39, 0x38)
    return (groups == 3 or groups == 4) and not _is_digit(data[i + 4]) and not _is_digit(data[end - 3])


@numba.njit(inline="always")
def _plate(data, i, start, stop):
    """Where the province before the letters before a digit begins, or -1."""
    at = i
    letters = 0
    while at > start and at > i - 8:
        byte = data[at - 1]
        if _is_letter(byte):
            letters += 1
        elif byte >= 0x80:
            if data[at - 1] == 0xB7 and at - 2 >= start and data[at - 2] == 0xC2:  # ·
                at -= 2
                continue
            if at - 3 >= start and data[at - 3] == 0xE2 and data[at - 2] == 0x80 and data[at - 1] == 0xA2:  # •
                at -= 3
                continue
            break
        elif not (byte == 0x20 or byte == 0x2D or byte == 0x2E or _is_digit(byte)):
            return np.int64(-1)
        at -= 1
    if letters and _among(_three(data, at - 3, start, stop), _PROVINCES):
        return np.int64(at - 3)
    return np.int64(-1)


@numba.njit(inline="always")
def _scheme(data, i, start):
    """Whether `://` stands before an @, with nothing between them that ends a URL's authority."""
    at = i - 1
    while at >= start + 2 and at > i - TO_SCHEME:
        byte = data[at]
        if byte == 0x2F:
            return data[at - 1] == 0x2F and data[at - 2] == 0x3A
        if byte <= 0x20 or byte in (0x22, 0x3C, 0x3E, 0x60):  # " < > `
            return False
        at -= 1
    return False


@numba.njit(inline="always")
def _of_chat(data, i, start, stop):
    """Whether a keyword of chats ends here or begins here: see the tests of `_interesting`."""
    byte = data[i]
    if byte == 0xE4 or byte == 0xE6:
        three = _three(data, i - 3, start, stop)
        if byte == 0xE6:  # 扣
            return _three(data, i + 3, start, stop) == _three(data, i, start, stop)
        return _among(three, _BEFORE_XIN) or (i > start and (data[i - 1] | 0x20 == 0x76 or data[i - 1] == 0x2B))
    low = byte | 0x20
    if low == 0x71:
        after = i + 1
        while after < stop and after < i + 7 and data[after] in (0x20, 0xE3, 0x80):
            after += 1
        return after < stop and data[after] | 0x20 == 0x71
    if low == 0x78:  # wx, vx
        return i > start and (data[i - 1] | 0x20 == 0x77 or data[i - 1] | 0x20 == 0x76)
    # chat, ixin after we
    return i >= start + 2 and data[i - 1] | 0x20 == 0x65 and data[i - 2] | 0x20 == 0x77


@numba.njit(inline="always")
def _no_digits(data, i, stop):
    """Whether a key begins here in which no digit needs to be: hf_, (g)lpat-, AKIA, AIza."""
    if data[i] == 0x41 and i + 4 < stop:
        if data[i + 1] == 0x4B:
            return data[i + 2] == 0x49 and data[i + 3] == 0x41
        return data[i + 1] == 0x49 and data[i + 2] == 0x7A and data[i + 3] == 0x61
    if data[i] == 0x68:
        return i + 3 < stop and data[i + 1] == 0x66 and data[i + 2] == 0x5F
    if data[i] != 0x6C or i + 5 >= stop:
        return False
    return data[i + 1] == 0x70 and data[i + 2] == 0x61 and data[i + 3] == 0x74 and data[i + 4] == 0x2D


@numba.njit(inline="always")
def _interesting(data, i):
    """Of 64 bytes, those at which any kind of place may be anchored."""
    bits = within(data, i, 0x30, 0x39) | within(data, i, 0x40, 0x40)
    wide = within(data, i, 0xEF, 0xEF)
    if wide:
        bits |= wide & within(data, i + 1, 0xBC, 0xBC) & within(data, i + 2, 0x90, 0xA0)
    colons = within(data, i, 0x3A, 0x3A)
    if colons:
        near = within(data, i + 1, 0x3A, 0x3A) | within(data, i + 2, 0x3A, 0x3A) | within(data, i + 3, 0x3A, 0x3A)
        bits |= colons & (near | within(data, i + 4, 0x3A, 0x3A) | within(data, i + 5, 0x3A, 0x3A))
    dashes = within(data, i, 0x2D, 0x2D)
    if dashes:
        macs = within(data, i + 3, 0x2D, 0x2D) & within(data, i + 6, 0x2D, 0x2D) & within(data, i + 9, 0x2D, 0x2D)
        bits |= dashes & (macs | within(data, i + 5, 0x42, 0x42) & within(data, i + 6, 0x45, 0x45))
    dots = within(data, i, 0x2E, 0x2E)
    if dots:
        bits |= dots & within(data, i + 5, 0x2E, 0x2E)
    q = low_alike(data, i, 0xDF, 0x51)
    if q:
        bits |= q & low_alike(data, i + 1, 0xDF, 0x51)
        blank = within(data, i + 1, 0x20, 0x20) | within(data, i + 1, 0xE3, 0xE3)
        if q & blank:
            far = low_alike(data, i + 2, 0xDF, 0x51) | low_alike(data, i + 3, 0xDF, 0x51) | low_alike(data, i + 4, 0xDF, 0x51)
            bits |= q & blank & (far | low_alike(data, i + 5, 0xDF, 0x51) | low_alike(data, i + 7, 0xDF, 0x51))
    bits |= low_alike(data, i, 0xDF, 0x58)
    chat = low_alike(data, i, 0xDF, 0x43) & low_alike(data, i + 1, 0xDF, 0x48)
    if chat:
        bits |= chat & low_alike(data, i + 2, 0xDF, 0x41) & low_alike(data, i + 3, 0xDF, 0x54)
    ixin = low_alike(data, i, 0xDF, 0x49) & low_alike(data, i + 1, 0xDF, 0x58)
    if ixin:
        bits |= ixin & low_alike(data, i + 2, 0xDF, 0x49) & low_alike(data, i + 3, 0xDF, 0x4E)
    under = within(data, i + 2, 0x5F, 0x5F)
    if under:
        bits |= under & within(data, i, 0x68, 0x68) & within(data, i + 1, 0x66, 0x66)
    key = within(data, i, 0x41, 0x41) & (within(data, i + 1, 0x4B, 0x4B) | within(data, i + 1, 0x49, 0x49))
    if key:
        bits |= key & (within(data, i + 2, 0x49, 0x49) | within(data, i + 2, 0x7A, 0x7A))
    pat = within(data, i, 0x6C, 0x6C) & within(data, i + 1, 0x70, 0x70)
    if pat:
        bits |= pat & within(data, i + 2, 0x61, 0x61) & within(data, i + 3, 0x74, 0x74) & within(data, i + 4, 0x2D, 0x2D)
    xin = within(data, i, 0xE4, 0xE4)
    if xin:
        bits |= xin & within(data, i + 1, 0xBF, 0xBF) & within(data, i + 2, 0xA1, 0xA1)
    kou = within(data, i, 0xE6, 0xE6)
    if kou:
        bits |= kou & within(data, i + 1, 0x89, 0x89) & within(data, i + 2, 0xA3, 0xA3)
    hao = within(data, i, 0xE5, 0xE5)
    if hao:
        bits |= hao & within(data, i + 1, 0x8F, 0x8F) & within(data, i + 2, 0xB7, 0xB7)
        add = hao & within(data, i + 1, 0x8A, 0x8A) & within(data, i + 2, 0xA0, 0xA0)
        if add:
            bits |= add & low_alike(data, i + 3, 0xDF, 0x51)
    hao = within(data, i, 0xE8, 0xE8)
    if hao:
        bits |= hao & within(data, i + 1, 0x99, 0x99) & within(data, i + 2, 0x9F, 0x9F)
    return bits


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
            if block + LANES + _AHEAD <= len(data):
                bits = _interesting(data, block) & below(stop - block)
            else:
                bits = below(stop - block)
            while bits:
                i = block + lowest(bits)
                bits &= bits - np.uint64(1)
                if n + 8 > len(out):
                    out = _more(out)
                byte = data[i]
                if byte == 0xEF:
                    three = _three(data, i, start, stop)
                    if three == _WIDE_AT or np.uint32(three - _WIDE_ZERO) <= 9:
                        out[n] = (row, i - start, i - start, WIDE)
                        n += 1
                        block = stop
                        break
                elif _is_digit(byte):
                    if i >= token_end and kinds & TOKEN:
                        first = i
                        while first > start and _in_token(data[first - 1]):
                            first -= 1
                        letter = i > first
                        token_end = i
                        while token_end < stop and _in_token(data[token_end]):
                            letter |= _is_letter(data[token_end])
                            token_end += 1
                        if letter and token_end - first >= TOKEN_LENGTH:
                            out[n] = (row, first - start, token_end - start, TOKEN)
                            n += 1
                    if i >= number_end:
                        number_end, digits, groups, dots = _number(data, i, stop)
                        date = _is_date(data, i, number_end, digits, groups)
                        if (digits >= FEWEST_DIGITS and not date) or (dots >= 3 and digits >= 4):
                            out[n] = (row, i - start, number_end - start, NUMBER)
                            n += 1
                    if kinds & (STREET | UNIT | PLATE) and (i == start or not _is_digit(data[i - 1])):
                        last = i + 1
                        while last < stop and _is_digit(data[last]):
                            last += 1
                        if last < stop and data[last] == 0x20:
                            ahead = _three(data, last + 1, start, stop)
                            if np.uint8((ahead >> np.uint32(16)) - 0x41) <= 25 and not _among(ahead, _MONTHS):
                                out[n] = (row, i - start, last - start, STREET)
                                n += 1
                        letters = last
                        while letters < stop and letters < last + 2 and _is_letter(data[letters]):
                            letters += 1
                        unit = _among(_three(data, letters, start, stop), _UNITS)
                        if unit and _three(data, i - 3, start, stop) != _MONTH:
                            out[n] = (row, i - start, letters + 3 - start, UNIT)
                            n += 1
                        first = _plate(data, i, start, stop)
                        if first >= 0:
                            out[n] = (row, first - start, i - start, PLATE)
                            n += 1
                elif byte == 0x40:
                    if kinds & AT:
                        first = i
                        while first > start and first > i - LOCAL_PART and _in_local_part(data[first - 1]):
                            first -= 1
                        after = i + 1 < stop and (_is_digit(data[i + 1]) or _is_letter(data[i + 1]))
                        if (first < i and after) or _scheme(data, i, start):
                            out[n] = (row, first - start, i - start, AT)
                            n += 1
                elif byte == 0x3A or byte == 0x2D or byte == 0x2E:
                    if byte == 0x2D and i + 6 < stop and data[i + 5] == 0x42 and data[i + 6] == 0x45:
                        if kinds & PEM:
                            out[n] = (row, i - start, i + 5 - start, PEM)
                            n += 1
                    elif kinds & HEX and i >= hex_end:
                        first = i
                        while first > start and first > i - 4 and _is_hex(data[first - 1]):
                            first -= 1
                        hex_end = i
                        marks = 0
                        while hex_end < stop and hex_end < i + 45 and (_is_hex(data[hex_end]) or data[hex_end] == byte):
                            marks += data[hex_end] == byte
                            hex_end += 1
                        double = byte == 0x3A and i + 1 < stop and data[i + 1] == 0x3A
                        if byte == 0x3A and not double and marks < 5:
                            for k in range(i, hex_end - 1):
                                double |= data[k] == 0x3A and data[k + 1] == 0x3A
                        if double or marks >= (2 if byte == 0x2E else 5):
                            out[n] = (row, first - start, hex_end - start, HEX)
                            n += 1
                elif byte == 0xE5 and _three(data, i, start, stop) == _ADD:
                    if kinds & CHAT and i + 3 < stop and data[i + 3] | 0x20 == 0x71:  # 加Q
                        out[n] = (row, i - start, i + 3 - start, CHAT)
                        n += 1
                elif byte == 0xE5 or byte == 0xE8:
                    if kinds & UNIT and _among(_three(data, i - 3, start, stop), _NUMERALS):
                        out[n] = (row, i - 3 - start, i + 3 - start, UNIT)
                        n += 1
                elif _no_digits(data, i, stop):
                    if kinds & TOKEN:
                        out[n] = (row, i - start, i + 3 - start, TOKEN)
                        n += 1
                elif kinds & CHAT and (byte == 0xE4 or byte == 0xE6 or _is_letter(byte)) and _of_chat(data, i, start, stop):
                    out[n] = (row, i - start, i + 1 - start, CHAT)
                    n += 1
            block += LANES
    return out[:n]
