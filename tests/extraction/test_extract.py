"""The engine as a whole: what it keeps, how it renders it, and what it says of the page."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from curator.extraction import extract

PROSE = [
    "今天下午，市气象台发布了暴雨预警，请市民注意出行安全。预计未来三天，全市将有大到暴雨，局部伴有雷电和大风。",
    "记者从水务部门了解到，各区已经做好排水准备，低洼路段安排了专人值守。地铁运营时间也将根据客流情况延长。",
    "专家提醒，雨天开车要减速慢行，遇到积水路段不要强行通过，行人应远离广告牌和大树，注意自身安全。",
]
ENGLISH = [
    "The council said on Tuesday that the bridge, which has been closed since March, will reopen in the autumn, after repairs.",
    "Engineers found cracks in two of its piers, and the work to strengthen them took longer than expected, they added.",
    "Residents have complained about the long way round, but most of those who were asked said that safety had to come first.",
]


def paragraphs(texts: list[str]) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def page(body: str, head: str = "<title>暴雨预警</title>") -> str:
    menu = "".join(f"<li><a href=/{i}>栏目{i}</a></li>" for i in range(12))
    links = "".join(f"<li><a href=/n{i}.html>相关新闻标题第{i}条</a></li>" for i in range(8))
    return (
        f"<html><head>{head}</head><body><div class=nav><ul>{menu}</ul></div><div class=article>{body}</div>"
        f"<div class=related><h3>相关阅读</h3><ul>{links}</ul></div>"
        "<div class=footer>版权所有 © 2024 某某网 <a href=/about>关于我们</a></div></body></html>"
    )


@pytest.mark.parametrize("prose", [PROSE, ENGLISH], ids=["zh", "en"])
def test_the_article_and_nothing_else(prose: list[str]) -> None:
    found = extract(page(f"<h1>暴雨预警</h1>{paragraphs(prose)}"))
    lines = found.text.split("\n")
    assert [line for line in lines if line in prose] == prose
    assert "栏目" not in found.text
    assert "相关新闻" not in found.text
    assert "版权所有" not in found.text


def test_lines_set_apart_by_br_are_paragraphs() -> None:
    found = extract(page("<div>" + "<br><br>".join(PROSE) + "</div>"))
    assert [line for line in found.text.split("\n") if line in PROSE] == PROSE


def test_all_posts_of_a_thread_are_kept() -> None:
    said = [f"{place}的消息。{text}" for place in ("城东", "城西", "城南", "城北") for text in PROSE]
    posts = "".join(
        f"<div class=post id=p{i}><div class=user><a href=/u{i}>user{i}</a></div><div class=message>{text}</div></div>"
        for i, text in enumerate(said)
    )
    found = extract(page(f"<h1>暴雨预警</h1>{posts}"))
    assert [line for line in found.text.split("\n") if line in said] == said


def test_an_aside_is_beside_the_point_unless_there_is_nothing_else() -> None:
    found = extract(page(f"<h1>暴雨预警</h1>{paragraphs(PROSE)}<aside>{paragraphs(ENGLISH)}</aside>"))
    assert [line for line in found.text.split("\n") if line in PROSE + ENGLISH] == PROSE
    found = extract(page(f"<aside><h1>暴雨预警</h1>{paragraphs(PROSE)}</aside>"))
    assert [line for line in found.text.split("\n") if line in PROSE] == PROSE


def test_nothing_on_a_page_without_text() -> None:
    assert extract("").text == ""
    assert extract("<html><body><script>var a = 'not text'</script></body></html>").text == ""


STRUCTURED = page(
    f"<h1>暴雨预警</h1>{paragraphs(PROSE)}<h2>措施</h2><ul><li>减速慢行，注意安全，不要强行通过积水路段。</li>"
    "<li>远离广告牌，远离大树，注意自身安全。</li></ul>"
    f"<p>{PROSE[0]}其中 <b>橙色</b> 预警使用 <code>orange()</code> 表示。</p>"
    "<pre class='language-python'>def warn(level):\n    return  level &lt; 3</pre>"
    f"<table><tr><th>地区</th><th>雨量</th></tr><tr><td>城东，含开发区</td><td>120 毫米</td></tr></table><p>{PROSE[1]}</p>"
)


def test_structure_as_plain_text() -> None:
    text = extract(STRUCTURED).text
    assert "def warn(level):\n    return  level < 3" in text
    assert "\n城东，含开发区\t120 毫米\n" in text
    assert "其中 橙色 预警使用 orange() 表示" in text


def test_structure_as_markdown() -> None:
    text = extract(STRUCTURED, "markdown").text
    assert "\n## 措施\n" in text
    assert "\n- 减速慢行，注意安全，不要强行通过积水路段。\n- 远离广告牌" in text
    assert "```python\ndef warn(level):\n    return  level < 3\n```" in text
    assert "| 地区 | 雨量 |\n| --- | --- |\n| 城东，含开发区 | 120 毫米 |" in text
    assert "其中 **橙色** 预警使用 `orange()` 表示" in text
    assert not re.search("[\uf8d0-\uf8df]", text)


def test_markdown_says_what_the_text_says() -> None:
    """The same blocks: without marks and white space one is the other."""
    marks = re.compile(r"[\s#*`|>-]|python|\d\.")
    body = paragraphs(PROSE) + "<ol><li>" + "<li>".join(PROSE) + f"</ol><blockquote>{paragraphs(PROSE)}</blockquote>"
    for html in (STRUCTURED, page(body)):
        assert marks.sub("", extract(html, "markdown").text) == marks.sub("", extract(html).text)


@pytest.mark.parametrize(
    "formula",
    [
        '<math alttext="x^2+y"><mi>x</mi></math>',
        '<math><semantics><mi>x</mi><annotation encoding="application/x-tex">x^2+y</annotation></semantics></math>',
        '<script type="math/tex">x^2+y</script>',
        '<img class="latex" src="/latex.php?latex=x%5E2%2By" alt="x^2+y">',
        '<img src="http://latex.codecogs.com/gif.latex?x^2+y">',
        '<span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi><annotation encoding="application/x-tex">'
        'x^2+y</annotation></semantics></math></span><span class="katex-html"><span>x2y</span></span></span>',
    ],
    ids=["alttext", "annotation", "mathjax", "image", "image without alt", "katex"],
)
def test_formulas_keep_their_source(formula: str) -> None:
    html = page(
        paragraphs(ENGLISH) + f"<p>The energy, as everyone has learned at school, is {formula} in all cases, they said.</p>"
    )
    assert "school, is x^2+y in all" in extract(html).text
    assert "school, is $x^2+y$ in all" in extract(html, "markdown").text


def test_powers_and_indices_are_no_other_numbers() -> None:
    said = "Light travels 3 x 10<sup>8</sup> m/s, and water is H<SUB>2</SUB>O, as was said<sup><a href=#n1>1</a></sup> before."
    html = page(f"{paragraphs(ENGLISH)}<p>{said}</p>")
    for form in (html, html.encode()):
        assert "3 x 10⁸ m/s, and water is H₂O, as was said1 before." in extract(form).text


def test_a_formula_that_stands_alone_is_set_apart() -> None:
    alone, inside = (f"<p>{text}</p>" for text in ("<math><mi>x</mi></math>", f"{PROSE[0]}<math><mi>y</mi></math>"))
    html = page(f"{paragraphs(PROSE)}{alone}{paragraphs(ENGLISH)}{inside}")
    assert "\n\n$$\nx\n$$\n\n" in extract(html, "markdown").text
    assert f"{PROSE[0]}$y$" in extract(html, "markdown").text
    assert "\nx\n" in extract(html).text


FACTS = (
    "<table><tr><th>人<th>生<th>卒<tr><td>甲<td>1815<td>1852<tr><td rowspan=2>乙<td><td>1900<tr><td colspan='2'>不详"
    "<tr><td>丙<td>1955<td></table>"
)


def test_empty_cells_keep_their_columns() -> None:
    html = page(f"{paragraphs(PROSE)}{FACTS}{paragraphs(ENGLISH)}")
    assert "\n人\t生\t卒\n甲\t1815\t1852\n乙\t\t1900\n\t不详\n丙\t1955\n" in extract(html).text
    lines = ["人 | 生 | 卒", "--- | --- | ---", "甲 | 1815 | 1852", "乙 |  | 1900", " | 不详 | ", "丙 | 1955 | "]
    assert "".join(f"\n| {line} |" for line in lines) + "\n" in extract(html, "markdown").text


def test_a_table_cannot_ask_for_more_columns_than_anybody_reads() -> None:
    row = "<tr><td colspan=9999>城东，含开发区<td>120 毫米"
    html = page(f"{paragraphs(PROSE)}<table>{row * 50}</table>{paragraphs(ENGLISH)}")
    assert "\n城东，含开发区\t120 毫米\n" in extract(html).text
    assert "\n| 城东，含开发区 | 120 毫米 |\n" in extract(html, "markdown").text


def test_a_picture_is_no_formula() -> None:
    html = page(paragraphs(ENGLISH) + '<p>A vortex, as seen, <img src="/texture.png?w=200" alt="blue swirl">, they said.</p>')
    assert "swirl" not in extract(html).text


def test_the_form_for_print_is_left_out() -> None:
    text = extract(page(f"<h1>暴雨预警</h1>{paragraphs(PROSE)}<div class=print>{paragraphs(PROSE)}</div>")).text
    assert all(text.count(line) == 1 for line in PROSE)


def test_lines_of_a_highlighter_are_one_piece_of_code() -> None:
    lines = [("import", " java.util.*;"), ("public", " class A {"), ("return", " 1; }")]
    code = "".join(f"<div class=line><code class=keyword>{a}</code><code>{b}</code></div>" for a, b in lines)
    text = extract(page(f"{paragraphs(PROSE)}<div class=code>{code}</div>{paragraphs(ENGLISH)}"), "markdown").text
    assert "```\nimport java.util.*;\npublic class A {\nreturn 1; }\n```" in text


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        ("<code><span>if x:<br />\n</span><span>&nbsp; &nbsp;&nbsp;return </span><b>1</b><br></code>", "if x:\n    return 1"),
        ("<pre>if x:<br>&nbsp;   return 1\n</pre>", "if x:\n    return 1"),
        ("<code>one\ntwo</code>", "one two"),
    ],
)
def test_breaks_and_hard_spaces_in_code_are_kept(listing: str, said: str) -> None:
    html = page(f"{paragraphs(PROSE)}<div>{listing}</div>{paragraphs(ENGLISH)}")
    assert f"{PROSE[-1]}\n{said}\n{ENGLISH[0]}" in extract(html).text
    marked = f"```\n{said}\n```" if "\n" in said else said
    assert f"\n\n{marked}\n\n{ENGLISH[0]}" in extract(html, "markdown").text


def test_a_break_in_code_within_prose_parts_its_words() -> None:
    html = page(paragraphs(PROSE) + f"<p>{ENGLISH[0]} <code>make<br>check</code> does it.</p>")
    assert f"{ENGLISH[0]} make\ncheck does it." in extract(html).text
    assert "make check" in extract(html, "markdown").text


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_what_has_no_width_parts_no_words(form: Literal["text", "markdown"]) -> None:
    line = "<p>&ZeroWidthSpace;今天\u200b的天\ufeff气 \u200b \u200b很好，预计明天也是。\u200b</p>"
    html = page(paragraphs(PROSE) + line + paragraphs(ENGLISH))
    assert "\n今天\u200b的天\ufeff气 很好，预计明天也是。\n" in extract(html, form).text


def test_marks_that_touch_are_one() -> None:
    text = extract(page(f"{paragraphs(PROSE)}<p>{PROSE[0]}<b>橙</b><b>色</b> <i>预</i> 警</p>"), "markdown").text
    assert "**橙色** *预* 警" in text


def test_scripts_are_no_formulas() -> None:
    script = '<script type="text/javascript">var notText = 1;</script><style type="text/css">p{color:red}</style>'
    assert "notText" not in extract(page(paragraphs(PROSE) + script)).text


def test_a_link_that_is_never_closed_is_no_link() -> None:
    found = extract(page('<a href="/x"><p>' + "<p>".join(PROSE * 3)))
    assert all(text in found.text for text in PROSE)


HEAD = (
    '<title>暴雨预警_某某网</title><meta property="article:published_time" content="2024-05-13T08:00:00+08:00">'
    '<meta name=author content="张三"><link rel=canonical href="https://example.org/a?b=1&amp;c=2">'
)


def test_what_a_page_says_of_itself() -> None:
    found = extract(page(paragraphs(PROSE), HEAD))
    assert (found.title, found.author, found.published) == ("暴雨预警_某某网", "张三", "2024-05-13")
    assert found.canonical == "https://example.org/a?b=1&c=2"


def test_what_json_ld_says() -> None:
    head = (
        '<title>t</title><script type="application/ld+json">{"@type":"NewsArticle","datePublished": "2023-01-02T03:04",'
        '"author": [{"@type": "Person", "name": "Jane Roe"}]}</script>'
    )
    found = extract(page(paragraphs(ENGLISH), head))
    assert (found.author, found.published) == ("Jane Roe", "2023-01-02")


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("2012年01月12日 07:37 来源：新华网", "2012-01-12"),
        ("2012-1-12", "2012-01-12"),
        ("2012/13/45", None),
        ("tel. 20120112345", None),
    ],
)
def test_the_date_beside_the_title(line: str, day: str | None) -> None:
    assert extract(page(f"<h1>暴雨预警</h1><div>{line}</div>{paragraphs(PROSE)}")).published == day


@pytest.mark.parametrize("href", ["javascript:alert(1)", "http://[bad", "/relative", "", "ftp://a.b/c", "https://a b/c"])
def test_no_canonical_address(href: str) -> None:
    assert extract(page(paragraphs(PROSE), f'<link rel=canonical href="{href}">')).canonical is None


def test_a_relative_canonical_address_is_joined() -> None:
    html = page(paragraphs(PROSE), '<link rel="canonical" href="/b.html">')
    assert extract(html, url="https://example.org/a?x=1").canonical == "https://example.org/b.html"


def test_the_same_every_time() -> None:
    assert extract(STRUCTURED) == extract(STRUCTURED)
