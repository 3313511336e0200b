"""BPE encoding beside tokenizers, both in one process on the same texts and one core.

    python tests/bench/tokens.py

Each side is timed in turn, three times, in CPU seconds, and the best counts. They are first shown to give equal ids.
"""

from __future__ import annotations

import os

os.environ["RAYON_NUM_THREADS"] = os.environ["TOKENIZERS_PARALLELISM"] = "1"

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from curator.tokens import vocabulary

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 3


def texts(name: str, most: int) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()[:most]
    return [found for line in lines if (found := json.loads(line).get("text"))]


def best(call: Callable[[], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return min(spent)


def encoding(language: str, documents: list[str]) -> None:
    path = str(DATA / "assets" / "tokenizers" / "minimind_tokenizer.json")
    words, reference = vocabulary.load(path, None), Tokenizer.from_file(path)
    expected = [reference.encode(t, add_special_tokens=False).ids for t in documents]
    assert [ids.tolist() for ids in words.encode(documents)] == expected, "the two sides do not do the same work"
    ours = best(lambda: words.encode(documents))
    theirs = best(lambda: [reference.encode(t, add_special_tokens=False).ids for t in documents])
    size = sum(len(t.encode()) for t in documents) / 1e6
    print(
        f"| BPE encoding, 6,400 ids, {language} | {len(documents) / ours:,.0f} docs/s, {size / ours:,.1f} MB/s "
        f"| tokenizers: {len(documents) / theirs:,.0f} docs/s, {size / theirs:,.1f} MB/s | {theirs / ours:,.1f} |",
        flush=True,
    )


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    print("| work, one core | curator | beside it | ratio |\n|---|---|---|---|")
    encoding("en", texts("dedup/mccormick_1000.docs.jsonl", 1000))
    encoding("zh", texts("text/hplt_raw_zh_web.jsonl", 400))


if __name__ == "__main__":
    main()
