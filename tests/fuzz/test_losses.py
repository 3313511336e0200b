"""Nothing is lost silently: where a document is gone after damage that its format can show, the ledger says so.

Numbered texts go into a file of every source and packing. Then a stretch of it is zeroed, deleted, overwritten or cut off, or
bits flip: at any place, or as a disk loses blocks, whole members or records. A document that no longer comes whole must have
left an error, a damaged place or another skip. Longer:

    CURATOR_FUZZ_ROUNDS=20000 pytest tests/fuzz/test_losses.py
"""

from __future__ import annotations

import bz2
import gzip
import html
import io
import json
import lzma
import os
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import lz4.frame
import py7zr
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curator.documents import File, Piece, Tally
from curator.sources.arxiv import Arxiv
from curator.sources.books import Books
from curator.sources.code import Code
from curator.sources.instructions import Instructions
from curator.sources.jsonl import Jsonl
from curator.sources.parquet import Parquet
from curator.sources.reddit import Reddit
from curator.sources.stackexchange import StackExchange
from curator.sources.warc import Warc, Wet
from curator.sources.wikipedia import Wikipedia

ROUNDS = int(os.environ.get("CURATOR_FUZZ_ROUNDS", "20"))
RECORDS = 24

# ------------------------------------------------------------------------------------------------------ what is written


@cache
def texts() -> list[str]:
    """Each is of one line, is no other's part, and has its number at both ends."""
    chance = random.Random(7)
    long = ["".join(chr(chance.randrange(0x4E00, 0x9FA0)) for _ in range(chance.randrange(100, 600))) for _ in range(RECORDS)]
    return [f"甲{i:04d}。{text}乙{i:04d}。" for i, text in enumerate(long)]


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}


def warc_record(kind: str, number: int, mime: str, body: bytes) -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example/{number}\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n"
    return f"{head}Content-Type: {mime}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def warc() -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    return [
        warc_record("response", i, "application/http; msgtype=response", head + f"<p>{text}</p>".encode())
        for i, text in enumerate(texts())
    ]


def wet() -> list[bytes]:
    return [warc_record("conversion", i, "text/plain", text.encode()) for i, text in enumerate(texts())]


def wiki() -> list[bytes]:
    head = '<mediawiki xml:lang="zh"><siteinfo><dbname>zhwiki</dbname></siteinfo>\n'
    pages = [
        f"  <page><title>条{i}</title><ns>0</ns><id>{i + 1}</id><revision><id>{i}</id><model>wikitext</model>"
        f"<text>{text}</text></revision></page>\n".encode()
        for i, text in enumerate(texts())
    ]
    return [head.encode(), *pages, b"</mediawiki>\n"]


def wiki_html() -> list[bytes]:
    pages = [f"<body><section><p>{text}</p></section></body>" for text in texts()]
    return [json.dumps({"name": f"条{i}", "article_body": {"html": page}}).encode() + b"\n" for i, page in enumerate(pages)]


def lines() -> list[bytes]:
    return [json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n" for text in texts()]


def one_list() -> list[bytes]:
    return [b"[" + b",\n".join(line.strip() for line in lines()) + b"]"]


def tasks() -> list[bytes]:
    found = [{"instruction": "问", "output": text} for text in texts()]
    return [json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in found]


def reddit() -> list[bytes]:
    found = [{"id": f"a{i}", "link_id": "t3_a1", "body": text} for i, text in enumerate(texts())]
    return [json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in found]


def posts() -> list[bytes]:
    rows = [
        f'  <row Id="{i + 1}" PostTypeId="1" Score="1" Body="&lt;p&gt;{html.escape(text)}&lt;/p&gt;" Title="" />\n'.encode()
        for i, text in enumerate(texts())
    ]
    return [b'<?xml version="1.0" encoding="utf-8"?>\n<posts>\n', *rows, b"</posts>\n"]


def seven(parts: list[bytes]) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=[{"id": py7zr.FILTER_LZMA2, "preset": 0}]) as archive:
        archive.writestr(b"".join(parts), "Posts.xml")
    return out.getvalue()


