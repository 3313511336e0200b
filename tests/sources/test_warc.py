import bz2
import gzip
import io
import json
import os
import random
import time
import zlib
from functools import cache
from pathlib import Path

import brotli
import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from curator.documents import File, Piece, Source, Tally
from curator.sources.warc import Warc, Wet, iso_date

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
BODIES = [f"<html><body>page {i} {random.Random(i).randbytes(400).hex()}</body></html>".encode() for i in range(400)]
ZH = "北京大学今天宣布，我们的新图书馆将于明年开放，学生可以在这里学习和工作。记者了解到，这个项目已经进行了三年时间"
TEXT = "<html>这是一页。".encode() + b"".join(BODIES[:5])


def read(path: Path, source: Source | None = None) -> tuple[list[dict], Tally]:
    tally = Tally()
    piece = Piece(File(str(path), path.name, path.stat().st_size, ""))
    rows = [row for batch in (source or Warc()).read(piece, tally) for row in batch.to_pylist()]
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records
    assert len({(row["part"], row["offset"]) for row in rows}) == len(rows)
    return rows, tally


def read_bytes(folder: Path, data: bytes, source: Source | None = None) -> tuple[list[dict], Tally]:
    path = folder / "a.warc"
    path.write_bytes(data)
    return read(path, source)


def payloads(rows: list[dict]) -> list[bytes]:
    return [row["payload"] for row in rows]


def http(payload: bytes, status: str = "200 OK", content_type: str | None = "text/html", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def record(
    body: bytes, kind: str | None = "response", url: str | None = "http://a.example/", length: int | None = None, **headers
) -> bytes:
    fields = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": "2024-05-18T01:58:10Z",
        "WARC-Record-ID": "<urn:uuid:1>",
        "Content-Type": "application/http; msgtype=response",
        **{name.replace("_", "-"): value for name, value in headers.items()},
        "Content-Length": str(len(body) if length is None else length),
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join(["WARC/1.0", *lines]).encode() + b"\r\n\r\n" + body + b"\r\n\r\n"


def pages(count: int = 400) -> list[bytes]:
    return [record(http(BODIES[i])) for i in range(count)]


def by_record(records: list[bytes]) -> bytes:
    return b"".join(gzip.compress(each, mtime=0) for each in records)


def zstd_by_record(records: list[bytes]) -> bytes:
    return b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(each) for each in records)


def lz4_by_record(records: list[bytes]) -> bytes:
    return b"".join(lz4.frame.compress(each, content_checksum=True) for each in records)


def bzip2_by_record(records: list[bytes]) -> bytes:
    return b"".join(map(bz2.compress, records))


@cache
def trained() -> zstandard.ZstdCompressionDict:
    return zstandard.train_dictionary(4096, [record(http(body[:200])) for body in BODIES])


def zstd_with_dictionary(records: list[bytes], compressed: bool = False) -> bytes:
    """As .warc.zst has it: a skippable frame with the dictionary, then a frame for each record."""
    dictionary = trained()
    content = dictionary.as_bytes()
    if compressed:
        content = zstandard.compress(content)
    packer = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True)
    head = b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content
    return head + b"".join(packer.compress(each) for each in records)


BY_RECORD = {
    "gzip": by_record,
    "zstd": zstd_by_record,
    "zstd dictionary": zstd_with_dictionary,
    "lz4": lz4_by_record,
    "bzip2": bzip2_by_record,
}


# ---------------------------------------------------------------------------------------------------------- what is read


def test_is_a_source():
    assert isinstance(Warc(), Source)
    assert isinstance(Wet(), Source)


def test_fields(tmp_path):
    body = http(b"<p>\xc4\xe3</p>", content_type='Text/HTML; Charset="GB2312"')
    data = record(
        body, url="<http://a.example/>", WARC_IP_Address="1.2.3.4", WARC_Payload_Digest="sha1:X", WARC_Truncated="length"
    )
    (row,), _ = read_bytes(tmp_path, data)
    assert json.loads(row.pop("metadata")) == {
        "status": 200,
        "record_id": "<urn:uuid:1>",
        "truncated": "length",
        "payload_digest": "sha1:X",
        "ip": "1.2.3.4",
    }
    assert row == {
        "offset": 0,
        "part": None,
        "url": "http://a.example/",
        "date": "2024-05-18T01:58:10Z",
        "payload": b"<p>\xc4\xe3</p>",
        "content_type": "text/html",
        "charset": "GB2312",
    }


