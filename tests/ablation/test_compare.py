"""Differences and intervals against values worked out by hand and against simulation."""

import math

import numpy as np
import pytest

from curator.ablation.compare import compare

BITS = math.log(2)


def test_the_difference_is_of_bits_a_byte_over_all_documents():
    in_bytes = np.array([10, 30])
    first = np.array([[20.0, 60.0], [24.0, 72.0]]) * BITS  # 2.0 and 2.4 bits a byte
    second = np.array([[18.0, 54.0], [20.0, 60.0]]) * BITS  # 1.8 and 2.0
    found = compare("news", first, second, in_bytes)
    assert found.first == pytest.approx(2.2)
    assert found.second == pytest.approx(1.9)
    assert found.difference == pytest.approx(-0.3)
    assert found.by_seeds == pytest.approx(12.706 * 0.1)  # differences -0.2 and -0.4: deviation 0.1414, over the root of 2
    assert found.by_documents == pytest.approx(0)  # every document gains the same a byte
    assert not found.decided


def test_one_seed_decides_nothing():
    found = compare("news", np.full((1, 5), 9.0), np.full((1, 5), 1.0), np.full(5, 10))
    assert found.by_seeds is None
    assert not found.decided


def test_a_difference_beyond_both_intervals_is_decided_and_says_which():
    first = np.full((3, 50), 10.0)
    found = compare("news", first, first - 1 + np.arange(3)[:, None] * 0.01, np.full(50, 10))
    assert found.decided
    assert found.difference < 0


def test_intervals_hold_the_truth_about_95_times_in_100():
    draw = np.random.default_rng(1)
    held = {"seeds": 0, "documents": 0}
    for _ in range(200):
        by_seed = draw.normal(0, 0.5, (3, 1))
        found = compare("x", np.zeros((3, 40)), np.broadcast_to(by_seed, (3, 40)) * BITS, np.ones(40, int))
        assert found.by_seeds
        held["seeds"] += abs(found.difference) <= found.by_seeds
        by_document = np.broadcast_to(draw.normal(0, 1, 40), (3, 40))
        found = compare("x", np.zeros((3, 40)), by_document * BITS, np.ones(40, int))
        held["documents"] += abs(found.difference) <= found.by_documents
    assert 180 <= held["seeds"] <= 200
    assert 178 <= held["documents"] <= 200


def test_losses_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="losses of"):
        compare("x", np.zeros((3, 4)), np.zeros((2, 4)), np.ones(4, int))
