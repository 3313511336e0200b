"""What stands around a byte of a text, for the first pass: numbers, dates, plates, schemes, words of chats, keys. Each looks at
a bounded number of bytes, but for the number, which is read to its end and then skipped.
"""

from __future__ import annotations

import numba
import numpy as np

TO_SCHEME = 160  # bytes before an @ in which the // of a URL is looked for
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def three_bytes(words: str | tuple[str, ...]) -> np.ndarray:
    """Three bytes each (a Han character, three letters) as one number, in order."""
    return np.array(sorted(int.from_bytes(word.encode(), "big") for word in words), np.uint32)


_PROVINCES = three_bytes(PROVINCES)
_BEFORE_XIN = three_bytes("微薇威徽")
_ME = three_bytes("我")


@numba.njit(inline="always")
def is_digit(byte):
    return np.uint8(byte - 0x30) <= 9


@numba.njit(inline="always")
def is_letter(byte):
    return np.uint8((byte | 0x20) - 0x61) <= 25


@numba.njit(inline="always")
def is_hex(byte):
    return is_digit(byte) or np.uint8((byte | 0x20) - 0x61) <= 5


@numba.njit(inline="always")
def in_local_part(byte):
    return is_digit(byte) or is_letter(byte) or byte in (0x5F, 0x2E, 0x25, 0x2B, 0x2D)  # _.%+-


@numba.njit(inline="always")
def in_token(byte):
    return is_digit(byte) or is_letter(byte) or byte in (0x5F, 0x2D, 0x2B, 0x2F)  # _-+/


@numba.njit(inline="always")
def three_at(data, i, start, stop):
    if i < start or i + 3 > stop:
        return np.uint32(0)
    return np.uint32(data[i]) << np.uint32(16) | np.uint32(data[i + 1]) << np.uint32(8) | np.uint32(data[i + 2])


@numba.njit
def is_among(value, sorted_values):
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
def number_at(data, i, stop):
    """Of the number that begins here: its end, how many digits it has, groups of them, and dots."""
    end = i
    digits = groups = dots = np.int64(0)
    while True:
        groups += 1
        while i < stop and is_digit(data[i]):
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
        if marks == 0 or i >= stop or not is_digit(data[i]):
            return end, digits, groups, dots


@numba.njit(inline="always")
def is_date(data, i, end, digits, groups):
    """2012-01-17, 1998-2008: years and days, perhaps an hour behind them, which are most of what looks like a number."""
    if digits > 10 or groups < 2 or not (data[i] == 0x31 or data[i] == 0x32) or end - i < 9:
        return False
    if not (data[i + 1] in (0x30, 0x39, 0x38) and is_digit(data[i + 2]) and is_digit(data[i + 3])):
        return False
    if groups == 2:
        return digits == 8 and data[end - 4] in (0x31, 0x32) and data[end - 3] in (0x30, 0x39, 0x38)
    return (groups == 3 or groups == 4) and not is_digit(data[i + 4]) and not is_digit(data[end - 3])


@numba.njit(inline="always")
def plate_before(data, i, start, stop):
    """Where the province before the letters before a digit begins, or -1."""
    at = i
    letters = 0
    while at > start and at > i - 8:
        byte = data[at - 1]
        if is_letter(byte):
            letters += 1
        elif byte >= 0x80:
            if data[at - 1] == 0xB7 and at - 2 >= start and data[at - 2] == 0xC2:  # ·
                at -= 2
                continue
            if at - 3 >= start and data[at - 3] == 0xE2 and data[at - 2] == 0x80 and data[at - 1] == 0xA2:  # •
                at -= 3
                continue
            break
        elif not (byte == 0x20 or byte == 0x2D or byte == 0x2E or is_digit(byte)):
            return np.int64(-1)
        at -= 1
    if letters and is_among(three_at(data, at - 3, start, stop), _PROVINCES):
        return np.int64(at - 3)
    return np.int64(-1)


@numba.njit(inline="always")
def scheme_before(data, i, start):
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
def of_chat(data, i, start, stop):
    """Whether a keyword of chats ends here or begins here: see the tests of `interesting`."""
    byte = data[i]
    if byte == 0xE4 or byte == 0xE6:
        three = three_at(data, i - 3, start, stop)
        if byte == 0xE6:  # 扣
            return three_at(data, i + 3, start, stop) == three_at(data, i, start, stop)
        return is_among(three, _BEFORE_XIN) or (i > start and (data[i - 1] | 0x20 == 0x76 or data[i - 1] == 0x2B))
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
def is_added(data, i, start, stop):
    """Whether what a reader is to add, in short, begins here: Q, V, 微, 薇, perhaps behind 我."""
    three = three_at(data, i, start, stop)
    if is_among(three, _ME):
        i += 3
        three = three_at(data, i, start, stop)
    return is_among(three, _BEFORE_XIN) or (i < stop and data[i] | 0x20 in (0x71, 0x76))


@numba.njit(inline="always")
def key_without_digits(data, i, stop):
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
