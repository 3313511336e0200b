"""Wikitext to text: what a reader sees, and that hostile pages cost linear time."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.sources import wikicountries
from curator.sources.wikilines import APPARATUS
from curator.sources.wikimarks import LINK, TEMPLATE, Marks
from curator.sources.wikitext import Namespaces, article, plain_text


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("'''Bold''' and ''italic'', '''''both'''''", "Bold and italic, both"),
        ("l''''amour'''", "l'amour"),
        ("[[China]], [[China|the country]], [[bus]]es, [[:Category:X|cats]]", "China, the country, buses, cats"),
        ("a [[File:X.png|thumb|A [[nested]] caption]] b", "a b"),
        ("text[[Category:Things]][[fr:Choses]]", "text"),
        ("[[wikt:foo|foo]] and [[Foo#Bar]]", "foo and Foo#Bar"),
        ("[https://a.example/x?y=1 the label], [https://a.example]", "the label, "),
        ("one<ref>source</ref> two<ref name=x /> three<!-- hidden -->", "one two three"),
        ("a<ref>never closed. b<ref>closed</ref> c", "anever closed. b c"),
        ("{{Infobox|a={{b|c}}|d=[[e]]}}Text", "Text"),
        ("{{lang|zh|中文}} {{transl|zh|Zhongwen}} {{nowrap|5 kg}}", "中文 Zhongwen 5 kg"),
        ("{{convert|5|km|mi}} of road", "5 km of road"),
        (
            "(born {{birth date and age|1950|1|2|df=y}}) {{ルビ|漢字|かんじ}} {{gaps|12|345}}",
            "(born January 2, 1950) 漢字 12345",
        ),
        ("{{Script/Hans|简}}", "简"),
        ("{{convert|5|to|10|km2|sqmi}}, {{cvt|5|ft|7|in|cm}}, {{convert|3|-|4|C|F}}", "5 to 10 km², 5 ft 7 in, 3–4 °C"),
        ("{{As of|2010|5}} and {{as of|2011|lc=y}}", "As of May 2010 and as of 2011"),
        ("{{Nihongo|Tokyo Tower|東京タワー|Tōkyō tawā}}", "Tokyo Tower (東京タワー, Tōkyō tawā)"),
        ("{{le|网络草案|Internet Draft}}、{{bd|1953年|6月15日|2020年|}}", "网络草案、（1953年6月15日－2020年）"),
        ("{{chem|CH|3|COOH}} {{e|24}} {{USS|Hornet|CV-12|6}} {{frac|1|2}}", "CH₃COOH ×10²⁴ USS Hornet 1/2"),
        ("{{仮リンク|ベルリン・ボン法|en|Berlin-Bonn Act}} {{unité|3797|m}} {{s-|XIX}}", "ベルリン・ボン法 3797 m XIXe siècle"),
        ("{{formatnum:{{lc:1234}}}} [[Immagine:x.jpg|thumb|y]] [[Wikt:X.y|z]]", "1234 z"),
        ("{{lang|zh|{{nowrap|[[中文|漢語]]}}}}", "漢語"),
        ("He said ({{x|x}}, {{y}}) so", "He said so"),
        ("words {{citation needed}}, more", "words, more"),
        (
            "the phoneme {{IPA-de|tʃ|}}, ({{IPAc-en|lang|æ|l|ˈ|b|iː}}) {{respell|ASS|kee}}",
            "the phoneme [tʃ], (/ælˈbiː/) ASS-kee",
        ),
        ("gauge of {{RailGauge|1435mm}}, {{track gauge|3ft6in}}, {{Track gauge|sg}}", "gauge of 1,435 mm, 3 ft 6 in, 1,435 mm"),
        ("at {{Coord|13|19|N|169|9|W|type:event}}, in {{coord|1.5|-2}}", "at 13°19′N 169°9′W, in 1.5°N 2°W"),
        ("x{{coord|1|2|N|3|4|E|display=title}}", "x"),
        ("{{val|p=~|1.2|0.1|u=kg}}, {{val|3|+1|-2|e=5}}", "~1.2±0.1 kg, 3+1/−2×10⁵"),
        (
            "{{circa|1500|1550}}, {{frac|2}}, {{1/4}}, {{fl.|12|14}}, {{Roman|14}}",
            "c. 1500 – c. 1550, 1/2, 1/4, fl. 12–14, XIV",
        ),
        ("售價{{NT$|100億}}、{{CNY|5}}、{{US$|3}}、{{HK$|4}}、{{KRW|6}}", "售價NT$100億、¥5、US$3、HK$4、₩6"),
        ("{{PUA|䶮}}字、{{僻字|𠮷|吉}}、{{ruby|漢|かん}}、{{約|3}}個", "䶮字、𠮷、漢、約3個"),
        ("日本（{{jpn|j=日本|hg=にほん}}）、{{vie|v=Việt Nam|hn=越南}}", "日本（日本, にほん）、Việt Nam, 越南"),
        ("les {{langue|de|texte=Autobahnen}}, {{etc.}}", "les Autobahnen, etc."),
        ("{{link-en|网络草案|Internet Draft}}、{{tsl|en|Foo|富}}", "网络草案、富"),
        ("x{{!}}y {{=}} z", "x|y = z"),
        ("{{{1|default}}}text", "text"),
        ("x<sup>2</sup> H<sub>2</sub>O 1<sup>st</sup> {{sup|3}}", "x² H₂O 1st ³"),
        ("{| class=wikitable\n! a !! b\n|-\n| style=x | c || d<br>e\n|-\n|}\nafter", "a | b\nc | d e\nafter"),
        ("{| class=wikitable\n|+ Sizes\n| a || b\n{|\n|inner || x\n|}\n|}\nafter", "Sizes\na | b inner | x;\nafter"),
        ("{| class=wikitable\n! a\n|\n* b\n* c\n** d\n|-\n| e\n* f || * g\n|}", "a | b; c; d\ne f | * g"),
        ("{| class=infobox\n| a || b\n|}after", "after"),
        ("{| align=right\n| a || b\n|}after", "after"),
        (
            "x\n{| class=wikitable\n! a !! b\n|-\n| style=x | c || [[d|e]]\n{{end}}\n|-\n== H ==\ny | z",
            "x\na | b\nc | e\nH\ny | z",
        ),
        ("[[-{zh-cn:信息;zh-tw:資訊}-技术|-{zh-cn:信息;zh-tw:資訊}-技術]]、[[-{zh-hans|x}-]]", "資訊技術、x"),
        ("a__目录____NOTOC__ <span style='display: none'>9</span>b", "a b"),
        ("{|\n| valign=top |\n* a\n* b\n|\n* c\n|}", "- a\n- b\n- c"),
        ("{| class=wikitable\n| # || *\n|-\n| {{x}} || [[File:y.png|thumb]]\n|}", "# | *"),
        ("{{Box\n|a=1\n|}}after", "after"),
        ("* one\n** two\n# first\n# second\n: reply\n; term", "- one\n  - two\n1. first\n2. second\nreply\nterm"),
        ("a &amp; b &lt;c&gt; &nbsp;d &#20013;", "a & b <c> d 中"),
        ("<math>\\frac{a}{b}</math> and <nowiki>[[not a link]] {{x}}</nowiki>", "$\\frac{a}{b}$ and [[not a link]] {{x}}"),
        ("<div class=x>a</div><br/>b <span style='c'>d</span> 3 < 4", "a\nb d 3 < 4"),
        ("<gallery>\nFile:A.jpg|caption\n</gallery>__NOTOC__text", "text"),
        ("a\n\n\n\nb\n----\nc", "a\nb\nc"),
        ("* {{flag|x}} – Rome\n* {{flagicon|y}} – Oslo\n* {{cite book|z}}.", "- x – Rome\n- Oslo"),
        ("柏林（Berlin、{{發音|x}}、伯林）是首都<ref>a</ref> 。", "柏林（Berlin、伯林）是首都。"),
        ("in 1932, {{ISBN|1}}. End <ref>x</ref>.", "in 1932. End."),
        ("", ""),
    ],
)
def test_what_a_reader_sees(wikitext, expected):
    assert plain_text(wikitext).strip() == expected.strip()


def test_code_keeps_its_lines_and_brackets():
    text = plain_text("before\n<syntaxhighlight lang=c>\nif (a[[0]]) {\n    x = {{1}};\n}\n</syntaxhighlight>\nafter")
    assert text == "before\n\nif (a[[0]]) {\n    x = {{1}};\n}\n\nafter"


def test_headings_stay_unless_their_section_is_empty():
    assert plain_text("== A ==\ntext\n== B ==\n{{gone}}\n=== C ===\n== D ==\n=== E ===\nlast") == "A\ntext\nD\nE\nlast"


@pytest.mark.parametrize("name", ["References", "External links", "See also", "参考文献", "外部链接", "參考資料", "脚注"])
def test_sections_that_only_list_are_left_out(name):
    assert plain_text(f"prose\n== {name} ==\n{{{{reflist}}}}\n* [https://x.example a link]\n=== Sub ===\n* b") == "prose"


CHINESE_APPARATUS = sorted(name for name in APPARATUS if re.fullmatch("[\\u4e00-\\u9fff]+", name) and "関" not in name)


@pytest.mark.parametrize("variant", ["zh-cn", "zh-sg", "zh-tw", "zh-hk", "zh-hans", "zh-hant"])
def test_sections_that_only_list_are_known_in_every_variant(variant):
    kept = [
        name for name in CHINESE_APPARATUS if plain_text(f"文\n== {name} ==\n* [https://x.example 甲]", variant=variant) != "文"
    ]
    assert not kept


def test_a_section_of_that_name_with_prose_stays():
    prose = (
        "These notes were written by the author in the last year of his life, and they tell how the whole work came to be made."
    )
    assert prose in plain_text(f"text\n== Notes ==\n{prose}\n* item")


def test_the_wikis_own_namespaces_are_known():
    namespaces = Namespaces().including({6: "Fil", 14: "Kategori"})
    assert plain_text("a [[Fil:x.jpg|thumb|y]]b [[Kategori:z]]", namespaces) == "a b"


def test_marks_match_as_mediawiki_does():
    marks = Marks("{{a|{{{b}}}}} [[c|[[d]]")
    assert marks.ends[0] == 13
    assert marks.kinds[0] == TEMPLATE
    assert [p for p, kind in marks.kinds.items() if kind == LINK] == [18]  # the first [[ never ends


HOSTILE = {
    "templates": "{{" * 25_000,
    "closed templates": "{{a|" * 25_000 + "}}" * 25_000,
    "kept templates": "{{small|x" * 25_000 + "}}" * 25_000,
    "links": "[[" * 25_000,
    "closed links": "[[a|" * 25_000 + "]]" * 25_000,
    "links without a label": "[[a" * 25_000 + "]]" * 25_000,
    "variants": "-{zh:a;" * 25_000 + "}-" * 25_000,
    "mixed": "{{small|[[a|-{zh:" * 20_000 + "}-]]}}" * 20_000,
    "mixed without order": "{{small|[[a|-{zh:" * 20_000 + "}}]]}-" * 20_000,
    "tables": "\n{|" * 25_000 + "\n|}" * 25_000,
    "tables of cells": "\n{|\n|a||b" * 15_000 + "\n|}" * 15_000,
    "unclosed tables of cells": "\n{|\n|a||b" * 25_000,
    "one row": "{|\n" + "|" * 250_000 + "\n|}",
    "rows": "{|\n" + "|-\n| a\n" * 50_000 + "|}",
    "cells with attributes": "{|\n|" + "a=b|" * 50_000 + "\n|}",
    "closed references": "a <ref>b</ref>, " * 25_000,
    "dropped at the start": "{{x}}\n" * 50_000,
    "conversions": "{{convert" + "|5|to" * 50_000 + "}}",
    "rules of a page": "{{NoteTA" + "|1=zh-cn:a;zh-tw:b" * 25_000 + "}}",
    "references": "<ref>" * 25_000 + "</ref>",
    "formulas": "<math>" * 25_000,
    "comments": "<!--" * 25_000,
    "external links": "[http://" * 25_000,
    "one external link": "[http://" + "a" * 250_000,
    "parentheses": "({{x}}," * 25_000,
    "dropped and commas": "{{x}}, " * 25_000,
    "quotes": "'" * 250_000,
    "spaces": " " * 250_000,
    "list marks": "*" * 100_000 + "a\n" + ("#" * 100 + "a\n") * 2000,
    "headings": "== See also ==\n=== Notes ===\n" * 20_000,
    "arguments": "{{small" + "|a=b" * 25_000 + "}}",
    "tags": "<span " * 25_000,
    "entities": "&" * 150_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_cost_linear_time(name):
    """Bounded generously: one quadratic place would take minutes."""
    started = time.process_time()
    plain_text(HOSTILE[name])
    assert time.process_time() - started < 3


PIECES = """
{{ }} {{{ }}} [[ ]] | -{ }- zh: ; {| |} <ref> </ref> <math> </math> ''' == * # a 中 = small lang File: [http://x ] <!-- -->
&lt; ( ) \x00 \x01 1
"""


@given(st.lists(st.sampled_from([*PIECES.split(), " ", "\n"]), max_size=40).map("".join))
def test_any_markup_gives_clean_text(wikitext):
    text = plain_text(wikitext)
    assert "\x00" not in text
    assert "\x01" not in text
    assert plain_text(wikitext) == text


@given(st.text(alphabet="abc 中文。，\n", max_size=80))
def test_plain_prose_keeps_every_character_but_blanks(prose):
    assert "".join(plain_text(prose).split()) == "".join(prose.split())


@pytest.mark.parametrize(
    ("language", "variant", "wikitext", "expected"),
    [
        ("en", None, "by {{USA}}, {{flag|FRA}}, {{flag|Chad}}, {{flagicon|JPN}} x", "by United States, France, Chad, x"),
        ("zh", "zh-cn", "由{{ITA}}、{{NZL}}和{{flag|Saudi Arabia}}主办", "由意大利、新西兰和沙特阿拉伯主办"),
        ("zh", "zh-tw", "由{{ITA}}、{{NZL|name=x}}和{{國旗|SAU}}主辦", "由義大利、紐西蘭和沙烏地阿拉伯主辦"),
        ("zh", "zh-hk", "{{ITA}}與{{HKG}}", "意大利與香港"),
        ("en", None, "{{AUT}} {{aut|Linnaeus}} {{aut}}", "Austria Linnaeus"),
        ("zh", None, "{{CHN}}和{{flagcountry|日本}}", "中国和日本"),
        ("zh", None, "甲{{usa}}乙{{Canada}}丙{{flagicon|CAN}}丁{{XYZ}}戊", "甲乙丙丁戊"),
        ("fr", None, "en {{FRA}}, {{flag|Italie}}", "en, Italie"),
        (None, None, "in {{FRA}}, {{flag|FRA}}", "in, FRA"),
    ],
)
def test_countries_are_named_in_the_wikis_language(
    language: str | None, variant: str | None, wikitext: str, expected: str
) -> None:
    assert article(wikitext, variant=variant, language=language).text == expected


def test_every_country_has_its_names() -> None:
    rows = [line.split("\t") for line in (Path(wikicountries.__file__).parent / "countries.tsv").read_text().splitlines()]
    assert [len(row) for row in rows] == [5] * 249
    assert all(re.fullmatch("[A-Z]{3}", code) for code, *_ in rows)
    assert all(name and not set(name) & set(";:|") for _, *names in rows for name in names)
