"""Compile the kernels that metrics need before workers start, as a whole or in parts beside each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from curator.metrics import phrases
from curator.metrics.catalogue import METRICS, Asked, Kernel
from curator.metrics.lists import load_list
from curator.metrics.measure import LONGEST_WORD, ON_TOKENS, measure


def warm(asked: Iterable[str | Asked], words: str = "characters") -> None:
    """Compile, or read from the cache, every kernel that these metrics need; once, before workers start."""
    wanted = [a if isinstance(a, Asked) else Asked(a, a) for a in asked]
    lists = {a.list: load_list(a.list) for a in wanted if a.list}  # short and long ones are found in different ways
    measure(pa.array(["warm warm\nwarm 热身"]), wanted, lists=lists, words=words)


@dataclass(frozen=True)
class Warming:
    """A part of `warm` that can go to a process of its own: one metric, for all that need the same kernels."""

    metric: Asked
    words: str

    def __call__(self) -> None:
        warm([self.metric], self.words)


def warmings(asked: Iterable[Asked], words: str) -> dict[str, Warming]:
    """`warm` in parts, by the kernels that they compile."""
    parts: dict[str, Warming] = {}
    for a in asked:
        counting = {kernel for kernel, _ in METRICS[a.metric].count}
        cut = words if counting & ON_TOKENS else ""
        longest = "longest" if LONGEST_WORD in METRICS[a.metric].count else ""
        short = "short" if Kernel.PHRASES in counting and a.list and phrases.is_short(load_list(a.list)) else ""
        key = [*sorted(kernel.name for kernel in counting), cut, longest, str(a.parameters.get("match", "")), short]
        parts.setdefault(" ".join(key), Warming(a, words))
    return parts
