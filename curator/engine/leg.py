"""What is to be done with one shard: a stage in its place, and a leg of the recipe between two whole-dataset stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from curator import storage
from curator.documents import Rule, Shard, Source, Split


@dataclass(frozen=True)
class Placed:
    """A stage where it stands in the recipe: its name, the documents it applies to, and what the engine calls its columns."""

    name: str
    stage: Any  # Stage or WholeDatasetStage
    columns: Mapping[str, str]  # key of the stage's `writes` -> column
    types: Mapping[str, pa.DataType]  # column -> type
    rules: Sequence[Rule] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watched: tuple[str, ...] = ()  # reasons of rules on scores: the ledger says which languages and scripts they reject

    @property
    def rewrites_text(self) -> bool:
        return "text" in self.columns


@dataclass(frozen=True)
class Leg:
    """What is to be done with one split between two whole-dataset stages: everything that a worker needs to know."""

    number: int  # of the pass
    key: str
    source: str
    stages: Sequence[Placed]
    schema: pa.Schema  # of the kept file
    rejects: pa.Schema  # of the rejected file
    inputs: Mapping[str, Any]
    fingerprint: str
    output: str
    kept_path: str  # this and the following are paths below `output`, so that a finished run can be moved
    rejected_path: str
    signed_path: str
    manifest_path: str
    attempts_path: str
    split: Split | None = None  # the first leg reads raw input …
    reader: Source | None = None
    shard: Shard | None = None  # … the later ones what the leg before has kept, with the marks of the stage between
    begins: Placed | None = None
    marks_path: str = ""
    ends: Placed | None = None
    sample: float = 1.0
    rejected_text: float = 1.0
    quarantined: frozenset[str] = frozenset()  # ids of documents that kill their worker

    @property
    def resources(self) -> dict[str, float]:
        """What a worker needs for it (`gpu: 0.25`): the most that any of its stages asks for."""
        found: dict[str, float] = {}
        for placed in (*self.stages, *filter(None, (self.begins, self.ends))):
            for name, amount in getattr(placed.stage, "resources", {}).items():
                found[name] = max(amount, found.get(name, 0.0))
        return found

    @property
    def rules(self) -> list[Rule]:
        """All that judge a document on the way, in this order."""
        return [rule for placed in (*filter(None, [self.begins]), *self.stages) for rule in placed.rules]

    def at(self, path: str) -> str:
        return storage.join(self.output, path)
