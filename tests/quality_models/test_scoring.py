"""Our scores are fastText's."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fasttext import FastText
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.models import ModelError
from curator.quality.scoring import Scorer
from curator.quality.tokens import spelled

OTHERS = [
    "__label__a the quick brown fox jumps over the lazy dog naïve café 000 00 日本 ñ",
    "__label__b buy now buy cheap ёлка 𠀀 𠀁",
]


@pytest.fixture(scope="module")
def lines(invented: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of labelled lines."""
    classes = (("a", invented.texts(invented.GOOD, 200, 1)), ("b", invented.texts(invented.POOR, 200, 2)))
    found = [f"__label__{label} {line.decode()}" for label, texts in classes for line in spelled(pa.array(texts))]
    path = tmp_path_factory.mktemp("lines") / "lines"
    path.write_text("\n".join([*found, *OTHERS * 30]))
    return str(path)


@pytest.fixture(scope="module", params=["dense", "odd buckets", "one word", "quantised", "pruned", "five"])
def trained(request: pytest.FixtureRequest, lines: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Scorer]:
    folder = tmp_path_factory.mktemp("fasttext")
    options = {
        "dense": {"wordNgrams": 3},
        "odd buckets": {"bucket": 9973},
        "one word": {"wordNgrams": 1},
        "five": {"wordNgrams": 5},
    }
    kind = request.param
    given = {"wordNgrams": 2, "bucket": 1 << 12, **options.get(kind, {})}
    model: Any = FastText.train_supervised(lines, dim=7, epoch=3, lr=0.5, minn=0, maxn=0, thread=1, verbose=0, **given)
    if kind == "quantised":
        model.quantize(qnorm=False, dsub=3)
    if kind == "pruned":
        model.quantize(lines, qnorm=True, retrain=True, cutoff=600, thread=1, verbose=0)
    model.save_model(str(folder / "model"))
    return model, Scorer.of(folder / "model", "a")


def theirs(model: Any, column: pa.Array) -> np.ndarray:
    lines = [line.decode() + "\n" for line in spelled(column)]
    labels, shares = model.f.multilinePredict(lines, 2, -1.0, "strict")
    return np.array([dict(zip(names, values))["__label__a"] for names, values in zip(labels, shares)])


def ours(scorer: Scorer, column: pa.Array) -> np.ndarray:
    return 1 / (1 + np.exp(-scorer.logits(column)))


def test_scores_are_those_of_the_library(trained, invented):
    model, scorer = trained
    good, poor = invented.texts(invented.GOOD, 100, 7), invented.texts(invented.POOR, 100, 8)
    column = pa.array([*good, *poor, *invented.texts(invented.GOOD, 50, 9, 0.1), "The QUICK brown fox", "café 12345 ёлка"])
    assert ours(scorer, column) == pytest.approx(theirs(model, column), abs=3e-5)


@settings(max_examples=150)
@given(text=st.text(max_size=50) | st.text(alphabet="快来抢购免费buy now cheap 0 1，。\n𠀀é", min_size=1, max_size=80))
def test_any_text(trained, text):
    model, scorer = trained
    column = pa.array([text])
    found = ours(scorer, column)
    if np.isnan(found[0]):
        assert not set(spelled(column)[0].decode().split(" ")) & set(model.get_words())
    else:
        assert found == pytest.approx(theirs(model, column), abs=3e-5)


def test_a_text_alone_and_among_others(trained, invented):
    _, scorer = trained
    rows = [*invented.texts(invented.GOOD, 20, 11), None, "", *invented.texts(invented.POOR, 20, 12)]
    together = scorer.logits(pa.array(rows))
    alone = [scorer.logits(pa.array([row], pa.string()))[0] for row in rows]
    assert np.array_equal(together, alone, equal_nan=True)
    assert np.array_equal(scorer.logits(pa.array(["x", *rows])[1:]), together, equal_nan=True)
    assert np.isnan(together[20:22]).all()


def test_weights_are_what_the_score_is_made_of(trained):
    _, scorer = trained
    column = pa.array(["免费 领取"])
    tokens = spelled(column)[0].split(b" ")
    grams = [tokens[i : i + n] for n in range(1, scorer.ngrams + 1) for i in range(len(tokens) - n + 1)]
    ends = [[*tokens[len(tokens) - n + 1 :], b"</s>"] for n in range(2, scorer.ngrams + 1)]
    found = np.array([*scorer.weights([*grams, *ends]), scorer.end])
    assert scorer.logits(column)[0] == pytest.approx(found[~np.isnan(found)].mean(), rel=1e-5)


@pytest.mark.parametrize("given", [{"minn": 2, "maxn": 3, "bucket": 100}, {"loss": "hs"}, {"loss": "ova"}])
def test_other_models_are_refused_by_name(tmp_path: Path, lines: str, given):
    model: Any = FastText.train_supervised(lines, dim=4, epoch=1, thread=1, verbose=0, **given)
    model.save_model(str(tmp_path / "other.bin"))
    with pytest.raises(ModelError, match=r"other\.bin: only softmax"):
        Scorer.of(tmp_path / "other.bin", "a")
    with pytest.raises(ModelError, match="its labels are"):
        Scorer.of(tmp_path / "other.bin", "nobody")
