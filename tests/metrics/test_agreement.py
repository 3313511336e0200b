"""Decisions of gopher_repetition, gopher_quality, c4 and fineweb beside those of datatrove's filters, on English documents.

Every document on which they differ has one of the causes below. Each is shown on the document itself: datatrove's own filter
comes to our decision once that one thing in it is ours.
"""

from __future__ import annotations

import collections
import contextlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curator.documents import decide
from curator.stages.filter import Filter

EVERY = 4  # of the documents; all of them take two minutes: run this file as a script
LONGEST = 20_000  # characters of a document in the test
LEAST = 0.98


def _beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference, english = _beside("reference"), _beside("english")


def their_filters() -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    from datatrove.pipeline import filters
    from loguru import logger

    logger.remove()
    return {
        "gopher_repetition": filters.GopherRepetitionFilter(),
        "gopher_quality": filters.GopherQualityFilter(),
        "c4": filters.C4QualityFilter(),
        "fineweb": filters.FineWebQualityFilter(),
    }


def kept_by(theirs: Any, text: str) -> bool:
    from datatrove.data import Document

    return theirs.filter(Document(text=text, id="")) is True


def our_decisions(preset: str, texts: Sequence[str]) -> list[bool]:
    stage, docs = Filter.load(preset), pa.RecordBatch.from_pydict({"text": pa.array(texts)})
    for key, column in stage(docs).items():
        docs = docs.append_column(f"{preset}.{key}", column)
    return [reason is None for reason in decide(docs, stage.rules).to_pylist()]


# --------------------------------------------------------------------------------------------------------------- causes


@contextlib.contextmanager
def replaced(theirs: Any, name: str, value: Any) -> Iterator[None]:
    module = sys.modules[type(theirs).__module__]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, value)
        yield


def our_words(theirs: Any) -> Any:
    """spaCy parts words otherwise: n't and units like 3pm are words, some abbreviations keep their stop, a long dash or a slash
    may join, and ): is one token."""
    return replaced(theirs, "split_into_words", lambda text, language: reference.tokens_of(text))


def once_is_no_repeat(theirs: Any) -> Any:
    """The commonest n-gram of a short text occurs once; theirs takes that for repetition."""

    def top(grams: list[str]) -> int:
        gram, count = collections.Counter(grams).most_common(1)[0]
        return len(gram) * count if count > 1 else 0

    return replaced(theirs, "find_top_duplicate", top)


def our_line_ends(theirs: Any) -> Any:
    """Curly quotation marks, a closing bracket in Chinese and other scripts' marks end no line for theirs."""
    return replaced(theirs, "END_PUNCTUATION", tuple(reference.TERMINAL.replace("…", "").replace("⋯", "")))


def our_sentences(theirs: Any) -> Any:
    """spaCy's sentences end at every token that is a mark, ours where whitespace or a closing mark follows."""
    return replaced(theirs, "split_into_sentences", lambda text, language: reference.sentences_of(text))


def citations_stay(theirs: Any) -> Any:
    """Theirs takes [1] out of a line before it looks at its end."""
    import re

    return replaced(theirs, "CITATION_REGEX", re.compile("(?!)"))


CAUSES: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "gopher_repetition": (our_words, once_is_no_repeat),
    "gopher_quality": (our_words,),
    "c4": (our_line_ends, citations_stay, our_sentences),
    "fineweb": (our_words,),
}


def cause(preset: str, theirs: Any, text: str, ours: bool) -> str:
    for change in CAUSES[preset]:
        with change(theirs):
            if kept_by(theirs, text) == ours:
                return change.__name__
    return f"unnamed: {text[:60]!r}"


def compare(texts: Sequence[str]) -> dict[str, tuple[float, collections.Counter[str]]]:
    """For each family the share of equal decisions, and how many of the others have which cause."""
    found = {}
    for preset, theirs in their_filters().items():
        differ = [
            cause(preset, theirs, text, ours)
            for text, ours in zip(texts, our_decisions(preset, texts))
            if ours != kept_by(theirs, text)
        ]
        found[preset] = 1 - len(differ) / len(texts), collections.Counter(differ)
    return found


@pytest.mark.data
def test_decisions_agree_with_datatrove_and_every_other_one_has_a_cause() -> None:
    texts = [text for _, text in english.documents() if len(text) <= LONGEST][::EVERY]
    assert len(texts) > 200
    for preset, (agreement, causes) in compare(texts).items():
        assert agreement >= LEAST, (preset, agreement, causes)
        assert not [name for name in causes if name.startswith("unnamed")], (preset, causes)


if __name__ == "__main__":
    everything = [text for _, text in english.documents()]
    for family, (share, why) in compare(everything).items():
        print(f"{family}: {share:.2%} of {len(everything)} decisions are equal; the others: {dict(why)}")
