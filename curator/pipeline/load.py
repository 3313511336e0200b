"""YAML to a recipe. Every slip is found here, before the first byte of input is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from curator import config, storage
from curator.config import ConfigError, Items, Section
from curator.dedup import DEDUP
from curator.documents import SCHEMA
from curator.engine.leg import Placed
from curator.engine.splits import SPLIT_BYTES
from curator.errors import UserError, nearest
from curator.pipeline.columns import check_columns
from curator.pipeline.languages import check_languages
from curator.pipeline.plugins import Plugins
from curator.pipeline.recipe import Recipe, SourceSpec, StageSpec
from curator.selection import SELECTION
from curator.sources import SOURCES
from curator.stages import STAGES
from curator.tokens.build import Tokenize, check
from curator.tokens.mixture import Mixture

# Stages that score text: what a rule on their columns rejects is counted by language and script.
SCORING = frozenset({"classifier", "cut", "dsir", "perplexity", "quality", "sample"})

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class _Top:
    """The top level of a pipeline file."""

    name: str
    sources: Any
    output: str
    stages: Any = None
    tokenize: Any = None
    mixture: Any = None
    train: Any = None
    plugins: tuple[str, ...] = ()
    max_errors: float = 0.001
    rejected_text: float = 1.0
    split_bytes: int = SPLIT_BYTES

    def __post_init__(self) -> None:
        for option in ("max_errors", "rejected_text"):
            if not 0 <= getattr(self, option) <= 1:
                raise ValueError(f"{option}: must be a fraction from 0 to 1")
        if not self.output.strip():
            raise ValueError("output: name the folder that the run may fill")
        if self.split_bytes < 1 << 20:
            raise ValueError("split_bytes: must be at least 1 MiB")


class RecipeErrors(Exception):
    """All the slips of a recipe together, one a line."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(map(str, errors)))


def load_recipe(
    path: str,
    *,
    changes: Sequence[str] = (),
    output: str | None = None,
    sample: float = 1.0,
    verify: bool = False,
) -> Recipe:
    """Read a pipeline file, apply `--set` changes, and check all of it. Raises RecipeErrors with every slip that was found."""
    section = config.load(storage.preset("pipelines", path))
    for change in changes:
        config.override(section, change)
    top = config.build(_Top, section)
    errors: list[ConfigError] = []
    plugins = _attempt(errors, lambda: Plugins.load(top.plugins, section)) or Plugins()
    sources = _sources(top.sources, section, plugins, errors)
    named = list(top.sources) if isinstance(top.sources, Section) else []  # also those with a slip of their own
    stages = _stages(top.stages, section, plugins, named, errors)
    tokenize = _optional(Tokenize, top.tokenize, section, "tokenize", errors)
    mixture = _optional(Mixture, top.mixture, section, "mixture", errors)
    train = _attempt(errors, lambda: _train(top.train, section))
    if mixture and not tokenize:
        errors.append(section.error("mixture: needs tokenize: beside it", "mixture"))
    if train is not None and not tokenize:
        errors.append(section.error("train: needs tokenize: beside it", "train"))
    if tokenize:
        _attempt(errors, lambda: _check_tokens(tokenize, mixture or Mixture(), named, section))
    recipe = Recipe(
        name=top.name,
        path=section.path,
        sources=sources,
        stages=stages,
        output=storage.absolute(output or top.output).rstrip("/") + ("" if sample >= 1 else f"-sample-{sample:g}"),
        tokenize=tokenize,
        mixture=mixture,
        train=train,
        plugins=plugins,
        max_errors=top.max_errors,
        rejected_text=top.rejected_text,
        split_bytes=top.split_bytes,
        sample=sample,
        verify=verify,
    )
    errors += [spec.section.error("against: this very output", "against") for spec in stages if _against_itself(spec, recipe)]
    if not errors:
        errors += check_columns(recipe)
    notes: list[str] = []
    if not errors:
        errors, notes = check_languages(recipe, section)
    if errors:
        raise RecipeErrors(errors)
    return replace(recipe, notes=notes)


def _against_itself(spec: StageSpec, recipe: Recipe) -> bool:
    runs = getattr(spec.placed.stage, "against", ())
    return recipe.output in {storage.absolute(run).rstrip("/") for run in runs}


def _attempt(errors: list[ConfigError], make: Any) -> Any:
    try:
        return make()
    except ConfigError as error:
        errors.append(error)
        return None


def _optional(cls: type, value: Any, section: Section, key: str, errors: list[ConfigError]) -> Any:
    if value is None:
        return None
    return _attempt(errors, lambda: config.build(cls, _mapping(value, section, key)))


