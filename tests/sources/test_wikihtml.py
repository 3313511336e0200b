"""HTML dumps: Parsoid's HTML to text, and JSON lines in a tar file to articles.

The dump is built here in the form that Wikimedia Enterprise documents; no real file was at hand.
"""

import gzip
import io
import json
import random
import tarfile
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import storage
from curator.documents import Piece, Tally
from curator.sources.wikihtml import article
from curator.sources.wikipedia import Wikipedia
from curator.sources.wikivariants import CLOSE, OPEN

PAGE = """<!DOCTYPE html>
<html prefix="dc: http://purl.org/dc/terms/"><head><title>Albedo</title><meta charset="utf-8"/></head>
<body class="mw-content-ltr sitedir-ltr" lang="en"><section data-mw-section-id="0" id="mwAQ">
<div class="shortdescription nomobile noexcerpt noprint" style="display:none">Ratio</div>
<div role="note" class="hatnote navigation-not-searchable">For other uses, see X.</div>
<table class="infobox vcard"><tbody><tr><th>Area</th><td>5 km<table><tr><td>inner</td></tr></table></td></tr></tbody></table>
<figure class="mw-default-size" typeof="mw:File/Thumb"><a href="./File:A.png"><img src="a.png"/></a><figcaption
>A caption</figcaption></figure>
<p id="mwBA"><b>Albedo</b> (<span class="IPA">x</span>) is a <a rel="mw:WikiLink" href="./Ratio" title="Ratio">ratio</a
>.<sup about="#mwt1" class="mw-ref reference" typeof="mw:Extension/ref"><a href="#c"><span
class="mw-reflink-text">[1]</span></a></sup>
It is <span class="mwe-math-element"><span class="mwe-math-mathml-inline mwe-math-mathml-a11y" style="display: none;"><math
alttext="{\\displaystyle x}"
><semantics><mi>x</mi></semantics></math></span><img
class="mwe-math-fallback-image-inline" alt="{\\displaystyle \\alpha ^{2}}" src="m.svg"/></span>
m<sup>2</sup> &amp; 3 &lt; 4.</p></section>
<section data-mw-section-id="1"><h2 id="Values">Values<span class="mw-editsection">[edit]</span></h2>
<ul><li>one<ul><li>two <b>bold</b></li></ul></li><li>three</li></ul><ol><li>first</li><li>second</li></ol>
<table class="wikitable"><caption>Samples</caption><tbody><tr><th>Surface</th><th>Value</th></tr>
<tr><td>Ice<br/>cold</td><td></td><td>0.5<sup class="reference">[2]</sup></td></tr></tbody></table>
<dl><dt>Term</dt><dd>meaning</dd></dl><pre>if x:
    y</pre><blockquote><p>Quoted.</p></blockquote></section>
<section data-mw-section-id="2"><h2 id="References">References</h2>
<div class="mw-references-wrap"><ol class="mw-references references">
<li><span>Source</span></li></ol></div></section>
<section><h2>External links</h2><ul><li><a href="http://x.example">Site</a></li></ul>
<div class="navbox" role="navigation"><table><tr><td>nav</td></tr></table></div></section></body></html>"""

TEXT = """Albedo (x) is a ratio. It is $\\alpha ^{2}$ m² & 3 < 4.
Values
- one
  - two bold
- three
1. first
2. second
Samples
Surface | Value
Ice cold | 0.5
Term
meaning
if x:
    y
Quoted."""


def test_what_a_reader_sees():
    assert article(PAGE)[0] == TEXT


@pytest.mark.parametrize(
    ("variant", "text", "title"),
    [
        (None, "甲计算机 网络", "標題"),
        ("zh-cn", "甲计算机 网络", "标题"),
        ("zh-tw", "甲電腦 網路", "標題"),
    ],
)
def test_variants(variant, text, title):
    page = """<p><meta typeof="mw:LanguageVariant"
    data-mw-variant='{"add":true,"twoway":[{"l":"zh-cn","t":"网络"},{"l":"zh-tw","t":"網路"}]}'
    />甲<span typeof="mw:LanguageVariant"
    data-mw-variant='{"twoway":[{"l":"zh-cn","t":"计算机"},{"l":"zh-tw","t":"&lt;b>電腦&lt;/b>"}]}'></span> 网络</p>"""
    assert article(page, variant, "標題") == (text, title)


def line(number, page="<p>Text.</p>", **fields):
    return {
        "name": f"Page {number}",
        "identifier": number,
        "url": f"https://zh.wikipedia.org/wiki/Page_{number}",
        "date_modified": "2024-01-02T03:04:05Z",
        "version": {"identifier": number * 10},
        "namespace": {"identifier": 0},
        "in_language": {"identifier": "zh"},
        "is_part_of": {"identifier": "zhwiki"},
        "license": [{"name": "Creative Commons Attribution Share Alike 4.0", "identifier": "CC-BY-SA-4.0", "url": "https://x"}],
        "article_body": {"html": page, "wikitext": "Text."},
    } | fields


