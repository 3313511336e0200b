"""Figures against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from curator.quality.figures import auc, platt, reliability, sigmoid

SCORES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


@given(SCORES, SCORES)
def test_auc(positive, negative):
    truth = [1] * len(positive) + [0] * len(negative)
    assert auc(np.array(positive), np.array(negative)) == pytest.approx(roc_auc_score(truth, [*positive, *negative]))


def test_auc_of_nothing_and_of_what_has_no_score():
    assert np.isnan(auc(np.array([]), np.array([1.0])))
    assert auc(np.array([np.nan, 1.0]), np.array([0.0, np.nan])) == pytest.approx(0.625)


@pytest.mark.parametrize(
    ("slope", "intercept", "size"), [(1.0, 0.0, 20_000), (0.3, -1.0, 20_000), (4.0, 2.0, 20_000), (0.05, 0.0, 20_000)]
)
def test_platt_finds_the_curve(slope, intercept, size):
    random = np.random.default_rng(1)
    x = random.normal(0, 3, size)
    truth = random.random(size) < sigmoid(slope * x + intercept)
    found = platt(x[truth], x[~truth])
    reference = LogisticRegression(C=1e9).fit(x[:, None], truth)
    assert found == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), rel=0.02, abs=0.01)


@pytest.mark.parametrize("scale", [1.0, 50.0, 1000.0])
def test_platt_is_finite_where_the_classes_are_told_apart_without_an_error(scale):
    slope, intercept = platt(scale * np.linspace(1, 2, 20), -scale * np.linspace(1, 2, 20))
    assert 0 < slope < 100 / scale
    assert np.isfinite(intercept)
    assert 0.85 < sigmoid(np.array([slope * scale + intercept]))[0] < 0.99


def test_reliability():
    random = np.random.default_rng(2)
    scores = random.random(5000)
    truth = random.random(5000) < scores
    found = reliability(scores[truth], scores[~truth])
    assert found["brier"] == pytest.approx(brier_score_loss(truth, scores), abs=1e-4)
    assert found["expected_calibration_error"] < 0.03
    assert sum(row["texts"] for row in found["bins"]) == 5000
    skewed = reliability(scores[truth] ** 4, scores[~truth] ** 4)
    assert skewed["expected_calibration_error"] > 0.2
