"""Best-fit packing: no document is cut that fits into a sequence, and each piece goes where it leaves the least room.

Ding et al. 2024 (Fewer Truncations Improve Language Modeling, arXiv 2404.10830): documents longer than a sequence are cut into
whole sequences and a rest; the pieces, the longest first, each go to the sequence with the least room that still takes them.
Which sequences are filled how far depends on the lengths alone, so it is the same in every epoch; which documents meet is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from curator.tokens.draw import drawn


@dataclass(frozen=True)
class Layout:
    """Pieces in the order of the sequences, each sequence filled up by one of padding. All int64."""

    document: np.ndarray  # its place in the order that was given; -1 is padding
    offset: np.ndarray  # the token of the document that the piece begins with
    length: np.ndarray


def sequences(lengths: np.ndarray, width: int) -> int:
    """How many sequences of `width` ids the documents of these lengths fill."""
    _, _, pieces = _cut(lengths, width)
    return int(_best_fit(np.sort(pieces)[::-1].copy(), width).max(initial=-1)) + 1


def lay_out(lengths: np.ndarray, width: int, seed: int, epoch: int) -> Layout:
    """One epoch of documents, whose order decides what stands where among pieces of equal length."""
    document, offset, pieces = _cut(lengths, width)
    longest_first = np.argsort(-pieces, kind="stable")
    into = np.empty(len(pieces), np.int64)
    into[longest_first] = _best_fit(pieces[longest_first], width)
    count = int(into.max(initial=-1)) + 1
    room = width - np.bincount(into, pieces, count).astype(np.int64)
    short = np.flatnonzero(room)
    into = np.concatenate([into, short])
    document = np.concatenate([document, np.full(len(short), -1, np.int64)])
    offset = np.concatenate([offset, np.zeros(len(short), np.int64)])
    pieces = np.concatenate([pieces, room[short]])
    shuffled = drawn(np.arange(count, dtype=np.uint64), "sequences", seed, epoch)
    rank = np.empty(count, np.int64)
    rank[np.argsort(shuffled, kind="stable")] = np.arange(count)
    order = np.argsort(rank[into], kind="stable")  # inside a sequence in the order of the documents, padding last
    return Layout(document[order], offset[order], pieces[order])


def _cut(lengths: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(document, offset, length) of each piece. A rest of one id is but an EOS, and left out: then a piece that begins with EOS
    is padding, and can be told."""
    counts = (lengths + width - 1) // width
    document = np.repeat(np.arange(len(lengths)), counts)
    offset = (np.arange(len(document)) - np.repeat(np.cumsum(counts) - counts, counts)) * width
    pieces = np.minimum(lengths[document] - offset, width)
    kept = pieces > 1
    return document[kept], offset[kept], pieces[kept]


@numba.njit(cache=True)
def _best_fit(pieces, width):
    """The sequence of each piece; pieces come longest first. By room, sequences stand in lists; a tree over the rooms finds the
    least one that is not empty and large enough."""
    into = np.empty(len(pieces), np.int64)
    size = 1
    while size < width + 1:
        size *= 2
    some = np.zeros(2 * size, np.uint8)  # some[size + r]: is there a sequence with room r
    head = np.full(width + 1, -1, np.int64)
    below = np.full(len(pieces), -1, np.int64)  # the next sequence of equal room
    used = 0
    for i in range(len(pieces)):
        length = pieces[i]
        node = size + length
        if not some[node]:
            while node > 1 and (node & 1 or not some[node + 1]):
                node >>= 1
            if node > 1:
                node += 1
                while node < size:
                    node = 2 * node if some[2 * node] else 2 * node + 1
            else:
                node = 0
        if node:
            room = node - size
            chosen = head[room]
            head[room] = below[chosen]
            if head[room] < 0:
                _clear(some, node)
        else:
            room, chosen = width, used
            used += 1
        into[i] = chosen
        left = room - length
        if left:
            below[chosen] = head[left]
            head[left] = chosen
            leaf = size + left
            while leaf and not some[leaf]:
                some[leaf] = 1
                leaf >>= 1
    return into


@numba.njit(cache=True)
def _clear(some, node):
    some[node] = 0
    node >>= 1
    while node:
        some[node] = some[2 * node] | some[2 * node + 1]
        node >>= 1
