"""Deduplication by number of documents: time, bytes and memory from signatures to marks, on synthetic signatures.

    python tests/bench/dedup_scale.py [--millions 1 4 16] [--memory 128] [--folder DIR]

The signatures are those of a crawl: 55 % of documents are alone, the others lie in clusters whose sizes fall by a power law up
to a thousandth of all; members of a cluster share each band with a probability of their own, and a fifth of them are exact
copies. Every call runs in one worker process, whose CPU time and peak memory are read there: what is told is by how much the
peak of all calls is above what lay there before the first one. Bytes are those of all files between signatures and marks; the
largest of them are removed when they have been read for the last time, so that `--millions 64` takes 18 GB of disk and no more.
"""

from __future__ import annotations

import argparse
import binascii
import multiprocessing
import resource
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curator.dedup import DedupDocuments
from curator.documents import Shard

BANDS, ROWS_A_SHARD = 14, 1 << 14


def clusters(documents: int, generator: np.random.Generator) -> np.ndarray:
    """The cluster of every document, in no order."""
    sizes = np.minimum(generator.pareto(1.3, documents // 4).astype(np.int64) + 2, max(3, documents // 1000))
    sizes = sizes[: np.searchsorted(np.cumsum(sizes), 0.45 * documents)]
    members = np.repeat(np.arange(len(sizes)), sizes)
    alone = np.arange(documents - len(members)) + len(sizes)
    found = np.concatenate([members, alone])
    generator.shuffle(found)
    return found


def write_signatures(folder: Path, documents: int) -> list[Shard]:
    generator = np.random.default_rng(documents)
    of = clusters(documents, generator)
    shards = []
    for number, start in enumerate(range(0, documents, ROWS_A_SHARD)):
        mine = of[start : start + ROWS_A_SHARD].astype(np.uint64)
        shards.append(write_shard(folder / f"s{number:05}.parquet", mine, generator))
    return shards


def write_shard(path: Path, cluster: np.ndarray, generator: np.random.Generator) -> Shard:
    count = len(cluster)
    bands = (cluster[:, None] * np.uint64(BANDS) + np.arange(BANDS, dtype=np.uint64)) * np.uint64(0x9E6C63D0876A9A4B)
    bands ^= bands >> np.uint64(29)
    bands *= np.uint64(0xFF51AFD7ED558CCD)
    unlike = np.where(generator.random(count) < 0.2, 0, generator.uniform(0, 0.8, count))  # an exact copy differs in no band
    changed = generator.random((count, BANDS)) < unlike[:, None]
    bands = np.where(changed, generator.integers(0, 1 << 64, (count, BANDS), np.uint64), bands)
    exact = generator.integers(0, 1 << 64, (count, 2), np.uint64)
    exact[unlike == 0] = np.stack([cluster, cluster], 1)[unlike == 0]
    ids = np.frombuffer(binascii.hexlify(generator.bytes(16 * count)), "S32")
    table = pa.table(
        {
            "id": pa.array(ids, pa.binary()).cast(pa.string()),
            "source": pa.DictionaryArray.from_arrays(
                generator.integers(0, 4, count, np.int8), ["wiki", "books", "code", "web"]
            ).cast(pa.string()),
            "bands": pa.FixedSizeListArray.from_arrays(pa.array(bands.reshape(-1)), BANDS),
            "exact": pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(exact.tobytes())]),
            "length": pa.array(generator.integers(100, 10_000, count, np.int32)),
        }
    )
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 14)
    return Shard(path.stem, "web", str(path), count, path.stem + str(count))


def measured(function: Callable[[Any], Any], item: Any) -> tuple[Any, tuple[float, float], int]:
    """What it gives, its CPU time in the process and in the kernel, its peak."""
    forget_peak()
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = function(item)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return result, (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime), peak()


