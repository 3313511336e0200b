"""`filter`: the rules of one YAML file, the metrics that they need, and nothing else.

    words: characters                                  # what a word of Chinese is: each Han character, or what `jieba` cuts
    lines:                                             # a line that fails one of these is cut, the rest of the text is kept
      words: {min: 3}
    document:                                          # a document that fails one of these is rejected
      cut_char_ratio: {max: 0.3}                       # what was cut of the text: needs `lines:`
      chars: {min: 200}                                # a metric of curator/metrics
      stop_words: {min: 2, list: stop_words_zh}        # with its parameters beside the bounds
      slogans: {metric: phrases, list: my.txt, max: 3} # a metric under a name of its own, so that one can serve twice
      language: {in: [zh, yue]}                        # a column that every document has
      language.score: {min: 0.5}                       # a metric of the stage named `language`
      metadata.generated: {is: false}                  # a key of the metadata

Both ends of `min` and `max` are included. A rule on documents whose number cannot be measured fails; a line is cut only for
what can be measured of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curator import config, storage
from curator.documents import Rule
from curator.metrics import CUTS, METRICS, Asked, libraries_of, measure, warmings
from curator.metrics.cutting import Lines, split_lines, without
from curator.metrics.lists import list_path, load_list
from curator.metrics.urls import load_urls, measure_urls
from curator.stages.line_rules import adds_up, judge_lines
from curator.stages.rules import document_needs, line_needs, lists_of, parts_of

METADATA_TYPES = {"flag": pa.bool_(), "name": pa.string(), "number": pa.float64()}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Cut the lines, and measure what the rules of a filter name; the engine's `decide` judges documents by them.

    Made by `load` from `filters/NAME.yaml`. It writes one column for each metric (int32 for counts, float32 for ratios, means
    and nats) and each key of `metadata` that a rule names (null where a document's metadata has no such key, or not of that
    kind), and reads the columns of other rules where they are. Every rule is measured for every document. With rules on lines
    it writes the text that is left, and for each of them `lines.RULE`: how many lines it was the first to cut.
    """

    name: str
    rules: tuple[Rule, ...]
    metrics: tuple[Asked, ...] = ()
    line_rules: tuple[Rule, ...] = ()
    line_metrics: tuple[Asked, ...] = ()
    cuts: tuple[str, ...] = ()  # which of CUTS the rules name
    words: str = "characters"
    columns: tuple[str, ...] = ()  # that exist before, and that rules read
    metadata: tuple[tuple[str, str], ...] = ()  # key, and which of METADATA_TYPES
    unicode: str = unicodedata.unidata_version  # the version of the character classes

    revision: ClassVar[int] = 5

    @classmethod
    def load(cls, preset: str, change: Mapping[str, Any] | None = None, name: str | None = None) -> Filter:
        """The filter in `filters/<preset>.yaml`, or at a path. `change` replaces or adds bounds rule by rule and removes the
        rules that it sets to `off` or null (`lines.RULE` for those on lines); `name` qualifies its columns and reasons. Raises
        ConfigError at a slip's line."""
        path = storage.preset("filters", preset)
        parts = parts_of(config.load(path), change)
        name = name or name_of(path)
        lines = line_needs(name, parts.lines)
        document = document_needs(name, parts.document, cuts_lines=bool(parts.lines))
        return cls(
            name=name,
            rules=document.rules,
            metrics=document.metrics,
            line_rules=lines.rules,
            line_metrics=lines.metrics,
            cuts=document.cuts,
            words=parts.words,
            columns=document.columns,
            metadata=document.metadata,
        )

    @property
    def libraries(self) -> tuple[str, ...]:
        counted = [Asked("words", "words")] if "cut_word_ratio" in self.cuts else []
        return libraries_of((*self.line_metrics, *self.metrics, *counted), self.words)

    @property
    def reads(self) -> frozenset[str]:
        measured = {METRICS[asked.metric].reads for asked in (*self.line_metrics, *self.metrics)}
        return frozenset([*self.columns, *measured, *(["metadata"] if self.metadata else [])])

    @property
    def writes(self) -> Mapping[str, pa.DataType]:
        cut = {"text": pa.string()} if self.line_rules else {}
        by_rule = {f"lines.{asked.name}": pa.int32() for asked in self.line_metrics}
        shares = {key: CUTS[key].type for key in self.cuts}
        computed = {asked.name: METRICS[asked.metric].type for asked in self.metrics}
        return cut | by_rule | shares | computed | {f"metadata.{key}": METADATA_TYPES[kind] for key, kind in self.metadata}

    @property
    def tallies(self) -> Sequence[str]:
        return [f"lines.{asked.name}" for asked in self.line_metrics]

    def files(self) -> Sequence[str]:
        return [list_path(name) for name in lists_of((*self.line_metrics, *self.metrics))]

    def warm(self) -> None:
        for part in self.warmings().values():
            part()

    def warmings(self) -> Mapping[str, Callable[[], object]]:
        cutting = {"cutting": _warm_cutting} if self.line_rules else {}
        return {**warmings((*self.line_metrics, *self._that_read("text")), self.words), **cutting}

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        found: dict[str, pa.Array] = {}
        text = docs.column("text") if "text" in self.reads else None
        if self.line_rules:
            found |= self.cut(docs.column("text"))
            text = found["text"]
        if asked := [asked for asked in self._that_read("text") if asked.name not in found]:
            found |= self.measured(text, asked)
        if asked := self._that_read("url"):
            found |= measure_urls(docs.column("url"), asked, {name: load_urls(name) for name in lists_of(asked)})
        for key, kind in self.metadata:
            found[f"metadata.{key}"] = _metadata_values(docs.column("metadata"), key, kind)
        return found

    def _that_read(self, column: str) -> list[Asked]:
        return [asked for asked in self.metrics if METRICS[asked.metric].reads == column]

    def measured(self, column: Any, asked: Sequence[Asked]) -> dict[str, pa.Array]:
        lists = {name: load_list(name) for name in lists_of(asked)}
        return measure(column, asked, lists=lists, words=self.words)

    def cut(self, text: pa.Array) -> dict[str, pa.Array]:
        """The text without the lines that fail a rule, how many each of the rules cut, the shares that rules name, and what
        the metrics of documents are if the lines that stay tell all of them."""
        lines = split_lines(text)
        asked = self._that_read("text")
        first, found = self._judged(lines, asked if all(map(adds_up, asked)) else ())
        cut = first >= 0
        found["text"] = without(lines, cut) if cut.any() else text
        missing = ~lines.row_valid
        rules = len(self.line_metrics)
        gone = np.flatnonzero(cut)
        fates = np.bincount(lines.rows[gone] * rules + first[gone], minlength=len(text) * rules)
        by_rule = fates.reshape(len(text), rules).astype(np.int32)
        for number, asked in enumerate(self.line_metrics):
            found[f"lines.{asked.name}"] = pa.array(by_rule[:, number], mask=missing)
        for key in self.cuts:
            found[key] = self._share(key, lines, cut)
        return found

    def first_failing(self, lines: Lines) -> np.ndarray:
        """For each line the number of the first rule that it fails, -1 if there is none."""
        return self._judged(lines, ())[0]

    def _judged(self, lines: Lines, adding: Sequence[Asked]) -> tuple[np.ndarray, dict[str, pa.Array]]:
        return judge_lines(lines, self.line_rules, self.line_metrics, self.measured, adding)

    def _share(self, key: str, lines: Lines, cut: np.ndarray) -> pa.Array:
        """What is cut of each text / what is there, blank lines aside; null where there is nothing."""
        if key == "cut_word_ratio":
            words = measure(lines.texts, ["words"], words=self.words)["words"]
            weights = pc.fill_null(words, 0).to_numpy(zero_copy_only=False)
        else:
            weights = np.where(lines.texts.valid, lines.chars if key == "cut_char_ratio" else 1, 0)
        whole = np.bincount(lines.rows, weights=weights, minlength=len(lines.row_valid))
        gone = np.bincount(lines.rows, weights=weights * cut, minlength=len(lines.row_valid))
        return pa.array((gone / np.maximum(whole, 1)).astype(np.float32), mask=whole == 0)


def name_of(path: str) -> str:
    """What a filter is called whose recipe gives it no name."""
    return re.sub(r"\W", "_", path.rsplit("/", 1)[-1].removesuffix(".yaml"))


def _warm_cutting() -> None:
    without(split_lines(pa.array(["warm\nwarm"])), np.array([True, False]))


def _metadata_values(column: pa.Array, key: str, kind: str) -> pa.Array:
    """One key of each JSON object; null where it is missing, or null, or not of the kind, or where there is no object."""
    found = pl.Series(column.cast(pa.large_string())).str.json_path_match(f"$.{key}")
    if kind == "flag":
        found = found.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    elif kind == "number":
        found = found.cast(pl.Float64, strict=False)
    return found.to_arrow().cast(METADATA_TYPES[kind])
