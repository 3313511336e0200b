import datetime
import decimal
import json
import random
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.documents import File, Piece, Source, Tally
from curator.sources.parquet import Parquet


def read(path: Path, source: Source | None = None, start: int = 0, stop: int = -1, tally: Tally | None = None) -> list[dict]:
    tally = Tally() if tally is None else tally
    before = tally.records - sum(tally.skipped.values()) - sum(tally.errors.values())
    rows: list[dict] = []
    for batch in (source or Parquet()).read(piece_of(path, start, stop), tally):
        batch.validate(full=True)
        rows += batch.to_pylist()
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records - before
    return rows


def piece_of(path: Path, start: int = 0, stop: int = -1) -> Piece:
    return Piece(File(str(path), path.name, path.stat().st_size, ""), start, stop)


def write(folder: Path, columns: dict, **options) -> Path:
    path = folder / "a.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_is_a_source():
    assert isinstance(Parquet(), Source)


def test_fields(tmp_path):
    moment = datetime.datetime(2024, 5, 18, 1, 58, 10, tzinfo=datetime.UTC)
    path = write(
        tmp_path,
        {
            "text": pa.array(["一", "two"]),
            "url": pa.array(["http://a.example/", None]).dictionary_encode(),
            "title": [1, 2],
            "date": [moment, None],
            "score": [0.5, float("nan")],
            "day": [datetime.date(2020, 1, 2), None],
            "ns": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns")),
            "price": [decimal.Decimal("1.20"), None],
            "raw": [b"\xff", None],
            "nested": [{"a": [moment], "b": None}, None],
        },
    )
    first, second = read(path)
    assert (first["text"], first["url"], first["title"], first["offset"]) == ("一", "http://a.example/", None, 0)
    assert datetime.datetime.fromisoformat(first["date"]) == moment
    assert "T" in first["date"]
    assert json.loads(first["metadata"]) == {
        "title": 1,
        "score": 0.5,
        "day": "2020-01-02",
        "ns": "2023-11-14T22:13:20.123456789",
        "price": "1.20",
        "raw": "/w==",
        "nested": {"a": ["2024-05-18T01:58:10+00:00"], "b": None},
    }
    assert (second["text"], second["url"], second["date"], second["offset"]) == ("two", None, None, 1)
    assert json.loads(second["metadata"])["score"] is None


def test_only_text(tmp_path):
    (row,) = read(write(tmp_path, {"text": ["a"]}))
    assert row["metadata"] is None


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_kinds_of_text(tmp_path, kind):
    values = ["中文", "", "b" * 1000, "中文"]
    array = pa.array(values).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(values, kind)
    assert [row["text"] for row in read(write(tmp_path, {"text": array}))] == values


def test_dotted_paths(tmp_path):
    content = [{"body": "正文", "more": {"lang": "zh", "n": 1}}, None]
    path = write(tmp_path, {"content": content, "content.url": ["http://a.example/", "http://b.example/"]})
    tally = Tally()
    (row,) = read(path, Parquet(text="content.body", language="content.more.lang", url="content.url"), tally=tally)
    assert (row["text"], row["language"], row["url"]) == ("正文", "zh", "http://a.example/")
    assert json.loads(row["metadata"]) == {"content.more.n": 1}
    assert tally.errors == {"no_text": 1}


def test_columns_that_are_joined(tmp_path):
    path = write(tmp_path, {"title": ["题目", None, " ", ""], "content": ["正文。", "b", None, ""], "dataType": ["博客"] * 4})
    tally = Tally()
    rows = read(path, Parquet(text=("title", "content")), tally=tally)
    assert [(row["text"], row["title"]) for row in rows] == [("题目\n\n正文。", "题目"), ("b", None)]
    assert json.loads(rows[0]["metadata"]) == {"dataType": "博客"}
    assert tally.errors == {"no_text": 2}


def test_a_joined_column_that_is_not_utf8_costs_its_row(tmp_path):
    titles = pa.array([b"a", b"\xff", b"c"], pa.binary())
    array = pa.StringArray.from_buffers(3, *titles.buffers()[1:])
    tally = Tally()
    rows = read(write(tmp_path, {"title": array, "content": ["x", "y", "z"]}), Parquet(text=("title", "content")), tally=tally)
    assert [row["text"] for row in rows] == ["a\n\nx", "c\n\nz"]
    assert tally.errors == {"invalid_utf8": 1}


def test_paths_into_json_strings(tmp_path):
    meta = ['{"url": "https://a.example/", "n": 1}', "{no json", None]
    rows = read(write(tmp_path, {"text": ["a", "b", "c"], "meta": meta}), Parquet(url="meta.url"))
    assert [row["url"] for row in rows] == ["https://a.example/", None, None]
    assert json.loads(rows[0]["metadata"]) == {"meta": meta[0]}


