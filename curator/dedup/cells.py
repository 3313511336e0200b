"""Bucket entries of 8 bytes each, and how buckets are found among them without sorting what meets nobody.

An entry is (hash of 64 bits, row of its group). All hashes are cut into *cells*, equal ranges of them, at least as many as a
group has rows; a group's entries lie in the order of cells, so that the upper bits of a hash are known from the place, and its
other bits and the row fit into 64. How many entries a cell has is told in unary, a bit for each entry and a zero behind the
last one of every cell. Whoever reads a cell of all groups has what may meet there, some thousand entries: they go into a table
that fits into the processor's cache. So an entry costs the same, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from curator.dedup.clusters import mix

SURE = np.uint64(1)  # set in a hash of equal texts or addresses, not set in a band's
PART = 1 << 14  # rows whose entries are put into cells together
NOTHING = np.uint64(0xFFFFFFFFFFFFFFFF)  # no packed entry and no meeting: numbers and rows together have 63 bits at most
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ONE, _64 = np.uint64(1), np.uint64(64)


class Keys(NamedTuple):
    """Hashes of rows, as many of each; `sure`: of equal texts or addresses, so that who meets by them needs no verification."""

    hashes: np.ndarray
    rows: np.ndarray
    each: int
    sure: bool


def pack(turns: Iterable[tuple[int, Keys]], most: int, cells: int, row_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Entries sorted by hash and row, and where each cell ends. A turn is the number of its first row and keys of up to PART
    rows from there; turns ascend, and have `most` entries at most.

    First the entries of PART rows at a time are put into fewer, wider cells, then those of one such cell from all parts into
    their own: so that what is written to lies in the processor's cache, however many rows there are.
    """
    wide = min(cells, PART).bit_length() - 1  # bits of a hash that tell a wide cell: a row of a part fits into as many
    parts, begins, firsts, ends = np.empty(most, np.uint64), [0], [], []
    for part in _parts(turns):
        firsts.append(part[0][0])
        ends.append(np.zeros(1 << wide, np.int32))
        for _, keys in part:
            count_cells(keys.hashes, 64 - wide, ends[-1])
        found = parts[begins[-1] : begins[-1] + int(ends[-1].sum())]
        ends[-1] = np.cumsum(ends[-1], dtype=np.int32) - ends[-1]
        for first, keys in part:
            place(keys.hashes, keys.rows, keys.each, SURE * keys.sure, first - firsts[-1], wide, ends[-1], found)
        begins.append(begins[-1] + len(found))
    packed, table = np.empty(begins[-1], np.uint64), np.array(ends, np.int32).reshape(len(ends), 1 << wide)
    lowest = (np.array(begins), np.array(firsts, np.uint64))
    return packed, gather(parts, *lowest, table, wide, cells.bit_length() - 1, row_bits, packed)


def _parts(turns: Iterable[tuple[int, Keys]]) -> Iterator[list[tuple[int, Keys]]]:
    """Turns together, as long as their rows are no more than PART."""
    held: list[tuple[int, Keys]] = []
    for first, keys in turns:
        if not len(keys.rows):
            continue
        if held and first + int(keys.rows[-1]) >= held[0][0] + PART:
            yield held
            held = []
        held.append((first, keys))
    if held:
        yield held


@njit(cache=True, nogil=True)
def count_cells(hashes, low, counts):
    """Add to `counts` how many hashes lie in each cell; `low`: bits of a hash below those of its cell."""
    for i in range(len(hashes)):
        counts[hashes[i] >> np.uint64(low)] += 1


@njit(cache=True, nogil=True)
def place(hashes, rows, each, sure, first, wide, ends, packed):
    """Put entries into wide cells, of which `ends` tells where each goes on: what the cell leaves of a hash, and the row."""
    bits = np.uint64(wide)
    i = 0
    for row in rows:
        for _ in range(each):
            cell = hashes[i] >> (_64 - bits)
            packed[ends[cell]] = (hashes[i] & ~SURE | sure) << bits | np.uint64(first + row)
            ends[cell] += 1
            i += 1


@njit(cache=True, nogil=True)
def gather(parts, begins, firsts, part_ends, wide, narrow, row_bits, packed):
    """Put the entries of all parts into `packed` by cells, each cell's by hash and row; where these end. `wide` and `narrow`:
    bits that tell a cell before and now. On their way they lie in slots, about as many as there are entries, so that little is
    left to sort."""
    ends = np.empty(1 << narrow, np.int64)
    at = begins[:-1].copy()
    spare = 0
    while begins[-1] >> (narrow + spare) and narrow + spare < 63:
        spare += 1
    slots = np.empty(1 << (narrow - wide + spare), np.int64)
    top, down, rows = np.uint64(63 - (narrow - wide + spare)), np.uint64(wide), np.uint64(row_bits)
    low, row_mask = (_ONE << np.uint64(64 - narrow)) - _ONE, (_ONE << np.uint64(wide)) - _ONE
    cell = start = begin = 0
    for each in range(1 << wide):
        slots[:] = 0
        for p in range(len(firsts)):
            for i in range(at[p], begins[p] + part_ends[p, each]):
                slots[parts[i] >> _ONE >> top] += 1
        for slot in range(len(slots)):
            count = slots[slot]
            slots[slot] = begin
            begin += count
        for p in range(len(firsts)):
            for i in range(at[p], begins[p] + part_ends[p, each]):
                slot = parts[i] >> _ONE >> top
                packed[slots[slot]] = ((parts[i] >> down) & low) << rows | (firsts[p] + (parts[i] & row_mask))
                slots[slot] += 1
            at[p] = begins[p] + part_ends[p, each]
        for last in range((1 << spare) - 1, len(slots), 1 << spare):
            ends[cell] = slots[last]
            _sort(packed[start : slots[last]])
            start = slots[last]
            cell += 1
    return ends


@njit(cache=True, nogil=True)
def _sort(entries):
    if len(entries) > 64:
        entries.sort()
        return
    for i in range(1, len(entries)):
        entry = entries[i]
        k = i
        while k > 0 and entries[k - 1] > entry:
            entries[k] = entries[k - 1]
            k -= 1
        entries[k] = entry


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
    moved = np.zeros((len(stands) + 7) // 8, np.uint8)  # most rows stand for themselves, and a bit a row fits into the cache
    for row in range(len(stands)):
        moved[row >> 3] |= np.uint8((stands[row] != row) << (row & 7))
    start = kept = 0
    for cell in range(len(ends)):
        last = NOTHING
        for i in range(start, ends[cell]):
            entry = packed[i]
            row = np.int64(entry & mask)
            if moved[row >> 3] >> (row & 7) & 1:
                entry = (entry & ~mask) | np.uint64(stands[row])
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
    parents = np.arange(rows + others).astype(np.int32)  # as those of `join_rows`: compiled once
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
