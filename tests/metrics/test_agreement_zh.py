"""Decisions of fineweb2_cmn_Hani beside those of datatrove's three filters, as FineWeb-2 sets them, on Chinese documents.

Every document on which they differ has one of the causes below, each shown on the document itself: it goes away when one side's
number is counted in the other's way.
"""

from __future__ import annotations

import collections
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import reference

from curator.metrics.lists import load_list
from curator.stages.filter import Filter

LANGUAGE = "cmn_Hani"
TOP = {2: 0.256, 3: 0.201, 4: 0.171}
DUP = {5: 0.198, 6: 0.182, 7: 0.167, 8: 0.154, 9: 0.14, 10: 0.127}
EVERY = 3  # of the documents; all of them take a minute


def documents() -> Iterator[tuple[str, str]]:
    """Set and text."""
    data = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
    assert data.is_dir(), f"no data at {data}: set CURATOR_DATA to the folder that MANIFEST.md describes"

    def rows(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (data / name).read_text(encoding="utf-8").splitlines()]

    yield from (("web", row["text"]) for row in rows("text/hplt_raw_zh_web.jsonl"))
    for script in ("hans_cmrc2018", "hant_drcd"):
        texts = [row["text"] for row in rows(f"text/zhwiki_paragraphs_{script}.jsonl")]
        yield from (("wiki", "\n".join(texts[i : i + 3])) for i in range(0, len(texts), 3))
    yield from (("abstracts", row["text"]) for row in rows("text/zh_academic_abstracts_csl.jsonl"))
    for path in sorted((data / "html_gold").glob("**/gold.jsonl")):
        gold = rows(str(path.relative_to(data)))
        yield from (("news", row["gold"]) for row in gold if row["lang"].startswith("zh"))


def their_filters() -> list[Any]:
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    return [
        GopherRepetitionFilter(
            language=LANGUAGE,
            dup_para_frac=0,
            dup_line_char_frac=0,
            dup_para_char_frac=0,
            dup_line_frac=0.287,
            top_n_grams=tuple(TOP.items()),  # pyright: ignore[reportArgumentType]
            dup_n_grams=tuple(DUP.items()),  # pyright: ignore[reportArgumentType]
        ),
        FineWebQualityFilter(
            language=LANGUAGE, short_line_thr=999, char_duplicates_ratio=0.1, line_punct_thr=0.106, new_line_ratio=0.178
        ),
        GopherQualityFilter(
            language=LANGUAGE,
            min_avg_word_length=1,
            max_avg_word_length=5,
            max_non_alpha_words_ratio=0.735,
            stop_words=list(load_list("stop_words_cmn_Hani").words),
        ),
    ]


def their_reason(filters: list[Any], text: str) -> str:
    from datatrove.data import Document

    for one in filters:
        answer = one.filter(Document(text=text, id="0"))
        kept, reason = answer if isinstance(answer, tuple) else (answer, "")
        if not kept:
            return reason
    return ""


def our_reasons(texts: list[str]) -> list[tuple[str, ...]]:
    stage = Filter.load("fineweb2_cmn_Hani")
    found = stage(pa.RecordBatch.from_pydict({"text": pa.array(texts)}))
    passes = {
        rule.reason.partition(".")[2]: rule.passes(found[rule.column.partition(".")[2]]).to_pylist() for rule in stage.rules
    }
    return [tuple(name for name, row in passes.items() if not row[i]) for i in range(len(texts))]


# ---------------------------------------------------------------------------------------------------------------- causes


