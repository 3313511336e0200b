"""Text to tokens: what is folded, where words end, and CCNet's normalisation against a slow reading of its description."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.lm.ccnet import CONTROLS, PUNCTUATION, normalized
from curator.lm.tokens import LONGEST_WORD, Tokens, tokenised


def spoken(text: str, tokens: Tokens = "words", variants: bool = True) -> str:
    data, ends = tokenised(pa.array([text]), tokens, variants)
    assert ends.tolist() == [len(data)]
    return data.tobytes().decode().removesuffix("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", "hello , world !"),
        ("don't 3.14 AT&T", "don ' t 0 . 00 at & t"),
        ("ＡＢＣ　１２３", "abc 000"),
        ("naïve cafe\u0301", "naïve cafe\u0301"),
        ("line\nbreak\tand  spaces", "line break and spaces"),
        ("我们在北京大学学习。", "我们 在 北京大学 学习 。"),
        ("電腦和电脑", "电脑 和 电脑"),
        ("用Python3写程序", "用 python0 写 程序"),
        ("a\u200bb", "ab"),
        ("x" * 50, "x" * LONGEST_WORD + " " + "x" * 10),
        ("東京へ行く", "东京 へ 行 く"),
        ("😀!", "😀 !"),
    ],
)
def test_words(text: str, expected: str):
    assert spoken(text) == expected


def test_characters_are_tokens_each_and_layout_is_none():
    assert spoken("我 们，\nOK", "characters") == "我 们 , o k"


def test_variants_stay_apart_if_asked():
    assert spoken("電腦 电脑", "characters", variants=False) == "電 腦 电 脑"


@given(st.lists(st.text(), max_size=6))
def test_a_text_is_a_line_whatever_stands_beside_it(texts: list[str]):
    data, ends = tokenised(pa.array(texts, pa.string()), "words")
    lines = data.tobytes().decode().split("\n")
    assert lines == [*(spoken(text) for text in texts), ""]
    assert ends.tolist() == [len("\n".join(lines[: i + 1]).encode()) + 1 for i in range(len(texts))]


@given(st.lists(st.one_of(st.none(), st.text()), min_size=1, max_size=6), st.integers(0, 3))
def test_slices_and_nulls_are_honoured(texts: list[str | None], start: int):
    array = pa.array(texts, pa.string()).slice(start)
    data, _ = tokenised(array, "characters")
    assert data.tobytes().decode() == "".join(spoken(text or "", "characters") + "\n" for text in texts[start:])


@given(st.text())
def test_no_token_holds_white_space(text: str):
    assert "  " not in spoken(text)
    assert all(token and not token.isspace() for token in spoken(text, "characters").split(" ") if spoken(text, "characters"))


# ------------------------------------------------------------------------------------------------------------- CCNet


def slow(text: str) -> str:
    text = text.strip().lower()
    text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    text = re.sub(r"\d", "0", text)
    text = "".join(PUNCTUATION.get(c, c) for c in text)
    return "".join(c for c in text if ord(c) not in CONTROLS)


@given(st.text(st.one_of(st.characters(), st.sampled_from([*PUNCTUATION, *"éÅ１٣\n\x85 가か゛が"]))))
def test_ccnet_is_its_description(text: str):
    assert normalized(text) == slow(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("，。、„”“«»「」《》´∶：？！（）；–—．～’…━〈〉【】％►", ',.,"""""""""\'::?!();- - . ~\'...-<>[]%-'),
        ("０２３４５６７８９ | 0123456789", "000000000 | 0000000000"),
        ("2024年12月25日", "0000年00月00日"),  # digit by digit: runs are not collapsed
        ("Café ÀÉÎ", "cafe aei"),
        (" first line\nsecond\tline \r\n", "first linesecondline"),  # the document is one line
        ("İstanbul", "istanbul"),
        ("①½Ⅳ", "①½ⅳ"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_ccnet_examples(text: str, expected: str):
    assert normalized(text) == expected


def test_ccnet_maps_a_full_width_one_to_zero():
    """Its table of punctuation maps １ to a quotation mark, but digits are replaced before."""
    assert normalized("１") == "0"
