"""Arrays that kernels work in, kept from one batch to the next: fresh memory costs as much as some kernels do."""

from __future__ import annotations

import threading

import numpy as np

KEPT_BYTES = 16 << 20  # an array that is larger is made for one batch

_kept = threading.local()


def scratch(name: str, size: int, kind: type[np.generic]) -> np.ndarray:
    """An array of at least `size` elements: the one of this thread's that has the name, as it was left, or a new one of zeros.
    Whoever asks for it may use it until somebody asks for the same name."""
    arrays: dict[str, np.ndarray] = _kept.__dict__
    found = arrays.get(name)
    if found is None or len(found) < size:
        found = np.zeros(1 << max(size - 1, 63).bit_length(), kind)
        if found.nbytes <= KEPT_BYTES:
            arrays[name] = found
    return found
