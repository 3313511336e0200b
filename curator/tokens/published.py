"""Mixtures that were published, applied to the sources of a run: `pipelines/mixtures/*.yaml`, each with its citation."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from curator import config, storage

NONE = "none"  # of a published part that this run has no source for


@dataclass(frozen=True, kw_only=True)
class Published:
    """The table of a paper, by its own names of the parts: sampling weights, how often each part was read, and what it had."""

    weights: dict[str, float]
    epochs: dict[str, float]
    tokens: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.weights.keys() != self.epochs.keys() or not self.tokens.keys() <= self.weights.keys():
            raise ValueError("epochs: must name the same parts as weights")
        if not self.weights or not all(value > 0 for value in (*self.weights.values(), *self.epochs.values())):
            raise ValueError("weights: and epochs must be above 0")


@functools.lru_cache(maxsize=8)
def read(name: str) -> Published:
    """A table by the name of a shipped one or by path. Raises ValueError if there is none, ConfigError for a slip in it."""
    try:
        path = storage.preset("pipelines/mixtures", name)
    except storage.StorageError:
        there = ", ".join(storage.presets("pipelines/mixtures"))
        raise ValueError(f"preset: no mixture {name!r}: neither a file nor one of {there}") from None
    return config.build(Published, config.load(path))


def apply(name: str, sources: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Source of the run -> (weight, epochs). Weights of parts that go to one source add up.

    No source is read more often than the most read of its parts was, and each may be read once. Raises ValueError unless every
    published part is given a source, or `none`.
    """
    table = read(name)
    unknown = sorted(sources.keys() - table.weights.keys())
    if unknown:
        raise ValueError(f"sources: {name} has no part {unknown[0]!r}{config.nearest(unknown[0], table.weights)}")
    missing = [part for part in table.weights if part not in sources]
    if missing:
        raise ValueError(f"sources: say for each part of {name} which source stands for it, or none: {', '.join(missing)}")
    found: dict[str, tuple[float, float]] = {}
    for part, weight in table.weights.items():
        source = sources[part]
        if source != NONE:
            before, epochs = found.get(source, (0.0, 1.0))
            found[source] = (round(before + weight, 12), max(epochs, table.epochs[part]))
    if not found:
        raise ValueError(f"sources: every part of {name} is given to none")
    return found