def snapshot(*members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for number, lines in enumerate(members):
            data = "".join(
                one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) + "\n" for one in lines
            ).encode()
            info = tarfile.TarInfo(f"zhwiki_namespace_0_{number}.ndjson")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def read(folder, data, source=None, name="zhwiki-NS0-20240101-ENTERPRISE-HTML.json.tar.gz"):
    path = folder / name
    path.write_bytes(data)
    file = storage.find([str(path)])[0]
    source = source or Wikipedia()
    assert source.ranges(file, 100) == [(0, -1)]
    tally = Tally()
    rows = [row for batch in source.read(Piece(file), tally) for row in batch.to_pylist()]
    assert tally.records == len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values())
    return rows, tally


def test_columns_of_an_article(tmp_path):
    rows, tally = read(tmp_path, snapshot([line(12, templates=[{"name": "Template:Disambiguation"}])], [line(13)]))
    assert rows[0] == {
        "offset": 0,
        "part": None,
        "text": "Text.",
        "url": "https://zh.wikipedia.org/wiki/Page_12",
        "title": "Page 12",
        "date": "2024-01-02T03:04:05Z",
        "license": "CC BY-SA 4.0",
        "metadata": '{"wiki":"zhwiki","page":12,"revision":120,"disambiguation":true,"list":false,"stub":false,'
        '"list_share":0.0}',
    }
    assert [json.loads(row["metadata"])["page"] for row in rows] == [12, 13]
    assert tally.damage == []


def test_every_line_is_counted(tmp_path):
    dump = snapshot(
        [
            line(1),
            line(1),  # real snapshots name pages twice
            line(2, namespace={"identifier": 1}),
            line(3, "<p></p>"),
            line(4, '<link rel="mw:PageProp/redirect" href="./X"/>'),
            line(5, templates=[{"name": "Template:Soft redirect"}]),
            "not json\n",
            {"name": "x"},
            line(6, "x" * 50_000),
            line(7, article_body={"html": 3}),
            line(8, article_body="x"),
            "[1]\n",
        ]
    )
    rows, tally = read(tmp_path, dump, Wikipedia(max_page_bytes=20_000))
    assert [row["offset"] for row in rows] == [0, 1]
    assert tally.skipped == {"talk": 1, "empty": 1, "redirect": 1, "soft_redirect": 1}
    assert tally.errors == {"malformed_page": 5, "page_too_large": 1}
    told = {d["where"]: d["message"] for d in tally.damage if d["kind"] == "malformed_page"}
    assert told.pop(6).startswith("the line is no JSON: ")
    incomplete = "no name, or no article_body.html"
    assert told == {7: incomplete, 9: incomplete, 10: incomplete, 11: "the line is no JSON object"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_without_a_tar_file(tmp_path, pack):
    lines = "\n".join(json.dumps(line(n)) for n in (1, 2)).encode()
    rows, tally = read(tmp_path, pack(lines), name="zhwiki.ndjson")
    assert len(rows) == 2
    assert tally.damage == []


def test_a_truncated_snapshot_keeps_what_it_has(tmp_path):
    chance = random.Random(1)
    whole = snapshot([line(n, f"<p>{chance.randbytes(1000).hex()}</p>") for n in range(300)])
    rows, tally = read(tmp_path, whole[: len(whole) // 2])
    assert 50 < len(rows) < 300
    assert [damage["kind"] for damage in tally.damage] == ["truncated"]


HOSTILE = {
    "opened": "<div>" * 100_000,
    "closed": "<div>" * 50_000 + "</div>" * 50_000,
    "lists": "<ul><li>a" * 50_000,
    "tables": "<table><tr><td>a" * 50_000,
    "closed tables": "<table><tr><td>a" * 25_000 + "</td></tr></table>" * 25_000,
    "unclosed tags": "<a " * 200_000,
    "quotes": "<a b='" * 100_000,
    "mixed quotes": "<a b='\"" * 100_000,
    "attributes": "<a " + "b='c' " * 100_000 + ">",
    "comments": "<!--" * 150_000,
    "declarations": "<!x" * 150_000,
    "scripts": "<script>" * 75_000,
    "skipped": "<nav>" * 75_000,
    "variants": """<span typeof="mw:LanguageVariant" data-mw-variant='{"disabled":{"t":"a"}}'>""" * 20_000,
    "lines": "<pre>" + "\n" * 250_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_cost_linear_time(name):
    started = time.process_time()
    article(HOSTILE[name], "zh-cn")
    assert time.process_time() - started < 3


TAGS = [
    "<p>",
    "</p>",
    "<ul>",
    "</ul>",
    "<li>",
    "</li>",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "<h2>",
    "</h2>",
    "<br/>",
    "<nav>",
    "</nav>",
]


@given(
    st.lists(st.sampled_from([*TAGS, "<pre>", "</pre>", "a", "\n", " ", "&amp;", OPEN, CLOSE, "<b/>"]), max_size=40).map(
        "".join
    )
)
def test_any_page_is_read(page):
    text, _ = article(page)
    assert not {"\0", OPEN, CLOSE} & set(text)


def test_lists_in_cells_are_parted():
    page = "<table class='wikitable'><tr><td>a<ul><li>b</li><li>c<ul><li>d</li></ul></li></ul></td><td>e</td></tr></table>"
    assert article(page)[0] == "a b; c; d | e"
