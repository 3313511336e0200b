"""Token shards of any ids, in the reader's own format: for the tests of the trainer and its benchmarks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from curator.tokens.shards import Header, write_shard


def write_shards(
    folder: Path,
    splits: dict[str, np.ndarray],
    names: Sequence[str] = ("web", "wiki"),
    vocabulary_size: int = 32,
    tokenizer: str = "t0",
    eos: int = 0,
    files: int = 2,
    documents: int = 1,
) -> Path:
    """A folder of token shards: `splits` holds ids (n x (length + 1)) by split; sources take turns. `files` of each split;
    in each sequence as many `documents`, of one length."""
    folder.mkdir(parents=True, exist_ok=True)
    entries: dict[str, dict] = {}
    length = next(iter(splits.values())).shape[1] - 1
    for split, ids in splits.items():
        shards = []
        for number, part in enumerate(np.array_split(np.arange(len(ids)), files)):
            header = Header(
                itemsize=2,
                sequence_length=length,
                vocabulary_size=vocabulary_size,
                sequences=len(part),
                pieces=len(part) * documents,
                eos=eos,
            )
            path = str(folder / f"{split}-{number}.tokens")
            offsets = np.arange(len(part) + 1) * documents
            starts = np.tile(np.arange(documents) * (length // documents), len(part))
            shards.append(write_shard(path, header, [ids[part]], offsets, starts, part % len(names)))
        entries[split] = {"shards": shards}
    manifest = {
        "version": 1,
        "splits": entries,
        "sequence_length": length,
        "vocabulary_size": vocabulary_size,
        "eos": eos,
        "dtype": "<u2",
        "tokenizer": {"hash": tokenizer},
        "parts": [{"name": name} for name in names],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
