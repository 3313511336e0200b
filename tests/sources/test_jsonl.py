import bz2
import gzip
import json
import os
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.documents import File, Piece, Source, Tally
from curator.sources.jsonl import Jsonl
from curator.sources.parsing import parse

GOOD = b'{"text": "one"}\n{"text": "two", "url": "http://a.example/", "n": 2}\n'


def read(path: Path, source: Source | None = None, start: int = 0, stop: int = -1, tally: Tally | None = None) -> list[dict]:
    tally = Tally() if tally is None else tally
    before = tally.records - sum(tally.skipped.values()) - sum(tally.errors.values())
    piece = Piece(File(str(path), path.name, path.stat().st_size, ""), start, stop)
    rows = [row for batch in (source or Jsonl()).read(piece, tally) for row in batch.to_pylist()]
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records - before
    return rows


def write(folder: Path, data: bytes) -> Path:
    path = folder / "a.jsonl"
    path.write_bytes(data)
    return path


def test_fields(tmp_path):
    first, second = read(write(tmp_path, GOOD))
    assert first == {
        "offset": 0,
        "part": None,
        "text": "one",
        "url": None,
        "title": None,
        "date": None,
        "language": None,
        "license": None,
        "metadata": None,
    }
    assert second["offset"] == 16
    assert second["url"] == "http://a.example/"
    assert json.loads(second["metadata"]) == {"n": 2}


def test_is_a_source():
    assert isinstance(Jsonl(), Source)


def test_mapping_and_dotted_paths(tmp_path):
    line = {
        "content": {"body": "正文", "x": 1},
        "meta": {"u": "http://b.example/"},
        "title": ["no", "string"],
        "language": "zh",
    }
    source = Jsonl(text="content.body", url="meta.u", date="day")
    (row,) = read(write(tmp_path, orjson.dumps(line)), source)
    assert (row["text"], row["url"], row["title"], row["language"]) == ("正文", "http://b.example/", None, "zh")
    assert json.loads(row["metadata"]) == {"content": {"x": 1}, "meta": {}, "title": ["no", "string"]}


def test_numbers_that_are_none(tmp_path):
    (row,) = read(write(tmp_path, b'{"text": "a", "x": NaN, "y": [-Infinity, 1]}'))
    assert (row["text"], json.loads(row["metadata"])) == ("a", {"x": None, "y": [None, 1]})


def test_lone_surrogates_are_replaced_and_counted(tmp_path):
    made = [
        (rb'{"text": "a\ud800", "url": "\udc00b\ud800"}', "a\ufffd"),
        (rb'{"text": "\ud83d\ude00 \\ud800 \ude00\ud83d", "x": NaN}', "\U0001f600 \\ud800 \ufffd\ufffd"),
        (rb'{"text": "\ud800\ud83d\uDE00\u0041\n"}', "\ufffd\U0001f600A\n"),
    ]
    for data in (b"\n".join(line for line, _ in made), b"[" + b",".join(line for line, _ in made) + b"]"):
        tally = Tally()
        rows = read(write(tmp_path, data), tally=tally)
        assert [row["text"] for row in rows] == [text for _, text in made]
        assert rows[0]["url"] == "\ufffdb\ufffd"
        assert not tally.errors
        (place,) = tally.damage
        assert (place["kind"], place["where"], place["file_damage"]) == ("lone_surrogate", rows[0]["offset"], False)
        assert place["message"].endswith("the first of them here: 6")


@given(st.text(alphabet=st.sampled_from(["\\", "u", "d", "8", "0", "c", '"', "\ud800", "\udc00", "\U0001f600", "\n"])))
def test_json_of_any_text_is_read(text):
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    value, count = parse(json.dumps(text).encode())
    assert (value, count) == (paired, paired.count("\ufffd"))


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_one_list_of_objects(tmp_path, pack, indent):
    records = [{"title": "题", "content": "正文一"}, {"title": "", "content": "正文二"}, "none", {"title": "x"}]
    path = write(tmp_path, pack(json.dumps(records, ensure_ascii=False, indent=indent).encode()))
    tally = Tally()
    source = Jsonl(text=("title", "content"))
    assert source.ranges(File(str(path), "a", path.stat().st_size, ""), 10) == [(0, -1)]
    assert [row["text"] for row in read(path, source, tally=tally)] == ["题\n\n正文一", "正文二", "x"]
    assert tally.errors == {"not_object": 1}


