"""What a classifier goes by, in words: the tokens, pairs and triples that tell most texts of each class from the other."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from curator.han import variants
from curator.quality.scoring import Scorer

WINDOWS = 20_000  # of each class that are looked at
RARE = 3  # windows in which a feature must be


def top_features(scorer: Scorer, positive: Sequence[bytes], negative: Sequence[bytes], most: int = 40) -> dict[str, Any]:
    """For each class the features that move it most: weight times the share of its windows that have it. Each with its weight
    (in log odds, if a text were nothing else) and the shares of windows of both classes. In simplified characters, because the
    model knows no others."""
    sides = [_counted(windows[:WINDOWS], scorer.ngrams) for windows in (positive, negative)]
    sizes = [max(min(len(windows), WINDOWS), 1) for windows in (positive, negative)]
    names = sorted({name for side in sides for name, count in side.items() if count >= RARE})
    weights = scorer.weights([name.split(b" ") for name in names])
    shares = np.array([[side[name] / size for name in names] for side, size in zip(sides, sizes)]).reshape(2, -1)
    found = {}
    for label, sign, share in (("positive", 1, shares[0]), ("negative", -1, shares[1])):
        force = np.nan_to_num(sign * weights * share, nan=-1.0)
        best = sorted(np.flatnonzero(force > 0), key=lambda i: (-force[i], names[i]))[:most]
        found[label] = [
            {
                "text": _readable(names[i]),
                "weight": round(float(weights[i]), 3),
                "positive": round(float(shares[0][i]), 4),
                "negative": round(float(shares[1][i]), 4),
            }
            for i in best
        ]
    return found


def _counted(windows: Sequence[bytes], ngrams: int) -> Counter[bytes]:
    """In how many windows each n-gram is."""
    counts: Counter[bytes] = Counter()
    for window in windows:
        tokens = window.split(b" ")
        grams = set(tokens)
        for n in range(2, ngrams + 1):
            grams.update(b" ".join(gram) for gram in zip(*(tokens[i:] for i in range(n))))
        counts.update(grams)
    return counts


@functools.cache
def _common() -> dict[int, str]:
    """Of each class of variants, which the model knows by its first character, the one that simplified text is written with."""
    import opencc  # here, because it reads dictionaries

    simplified = opencc.OpenCC("t2s").convert
    classes: dict[str, list[str]] = {}
    for character, first in variants().items():
        classes.setdefault(first, []).append(character)
    plainest = functools.partial(min, key=lambda c: (not "\u4e00" <= c <= "\u9fff", simplified(c) != c, c))
    return {ord(first): plainest(members) for first, members in classes.items()}


def _readable(name: bytes) -> str:
    tokens = name.decode("utf-8", "replace").split(" ")
    text = tokens[0]
    for before, token in pairwise(tokens):
        spaced = before[-1].isalnum() and token[0].isalnum() and before[-1] < "\u2e80" and token[0] < "\u2e80"
        text += (" " if spaced else "") + token
    return text.translate(_common())
