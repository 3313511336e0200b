"""The codes of languages that a recipe names: one that no document can have is a slip, and keeps or drops them all unseen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from curator.config import ConfigError, Section
from curator.errors import nearest
from curator.models import ALIASES, fasttext_model
from curator.pipeline.recipe import Recipe, StageSpec
from curator.stages.labels import known_codes, language_code
from curator.stages.language import Language
from curator.stages.shares import Codes

COLUMN = "language"


@dataclass(frozen=True)
class Place:
    """Where a recipe names languages: an option, the column that it is about, and whose documents."""

    option: str
    column: str
    codes: Sequence[str]
    sources: frozenset[str]
    before: Sequence[StageSpec]  # which of them have passed
    path: str
    line: int | None


def check_languages(recipe: Recipe, top: Section) -> tuple[list[ConfigError], list[str]]:
    """Errors, where all codes that a column can hold are known; notes, where a model or the documents themselves are the
    user's, who may know of more."""
    errors: list[ConfigError] = []
    notes: list[str] = []
    for place in _places(recipe, top):
        known, certain = _codes(place)
        for code in place.codes:
            if code not in known:
                can = "can hold" if certain else "is known to hold: only a model or documents of your own may"
                said = f"{place.option}: {code!r} is no language that {place.column!r} {can}{meant(code, known)}"
                error = ConfigError(said, place.path, place.line)
                if certain:
                    errors.append(error)
                else:
                    notes.append(str(error))
    return errors, list(dict.fromkeys(notes))


def _places(recipe: Recipe, top: Section) -> Iterator[Place]:
    for index, spec in enumerate(recipe.stages):
        by_rule = {rule.column: rule.among for rule in spec.placed.rules if rule.among}
        by_option: Mapping[str, tuple[str, ...]] = {COLUMN: tuple(getattr(spec.placed.stage, "languages", ()))}
        for kind, named in (("where", spec.placed.where), (spec.placed.name, by_rule), (spec.placed.name, by_option)):
            for column, codes in named.items():
                if column == COLUMN or column.endswith(f".{COLUMN}"):
                    line = spec.section.line(kind)
                    yield Place(kind, column, codes, spec.only, recipe.stages[:index], spec.section.path, line)
    for name, part in (recipe.mixture.parts(()) if recipe.mixture else {}).items():
        option = f"mixture: {name}"
        yield Place(option, COLUMN, part.language, frozenset([part.source]), recipe.stages, top.path, top.line("mixture"))


def _codes(place: Place) -> tuple[set[str], bool]:
    """What the column may hold in the documents of the place, or with another model, and whether that is all."""
    known = set(known_codes())
    certain = True
    for source in place.sources:
        writers = [spec for spec in place.before if source in spec.only and place.column in spec.placed.types]
        stage = writers[-1].placed.stage if writers else None
        if isinstance(stage, Language):
            known |= set(Codes.of(fasttext_model(stage.model).labels).names)
            certain &= stage.model in ALIASES
        else:
            certain = False
    return known, certain


def meant(code: str, known: Collection[str]) -> str:
    """What was probably meant by a code that is not known, as the end of a sentence."""
    usual = language_code(code)
    return f". It is {usual!r} here" if usual in known else nearest(code, known)
