"""Which documents, and in what order: by a hash of their ids, so that nothing depends on shards, workers or time.

Everything is 64-bit integer arithmetic (XXH3 and the finalizer of SplitMix64, both fixed by their specifications), so a draw is
the same on every machine and with every version of numpy; no random number generator is involved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import xxhash


def id_hashes(ids: Iterable[str]) -> np.ndarray:
    """A uint64 for each document id: XXH3 of its UTF-8."""
    return np.fromiter((xxhash.xxh3_64_intdigest(i) for i in ids), np.uint64)


def drawn(hashes: np.ndarray, *purpose: str | int) -> np.ndarray:
    """Hashes drawn anew for a purpose: two purposes are independent of each other. Adding a document moves no other one."""
    key = hashlib.blake2b("\0".join(map(str, purpose)).encode(), digest_size=8).digest()
    x = hashes ^ np.uint64(int.from_bytes(key, "little"))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)  # SplitMix64: Steele, Lea, Flood 2014
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def held_out(hashes: np.ndarray, fraction: float) -> np.ndarray:
    """True for the documents of the validation split: about `fraction` of them, whatever the seed of the mixture."""
    limit = int(Fraction(str(fraction)) * (1 << 64))
    if limit >= 1 << 64:
        return np.ones(len(hashes), bool)
    return drawn(hashes, "validation") < np.uint64(limit)


def permutation(hashes: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The order of the documents in one epoch; another one in the next."""
    return np.argsort(drawn(hashes, "epoch", seed, epoch), kind="stable")
