"""A 64-bit hash of bytes, for kernels, 16 bytes at a time.

Two of N different strings are taken for one with a chance of about N² / 2^65.
"""

from __future__ import annotations

import numba
import numpy as np

from curator.metrics.compiled import kernel
from curator.metrics.vectors import load64

SEED = np.uint64(0x9E3779B97F4A7C15)
PRIME = np.uint64(0xD6E8FEB86659FD93)
BLOCK = 16

_EMPTY = np.array([n * int(SEED) % (1 << 64) for n in range(BLOCK + 1)], np.uint64)  # the state before so many bytes
_LOW = np.array([(1 << 8 * min(n, 8)) - 1 for n in range(BLOCK + 1)], np.uint64)  # of n bytes, those that the first 8 hold
_HIGH = np.array([(1 << 8 * max(n - 8, 0)) - 1 for n in range(BLOCK + 1)], np.uint64)


@numba.njit(inline="always")
def mix(state, low, high):
    """The hash of what `state` is the hash of, and 16 bytes more."""
    return mixed(state ^ low, high)


@numba.njit(inline="always")
def mixed(state, high):
    state = state * PRIME
    state = (state ^ (state >> np.uint64(32)) ^ high) * SEED
    return state ^ (state >> np.uint64(29))


@numba.njit(inline="always")
def load_block(data, start, length):
    """What `mixed` makes the hash of at most 16 bytes of, where 16 can be read."""
    size = np.uint64(length)  # of an index that cannot be negative: spares numba a test
    return _EMPTY[size] ^ load64(data, start) & _LOW[size], load64(data, start + 8) & _HIGH[size]


@kernel
def hash_bytes(data, start, length):
    """The hash of `data[start : start + length]`."""
    state = np.uint64(length) * SEED
    stop = start + length
    while stop - start > BLOCK:
        state = mix(state, load64(data, start), load64(data, start + 8))
        start += BLOCK
    left = stop - start
    if start + BLOCK <= len(data):
        return mix(state, load64(data, start) & _LOW[left], load64(data, start + 8) & _HIGH[left])
    low = np.uint64(0)
    high = np.uint64(0)
    for k in range(left):
        if k < 8:
            low |= np.uint64(data[start + k]) << np.uint64(8 * k)
        else:
            high |= np.uint64(data[start + k]) << np.uint64(8 * k - 64)
    return mix(state, low, high)
