"""The token shard, contract 3, version 1: the file that a trainer maps into memory, its writer and its reader.

One file of N sequences, little-endian, every part at a place that the header alone gives:

    header     64 bytes: see `HEADER`; the last four are the CRC-32 of the first sixty
    tokens     N x (sequence_length + 1) ids, uint16 or uint32
    (zeros up to a multiple of 8)
    offsets    (N + 1) x uint64: the pieces of sequence i are offsets[i] up to offsets[i + 1]
    starts     P x uint32: where in its sequence each piece begins; a piece is a run of tokens of one document
    sources    N x uint16: which of the manifest's parts the sequence is of

A sequence holds `sequence_length + 1` ids: inputs are `ids[:-1]`, targets `ids[1:]`. The last id of one sequence is the first
of the next one of the same part, so every token is a target exactly once and the inputs keep a round length. "Tokens" in
budgets and counts are targets: `sequence_length` a sequence.

Beside each shard lies `<name>.documents.parquet`, row-aligned with the pieces (see `packing`): the id of the document, and the
token of it that the piece begins with. `manifest.json` is written last and names every file with its sha256.

This module imports no torch and nothing of curator but `storage`: it is all that the trainer knows of the corpus.
"""

from __future__ import annotations

import functools
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from curator import storage
from curator.errors import UserError

VERSION = 1
MAGIC = b"CURTOKEN"
# magic, version, bytes per token, sequence length, vocabulary size, sequences, pieces, EOS id; zeros; then the CRC-32
HEADER = struct.Struct("<8sIIIIQQI")
HEADER_BYTES = 64
MANIFEST = "manifest.json"
TOKENIZER = "tokenizer.json"  # beside the shards: who trains on them needs nothing else
DTYPES = {2: np.dtype("<u2"), 4: np.dtype("<u4")}


class ShardError(UserError, ValueError):
    """A token shard or manifest that cannot be trusted: the message names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a shard says of itself; the places of all its parts follow from it."""

    itemsize: int
    sequence_length: int
    vocabulary_size: int
    sequences: int
    pieces: int
    eos: int

    @property
    def width(self) -> int:
        """Ids stored for each sequence."""
        return self.sequence_length + 1

    @property
    def offsets_at(self) -> int:
        end = HEADER_BYTES + self.sequences * self.width * self.itemsize
        return (end + 7) // 8 * 8

    @property
    def starts_at(self) -> int:
        return self.offsets_at + 8 * (self.sequences + 1)

    @property
    def sources_at(self) -> int:
        return self.starts_at + 4 * self.pieces

    @property
    def file_size(self) -> int:
        return self.sources_at + 2 * self.sequences

    def to_bytes(self) -> bytes:
        body = HEADER.pack(
            MAGIC, VERSION, self.itemsize, self.sequence_length, self.vocabulary_size, self.sequences, self.pieces, self.eos
        ).ljust(HEADER_BYTES - 4, b"\0")
        return body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Header:
        """Raises ShardError unless these are the bytes of a header of this version."""
        if len(data) < HEADER_BYTES:
            raise ShardError(f"{name}: truncated: {len(data)} bytes are not even a header of {HEADER_BYTES}")
        magic, version, itemsize, length, vocabulary, sequences, pieces, eos = HEADER.unpack_from(data)
        if magic != MAGIC:
            raise ShardError(f"{name}: not a token shard: it begins with {magic!r}, not {MAGIC!r}")
        if version != VERSION:
            raise ShardError(f"{name}: token shard of version {version}; this reader knows version {VERSION}")
        if zlib.crc32(data[: HEADER_BYTES - 4]) != int.from_bytes(data[HEADER_BYTES - 4 : HEADER_BYTES], "little"):
            raise ShardError(f"{name}: corrupted header: its checksum does not hold")
        if itemsize not in DTYPES or not length:
            raise ShardError(f"{name}: corrupted header: {itemsize} bytes a token, sequences of {length}")
        return cls(
            itemsize=itemsize,
            sequence_length=length,
            vocabulary_size=vocabulary,
            sequences=sequences,
            pieces=pieces,
            eos=eos,
        )


# ------------------------------------------------------------------------------------------------------------- writing