def lines_of(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def blank_lines_repeat(text: str, ours: tuple[str, ...], theirs: str) -> bool:
    """Theirs counts lines of whitespace as lines, and those after the first as repeated ones."""
    lines = lines_of(text)
    return theirs == "dup_line_frac" and sum(reference.repeats(lines)) / len(lines) <= 0.287


def top_occurs_once(text: str, ours: tuple[str, ...], theirs: str) -> bool:
    """Theirs takes the commonest n-gram even when it occurs once."""
    match = re.fullmatch(r"top_(\d)_gram", theirs)
    if not match:
        return False
    n, words = int(match[1]), their_words(text)
    return reference.top_covered(words, n) / sum(map(len, words)) <= TOP[n]


def repeats_overlap(text: str, ours: tuple[str, ...], theirs: str) -> bool:
    """Theirs leaps over n words after a repeated n-gram, and divides by whitespace too: less is counted as repeated."""
    named = [int(name.split("_")[2].removesuffix("gram")) for name in ours if name.startswith("dup_word")]
    words = their_words(text)
    return bool(named) and all(reference.dup_covered(words, n) / sum(map(len, words)) > DUP[n] for n in named)


def lines_end_otherwise(text: str, ours: tuple[str, ...], theirs: str) -> bool:
    """Ours takes closing quotes and brackets, ： ； and … for ends of lines of Chinese, and looks before whitespace."""
    lines = lines_of(text)
    return theirs == "line_punct_ratio" and sum(line.rstrip()[-1] in reference.TERMINAL for line in lines) / len(lines) >= 0.106


def blank_lines_count(text: str, ours: tuple[str, ...], theirs: str) -> bool:
    """Theirs divides by blank lines too."""
    lines = lines_of(text)
    return ours == ("ellipsis_line_ratio",) and sum(map(reference.ends_in_ellipsis, lines)) / len(lines) > 0.3


def tokens_differ(text: str, ours: tuple[str, ...], theirs: str) -> bool:
    """One token of theirs, several of ours: 3.14, 60%, PM2.5, C++. Several of theirs, one of ours: ２０１２, ……, don't."""
    tokens = reference.tokens_of(text, "jieba")
    if theirs == "gopher_below_alpha_threshold" or ours == ("alpha_word_ratio",):
        share = sum(any(map(reference.is_letter, token)) for token in tokens) / len(tokens)
        return (share < 0.735) == bool(ours)
    named = [int(name.split("_")[2].removesuffix("gram")) for name in ours if name.startswith("top_word")]
    words = their_words(text)
    return bool(named) and all(
        reference.top_joined(tokens, n) / len(text) > TOP[n] >= reference.top_joined(words, n) / len(text) for n in named
    )


def their_words(text: str) -> list[str]:
    from datatrove.utils.text import split_into_words

    return split_into_words(text, LANGUAGE)


CAUSES: tuple[Callable[[str, tuple[str, ...], str], bool], ...] = (
    blank_lines_repeat,
    top_occurs_once,
    repeats_overlap,
    lines_end_otherwise,
    blank_lines_count,
    tokens_differ,
)


@pytest.mark.data
def test_decisions_are_datatroves_but_for_named_causes() -> None:
    logging.getLogger("jieba").setLevel(logging.WARNING)
    chosen = list(documents())[::EVERY]
    filters = their_filters()
    ours = our_reasons([text for _, text in chosen])
    theirs = [their_reason(filters, text) for _, text in chosen]
    equal: collections.Counter[str] = collections.Counter()
    causes: collections.Counter[str] = collections.Counter()
    unexplained = []
    for (kind, text), mine, other in zip(chosen, ours, theirs):
        if bool(mine) == bool(other):
            equal[kind] += 1
            continue
        cause = next((one.__name__ for one in CAUSES if one(text, mine, other)), None)
        causes[cause or "unexplained"] += 1
        if cause is None:
            unexplained.append((kind, mine, other))
    total = collections.Counter(kind for kind, _ in chosen)
    print({kind: f"{equal[kind]}/{total[kind]}" for kind in total}, f"{equal.total() / len(chosen):.3f}", causes)
    assert not unexplained
    assert equal.total() / len(chosen) >= 0.95
    assert 0.2 < sum(map(bool, theirs)) / len(chosen) < 0.6  # the filters have something to decide
