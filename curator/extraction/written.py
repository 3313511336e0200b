"""Text as a serialiser would write it: references are characters, and what would be markup is escaped."""

from __future__ import annotations

import numpy as np

from curator.extraction.grammar import LONGEST_BARE, LONGEST_REFERENCE, MEANT, WINDOWS, reference
from curator.extraction.tags import PRIME
from curator.extraction.tokens import letter
from curator.metrics.compiled import inner
from curator.metrics.vectors import copy

NO, YES = np.bool_(False), np.bool_(True)  # no literals: a kernel is compiled anew for each of those
GROWTH = 6  # times as long text may become: each " an &quot;
_ESCAPED_AS = {"&": b"&amp;", "<": b"&lt;", ">": b"&gt;", '"': b"&quot;"}
_ESCAPED = np.array([ord(character) for character in _ESCAPED_AS])
_ESCAPES = np.frombuffer(b"".join(escape.ljust(GROWTH) for escape in _ESCAPED_AS.values()), np.uint8)
_LENGTHS = np.array([len(escape) for escape in _ESCAPED_AS.values()])


@inner
def _digit(byte, base):
    """The value of a digit, -1 for what is none."""
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    if base == 16 and 97 <= (byte | 32) <= 102:
        return np.int64(byte | 32) - 87
    return np.int64(-1)


@inner
def _number(page, at, end):
    """`&#…;` at `at`: the character, and the place behind; at `at` where it is none."""
    begin = at + 2
    base = 10
    if begin < end and page[begin] | 32 == 120:
        base, begin = 16, begin + 1
    place, value = begin, np.int64(0)
    while place < end and _digit(page[place], base) >= 0:
        value = min(value * base + _digit(page[place], base), 0x110000)
        place += 1
    if place == begin:
        return np.int64(0), at
    if place < end and page[place] == 59:
        place += 1
    if value == 0 or value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        value = np.int64(0xFFFD)
    elif 128 <= value < 160:
        value = np.int64(WINDOWS[value - 128])
    return value, place


@inner
def _named(page, at, end, attribute):
    """`&name;` at `at`: the row of its meaning, and the place behind; -1 where it is none."""
    packed, shift = np.uint64(0), 56
    found, behind = np.int64(-1), at
    place, most = at + 1, min(end, at + 1 + LONGEST_REFERENCE)
    while place < most:
        byte = page[place]
        if not (letter(byte) or 48 <= byte <= 57 or byte == 59):
            break
        if shift >= 0:
            packed |= np.uint64(byte) << np.uint64(shift)
            shift -= 8
        else:
            packed = (packed ^ np.uint64(byte)) * PRIME
        place += 1
        if byte == 59 or place - at - 1 <= LONGEST_BARE:
            row = reference(packed)
            if row >= 0:
                found, behind = row, place
        if byte == 59:
            break
    if attribute and found >= 0 and page[behind - 1] != 59 and behind < end:
        following = page[behind]
        if following == 61 or letter(following) or 48 <= following <= 57:
            found = np.int64(-1)
    return found, behind


@inner
def _put(out, written, point):
    """One character: in UTF-8, or escaped."""
    for i in range(len(_ESCAPED)):
        if point == _ESCAPED[i]:
            copy(out, written, _ESCAPES, GROWTH * i, _LENGTHS[i])
            return written + _LENGTHS[i]
    if point < 0x80:
        out[written] = point
        return written + 1
    size = 2 if point < 0x800 else 3 if point < 0x10000 else 4
    for i in range(size - 1, 0, -1):
        out[written + i] = 0x80 | (point & 0x3F)
        point >>= 6
    out[written] = (0xF00 >> size) & 0xFF | point
    return written + size


@inner
def write(page, at, end, out, written, attribute):
    """Write page[at:end] from `out[written]` on; the place behind comes back. In an attribute > and quotes are escaped too."""
    while at < end:
        byte = page[at]
        if byte == 38 and at + 1 < end:
            if page[at + 1] == 35:
                point, behind = _number(page, at, end)
                second = np.int64(0)
            else:
                row, behind = _named(page, at, end, attribute)
                point, second = np.int64(0), np.int64(0)
                if row >= 0:
                    point, second = np.int64(MEANT[row, 0]), np.int64(MEANT[row, 1])
            if point:
                if point == 34 and not attribute:
                    out[written] = 34
                    written += 1
                else:
                    written = _put(out, written, point)
                if second:
                    written = _put(out, written, second)
                at = behind
                continue
        if byte == 38 or byte == 60 or (attribute and (byte == 34 or byte == 62)):
            written = _put(out, written, np.int64(byte))
        elif byte == 13:  # a line end is one character
            if at + 1 == end or page[at + 1] != 10:
                out[written] = 10
                written += 1
        elif byte:
            out[written] = byte
            written += 1
        at += 1
    return written