def write_shard(
    path: str,
    header: Header,
    blocks: Iterable[np.ndarray],
    offsets: np.ndarray,
    starts: np.ndarray,
    sources: np.ndarray,
) -> dict[str, Any]:
    """Write one shard from blocks of whole sequences (k x width arrays of ids); returns its manifest entry.

    The file appears whole or not at all. Raises ShardError when the blocks are not what the header promises.
    """
    dtype = DTYPES[header.itemsize]
    if len(offsets) != header.sequences + 1 or len(starts) != header.pieces or len(sources) != header.sequences:
        raise ShardError(f"{path}: {len(offsets)} offsets, {len(starts)} starts, {len(sources)} sources do not fit {header}")
    digest = hashlib.sha256()
    written = 0
    with storage.create(path) as stream:

        def put(data: bytes) -> None:
            nonlocal written
            digest.update(data)
            written += stream.write(data)

        put(header.to_bytes())
        for block in blocks:
            if block.size and int(block.max()) >= header.vocabulary_size:
                raise ShardError(f"{path}: id {int(block.max())} is outside the vocabulary of {header.vocabulary_size}")
            put(block.astype(dtype, copy=False).tobytes())
        if written != HEADER_BYTES + header.sequences * header.width * header.itemsize:
            raise ShardError(f"{path}: {written - HEADER_BYTES} bytes of tokens do not fit {header}")
        put(b"\0" * (header.offsets_at - written))
        put(offsets.astype("<u8").tobytes())
        put(starts.astype("<u4").tobytes())
        put(sources.astype("<u2").tobytes())
    return {"file": path.rsplit("/", 1)[-1], "sequences": header.sequences, "bytes": written, "sha256": digest.hexdigest()}


# ------------------------------------------------------------------------------------------------------------- reading


class Mapped:
    """One shard mapped into memory: `tokens` (N x width), `offsets`, `starts` and `sources`, none of them copied."""

    def __init__(self, path: str) -> None:
        """Raises ShardError, naming the file, if its header, version or size is not right."""
        where = storage.local(path)
        try:
            with open(where, "rb") as stream:
                self.header = head = Header.from_bytes(stream.read(HEADER_BYTES), path)
        except FileNotFoundError:
            raise ShardError(f"{path}: this token shard is missing") from None
        size = where.stat().st_size
        if size != head.file_size:
            kind = "truncated" if size < head.file_size else "too long"
            raise ShardError(f"{path}: {kind}: {size} bytes, and its header says {head.file_size}")
        data = np.memmap(where, mode="r", dtype=np.uint8)
        end = HEADER_BYTES + head.sequences * head.width * head.itemsize
        self.tokens = data[HEADER_BYTES:end].view(DTYPES[head.itemsize]).reshape(head.sequences, head.width)
        self.offsets = data[head.offsets_at : head.starts_at].view("<u8")
        self.starts = data[head.starts_at : head.sources_at].view("<u4")
        self.sources = data[head.sources_at :].view("<u2")


