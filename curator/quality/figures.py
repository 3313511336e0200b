"""Figures of a classifier: area under the ROC curve, Platt's calibration, reliability, what layout alone would tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from curator.quality.documents import Sources

BINS = 10


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """The share of pairs in which the positive one scores higher, ties counting half (Mann and Whitney)."""
    if not len(positive) or not len(negative):
        return float("nan")
    values = np.nan_to_num(np.concatenate([positive, negative]), nan=-np.inf)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    least = len(positive) * (len(positive) + 1) / 2
    return float((ranks[: len(positive)].sum() - least) / (len(positive) * len(negative)))


def platt(positive: np.ndarray, negative: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the logistic curve that makes probabilities of log odds, by Newton's method on the targets of
    J. Platt: Probabilistic outputs for support vector machines (1999): a little inside of 0 and 1, so that a held-out set that
    is told apart without an error does not end in certainty."""
    x = np.concatenate([positive, negative])
    high, low = (len(positive) + 1) / (len(positive) + 2), 1 / (len(negative) + 2)
    t = np.concatenate([np.full(len(positive), high), np.full(len(negative), low)])
    t, x = t[np.isfinite(x)], x[np.isfinite(x)]
    scale = float(np.abs(x).mean()) or 1.0
    design = np.column_stack([x / scale, np.ones(len(x))])
    curve = np.zeros(2)
    loss = _loss(design @ curve, t)
    for _ in range(100):
        p = sigmoid(design @ curve)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-12 * np.eye(2)
        change = np.linalg.solve(hessian, design.T @ (p - t))
        while (nearer := _loss(design @ (curve - change), t)) > loss and np.abs(change).max() > 1e-12:
            change = change / 2
        curve, gained, loss = curve - change, loss - nearer, nearer
        if gained < 1e-12:
            break
    return float(curve[0] / scale), float(curve[1])


def _loss(odds: np.ndarray, t: np.ndarray) -> float:
    return float((np.logaddexp(0, odds) - t * odds).mean())


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -500, 500)))


def reliability(positive: np.ndarray, negative: np.ndarray) -> dict[str, Any]:
    """For scores in ten equal ranges: how many, their mean, and the share that is positive; the mean distance of the two
    (expected calibration error) and the mean squared error (Brier)."""
    scores = np.concatenate([positive, negative])
    truth = np.concatenate([np.ones(len(positive)), np.zeros(len(negative))])
    truth, scores = truth[np.isfinite(scores)], scores[np.isfinite(scores)]
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    rows, error = [], 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            mean, share = float(scores[inside].mean()), float(truth[inside].mean())
            error += float(inside.mean()) * abs(mean - share)
            rows.append({"texts": int(inside.sum()), "mean_score": round(mean, 4), "positive": round(share, 4)})
    brier = float(((scores - truth) ** 2).mean()) if len(scores) else float("nan")
    return {"bins": rows, "expected_calibration_error": round(error, 4), "brier": round(brier, 4)}


def layout_auc(train: tuple[Sources, Sources], test: tuple[Sources, Sources]) -> float:
    """The area under the curve of a classifier that knows only the length of documents as they are and the share of newlines
    (Fisher's discriminant)."""
    a, b = _layout(train[0]), _layout(train[1])
    if len(a) < 3 or len(b) < 3:
        return float("nan")
    way = np.linalg.solve(np.cov(a.T) + np.cov(b.T) + 1e-9 * np.eye(2), a.mean(axis=0) - b.mean(axis=0))
    return auc(_layout(test[0]) @ way, _layout(test[1]) @ way)


def _layout(sources: Sources) -> np.ndarray:
    rows: Sequence[tuple[float, float]] = [
        (np.log1p(d.characters), d.newlines / max(d.characters, 1)) for documents in sources.values() for d in documents
    ]
    return np.array(rows, np.float64).reshape(-1, 2)
