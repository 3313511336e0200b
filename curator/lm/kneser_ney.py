"""Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998), estimated as KenLM's `lmplz` does (Heafield et al. 2013).

What an n-gram of a lower order counts is not how often it occurs but how many different words stand before it, except where
it begins a sentence. Discounts follow from how many n-grams count 1, 2, 3 and 4; where a small or repetitive corpus gives
none, lmplz's fallback of 0.5, 1 and 1.5 is taken. All arithmetic is in single precision, in lmplz's order, so that the results
are the same numbers. One more thing is as there: the statistics for discounts take the plain count of the very last n-gram of
an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np

from curator.lm.counting import END, START, UNKNOWN, Counts, Packing

FALLBACK = (0.5, 1.0, 1.5)

_SUMS = 5
_LEAST = np.float32(-99.0)  # a backoff of nothing at all: readers refuse an infinite one


@dataclass
class Grams:
    """The n-grams of one order, sorted by their ends. `suffix` is where an n-gram without its first word stands in the order
    below, `context` where it stands without its last."""

    high: np.ndarray
    low: np.ndarray
    count: np.ndarray  # adjusted
    actual: np.ndarray
    suffix: np.ndarray
    context: np.ndarray
    probability: np.ndarray  # log10, once estimated
    backoff: np.ndarray  # log10
    kept: np.ndarray  # not pruned


@dataclass(frozen=True)
class Estimate:
    """A model: its words by number, the n-grams of every order, and how they were smoothed."""

    packing: Packing
    words: list[str]
    orders: list[Grams]
    discounts: list[tuple[float, float, float]]
    fallbacks: list[int]  # orders whose discounts could not be estimated

    @property
    def sizes(self) -> list[int]:
        return [int(np.count_nonzero(grams.kept)) for grams in self.orders]


def estimate(counts: Counts, folder: Path, prune: Sequence[int] = ()) -> Estimate:
    """Smooth counts. `prune` holds, from the bigrams up, the count up to which n-grams are left out; the last value goes on.
    Arrays are mapped from files in `folder`."""
    packing = counts.packing
    thresholds = [0, *prune]
    thresholds += [thresholds[-1]] * (packing.order - len(thresholds))
    orders, last_valid = _adjusted(counts, folder)
    for grams, threshold in zip(orders, thresholds):
        grams.kept[:] = grams.actual > threshold
    orders[0].kept[:] = True
    discounts, fallbacks = [], []
    for n, grams in enumerate(orders, 1):
        amounts = _discounts(_counts_of_counts(grams, n <= min(last_valid, packing.order - 1)))
        if amounts is None:
            fallbacks.append(n)
        discounts.append(np.array((0.0, *(amounts or FALLBACK)), np.float32))
    _interpolate(orders, discounts, len(counts.words), folder)
    shown = [tuple(float(amount) for amount in amounts[1:]) for amounts in discounts]
    return Estimate(packing, counts.words, orders, shown, fallbacks)  # pyright: ignore[reportArgumentType]


# ----------------------------------------------------------------------------------------------------- adjusted counts


def _adjusted(counts: Counts, folder: Path) -> tuple[list[Grams], int]:
    """The n-grams of every order with their adjusted counts; and up to which order the last of each is of one chain."""
    packing = counts.packing
    order, bits = packing.order, packing.bits
    sizes = _sizes(counts.high, counts.low, order, bits)
    sizes[0] += START + 1  # <unk> and <s> end no n-gram
    made = [_grams(folder, n, int(size)) for n, size in enumerate(sizes, 1)]
    made[0].high[START] = np.uint64(START) << np.uint64(64 - bits)
    made[0].actual[:END] = 1  # neither is pruned
    columns = [tuple(getattr(g, name) for g in made) for name in ("high", "low", "count", "actual", "suffix")]
    last_valid = _fill(counts.high, counts.low, counts.count, order, bits, *columns)
    made[1].context[:] = _first_words(made[1].high, made[1].low, 2, bits)  # of a unigram, the place is the number
    for n in range(3, order + 1):
        below, grams = made[n - 2], made[n - 1]
        lasts = np.searchsorted(below.high, np.arange(len(counts.words) + 1, dtype=np.uint64) << np.uint64(64 - bits))
        if len(counts.words) == packing.most_words:
            lasts[-1] = len(below.high)
        _find_contexts(grams.high, grams.low, bits, below.high, below.low, lasts.astype(np.int64), grams.context)
    return made, last_valid


def _grams(folder: Path, order: int, size: int) -> Grams:
    def column(name: str, kind: type) -> np.ndarray:
        return _mapped(folder / f"{order}.{name}", kind, (size,))

    return Grams(
        high=column("high", np.uint64),
        low=column("low", np.uint64),
        count=column("count", np.uint64),
        actual=column("actual", np.uint64),
        suffix=column("suffix", np.int64),
        context=column("context", np.int64),
        probability=column("probability", np.float32),
        backoff=column("backoff", np.float32),
        kept=column("kept", np.bool_),
    )


def _mapped(path: Path, kind: type, shape: tuple[int, ...]) -> np.ndarray:
    """An array of zeros in a file: what does not fit the memory is written back to it."""
    return np.asarray(np.lib.format.open_memmap(path, "w+", kind, shape)) if shape[0] else np.zeros(shape, kind)


@numba.njit(inline="always")
def word_at(high, low, place, bits):
    """The word at `place` of a key, the last being 0."""
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    end = bits * (place + 1)
    if end <= 64:
        return np.int64((high >> np.uint64(64 - end)) & mask)
    word = low >> np.uint64(128 - end)
    if end - bits < 64:
        word |= high << np.uint64(end - 64)
    return np.int64(word & mask)


@numba.njit(inline="always")
def _kept_bits(used):
    """The mask of the `used` most significant bits of a number."""
    if used <= 0:
        return np.uint64(0)
    if used >= 64:
        return ~np.uint64(0)
    return ~((np.uint64(1) << np.uint64(64 - used)) - np.uint64(1))


@numba.njit(inline="always")
def _shared(high, low, other_high, other_low, order, bits):
    """How many of their last words two n-grams share."""
    for place in range(order):
        if word_at(high, low, place, bits) != word_at(other_high, other_low, place, bits):
            return place
    return order


@numba.njit(inline="always")
def _longest(high, low, order, bits):
    """The longest suffix that is an n-gram of the model: no more than one <s>, in front."""
    for place in range(1, order):
        if word_at(high, low, place, bits) == START:
            return place + 1
    return order


@numba.njit(cache=True, nogil=True)
def _sizes(highs, lows, order, bits):
    sizes = np.zeros(order, np.int64)
    for i in range(len(highs)):
        shared = _shared(highs[i], lows[i], highs[i - 1], lows[i - 1], order, bits) if i else 0
        for n in range(shared + 1, _longest(highs[i], lows[i], order, bits) + 1):
            sizes[n - 1] += 1
    return sizes


@numba.njit(cache=True, nogil=True)
def _fill(highs, lows, counts, order, bits, high, low, count, actual, suffix):
    """`high` … `suffix` are tuples of arrays, one for each order. The last n-gram's longest suffix."""
    last = np.full(order, -1, np.int64)  # the place of the n-gram at hand in each order
    last[0] = START
    longest = 0
    for i in range(len(highs)):
        shared = _shared(highs[i], lows[i], highs[i - 1], lows[i - 1], order, bits) if i else 0
        longest = _longest(highs[i], lows[i], order, bits)
        for n in range(1, longest + 1):
            if n > shared:
                last[n - 1] += 1
                at = last[n - 1]
                high[n - 1][at] = highs[i] & _kept_bits(bits * n)
                low[n - 1][at] = lows[i] & _kept_bits(bits * n - 64)
                whole = n == order or word_at(highs[i], lows[i], n - 1, bits) == START
                count[n - 1][at] = counts[i] if whole else 1
                actual[n - 1][at] = counts[i]
                suffix[n - 1][at] = last[n - 2] if n > 1 else 0
            else:
                actual[n - 1][last[n - 1]] += counts[i]
                if n == shared:
                    count[n - 1][last[n - 1]] += 1
    return longest


