"""A recipe for a quality model: which documents are good, which are not, and the options of training.

positive:                                   # what the model is to find; each source under a name, to be left out in turn
  wiki: {from: runs/zh_wiki}                # a run's output, Parquet, JSON lines, lines of text
  news: {from: data/news/*.jsonl, text: content}
  rated: {from: 'data/rated.jsonl::label=good'}
negative:
  crawl: {from: data/raw/*.warc.wet.gz, read: wet}
options: {documents: 20000}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from curator import config, storage
from curator.config import Section
from curator.quality.training import Options


@dataclass(frozen=True, kw_only=True)
class Given:
    """Documents of one source: patterns, what reads them where their names do not say it, and the field that holds the text."""

    patterns: tuple[str, ...] = field(metadata={"option": "from"})
    read: str | None = None
    text: str = "text"

    def __post_init__(self) -> None:
        if not self.patterns:
            raise ValueError("from: names no file")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    positive: dict[str, Given]
    negative: dict[str, Given]
    options: Options = field(default_factory=Options)
    group_by: Literal["source", "none"] = "source"

    def __post_init__(self) -> None:
        for name in ("positive", "negative"):
            if not getattr(self, name):
                raise ValueError(f"{name}: names no documents")


def load(path: str | None, changes: Sequence[str], positive: Sequence[str], negative: Sequence[str]) -> Recipe:
    """The recipe at a path or of a name that curator ships (or an empty one), with `--set` changes and with further documents,
    each `NAME=PATTERN` or a pattern alone. Raises ConfigError at a slip's line."""
    section = config.load(storage.preset("pipelines/quality", path)) if path else config.parse("{}", "the command line")
    for name, patterns in (("positive", positive), ("negative", negative)):
        side = section.setdefault(name, Section(section.path, section.at))
        for number, pattern in enumerate(patterns, 1):
            source, sign, rest = pattern.partition("=")
            named = bool(sign) and source.isidentifier()
            given = Section(section.path, section.at)
            given["from"] = rest if named else pattern
            side[source if named else f"{name}_{number}"] = given
    if changes:
        section.setdefault("options", Section(section.path, section.at))
    for change in changes:
        config.override(section, change)
    return config.build(Recipe, section)