def forget_peak() -> None:
    """The peak is that of now (Linux): `getrusage` would go on from that of the process which started this one."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


class Worker:
    """One process that does every call, and what the calls take."""

    def __init__(self, work: Path, warm: Callable[[None], None] | None = None) -> None:
        self.work = work
        self.written: Counter[str] = Counter()
        self.pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        _, _, self.before = self.pool.submit(measured, warm or warm_documents, None).result()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.in_kernel: defaultdict[str, float] = defaultdict(float)
        self.calls = 0
        self.peaks: dict[str, int] = {}

    def count(self, folder: Path) -> None:
        """The bytes of all that lies there, by kind."""
        for path in folder.rglob("*"):
            self.written[path.parent.name] += path.stat().st_size if path.is_file() else 0

    @property
    def peak(self) -> int:
        return max(self.peaks.values())

    def map(
        self, function: Callable[[Any], Any], items: Sequence[Any], resources: Mapping[str, float] | None = None
    ) -> Iterator[tuple[int, Any]]:
        name = getattr(function, "func", function).__name__
        if name == "join_meetings":
            self.count(self.work / "buckets")  # nothing reads them again
            shutil.rmtree(self.work / "buckets")
        for index, item in enumerate(items):
            result, (user, system), peak = self.pool.submit(measured, function, item).result()
            self.seconds[name] += user + system
            self.in_kernel[name] += system
            self.peaks[name] = max(self.peaks.get(name, 0), peak)
            self.calls += 1
            yield index, result


def warm_documents(_: None) -> None:
    """Libraries and kernels, that every worker has loaded."""
    with tempfile.TemporaryDirectory() as folder:
        shards = [write_shard(Path(folder) / "s.parquet", np.arange(100, dtype=np.uint64) // 2, np.random.default_rng(0))]
        from curator.engine.executor import Inline

        DedupDocuments().mark(shards, folder, Inline())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--memory", type=int, default=128, help="MiB a call")
    parser.add_argument("--folder")
    given = parser.parse_args()
    print(
        "| documents | calls | CPU µs a document (of it in the kernel) | bytes written a document | MiB a worker takes "
        "above | what is there before the first call | duplicates |\n|---|---|---|---|---|---|---|"
    )
    for millions in given.millions:
        folder = Path(tempfile.mkdtemp(dir=given.folder))
        try:
            row(folder, millions * 1_000_000, given.memory << 20)
        finally:
            shutil.rmtree(folder)


def row(folder: Path, documents: int, memory: int) -> None:
    (folder / "signed").mkdir()
    shards = write_signatures(folder / "signed", documents)
    worker = Worker(folder / "work")
    stage = DedupDocuments(memory=memory, prefer=("wiki", "*"))
    stage.mark(shards, str(folder / "work"), worker)
    worker.pool.shutdown()
    worker.count(folder / "work")
    written = worker.written
    summary = (folder / "work" / "summary.json").read_text()
    duplicates = int(summary.split('"duplicates": ')[1].split(",")[0])
    print(
        f"| {documents:,} | {worker.calls} | {sum(worker.seconds.values()) / documents * 1e6:.2f} "
        f"({sum(worker.in_kernel.values()) / documents * 1e6:.2f}) | {written.total() / documents:.0f} "
        f"| {(worker.peak - worker.before) >> 20} | {worker.before >> 20} | {duplicates / documents:.1%} |",
        flush=True,
    )
    shares = sorted(worker.seconds.items(), key=lambda each: -each[1])
    parts = (f"{n} {s / documents * 1e6:.2f} ({worker.in_kernel[n] / documents * 1e6:.2f})" for n, s in shares)
    print(f"<!-- µs a document: {', '.join(parts)} -->")
    print(f"<!-- bytes a document: {', '.join(f'{n} {s / documents:.1f}' for n, s in written.most_common() if s)} -->")
    print(f"<!-- MiB above: {', '.join(f'{n} {(p - worker.before) >> 20}' for n, p in worker.peaks.items())} -->", flush=True)


if __name__ == "__main__":
    main()
