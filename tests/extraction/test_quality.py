"""F1 on sites that were not trained on: one fold of the judgement that `curator.extraction.train` prints, with fewer models."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from curator.extraction import train
from curator.extraction.gold import GoldPage, load


def test_a_gold_in_markdown_is_judged_in_both_forms() -> None:
    pages, found, fold = [], {}, np.tile(np.arange(train.FOLDS), 2)
    for number, at in enumerate(fold.tolist()):
        kind, tongue = "docs" if at < 2 else "news", ("zh", "en")[number // train.FOLDS]
        pages.append(GoldPage(f"{tongue}{at}", b"", "", tongue, kind, "", markdown=at == 1))
        found[f"{tongue}{at}"] = train.Found(0.7, 0.9) if at == 1 else train.Found(0.5, 0.5)
    lines = train.report([SimpleNamespace(page=page) for page in pages], found, fold)  # pyright: ignore[reportArgumentType]
    rows = {line.split(" | ")[0]: line.split(" | ")[1:3] for line in lines.split("\n")}
    assert rows["| en"] == ["5", "0.540"]
    assert rows["| zh docs"] == ["2", "0.600"]
    assert rows["| zh docs, Markdown where the gold is"] == ["2", "0.700"]
    assert "| zh news, Markdown where the gold is" not in rows


FLOORS = {"zh": 0.94, "en": 0.89}


@pytest.mark.data
@pytest.mark.slow
def test_a_fifth_of_the_sites_is_read_by_a_model_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "MODELS", 2)
    data = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
    pages = load(data / "html_gold")
    examples = [train.example(page) for page in pages]
    results = train.judged(examples, train.beside(data), train.folds(examples, train.FOLDS, 0), 0)
    for tongue, floor in FLOORS.items():
        found = [results[page.name].text for page in pages if page.tongue == tongue and page.name in results]
        assert len(found) > 30
        assert np.mean(found) >= floor, f"{tongue}: {np.mean(found):.3f} on {len(found)} pages"
