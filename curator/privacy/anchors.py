"""Which bytes of a text are looked at at all: 64 at a time, by tests of the bytes beside each. Most blocks hold none."""

from __future__ import annotations

import numba

from curator.metrics.vectors import low_alike, within

AHEAD = 24  # bytes behind a block of 64 that its tests read


@numba.njit(inline="always")
def interesting(data, i):
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
        bits |= hao & within(data, i + 1, 0x8A, 0x8A) & within(data, i + 2, 0xA0, 0xA0)
    plus = within(data, i, 0x2B, 0x2B)
    if plus:
        bits |= plus & low_alike(data, i + 1, 0xDF, 0x56)
    hao = within(data, i, 0xE8, 0xE8)
    if hao:
        bits |= hao & within(data, i + 1, 0x99, 0x99) & within(data, i + 2, 0x9F, 0x9F)
    return bits
