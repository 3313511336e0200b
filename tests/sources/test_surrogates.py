"""Half a character in JSON (`\\ud800`), which UTF-8 cannot hold, costs itself alone, and is counted."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from curator.documents import File, Piece, Tally
from curator.sources.books import Books
from curator.sources.code import Code
from curator.sources.instructions import Instructions
from curator.sources.jsonl import Jsonl
from curator.sources.reddit import Reddit
from curator.sources.wikipedia import Wikipedia

HALF = "a\ud800b"
NOTEBOOK = {"cells": [{"cell_type": "markdown", "source": HALF}]}
ARTICLE = {"name": "x", "article_body": {"html": f"<p>{HALF}</p>"}}


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


CASES: dict[str, tuple[Any, str, bytes]] = {
    "jsonl": (Jsonl(), "a.jsonl", json.dumps({"text": HALF}).encode()),
    "jsonl gz": (Jsonl(), "a.jsonl.gz", gzip.compress(json.dumps({"text": HALF}).encode())),
    "list": (Jsonl(), "a.json", json.dumps([{"text": HALF}]).encode()),
    "instructions": (Instructions(template="{a}"), "a.jsonl", json.dumps({"a": HALF}).encode()),
    "instructions list": (Instructions(template="{a}"), "a.json", json.dumps([{"a": HALF}], indent=1).encode()),
    "reddit": (Reddit(), "a.jsonl", json.dumps({"id": "a", "link_id": "t3_a", "body": HALF}).encode()),
    "threads": (Reddit(join="threads"), "a.jsonl", json.dumps({"id": "a", "link_id": "t3_a", "body": HALF}).encode()),
    "notebook": (Code(), "a.ipynb", json.dumps(NOTEBOOK).encode()),
    "book": (Books(), "a.json", json.dumps([HALF]).encode()),
    "book of pages": (Books(), "a.zip", zipped({"1.html": "a�b", "info.json": json.dumps({"name": HALF})})),
    "wikipedia": (Wikipedia(), "zhwiki.ndjson", json.dumps(ARTICLE).encode()),
}


@pytest.mark.parametrize("name", CASES)
def test_half_a_character_costs_itself_alone(tmp_path, name):
    source, file, data = CASES[name]
    path: Path = tmp_path / file
    path.write_bytes(data)
    tally = Tally()
    piece = Piece(File(str(path), path.name, len(data), ""))
    rows = [row for batch in source.read(piece, tally) for row in batch.to_pylist()]
    assert [row["text"].strip() for row in rows] == ["a�b"]
    assert not tally.errors
    (place,) = tally.damage
    assert (place["kind"], place["file_damage"]) == ("lone_surrogate", False)
    assert place["message"].endswith("the first of them here: 1")


def test_what_is_replaced_is_one_place_with_the_count_of_all(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(json.dumps({"text": HALF * 2}).encode() + b"\n" for _ in range(500)))
    tally = Tally()
    (batch,) = Jsonl().read(Piece(File(str(path), path.name, path.stat().st_size, "")), tally)
    assert len(batch) == 500
    (place,) = tally.damage
    assert place["where"] == 0
    assert place["message"].endswith("here: 1,000")
