"""A recipe to passes: which leg every split goes through, where its files lie, and the fingerprint that says if it is done."""

from __future__ import annotations

import dataclasses
import functools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pyarrow as pa

from curator import storage
from curator.documents import SCHEMA, File, Piece, Rule, Shard, Split
from curator.engine.leg import Leg, Placed
from curator.engine.manifest import FORMAT, Manifest, fingerprint
from curator.engine.splits import make_splits
from curator.pipeline.recipe import Recipe, SourceSpec, StageSpec


@dataclass(frozen=True)
class Route:
    """The stages of one source between two whole-dataset stages, the same for all of its splits."""

    source: SourceSpec
    number: int  # of the pass: how many whole-dataset stages of the recipe lie before
    begins: StageSpec | None
    stages: Sequence[StageSpec]
    ends: StageSpec | None
    columns: Sequence[tuple[str, pa.DataType]]  # metrics that its kept documents have at the end

    @property
    def last(self) -> bool:
        return self.ends is None


def whole_dataset_stages(recipe: Recipe) -> list[StageSpec]:
    return [s for s in recipe.stages if s.whole_dataset]


def routes(recipe: Recipe) -> dict[str, list[Route]]:
    """By source: its way through the recipe, cut at the whole-dataset stages that it takes part in."""
    found: dict[str, list[Route]] = {}
    barriers = whole_dataset_stages(recipe)
    for source in recipe.sources.values():
        legs: list[Route] = []
        number, begins, stages = 0, None, []
        columns: dict[str, pa.DataType] = {}
        for spec in recipe.stages:
            if source.name not in spec.only:
                continue
            if spec.whole_dataset:
                legs.append(Route(source, number, begins, tuple(stages), spec, tuple(columns.items())))
                number, begins, stages = barriers.index(spec) + 1, spec, []
            else:
                stages.append(spec)
            columns |= {n: t for n, t in spec.placed.types.items() if n not in SCHEMA.names}
        legs.append(Route(source, number, begins, tuple(stages), None, tuple(columns.items())))
        found[source.name] = legs
    return found


def run_wide_schema(recipe: Recipe) -> pa.Schema:
    """The schema of every file in `documents/`: the documents' columns, then all metrics of the recipe in its order."""
    fields = {f.name: f for f in SCHEMA}
    for spec in recipe.stages:
        for name, kind in spec.placed.types.items():
            fields.setdefault(name, pa.field(name, kind))
    return pa.schema(list(fields.values()))


# --------------------------------------------------------------------------------------------------------------- inputs


def find_inputs(recipe: Recipe) -> dict[str, list[Split]]:
    """The splits of every source. Raises StorageError if a pattern finds nothing or two files would get the same ids."""
    found: dict[str, list[Split]] = {}
    for source in recipe.sources.values():
        try:
            files = storage.find(source.patterns, source.exclude)
        except storage.StorageError as error:
            raise source.section.error(f"{source.name}: {error}", "from") from None
        if not files:
            raise source.section.error(f"{source.name}: exclude: leaves no file", "exclude")
        names: dict[str, str] = {}
        for file in files:
            if file.name in names:
                raise source.section.error(
                    f"{source.name}: {names[file.name]} and {file.path} are both called {file.name!r} here, so their documents "
                    "would get the same ids: read them through one common folder or glob, or as two sources",
                    "from",
                )
            names[file.name] = file.path
        if recipe.verify:
            files = [_by_content(f) for f in files]
        found[source.name] = make_splits(source.name, source.reader, files, recipe.split_bytes)
    return found


def _by_content(file: File) -> File:
    try:
        return dataclasses.replace(file, stamp=storage.passing_digest(file.path))
    except OSError:  # named when it is read
        return file


# ----------------------------------------------------------------------------------------------------------------- legs


def first_legs(recipe: Recipe, ways: Mapping[str, list[Route]], splits: Mapping[str, list[Split]]) -> list[Leg]:
    """The legs that read raw input, one a split."""
    legs = []
    for source, found in splits.items():
        route = ways[source][0]
        reader = {
            "read": route.source.kind,
            "options": _plain(route.source.reader),
            "revision": route.source.reader.revision,
            "libraries": _versions(route.source.reader.libraries),
        }
        for split in found:
            inputs = {"reader": reader, "input": _pieces(split.pieces), "sample": recipe.sample}
            if hasattr(route.source.reader, "beside"):
                inputs["beside"] = dict(route.source.reader.beside([file for piece in split.pieces for file in piece.files]))
            legs.append(_leg(recipe, route, split.key, inputs, split=split, reader=route.source.reader, sample=recipe.sample))
    return legs


