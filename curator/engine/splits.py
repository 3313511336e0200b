"""Raw files to splits: what one worker reads. Large files are cut where their format allows, small ones are bundled."""

from __future__ import annotations

import dataclasses
import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence

from curator.documents import File, Piece, Source, Split

SPLIT_BYTES = 64 << 20


def make_splits(source: str, reader: Source, files: Sequence[File], split_bytes: int = SPLIT_BYTES) -> list[Split]:
    """Splits of a source's files, each named by a key that does not change when other files come and go.

    A file under a quarter of `split_bytes` joins a bundle. A bundle ends where a hash of the path says so, so that one file
    more or less changes one or two bundles and leaves all others as they were.
    """
    together = getattr(reader, "together", None)  # groups of files that make one document
    groups = together(files) if together else ([file] for file in files)
    pieces = [Piece(first, others=tuple(others)) for first, *others in groups]
    small = [piece for piece in pieces if piece.size < split_bytes // 4]
    splits = [Split(_key(source, bundle[0].file.name, "+"), source, tuple(bundle)) for bundle in _bundles(small, split_bytes)]
    for piece in pieces:
        if piece.size >= split_bytes // 4:
            ranges = _ranges(reader, piece.file, split_bytes) if not piece.others else [(0, -1)]
            for start, stop in ranges:
                key = _key(source, piece.file.name, str(start))
                splits.append(Split(key, source, (dataclasses.replace(piece, start=start, stop=stop),)))
    return sorted(splits, key=lambda s: s.key)


def _ranges(reader: Source, file: File, split_bytes: int) -> Sequence[tuple[int, int]]:
    try:
        return reader.ranges(file, split_bytes)
    except Exception:  # unreadable, or not what it is called: whoever reads it as a whole meets the same, and names it
        return [(0, -1)]


def _bundles(pieces: Sequence[Piece], split_bytes: int) -> Iterator[list[Piece]]:
    if not pieces:
        return
    most = split_bytes // 4
    mean = max(1, sum(piece.size for piece in pieces) // len(pieces))
    # A power of two: when the mean drifts over a border, every second end stays an end.
    one_in = 1 << max(0, (most // max(mean, 1 << 10)).bit_length() - 1)
    bundle: list[Piece] = []
    size = 0
    for piece in pieces:
        bundle.append(piece)
        size += piece.size
        ends = int.from_bytes(hashlib.blake2b(piece.file.name.encode(), digest_size=8).digest()) % one_in == 0
        if ends or size >= split_bytes:
            yield bundle
            bundle, size = [], 0
    if bundle:
        yield bundle


def _key(source: str, name: str, at: str) -> str:
    """Readable, safe as a file name, and unique: `web-CC-MAIN-2024-00000-1f0e3d5a9b7c`."""
    stem = re.sub(r"[^\w.-]+", "_", posixpath.basename(name), flags=re.ASCII).strip("._")[:40]
    digest = hashlib.blake2b(f"{source}\0{name}\0{at}".encode(), digest_size=6).hexdigest()
    return f"{source}-{stem or 'file'}-{digest}"
