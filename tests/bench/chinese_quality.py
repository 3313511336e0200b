"""How zh_web and zh_hant_web tell good Chinese text from junk: tables in Markdown, over the real data (`CURATOR_DATA`) and our
labels. With a preset's name, that one alone.

Classes are compared where only their words differ. *As they are*, junk has other lengths and more newlines than good text, so a
baseline that knows nothing else is printed beside. *Matched* sets have none of that to tell by: pages of advertising messages
are joined until each is as long as a good text and has as many newlines; in pairs of texts without any whitespace both are cut
to one length. Rules on length (`chars`, `mean_line_chars`) are off where it says so. Everything is in halves by hash: the rules
were chosen on `tuning`, and on the crawl's pages that have no label; `held-out` was only measured, but for good text, whose few
failures of both halves were looked at. zh_hant_web is measured on texts in Traditional characters of the same good sets, and
on the same junk put into them, with the words of Taiwan.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import itertools
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import opencc
import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from curator.documents import SCHEMA, File, Piece, Tally, decide
from curator.sources.books import Books
from curator.stages.filter import Filter
from curator.stages.script import chinese_script, variants

DATA = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
LABELS = Path(__file__).parents[1] / "quality" / "labels_hplt_200.tsv"
HALVES = ("tuning", "held-out")
LENGTH_RULES = ("chars", "mean_line_chars")
LEAST = 100  # characters of a good text
Halves = Mapping[str, list[str]]


# ------------------------------------------------------------------------------------------------------------------- sets


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def halves(texts: Iterable[str]) -> Halves:
    """The distinct ones in the order of their hashes, by one bit of these."""
    ordered = sorted(set(texts), key=digest)
    return {half: [t for t in ordered if int(digest(t)[16:24], 16) % 2 == i] for i, half in enumerate(HALVES)}


def rows(name: str) -> Iterator[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def good_sets() -> dict[str, Halves]:
    def long(texts: Iterable[str]) -> Halves:
        return halves(t for t in texts if len(t) >= LEAST)

    gold = (row for path in sorted(DATA.glob("html_gold/**/gold.jsonl")) for row in rows(str(path)))
    poems = [poem for path in sorted(DATA.glob("books/poetry*.json")) for poem in json.loads(path.read_bytes())]
    return {
        "wiki paragraphs, Simplified": long(r["text"] for r in rows("text/zhwiki_paragraphs_hans_cmrc2018.jsonl")),
        "wiki paragraphs, Traditional": long(r["text"] for r in rows("text/zhwiki_paragraphs_hant_drcd.jsonl")),
        "academic abstracts": long(r["text"] for r in rows("text/zh_academic_abstracts_csl.jsonl")),
        "gold text of news and forum pages": long(
            r["gold"] for r in gold if r["lang"].startswith("zh") and not r["gold_kind"].startswith("algorithm")
        ),
        "Tang verse, a poem": long("\n".join(poem["paragraphs"]) for poem in poems),
        "Tang verse, pages of poems": long(pages_of(poems)),
        "novels by chapters": long(chapters()),
    }


def pages_of(poems: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """As an anthology has them: title, author, lines, a blank line; pages of 800 characters and more."""
    page = ""
    for poem in poems:
        page += "\n".join([poem["title"], poem["author"], *poem["paragraphs"]]) + "\n\n"
        if len(page) > 800:
            yield page.strip()
            page = ""


def chapters() -> Iterator[str]:
    for path in sorted([*DATA.glob("books/zh_*.zip"), *DATA.glob("books/*zh-Hant*.txt")]):
        file = File(path=str(path), name=path.name, size=path.stat().st_size, stamp="")
        for batch in Books().read(Piece(file), Tally()):
            yield from batch.column("text").to_pylist()


def messages() -> Halves:
    """Advertising messages. The origin masked digits with x, which would tell them: digits again, any ones."""

    def unmasked(text: str) -> str:
        digits = itertools.cycle(str(int(digest(text), 16)))
        return re.sub(r"(?<![a-zA-Z])x+(?![a-zA-Z])", lambda run: "".join(next(digits) for _ in run[0]), text)

    found = halves(r["text"] for r in rows("text/zh_sms_spam_10k.jsonl") if r["label"] == "spam")
    return {half: list(map(unmasked, texts)) for half, texts in found.items()}


def labelled() -> list[dict[str, str]]:
    """The labelled pages of the raw crawl: half, label, kind, note, text."""
    texts = {digest(r["text"])[:16]: r["text"] for r in rows("text/hplt_raw_zh_web.jsonl")}
    lines = [line for line in LABELS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    names = lines[0].split("\t")
    found = [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:]]
    return [row | {"text": texts[row["hash"]]} for row in found]


def script(text: str) -> str:
    """As the stage `script` has it."""
    return chinese_script(*(sum(character in only for character in text) for only in map(frozenset, variants())))


def traditional(sets: Mapping[str, Halves]) -> dict[str, Halves]:
    """Of each set the texts in Traditional characters, where there are some."""
    found = {name: {half: [t for t in texts if script(t) == "Hant"] for half, texts in of.items()} for name, of in sets.items()}
    return {name: of for name, of in found.items() if min(map(len, of.values())) >= 5}


def in_traditional(of: Halves) -> Halves:
    convert = opencc.OpenCC("s2twp").convert
    return {half: list(map(convert, texts)) for half, texts in of.items()}


# --------------------------------------------------------------------------------------------------------------- matching


def spam_pages(good: Sequence[str], spam: Sequence[str]) -> list[str]:
    """For each good text a page of messages, joined to its length, with as many newlines, between messages."""
    pages, following = [], itertools.cycle(spam)
    for text in good:
        parts: list[str] = []
        while sum(map(len, parts)) < len(text):
            parts.append(next(following))
        breaks = min(text.count("\n"), len(parts) - 1)
        places = {(i + 1) * len(parts) // (breaks + 1) for i in range(breaks)}
        pages.append("".join(("\n" if i in places else "") + part for i, part in enumerate(parts))[: len(text)])
    return pages


def cut_pairs(good: Sequence[str], junk: Sequence[str]) -> tuple[list[str], list[str]]:
    """Junk and good text in pairs, without whitespace, both as long as the shorter of the two."""
    pairs = [("".join(g.split()), "".join(j.split())) for g, j in zip(itertools.cycle(good), junk)]
    lengths = [min(len(g), len(j)) for g, j in pairs]
    return [g[:n] for (g, _), n in zip(pairs, lengths)], [j[:n] for (_, j), n in zip(pairs, lengths)]


def mixed_good(sets: Mapping[str, Halves], half: str, of_each: int = 60) -> list[str]:
    """Some of each good set, by turns."""
    taken = [found[half][:of_each] for found in sets.values()]
    return [text for row in itertools.zip_longest(*taken) for text in row if text is not None]


# ----------------------------------------------------------------------------------------------------------- what they say


def judged(stage: Filter, texts: Sequence[str], *, lengths: bool = True) -> tuple[list[str | None], list[str]]:
    """The reason that each text is rejected for, or none, and the text that is left of it."""
    scripts = [script(text) if "script" in stage.reads else None for text in texts]
    docs = pa.RecordBatch.from_pylist([{"text": t, "script": s} for t, s in zip(texts, scripts, strict=True)], schema=SCHEMA)
    measured = dict(stage(docs))
    left = measured.pop("text", docs.column("text"))
    for key, column in measured.items():
        docs = docs.append_column(f"{stage.name}.{key}", column)
    off = {f"{stage.name}.{rule}" for rule in LENGTH_RULES} if not lengths else set()
    return decide(docs, [rule for rule in stage.rules if rule.reason not in off]).to_pylist(), left.to_pylist()


def rejected(stage: Filter, texts: Sequence[str], *, lengths: bool = True) -> float:
    reasons, _ = judged(stage, texts, lengths=lengths)
    return 1 - reasons.count(None) / max(len(reasons), 1)


def baseline(good: Halves, junk: Halves, kept: float = 0.98) -> float:
    """What the best rule on length and newlines alone would reject of the held-out junk: a threshold on either, or on the line
    between the two classes (Fisher's), chosen on the tuning half to keep 98 % of its good texts."""

    def features(texts: Sequence[str]) -> np.ndarray:
        return np.array([[np.log1p(len(t)), t.count("\n") / max(len(t), 1)] for t in texts])

    a, b = features(good["tuning"]), features(junk["tuning"])
    spread = np.cov(a.T) + np.cov(b.T) + 1e-9 * np.eye(2)
    fisher = np.linalg.solve(spread, b.mean(axis=0) - a.mean(axis=0))
    best = (0.0, 0.0)
    for way in (*np.vstack([np.eye(2), -np.eye(2)]), fisher):
        threshold = np.quantile(a @ way, kept)
        found = [float(np.mean(features(texts) @ way > threshold)) for texts in (junk["tuning"], junk["held-out"])]
        best = max(best, (found[0], found[1]))
    return best[1]


# ----------------------------------------------------------------------------------------------------------------- tables


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def good_table(stage: Filter, sets: Mapping[str, Halves]) -> Iterator[str]:
    yield "| good set | texts | kept, tuning | kept, held-out | characters cut by `lines:` | rejected for |"
    yield "|---|---|---|---|---|---|"
    for name, found in sets.items():
        by_half = [judged(stage, found[half]) for half in HALVES]
        reasons = [reason for judgement, _ in by_half for reason in judgement]
        kept = [percent(judgement.count(None) / len(judgement)) for judgement, _ in by_half]
        texts = sum(len(t) for half in HALVES for t in found[half])
        cut = 1 - sum(len(t) for _, left in by_half for t in left) / texts
        why = Counter(reason.partition(".")[2] for reason in reasons if reason).most_common()
        yield f"| {name} | {len(reasons)} | {kept[0]} | {kept[1]} | {percent(cut)} | {', '.join(f'{k} {n}' for k, n in why)} |"


def junk_sets(sets: Mapping[str, Halves], pages: Sequence[Mapping[str, str]]) -> dict[str, tuple[Halves, Halves]]:
    """Name -> junk, and good text to set beside it."""
    spam = messages()
    good = {half: mixed_good(sets, half) for half in HALVES}
    long = {half: [t for t in good[half] if len(t) <= 2000] for half in HALVES}
    crawl = {half: [p["text"] for p in pages if p["half"] == half and p["label"] == "junk"] for half in HALVES}
    pairs = {half: cut_pairs(good[half], crawl[half]) for half in HALVES}
    short = {half: cut_pairs(good[half], spam[half]) for half in HALVES}
    return {
        "messages joined to pages: lengths, newlines matched": ({h: spam_pages(long[h], spam[h]) for h in HALVES}, long),
        "single messages: no whitespace, lengths matched": (
            {h: short[h][1] for h in HALVES},
            {h: short[h][0] for h in HALVES},
        ),
        "raw pages as they are": (crawl, good),
        "raw pages: no whitespace, lengths matched": ({h: pairs[h][1] for h in HALVES}, {h: pairs[h][0] for h in HALVES}),
    }


def junk_table(stage: Filter, found: Mapping[str, tuple[Halves, Halves]]) -> Iterator[str]:
    yield "| junk | texts | rejected, tuning | held-out | length rules off, tuning | held-out | baseline, held-out |"
    yield "|---|---|---|---|---|---|---|"
    for name, (junk, good) in found.items():
        shares = [rejected(stage, junk[half], lengths=lengths) for lengths in (True, False) for half in HALVES]
        count = sum(len(junk[half]) for half in HALVES)
        yield f"| {name} | {count} | {' | '.join(map(percent, shares))} | {percent(baseline(good, junk))} |"


def kinds_table(stage: Filter, pages: Sequence[Mapping[str, str]]) -> Iterator[str]:
    yield "| raw pages by label | pages | rejected, tuning | held-out | length rules off, tuning | held-out |"
    yield "|---|---|---|---|---|---|"
    names = sorted({(p["label"], p["kind"] if p["label"] == "junk" else "") for p in pages})
    groups = [*names, ("junk", None)]
    for label, kind in groups:
        of = [p for p in pages if p["label"] == label and (kind is None or label != "junk" or p["kind"] == kind)]
        by_half = [[p["text"] for p in of if p["half"] == half] for half in HALVES]
        cells = [
            f"{round(rejected(stage, texts, lengths=lengths) * len(texts))} of {len(texts)}"
            for lengths in (True, False)
            for texts in by_half
        ]
        title = f"{label}, {kind or 'all'}" if label == "junk" else label
        yield f"| {title} | {len(of)} | {' | '.join(cells)} |"


def rules_table(stage: Filter, found: Mapping[str, tuple[Halves, Halves]], sets: Mapping[str, Halves]) -> Iterator[str]:
    """What each rule rejects when it is the only one."""
    yield "| rule alone | good, both halves | " + " | ".join(f"{name}, held-out" for name in found) + " |"
    yield "|---|---|" + "---|" * len(found)
    good = [text for half in HALVES for text in mixed_good(sets, half, 1000)]
    names = [rule.reason.partition(".")[2] for rule in stage.rules]
    for name in names:
        alone = Filter.load(stage.name, {other: None for other in names if other != name})
        shares = [rejected(alone, good), *(rejected(alone, junk["held-out"]) for junk, _ in found.values())]
        if max(shares[1:]) >= 0.02:
            yield f"| `{name}` | {' | '.join(map(percent, shares))} |"


@functools.cache
def raw_pages() -> list[tuple[str, str]]:
    """Chinese pages with gold text: that, and all text of the page."""
    found = []
    for row in rows("html_gold/gold.jsonl"):
        path = DATA / "html_gold" / row["file"]
        if row["lang"].startswith("zh") and not row["gold_kind"].startswith("algorithm") and path.exists():
            page = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            html = bytes_to_str(page, detect_encoding(page) or "utf-8")
            found.append((row["gold"], extract_plain_text(html, main_content=False, alt_texts=False)))
    return found


def cut_lines(stage: Filter, texts: Sequence[str]) -> list[list[str]]:
    """The lines of each text that are not in what is left of it."""
    found = []
    for text, left in zip(texts, judged(stage, texts)[1], strict=True):
        kept = Counter(line.strip() for line in left.split("\n"))
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        found.append([line for line in lines if kept.subtract([line]) or kept[line] < 0])
    return found


def frame_lines(stage: Filter) -> tuple[int, int, int, list[str]]:
    """Of whole pages: lines cut, those of them that their gold text has too, all lines; and lines cut from gold text."""

    def bare(text: str) -> str:
        return re.sub(r"[\s•]", "", text)

    pages = raw_pages()
    cut = cut_lines(stage, [text for _, text in pages])
    in_gold = sum(bare(line) in bare(gold) for (gold, _), lines in zip(pages, cut, strict=True) for line in lines)
    total = sum(bool(line.strip()) for _, text in pages for line in text.split("\n"))
    from_gold = [line for lines in cut_lines(stage, [gold for gold, _ in pages]) for line in lines]
    return sum(map(len, cut)), in_gold, total, from_gold


def lines_table(stage: Filter) -> Iterator[str]:
    cut, in_gold, total, from_gold = frame_lines(stage)
    yield "| lines of whole pages | cut by `lines:` | of these in no gold text | lines cut from gold text itself |"
    yield "|---|---|---|---|"
    yield f"| {total:,} | {cut:,} | {percent(1 - in_gold / cut)} | {len(from_gold)} |"
    yield ""
    yield f"Whole pages, with all that surrounds their text: {percent(1 - rejected(stage, [p for _, p in raw_pages()]))} kept."
    yield ""
    yield "Cut from gold text: " + "; ".join(f"`{line[:40]}`" for line in sorted(set(from_gold)))


def tables(preset: str) -> Iterator[Iterator[str]]:
    stage, sets, pages = Filter.load(preset), good_sets(), labelled()
    found = junk_sets(sets, pages)
    if preset == "zh_hant_web":
        yield good_table(stage, traditional(sets))
        yield junk_table(stage, {name: (in_traditional(junk), in_traditional(good)) for name, (junk, good) in found.items()})
    else:
        yield good_table(stage, sets)
        yield junk_table(stage, found)
        yield kinds_table(stage, pages)
        yield rules_table(stage, found, sets)
        yield lines_table(stage)


def main(*presets: str) -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    for preset in presets or ("zh_web", "zh_hant_web"):
        print(f"**{preset}**\n")
        for table in tables(preset):
            print(*table, sep="\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
