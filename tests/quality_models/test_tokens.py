"""What a model sees of a text: against the same rules, said slowly, and what it must not see."""

import unicodedata

import numpy as np
import opencc
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.metrics.classes import ALONE, DIGIT, NUMBER, SPACED_LETTERS, SYMBOLS
from curator.metrics.classes import table as classes
from curator.quality.tokens import MOST_DIGITS, MOST_LETTERS, POINT, UNSPACED, identity, spelled, table


def slowly(text: str, most: int = 1 << 30) -> bytes:
    tokens: list[str] = []
    before = None
    for character in text:
        point = ord(character)
        kind = classes()[point]
        folded = chr(int(table()[point]) & int(POINT))
        if kind in SPACED_LETTERS and not any(a <= point <= b for a, b in UNSPACED):
            if before == "word" and len(tokens[-1]) < MOST_LETTERS:
                tokens[-1] += folded
            else:
                tokens.append(folded)
            before = "word"
        elif kind == DIGIT:
            if before != "number":
                tokens.append("0")
            elif len(tokens[-1]) < MOST_DIGITS:
                tokens[-1] += "0"
            before = "number"
        elif kind in (*ALONE, NUMBER, *SYMBOLS, *SPACED_LETTERS):
            tokens.append(folded)
            before = None
        else:
            before = None
    return " ".join(tokens[:most]).encode()


def one(text: str) -> str:
    return spelled(pa.array([text]))[0].decode()


@given(st.lists(st.text(max_size=60) | st.text(alphabet="ab臺台1 \n，.x१ก", max_size=80), max_size=6), st.integers(1, 20))
def test_agrees_with_the_rules_said_slowly(texts, most):
    column = pa.array(texts, pa.string())
    assert spelled(column) == [slowly(text) for text in texts]
    assert spelled(column, most) == [slowly(text, most) for text in texts]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello World", "hello world"),
        ("今天天气", "今 天 天 气"),
        ("iPhone15很贵", "iphone 00 很 贵"),
        ("电话１３８", "电 话 000"),
        ("1" * 30, "0" * MOST_DIGITS),
        ("ＡＢＣ", "abc"),
        ("", ""),
        (" \n\t\u3000\u200b", ""),
        ("a" * 40, "a" * MOST_LETTERS + " " + "a" * 8),
        ("「好」", '" 好 "'),
    ],
)
def test_tokens(text, tokens):
    assert one(text) == one(tokens.replace(" ", "\n")) or one(text) == tokens
    assert one(text) == slowly(text).decode()
    if text.isascii():
        assert one(text) == tokens


@given(st.text(alphabet="今天天氣很好，abc 12。", max_size=50), st.text(alphabet=" \n\t\r\u3000\u00a0\u2028", max_size=5))
def test_white_space_is_not_seen_beside_han_and_marks(text, blanks):
    assert one(blanks.join("，" + part for part in text)) == one("".join(" ，" + part for part in text))


def test_both_forms_of_chinese_are_one():
    text = "後來發現臺灣與大陸的圖書館裡藏著許多寶貴的歷史資料，研究員開始整理這些檔案。"
    simplified = opencc.OpenCC("t2s").convert(text)
    assert simplified != text
    assert one(simplified) == one(text)


def test_slices_nulls_and_nothing():
    column = pa.array(["甲乙", None, "", "丙 丁", "戊"])
    assert spelled(column.slice(1, 3)) == [b"", b"", spelled(pa.array(["丙丁"]))[0]]
    assert spelled(column.slice(0, 0)) == []
    assert spelled(pa.array([], pa.string())) == []
    assert spelled(pa.array(["甲"], pa.large_string())) == spelled(pa.array(["甲"]))


def test_no_token_can_be_taken_for_what_fasttext_reserves():
    found = one("</s> __label__positive <s>").split(" ")
    assert not {"</s>", "__label__positive"} & set(found)


def test_the_table_is_what_manifests_say():
    assert identity()["revision"] == 1
    assert table().dtype == np.uint32
    assert len(str(identity()["table"])) == 16
    assert identity()["unicode"] == unicodedata.unidata_version
