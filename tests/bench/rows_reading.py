"""JSON lines and Parquet as corpora are published, read beside datatrove's readers.

    python tests/bench/rows_reading.py

Both sides read the same documents from the same files in one process on one core, in turn, and the best of three counts, in
CPU seconds: to Arrow batches with the place of every document here, to `Document` objects there. That texts are the same is
asserted. C4's files are `json.gz`, the Pile's `jsonl.zst`, FineWeb's Parquet.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from datatrove.pipeline.readers import JsonlReader, ParquetReader
from loguru import logger

from curator.documents import File, Piece, Tally
from curator.sources.jsonl import Jsonl
from curator.sources.parquet import Parquet

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "text"
TEXTS = {
    "English web": ("en_refined_web_samples.jsonl", "cc2025_warc_extracts_multilang.jsonl"),
    "Chinese web": ("hplt_raw_zh_web.jsonl", "chinesewebtext_cc2021-43_cleared.jsonl"),
}
ROUNDS, SIZE = 3, 40_000_000
logger.disable("datatrove")


def documents(names: tuple[str, ...]) -> list[dict[str, object]]:
    """About 40 MB of real documents, with the fields of C4; each file is read over and over."""
    texts = [json.loads(line).get("text") for name in names for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    texts = [text for text in texts if text]
    times = max(1, SIZE // sum(len(text.encode()) for text in texts))
    return [
        {"text": text, "url": f"https://example.org/{copy}/{number}", "timestamp": "2019-04-25T12:57:54Z"}
        for copy in range(times)
        for number, text in enumerate(texts)
    ]


def write(rows: list[dict[str, object]], folder: Path) -> dict[str, Path]:
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
    (folder / "c4.json.gz").write_bytes(gzip.compress(lines, 6))
    (folder / "pile.jsonl.zst").write_bytes(zstandard.compress(lines, 3))
    pq.write_table(pa.Table.from_pylist(rows), folder / "fineweb.parquet", compression="zstd", row_group_size=1000)
    return {path.name.split(".", 1)[1]: path for path in sorted(folder.iterdir())}


def ours(path: Path) -> Iterator[pa.Array]:
    source = Parquet(date="timestamp") if path.suffix == ".parquet" else Jsonl(date="timestamp")
    file = File(str(path), path.name, path.stat().st_size, "")
    for batch in source.read(Piece(file), Tally()):
        yield batch.column("text")


def theirs(path: Path) -> Iterator[str]:
    kind = ParquetReader if path.suffix == ".parquet" else JsonlReader
    for document in kind(str(path.parent), glob_pattern=path.name, doc_progress=False, file_progress=False).run():
        yield document.text


def main() -> None:
    print("| documents | curator | datatrove | ratio |\n|---|---|---|---|")
    for kind, names in TEXTS.items():
        rows = documents(names)
        size = sum(len(str(row["text"]).encode()) for row in rows)
        with tempfile.TemporaryDirectory() as folder:
            for name, path in write(rows, Path(folder)).items():
                spent = {ours: 1e9, theirs: 1e9}
                for _ in range(ROUNDS):
                    for side in spent:
                        began = time.process_time()
                        for _ in side(path):
                            pass
                        spent[side] = min(spent[side], time.process_time() - began)
                assert [text for batch in ours(path) for text in batch.to_pylist()] == list(theirs(path))
                mine, other = size / spent[ours] / 1e6, size / spent[theirs] / 1e6
                print(f"| {kind}, {name} | {mine:,.0f} MB/s | {other:,.0f} MB/s | {mine / other:.1f} |", flush=True)


if __name__ == "__main__":
    main()
