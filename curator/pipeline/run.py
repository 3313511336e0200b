"""A run: passes and whole-dataset stages in turn, then tokens, then `publish`. Everything is resumed from files."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from curator import storage
from curator.dedup.deduplication import Deduplication
from curator.dedup.earlier import Keeping, keep
from curator.documents import Executor, Shard, Split
from curator.engine.digest import ordered_digest
from curator.engine.lease import Lease
from curator.engine.leg import Leg
from curator.engine.manifest import Manifest, drift, fingerprint
from curator.engine.passes import State, check_errors, look, run_pass
from curator.errors import UserError
from curator.pipeline.plan import Route, describe, find_inputs, first_legs, later_leg, routes, whole_dataset_stages
from curator.pipeline.publish import check_output, publish, summarise
from curator.pipeline.recipe import Recipe, StageSpec
from curator.pipeline.watch import Watch
from curator.selection.cut import Cut
from curator.tokens.build import build as build_tokens
from curator.tokens.mixture import Mixture


class RunFailed(UserError):
    """The recipe is sound and its data are not what it needs; says what is missing."""


@dataclass
class Progress:
    """How far every split has come: its manifests so far, by pass."""

    manifests: dict[str, list[Manifest]] = field(default_factory=dict)  # by split key

    def add(self, manifests: Sequence[Manifest]) -> None:
        for manifest in manifests:
            self.manifests.setdefault(manifest.key, []).append(manifest)

    def all(self) -> list[Manifest]:
        return [m for found in self.manifests.values() for m in found]

    def finals(self) -> list[Manifest]:
        return [found[-1] for _, found in sorted(self.manifests.items())]


@dataclass(frozen=True)
class Marks:
    """What a whole-dataset stage has decided: by split key, the path (below the output) and digest of its marks."""

    fingerprint: str
    inputs: Mapping[str, Any]
    paths: Mapping[str, str]
    digests: Mapping[str, str]
    summary: Mapping[str, Any]


Inputs = Mapping[str, Sequence[Split]]


def find(recipe: Recipe) -> Inputs:
    """What a run would read. Raises ConfigError for missing inputs, OutputTaken if the output is somebody else's."""
    splits = find_inputs(recipe)
    check_output(recipe, splits)
    return splits


def run(recipe: Recipe, executor: Executor, watch: Watch, inputs: Inputs | None = None) -> dict[str, Any]:
    """Run what is not done yet and publish the result; returns the summary. `inputs`: of `find`, if it was called before."""
    splits = inputs or find(recipe)
    for note in recipe.notes:
        watch.note(note)
    elapsed: dict[str, float] = {}
    with Lease(recipe.output):
        ways = routes(recipe)
        barriers = whole_dataset_stages(recipe)
        progress = Progress()
        marks: dict[str, Marks] = {}
        signed: dict[str, list[Shard]] = {}
        storage.remove(storage.join(recipe.output, "summary.json"))  # until `publish`, the output is not to be trusted
        for number in range(len(barriers) + 1):
            legs = _legs(recipe, ways, splits, progress, number, barriers, marks)
            states = look(legs, recipe.output)
            watch.pass_begins(number, len(barriers) + 1, states)
            try:
                with _clock(elapsed, f"pass {number + 1}"):
                    progress.add(run_pass(states, executor, watch.shard_done))
            finally:
                watch.pass_ends(number)
            check_errors(progress.all(), recipe.max_errors)
            if number < len(barriers):
                name = barriers[number].placed.name
                signed[name] = _signed(recipe, barriers[number], progress)
                with _clock(elapsed, name):
                    marks[name] = _mark(recipe, barriers[number], signed[name], executor, watch)
                for warning in marks[name].summary.get("warnings", ()):
                    watch.note(f"{name}: {warning}")
        published = final_shards(recipe, progress)
        with _clock(elapsed, "signatures"):
            kept = [path for spec in barriers for path in _keep(recipe, spec, signed[spec.placed.name], published, executor)]
        built = None
        if recipe.tokenize:
            watch.begins("tokens")
            mixture, shards = recipe.mixture or Mixture(), published
            try:
                with _clock(elapsed, "tokens"):
                    built = build_tokens(recipe.tokenize, mixture, shards, recipe.output, executor, watch.advances)
            except ValueError as error:  # a mixture that these documents cannot give, a tokenizer that cannot be used
                raise RunFailed(f"tokens: {error}") from error
            for part in built["parts"]:
                watch.realised(part["name"], part["asked_weight"], part["effective_weight"], part["tokens"], part["epochs"])
            for note in _of_tokens(built):
                watch.note(note)
        found = {name: dict(marked.summary) for name, marked in marks.items()}
        summary = summarise(recipe, progress.all(), progress.finals(), found, built, elapsed)
        for each in summary["uneven"]:
            watch.note(each["said"])
        publish(recipe, progress.all(), kept, summary)
        return summary


def _of_tokens(built: Mapping[str, Any]) -> Iterator[str]:
    """What is not as one might think, of the manifest of token shards."""
    for shortage in built["shortages"]:
        yield f"the mixture falls short: {shortage}"
    outside = sorted(built["encoded"].keys() - {part["source"] for part in built["parts"]})
    if outside:
        yield f"no part of the mixture takes {', '.join(outside)}: no token of theirs is in the shards"
    if built["drift"]:
        yield built["drift"]


