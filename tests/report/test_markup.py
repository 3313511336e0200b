from __future__ import annotations

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.report.markup import Html, count, duration, element, excerpt, share, short, size, table, text

ANY = st.text(alphabet=st.characters(), max_size=80)  # surrogates too


def plain(value: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", value))


@given(ANY)
def test_text_cannot_open_a_tag_hide_or_reorder(value: str) -> None:
    written = text(value)
    assert set(re.findall(r"<[^>]*>", written)) <= {'<span class="hidden">', "</span>"}
    written.encode()  # no surrogate is left
    for character in written:
        kind = unicodedata.category(character)
        assert kind not in ("Cc", "Cs", "Zl", "Zp") or character in "\t\n"
        assert unicodedata.bidirectional(character) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@given(st.text(alphabet="ab<>&\"' 中文é\n", max_size=60))
def test_harmless_text_is_read_as_it_was(value: str) -> None:
    assert plain(text(value)) == value
    assert plain(element("p", value)) == value


@given(ANY)
def test_an_attribute_stays_inside_its_quotes(value: str) -> None:
    written = element("p", title=value)
    assert re.fullmatch(r'<p title="[^"<>]*"></p>', written)
    written.encode()


def test_hidden_characters_are_named() -> None:
    assert plain(text("a\u202eb")) == "aU+202Eb"
    assert plain(text("\x00" * 50)) == "U+0000×50"
    assert plain(text("\x00\x01\x02\x03\x04\x05")) == "U+0000 U+0001 U+0002 U+0003 …(6)"
    assert text("نمی\u200cدانم 👨\u200d👩") == "نمی\u200cدانم 👨\u200d👩"  # joiners belong to the writing


def test_html_is_kept_and_everything_else_is_not() -> None:
    assert element("b", Html("<i>"), "<i>", None, [1, "&"]) == "<b><i>&lt;i&gt;1&amp;</b>"
    assert (
        element("a", class_="x", aria_label="y", hidden=True, id=None, open=False) == '<a class="x" aria-label="y" hidden></a>'
    )


def test_an_excerpt_is_cut_and_redacted() -> None:
    assert excerpt("abc", 3) == "abc"
    assert excerpt("abcd", 3) == "abc…"
    assert excerpt("写信到 li.si@example.com。", 100) == "写信到 <EMAIL>。"


@pytest.mark.parametrize("before", range(60))
def test_private_data_across_the_cut_is_whole_or_gone(before: int) -> None:
    shown = excerpt("啊" * before + " li.si@example.com 13912345678 " + "b" * 100, 40)
    assert not re.search(r"li\.|si@|exam|139|345", shown)
    assert len(shown) <= 40 + len("<EMAIL>…")


def test_tables_have_headers_of_rows_and_columns() -> None:
    written = table(["source", "documents"], [("<web>", "12")], caption="Counts")
    assert '<th scope="col">source</th><th scope="col" class="number">documents</th>' in written
    assert '<th scope="row">&lt;web&gt;</th><td class="number">12</td>' in written


def test_numbers_in_words() -> None:
    assert (share(1, 100_000), share(99_999, 100_000), share(0, 5), share(1, 0)) == ("< 0.1 %", "> 99.9 %", "0.0 %", "–")
    assert [short(v) for v in (0, 0.01234, 12.34, 1697.4, 12_345, 5_250_000)] == [
        "0",
        "0.0123",
        "12.3",
        "1697",
        "12.3k",
        "5.25M",
    ]
    assert [size(v) for v in (12, 1_500, 2_500_000)] == ["12 B", "1.5 kB", "2.5 MB"]
    assert [duration(v) for v in (5.04, 75, 7384)] == ["5.0 s", "1 min 15 s", "2 h 3 min"]
    assert (count(1234567), count(None)) == ("1,234,567", "–")