@pytest.mark.parametrize("gzipped", [True, False])
def test_what_warcio_writes(tmp_path, gzipped):
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=gzipped)
    writer.write_record(writer.create_warcinfo_record("a.warc", {"software": "test"}))
    starts = []
    for i in range(30):
        headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.0")
        page = writer.create_warc_record(
            f"http://a.example/{i}", "response", payload=io.BytesIO(BODIES[i]), http_headers=headers
        )
        ask = StatusAndHeaders("GET / HTTP/1.0", [("Host", "a.example")], is_http_request=True)
        starts.append(out.tell())
        writer.write_record(page)
        writer.write_record(writer.create_warc_record(f"http://a.example/{i}", "request", http_headers=ask))
    rows, tally = read_bytes(tmp_path, out.getvalue())
    assert payloads(rows) == BODIES[:30]
    assert [row["url"] for row in rows] == [f"http://a.example/{i}" for i in range(30)]
    assert [row["offset"] for row in rows] == starts
    assert tally.skipped == {"warcinfo": 1, "request": 30}
    assert tally.damage == []


PACKINGS = {
    "plain": b"".join,
    "by record": by_record,
    "whole file": lambda records: gzip.compress(b"".join(records)),
    "two whole files": lambda records: gzip.compress(b"".join(records[:7])) + gzip.compress(b"".join(records[7:])),
    "blocks": lambda records: b"".join(gzip.compress(b"".join(records)[i : i + 1000]) for i in range(0, 40_000, 1000)),
    "bzip2": lambda records: bz2.compress(b"".join(records)),
    "zstd": lambda records: zstandard.compress(b"".join(records)),
    "lz4": lambda records: lz4.frame.compress(b"".join(records)),
    "zstd by record": zstd_by_record,
    "zstd with a dictionary": zstd_with_dictionary,
    "zstd with a compressed dictionary": lambda records: zstd_with_dictionary(records, compressed=True),
    "lz4 by record": lz4_by_record,
    "bzip2 by record": bzip2_by_record,
    "no separators": lambda records: by_record([each.removesuffix(b"\r\n\r\n") for each in records]),
    "bare newlines": lambda records: b"".join(each.removesuffix(b"\r\n\r\n") + b"\n\n" for each in records),
    "padded": lambda records: by_record(records) + bytes(10_000),
}


@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_every_packing_gives_the_same_pages(tmp_path, pack):
    rows, tally = read_bytes(tmp_path, pack(pages(20)))
    assert payloads(rows) == BODIES[:20]
    assert (tally.records, tally.damage) == (20, [])


