"""Packed bucket entries, the meetings found among them, and the edges of these, against dictionaries."""

from __future__ import annotations

import numpy as np
import pytest

from curator.dedup import cells
from curator.dedup.clusters import components, mixed, unmixed

ROW_BITS, CELLS = 6, 64
LOW = 64 - 6


def packed_of(hashes: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All in one turn. The lowest bit of a hash is set by what it is of, so it is given as it is found."""
    order = np.argsort(rows, kind="stable")
    hashes, rows = hashes[order], rows[order]
    sure = (hashes & cells.SURE).astype(bool)
    turns = [(0, cells.Keys(hashes[kind], rows[kind], 1, sure)) for sure, kind in ((False, ~sure), (True, sure))]
    return cells.pack(turns, len(hashes), CELLS, ROW_BITS)


def entries_of(packed: np.ndarray, ends: np.ndarray) -> list[tuple[int, int]]:
    hashes = cells.hashes_of(packed, ends, 0, LOW, ROW_BITS)
    return list(zip(hashes.tolist(), (packed & np.uint64(63)).tolist(), strict=True))


def drawn(seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """Hashes of which some repeat, in places beside each other, at both ends of all, and in numbers that differ much."""
    generator = np.random.default_rng(seed)
    some = generator.integers(0, 1 << 64, 8, np.uint64)
    near = some[:2] ^ np.uint64(1)
    all_of_them = np.concatenate([some, near, np.array([0, 1, 2**64 - 1, 2**64 - 2], np.uint64)])
    count = [0, 1, 5, 60, 700][seed % 5]
    return generator, generator.choice(all_of_them, count), generator.integers(0, 64, count)


@pytest.mark.parametrize("seed", range(50))
def test_entries_come_back_sorted_from_eight_bytes_and_unary_sizes(seed):
    _, hashes, rows = drawn(seed)
    packed, ends = packed_of(hashes, rows)
    assert entries_of(packed, ends) == sorted(zip(hashes.tolist(), rows.tolist(), strict=True))
    for cut in (0, 13, CELLS):  # sizes are told a partition at a time
        begin = ends[cut - 1] if cut else 0
        bits = cells.unary(ends[cut:], begin) if cut < CELLS else np.zeros(0, np.uint8)
        assert len(bits) == (len(packed) - begin + CELLS - cut + 7) // 8
        assert (cells.ends_of(bits, CELLS - cut) + begin == ends[cut:]).all()


@pytest.mark.parametrize(("rows", "cells_more"), [(1, 0), (40_000, 0), (40_000, 3), (70_000, 0)])
def test_entries_of_many_parts_are_those_of_all_sorted(rows, cells_more):
    """Turns of several kinds and lengths: two hashes a row, of some rows a third one; more rows than one part takes."""
    generator = np.random.default_rng(rows)
    row_bits = max(1, (rows - 1).bit_length())
    low_bits = 64 - row_bits - cells_more
    turns, hashes, of = [], [], []
    first = 0
    while first < rows:
        count = min(rows - first, int(generator.integers(1, cells.PART)))
        two, some = generator.integers(0, 1 << 64, 2 * count, np.uint64), np.flatnonzero(generator.random(count) < 0.3)
        two[:5] = two[0]
        three = generator.integers(0, 1 << 64, len(some), np.uint64)
        turns += [(first, cells.Keys(two, np.arange(count), 2, False)), (first, cells.Keys(three, some, 1, True))]
        hashes += [two & ~cells.SURE, three | cells.SURE]
        of += [first + np.repeat(np.arange(count), 2), first + some]
        first += count
    packed, ends = cells.pack(turns, 3 * rows, 1 << (row_bits + cells_more), row_bits)
    joined, numbers = np.concatenate(hashes), np.concatenate(of)
    order = np.lexsort((numbers, joined))
    assert (cells.hashes_of(packed, ends, 0, low_bits, row_bits) == joined[order]).all()
    assert ((packed & np.uint64((1 << row_bits) - 1)).astype(np.int64) == numbers[order]).all()


@pytest.mark.parametrize("seed", range(50))
def test_rows_of_a_bucket_are_joined_and_one_stands_for_them(seed):
    _, hashes, rows = drawn(seed)
    packed, ends = packed_of(hashes, rows)
    stands = np.arange(64)
    cells.join_rows(packed, ends, ROW_BITS, stands)
    by_hash: dict[int, int] = {}
    pairs = [(int(row), by_hash.setdefault(int(value), int(row))) for value, row in zip(hashes, rows, strict=True)]
    nodes, roots = components(*np.array(pairs, np.int64).reshape(-1, 2).T)
    expected = np.arange(64)
    expected[nodes] = roots
    assert stands.tolist() == expected.tolist()
    left = cells.reduce_cells(packed, ends, ROW_BITS, stands)
    assert entries_of(packed[:left], ends) == sorted({(int(h), int(stands[r])) for h, r in zip(hashes, rows, strict=True)})


def test_many_entries_of_one_cell_in_no_order():
    generator = np.random.default_rng(1)
    hashes = generator.integers(0, 3, 200_000).astype(np.uint64)
    rows = generator.integers(0, 64, 200_000)
    packed, ends = packed_of(hashes, rows)
    assert (np.diff(packed.astype(np.int64)) >= 0).all()
    assert cells.reduce_cells(packed, ends, ROW_BITS, np.arange(64)) == 3 * 64


@pytest.mark.parametrize("seed", range(50))
def test_every_entry_that_shares_its_hash_meets_the_smallest_document(seed):
    """Three groups, whose documents are numbered through."""
    firsts = [0, 64, 128]
    packed, sizes, bits, expected = [], [0], [], []
    buckets: dict[int, set[int]] = {}
    for group, first in enumerate(firsts):
        _, hashes, rows = drawn(seed + 7 * group)
        mine, ends = packed_of(hashes, rows)
        left = cells.reduce_cells(mine, ends, ROW_BITS, np.arange(64))
        packed.append(mine[:left])
        sizes.append(left)
        bits.append(cells.unary(ends, 0))
        for value, row in entries_of(mine[:left], ends):
            buckets.setdefault(value, set()).add(first + row)
    smallest = {h: min(members, key=lambda n: int(mixed(np.array([n]))[0])) for h, members in buckets.items()}
    for first in firsts:
        mine = [(smallest[h], n - first) for h, members in buckets.items() for n in members if first <= n < first + 64]
        expected.append(sorted((other, row) for other, row in mine if other != first + row))
    joined, begins = np.concatenate(packed), np.cumsum(sizes)
    bit_begins = np.cumsum([0, *map(len, bits)])
    met = cells.meet(joined, begins, np.concatenate(bits), bit_begins, CELLS, ROW_BITS, np.array(firsts, np.uint64))
    assert met.tolist() == [len(each) for each in expected]
    for group in range(3):
        mine = joined[begins[group] : begins[group + 1]]
        found = mine[mine != cells.NOTHING].tolist()
        assert sorted((each >> ROW_BITS, each & 63) for each in found) == expected[group]


@pytest.mark.parametrize("seed", range(50))
def test_edges_of_a_group_connect_what_met_and_tell_the_smallest_of_others(seed):
    generator = np.random.default_rng(seed)
    first, rows = 100, 40
    pairs = {
        (int(a), int(b) - first)
        for a, b in zip(generator.integers(0, 300, 25), generator.integers(first, first + rows, 25), strict=True)
        if a != b
    }
    meetings = np.array(sorted(other << ROW_BITS | row for other, row in pairs), np.uint64)
    nodes, others = cells.join_meetings(meetings, ROW_BITS, np.uint64(first), rows)
    labels = mixed(np.array([[other, first + row] for other, row in sorted(pairs)], np.int64)).reshape(-1, 2)
    expected = dict(zip(*(column.tolist() for column in components(labels[:, 0], labels[:, 1])), strict=True))
    assert sorted(nodes.tolist()) == sorted(expected)
    for node, other in zip(nodes.tolist(), others.tolist(), strict=True):
        members = [each for each, root in expected.items() if root == expected[node]]
        assert other == (max(members) if node == min(members) else min(members))
    assert (mixed(unmixed(nodes)) == nodes).all()
