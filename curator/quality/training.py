"""Training of a quality model: two classes of documents in, a folder with the model and its evidence out.

A hash of each document says whether it is trained on, serves to calibrate, or only to be judged by; texts that both classes
have are left out. fastText is trained on windows of both classes (see `documents`) and quantised, and everything that is said
of the model is measured on what was stored. One thread and a seed: equal documents give equal bytes.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curator.errors import UserError, require_within
from curator.quality import documents
from curator.quality.artefact import NEGATIVE, POSITIVE, open_model, write
from curator.quality.documents import FOLDS, Sources, collected, count, folded, matched, pairs, uniform, without
from curator.quality.features import top_features
from curator.quality.figures import auc, layout_auc, platt, reliability, sigmoid
from curator.quality.scoring import MOST_NGRAMS, Scorer

FEWEST = 30  # documents of a class, and
FEWEST_HELD_OUT = 5  # of them in each part that is not trained on
Classes = tuple[Sources, Sources]


class TrainingError(UserError):
    """Documents that no classifier can be made of."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`ngrams`: tokens in a feature, at most; `buckets`: of hashed n-grams, a power of two is scored faster; `features`: how
    many the quantised model keeps; `least`: how often a token must be seen; `documents`: of a source, at most, chosen by hash;
    `tokens`: of a document that are looked at; `held_out`: the share that is never trained on, half of it to calibrate."""

    ngrams: int = 2
    dimension: int = 8
    epochs: int = 5
    rate: float = 0.5
    buckets: int = 1 << 20
    features: int = 200_000
    least: int = 2
    documents: int = 50_000
    tokens: int = 2048
    held_out: float = 0.2
    seed: int = 1

    def __post_init__(self) -> None:
        require_within(
            self,
            ngrams=(1, MOST_NGRAMS),
            dimension=(1, 1024),
            epochs=(1, 1000),
            rate=(1e-6, 10),
            buckets=(1, 1 << 30),
            features=(256, 1 << 30),
            least=(1, 1 << 30),
            documents=(FEWEST, 1 << 40),
            tokens=(documents.LEAST, 1 << 30),
            held_out=(0.02, 0.9),
            seed=(0, (1 << 31) - 1),
        )


def train(
    positive: Iterable[pa.RecordBatch],
    negative: Iterable[pa.RecordBatch],
    folder: str,
    options: Options | None = None,
    *,
    group_by: Literal["source", "none"] = "source",
    about: Callable[[], Mapping[str, Any]] = dict,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train on two streams of batches with the columns `source`, `text` and perhaps `language`; write the model to `folder` and
    return its manifest. With `group_by: source` and several sources in a class, a model is trained without each of them and
    judged on it. What `about` returns when all was read is added to the manifest: what the inputs were. Raises
    TrainingError."""
    options = options or Options()
    sides, shared = _both(positive, negative, options)
    bounds = [round(FOLDS * (1 - options.held_out)), round(FOLDS * (1 - options.held_out / 2)), FOLDS]
    learnt, tuned, judged = (
        (folded(sides[0], first, stop), folded(sides[1], first, stop)) for first, stop in zip([0, *bounds], bounds)
    )
    _enough(sides, learnt, tuned, judged)
    for name, side in zip((POSITIVE, NEGATIVE), sides):
        tell(f"{name}: " + ", ".join(f"{source} {len(found):,}" for source, found in side.items()))
    with tempfile.TemporaryDirectory(prefix="curator-quality-") as scratch:
        windows, model, scorer = _fitted(learnt, options, Path(scratch), quantize=True)
        data = model.read_bytes()
        slope, intercept = _calibrated(scorer, tuned)
        manifest = write(
            folder,
            data,
            {
                "calibration": {"method": "platt", "slope": slope, "intercept": intercept, "prior": 0.5},
                "training": dataclasses.asdict(options) | {"threads": 1, "loss": "softmax", "windows": list(map(len, windows))},
                "fasttext": importlib.metadata.version("fasttext-community"),
                "documents": _counts(sides, learnt, tuned, judged) | {"in_both_classes": shared},
                "held_out": _judged(scorer, slope, intercept, learnt, judged),
                "left_out": _left_out(sides, learnt, judged, options, Path(scratch), tell) if group_by == "source" else {},
                "features": top_features(scorer, *windows),
                **about(),
            },
        )
    open_model(folder)
    return manifest


def _both(positive: Iterable[pa.RecordBatch], negative: Iterable[pa.RecordBatch], options: Options) -> tuple[Classes, int]:
    """The documents of both classes but for those that both have, and how many these are."""
    first, second = (collected(side, options.documents, options.tokens) for side in (positive, negative))
    shared = _hashes(first) & _hashes(second)
    return (without(first, shared), without(second, shared)), len(shared)


def _hashes(sources: Sources) -> frozenset[int]:
    return frozenset(d.hash for found in sources.values() for d in found)


def _enough(sides: Classes, *parts: Classes) -> None:
    for number, name in enumerate((POSITIVE, NEGATIVE)):
        counts = [count(part[number]) for part in parts]
        if count(sides[number]) < FEWEST or min(counts) < FEWEST_HELD_OUT:
            raise TrainingError(
                f"{name}: {count(sides[number])} different documents of at least {documents.LEAST} tokens, "
                f"{' + '.join(map(str, counts))} to train, calibrate and judge; "
                f"{FEWEST} are needed, {FEWEST_HELD_OUT} in each part"
            )


# -------------------------------------------------------------------------------------------------------------- fitting


