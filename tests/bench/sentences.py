"""`dedup_sentences` beside datatrove's three stages of sentence deduplication: the same documents, single sentences, one copy
kept; one process, one core, CPU time, from texts in memory to texts in memory (signatures and marks go through files).

    python tests/bench/sentences.py

Then where our time goes: signing, marking, cutting.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curator.dedup.dedup_sentences import DedupSentences
from curator.documents import Shard
from curator.engine.executor import Inline

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 3


def texts(name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (DATA / name).read_text(encoding="utf-8").split("\n") if line]


def ours(stage: DedupSentences, batch: pa.RecordBatch, spent: dict[str, float]) -> pa.Array:
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        signed = pa.table({"id": batch["id"], "source": batch["source"], **stage.sign(batch)})
        path = f"{folder}/signatures.parquet"
        pq.write_table(signed, path, compression="zstd")
        done = time.process_time()
        spent["sign"] = min(spent.get("sign", 1e9), done - began)
        (marks,) = stage.mark([Shard("s", "web", path, len(batch), "digest")], folder, Inline())
        began, done = done, time.process_time()
        spent["mark"] = min(spent.get("mark", 1e9), done - began)
        found = stage.apply(batch, pq.read_table(marks).combine_chunks().to_batches()[0])
        spent["apply"] = min(spent.get("apply", 1e9), time.process_time() - done)
        return found["text"]


def theirs(documents: list[str], language: str) -> list[str]:
    from datatrove.data import Document
    from datatrove.pipeline.dedup.sentence_dedup import (
        SentDedupConfig,
        SentenceDedupFilter,
        SentenceDedupSignature,
        SentenceFindDedups,
    )

    config = SentDedupConfig(n_sentences=1, min_doc_words=0, min_num_sentences=0)

    def wrapped() -> list[Document]:
        return [Document(text=text, id=str(n)) for n, text in enumerate(documents)]

    with tempfile.TemporaryDirectory() as folder:
        SentenceDedupSignature(f"{folder}/signatures", config=config, language=language).run(wrapped())
        SentenceFindDedups(f"{folder}/signatures", f"{folder}/found", config=config).run()
        return [each.text for each in SentenceDedupFilter(f"{folder}/found", config=config, language=language).run(wrapped())]


def best(call: Callable[[], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return min(spent)


def row(what: str, documents: list[str], language: str) -> None:
    size = sum(len(text.encode()) for text in documents) / 1e6
    count = len(documents)
    ids, sources = [f"{n:032x}" for n in range(count)], ["web"] * count
    batch = pa.record_batch({"id": pa.array(ids), "source": pa.array(sources), "text": pa.array(documents)})
    stage = DedupSentences(copies=1, min_chars=1)
    ours(stage, batch, {})
    spent: dict[str, float] = {}
    mine = best(lambda: ours(stage, batch, spent))
    other = best(lambda: theirs(documents, language))
    left = sum(len(text.encode()) for text in ours(stage, batch, {}).to_pylist()) / 1e6
    parts = ", ".join(f"{part} {size / seconds:,.0f} MB/s" for part, seconds in spent.items())
    print(
        f"| {what}, {size:.1f} MB | {size / mine:,.1f} MB/s ({parts}) | datatrove: {size / other:,.2f} MB/s "
        f"| {other / mine:,.0f} | {1 - left / size:.1%} cut |",
        flush=True,
    )


def main() -> None:
    print("| documents | curator | peer | ratio | |\n|---|---|---|---|---|")
    row("Chinese crawl", texts("text/hplt_raw_zh_web.jsonl"), "zho")
    row("English news", texts("dedup/mccormick_1000.docs.jsonl"), "eng")


if __name__ == "__main__":
    main()