def zipped(suffix: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, text in enumerate(texts()):
            archive.writestr(zipfile.ZipInfo(f"{i}{suffix}", (2000, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tarred(suffix: str, content: Callable[[str], bytes] = str.encode) -> list[bytes]:
    """A header and a content each, the last with the blocks that end the archive."""
    parts = []
    for i, text in enumerate(texts()):
        info = tarfile.TarInfo(f"{i}{suffix}")
        data = content(text)
        info.size = len(data)
        parts += [info.tobuf(), data + bytes(-len(data) % tarfile.BLOCKSIZE)]
    return [*parts[:-1], parts[-1] + bytes(2 * tarfile.BLOCKSIZE)]


def parquet(compression: str) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": texts()}), out, row_group_size=6, compression=compression, write_page_checksum=True)
    return out.getvalue()


def paper(text: str) -> bytes:
    return gzip.compress(rf"\documentclass{{article}}\begin{{document}}{text}\end{{document}}".encode(), mtime=0)


Made = tuple[Any, str, list[bytes]]  # the source, the file's name, what one after the other makes the file

PARTS: dict[str, tuple[Any, str, Callable[[], list[bytes]]]] = {
    "warc": (Warc(), "a.warc", warc),
    "wet": (Wet(), "a.wet", wet),
    "wikipedia": (Wikipedia(), "zhwiki.xml", wiki),
    "wikipedia html": (Wikipedia(), "zhwiki.json", wiki_html),
    "jsonl": (Jsonl(), "a.jsonl", lines),
    "one list": (Jsonl(), "a.json", one_list),
    "instructions": (Instructions(), "a.jsonl", tasks),
    "reddit": (Reddit(), "RC_2020.jsonl", reddit),
    "stackexchange": (StackExchange(min_answers=0), "Posts.xml", posts),
}


def packed() -> Iterator[tuple[str, Made]]:
    """Files that have checksums, so that whatever happens to them shows."""
    for name, (source, file, parts) in PARTS.items():
        for packing, pack in PACK.items():
            if packing == "lz4" and name.startswith("wiki"):
                continue
            made = parts()
            yield f"{name} {packing}", (source, f"{file}.{packing}", [pack(b"".join(made))])
            each = 1 if source in (Warc(), Wet()) else 3
            blocks = [pack(b"".join(made[i : i + each])) for i in range(0, len(made), each)]
            yield f"{name} {packing} in parts", (source, f"{file}.{packing}", blocks)
    yield "stackexchange 7z", (StackExchange(min_answers=0), "a.7z", [seven(posts())])
    for packing in ("gz", "bz2", "xz", "zst"):
        yield f"code tar {packing}", (Code(), f"a.tar.{packing}", [PACK[packing](b"".join(tarred(".py")))])
    yield "code zip", (Code(), "a.zip", [zipped(".py")])
    yield "books zip", (Books(), "a.zip", [zipped(".txt")])
    for packing in ("gz", "xz"):
        yield f"books {packing}", (Books(), f"a.txt.{packing}", [PACK[packing]("\n".join(texts()).encode())])
    yield "arxiv tar", (Arxiv(min_chars=1), "arXiv_src_2001_001.tar", tarred(".gz", paper))
    for compression in ("snappy", "none"):
        yield f"parquet {compression}", (Parquet(), "a.parquet", [parquet(compression)])


def plain() -> Iterator[tuple[str, Made]]:
    """Files without: what changes within a text, or is gone from between two records, cannot show."""
    for name, (source, file, parts) in PARTS.items():
        yield name, (source, file, parts())
    yield "code tar", (Code(), "a.tar", tarred(".py"))
    yield "books tar", (Books(), "a.tar", tarred(".txt"))


# --------------------------------------------------------------------------------------------------------------- damage


def damaged(chance: random.Random, parts: list[bytes], kinds: tuple[str, ...]) -> bytes:
    out = bytearray(b"".join(parts))
    size = chance.choice([1, 8, 40, 300, 2000, len(out) // 3])
    at = chance.randrange(len(out))
    if len(parts) > 2 and chance.random() < 0.5:  # whole parts, as disks lose blocks
        first = chance.randrange(1, len(parts) - 1)
        at = sum(map(len, parts[:first]))
        size = sum(map(len, parts[first : min(first + chance.choice([1, 1, 2, 5]), len(parts) - 1)]))
    borders = set(accumulate(map(len, parts)))
    match chance.choice(kinds):
        case "zeroed":  # not up to the end: what is whole may be padded
            size = max(min(size, len(out.rstrip(b"\0")) - at - 1), 0)
            out[at : at + size] = bytes(size)
        case "overwritten":
            out[at : at + size] = chance.randbytes(len(out[at : at + size]))
        case "deleted" if size < 1000:
            del out[at : at + size]
        case "cut off":  # not between two parts: that makes a shorter file, and a whole one
            del out[at + (at in borders) :]
        case _:
            for _ in range(3):
                out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def read(source: Any, path: Path, size: int = 1 << 60) -> tuple[str, Tally, int]:
    """All texts, the tally, and how many documents there are."""
    file = File(str(path), path.name, path.stat().st_size, "")
    tally, rows, found = Tally(), 0, []
    for start, stop in source.ranges(file, size):
        for batch in source.read(Piece(file, start, stop), tally):
            rows += len(batch)
            column = "payload" if "payload" in batch.schema.names else "text"
            values = batch.column(column).to_pylist()
            found += [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
    assert rows + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records
    return re.sub(r"\s", "", "".join(found)), tally, rows


def missing(found: str) -> list[int]:
    return [i for i, text in enumerate(texts()) if text not in found]


def told(tally: Tally, whole: Tally) -> bool:
    return bool(tally.errors or tally.damage or tally.skipped != whole.skipped)


def silent(made: Made, folder: Path, kinds: tuple[str, ...], seed: str, by_text: bool) -> list[int]:
    """The rounds after which documents were missing (by their texts, or their number), and nothing said so."""
    source, name, parts = made
    data, path = b"".join(parts), folder / name
    path.write_bytes(data)
    found, whole, count = read(source, path)
    assert not missing(found)
    assert not whole.errors
    assert not whole.damage
    rounds = []
    for number in range(ROUNDS):
        chance = random.Random(f"{seed} {number}")
        path.write_bytes(damaged(chance, parts, kinds))
        found, tally, rows = read(source, path, chance.choice([1 << 60, len(data) // 4]))
        if (missing(found) if by_text else rows < count) and not told(tally, whole):
            rounds.append(number)
    return rounds


@pytest.mark.parametrize("name", dict(packed()))
def test_nothing_is_lost_silently_from_files_with_checksums(tmp_path, name):
    made = dict(packed())[name]
    kinds = ("zeroed", "overwritten", "cut off", "flipped", *(["deleted"] if len(made[2]) == 1 else []))
    assert silent(made, tmp_path, kinds, name, by_text=True) == []


@pytest.mark.parametrize("name", dict(plain()))
def test_no_record_is_lost_silently_from_plain_files(tmp_path, name):
    assert silent(dict(plain())[name], tmp_path, ("zeroed", "overwritten", "cut off", "flipped"), name, by_text=False) == []
