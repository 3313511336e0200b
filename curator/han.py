"""Han characters that are written in several ways (发 發 髮): which of them stands for all, wherever texts are compared."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType


@functools.cache
def variants() -> Mapping[str, str]:
    """Of every character that has variants, the one that stands for them all; see the head of han_variants.txt."""
    lines = Path(__file__).with_name("han_variants.txt").read_text(encoding="utf-8").splitlines()
    return MappingProxyType({character: line[0] for line in lines if not line.startswith("#") for character in line})