def _fitted(
    learnt: Classes, options: Options, scratch: Path, *, quantize: bool
) -> tuple[tuple[list[bytes], list[bytes]], Path, Scorer]:
    """The windows, the model's file and its scorer."""
    library: Any = importlib.import_module("fasttext.FastText")
    windows = matched(*learnt, options.seed)
    lines = [b"__label__%s %s\n" % (name.encode(), w) for name, side in zip((POSITIVE, NEGATIVE), windows) for w in side]
    order = np.argsort(uniform(len(lines), options.seed + 1), kind="stable")
    text, path = scratch / "windows.txt", scratch / ("model.ftz" if quantize else "model.bin")
    text.write_bytes(b"".join(lines[i] for i in order))
    try:
        model = library.train_supervised(
            input=str(text),
            dim=options.dimension,
            epoch=options.epochs,
            lr=options.rate,
            wordNgrams=options.ngrams,
            minCount=options.least,
            minn=0,
            maxn=0,
            bucket=options.buckets,
            loss="softmax",
            thread=1,
            seed=options.seed,
            verbose=0,
        )
        if quantize:
            model.quantize(input=str(text), qnorm=True, cutoff=options.features, thread=1, verbose=0)
    except (ValueError, RuntimeError) as error:  # no word is frequent enough, a learning rate that leads to no number
        raise TrainingError(f"fastText: {error}") from None
    model.save_model(str(path))
    return windows, path, Scorer.of(path, POSITIVE)


def _odds(scorer: Scorer, texts: Sequence[bytes]) -> np.ndarray:
    return scorer.logits(pa.array([text.decode() for text in texts], pa.string()))


def _calibrated(scorer: Scorer, tuned: Classes) -> tuple[float, float]:
    positive, negative = pairs(*tuned)
    slope, intercept = platt(_odds(scorer, positive), _odds(scorer, negative))
    if not (math.isfinite(slope) and math.isfinite(intercept) and slope > 0):
        raise TrainingError("the classes cannot be told apart: held-out documents of the positive class score no higher")
    return slope, intercept


# -------------------------------------------------------------------------------------------------------------- evidence


def _judged(scorer: Scorer, slope: float, intercept: float, learnt: Classes, judged: Classes) -> dict[str, Any]:
    """Figures on documents that were neither trained nor calibrated on. All but those `as_they_are` compare texts cut to one
    length."""
    positive, negative = (_odds(scorer, side) for side in pairs(*judged))
    whole = [_odds(scorer, [d.tokens for found in side.values() for d in found]) for side in judged]
    return {
        "auc": _rounded(auc(positive, negative)),
        "auc_as_they_are": _rounded(auc(*whole)),
        "auc_of_length_and_newlines_alone": _rounded(layout_auc(learnt, judged)),
        "auc_by_source": {
            POSITIVE: {source: _rounded(_auc(scorer, {source: found}, judged[1])) for source, found in judged[0].items()},
            NEGATIVE: {source: _rounded(_auc(scorer, judged[0], {source: found})) for source, found in judged[1].items()},
        },
        "by_language": _by_language(scorer, slope, intercept, judged[0]),
        "reliability": reliability(sigmoid(slope * positive + intercept), sigmoid(slope * negative + intercept)),
    }


def _auc(scorer: Scorer, positive: Sources, negative: Sources) -> float:
    one, other = pairs(positive, negative)
    return auc(_odds(scorer, one), _odds(scorer, other))


def _by_language(scorer: Scorer, slope: float, intercept: float, positive: Sources) -> dict[str, Any]:
    """How good documents of each language or variety fare: a classifier that was shown little of one rejects it."""
    found: dict[str, list[bytes]] = {}
    for d in (d for side in positive.values() for d in side):
        found.setdefault(d.language, []).append(d.tokens)
    rows = {}
    for language, texts in sorted(found.items()):
        scores = np.nan_to_num(sigmoid(slope * _odds(scorer, texts) + intercept), nan=0.0)
        rows[language or "unknown"] = {
            "documents": len(texts),
            "mean_score": _rounded(float(scores.mean())),
            "above_half": _rounded(float((scores >= 0.5).mean())),
        }
    return rows


def _left_out(
    sides: Classes, learnt: Classes, judged: Classes, options: Options, scratch: Path, tell: Callable[[str], None]
) -> dict[str, Any]:
    """For each source of a class with several: trained without it, how well its documents, but for those that another source
    has too, are told from held-out ones of the other class."""
    rows: dict[str, Any] = {}
    for number, name in enumerate((POSITIVE, NEGATIVE)):
        if len(sides[number]) < 2:
            continue
        for source in sides[number]:
            rest = {other: found for other, found in learnt[number].items() if other != source}
            if not count(rest):
                continue
            tell(f"trained without {source}")
            both = (rest, learnt[1]) if number == 0 else (learnt[0], rest)
            _, _, scorer = _fitted(both, options, scratch, quantize=False)
            others = {other: found for other, found in sides[number].items() if other != source}
            alone = without({source: sides[number][source]}, _hashes(others))
            found = _auc(scorer, alone, judged[1]) if number == 0 else _auc(scorer, judged[0], alone)
            rows.setdefault(name, {})[source] = {"documents": len(alone[source]), "auc": _rounded(found)}
    return rows


def _counts(sides: Classes, *parts: Classes) -> dict[str, Any]:
    names = ("trained", "calibrated", "judged")
    return {
        name: {
            source: dict(zip(names, (len(part[number].get(source, ())) for part in parts))) for source in sorted(sides[number])
        }
        for number, name in enumerate((POSITIVE, NEGATIVE))
    }


def _rounded(number: float) -> float | None:
    return round(number, 4) if math.isfinite(number) else None
