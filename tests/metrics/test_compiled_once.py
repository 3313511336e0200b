"""Kernels are compiled once on a machine: what `warm` has left in the cache serves every later process and every input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WARM = """
from curator.stages.filter import Filter
for name in ("zh_web", "en_web"):
    Filter.load(name).warm()
"""
USE = """
import pyarrow as pa
from curator.stages.filter import Filter
texts = ["第一行。\\n第二行", None, "", "Some words, again some words.\\n" * 50, "\\ufffd" * 9]
for name in ("zh_web", "en_web"):
    stage = Filter.load(name)
    some = pa.array(texts)
    for column in (some, some.slice(2), some.slice(3, 1), some.slice(0, 0), pa.nulls(2, pa.string())):
        stage(pa.RecordBatch.from_pydict({"text": column}))
"""


def run(code: str, cache: Path) -> dict[str, int]:
    """The cache's files and when each was written, after a process that runs the code."""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "NUMBA_CACHE_DIR": str(cache)})
    return {str(path): path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    warmed = run(WARM, tmp_path)
    assert any(name.endswith(".nbc") for name in warmed)
    assert run(USE, tmp_path) == warmed
