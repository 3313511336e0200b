"""What the stage `language` gets right, beside fastText alone, and what it costs: Markdown tables, figures in BENCHMARKS.md.

    CURATOR_DATA=... python tests/bench/language.py

The labelled sentences are halved by the hash of their text: what was tuned was tuned on one half, the other is the result.
A sentence's script can be told if it has a character that only Hans or only Hant writes (variants.txt).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from curator.models import fasttext_model
from curator.stages.labels import ZH_FAMILY
from curator.stages.language import Language
from curator.stages.script import variants

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
MODEL = str(DATA / "assets" / "lid.176.ftz")
ROUNDS = 9
SHOWN = ("zh", "yue", "lzh", "wuu", "ja", "ko", "vi", "en")
RUN = re.compile(r"[\u4e00-\u9fff]{4,}")

Rows = list[dict[str, str]]


def rows(name: str) -> Rows:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def batch(texts: Iterable[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(list(texts), pa.string())], ["text"])


def scored(texts: Iterable[str], stage: Language | None = None) -> dict[str, list]:
    found = (stage or Language(model=MODEL))(batch(texts))
    return {name: array.to_pylist() for name, array in found.items()}


def alone(texts: Sequence[str]) -> list[str]:
    """fastText's most probable label for each whole text."""
    model = fasttext_model(MODEL)
    return [model.labels[best] for best in model.probabilities(list(texts)).argmax(axis=1)]


def of(row: dict[str, str]) -> str:
    return "zh" if row["lang"] in ("zh-Hans", "zh-Hant") else row["lang"]


def held_out(row: dict[str, str]) -> bool:
    return bool(hashlib.sha256(row["text"].encode()).digest()[0] & 1)


def precision_recall(gold: Sequence[str], found: Sequence[str], languages: Sequence[str]) -> str:
    both = sum(g in languages and f in languages for g, f in zip(gold, found))
    claimed, there = (sum(each in languages for each in side) for side in (found, gold))
    return f"{both / claimed:.3f} / {both / there:.3f}" if claimed else "– / 0"


def share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / whole:.1%})"


# ----------------------------------------------------------------------------------------------------------- sentences


def sentences(labelled: Rows) -> None:
    groups = {"zh family": ZH_FAMILY, **{name: (name,) for name in ("zh", "yue", "lzh", "en", "ja", "ko", "vi")}}
    print("| sentences, precision / recall | " + " | ".join(groups) + " |")
    print("|---|" + "---|" * len(groups))
    for half, want in (("tuning", False), ("held-out", True)):
        chosen = [row for row in labelled if held_out(row) is want]
        gold, texts = [of(row) for row in chosen], [row["text"] for row in chosen]
        for who, found in (("lid.176 alone", alone(texts)), ("curator", scored(texts)["language"])):
            cells = (precision_recall(gold, found, languages) for languages in groups.values())
            print(f"| {who}, {half} half, {len(chosen):,} | " + " | ".join(cells) + " |")


def scripts(labelled: Rows) -> None:
    print("\n| script, sentences that can be told | right | else |\n|---|---|---|")
    telling = set("".join(variants()))
    for half, want in (("tuning", False), ("held-out", True)):
        chosen = [row for row in labelled if of(row) == "zh" and held_out(row) is want and not telling.isdisjoint(row["text"])]
        found = scored(row["text"] for row in chosen)["script"]
        wrong = Counter(f"{row['lang'][3:]} as {script}" for row, script in zip(chosen, found) if row["lang"][3:] != script)
        print(f"| {half} half | {share(len(chosen) - wrong.total(), len(chosen))} | {dict(wrong) or '–'} |")


def confusion(labelled: Rows) -> None:
    chosen = [row for row in labelled if held_out(row)]
    found = [f if f in (*SHOWN, "und") else "other" for f in scored(row["text"] for row in chosen)["language"]]
    counts = Counter(
        (row["lang"] if row["lang"] in (*SHOWN, "zh-Hans", "zh-Hant") else "other", f) for row, f in zip(chosen, found)
    )
    matrix("held-out half, row: label, column: found", counts)


