"""Code points to UTF-8, inside of kernels."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(inline="always")
def written(out, n, point):
    """Write a code point (uint32) at place `n` of `out`; where the next one goes."""
    if point < 0x80:
        out[n] = point
        return n + 1
    if point < 0x800:
        out[n] = np.uint32(0xC0) | point >> np.uint32(6)
        out[n + 1] = np.uint32(0x80) | point & np.uint32(0x3F)
        return n + 2
    if point < 0x10000:
        out[n] = np.uint32(0xE0) | point >> np.uint32(12)
        out[n + 1] = np.uint32(0x80) | point >> np.uint32(6) & np.uint32(0x3F)
        out[n + 2] = np.uint32(0x80) | point & np.uint32(0x3F)
        return n + 3
    out[n] = np.uint32(0xF0) | point >> np.uint32(18)
    out[n + 1] = np.uint32(0x80) | point >> np.uint32(12) & np.uint32(0x3F)
    out[n + 2] = np.uint32(0x80) | point >> np.uint32(6) & np.uint32(0x3F)
    out[n + 3] = np.uint32(0x80) | point & np.uint32(0x3F)
    return n + 4
