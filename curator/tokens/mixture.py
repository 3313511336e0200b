"""How much of each part to train on, and in what order: weights to whole numbers of sequences, and an exact interleave.

All arithmetic is on integers and fractions. The *effective* weight of a part is its sequences over all sequences, so the share
that is realised is the effective weight itself; how it came to differ from the asked one (a cap, a shortage) is said in words.
"""

from __future__ import annotations

import decimal
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numba
import numpy as np

from curator.tokens import published


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the mixture chosen by source and language: `zh_web: {source: web, language: zh, weight: 0.4}`.

    `language` holds the codes that the documents carry; without it, every document of the source. `tokens` instead of `weight`
    is how many to train on. `max_epochs` stands for this part instead of the mixture's.
    """

    source: str
    weight: float | None = None
    tokens: int | None = None
    max_epochs: float | None = None
    language: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """What to train on: `budget` tokens (those predicted; none given: as many as there are), shared by `weights`.

    A weight stands under the name of a source, or under any name with the source and its languages (see `Part`); weights are
    relative. `tokens` says instead how many of each; their sum is the budget, unless that is given and they are scaled to it.
    `temperature` T shares by what each part has, to the power 1/T: 1 is as they come, larger ones raise the small parts
    (Conneau and Lample 2019, arXiv 1901.07291, as alpha = 1/T); its parts are all sources, or those of `weights` that have no
    weight. Without any of these every source has its natural share. `preset` takes the published weights and epochs of `gpt3`,
    `palm` or `llama` (or of a file like pipelines/mixtures/gpt3.yaml), and `sources` says which source stands for each of its
    parts, or `none`.

    No part is read more than `max_epochs` times: where that leaves it short, `reweight` gives its place to the others, `shrink`
    keeps the weights and trains on fewer tokens, and `fail` stops. 4 epochs: up to there repeated tokens are worth nearly as
    much as new ones (Muennighoff et al. 2023, arXiv 2305.16264). Each epoch has its own order.

    `packing`: `concatenate` cuts a part's documents, one after the other, where a sequence ends, so most sequences begin inside
    a document; `best_fit` cuts only documents longer than a sequence, and puts whole pieces where they leave the least room,
    which is filled up with EOS (Ding et al. 2024, arXiv 2404.10830). `validation` is the fraction of documents, by a hash of
    the id, that no sequence of `train` and no sample of a tokenizer ever holds.
    """

    budget: int | None = None
    weights: dict[str, float | Part] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    temperature: float | None = None
    preset: str | None = None
    sources: dict[str, str] = field(default_factory=dict)
    max_epochs: float = 4.0
    on_shortage: Literal["reweight", "shrink", "fail"] = "reweight"
    packing: Literal["concatenate", "best_fit"] = "concatenate"
    seed: int = 0
    validation: float = 0.005

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 1:
            raise ValueError(f"budget: {self.budget} tokens: it must be at least 1")
        if not 0 < self.max_epochs < 1e6:
            raise ValueError(f"max_epochs: {self.max_epochs} must be above 0 and below a million")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation: {self.validation} must be a fraction, from 0 to below 1")
        if self.temperature is not None and not 1e-3 <= self.temperature <= 1e6:
            raise ValueError(f"temperature: {self.temperature} must be from 0.001 to 1,000,000")
        if self.preset is None and self.sources:
            raise ValueError("sources: they stand for the parts of a preset: name one")
        given = [name for name in ("weights", "tokens", "preset") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{given[1]}: the mixture has {given[0]} already: give one of them")
        if self.temperature is not None and given not in ([], ["weights"]):
            raise ValueError(f"temperature: it makes the weights: leave {given[0]} out")
        if len(self.weights) > 1 << 16:
            raise ValueError("weights: a mixture has at most 65,536 parts")
        self._refuse_shares()
        self._refuse_overlaps()

    def _refuse_shares(self) -> None:
        kinds: set[str] = set()
        for name, part in self.parts(()).items():
            where = "tokens" if self.tokens else "weights"
            for value, bound in ((part.weight, "inf"), (part.tokens, "inf"), (part.max_epochs, 1e6)):
                if value is not None and not 0 < value < float(bound):
                    raise ValueError(f"{where}: {name}: {value} must be above 0; leave the part out to train without it")
            if part.weight is not None and part.tokens is not None:
                raise ValueError(f"weights: {name}: give weight or tokens, not both")
            kinds.add("weight" if part.weight is not None else "tokens" if part.tokens is not None else "temperature")
        if len(kinds) > 1:
            raise ValueError(f"weights: some parts have {' and some '.join(sorted(kinds))}: all must be shared in one way")
        if self.weights and (self.temperature is not None) != (kinds == {"temperature"}):
            raise ValueError("weights: a part needs a weight, or tokens; with temperature it has neither")

    def _refuse_overlaps(self) -> None:
        taken: dict[str, list[tuple[str, set[str]]]] = {}
        for name, part in self.parts(()).items():
            languages = set(part.language)
            for other, others in taken.setdefault(part.source, []):
                if not languages or not others or languages & others:
                    raise ValueError(
                        f"weights: {other} and {name} both take documents of {part.source!r}: "
                        "give each its own language, or they would be trained on twice"
                    )
            taken[part.source].append((name, languages))

    def parts(self, sources: Iterable[str]) -> dict[str, Part]:
        """The parts by name; where the mixture names none, one for each of `sources`, shared by what it has."""
        if self.preset is not None:
            applied = published.apply(self.preset, self.sources)
            return {name: Part(source=name, weight=weight, max_epochs=most) for name, (weight, most) in applied.items()}
        if self.tokens:
            return {name: Part(source=name, tokens=tokens) for name, tokens in self.tokens.items()}
        if not self.weights:
            return {name: Part(source=name) for name in sorted(sources)}
        return {
            name: given if isinstance(given, Part) else Part(source=name, weight=float(given))
            for name, given in self.weights.items()
        }

    def by_source(self) -> dict[str, float]:
        """The weights (or tokens) of each source, all its parts together; empty where they follow from what there is."""
        found: dict[str, float] = {}
        for part in self.parts(()).values():
            asked = part.weight if part.weight is not None else part.tokens
            if asked is not None:
                found[part.source] = found.get(part.source, 0.0) + asked
        return found

    def epochs(self, part: Part) -> Fraction:
        """How often the part may be read."""
        return Fraction(str(self.max_epochs if part.max_epochs is None else part.max_epochs))

    def shares(self, parts: Mapping[str, Part], tokens: Mapping[str, int]) -> dict[str, Fraction]:
        """The relative weights, from the `tokens` that each part has. The same on every machine: no floating point."""
        return {name: self._share(part, tokens[name]) for name, part in parts.items()}

    def _share(self, part: Part, tokens: int) -> Fraction:
        if part.weight is not None:
            return Fraction(str(part.weight))
        if part.tokens is not None:
            return Fraction(part.tokens)
        if self.temperature is None or not tokens:
            return Fraction(tokens)
        with decimal.localcontext(decimal.Context(prec=30)):  # in software, by its specification
            return Fraction(decimal.Decimal(tokens) ** (1 / decimal.Decimal(str(self.temperature))))

    def check(self, sources: Iterable[str]) -> None:
        """Raises ValueError for a weight of a source that there is not, with the nearest name."""
        known = sorted(set(sources))
        for name, part in self.parts(known).items():
            if part.source not in known:
                where = "tokens" if self.tokens else "sources" if self.preset else "weights"
                close = difflib.get_close_matches(part.source, known, n=1, cutoff=0.5)
                hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}"
                what = name if name == part.source else f"{name}: source"
                raise ValueError(f"{where}: {what}: no source {part.source!r}. {hint}")


# ---------------------------------------------------------------------------------------------------------------- plan


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one part gives to the training split."""

    name: str
    asked: Fraction  # its weight over all weights
    tokens: int  # that it has, outside the validation split
    cap: int  # sequences in `max_epochs` passes
    sequences: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    shares: tuple[Share, ...]
    asked_sequences: int
    shortages: tuple[str, ...]  # in words; empty when every part gives what was asked

    @property
    def sequences(self) -> int:
        return sum(share.sequences for share in self.shares)


