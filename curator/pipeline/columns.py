"""Which columns a document has at each place of the recipe: a stage that reads what nobody wrote is an error before the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from curator.config import ConfigError
from curator.documents import SCHEMA, TRANSIENT
from curator.errors import nearest
from curator.pipeline.recipe import Recipe, StageSpec

_ALWAYS = ("id", "source", "origin")
Where = Mapping[str, tuple[str, ...]]


def check_columns(recipe: Recipe) -> list[ConfigError]:
    """Walk every source through its stages. A column that only documents of some `where:` have serves only those."""
    errors: list[ConfigError] = []
    missing: dict[tuple[str, str], list[str]] = {}  # (stage, column) -> the sources whose documents do not have it
    hints: dict[tuple[str, str], tuple[StageSpec, str]] = {}
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
            errors += [
                _error(spec, f"wants numbers, and {column!r} is {types[column]}")
                for column in sorted(getattr(spec.placed.stage, "numbers", ()))
                if column in types and not (pa.types.is_floating(types[column]) or pa.types.is_integer(types[column]))
            ]
            for column in sorted(_reads(spec)):
                if column not in have:
                    missing.setdefault((spec.placed.name, column), []).append(source.name)
                    hints[spec.placed.name, column] = (spec, _hint(column, source.name, have, recipe))
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
    return _once([*errors, *_missing(missing, hints)])


def _reads(spec: StageSpec) -> set[str]:
    return set(spec.placed.stage.reads) | set(spec.placed.where)


def _missing(
    missing: Mapping[tuple[str, str], list[str]], hints: Mapping[tuple[str, str], tuple[StageSpec, str]]
) -> Iterator[ConfigError]:
    """One error for all columns that a stage misses in the same documents."""
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (stage, column), sources in missing.items():
        together.setdefault((stage, tuple(sources)), []).append(column)
    for (stage, sources), columns in together.items():
        spec, hint = hints[stage, columns[0]]
        yield _error(spec, f"reads {_listed(columns)}, which documents of {_listed(sources)} do not have here{hint}")


def _listed(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _hint(column: str, source: str, have: Mapping[str, Where], recipe: Recipe) -> str:
    writers = [s for s in recipe.stages if column in s.placed.types and column not in getattr(s.placed.stage, "rewrites", ())]
    of_source = [s.placed.name for s in writers if source in s.only]
    if of_source:
        return f": {of_source[0]!r} writes it, but later"
    if writers:
        return f": {writers[0].placed.name!r} writes it, but not for them; name the sources that have it with `only:`"
    if column in TRANSIENT.names:
        return ": only sources of raw pages do, up to `extract`; name those with `only:`"
    return ": put `extract` before it" if column == "text" else nearest(column, have)


def _error(spec: StageSpec, message: str) -> ConfigError:
    return ConfigError(f"{spec.placed.name} {message}", spec.section.path, spec.line)


def _once(errors: list[ConfigError]) -> list[ConfigError]:
    return list({str(e): e for e in errors}.values())
