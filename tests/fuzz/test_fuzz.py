"""A mutation fuzzer over every reader of hostile bytes: it may find errors to count, never an exception that nobody expects.

What is checked after each mutation: documents, skips and errors add up to the records met; positions are unique; nothing but
the reader's own exceptions; bounded memory and time. Seeded, so that a round is the same every time. Longer, and elsewhere:

    CURATOR_FUZZ_ROUNDS=20000 CURATOR_FUZZ_SEED=7 pytest tests/fuzz

A round that fails names its target, seed and number; what it found is kept in `test_finds.py`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import tarfile
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import brotli
import lz4.frame
import py7zr
import pytest
import zstandard

from curator.charsets import decode
from curator.documents import File, Piece, Tally
from curator.extraction import extract
from curator.sources.archives import ArchiveError, Limits, MemberError, members, safe_name
from curator.sources.arxiv import Arxiv
from curator.sources.books import Books
from curator.sources.code import Code
from curator.sources.instructions import Instructions
from curator.sources.jsonl import Jsonl
from curator.sources.reddit import Reddit
from curator.sources.sevenzip import SevenZip
from curator.sources.stackexchange import StackExchange
from curator.sources.streams import PORTION_BYTES, StreamError, decompressed
from curator.sources.warc import Warc, Wet
from curator.sources.warc_http import PayloadError, decode_payload, parse_response
from curator.sources.wikipedia import Wikipedia
from curator.sources.wikixml import BadPage, Splitter, read_head, read_page

ROUNDS = int(os.environ.get("CURATOR_FUZZ_ROUNDS", "120"))
SEED = int(os.environ.get("CURATOR_FUZZ_SEED", "0"))
MEMORY_BYTES = 64 << 20  # inputs are some kilobytes
SECONDS = 10  # CPU, for one input

ZH = "今天天气很好，我们一起去公园散步。臺灣的氣候溫暖潮濕，適合種植水稻。吾輩は猫である。" * 4

# --------------------------------------------------------------------------------------------------------------- seeds


def record(kind: str, body: bytes, mime: str = "application/http; msgtype=response") -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n"
    return f"{head}Content-Type: {mime}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def response(payload: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + payload


PAGE = f'<html><head><meta charset="gbk"><title>页</title></head><body><p>{ZH}</p></body></html>'.encode("gb18030", "ignore")
CHUNKED = b"5\r\n<html\r\n1;x=y\r\n>\r\n%x\r\n%s\r\n0\r\nT: u\r\n\r\n" % (len(PAGE), PAGE)


def raw_deflate(data: bytes) -> bytes:
    state = zlib.compressobj(wbits=-15)
    return state.compress(data) + state.flush()


RESPONSES = [
    response(PAGE, "Content-Type: text/html; charset=gb2312"),
    response(CHUNKED, "Content-Type: text/html", "Transfer-Encoding: chunked"),
    response(gzip.compress(PAGE, mtime=0), "Content-Type: text/html", "Content-Encoding: gzip"),
    response(zlib.compress(PAGE), "Content-Type: text/html", "Content-Encoding: deflate"),
    response(raw_deflate(PAGE), "Content-Type: text/html", "Content-Encoding: deflate"),
    response(brotli.compress(PAGE), "Content-Type: text/html", "Content-Encoding: br"),
    response(zstandard.compress(PAGE), "Content-Type: text/html", "Content-Encoding: zstd"),
    response(brotli.compress(gzip.compress(PAGE, mtime=0)), "Content-Type: text/html", "Content-Encoding: gzip, br"),
    response(gzip.compress(bytes(3_000_000), mtime=0), "Content-Type: text/html", "Content-Encoding: gzip"),
]
RECORDS = [
    record("warcinfo", b"software: x\r\n", "application/warc-fields"),
    *(record("response", each) for each in RESPONSES),
    record("request", b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request"),
    record("conversion", ZH.encode(), "text/plain"),
    record("response", response(b"", "Location: /x", status="302 Found")),
]
ENTRIES = [
    b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain 62\n"
    b"1 0 X\nURL IP-address Archive-date Content-type Archive-length\n\n",
    *(b"http://a.example/x y 1.2.3.4 20080430204825 text/html %d\n%s\n" % (len(each), each) for each in RESPONSES[:4]),
]


def dictionary_frames(parts: list[bytes]) -> bytes:
    content = zstandard.train_dictionary(1024, [PAGE[i : i + 60] + bytes([i % 256]) for i in range(400)]).as_bytes()
    packer = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(content), write_checksum=True)
    return b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content + b"".join(map(packer.compress, parts))


PACKINGS: list[Callable[[list[bytes]], bytes]] = [
    b"".join,
    lambda parts: b"".join(gzip.compress(part, mtime=0) for part in parts),
    lambda parts: gzip.compress(b"".join(parts), mtime=0),
    lambda parts: b"".join(map(zstandard.compress, parts)),
    lambda parts: b"".join(lz4.frame.compress(part, content_checksum=True) for part in parts),
    lambda parts: bz2.compress(b"".join(parts)),
    lambda parts: b"".join(map(bz2.compress, parts)),
    lambda parts: b"".join(lzma.compress(part, preset=0) for part in parts),
    dictionary_frames,
]

CONTAINER = b'<container><rootfiles><rootfile full-path="O/p.opf"/></rootfiles></container>'
PACKAGE = (
    b"<package><metadata><dc:title xmlns:dc='d'>T</dc:title></metadata><manifest>"
    b'<item id="a" href="1.xhtml" media-type="application/xhtml+xml"/><item id="b" href="t/2%20b.xhtml" '
    b'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="b"/><itemref idref="a"/></spine></package>'
)


@cache
def zipped(compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        pages = {"O/1.xhtml": PAGE, "O/t/2 b.xhtml": PAGE[:200], "big.txt": bytes(300_000)}
        for name, data in {"META-INF/container.xml": CONTAINER, "O/p.opf": PACKAGE, **pages}.items():
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), data, compression)
    return out.getvalue()


@cache
def tarred(mode: str, form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, data in {"a/b.py": b"print(1)\n" * 40, "a/" + "long/" * 30 + "名.txt": ZH.encode(), "z": bytes(5000)}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
        archive.addfile(link)
    return out.getvalue()


WIKI_HEAD = (
    b'<mediawiki xml:lang="zh"><siteinfo><dbname>zhwiki</dbname><namespaces><namespace key="0" /></namespaces></siteinfo>\n'
)
WIKI = [
    WIKI_HEAD,
    *(
        f"<page><title>条{i}</title><ns>0</ns><id>{i}</id><revision><id>{i}</id><timestamp>2024-01-02T03:04:05Z</timestamp>"
        f"<model>wikitext</model><text>'''甲'''[[乙|丙]]{{{{a|b={{{{c}}}}}}}}\n{{|\n|x\n|}}\n== 节 ==\n{ZH}"
        "&lt;ref&gt;x&lt;/ref&gt;</text></revision></page>\n".encode()
        for i in range(1, 5)
    ),
    b"</mediawiki>\n",
]
LINES = [b'{"text": "%s", "n": %d}\n' % (ZH.encode(), i) for i in range(6)]

TURNS = b'[{"from": "human", "value": "a"}, {"role": "assistant", "content": [{"type": "text", "text": "b"}]}]'
RECORDS_OF_TASKS = [
    b'{"instruction": "%s", "input": "", "output": "b"}' % ZH.encode(),
    b'{"question": "\\u4e00 \\"c\\"", "answers": {"text": ["a", "b"]}, "n": 1}',
    b'{"conversations": %s}' % TURNS,
    b'{"messages": %s, "tools": {"a": [1, {"b": null}]}}' % TURNS,
    b'{"meta": "{\\"url\\": \\"u\\"}", "text": "a", "\xe6\xae\xb5": [{"t": "a"}, {"t": "b"}]}',
]
POSTS = [
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n',
    *(
        b'  <row Id="%d" PostTypeId="%d"%s Score="-1" Body="&lt;p&gt;%s&lt;/p&gt;&#xA;" Title="a &amp; b" Tags="|x|" />\r\n'
        % (i, kind, b' ParentId="1"' if kind == 2 else b' AcceptedAnswerId="3"', ZH.encode())
        for i, kind in enumerate([1, 2, 2, 1, 5, 2], 1)
    ),
    b"</posts>",
]
SEVEN_METHODS = [
    [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 0}],
    *([{"id": method, "preset": 0}] for method in (py7zr.FILTER_LZMA2, py7zr.FILTER_LZMA)),
    *([{"id": method}] for method in (py7zr.FILTER_BZIP2, py7zr.FILTER_DEFLATE, py7zr.FILTER_COPY)),
]


@cache
def seven(number: int, encoded: bool) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=SEVEN_METHODS[number]) as archive:
        archive.set_encoded_header_mode(encoded)
        for name, data in {"Badges.xml": b"<badges>" * 50, "empty": b"", "Posts.xml": b"".join(POSTS)}.items():
            archive.writestr(data, name)
    return out.getvalue()


REDDIT = [
    *(
        b'{"id": "a%x", "link_id": "t3_a1", "parent_id": "t1_a%x", "body": "&gt; %s", "score": %d, "created_utc": "1%d"}\n'
        % (i, i - 1, ZH.encode(), i, i)
        for i in range(2, 8)
    ),
    b'{"id": "a1", "title": "t", "selftext": "a &amp;amp; b", "is_self": true, "score": null, "num_comments": 5}\n',
    b'{"id": "a9", "title": "t", "selftext": "[removed]", "subreddit": "x", "permalink": "/r/x/comments/a9/"}\n',
]

TOKENS = [
    *(
        b"WARC/1.0\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"Content-Length: ",
        b"-1",
        b"0",
        b"99999999999999999999",
        b"4294967296",
        b"\0" * 32,
    ),
    *(
        b"\x1f\x8b\x08\x00",
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18",
        b"\x50\x2a\x4d\x18\xff\xff\xff\x7f",
        b"BZh91AY&SY",
        b"\xff\xff",
    ),
    *(b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b'"', b"\\", b"[", b"]}", b"<row ", b"/>", b"&#0;", b"null", b'": {', b"1e999"),
    *(b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"../../x", b"C:\\x", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<page>"),
    *(
        b"</page>",
        b"<text>",
        b"]]>",
        b"charset=utf-16",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x1b$B",
        b"~{",
        b"\x81",
        b"HTTP/1.1 200",
        b"{{",
        b"|}",
    ),
    *(
        b"http://b.example/ 1.2.3.4 20080430204825 text/html 10\n",
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffff\r\n",
        b"\xd8\x00",
    ),
]


def mutated(chance: random.Random, data: bytes) -> bytes:
    """One to six small damages: flipped, lost, doubled, moved or foreign bytes, numbers that lie, an end that came early."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        size = min(chance.choice([1, 1, 2, 4, 16, 200, 3000]), len(out) - at)
        match chance.randrange(9):
            case 0 if at < len(out):
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                del out[at : at + size]
            case 2:
                out[at:at] = out[at : at + size] * chance.choice([1, 1, 2, 50])
            case 3:
                out[at:at] = chance.choice(TOKENS)
            case 4:
                out[at : at + size] = chance.randbytes(size)
            case 5:
                other = chance.randrange(len(out) + 1)
                out[at:at] = out[other : other + size]
            case 6 if chance.random() < 0.3:
                del out[at:]
            case 7:
                digits = [i for i in range(at, min(at + 400, len(out))) if 48 <= out[i] < 58]
                if digits:
                    out[chance.choice(digits)] = chance.choice(b"0123456789-a")
            case _:
                token = chance.choice(TOKENS)
                out[at : at + len(token)] = token
        if len(out) > 400_000:
            del out[400_000:]
    return bytes(out)


