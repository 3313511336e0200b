"""Charts as inline SVG and plain HTML: nothing to load, colours by class so that light and dark mode choose them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from curator.report.markup import Html, element, share, short

COLOURS = 10  # classes c0 … c9 of the style sheet
BINS = 32
MOST_POINTS = 300


def legend(names: Sequence[tuple[str, str]]) -> Html:
    """(class, name) pairs."""
    return element("ul", [element("li", element("i", class_=colour), name) for colour, name in names], class_="legend")


def colour(place: int) -> str:
    return f"c{place % COLOURS}"


# ----------------------------------------------------------------------------------------------------------------- bars


def stacked(parts: Sequence[tuple[str, str, int]]) -> Html:
    """One horizontal bar of (class, name, count) that fills the line; what has no count takes no room."""
    whole = sum(count for _, _, count in parts)
    segments = [
        element(
            "span",
            element("b", share(count, whole)) if count > 0.08 * whole else None,
            class_=kind,
            style=f"flex-grow:{count}",
            title=f"{name}: {count:,} ({share(count, whole)})",
        )
        for kind, name, count in parts
        if count
    ]
    label = ", ".join(f"{name} {share(count, whole)}" for _, name, count in parts if count)
    return element("div", segments, class_="stack", role="img", aria_label=label)


def bar(part: float, whole: float, kind: str = "c0") -> Html:
    """A bar of the width part/whole, for a cell of a table."""
    width = 100 * part / whole if whole else 0
    return element(
        "div", element("span", class_=kind, style=f"width:{min(100.0, width):.1f}%"), class_="bar", aria_hidden="true"
    )


# ----------------------------------------------------------------------------------------------------------- histograms


def histogram(
    kept: tuple[np.ndarray, np.ndarray],
    others: tuple[np.ndarray, np.ndarray],
    rejected: tuple[np.ndarray, np.ndarray],
    limits: Sequence[tuple[str, float]],
    label: str,
) -> Html:
    """Kept documents above the line; below it those that this rule rejected, upon those that other rules rejected.

    Each side has its own scale, or the few would vanish beside the many. Every series is (values, weights), `limits` are
    (word, value). Values beyond the plot's ends are counted in its outermost bars.
    """
    pooled = np.concatenate([kept[0], others[0], rejected[0]])
    if not len(pooled):
        return element("p", "Measured on no document.", class_="note")
    edges, logarithmic = _edges(pooled, [value for _, value in limits])
    up, grey, down = (_binned(series, edges) for series in (kept, others, rejected))
    width, height, middle, top = 320.0, 150.0, 72.0, 16.0
    step = (width - 8) / BINS
    tallest_up = max(up.max(), 1e-9)
    tallest_down = max((grey + down).max(), 1e-9)
    drawn = [
        element("path", class_="f-kept", d=_columns(up / tallest_up * -(middle - top), np.zeros(BINS), step, middle)),
        element("path", class_="f-rejected", d=_columns(down / tallest_down * 54, np.zeros(BINS), step, middle)),
        element("path", class_="f-other", d=_columns(grey / tallest_down * 54, down / tallest_down * 54, step, middle)),
        element("path", class_="axis", d=f"M4 {middle}H{width - 4}"),
    ]
    for word, value in limits:
        outside = value > edges[-1]
        x = 4 + (width - 8) * _place(value, edges)
        side, shift = ("start", 3) if x < width / 2 else ("end", -3)
        if not outside:
            drawn.append(element("path", class_="limit", d=f"M{x:.1f} {top - 6}V{height - 20}"))
        said = f"{word} {short(value)}{' →' if outside else ''}"
        drawn.append(element("text", said, x=f"{x + shift:.1f}", y=11, text_anchor=side, class_="limit"))
    drawn.append(element("text", short(float(edges[0])), x=4, y=height - 4))
    drawn.append(element("text", "log scale" if logarithmic else None, x=width / 2, y=height - 4, text_anchor="middle"))
    drawn.append(element("text", short(float(edges[-1])), x=width - 4, y=height - 4, text_anchor="end"))
    return element("svg", drawn, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label)


def _edges(values: np.ndarray, limits: Sequence[float]) -> tuple[np.ndarray, bool]:
    low, high = (float(v) for v in np.quantile(values, (0.002, 0.99)))
    # A bound that nothing comes near would squeeze all the rest; one that somebody is beyond must be seen.
    near = [v for v in limits if v <= max(high, 1e-9) * 4 or low == high or v < values.max()]
    low, high = min([low, *near]), max([high, *near])
    margin = 0.06 * (high - low) or 0.5
    if low in near and values.min() < low:  # room for what a bound at the edge has rejected
        low -= margin
    if (high in near and values.max() > high) or low == high:
        high += margin
    if low >= 0 and high > 50 and high > 8 * max(float(np.median(values)), 1.0):
        return np.expm1(np.linspace(np.log1p(low), np.log1p(high), BINS + 1)), True
    return np.linspace(low, high, BINS + 1), False


def _binned(series: tuple[np.ndarray, np.ndarray], edges: np.ndarray) -> np.ndarray:
    values, weights = series
    return np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges, weights=weights)[0]


def _place(value: float, edges: np.ndarray) -> float:
    return float(np.interp(value, edges, np.linspace(0, 1, len(edges))))


def _columns(heights: np.ndarray, bases: np.ndarray, step: float, middle: float) -> str:
    """One path of a column for each bin, so that a plot is four elements; no count is too small to be seen."""
    drawn = []
    for at, (height, base) in enumerate(zip(heights.tolist(), bases.tolist())):
        if height:
            tall = height if abs(height) > 1 else math.copysign(1, height)
            drawn.append(f"M{4 + at * step:.1f} {middle + base:.1f}h{step - 0.8:.1f}v{tall:.1f}h{0.8 - step:.1f}z")
    return "".join(drawn)


# --------------------------------------------------------------------------------------------------------------- curves


def curves(series: Mapping[str, Sequence[tuple[float, float]]], label: str, *, zero: bool = False) -> Html:
    """Lines over training steps, with a legend. `zero` lets the scale begin at zero."""
    shown = {name: _thinned(points) for name, points in series.items() if points}
    if not shown:
        return element("p", "Nothing was recorded.", class_="note")
    xs = [x for points in shown.values() for x, _ in points]
    ys = [y for points in shown.values() for _, y in points]
    left, right, top, bottom, width, height = 46.0, 8.0, 8.0, 22.0, 460.0, 240.0
    y_ticks = _ticks(0.0 if zero else min(ys), max(ys), 5)
    low, high = min(y_ticks[0], *ys), max(y_ticks[-1], *ys)
    begin, end = min(xs), max(max(xs), min(xs) + 1)

    def across(x: float) -> float:
        return left + (x - begin) / (end - begin) * (width - left - right)

    def down(y: float) -> float:
        return top + (high - y) / (high - low) * (height - top - bottom)

    drawn: list[Html] = []
    for tick in y_ticks:
        drawn.append(element("path", class_="grid", d=f"M{left} {down(tick):.1f}H{width - right}"))
        drawn.append(element("text", short(tick), x=left - 5, y=f"{down(tick) + 4:.1f}", text_anchor="end"))
    ticks = [tick for tick in _ticks(begin, end, 5) if begin <= tick <= end]
    drawn += [element("text", short(tick), x=f"{across(tick):.1f}", y=height - 5, text_anchor="middle") for tick in ticks]
    drawn.append(element("text", "step", x=left - 5, y=height - 5, text_anchor="end"))
    for place, points in enumerate(shown.values()):
        path = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in points)
        drawn.append(element("path", class_=f"line l{place % COLOURS}", d=f"M{path}"))
        if len(points) < 3:
            drawn += [
                element("circle", class_=f"f{place % COLOURS}", cx=f"{across(x):.1f}", cy=f"{down(y):.1f}", r=3)
                for x, y in points
            ]
    return element(
        "figure",
        element("figcaption", label),
        element("svg", drawn, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label),
        legend([(colour(place), name) for place, name in enumerate(shown)]) if len(shown) > 1 else None,
    )


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Few enough points to draw: means of neighbours, the last one as it is."""
    if len(points) <= MOST_POINTS:
        return list(points)
    cuts = [at * len(points) // MOST_POINTS for at in range(MOST_POINTS + 1)]
    means = [
        (sum(x for x, _ in points[a:b]) / (b - a), sum(y for _, y in points[a:b]) / (b - a))
        for a, b in itertools.pairwise(cuts)
    ]
    return [*means, points[-1]]


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from at most `low` to at least `high`."""
    if high <= low:
        high = low + (abs(low) * 0.1 or 1.0)
    rough = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [at * step for at in range(first, last + 1)]
