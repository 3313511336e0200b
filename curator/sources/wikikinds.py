"""What kind of page a wiki page is: an article, or something that a corpus of articles leaves out or may want to.

Redirects, soft redirects, pages of conversion rules and other namespaces are skips; disambiguation pages, lists and stubs are
articles with a mark in their metadata. Names of templates and title patterns are those of the largest wikis.
"""

from __future__ import annotations

import re


def _any(patterns: str) -> str:
    return f"(?:{'|'.join(' '.join(each.split()) for each in patterns.split(' / '))})"


_REDIRECT = re.compile(
    r"\s*#\s*"
    + _any("""
redirect / 重定向 / 重新導向 / 转向 / 轉向 / 転送 / リダイレクト / 넘겨주기 / weiterleitung / redirection
/ redirección / rinvia / виж / redirecionamento / перенаправление / перенапр / doorverwijzing / đổi
/ пренасочване / تحويل / تغییر_?مسیر / הפניה / ohjaus / omdirigering / přesměruj / patrz / przekieruj
/ átirányítás / yönlendirme / преусмери / перенаправлення / alih / เปลี่ยนทาง / पुनर्प्रेषित
""")
    + r"\s*:?\s*\[\[",
    re.IGNORECASE,
)
_SOFT_REDIRECT = re.compile(
    _any(r"""
[\w-]{0,20}[ _-]?soft[ _-]?redir(?:ect)? / wi / wtr / wikt redirect / wiktionary redirect
/ cat(?:egory)?[ _]?redirect / 软重定向 / 軟重定向 / 分类重定向 / 分類重定向 / 分类跳转
"""),
    re.IGNORECASE,
)
_NAMES = re.compile(r"\{\{\s*+([^|{}\[\]<>\n:]{1,80}+)")
_FIRST = re.compile(r"\s*+" + _NAMES.pattern)
_DISAMBIGUATION = re.compile(
    _any(r"""
.{0,40}disambig(?:uation)?(?:[ -]?page)? / hndis / geodis / mil-unit-dis / schooldis / hospitaldis / numberdis
/ roaddis / dab / disamb / disam / dis / .{0,10}消歧[义義]?[页頁]? / 消歧[义義]?[页頁]?/.{0,10}
/ begriffsklärung.{0,10} / (?:.{0,20} )?homonymie / paronymie / patronymie / desambiguación / desambiguação
/ desambiguació / desambig / disambigua / aimai / .{0,8}曖昧さ回避 / 동음이의.{0,8} / неоднозначность
/ многозначность / пояснение / багатозначність / dp / doorverwijspagina / ujednoznacznienie / rozcestník
/ förgrening / flertydig / pekerside / täsmennyssivu / egyért.{0,3} / anlam ayrımı / توضيح / ابهام‌زدایی
/ פירושונים / แก้กำกวม / (?:trang )?định hướng / disambiguasi / dezambiguizare / αποσαφήνιση / вишезначна.{0,12}
/ razdvojba / višeznačna odrednica / täpsustusmärkus / nuorodinis / argipen
"""),
    re.IGNORECASE,
)
_DISAMBIGUATION_TITLE = re.compile(
    r"[(（]"
    + _any("""
disambiguation / 消歧[义義][页頁]? / 曖昧さ回避 / 동음이의 / begriffsklärung / homonymie / desambiguación
/ desambiguação / disambigua / значения / значення / doorverwijspagina / ujednoznacznienie
""")
    + "[)）]$",
    re.IGNORECASE,
)
_LIST_TITLE = re.compile(
    "^"
    + _any(r"""
lists? of\b / index of\b / glossary of\b / outline of\b / liste (?:der|des|von)\b / listes? (?:des|de|d['’])
/ lista / anexo: / elenco / список / списък / lijst van / danh sách / daftar / seznam / luettelo
""")
    + r"(?=\W|\b)|"
    + _any("列表 / 清單 / 清单 / 一覽 / 一览 / 一覽表 / 一览表 / 一覧 / 年表 / 名單 / 名单 / 總覽 / 总览 / 目录 / 目錄 / 목록")
    + r"(?:[ _]?[(（][^()（）]{1,40}[)）])?$",
    re.IGNORECASE,
)
_LIST = re.compile(
    _any("""
dynamic list / incomplete list / list of lists / set index(?: article)? / sia / surname / given name
/ .{0,20}name list / .{0,20}set index / 动态列表 / 動態列表 / 不完整列表 / 姓氏索引
"""),
    re.IGNORECASE,
)
_STUB = re.compile(_any(".{0,60}[- _]?stub / stub .{0,40} / .{0,20}小作品 / 小[条條]目 / ébauche / esbozo"), re.IGNORECASE)
_RULES_TITLE = re.compile(r"^(?:Template|Module|MediaWiki|模板|样板|樣板|模块|模組):(?:CGroup/|Conversiontable)", re.IGNORECASE)
_RULE = re.compile(r"-\{\s*H\s*\|[^{}]*+\}-", re.IGNORECASE)

_NAMESPACES = {
    2: "user",
    4: "project",
    6: "file",
    8: "interface",
    10: "template",
    12: "help",
    14: "category",
    100: "portal",
    118: "draft",
    828: "module",
}


def namespace(number: int) -> str:
    """The skip of a page of this namespace: every odd one is the talk of the even one before it."""
    if number < 0:
        return "special"
    return "talk" if number % 2 else _NAMESPACES.get(number, "namespace")


def not_an_article(title: str, wikitext: str) -> str | None:
    """The skip of a page that is in the articles' namespace and none."""
    if _REDIRECT.match(wikitext):
        return "redirect"
    first = _FIRST.match(wikitext)
    if first and is_soft_redirect({first[1].strip().replace("_", " ")}):
        return "soft_redirect"
    if _RULES_TITLE.match(title):
        return "conversion_rules"
    return None if wikitext.strip() else "empty"


def is_soft_redirect(names: set[str]) -> bool:
    return any(map(_SOFT_REDIRECT.fullmatch, names))


def without_text(wikitext: str) -> str:
    """The skip of a page of which no text is left."""
    return "conversion_rules" if _RULE.search(wikitext) else "empty"


def templates(wikitext: str) -> set[str]:
    return {name.strip().replace("_", " ") for name in _NAMES.findall(wikitext)}


def marks(title: str, names: set[str], disambiguation: bool = False) -> dict[str, bool]:
    """What a filter may want to know of an article, by the names of its templates."""

    def named(pattern: re.Pattern[str]) -> bool:
        return any(map(pattern.fullmatch, names))

    return {
        "disambiguation": disambiguation or bool(_DISAMBIGUATION_TITLE.search(title)) or named(_DISAMBIGUATION),
        "list": bool(_LIST_TITLE.search(title)) or named(_LIST),
        "stub": named(_STUB),
    }


def list_share(text: str) -> float:
    """Share of a text's characters in list items and rows of tables."""
    items = sum(len(line) for line in text.split("\n") if _ITEM.match(line) or " | " in line)
    return round(items / max(len(text), 1), 2)


_ITEM = re.compile(r" *(?:- |\d{1,5}\. )")
