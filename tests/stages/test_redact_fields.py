"""Private data beside the text: titles, URLs, metadata. Every value here is invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.documents import SCHEMA
from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch
from curator.stages.redact import Redact


def redacted(stage: Redact | None = None, **columns: str | None) -> dict[str, object]:
    docs = pa.RecordBatch.from_pylist([{"text": "正文。", **columns}], schema=SCHEMA)
    return {name: column[0].as_py() for name, column in (stage or Redact())(docs).items()}


def test_a_document_keeps_its_private_data_nowhere() -> None:
    known = {"author_email": "zhangwei@example.com", "tags": ["旅行", "电话13912345678"], "by": {"phone": "010-62345678"}}
    found = redacted(
        text="联系13912345679。",
        title="联系张伟 13912345678 zhangwei@example.com",
        url="https://zhang:geheim@example.com/a?mail=zhangwei%40example.com&page=2",
        metadata=json.dumps(known, ensure_ascii=False),
    )
    assert found["title"] == "联系张伟 <PHONE> <EMAIL>"
    assert found["url"] == "https://<URL_CREDENTIALS>@example.com/a?mail=<EMAIL>&page=2"
    assert json.loads(str(found["metadata"])) == {
        "author_email": "<EMAIL>",
        "tags": ["旅行", "电话<PHONE>"],
        "by": {"phone": "<PHONE>"},
    }
    assert (found["count"], found["outside_text"], found["phone"], found["email"]) == (8, 7, 4, 3)
    assert found["spans"] == [{"type": "phone", "start": 2, "end": 9}]
    assert found["per_thousand"] == 1


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ('{"mobile": 13912345678, "at": 1500000000000}', '{"mobile": "<PHONE>", "at": 1500000000000}'),
        ('{"微信" : "zhangwei88"}', '{"微信" : "<WECHAT>"}'),
        ('{"a": "x\\u0040example.com \\"q\\"", "b": 1e5}', '{"a": "<EMAIL> \\"q\\"", "b": 1e5}'),
        ('{"zhang@example.com": "key"}', '{"zhang@example.com": "key"}'),
        ('{"a": "\\ud800 zhang@example.com"}', '{"a": "? <EMAIL>"}'),
        ('{"a": 0.1391234567812345, "b": -13912345678}', '{"a": 0.1391234567812345, "b": -13912345678}'),
        ('{"broken": "zhang@example.com', '{"broken": "<EMAIL>"'),
        ("", ""),
        (None, None),
    ],
)
def test_values_of_metadata(metadata: str | None, expected: str | None) -> None:
    assert redacted(metadata=metadata)["metadata"] == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/a/b?c=d&e=%E4%BD%A0#f", None),
        ("http://93.184.216.34/x?y=1", None),
        ("http://example.com/13912345678.html?id=20161109", None),
        ("http://example.com/?tel=13912345678;x=%20y#wx=1", "http://example.com/?tel=<PHONE>;x=%20y#wx=1"),
        ("http://example.com/#mail=zhang@example.com", "http://example.com/#mail=<EMAIL>"),
        ("ftp://someone:geheim@example.com/a@b.txt", "ftp://<URL_CREDENTIALS>@example.com/a@b.txt"),
        ("http://example.com/user/13812345678", "http://example.com/user/<PHONE>"),
        ("//example.com/user/13812345678/posts?page=2", "//example.com/user/<PHONE>/posts?page=2"),
        ("http://example.com/tel-13812345678.html", "http://example.com/tel-<PHONE>.html"),
        ("http://example.com/qq/12345678", "http://example.com/qq/<QQ>"),
        ("http://example.com/u/name@example.com", "http://example.com/u/<EMAIL>"),
        ("http://example.com/u/name%40example.com/%E4%BD%A0", "http://example.com/u/<EMAIL>/%E4%BD%A0"),
        ("http://example.com/a%2Fb%3Fname%40example.com/c", "http://example.com/a%2Fb%3F<EMAIL>/c"),
        ("http://example.com/%E4%BD%A0name@example.com", "http://example.com/%E4%BD%A0<EMAIL>"),
        ("http://example.com/11010519491231002X", "http://example.com/<ID_CARD>"),
        ("http://example.com/110105194912310021", None),  # the check digit is another
        ("https://medium.com/@name/13812345678", None),
        ("https://unpkg.com/react@18.2.0/umd/react.js", None),
        ("http://example.com/img/logo@2x.png", None),
        ("http://example.com/news/13812345678.html", None),
        ("http://example.com/user/1381234567890", None),
        ("http://example.com/2016/11/09/13812345678", None),
        ("http://13812345678.example.com/", None),
    ],
)
def test_urls_keep_host_and_path_but_for_what_is_somebodys(url: str, expected: str | None) -> None:
    assert redacted(url=url)["url"] == (expected or url)


def test_only_the_columns_that_are_named() -> None:
    stage = Redact(columns=("text", "title"))
    assert not {"url", "metadata"} & set(stage.writes)
    assert redacted(stage, title="a@b.cn", url="http://x.cn/?m=a@b.cn")["title"] == "<EMAIL>"
    for columns in ((), ("title",), ("text", "text"), ("text", "date")):
        with pytest.raises(ValueError, match=r"columns:"):
            Redact(columns=columns)


def test_stand_ins_are_those_of_the_text() -> None:
    stage = Redact(replace="pseudonym", seed="a seed")
    found = redacted(stage, text="电话13912345678", title="电话13912345678", metadata='{"a": "电话13912345678"}')
    assert found["text"] == found["title"] == json.loads(str(found["metadata"]))["a"] != "电话13912345678"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON), st.booleans())
def test_other_metadata_stays_byte_for_byte(known: dict[str, object], ascii_only: bool) -> None:
    metadata = json.dumps(known | {"mail": "a@b.cn"}, ensure_ascii=ascii_only)
    metadata = metadata.encode(errors="replace").decode()
    assert redacted(Redact(entities=("email",)), metadata=metadata)["metadata"] == metadata.replace('"a@b.cn"', '"<EMAIL>"')


def test_hostile_fields_take_linear_time() -> None:
    for field in (
        '"' + '\\"' * 300_000,
        '{"a": ' * 200_000,
        "?" + "=" * 500_000,
        "?" + "a" * 500_000,
        "http://" + "a:" * 300_000,
    ):
        redacted(metadata=field, url=field, title=field)


RECIPE = """
name: t
sources:
  a: {{read: jsonl, from: {folder}/in.jsonl}}