def plan(
    mixture: Mixture,
    parts: Mapping[str, Part],
    tokens: Mapping[str, int],
    sequence_length: int,
    packed: Mapping[str, int] | None = None,
) -> Plan:
    """How many sequences of `sequence_length` predicted tokens each part gives, from the `tokens` that it has.

    `packed`: the sequences that one epoch of each part fills, if that is not what its tokens come to. Raises ValueError when
    nothing can be trained on, or something is short and `on_shortage` is fail.
    """
    names = list(parts)
    weights = mixture.shares(parts, packed or tokens)
    epochs = {n: mixture.epochs(parts[n]) for n in names}
    if packed is None:
        caps = {n: capacity(tokens[n], sequence_length, epochs[n]) for n in names}
    else:
        caps = {n: int(epochs[n] * packed[n]) for n in names}
    asked_tokens = sum(part.tokens or 0 for part in parts.values())
    budget = mixture.budget or asked_tokens or (sequence_length * sum(packed.values()) if packed else sum(tokens.values()))
    wanted = budget // sequence_length
    if not any(caps.values()):
        raise ValueError(
            f"no part has the {sequence_length + 1} tokens of one sequence: " + ", ".join(f"{n} has {tokens[n]}" for n in names)
        )
    if not wanted:
        raise ValueError(f"budget: {budget} tokens are less than one sequence of {sequence_length}")
    total = sum(weights.values())
    asked = allot(weights, wanted)
    short = [
        f"{n}: {asked[n] * sequence_length:,} tokens asked, and {float(epochs[n]):g} epochs of its {tokens[n]:,} "
        f"give {caps[n] * sequence_length:,}"
        for n in names
        if asked[n] > caps[n]
    ]
    given = asked
    if short and mixture.on_shortage == "fail":
        raise ValueError("on_shortage: fail: " + "; ".join(short))
    if short and mixture.on_shortage == "shrink":
        given = allot(weights, _most_with_weights(weights, caps, wanted, short))
    elif short:
        given = _reweight(weights, caps, wanted)
    shares = tuple(Share(name=n, asked=weights[n] / total, tokens=tokens[n], cap=caps[n], sequences=given[n]) for n in names)
    return Plan(shares=shares, asked_sequences=wanted, shortages=tuple(short))


