"""ARC files: versions 1 and 2, lines that lie, and the same pages as their WARC twin."""

import bz2
import gzip
import os
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from curator.documents import File, Piece, Tally
from curator.sources.warc import Warc

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
PAGES = [f"<html><body>page {i} {'text ' * i}</body></html>".encode() for i in range(1, 30)]


def read(path: Path) -> tuple[list[dict], Tally]:
    tally = Tally()
    piece = Piece(File(str(path), path.name, path.stat().st_size, ""))
    rows = [row for batch in Warc().read(piece, tally) for row in batch.to_pylist()]
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records
    assert len({(row["part"], row["offset"]) for row in rows}) == len(rows)
    return rows, tally


def read_bytes(folder: Path, data: bytes) -> tuple[list[dict], Tally]:
    path = folder / "a.arc"
    path.write_bytes(data)
    return read(path)


def description(version: int = 1) -> bytes:
    more = "" if version == 1 else " Result-code Checksum Location Offset Filename"
    body = f"{version} 0 A crawler\nURL IP-address Archive-date Content-type{more} Archive-length\n\n".encode()
    fields = "text/plain" if version == 1 else "text/plain 200 - - 0 a.arc"
    return f"filedesc://a.arc 0.0.0.0 20080430204825 {fields} {len(body)}\n".encode() + body


def entry(
    body: bytes,
    url: str = "http://a.example/",
    mime: str = "text/html",
    length: int | str | None = None,
    address: str = "1.2.3.4",
) -> bytes:
    length = len(body) if length is None else length
    return f"{url} {address} 20080430204825 {mime} {length}\n".encode() + body + b"\n"


def http(page: bytes, status: str = "200 OK", kind: str = "text/html; charset=gbk") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\r\n".encode() + page


def entries() -> list[bytes]:
    return [description(), *(entry(http(page)) for page in PAGES)]


PACKINGS = {
    "plain": b"".join,
    "gzip by record": lambda all_: b"".join(map(gzip.compress, all_)),
    "gzip": lambda all_: gzip.compress(b"".join(all_)),
    "zstd by record": lambda all_: b"".join(map(zstandard.compress, all_)),
    "lz4 by record": lambda all_: b"".join(map(lz4.frame.compress, all_)),
    "bzip2": lambda all_: bz2.compress(b"".join(all_)),
    "blocks": lambda all_: b"".join(gzip.compress(b"".join(all_)[i : i + 700]) for i in range(0, 20_000, 700)),
}


@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_every_packing_gives_the_same_pages(tmp_path, pack):
    rows, tally = read_bytes(tmp_path, pack(entries()))
    assert [row["payload"] for row in rows] == PAGES
    assert (tally.skipped, tally.errors, tally.damage) == ({"warcinfo": 1}, {}, [])


def test_fields(tmp_path):
    row = read_bytes(tmp_path, b"".join(entries()))[0][0]
    assert (row["url"], row["date"], row["charset"]) == ("http://a.example/", "2008-04-30T20:48:25Z", "gbk")
    assert row["metadata"] == '{"status":200,"ip":"1.2.3.4"}'
    assert row["offset"] == len(description())


def test_version_2(tmp_path):
    head = "http://a.example/ 1.2.3.4 20080430204825 text/html 200 ABC http://b.example/ 120 a.arc"
    body = http(PAGES[0])
    rows, tally = read_bytes(tmp_path, description(2) + f"{head} {len(body)}\n".encode() + body + b"\n")
    assert [(row["url"], row["payload"]) for row in rows] == [("http://a.example/", PAGES[0])]
    assert tally.skipped == {"warcinfo": 1}


@pytest.mark.parametrize(
    ("body", "fields", "kind"),
    [
        (http(b"gone", "404 Not Found"), {}, "http_error"),
        (http(b"", "302 Found"), {}, "redirect"),
        (http(b"GIF8", kind="image/gif"), {"mime": "image/gif"}, "not_html"),
        (b"20080430\na.example. 60 IN A 1.2.3.4", {"url": "dns:a.example", "mime": "text/dns"}, "not_http"),
        (b"User-agent: *", {"url": "http://a.example/robots.txt", "mime": "text/plain"}, "not_html"),
    ],
)
def test_what_is_no_page_is_skipped_by_kind(tmp_path, body, fields, kind):
    rows, tally = read_bytes(tmp_path, description() + entry(body, **fields) + entry(http(PAGES[0])))
    assert [row["payload"] for row in rows] == PAGES[:1]
    assert tally.skipped == {"warcinfo": 1, kind: 1}


