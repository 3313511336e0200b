"""Bucket entries of 8 bytes each, and how buckets are found among them without sorting what meets nobody.

An entry is (hash of 64 bits, row of its group). All hashes are cut into *cells*, equal ranges of them, at least as many as a
group has rows; a group's entries lie in the order of cells, so that the upper bits of a hash are known from the place, and its
other bits and the row fit into 64. How many entries a cell has is told in unary, a bit for each entry and a zero behind the
last one of every cell. Whoever reads a cell of all groups has what may meet there, some thousand entries: they go into a table
that fits into the processor's cache. So an entry costs the same, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numba import njit

from curator.dedup.clusters import mix

NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)  # no packed entry and no meeting: numbers and rows together have 63 bits at most
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ONE, _64 = np.uint64(1), np.uint64(64)


def pack(entries: Iterable[tuple[np.ndarray, np.ndarray]], cells: int, row_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Entries (hashes, rows) that come in parts, by cell, and where each cell ends; rows keep their order in a cell."""
    low = 65 - cells.bit_length()
    counts = np.zeros(cells, np.int64)
    found = []
    for hashes, rows in entries:
        count_cells(hashes, low, counts)
        found.append((hashes, rows))
    ends = np.cumsum(counts) - counts
    packed = np.empty(sum(len(hashes) for hashes, _ in found), np.uint64)
    for hashes, rows in found:
        place(hashes, rows, low, row_bits, ends, packed)
    return packed, ends


@njit(cache=True, nogil=True)
def count_cells(hashes, low, counts):
    """Add to `counts` how many hashes lie in each cell; `low`: bits of a hash below those of its cell."""
    for i in range(len(hashes)):
        counts[hashes[i] >> np.uint64(low)] += 1


@njit(cache=True, nogil=True)
def place(hashes, rows, low, row_bits, ends, packed):
    """Pack entries into their cells; `ends` is where each cell goes on."""
    mask = (_ONE << np.uint64(low)) - _ONE
    for i in range(len(hashes)):
        cell = hashes[i] >> np.uint64(low)
        packed[ends[cell]] = (hashes[i] & mask) << np.uint64(row_bits) | np.uint64(rows[i])
        ends[cell] += 1


@njit(cache=True, nogil=True)
def sort_cells(packed, ends):
    """Each cell's entries by hash and row."""
    start = 0
    for cell in range(len(ends)):
        stop = ends[cell]
        if stop - start > 64:
            packed[start:stop].sort()
        else:
            for i in range(start + 1, stop):
                entry = packed[i]
                k = i
                while k > start and packed[k - 1] > entry:
                    packed[k] = packed[k - 1]
                    k -= 1
                packed[k] = entry
        start = stop


@njit(cache=True, nogil=True)
def _root(parents, node):
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@njit(cache=True, nogil=True)
def _join(parents, one, other):
    """The smaller root stays, so a parent is never larger than its child, and nothing depends on an order."""
    one, other = _root(parents, one), _root(parents, other)
    if one < other:
        parents[other] = one
    else:
        parents[one] = other


@njit(cache=True, nogil=True)
def join_rows(packed, ends, row_bits, parents):
    """Have rows that share a bucket name the smallest of all that they are connected with; cells are sorted."""
    bits = np.uint64(row_bits)
    mask = (_ONE << bits) - _ONE
    start = 0
    for cell in range(len(ends)):
        for i in range(start + 1, ends[cell]):
            if packed[i] >> bits == packed[i - 1] >> bits:
                _join(parents, np.int64(packed[i] & mask), np.int64(packed[i - 1] & mask))
        start = ends[cell]
    for row in range(len(parents)):
        parents[row] = parents[parents[row]]


@njit(cache=True, nogil=True)
def reduce_cells(packed, ends, row_bits, stands):
    """Put the row that stands for it into each entry, and keep every entry once; returns how many are left."""
    bits = np.uint64(row_bits)
    mask = (_ONE << bits) - _ONE
    start = kept = 0
    for cell in range(len(ends)):
        last = NOTHING
        for i in range(start, ends[cell]):
            entry = (packed[i] & ~mask) | np.uint64(stands[np.int64(packed[i] & mask)])
            if entry != last:
                packed[kept] = entry
                kept += 1
            last = entry
        start = ends[cell]
        ends[cell] = kept
    return kept