def capacity(tokens: int, sequence_length: int, epochs: Fraction) -> int:
    """Sequences in so many passes over so many tokens; one token more than is predicted is needed, to begin with."""
    return max(0, (int(epochs * tokens) - 1) // sequence_length)


def allot(weights: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """`total` in whole numbers, in proportion: rounded down, then the largest remainders (ties: the earlier name) up."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    exact = {name: weight * total / whole for name, weight in weights.items()}
    given = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: given[name] - exact[name])  # stable: equal remainders keep their order
    for name in by_remainder[: total - sum(given.values())]:
        given[name] += 1
    return given


def _reweight(weights: Mapping[str, Fraction], caps: Mapping[str, int], wanted: int) -> dict[str, int]:
    """Parts above their cap give it; the others share what is left by their weights, until none is above."""
    fixed: dict[str, int] = {}
    while True:
        free = {name: weight for name, weight in weights.items() if name not in fixed}
        shares = allot(free, wanted - sum(fixed.values())) if free else {}
        over = [name for name, share in shares.items() if share > caps[name]]
        if not over:
            return {name: fixed[name] if name in fixed else shares[name] for name in weights}
        fixed.update({name: caps[name] for name in over})


def _most_with_weights(weights: Mapping[str, Fraction], caps: Mapping[str, int], wanted: int, short: Sequence[str]) -> int:
    total = sum(weights.values())
    most = min([wanted, *(int(caps[name] * total / weight) for name, weight in weights.items() if weight)])
    if most < 1:
        raise ValueError("on_shortage: shrink leaves no sequence at all: " + "; ".join(short))
    return most


# ---------------------------------------------------------------------------------------------------------- interleave


def interleave(counts: Sequence[int]) -> np.ndarray:
    """Which part each sequence is of (uint16): after any k of N, part p has had within one of k * counts[p] / N.

    Sequence j of part p may stand from position floor(j*N/n) on and must by ceil((j+1)*N/n): exactly the windows that keep the
    count inside the band. Earliest deadline first meets every window (Steiner and Yeomans 1993 show that it can be met).
    """
    return _interleave(np.asarray(counts, np.int64))


@numba.njit(cache=True)
def _interleave(counts):
    total = counts.sum()
    order = np.empty(total, np.uint16)
    given = np.zeros(len(counts), np.int64)
    release = np.zeros(len(counts), np.int64)
    deadline = np.zeros(len(counts), np.int64)
    for part in range(len(counts)):
        n = counts[part]
        deadline[part] = (total + n - 1) // n if n else total + 1
        release[part] = 0 if n else total + 1
    for position in range(total):
        best = -1
        for part in range(len(counts)):
            if release[part] <= position and (best < 0 or deadline[part] < deadline[best]):
                best = part
        order[position] = best
        given[best] += 1
        j, n = given[best], counts[best]
        if j < n:
            release[best] = j * total // n
            deadline[best] = ((j + 1) * total + n - 1) // n
        else:
            release[best] = total + 1
            deadline[best] = total + 2
    return order
