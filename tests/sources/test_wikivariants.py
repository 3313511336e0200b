"""Language variants: MediaWiki's own tests, each flag, the rules of a page on its text, and that hostile markup is linear."""

import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.sources.wikiscripts import balance
from curator.sources.wikitext import article, plain_text
from curator.sources.wikivariants import CLOSE, OPEN, Words
from curator.sources.wikivariants import Page as VariantPage


@pytest.mark.parametrize(
    ("markup", "variant", "expected"),
    [
        ("-{zh-hans:计算机;zh-hant:電腦}-", "zh-hans", "计算机"),
        ("-{zh-hans:计算机;zh-hant:電腦}-", "zh-hant", "電腦"),
        ("-{zh-cn:计算机; zh-tw:電腦;}-", "zh-hk", "電腦"),
        ("-{zh-cn:计算机; zh-tw:電腦; zh-hk:電腦機}-", "zh-mo", "電腦機"),
        ("-{zh-Hans-CN:计算机; zh-Hant-TW:電腦}-", "zh-tw", "電腦"),
        ("-{zh-tw:電腦}-", "zh-cn", "電腦"),  # MediaWiki prints an error
        ("-{原文}-", "zh-cn", "原文"),
        ("-{R|zh-cn:計;zh-tw:算}-", "zh-cn", "zh-cn:計;zh-tw:算"),
        ("甲-{H|zh-cn:网络;zh-tw:網路}-網路", "zh-cn", "甲网络"),
        ("網路-{A|zh-cn:网络;zh-tw:網路}-網路", "zh-cn", "网路网络网络"),  # from there on
        ("-{H|zh-cn:网络;zh-tw:網路}-網路-{-|zh-cn:网络;zh-tw:網路}-網路", "zh-cn", "网络网路"),
        ("-{H|網路=>zh-cn:互联网}-網路，网络", "zh-cn", "互联网，网络"),
        ("-{H|網路=>zh-cn:互联网}-網路", "zh-tw", "網路"),
        ("-{H|後}-皇后後", "zh-cn", "皇后後"),  # a word that stays
        ("-{T|zh-cn:甲;zh-tw:乙}-", "zh-cn", ""),
        ("-{D|zh-cn:甲;zh-tw:乙}-", "zh-cn", "大陆：甲；台灣：乙；"),
        ("-{N|zh-tw}-", "zh-cn", "台灣"),
        ("-{zh-hans;zh-hant|電腦}-", "zh-cn", "电脑"),
        ("-{zh-tw|電腦}-", "zh-cn", "電腦"),
        ("-{zh-hans:甲-{zh-cn:乙;zh-sg:丙}-;zh-hant:丁}-", "zh-sg", "甲丙"),
        ("-{zh-cn:a;b;zh-tw:c}-", "zh-cn", "a;b"),
        ("-{zh-cn:<span style='a;b'>x</span>;zh-tw:c}-", "zh-cn", "x"),
        ("-{zh-cn:a&nbsp;b;zh-tw:c}-", "zh-cn", "a b"),
        ("[[流控制|-{zh-tw:串流;zh-cn:流}-協議]]", "zh-cn", "流协议"),
        ("[[-{zh-tw:軟體;zh-cn:软件}-]]", "zh-cn", "软件"),
        ("{{lang|zh|-{zh-tw:軟體;zh-cn:软件}-}}", "zh-cn", "软件"),
        ("-{zh-hans:[[a|甲]];zh-hant:{{lang|zh|乙}}}-", "zh-hant", "乙"),
        ("-{ {{lang|zh|軟體}} }-", "zh-cn", "軟體"),
        ("== -{zh-tw:軟體;zh-cn:软件}- ==\n* -{zh-tw:甲;zh-cn:乙}-", "zh-cn", "软件\n- 乙"),
        ("{{NoteTA|G1=IT|T=zh-cn:甲;zh-tw:乙|1=zh-cn:网络;zh-tw:網路}}網路", "zh-cn", "网络"),
        ("<math>後</math> <nowiki>後</nowiki> 後", "zh-cn", "$後$ 後 后"),
        ("https://x.example/後 -{H|x=>zh-cn:y}-https://x.example/a x", "zh-cn", "https://x.example/后 https://x.example/a y"),
        ("皇后在里面，幹什麼", "zh-hant", "皇后在里面，幹什麼"),  # traditional already
        ("皇后发面", "zh-hant", "皇后發麪"),
        ("我们的裏面", "zh-hk", "我們的裏面"),
        ("-{sr-ec:х;sr-el:h}- lj", "sr-ec", "х љ"),
        ("Njegoš, IV razred", "sr-ec", "Његош, IV разред"),
        ("Његош", "sr-el", "Njegoš"),
        ("-{zh-cn:计算机;zh-tw:電腦}-", None, "计算机"),
        ("這裡的-{zh-cn:计算机;zh-tw:電腦}-", None, "這裡的電腦"),  # in the page's own script
        ("-{H|zh-cn:网络;zh-tw:網路}-網路", None, "網路"),
        ("-{zh-cn:a", "zh-cn", "-{zh-cn:a"),
        ("a }- b", "zh-cn", "a }- b"),
    ],
)
def test_variants(markup, variant, expected):
    assert plain_text(markup, variant=variant) == expected


