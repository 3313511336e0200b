"""`sample`: each document stays with a probability that its score decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curator.documents import Rule
from curator.selection.draws import uniform


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Keep each document with a probability that grows with its score, the column `by`, so that good text is many times as
    likely to stay as bad text, and none is shut out by a threshold.

    `rule: power`: the score, held between `floor` and 1, to the power of `alpha`. `rule: pareto`: GPT-3's rule (Brown et al.
    2020, arXiv 2005.14165, appendix A): keep if a Pareto (Lomax) number of shape `alpha` is above 1 - score, which is to keep
    with probability (2 - score)^-alpha; theirs is `alpha: 9`, and scores are from 0 to 1 there too. `probability` is what it
    came to, and `kept` what was drawn with it: by a hash of the document's id, `seed` and `by`, so that the same documents stay
    in every run, whatever shards they are in; two stages of one column with one seed draw the same. A document without a finite
    score has probability 0, or that of `floor` if one is given.
    """

    by: str
    rule: Literal["power", "pareto"] = "power"
    alpha: float = 1.0
    floor: float = 0.0
    seed: int = 0
    name: str = "sample"

    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("xxhash",)
    writes: ClassVar[Mapping[str, pa.DataType]] = {"probability": pa.float64(), "kept": pa.bool_()}
    whole_dataset: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 100:
            raise ValueError(f"alpha: {self.alpha:g}; a number above 0, up to 100")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor: {self.floor:g}; a score from 0 to 1")

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({self.by})

    @property
    def numbers(self) -> frozenset[str]:
        """Of the columns that it reads, those that must hold numbers."""
        return self.reads

    @property
    def rules(self) -> Sequence[Rule]:
        return (Rule(column=f"{self.name}.kept", reason=f"{self.name}.kept", equals=True),)

    def files(self) -> Sequence[str]:
        return ()

    def __call__(self, docs: pa.RecordBatch) -> Mapping[str, pa.Array]:
        chances = self.probabilities(scores(docs.column(self.by)))
        drawn = uniform(docs.column("id"), self.seed, self.by)
        return {"probability": pa.array(chances), "kept": pa.array(drawn < chances)}

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Of scores, NaN where there is none."""
        measured = np.isfinite(values)
        held = np.clip(np.where(measured, values, self.floor), self.floor, 1.0)
        chances = _power(held, self.alpha) if self.rule == "power" else 1.0 / _power(2.0 - held, self.alpha)
        return np.where(measured | (self.floor > 0), chances, 0.0)


def scores(column: pa.Array) -> np.ndarray:
    """A column of numbers as float64; NaN for what is null, infinite or not a number."""
    found = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(found), found, np.nan)


def _power(values: np.ndarray, alpha: float) -> np.ndarray:
    """Powers of whole numbers by multiplication, which every machine rounds alike."""
    if not float(alpha).is_integer():
        return values**alpha
    found = np.ones_like(values)
    for _ in range(int(alpha)):
        found = found * values
    return found
