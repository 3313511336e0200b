"""Edges and connected components in memory. A node is the number of a document, or that number mixed."""

from __future__ import annotations

import numpy as np
from numba import njit

FIRST_FOLD = 1 << 22
_A, _B = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_INVERSE_A, _INVERSE_B = np.uint64(pow(0xFF51AFD7ED558CCD, -1, 1 << 64)), np.uint64(pow(0xC4CEB9FE1A85EC53, -1, 1 << 64))
_33 = np.uint64(33)


@njit(cache=True, nogil=True)
def mix(h):
    """One number mixed; see `mixed`."""
    h = (h ^ (h >> _33)) * _A
    h = (h ^ (h >> _33)) * _B
    return h ^ (h >> _33)


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers in an order without structure, one to one (the finaliser of MurmurHash3, public domain): equal ranges of it hold
    about as many nodes each, and the smallest of a cluster is any of it."""
    return mix.py_func(numbers.astype(np.uint64))


def unmixed(h: np.ndarray) -> np.ndarray:
    """The numbers again."""
    h = (h ^ (h >> _33)) * _INVERSE_B
    h = (h ^ (h >> _33)) * _INVERSE_A
    return (h ^ (h >> _33)).astype(np.int64)


def distinct(values: np.ndarray) -> np.ndarray:
    """Each once, ascending; `numpy.unique` takes a hash table to it, which is several times slower."""
    ordered = np.sort(values)
    new = np.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


@njit(cache=True, nogil=True)
def bucket_edges(hashes, nodes):
    """Edges of all buckets: `hashes` ascending, a bucket is a run of equal ones. Each member is joined to the smallest node of
    its bucket: one edge a member, however large the bucket, and the same whatever the order inside a bucket."""
    members = np.empty(len(nodes), np.int64)
    firsts = np.empty(len(nodes), np.int64)
    found = 0
    start = 0
    while start < len(hashes):
        stop = start + 1
        first = nodes[start]
        while stop < len(hashes) and hashes[stop] == hashes[start]:
            first = min(first, nodes[stop])
            stop += 1
        for i in range(start, stop):
            if nodes[i] != first:
                members[found] = nodes[i]
                firsts[found] = first
                found += 1
        start = stop
    return members[:found].copy(), firsts[:found].copy()


def unique_edges(members: np.ndarray, firsts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every edge once, sorted: a pair that meets in all its bands is one edge."""
    order = np.lexsort((firsts, members))
    members, firsts = members[order], firsts[order]
    new = np.ones(len(members), bool)
    new[1:] = (members[1:] != members[:-1]) | (firsts[1:] != firsts[:-1])
    return members[new], firsts[new]


@njit(cache=True, nogil=True)
def _union(parents, left, right):
    """Join the trees of every edge; the smaller index is the root, so the result does not depend on the order of edges."""
    for i in range(len(left)):
        a, b = left[i], right[i]
        while parents[a] != a:
            parents[a] = parents[parents[a]]
            a = parents[a]
        while parents[b] != b:
            parents[b] = parents[parents[b]]
            b = parents[b]
        if a < b:
            parents[b] = a
        else:
            parents[a] = b
    for i in range(len(parents)):  # a parent is never larger than its child, so one ascending pass makes all trees flat
        parents[i] = parents[parents[i]]


def components(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All nodes of the edges, ascending, and the smallest node of the component of each."""
    nodes = distinct(np.concatenate([left, right]))
    parents = np.arange(len(nodes))
    _union(parents, np.searchsorted(nodes, left), np.searchsorted(nodes, right))
    return nodes, nodes[parents]


class Forest:
    """Components of edges that come in parts. What was added is folded into one edge a node whenever more has come in than is
    held, so memory follows the nodes that have a duplicate (at most about 200 bytes each), not the edges."""

    def __init__(self) -> None:
        self._nodes = self._roots = np.zeros(0, np.uint64)
        self._left: list[np.ndarray] = []
        self._right: list[np.ndarray] = []
        self._waiting = 0

    def add(self, left: np.ndarray, right: np.ndarray) -> None:
        self._left.append(left.astype(np.uint64, copy=False))  # signed with unsigned would make floats
        self._right.append(right.astype(np.uint64, copy=False))
        self._waiting += len(left)
        if self._waiting > max(FIRST_FOLD, len(self._nodes)):
            self._fold()

    def components(self) -> tuple[np.ndarray, np.ndarray]:
        """See `components`, over all that was added."""
        self._fold()
        return self._nodes, self._roots

    def _fold(self) -> None:
        left = np.concatenate([self._nodes, *self._left])
        right = np.concatenate([self._roots, *self._right])
        self._left, self._right, self._waiting = [], [], 0
        self._nodes, self._roots = components(left, right)
