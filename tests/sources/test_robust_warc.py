"""Every web archive of the data, read to its end with a ledger that balances, and what readers elsewhere get wrong."""

import bz2
import gzip
import os
from collections import Counter
from pathlib import Path

import lz4.frame
import pyarrow as pa
import pytest
import zstandard
from warcio.archiveiterator import ArchiveIterator

from curator.documents import File, Piece, Tally
from curator.sources.warc import Warc, Wet
from curator.stages.extract import Extract

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))

# Documents, skips and errors by kind, places where a file is damaged.
Ledger = tuple[int, dict[str, int], dict[str, int], list[str]]
NOTHING: Ledger = (0, {}, {}, ["not_warc"])
CUT: Ledger = (0, {}, {"truncated": 1}, ["truncated"])
COMPRESSED: Ledger = (1, {"warcinfo": 1, "request": 1, "metadata": 1, "not_html": 1}, {}, [])
FROM_WARCIO: Ledger = (1, {"warcinfo": 2, "request": 2, "revisit": 1}, {}, [])

LEDGERS: dict[str, Ledger] = {
    "arc/IAH-example.arc.gz": (
        129,
        {"warcinfo": 1, "not_http": 38, "not_html": 84, "redirect": 7, "http_error": 40, "empty": 1},
        {},
        [],
    ),
    "clueweb/clueweb-quirk-eucjp.warc.gz": (29, {"warcinfo": 1}, {}, []),
    "commoncrawl/CC-MAIN-20150226074059-00000.excerpt.warc.gz": (4, {"warcinfo": 1, "request": 5, "metadata": 4}, {}, []),
    "commoncrawl/CC-MAIN-2020-resiliparse-half.warc.gz": (8, {"warcinfo": 1, "request": 9, "metadata": 8}, {}, []),
    "commoncrawl/jwarc-cc.warc.gz": (1, {}, {}, []),
    "commoncrawl/whirlwind.warc.gz": (1, {"warcinfo": 1, "request": 1, "metadata": 1}, {}, []),
    "commoncrawl/whirlwind.warc.wat.gz": (0, {"warcinfo": 1, "metadata": 1}, {}, []),
    "commoncrawl/whirlwind.warc.wet.gz": (1, {"warcinfo": 1}, {}, []),
    "commoncrawl-like/zh-pages-with-gold.warc.gz": (354, {"warcinfo": 1}, {}, []),
    "heritrix/BL-20140325121225068-govuk.warc.gz": (
        34,
        {"warcinfo": 1, "not_http": 3, "request": 62, "metadata": 62, "http_error": 4, "not_html": 23, "redirect": 1},
        {},
        [],
    ),
    "heritrix/IAH-20080430204825-blackbook.warc.gz": (
        129,
        {
            "warcinfo": 1,
            "not_http": 38,
            "request": 261,
            "metadata": 261,
            "not_html": 84,
            "redirect": 7,
            "http_error": 40,
            "empty": 1,
        },
        {},
        [],
    ),
    "other/node-warc-parseMe.warc.gz": (
        1,
        {"warcinfo": 1, "metadata": 1, "request": 14, "redirect": 5, "not_html": 7, "http_error": 1},
        {},
        [],
    ),
    "other/warc2zim-bad-redirections.warc.gz": (1, {"warcinfo": 2, "request": 42, "not_html": 6, "redirect": 40}, {}, []),
    "other/warc2zim-content-resource-types.warc.gz": (1, {"warcinfo": 2, "request": 12, "not_html": 13}, {}, []),
    "other/warc2zim-example-revisit.warc.gz": (3, {"warcinfo": 6, "request": 4, "revisit": 3}, {}, []),
    "other/warc2zim-qsl.net-encoding-alias.warc.gz": (1, {"warcinfo": 2, "request": 2, "not_html": 2}, {}, []),
    "robust/iipc-commons-mutliple-headers.warc": (1, {}, {}, []),
    "robust/iipc-dedup-20130729-heritrix-original.warc.gz": (1, {}, {}, []),
    "robust/iipc-dedup-20141129-heritrix-revisit-with-http-headers-and-new-warc-headers.warc.gz": (0, {"revisit": 1}, {}, []),
    "robust/iipc-gzip_extra_sl.warc.gz": (0, {"warcinfo": 1}, {}, []),
    "robust/jhove-invalid-warcfile-duplicate-fields.warc": (0, {"warcinfo": 1}, {}, []),
    "robust/jhove-invalid-warcfile-lonely-continuation.warc": CUT,
    "robust/jhove-invalid-warcfile-lonely-warcinfo-metadata.warc": (
        0,
        {},
        {"content_length": 1, "truncated": 1},
        ["truncated"],
    ),
    "robust/jhove-invalid-warcfile-segment-number-continuation.warc": (0, {"continuation": 2}, {}, []),
    "robust/jhove-invalid-warcheaderfieldpolicy-1.warc": CUT,
    "robust/jhove-invalid-warcheaderfieldpolicy-10.warc": (0, {"warcinfo": 1}, {}, []),
    "robust/jhove-invalid-warcheaderfieldpolicy-12.warc": CUT,
    "robust/jhove-invalid-warcheaderfieldpolicy-15.warc": CUT,
    "robust/jhove-invalid-warcheaderfieldpolicy-17.warc": CUT,
    "robust/jhove-invalid-warcheaderfieldpolicy-3.warc": CUT,
    "robust/jhove-invalid-warcheaderfieldpolicy-5.warc": CUT,
    "robust/jhove-invalid-warcheaderfieldpolicy-8.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-1.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-11.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-12.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-13.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-15.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-17.warc": NOTHING,
    "robust/jhove-invalid-warcheaderversion-18.warc": NOTHING,
    "robust/jhove-invalid-warcheaderversion-19.warc": NOTHING,
    "robust/jhove-invalid-warcheaderversion-21.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-25.warc": CUT,
    "robust/jhove-invalid-warcheaderversion-5.warc": CUT,
    "robust/jhove-invalid-warcrecorddigests-1.warc": (7, {}, {}, []),
    "robust/jwat-invalid-arcfile-record-then-garbage.arc": (1, {}, {}, ["garbage"]),
    "robust/jwat-invalid-warcfile-contenttype-recommended.warc": (
        0,
        {"warcinfo": 1, "request": 1, "not_http": 1, "metadata": 1, "not_html": 1, "conversion": 1, "revisit": 1},
        {},
        [],
    ),
    "robust/jwat-invalid-warcfile-digest-fields.warc": (4, {}, {}, []),
    "robust/jwat-invalid-warcfile-duplicate-fields.warc": (0, {"warcinfo": 1}, {}, []),
    "robust/jwat-invalid-warcfile-fields-empty.warc": CUT,
    "robust/jwat-invalid-warcfile-fields-invalidformat.warc": CUT,
    "robust/jwat-invalid-warcfile-lonely-continuation.warc": CUT,
    "robust/jwat-invalid-warcfile-lonely-revisit.warc": CUT,
    "robust/jwat-invalid-warcfile-segment-number-continuation.warc": (0, {"continuation": 2}, {}, []),
    "robust/jwat-test-arc-1.0-dashed-fields.arc": (1, {"warcinfo": 1}, {}, []),
    "robust/jwat-test-arc-1.0-invalid-fields.arc": (1, {}, {"content_length": 1}, []),
    "robust/jwat-valid-warcfile-fields-metainfo.warc": (0, {"metadata": 1}, {}, []),
    "robust/jwat-valid-warcfile-upper-lower-case.warc": (0, {"warcinfo": 1, "not_http": 4}, {}, []),
    "robust/jwat-valid-warcfile-utf8.warc": (0, {"warcinfo": 1}, {}, []),
    "robust/resiliparse-block-sized-records.warc": (0, {"unknown_type": 3}, {}, []),
    "robust/resiliparse-block-sized-records.warc.gz": (0, {"unknown_type": 3}, {}, []),
    "robust/resiliparse-block-sized-records.warc.lz4": (0, {"unknown_type": 3}, {}, []),
    "robust/slyrz-test.warc.bz2": (0, {"not_html": 10}, {}, []),
    "robust/solrwayback-transfer_compression_brotli.warc": COMPRESSED,
    "robust/solrwayback-transfer_compression_brotli.warc.gz": COMPRESSED,
    "robust/solrwayback-transfer_compression_gzip.warc": COMPRESSED,
    "robust/solrwayback-transfer_compression_gzip.warc.gz": COMPRESSED,
    "robust/solrwayback-transfer_compression_none.warc": COMPRESSED,
    "robust/solrwayback-transfer_compression_none.warc.gz": COMPRESSED,
    "robust/warcio-bad.arc": (0, {"not_html": 1}, {"content_length": 2, "truncated": 1}, ["truncated"]),
    "robust/warcio-example-bad-non-chunked.warc.gz": FROM_WARCIO,
    "robust/warcio-example-bad.warc.gz.bad": (1, {"warcinfo": 1, "request": 2, "revisit": 1, "redirect": 1}, {}, []),
    "robust/warcio-example-digest.warc": (0, {"request": 4}, {}, []),
    "robust/warcio-example-iana.org-chunked.warc": (1, {"warcinfo": 1, "request": 1}, {}, []),
    "robust/warcio-example-resource.warc.gz": (1, {"warcinfo": 2}, {}, []),
    "robust/warcio-example-space-in-target-uri.warc.gz": (0, {"warcinfo": 1, "not_html": 1}, {}, []),
    "robust/warcio-example-space-in-url.arc": (0, {"warcinfo": 1}, {"truncated": 1}, ["truncated"]),
    "robust/warcio-example-trunc.warc": (1, {"warcinfo": 2, "request": 1}, {}, []),
    "robust/warcio-example-wget-bad-target-uri.warc.gz": (
        1,
        {"warcinfo": 1, "request": 1, "metadata": 1, "not_html": 2},
        {},
        [],
    ),
    "robust/warcio-example-wrong-chunks.warc.gz": (1, {"request": 1}, {}, []),
    "robust/warcio-example.arc": (1, {"warcinfo": 1}, {}, []),
    "robust/warcio-example.arc.gz": (1, {"warcinfo": 1}, {}, []),
    "robust/warcio-example.warc": FROM_WARCIO,
    "robust/warcio-example.warc.gz": FROM_WARCIO,
    "robust/warcio-post-test.warc.gz": (0, {"not_html": 3, "request": 3}, {}, []),
    "wget/dolma-sample-0000.warc.gz": (22, {"warcinfo": 1, "request": 22, "metadata": 1, "not_html": 2}, {}, []),
    "wget/sopa-wikipedia-homepage.warc.gz": (3, {"warcinfo": 1, "request": 86, "not_html": 74}, {}, []),
}


