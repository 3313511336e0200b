import bz2
import gzip
import io
import json
import random
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.documents import File, Piece, Source, Tally
from curator.sources import stackexchange, threads
from curator.sources.postsxml import Elements
from curator.sources.sorting import Sorter
from curator.sources.stackexchange import StackExchange, _text

HEAD = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'
TAIL = b"</posts>"


def xml(**attributes: Any) -> bytes:
    """A row as the dumps write it."""
    written = "".join(
        f" {name}={quoteattr(str(value), {chr(10): '&#xA;', chr(34): '&quot;'})}" for name, value in attributes.items()
    )
    return f"  <row{written} />\r\n".encode()


def question(number: int, title: str = "Title", body: str = "<p>Body?</p>\n", **more: Any) -> bytes:
    known = {"Id": number, "PostTypeId": 1, "CreationDate": "2015-01-27T20:09:32.720", "Score": 3, "Body": body, "Title": title}
    return xml(**{**known, "Tags": "<how-to><c++>", "ViewCount": 130, **more})


def answer(number: int, parent: int, score: int = 1, body: str = "", **more: Any) -> bytes:
    known = {"Id": number, "PostTypeId": 2, "ParentId": parent, "CreationDate": "2016-01-27T20:09:32.720", "Score": score}
    return xml(**{**known, "Body": body or f"<p>Answer {number}.</p>\n", **more})


def read(path: Path, source: StackExchange | None = None, tally: Tally | None = None, name: str = "") -> list[dict]:
    tally = Tally() if tally is None else tally
    piece = Piece(File(str(path), name or path.name, path.stat().st_size, ""))
    rows = [row for batch in (source or StackExchange()).read(piece, tally) for row in batch.to_pylist()]
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records
    return rows


def write(folder: Path, *rows: bytes, name: str = "Posts.xml") -> Path:
    path = folder / name
    path.write_bytes(HEAD + b"".join(rows) + TAIL)
    return path


def test_is_a_source():
    assert isinstance(StackExchange(), Source)
    assert StackExchange().ranges(File("a", "a", 1 << 40, ""), 1) == [(0, -1)]


def test_a_question_and_its_answers(tmp_path):
    path = write(
        tmp_path,
        question(
            1,
            'What is "a < b" & c?',
            "<p>I have <code>f(1)</code> &amp; more:</p>\n\n<pre><code>if a &lt; b:\n    f(1)\n</code></pre>\n",
            AcceptedAnswerId=4,
        ),
        answer(2, 1, 5),
        answer(3, 1, 9, "<ul><li>one</li><li>two</li></ul>"),
        answer(4, 1, 2),
        xml(Id=5, PostTypeId=5, Score=0, Body="<p>About a tag.</p>"),
        xml(Id=6, PostTypeId=4, Score=0, Body="About a tag."),
    )
    tally = Tally()
    (row,) = read(path, tally=tally, name="stackoverflow.com/Posts.xml")
    asked = 'Q: What is "a < b" & c?\n\nI have f(1) & more:\nif a < b:\n    f(1)'
    assert row["text"] == f"{asked}\n\nA: Answer 4.\n\nA: one\ntwo\n\nA: Answer 2."
    assert row["title"] == 'What is "a < b" & c?'
    assert row["url"] == "https://stackoverflow.com/questions/1"
    assert (row["offset"], row["part"], row["date"]) == (1, None, "2015-01-27T20:09:32.720")
    assert row["license"] == "CC BY-SA 3.0"
    assert json.loads(row["metadata"]) == {
        "site": "stackoverflow.com",
        "score": 3,
        "answers": 3,
        "accepted": True,
        "tags": ["how-to", "c++"],
        "views": 130,
    }
    assert tally.records == 6
    assert tally.skipped == {"answer_joined": 3, "tag_wiki": 1, "tag_wiki_excerpt": 1}
    assert tally.damage == []


def test_markdown(tmp_path):
    path = write(
        tmp_path,
        question(1, "Why?", "<p>See <strong>this</strong>:</p><pre><code>a &lt; b</code></pre>"),
        answer(2, 1, body="<blockquote><p>that</p></blockquote>"),
    )
    (row,) = read(path, StackExchange(format="markdown"))
    assert row["text"] == "# Why?\n\nSee **this**:\n\n```\na < b\n```\n\n## Answer\n\n> that"