@numba.njit(cache=True, nogil=True)
def _first_words(highs, lows, order, bits):
    found = np.empty(len(highs), np.int64)
    for i in range(len(highs)):
        found[i] = word_at(highs[i], lows[i], order - 1, bits)
    return found


@numba.njit(cache=True, nogil=True)
def _find_contexts(highs, lows, bits, below_high, below_low, lasts, found):
    """Where each n-gram without its last word stands in the order below: a binary search among those of its last word."""
    for i in range(len(highs)):
        high = (highs[i] << np.uint64(bits)) | (lows[i] >> np.uint64(64 - bits))
        low = lows[i] << np.uint64(bits)
        word = np.int64(high >> np.uint64(64 - bits))
        first = lasts[word]
        stop = lasts[word + 1]
        while first < stop:
            middle = (first + stop) // 2
            if below_high[middle] < high or (below_high[middle] == high and below_low[middle] < low):
                first = middle + 1
            else:
                stop = middle
        found[i] = first


# ----------------------------------------------------------------------------------------------------------- smoothing


def _counts_of_counts(grams: Grams, last_is_plain: bool) -> np.ndarray:
    """How many n-grams have an adjusted count of 0 to 4."""
    found = np.bincount(np.minimum(grams.count, 5).astype(np.int64), minlength=6)
    if last_is_plain:
        found[min(int(grams.count[-1]), 5)] -= 1
        found[min(int(grams.actual[-1]), 5)] += 1
    return found[:5]


