"""Fixed bins of a number: the same ones in every shard of every run, so that histograms add up by adding counts.

A bin holds the values above the edge before its own, up to its own edge. Every edge is a short binary fraction, exact in
float32 too, so that whether a value lies below an edge is the same question as whether its bin does, on every machine.

- `log`: 4,096 equal bins between a power of two and the next, for both signs. An edge is above a value by less than 1/4,096 of
  it.
- `linear`: bins 1/65,536 wide from -64 to 64. An edge is above a value by less than that; values beyond are all in the last
  bin.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Scale = Literal["log", "linear"]

_MANTISSA_KEPT = 12
_SHIFT = 52 - _MANTISSA_KEPT
_WIDTHS_IN_ONE = 1 << 16
LINEAR_MOST = 64.0
_LARGEST = float(np.finfo(np.float64).max)

WIDTHS: dict[str, str] = {
    "log": f"relative width at most 1/{1 << _MANTISSA_KEPT}",
    "linear": f"width 1/{_WIDTHS_IN_ONE} from -{LINEAR_MOST:g} to {LINEAR_MOST:g}",
}


def bins_of(values: np.ndarray, scale: Scale) -> np.ndarray:
    """The bin of each finite float64; int64, in the order of the values."""
    if scale == "linear":
        return np.ceil(np.clip(values, -LINEAR_MOST, LINEAR_MOST) * _WIDTHS_IN_ONE).astype(np.int64)
    bits = np.ascontiguousarray(values + 0.0, np.float64).view(np.int64)  # + 0.0: minus zero is zero
    ordered = np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)
    return -(-ordered >> _SHIFT)


def edge(number: int, scale: Scale) -> float:
    """The largest value of a bin."""
    if scale == "linear":
        return number / _WIDTHS_IN_ONE
    size = float(np.array(abs(number) << _SHIFT, np.int64).view(np.float64))
    return min(size, _LARGEST) if number >= 0 else -size