def test_marks_of_ones_own(tmp_path):
    path = write(tmp_path, question(1, "为什么", "<p>问</p>"), answer(2, 1, body="<p>答</p>"))
    (row,) = read(path, StackExchange(question="问：", answer="答："))
    assert row["text"] == "问：为什么\n\n问\n\n答：答"


OPTIONS: dict[str, tuple[dict[str, Any], list[int] | None, dict[str, int]]] = {
    "by score": ({"accepted_first": False}, [3, 2, 4], {"answer_joined": 3}),
    "accepted first": ({}, [4, 3, 2], {"answer_joined": 3}),
    "min_score": ({"min_score": 5}, [3, 2], {"answer_joined": 2, "answer_below_min_score": 1}),
    "most_answers": ({"most_answers": 2}, [4, 3], {"answer_joined": 2, "answer_beyond_most": 1}),
    "min_answers": ({"min_answers": 4}, None, {"question_without_answers": 1, "answer_of_skipped_question": 3}),
    "question": ({"min_question_score": 4}, None, {"question_below_min_score": 1, "answer_of_skipped_question": 3}),
}


@pytest.mark.parametrize(("options", "order", "skipped"), OPTIONS.values(), ids=OPTIONS)
def test_options(tmp_path, options, order, skipped):
    path = write(tmp_path, question(1, AcceptedAnswerId=4), answer(2, 1, 5), answer(3, 1, 9), answer(4, 1, -2))
    tally = Tally()
    rows = read(path, StackExchange(**options), tally)
    assert tally.skipped == skipped
    assert len(rows) == (order is not None)
    if order:
        assert [int(part[7:-1]) for part in rows[0]["text"].split("\n\nA: ")[1:]] == order


def test_answers_to_nothing_and_questions_without_any(tmp_path):
    tally = Tally()
    path = write(
        tmp_path, question(1), answer(2, 77), question(3, "", ""), answer(4, 3), question(5), answer(6, 5, body="<p> </p>")
    )
    assert read(path, tally=tally) == []
    assert tally.skipped == {
        "question_without_answers": 2,
        "answer_without_question": 1,
        "empty": 1,
        "answer_of_skipped_question": 2,
    }
    assert [row["text"] for row in read(path, StackExchange(min_answers=0))] == ["Q: Title\n\nBody?", "Q: Title\n\nBody?"]


def test_an_answer_may_come_before_its_question(tmp_path):
    """Ids ascend, but a question can be merged into a younger one."""
    rows = read(write(tmp_path, answer(2, 9), question(9), answer(10, 9)))
    assert [row["text"] for row in rows] == ["Q: Title\n\nBody?\n\nA: Answer 2.\n\nA: Answer 10."]


BAD = {
    "no id": (xml(PostTypeId=1, Body="a"), "malformed_row"),
    "no type": (xml(Id=7, Body="a"), "malformed_row"),
    "no parent": (xml(Id=7, PostTypeId=2, Body="a"), "malformed_row"),
    "number": (xml(Id="9" * 40, PostTypeId=1), "malformed_row"),
    "negative": (xml(Id=-7, PostTypeId=1), "malformed_row"),
    "entity": (b'<row Id="7" PostTypeId="1" Title="&lol;" />\n', "malformed_row"),
    "character": (b'<row Id="7" PostTypeId="1" Title="&#x1;" />\n', "malformed_row"),
    "not utf-8": (b'<row Id="7" PostTypeId="1" Title="\xff" />\n', "malformed_row"),
    "twice": (b'<row Id="7" Id="8" PostTypeId="1" />\n', "malformed_row"),
    "no end": (b'<row Id="7" PostTypeId="1" Title="a\n', "malformed_row"),
    "raw <": (b'<row Id="7" PostTypeId="1" Title="a < b" />\n', "malformed_row"),
    "too large": (xml(Id=7, PostTypeId=1, Body="x" * (5 << 20)), "row_too_large"),
    "same id": (question(1), "duplicate_post"),
}


@pytest.mark.parametrize(("bad", "kind"), BAD.values(), ids=BAD)
def test_a_bad_row_costs_itself_alone(tmp_path, bad, kind):
    tally = Tally()
    rows = read(write(tmp_path, question(1), bad, answer(2, 1)), tally=tally)
    assert [row["text"] for row in rows] == ["Q: Title\n\nBody?\n\nA: Answer 2."]
    assert tally.errors == {kind: 1}
    assert tally.records == 3