def packed(chance: random.Random, parts: list[bytes]) -> bytes:
    """Parts that were damaged before they were packed, or packed and then damaged, or both."""
    parts = list(parts)
    order = chance.random()
    if order < 0.2:
        chance.shuffle(parts)
    if order < 0.6:
        number = chance.randrange(len(parts))
        parts[number] = mutated(chance, parts[number])
    data = chance.choice(PACKINGS)(parts)
    return data if 0.3 < order < 0.6 else mutated(chance, data)


# ------------------------------------------------------------------------------------------------------------- targets


def ledger(source: Any, path: Path, unique: bool = True) -> None:
    tally = Tally()
    rows = 0
    places = set()
    for batch in source.read(Piece(File(str(path), path.name, path.stat().st_size, "")), tally):
        rows += len(batch)
        places |= set(zip(batch.column("part").to_pylist(), batch.column("offset").to_pylist()))
    assert rows + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records, (rows, tally)
    assert not unique or len(places) == rows
    assert all(len(place["message"]) <= 300 for place in tally.damage)


def warc(chance: random.Random, folder: Path) -> None:
    path = folder / "a.warc.gz"
    path.write_bytes(packed(chance, RECORDS if chance.random() < 0.7 else ENTRIES))
    ledger(Warc(max_payload=1 << 20), path)
    ledger(Wet(max_text=1 << 20), path)


