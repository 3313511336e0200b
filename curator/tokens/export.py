"""Token shards in the formats of other trainers, a folder for each split, in the order in which they are mixed and shuffled.

    megatron   SPLIT.bin SPLIT.idx               Megatron-LM's indexed dataset: a document for each sequence
    nanotron   SPLIT/00000_tokens.ds ...         datatrove's and nanotron's, with .index and .metadata
    olmo       SPLIT/part-00000.npy ...          OLMo-core's: nothing but ids; .csv.gz beside each as dolma writes it
    parquet    SPLIT/00000.parquet ...           Hugging Face datasets: input_ids, starts, padding, source, documents

How many ids a sequence gives is what the reader needs to cut at our sequences. One that reads windows of `sequence_length` and
shifts inside them, or takes the next window's first id as the last target (OLMo-core, Megatron), gets `sequence_length`; one
that reads `sequence_length + 1` (nanotron), or shifts in the model (Hugging Face), gets them all. With every export go
`tokenizer.json` and `export.json`, which says what it was made of.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curator import storage
from curator.tokens.filling import filling
from curator.tokens.shards import ShardError, TokenShards

BLOCK = 4 << 20  # ids at a time
MEGATRON_TYPES = {2: 8, 4: 4}  # bytes of an id -> the code of uint16, of int32


def export(kind: str, output: str, folder: str) -> dict[str, Any]:
    """Write the token shards of a run (or of a folder of shards) in a format of WRITERS; returns what `export.json` says.

    An export of the same shards is written again, and one that was killed is finished. Raises ShardError if there are no
    shards, or not those of the manifest, ExportError if `folder` holds anything else.
    """
    tokens = output.rstrip("/")
    if not storage.exists(storage.join(tokens, "manifest.json")):
        tokens = storage.join(tokens, "tokens")
    splits = {name: TokenShards(tokens, name) for name in TokenShards(tokens).manifest["splits"]}
    splits = {name: shards for name, shards in splits.items() if len(shards)}
    if not splits:
        raise ShardError(f"{tokens}: its shards hold no sequence")
    folder = folder.rstrip("/")
    first = next(iter(splits.values()))
    made = {
        "format": kind,
        "shards": first.manifest["fingerprint"],
        "tokenizer": first.tokenizer_hash,
        "vocabulary_size": first.vocabulary_size,
        "eos": first.eos,
        "bytes_per_id": first.dtype.itemsize,
        "ids_per_sequence": first.sequence_length + (kind in ("nanotron", "parquet")),
        "splits": {name: len(shards) for name, shards in splits.items()},
    }
    for shards in splits.values():
        shards.verify()
    with filling(folder, made):
        for name, shards in splits.items():
            WRITERS[kind](shards, folder, name)
        storage.write_bytes(storage.join(folder, "tokenizer.json"), first.tokenizer())
    return made


def _blocks(shards: TokenShards, number: int, ids: int) -> Iterator[np.ndarray]:
    """The first `ids` ids of the sequences of one shard, some sequences at a time."""
    tokens = shards.mapped(number).tokens
    size = max(1, BLOCK // shards.sequence_length)
    for first in range(0, len(tokens), size):
        yield np.ascontiguousarray(tokens[first : first + size, :ids])


def _pieces(shards: TokenShards, number: int) -> pa.Table:
    """The rows of a shard's provenance: sequence, start, length, document, offset."""
    with storage.open_input(storage.join(shards.folder, shards.shards[number]["documents"]["file"])) as stream:
        return pq.read_table(stream)


# ------------------------------------------------------------------------------------------------------------ Megatron


def megatron(shards: TokenShards, folder: str, split: str) -> None:
    """`.bin` is nothing but ids. `.idx`: magic, version (u64), type (u8), counts of sequences and of document bounds (u64),
    lengths (i32), byte offsets (i64), document bounds (i64); each of our sequences is one of theirs, and a document."""
    code = MEGATRON_TYPES[shards.dtype.itemsize]
    dtype = np.dtype("<u2" if code == 8 else "<i4")
    length, count = shards.sequence_length, len(shards)
    with storage.create(storage.join(folder, f"{split}.bin")) as stream:
        for number in range(len(shards.shards)):
            for block in _blocks(shards, number, length):
                stream.write(block.astype(dtype, copy=False).tobytes())
    with storage.create(storage.join(folder, f"{split}.idx")) as stream:
        stream.write(b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, code, count, count + 1))
        stream.write(np.full(count, length, "<i4").tobytes())
        stream.write((np.arange(count, dtype="<i8") * (length * dtype.itemsize)).tobytes())
        stream.write(np.arange(count + 1, dtype="<i8").tobytes())


# ------------------------------------------------------------------------------------------------------------ nanotron


