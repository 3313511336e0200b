"""Numbers about a text, as numba kernels over Arrow buffers: METRICS names them, `measure` computes those that are asked."""

from __future__ import annotations

from curator.metrics.catalogue import CUTS, METRICS, WORDS, Asked, Metric
from curator.metrics.measure import libraries_of, measure
from curator.metrics.warming import warm, warmings

__all__ = ["CUTS", "METRICS", "WORDS", "Asked", "Metric", "libraries_of", "measure", "warm", "warmings"]
