"""Dumps to articles: every page counted, ranges that agree, damage that stays where it is."""

import bz2
import functools
import gzip
import io
import json
import os
import random
import re
import tracemalloc
import xml.etree.ElementTree as ElementTree
from itertools import accumulate
from pathlib import Path

import pytest
import zstandard

from curator import storage
from curator.documents import Piece, Tally
from curator.sources import SOURCES
from curator.sources.wikipedia import Wikipedia

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="zh">
  <siteinfo><sitename>维基百科</sitename><dbname>zhwiki</dbname><base>https://zh.wikipedia.org/wiki/Wikipedia:%E9%A6%96%E9%A1%B5</base>
    <namespaces><namespace key="0" /><namespace key="6">File</namespace><namespace key="10">Template</namespace></namespaces>
  </siteinfo>
"""
END = "</mediawiki>\n"


def page(number, text="正文。", title=None, ns=0, extra="", model="wikitext"):
    title = title or f"条目{number}"
    return (
        f"  <page>\n    <title>{title}</title>\n    <ns>{ns}</ns>\n    <id>{number}</id>\n{extra}"
        f"    <revision><id>{number * 10}</id><timestamp>2024-01-02T03:04:05Z</timestamp>"
        f"<contributor><username>u</username><id>7</id></contributor><model>{model}</model>"
        f'<text xml:space="preserve">{text}</text></revision>\n  </page>\n'
    )


def dump(*pages):
    return (HEAD + "".join(pages) + END).encode()


def read(path, source=None, ranges=((0, -1),)):
    """Rows in order, and one tally of all ranges, whose records add up."""
    source = source or Wikipedia()
    file = storage.find([str(path)])[0]
    rows, tally = [], Tally()
    for start, stop in ranges:
        for batch in source.read(Piece(file, start, stop), tally):
            rows += batch.to_pylist()
    assert tally.records == len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values())
    return rows, tally


def written(folder, data, name="zhwiki-20240101-pages-articles.xml"):
    path = folder / name
    path.write_bytes(data)
    return path


def test_columns_of_an_article(tmp_path):
    rows, tally = read(written(tmp_path, dump(page(12, "'''甲'''是乙。", title="甲/乙 丙"))))
    assert SOURCES["wikipedia"] is Wikipedia
    assert rows == [
        {
            "offset": 12,
            "part": None,
            "text": "甲是乙。",
            "url": "https://zh.wikipedia.org/wiki/%E7%94%B2/%E4%B9%99_%E4%B8%99",
            "title": "甲/乙 丙",
            "date": "2024-01-02T03:04:05Z",
            "license": "CC BY-SA 4.0",
            "metadata": '{"wiki":"zhwiki","page":12,"revision":120,"disambiguation":false,"list":false,"stub":false,'
            '"list_share":0.0}',
        }
    ]
    assert tally.damage == []


def test_pages_that_are_no_articles_are_skipped_by_kind(tmp_path):
    pages = [
        page(1, "#REDIRECT [[x]]"),
        page(2, "x", extra='    <redirect title="y" />\n'),
        page(3, "#重定向 [[x]]"),
        page(4, "讨论", ns=1),
        page(5, "{}", model="json"),
        page(6, "{{template only}}"),
        page(7, ""),
        page(8, "# [[numbered]] list"),
    ]
    rows, tally = read(written(tmp_path, dump(*pages)))
    assert [row["offset"] for row in rows] == [8]
    assert tally.skipped == {"redirect": 3, "talk": 1, "json": 1, "empty": 2}
    assert read(written(tmp_path, dump(*pages)), Wikipedia(namespaces=(1,)))[0][0]["text"] == "讨论"


@pytest.mark.parametrize(
    "text", ["{{disambig}}a", "{{Hndis|x}}b", "{{消歧义}}c", "{{消歧義}}d", "{{Disambiguation}}e", "{{geodis}}f"]
)
def test_disambiguation_is_flagged(tmp_path, text):
    rows, _ = read(written(tmp_path, dump(page(1, text), page(2, "{{cite}}g"))))
    assert [json.loads(row["metadata"])["disambiguation"] for row in rows] == [True, False]


def test_kinds_of_pages(tmp_path):
    pages = [
        page(1, "正文。{{物理小作品}}", title="甲"),
        page(2, "* [[甲]]\n* [[乙]]", title="行星列表"),
        page(3, "They are two.", title="List of moons"),
        page(4, "{{disambig}}甲。"),
        page(5, "{{Soft redirect|en:X}}"),
        page(6, "-{H|zh-cn:甲;zh-tw:乙}-\n-{H|zh-cn:丙;zh-tw:丁}-"),
        page(7, "文", ns=828),
        page(8, "Module", title="Template:CGroup/IT"),
    ]
    rows, tally = read(written(tmp_path, dump(*pages)))
    marks = [json.loads(row["metadata"]) for row in rows]
    assert [[key for key in ("disambiguation", "list", "stub") if mark[key]] for mark in marks] == [
        ["stub"],
        ["list"],
        ["list"],
        ["disambiguation"],
    ]
    assert [mark["list_share"] for mark in marks] == [0, 0.86, 0, 0]
    assert tally.skipped == {"soft_redirect": 1, "conversion_rules": 2, "module": 1}


def test_a_variant_is_for_wikis_of_its_language(tmp_path):
    data = dump(page(1, "網路-{A|zh-cn:网络;zh-tw:網路}-", title="網路"))
    source = Wikipedia(variant="zh-cn")
    row = read(written(tmp_path, data), source)[0][0]
    assert (row["text"], row["title"]) == ("网路网络", "网络")
    assert row["url"].endswith("/%E7%B6%B2%E8%B7%AF")
    english = data.replace(b"zh.wikipedia.org", b"en.wikipedia.org")
    assert read(written(tmp_path, english), source)[0][0]["text"] == "網路-{A|zh-cn:网络;zh-tw:網路}-"


@pytest.mark.parametrize(
    ("name", "license"),
    [
        ("zhwiki-20230606-p.xml", "CC BY-SA 3.0"),
        ("zhwiki-20230607-p.xml", "CC BY-SA 4.0"),
        ("zhwiki-latest-p.xml", "CC BY-SA"),
        ("x.xml", "CC BY-SA"),
    ],
)
def test_the_licence_is_that_of_the_dumps_day(tmp_path, name, license):
    assert read(written(tmp_path, dump(page(1)), name))[0][0]["license"] == license


def test_addresses_without_siteinfo(tmp_path):
    data = b"<mediawiki>" + page(1, title="A b?").encode() + END.encode()
    urls = [
        read(written(tmp_path, data, name), source)[0][0]["url"]
        for name, source in [
            ("zh_yuewiki-20240101-pages.xml", Wikipedia()),
            ("frwiktionary-latest-pages.xml", Wikipedia()),
            ("x.xml", Wikipedia(language="simple")),
            ("x.xml", Wikipedia()),
        ]
    ]
    assert urls == [
        "https://zh-yue.wikipedia.org/wiki/A_b%3F",
        "https://fr.wiktionary.org/wiki/A_b%3F",
        "https://simple.wikipedia.org/wiki/A_b%3F",
        None,
    ]


@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        bz2.compress,
        gzip.compress,
        zstandard.ZstdCompressor().compress,
        lambda data: data.decode().encode("utf-16"),
        lambda data: bz2.compress(data.decode().encode("utf-16")),
        lambda data: b"\xef\xbb\xbf" + data,
    ],
)
def test_every_packing_gives_the_same(tmp_path, pack):
    data = dump(*(page(n, f"第{n}页 &amp; 正文") for n in range(1, 30)))
    expected, _ = read(written(tmp_path, data))
    rows, tally = read(written(tmp_path, pack(data)))
    assert rows == expected
    assert len(rows) == 29
    assert tally.damage == []


# ------------------------------------------------------------------------------------------------------- multistream


def multistream(groups, head=HEAD, end=END):
    return [bz2.compress(part.encode()) for part in (head, *groups, end)]


GROUPS = ["".join(page(n, f"第{n}页" + "文" * (n % 7)) for n in range(g * 5 + 1, g * 5 + 6)) for g in range(12)]


@pytest.mark.parametrize("size", [100, 333, 1000, 2500, 10**9])
def test_ranges_of_a_multistream_dump_agree_with_reading_it_whole(tmp_path, size):
    path = written(tmp_path, b"".join(multistream(GROUPS)), "zhwiki-20240101-multistream.xml.bz2")
    whole, tally = read(path)
    assert [row["offset"] for row in whole] == list(range(1, 61))
    assert tally.damage == []
    file = storage.find([str(path)])[0]
    ranges = Wikipedia().ranges(file, size)
    assert len(ranges) == max(1, -(-file.size // size))
    assert ranges[-1][1] == -1
    rows, cut = read(path, ranges=ranges)
    assert rows == whole
    assert (cut.records, cut.skipped, cut.errors, cut.damage) == (tally.records, tally.skipped, tally.errors, tally.damage)


def test_pages_that_straddle_streams_belong_to_the_range_they_begin_in(tmp_path):
    """As in files made by pbzip2, which cuts anywhere, even inside of a tag."""
    data = dump(*(page(n, f"第{n}页" + "文" * 50) for n in range(1, 40)))
    whole, _ = read(written(tmp_path, data))
    for chunk in (97, 401, 1000):
        packed = [bz2.compress(data[at : at + chunk]) for at in range(0, len(data), chunk)]
        path = written(tmp_path, b"".join(packed), "x.xml.bz2")
        file = storage.find([str(path)])[0]
        rows, tally = read(path, ranges=Wikipedia().ranges(file, 700))
        assert [row["text"] for row in rows] == [row["text"] for row in whole]
        assert tally.damage == []


@pytest.mark.parametrize("size", [1 << 30, 700])
@pytest.mark.parametrize("lost", [[0], [3], [3, 4, 5], [9], [3, 7]], ids=["first", "one", "three", "last", "two places"])
@pytest.mark.parametrize("filling", [b"\0", b"\xaa"], ids=["zeros", "foreign"])
def test_gaps_between_streams_are_told_with_their_places(tmp_path, size, lost, filling):
    parts = dump(*(page(n, f"第{n}页" + "文" * 500) for n in range(10))).partition(b"<page>")
    pages = [part + b"</page>" for part in (parts[1] + parts[2]).split(b"</page>")[:-1]]
    pages[0] = parts[0] + pages[0]
    packed = [bz2.compress(each) for each in [*pages, b"</mediawiki>"]]
    starts = list(accumulate(map(len, packed), initial=0))
    for number in lost:
        kept = packed[number][:4] if number == 0 else b""  # or the file would not be one of bz2
        packed[number] = kept + filling * (len(packed[number]) - len(kept))
    path = written(tmp_path, b"".join(packed), "x.xml.bz2")
    rows, tally = read(path, ranges=Wikipedia().ranges(storage.find([str(path)])[0], size))
    assert len(rows) == 10 - len(lost)
    assert [place["where"] for place in tally.damage] == [starts[n] for n in lost if n - 1 not in lost]
    assert all(place["file_damage"] for place in tally.damage)


def test_erased_pages_of_a_plain_dump_are_errors_with_their_place(tmp_path):
    data = bytearray(dump(*(page(n, f"第{n}页") for n in range(8))))
    starts = [found.start() for found in re.finditer(b"<page>", data)]
    data[starts[2] : starts[4]] = bytes(starts[4] - starts[2])  # two whole pages
    data[starts[6] : starts[6] + 9] = b"<pagg><x>"  # a page that does not begin
    rows, tally = read(written(tmp_path, bytes(data)))
    assert len(rows) == 5
    assert tally.errors == {"garbage": 2}
    assert [place["where"] for place in tally.damage] == [starts[2], starts[6]]


def test_a_single_stream_is_not_cut(tmp_path):
    path = written(tmp_path, bz2.compress(dump(*GROUPS)), "x.xml.bz2")
    assert Wikipedia().ranges(storage.find([str(path)])[0], 10) == [(0, -1)]


@pytest.mark.parametrize("size", [10**9, 800])
@pytest.mark.parametrize("where", [0, 1, 20, 60])
def test_a_damaged_stream_costs_itself_alone(tmp_path, where, size):
    streams = multistream(GROUPS)
    hurt = bytearray(streams[4])
    hurt[where:] = hurt[where : where + 4].translate(bytes(255 - i for i in range(256))) + hurt[where + 4 :]
    path = written(tmp_path, b"".join([*streams[:4], bytes(hurt), *streams[5:]]), "x.xml.bz2")
    rows, tally = read(path, ranges=Wikipedia().ranges(storage.find([str(path)])[0], size))
    kept = [row["offset"] for row in rows]
    assert kept == [n for n in range(1, 61) if not 16 <= n <= 20]
    if where > 3:  # below, the stream's own mark is gone and nothing tells that there was one
        assert [(d["kind"], d["where"], d["file_damage"]) for d in tally.damage] == [
            ("corrupt", sum(map(len, streams[:4])), True)
        ]


@pytest.mark.parametrize("pack", [bytes, lambda data: bz2.compress(data, 1), gzip.compress])
def test_a_truncated_dump_keeps_its_complete_pages(tmp_path, pack):
    whole = dump(*(page(n, os.urandom(300).hex()) for n in range(1, 400)))
    data = pack(whole)
    rows, tally = read(written(tmp_path, data[: len(data) * 2 // 3]))
    kept = [row["offset"] for row in rows]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) > 150
    assert [d["kind"] for d in tally.damage] == ["truncated"]
    assert tally.errors == {}


def in_members(data):
    return b"".join(gzip.compress(data[i : i + 50_000]) for i in range(0, len(data), 50_000))


@pytest.mark.parametrize("pack", [functools.partial(bz2.compress, compresslevel=1), in_members])
def test_what_is_behind_a_damaged_place_of_one_stream_is_read(tmp_path, pack):
    chance = random.Random(1)
    data = dump(*[page(n, "".join(chr(chance.randrange(0x4E00, 0x9FA0)) for _ in range(2000))) for n in range(1, 200)])
    packed = pack(data)
    whole, tally = read(written(tmp_path, packed))
    assert len(whole) == 199
    assert not tally.damage
    middle = len(packed) // 2
    rows, tally = read(written(tmp_path, packed[:middle] + bytes(300) + packed[middle + 300 :]))
    texts = {row["text"] for row in whole}
    assert len(rows) > 150
    assert all(row["text"] in texts for row in rows)
    assert rows[-1] == whole[-1]
    assert len([place for place in tally.damage if place["file_damage"]]) == 1
    assert set(tally.errors) <= {"garbage"}, "the page whose beginning is lost"


def test_a_dump_cut_between_pages_is_named(tmp_path):
    rows, tally = read(written(tmp_path, (HEAD + page(1)).encode()))
    assert len(rows) == 1
    assert [d["kind"] for d in tally.damage] == ["truncated"]


# ------------------------------------------------------------------------------------------------------- hostile input


def test_a_malformed_page_costs_itself_alone(tmp_path):
    bad = [
        page(2, "<b>not escaped"),
        page(3, "&unknown; entity"),
        page(4, "x\x01y"),
        page(5).replace("<id>5</id>", "<id>five</id>"),
        page(6).replace("    <id>6</id>\n", ""),
        page(7)[:60],  # its end is missing
    ]
    rows, tally = read(written(tmp_path, dump(page(1), *bad, page(8))))
    assert [row["offset"] for row in rows] == [1, 8]
    assert tally.errors == {"malformed_page": 6}
    assert [d["where"] for d in tally.damage] == [2, 3, 4, "条目5", "条目6", "条目7"]


def test_entities_are_refused(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
    )
    data = (bomb + "]>" + HEAD + page(1, "&j;") + page(2) + END).encode()
    rows, tally = read(written(tmp_path, data))
    assert [row["offset"] for row in rows] == [2]
    assert tally.errors == {"malformed_page": 1}
    assert [d["kind"] for d in tally.damage if d["file_damage"]] == ["doctype"]


def test_a_page_above_the_limit_is_an_error_and_bounded(tmp_path):
    pages = [page(1), page(2, "长" * 10_000), page(3), page(4, "x" * 5_000_000), page(5)]
    rows, tally = read(written(tmp_path, bz2.compress(dump(*pages))), Wikipedia(max_page_bytes=20_000))
    assert [row["offset"] for row in rows] == [1, 3, 5]
    assert tally.errors == {"page_too_large": 2}
    assert [d["where"] for d in tally.damage] == [2, 4]


def test_a_bomb_of_one_page_costs_no_memory(tmp_path):
    squeezer = bz2.BZ2Compressor()
    packed = squeezer.compress((HEAD + "  <page><title>x</title><id>1</id><text>").encode())
    for _ in range(60):
        packed += squeezer.compress(b"a" * 1_000_000)
    packed += squeezer.compress(f"</text></page>{page(2)}{END}".encode()) + squeezer.flush()
    path = written(tmp_path, packed)
    tracemalloc.start()
    rows, tally = read(path, Wikipedia(max_page_bytes=1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [row["offset"] for row in rows] == [2]
    assert tally.errors == {"page_too_large": 1}
    assert peak < 30 << 20


def test_not_a_dump(tmp_path):
    for data in (b"", b"hello", os.urandom(5000), b"<html><page></html>"):
        rows, tally = read(written(tmp_path, data))
        assert rows == []
        assert tally.damage


@pytest.mark.parametrize("options", [{"max_page_bytes": 1}, {"language": "Chinese!"}])
def test_options_are_checked(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Wikipedia(**options)


# ----------------------------------------------------------------------------------------------------------- real dumps


def real(name):
    folder = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
    found = sorted((folder / "wiki").glob(name))
    assert found, f"{folder / 'wiki' / name} is missing: set CURATOR_DATA to the folder of the real data sets"
    return found[0]


real_rows = functools.cache(lambda name: read(real(name)))


def counted(path):
    """Pages by namespace and redirect, by another parser and another way."""
    articles, redirects, others = {}, 0, 0
    for _, element in ElementTree.iterparse(io.BytesIO(bz2.decompress(path.read_bytes()))):
        if element.tag.rpartition("}")[2] != "page":
            continue
        parts = {child.tag.rpartition("}")[2]: child for child in element.iter()}
        if parts["ns"].text != "0":
            others += 1
        elif "redirect" in parts:
            redirects += 1
        else:
            articles[int(next(c for c in element if c.tag.endswith("}id")).text or "")] = parts["text"].text or ""
    return articles, redirects, others


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "pages", "empty"),
    [("enwiki-latest-*.bz2", 206, 0), ("zhwiki-3pages*", 3, 0), ("aawiki-*", 507, 1), ("macbre*", 2, 0)],
)
def test_real_dumps_agree_with_another_parser(name, pages, empty):
    articles, redirects, others = counted(real(name))
    rows, tally = real_rows(name)
    assert tally.records == pages == len(articles) + redirects + others
    assert tally.skipped.get("redirect", 0) == redirects
    assert sum(count for kind, count in tally.skipped.items() if kind not in ("redirect", "empty")) == others
    assert tally.skipped.get("empty", 0) == empty
    assert [row["offset"] for row in rows] == list(articles)[: len(rows)]
    assert len(rows) == len(articles) - empty
    assert tally.errors == {}
    assert tally.damage == []


@pytest.mark.data
def test_real_english_reads_clean():
    rows, _ = real_rows("enwiki-latest-*.bz2")
    texts = {row["title"]: re.sub(r"\$[^$]*\$", "", row["text"]) for row in rows}
    everything = "\n".join(texts.values())
    for left in ("{{", "[[", "<ref", "{|", "''", "&nbsp;", "Category:", "thumb|", "__NOTOC__", "\x00", "\x01"):
        assert left not in everything
    assert texts["Anarchism"].startswith("Anarchism is a political philosophy that advocates self-governed societies")
    assert "\nHistory\nOrigins\n" in texts["Anarchism"]
    assert "External links" not in texts["Anarchism"].split("\n")


@pytest.mark.data
def test_real_chinese_by_variant():
    for source, beginning in (
        (Wikipedia(variant="source"), "快速UDP網路連接（Quick UDP Internet Connections，缩写：QUIC）"),
        (Wikipedia(variant="zh-cn"), "快速UDP网路连接（Quick UDP Internet Connections，缩写：QUIC）"),
        (Wikipedia(variant="zh-tw"), "快速UDP網路連線（Quick UDP Internet Connections，縮寫：QUIC）"),
    ):
        rows, _ = read(real("zhwiki-3pages*"), source)
        assert rows[0]["text"].startswith(beginning)
        assert "参考资料" not in rows[0]["text"]


def test_a_dump_from_a_wheel_in_utf_16():
    path = "pypi:gensim==4.4.0/gensim/test/test_data/bgwiki-latest-pages-articles-shortened.xml.bz2"
    rows, tally = read(path)
    assert (len(rows), tally.skipped) == (1, {"project": 2})
    assert rows[0]["text"].startswith("Григорианският календар")
    assert rows[0]["url"].startswith("https://bg.wikipedia.org/wiki/%D0%93")


@pytest.mark.parametrize(
    "data", [b"7z\xbc\xaf\x27\x1c" + bytes(99), b"%PDF-1.4\n", b"text,url\n", gzip.compress(b"<html>x</html>")]
)
def test_what_is_no_dump_is_told(tmp_path, data):
    rows, tally = read(written(tmp_path, data, "x.xml"))
    assert rows == []
    assert [place["kind"] for place in tally.damage] == ["not_dump"]
    assert ("7z x" in tally.damage[0]["message"]) == data.startswith(b"7z")


def test_a_multistream_dump_whose_beginning_is_damaged_is_read_on(tmp_path):
    data = bytearray(bz2.compress(dump(page(1))[:-13]) + bz2.compress(page(2).encode() + END.encode()))
    data[4] ^= 1
    rows, tally = read(written(tmp_path, bytes(data), "x.xml.bz2"))
    assert [row["offset"] for row in rows] == [2]
    assert "not_dump" not in [place["kind"] for place in tally.damage]
