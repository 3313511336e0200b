"""Double encoding is unwound, and only that."""

from __future__ import annotations

import codecs
from collections.abc import Callable

import pytest

from curator.charsets import decode

ZH = "<p>意大利游轮公司首席执行官十六日认定，船长的失误导致游轮搁浅。他说，这是我们不能接受的，公司会对此作出说明。</p>"
HANT = "<p>義大利遊輪公司的執行長十六日說，船長的失誤使得遊輪擱淺。他說，這是我們不能接受的，公司會對這件事作出說明。</p>"


@pytest.mark.parametrize("latin", ["latin-1", "iso8859-15"])
@pytest.mark.parametrize(("text", "charset"), [(ZH, "gb18030"), (HANT, "big5hkscs")], ids=["Hans", "Hant"])
def test_what_was_encoded_twice_is_unwound(text: str, charset: str, latin: str) -> None:
    page = text * 3
    twice = page.encode(charset).decode(latin).encode()
    assert decode(twice, "utf-8").text == page
    assert decode(twice).charset == charset


def western(payload: bytes) -> str:
    """As browsers have windows-1252: bytes that it lacks are themselves."""
    return "".join(bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in payload)


@pytest.mark.parametrize("latin", [western, lambda payload: payload.decode("latin-1")], ids=["windows-1252", "latin-1"])
@pytest.mark.parametrize(
    "text",
    [
        ZH,
        HANT,
        "<p>東京都は今日、新しい図書館を来年開館すると発表した。</p>",
        "<p>서울대학교는 오늘 새로운 도서관을 연다고 했다.</p>",
    ],
    ids=["Hans", "Hant", "Japanese", "Korean"],
)
def test_utf8_of_utf8_is_unwound_where_it_stands(text: str, latin: Callable[[bytes], str]) -> None:
    template = "<title>新闻中心 · Café «Müller» “报道”</title>{}<p>版权所有 © 2010 É…</p>"
    found = decode(template.format(latin(text.encode())).encode(), "gbk")
    assert (found.text, found.charset, found.replaced) == (template.format(text), "utf-8", 0)
    assert decode(codecs.BOM_UTF8 + template.format(latin(text.encode())).encode()).text == template.format(text)


@pytest.mark.parametrize(
    "text",
    [
        ZH,
        "« C'est l'été\u00a0» « il l'a donné\u00a0» « où ça\u00a0?\u00a0» " * 30,
        "Où est passée la crème brûlée que l'élève âgé préférait à la pâtisserie ? Très déçu, il s'énervé. " * 9,
        "Größe, Straße, Bücher, für Öl, Äpfel und Übermut: ä ö ü ß Ä Ö Ü. " * 9,
        "ÀÉÎÕÜ ÀÉÎÕÜ ÇÃO AÇÃO NAÇÃO CORAÇÃO " * 9,
    ],
    ids=["Chinese", "French quotations", "French", "German", "capitals"],
)
def test_what_was_encoded_once_stays(text: str) -> None:
    assert decode(text.encode()).text == text
    assert decode(text.encode(), "gbk").text == text


def test_a_few_letters_are_no_evidence() -> None:
    twice = "意大利".encode("gb18030").decode("latin-1")
    assert decode(twice.encode()).text == twice
