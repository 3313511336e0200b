"""What both arms are judged on: documents of neither, whatever the arms' sources hold of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from curator import storage
from curator.ablation.arms import AblationError, Arm
from curator.metrics.segments import texts
from curator.stages.decontaminate_items import Item
from curator.stages.decontaminate_match import Table, build, search

NGRAM = 13  # words: what GPT-3 calls an overlap (arXiv 2005.14165, appendix C); 20 characters of Chinese
SHARED = 0.02  # of a document's words at least: a title or a name of 13 words in a long document is no copy of it


@dataclass(frozen=True)
class HeldOut:
    """Documents of one validation set."""

    name: str
    texts: tuple[str, ...]


def take(name: str, batches: Iterable[pa.RecordBatch], most: int, least_chars: int = 100) -> HeldOut:
    """At most `most` documents of `least_chars` characters and more, each text once, by a hash of it: the same ones every time.
    Raises AblationError if there are none."""
    found: dict[bytes, str] = {}
    for batch in batches:
        found |= {xxhash.xxh3_128_digest(t): t for t in batch.column("text").to_pylist() if t and len(t) >= least_chars}
        if len(found) > 2 * most:  # a set may be a whole dump
            found = _first(found, most)
    if not found:
        raise AblationError(f"--validation {name}: holds no document of {least_chars} characters")
    return HeldOut(name, tuple(_first(found, most).values()))


def _first(found: dict[bytes, str], most: int) -> dict[bytes, str]:
    return {key: found[key] for key in sorted(found)[:most]}


def clean(sets: Sequence[HeldOut], arms: Sequence[Arm]) -> tuple[list[HeldOut], dict[str, int]]:
    """The sets without documents that share 13 words in a row, and a fiftieth of theirs, with a document of any arm; and how
    many of each set went."""
    table = build([Item(held.name, text, ()) for held in sets for text in held.texts], NGRAM)
    dirty = np.zeros(sum(len(held.texts) for held in sets), bool)
    for arm in arms:
        for file in storage.find([storage.join(arm.output, "documents")]):
            dirty |= _found_in(file.path, table, len(dirty))
    left, gone, at = [], {}, 0
    for held in sets:
        mine = dirty[at : at + len(held.texts)]
        at += len(held.texts)
        gone[held.name] = int(mine.sum())
        if mine.all():
            raise AblationError(f"--validation {held.name}: every document of it is in the arms too")
        left.append(HeldOut(held.name, tuple(text for text, bad in zip(held.texts, mine) if not bad)))
    return left, gone


def _found_in(path: str, table: Table, items: int) -> np.ndarray:
    dirty = np.zeros(items, bool)
    with storage.open_input(path) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(1024, columns=["text"]):
            found = texts(batch.column("text"))
            starts = np.where(found.valid, found.starts, found.stops)
            hits = search(table, found.data, starts, found.stops, NGRAM, SHARED)
            dirty[hits.items[hits.hits]] = True
    return dirty