def later_leg(recipe: Recipe, route: Route, manifest: Manifest, marks_path: str, marks_digest: str) -> Leg:
    """The leg that goes on where `manifest` ended, with the marks of the stage between."""
    assert route.begins is not None
    kept = manifest.kept
    inputs = {
        "documents": kept.digest,
        "marks": marks_digest,
        "applies": {
            "stage": route.begins.placed.name,
            "revision": route.begins.placed.stage.revision,
            "rules": _plain(list(route.begins.placed.rules)),  # a bound that changes need not change a mark
        },
    }
    shard = Shard(manifest.key, manifest.source, storage.join(recipe.output, kept.path), kept.rows, kept.digest)
    return _leg(recipe, route, manifest.key, inputs, shard=shard, begins=route.begins.placed, marks_path=marks_path)


def _leg(recipe: Recipe, route: Route, key: str, inputs: dict[str, Any], **given: Any) -> Leg:
    code = recipe.plugins.code
    inputs |= {
        "format": FORMAT,
        "libraries": {"pyarrow": _version("pyarrow"), "unicode": unicodedata.unidata_version},  # what every stage leans on
        "stages": {s.placed.name: describe(s.placed, code) for s in route.stages},
        "order": [s.placed.name for s in route.stages],
        "rejected_text": recipe.rejected_text,
    }
    metrics = [pa.field(n, t) for n, t in route.columns]
    schema = pa.schema([*SCHEMA, *metrics])
    if route.ends is not None:
        inputs["signs"] = _describe_signing(route.ends.placed, code)
    else:
        schema = run_wide_schema(recipe)
        inputs["columns"] = schema.names
    name = fingerprint(inputs)
    short = name[:10]
    folder = "documents" if route.last else f"work/pass{route.number}"
    rejects = pa.schema([*SCHEMA, *metrics, pa.field("reason", pa.string()), pa.field("detail", pa.string())])
    return Leg(
        number=route.number,
        key=key,
        source=route.source.name,
        stages=[s.placed for s in route.stages],
        schema=schema,
        rejects=rejects,
        inputs=inputs,
        fingerprint=name,
        output=recipe.output,
        kept_path=f"{folder}/{key}-{short}.parquet",
        rejected_path=f"rejected/{key}-pass{route.number}-{short}.parquet",
        signed_path=f"work/pass{route.number}/{key}-{short}.signatures.parquet",
        manifest_path=manifest_path(route.number, key),
        attempts_path=f"work/attempts/pass{route.number}-{key}",
        ends=route.ends.placed if route.ends else None,
        rejected_text=recipe.rejected_text,
        **given,
    )


def manifest_path(number: int, key: str) -> str:
    """Below the output folder."""
    return f"manifests/pass{number}/{key}.json"


# ---------------------------------------------------------------------------------------------------------- fingerprints


def describe(placed: Placed, plugin_code: Mapping[type, str]) -> dict[str, Any]:
    """All that the output of a stage depends on, as plain values that a person can compare."""
    stage = placed.stage
    found: dict[str, Any] = {"stage": type(stage).__name__, "revision": stage.revision, "options": _plain(stage)}
    if placed.rules:
        found["rules"] = [rule.reason for rule in placed.rules]  # in order: the first that fails is the reason
    if placed.where:
        found["where"] = {k: list(v) for k, v in placed.where.items()}
    if stage.libraries:
        found["libraries"] = _versions(stage.libraries)
    if files := stage.files():
        found["files"] = [f"{path.rpartition('/')[2]} {storage.content_digest(path)}" for path in files]
    if type(stage) in plugin_code:
        found["code"] = plugin_code[type(stage)]
    return found


def _describe_signing(placed: Placed, plugin_code: Mapping[type, str]) -> dict[str, Any]:
    """Of a whole-dataset stage what its signatures depend on, where it says so: who survives is no reason to sign anew."""
    found = describe(placed, plugin_code)
    if hasattr(placed.stage, "signed_by"):
        found["options"] = _plain(placed.stage.signed_by)
        found.pop("files", None)
    return found


def _plain(value: Any) -> Any:
    """A value as JSON, with rules under their names so that a changed bound is reported by name."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
    if isinstance(value, tuple | list):
        if value and all(isinstance(v, Rule) for v in value):
            return {rule.reason: _plain(rule.bounds) for rule in value}
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    return value if isinstance(value, str | int | float | bool | None) else str(value)


@functools.cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _versions(distributions: Sequence[str]) -> dict[str, str]:
    return {name: _version(name) for name in distributions}


def _pieces(pieces: Sequence[Piece]) -> dict[str, str]:
    def seen(file: File) -> str:
        return f"{file.size} bytes, {file.stamp}"

    return {
        file.name: seen(file) + ("" if piece.whole else f", from {piece.start} to {piece.stop}")
        for piece in pieces
        for file in piece.files
    }