def read(path: Path, source: Warc | Wet | None = None) -> tuple[pa.Table, Tally]:
    tally = Tally()
    source = source or (Wet() if ".wet" in path.name else Warc())
    batches = list(source.read(Piece(File(str(path), path.name, path.stat().st_size, "")), tally))
    rows = pa.Table.from_batches(batches) if batches else pa.table({})
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records, path
    return rows, tally


def read_bytes(folder: Path, data: bytes) -> tuple[pa.Table, Tally]:
    path = folder / "a.warc.gz"
    path.write_bytes(data)
    return read(path)


def archives() -> list[Path]:
    folder = DATA / "warc"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".jsonl", ".md"))
    assert files, f"no archives below {folder}: point CURATOR_DATA at the data sets"
    return files


@pytest.mark.data
def test_every_archive_is_read_to_its_end_with_a_ledger_that_balances():
    """The numbers are pinned where this copy of the data has the file; another file has at least to balance."""
    for path in archives():
        rows, tally = read(path)
        damage = [place["kind"] for place in tally.damage if place["file_damage"]]
        assert tally.records or damage, path
        if expected := LEDGERS.get(str(path.relative_to(DATA / "warc"))):
            assert (len(rows), tally.skipped, tally.errors, damage) == expected, path


@pytest.mark.data
@pytest.mark.parametrize("kind", ["brotli", "gzip", "none"])
@pytest.mark.parametrize("suffix", [".warc", ".warc.gz"])
def test_transfer_encodings_of_a_real_server(kind, suffix):
    rows, _ = read(DATA / f"warc/robust/solrwayback-transfer_compression_{kind}{suffix}")
    assert b"Extremely simple webpage used for testing GZip and Brotli" in rows["payload"][0].as_py()


