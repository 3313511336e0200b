"""Normalisation against a slow reference that looks at one character at a time."""

import unicodedata
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.stages.normalize import Normalize


def texts(*rows: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(rows, pa.string())], ["text"])


def one(text: str, **options: str | bool) -> str:
    return Normalize(**options)(texts(text))["text"][0].as_py()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\u2028d\x85e\x0bf", "a\nb\nc\nd\ne\nf"),
        ("a  \nb\t\n\n\n\n\nc \t", "a\nb\n\nc"),
        ("\n\n \nfirst", "first"),
        ("\u3000\u3000段落一\n\u3000\u3000段落二\u3000尾\u3000", "段落一\n段落二 尾"),
        ("王\u3000\u3000伟\xa0先生", "王 伟 先生"),
        ("ＡＢｃ１２３，（中文）！？：；“”‘’。、～", "ABc123，（中文）！？：；“”‘’。、～"),
        ("\ufeff零\u200b宽\u2060字\u00ad符\u200c", "零宽字符"),
        ("a\x00b\x07c\x7fd\x9fe", "abcde"),
        ("cafe\u0301", "café"),
        ("    def f():\n\treturn 1\n", "    def f():\n\treturn 1"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("中\u200d文", "中文"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("ภาษา\u200bไทย", "ภาษา\u200bไทย"),
        ("abc\u200bdef", "abcdef"),
        ("שלום\u200f, abc", "שלום\u200f, abc"),
        ("abc\u202edef", "abcdef"),
        ("", ""),
        (" \n\n ", ""),
        ("锟斤拷\ufffd", "锟斤拷\ufffd"),
        ("½ ℃ ﬁ ①", "½ ℃ ﬁ ①"),
        ("另 外 ， 九 龍 城 露 明 道 28 號 的 女 戶 主 ， 值 5 千 元 。", "另外，九龍城露明道28號的女戶主，值5千元。"),
        ("郴\u3000州\u3000现\u3000代\u3000女\u3000子\u3000医\u3000院 is the Grand Hotel", "郴州现代女子医院is the Grand Hotel"),
        ("春 夏 秋 冬\n我们 去 公园 看 花 和 树", "春 夏 秋 冬\n我们 去 公园 看 花 和 树"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert one(text) == expected


def test_nfkc_keeps_chinese_punctuation() -> None:
    marks = "。，“”（）？！：；、《》【】……——～「」『』"
    assert one(f"{marks}①½ﬁ㎏\u3000\uff76\uff9e", form="NFKC") == f"{marks}11\u20442fikg \u30ac"
    assert one(marks, form="NFC") == one(marks, form="none") == marks


def test_no_form_and_no_half_width() -> None:
    assert one("cafe\u0301 Ａ", form="none", half_width=False) == "cafe\u0301 Ａ"


def test_scripts() -> None:
    assert one("臺灣的頭髮與發展，乾燥", script="Hans") == "台湾的头发与发展，干燥"
    assert one("头发与发展，干燥", script="Hant") == "頭髮與發展，乾燥"
    assert one("头发", script="keep") == "头发"
    assert Normalize(script="Hans").libraries == ("opencc",)


def test_a_text_that_needs_nothing_is_not_copied() -> None:
    docs = texts("今天天气很好，我们去公园。\n\n第二段。", "plain text,  two spaces inside", None, "\tTabbed")
    assert Normalize()(docs)["text"].buffers()[2].address == docs["text"].buffers()[2].address


def test_nulls_slices_and_empty_batches() -> None:
    rows = ["ａ", None, "x\r\ny", "", "clean", "z \n"]
    whole = Normalize()(texts(*rows))["text"]
    assert whole.to_pylist() == ["a", None, "x\ny", "", "clean", "z"]
    for start in range(7):
        for stop in range(start, 7):
            part = Normalize()(texts(*rows).slice(start, stop - start))["text"]
            assert part.equals(whole.slice(start, stop - start))
            assert part.type == pa.string()


# ---------------------------------------------------------------------------------------------------------- reference

ODD = (
    "\x00\x07\t\n\r\x0b\x0c\x1f\x7f\x85\x9f\xa0\xad\u0301\u1680\u180e\u2003\u200b\u2028\u202f\u2060\u3000\ufeff"
    "\uff11\uff21\uff5a\uff0c\uffff"
)
ALPHABET = st.one_of(st.sampled_from(ODD + " ab，。国e"), st.characters(exclude_categories=("Cs",)))


def reference(text: str, form: Literal["NFC", "none"]) -> str:
    """Without the marks that some scripts need: those are examples above."""
    out = []
    for c in text.replace("\r\n", "\n"):
        if c in "\r\x0b\x0c\x85\u2028\u2029":
            out.append("\n")
        elif c in "\t\n":
            out.append(c)
        elif unicodedata.category(c) == "Cc" or c in "\xad\u180e\u200b\u2060\ufeff\uffff\ufffe":
            continue
        elif "\uff10" <= c <= "\uff19" or "\uff21" <= c <= "\uff3a" or "\uff41" <= c <= "\uff5a":
            out.append(chr(ord(c) - 0xFEE0))
        else:
            out.append(c)
    text = unicodedata.normalize(form, "".join(out)) if form != "none" else "".join(out)
    lines = []
    for line in text.split("\n"):
        while line and unicodedata.category(line[0]) == "Zs" and line[0] != " ":
            line = line[1:]
        spaced = ""
        for c in line:
            space = unicodedata.category(c) == "Zs" and c != " "
            if not (space and spaced.endswith("\0")):
                spaced += "\0" if space else c
        lines.append(spaced.replace("\0", " ").rstrip(" \t"))
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip("\n")


MARKS = {
    *map(chr, range(0x200C, 0x2010)),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2061, 0x206A)),
    "\u200b",
    "\ufff9",
    "\ufffa",
    "\ufffb",
}


@given(st.text(ALPHABET, max_size=40), st.sampled_from(["NFC", "none"]))
@example("a\u0301\u0323", "NFC")
@example("\u1100\u1161\u11a8", "NFC")
@example("\u09c7\u09be", "NFC")
@example("e\u200b\u0301", "NFC")
@example("\u2000\u2003x", "NFC")
@settings(max_examples=800, deadline=None)
def test_against_the_reference(text: str, form: Literal["NFC", "none"]) -> None:
    text = "".join(c for c in text if c not in MARKS)
    assert one(text, form=form) == reference(text, form)


@given(st.lists(st.one_of(st.none(), st.text(ALPHABET, max_size=30)), max_size=6), st.sampled_from(["NFC", "NFKC", "none"]))
@settings(max_examples=300, deadline=None)
def test_a_second_time_changes_nothing_and_batches_do_not_matter(rows: list[str | None], form: str) -> None:
    stage = Normalize(form=form)  # type: ignore[arg-type]
    once = stage(texts(*rows))["text"]
    assert stage(pa.RecordBatch.from_arrays([once], ["text"]))["text"].equals(once)
    assert once.to_pylist() == [None if row is None else one(row, form=form) for row in rows]


def test_long_runs_take_linear_time() -> None:
    for unit in (" ", "\n", "\u3000", "\u200d", "\t\n", " x", " 国", "国 国 国 国 国 国 国 国 x "):
        one(unit * 300_000)
