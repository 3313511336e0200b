"""A quality model on disk: a folder with `model.ftz`, which fastText can open, and `manifest.json`, which says what it is.

    {"format": 1, "model": {"file", "sha256", "bytes"}, "tokens": {"name", "revision", "table", "unicode"},
     "labels": ["positive", "negative"], "calibration": {"method": "platt", "slope", "intercept"},
     …: how it was trained, and its figures}

The manifest is written last. A folder is opened only if the model is the one that the manifest was written for, and if texts
are still cut into the tokens that it was trained on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from curator import storage
from curator.models import ModelError
from curator.quality.figures import sigmoid
from curator.quality.scoring import Scorer
from curator.quality.tokens import identity

FORMAT = 1
MODEL, MANIFEST = "model.ftz", "manifest.json"
POSITIVE, NEGATIVE = "positive", "negative"

_opened: dict[str, QualityModel] = {}  # by the digest of their manifests, for as long as the worker lives


@dataclass(frozen=True)
class QualityModel:
    """A classifier and the curve that makes probabilities of its log odds."""

    scorer: Scorer
    slope: float
    intercept: float
    manifest: Mapping[str, Any]

    def scores(self, texts: pa.Array) -> pa.Array:
        """For each text how probable it is that it belongs to the positive class, where both are as frequent: float32; null for
        nulls and for texts without a token that the model knows."""
        odds = self.scorer.logits(texts)
        scores = sigmoid(self.slope * odds + self.intercept).astype(np.float32)
        nothing = np.isnan(odds)
        if texts.null_count:
            nothing |= texts.is_null().to_numpy(zero_copy_only=False)
        return pa.array(scores, pa.float32(), mask=nothing)


def files_of(folder: str) -> tuple[str, str]:
    """The files of a model, the manifest last."""
    return storage.join(folder, MODEL), storage.join(folder, MANIFEST)


def write(folder: str, model: bytes, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Store a model with its manifest, which is completed and returned."""
    whole = {
        "format": FORMAT,
        "model": {"file": MODEL, "sha256": hashlib.sha256(model).hexdigest(), "bytes": len(model)},
        "tokens": dict(identity()),
        "labels": [POSITIVE, NEGATIVE],
        **manifest,
    }
    storage.write_bytes(storage.join(folder, MODEL), model)
    storage.write_bytes(
        storage.join(folder, MANIFEST), orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
    return whole


def open_model(folder: str) -> QualityModel:
    """The model in a folder, opened once a process. Raises ModelError, with the name of the file, for a missing, changed or
    broken one, and for one that was trained on other tokens than ours."""
    path, described = files_of(folder)
    try:
        key = storage.content_digest(described)
        digest = storage.content_digest(path)
        if (key + digest) in _opened:
            return _opened[key + digest]
        where = storage.local(path)
        data = storage.read_bytes(described)
    except (OSError, storage.StorageError) as error:
        raise ModelError(f"{folder}: no quality model: {getattr(error, 'strerror', None) or error}") from None
    manifest = _manifest(described, data)
    size, found = manifest["model"]["bytes"], where.stat().st_size
    if found != size:
        raise ModelError(f"{path}: {found} bytes, and its manifest says {size}: not the model that it was written for")
    if digest != manifest["model"]["sha256"]:
        raise ModelError(f"{path}: its sha256 is {digest}, and its manifest says {manifest['model']['sha256']}: changed")
    curve = manifest["calibration"]
    _opened[key + digest] = QualityModel(Scorer.of(where, POSITIVE), curve["slope"], curve["intercept"], manifest)
    return _opened[key + digest]


def _manifest(path: str, data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
        if found["format"] != FORMAT:
            raise ModelError(f"{path}: format {found['format']}, and {FORMAT} is the one that is known")
        numbers = [found["calibration"]["slope"], found["calibration"]["intercept"]]
        sound = all(isinstance(n, float) and math.isfinite(n) for n in numbers) and numbers[0] > 0
        sound &= isinstance(found["model"]["sha256"], str) and isinstance(found["model"]["bytes"], int)
        tokens = found["tokens"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: no manifest of a quality model ({error})") from None
    if not sound:
        raise ModelError(f"{path}: its calibration or the description of its model is damaged")
    if tokens != identity():
        raise ModelError(
            f"{path}: trained on the tokens {tokens}, and texts are now cut into {dict(identity())}: train it anew"
        )
    return found