def test_offsets_point_to_records(tmp_path):
    data = by_record(pages(10))
    for row in read_bytes(tmp_path, data)[0]:
        assert gzip.decompress(data[row["offset"] :]).startswith(b"WARC/1.0")
    data = zstd_by_record(pages(10))
    for row in read_bytes(tmp_path, data)[0]:
        assert zstandard.ZstdDecompressor().decompress(data[row["offset"] :]).startswith(b"WARC/1.0")
    plain = b"".join(pages(10))
    for whole in (plain, gzip.compress(plain)):
        offsets = [row["offset"] for row in read_bytes(tmp_path, whole)[0]]
        assert all(plain[offset:].startswith(b"WARC/1.0") for offset in offsets)
        assert len(set(offsets)) == 10


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (record(b"a: b", "warcinfo"), "warcinfo"),
        (record(b"GET / HTTP/1.1", "request"), "request"),
        (record(b"a: b", "metadata"), "metadata"),
        (record(b"", "revisit"), "revisit"),
        (record(b"text", "conversion"), "conversion"),
        (record(b"text", "continuation"), "continuation"),
        (record(b"text", "x-own"), "unknown_type"),
        (record(http(b"", "301 Moved")), "redirect"),
        (record(http(b"gone", "404 Not Found")), "http_error"),
        (record(http(b"", "206 Partial")), "other_status"),
        (record(http(b"\x89PNG", content_type="image/png")), "not_html"),
        (record(http(b"%PDF-1.4")), "not_html"),
        (record(http(b"\0\1\2", content_type=None)), "not_html"),
        (record(http(b"")), "empty"),
        (record(b"a.example. 60 IN A 1.2.3.4", Content_Type="text/dns"), "not_http"),
        (record(b"User-agent: *", "resource", Content_Type="text/plain"), "not_html"),
        (record(http(b"x" * 2000)), "too_large"),
        (record(http(b"x" * 600_000)), "too_large"),
        (record(http(gzip.compress(b"x" * 2000), Content_Encoding="gzip")), "too_large"),
    ],
)
def test_records_that_are_no_documents_are_skipped_by_kind(tmp_path, data, kind):
    after = record(http(b"<p>after"))
    for whole in (data + after, by_record([data, after]), gzip.compress(data + after)):
        rows, tally = read_bytes(tmp_path, whole, Warc(max_payload=1000))
        assert payloads(rows) == [b"<p>after"]
        assert (tally.skipped, tally.errors) == ({kind: 1}, {})


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (record(http(b"<html>", content_type="application/xhtml+xml")), "application/xhtml+xml"),
        (record(http(b"text", content_type="text/plain")), "text/plain"),
        (record(http(b"<!DOCTYPE html><p>", content_type=None)), "text/html"),
        (record(http(b"<p>", content_type="application/octet-stream"), WARC_Identified_Payload_Type="text/html"), "text/html"),
        (record(b"<html>", "resource", Content_Type="text/html"), "text/html"),
    ],
)
def test_kinds_of_pages(tmp_path, data, mime):
    (row,), _ = read_bytes(tmp_path, data)
    assert row["content_type"] == mime


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (record(http(b"<p>"), kind=None), "no_type"),
        (record(http(b"<p>"), url=None), "no_url"),
        (record(b"<p>no status line"), "http"),
        (record(http(b"\x1b\xff\0\x01" * 9, Content_Encoding="br")), "content_encoding"),
        (record(http(random.Random(1).randbytes(900), Content_Encoding="gzip")), "content_encoding"),
        (record(http(brotli.compress(random.Random(2).randbytes(999))[:900], Content_Encoding="gzip")), "content_encoding"),
        (record(http(zstandard.compress(ZH.encode())[:-9], Content_Encoding="zstd")), "content_encoding"),
        (record(http(b"x", Content_Encoding="gzip, gzip, gzip, gzip, gzip")), "content_encoding"),
        (record(http(b"<p>")).replace(b"Content-Length", b"Content-Size"), "content_length"),
        (record(http(b"<p>")).replace(b"Content-Length: ", b"Content-Length: -"), "content_length"),
    ],
)
def test_records_that_cannot_be_read_are_errors(tmp_path, data, kind):
    after = record(http(b"<p>after"))
    for whole in (data + after, by_record([data, after])):
        rows, tally = read_bytes(tmp_path, whole)
        assert payloads(rows) == [b"<p>after"]
        assert (tally.errors, tally.skipped) == ({kind: 1}, {})


# ------------------------------------------------------------------------------------------------------------- encodings


def raw_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


def chunked(data: bytes, size: int = 700) -> bytes:
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x; ext=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


ENCODINGS = {
    "gzip": (gzip.compress, {"Content_Encoding": "gzip"}),
    "x-gzip": (gzip.compress, {"Content_Encoding": "x-gzip"}),
    "zlib deflate": (zlib.compress, {"Content_Encoding": "deflate"}),
    "raw deflate": (raw_deflate, {"Content_Encoding": "Deflate"}),
    "brotli": (brotli.compress, {"Content_Encoding": "br"}),
    "zstd": (zstandard.compress, {"Content_Encoding": "zstd"}),
    "chunked": (chunked, {"Transfer_Encoding": "chunked"}),
    "chunked gzip": (lambda d: chunked(gzip.compress(d)), {"Transfer_Encoding": "chunked", "Content_Encoding": "gzip"}),
    "gzip as a transfer": (lambda d: chunked(gzip.compress(d)), {"Transfer_Encoding": "gzip, chunked"}),
    "two": (lambda d: brotli.compress(gzip.compress(d)), {"Content_Encoding": "gzip, br"}),
    "gzip of gzip": (lambda d: gzip.compress(gzip.compress(d)), {"Content_Encoding": "gzip"}),
    "gzip, said to be nothing": (gzip.compress, {"Content_Encoding": "identity"}),
    "gzip, unsaid, in chunks": (lambda d: chunked(gzip.compress(d)), {"Transfer_Encoding": "chunked"}),
    "gzip, said to be deflate": (gzip.compress, {"Content_Encoding": "deflate"}),
    "gzip, said to be brotli": (gzip.compress, {"Content_Encoding": "br"}),
    "zlib, said to be gzip": (zlib.compress, {"Content_Encoding": "gzip"}),
    "brotli, said to be gzip": (brotli.compress, {"Content_Encoding": "gzip"}),
    "sizes of ten digits": (lambda d: chunked(d).replace(b"2bc;", b"00000002bc;"), {"Transfer_Encoding": "chunked"}),
}


