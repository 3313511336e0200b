"""A crawl of real Chinese pages, from the WARC file to documents: none is lost, and none is garbled."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from typer.testing import CliRunner

from curator.cli import app

pytestmark = pytest.mark.data

RESPONSES = 354
RECIPE = """\
name: pages
sources:
  web: {{read: warc, from: {path}}}
stages:
  - extract
output: {output}
"""


def is_gb18030(payload: bytes) -> bool:
    """By the bytes alone: they are GB18030 from the first to the last, and not UTF-8."""
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        try:
            payload.decode("gb18030")
        except UnicodeDecodeError:
            return False
        return True
    return False


@pytest.fixture(scope="module")
def path(data: Path) -> Path:
    return data / "warc" / "commoncrawl-like" / "zh-pages-with-gold.warc.gz"


@pytest.fixture(scope="module")
def output(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    recipe = folder / "pages.yaml"
    recipe.write_text(RECIPE.format(path=path, output=folder / "out"))
    done = CliRunner().invoke(app, ["run", str(recipe), "--on", "inline"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder / "out"


@pytest.fixture(scope="module")
def documents(output: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in (output / "documents").glob("*.parquet")])


def test_every_response_is_accounted_for(output: Path, documents: pl.DataFrame) -> None:
    web = orjson.loads((output / "summary.json").read_bytes())["sources"]["web"]
    assert (web["skipped"], web["record_errors"], web["errors"]) == ({"warcinfo": 1}, {}, {})
    assert web["records"] - web["skipped"]["warcinfo"] == web["documents"] == RESPONSES
    assert web["kept"] + sum(web["rejected"].values()) == RESPONSES
    assert set(web["rejected"]) <= {"extract.text"}
    assert web["kept"] == len(documents) >= 350
    assert all(text.strip() for text in documents["text"])


def test_gb18030_is_read_without_a_replacement_character(path: Path, documents: pl.DataFrame) -> None:
    texts = dict(zip(documents["url"], documents["text"]))
    pages = 0
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            payload = record.reader.read()
            if is_gb18030(payload):
                pages += 1
                text = texts[record.headers["WARC-Target-URI"]]
                assert "\ufffd" not in text
                assert sum("一" <= c <= "鿿" for c in text) > 100, "not mojibake: its characters are the common ones"
    assert pages >= 20
