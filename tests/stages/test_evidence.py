"""The evidence of characters: classes and pairs against a slow twin, the lists against their sources, the labels of models."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curator.stages.evidence import TRAITS, VARIETIES, function_words, kanji, profiles, shinjitai
from curator.stages.labels import language_code
from curator.stages.script import SCRIPTS, scripts, variants

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))

SIMPLIFIED, TRADITIONAL = (set(chars) for chars in variants())
WORDS = "".join(function_words())


def slowly(piece: str) -> dict[str, float]:
    """What a text's profile should be, character by character."""
    found = dict.fromkeys(TRAITS, 0.0)
    padded = piece + "\n"
    for i, char in enumerate(padded):
        script = int(scripts()[ord(char)])
        if script:
            found[SCRIPTS[script - 1]] += 1
            if SCRIPTS[script - 1] == "Hani":
                found["foreign_to_japanese"] += char not in kanji()
                found["shinjitai"] += char in shinjitai()
                found["nom"] += ord(char) >= 0x20000 and not in_hong_kong(char) and not known(char)
        found["Hans"] += char in SIMPLIFIED
        found["Hant"] += char in TRADITIONAL
        found["kanji_as_in_hans"] += char in SIMPLIFIED and char in kanji()
        found["kanji_as_in_hant"] += char in TRADITIONAL and char in kanji()
        for word in {char, padded[i : i + 2]}:
            for kind, weight in function_words().get(word, {}).items():
                found[kind] += weight
    return {name: max(value, 0.0) for name, value in found.items()}


def in_hong_kong(char: str) -> bool:
    try:
        char.encode("big5hkscs")
    except UnicodeEncodeError:
        return False
    return True


def known(char: str) -> bool:
    """Characters that the lists speak of are no Nôm."""
    return char in SIMPLIFIED or char in TRADITIONAL or char in function_words()


TEXTS = st.text(
    st.one_of(
        st.sampled_from(WORDS + "，。也\n"),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
        st.characters(min_codepoint=0x20000, max_codepoint=0x20400),
        st.sampled_from("".join(sorted(SIMPLIFIED)) + "".join(sorted(TRADITIONAL)) + "ab あア한ㄅé９𠮶𡃉"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)


@given(st.lists(TEXTS, max_size=5))
@example(["", "關係喺關係", "也", "\U0010ffff"])
def test_profiles_equal_a_slow_twin(pieces: list[str]) -> None:
    found = profiles(pieces)
    assert found.shape == (len(pieces), len(TRAITS))
    for row, piece in zip(found, pieces):
        assert dict(zip(TRAITS, row.tolist())) == slowly(piece)


@given(st.lists(TEXTS, min_size=2, max_size=6), st.integers(1, 5))
def test_a_text_does_not_depend_on_its_neighbours(pieces: list[str], cut: int) -> None:
    assert np.array_equal(np.concatenate([profiles(pieces[:cut]), profiles(pieces[cut:])]), profiles(pieces))


def test_function_words_are_well_formed() -> None:
    for word, kinds in function_words().items():
        assert len(word) in (1, 2), word
        assert set(kinds) <= set(VARIETIES), word
        for weight in kinds.values():
            assert weight, word
            assert weight * 8 == int(weight * 8), f"{word}: sums are exact for multiples of 1/8 alone"
    for word in ("嘅", "的", "之", "侬"):
        assert max(function_words()[word].values()) > 0


def test_kanji_are_level_one() -> None:
    assert len(kanji()) == 2965
    assert {"亜", "腕", "国", "東"} <= kanji()
    assert not {"们", "很", "你", "國"} & kanji()
    assert all(unicodedata.name(char).startswith("CJK UNIFIED") for char in kanji())


def test_shinjitai_are_what_the_national_sets_say() -> None:
    from opencc import OpenCC

    convert = OpenCC("t2hk").convert
    hong_kong = {convert(chr(i)) for i in range(0x4E00, 0xA000) if convert(chr(i)) != chr(i)}

    def encodes(charset: str, char: str) -> bool:
        try:
            char.encode(charset)
        except UnicodeEncodeError:
            return False
        return True

    expected = {c for c in kanji() if not encodes("gb2312", c) and not encodes("cp950", c)} - hong_kong
    assert shinjitai() == "".join(sorted(expected))


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("zh", "zh"),
        ("zh-Hant", "zh"),
        ("zh_CN", "zh"),
        ("cmn_Hani", "zh"),
        ("zho_Hans", "zh"),
        ("yue_Hani", "yue"),
        ("yue_Hant", "yue"),
        ("lzh_Hani", "lzh"),
        ("wuu_Hani", "wuu"),
        ("nan_Latn", "nan_Latn"),
        ("eng_Latn", "en"),
        ("jpn_Jpan", "ja"),
        ("arb_Arab", "ar"),
        ("als", "als"),
        ("als_Latn", "sq"),
        ("gsw_Latn", "gsw"),
        ("und_Latn", "und"),
        ("zxx", "und"),
        ("sports", "sports"),
        ("", ""),
    ],
)
def test_labels(label: str, code: str) -> None:
    assert language_code(label) == code
