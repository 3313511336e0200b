"""Selection by a number: cut at percentiles of the whole dataset, or draw by chance in proportion to a score."""

from __future__ import annotations

from curator.selection.cut import Cut
from curator.selection.sample import Sample

SELECTION: dict[str, type] = {"cut": Cut, "sample": Sample}
