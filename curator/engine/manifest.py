"""What a finished shard leaves behind: its ledger, which must balance, and its fingerprint, which says when it is stale.

The fourth of the four contracts. A shard is done when its manifest lies on disk with the fingerprint that the recipe asks
for; the manifest is written last, so nothing half-done ever looks done.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa
import xxhash

from curator import storage
from curator.documents import Tally

FORMAT = 1
MOST_SAID = 5  # of what a list has lost and gained


class LedgerError(Exception):
    """Something was lost between two lines of the program: a defect, never the data's fault."""


def _add(counts: dict[str, int], key: str, number: int) -> None:
    if number:
        counts[key] = counts.get(key, 0) + number


@dataclass
class Ledger:
    """The double entry of one shard: records, documents and characters each have to add up."""

    records: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    record_errors: dict[str, int] = field(default_factory=dict)
    documents: int = 0
    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # by reason
    errors: dict[str, int] = field(default_factory=dict)  # by stage:kind
    chars_in: int = 0
    chars_kept: int = 0
    chars_rejected: int = 0  # of rejected documents and of those with errors, as they were when they left
    chars_added: dict[str, int] = field(default_factory=dict)  # by stage that writes text
    chars_cut: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, int] = field(default_factory=dict)  # by column: sums that a stage wants over what it let pass
    judged: dict[str, int] = field(default_factory=dict)  # by "stage language script": what came to rules on scores
    turned_away: dict[str, int] = field(default_factory=dict)  # by "reason language script": what they rejected of it

    def take(self, tally: Tally) -> None:
        self.records += tally.records
        for kind, number in tally.skipped.items():
            _add(self.skipped, kind, number)
        for kind, number in tally.errors.items():
            _add(self.record_errors, kind, number)

    def reject(self, reason: str, documents: int, chars: int, error: bool) -> None:
        _add(self.errors if error else self.rejected, reason, documents)
        self.chars_rejected += chars

    def rewrite(self, stage: str, added: int, cut: int) -> None:
        _add(self.chars_added, stage, added)
        _add(self.chars_cut, stage, cut)

    def tally(self, column: str, number: int) -> None:
        _add(self.tallies, column, number)

    def judge(self, stage: str, variety: str, documents: int) -> None:
        _add(self.judged, f"{stage} {variety}", documents)

    def turn_away(self, reason: str, variety: str, documents: int) -> None:
        _add(self.turned_away, f"{reason} {variety}", documents)

    def add(self, other: Ledger) -> None:
        """Sum of two ledgers of the same pass."""
        for each in dataclasses.fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, dict):
                for key, number in theirs.items():
                    _add(mine, key, number)
            else:
                setattr(self, each.name, mine + theirs)

    def check(self, reads_raw: bool) -> None:
        """Raise LedgerError unless everything that went in is accounted for."""
        if reads_raw:
            _balance(
                "records",
                self.records,
                {"documents": self.documents, "skipped": self.skipped, "errors": self.record_errors},
            )
        _balance("documents", self.documents, {"kept": self.kept, "rejected": self.rejected, "errors": self.errors})
        _balance(
            "characters",
            self.chars_in + sum(self.chars_added.values()),
            {"kept": self.chars_kept, "rejected": self.chars_rejected, "cut": self.chars_cut},
        )


def _balance(what: str, total: int, parts: Mapping[str, int | dict[str, int]]) -> None:
    found = sum(sum(p.values()) if isinstance(p, dict) else p for p in parts.values())
    if found != total:
        raise LedgerError(f"{what} do not balance: {total} went in, {found} came out ({orjson.dumps(parts).decode()})")


@dataclass
class Written:
    """A Parquet file of a shard: where, how many rows, and the digest of its logical rows. No rows, no file."""

    path: str = ""
    rows: int = 0
    digest: str = "0" * 32
    bytes: int = 0


@dataclass
class Manifest:
    """One leg of one split: what was read, what came of it, and from exactly which inputs and options."""

    key: str
    source: str
    number: int  # of the pass
    fingerprint: str
    inputs: dict[str, Any]  # what the fingerprint is the hash of, to say later what changed
    kept: Written
    rejected: Written
    signed: Written
    ledger: Ledger
    damage: list[dict[str, Any]] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # by stage
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)  # by reason: `Rule.bounds` of all that judged here
    bytes_read: int = 0
    format: int = FORMAT

    @property
    def begins(self) -> str:
        """The whole-dataset stage before the pass, whose marks it applies; empty for a first pass."""
        return (self.inputs.get("applies") or {}).get("stage", "")

    def write(self, path: str) -> None:
        storage.write_bytes(path, orjson.dumps(dataclasses.asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))

    @staticmethod
    def read(path: str) -> Manifest | None:
        """The manifest at a path; None if there is none, or one of another format, or a damaged one."""
        try:
            found = orjson.loads(storage.read_bytes(path))
            if found.pop("format") != FORMAT:
                return None
            written = {name: Written(**found.pop(name)) for name in ("kept", "rejected", "signed")}
            return Manifest(ledger=Ledger(**found.pop("ledger")), **written, **found)
        except (OSError, ValueError, KeyError, TypeError):
            return None


# --------------------------------------------------------------------------------------------------------- fingerprints


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """128 bits over the canonical JSON of everything that the output depends on."""
    return hashlib.blake2b(orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def drift(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Field by field, what changed: `stages.zh_web.rules.han_ratio.min: 0.3 -> 0.6`."""
    before, after = _flat(old), _flat(new)
    lines = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            lines.append(f"{name}: removed (was {_said(before[name])})")
        elif name not in before:
            lines.append(f"{name}: new ({_said(after[name])})")
        elif before[name] != after[name]:
            lines.append(f"{name}: {_changed(before[name], after[name])}")
    return lines


def _changed(was: Any, now: Any) -> str:
    if isinstance(was, list) and isinstance(now, list):
        gone, come = [_said(v) for v in was if v not in now], [_said(v) for v in now if v not in was]
        said = [f"{v} changed" if v in come else f"without {v}" for v in gone] + [f"with {v}" for v in come if v not in gone]
        return ", ".join([*said[:MOST_SAID], *(["…"] if len(said) > MOST_SAID else [])]) or "another order"
    before, after = _said(was), _said(now)
    return "changed" if before == after else f"{before} -> {after}"


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        return {k: v for key, child in value.items() for k, v in _flat(child, f"{name}.{key}" if name else str(key)).items()}
    return {name: value}


# A digest, or a time of a file in nanoseconds: that it differs says something, what it is does not.
_UNREADABLE = re.compile(r"(?:, )?\b(?:[0-9a-f]{24,}|[0-9]{15,})\b")


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("name", value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    text = _UNREADABLE.sub("", text).strip() or "there"
    return text if len(text) <= 60 else f"{text[:57]}…"


# -------------------------------------------------------------------------------------------------------------- digests


def rows_digest(batch: pa.RecordBatch | pa.Table, first: int | None = None) -> int:
    """The sum, modulo 2^128, of a 128-bit hash of every row. Every row holds its id, so order carries no information, and
    digests of shards add up to the digest of the run however it was cut into shards.

    With `first`, the number of the batch's first row, each hash is weighted by the number of its row: then order counts.
    """
    total = 0
    for number, row in enumerate(batch.to_pylist(), 1):
        found = xxhash.xxh3_128_intdigest(orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=bytes.hex))
        total += found if first is None else found * (first + number)
    return total & ((1 << 128) - 1)


def add_digests(digests: Sequence[str]) -> str:
    return f"{sum(int(d, 16) for d in digests) & ((1 << 128) - 1):032x}"
