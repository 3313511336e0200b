"""Measure a string column: segment it once, run the kernels that the asked metrics need, divide their counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from curator.metrics import characters, classes, han_words, lines, ngrams, phrases, segments, words
from curator.metrics.catalogue import METRICS, WORDS, Asked, Kernel, Metric, Parameters
from curator.metrics.lists import EMPTY, WordList


@dataclass
class Run:
    """A kernel with its parameters, the metrics that read its counts, and the counts: int64, a row for each text."""

    kernel: Kernel
    parameters: dict[str, Any]
    metrics: list[Metric]
    counts: np.ndarray = field(init=False)


Counter = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, bool], None]  # points, kinds, bounds, rows, is it the last


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
    for run in runs:
        run.counts = np.zeros((found.rows, run.kernel.columns), np.int64)
    _count(found, runs, lists or {}, words, piece_bytes)
    return {a.name: _value(METRICS[a.metric], mine[a.name], found.valid) for a in wanted}


def warm(asked: Iterable[str | Asked], words: str = "characters") -> None:
    """Compile, or read from the cache, every kernel that these metrics need; once, before workers start."""
    wanted = [a if isinstance(a, Asked) else Asked(a, a) for a in asked]
    lists = {a.list: WordList.of(["warm", "热"]) for a in wanted if a.list}
    measure(pa.array(["warm warm\nwarm 热身"]), wanted, lists=lists, words=words)


def libraries_of(asked: Iterable[Asked], words: str) -> tuple[str, ...]:
    """The libraries whose version can change the numbers: the segmenter, if it is used."""
    for a in asked:
        kernels = METRICS[a.metric].kernels
        cut = words == "jieba" and kernels & {Kernel.WORDS, Kernel.WORD_NGRAMS}
        if cut or (Kernel.PHRASES in kernels and a.parameters["match"] == "words"):
            return han_words.LIBRARIES
    return ()


def _runs(wanted: Sequence[Asked]) -> tuple[list[Run], dict[str, dict[Kernel, Run]]]:
    """The runs of kernels that serve all, and which of them serves whom. A metric that a kernel's parameters do not concern,
    be it that it only divides by what the kernel counts, takes the first run of that kernel."""
    runs: dict[tuple[Kernel, Parameters], Run] = {}
    mine: dict[str, dict[Kernel, Run]] = {a.name: {} for a in wanted}
    for concerned in (True, False):
        for a in wanted:
            for kernel in sorted(METRICS[a.metric].kernels, key=lambda k: k.name):
                counts = kernel in {counting for counting, _ in METRICS[a.metric].count}
                values = {k: v for k, v in a.parameters.items() if counts and k in kernel.parameters}
                if bool(values) is not concerned:
                    continue
                others = [run for (other, _), run in runs.items() if other is kernel]
                run = others[0] if others and not concerned else Run(kernel, values, [])
                run = runs.setdefault((kernel, tuple(sorted(run.parameters.items()))), run)
                run.metrics.append(METRICS[a.metric])
                mine[a.name][kernel] = run
    return list(runs.values()), mine


def _count(found: segments.Texts, runs: Sequence[Run], lists: Mapping[str, WordList], words: str, piece_bytes: int) -> None:
    spans = segments.spans(found, piece_bytes)
    parts = list(segments.chunks(spans))
    if not parts:
        return
    sizes = [int((spans.stops[part] - spans.starts[part]).sum()) for part in parts]
    room, longest = max(sizes), spans.longest
    counters = _counters(runs, lists, words, room, longest)
    table = classes.table()
    points, kinds = np.empty(room, np.uint32), np.empty(room, np.uint8)
    for number, part in enumerate(parts):
        bounds = np.empty(part.stop - part.start + 1, np.int64)
        segments.decode(found.data, spans.starts[part], spans.stops[part], table, points, kinds, bounds)
        for counter in counters:
            counter(points, kinds, bounds, spans.rows[part], number == len(parts) - 1)


def _counters(runs: Sequence[Run], lists: Mapping[str, WordList], cut: str, room: int, longest: int) -> list[Counter]:
    """One function per run of a kernel, over a chunk that is already segmented, with the scratch memory that it reuses."""
    made: list[Counter] = []
    scratch = Scratch(room, longest)
    if cut == "jieba" and any(run.kernel in (Kernel.WORDS, Kernel.WORD_NGRAMS) for run in runs):
        made.append(_han_words(scratch, room))
    word_ngrams = [run for run in runs if run.kernel is Kernel.WORD_NGRAMS]
    if word_ngrams and not any(run.kernel is Kernel.WORDS for run in runs):
        runs = [*runs, Run(Kernel.WORDS, {}, [])]
        runs[-1].counts = np.zeros((len(word_ngrams[0].counts), words.COLUMNS), np.int64)
    for run in runs:
        if run.kernel is Kernel.CHARACTERS:
            made.append(_characters(run))
        elif run.kernel is Kernel.DISTINCT:
            made.append(_distinct(run))
        elif run.kernel is Kernel.LINES:
            made.append(_lines(run, longest))
        elif run.kernel is Kernel.CHARACTER_NGRAMS:
            made.append(_character_ngrams(run, scratch))
        elif run.kernel is Kernel.WORDS:
            made.append(_words(run, lists.get(run.parameters.get("list", ""), EMPTY), word_ngrams, scratch))
            word_ngrams = []  # every run of WORDS finds the same words
        elif run.kernel is Kernel.PHRASES:
            made.append(_phrases(run, lists.get(run.parameters["list"], EMPTY), room))
    return made


class Scratch:
    """What the kernels on words and repetition work in."""

    def __init__(self, room: int, longest: int) -> None:
        self.units, self.places = np.empty(room, np.uint64), np.empty(room + 1, np.int64)
        self.arrays = np.empty(longest, np.uint64), *(np.empty(longest, np.int32) for _ in range(3))
        self.begins = np.empty(0, np.uint8)
        self.table, self.base = np.zeros(_power_of_two(2 * longest), np.int32), np.zeros(1, np.int64)


def _han_words(scratch: Scratch, room: int) -> Counter:
    scratch.begins = np.empty(room, np.uint8)
    finder = han_words.HanWords()
    return lambda p, k, b, r, last: finder.mark(p, k, b, scratch.begins)


def _characters(run: Run) -> Counter:
    return lambda p, k, b, r, last: characters.count_characters(k, b, r, run.counts)


def _distinct(run: Run) -> Counter:
    state = np.zeros(0x110000, np.int32), np.empty(0x110000, np.int32), np.array([-1, 0], np.int64)
    entropy_sum = np.zeros(len(run.counts))
    distinct = np.zeros(len(entropy_sum), np.int64)

    def count(p: np.ndarray, k: np.ndarray, b: np.ndarray, r: np.ndarray, last: bool) -> None:
        characters.count_distinct(p, k, b, r, last, *state, distinct, entropy_sum)
        if last:
            run.counts = np.stack([distinct, entropy_sum.view(np.int64)], axis=1)

    return count


def _lines(run: Run, longest: int) -> Counter:
    half = longest // 2 + 1  # a line has a character and a newline
    held = tuple(np.empty(half, kind) for kind in (np.uint64, np.int64, np.uint64, np.int64))
    table = np.empty(_power_of_two(2 * half), np.int32)
    short = run.parameters.get("chars", 0)
    return lambda p, k, b, r, last: lines.count_lines(p, k, b, r, short, held, table, run.counts)


def _character_ngrams(run: Run, scratch: Scratch) -> Counter:
    lengths = _lengths(run)

    def count(p: np.ndarray, k: np.ndarray, b: np.ndarray, r: np.ndarray, last: bool) -> None:
        unit_bounds = np.empty_like(b)
        ngrams.character_units(p, k, b, scratch.units, scratch.places, unit_bounds)
        _repetition(run, lengths, unit_bounds, r, scratch)

    return count


def _words(run: Run, stop_words: WordList, repeated: Sequence[Run], scratch: Scratch) -> Counter:
    stops = words.stop_table(list(stop_words.words))
    lengths = [_lengths(other) for other in repeated]

    def count(p: np.ndarray, k: np.ndarray, b: np.ndarray, r: np.ndarray, last: bool) -> None:
        token_bounds = np.empty_like(b)
        words.count_words(p, k, b, r, scratch.begins, *stops, scratch.units, scratch.places, token_bounds, run.counts)
        for other, wanted in zip(repeated, lengths):
            _repetition(other, wanted, token_bounds, r, scratch)

    return count


def _phrases(run: Run, listed: WordList, room: int) -> Counter:
    finder = phrases.Phrases(listed, run.parameters["match"], room)
    return lambda p, k, b, r, last: finder.count(p, k, b, r, run.counts)


def _repetition(run: Run, lengths: np.ndarray, bounds: np.ndarray, rows: np.ndarray, scratch: Scratch) -> None:
    ngrams.count_ngrams(
        scratch.units, scratch.places, bounds, rows, lengths, scratch.arrays, scratch.table, scratch.base, run.counts
    )


def _lengths(run: Run) -> np.ndarray:
    """Which n-grams a run of a repetition kernel looks for: `wanted` of count_ngrams."""
    lengths = np.zeros(ngrams.LONGEST + 1, np.uint8)
    for metric in run.metrics:
        if metric.ngram:
            lengths[metric.ngram[0]] |= metric.ngram[1]
    return lengths


def _power_of_two(least: int) -> int:
    return 1 << max(least - 1, 3).bit_length()


def _value(metric: Metric, runs: Mapping[Kernel, Run], valid: np.ndarray) -> pa.Array:
    """A metric's counts of every row, divided if it is no count itself."""
    top = _sum(metric.count, runs)
    if metric.kind == "count":
        return pa.array(np.minimum(top, 0x7FFFFFFF).astype(np.int32), mask=~valid)
    bottom = _sum(metric.over, runs)
    measured = valid & (bottom > 0)
    divisor = np.where(measured, bottom, 1)
    value = top / divisor if metric.kind != "nats" else np.log(divisor) - top.view(np.float64) / divisor
    return pa.array(value.astype(np.float32), mask=~measured)


def _sum(columns: Sequence[tuple[Kernel, int]], runs: Mapping[Kernel, Run]) -> np.ndarray:
    (kernel, column), *others = columns
    total = np.ascontiguousarray(runs[kernel].counts[:, column])
    for kernel, column in others:
        total = total + runs[kernel].counts[:, column]
    return total
