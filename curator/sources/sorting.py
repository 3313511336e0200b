"""Sorting more records than memory holds: sorted runs in a temporary file, merged.

A record is a string of bytes that begins with its key. The order is that of the bytes alone, so it depends on neither the
order of arrival nor on how much memory there is. The file lies in the system's folder for temporary files (`TMPDIR`), has no
name, and is gone with the process that made it.
"""

from __future__ import annotations

import heapq
import struct
import tempfile
from collections.abc import Iterator
from typing import IO

import lz4.block

RUN_BYTES = 64 << 20  # of records held in memory
BLOCK_BYTES = 64 << 10  # of records read at a time, of each run: a dump of 100 GB makes some 1,500 runs
RECORD_COST = 100  # bytes that Python takes for a record besides its own
_LENGTH = struct.Struct("<I")


class Sorter:
    """`add` records, then iterate once. To be closed, or used in a `with`."""

    def __init__(self, run_bytes: int = RUN_BYTES) -> None:
        self._most = run_bytes
        self._held: list[bytes] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        self._runs: list[list[tuple[int, int]]] = []  # of each run, where its blocks begin in the file, and their sizes

    def __enter__(self) -> Sorter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def runs(self) -> int:
        """How many runs lie in the file."""
        return len(self._runs)

    def add(self, record: bytes) -> None:
        self._held.append(record)
        self._size += len(record) + RECORD_COST
        if self._size >= self._most:
            self._write()

    def __iter__(self) -> Iterator[bytes]:
        self._held.sort()
        if not self._runs:
            return iter(self._held)
        return heapq.merge(*(self._run(blocks) for blocks in self._runs), self._held)

    def _write(self) -> None:
        self._held.sort()
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="curator-")  # noqa: SIM115
        blocks: list[tuple[int, int]] = []
        block = bytearray()
        for record in self._held:
            block += _LENGTH.pack(len(record))
            block += record
            if len(block) >= BLOCK_BYTES:
                blocks.append(self._write_block(self._file, block))
        if block:
            blocks.append(self._write_block(self._file, block))
        self._runs.append(blocks)
        self._held, self._size = [], 0

    @staticmethod
    def _write_block(file: IO[bytes], block: bytearray) -> tuple[int, int]:
        packed = lz4.block.compress(bytes(block))
        block.clear()
        place = file.tell()
        file.write(packed)
        return place, len(packed)

    def _run(self, blocks: list[tuple[int, int]]) -> Iterator[bytes]:
        assert self._file is not None
        for place, size in blocks:
            self._file.seek(place)
            block = lz4.block.decompress(self._file.read(size))
            at = 0
            while at < len(block):
                (length,) = _LENGTH.unpack_from(block, at)
                at += _LENGTH.size
                yield block[at : at + length]
                at += length
