"""`dedup_sentences` by number of sentences: time, bytes and memory from signatures to marks, on synthetic signatures.

    python tests/bench/sentences_scale.py [--millions 1 4 16 64] [--folder DIR]

Documents of about twenty sentences, of which a third stand in many documents: how many follows a power law up to a ten
thousandth of all sentences. Calls run in one worker process, as those of `dedup_scale`, and are told likewise.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dedup_scale import Worker

from curator.dedup import DedupSentences
from curator.documents import Shard
from curator.engine.executor import Inline

DOCUMENTS_A_SHARD, SENTENCES = 1 << 13, 20  # of a document, on average


def write_signatures(folder: Path, sentences: int) -> list[Shard]:
    generator = np.random.default_rng(sentences)
    repeats = np.minimum(generator.pareto(1.3, sentences // 8).astype(np.int64) + 2, max(3, sentences // 10_000))
    repeats = repeats[: np.searchsorted(np.cumsum(repeats), sentences // 3)]
    of = np.concatenate([np.repeat(np.arange(len(repeats)), repeats), np.arange(sentences - repeats.sum()) + len(repeats)])
    generator.shuffle(of)
    keys = (of.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E6C63D0876A9A4B)
    keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(0xFF51AFD7ED558CCD)
    shards = []
    for number, start in enumerate(range(0, sentences, DOCUMENTS_A_SHARD * SENTENCES)):
        mine = keys[start : start + DOCUMENTS_A_SHARD * SENTENCES]
        shards.append(write_shard(folder / f"s{number:05}.parquet", mine, generator))
    return shards


def write_shard(path: Path, keys: np.ndarray, generator: np.random.Generator) -> Shard:
    rows = -(-len(keys) // SENTENCES)
    cuts = np.sort(generator.integers(0, len(keys) + 1, rows - 1))
    ends = np.concatenate([[0], cuts, [len(keys)]])
    starts = (np.arange(len(keys)) - ends[np.searchsorted(ends, np.arange(len(keys)), side="right") - 1]) * 60
    spans = np.stack([starts, starts + 60], 1).astype("<i4")
    offsets = pa.py_buffer((8 * ends).astype(np.int32).tobytes())
    table = pa.table(
        {
            "id": [f"{path.stem}{row:026}" for row in range(rows)],
            "source": ["web"] * rows,
            "keys": pa.Array.from_buffers(pa.binary(), rows, [None, offsets, pa.py_buffer(keys.astype("<u8").tobytes())]),
            "spans": pa.Array.from_buffers(pa.binary(), rows, [None, offsets, pa.py_buffer(spans.tobytes())]),
            "length": pa.array((60 * np.diff(ends)).astype(np.int32)),
            "version": pa.array(generator.integers(0, 1 << 64, rows, np.uint64)),
        }
    )
    pq.write_table(table, path, compression="zstd")
    return Shard(path.stem, "web", str(path), rows, path.stem + str(len(keys)))


def warm(_: None) -> None:
    """Libraries and kernels, that every worker has loaded."""
    with tempfile.TemporaryDirectory() as folder:
        shards = [write_shard(Path(folder) / "s.parquet", np.arange(100, dtype=np.uint64) // 2, np.random.default_rng(0))]
        DedupSentences().mark(shards, folder, Inline())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--folder")
    given = parser.parse_args()
    print("| sentences | CPU µs a sentence (of it in the kernel) | bytes written a sentence | MiB a worker takes above |")
    print("|---|---|---|---|")
    for millions in given.millions:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            row(Path(folder), millions * 1_000_000)


def row(folder: Path, sentences: int) -> None:
    (folder / "signed").mkdir()
    shards = write_signatures(folder / "signed", sentences)
    worker = Worker(folder / "work", warm)
    DedupSentences().mark(shards, str(folder / "work"), worker)
    worker.pool.shutdown()
    worker.count(folder / "work")
    print(
        f"| {sentences:,} | {sum(worker.seconds.values()) / sentences * 1e6:.2f} "
        f"({sum(worker.in_kernel.values()) / sentences * 1e6:.2f}) | {worker.written.total() / sentences:.1f} "
        f"| {(worker.peak - worker.before) >> 20} |",
        flush=True,
    )
    parts = sorted(worker.seconds.items(), key=lambda each: -each[1])
    told = (f"{n} {s / sentences * 1e6:.2f} µs, {(worker.peaks[n] - worker.before) >> 20} MiB" for n, s in parts)
    print(f"<!-- {'; '.join(told)} -->", flush=True)


if __name__ == "__main__":
    main()
