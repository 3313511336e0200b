"""Measure a string column: segment it once, run the kernels that the asked metrics need, divide their counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from curator.metrics import characters, classes, lines, ngrams, segments, words
from curator.metrics.catalogue import METRICS, Kernel, Metric, parameters_of

Counts = dict[Kernel, np.ndarray]


def measure(
    column: pa.Array,
    names: Sequence[str],
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    stop_words: Sequence[str] = (),
    piece_bytes: int = segments.PIECE_BYTES,
) -> dict[str, pa.Array]:
    """A value per row for each metric, null where the text is null or there is nothing to divide by.

    `parameters` are by metric; `stop_words` are the words of the list that the metrics on stop words name.
    """
    found = segments.texts(column)
    wanted = [METRICS[name] for name in names]
    counts = _count(found, wanted, parameters_of(names, parameters or {}), stop_words, piece_bytes)
    return {name: _value(METRICS[name], counts, found.valid) for name in names}


def warm(names: Sequence[str]) -> None:
    """Compile, or read from the cache, every kernel that these metrics need; once, before workers start."""
    measure(pa.array(["warm warm\nwarm warm"]), names)


def _count(
    found: segments.Texts, wanted: Sequence[Metric], parameters: Mapping[str, Any], stop_words: Sequence[str], piece_bytes: int
) -> Counts:
    kernels = {kernel for metric in wanted for kernel in metric.kernels}
    out = {kernel: np.zeros((found.rows, kernel.columns), np.int64) for kernel in kernels}
    spans = segments.spans(found, piece_bytes)
    parts = list(segments.chunks(spans))
    if not parts:
        return out
    sizes = [int((spans.stops[part] - spans.starts[part]).sum()) for part in parts]
    room, longest = max(sizes), spans.longest
    counters = _counters(kernels, out, wanted, parameters, stop_words, room, longest)
    table = classes.table()
    points, kinds = np.empty(room, np.uint32), np.empty(room, np.uint8)
    for number, part in enumerate(parts):
        bounds = np.empty(part.stop - part.start + 1, np.int64)
        segments.decode(found.data, spans.starts[part], spans.stops[part], table, points, kinds, bounds)
        for counter in counters:
            counter(points, kinds, bounds, spans.rows[part], number == len(parts) - 1)
    return out


def _counters(
    kernels: set[Kernel],
    out: Counts,
    wanted: Sequence[Metric],
    parameters: Mapping[str, Any],
    stop_words: Sequence[str],
    room: int,
    longest: int,
) -> list[Any]:
    """One function per kernel, over a chunk that is already segmented, each with the scratch memory that it reuses."""
    chosen: list[Any] = []
    table = np.zeros(_power_of_two(2 * longest), np.int32)
    if Kernel.CHARACTERS in kernels:
        chosen.append(lambda p, k, b, r, last: characters.count_characters(k, b, r, out[Kernel.CHARACTERS]))
    if Kernel.DISTINCT in kernels:
        state = np.zeros(0x110000, np.int32), np.empty(0x110000, np.int32), np.array([-1, 0], np.int64)
        entropy_sum = np.zeros(len(out[Kernel.DISTINCT]))
        distinct = np.zeros(len(entropy_sum), np.int64)

        def count_distinct(p: np.ndarray, k: np.ndarray, b: np.ndarray, r: np.ndarray, last: bool) -> None:
            characters.count_distinct(p, k, b, r, last, *state, distinct, entropy_sum)
            if last:
                out[Kernel.DISTINCT] = np.stack([distinct, entropy_sum.view(np.int64)], axis=1)

        chosen.append(count_distinct)
    if Kernel.LINES in kernels:
        half = longest // 2 + 1  # a line has a character and a newline
        held = tuple(np.empty(half, kind) for kind in (np.uint64, np.int64, np.uint64, np.int64))
        line_table = np.empty(_power_of_two(2 * half), np.int32)
        short = parameters.get("chars", 0)
        chosen.append(lambda p, k, b, r, last: lines.count_lines(p, k, b, r, short, held, line_table, out[Kernel.LINES]))
    units, places = np.empty(room, np.uint64), np.empty(room + 1, np.int64)
    scratch = np.empty(longest, np.uint64), *(np.empty(longest, np.int32) for _ in range(3))
    base = np.zeros(1, np.int64)

    def repetition(kernel: Kernel, b: np.ndarray, r: np.ndarray) -> None:
        lengths = _lengths(wanted, kernel)
        ngrams.count_ngrams(units, places, b, r, lengths, scratch, table, base, out[kernel])

    if Kernel.CHARACTER_NGRAMS in kernels:

        def count_character_ngrams(p: np.ndarray, k: np.ndarray, b: np.ndarray, r: np.ndarray, last: bool) -> None:
            unit_bounds = np.empty_like(b)
            ngrams.character_units(p, k, b, units, places, unit_bounds)
            repetition(Kernel.CHARACTER_NGRAMS, unit_bounds, r)

        chosen.append(count_character_ngrams)
    if kernels & {Kernel.WORDS, Kernel.WORD_NGRAMS}:
        stops = words.stop_table(list(stop_words))
        counted = out.get(Kernel.WORDS)
        counted = np.zeros((len(out[Kernel.WORD_NGRAMS]), words.COLUMNS), np.int64) if counted is None else counted

        def count_words(p: np.ndarray, k: np.ndarray, b: np.ndarray, r: np.ndarray, last: bool) -> None:
            token_bounds = np.empty_like(b)
            words.count_words(p, k, b, r, *stops, units, places, token_bounds, counted)
            if Kernel.WORD_NGRAMS in kernels:
                repetition(Kernel.WORD_NGRAMS, token_bounds, r)

        chosen.append(count_words)
    return chosen


def _lengths(wanted: Sequence[Metric], kernel: Kernel) -> np.ndarray:
    lengths = np.zeros(ngrams.LONGEST + 1, np.uint8)
    for metric in wanted:
        if metric.ngram and kernel in metric.kernels:
            lengths[metric.ngram[0]] |= metric.ngram[1]
    return lengths


def _power_of_two(least: int) -> int:
    return 1 << max(least - 1, 3).bit_length()


def _value(metric: Metric, counts: Counts, valid: np.ndarray) -> pa.Array:
    """A metric's counts of every row, divided if it is no count itself."""
    top = _sum(metric.count, counts)
    if metric.kind == "count":
        return pa.array(np.minimum(top, 0x7FFFFFFF).astype(np.int32), mask=~valid)
    bottom = _sum(metric.over, counts)
    measured = valid & (bottom > 0)
    divisor = np.where(measured, bottom, 1)
    value = top / divisor if metric.kind != "nats" else np.log(divisor) - top.view(np.float64) / divisor
    return pa.array(value.astype(np.float32), mask=~measured)


def _sum(columns: Sequence[tuple[Kernel, int]], counts: Counts) -> np.ndarray:
    (kernel, column), *others = columns
    total = np.ascontiguousarray(counts[kernel][:, column])
    for kernel, column in others:
        total = total + counts[kernel][:, column]
    return total