def test_a_document_type_is_refused(tmp_path):
    path = tmp_path / "Posts.xml"
    path.write_bytes(b'<!DOCTYPE posts [<!ENTITY lol "lol">]>\n<posts>' + question(1) + answer(2, 1) + TAIL)
    tally = Tally()
    assert read(path, tally=tally) == []
    assert [place["kind"] for place in tally.damage] == ["doctype"]


def test_other_tables_and_other_files(tmp_path):
    (tmp_path / "Votes.xml").write_bytes(b'<?xml version="1.0"?>\n<votes>\n<row Id="1" PostId="1" /></votes>')
    tally = Tally()
    assert read(tmp_path / "Votes.xml", tally=tally) == []
    assert tally.skipped == {"other_table": 1}
    for data, kind in ((b"", "empty"), (b"no xml at all", "not_posts"), (HEAD + question(1), "truncated"), (HEAD, "truncated")):
        (tmp_path / "Posts.xml").write_bytes(data)
        tally = Tally()
        read(tmp_path / "Posts.xml", tally=tally)
        assert [place["kind"] for place in tally.damage] == [kind]


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def seven(files: dict[str, bytes], filters: list[dict[str, Any]] | None = None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=filters) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


@pytest.mark.parametrize("pack", [zipped, seven], ids=["zip", "7z"])
def test_inside_the_archive_of_a_site(tmp_path, pack):
    posts = HEAD + question(1) + answer(2, 1) + TAIL
    path = tmp_path / "ja.stackoverflow.com.7z"
    path.write_bytes(pack({"Badges.xml": b"<badges/>", "Posts.xml": posts, "Votes.xml": b"<votes/>"}))
    tally = Tally()
    (row,) = read(path, tally=tally)
    assert (row["part"], row["offset"]) == ("Posts.xml", 1)
    assert row["url"] == "https://ja.stackoverflow.com/questions/1"
    assert tally.skipped == {"other_table": 2, "answer_joined": 1}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_compressed(tmp_path, pack):
    path = tmp_path / "Posts.xml.gz"
    path.write_bytes(pack(HEAD + question(1) + answer(2, 1) + TAIL))
    assert len(read(path, StackExchange(site="superuser.com"))) == 1


def test_damage_costs_what_comes_behind_it(tmp_path):
    chance = random.Random(4)
    rows = [row for i in range(1, 2000, 2) for row in (question(i, chance.randbytes(30).hex()), answer(i + 1, i))]
    packed = gzip.compress(HEAD + b"".join(rows) + TAIL)
    path = tmp_path / "Posts.xml.gz"
    path.write_bytes(packed[: len(packed) // 2])
    tally = Tally()
    assert 300 < len(read(path, tally=tally)) < 700
    assert {place["kind"] for place in tally.damage if place["file_damage"]} == {"truncated"}
    path.write_bytes(seven({"Posts.xml": HEAD + b"".join(rows) + TAIL}, [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}]))
    tally = Tally()
    assert read(path, tally=tally) == []
    assert tally.damage[0]["kind"] == "unsupported_method"
    assert "PPMd" in tally.damage[0]["message"]
    assert "7z x" in tally.damage[0]["message"]


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("stackoverflow.com-Posts.7z", "stackoverflow.com"),
        ("dumps/Math.StackExchange.com/Posts.xml", "math.stackexchange.com"),
        ("meta.ru.stackoverflow.com.7z", "meta.ru.stackoverflow.com"),
        ("mathoverflow.net.7z", "mathoverflow.net"),
        ("Posts.xml", None),
    ],
)
def test_the_site_is_in_the_name(tmp_path, name, site):
    (row,) = read(write(tmp_path, question(1), answer(2, 1)), name=name)
    assert row["url"] == (f"https://{site}/questions/1" if site else None)