def test_a_server_that_sent_no_header(tmp_path):
    rows, _ = read_bytes(tmp_path, description() + entry(PAGES[0]) + entry(http(PAGES[1])))
    assert [row["payload"] for row in rows] == PAGES[:2]


def test_spaces_in_a_url_and_addresses_of_version_6(tmp_path):
    url = "http://a.example/b c?d=e 1 f"
    rows, _ = read_bytes(tmp_path, description() + entry(http(PAGES[0]), url=url, address="2001:db8::1"))
    assert [row["url"] for row in rows] == [url]


def test_no_description_at_the_beginning(tmp_path):
    rows, _ = read_bytes(tmp_path, b"".join(entries()[1:]))
    assert [row["payload"] for row in rows] == PAGES


@pytest.mark.parametrize("length", ["-1", "abc", 10**30])
@pytest.mark.parametrize("pack", [PACKINGS["plain"], PACKINGS["gzip by record"]], ids=["plain", "gzip by record"])
def test_a_length_that_is_none_costs_its_record(tmp_path, pack, length):
    all_ = entries()
    all_[5] = entry(http(PAGES[4]), length=length)
    rows, tally = read_bytes(tmp_path, pack(all_))
    assert [row["payload"] for row in rows] == PAGES[:4] + PAGES[5:]
    assert tally.errors == {"content_length": 1}


@pytest.mark.parametrize("wrong", [-40, -7, 13, 400, 10**6])
@pytest.mark.parametrize("pack", [PACKINGS["plain"], PACKINGS["gzip by record"]], ids=["plain", "gzip by record"])
def test_a_wrong_length_is_mended(tmp_path, pack, wrong):
    all_ = entries()
    body = http(PAGES[4])
    all_[5] = entry(body, length=len(body) + wrong)
    rows, tally = read_bytes(tmp_path, pack(all_))
    assert [row["payload"] for row in rows] == PAGES
    assert tally.records == 30


@pytest.mark.parametrize("where", [0.0, 0.02, 0.5, 0.999])
def test_one_corrupt_record_costs_one_record(tmp_path, where):
    members = [bytearray(gzip.compress(each, mtime=0)) for each in entries()]
    members[9][int(len(members[9]) * where)] ^= 0xFF
    rows, tally = read_bytes(tmp_path, b"".join(members))
    assert [row["payload"] for row in rows] == PAGES[:8] + PAGES[9:]
    assert sum(tally.errors.values()) == 1


def test_every_place_of_truncation(tmp_path):
    data = b"".join(entries()[:3])
    ends = [len(b"".join(entries()[: i + 1])) for i in range(1, 3)]
    for length in range(1, len(data)):
        rows, tally = read_bytes(tmp_path, data[:length])
        whole = sum(end <= length for end in ends)
        assert whole <= len(rows) <= whole + 1
        assert [row["payload"] for row in rows] == PAGES[: len(rows)]
        assert tally.records or tally.damage


def test_garbage_between_records(tmp_path):
    all_ = entries()
    junk = b"Some-Field: 1.2.3.4 20080430204825 x\r\n\x00\xff<p>text\n" * 3000
    rows, tally = read_bytes(tmp_path, b"".join(all_[:9]) + junk + b"".join(all_[9:]))
    assert [row["payload"] for row in rows] == PAGES
    assert [place["kind"] for place in tally.damage] == ["garbage"]


def test_a_page_that_looks_like_an_entry_stays_whole(tmp_path):
    page = PAGES[0] + b"\nhttp://b.example/ 1.2.3.4 20080430204825 text/html 5\nabcde\n"
    rows, _ = read_bytes(tmp_path, description() + entry(http(page)) + entry(http(PAGES[1])))
    assert [row["payload"] for row in rows] == [page, PAGES[1]]


@pytest.mark.data
def test_the_same_crawl_as_arc_and_as_warc():
    arc, warc = DATA / "warc/arc/IAH-example.arc.gz", DATA / "warc/heritrix/IAH-20080430204825-blackbook.warc.gz"
    assert arc.exists(), f"{arc} is not there: point CURATOR_DATA at the data sets"
    ours, skipped = read(arc)
    theirs, twin = read(warc)
    for name in ("url", "payload", "content_type", "charset", "date"):
        assert [row[name] for row in ours] == [row[name] for row in theirs], name
    assert len(ours) == 129
    assert {k: v for k, v in twin.skipped.items() if k not in ("request", "metadata")} == skipped.skipped
