"""ARPA, the text form of n-gram models: what every reader of such models takes."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import polars as pl

from curator.lm.kneser_ney import Estimate, Grams, word_at

_ROWS = 1 << 20  # that are formatted at a time


def write_arpa(model: Estimate, path: Path) -> None:
    """All n-grams that were kept, with log10 probabilities and backoffs, in the order in which `lmplz` writes them."""
    packing = model.packing
    words = pl.Series("words", model.words)
    with path.open("wb") as stream:
        stream.write(b"\\data\\\n")
        for n, size in enumerate(model.sizes, 1):
            stream.write(b"ngram %d=%d\n" % (n, size))
        for n, grams in enumerate(model.orders, 1):
            stream.write(b"\n\\%d-grams:\n" % n)
            for first in range(0, len(grams.kept), _ROWS):
                rows = np.flatnonzero(grams.kept[first : first + _ROWS]) + first
                numbers = words_of(grams, rows, n, packing.bits)
                spoken = pl.concat_str([words.gather(numbers[:, k]).rename(str(k)) for k in range(n)], separator=" ")
                table = {"probability": grams.probability[rows], "words": pl.select(spoken).to_series()}
                if n < packing.order:
                    table["backoff"] = grams.backoff[rows]
                pl.DataFrame(table).write_csv(stream, include_header=False, separator="\t", quote_style="never")
        stream.write(b"\n\\end\\\n")


def words_of(grams: Grams, rows: np.ndarray, order: int, bits: int) -> np.ndarray:
    """The words of n-grams by number, a row each, in the order of speech."""
    return _words_of(grams.high[rows], grams.low[rows], order, bits)


@numba.njit(cache=True, nogil=True)
def _words_of(highs, lows, order, bits):
    found = np.empty((len(highs), order), np.int64)
    for i in range(len(highs)):
        for place in range(order):
            found[i, order - 1 - place] = word_at(highs[i], lows[i], place, bits)
    return found
