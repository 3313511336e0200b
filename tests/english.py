"""English documents of every kind: texts as published, gold texts and all text of web pages, encyclopedia, books, news."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resiliparse.extract.html2text import extract_plain_text

from curator.documents import File, Piece, Tally
from curator.sources import SOURCES

DATA = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[2] / "shared" / "data"))


def documents() -> Iterator[tuple[str, str]]:
    """Set and text, in an order of their own; no text twice."""
    assert DATA.is_dir(), f"no data at {DATA}: set CURATOR_DATA to the folder that MANIFEST.md describes"
    seen: set[str] = set()
    for name, text in _all():
        if text.strip() and text not in seen:
            seen.add(text)
            yield name, text


def _all() -> Iterator[tuple[str, str]]:
    yield from (("web", row["text"]) for row in _rows("text/en_refined_web_samples.jsonl"))
    web = _rows("text/cc2025_warc_extracts_multilang.jsonl")
    yield from (("web", row["text"]) for row in web if str(row.get("lang") or row.get("language") or "").startswith("en"))
    gold = [row for row in _rows("html_gold/gold.jsonl") if row["lang"] == "en"]
    yield from (("gold", row["gold"]) for row in gold)
    for row in gold:
        page = gzip.decompress((DATA / "html_gold" / row["file"]).read_bytes()).decode(errors="replace")
        yield "all text", extract_plain_text(page)
        yield "main text", extract_plain_text(page, main_content=True)
    yield from _read("wikipedia", "wiki", "enwiki*.bz2")
    for name in ("alice_en.txt", "botchan_en*.txt", "gitenberg_3261_*", "epub/idpf-[cw]*.epub"):
        yield from _read("books", "books", name)
    yield from (("news", row["text"]) for row in _rows("dedup/mccormick_1000.docs.jsonl")[::10])


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def _read(source: str, folder: str, pattern: str) -> Iterator[tuple[str, str]]:
    for path in sorted((DATA / folder).glob(pattern)):
        piece = Piece(File(str(path), path.name, path.stat().st_size, ""))
        for batch in SOURCES[source]().read(piece, Tally()):
            yield from ((source, text) for text in batch.column("text").to_pylist() if text)
