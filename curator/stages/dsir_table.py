"""The table of DSIR: fitted on two sets of documents, kept in a folder, checked before it is used.

The folder has `manifest.json` and `log_ratio.f32`, little-endian float32, one a bucket: log of the bucket's share among the
target's features over its share among the raw ones. Nothing in it is code, and its size and sha256 are in the manifest.
"""

from __future__ import annotations

import functools
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from curator import storage
from curator.errors import UserError
from curator.stages.dsir_features import REVISION, count_features, weigh_features

FORMAT, VERSION = "curator dsir", 1
MANIFEST, TABLE = "manifest.json", "log_ratio.f32"
BUCKETS = 10_000  # Xie et al. 2023
MOST_BUCKETS = 1 << 24
MOST_MANIFEST = 16 << 20
HELD_OUT_ONE_IN = 10
MOST_HELD_OUT = 2000  # documents of each set


class DsirError(UserError, ValueError):
    """A table that cannot be fitted or used, in words for the user."""


@dataclass
class Set:
    """One of the two sets: what its features count, and the documents held out to see what the table is worth."""

    name: str
    counts: np.ndarray
    documents: int = 0
    features: int = 0
    held_out: list[str] = field(default_factory=list)

    def take(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Count documents (columns `key` and `text`), but for one in ten by the hash of its key, up to MOST_HELD_OUT."""
        for batch in batches:
            texts = batch.column("text")
            out = np.zeros(len(batch), bool)
            for row, key in enumerate(batch.column("key").to_pylist()):
                if len(self.held_out) >= MOST_HELD_OUT:
                    break
                if xxhash.xxh3_64_intdigest(key or "") % HELD_OUT_ONE_IN == 0 and texts[row].is_valid:
                    out[row] = True
                    self.held_out.append(texts[row].as_py())
            mine = texts.filter(pa.array(~out))
            self.documents += len(mine) - mine.null_count
            self.features += count_features(mine, self.counts)
        if not self.features:
            raise DsirError(f"{self.name}: there are no documents to count, or they are empty")

    def told(self) -> dict[str, int]:
        return {"documents": self.documents, "features": self.features, "held_out": len(self.held_out)}


@dataclass(frozen=True)
class Table:
    """Log ratios by bucket, and how they came about."""

    log_ratio: np.ndarray
    manifest: Mapping[str, Any]


def fit(
    target: Iterable[pa.RecordBatch],
    raw: Iterable[pa.RecordBatch],
    *,
    buckets: int = BUCKETS,
    told: Mapping[str, Any] | None = None,
) -> Table:
    """Fit a table on batches with the columns `key` and `text`. Both shares are smoothed by one feature a bucket, so that what
    neither set has weighs nothing. `told` goes to the manifest."""
    if not 16 <= buckets <= MOST_BUCKETS:
        raise DsirError(f"buckets: {buckets} is not from 16 to {MOST_BUCKETS}")
    sets = [Set(name, np.zeros(buckets, np.int64)) for name in ("target", "raw")]
    for each, batches in zip(sets, (target, raw)):
        each.take(batches)
    wanted, found = (np.log(s.counts + 1.0) - np.log(float(s.features + buckets)) for s in sets)
    log_ratio = (wanted - found).astype(np.float32)
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "features": REVISION,
        "buckets": buckets,
        "unicode": unicodedata.unidata_version,
        **{s.name: s.told() for s in sets},
        "held_out_auc": _auc(*(_per_feature(s.held_out, log_ratio) for s in sets)),
        **(told or {}),
    }
    return Table(log_ratio, manifest)


def _per_feature(texts: Sequence[str], log_ratio: np.ndarray) -> np.ndarray:
    sums, totals = weigh_features(pa.array(texts, pa.string()), log_ratio)
    return sums / np.maximum(totals, 1)


def _auc(positive: np.ndarray, negative: np.ndarray) -> float | None:
    """How often a document of the target weighs more than one of the raw set, to four digits; None without both."""
    if not len(positive) or not len(negative):
        return None
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return round(float(below.sum()) / (2 * len(positive) * len(negative)), 4)


# ----------------------------------------------------------------------------------------------------------- the folder


def save(table: Table, folder: str) -> None:
    """Write the folder; the manifest last, so that a folder with one is whole."""
    data = table.log_ratio.astype("<f4").tobytes()
    written = {"file": TABLE, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    storage.write_bytes(storage.join(folder, TABLE), data)
    text = json.dumps({**table.manifest, "table": written}, ensure_ascii=False, indent=1)
    storage.write_bytes(storage.join(folder, MANIFEST), text.encode())


def load(folder: str) -> Table:
    """The table of a folder, read once a process and content. Raises DsirError for one that is missing, damaged or changed."""
    path = storage.join(folder, MANIFEST)
    try:
        if storage.size(path) > MOST_MANIFEST:
            raise DsirError(f"{path}: {storage.size(path):,} bytes are no manifest of a table")
        data = storage.read_bytes(path)
        return _load(folder, data)
    except OSError as error:
        raise DsirError(f"{folder}: {error.strerror or error}") from None


@functools.lru_cache(maxsize=8)
def _load(folder: str, manifest: bytes) -> Table:
    try:
        told = json.loads(manifest)
        if not isinstance(told, dict) or told.get("format") != FORMAT or told.get("version") != VERSION:
            raise DsirError(f"{folder}: {MANIFEST} is not of a table of DSIR, version {VERSION}")
        buckets, features, written = told["buckets"], told["features"], told["table"]
        size, digest = written["bytes"], written["sha256"]
        if not (isinstance(buckets, int) and 16 <= buckets <= MOST_BUCKETS and size == 4 * buckets):
            raise DsirError(f"{folder}: a table of {size} bytes for {buckets} buckets")
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        if isinstance(error, DsirError):
            raise
        raise DsirError(f"{folder}: {MANIFEST} is damaged: {type(error).__name__}: {error}") from None
    if features != REVISION:
        raise DsirError(f"{folder}: counted with features of revision {features}, and this one has {REVISION}: fit it again")
    path = storage.join(folder, TABLE)
    if storage.size(path) != size:
        raise DsirError(f"{path}: {storage.size(path)} bytes, and its manifest says {size}")
    data = storage.read_bytes(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise DsirError(f"{path}: its sha256 is not the one in its manifest: it was changed or damaged")
    log_ratio = np.frombuffer(data, "<f4").astype(np.float32)
    if not np.isfinite(log_ratio).all():
        raise DsirError(f"{path}: holds what is no number")
    return Table(log_ratio, told)