@pytest.mark.parametrize(("encode", "headers"), ENCODINGS.values(), ids=ENCODINGS)
def test_encodings_are_undone(tmp_path, encode, headers):
    (row,), _ = read_bytes(tmp_path, record(http(encode(TEXT), **headers)))
    assert row["payload"] == TEXT
    assert "damaged" not in json.loads(row["metadata"])


@pytest.mark.parametrize(("encode", "headers"), ENCODINGS.values(), ids=ENCODINGS)
def test_an_encoding_that_was_undone_before_is_no_trouble(tmp_path, encode, headers):
    (row,), _ = read_bytes(tmp_path, record(http(TEXT, **headers)))
    assert row["payload"] == TEXT


@pytest.mark.parametrize(("encode", "headers"), ENCODINGS.values(), ids=ENCODINGS)
def test_a_payload_that_was_cut_gives_what_there_is(tmp_path, encode, headers):
    encoded = encode(TEXT)
    rows, tally = read_bytes(tmp_path, record(http(encoded[: len(encoded) * 3 // 4], **headers)))
    if "zstd" in headers.values():  # one block: nothing of it can be decoded
        assert tally.errors == {"content_encoding": 1}
        return
    assert TEXT.startswith(rows[0]["payload"])
    assert len(rows[0]["payload"]) > len(TEXT) // 3
    assert json.loads(rows[0]["metadata"])["damaged"] is True


def test_archives_of_several_formats_put_together_are_read(tmp_path):
    pages = [record(http(b"<p>%d" % i)) for i in range(8)]
    packed = [
        pack(page) for page, pack in zip(pages, 2 * [gzip.compress, zstandard.compress, lz4.frame.compress, bz2.compress])
    ]
    rows, tally = read_bytes(tmp_path, b"".join(packed))
    assert payloads(rows) == [b"<p>%d" % i for i in range(8)]
    assert (tally.errors, tally.damage) == ({}, [])


@pytest.mark.parametrize("page", [f"<p>{'这是一页。' * 9}\x08\x00" * 9, "<p>这是一页。" * 60], ids=["stray", "clean"])
@pytest.mark.parametrize("charset", ["gb18030", "utf-16-le", "utf-16"])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_stray_bytes_do_not_make_a_page_compressed(tmp_path, page, charset, coding):
    if coding in ("deflate", "br") and charset != "gb18030":
        return  # they have no mark of their own, so these may be what they say
    (row,), _ = read_bytes(tmp_path, record(http(page.encode(charset), Content_Encoding=coding)))
    assert row["payload"] == page.encode(charset)


def test_an_archive_that_calls_itself_a_page_is_none(tmp_path):
    data = gzip.compress(b"file.txt" + bytes(504) + b"text")
    rows, tally = read_bytes(tmp_path, record(http(data)))
    assert (rows, tally.skipped, tally.errors) == ([], {"not_html": 1}, {})


def test_what_a_server_says_before_its_response_is_passed_over(tmp_path):
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    rows, _ = read_bytes(tmp_path, record(hints + http(b"<p>page")) + record(http(b"<p>after")))
    assert payloads(rows) == [b"<p>page", b"<p>after"]
    rows, tally = read_bytes(tmp_path, record(hints) + record(http(b"<p>after")))
    assert (payloads(rows), tally.skipped) == ([b"<p>after"], {"other_status": 1})


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", lambda data: brotli.compress(data, quality=1)),
        ("zstd", zstandard.compress),
    ],
)
def test_a_bomb_in_a_payload_is_too_large(tmp_path, name, encode):
    rows, tally = read_bytes(tmp_path, record(http(encode(bytes(40_000_000)), Content_Encoding=name)))
    assert rows == []
    assert tally.skipped == {"too_large": 1}


# ---------------------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("kind", BY_RECORD)
@pytest.mark.parametrize("number", [0, 20, 39])
@pytest.mark.parametrize("where", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_one_corrupt_record_costs_one_record_in_every_format(tmp_path, kind, number, where):
    pack = BY_RECORD[kind]
    members = [pack([each]) for each in pages(40)]
    if kind == "zstd dictionary":
        shared = len(pack([]))
        members = [members[0][:shared], *(each[shared:] for each in members)]
        number += 1
    damaged = bytearray(members[number])
    damaged[int(len(damaged) * where)] ^= 0xFF
    rows, tally = read_bytes(tmp_path, b"".join([*members[:number], bytes(damaged), *members[number + 1 :]]))
    lost = number - (kind == "zstd dictionary")
    assert payloads(rows) == BODIES[:lost] + BODIES[lost + 1 : 40]
    assert tally.records == 40
    assert sum(tally.errors.values()) == 1


@pytest.mark.parametrize("number", [0, 200, 399])
@pytest.mark.parametrize("where", [0.0, 0.02, 0.3, 0.5, 0.9, 0.999])
def test_one_corrupt_record_costs_one_record(tmp_path, number, where):
    """Defects of peers: half of a file lost to one record. 0.0 hits the member's magic bytes, 0.999 its checksum."""
    members = [gzip.compress(each, mtime=0) for each in pages()]
    damaged = bytearray(members[number])
    damaged[int(len(damaged) * where)] ^= 0xFF
    members[number] = bytes(damaged)
    rows, tally = read_bytes(tmp_path, b"".join(members))
    assert payloads(rows) == BODIES[:number] + BODIES[number + 1 :]
    assert sum(tally.errors.values()) == 1
    assert any(place["file_damage"] for place in tally.damage) == (number == 399)  # nothing says what came behind it


@pytest.mark.parametrize("share", [0.3, 0.77, 0.9999])
@pytest.mark.parametrize(
    "pack", [by_record, b"".join, lambda r: gzip.compress(b"".join(r))], ids=["by record", "plain", "whole"]
)
def test_a_truncated_file_gives_every_complete_record(tmp_path, pack, share):
    """A defect of peers: a truncated file gave nothing, or an exception."""
    data = pack(pages())
    rows, tally = read_bytes(tmp_path, data[: int(len(data) * share)])
    assert payloads(rows) == BODIES[: len(rows)]
    assert len(rows) >= int(400 * share) - 2
    assert [place["kind"] for place in tally.damage if place["file_damage"]] == ["truncated"]
    assert tally.errors in ({"truncated": 1}, {})


def test_every_place_of_truncation(tmp_path):
    """A small file cut at every byte: complete records come, the rest is reported, nothing raises."""
    records = [record(http(f"<p>{i}".encode())) for i in range(2)]
    for pack in (by_record, b"".join):
        data = pack(records)
        ends = [len(pack(records[:i])) for i in range(1, 3)]
        for length in range(1, len(data)):
            rows, tally = read_bytes(tmp_path, data[:length])
            whole = sum(end <= length for end in ends)
            assert whole <= len(rows) <= whole + 1  # a record may lack no more than its checksum or its last newlines
            assert payloads(rows) == [b"<p>0", b"<p>1"][: len(rows)]
            assert tally.damage or length in ends or len(rows) == whole + 1


@pytest.mark.parametrize("wrong", [-30, -3, 3, 50, 3000, 10**7, 10**12])
@pytest.mark.parametrize("pack", [by_record, b"".join], ids=["by record", "plain"])
def test_a_wrong_length_does_not_derail(tmp_path, pack, wrong):
    records = pages(20)
    body = http(BODIES[5])
    records[5] = record(body, length=len(body) + wrong)
    rows, tally = read_bytes(tmp_path, pack(records))
    got = [page.rstrip() for page in payloads(rows)]  # a few bytes too long is not told from the newlines behind a record
    assert [page for page in got if page != BODIES[5]] == BODIES[:5] + BODIES[6:20]
    assert tally.records == 20
    if wrong < 10**12:
        assert BODIES[5] in got
        assert wrong == 3 or json.loads(rows[5]["metadata"])["wrong_length"] is True
    else:
        assert tally.errors == {"content_length": 1}


def test_garbage_between_records(tmp_path):
    records = pages(20)
    junk = b"\r\nsome line\r\n\x00\xff" * 5000
    rows, tally = read_bytes(tmp_path, b"".join(records[:9]) + junk + b"\n" + b"".join(records[9:]))
    assert payloads(rows) == BODIES[:20]
    assert [place["kind"] for place in tally.damage] == ["garbage"]
    rows, tally = read_bytes(tmp_path, by_record(records[:9]) + junk + by_record(records[9:]))
    assert payloads(rows) == BODIES[:20]
    assert tally.errors == {"corrupt": 1}


def test_a_member_inside_a_damaged_one_is_not_taken_for_a_record(tmp_path):
    """A page that was stored compressed holds the beginning of a gzip member."""
    inner = record(http(gzip.compress(BODIES[0]), Content_Encoding="gzip"))
    stored = bytearray(gzip.compress(inner, compresslevel=0, mtime=0))
    stored[-6] ^= 0xFF
    rows, tally = read_bytes(tmp_path, bytes(stored) + by_record(pages(3)))
    assert payloads(rows) == BODIES[:3]
    assert tally.errors == {"corrupt": 1}


def test_large_records_are_passed_without_being_held(tmp_path):
    big = http(bytes(30_000_000), content_type="video/mp4")
    records = [record(big), *pages(2)]
    for data in (b"".join(records), by_record(records), gzip.compress(b"".join(records), 1)):
        rows, tally = read_bytes(tmp_path, data, Warc(max_payload=100_000))
        assert payloads(rows) == BODIES[:2]
        assert (tally.skipped, tally.damage) == ({"not_html": 1}, [])


def test_a_header_without_an_end_stops_at_the_next_record(tmp_path):
    rows, tally = read_bytes(tmp_path, b"WARC/1.0\r\nWARC-Type: response\r\n" * 10_000 + pages(1)[0])
    assert payloads(rows) == BODIES[:1]
    assert tally.errors == {"header": 10_000}


def test_a_header_without_an_end(tmp_path):
    data = b"WARC/1.0\r\n" + b"X-Field: y\r\n" * 60_000
    rows, tally = read_bytes(tmp_path, data + b"".join(pages(2)))
    assert len(rows) >= 1
    assert payloads(rows)[-1] == BODIES[1]
    assert sum(tally.errors.values()) == 1


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "empty", "empty"),
        (b"<html><p>a page", "not_warc", "HTML"),
        (b'{"text": "a"}\n', "not_warc", "read: jsonl"),
        (b"PK\x03\x04abc", "not_warc", "zip"),
    ],
)
def test_files_that_are_no_warc(tmp_path, data, kind, words):
    rows, tally = read_bytes(tmp_path, data)
    assert rows == []
    assert tally.records == 0
    assert [place["kind"] for place in tally.damage] == [kind]
    assert words in tally.damage[0]["message"]


