"""What a language model of one half of the zh wiki paragraphs tells from raw crawl, and what training and scoring cost.

    CURATOR_DATA=... python tests/bench/perplexity.py

Everything is in Markdown rows, for BENCHMARKS.md. Paragraphs are halved by the hash of their text: a model is trained on one
half and judged on the other. For every AUC the classes are matched: white space is taken out of both, and each raw page is
cut to the length of a paragraph. `runs` is harder: the longest run of each raw page that has no white space, 100
characters at least, so that nothing is joined that did not stand together; it is mostly news and encyclopaedic prose too.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curator.lm.artefact import LanguageModel, open_model
from curator.lm.scoring import score_tokens
from curator.lm.tokens import tokenised
from curator.lm.train import Training, train
from curator.pipeline.corpus import Corpus

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
PIECES = DATA / "assets" / "tokenizers" / "chinese_llama_sp_20k.model"
ROUNDS = 5
WINDOW = 100

Judge = Callable[[Sequence[str]], np.ndarray]


def texts(name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (DATA / "text" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def bare(text: str) -> str:
    return "".join(text.split())


def in_training(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 0


def batches(documents: Sequence[str]) -> Iterator[pa.RecordBatch]:
    columns = {"source": ["bench"] * len(documents), "language": ["zh"] * len(documents), "text": list(documents)}
    yield pa.RecordBatch.from_pydict(columns, schema=pa.schema([(name, pa.string()) for name in columns]))


def trained(documents: Sequence[str], folder: str, **options: Any) -> LanguageModel:
    train(batches(documents), folder, Training(**{"tokens": "words", "estimator": "curator", **options}))
    return open_model(folder)


def judge(model: LanguageModel, value: str = "perplexity") -> Judge:
    return lambda documents: np.asarray(getattr(model.judge(pa.array(list(documents)), WINDOW), value))


# ----------------------------------------------------------------------------------------------------------------- AUC


def auc(low: np.ndarray, high: np.ndarray) -> float:
    """How often a value of `high` is above one of `low`, ties counting half."""
    values = np.concatenate([low, high])
    order = np.sort(values)
    ranks = (np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right") + 1) / 2
    return float((ranks[len(low) :].sum() - len(high) * (len(high) + 1) / 2) / (len(low) * len(high)))


def cut_pages(good: Sequence[str], pages: Sequence[str]) -> tuple[list[str], list[str]]:
    """Raw pages without white space, each cut to the length of a good text; pages that are shorter are left out."""
    lengths = [len(text) for text in good]
    found = []
    for i, page in enumerate(sorted(map(bare, pages), key=lambda text: hashlib.sha256(text.encode()).digest())):
        if len(page) >= lengths[i % len(lengths)]:
            found.append(page[: lengths[i % len(lengths)]])
    return list(good), found


def cut_runs(good: Sequence[str], pages: Sequence[str]) -> tuple[list[str], list[str]]:
    """The longest run of each page, and a good text of a similar rank of length beside it, both cut to the shorter."""
    longest = [max(page.split() or [""], key=len) for page in pages]
    runs = sorted((run for run in longest if len(run) >= 100), key=len)
    ranked = sorted(good, key=len)
    pairs = [(ranked[i * len(ranked) // len(runs)], run) for i, run in enumerate(runs)]
    cut = [(one[: len(other)], other[: len(one)]) for one, other in pairs]
    return [one for one, _ in cut], [other for _, other in cut]


def separation(values: Judge, good: Sequence[str], pages: Sequence[str]) -> str:
    found = []
    for match in (cut_pages, cut_runs):
        low, high = match([bare(text) for text in good], pages)
        found.append(f"{auc(values(low), values(high)):.3f}")
    return " | ".join(found)


def layout(train_good: Sequence[str], train_bad: Sequence[str]) -> Judge:
    """A linear classifier that knows only the number of newlines and the length."""

    def features(documents: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, np.log1p(text.count("\n")), np.log1p(len(text))] for text in documents])

    wanted = np.array([0.0] * len(train_good) + [1.0] * len(train_bad))
    weights, *_ = np.linalg.lstsq(features([*train_good, *train_bad]), wanted, rcond=None)
    return lambda documents: features(documents) @ weights


def separations(folder: str) -> None:
    hans, hant = texts("zhwiki_paragraphs_hans_cmrc2018"), texts("zhwiki_paragraphs_hant_drcd")
    pages = texts("hplt_raw_zh_web")
    halves = {"Hans": hans, "Hant": hant}
    learnt = {name: [text for text in half if in_training(text)] for name, half in halves.items()}
    held = {name: [text for text in half if not in_training(text)] for name, half in halves.items()}
    both = [*learnt["Hans"], *learnt["Hant"]]
    print("| AUC, wiki half held out against raw crawl | Hans | Hans, runs | Hant | Hant, runs |")
    print("|---|---|---|---|---|")
    words = trained(both, f"{folder}/words")
    pieces = {"tokens": "sentencepiece", "sentencepiece": str(PIECES)}
    rows: dict[str, Judge] = {
        "words, order 5: `perplexity`": judge(words),
        "the same: `worst`": judge(words, "worst"),
        "the same: `unknown`": judge(words, "unknown"),
        "words, order 3": judge(trained(both, f"{folder}/words3", order=3)),
        "characters, order 5": judge(trained(both, f"{folder}/characters", tokens="characters")),
        "pieces of a given SentencePiece model, order 5": judge(trained(both, f"{folder}/pieces", **pieces)),
        "newlines and length alone, matched": layout(*cut_pages([bare(text) for text in both], pages)),
    }
    for name, values in rows.items():
        print(f"| {name} | {' | '.join(separation(values, held[each], pages) for each in halves)} |", flush=True)
    known = layout(both, pages[::2])
    unmatched = (f"{auc(known(held[each]), known(pages[1::2])):.3f} | –" for each in halves)
    print(f"| newlines and length alone, texts as they are | {' | '.join(unmatched)} |")

    print("\n| AUC of a source left out of training, words, order 5 | against raw crawl | runs |")
    print("|---|---|---|")
    gold = (json.loads(line) for line in (DATA / "html_gold" / "gold.jsonl").read_text(encoding="utf-8").splitlines())
    news = [page["gold"] for page in gold if page["lang"] == "zh" and len(page["gold"] or "") >= 200]
    left_out = [
        ("Hant, by a model of Hans", learnt["Hans"], held["Hant"]),
        ("Hans, by a model of Hant", learnt["Hant"], held["Hans"]),
        ("abstracts of papers, by a model of both", both, texts("zh_academic_abstracts_csl")),
        ("news, by a model of both", both, news),
    ]
    for name, documents, good in left_out:
        values = judge(trained(documents, f"{folder}/{hashlib.sha256(name.encode()).hexdigest()[:8]}"))
        print(f"| {name} | {separation(values, good, pages)} |", flush=True)


# ---------------------------------------------------------------------------------------------------------------- time


def seconds(function: Callable[[], Any]) -> float:
    began = time.process_time()
    function()
    return time.process_time() - began


def fastest(*functions: Callable[[], Any]) -> list[float]:
    """The best of several rounds in turn, CPU seconds."""
    for function in functions:
        function()
    rounds = [[seconds(function) for function in functions] for _ in range(ROUNDS)]
    return [min(column) for column in zip(*rounds)]


def training(folder: str) -> None:
    print("\n| training, order 5 | text | seconds (CPU) | n-grams | model |")
    print("|---|---|---|---|---|")
    for name, patterns, read in (
        ("zh: wiki paragraphs, abstracts, news titles, app descriptions", ("zhwiki_*", "zh_a*", "zh_thucnews*"), None),
        ("en: Wikipedia", ("enwiki-latest-*.bz2",), "wikipedia"),
    ):
        where = DATA / ("wiki" if read else "text")
        corpus = Corpus([str(where / pattern) for pattern in patterns], read)
        options = Training(tokens="words", estimator="curator")
        took = seconds(lambda corpus=corpus, to=f"{folder}/{name[:2]}", options=options: train(corpus, to, options))
        size = sum(len(text.encode()) for batch in corpus for text in batch.column("text").to_pylist() if text)
        model = open_model(f"{folder}/{name[:2]}").model
        grams = f"{sum(model.layout.counts) / 1e6:.1f} M | {model.layout.end * 4 / 1e6:.0f} MB"
        print(f"| {name} | {size / 1e6:.1f} MB | {took:.1f} | {grams} |", flush=True)


def scoring(folder: str) -> None:
    import kenlm

    pages = texts("hplt_raw_zh_web")
    english = [
        text
        for batch in Corpus([str(DATA / "wiki" / "enwiki-latest-*.bz2")], "wikipedia")
        for text in batch["text"].to_pylist()
    ]
    print("\n| scoring, one core | whole stage | tokens, ours | KenLM's `full_scores` | ratio | its `score` (a sum) | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name, model, documents in (
        ("zh crawl, words", "zh", pages),
        ("zh crawl, characters", "characters", pages),
        ("zh crawl, pieces (CCNet)", "pieces", pages),
        ("en Wikipedia, words", "en", english),
    ):
        opened = open_model(f"{folder}/{model}")
        column = pa.array(documents)
        size = sum(len(text.encode()) for text in documents) / 1e6
        data, _ = tokenised(column, opened.tokens, opened.variants, opened.pieces)
        theirs = kenlm.Model(f"{folder}/{model}/model.bin")
        spoken = data.tobytes().decode().split("\n")[:-1]
        some = spoken[::10]
        whole, ours, each, total = fastest(
            lambda opened=opened, column=column: opened.judge(column, WINDOW),
            lambda opened=opened, data=data, column=column: score_tokens(opened.model, data, len(column)),
            lambda theirs=theirs, some=some: [sum(log for log, _, _ in theirs.full_scores(line)) for line in some],
            lambda theirs=theirs, spoken=spoken: [theirs.score(line) for line in spoken],
        )
        tokens, few = (sum(line.count(" ") + 2 for line in lines) / 1e6 for lines in (spoken, some))
        rates = [tokens / ours, few / each, tokens / total]
        columns = f"{rates[0]:.1f} M/s | {rates[1]:.1f} M/s | {rates[0] / rates[1]:.1f} | {rates[2]:.1f} M/s"
        print(f"| {name} | {size / whole:.1f} MB/s | {columns} | {rates[0] / rates[2]:.2f} |", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        separations(folder)
        training(folder)
        scoring(folder)


if __name__ == "__main__":
    main()
