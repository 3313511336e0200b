"""`dedup_documents`: of documents that are nearly the same, one is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from curator.dedup.deduplication import Deduplication


@dataclass(frozen=True, kw_only=True)
class DedupDocuments(Deduplication):
    """Find documents that are one (`by:` exact text, address, or MinHash over shingles; the options of `Deduplication` and of
    `Signing`) and mark all but one of each cluster as duplicates. The survivor: its source comes first in `prefer` (`*` stands
    for all others), then the higher `quality` (a metric column; unmeasured is lowest), then the longer (in letters, marks and
    digits), then the smaller id. Documents outside `where:` are kept. `summary.json` beside the marks tells the share that each
    source loses, and warns of what is not plausible."""

    name: str = "dedup_documents"

    revision: ClassVar[int] = 2
