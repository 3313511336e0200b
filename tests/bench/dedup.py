"""Document deduplication beside datatrove, rensa and datasketch: signatures, and the whole from Parquet to Parquet.

    python tests/bench/dedup.py

Both sides in one process on the same texts and one core; CPU seconds, sides in turn, the best of several rounds (of the whole,
theirs once).

Signatures are timed from text to 128 values, shingling included, of 5 words in English and 5 characters in Chinese. datatrove:
MinhashDedupSignature without its files, 16 x 8, with the words of its own tokenizers (`eng`; `cmn_Hani`, which is jieba).
rensa (RMinHash) and datasketch get what Python makes shingles of fastest: `split` and `zip`, slices of a string. The accuracy
of ours is tested in tests/dedup.

The whole: ours is `curator run --on inline` of a recipe that has no other stage, report and checksums included. datatrove: a
reader and MinhashDedupSignature, MinhashDedupBuckets for each bucket, MinhashDedupCluster, then reader, MinhashDedupFilter
and writer, all 14 x 8, each by LocalPipelineExecutor with one task. The documents are made of lines of real ones, a tenth of
them near copies of others, and both sides must keep the same number but for a few.
"""

from __future__ import annotations

import os

os.environ["RAYON_NUM_THREADS"] = "1"

import contextlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasketch import MinHash
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from rensa import RMinHash

from curator.dedup import minhash
from curator.engine.executor import Inline
from curator.pipeline.load import load_recipe
from curator.pipeline.run import run
from curator.pipeline.watch import Watch

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 5
DOCUMENTS, ALONE = 800, 10_000  # of the whole: beside the peer, which takes its time, and ours alone
BANDS, ROWS = 14, 8
LANGUAGES = {"English": "eng", "Chinese": "cmn_Hani"}
RECIPE = """
name: dedup
sources: {{web: {{read: parquet, from: {source}}}}}
stages: [dedup_documents: {{}}]
output: {output}
"""


def texts(name: str, most: int) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()[:most]
    return [text for line in lines if (text := json.loads(line)["text"].strip())]


