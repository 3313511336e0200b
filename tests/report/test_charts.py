from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curator.report.charts import BINS, MOST_POINTS, curves, histogram, stacked

NUMBERS = st.lists(st.floats(-1e6, 1e9), max_size=40).map(lambda v: np.array(v, float))


def coordinates(svg: str) -> list[float]:
    return [float(v) for v in re.findall(r"-?\d+(?:\.\d+)?", " ".join(re.findall(r' (?:d|x|y)="([^"]*)"', svg)))]


@given(NUMBERS, NUMBERS, NUMBERS, st.floats(-1e3, 1e6))
def test_a_histogram_is_finite_and_inside_its_frame(kept, others, mine, bound) -> None:
    ones = [(v, np.ones(len(v))) for v in (kept, others, mine)]
    svg = histogram(ones[0], ones[1], ones[2], [("min", bound)], "label")
    assert "nan" not in svg
    assert "inf" not in svg
    assert all(-150 <= c <= 320 for c in coordinates(svg))
    if len(kept) + len(others) + len(mine) == 0:
        assert "no document" in svg


def test_every_value_is_in_a_bar_and_the_bound_lies_between_its_sides() -> None:
    kept = np.linspace(0.5, 1, 200)
    mine = np.array([0.45, 0.1])
    svg = histogram((kept, np.ones(200)), (mine[:0], mine[:0]), (mine, np.ones(2)), [("min", 0.5)], "label")
    paths = dict(re.findall(r'<path class="([^"]+)" d="([^"]*)"', svg))
    bars = {name: [float(x) for x in re.findall(r"M(-?[\d.]+) ", paths[name])] for name in ("f-kept", "f-rejected")}
    bound = float(re.findall(r"M([\d.]+)", paths["limit"])[0])
    width = 312 / BINS
    assert len(bars["f-rejected"]) == 2
    assert max(bars["f-rejected"]) <= bound <= min(bars["f-kept"]) + width
    assert ">min 0.5<" in svg


def test_a_bound_far_from_most_is_drawn_where_a_document_is_beyond_it() -> None:
    kept, mine = np.linspace(0, 0.03, 300), np.array([0.81])
    svg = histogram((kept, np.ones(300)), (mine[:0], mine[:0]), (mine, np.ones(1)), [("max", 0.4)], "label")
    assert "→" not in svg
    bar, bound = (float(re.findall(rf'class="{name}" d="M([\d.]+)', svg)[0]) for name in ("f-rejected", "limit"))
    assert bar + 312 / BINS >= bound
    spared = histogram((kept, np.ones(300)), (mine[:0], mine[:0]), (mine[:0], mine[:0]), [("max", 0.4)], "label")
    assert "max 0.4 →" in spared


def test_counts_that_spread_far_are_on_a_log_scale() -> None:
    values = np.geomspace(10, 1e6, 100)
    svg = histogram((values, np.ones(100)), (values[:0], values[:0]), (values[:0], values[:0]), [("min", 100.0)], "label")
    assert "log scale" in svg


def test_a_curve_of_many_points_is_thinned_and_keeps_its_ends() -> None:
    points = [(float(s), 10 - s / 10_000) for s in range(50_000)]
    svg = curves({"loss": points}, "Loss")
    path = re.findall(r'class="line l0" d="M([^"]*)"', svg)[0].split("L")
    assert len(path) == MOST_POINTS + 1
    assert len(svg) < 10_000
    assert path[-1].startswith("452")  # the last step, at the right edge
    first, last = (float(p.split()[1]) for p in (path[0], path[-1]))
    assert first < last  # the loss falls, and SVG counts downwards


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e3, 1e3)), max_size=20))
def test_any_curve_can_be_drawn(points) -> None:
    svg = curves({"a": points, "b": []}, "Label")
    assert "nan" not in svg
    assert all(-10 <= c <= 470 for c in coordinates(svg))


def test_stacked_bars_name_their_parts_and_leave_out_empty_ones() -> None:
    written = stacked([("kept", "kept", 3), ("c0", "none", 0), ("c1", "<x>", 1)])
    assert 'aria-label="kept 75.0 %, &lt;x&gt; 25.0 %"' in written
    assert "none" not in written
    assert written.count("<span") == 2
