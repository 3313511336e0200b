"""Selection: DSIR beside the same weights in plain Python, cut points beside an exact sort, draws.

    python tests/bench/selection.py

The plain way is the paper's: a regular expression cuts words and symbols (here every Han character, too, or Chinese would be
a few words), hashes are looked up. Both weigh the same texts in one process, one core, CPU time, best of some rounds in turn.
Then `cut` on a million documents in 20 shards, through its files, beside NumPy's percentiles of all numbers at once.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curator.documents import Shard
from curator.engine.executor import Inline
from curator.selection.cut import Cut
from curator.selection.cuts import read_cuts
from curator.selection.sample import Sample
from curator.stages.dsir_features import count_features, weigh_features

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 3
BUCKETS = 10_000
TOKENS = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|[^\w\s]")
DOCUMENTS, SHARDS = 1_000_000, 20


def texts(name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (DATA / "text" / name).read_text(encoding="utf-8").split("\n") if line]


def plain(documents: list[str], table: list[float]) -> list[float]:
    """Log weights the obvious way."""
    found = []
    for text in documents:
        words = TOKENS.findall(text.lower())
        grams = [*words, *(f"{a} {b}" for a, b in pairwise(words))]
        found.append(sum(table[crc32(gram.encode()) % BUCKETS] for gram in grams))
    return found


def best(*works: Callable[[], object]) -> list[float]:
    """CPU seconds of each, the best of the rounds, in turn."""
    spent = [1e9] * len(works)
    for work in works:
        work()
    for _ in range(ROUNDS):
        for place, work in enumerate(works):
            began = time.process_time()
            work()
            spent[place] = min(spent[place], time.process_time() - began)
    return spent


def weights() -> None:
    table = np.random.default_rng(0).normal(size=BUCKETS).astype(np.float32)
    numbers = table.tolist()
    print("| texts | MB | `dsir` MB/s | fitting MB/s | plain Python MB/s | ratio |\n|---|---|---|---|---|---|")
    for called, name in (("zh crawl", "hplt_raw_zh_web.jsonl"), ("en web", "en_refined_web_samples.jsonl")):
        documents = texts(name)
        column = pa.array(documents)
        size = sum(len(text.encode()) for text in documents) / 1e6
        ours, fitting, theirs = best(
            lambda column=column: weigh_features(column, table),
            lambda column=column: count_features(column, np.zeros(BUCKETS, np.int64)),
            lambda documents=documents: plain(documents, numbers),
        )
        row = (f"{size:.1f}", f"{size / ours:.0f}", f"{size / fitting:.0f}", f"{size / theirs:.1f}", f"{theirs / ours:.0f}")
        print(f"| {called} | {' | '.join(row)} |")


def cutting() -> None:
    generator = np.random.default_rng(1)
    scores = generator.lognormal(6, 1, DOCUMENTS)
    stage = Cut(by="ppl", best="lowest", percentiles=(30, 60))
    docs = pa.RecordBatch.from_pydict(
        {
            "id": [f"{n:032x}" for n in range(DOCUMENTS)],
            "source": ["web"] * DOCUMENTS,
            "language": ["zh"] * DOCUMENTS,
            "ppl": scores,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        signed = pa.table({"id": docs["id"], "source": docs["source"], **stage.sign(docs)})
        signing = time.process_time() - began
        shards, size = [], DOCUMENTS // SHARDS
        for number in range(SHARDS):
            path = f"{folder}/{number}.parquet"
            pq.write_table(signed.slice(number * size, size), path)
            shards.append(Shard(f"s{number}", "web", path, size, f"digest {number}"))
        began = time.process_time()
        stage.mark(shards, f"{folder}/marks", Inline())
        marking = time.process_time() - began
        counted = read_cuts(f"{folder}/marks/cuts.json").groups["zh", "web"]
    exact = np.percentile(scores, [30, 60], method="inverted_cdf")
    far = max(abs(cut - true) / true for cut, true in zip(counted.cuts, exact))
    share = max(abs(sum(counted.buckets[: n + 1]) / DOCUMENTS - p) for n, p in enumerate((0.3, 0.6)))
    print("\n| documents | sign, documents/s | mark, documents/s | cut points are off by | shares are off by |")
    print("|---|---|---|---|---|")
    print(f"| {DOCUMENTS:,} | {DOCUMENTS / signing:,.0f} | {DOCUMENTS / marking:,.0f} | {far:.5%} | {share:.4%} |")
    drawing = Sample(by="ppl", rule="pareto", alpha=9)
    (spent,) = best(lambda: drawing(docs.slice(0, 100_000)))
    print(f"\n`sample`: {100_000 / spent:,.0f} documents/s")


def main() -> None:
    weights()
    cutting()


if __name__ == "__main__":
    main()