stages:
  - redact: {{}}
    as: private
output: {folder}/out
"""


def test_what_a_run_publishes_holds_no_value_under_any_name_of_the_stage(tmp_path: Path) -> None:
    rows = [
        {"text": "联系13912345679。", "title": "张伟 13912345678", "author_email": "zhangwei@example.com"},
        {"text": "没有。"},
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(folder=tmp_path))
    summary = run(load_recipe(str(tmp_path / "recipe.yaml")), Inline(), Watch())
    kept = pl.read_parquet(f"{tmp_path}/out/documents/*.parquet").sort("text")
    assert kept["title"].to_list() == [None, "张伟 <PHONE>"]
    assert kept["metadata"].to_list() == [None, '{"author_email":"<EMAIL>"}']
    assert kept["private.outside_text"].to_list() == [0, 2]
    assert not {"private.title", "private.metadata", "private.url"} & set(kept.columns)
    assert "139" not in str(kept.drop("id").to_dicts())
    assert summary["sources"]["a"]["tallies"]["private.phone"] == 2


def test_a_document_that_cannot_be_judged_is_set_aside_as_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": "the one that fails.", "title": "its title", "shelf": 7}, {"text": "another.", "title": "its own"}]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(folder=tmp_path))
    call = Redact.__call__

    def fails(stage: Redact, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        if "the one that fails." in docs.column("text").to_pylist():
            raise ValueError("no way")
        return call(stage, docs)

    monkeypatch.setattr(Redact, "__call__", fails)
    run(load_recipe(str(tmp_path / "recipe.yaml")), Inline(), Watch())
    (gone,) = pl.read_parquet(f"{tmp_path}/out/rejected/*.parquet").to_dicts()
    assert (gone["reason"], gone["title"], gone["metadata"]) == ("private:ValueError", "its title", '{"shelf":7}')
    assert pl.read_parquet(f"{tmp_path}/out/documents/*.parquet")["title"].to_list() == ["its own"]