@contextmanager
def _clock(elapsed: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    elapsed[name] = round(time.monotonic() - began, 3)


def final_shards(recipe: Recipe, progress: Progress) -> list[Shard]:
    """The kept documents of the run, one file a split."""
    return [
        Shard(m.key, m.source, storage.join(recipe.output, m.kept.path), m.kept.rows, m.kept.digest)
        for m in progress.finals()
        if m.kept.rows
    ]


def _legs(
    recipe: Recipe,
    ways: Mapping[str, list[Route]],
    splits: Mapping[str, Any],
    progress: Progress,
    number: int,
    barriers: Sequence[StageSpec],
    marks: Mapping[str, Marks],
) -> list[Leg]:
    if number == 0:
        return first_legs(recipe, ways, splits)
    legs = []
    marked = marks[barriers[number - 1].placed.name]
    for key, found in sorted(progress.manifests.items()):
        route = next((r for r in ways[found[-1].source] if r.number == number), None)
        if route is not None:
            path = storage.join(recipe.output, marked.paths[key]) if key in marked.paths else ""
            legs.append(later_leg(recipe, route, found[-1], path, marked.digests.get(key, "")))
    return legs


# ------------------------------------------------------------------------------------------------- whole-dataset stages


def _mark(recipe: Recipe, spec: StageSpec, signed: Sequence[Shard], executor: Executor, watch: Watch) -> Marks:
    inputs = _marks_inputs(recipe, spec, signed)
    found = marks_on_disk(recipe, spec)
    if (
        found is not None
        and found.fingerprint == fingerprint(inputs)
        and all(storage.exists(storage.join(recipe.output, p)) for p in found.paths.values())
    ):
        return found
    watch.begins(spec.placed.name)
    folder = f"work/{spec.placed.name}"
    paths = spec.placed.stage.mark(signed, storage.join(recipe.output, folder), executor)
    digests: dict[str, str] = {}
    for index, digest in executor.map(ordered_digest, list(paths)):
        digests[signed[index].key] = digest
    marks = Marks(
        fingerprint=fingerprint(inputs),
        inputs=inputs,
        paths={s.key: path.removeprefix(recipe.output).lstrip("/") for s, path in zip(signed, paths, strict=True)},
        digests=digests,
        summary=_read_json(storage.join(recipe.output, folder, "summary.json")) or {},
    )
    storage.write_bytes(
        _marks_path(recipe, spec), orjson.dumps(dataclasses.asdict(marks), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    )
    return marks


def _signed(recipe: Recipe, spec: StageSpec, progress: Progress) -> list[Shard]:
    signed = []
    for key, found in sorted(progress.manifests.items()):
        written = found[-1].signed
        if found[-1].source in spec.only and written.rows:
            signed.append(Shard(key, found[-1].source, storage.join(recipe.output, written.path), written.rows, written.digest))
    return signed


def _keep(
    recipe: Recipe, spec: StageSpec, signed: Sequence[Shard], published: Sequence[Shard], executor: Executor
) -> list[str]:
    """What later runs read: cut points, and signatures of the published documents, for those that are deduplicated `against`
    this one; paths of all files."""
    stage = spec.placed.stage
    if isinstance(stage, Cut):
        return stage.publish(storage.join(recipe.output, "work", spec.placed.name), recipe.output)
    if not isinstance(stage, Deduplication):
        return []
    keeping = Keeping(
        plan=stage.plan(signed, storage.join(recipe.output, "work", spec.placed.name), "one", ()),
        folder=storage.join(recipe.output, "signatures", spec.placed.name),
        columns=("exact", *(["sketch"] if stage.verify is not None else [])),
        published={shard.key: (shard.path, shard.digest) for shard in published},
    )
    return keep(keeping, stage.signing, executor)


def _marks_inputs(recipe: Recipe, spec: StageSpec, signed: Sequence[Shard]) -> dict[str, Any]:
    return {"stage": describe(spec.placed, recipe.plugins.code), "signatures": {s.key: s.digest for s in signed}}


def _marks_path(recipe: Recipe, spec: StageSpec) -> str:
    return storage.join(recipe.output, "manifests", f"{spec.placed.name}.json")


def marks_on_disk(recipe: Recipe, spec: StageSpec) -> Marks | None:
    found = _read_json(_marks_path(recipe, spec))
    try:
        return Marks(**found) if found else None
    except TypeError:
        return None


def _read_json(path: str) -> dict[str, Any] | None:
    try:
        return orjson.loads(storage.read_bytes(path))
    except (OSError, ValueError):
        return None


# ----------------------------------------------------------------------------------------------------------------- plan


@dataclass(frozen=True)
class PassPlan:
    """What a pass would do: the state of its shards, or why it cannot be told before an earlier one has run."""

    number: int
    states: Sequence[State] = ()
    unknown: str = ""


def plan(recipe: Recipe) -> list[PassPlan]:
    """What `run` would do now, without doing it."""
    splits = find(recipe)
    ways = routes(recipe)
    barriers = whole_dataset_stages(recipe)
    progress = Progress()
    marks: dict[str, Marks] = {}
    plans: list[PassPlan] = []
    for number in range(len(barriers) + 1):
        states = look(_legs(recipe, ways, splits, progress, number, barriers, marks), recipe.output)
        plans.append(PassPlan(number, states))
        waiting = sum(not s.done for s in states)
        progress.add([s.manifest for s in states if s.manifest])
        if number == len(barriers):
            break
        spec = barriers[number]
        found = marks_on_disk(recipe, spec)
        inputs = _marks_inputs(recipe, spec, _signed(recipe, spec, progress))
        if waiting or found is None or found.fingerprint != fingerprint(inputs):
            why = f"{waiting} shards of pass {number + 1} have to run" if waiting else "its marks have to be made"
            if found is not None and not waiting:
                why += ": " + "; ".join(drift(found.inputs, inputs)[:5])
            plans += [PassPlan(n, unknown=f"after {spec.placed.name}: {why}") for n in range(number + 1, len(barriers) + 1)]
            break
        marks[spec.placed.name] = found
    return plans