@njit(cache=True, nogil=True)
def unary(ends, begin):
    """The sizes of cells, of which the first begins at `begin`."""
    bits = np.zeros((ends[-1] - begin + len(ends) + 7) // 8, np.uint8)
    at = 0
    for cell in range(len(ends)):
        for _ in range(ends[cell] - begin):
            bits[at >> 3] |= np.uint8(1 << (at & 7))
            at += 1
        begin = ends[cell]
        at += 1
    return bits


@njit(cache=True, nogil=True)
def ends_of(bits, cells):
    """Where each cell ends, from its unary size."""
    ends = np.empty(cells, np.int64)
    at = 0
    for cell in range(cells):
        while bits[at >> 3] >> (at & 7) & 1:
            at += 1
        ends[cell] = at - cell
        at += 1
    return ends


@njit(cache=True, nogil=True)
def hashes_of(packed, ends, first_cell, low, row_bits):
    """The hashes again."""
    hashes = np.empty(len(packed), np.uint64)
    start = 0
    for cell in range(len(ends)):
        for i in range(start, ends[cell]):
            hashes[i] = (np.uint64(first_cell + cell) << np.uint64(low)) | (packed[i] >> np.uint64(row_bits))
        start = ends[cell]
    return hashes


@njit(cache=True, nogil=True)
def meet(packed, begins, bits, bit_begins, cells, row_bits, firsts):
    """Turn entries into meetings, in place, and count those of each group.

    The entries of group g are `packed[begins[g]:begins[g + 1]]`, and the sizes of its cells begin at byte `bit_begins[g]`. An
    entry that shares its hash with others becomes the smallest document among these by its mixed number, and behind it, in the
    lowest `row_bits`, its own row; the smallest one itself, and an entry that is alone, become NOTHING.
    """
    groups = len(begins) - 1
    at, bit = begins[:-1].copy(), bit_begins * 8
    stops = np.empty(groups, np.int64)
    met = np.zeros(groups, np.int64)
    rows = np.uint64(row_bits)
    mask = (_ONE << rows) - _ONE
    size = 0
    keys, holders = np.empty(0, np.uint64), np.empty(0, np.uint64)
    shared, slots = np.empty(0, np.bool_), np.empty(0, np.int64)
    for _ in range(cells):
        count = 0
        for g in range(groups):
            where = bit[g]
            while bits[where >> 3] >> (where & 7) & 1:
                where += 1
            stops[g] = at[g] + where - bit[g]
            count += where - bit[g]
            bit[g] = where + 1
        width = 3
        while (1 << width) < 2 * count:
            width += 1
        if (1 << width) > size:
            size = 1 << width
            keys, holders = np.empty(size, np.uint64), np.full(size, NOTHING, np.uint64)
            shared, slots = np.zeros(size, np.bool_), np.empty(size, np.int64)
        within, shift = (1 << width) - 1, _64 - np.uint64(width)
        taken = 0
        for g in range(groups):
            for i in range(at[g], stops[g]):
                key = packed[i] >> rows
                document = firsts[g] + (packed[i] & mask)
                slot = np.int64((key * _FACTOR) >> shift)
                while holders[slot] != NOTHING and keys[slot] != key:
                    slot = (slot + 1) & within
                if holders[slot] == NOTHING:
                    keys[slot], holders[slot] = key, document
                else:
                    shared[slot] = True
                    if mix(document) < mix(holders[slot]):
                        holders[slot] = document
                slots[taken] = slot
                taken += 1
        taken = 0
        for g in range(groups):
            for i in range(at[g], stops[g]):
                slot = slots[taken]
                taken += 1
                row = packed[i] & mask
                if shared[slot] and holders[slot] != firsts[g] + row:
                    packed[i] = holders[slot] << rows | row
                    met[g] += 1
                else:
                    packed[i] = NOTHING
            at[g] = stops[g]
        for k in range(taken):
            holders[slots[k]] = NOTHING
            shared[slots[k]] = False
    return met


@njit(cache=True, nogil=True)
def join_meetings(meetings, row_bits, first, rows):
    """Edges (node, other) of the components of one group's meetings, each of which is given once, and which ascend.

    Nodes are the group's rows and whom they met, wherever those are, by mixed numbers. Every node but the smallest of a
    component has an edge to that; and that one has an edge to the largest, so that whoever reads its edges knows of others.
    """
    bits = np.uint64(row_bits)
    mask = (_ONE << bits) - _ONE
    others = 0
    last = NOTHING
    for i in range(len(meetings)):
        others += meetings[i] >> bits != last
        last = meetings[i] >> bits
    numbers = np.empty(rows + others, np.uint64)  # the group's, then those that are met
    for row in range(rows):
        numbers[row] = first + np.uint64(row)
    parents = np.arange(rows + others)
    met = np.zeros(rows + others, np.bool_)
    node = np.int64(rows - 1)
    last = NOTHING
    for i in range(len(meetings)):
        number = meetings[i] >> bits
        if number != last:
            node += 1
            numbers[node] = last = number
        other = np.int64(number - first) if first <= number < first + np.uint64(rows) else node
        row = np.int64(meetings[i] & mask)
        met[other] = met[row] = True
        _join(parents, other, row)
    least, most = np.full(rows + others, NOTHING, np.uint64), np.zeros(rows + others, np.uint64)
    nodes = 0
    for node in range(rows + others):
        parents[node] = parents[parents[node]]
        if met[node]:
            nodes += 1
            numbers[node] = mix(numbers[node])
            least[parents[node]] = min(least[parents[node]], numbers[node])
            most[parents[node]] = max(most[parents[node]], numbers[node])
    ones, otherwise = np.empty(nodes, np.uint64), np.empty(nodes, np.uint64)
    nodes = 0
    for node in range(rows + others):
        if met[node]:
            root = parents[node]
            ones[nodes] = numbers[node]
            otherwise[nodes] = least[root] if numbers[node] != least[root] else most[root]
            nodes += 1
    return ones, otherwise
