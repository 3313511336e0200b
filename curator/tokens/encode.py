"""Documents to token files: once per document shard and tokenizer, whatever mixtures are cut from them later.

For each document shard, three files named by a fingerprint of the shard's digest and the tokenizer's hash: `.tokens`, the ids
of its documents one after the other in row order, each closed by EOS (nothing at all for an empty text); `.arrow`, a row for
each document; and `.json`, written last, which says that the other two are whole.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curator import storage
from curator.documents import Executor, Shard
from curator.tokens import vocabulary
from curator.tokens.draw import id_hashes
from curator.tokens.fingerprint import fingerprint

REVISION = 1
BATCH_DOCUMENTS = 64  # a document may be a whole book

# `start` and `length` in tokens of the `.tokens` file, EOS included; `hash` is what every draw is made from
DOCUMENTS = pa.schema(
    [("id", pa.string()), ("hash", pa.uint64()), ("language", pa.string()), ("start", pa.int64()), ("length", pa.int64())]
)

Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """One document shard as tokens: what its `.json` says."""

    fingerprint: str
    key: str
    source: str
    documents: int
    tokens: int  # EOS included
    characters: int
    utf8_bytes: int
    dtype: str
    languages: dict[str, dict[str, int]] = field(default_factory=dict)

    def tokens_of(self, folder: str) -> np.ndarray:
        """The ids, mapped into memory."""
        path = storage.local(_path(folder, self.fingerprint, "tokens"))
        return np.memmap(path, mode="r", dtype=self.dtype) if self.tokens else np.empty(0, self.dtype)

    def documents_of(self, folder: str) -> pa.Table:
        """The rows of DOCUMENTS, mapped into memory."""
        path = storage.local(_path(folder, self.fingerprint, "arrow"))
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def encode(
    shards: Sequence[Shard],
    tokenizer: str,
    eos: str | None,
    folder: str,
    executor: Executor,
    progress: Progress | None = None,
) -> list[Encoded]:
    """Encode every shard that is not encoded yet; in the canonical order (source, key), whatever the order they came in."""
    ordered = sorted(shards, key=lambda shard: (shard.source, shard.key))
    work = functools.partial(encode_shard, tokenizer=tokenizer, eos=eos, folder=folder)
    found: dict[int, Encoded] = {}
    for index, manifest in executor.map(work, ordered):
        found[index] = Encoded(**manifest)
        if progress:
            progress("encode", len(found), len(ordered))
    return [found[index] for index in range(len(ordered))]


def encode_shard(shard: Shard, tokenizer: str, eos: str | None, folder: str) -> dict[str, Any]:
    """The token files of one shard, written unless they are there; returns the fields of `Encoded`."""
    words = vocabulary.load(tokenizer, eos)
    name = fingerprint("encode", REVISION, shard.source, shard.key, shard.digest, words.hash, words.eos)
    done = _path(folder, name, "json")
    if all(storage.exists(_path(folder, name, suffix)) for suffix in ("json", "tokens", "arrow")):
        return json.loads(storage.read_bytes(done))
    encoded = _write(shard, words, folder, name)
    storage.write_bytes(done, json.dumps(asdict(encoded), ensure_ascii=False, indent=1).encode())
    return asdict(encoded)


def read_documents(shard: Shard, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of a shard's Parquet file, in row order."""
    with storage.open_input(shard.path) as stream:
        yield from pq.ParquetFile(stream).iter_batches(batch_size=BATCH_DOCUMENTS, columns=list(columns))


def _write(shard: Shard, words: vocabulary.Vocabulary, folder: str, name: str) -> Encoded:
    end = np.array([words.eos], words.dtype)
    documents = tokens = characters = utf8_bytes = 0
    languages: dict[str, dict[str, int]] = {}
    with (
        storage.create(_path(folder, name, "tokens")) as ids_file,
        storage.create(_path(folder, name, "arrow")) as rows_file,
        pa.ipc.new_file(rows_file, DOCUMENTS) as rows,
    ):
        for batch in read_documents(shard, ("id", "text", "language")):
            texts = [text or "" for text in batch.column("text").to_pylist()]
            encoded = words.encode(texts)
            lengths = np.array([len(ids) + 1 if text else 0 for ids, text in zip(encoded, texts)], np.int64)
            for ids, text in zip(encoded, texts):
                if text:
                    ids_file.write(ids.tobytes())
                    ids_file.write(end.tobytes())
            ids_of_rows = batch.column("id").to_pylist()
            language = batch.column("language").cast(pa.string())
            starts = tokens + np.cumsum(lengths) - lengths
            rows.write_batch(
                pa.record_batch(
                    [pa.array(ids_of_rows, pa.string()), id_hashes(ids_of_rows), language, starts, lengths], schema=DOCUMENTS
                )
            )
            for code, length in zip(language.to_pylist(), lengths.tolist()):
                count = languages.setdefault(code or "", {"documents": 0, "tokens": 0})
                count["documents"] += 1
                count["tokens"] += length
            documents += len(texts)
            tokens += int(lengths.sum())
            characters += sum(map(len, texts))
            utf8_bytes += sum(len(text.encode()) for text in texts)
    return Encoded(
        fingerprint=name,
        key=shard.key,
        source=shard.source,
        documents=documents,
        tokens=tokens,
        characters=characters,
        utf8_bytes=utf8_bytes,
        dtype=words.dtype.str,
        languages={code: languages[code] for code in sorted(languages)},
    )


def _path(folder: str, name: str, suffix: str) -> str:
    return storage.join(folder, f"{name}.{suffix}")