def test_licences_and_new_tags(tmp_path):
    path = write(
        tmp_path,
        question(1, CreationDate="2010-01-01T00:00:00.000", Tags="|a|b-c|"),
        answer(2, 1, CreationDate="2011-01-01T00:00:00.000"),
        question(3),
        answer(4, 3, ContentLicense="CC BY-SA 4.0"),
    )
    first, second = read(path)
    assert (first["license"], second["license"]) == ("CC BY-SA 2.5", "CC BY-SA 4.0")
    assert json.loads(first["metadata"])["tags"] == ["a", "b-c"]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(1, 25), st.integers(1, 25), st.integers(-3, 9)), max_size=40),
    st.integers(0, 2),
    st.one_of(st.none(), st.integers(2, 3)),
    st.booleans(),
)
def test_any_order_gives_what_a_simple_join_gives(tmp_path_factory, posts, fewest, most, first):
    folder = tmp_path_factory.mktemp("posts")
    posts = list({number: (kind, number, parent, score) for kind, number, parent, score in posts}.values())
    lines = [question(n, AcceptedAnswerId=p) if kind == 1 else answer(n, p, score) for kind, n, p, score in posts]
    expected = {}
    for _, number, accepted, _ in (post for post in posts if post[0] == 1):
        mine = [(n, score) for kind, n, parent, score in posts if kind == 2 and parent == number and score >= 0]
        mine.sort(key=lambda each: (first and each[0] != accepted, -each[1], each[0]))
        if len(mine) >= fewest:
            expected[number] = ["Q: Title\n\nBody?", *(f"A: Answer {n}." for n, _ in mine[:most])]
    source = StackExchange(min_score=0, min_answers=fewest, most_answers=most, accepted_first=first)
    rows = read(write(folder, *lines), source)
    assert [(row["offset"], row["text"]) for row in rows] == [(n, "\n\n".join(expected[n])) for n in sorted(expected)]
    assert read(write(folder, *reversed(lines)), source) == rows


@given(
    st.lists(st.sampled_from([b"<row a='1'/>", b"<row b='2'>", b"</x>", b"text", b"<", b"<posts>", b"x" * 30])),
    st.integers(1, 9),
)
def test_elements_do_not_depend_on_portions(parts, size):
    data = b"".join(parts)
    cutter = Elements(20)
    found = [element for at in range(0, len(data), size) for element in cutter.feed(data[at : at + size])] + [cutter.last()]
    assert found == [element if len(element) <= 20 else None for element in data.split(b"<")]


def test_more_than_memory_holds(tmp_path, monkeypatch):
    """Posts of 5 MB through a sorter of 1 MB."""
    monkeypatch.setattr(stackexchange, "Sorter", lambda: Sorter(1 << 20))
    count = 400
    bodies = {i: f"<p>{random.Random(i).randbytes(3000).hex()}</p>" for i in range(1, 2 * count + 1)}
    rows = [question(i, body=bodies[i]) for i in range(1, count + 1)]
    rows += [answer(i, 2 * count + 1 - i, body=bodies[i]) for i in range(count + 1, 2 * count + 1)]
    path = write(tmp_path, *rows)
    tracemalloc.start()
    try:
        documents, peak = 0, 0
        for batch in StackExchange().read(Piece(File(str(path), "a", 1, "")), Tally()):
            documents += len(batch)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert documents == count
    assert peak < 24 << 20


HOSTILE = {
    "tags": "<b>" * 100_000 + "x",
    "quotes": "<blockquote><p>x" * 30_000,
    "lists": "<ul><li>x" * 30_000,
    "tables": "<table><tr><td>x" * 20_000,
    "attributes": "<a " + "b=1 " * 100_000 + ">x</a>",
    "signs": "<" * 300_000 + "&" * 300_000,
}


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_posts_take_little_time(tmp_path, body, form):
    source = StackExchange(format=form, min_answers=0)
    read(write(tmp_path, question(1), answer(2, 1)), source)  # compiled
    path = write(tmp_path, question(1), answer(2, 1, body=body))
    began = time.process_time()
    assert len(read(path, source)) == 1
    assert time.process_time() - began < 8


def test_a_thread_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "THREAD_BYTES", 2000)
    tally = Tally()
    read(write(tmp_path, question(1), *(answer(i, 1, body="x" * 500) for i in range(2, 9))), tally=tally)
    assert tally.skipped["answer_joined"] + tally.errors["thread_too_large"] == 7
    assert 0 < tally.skipped["answer_joined"] < 5


def test_options_are_checked():
    options: list[dict[str, Any]] = [{"min_answers": -1}, {"most_answers": 0}, {"site": "no site"}]
    for option in options:
        with pytest.raises(ValueError, match=next(iter(option))):
            StackExchange(**option)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_powers_are_no_digits_of_the_number_before(form):
    assert _text("<p>10<sup>5</sup> of H<sub>2</sub>O, the 1<sup>st</sup></p>", form) == "10⁵ of H₂O, the 1st"
