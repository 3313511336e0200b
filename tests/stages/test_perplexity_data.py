"""What a model of real paragraphs tells apart."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curator.lm.train import Training, train
from curator.stages.perplexity import Perplexity

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))


def texts(name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (DATA / "text" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def batch(documents: list[str]) -> pa.RecordBatch:
    columns = {"source": ["wiki"] * len(documents), "language": ["zh"] * len(documents), "text": documents}
    return pa.RecordBatch.from_pydict(columns)


def above(low: np.ndarray, high: np.ndarray) -> float:
    """The area under the ROC curve."""
    return float((high[:, None] > low[None, :]).mean() + (high[:, None] == low[None, :]).mean() / 2)


@pytest.mark.data
def test_a_model_of_half_the_wiki_paragraphs_tells_the_other_half_from_raw_crawl(tmp_path: Path):
    """White space is taken out, and each page is cut to the length of a paragraph."""
    scripts = [texts(name) for name in ("zhwiki_paragraphs_hans_cmrc2018", "zhwiki_paragraphs_hant_drcd")]
    pages = ["".join(page.split()) for page in texts("hplt_raw_zh_web")]
    train([batch(paragraphs[::2]) for paragraphs in scripts], str(tmp_path), Training(tokens="words"))
    stage = Perplexity(models={"zh": str(tmp_path)})
    for paragraphs in scripts:
        held = ["".join(paragraph.split()) for paragraph in paragraphs[1::2]]
        lengths = [len(held[i % len(held)]) for i in range(len(pages))]
        cut = [page[:length] for page, length in zip(pages, lengths) if len(page) >= length]
        assert len(cut) > 300
        low, high = (stage(batch(documents))["perplexity"].to_numpy() for documents in (held, cut))
        assert above(low, high) > 0.95
