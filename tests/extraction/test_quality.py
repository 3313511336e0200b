"""F1 on sites that were not trained on: one fold of the judgement that `curator.extraction.train` prints, with fewer models."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from curator.extraction import train
from curator.extraction.gold import load

FLOORS = {"zh": 0.94, "en": 0.87}


@pytest.mark.data
@pytest.mark.slow
def test_a_fifth_of_the_sites_is_read_by_a_model_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "MODELS", 2)
    data = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
    pages = load(data / "html_gold")
    examples = [train.example(page) for page in pages]
    results = train.judged(examples, train.beside(data), train.folds(examples, train.FOLDS, 0), 0)
    for tongue, floor in FLOORS.items():
        found = [results[page.name] for page in pages if page.tongue == tongue and page.name in results]
        assert len(found) > 30
        assert np.mean(found) >= floor, f"{tongue}: {np.mean(found):.3f} on {len(found)} pages"