def _mapping(value: Any, section: Section, key: str) -> Section:
    if isinstance(value, Section):
        return value
    raise section.error(f"{key}: must be a mapping", key)


def _train(value: Any, section: Section) -> Section | None:
    """`train:` names a file or holds the options; the trainer's own names are checked by `cli`, which may import it."""
    if value is None or isinstance(value, Section):
        return value
    try:
        return config.load(storage.preset("pipelines/train", str(value)))
    except storage.StorageError as error:
        raise section.error(f"train: {error}", "train") from None


def _check_tokens(tokenize: Tokenize, mixture: Mixture, sources: Sequence[str], section: Section) -> None:
    try:
        check(tokenize, mixture, sources)
    except ValueError as error:
        raise section.error(str(error), "tokenize" if str(error).startswith(("tokenizer:", "eos:")) else "mixture") from None


# -------------------------------------------------------------------------------------------------------------- sources


def _sources(value: Any, top: Section, plugins: Plugins, errors: list[ConfigError]) -> dict[str, SourceSpec]:
    known = {**SOURCES, **plugins.sources}
    found: dict[str, SourceSpec] = {}
    if not isinstance(value, Section) or not value:
        errors.append(top.error("sources: must be a mapping of names to {read: …, from: …}", "sources"))
        return found
    for name, entry in value.items():
        spec = _attempt(errors, lambda name=name, entry=entry: _source(name, entry, value, known))
        if spec:
            found[name] = spec
    return found


def _source(name: str, entry: Any, sources: Section, known: Mapping[str, type]) -> SourceSpec:
    if not NAME.fullmatch(name):
        raise sources.error(f"{name!r}: names are letters, digits and _, and begin with a letter", name)
    section = _mapping(entry, sources, name)
    rest = Section(section.path, section.at)
    rest.lines = section.lines
    rest.update({k: v for k, v in section.items() if k not in ("read", "from", "exclude")})
    for needed in ("read", "from"):
        if needed not in section:
            raise sources.error(f"{name}: {needed!r} must be given", name)
    kind = config.convert(section["read"], str, section, "read")
    if kind not in known:
        raise section.error(f"no source {kind!r}{nearest(kind, known)}", "read")
    patterns = config.convert(section["from"], tuple[str, ...], section, "from")
    if not patterns:
        raise section.error(f"{name}: from: names no file", "from")
    for key in rest:
        options = {f.name for f in fields(known[kind])}
        if key not in options:
            raise section.error(f"no option {key!r}{nearest(key, options | {'read', 'from', 'exclude'})}", key)
    exclude = config.convert(section.get("exclude", Items(section.path, None)), tuple[str, ...], section, "exclude")
    reader = config.build(known[kind], rest)
    return SourceSpec(name=name, kind=kind, reader=reader, patterns=patterns, exclude=exclude, section=section)


# --------------------------------------------------------------------------------------------------------------- stages


def _stages(value: Any, top: Section, plugins: Plugins, sources: Sequence[str], errors: list[ConfigError]) -> list[StageSpec]:
    if value is None:
        return []
    if not isinstance(value, Items):
        errors.append(top.error("stages: must be a list of stages", "stages"))
        return []
    known = {**STAGES, **DEDUP, **SELECTION, **plugins.stages}
    found: list[StageSpec] = []
    for index, entry in enumerate(value):
        spec = _attempt(errors, lambda index=index, entry=entry: _stage(entry, value, index, known, sources))
        if spec is None:
            continue
        if any(spec.placed.name == other.placed.name for other in found):
            errors.append(
                ConfigError(
                    f"two stages are called {spec.placed.name!r}: give one a name of its own with `as:`", value.path, spec.line
                )
            )
        found.append(spec)
    return _watching(found)


def _watching(stages: list[StageSpec]) -> list[StageSpec]:
    """The stages, with the rules named that judge by scores: those of SCORING, and those of filters on their columns."""
    scores: set[str] = set()
    watching = []
    for spec in stages:
        if spec.kind in SCORING:
            scores |= set(spec.placed.types)
        reasons = tuple(rule.reason for rule in spec.placed.rules if rule.column in scores)
        watching.append(replace(spec, placed=replace(spec.placed, watched=reasons)))
    return watching