def test_a_key_with_a_dot_comes_before_a_path(tmp_path):
    (row,) = read(write(tmp_path, b'{"a.b": "key", "a": {"b": "path"}}'), Jsonl(text="a.b"))
    assert row["text"] == "key"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"text": "cut', "invalid_json"),
        (b'{"text": NaN}', "no_text"),
        (b'{"text": "NaN"', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'["text"]', "not_object"),
        (b'"text"', "not_object"),
        (b'{"txt": "a"}', "no_text"),
        (b'{"text": null}', "no_text"),
        (b'{"text": 1}', "text_not_string"),
        (b'{"text": ["a"]}', "text_not_string"),
        (b'{"text": "a", "x": ' + b"[" * 300 + b"]" * 300 + b"}", "nested_too_deep"),
        (rb'{"text": "\ud800\x"}', "invalid_json"),
        (b'{"text": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"text": "\xff"}', "invalid_utf8"),
        (b'{"text": "' + b"x" * 200_000 + b'"}', "line_too_long"),
    ],
)
def test_a_bad_line_is_one_error_and_costs_itself_alone(tmp_path, line, kind):
    tally = Tally()
    rows = read(write(tmp_path, GOOD + line + b"\n" + GOOD), Jsonl(max_line=150_000), tally=tally)
    assert [row["text"] for row in rows] == ["one", "two", "one", "two"]
    assert tally.errors == {kind: 1}
    assert tally.damage[0]["where"] == len(GOOD)
    assert rows[2]["offset"] == len(GOOD) + len(line) + 1


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_longest_line(tmp_path, end):
    line = b'{"text": "' + b"x" * 88 + b'"}'
    assert len(read(write(tmp_path, line + end), Jsonl(max_line=100))) == 1
    tally = Tally()
    assert read(write(tmp_path, line + b" " + end), Jsonl(max_line=100), tally=tally) == []
    assert tally.errors == {"line_too_long": 1}


def test_blank_lines_byte_order_mark_and_carriage_returns(tmp_path):
    tally = Tally()
    rows = read(write(tmp_path, b'\xef\xbb\xbf{"text": "a"}\r\n\r\n \n{"text": "b"}'), tally=tally)
    assert [row["text"] for row in rows] == ["a", "b"]
    assert tally.skipped == {"blank": 2}


def test_the_last_of_two_equal_keys_wins(tmp_path):
    assert read(write(tmp_path, b'{"text": "a", "text": "b"}'))[0]["text"] == "b"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstandard.compress])
def test_compressed(tmp_path, pack):
    plain = read(write(tmp_path, GOOD * 3))
    path = write(tmp_path, pack(GOOD) + pack(GOOD * 2))
    assert read(path) == plain
    assert Jsonl().ranges(File(str(path), "a", path.stat().st_size, ""), 10) == [(0, -1)]


CORPORA: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "c4": (
        {"text": "A page.", "timestamp": "2019-04-25T12:57:54Z", "url": "https://a.example/"},
        {"date": "timestamp"},
        {"text": "A page.", "date": "2019-04-25T12:57:54Z", "url": "https://a.example/", "metadata": None},
    ),
    "pile": (
        {"text": "A mail.", "meta": {"pile_set_name": "Enron Emails"}},
        {},
        {"text": "A mail.", "metadata": {"meta": {"pile_set_name": "Enron Emails"}}},
    ),
    "openwebtext2": (
        {"text": "A page.", "meta": {"title": "T", "lang": "en", "url": "https://a.example/", "word_count": 2}},
        {"url": "meta.url", "title": "meta.title", "language": "meta.lang"},
        {"title": "T", "language": "en", "url": "https://a.example/", "metadata": {"meta": {"word_count": 2}}},
    ),
    "redpajama": (
        {"text": "A page.", "meta": '{"url": "https://a.example/", "timestamp": "2023-01-02", "source": "c4"}'},
        {"url": "meta.url", "date": "meta.timestamp"},
        {"url": "https://a.example/", "date": "2023-01-02", "metadata": {"meta": {"source": "c4"}}},
    ),
    "redpajama 2": (
        {"url": "https://a.example/", "date_download": "2023-01-02T03:04:05Z", "digest": "x", "raw_content": "A page."},
        {"text": "raw_content", "date": "date_download"},
        {"text": "A page.", "date": "2023-01-02T03:04:05Z", "metadata": {"digest": "x"}},
    ),
    "skypile": ({"text": "一页。"}, {}, {"text": "一页。", "metadata": None}),
    "wudao": (
        {"titleUkey": "a", "dataType": "博客", "title": "题目", "content": "正文。"},
        {"text": ("title", "content")},
        {"text": "题目\n\n正文。", "title": "题目", "metadata": {"titleUkey": "a", "dataType": "博客"}},
    ),
    "chinesewebtext": (
        {
            "title": "题目",
            "score": 0.98,
            "date": "2023-01-02",
            "url": "https://a.example/",
            "text": "正文。",
            "source_domain": "a",
        },
        {},
        {"text": "正文。", "title": "题目", "date": "2023-01-02", "metadata": {"score": 0.98, "source_domain": "a"}},
    ),
    "mnbvc": (
        {
            "文件名": "a.txt",
            "是否重复": False,
            "段落": [{"行号": 1, "内容": "第一段。"}, {"行号": 2}, {"行号": 3, "内容": "第二段。"}],
        },
        {"text": "段落.内容", "title": "文件名"},
        {
            "text": "第一段。\n第二段。",
            "title": "a.txt",
            "metadata": {"是否重复": False, "段落": [{"行号": 1}, {"行号": 2}, {"行号": 3}]},
        },
    ),
}


