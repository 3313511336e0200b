"""en_web on real text: what it keeps of good sets and rejects of what surrounds them, with floors a little below today's."""

from __future__ import annotations

import importlib

import pytest

from curator.stages.filter import Filter

english = importlib.import_module("english_quality")  # of tests/bench, which conftest.py puts on the path
chinese = importlib.import_module("chinese_quality")

pytestmark = [pytest.mark.data, pytest.mark.slow]

KEPT = {
    "encyclopedia, whole articles": 0.95,
    "news": 0.99,
    "books by chapters": 0.97,
    "gold text of web pages, forums too": 0.80,
}
REJECTED = {
    "what surrounds the text of pages": 0.91,
    "its lines joined: lengths, newlines, last characters matched": 0.8,  # made by the lengths of the good: moves with readers
}


@pytest.fixture(scope="module")
def sets():
    assert english.DATA.is_dir(), f"no data at {english.DATA}: set CURATOR_DATA to the folder that MANIFEST.md describes"
    return english.good_sets()


def test_en_web_keeps_good_text(sets) -> None:
    stage = Filter.load("en_web")
    for name, found in sets.items():
        texts = [text for half in chinese.HALVES for text in found[half]]
        assert len(texts) > 100, name
        assert 1 - chinese.rejected(stage, texts) >= KEPT[name], name


def test_en_web_rejects_what_surrounds_it(sets) -> None:
    stage = Filter.load("en_web")
    for name, (junk, good) in english.junk_sets(sets).items():
        for half in chinese.HALVES:
            assert chinese.rejected(stage, junk[half], lengths=False) >= REJECTED[name], (name, half)
        matched = name != "what surrounds the text of pages"
        assert (chinese.baseline(good, junk) < 0.1) == matched, "the classes differ in length or newlines"
