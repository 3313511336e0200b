"""`dsir`: how much more likely a text is in a target set than in raw text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from curator import storage
from curator.stages.dsir_features import count_features, weigh_features
from curator.stages.dsir_table import BUCKETS, MANIFEST, TABLE, load


@dataclass(frozen=True, kw_only=True)
class Dsir:
    """Weigh each document by DSIR (Xie et al. 2023, arXiv 2302.03169): the log of its likelihood under a bag of hashed uni- and
    bigrams of a target set, over that under one of raw text.

    `model` is the folder that `curator quality dsir --target … --raw … --to FOLDER` has made. `log_weight` is the importance
    weight, which grows with length: resample by it with `cut: {by: dsir.log_weight, best: highest, keep: 0.1, gumbel: 0}`, the
    paper's sampling without replacement. `per_feature` is it divided by the number of features, for thresholds and for
    `keep` without chance. Both are null for a text that is null or has no token.
    """

    model: str

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    writes: ClassVar[Mapping[str, pa.DataType]] = {"log_weight": pa.float64(), "per_feature": pa.float32()}

    def files(self) -> Sequence[str]:
        return tuple(storage.join(self.model, name) for name in (MANIFEST, TABLE))

    def check(self) -> None:
        """Raise DsirError unless the folder holds a whole table."""
        if all(map(storage.exists, self.files())):
            load(self.model)

    def warm(self) -> None:
        text = pa.array(["warm 热身"])
        weigh_features(text, np.zeros(BUCKETS, np.float32))
        count_features(text, np.zeros(BUCKETS, np.int64))

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        sums, totals = weigh_features(docs.column("text"), load(self.model).log_ratio)
        nothing = totals == 0
        mean = (sums / np.maximum(totals, 1)).astype(np.float32)
        return {"log_weight": pa.array(sums, mask=nothing), "per_feature": pa.array(mean, mask=nothing)}
