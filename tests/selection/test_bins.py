"""Bins: in the order of the values, of the stated width, with edges that are the largest value of their bin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.selection.bins import LINEAR_MOST, bins_of, edge

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(value=finite)
def test_a_value_lies_within_the_width_of_its_log_bin(value):
    (found,) = bins_of(np.array([value]), "log").tolist()
    top = edge(found, "log")
    assert value <= top
    assert top - value <= abs(top) / 4096 or top - value <= abs(value) / 4096 or abs(value) < 1e-300
    assert edge(found - 1, "log") < value or abs(value) > 1e308


@given(value=st.floats(-LINEAR_MOST, LINEAR_MOST))
def test_a_value_lies_within_the_width_of_its_linear_bin(value):
    (found,) = bins_of(np.array([value]), "linear").tolist()
    assert edge(found - 1, "linear") < value <= edge(found, "linear")
    assert edge(found, "linear") - edge(found - 1, "linear") == 1 / 65536


@given(values=st.lists(finite, min_size=2, max_size=50), scale=st.sampled_from(["log", "linear"]))
def test_bins_are_in_the_order_of_the_values(values, scale):
    found = bins_of(np.array(sorted(values)), scale)
    assert (np.diff(found) >= 0).all()


@given(value=finite, scale=st.sampled_from(["log", "linear"]))
def test_an_edge_is_in_its_own_bin_and_what_follows_is_not(value, scale):
    (found,) = bins_of(np.array([value]), scale).tolist()
    top = edge(found, scale)
    assert bins_of(np.array([top]), scale)[0] == found or top == np.finfo(np.float64).max
    if abs(top) < LINEAR_MOST:
        assert bins_of(np.array([np.nextafter(top, np.inf)]), scale)[0] == found + 1


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_edges_are_exact_in_float32(scale):
    values = np.geomspace(1e-6, 60, 1000)
    edges = np.array([edge(n, scale) for n in bins_of(values, scale).tolist()])
    assert (edges.astype(np.float32).astype(np.float64) == edges).all()


def test_both_zeros_are_one_value():
    assert (bins_of(np.array([0.0, -0.0]), "log") == 0).all()
