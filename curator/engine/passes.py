"""One pass: run what is not done, leave what is, and say why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curator import storage
from curator.documents import Executor
from curator.engine.leg import Leg
from curator.engine.manifest import Manifest, drift
from curator.engine.quarantine import finish_leg
from curator.engine.reading import UNREADABLE
from curator.errors import UserError

LEAST_ERRORS = 20  # a handful of bad documents never stops a run, however small it is


class TooManyErrors(UserError):
    """More went wrong than bad documents explain."""


@dataclass(frozen=True)
class State:
    """What is on disk for a leg: its manifest if it is done, or why it has to run."""

    leg: Leg
    manifest: Manifest | None = None
    reasons: Sequence[str] = field(default_factory=tuple)

    @property
    def done(self) -> bool:
        return self.manifest is not None


def look(legs: Sequence[Leg], output: str) -> list[State]:
    """Which legs are done: a manifest with the same fingerprint, whose files are there, as long as they were."""
    there = {path.removeprefix(output).lstrip("/"): size for path, size in storage.sizes(output).items()} if legs else {}
    return [_look(leg, there) for leg in legs]


def _look(leg: Leg, there: Mapping[str, int]) -> State:
    if leg.manifest_path not in there:
        return State(leg, reasons=("not done yet",))
    manifest = Manifest.read(leg.at(leg.manifest_path))
    if manifest is None:
        return State(leg, reasons=("its manifest is damaged or of another version",))
    if manifest.fingerprint != leg.fingerprint:
        return State(leg, reasons=tuple(drift(manifest.inputs, leg.inputs)))
    unread = next((place["file"] for place in manifest.damage if place["kind"] == UNREADABLE), None)
    if unread is not None:
        return State(leg, reasons=(f"{unread} could not be read",))
    for written in (manifest.kept, manifest.rejected, manifest.signed):
        if written.rows and there.get(written.path) != written.bytes:
            return State(leg, reasons=(f"{written.path} is {'damaged' if written.path in there else 'gone'}",))
    return State(leg, manifest)


def run_pass(states: Sequence[State], executor: Executor, finished: Callable[[Manifest], Any]) -> list[Manifest]:
    """Manifests of all legs, in their order; those that are not done are run."""
    todo = [(place, state.leg) for place, state in enumerate(states) if not state.done]
    manifests = [state.manifest for state in states]
    alike: dict[tuple[tuple[str, float], ...], list[int]] = {}  # legs that want the same of a worker go together
    for number, (_, leg) in enumerate(todo):
        alike.setdefault(tuple(sorted(leg.resources.items())), []).append(number)
    for resources, numbers in alike.items():
        for index, manifest in executor.map(finish_leg, [todo[number][1] for number in numbers], dict(resources)):
            manifests[todo[numbers[index]][0]] = manifest
            finished(manifest)
    return [m for m in manifests if m is not None]


def _check_sources(manifests: Sequence[Manifest]) -> None:
    first = [m for m in manifests if m.number == 0]
    for source in dict.fromkeys(m.source for m in first):
        mine = [m for m in first if m.source == source]
        damage = [place for m in mine for place in m.damage]
        if damage and not sum(m.ledger.documents for m in mine):
            place = damage[0]
            raise TooManyErrors(
                f"{source}: not one document could be read. {place['file']}: {place['kind']}: {place['message']}"
            )


def check_errors(manifests: Sequence[Manifest], most: float) -> None:
    """Raise TooManyErrors if the share of records with errors is above `most` (and a handful), or a source is lost whole."""
    _check_sources(manifests)
    records = sum(m.ledger.records for m in manifests)
    kinds: dict[str, int] = {}
    for manifest in manifests:
        for kind, count in (manifest.ledger.record_errors | manifest.ledger.errors).items():
            kinds[f"{manifest.source}: {kind}"] = kinds.get(f"{manifest.source}: {kind}", 0) + count
    errors = sum(kinds.values())
    if errors > max(LEAST_ERRORS, most * records):
        worst = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items(), key=lambda k: -k[1])[:5])
        raise TooManyErrors(
            f"{errors} of {records} records failed, more than max_errors allows ({most:.2%}): {worst}. "
            "The documents and what was raised are in rejected/ (column `detail`), damaged records in the manifests"
        )
