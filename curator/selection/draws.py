"""Chance that is the same in every run: numbers from a document's id, a seed and the name of a column, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import xxhash

_STEPS = 1 << 52  # with half a one in the middle of each, all are exact in float64


def uniform(ids: pa.Array, seed: int, column: str) -> np.ndarray:
    """A float64 above 0 and below 1 for each id. Draws by other columns or with other seeds are independent of each other."""
    salt = f"\0{seed}\0{column}"
    found = (xxhash.xxh3_64_intdigest(f"{name}{salt}") >> 12 for name in ids.to_pylist())
    return np.fromiter(((number + 0.5) / _STEPS for number in found), np.float64, len(ids))


def gumbel(ids: pa.Array, seed: int, column: str) -> np.ndarray:
    """Standard Gumbel noise for each id: the k highest of log-weights with this noise are a sample of k documents, drawn one
    after the other without replacement, each in proportion to its weight (Vieira 2014; Kool et al. 2019, arXiv 1903.06059)."""
    return np.fromiter((-math.log(-math.log(u)) for u in uniform(ids, seed, column).tolist()), np.float64, len(ids))
