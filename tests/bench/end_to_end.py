"""From a WARC to filtered Chinese text, beside datatrove with the blocks that FineWeb-2 runs on Chinese: same files, one core.

    python tests/bench/end_to_end.py

Two files, written from the saved pages of the data: a crawl of the world, of which 5 % are Chinese pages (as of Common Crawl),
and Chinese pages alone. Both sides write what they keep. CPU seconds, by stage; the best of several rounds in turn, ours run
as `curator run --on inline` runs it.

Theirs: WarcReader, Trafilatura, LanguageFilter, GopherRepetitionFilter, FineWebQualityFilter and GopherQualityFilter as
FineWeb-2's configuration for cmn_Hani has them, JsonlWriter. Two changes, both in their favour: Trafilatura is called in this
process, without the pipes of its sandbox, and lid.176 stands in for GlotLID, which is larger and slower.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chinese_words import agreement
from loguru import logger
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from curator import models
from curator.engine import shard
from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 3
CHINESE_SHARE = 20  # one page in so many
RECIPE = """
name: end_to_end
sources:
  web: {{read: warc, from: {warc}}}
stages:
  - language: {{on: visible, as: early}}
  - filter: zh_early
  - extract: {{}}
  - language: {{}}
  - filter: zh_language
  - filter: fineweb2_cmn_Hani
output: {output}
"""
# What each side does to the same end.
ROWS = {
    "reading": (["read"], ["WarcReader"]),
    "language before extraction": (["early", "zh_early"], []),
    "extraction": (["extract"], ["Trafilatura"]),
    "language": (["language", "zh_language"], ["LanguageFilter"]),
    "the filters of FineWeb-2": (
        ["fineweb2_cmn_Hani"],
        ["GopherRepetitionFilter", "FineWebQualityFilter", "GopherQualityFilter"],
    ),
    "writing": ([], ["JsonlWriter"]),
}


def chinese_pages() -> list[tuple[str, bytes]]:
    """Address and bytes."""
    with (DATA / "warc/commoncrawl-like/zh-pages-with-gold.warc.gz").open("rb") as raw:
        return [
            (record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read())
            for record in ArchiveIterator(raw)
            if record.rec_type == "response"
        ]


def other_pages() -> list[tuple[str, bytes]]:
    gold = [json.loads(line) for line in (DATA / "html_gold/gold.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        (row["url"] or f"http://example.org/{row['id']}", gzip.decompress((DATA / "html_gold" / row["file"]).read_bytes()))
        for row in gold
        if not row["lang"].startswith("zh")
    ]


def write(path: Path, pages: list[tuple[str, bytes]]) -> None:
    with path.open("wb") as out:
        writer = WARCWriter(out, gzip=True)
        for url, page in pages:
            http = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            payload = {"WARC-Identified-Payload-Type": "text/html"}  # as Common Crawl has it; they need it
            record = writer.create_warc_record(url, "response", io.BytesIO(page), http_headers=http, warc_headers_dict=payload)
            writer.write_record(record)


def ours(path: Path, folder: Path) -> tuple[dict[str, float], int]:
    """CPU seconds by stage, and the documents kept."""
    recipe, output = folder / "recipe.yaml", folder / "out"
    recipe.write_text(RECIPE.format(warc=path, output=output), encoding="utf-8")
    shard.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment]  # its clock, for this comparison
    began = time.process_time()
    summary = run(load_recipe(str(recipe)), Inline(), Watch())
    spent = time.process_time() - began
    return {**summary["seconds"], "all": spent}, summary["sources"]["web"]["kept"]


def theirs(path: Path, folder: Path) -> tuple[dict[str, float], int]:
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import LanguageFilter
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import JsonlWriter

    logger.remove()  # it says more than the table
    seconds: dict[str, float] = {}
    documents: list[Any] = []

    def timed(name: str, call: Callable[[list[Any]], list[Any]]) -> None:
        nonlocal documents
        began = time.process_time()
        documents = call(documents)
        seconds[name] = seconds.get(name, 0.0) + time.process_time() - began

    reader = WarcReader(str(path.parent), glob_pattern=path.name)
    timed("WarcReader", lambda _: list(reader.run()))
    trafilatura = Trafilatura()

    def extract(held: list[Any]) -> list[Any]:
        for document in held:
            try:
                document.text = trafilatura.extract(document.text) or ""
            except Exception:
                document.text = ""
        return [document for document in held if document.text]

    timed("Trafilatura", extract)
    LanguageFilter._requires_dependencies = []  # to download the model that it is given below
    language = LanguageFilter(languages=["zh"], language_threshold=0.65)
    binding: Any = models.fasttext_model("lid.176")._model.f
    language.model._model = SimpleNamespace(predict=_predict(binding))  # type: ignore[assignment]
    for step in (language, *agreement().their_filters()):
        timed(type(step).__name__, lambda held, step=step: list(step.run(held)))
    writer = JsonlWriter(str(folder / "theirs"), compression=None)
    timed("JsonlWriter", lambda held: list(writer.run(held)))
    seconds["all"] = sum(seconds.values())
    return seconds, len(documents)


def _predict(binding: Any) -> Callable[..., Any]:
    """What fastText's own Python class does, without its check that fails with numpy 2."""
    import numpy as np

    def predict(text: str, k: int = -1) -> tuple[tuple[str, ...], Any]:
        found = binding.predict(text + "\n", k if k > 0 else 176, 0.0, "strict")
        return tuple(label for _, label in found), np.array([share for share, _ in found])

    return predict


def compare(what: str, path: Path, pages: int) -> None:
    best: list[dict[str, float]] = [{}, {}]
    kept = [0, 0]
    with tempfile.TemporaryDirectory() as folder:
        ours(path, Path(folder))  # loads models, compiles
    for _ in range(ROUNDS):
        for side, call in enumerate((ours, theirs)):
            with tempfile.TemporaryDirectory() as folder:
                seconds, kept[side] = call(path, Path(folder))
            if not best[side] or seconds["all"] < best[side]["all"]:
                best[side] = seconds
    mine, other = best
    print(f"\n| {what}: {pages:,} pages | curator | datatrove | ratio |\n|---|---|---|---|")
    for row, (names, their_names) in ROWS.items():
        a, b = (sum(found.get(name, 0.0) for name in asked) for found, asked in ((mine, names), (other, their_names)))
        ratio = f"{b / a:,.1f}" if a and b else ""
        print(f"| {row} | {a:.2f} s | {b:.2f} s | {ratio} |")
    a, b = pages / mine["all"], pages / other["all"]
    print(f"| **all** | {a:,.0f} docs/s, {kept[0]} kept | {b:,.1f} docs/s, {kept[1]} kept | **{a / b:,.1f}** |", flush=True)


def main() -> None:
    for name in ("trafilatura", "jieba"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    chinese, others = chinese_pages(), other_pages()
    few = chinese[:: len(chinese) * (CHINESE_SHARE - 1) // len(others)]
    with tempfile.TemporaryDirectory() as folder:
        for name, pages in (("a crawl of the world, 5 % Chinese", [*others, *few]), ("Chinese pages", chinese)):
            path = Path(folder) / f"{len(pages)}.warc.gz"
            write(path, pages)
            compare(name, path, len(pages))


if __name__ == "__main__":
    main()
