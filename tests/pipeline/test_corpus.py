"""What is read to learn from: every form of it, nothing of the validation split, and every record accounted for."""

import gzip
import os
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator.pipeline.corpus import SCHEMA, Corpus, CorpusError
from curator.storage import StorageError
from curator.tokens.draw import held_out, id_hashes


def texts(corpus):
    return [text for batch in corpus for text in batch.column("text").to_pylist()]


def write_run(folder: Path, count: int, validation: float | None) -> list[str]:
    ids = [f"{n:032x}" for n in range(count)]
    (folder / "documents").mkdir(parents=True)
    (folder / "summary.json").write_text("{}")
    columns = {
        "id": ids,
        "source": ["wiki"] * count,
        "language": ["zh", None] * (count // 2),
        "text": [f"第{n}篇" for n in range(count)],
    }
    table = pa.table({**columns, "metadata": pa.nulls(count, pa.string())})
    pq.write_table(table, folder / "documents" / "wiki-00000.parquet")
    if validation is not None:
        (folder / "tokens").mkdir()
        (folder / "tokens" / "manifest.json").write_bytes(orjson.dumps({"mixture": {"validation": validation}}))
    return ids


def test_lines_of_text_are_documents(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("第一行\n\n第二行\r\n".encode() + b"\xff\xfe\n" + "末行".encode()))
    corpus = Corpus([str(tmp_path / "*.txt.gz")])
    batches = list(corpus)
    assert [b.schema.names for b in batches] == [SCHEMA.names]
    assert batches[0].column("text").to_pylist() == ["第一行", "第二行", "末行"]
    assert batches[0].column("key").to_pylist() == ["a.txt.gz:0", "a.txt.gz:11", "a.txt.gz:25"]
    assert batches[0].column("source").to_pylist() == ["a.txt.gz"] * 3
    assert corpus.counts == {"documents": 3, "skipped": 1, "errors": 1}


def test_jsonl_and_parquet_name_their_text_and_are_selected_by_a_field(tmp_path):
    rows = [
        {"body": "好", "label": "clean"},
        {"body": "坏", "label": "dirty"},
        {"body": "也好", "label": "clean"},
        {"label": "clean"},
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    pq.write_table(pa.Table.from_pylist(rows[:3]), tmp_path / "b.parquet")
    corpus = Corpus([f"{tmp_path}/a.jsonl::label=clean", f"{tmp_path}/b.parquet::label=dirty"], text="body")
    assert texts(corpus) == ["好", "也好", "坏"]
    assert corpus.counts == {"documents": 3, "not_selected": 3, "errors": 1, "skipped": 0}
    assert [f["name"] for f in corpus.described()] == ["a.jsonl", "b.parquet"]
    assert all(len(f["sha256"]) == 64 for f in corpus.described())


@pytest.mark.parametrize(("validation", "expected"), [(0.5, 0.5), (None, 0.005)])
def test_documents_that_a_run_holds_out_are_never_given(tmp_path, validation, expected):
    ids = write_run(tmp_path / "run", 2000, validation)
    corpus = Corpus([str(tmp_path / "run")])
    given = [key for batch in corpus for key in batch.column("key").to_pylist()]
    out = held_out(id_hashes(ids), expected)
    assert given == [i for i, held in zip(ids, out) if not held]
    assert corpus.counts["held_out"] == out.sum() > 0
    assert corpus.counts["documents"] + corpus.counts["held_out"] == 2000


def test_a_run_can_be_narrowed_to_a_language(tmp_path):
    write_run(tmp_path / "run", 100, 0.0)
    assert len(texts(Corpus([f"{tmp_path}/run::language=zh"]))) == 50


def test_what_cannot_be_documents_is_said(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"x")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(os.urandom(4000))[:2000])
    (tmp_path / "a.jsonl").write_bytes(b"{}")
    for patterns, read, said in [
        ([f"{tmp_path}/a.bin"], None, "say what it is with --read"),
        ([f"{tmp_path}/a.bin"], "wikipedai", "Did you mean 'wikipedia'"),
        ([f"{tmp_path}/a.bin"], "warc", "raw pages"),
        ([f"{tmp_path}/cut.txt.gz"], None, "truncated"),
        ([f"{tmp_path}/a.jsonl::label"], None, "field=value"),
    ]:
        with pytest.raises(CorpusError, match=said):
            list(Corpus(patterns, read))
    with pytest.raises(CorpusError, match=r"none of 1 records .*a\.jsonl: .*nosuch"):
        list(Corpus([f"{tmp_path}/a.jsonl"], text="nosuch"))
    with pytest.raises(StorageError, match="nothing matches"):
        list(Corpus([f"{tmp_path}/none/*.jsonl"]))


@pytest.mark.data
def test_a_wikipedia_dump_is_read_by_the_name_of_its_source(data):
    dumps = sorted((data / "wiki").glob("zhwiki*.xml*"))
    assert dumps, f"no zhwiki dump below {data}/wiki"
    corpus = Corpus([str(dumps[0])], read="wikipedia")
    first = next(iter(corpus))
    assert first.schema.names == SCHEMA.names
    assert all(first.column("text").to_pylist())