@pytest.mark.data
def test_chunks_are_put_together_also_where_they_are_wrong():
    (page,) = read(DATA / "warc/robust/warcio-example-iana.org-chunked.warc")[0]["payload"].to_pylist()
    assert page.lstrip().startswith(b"<!doctype html>")
    assert page.rstrip().endswith(b"</html>")
    (page,) = read(DATA / "warc/robust/warcio-example-wrong-chunks.warc.gz")[0]["payload"].to_pylist()
    assert b"<" in page


@pytest.mark.data
def test_as_many_pages_as_another_reader_finds():
    """Responses with status 200 that are HTML, by warcio, in the crawls that it can read."""
    for folder in ("commoncrawl", "heritrix", "wget", "clueweb"):
        for path in sorted((DATA / "warc" / folder).glob("*.warc.gz")):
            found = []
            with gzip.open(path) as raw:
                for record in ArchiveIterator(raw):
                    if record.rec_type != "response" or record.http_headers is None:
                        continue
                    kind = (record.http_headers.get_header("Content-Type") or "").lower()
                    if record.http_headers.get_statuscode() == "200" and "html" in kind:
                        found.append(record.rec_headers.get_header("WARC-Target-URI"))
            ours = Counter(read(path)[0]["url"].to_pylist())
            assert not Counter(found) - ours, path


