"""Connected components against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from curator.dedup import clusters


def brute_force(edges: list[tuple[int, int]]) -> dict[int, int]:
    """The smallest node of the component of every node, by spreading labels until nothing changes."""
    label = {node: node for edge in edges for node in edge}
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            low = min(label[a], label[b])
            if label[a] != low or label[b] != low:
                label[a] = label[b] = low
                changed = True
    return label


def random_edges(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    nodes = generator.choice(1 << 45, generator.integers(2, 60), replace=False)
    return nodes[generator.integers(0, len(nodes), (generator.integers(1, 90), 2))]


@pytest.mark.parametrize("first_fold", [1, 7, clusters.FIRST_FOLD])
def test_random_graphs(monkeypatch, first_fold):
    monkeypatch.setattr(clusters, "FIRST_FOLD", first_fold)
    for seed in range(200):
        edges = random_edges(seed)
        forest = clusters.Forest()
        for part in np.array_split(edges, seed % 5 + 1):
            forest.add(part[:, 0], part[:, 1])
        nodes, roots = forest.components()
        assert dict(zip(nodes.tolist(), roots.tolist(), strict=True)) == brute_force([tuple(e) for e in edges.tolist()])
        assert (np.diff(nodes) > 0).all()


@pytest.mark.parametrize("order", [1, -1])
def test_long_chains(order):
    nodes = np.arange(200_000)[::order]
    found, roots = clusters.components(nodes[:-1], nodes[1:])
    assert len(found) == 200_000
    assert not roots.any()


def test_no_edges():
    nodes, roots = clusters.Forest().components()
    assert len(nodes) == len(roots) == 0


def test_bucket_edges_join_all_of_a_bucket_and_no_others():
    for seed in range(200):
        generator = np.random.default_rng(seed)
        hashes = np.sort(generator.integers(0, 12, generator.integers(0, 40)).astype(np.uint64))
        nodes = generator.permutation(len(hashes)).astype(np.int64)
        members, firsts = clusters.bucket_edges(hashes, nodes)
        assert len(members) == len(hashes) - len(np.unique(hashes))
        everyone = [(n, nodes[hashes == h].min()) for n, h in zip(nodes.tolist(), hashes, strict=True)]
        label = brute_force([*zip(members.tolist(), firsts.tolist(), strict=True), *((n, n) for n in nodes.tolist())])
        assert label == dict(everyone)


def test_a_hot_bucket_costs_one_edge_a_member():
    members, firsts = clusters.bucket_edges(np.zeros(100_000, np.uint64), np.arange(100_000)[::-1].copy())
    assert len(members) == 99_999
    assert not firsts.any()


def test_an_edge_that_is_found_in_many_bands_is_one():
    members, firsts = clusters.unique_edges(np.array([5, 3, 5, 5, 3]), np.array([1, 1, 1, 2, 1]))
    assert list(zip(members.tolist(), firsts.tolist(), strict=True)) == [(3, 1), (5, 1), (5, 2)]
