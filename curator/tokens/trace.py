"""Where a sequence comes from: its pieces, their documents, and the files and offsets that these were read at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from curator import storage
from curator.tokens.shards import ShardError, TokenShards


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One piece of a sequence: ids `start` up to `start + length` are those of the document from `offset` on."""

    start: int
    length: int
    document: str | None  # None: padding
    offset: int
    source: str
    file: str | None  # that the document was read from
    at: int | None  # the offset in it
    url: str | None
    title: str | None
    text: str  # of the piece


def trace(output: str, index: int, split: str = "train") -> list[Origin]:
    """The pieces of sequence `index` of a run's token shards, in order. Raises ShardError by name for what is not there."""
    shards = TokenShards(storage.join(output, "tokens"), split)
    try:
        number, row = shards.locate(index if index >= 0 else len(shards))  # -1 is a slip, not the last
    except IndexError:
        raise ShardError(f"{shards.folder}: no sequence {index} in {split}: it has {len(shards)}") from None
    with storage.open_input(storage.join(shards.folder, shards.shards[number]["documents"]["file"])) as stream:
        pieces = pq.read_table(stream, filters=[("sequence", "==", row)]).to_pylist()
    part = next(p for p in shards.manifest["parts"] if p["name"] == shards.sources[shards.source_of(index)])
    found = _documents(output, part["source"], {piece["document"] for piece in pieces} - {None})
    ids = shards[index]
    words = Tokenizer.from_buffer(shards.tokenizer())
    traced = []
    for piece in pieces:
        document: dict[str, Any] = found.get(piece["document"], {})
        origin = document.get("origin") or {}
        span = ids[piece["start"] : piece["start"] + piece["length"]]
        traced.append(
            Origin(
                start=piece["start"],
                length=piece["length"],
                document=piece["document"],
                offset=piece["offset"],
                source=part["source"],
                file=origin.get("file"),
                at=origin.get("offset"),
                url=document.get("url"),
                title=document.get("title"),
                text=words.decode(span.tolist(), skip_special_tokens=False) if piece["document"] is not None else "",
            )
        )
    return traced


def _documents(output: str, source: str, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Rows of the output's documents, by id; only the ids of the others are read."""
    found: dict[str, dict[str, Any]] = {}
    for path in storage.listing(storage.join(output, "documents")):
        if len(found) == len(wanted):
            break
        if not path.endswith(".parquet"):
            continue
        with storage.open_input(path) as stream:
            file = pq.ParquetFile(stream)
            for group in range(file.num_row_groups):
                chosen = pc.is_in(file.read_row_group(group, ["id"]).column("id"), pa.array(sorted(wanted), pa.string()))
                if pc.any(chosen).as_py():
                    rows = file.read_row_group(group, ["id", "source", "origin", "url", "title"]).filter(chosen).to_pylist()
                    found |= {row["id"]: row for row in rows if row["source"] == source}
    return found


def lines(traced: list[Origin], most: int = 60) -> Iterator[str]:
    """For people: a line a piece."""
    for piece in traced:
        span = f"{piece.start:>6}-{piece.start + piece.length:<6}"
        if piece.document is None:
            yield f"{span} padding"
            continue
        where = f"{piece.file} at {piece.at}" if piece.file is not None else "its file is not in documents/"
        text = " ".join(piece.text.split())
        text = text if len(text) <= most else f"{text[:most]}…"
        named = piece.url or piece.title or ""
        yield f"{span} {piece.source}  {piece.document} from token {piece.offset}  {where}  {named}  {text!r}"
