"""What is asked of a model about a stretch of tokens: what it is given, and what it must say, token by token.

Nothing but numpy: every function draws from the generator that it is given, so that an example is made of its seed alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from curator.train.architectures.config import ObjectivesConfig

# Ids behind the vocabulary, of which no text has any; the sentinels follow, one for each span of a sequence
START, END, MASK, SENTINELS = 0, 1, 2, 3


class Example(NamedTuple):
    """The source, the target's inputs, and the target, as long as them. `places`: GLM's two positions of every token of source
    and inputs (2 x length): where it stands, or for a blank where its mask stands; and its number within the blank, from 1."""

    source: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    places: np.ndarray


def noise_of(tokens: int, config: ObjectivesConfig) -> tuple[int, int]:
    """How many of so many tokens are hidden, and in how many spans of T5's."""
    hidden = min(max(1, round(tokens * config.noise)), tokens - 1)
    spans = max(1, min(round(hidden / config.span), hidden, tokens - hidden))
    return hidden, spans


def most_blanks(hidden: int, tokens: int) -> int:
    """More of GLM's blanks than this there are never: a row has room for as many."""
    return max(1, min(math.ceil(hidden / 2), tokens - hidden))


def language(ids: np.ndarray) -> Example:
    return _example(ids[:0], ids[:-1], ids[1:])


def prefix(ids: np.ndarray, first: int, rng: np.random.Generator, least: int, most: int) -> Example:
    """Cut after `least` to `most` tokens, evenly drawn."""
    cut = int(rng.integers(least, most + 1))
    return _example(ids[:cut], _shifted(ids[cut:], first), ids[cut:])


def spans(ids: np.ndarray, first: int, config: ObjectivesConfig, rng: np.random.Generator) -> Example:
    """T5's: hidden and kept stretches in turn, a kept one first, their lengths evenly drawn among all with these sums."""
    hidden, count = noise_of(len(ids), config)
    lengths = np.stack((_parts(len(ids) - hidden, count, rng), _parts(hidden, count, rng)), axis=1).ravel()
    stretches = np.split(ids, np.cumsum(lengths)[:-1])
    source, target = [], []
    for number in range(count):
        sentinel = [first + SENTINELS + number]
        source += [stretches[2 * number], sentinel]
        target += [sentinel, stretches[2 * number + 1]]
    targets = np.concatenate((*target, [first + END]))
    return _example(np.concatenate((*source, [first + END])), _shifted(targets, first), targets)


def blanks(ids: np.ndarray, first: int, config: ObjectivesConfig, rng: np.random.Generator) -> Example:
    """GLM's: the lengths are Poisson's, until enough is hidden; blanks never touch, and are asked for in random order. The last
    that there may be takes what is left to hide."""
    hidden, _ = noise_of(len(ids), config)
    most = most_blanks(hidden, len(ids))
    lengths: list[int] = []
    while (left := hidden - sum(lengths)) > 0:
        length = int(rng.poisson(config.span)) if len(lengths) < most - 1 else left
        lengths += [min(length, left)] if length else []
    count = len(lengths)
    kept = len(ids) - hidden
    # what stands before each blank and after the last: between two at least one token, at the ends perhaps none
    gaps = _parts(kept + 2, count + 1, rng)
    gaps[[0, -1]] -= 1
    begins = np.cumsum(gaps[:-1]) + np.cumsum([0, *lengths[:-1]])
    source, at = [], 0
    for begin, length in zip(begins, lengths):
        source += [ids[at:begin], [first + MASK]]
        at = begin + length
    given = np.concatenate((*source, ids[at:]))
    masks = np.flatnonzero(given == first + MASK)
    inputs, targets, places = [], [], [np.stack((np.arange(len(given)), np.zeros(len(given))))]
    for number in rng.permutation(count):
        blank = ids[begins[number] : begins[number] + lengths[number]]
        inputs += [[first + START], blank]
        targets += [blank, [first + END]]
        places.append(np.stack((np.full(len(blank) + 1, masks[number]), 1 + np.arange(len(blank) + 1))))
    return Example(given, np.concatenate(inputs), np.concatenate(targets), np.concatenate(places, axis=1).astype(np.int64))


def _example(source: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> Example:
    """One after the other, for GLM's positions a single blank behind the source; without a source, text."""
    length = len(inputs)
    if not len(source):
        return Example(source, inputs, targets, np.stack((np.arange(length), np.zeros(length, dtype=np.int64))))
    before = np.stack((np.arange(len(source)), np.zeros(len(source), dtype=np.int64)))
    behind = np.stack((np.full(length, len(source)), 1 + np.arange(length)))
    return Example(source, inputs, targets, np.concatenate((before, behind), axis=1))


def _shifted(targets: np.ndarray, first: int) -> np.ndarray:
    return np.concatenate(([first + START], targets[:-1]))


def _parts(total: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`total` as a sum of `count` numbers of at least 1, each way as likely."""
    cuts = np.sort(rng.choice(total - 1, size=count - 1, replace=False)) + 1
    return np.diff(np.concatenate(([0], cuts, [total])))
