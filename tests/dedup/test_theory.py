"""Recall and precision on real texts, against the exact Jaccard similarity of every pair.

A pair of similarity s is to be found with the probability 1 - (1 - s**rows)**bands. Pairs that share a text are not
independent, so the bounds are those of a set of pairs in which every text is once: how many of these are found follows a
Poisson binomial distribution, and must not lie where its tail is below one in 10,000. `pytest tests/dedup/test_theory.py -s`
prints the table: set, threshold, bands, hashing, pairs above the threshold, recall and precision (those of theory).
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from curator.dedup.folding import IGNORED, UNIT, WORD, character_class
from curator.dedup.signing import Signing

pytestmark = pytest.mark.data
RARE = 1e-4
Pairs = dict[tuple[int, int], float]  # and the similarity of each

TEXTS: dict[str, Callable[[Path, Callable[[str], list[dict]]], list[str]]] = {
    "course": lambda root, data: [d["text"] for d in data("dedup/parkr_ndd_100.docs.jsonl")],
    "pages": lambda root, data: [d["gold"] for d in data("html_gold/gold.jsonl")],
    "news": lambda root, data: [d["text"] for d in data("dedup/mccormick_1000.docs.jsonl")],
    "crawl": lambda root, data: [d["text"] for d in data("text/hplt_raw_zh_web.jsonl")],
    "editions": lambda root, data: [part for text in editions(root) for part in paragraphs(text)],
}


def editions(root: Path) -> list[str]:
    """The same book three times: two transcriptions, and a web page whose character references make its paragraphs differ."""
    texts = [path.read_bytes().decode("utf-8", "replace") for path in sorted((root / "books").glob("gitenberg_3261_*"))]
    assert len(texts) == 3
    return [re.sub(r"<[^>]*>", "", re.sub(r"</?p\b[^>]*>", "\n\n", t)) for t in texts]


def paragraphs(text: str) -> list[str]:
    return [part for part in re.split(r"\r?\n\s*\n", text) if len(part.split()) >= 40]


@functools.cache
def folded(character: str) -> tuple[int, str]:
    normal = character.casefold()
    return (character_class(normal), normal) if len(normal) == 1 else (WORD, normal)


def shingles(text: str, size: int = 5) -> frozenset[tuple[str, ...]]:
    found: list[str] = []
    word = ""
    for kind, character in map(folded, unicodedata.normalize("NFKC", text) + " "):
        if kind == WORD:
            word += character
        elif kind != IGNORED:
            found += [word] if word else []
            found += [character] if kind == UNIT else []
            word = ""
    return frozenset(zip(*(found[i:] for i in range(size))))


def similarities(sets: list[frozenset]) -> Pairs:
    """The Jaccard similarity of all pairs that share anything."""
    numbers: dict[tuple, int] = {}
    columns = [numbers.setdefault(shingle, len(numbers)) for each in sets for shingle in each]
    sizes = np.array([len(each) for each in sets])
    held = csr_matrix((np.ones(len(columns), np.int32), columns, np.append(0, np.cumsum(sizes))), (len(sets), len(numbers)))
    shared = (held @ held.T).tocoo()
    return {
        (int(i), int(j)): float(n / (sizes[i] + sizes[j] - n)) for i, j, n in zip(shared.row, shared.col, shared.data) if i < j
    }


def meet(signing: Signing, texts: list[str]) -> set[tuple[int, int]]:
    bands = np.array(signing.signed(pa.array(texts))["bands"].to_pylist(), np.uint64)
    found = set()
    for column in bands.T:
        holders: dict[int, list[int]] = {}
        for i, value in enumerate(column.tolist()):
            holders.setdefault(value, []).append(i)
        found |= {pair for having in holders.values() for pair in itertools.combinations(having, 2)}
    return found


def once_each(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first of the pairs of which no text is in an earlier one."""
    taken: set[int] = set()
    chosen = []
    for pair in pairs:
        if taken.isdisjoint(pair):
            taken.update(pair)
            chosen.append(pair)
    return chosen


def tail(chances: list[float], hits: int) -> float:
    """The probability that as few as `hits`, or as many, of independent events of these probabilities come true."""
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, [1 - chance, chance])
    return min(1.0, float(distribution[: hits + 1].sum()), float(distribution[hits:].sum()))


@pytest.fixture(scope="module")
def measured(data_root, data) -> Callable[[str], tuple[list[str], Pairs]]:
    """Texts of a set with different shingles, and the similarities of their pairs."""

    @functools.cache
    def of(name: str) -> tuple[list[str], Pairs]:
        distinct = {found: text for text in TEXTS[name](data_root, data) if (found := shingles(text))}
        return list(distinct.values()), similarities(list(distinct))

    return of


LONG = ("pages", "news", "crawl")


@pytest.mark.parametrize("hashing", ["oph", "kminhash"])
@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in LONG else []) for n in TEXTS])
def test_recall_and_precision_are_within_the_bounds_of_theory(
    measured, name: str, threshold: float, hashing: Literal["oph", "kminhash"]
):
    texts, similar = measured(name)
    signing = Signing(threshold=threshold, hashing=hashing)
    bands, rows = signing.banding
    found = meet(signing, texts)
    chance = {pair: 1 - (1 - s**rows) ** bands for pair, s in similar.items()}
    by_similarity = sorted(similar, key=lambda pair: (-similar[pair], pair))
    above = [pair for pair in by_similarity if similar[pair] >= threshold]
    below = [pair for pair in by_similarity if similar[pair] < threshold]

    hits, expected = len(found.intersection(above)), sum(chance[p] for p in above)
    share = expected / (expected + sum(chance[p] for p in below))
    print(
        f"| {name} | {threshold} | {bands} x {rows} | {hashing} | {len(above)} "
        f"| {hits / len(above):.3f} ({expected / len(above):.3f}) | {hits / len(found):.3f} ({share:.3f}) |"
    )
    for pairs in (above, below):
        independent = once_each([p for p in pairs if chance[p] > 1e-6])
        assert tail([chance[p] for p in independent], len(found.intersection(independent))) > RARE
    assert found <= similar.keys()  # what shares nothing never meets