def matrix(title: str, counts: Counter[tuple[str, str]]) -> None:
    columns = [name for name in (*SHOWN, "other", "und") if any(f == name for _, f in counts)]
    print(f"\n| {title} | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for label in dict.fromkeys(g for g, _ in sorted(counts)):
        print(f"| {label} | " + " | ".join(f"{counts[label, column]:,}" for column in columns) + " |")


def han_runs(labelled: Rows) -> None:
    """Runs of Han characters cut out of sentences: all that is left of Japanese and Korean is their orthography."""
    runs = [
        (row["lang"], run)
        for row in labelled
        if held_out(row) and row["lang"] in ("zh-Hans", "zh-Hant", "ja", "ko", "yue", "lzh")
        for run in RUN.findall(row["text"])
    ]
    found = scored(run for _, run in runs)["language"]
    matrix(
        "runs of 4 Han characters and more, row: language of the sentence", Counter((g, f) for (g, _), f in zip(runs, found))
    )


def cantonese_lines() -> None:
    path = DATA / "lid" / "cantonesedetect-test_judge_sentences.txt"
    lines = [line.split("|") for line in path.read_text(encoding="utf-8").splitlines()]
    found = scored(line[0] for line in lines)
    print("\n| cantonesedetect's lines | found | yue_score |\n|---|---|---|")
    for (text, _, label), language, score in zip(lines, found["language"], found["yue_score"]):
        print(f"| {label}: {text} | {language} | {score:.2f} |")


# ----------------------------------------------------------------------------------------------------------- documents


def early() -> None:
    """Chinese pages that would be lost before extraction, and others that would be carried on."""
    pages = rows("html_gold/gold.jsonl")
    payloads = [gzip.decompress((DATA / "html_gold" / page["file"]).read_bytes()) for page in pages]
    docs = pa.RecordBatch.from_arrays(
        [pa.array(payloads, pa.binary()), pa.array(["text/html"] * len(pages)), pa.nulls(len(pages), pa.string())],
        ["payload", "content_type", "charset"],
    )
    stage = Language(model=MODEL, on="visible")
    found = {name: array.to_pylist() for name, array in stage(docs).items()}
    chinese = [page["lang"].startswith("zh") for page in pages]
    english = [page["lang"] == "en" for page in pages]
    print("\n| html_gold, visible text | Chinese pages lost | English pages lost | other pages kept |\n|---|---|---|---|")
    for least in (0.1, 0.2, 0.3, 0.5, 0.7):
        kept = [(score or 0) >= least for score in found["zh_score"]]
        lost = [page["file"] for page, zh, keep in zip(pages, chinese, kept) if zh and not keep]
        others = sum(keep and not zh for zh, keep in zip(chinese, kept))
        print(f"| zh_score ≥ {least} | {share(len(lost), sum(chinese))} | | {share(others, len(pages) - sum(chinese))} |")
    for least in (0.2, 0.3, 0.5):
        kept = [f in (*ZH_FAMILY, "en") and s >= least for f, s in zip(found["language"], found["score"])]
        lost = [sum(g and not keep for g, keep in zip(gold, kept)) for gold in (chinese, english)]
        others = [not zh and not en for zh, en in zip(chinese, english)]
        print(
            f"| zh or en, score ≥ {least} | {share(lost[0], sum(chinese))} | {share(lost[1], sum(english))} "
            f"| {share(sum(o and k for o, k in zip(others, kept)), sum(others))} |"
        )


def documents() -> None:
    """Extracted texts at the thresholds of the filters."""
    pages = rows("html_gold/gold.jsonl")
    sets = {
        "html_gold zh": [page["gold"] for page in pages if page["lang"].startswith("zh")],
        "html_gold en": [page["gold"] for page in pages if page["lang"] == "en"],
        "html_gold other": [page["gold"] for page in pages if page["lang"] != "en" and not page["lang"].startswith("zh")],
        "hplt raw zh web": [row["text"] for row in rows("text/hplt_raw_zh_web.jsonl")],
        "zhwiki Hans": [row["text"] for row in rows("text/zhwiki_paragraphs_hans_cmrc2018.jsonl")],
        "zhwiki Hant": [row["text"] for row in rows("text/zhwiki_paragraphs_hant_drcd.jsonl")],
        "zh headlines": [row["text"] for row in rows("text/zh_thucnews_titles.jsonl")],
        "en refined": [row["text"] for row in rows("text/en_refined_web_samples.jsonl")],
    }
    print(
        "\n| documents | zh_score ≥ .3 | ≥ .5 | ≥ .7 | en, score ≥ .5 | ≥ .65 | lid.176 alone: zh ≥ .5 | en ≥ .65 | varieties |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    model = fasttext_model(MODEL)
    stage = Language(model=MODEL)
    for name, texts in sets.items():
        found = scored(texts, stage)
        zh = [sum(score >= least for score in found["zh_score"]) for least in (0.3, 0.5, 0.7)]
        english = [s for f, s in zip(found["language"], found["score"]) if f == "en"]
        en = [sum(score >= least for score in english) for least in (0.5, 0.65)]
        mean = [model.probabilities(stage.sample(text)).mean(axis=0) for text in texts]
        by_model = [
            sum(each[model.labels.index(code)] >= least for each in mean) for code, least in (("zh", 0.5), ("en", 0.65))
        ]
        varieties = dict(Counter(f for f in found["language"] if f in ("yue", "lzh", "wuu")))
        print(f"| {name}, {len(texts):,} | " + " | ".join(map(str, (*zh, *en, *by_model, varieties or "–"))) + " |")


# --------------------------------------------------------------------------------------------------------------- speed


def best(*calls: Callable[[], object]) -> list[float]:
    """CPU seconds of each, the least of ROUNDS in turn."""
    spent: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, seconds in zip(calls, spent):
            began = time.process_time()
            call()
            seconds.append(time.process_time() - began)
    return [min(seconds) for seconds in spent]


def speed() -> None:
    """Documents per CPU second, windows cut and scored by the model alone, and with what characters say."""
    print("\n| docs/s, one core | lid.176 on the same windows | language | ratio |\n|---|---|---|---|")
    stage, model = Language(model=MODEL), fasttext_model(MODEL)
    for name, field in (
        ("text/hplt_raw_zh_web.jsonl", "text"),
        ("text/zhwiki_paragraphs_hant_drcd.jsonl", "text"),
        ("text/zh_thucnews_titles.jsonl", "text"),
        ("text/en_refined_web_samples.jsonl", "text"),
    ):
        docs = batch([row[field] for row in rows(name)] * (20 if "refined" in name else 1))

        def by_model(docs: pa.RecordBatch = docs) -> object:
            return model.probabilities([piece for text in docs.column(0).to_pylist() for piece in stage.sample(text)], 0.001)

        stage(docs)
        bare, whole = best(by_model, lambda docs=docs: stage(docs))
        print(f"| {name} | {docs.num_rows / bare:,.0f} | {docs.num_rows / whole:,.0f} | {bare / whole:.2f} |", flush=True)


def main() -> None:
    labelled = rows("lid/lid.jsonl")
    sentences(labelled)
    scripts(labelled)
    confusion(labelled)
    han_runs(labelled)
    cantonese_lines()
    early()
    documents()
    speed()


if __name__ == "__main__":
    main()