# What readers elsewhere get wrong, as one test each. Pages in other charsets are decoded by `extract`.

ZH = "<html><body><p>" + "今天天气很好，我们一起去公园散步，然后回家吃饭，晚上看书。" * 12 + "</p></body></html>"


def record(body: bytes, kind: str = "text/html", number: int = 0) -> bytes:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/{number}\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def extracted(rows: pa.Table) -> pa.Table:
    batch = rows.select(["payload", "content_type", "charset"]).combine_chunks().to_batches()[0]
    return pa.table(dict(Extract()(batch)))


def test_a_page_cut_inside_a_character_is_kept(tmp_path):
    """datatrove drops it without a word; crawls cut long payloads anywhere."""
    for cut in (1, 2):
        page = ZH.encode()[: ZH.encode().rindex("书".encode()) + cut]
        rows, _ = read_bytes(tmp_path, gzip.compress(record(page, "text/html; charset=utf-8")))
        out = extracted(rows)
        assert out["replaced"].to_pylist() == [0]
        assert out["text"][0].as_py().rstrip().endswith("晚上看")


@pytest.mark.parametrize("charset", ["utf-8", "gbk"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_page_with_one_bad_byte_is_kept_and_the_byte_counted(tmp_path, charset, declared):
    """datatrove drops it without a word."""
    good = ZH.encode(charset)
    at = good.index("公园".encode(charset))
    kind = f"text/html; charset={charset}" if declared else "text/html"
    rows, tally = read_bytes(tmp_path, gzip.compress(record(good[:at] + b"\xff" + good[at:], kind)))
    out = extracted(rows)
    assert out["replaced"].to_pylist() == [1]
    assert "今天天气很好" in out["text"][0].as_py()
    assert tally.errors == {}


@pytest.mark.parametrize("number", [0, 1, 199, 200, 399])
def test_a_corrupt_record_costs_one_record(tmp_path, number):
    """datatrove emits 196 of 400 and fails; NeMo Curator 2 of 5."""
    members = [gzip.compress(record(ZH.encode(), number=i), mtime=0) for i in range(400)]
    half = len(members[number]) // 2
    members[number] = (
        members[number][:half] + bytes(b ^ 0xA5 for b in members[number][half : half + 20]) + members[number][half + 20 :]
    )
    rows, tally = read_bytes(tmp_path, b"".join(members))
    assert rows["url"].to_pylist() == [f"http://a.example/{i}" for i in range(400) if i != number]
    assert tally.records == 400
    assert sum(tally.errors.values()) == 1


PACK = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lz4.frame.compress,
    "bz2": bz2.compress,
    "plain": bytes,
}


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("lost", [[4], [4, 5, 6], [4, 8]], ids=["one", "three in a row", "two places"])
def test_zeros_where_a_record_was_are_damage_and_at_the_end_padding(tmp_path, name, lost):
    members = [PACK[name](record(ZH.encode(), number=i)) for i in range(12)]
    offset = len(b"".join(members[:4]))
    for number in lost:
        members[number] = bytes(len(members[number]))
    rows, tally = read_bytes(tmp_path, b"".join(members) + bytes(700_000))
    assert rows["url"].to_pylist() == [f"http://a.example/{i}" for i in range(12) if i not in lost]
    holes = 2 if lost == [4, 8] else 1
    assert sum(tally.errors.values()) == (0 if name == "plain" else holes)
    assert [(place["kind"], place["where"]) for place in tally.damage if place["file_damage"]] == [("garbage", offset)]
    assert ("one place" if holes == 1 else "2 places") in tally.damage[-1]["message"]


@pytest.mark.parametrize("name", [name for name in PACK if name != "plain"])
def test_a_member_whose_beginning_is_zeros_is_told_once(tmp_path, name):
    members = [PACK[name](record(ZH.encode(), number=i)) for i in range(12)]
    offset, half = len(b"".join(members[:4])), len(members[4]) // 2
    members[4] = bytes(half) + members[4][half:]
    rows, tally = read_bytes(tmp_path, b"".join(members))
    assert len(rows) == 11
    assert tally.errors == {"zeros": 1}
    assert [place["where"] for place in tally.damage] == [offset, offset]


@pytest.mark.parametrize(("count", "share"), [(4, 0.9), (400, 0.5), (400, 0.999)])
def test_a_truncated_file_gives_every_complete_record_and_says_so(tmp_path, count, share):
    """datatrove gives nothing for the small file, and an EOFError for the large one."""
    members = [gzip.compress(record(ZH.encode(), number=i), mtime=0) for i in range(count)]
    data = b"".join(members)
    data = data[: int(len(data) * share)]
    whole = sum(len(b"".join(members[: i + 1])) <= len(data) for i in range(count))
    rows, tally = read_bytes(tmp_path, data)
    assert whole <= len(rows) <= whole + 1
    assert [place["kind"] for place in tally.damage if place["file_damage"]] == ["truncated"]


@pytest.mark.parametrize(
    "label", ["no-such-charset", "iso-8559-1", "utf-99", "x" * 300, "\u2603", "gbk", "utf-16", "hz-gb-2312"]
)
@pytest.mark.parametrize(
    "page", [ZH.encode("gb18030"), ZH.encode(), bytes(range(1, 256)) * 9], ids=["gb18030", "utf-8", "any bytes"]
)
def test_an_unknown_charset_or_an_undecodable_page_is_no_failure(tmp_path, label, page):
    """dolma: a LookupError ends the file."""
    html = b"<html><p>" + page + b"</p>"
    rows, tally = read_bytes(
        tmp_path, gzip.compress(record(html, f"text/html; charset={label}") + record(ZH.encode(), number=1))
    )
    out = extracted(rows)
    assert len(rows) == 2
    assert tally.errors == {}
    assert "今天天气很好" in out["text"][1].as_py()
    if "今天天气很好" in page.decode("gb18030", "replace") + page.decode("utf-8", "replace"):
        assert "今天天气很好" in out["text"][0].as_py()
        assert out["replaced"][0].as_py() == 0