def read_manifest(folder: str) -> dict[str, Any]:
    """The manifest of a folder of token shards; raises ShardError if there is none, or it is of another version."""
    path = storage.join(folder, MANIFEST)
    try:
        manifest = json.loads(storage.read_bytes(path))
    except FileNotFoundError:
        raise ShardError(f"{path}: there is none, so {folder} holds no finished token shards") from None
    except ValueError as error:
        raise ShardError(f"{path}: not a manifest: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("version") != VERSION:
        found = manifest.get("version") if isinstance(manifest, dict) else None
        raise ShardError(f"{path}: token shards of version {found}; this reader knows version {VERSION}")
    return manifest


class TokenShards:
    """The sequences of one split, in the order in which to train on them; a sequence is a view of the mapped file.

    >>> shards = TokenShards("runs/cc_zh/tokens")
    >>> ids = shards[0]                      # sequence_length + 1 ids, read-only uint16 or uint32
    >>> inputs, targets = ids[:-1], ids[1:]
    >>> shards.sources[shards.source_of(0)]  # "wiki"
    """

    def __init__(self, folder: str, split: str = "train") -> None:
        """Raises ShardError by name for a missing split, and for shards that are missing, truncated or of another tokenizer.

        Local shards are all checked here; those of an object store when they are first read, and kept in the local cache.
        """
        self.folder = str(folder)
        self.split = split
        self.manifest = read_manifest(self.folder)
        if split not in self.manifest["splits"]:
            raise ShardError(f"{self.folder}: no split {split!r}: it has {', '.join(sorted(self.manifest['splits']))}")
        self.shards: list[dict[str, Any]] = self.manifest["splits"][split]["shards"]
        self.sequence_length: int = self.manifest["sequence_length"]
        self.vocabulary_size: int = self.manifest["vocabulary_size"]
        self.eos: int = self.manifest["eos"]
        self.tokenizer_hash: str = self.manifest["tokenizer"]["hash"]
        self.sources: tuple[str, ...] = tuple(part["name"] for part in self.manifest["parts"])
        self.dtype = np.dtype(self.manifest["dtype"])
        self._ends = np.cumsum([shard["sequences"] for shard in self.shards], dtype=np.int64)
        self._mapped = functools.cache(self._map)  # of this reader, not of the class: it goes when the reader goes
        if not storage.is_remote(self.folder):
            for number in range(len(self.shards)):
                self._mapped(number)

    def __reduce__(self) -> tuple[Any, ...]:
        return TokenShards, (self.folder, self.split)  # into a loader's process: mapped again there

    def _map(self, number: int) -> Mapped:
        entry = self.shards[number]
        path = storage.join(self.folder, entry["file"])
        mapped = Mapped(path)
        for name, found, promised in (
            ("sequences", mapped.header.sequences, entry["sequences"]),
            ("sequence_length", mapped.header.sequence_length, self.sequence_length),
            ("vocabulary_size", mapped.header.vocabulary_size, self.vocabulary_size),
            ("eos", mapped.header.eos, self.eos),
            ("dtype", DTYPES[mapped.header.itemsize], self.dtype),
        ):
            if found != promised:
                raise ShardError(f"{path}: {name} is {found}, and {MANIFEST} says {promised}")
        return mapped

    def mapped(self, number: int) -> Mapped:
        """Shard `number` of `shards`, mapped into memory."""
        return self._mapped(number)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def locate(self, index: int) -> tuple[int, int]:
        """(number of the shard, row in it) of a sequence; a negative index counts from the end."""
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"sequence {index} of {size}")
        index = int(index) % size
        number = int(np.searchsorted(self._ends, index, side="right"))
        return number, index - (int(self._ends[number - 1]) if number else 0)

    def __getitem__(self, index: int) -> np.ndarray:
        """The `sequence_length + 1` ids of a sequence: a read-only view, not a copy."""
        number, row = self.locate(index)
        return self._mapped(number).tokens[row]

    def source_of(self, index: int) -> int:
        """The place in `sources` of the part that a sequence is of."""
        number, row = self.locate(index)
        return int(self._mapped(number).sources[row])

    def starts_of(self, index: int) -> np.ndarray:
        """Where in the sequence a document begins or goes on: ascending, the first is 0. For attention within documents."""
        number, row = self.locate(index)
        mapped = self._mapped(number)
        return mapped.starts[int(mapped.offsets[row]) : int(mapped.offsets[row + 1])]

    def padding_of(self, index: int) -> int:
        """How many ids at the end of the sequence are padding (EOS), as in sequences packed by best fit: no targets."""
        if self.manifest["mixture"].get("packing") != "best_fit":
            return 0
        last = int(self.starts_of(index)[-1])
        ids = self[index]
        return len(ids) - last if int(ids[last]) == self.eos else 0  # no piece of a document begins with EOS there

    def tokenizer(self) -> bytes:
        """The `tokenizer.json` that made the ids. Raises ShardError if it is missing or another one."""
        path = storage.join(self.folder, TOKENIZER)
        try:
            data = storage.read_bytes(path)
        except (OSError, storage.StorageError) as error:
            raise ShardError(f"{path}: {error}") from None
        if hashlib.sha256(data).hexdigest() != self.tokenizer_hash:
            raise ShardError(f"{path}: not the tokenizer that made these shards: {MANIFEST} says {self.tokenizer_hash}")
        return data

    def verify(self) -> None:
        """Read every byte: raises ShardError for a shard whose sha256 is not the manifest's."""
        for entry in self.shards:
            path = storage.join(self.folder, entry["file"])
            found = storage.content_digest(path)
            if found != entry["sha256"]:
                raise ShardError(f"{path}: its sha256 is {found}, and {MANIFEST} says {entry['sha256']}")
