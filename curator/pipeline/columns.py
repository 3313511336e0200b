"""Which columns a document has at each place of the recipe: a stage that reads what nobody wrote is an error before the run."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from curator.config import ConfigError, nearest
from curator.documents import SCHEMA, TRANSIENT
from curator.pipeline.recipe import Recipe, StageSpec

_ALWAYS = ("id", "source", "origin")
Where = Mapping[str, tuple[str, ...]]


def check_columns(recipe: Recipe) -> list[ConfigError]:
    """Walk every source through its stages. A column that only documents of some `where:` have serves only those."""
    errors: list[ConfigError] = []
    types: dict[str, pa.DataType] = {f.name: f.type for f in (*SCHEMA, *TRANSIENT)}
    for spec in recipe.stages:
        for column, kind in spec.placed.types.items():
            if types.setdefault(column, kind) != kind:
                errors.append(_error(spec, f"writes {column!r} as {kind}, and another stage as {types[column]}"))
    for source in recipe.sources.values():
        have: dict[str, Where] = {name: {} for name in (*_ALWAYS, *source.reader.columns)}
        for spec in recipe.stages:
            if source.name not in spec.only:
                continue
            for column in sorted(_reads(spec)):
                if column not in have:
                    errors.append(_error(spec, _missing(column, source.name, have, spec, recipe)))
                elif have[column] and have[column] != spec.placed.where:
                    errors.append(
                        _error(
                            spec, f"reads {column!r}, which documents of {source.name!r} have only where {dict(have[column])}"
                        )
                    )
            for column in spec.placed.types:
                already = have.get(column)
                have[column] = {} if already == {} else spec.placed.where
            if spec.whole_dataset:
                for name in TRANSIENT.names:
                    have.pop(name, None)
        if "text" not in have:
            errors.append(
                source.section.error(
                    f"documents of {source.name!r} never get a text: there is no `extract` stage for them", "read"
                )
            )
    return _once(errors)


def _reads(spec: StageSpec) -> set[str]:
    return set(spec.placed.stage.reads) | set(spec.placed.where)


def _missing(column: str, source: str, have: Mapping[str, Where], spec: StageSpec, recipe: Recipe) -> str:
    writers = [s.placed.name for s in recipe.stages if column in s.placed.types]
    if writers:
        of_source = [s.placed.name for s in recipe.stages if column in s.placed.types and source in s.only]
        if of_source:
            hint = f": {of_source[0]!r} writes it, but later"
        else:
            hint = f": {writers[0]!r} writes it, but not for {source!r}; name the sources that have it with `only:`"
    elif column == "text":
        hint = ": put `extract` before it"
    else:
        hint = nearest(column, have)
    return f"reads {column!r}, which documents of {source!r} do not have here{hint}"


def _error(spec: StageSpec, message: str) -> ConfigError:
    return ConfigError(f"{spec.placed.name} {message}", spec.section.path, spec.line)


def _once(errors: list[ConfigError]) -> list[ConfigError]:
    return list({str(e): e for e in errors}.values())
