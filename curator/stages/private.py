"""Private data in single texts, for excerpts: see `curator.privacy`."""

from __future__ import annotations

from curator.privacy import ENTITIES
from curator.privacy import find_in as find

__all__ = ["ENTITIES", "find"]