def _discounts(n: np.ndarray) -> tuple[float, float, float] | None:
    """Chen and Goodman's equation 26; None where it has no answer."""
    if not n[1:4].all():
        return None
    y = np.float32(np.float64(np.float32(n[1])) / np.float64(np.float32(n[1] + 2.0 * n[2])))
    found = []
    for j in range(1, 4):
        share = np.float32(np.float32(j + 1) * y * np.float32(n[j + 1])) / np.float32(n[j])
        amount = np.float32(j) - share
        if not 0 <= amount <= j:
            return None
        found.append(float(amount))
    return found[0], found[1], found[2]


def _interpolate(orders: list[Grams], discounts: list[np.ndarray], words: int, folder: Path) -> None:
    uniform = np.float32(1.0) / np.float32(words - 1)  # <s> is never predicted
    first = orders[0]
    gamma, total = _unigram_mass(first.count, discounts[0])
    below = _unigrams(first.count, discounts[0], gamma, total, uniform)
    _set_logs(first.probability, below)
    for n, (grams, under, amounts) in enumerate(zip(orders[1:], orders, discounts[1:]), 2):
        size = len(under.count)
        sums = _mapped(folder / f"{n}.sums", np.int64, (size, _SUMS))
        gammas = _mapped(folder / f"{n}.gammas", np.float32, (size,))
        totals = _mapped(folder / f"{n}.totals", np.float32, (size,))
        _masses(grams.count, grams.kept, grams.context, amounts, sums, gammas, totals)
        _set_backoffs(under.backoff, gammas, totals)
        found = _mapped(folder / f"{n}.found", np.float32, (len(grams.count),))
        _probabilities(grams.count, grams.context, grams.suffix, amounts, gammas, totals, below, found)
        _set_logs(grams.probability, found)
        below = found
    first.backoff[UNKNOWN] = first.backoff[END] = 0.0


def _set_logs(into: np.ndarray, probability: np.ndarray) -> None:
    np.log10(probability, out=into)
    np.minimum(into, np.float32(0.0), out=into)


@numba.njit(cache=True, nogil=True)
def _mass(ones, twos, more, pruned, total, amounts):
    """What is left for lower orders: the discounts, and what pruned n-grams had."""
    gamma = np.float32(0.0)
    gamma += amounts[1] * np.float32(ones)
    gamma += amounts[2] * np.float32(twos)
    gamma += amounts[3] * np.float32(more)
    gamma += np.float32(pruned)
    return gamma / np.float32(total)


@numba.njit(cache=True, nogil=True)
def _unigram_mass(counts, amounts):
    seen = np.zeros(4, np.int64)
    total = np.int64(0)
    for count in counts:
        total += np.int64(count)
        seen[min(count, np.uint64(3))] += 1
    return _mass(seen[1], seen[2], seen[3], 0, total, amounts), np.float32(total)


@numba.njit(cache=True, nogil=True)
def _unigrams(counts, amounts, gamma, total, uniform):
    found = np.empty(len(counts), np.float32)
    for i in range(len(counts)):
        if i == UNKNOWN:
            found[i] = gamma * uniform
        elif i == START:
            found[i] = np.float32(1.0)
        else:
            own = (np.float32(counts[i]) - amounts[min(counts[i], np.uint64(3))]) / total
            found[i] = own + gamma * uniform
    return found


@numba.njit(cache=True, nogil=True)
def _masses(counts, kept, contexts, amounts, sums, gammas, totals):
    """The weight of lower orders after each context, and the sum of what follows it. `sums`: how many n-grams that follow
    count 1, 2 and more, what the pruned ones count, what all do."""
    for i in range(len(counts)):
        row = sums[contexts[i]]
        count = np.int64(counts[i])
        if kept[i]:
            row[min(count, 3) - 1] += 1
        else:
            row[3] += count
        row[4] += count
    for i in range(len(sums)):
        row = sums[i]
        gammas[i] = _mass(row[0], row[1], row[2], row[3], row[4], amounts) if row[4] else np.float32(1.0)
        totals[i] = np.float32(row[4])


def _set_backoffs(backoff: np.ndarray, gammas: np.ndarray, totals: np.ndarray) -> None:
    with np.errstate(divide="ignore"):
        np.log10(gammas, out=backoff)
    np.maximum(backoff, _LEAST, out=backoff)
    backoff[totals == 0] = 0.0


@numba.njit(cache=True, nogil=True)
def _probabilities(counts, contexts, suffixes, amounts, gammas, totals, below, found):
    for i in range(len(counts)):
        context = contexts[i]
        own = (np.float32(counts[i]) - amounts[min(counts[i], np.uint64(3))]) / totals[context]
        found[i] = own + gammas[context] * below[suffixes[i]]
