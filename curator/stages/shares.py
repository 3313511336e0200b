"""How a text's probability is shared among languages: a model's opinion, corrected by what the characters say.

Han characters, kana and hangul leave few languages to choose from, and those of other scripts make Chinese impossible; in both
lid.176 errs on short, Cantonese and classical lines. So this part of a text is shared out by rule, and the model decides
about the rest of it.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass

import numpy as np

from curator.stages.evidence import column
from curator.stages.labels import UNDETERMINED, ZH_FAMILY, language_code
from curator.stages.script import SCRIPTS

# A page of English has about four letters for each Han character of its translation (the Universal Declaration of Human Rights
# 3.7): what a letter outside Han, kana and hangul counts.
LETTER = 0.25
_OTHERS = tuple(name for name in SCRIPTS if name not in ("Hani", "Hira", "Kana", "Hang", "Bopo"))
# In function words of weight 1: what the model's view is worth
LIVING = 0.25  # of which living variety a text is
CLASSICAL = 0.125  # of whether it is classical, and 1 more
LONG_WORDS = 20  # for so many Han characters: modern prose, with its long words, may go as far without any
HEADLINE = 24  # Han characters: what goes further without any is rarely modern
FURTHER = 96  # and so 1 more for so many behind those
KOREAN = 0.25  # hangul for each Han character: text in both with fewer is rather Chinese (newspapers of the 1960s had .4)
SIMPLIFIED = 8  # as many simplified characters are worth one word of Mandarin: few write Cantonese or Wu so


@dataclass(frozen=True)
class Turn:
    """Labels of a model, and the index of the code of each, no code twice: what can be added at once."""

    label: np.ndarray
    code: np.ndarray


@dataclass(frozen=True)
class Codes:
    """The languages that can be told with a model: its own, and those that characters tell."""

    names: tuple[str, ...]
    of_label: tuple[Turn, ...]
    family: tuple[int, ...]
    zh: int
    yue: int
    wuu: int
    lzh: int
    ja: int
    ko: int
    vi: int
    und: int

    @classmethod
    def of(cls, labels: tuple[str, ...]) -> Codes:
        return _codes(labels)


@functools.lru_cache(maxsize=8)
def _codes(labels: tuple[str, ...]) -> Codes:
    own = [language_code(label) for label in labels]
    names = tuple(dict.fromkeys((*own, "zh", "yue", "wuu", "lzh", "ja", "ko", "vi", UNDETERMINED)))
    index = {name: i for i, name in enumerate(names)}
    turns: list[list[tuple[int, int]]] = []
    seen: Counter[str] = Counter()
    for label, name in enumerate(own):
        if seen[name] == len(turns):
            turns.append([])
        turns[seen[name]].append((label, index[name]))
        seen[name] += 1
    return Codes(
        names,
        tuple(Turn(*np.array(turn, np.intp).T) for turn in turns),
        tuple(i for i, name in enumerate(names) if name in ZH_FAMILY),
        *(index[name] for name in ("zh", "yue", "wuu", "lzh", "ja", "ko", "vi", UNDETERMINED)),
    )


def content(found: np.ndarray) -> np.ndarray:
    """How much each text says: its Han characters, kana and hangul, and a quarter of its other letters."""
    return column(found, "Hani", "Hira", "Kana", "Hang", "Bopo") + LETTER * column(found, *_OTHERS)


def shares(codes: Codes, by_label: np.ndarray, found: np.ndarray) -> np.ndarray:
    """A row per text, a column per language of `codes`, given the model's probabilities and the texts' profiles.

    The part of the content that is Han, kana and hangul belongs to East Asia; so does as much of the rest as the model
    says: names and figures in a Chinese sentence, not an English paragraph beside it. Without such a character there is
    no East Asian language, and what the model gave to one is undetermined.
    """
    model = np.zeros((len(found), len(codes.names)))
    for turn in codes.of_label:
        model[:, turn.code] += by_label[:, turn.label]
    asian = [*codes.family, codes.ja, codes.ko]
    opinion = model[:, asian].sum(axis=1)
    whole = content(found)
    east = column(found, "Hani", "Hira", "Kana", "Hang", "Bopo")
    part = np.divide(east, whole, out=np.zeros_like(whole), where=whole > 0)
    result = model * (1 - part)[:, None]
    result[:, asian] = 0
    result[:, codes.und] += np.where(part > 0, 0.0, opinion)
    asia = np.where(part > 0, part + (1 - part) * opinion, 0.0)
    family, japanese, korean, vietnamese = _east_asia(found)
    result[:, codes.ja] += asia * japanese
    result[:, codes.ko] += asia * korean
    result[:, codes.vi] += asia * vietnamese
    result[:, list(codes.family)] += (asia * family)[:, None] * _varieties(codes, model, found)
    return result


def _ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    both = one + other
    return np.divide(one, both, out=np.zeros_like(both), where=both > 0)


def _east_asia(found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The shares of Chinese, Japanese, Korean and Vietnamese in the Han characters, kana and hangul of each text.

    Hangul is Korean, and so are Han characters beside it, unless they are simplified, Mandarin function words, set apart by
    Chinese marks, or so many that a few names in Chinese are likelier: Korean has an ending every few characters. Kana and
    shinjitai are Japanese, and Han characters with them unless Japanese does not write them. Without either, simplified and
    traditional forms side by side are Japanese (東京大学) if it writes all of them so. Chữ Nôm is Vietnamese, with what is
    around it. All else is Chinese.
    """
    han, kana, hangul = column(found, "Hani", "Bopo"), column(found, "Hira", "Kana"), column(found, "Hang")
    foreign = column(found, "foreign_to_japanese")
    beside_hangul = han * _ratio(hangul, 4 * (column(found, "Hans", "mandarin", "marks") + kana) + KOREAN * han)
    both_forms = np.minimum(column(found, "kanji_as_in_hans"), column(found, "kanji_as_in_hant"))
    told = kana + 2 * column(found, "shinjitai") + np.where(foreign > 0, 0.0, both_forms)
    rest = han - beside_hangul + kana
    japanese = rest * _ratio(told, 2 * foreign)
    rest = rest - japanese
    nom = column(found, "nom")
    vietnamese = rest * _ratio(4 * nom, np.maximum(han - nom, 0))
    whole = han + kana + hangul
    scale = np.divide(1.0, whole, out=np.zeros_like(whole), where=whole > 0)
    return (rest - vietnamese) * scale, japanese * scale, (hangul + beside_hangul) * scale, vietnamese * scale


def _varieties(codes: Codes, model: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The shares of the varieties in what is Chinese, in the order of `codes.family`: function words, and the model's view."""
    family = list(codes.family)
    zh, yue, wuu, lzh = (family.index(code) for code in (codes.zh, codes.yue, codes.wuu, codes.lzh))
    view = model[:, family]
    view[view.sum(axis=1) == 0, zh] = 1.0
    view /= view.sum(axis=1, keepdims=True)
    han = column(found, "Hani")
    weight = CLASSICAL + np.minimum(han, HEADLINE) / LONG_WORDS + np.maximum(han - HEADLINE, 0) / FURTHER
    classical = column(found, "classical") + weight * view[:, lzh]
    living = column(found, "modern", "cantonese") + weight * (1 - view[:, lzh])
    is_classical = classical / (classical + living)
    view[:, lzh] = 0.0
    view *= LIVING
    view[:, zh] += column(found, "mandarin") + column(found, "Hans") / SIMPLIFIED
    view[:, yue] += column(found, "cantonese")
    view[:, wuu] += column(found, "wu")
    view[view.sum(axis=1) == 0, zh] = 1.0
    view *= ((1 - is_classical) / view.sum(axis=1))[:, None]
    view[:, lzh] = is_classical
    return view
