"""The characters of a serialised page, one after the other, for kernels."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def code_point(page, at):
    """The character at a place, and the place behind it. UTF-8 is taken to be valid."""
    byte = np.int32(page[at])
    if byte < 0x80:
        return byte, at + 1
    if byte < 0xE0:
        size, value = 2, byte & 0x1F
    elif byte < 0xF0:
        size, value = 3, byte & 0x0F
    else:
        size, value = 4, byte & 0x07
    for i in range(at + 1, min(at + size, len(page))):
        value = (value << 6) | (np.int32(page[i]) & 0x3F)
    return value, at + size


@numba.njit(cache=True, nogil=True)
def is_blank(point):
    """Whether it is white space, or of no width."""
    return point == 32 or 9 <= point <= 13 or point == 0xA0 or point == 0x3000 or 0x2000 <= point <= 0x200B or point == 0xFEFF


@numba.njit(cache=True, nogil=True)
def entity(page, at, end):
    """What a serialiser escapes: &amp; &lt; &gt; &nbsp; &quot;. The character and the place behind it."""
    if at + 3 < end and page[at + 3] == 59:
        if page[at + 1] == 108:
            return 60, at + 4
        if page[at + 1] == 103:
            return 62, at + 4
    if at + 4 < end and page[at + 4] == 59 and page[at + 1] == 97:
        return 38, at + 5
    if at + 5 < end and page[at + 5] == 59:
        return (0xA0 if page[at + 1] == 110 else 34), at + 6
    return 38, at + 1
