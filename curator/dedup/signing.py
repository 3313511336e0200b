"""How documents are signed: the options that every deduplication by MinHash has, and what makes two signatures comparable."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from curator.dedup import minhash

REVISION = 2  # of the bits of a signature: raised whenever the same options sign a text in another way

_BANDS, _ROWS, _HASHES, _COST = 14, 8, 128, 0.5


@dataclass(frozen=True, kw_only=True)
class Signing:
    """Options of MinHash signatures; a stage that signs is a subclass, so that its YAML has them as its own.

    `shingle`: consecutive units that are compared as one; see `folding` for units and normalisation. `variants: fold` makes
    simplified and traditional Chinese one (发 發 髮), `keep` leaves them two. `hashing`: `oph`, one permutation with optimal
    densification, or `kminhash`, a hash function a value, which costs several times as much (see `minhash`).

    Two texts of Jaccard similarity s meet with the probability 1 - (1 - s**rows)**bands; the default 14 x 8 is FineWeb's, one
    half at s = 0.69. With `threshold` instead of `bands` and `rows`, they are chosen, as datasketch does, among all that spend
    at most `hashes`: the least `false_positive_weight` x (area of that curve left of the threshold) + `false_negative_weight`
    x (area above it on the right).

    A text of fewer than `shingle` units has no bands, only the exact hash of its units: it is a duplicate of no text but one
    with the same units. One without any unit has the hash of its bytes. (A text with bands never meets one without.)

    For a stage: `signed` gives the columns of `columns` for a column of texts; `comparable` all that the bits of a signature
    depend on. Signatures whose `comparable` are equal may be compared, whatever chose bands and rows; others mean nothing to
    each other. `unicode` and `signatures` are not options, but part of a stage's fingerprint.
    """

    shingle: int = 5
    bands: int = _BANDS
    rows: int = _ROWS
    threshold: float | None = None
    hashes: int = _HASHES
    false_positive_weight: float = _COST
    false_negative_weight: float = _COST
    hashing: Literal["oph", "kminhash"] = "oph"
    variants: Literal["keep", "fold"] = "keep"
    unicode: str = field(default=unicodedata.unidata_version, init=False)  # the folding follows it
    signatures: int = field(default=REVISION, init=False)

    def __post_init__(self) -> None:
        if not 1 <= self.shingle <= 100:
            raise ValueError(f"shingle: {self.shingle} units; it must be 1 to 100")
        if self.bands < 1 or self.rows < 1 or self.bands * self.rows > minhash.MOST_HASHES:
            raise ValueError(f"bands, rows: {self.bands} x {self.rows}; both 1 or more, at most {minhash.MOST_HASHES} hashes")
        if not 2 <= self.hashes <= minhash.MOST_HASHES:
            raise ValueError(f"hashes: {self.hashes}; it must be 2 to {minhash.MOST_HASHES}")
        costs = {name: getattr(self, name) for name in ("false_positive_weight", "false_negative_weight")}
        for name, cost in costs.items():
            if not 0.01 <= cost <= 100:
                raise ValueError(f"{name}: {cost}; it must be 0.01 to 100")
        if self.threshold is None:
            for name, value, default in (("hashes", self.hashes, _HASHES), *((n, c, _COST) for n, c in costs.items())):
                if value != default:
                    raise ValueError(f"{name} is for the choice of bands and rows by `threshold`, which is not given")
            return
        if not 0.1 <= self.threshold <= 0.99:
            raise ValueError(f"threshold: {self.threshold}; a Jaccard similarity from 0.1 to 0.99")
        if (self.bands, self.rows) != (_BANDS, _ROWS):
            raise ValueError("threshold chooses bands and rows: give either threshold, or bands and rows")

    @property
    def banding(self) -> tuple[int, int]:
        """Bands and rows, as given or as chosen for the threshold."""
        if self.threshold is None:
            return self.bands, self.rows
        costs = self.false_positive_weight, self.false_negative_weight
        return optimal(self.threshold, self.hashes, self.false_positive_weight / sum(costs))

    @property
    def comparable(self) -> Mapping[str, int | str]:
        bands, rows = self.banding
        return {
            "signatures": self.signatures,
            "unicode": self.unicode,
            "variants": self.variants,
            "shingle": self.shingle,
            "hashing": self.hashing,
            "bands": bands,
            "rows": rows,
        }

    @property
    def columns(self) -> Mapping[str, pa.DataType]:
        """`bands`: a hash each, null where a text is too short; `exact`: of all units; `length`: letters, marks and digits
        after normalisation. All are null where the text is."""
        return {"bands": pa.list_(pa.uint64(), self.banding[0]), "exact": pa.binary(16), "length": pa.int32()}

    def signed(self, texts: pa.Array) -> dict[str, pa.Array]:
        found = minhash.signatures(texts, self.shingle, *self.banding, hashing=self.hashing, variants=self.variants)
        present, shingled = found.kind != minhash.ABSENT, found.kind == minhash.SHINGLED
        hashes = pa.array(found.bands.reshape(-1))
        digests = pa.py_buffer(found.exact.astype("<u8").tobytes())
        return {
            "bands": pa.Array.from_buffers(self.columns["bands"], len(texts), [_bitmap(shingled)], children=[hashes]),
            "exact": pa.Array.from_buffers(self.columns["exact"], len(texts), [_bitmap(present), digests]),
            "length": pa.array(found.length, mask=~present),
        }

    def warm(self) -> None:
        """Compile, or load what was compiled."""
        self.signed(pa.array(["enough words for a shingle or two, 和几个汉字在一起"]))


@functools.cache
def optimal(threshold: float, hashes: int, false_positive_weight: float = 0.5) -> tuple[int, int]:
    """Bands and rows whose threshold is about this one, as datasketch chooses them; `false_positive_weight` is from 0 to 1.
    Both errors are integrals of polynomials of degree bands x rows, for which half as many nodes of a quadrature are exact."""
    nodes, weights = np.polynomial.legendre.leggauss(hashes // 2 + 1)
    below, above = (nodes + 1) * threshold / 2, threshold + (nodes + 1) * (1 - threshold) / 2
    found: list[tuple[float, int, int]] = []
    for bands in range(1, hashes + 1):
        rows = np.arange(1, hashes // bands + 1)
        met = 1 - (1 - below ** rows[:, None]) ** bands
        missed = (1 - above ** rows[:, None]) ** bands
        costs = false_positive_weight * threshold * met + (1 - false_positive_weight) * (1 - threshold) * missed
        errors = costs @ weights
        best = int(errors.argmin())
        found.append((float(errors[best]), bands, best + 1))
    return min(found)[1:]


def _bitmap(valid: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