def framing(chance: random.Random, folder: Path) -> None:
    data = packed(chance, [PAGE, b"", PAGE * 3, bytes(400_000)])
    given, kinds = [], set()
    for size in (-1, 1000, 1 << 20):
        stream = decompressed(io.BytesIO(data))
        parts = []
        try:
            while part := stream.read(size):
                parts.append(part)
                assert size < 0 or len(part) <= size
        except StreamError as failure:
            kinds.add(failure.kind)
        given.append(b"".join(parts))
    assert given[0] == given[1] == given[2]
    assert kinds < {"truncated", "corrupt", "trailing_bytes"}
    assert len(kinds) <= 1
    stream = decompressed(io.BytesIO(data))
    try:
        while part := getattr(stream, "read1", stream.read)(1 << 30):
            assert len(part) <= max(PORTION_BYTES, len(data))
    except StreamError:
        pass


def http(chance: random.Random, folder: Path) -> None:
    found = parse_response(mutated(chance, chance.choice(RESPONSES)))
    if found is not None:
        try:
            payload, _ = decode_payload(found, 100_000)
        except PayloadError:
            return
        assert len(payload) <= 100_000


def charsets(chance: random.Random, folder: Path) -> None:
    charset = chance.choice(["utf-8", "gb18030", "big5hkscs", "cp932", "euc_jp", "utf-16-le", "utf-16", "iso2022_jp", "hz"])
    data = mutated(chance, f"<html><meta charset={charset}>{ZH}".encode(charset, "ignore"))
    found = decode(data, chance.choice([None, "utf-8", "gbk", "big5", "utf-16", "iso-2022-jp", "hz-gb-2312", "x" * 99, "\0"]))
    found.text.encode("utf-8")
    assert 0 <= found.replaced <= found.text.count("\ufffd")
    assert len(found.text) <= len(data)