@pytest.mark.parametrize(("record", "options", "expected"), CORPORA.values(), ids=CORPORA)
def test_corpora_as_they_are_published(tmp_path, record, options, expected):
    path = tmp_path / "a.jsonl.zst"
    line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    path.write_bytes(zstandard.compress(line) + skippable + zstandard.compress(line))
    rows = read(path, Jsonl(**options))
    assert len(rows) == 2
    assert rows[1]["offset"] == len(line)
    for row in rows:
        row["metadata"] = row["metadata"] and json.loads(row["metadata"])
        assert expected.items() <= row.items()


def test_fields_that_are_joined(tmp_path):
    lines = [
        {"title": " ", "content": "b"},
        {"title": "a"},
        {"title": "a", "content": "b"},
        {"title": "", "content": 1},
        {"x": 1},
    ]
    tally = Tally()
    data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    rows = read(write(tmp_path, data), Jsonl(text=("title", "content")), tally=tally)
    assert [row["text"] for row in rows] == ["b", "a", "a\n\nb"]
    assert tally.errors == {"text_not_string": 1, "no_text": 1}


def test_a_string_that_only_looks_like_json(tmp_path):
    (row,) = read(write(tmp_path, b'{"text": "a", "meta": "{url}"}'), Jsonl(url="meta.url"))
    assert (row["url"], json.loads(row["metadata"])) == (None, {"meta": "{url}"})


def test_truncated_gzip_gives_every_whole_line(tmp_path):
    lines = [orjson.dumps({"text": random.Random(i).randbytes(20).hex()}) + b"\n" for i in range(2000)]
    packed = gzip.compress(b"".join(lines))
    tally = Tally()
    rows = read(write(tmp_path, packed[: len(packed) // 2]), tally=tally)
    assert 500 < len(rows) < 2000
    assert [row["text"] for row in rows] == [orjson.loads(line)["text"] for line in lines[: len(rows)]]
    assert tally.errors == {"truncated": 1}
    assert any(place["file_damage"] for place in tally.damage)


def test_bytes_after_the_compressed_data_cost_no_line(tmp_path):
    tally = Tally()
    rows = read(write(tmp_path, gzip.compress(GOOD.rstrip()) + b"garbage"), tally=tally)
    assert [row["text"] for row in rows] == ["one", "two"]
    assert [place["kind"] for place in tally.damage] == ["trailing_bytes"]


def test_empty_file(tmp_path):
    tally = Tally()
    assert read(write(tmp_path, b""), tally=tally) == []
    assert [place["kind"] for place in tally.damage] == ["empty"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([b'{"text": "a"}', b'{"text": "long text"}', b"", b"bad", b" ", b'{"text": "\xe4\xb8\xad"}', b"x" * 50])
    ),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.data(),
)
def test_any_cutting_gives_the_same_documents(tmp_path_factory, lines, end, ends, data):
    path = write(tmp_path_factory.mktemp("jsonl"), end.join(lines) + (end if ends and lines else b""))
    size = path.stat().st_size
    source = Jsonl(max_line=40)
    whole_tally = Tally()
    whole = read(path, source, tally=whole_tally)
    inner = sorted(data.draw(st.sets(st.integers(1, max(size - 1, 1)), max_size=6)))
    cuts = [0, *inner, -1]
    tally = Tally()
    assert [row for start, stop in pairwise(cuts) for row in read(path, source, start, stop, tally)] == whole
    assert (tally.records, tally.skipped, tally.errors) == (whole_tally.records, whole_tally.skipped, whole_tally.errors)


@given(st.integers(0, 10_000), st.integers(1, 300))
def test_ranges_cover_the_file_once(tmp_path_factory, length, size):
    path = write(tmp_path_factory.mktemp("jsonl"), b"x" * length)
    ranges = Jsonl().ranges(File(str(path), "a", length, ""), size)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == -1
    assert all(a[1] == b[0] > a[0] for a, b in pairwise(ranges))


def test_options_are_checked():
    with pytest.raises(ValueError, match="text"):
        Jsonl(text="")
    with pytest.raises(ValueError, match="text"):
        Jsonl(text=("title", ""))
    with pytest.raises(ValueError, match="text"):
        Jsonl(text=())
    with pytest.raises(ValueError, match="max_line"):
        Jsonl(max_line=0)


@pytest.mark.data
def test_real_corpora_lose_no_line():
    folder = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "text"
    assert folder.is_dir(), f"{folder} is missing: set CURATOR_DATA to the folder of the test data"
    named = {"chinesewebtext_cc2021-43_cleared": "raw_content", "hplt_zh_two_extractions_25": ("warc2text", "trafilatura")}
    for path in sorted(folder.glob("*.jsonl")):
        tally = Tally()
        rows = read(path, Jsonl(text=named.get(path.stem, "text"), date="date_download", language="lang"), tally=tally)
        assert len(rows) == tally.records == sum(1 for _ in path.open("rb")), path.name
        assert all(row["text"].strip() for row in rows)
