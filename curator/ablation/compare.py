"""The difference of two arms on one validation set, and how sure it is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

# Two-sided 95 % points of Student's t for 1, 2, 3 … degrees of freedom; beyond the table the normal's.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
NORMAL = 1.960
RESAMPLES = 2000


@dataclass(frozen=True)
class Compared:
    """Bits a byte of both arms and of second minus first: below zero the second is better.

    `by_seeds` is half the 95 % interval of the mean difference over seeds (Student's t on the differences of equal seeds):
    would another run agree. `by_documents` that over documents (bootstrap of their paired differences, seeds averaged): would
    other texts of this kind agree. Both must exclude zero for `decided`.
    """

    name: str
    documents: int
    in_bytes: int
    first: float
    second: float
    difference: float
    by_seeds: float | None
    by_documents: float

    @property
    def decided(self) -> bool:
        return self.by_seeds is not None and abs(self.difference) > max(self.by_seeds, self.by_documents)

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "decided": self.decided}


def compare(name: str, first: np.ndarray, second: np.ndarray, in_bytes: np.ndarray) -> Compared:
    """`first`, `second`: nats (seeds x documents) of the two arms; `in_bytes`: UTF-8 bytes of each document."""
    if first.shape != second.shape or first.shape[1:] != in_bytes.shape:
        raise ValueError(f"losses of {first.shape} and {second.shape} for {in_bytes.shape} documents")
    total = in_bytes.sum() * math.log(2)
    rates = first.sum(axis=1) / total, second.sum(axis=1) / total
    differences = rates[1] - rates[0]
    return Compared(
        name=name,
        documents=len(in_bytes),
        in_bytes=int(in_bytes.sum()),
        first=float(rates[0].mean()),
        second=float(rates[1].mean()),
        difference=float(differences.mean()),
        by_seeds=_student(differences),
        by_documents=_bootstrap((second - first).mean(axis=0) / math.log(2), in_bytes),
    )


def _student(differences: np.ndarray) -> float | None:
    """None for one seed: nothing is known of others."""
    free = len(differences) - 1
    if free < 1:
        return None
    point = STUDENT[free - 1] if free <= len(STUDENT) else NORMAL
    return float(point * differences.std(ddof=1) / math.sqrt(len(differences)))


def _bootstrap(bits: np.ndarray, in_bytes: np.ndarray) -> float:
    """Half the width of the percentile interval of sum(bits) / sum(bytes) over documents drawn with replacement."""
    draw = np.random.Generator(np.random.PCG64(0))
    found = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        chosen = draw.integers(0, len(bits), len(bits))
        found[number] = bits[chosen].sum() / in_bytes[chosen].sum()
    low, high = np.quantile(found, (0.025, 0.975))
    return float(high - low) / 2
