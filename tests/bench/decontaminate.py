"""`decontaminate` beside datatrove's NGramsDecontFilter: the same questions and documents, one process, one core, CPU time.

    python tests/bench/decontaminate.py

datatrove rejects a document for one n-gram of 12 words that it shares with a question (jieba's words in Chinese); ours follows
every match and looks for the choices. Its table is filled with its own normalisation, words and hashes, as its indexer does.
Then what ours finds: the share of items found in pages that hold them, and of documents that hold none but are rejected.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curator.stages.decontaminate import Decontaminate, told_apart
from curator.stages.decontaminate_items import Item, find, read_items

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
SETS = {"cmmlu": "cmmlu/*/*.csv", "gsm8k": "gsm8k/*.jsonl", "humaneval": "humaneval/*.gz"}
ROUNDS = 3
WORDS = 12  # datatrove's default


def texts(name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (DATA / name).read_text(encoding="utf-8").split("\n") if line]


def rounds(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """The best CPU time of each, in turn."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, into in zip((ours, theirs), spent, strict=True):
            began = time.process_time()
            call()
            into.append(time.process_time() - began)
    return min(spent[0]), min(spent[1])


def peer(items: list[Item], language: str, folder: str):
    """datatrove's filter with its table of the questions."""
    from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text

    one = NGramsDecontFilter(folder, NGramsDecontConfig(n_grams=WORDS), language=language)
    hashes: set[int] = set()
    hashed: Any = one.hash_func
    for item in items:
        words = one.tokenizer.word_tokenize(simplify_text(item.question, one.config.norm_config))
        hashes.update(hashed(" ".join(gram)) for gram in ngrams(words, WORDS))
    np.array(sorted(hashes), dtype=one.config.hash_config.np_descr).tofile(f"{folder}/questions.index.hashes")
    return one


def beside_datatrove(what: str, documents: list[str], stage: Decontaminate, items: list[Item], language: str) -> None:
    from datatrove.data import Document

    size = sum(len(text.encode()) for text in documents) / 1e6
    batch = pa.record_batch({"text": pa.array(documents)})
    with tempfile.TemporaryDirectory() as folder:
        other = peer(items, language, folder)
        wrapped = [Document(text=text, id=str(n)) for n, text in enumerate(documents)]
        other.filter(wrapped[0])
        stage(batch)
        mine, theirs = rounds(lambda: stage(batch), lambda: [other.filter(each) for each in wrapped])
    print(f"| {what} | {size / mine:,.0f} MB/s | datatrove: {size / theirs:,.2f} MB/s | {theirs / mine:,.0f} |", flush=True)


def page(item: Item, pages: list[str], draw: random.Random) -> str:
    around = draw.choice(pages)
    at = draw.randrange(len(around) + 1)
    choices = draw.sample(item.choices, len(item.choices))
    lines = [item.question, *(f"{letter}. {choice}" for letter, choice in zip("ABCDEFGHIJ", choices))]
    return "\n".join([around[:at], *lines, around[at:]])


def found(stage: Decontaminate, documents: list[str]) -> dict[str, np.ndarray]:
    columns = stage(pa.record_batch({"text": pa.array(documents)}))
    return {name: columns[name].to_numpy() > 0 for name in stage.against}


def main() -> None:
    stage = Decontaminate(against={name: (f"{DATA}/bench/{glob}",) for name, glob in SETS.items()})
    stage.warm()
    sets = {name: [i for file in find(patterns) for i in read_items(file, ())] for name, patterns in stage.against.items()}
    crawl, news = texts("text/hplt_raw_zh_web.jsonl"), texts("dedup/mccormick_1000.docs.jsonl")
    everything = [item for items in sets.values() for item in items]
    print("| documents | curator | peer | ratio |\n|---|---|---|---|")
    beside_datatrove("Chinese crawl", crawl, stage, everything, "zho")
    beside_datatrove("English news", news, stage, everything, "eng")

    print("\n| set | items | long enough | found, choices shuffled, in pages |\n|---|---|---|---|")
    draw, tellable = random.Random(0), told_apart(stage)
    for name, items in sets.items():
        hits = found(stage, [page(item, crawl, draw) for item in items])[name]
        print(f"| {name} | {len(items):,} | {tellable[name][1]:,} | {hits.sum():,} ({hits.mean():.2%}) |", flush=True)
    clean = crawl + news
    for path in sorted((DATA / "text").glob("zh*.jsonl")):
        clean += [json.loads(line).get("text") or "" for line in path.read_text(encoding="utf-8").split("\n") if line]
    rejected = np.logical_or.reduce(list(found(stage, clean).values()))
    size = sum(len(text.encode()) for text in clean) / 1e6
    print(f"\n{rejected.sum()} of {len(clean):,} documents ({size:,.0f} MB) that hold no item are rejected.")


if __name__ == "__main__":
    main()
