"""BPE encoding beside tokenizers; and the regex that text is split by, beside others. One process, the same texts, one core.

    python tests/bench/tokens.py

Encoding: each side in turn, three times, in CPU seconds, the best counts; each time with a new encoder, for both remember words
that they have met. They are first shown to give equal ids. Splitting: a vocabulary of 16,000 ids is trained by each regex on
the same half of the texts, and compresses the other half.
"""

from __future__ import annotations

import os

os.environ["RAYON_NUM_THREADS"] = os.environ["TOKENIZERS_PARALLELISM"] = "1"

import json
import sys
import tempfile
import time
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer

from curator.engine.executor import Inline
from curator.tokens import vocabulary
from curator.tokens.formats import PATTERNS
from curator.tokens.recipe import PATTERN, VocabularyRecipe, choose, write

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 3
SIZE = 16_000


def texts(name: str, most: int) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").split("\n")[:most]
    return [found for line in lines if line and (found := json.loads(line).get("text"))]


def kinds() -> dict[str, list[str]]:
    """Documents by kind; code is the standard library of the Python that runs this."""
    code = sorted(Path(tokenize.__file__).parent.glob("*.py"))
    numbers = [f"{i * 7919 % 1_000_003},{i * 31 / 7:.2f}\t2024-{i % 12 + 1:02}-{i % 28 + 1:02}\n" * 20 for i in range(100)]
    return {
        "Chinese": texts("text/hplt_raw_zh_web.jsonl", 400) + texts("text/zhwiki_paragraphs_hans_cmrc2018.jsonl", 1000),
        "English": texts("dedup/mccormick_1000.docs.jsonl", 1000),
        "code": [path.read_text(encoding="utf-8") for path in code],
        "numbers": numbers,
    }


def trained(pattern: str, by_kind: dict[str, list[str]], folder: str) -> str:
    """The path of a tokenizer, trained on every second document."""

    def batches() -> list[pa.RecordBatch]:
        made = []
        for kind, documents in by_kind.items():
            half = documents[::2]
            keys = [f"{kind}{i}" for i in range(len(half))]
            made.append(pa.record_batch({"key": keys, "source": [kind] * len(half), "text": half}))
        return made

    recipe = VocabularyRecipe(size=SIZE, pattern=pattern)
    write(recipe, choose(recipe, [batches], Inline()), folder)
    return f"{folder}/tokenizer.json"


def best(new: Callable[[], Any], call: Callable[[Any], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        encoder = new()
        began = time.process_time()
        call(encoder)
        spent.append(time.process_time() - began)
    return min(spent)


def encoding(name: str, path: str, kind: str, documents: list[str]) -> None:
    data = Path(path).read_bytes()
    words, reference = vocabulary.load(path), Tokenizer.from_file(path)
    expected = [reference.encode(t, add_special_tokens=False).ids for t in documents]
    assert [ids.tolist() for ids in words.encode(documents)] == expected, "the two sides do not do the same work"
    ours = best(lambda: vocabulary.from_bytes(path, data), lambda words: words.encode(documents))
    theirs = best(
        lambda: Tokenizer.from_file(path), lambda its: [its.encode(t, add_special_tokens=False).ids for t in documents]
    )
    size = sum(len(t.encode()) for t in documents) / 1e6
    print(
        f"| BPE encoding, {name}, {kind} | {len(documents) / ours:,.0f} docs/s, {size / ours:,.1f} MB/s "
        f"| tokenizers: {len(documents) / theirs:,.0f} docs/s, {size / theirs:,.1f} MB/s | {theirs / ours:,.1f} |",
        flush=True,
    )


def splitting(name: str, path: str, by_kind: dict[str, list[str]]) -> None:
    words = vocabulary.load(path)
    cells = []
    for documents in by_kind.values():
        half = documents[1::2]
        cells.append(f"{sum(len(t.encode()) for t in half) / sum(map(len, words.encode(half))):.2f}")
    print(f"| {name} | {' | '.join(cells)} | {mixed(path):,} |", flush=True)


def mixed(path: str) -> int:
    """Tokens that join Han characters with anything else: beside 我 and ，, a token ，我 is a place taken."""
    tokenizer = Tokenizer.from_file(path)
    decoded = (tokenizer.decode([i]) for i in range(tokenizer.get_vocab_size()))
    return sum(0 < sum("\u4e00" <= c <= "\u9fff" for c in text) < len(text) for text in decoded if "\ufffd" not in text)


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    by_kind = kinds()
    with tempfile.TemporaryDirectory() as folder:
        patterns = {"curator": PATTERN, "GPT-2": PATTERNS["gpt2"], "GPT-4": PATTERNS["cl100k"], "Qwen": PATTERNS["qwen"]}
        made = {name: trained(pattern, by_kind, f"{folder}/{name}") for name, pattern in patterns.items()}
        print("| work, one core | curator | beside it | ratio |\n|---|---|---|---|")
        for name, path in (
            ("16,000 ids, our pattern", made["curator"]),
            ("6,400 ids, GPT-2's pattern", str(DATA / "assets" / "tokenizers" / "minimind_tokenizer.json")),
        ):
            for kind in ("English", "Chinese", "code"):
                encoding(name, path, kind, by_kind[kind][:400])
        heads = [*by_kind, "tokens of Han and other"]
        print(f"\n| bytes per token, split by | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        for name, path in made.items():
            splitting(name, path, by_kind)


if __name__ == "__main__":
    main()
