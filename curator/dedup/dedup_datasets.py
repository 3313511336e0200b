"""`dedup_datasets`: what a better source has, or an earlier run has published, is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from curator import storage
from curator.dedup.deduplication import Deduplication, mark
from curator.dedup.earlier import Stored, differences, read_stored, stored_in
from curator.documents import Executor, Shard


@dataclass(frozen=True, kw_only=True)
class DedupDatasets(Deduplication):
    """Find documents that are one across sources (the options of `Deduplication` and of `Signing`) and mark those as duplicates
    that a source before theirs in `prefer` has too; sources that are not named count as one, in the place of `*`. Copies
    inside the preferred source stay, unless `within: true`, which leaves one document of a cluster, as `dedup_documents` does.

    `against: [runs/2026-10]`: outputs of earlier runs. What they have published stays theirs: every document that is one with
    one of theirs is a duplicate, and its `cluster` is the id there. Their stored signatures are read, none is computed anew;
    runs that signed otherwise are refused, field by field. Equal to two documents of theirs makes those one, but what connects
    only their own documents is not looked for."""

    name: str = "dedup_datasets"
    within: bool = False
    against: tuple[str, ...] = field(default=(), compare=False)  # their digests are in the fingerprint, by `files`

    revision: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.against)) != len(self.against):
            raise ValueError(f"against: {', '.join(self.against)}; every run once")

    def files(self) -> Sequence[str]:
        return [path for path, _ in self._stores()]

    def check(self) -> None:
        """Raise ValueError unless every run of `against` is finished and has signatures that may be compared with ours."""
        self._stores()

    def _stores(self) -> list[tuple[str, Stored]]:
        return [self._store(run) for run in self.against]

    def _store(self, run: str) -> tuple[str, Stored]:
        folder = storage.absolute(run).rstrip("/")
        if not storage.exists(storage.join(folder, "summary.json")):
            raise ValueError(f"against: {run} is no finished run: it has no summary.json")
        found = [(path, read_stored(folder, path)) for path in stored_in(folder)]
        if not found:
            raise ValueError(f"against: {run} has kept no signatures; a run with dedup_documents or dedup_datasets does")
        ours = dict(self.signing)
        unlike = []
        for path, stored in sorted(found, key=lambda each: (-sum(d[1] for d in each[1].documents), each[0])):
            theirs = dict(stored.signing)
            if self.verify is None:  # sketches that nobody asks for
                theirs["sketch"] = ours["sketch"]
            unlike.append(differences(theirs, ours))
            if not unlike[-1]:
                return path, stored
        fewest = min(unlike, key=len)
        raise ValueError(f"against: the documents of {run} were signed in another way: {'; '.join(fewest)}")

    def mark(self, signed: Sequence[Shard], folder: str, executor: Executor) -> Sequence[str]:
        """See `WholeDatasetStage.mark`."""
        earlier = [stored for _, stored in self._stores()]
        return mark(self.plan(signed, folder, "one" if self.within else "source", earlier), signed, executor)