def test_null_and_undecodable_texts_are_errors_of_their_rows(tmp_path):
    texts = pa.array([b"a", None, b"\xff\xfe", b"d"], pa.binary())
    array = pa.StringArray.from_buffers(4, *texts.buffers()[1:], texts.buffers()[0])
    tally = Tally()
    rows = read(write(tmp_path, {"text": array, "title": array}), tally=tally)
    assert [(row["offset"], row["text"]) for row in rows] == [(0, "a"), (3, "d")]
    assert tally.errors == {"no_text": 1, "invalid_utf8": 1}
    assert {place["where"]: place["kind"] for place in tally.damage} == {1: "no_text", 2: "invalid_utf8"}


def test_other_columns_keep_what_can_be_decoded(tmp_path):
    bad = pa.array([b"caf\xe9", b"ok"], pa.binary())
    array = pa.StringArray.from_buffers(2, *bad.buffers()[1:], bad.buffers()[0])
    rows = read(write(tmp_path, {"text": ["a", "b"], "title": array, "other": array}))
    assert [row["title"] for row in rows] == ["caf\ufffd", "ok"]
    assert [json.loads(row["metadata"])["other"] for row in rows] == ["caf\ufffd", "ok"]


def test_two_columns_of_one_name_are_an_error(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a", "b"]), pa.array(["c", "d"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    tally = Tally()
    assert read(tmp_path / "a.parquet", tally=tally) == []
    assert tally.errors == {"no_text_column": 2}
    assert tally.damage[0]["message"] == "several columns are called 'text'"


def test_no_text_column_names_those_that_are_there(tmp_path):
    tally = Tally()
    assert read(write(tmp_path, {"txt": ["a", "b", "c"], "url": ["u", "v", "w"]}), tally=tally) == []
    assert tally.errors == {"no_text_column": 3}
    assert "did you mean 'txt'" in tally.damage[0]["message"]
    assert "txt, url" in tally.damage[0]["message"]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_strings_that_are_not_called_so(tmp_path, kind):
    path = tmp_path / "a.parquet"
    values = ["中文".encode(), b"two", None, b"\xff", b"two"]
    pq.write_table(pa.table({"text": pa.array(values, kind), "body": pa.array([b"x"] * 5, kind)}), path)
    tally = Tally()
    assert [(row["offset"], row["text"]) for row in read(path, tally=tally)] == [(0, "中文"), (1, "two"), (4, "two")]
    assert tally.errors == {"no_text": 1, "invalid_utf8": 1}
    tally = Tally()
    assert read(path, Parquet(text=("text", "body")), tally=tally)[0]["text"] == "中文\n\nx"


def test_text_column_of_another_type(tmp_path):
    tally = Tally()
    assert read(write(tmp_path, {"text": [1, 2]}), tally=tally) == []
    assert tally.errors == {"text_not_string": 2}
    assert "int64" in tally.damage[0]["message"]


def test_broken_files_are_named(tmp_path):
    path = tmp_path / "a.parquet"
    for data, kind in [(b"", "empty"), (b"{}", "not_parquet"), (b"PAR1" + b"x" * 100, "corrupt")]:
        path.write_bytes(data)
        tally = Tally()
        assert read(path, tally=tally) == []
        assert [place["kind"] for place in tally.damage] == [kind]
        assert Parquet().ranges(piece_of(path).file, 10) == [(0, -1)]


@pytest.mark.parametrize("options", [{"write_page_checksum": True}, {"compression": "gzip"}], ids=["page checksum", "gzip"])
def test_a_damaged_row_group_costs_its_own_rows(tmp_path, options):
    texts = [f"text {i} " + random.Random(i).randbytes(50).hex() for i in range(90)]
    path = write(tmp_path, {"text": texts}, row_group_size=30, use_dictionary=False, **options)
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    data[middle] ^= 0xFF
    path.write_bytes(data)
    tally = Tally()
    rows = read(path, tally=tally)
    assert [row["text"] for row in rows] == texts[:30] + texts[60:]
    assert [row["offset"] for row in rows] == [*range(30), *range(60, 90)]
    assert tally.errors == {"corrupt": 30}


def test_batches_are_bounded(tmp_path):
    path = write(tmp_path, {"text": [f"{i}" * 200_000 for i in range(200)]}, use_dictionary=False)
    sizes = [batch.nbytes for batch in Parquet().read(piece_of(path), Tally())]
    assert len(sizes) > 3
    assert max(sizes) < 40 << 20


@pytest.mark.parametrize("column", ["text", "other"])
def test_one_long_text_in_every_row_takes_bounded_memory(tmp_path, column):
    """A dictionary of one text, in some hundred bytes, and 4 GB without."""
    indices = pa.array([None if i == 7 else 0 for i in range(4000)], pa.int32())
    long = pa.DictionaryArray.from_arrays(indices, pa.array(["好" * 350_000]))
    table = {"text": long} if column == "text" else {"text": ["好"] * len(indices), "other": long}
    path = write(tmp_path, table, compression="zstd", dictionary_pagesize_limit=1 << 24)
    assert path.stat().st_size < 2000
    tally, rows, before = Tally(), 0, pa.total_allocated_bytes()
    for batch in Parquet().read(piece_of(path), tally):
        rows += len(batch)
        assert batch.nbytes < 40 << 20
        assert pa.total_allocated_bytes() - before < 200 << 20
        if rows > 200:
            break
    assert rows > 200


def test_a_row_of_one_long_text_many_times_is_an_error_of_that_row(tmp_path):
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["好" * 350_000]))
    lists = pa.ListArray.from_arrays(pa.array([0, 3, 2999, 3000], pa.int32()), long)
    maps = pa.array([[("a", "b")], None, []], pa.map_(pa.string(), pa.string()))
    path = write(tmp_path, {"text": ["a", "b", "c"], "lists": lists, "maps": maps}, compression="zstd")
    tally = Tally()
    assert [row["text"] for row in read(path, tally=tally)] == ["a", "c"]
    assert tally.errors == {"row_too_large": 1}
    assert tally.damage[0]["where"] == 1


