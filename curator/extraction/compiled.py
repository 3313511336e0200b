"""How kernels are compiled that only other kernels call: without the wrappers for Python and C, which take time to compile."""

from __future__ import annotations

from typing import Any

import numba

_OPTIONS: Any = {"cache": True, "nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner = numba.njit(**_OPTIONS)
