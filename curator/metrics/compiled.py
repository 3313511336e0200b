"""How kernels are compiled: `kernel` those that Python calls, once on a machine, `allocating` those of them that make arrays;
`inner` those that only other kernels call, as parts of those.

Numba would optimize each function by itself and make machine code of it, and then again of its copy in every function that
calls it, level by level: for a parser of a hundred small functions that took more time than all else. Here they stay as they
are, linked one into the other, until they stand in a kernel that Python calls.
"""

from __future__ import annotations

from typing import Any, Literal

import numba
from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class _Part(JITCodeLibrary):
    """Code that is neither optimized nor made for a machine."""

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    _name = "part_lowering"

    def run_pass(self, state: Any) -> Literal[True]:
        context, name = state.targetctx, state.func_id.func_qualname
        state.library = _Part(context.codegen(), name)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        known_as = _dynfunc.make_function(lowered.fndesc.lookup_module(), name, "", 0, lowered.env, (state.library,))
        context.insert_user_function(known_as, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=known_as)
        return True


class _PartCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(_PartLowering, said) if found is NativeLowering else (found, said) for found, said in passes.passes]
        passes.finalize()
        return [passes]


_OPTIONS: Any = {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
_NO_MEMORY: Any = {**_OPTIONS, "_nrt": False}  # nothing is allocated, so that no references have to be counted
_INNER: Any = {**_NO_MEMORY, "no_cpython_wrapper": True, "pipeline_class": _PartCompiler}
kernel = numba.njit(**_NO_MEMORY, cache=True)
allocating = numba.njit(**_OPTIONS, cache=True)
inner = numba.njit(**_INNER)
