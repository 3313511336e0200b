"""From signatures to edges: bucket entries by group of documents, then edges by partition of the hash."""

from __future__ import annotations

import numpy as np

from curator.dedup.clusters import bucket_edges, components, distinct, mixed
from curator.dedup.earlier import matching
from curator.dedup.exchange import by_range, read_span, write_spans
from curator.dedup.keys import columns_of, keys, same_text, signatures
from curator.dedup.plan import Plan

ENTRY = (np.uint64, np.uint32)  # hash, row of the group
REPEAT = (np.uint32, np.uint32)  # row of the group, the row that stands for it
EDGE = (np.uint64, np.uint64)  # mixed numbers of two documents, the larger first


def fill_buckets(plan: Plan, index: int) -> None:
    """One group's bucket entries, sorted by hash: a batch for each partition, which is a range of hashes.

    Documents that meet inside the group are joined here, in `repeats`, and only one of them goes on. So a bucket holds at most
    one entry a group, however often a page is repeated. Where meetings are to be verified, only equal texts are joined here.
    """
    verify = plan.options.verify is not None
    columns = [*columns_of(plan.options.by), *(["id"] if verify else [])]
    table = signatures(plan, plan.groups[index], columns)
    hashes, rows = keys(table, plan.options.by)
    if verify:
        label = same_text(table)
        order = np.lexsort((label[rows], hashes))
    else:
        order = np.argsort(hashes)
        label = np.arange(len(table))
        nodes, roots = components(*bucket_edges(hashes[order], rows[order]))
        label[nodes] = roots
    moved = np.flatnonzero(label != np.arange(len(table)))
    repeats = [moved.astype(np.uint32), label[moved].astype(np.uint32)]
    write_spans(plan.path("repeats", index), repeats, [(0, len(moved))], {"rows": len(moved)})

    hashes, rows = hashes[order], label[rows][order]
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    hashes, rows = hashes[new], rows[new].astype(np.uint32)
    write_spans(plan.path("buckets", index), [hashes, rows], by_range(hashes, plan.partitions))


def entries(plan: Plan, partition: int) -> tuple[np.ndarray, np.ndarray]:
    """(hash, document), sorted by hash: of every group in one range of hashes, and those of earlier runs that they meet."""
    hashes, nodes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for index in range(plan.own):
        found, rows = read_span(plan.path("buckets", index), partition, ENTRY)
        hashes.append(found)
        nodes.append(rows.astype(np.int64) + plan.groups[index].first)
    if plan.stores:
        of_earlier = matching(plan, partition, distinct(np.concatenate(hashes)))
        hashes.append(of_earlier[0])
        nodes.append(of_earlier[1])
    joined, documents = np.concatenate(hashes), np.concatenate(nodes)
    del hashes, nodes
    order = np.argsort(joined)
    return joined[order], documents[order]


def find_edges(plan: Plan, partition: int) -> None:
    """The edges of one range of hashes, over the entries of every group."""
    write_edges(plan, partition, *bucket_edges(*entries(plan, partition)))


def write_edges(plan: Plan, partition: int, members: np.ndarray, firsts: np.ndarray) -> None:
    """As few as connect the same documents: each node to the smallest that it is connected with here, both mixed; a span for
    each part of the nodes."""
    nodes, roots = components(*_directed(mixed(members), mixed(firsts)))
    joined = nodes != roots
    nodes, roots = nodes[joined], roots[joined]
    write_spans(plan.path("edges", partition), [nodes, roots], by_range(nodes, plan.parts), {"edges": len(nodes)})


def _directed(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.maximum(one, other), np.minimum(one, other)
