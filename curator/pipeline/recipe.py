"""What a recipe is once its YAML has become objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curator.config import Section
from curator.engine.leg import Placed
from curator.engine.splits import SPLIT_BYTES
from curator.pipeline.plugins import Plugins
from curator.tokens.build import Tokenize
from curator.tokens.mixture import Mixture


@dataclass(frozen=True, kw_only=True)
class SourceSpec:
    """One entry of `sources:`."""

    name: str
    kind: str  # `read:`
    reader: Any
    patterns: tuple[str, ...]  # `from:`
    exclude: tuple[str, ...]
    section: Section


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One entry of `stages:`: a stage in its place, and the sources that go through it."""

    placed: Placed
    kind: str
    whole_dataset: bool
    only: frozenset[str]
    section: Section  # for the line of an error
    line: int | None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A pipeline file, checked and turned into objects."""

    name: str
    path: str
    sources: Mapping[str, SourceSpec]
    stages: Sequence[StageSpec]
    output: str
    tokenize: Tokenize | None = None
    mixture: Mixture | None = None
    train: Section | None = None
    plugins: Plugins = field(default_factory=Plugins)
    max_errors: float = 0.001
    rejected_text: float = 1.0
    split_bytes: int = SPLIT_BYTES
    sample: float = 1.0
    verify: bool = False
    notes: Sequence[str] = ()  # what may be a slip and is none for sure
