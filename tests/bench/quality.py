"""Quality models: what they tell apart on the real data (`CURATOR_DATA`), and how fast; tables in Markdown.

    python tests/bench/quality.py

Half of each source is trained on, a quarter calibrates, a quarter is judged, by hash of the text. Texts are compared cut to one
length, and white space is no token; beside it stands what length and newlines alone would tell of the texts as they are. The
rows *left out* are of models that never saw that source, judged on all of it. fastText's library gets the same tokens.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import opencc
import pyarrow as pa

from curator.documents import File, Piece, Tally
from curator.models import fasttext_model
from curator.quality.artefact import QualityModel, open_model
from curator.quality.documents import collected, folded, pairs
from curator.quality.figures import auc
from curator.quality.tokens import spelled
from curator.quality.training import Options, train
from curator.sources.books import Books
from curator.stages.quality import Quality

DATA = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
LABELS = Path(__file__).parents[1] / "quality" / "labels_hplt_200.tsv"
ROUNDS = 5
HALF = Options(held_out=0.5)
FIRST_JUDGED = 75  # of a hundred folds
Texts = Mapping[str, Sequence[str]]


# ------------------------------------------------------------------------------------------------------------------- sets


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").split("\n") if line]


def texts(name: str, **wanted: str) -> list[str]:
    return [row["text"] for row in rows(f"text/{name}.jsonl") if all(row[key] == value for key, value in wanted.items())]


def unmasked(found: Iterable[str]) -> list[str]:
    """The origin masked digits with x, in both classes: digits again, any ones, because x is no mark of anything elsewhere."""
    return [re.sub(r"(?<![a-zA-Z])x+(?![a-zA-Z])", lambda run: "1" * len(run[0]), text) for text in found]


def news() -> list[str]:
    gold = rows("html_gold/gold.jsonl")
    return [row["gold"] for row in gold if row["lang"].startswith("zh") and not row["gold_kind"].startswith("algorithm")]


def good() -> Texts:
    return {
        "wiki, Hans": texts("zhwiki_paragraphs_hans_cmrc2018"),
        "wiki, Hant": texts("zhwiki_paragraphs_hant_drcd"),
        "abstracts": texts("zh_academic_abstracts_csl"),
        "news": news(),
    }


def poor() -> Texts:
    return {
        "raw crawl": texts("hplt_raw_zh_web"),
        "spam": unmasked(texts("zh_sms_spam_10k", label="spam")),
    }


def ordinary() -> Texts:
    return {
        "messages": unmasked(texts("zh_sms_spam_10k", label="ham")),
        "reviews": texts("zh_reviews_waimai10k"),
        "abstracts": texts("zh_academic_abstracts_csl"),
        "news": news(),
    }


def varieties() -> Texts:
    """Good or harmless text of kinds that the model was not shown."""
    sentences = rows("lid/lid.jsonl")
    poems = [poem for path in sorted(DATA.glob("books/poetry*.json")) for poem in json.loads(path.read_bytes())]
    return {
        "Cantonese sentences": joined([row["text"] for row in sentences if row["lang"] == "yue"]),
        "Mandarin sentences (Hant), joined likewise": joined([row["text"] for row in sentences if row["lang"] == "zh-Hant"]),
        "classical Chinese sentences": joined([row["text"] for row in sentences if row["lang"] == "lzh"]),
        "Tang poems": ["\n".join(poem["paragraphs"]) for poem in poems],
        "classical novels by chapters": list(chapters()),
        "restaurant reviews": joined(texts("zh_reviews_waimai10k")),
        "personal messages": joined(unmasked(texts("zh_sms_spam_10k", label="ham"))),
        "app descriptions": texts("zh_app_descriptions_iflytek"),
        "crawl after ChineseWebText's rules": [r["raw_content"] for r in rows("text/chinesewebtext_cc2021-43_cleared.jsonl")],
    }


def joined(found: Sequence[str], together: int = 8) -> list[str]:
    """Several short ones a text, so that none is rejected for saying little."""
    return ["\n".join(found[i : i + together]) for i in range(0, len(found), together)]


def chapters() -> Iterator[str]:
    for path in sorted(DATA.glob("books/zh_*.zip")):
        for batch in Books().read(Piece(File(path=str(path), name=path.name, size=path.stat().st_size, stamp="")), Tally()):
            yield from batch.column("text").to_pylist()


def batches(of: Texts) -> Iterator[pa.RecordBatch]:
    for source, found in of.items():
        yield pa.RecordBatch.from_pydict({"source": [source] * len(found), "text": found})


def judged(of: Texts) -> dict[str, list[str]]:
    """The documents that a model of `HALF` was neither trained nor calibrated on."""
    kept = {}
    for source, found in of.items():
        hashes = {d.hash for d in folded(collected(batches({source: found}), 1 << 30, HALF.tokens), FIRST_JUDGED, 100)[source]}
        both = ((text, collected(batches({source: [text]}), 1, HALF.tokens)) for text in found)
        kept[source] = [text for text, own in both if own and own[source][0].hash in hashes]
    return kept


# ----------------------------------------------------------------------------------------------------------------- tables


def evidence(title: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    found, left = manifest["held_out"], manifest["left_out"]
    yield f"| {title} | AUC, judged | left out |"
    yield "|---|---|---|"
    yield f"| **all** | **{found['auc']:.4f}** | |"
    yield f"| as they are | {found['auc_as_they_are']:.4f} | |"
    yield f"| as they are, by length and newlines alone | {found['auc_of_length_and_newlines_alone']:.4f} | |"
    for side, against in (("positive", "negative"), ("negative", "positive")):
        for source, figure in found["auc_by_source"][side].items():
            without = left.get(side, {}).get(source, {}).get("auc")
            yield f"| {source} against all {against} | {figure:.4f} | {'' if without is None else f'{without:.4f}'} |"
    reliable = found["reliability"]
    bins = ", ".join(f"{row['mean_score']:.2f}: {row['positive']:.2f} ({row['texts']})" for row in reliable["bins"])
    yield ""
    yield f"Calibration: expected error {reliable['expected_calibration_error']}, Brier {reliable['brier']}."
    yield f"Mean score of ten bins: share of good texts (texts): {bins}."
    yield ""
    for side, features in manifest["features"].items():
        yield f"{side}: {' '.join(row['text'] for row in features[:30])}"


def pair_table(model: QualityModel, positive: Texts, negative: Texts) -> Iterator[str]:
    yield "| AUC, one length | " + " | ".join(negative) + " |"
    yield "|---|" + "---|" * len(negative)
    for source, found in positive.items():
        cells = []
        for theirs in negative.values():
            one, two = pairs(*(collected(batches({source: side}), 1 << 30, HALF.tokens) for side in (found, theirs)))
            odds = [model.scorer.logits(pa.array([text.decode() for text in side])) for side in (one, two)]
            cells.append(f"{auc(*odds):.4f}")
        yield f"| {source} | {' | '.join(cells)} |"


def scores(model: QualityModel, found: Sequence[str]) -> np.ndarray:
    return model.scores(pa.array(found, pa.string())).to_numpy(zero_copy_only=False)


def form_table(model: QualityModel, of: Texts) -> Iterator[str]:
    """The same texts in the other form of Chinese, words of Taiwan and the mainland exchanged as well."""
    yield "| judged texts, converted | texts | mean score before, after | on the other side of .5 |"
    yield "|---|---|---|---|"
    for source, ways in (("wiki, Hans", ("s2t", "s2twp")), ("wiki, Hant", ("t2s", "tw2sp"))):
        for way in ways:
            before, after = (scores(model, side) for side in (of[source], list(map(opencc.OpenCC(way).convert, of[source]))))
            crossed = np.mean((before >= 0.5) != (after >= 0.5))
            yield f"| {source}, `{way}` | {len(before)} | {before.mean():.4f}, {after.mean():.4f} | {100 * crossed:.1f} % |"


def variety_table(model: QualityModel, of: Texts) -> Iterator[str]:
    yield "| text that the model was not shown | texts | mean score | share from .5 up |"
    yield "|---|---|---|---|"
    for kind, found in of.items():
        values = np.nan_to_num(scores(model, found))
        yield f"| {kind} | {len(values)} | {values.mean():.2f} | {100 * np.mean(values >= 0.5):.0f} % |"


def label_table(model: QualityModel, crawl: Sequence[str]) -> Iterator[str]:
    """Raw pages with a reader's label, those only that were not trained on."""
    import hashlib

    lines = [line.split("\t") for line in LABELS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    labels = {line[lines[0].index("hash")]: line[lines[0].index("label")] for line in lines[1:]}
    own = {hashlib.sha256(text.encode()).hexdigest()[:16]: text for text in crawl}
    by_label: dict[str, list[str]] = {}
    for key, text in own.items():
        if key in labels:
            by_label.setdefault(labels[key], []).append(text)
    by_score = {label: np.nan_to_num(scores(model, found)) for label, found in sorted(by_label.items())}
    yield "| judged raw pages by a reader's label | pages | mean score | share from .5 up | AUC against junk |"
    yield "|---|---|---|---|---|"
    for label, values in by_score.items():
        apart = "" if label == "junk" else f"{auc(values, by_score['junk']):.3f}"
        yield f"| {label} | {len(values)} | {values.mean():.2f} | {100 * np.mean(values >= 0.5):.0f} % | {apart} |"


def speed_table(folder: str, of: Texts) -> Iterator[str]:
    """The stage beside the library's own prediction of the same model on the same tokens."""
    yield "| scoring, one core | the stage | two models | fastText, cutting included | ratio | fastText's prediction alone |"
    yield "|---|---|---|---|---|---|"
    for name, found in of.items():
        size = sum(len(text.encode()) for text in found) / 1e6
        ours, both, theirs, alone = (size / seconds for seconds in speeds(folder, found))
        cells = f"{ours:.0f} MB/s | {both:.0f} MB/s | {theirs:.1f} MB/s | {ours / theirs:.1f} | {alone:.1f} MB/s"
        yield f"| {name}, {size:.1f} MB | {cells} |"


def speeds(folder: str, found: Sequence[str]) -> list[float]:
    """Seconds of each column."""
    library = fasttext_model(str(Path(folder) / "model.ftz"))
    docs = pa.RecordBatch.from_pydict({"text": pa.array(found)})
    one, two = Quality(models={"a": folder}), Quality(models={"a": folder, "b": folder})
    one(docs)

    def cut() -> list[str]:
        return [line.decode() for line in spelled(docs.column("text"))]

    lines = cut()
    calls = (lambda: one(docs), lambda: two(docs), lambda: library.probabilities(cut()), lambda: library.probabilities(lines))
    spent: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, seconds in zip(calls, spent, strict=True):
            began = time.process_time()
            call()
            seconds.append(time.process_time() - began)
    return list(map(min, spent))


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    positive, negative = good(), poor()
    with tempfile.TemporaryDirectory() as folder:
        quality, spam = f"{folder}/quality", f"{folder}/spam"
        began = time.process_time()
        manifest = train(batches(positive), batches(negative), quality, HALF)
        spent = time.process_time() - began
        manifest_spam = train(batches({"spam": negative["spam"]}), batches(ordinary()), spam, HALF)
        model, rest = open_model(quality), (judged(positive), judged(negative))
        english = [json.loads(line)["text"] for line in (DATA / "dedup/mccormick_1000.docs.jsonl").open(encoding="utf-8")]
        tables = itertools.chain(
            [f"Trained in {spent:.0f} s of CPU with the models for *left out*; {manifest['model']['bytes'] / 1e6:.1f} MB.", ""],
            evidence("good Chinese against raw crawl and spam", manifest),
            [""],
            pair_table(model, *rest),
            [""],
            form_table(model, rest[0]),
            [""],
            variety_table(model, varieties()),
            [""],
            label_table(model, rest[1]["raw crawl"]),
            [""],
            evidence("spam (positive) against ordinary text", manifest_spam),
            [""],
            speed_table(quality, {"Chinese crawl": negative["raw crawl"], "English news": english}),
        )
        for line in tables:
            print(line, flush=True)


if __name__ == "__main__":
    main()