def cpu(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def turns(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The best of each side, after a call of ours that compiles and loads."""
    ours()
    spent = [(min(cpu(ours) for _ in range(3)), cpu(theirs)) for _ in range(rounds)]
    return min(a for a, _ in spent), min(b for _, b in spent)


def row(what: str, documents: Sequence[str], ours: float, theirs: float, peer: str, of_theirs: Sequence[str]) -> None:
    """`of_theirs`: the part of the documents that the peer was timed on."""
    size, its_size = (sum(len(t.encode()) for t in each) / 1e6 for each in (documents, of_theirs))
    print(
        f"| {what} | {len(documents) / ours:,.0f} docs/s, {size / ours:,.1f} MB/s "
        f"| {peer}: {len(of_theirs) / theirs:,.0f} docs/s, {its_size / theirs:,.1f} MB/s "
        f"| {(theirs / its_size) / (ours / size):,.1f} |",
        flush=True,
    )


# ------------------------------------------------------------------------------------------------------------- signatures


def shingles(text: str, language: str) -> Sequence[str]:
    if language == "Chinese":
        characters = "".join(text.split())
        return [characters[i : i + 5] for i in range(max(1, len(characters) - 4))]
    words = text.lower().split()
    return list(map(" ".join, zip(words, words[1:], words[2:], words[3:], words[4:])))


def signatures(language: str, documents: list[str]) -> None:
    column = pa.array(documents)
    theirs = MinhashDedupSignature(
        tempfile.gettempdir(), MinhashConfig(num_buckets=16, hashes_per_bucket=8), LANGUAGES[language]
    )

    def datatrove(texts: Sequence[str]) -> None:
        for text in texts:
            if (found := theirs.get_shingles(text)).size:
                theirs.get_signature(found)

    def rensa(texts: Sequence[str]) -> None:
        for text in texts:
            sketch = RMinHash(num_perm=128, seed=1)
            sketch.update(shingles(text, language))
            sketch.digest()

    def datasketch(texts: Sequence[str]) -> None:
        for text in texts:
            sketch = MinHash(num_perm=128)
            sketch.update_batch([shingle.encode() for shingle in shingles(text, language)])

    every_tenth = documents[::10]  # datatrove takes its time
    datatrove(every_tenth)  # loads the tokenizer
    for peer, part in ((datatrove, every_tenth), (rensa, documents), (datasketch, every_tenth)):
        call: Callable[[Sequence[str]], None] = peer
        ours, spent = turns(lambda: minhash.signatures(column, 5, 16, 8), lambda c=call, p=part: c(p), ROUNDS)
        row(f"signatures, {language}", documents, ours, spent, peer.__name__, part)
    ours, spent = turns(
        lambda: minhash.signatures(column, 5, 16, 8, hashing="kminhash"), lambda: datasketch(every_tenth), ROUNDS
    )
    row(f"signatures, {language}, `kminhash`", documents, ours, spent, "datasketch", every_tenth)


# ------------------------------------------------------------------------------------------------------------- the whole


def mixed(documents: list[str], count: int) -> list[str]:
    """New documents out of the lines of real ones; every tenth is a copy of another with a line less."""
    generator = random.Random(1)
    lines = [line for text in documents for line in text.replace(". ", ".\n").splitlines() if len(line) > 20]
    found: list[str] = []
    for index in range(count):
        drawn = [generator.choice(lines) for _ in range(generator.randint(10, 50))]
        if index % 10 == 9:
            drawn = generator.choice(found).splitlines()
            drawn.pop(generator.randrange(len(drawn)))
        found.append("\n".join(drawn))
    return found


def in_datatrove(source: Path, folder: Path, language: str) -> int:
    config = MinhashConfig(num_buckets=BANDS, hashes_per_bucket=ROWS)
    reader = ParquetReader(str(source), glob_pattern="*.parquet", doc_progress=False, file_progress=False)
    parts = {name: str(folder / name) for name in ("signatures", "buckets", "removed", "kept", "logs")}
    stages = [
        ([reader, MinhashDedupSignature(parts["signatures"], config, LANGUAGES[language])], 1),
        ([MinhashDedupBuckets(parts["signatures"], parts["buckets"], config=config)], BANDS),
        ([MinhashDedupCluster(parts["buckets"], parts["removed"], config=config)], 1),
        ([reader, MinhashDedupFilter(parts["removed"]), ParquetWriter(parts["kept"])], 1),
    ]
    for number, (stage, tasks) in enumerate(stages):
        LocalPipelineExecutor(stage, tasks=tasks, workers=1, logging_dir=f"{parts['logs']}/{number}").run()
    return sum(pq.read_metadata(path).num_rows for path in Path(parts["kept"]).glob("*.parquet"))


def in_curator(source: Path, output: Path) -> int:
    path = output.with_suffix(".yaml")
    path.write_text(RECIPE.format(source=source / "*.parquet", output=output), encoding="utf-8")
    return run(load_recipe(str(path)), Inline(), Watch())["sources"]["web"]["kept"]


def whole(language: str, documents: list[str], beside: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source"
        source.mkdir()
        ids = [f"d{i}" for i in range(len(documents))]
        pq.write_table(pa.table({"id": ids, "text": documents}), source / "documents.parquet", compression="zstd")
        kept: dict[str, int] = {}

        def ours() -> None:
            shutil.rmtree(folder / "ours", ignore_errors=True)
            kept["ours"] = in_curator(source, folder / "ours")

        def theirs() -> None:
            shutil.rmtree(folder / "theirs", ignore_errors=True)
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # its log of every stage
                kept["theirs"] = in_datatrove(source, folder / "theirs", language)

        if beside:
            row(f"Parquet to Parquet, {language}", documents, *turns(ours, theirs, 1), "datatrove", documents)
            assert abs(kept["ours"] - kept["theirs"]) < 0.01 * len(documents), kept
        else:
            ours()
            spent, size = min(cpu(ours) for _ in range(ROUNDS)), sum(len(t.encode()) for t in documents) / 1e6
            print(
                f"| Parquet to Parquet, {language}, {len(documents):,} documents "
                f"| {len(documents) / spent:,.0f} docs/s, {size / spent:,.1f} MB/s | | |",
                flush=True,
            )


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    print("| work, one core | curator | beside it | ratio |\n|---|---|---|---|")
    sets = {"English": texts("dedup/mccormick_1000.docs.jsonl", 1000), "Chinese": texts("text/hplt_raw_zh_web.jsonl", 400)}
    for language, documents in sets.items():
        signatures(language, documents)
    for language, documents in sets.items():
        whole(language, mixed(documents, DOCUMENTS), beside=True)
        whole(language, mixed(documents, ALONE), beside=False)


if __name__ == "__main__":
    main()