def archive(chance: random.Random, folder: Path) -> None:
    kinds = [".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz"]
    kind = chance.choice(kinds)
    if kind == ".zip":
        data = zipped(chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    else:
        packing = kind.removeprefix(".tar").removeprefix(".")
        data = tarred(f"w:{packing}", chance.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    path = folder / f"a{kind}"
    path.write_bytes(mutated(chance, data))
    limits = Limits(members=50, member_bytes=1 << 20, total_bytes=4 << 20)
    count = 0
    try:
        for member in members(str(path), path.name, limits):
            count += 1
            try:
                safe_name(member.name)
                assert len(member.read()) <= limits.member_bytes
            except MemberError:
                pass
    except ArchiveError:
        pass
    assert count <= limits.members


def epub(chance: random.Random, folder: Path) -> None:
    path = folder / "a.epub"
    if chance.random() < 0.5:
        path.write_bytes(mutated(chance, zipped()))
    else:
        out = io.BytesIO()
        which = chance.randrange(3)
        with zipfile.ZipFile(out, "w") as book:
            for i, (name, data) in enumerate(
                {"META-INF/container.xml": CONTAINER, "O/p.opf": PACKAGE, "O/1.xhtml": PAGE}.items()
            ):
                book.writestr(name, mutated(chance, data) if i == which else data)
        path.write_bytes(out.getvalue())
    ledger(Books(), path)


def wiki(chance: random.Random, folder: Path) -> None:
    path = folder / "zhwiki-20240101-pages-articles.xml"
    path.write_bytes(packed(chance, WIKI))
    ledger(Wikipedia(max_page_bytes=1 << 20), path, unique=False)


def xml(chance: random.Random, folder: Path) -> None:
    data = mutated(chance, b"".join(WIKI))
    read_head(data)
    splitter = Splitter(100_000)
    size = chance.choice([1, 7, 100, 5000])
    for start in range(0, min(len(data), 20_000), size):
        for page in splitter.feed(data[start : start + size]):
            if not isinstance(page, BadPage):
                try:
                    read_page(page)
                except BadPage:
                    pass


def jsonl(chance: random.Random, folder: Path) -> None:
    path = folder / "a.jsonl.gz"
    path.write_bytes(packed(chance, LINES))
    ledger(Jsonl(), path)


def instructions(chance: random.Random, folder: Path) -> None:
    path = folder / "a.json"
    if chance.random() < 0.6:
        parts = [chance.choice([b"[\n", b'{\n"a": {}, "b": [\n']), *(part + b",\n" for part in RECORDS_OF_TASKS), b"{}]"]
    else:
        parts = [part + b"\n" for part in RECORDS_OF_TASKS]
    path.write_bytes(packed(chance, parts))
    ledger(Instructions(max_line=chance.choice([200, 1 << 20])), path)
    ledger(Instructions(template="{a.b.0} {text}{{"), path)
    ledger(Jsonl(text=("段.t", "text"), url="meta.url"), path)


def stackexchange(chance: random.Random, folder: Path) -> None:
    path = folder / "stackoverflow.com-Posts.7z"
    path.write_bytes(packed(chance, POSTS))
    ledger(StackExchange(min_answers=0, format=chance.choice(["text", "markdown"])), path)


def sevenzip(chance: random.Random, folder: Path) -> None:
    data = bytearray(seven(chance.randrange(len(SEVEN_METHODS)), chance.random() < 0.5))
    if chance.random() < 0.7:  # the header's checksums are right, so that what it says is read
        size, offset = int.from_bytes(data[20:28], "little"), int.from_bytes(data[12:20], "little") + 32
        header = mutated(chance, bytes(data[offset : offset + size]))
        rest = data[12:20] + len(header).to_bytes(8, "little") + zlib.crc32(header).to_bytes(4, "little")
        data = data[:8] + zlib.crc32(rest).to_bytes(4, "little") + rest + data[32:offset] + header
    else:
        data = bytearray(mutated(chance, bytes(data)))
    path = folder / "a.stackexchange.com.7z"
    path.write_bytes(data)
    ledger(StackExchange(), path)
    try:
        archive = SevenZip(io.BytesIO(data))
        for member in archive.members[:50]:
            assert sum(map(len, archive.contents(member))) == member.size
    except StreamError:
        pass


def reddit(chance: random.Random, folder: Path) -> None:
    path = folder / "RC_2015-01.zst"
    path.write_bytes(packed(chance, REDDIT))
    ledger(Reddit(), path)
    ledger(Reddit(join="threads"), path)


LATEX = (
    rb"\documentclass{article}\newcommand{\x}[2][d]{#1\y{#2}}\def\y#1{\textbf{#1}}\newif\ifa\title{T}\author{A \and B}"
    rb"\newtheorem{thm}{Theorem}\begin{document}\begin{abstract}a\end{abstract}\section{S}\label{s} \x{a} \x[b]{c} $z$ \[w\]"
    rb"\begin{itemize}\item a\item[b] c\end{itemize}\begin{thm}[N] t \cite{a,b} \ref{s}\end{thm}\ifa x\else y\fi"
    rb"\begin{tabular}{ll} a & b \\ c & \multicolumn{1}{l}{d}\end{tabular}\begin{figure}\caption{f \'e}\end{figure}"
    b"\\begin{verbatim}\n% v\n\\end{verbatim}\\verb|q| % comment\n\\begin{align}a&=b\\end{align}\\input{b}\\bibliography{r}"
    rb"\appendix\section{More}\end{document}"
) + ZH.encode() * 3
NOTEBOOK = (
    b'{"nbformat": 4, "metadata": {"language_info": {"name": "python"}}, "cells": [{"cell_type": "markdown", "source": "# a"},'
    b'{"cell_type": "code", "source": "print(1)", "outputs": [{"output_type": "stream", "text": ["1\\n"]}]}]}'
)


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def arxiv(chance: random.Random, folder: Path) -> None:
    tex = mutated(chance, LATEX)
    paper = gzip.compress(chance.choice([tex, tar_of({"main.tex": tex, "b.tex": mutated(chance, LATEX)})]), mtime=0)
    dump = tar_of(
        {"2203/2203.00001.gz": paper, "2203/2203.00002.pdf": b"%PDF", "2203/astro-ph9901001.gz": mutated(chance, paper)}
    )
    path = folder / "arXiv_src_2203_001.tar"
    path.write_bytes(dump if chance.random() < 0.7 else mutated(chance, dump))
    form = chance.choice(["markdown", "text", "latex"])
    math = chance.choice(["latex", "none"])
    ledger(Arxiv(format=form, math=math, appendix=chance.random() < 0.5, min_chars=1), path)  # type: ignore[arg-type]


def code(chance: random.Random, folder: Path) -> None:
    files = {"p/a.ipynb": NOTEBOOK, "p/LICENSE": PAGE[:300], "p/package.json": b'{"license": "MIT OR (Apache-2.0)"}'}
    files |= {
        "p/b.py": b"# SPDX-License-Identifier: MIT\nimport c\n" + ZH.encode(),
        "p/c.py": b"#!/usr/bin/env -S python3\nfrom . import b",
    }
    files |= {"p/README.md": ZH.encode(), "p/d.h": b"#include <a.h>\n", "p/Cargo.toml": b"[package]\nlicense = 'MIT'\n"}
    name = chance.choice(list(files))
    data = tar_of({**files, name: mutated(chance, files[name])})
    path = folder / "p.tar.gz"
    path.write_bytes(gzip.compress(data if chance.random() < 0.7 else mutated(chance, data), mtime=0))
    ledger(Code(notebooks=chance.choice(["markdown", "script", "structured", "raw"]), output_chars=100), path, unique=False)
    ledger(Code(documents="repository", order="dependencies", repository_depth=chance.randrange(2)), path)


TARGETS = (
    *(arxiv, code),
    *(warc, framing, http, charsets, archive, epub, wiki, xml, jsonl),
    *(instructions, stackexchange, sevenzip, reddit),
)


def warm() -> None:
    """What takes memory to make, but not to read: LZMA's compressor needs 94 MB. And what is compiled first."""
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        zipped(method)
    for number in range(len(SEVEN_METHODS)):
        seven(number, True)
        seven(number, False)
    for form in ("text", "markdown"):
        extract("<p>a</p><pre>b</pre>", form)
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        for packing in ("", "gz", "bz2", "xz"):
            tarred(f"w:{packing}", form)


def one(target: Callable[[random.Random, Path], None], seed: int, number: int, folder: Path) -> None:
    """One round, the same whenever it is run."""
    measured = number % 10 == 0
    if measured:
        tracemalloc.start()
    began = time.process_time()
    try:
        target(random.Random(f"{target.__name__} {seed} {number}"), folder)
        if measured:
            assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    except BaseException as failure:
        failure.add_note(f"target {target.__name__}, CURATOR_FUZZ_SEED={seed}, round {number}")
        raise
    finally:
        if measured:
            tracemalloc.stop()
    assert time.process_time() - began < SECONDS


@pytest.mark.timeout(0)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_no_damage_is_unexpected(target: Callable[[random.Random, Path], None], tmp_path: Path) -> None:
    warm()
    for number in range(ROUNDS):
        one(target, SEED, number, tmp_path)
