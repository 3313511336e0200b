"""What a call held goes back to the system when it ends: a worker's peak is that of one call, not of what all left behind."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pyarrow as pa

P = ParamSpec("P")
R = TypeVar("R")


def released(call: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(call)
    def made(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        finally:
            pa.default_memory_pool().release_unused()
            with contextlib.suppress(
                AttributeError, OSError
            ):  # the allocator of glibc keeps arrays of up to 32 MB for the next
                ctypes.CDLL(None).malloc_trim(0)

    return made