def test_a_rule_names_the_page():
    found = article("-{T|zh-cn:甲;zh-tw:乙}-x", variant="zh-tw", title="丙")
    assert found.title == "乙"
    assert article("-{H|zh-cn:网络;zh-tw:網路}-x", variant="zh-cn", title="網路後").title == "网络后"
    assert article("-{T|zh-cn:甲;zh-tw:乙}-x", title="丙").title == "丙"


def test_wikis_without_variants_keep_hyphen_and_brace():
    assert article("a-{b}-c -{zh-cn:x}-", variants=False).text == "a-{b}-c -{zh-cn:x}-"


def test_which_script_a_text_is_in():
    assert balance("国家") > 0
    assert balance("國家") < 0
    assert balance("皇后 abc 里") == 0


def slow_replace(words, text):
    """Longest word first at each place."""
    out, at = "", 0
    while at < len(text):
        found = max((w for w in words if text.startswith(w, at)), key=len, default=None)
        out += words[found] if found else text[at]
        at += len(found) if found else 1
    return out


@given(
    st.dictionaries(st.text("ab中文", min_size=1, max_size=4), st.text("xy文", max_size=3), max_size=6),
    st.text("ab中文c", max_size=40),
)
def test_words_are_replaced_longest_first(words, text):
    table = Words()
    for word, form in words.items():
        table.add(word, form)
    assert table.replace(text, str) == slow_replace(words, text)


HOSTILE = {
    "opened": "-{" * 250_000,
    "opened with text": "-{a" * 150_000,
    "closed": "-{a" * 50_000 + "}-" * 50_000,
    "nested rules": "-{H|zh-cn:a;zh-tw:" * 20_000 + "}-" * 20_000,
    "semicolons": "-{zh-cn:" + ";" * 500_000 + "}-",
    "semicolons and blanks": "-{zh-cn:" + "; " * 250_000 + "x}-",
    "arrows": "-{" + "a=>" * 150_000 + "zh-cn:b}-",
    "many forms": "-{" + "zh-cn:a;" * 50_000 + "}-",
    "many one-way rules": "-{H|" + "".join(f"w{i}=>zh-cn:b;" for i in range(30_000)) + "}-" + "w1" * 50_000,
    "rules and text": "".join(f"-{{H|{chr(0x4E00 + i % 20_000)}{i}=>zh-cn:b}}-后" for i in range(15_000)),
    "long words": "-{H|" + "".join(f"{'a' * n}=>zh-cn:b;" for n in range(1, 60)) + "}-" + "ab" * 50_000,
    "flags": "-{" + "A;" * 150_000 + "|x}-",
    "links in variants": "[[a|-{" * 30_000 + "]]" * 30_000,
    "variants before ends of links": "-{" * 1000 + "]]" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_costs_linear_time(name):
    started = time.process_time()
    plain_text(HOSTILE[name], variant="zh-cn")
    assert time.process_time() - started < 3


PIECES = [*"|;:=", OPEN, CLOSE, "=>", "A", "H", "T", "D", "-", "zh-cn", "zh-tw:", "后", "國", "\0000\0", "\n", "text"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.sampled_from([None, "zh-cn", "zh-tw", "sr-ec"]))
def test_any_markup_is_resolved(text, variant):
    found = VariantPage(variant).resolve(text)
    assert OPEN not in found
    assert CLOSE not in found


# --------------------------------------------------------------------------------------------------- MediaWiki's own tests


@pytest.mark.data
def test_nine_tenths_of_mediawikis_own_tests():
    path = Path(__file__).parents[1] / "bench" / "wikipedia.py"
    spec = importlib.util.spec_from_file_location("bench_wikipedia", path)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = bench
    spec.loader.exec_module(bench)
    folder = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "wiki" / "parsoid"
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the real data sets"
    right, wrong = bench.judged()
    assert right + len(wrong) >= 70
    assert right >= 0.9 * (right + len(wrong))
    assert {case.name for case in wrong} <= set(bench.REASONS)