@pytest.mark.parametrize("length", [3, 5_000_000, 20_000_000])
def test_a_file_full_of_wrong_lengths_takes_linear_time(tmp_path, length):
    """Each record of 56 bytes says that it is larger than much of the file: none may be read for each."""
    lies = b"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Length: %d\r\n\r\n" % length
    began = time.process_time()
    _, tally = read_bytes(tmp_path, lies * 20_000 + b"x" * 21_000_000, Warc(max_payload=10_000_000))
    assert tally.records == 20_000
    assert time.process_time() - began < 15


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_ends_in_a_balanced_ledger(tmp_path_factory, data):
    """Bytes cut out, put in or changed anywhere: nothing raises, everything that is met is counted (`read` asserts it)."""
    records = [record(http(BODIES[i][:200])) for i in range(6)]
    pack = data.draw(st.sampled_from([by_record, b"".join, lambda r: gzip.compress(b"".join(r))]))
    packed = bytearray(pack(records))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(packed)))
        gone = data.draw(st.integers(0, 30))
        packed[at : at + gone] = data.draw(st.binary(max_size=30))
    rows, tally = read_bytes(tmp_path_factory.mktemp("warc"), bytes(packed))
    assert tally.records or tally.damage
    assert len(rows) <= 7


def test_batches_do_not_change_the_documents(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(by_record(pages(50)))
    whole, _ = read(path)
    monkeypatch.setattr("curator.documents.BATCH_ROWS", 7)
    assert read(path)[0] == whole


# ------------------------------------------------------------------------------------------------------------------- wet


def test_wet(tmp_path):
    text = "第一行\n第二行 caf".encode() + b"\xe9 noir"
    page = record(text, "conversion", Content_Type="text/plain", WARC_Identified_Content_Language="zho,eng")
    data = record(b"Software-Info: x", "warcinfo") + page + record(http(b"<p>"))
    rows, tally = read_bytes(tmp_path, data, Wet())
    assert [row["text"] for row in rows] == ["第一行\n第二行 caf\ufffd noir"]
    assert rows[0]["url"] == "http://a.example/"
    assert json.loads(rows[0]["metadata"]) == {"languages": "zho,eng", "replaced": 1, "record_id": "<urn:uuid:1>"}
    assert tally.skipped == {"warcinfo": 1, "response": 1}


@pytest.mark.parametrize(
    ("body", "replaced"),
    [
        ((ZH * 3).encode(), None),
        ("\ufeff".encode() + (ZH * 3).encode(), None),
        ((ZH * 3).encode("gb18030"), None),
        ((ZH * 3).encode().decode("latin-1").encode(), None),
        ((ZH * 3).encode() + b"\xff." + (ZH * 3).encode(), 1),
    ],
    ids=["UTF-8", "marked", "GBK", "encoded twice", "a bad byte"],
)
def test_wet_text_of_other_extractors(tmp_path, body, replaced):
    (row,), _ = read_bytes(tmp_path, record(body, "conversion", Content_Type="text/plain"), Wet())
    assert row["text"].startswith(ZH * 3)
    assert json.loads(row["metadata"]).get("replaced") == replaced


def test_wet_damage_costs_one_record(tmp_path):
    members = [gzip.compress(record(body, "conversion", Content_Type="text/plain"), mtime=0) for body in BODIES[:50]]
    members[20] = members[20][:100] + b"\xff" * 20 + members[20][120:]
    rows, tally = read_bytes(tmp_path, b"".join(members), Wet())
    assert [row["text"].encode() for row in rows] == BODIES[:20] + BODIES[21:50]
    assert tally.errors == {"corrupt": 1}


# ----------------------------------------------------------------------------------------------------------------- rest


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2024-05-18T01:58:10Z", "2024-05-18T01:58:10Z"),
        ("2024-05-18T01:58:10.123456Z", "2024-05-18T01:58:10.123456Z"),
        ("20080430204825", "2008-04-30T20:48:25Z"),
        ("2016", "2016"),
        ("2016-11", "2016-11"),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(value, date):
    assert iso_date(value) == date


def test_options_are_checked():
    with pytest.raises(ValueError, match="max_payload"):
        Warc(max_payload=0)
    with pytest.raises(ValueError, match="max_text"):
        Wet(max_text=-1)


def real_files() -> list[Path]:
    files = sorted(path for path in (DATA / "warc").rglob("*") if path.is_file() and path.suffix != ".jsonl")
    assert files, f"no WARC files below {DATA / 'warc'}: point CURATOR_DATA at the data sets"
    return files


@pytest.mark.data
def test_every_real_file_is_read_to_its_end():
    for path in real_files():
        rows, tally = read(path, Wet() if ".wet" in path.name else Warc())
        assert rows or tally.records or tally.damage, path


@pytest.mark.data
def test_pages_with_gold():
    path = DATA / "warc/commoncrawl-like/zh-pages-with-gold.warc.gz"
    assert path.exists(), f"{path} is not there: point CURATOR_DATA at the data sets"
    rows, tally = read(path)
    assert len(rows) == 354
    assert (tally.skipped, tally.errors, tally.damage) == ({"warcinfo": 1}, {}, [])
    urls = [
        json.loads(line)["warc_url"] for line in path.with_name("zh-pages-with-gold.map.jsonl").read_text("utf-8").splitlines()
    ]
    assert sorted(row["url"] for row in rows) == sorted(urls)