def nanotron(shards: TokenShards, folder: str, split: str) -> None:
    """`.ds` is nothing but ids; `.index` where each document ends in it (u64); `.metadata` the tokenizer and how many ids."""
    for number, entry in enumerate(shards.shards):
        path = storage.join(folder, split, f"{number:05d}_tokens.ds")
        with storage.create(path) as stream:
            for block in _blocks(shards, number, shards.sequence_length + 1):
                stream.write(block.tobytes())
        width = shards.sequence_length + 1
        pieces = _pieces(shards, number)
        sequence, start, length = (pieces.column(name).to_numpy().astype(np.int64) for name in ("sequence", "start", "length"))
        storage.write_bytes(f"{path}.index", (sequence * width + start + length).astype("<u8").tobytes())
        ids = entry["sequences"] * width
        described = f"tokenizer.json|{shards.dtype.itemsize}\n{ids}\n{ids / 1e6:.3g} MT"
        storage.write_bytes(f"{path}.metadata", described.encode())


# ----------------------------------------------------------------------------------------------------------- OLMo-core


def olmo(shards: TokenShards, folder: str, split: str) -> None:
    """`.npy` is, for all its name, nothing but ids: uint16 or uint32. `.csv.gz`: start, end, document, source, offset of each
    piece of a document."""
    length = shards.sequence_length
    for number in range(len(shards.shards)):
        path = storage.join(folder, split, f"part-{number:05d}")
        with storage.create(f"{path}.npy") as stream:
            for block in _blocks(shards, number, length):
                stream.write(block.tobytes())
        sources = shards.mapped(number).sources
        with storage.create(f"{path}.csv.gz") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as stream:
            for batch in _pieces(shards, number).to_batches(max_chunksize=1 << 16):
                rows = zip(*(column.to_pylist() for column in batch.columns))
                lines = []
                for sequence, start, size, document, offset in rows:
                    begin = sequence * length + start
                    end = min(begin + size, (sequence + 1) * length)
                    if begin < end and document is not None:
                        source = shards.sources[sources[sequence]]
                        lines.append(f"{begin},{end},{document},{_quoted(source)},{offset}\n")
                stream.write("".join(lines).encode())


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text


# ------------------------------------------------------------------------------------------------------------- Parquet


def parquet(shards: TokenShards, folder: str, split: str) -> None:
    """A row a sequence: `input_ids` (all of them: a causal model of transformers shifts by itself), `starts` of its documents,
    how many ids at the end are `padding`, its `source`, and the ids of the `documents`, one for each start."""
    kind = pa.uint16() if shards.dtype.itemsize == 2 else pa.uint32()
    schema = pa.schema(
        [
            ("input_ids", pa.list_(kind)),
            ("starts", pa.list_(pa.int32())),
            ("padding", pa.int32()),
            ("source", pa.string()),
            ("documents", pa.list_(pa.string())),
        ]
    )
    width = shards.sequence_length + 1
    for number in range(len(shards.shards)):
        mapped, pieces = shards.mapped(number), _pieces(shards, number)
        documents = pieces.column("document").combine_chunks()
        lengths = pieces.column("length").to_numpy()
        names = pa.array(shards.sources)
        size = max(1, BLOCK // width)
        with (
            storage.create(storage.join(folder, split, f"{number:05d}.parquet")) as stream,
            pq.ParquetWriter(stream, schema, compression="zstd") as writer,
        ):
            for first in range(0, len(mapped.tokens), size):
                block = np.ascontiguousarray(mapped.tokens[first : first + size])
                bounds = mapped.offsets[first : first + len(block) + 1].astype(np.int64)
                inner = slice(int(bounds[0]), int(bounds[-1]))
                offsets = pa.array((bounds - bounds[0]).astype(np.int32))
                last = bounds[1:] - 1
                padded = documents.take(pa.array(last)).is_null().to_numpy(zero_copy_only=False)
                ids = pa.ListArray.from_arrays(
                    pa.array(np.arange(len(block) + 1, dtype=np.int32) * width), pa.array(block.reshape(-1), kind)
                )
                starts = pa.ListArray.from_arrays(offsets, pa.array(mapped.starts[inner].astype(np.int32)))
                named = pa.ListArray.from_arrays(offsets, documents.slice(inner.start, inner.stop - inner.start))
                padding = pa.array(np.where(padded, lengths[last], 0).astype(np.int32))
                source = names.take(pa.array(mapped.sources[first : first + len(block)].astype(np.int64)))
                writer.write_batch(pa.record_batch([ids, starts, padding, source, named], schema=schema))


WRITERS: dict[str, Callable[[TokenShards, str, str], None]] = {
    "megatron": megatron,
    "nanotron": nanotron,
    "olmo": olmo,
    "parquet": parquet,
}
