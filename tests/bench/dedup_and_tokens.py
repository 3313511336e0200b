"""MinHash signatures and BPE encoding beside the usual tools, both in one process on the same texts and one core.

Each side is timed in turn, three times, in CPU seconds, and the best counts: what the machine can do, not what its neighbours
let it do. The encoders are first shown to give equal ids; the signatures' accuracy is tested in tests/dedup.
"""

from __future__ import annotations

import os

os.environ["RAYON_NUM_THREADS"] = os.environ["TOKENIZERS_PARALLELISM"] = "1"

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from curator.dedup import minhash

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 3


def texts(name: str, field: str = "text", most: int = 400) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()[:most]
    return [found for line in lines if (found := json.loads(line).get(field))]


def best(call: Callable[[], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return min(spent)


def row(what: str, documents: Sequence[str], ours: Callable[[], object], theirs: Callable[[], object], peer: str) -> None:
    size = sum(len(t.encode()) for t in documents) / 1e6
    ours()  # compile, load
    mine, other = best(ours), best(theirs)
    print(
        f"| {what} | {len(documents) / mine:,.0f} docs/s, {size / mine:,.1f} MB/s "
        f"| {peer}: {len(documents) / other:,.0f} docs/s, {size / other:,.1f} MB/s | {other / mine:,.1f} |",
        flush=True,
    )


def signatures(language: str, documents: list[str]) -> None:
    from datasketch import MinHash

    column = pa.array(documents)

    def theirs() -> None:
        for text in documents:
            units = list(text) if language == "zh" else text.lower().split()
            sketch = MinHash(num_perm=112)
            sketch.update_batch([" ".join(units[i : i + 5]).encode() for i in range(max(1, len(units) - 4))])

    row(
        f"MinHash signature, 112 hashes, {language}",
        documents,
        lambda: minhash.signatures(column, 5, 14, 8),
        theirs,
        "datasketch",
    )


def encoding(language: str, documents: list[str]) -> None:
    from tokenizers import Tokenizer

    from curator.tokens import vocabulary

    path = str(DATA / "assets" / "tokenizers" / "minimind_tokenizer.json")
    words, reference = vocabulary.load(path, None), Tokenizer.from_file(path)
    expected = [reference.encode(t, add_special_tokens=False).ids for t in documents]
    assert [ids.tolist() for ids in words.encode(documents)] == expected, "the two sides do not do the same work"
    row(
        f"BPE encoding, 6,400 ids, {language}",
        documents,
        lambda: words.encode(documents),
        lambda: [reference.encode(t, add_special_tokens=False).ids for t in documents],
        "tokenizers",
    )


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    print("| work, one core | curator | beside it | ratio |\n|---|---|---|---|")
    sets = {"en": texts("dedup/mccormick_1000.docs.jsonl", most=1000), "zh": texts("text/hplt_raw_zh_web.jsonl")}
    for measured in (signatures, encoding):
        for language, documents in sets.items():
            measured(language, documents)


if __name__ == "__main__":
    main()
