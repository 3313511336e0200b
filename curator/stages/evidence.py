"""What the characters of a text say about its language, without a model.

Every character belongs to a class; a text is the histogram of its classes, and every question about it a weighted sum of that
histogram: how many letters of each script, how many that only Hans, only Hant or only Japanese writes, how much a Cantonese,
a Mandarin or a classical function word weighs. All weights are multiples of 1/8, so that sums are exact in any order.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curator.stages.script import SCRIPTS, scripts, variants

VARIETIES = ("mandarin", "cantonese", "wu", "modern", "classical")  # the kinds of function_words.txt
TRAITS = (
    *SCRIPTS,
    "Hans",  # only simplified Chinese writes it
    "Hant",
    "shinjitai",  # kanji that Chinese does not write
    "foreign_to_japanese",  # Han characters outside level 1 of JIS X 0208: 们 很 你 國
    "kanji_as_in_hans",  # simplified, and Japanese writes it like that: 学 国
    "kanji_as_in_hant",  # traditional, and Japanese writes it like that: 東 業
    "nom",  # Han characters beyond the basic plane that Hong Kong does not encode: most are Vietnamese chữ Nôm
    "marks",  # ， and 。, which Korean does not write
    *VARIETIES,
)
LETTERS = slice(0, len(SCRIPTS))  # the traits that count letters
_AT = {name: i for i, name in enumerate(TRAITS)}
_LAST = 0x110000


@dataclass(frozen=True)
class _Classes:
    of: np.ndarray  # code point -> class
    count: int
    weighing: tuple[tuple[int, int, float], ...]  # class, trait, weight
    opens: np.ndarray  # code point -> whether a pair begins with it
    closes: np.ndarray  # or ends
    pairs: np.ndarray  # sorted: first code point << 21 | second
    pair_trait: np.ndarray  # pair x as many kinds as a pair speaks for, those that it lacks with weight 0
    pair_weight: np.ndarray


def profiles(pieces: Sequence[str]) -> np.ndarray:
    """A row per piece, a column per trait."""
    classes = _classes()
    count = classes.count
    if not pieces:
        return np.zeros((0, len(TRAITS)))
    joined = "\n".join(pieces) + "\n"
    points = np.frombuffer(joined.encode("utf-32-le", "replace"), np.uint32)
    row = np.repeat(np.arange(len(pieces)), [len(piece) + 1 for piece in pieces])
    cells = classes.of[points] * np.int64(len(pieces)) + row
    histogram = np.bincount(cells, minlength=count * len(pieces)).reshape(count, len(pieces))
    by_trait = np.zeros((len(TRAITS), len(pieces)))
    for (
        each,
        trait,
        weight,
    ) in classes.weighing:  # few; a product of matrices would wake BLAS
        by_trait[trait] += weight * histogram[each]
    first = np.flatnonzero(classes.opens[points[:-1]] & classes.closes[points[1:]])
    keys = points[first].astype(np.int64) << 21 | points[first + 1]
    place = np.searchsorted(classes.pairs, keys)  # the last key is larger than any: no place is beyond the end
    same = classes.pairs[place] == keys
    cells, weights = classes.pair_trait[place[same]] * len(pieces) + row[first[same], None], classes.pair_weight[place[same]]
    by_trait += np.bincount(cells.ravel(), weights.ravel(), by_trait.size).reshape(by_trait.shape)
    for name in VARIETIES:  # corrections of pairs may outweigh what they correct
        np.maximum(by_trait[_AT[name]], 0.0, out=by_trait[_AT[name]])
    return by_trait.T


def column(found: np.ndarray, *names: str) -> np.ndarray:
    """The sum of some traits, a number per row."""
    return functools.reduce(np.add, (found[..., _AT[name]] for name in names))


@functools.cache
def function_words() -> dict[str, dict[str, float]]:
    """Word -> kind -> weight, out of function_words.txt."""
    words: dict[str, dict[str, float]] = defaultdict(dict)
    for line in _lines("function_words.txt"):
        kind, weight, *items = line.split(" ")
        for item in items:
            words[item.replace("\\n", "\n")][kind] = float(weight)
    return dict(words)


@functools.cache
def shinjitai() -> str:
    """Kanji that Chinese does not write."""
    (line,) = _lines("japanese.txt")
    return line


def _lines(name: str) -> list[str]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@functools.cache
def kanji() -> frozenset[str]:
    """The 2,965 characters of JIS X 0208, level 1: all that Japanese writes but rare words, and the newer name characters."""
    rows = (bytes((row, cell)) for row in range(0xB0, 0xD0) for cell in range(0xA1, 0xFF))
    return frozenset(char for pair in rows if (char := pair.decode("euc_jp", "ignore")))


@functools.cache
def _hong_kong() -> frozenset[str]:
    """Han characters beyond the basic plane in HKSCS: those of Cantonese, and of names."""
    pairs = (bytes((lead, trail)) for lead in range(0x87, 0xFF) for trail in (*range(0x40, 0x7F), *range(0xA1, 0xFF)))
    return frozenset(char for pair in pairs if len(char := pair.decode("big5hkscs", "ignore")) == 1 and char > "\U0001ffff")


@functools.cache
def _classes() -> _Classes:
    script_of = scripts()
    han = SCRIPTS.index("Hani") + 1  # scripts() counts from 1, 0 being no letter
    plain = np.zeros((len(SCRIPTS) + 3, len(TRAITS)))
    plain[1 : len(SCRIPTS) + 1, : len(SCRIPTS)] = np.eye(len(SCRIPTS))
    foreign, nom = len(SCRIPTS) + 1, len(SCRIPTS) + 2
    plain[[foreign, nom], _AT["Hani"]] = plain[[foreign, nom], _AT["foreign_to_japanese"]] = 1
    plain[nom, _AT["nom"]] = 1
    of = script_of.astype(np.uint16)
    of[of == han] = foreign
    of[0x20000:][of[0x20000:] == foreign] = nom

    traits = _traits_of_characters()
    weights = [tuple(row) for row in plain]
    classes = {row: i for i, row in enumerate(weights)}
    for char, own in traits.items():
        row = [0.0] * len(TRAITS)
        if script := int(script_of[ord(char)]):
            row[script - 1] = 1.0
        for name, weight in own.items():
            row[_AT[name]] = weight
        of[ord(char)] = classes.setdefault(tuple(row), len(classes))

    pairs = {word: kinds for word, kinds in function_words().items() if len(word) == 2}
    most = max(len(kinds) for kinds in pairs.values())
    ordered = sorted(pairs)
    keys = np.array([ord(a) << 21 | ord(b) for a, b in ordered] + [np.iinfo(np.int64).max], np.int64)
    trait, weight = np.zeros((len(keys), most), np.intp), np.zeros((len(keys), most))
    for i, word in enumerate(ordered):
        for j, (kind, value) in enumerate(sorted(pairs[word].items())):
            trait[i, j], weight[i, j] = _AT[kind], value
    opens, closes = np.zeros(_LAST, bool), np.zeros(_LAST, bool)
    opens[[ord(word[0]) for word in ordered]] = True
    closes[[ord(word[1]) for word in ordered]] = True
    weighing = tuple((i, at, weight) for row, i in classes.items() for at, weight in enumerate(row) if weight)
    return _Classes(of, len(classes), weighing, opens, closes, keys, trait, weight)


def _traits_of_characters() -> dict[str, dict[str, float]]:
    """What is known of single characters beside their script."""
    simplified, traditional = variants()
    japanese, only_japanese = kanji(), set(shinjitai())
    function = {word: kinds for word, kinds in function_words().items() if len(word) == 1}
    traits: dict[str, dict[str, float]] = {}
    for char in {*simplified, *traditional, *japanese, *only_japanese, *function, *_hong_kong()}:
        own = dict(function.get(char, {}))
        if int(scripts()[ord(char)]) == SCRIPTS.index("Hani") + 1:
            if char not in japanese:
                own["foreign_to_japanese"] = 1.0
            if char in only_japanese:
                own["shinjitai"] = 1.0
        for name, these, shared in (("Hans", simplified, "kanji_as_in_hans"), ("Hant", traditional, "kanji_as_in_hant")):
            if char in these:
                own[name] = 1.0
                if char in japanese:
                    own[shared] = 1.0
        traits[char] = own
    return traits | {mark: {"marks": 1.0} for mark in "，。"}
