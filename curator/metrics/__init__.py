"""Numbers about a text, as numba kernels over Arrow buffers: METRICS names them, `measure` computes those that are asked for.

numba's cache watches the file of a kernel, not the constants it imports: after a change in classes.py, remove `__pycache__`.
"""

from __future__ import annotations

from curator.metrics.catalogue import METRICS, Metric, parameters_of
from curator.metrics.measure import measure, warm

__all__ = ["METRICS", "Metric", "measure", "parameters_of", "warm"]
