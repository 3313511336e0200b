"""`sample`: probabilities as stated, draws that are fair, independent and the same in every run."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from curator.selection.draws import gumbel, uniform
from curator.selection.sample import Sample

IDS = pa.array([f"{n * 7919:032x}" for n in range(20_000)])


def docs(scores, ids=IDS) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"id": ids.slice(0, len(scores)), "q.score": pa.array(scores, pa.float64())})


@pytest.mark.parametrize(
    ("options", "score", "probability"),
    [
        ({}, 0.25, 0.25),
        ({"alpha": 2}, 0.5, 0.25),
        ({"alpha": 0.5}, 0.25, 0.5),
        ({}, 1.5, 1.0),
        ({}, -0.5, 0.0),
        ({"floor": 0.1}, 0.01, 0.1),
        ({"floor": 0.1}, None, 0.1),
        ({}, None, 0.0),
        ({}, float("nan"), 0.0),
        ({"rule": "pareto", "alpha": 9}, 1.0, 1.0),
        ({"rule": "pareto", "alpha": 9}, 0.0, 2.0**-9),
        ({"rule": "pareto", "alpha": 9}, 0.9, 1.1**-9),
        ({"rule": "pareto", "alpha": 9}, None, 0.0),
    ],
)
def test_probabilities(options, score, probability):
    found = Sample(by="q.score", **options)(docs([score]))
    assert found["probability"][0].as_py() == pytest.approx(probability, rel=1e-12)


def test_pareto_is_what_numpy_draws():
    """GPT-3's rule as its paper writes it, by numpy's own Pareto numbers."""
    generator = np.random.default_rng(0)
    for score in (0.1, 0.7, 0.95):
        theirs = (generator.pareto(9, 200_000) > 1 - score).mean()
        ours = Sample(by="q.score", rule="pareto", alpha=9).probabilities(np.array([score]))[0]
        assert theirs == pytest.approx(ours, abs=4 * math.sqrt(ours * (1 - ours) / 200_000))


@pytest.mark.parametrize("score", [0.05, 0.5, 0.9])
def test_the_share_that_stays_is_the_probability(score):
    kept = Sample(by="q.score")(docs([score] * len(IDS)))["kept"].to_numpy(zero_copy_only=False)
    assert kept.mean() == pytest.approx(score, abs=4 * math.sqrt(score * (1 - score) / len(IDS)))


def test_the_same_documents_stay_however_they_are_batched():
    scores = np.random.default_rng(2).random(1000).tolist()
    stage, whole = Sample(by="q.score"), docs(scores)
    parts = [stage(whole.slice(at, 77))["kept"] for at in range(0, 1000, 77)]
    assert pa.concat_arrays(parts) == stage(whole)["kept"]
    back = whole.take(pa.array(range(999, -1, -1)))
    assert stage(back)["kept"].to_pylist() == stage(whole)["kept"].to_pylist()[::-1]


def test_a_higher_score_never_costs_a_document_its_place():
    low, high = ([s] * 2000 for s in (0.3, 0.6))
    stage = Sample(by="q.score")
    fewer, more = (stage(docs(s))["kept"].to_numpy(zero_copy_only=False) for s in (low, high))
    assert (more | ~fewer).all()


def test_seeds_and_columns_are_independent():
    first, other, column = uniform(IDS, 0, "a"), uniform(IDS, 1, "a"), uniform(IDS, 0, "b")
    for one in (other, column):
        assert abs(np.corrcoef(first, one)[0, 1]) < 0.03
    assert first.min() > 0
    assert first.max() < 1
    assert first.mean() == pytest.approx(0.5, abs=0.01)


def test_gumbel_numbers_have_the_moments_of_the_distribution():
    found = gumbel(IDS, 0, "a")
    assert found.mean() == pytest.approx(0.5772, abs=0.04)
    assert found.var() == pytest.approx(math.pi**2 / 6, rel=0.05)


def test_draws_are_pinned():
    """They may never change without a new revision: runs would differ."""
    assert uniform(pa.array(["0" * 32]), 0, "q.score")[0] == PINNED


PINNED = 0.31112553273274435


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="alpha"):
        Sample(by="q.score", alpha=0)
    with pytest.raises(ValueError, match="floor"):
        Sample(by="q.score", floor=2)