def test_a_row_group_that_says_of_itself_that_it_is_a_bomb_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("curator.sources.parquet_rows.MOST_GROUP_BYTES", 1 << 20)
    path = write(tmp_path, {"text": ["a" * 20_000_000, "b"]}, use_dictionary=False, compression="zstd")
    tally = Tally()
    assert read(path, tally=tally) == []
    assert tally.errors == {"expansion": 2}
    assert tally.records == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 600), st.data())
def test_any_cutting_gives_the_same_documents(tmp_path_factory, rows, group, size, data):
    texts = [None if i % 7 == 3 else f"text {i}" for i in range(rows)]
    table = {"text": pa.array(texts, pa.string()), "n": pa.array(range(rows), pa.int64())}
    path = write(tmp_path_factory.mktemp("parquet"), table, row_group_size=group)
    file = piece_of(path).file
    whole_tally = Tally()
    whole = read(path, tally=whole_tally)
    assert [row["offset"] for row in whole] == [i for i, text in enumerate(texts) if text is not None]
    inner = sorted(data.draw(st.sets(st.integers(1, file.size - 1), max_size=6)))
    for ranges in (list(Parquet().ranges(file, size)), list(pairwise([0, *inner, -1]))):
        assert ranges[0][0] == 0
        assert ranges[-1][1] == -1
        tally = Tally()
        assert [row for start, stop in ranges for row in read(path, None, start, stop, tally)] == whole
        assert (tally.records, tally.errors) == (whole_tally.records, whole_tally.errors)


def test_ranges_begin_where_a_row_group_does(tmp_path):
    path = write(tmp_path, {"text": [f"text {i}" for i in range(100)]}, row_group_size=10)
    assert len(Parquet().ranges(piece_of(path).file, 1)) == 10
    assert Parquet().ranges(piece_of(path).file, 1 << 30) == [(0, -1)]


def test_options_are_checked():
    with pytest.raises(ValueError, match="text"):
        Parquet(text="")
    with pytest.raises(ValueError, match="text"):
        Parquet(text=("a", ""))


def test_damaged_names_of_columns(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["a"], "other": ["b"]}), path, compression="none", store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"other", b"oth\xe4r"))
    file, tally = File(str(path), "x.parquet", path.stat().st_size, ""), Tally()
    assert Parquet().ranges(file, 1) == [(0, -1)]
    assert list(Parquet().read(Piece(file), tally)) == []
    assert [place["kind"] for place in tally.damage] == ["corrupt"]


def test_a_file_that_is_not_cut_is_not_asked_where_its_columns_lie(tmp_path, monkeypatch):
    def asked(group):
        raise AssertionError

    monkeypatch.setattr("curator.sources.parquet._place", asked)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["a", "b"]}), path, row_group_size=1)
    file = File(str(path), "x.parquet", path.stat().st_size, "")
    assert Parquet().ranges(file, file.size) == [(0, -1)]
    assert [row["text"] for batch in Parquet().read(Piece(file), Tally()) for row in batch.to_pylist()] == ["a", "b"]