def _stage(entry: Any, stages: Items, index: int, known: Mapping[str, Any], sources: Sequence[str]) -> StageSpec:
    line = stages.line(index)
    if isinstance(entry, str):
        kind, options, section = entry, None, Section(stages.path, line)
    elif isinstance(entry, Section):
        section = entry
        kinds = [k for k in entry if k not in ("only", "where", "as")]
        if len(kinds) != 1:
            raise ConfigError("a stage is one name with its options, and perhaps `only:`, `where:` or `as:`", stages.path, line)
        kind, options = kinds[0], entry[kinds[0]]
    else:
        raise ConfigError("a stage is a name, or a name with options", stages.path, line)
    if kind not in known:
        raise section.error(f"no stage {kind!r}{nearest(kind, known)}", kind)
    given = Section(section.path, section.line(kind))
    if isinstance(options, Section):
        given.lines = options.lines
        given.update(options)
    elif isinstance(options, str) and hasattr(known[kind], "load"):
        given["preset"] = options
    elif options is not None:
        raise section.error(f"{kind}: options are a mapping, not {options!r}", kind)
    alias = given.pop("as", None) or section.get("as")
    if alias is not None and not (isinstance(alias, str) and NAME.fullmatch(alias)):
        raise section.error("as: must be a name of letters, digits and _", "as")
    stage, name = _make(known[kind], kind, given, alias)
    _check_runs(stage, given)
    whole = getattr(stage, "whole_dataset", kind in DEDUP or hasattr(stage, "mark"))
    for source in getattr(stage, "prefer", ()) if whole else ():
        if source != "*" and source not in sources and sources:
            raise given.error(f"prefer: no source {source!r}{nearest(source, sources)}", "prefer")
    own = set(stage.writes) - set(getattr(stage, "rewrites", ()))
    columns = {key: column_of(key, name, aliased=alias is not None and key in own) for key in stage.writes}
    placed = Placed(
        name=name,
        stage=stage,
        columns=columns,
        types={columns[key]: type_ for key, type_ in stage.writes.items()},
        rules=tuple(getattr(stage, "rules", ())),
        where=_where(section),
    )
    only = _only(section, sources)
    _check_files(stage, given, kind)
    return StageSpec(placed=placed, kind=kind, whole_dataset=whole, only=only, section=section, line=line)


def _make(cls: Any, kind: str, options: Section, alias: str | None) -> tuple[Any, str]:
    if hasattr(cls, "load"):  # `filter`: its rules stand in a file of their own
        for key in options:
            if key not in ("preset", "change"):
                raise options.error(f"no option {key!r}{nearest(key, ('preset', 'change'))}", key)
        if not isinstance(options.get("preset"), str):
            raise options.error(f"{kind}: 'preset' must name a filter")
        try:
            stage = cls.load(options["preset"], options.get("change"), alias)
        except storage.StorageError as error:
            raise options.error(f"{kind}: {error}", "preset") from None
        return stage, stage.name
    name = alias or kind
    takes_name = any(f.name == "name" for f in fields(cls))
    return config.build(cls, options, **({"name": name} if takes_name else {})), name


def column_of(key: str, name: str, aliased: bool) -> str:
    """What the engine calls a column that a stage writes: its own name for the text and the columns that every document has,
    `<stage name>.<key>` for a metric, and for all but what it rewrites where the recipe gives the stage a name with `as:`."""
    if key == "text" or (key in SCHEMA.names and not aliased):
        return key
    return f"{name}.{key}"


def _where(section: Section) -> dict[str, tuple[str, ...]]:
    if "where" not in section:
        return {}
    where = _mapping(section["where"], section, "where")
    return {column: config.convert(values, tuple[str, ...], where, column) for column, values in where.items()}


def _only(section: Section, sources: Sequence[str]) -> frozenset[str]:
    if "only" not in section:
        return frozenset(sources)
    only = config.convert(section["only"], tuple[str, ...], section, "only")
    if not only:
        raise section.error("only: names no source, so the stage would never run", "only")
    for name in only:
        if name not in sources and sources:
            raise section.error(f"only: no source {name!r}{nearest(name, sources)}", "only")
    return frozenset(only)


def _check_runs(stage: Any, options: Section) -> None:
    """Earlier runs and models: what a stage can tell before the run to be damaged, or of something else."""
    if hasattr(stage, "check"):
        try:
            stage.check()
        except (UserError, ValueError, KeyError, OSError) as error:
            raise options.error(str(error), "against") from None


def _check_files(stage: Any, options: Section, kind: str) -> None:
    for path in stage.files():
        try:
            there = storage.exists(path)
        except Exception as error:
            raise options.error(f"{kind}: {error}") from None
        if not there:
            raise options.error(f"{kind}: there is no file {path!r}")
