"""Measure a string column: segment it once, run the kernels that the asked metrics need, divide their counts."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from curator.metrics import (
    characters,
    frequencies,
    han_words,
    lines,
    memory,
    ngrams,
    phrases,
    segments,
    sentences,
    tokens,
    words,
)
from curator.metrics.catalogue import METRICS, WORDS, Asked, Kernel, Metric
from curator.metrics.lists import EMPTY, WordList
from curator.metrics.segments import PADDING, Chunk

ON_HASHES = {Kernel.STOP_WORDS, Kernel.WORD_NGRAMS}  # of tokens
ON_TOKENS = {Kernel.WORDS, *ON_HASHES}
COUNT_SOME = {Kernel.CHARACTERS, Kernel.LINES}
LONGEST_WORD = (Kernel.WORDS, words.LONGEST)  # has a kernel of its own


@dataclass
class Run:
    """A kernel with its parameters, the metrics that read its counts, and the counts: int64, a row for each text, and which of
    what the kernel counts is in which column."""

    kernel: Kernel
    parameters: dict[str, Any]
    metrics: list[Metric]
    counts: np.ndarray = field(init=False)
    places: dict[int, int] = field(init=False)

    @property
    def read(self) -> set[int]:
        """What metrics read of it."""
        return {column for m in self.metrics for kernel, column in (*m.count, *m.over) if kernel is self.kernel}

    def column(self, which: int) -> np.ndarray:
        return self.counts[:, self.places[which]]


Counter = Callable[[Chunk], None]
Counts = dict[Kernel, np.ndarray]  # of all runs of a kernel, one behind the other


def measure(
    column: pa.Array | segments.Texts,
    asked: Sequence[str | Asked],
    *,
    lists: Mapping[str, WordList] | None = None,
    words: str = "characters",
    piece_bytes: int = segments.PIECE_BYTES,
) -> dict[str, pa.Array]:
    """A value per row for each metric that reads the text, null where the text is null or there is nothing to divide by.

    `lists` holds the lists that the metrics' `list` parameters name; one that is missing is empty. `words` says what a word of
    Han characters is: each of them, or what jieba makes of them.
    """
    if words not in WORDS:
        raise ValueError(f"words: {words!r} is none of {', '.join(WORDS)}")
    found = column if isinstance(column, segments.Texts) else segments.texts(column)
    wanted = [a if isinstance(a, Asked) else Asked(a, a) for a in asked]
    runs, mine = _runs(wanted)
    counts = _make_counts(runs, found.rows)
    _count(found, runs, counts, lists or {}, words, piece_bytes)
    return {a.name: _value(METRICS[a.metric], mine[a.name], found.valid) for a in wanted}


def libraries_of(asked: Iterable[Asked], words: str) -> tuple[str, ...]:
    """The libraries whose version can change the numbers: the segmenter, if it is used."""
    for a in asked:
        kernels = METRICS[a.metric].kernels
        cut = words == "jieba" and kernels & ON_TOKENS
        if cut or (Kernel.PHRASES in kernels and a.parameters["match"] == "words"):
            return han_words.LIBRARIES
    return ()


def _runs(wanted: Sequence[Asked]) -> tuple[list[Run], dict[str, dict[Kernel, Run]]]:
    """The runs of kernels that serve all, and which of them serves whom. A metric that some of a kernel's
    parameters do not concern, be it that it only divides by what the kernel counts, takes the first run that will do."""
    runs: list[Run] = []
    mine: dict[str, dict[Kernel, Run]] = {a.name: {} for a in wanted}
    needs: list[tuple[Asked, Kernel, dict[str, Any]]] = []
    for a in wanted:
        counting = {kernel for kernel, _ in METRICS[a.metric].count}
        for kernel in sorted(METRICS[a.metric].kernels, key=lambda k: k.name):
            named = kernel.parameters if kernel in counting else ()
            needs.append((a, kernel, {k: v for k, v in a.parameters.items() if k in named}))
    for a, kernel, values in sorted(needs, key=lambda need: -len(need[2])):
        same = (run for run in runs if run.kernel is kernel and values.items() <= run.parameters.items())
        run = next(same, None)
        if run is None:
            run = Run(kernel, values, [])
            runs.append(run)
        run.metrics.append(METRICS[a.metric])
        mine[a.name][kernel] = run
    return runs, mine


def _make_counts(runs: Sequence[Run], rows: int) -> Counts:
    """Zeros for each run to count in."""
    made: Counts = {}
    for kernel in {run.kernel for run in runs}:
        same = [run for run in runs if run.kernel is kernel]
        columns = _columns(kernel, same)
        shape = len(same), rows, len(columns)
        held = memory.scratch(f"counts of {kernel.name}", math.prod(shape), np.int64)[: math.prod(shape)].reshape(shape)
        held.fill(0)
        made[kernel] = held
        for number, run in enumerate(same):
            run.counts = held[number]
            run.places = {column: place for place, column in enumerate(columns)}
    return made


def _columns(kernel: Kernel, runs: Sequence[Run]) -> Sequence[int]:
    """What the kernel has columns for: all that it counts, but of lines and classes, of which there is much, what metrics
    read."""
    return sorted(set().union(*(run.read for run in runs))) if kernel in COUNT_SOME else range(kernel.columns)


def _count(
    found: segments.Texts,
    runs: Sequence[Run],
    counts: Counts,
    lists: Mapping[str, WordList],
    words: str,
    piece_bytes: int,
) -> None:
    spans = segments.spans(found, piece_bytes)
    parts = list(segments.chunks(spans))
    if not parts:
        return
    decoder = segments.Decoder(found.data, spans, parts, _read_bytes(runs))
    counters = _counters(runs, counts, lists, words, decoder.room, spans.longest)
    for chunk in decoder.chunks():
        for counter in counters:
            counter(chunk)


def _read_bytes(runs: Sequence[Run]) -> bool:
    """Whether a kernel does, and not code points alone: those of tokens, or of lines that may repeat."""
    repeats = {column for column, which in lines.WANTED.items() if which == lines.REPEATS}
    return any(run.kernel in ON_HASHES or (run.kernel is Kernel.LINES and run.read & repeats) for run in runs)


def _counters(
    runs: Sequence[Run], counts: Counts, lists: Mapping[str, WordList], cut: str, room: int, longest: int
) -> list[Counter]:
    """What to do with each chunk, in this order: functions, each with the scratch memory that it reuses."""
    made: list[Counter] = []
    scratch = Scratch(room, longest)
    asked = {run.kernel for run in runs}
    if asked & ON_TOKENS:
        if cut == "jieba":
            made.append(_han_words(scratch, room))
        on_words = counts.get(Kernel.WORDS, np.zeros((1, len(runs[0].counts), words.COLUMNS), np.int64))
        named = [run.parameters["list"] for run in runs if run.kernel is Kernel.STOP_WORDS]
        only = tuple(lists.get(name, EMPTY) for name in named) if Kernel.WORD_NGRAMS not in asked else ()
        longest_word = LONGEST_WORD in {column for run in runs for metric in run.metrics for column in metric.count}
        all_of_them = longest_word or not only or words.likely_words(only)[1].any()
        made.append(_tokens(scratch, bool(all_of_them), on_words[0]))
        if longest_word:
            made.append(_longest_word(scratch, on_words[0]))
        if asked & ON_HASHES:
            made.append(_hashes(scratch, only))
    for run in runs:
        if run.kernel is Kernel.LENGTH:
            made.append(_length(run))
        elif run.kernel is Kernel.CHARACTERS:
            made.append(_characters(run))
        elif run.kernel is Kernel.DISTINCT:
            made.append(_distinct(run))
        elif run.kernel is Kernel.COMMON_RUNS:
            made.append(_common_runs(run))
        elif run.kernel is Kernel.SENTENCES:
            made.append(_sentences(run))
        elif run.kernel is Kernel.SPACED_WORDS:
            made.append(_spaced_words(run))
        elif run.kernel is Kernel.STOP_WORDS:
            made.append(_stop_words(run, lists.get(run.parameters.get("list", ""), EMPTY), scratch))
        elif run.kernel is Kernel.WORD_NGRAMS:
            made.append(_word_ngrams(run, scratch))
    counted = 0
    for match in phrases.MATCHES:
        alike = [run for run in runs if run.kernel is Kernel.PHRASES and run.parameters["match"] == match]
        named = [lists.get(run.parameters["list"], EMPTY) for run in alike]
        for some in phrases.together(named):
            own = counts[Kernel.PHRASES][counted : counted + len(some)]
            made.append(_phrases([alike[n] for n in some], [named[n] for n in some], own, room))
            counted += len(some)
    if on_lines := [run for run in runs if run.kernel is Kernel.LINES]:
        made.append(_lines(on_lines, counts[Kernel.LINES], longest))
    made += [_character_ngrams(run, scratch) for run in runs if run.kernel is Kernel.CHARACTER_NGRAMS]  # it writes over tokens
    return made


class Scratch:
    """What the kernels on words and repetition work in."""

    def __init__(self, room: int, longest: int) -> None:
        self.units, self.places = (
            memory.scratch("units", room + PADDING, np.uint64),
            memory.scratch("places", room + PADDING, np.int32),
        )
        self.starts, self.stops = memory.scratch("starts", room, np.int32), memory.scratch("stops", room, np.int32)
        kinds = {"keys": np.uint64, "picked": np.uint32, "sources": np.uint32, "counts": np.uint32}
        kinds |= {"times": np.uint8, "depths": np.uint8, "reaches": np.uint8}
        size, slots = longest + PADDING, 2 * ngrams.SLOTS * (longest + PADDING)
        tallies = memory.scratch("n-gram tallies", slots, np.uint8)
        ends = (memory.scratch(f"n-gram {name}", ngrams.LONGEST + 1, np.int64) for name in ("covered", "ends"))
        self.arrays = *(memory.scratch(f"n-gram {name}", size, kind) for name, kind in kinds.items()), tallies, *ends
        self.table = memory.scratch("n-gram table", slots, np.int32)
        self.base = memory.scratch("base", 1, np.int64)
        self.begins = np.empty(0, np.uint8)
        self.bounds = np.empty(0, np.int64)


def _han_words(scratch: Scratch, room: int) -> Counter:
    scratch.begins = memory.scratch("begins", room + PADDING, np.uint8)
    finder = han_words.HanWords()
    return lambda c: finder.mark(c.points, c.kinds, c.bounds, scratch.begins)


def _tokens(scratch: Scratch, all_of_them: bool, counts: np.ndarray) -> Counter:
    def find(c: Chunk) -> None:
        scratch.bounds = np.empty_like(c.bounds)
        found = scratch.starts, scratch.stops, scratch.bounds
        tokens.find_tokens(c.points, c.kinds, c.bounds, c.rows, scratch.begins, all_of_them, *found, counts)

    return find


def _hashes(scratch: Scratch, only: tuple[WordList, ...]) -> Counter:
    """With `only`, the tokens that are surely in none of these lists are forgotten: hashes are what costs."""

    def make(c: Chunk) -> None:
        found = scratch.starts, scratch.stops, scratch.bounds
        if only:
            words.keep_likely(c.points, words.likely_words(only), *found)
        tokens.hash_tokens(c.data, c.starts, c.stops, c.at, c.bounds, *found, scratch.units, scratch.places)

    return make


def _longest_word(scratch: Scratch, counts: np.ndarray) -> Counter:
    return lambda c: tokens.find_longest(c.kinds, c.rows, scratch.starts, scratch.stops, scratch.bounds, counts)


def _length(run: Run) -> Counter:
    return lambda c: characters.count_all(c.bounds, c.rows, run.counts)


def _characters(run: Run) -> Counter:
    wanted = characters.wanted_ranges(run.places)
    return lambda c: characters.count_characters(c.kinds, c.bounds, c.rows, wanted, run.counts)


def _common_runs(run: Run) -> Counter:
    return lambda c: frequencies.count_common_runs(c.points, c.bounds, c.rows, run.counts)


def _distinct(run: Run) -> Counter:
    state = np.zeros(0x110000, np.int32), np.empty(0x110000, np.int32), np.array([-1, 0], np.int64)
    entropy_sum = np.zeros(len(run.counts))
    distinct = np.zeros(len(entropy_sum), np.int64)

    def count(c: Chunk) -> None:
        characters.count_distinct(c.points, c.kinds, c.bounds, c.rows, c.last, *state, distinct, entropy_sum)
        if c.last:
            run.counts = np.stack([distinct, entropy_sum.view(np.int64)], axis=1)

    return count


def _lines(runs: list[Run], counts: np.ndarray, longest: int) -> Counter:
    half = longest // 2 + 2  # a line has a character and a newline; and where the last paragraph ends
    parts = ("lengths", "begins", "sizes", "firsts", "paragraph begins")
    lengths, begins, sizes, firsts, paragraphs = (memory.scratch(f"line {part}", half, np.int64) for part in parts)
    keys = memory.scratch("line keys", 2 * half, np.uint64)
    held = lengths, begins, sizes, keys, firsts, paragraphs, *np.zeros((2, lines.COLUMNS), np.int64)
    table = memory.scratch("line table", 8 * half, np.int32)
    ways = sorted((_way(number, run) for number, run in enumerate(runs)), key=lambda way: way[3:1:-1])
    dearest = next((at for at, way in enumerate(ways) if way[4]), 0)
    ordered = np.array([ways[dearest], *ways[:dearest], *ways[dearest + 1 :]], np.int64)
    ordered[0, 4] = np.bitwise_or.reduce(ordered[:, 4])  # mostly what is counted first serves all
    asked = ordered, np.array(list(runs[0].places), np.int64)
    return lambda c: lines.count_lines(c.data, c.starts, c.stops, c.at, c.kinds, c.bounds, c.rows, *asked, held, table, counts)


def _way(number: int, run: Run) -> tuple[int, ...]:
    given = run.parameters
    either = functools.reduce(operator.or_, (lines.WANTED.get(column, 0) for column in run.read), 0)
    return number, given.get("chars", 0), given.get("trim", True), given.get("blank", False), either


def _sentences(run: Run) -> Counter:
    return lambda c: sentences.count_sentences(c.points, c.kinds, c.bounds, c.rows, run.counts)


def _spaced_words(run: Run) -> Counter:
    return lambda c: sentences.count_spaced_words(c.kinds, c.bounds, c.rows, run.counts)


def _character_ngrams(run: Run, scratch: Scratch) -> Counter:
    lengths = _lengths(run)

    return lambda c: _repetition(run, lengths, c.bounds, c.rows, scratch, c.points, c.kinds)


def _stop_words(run: Run, listed: WordList, scratch: Scratch) -> Counter:
    keys, ids = words.stop_table(listed)
    seen = np.full(len(listed.words), -1, np.int64)
    all_hits = words.STOP_WORD_HITS in run.read
    return lambda c: words.count_stop_words(c.rows, scratch.bounds, scratch.units, keys, ids, seen, all_hits, run.counts)


def _word_ngrams(run: Run, scratch: Scratch) -> Counter:
    lengths = _lengths(run)
    none = np.empty(0, np.uint32), np.empty(0, np.uint8)
    return lambda c: _repetition(run, lengths, scratch.bounds, c.rows, scratch, *none)


def _phrases(runs: Sequence[Run], lists: Sequence[WordList], counts: np.ndarray, room: int) -> Counter:
    finder = phrases.Phrases(lists, runs[0].parameters["match"], room)
    for run, own in zip(runs, counts):
        run.counts = own

    def count(c: Chunk) -> None:
        finder.count(c.points, c.kinds, c.bounds, c.rows, counts)

    return count


def _repetition(
    run: Run,
    lengths: np.ndarray,
    bounds: np.ndarray,
    rows: np.ndarray,
    scratch: Scratch,
    points: np.ndarray,
    kinds: np.ndarray,
) -> None:
    units, held = (scratch.units, scratch.places), (scratch.arrays, scratch.table, scratch.base)
    ngrams.count_ngrams(*units, bounds, points, kinds, rows, lengths, *held, run.counts)


def _lengths(run: Run) -> np.ndarray:
    """Which n-grams a run of a repetition kernel looks for: `wanted` of count_ngrams."""
    lengths = np.zeros(ngrams.LONGEST + 1, np.uint8)
    for metric in run.metrics:
        if metric.ngram:
            lengths[metric.ngram[0]] |= metric.ngram[1]
    return lengths


def _value(metric: Metric, runs: Mapping[Kernel, Run], valid: np.ndarray) -> pa.Array:
    """A metric's counts of every row, divided if it is no count itself."""
    top = _sum(metric.count, runs)
    if metric.kind == "count":
        return _array(np.minimum(top, 0x7FFFFFFF).astype(np.int32), valid)
    bottom = _sum(metric.over, runs)
    measured = valid & (bottom > 0)
    divisor = np.maximum(bottom, 1)
    value = top / divisor if metric.kind != "nats" else np.log(divisor) - top.view(np.float64) / divisor
    return _array(value.astype(np.float32), measured)


def _array(values: np.ndarray, valid: np.ndarray) -> pa.Array:
    return pa.array(values, mask=None if valid.all() else ~valid)


def _sum(columns: Sequence[tuple[Kernel, int]], runs: Mapping[Kernel, Run]) -> np.ndarray:
    (kernel, column), *others = columns
    total = np.ascontiguousarray(runs[kernel].column(column))
    for kernel, column in others:
        total = total + runs[kernel].column(column)
    return total
