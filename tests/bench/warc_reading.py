"""Reading WARC files beside fastwarc: every record with its body, and the pages that are worth having with their payloads.

Both sides read the same files in one process on one core, in turn, five times each, in CPU seconds, and the best counts. That
they find the same records and about the same pages is asserted first. fastwarc does not go on behind a damaged record; we do.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from curator.documents import File, Piece, Tally
from curator.sources.warc import Warc, read_records

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
PAGES = ("text/html", "application/xhtml+xml", "text/plain")
ROUNDS = 5
FILES = {
    "Chinese pages, 94 kB each": "commoncrawl-like/zh-pages-with-gold.warc.gz",
    "a crawl with its requests, 14 kB a record": "heritrix/IAH-20080430204825-blackbook.warc.gz",
    "Common Crawl": "commoncrawl/CC-MAIN-2020-resiliparse-half.warc.gz",
}


def records(path: Path) -> tuple[int, int]:
    count = size = 0
    for record in read_records(File(str(path), path.name, path.stat().st_size, ""), Tally(), 1 << 30):
        count += 1
        size += len(record.body)
    return count, size


def their_records(path: Path) -> tuple[int, int]:
    count = size = 0
    with path.open("rb") as raw:
        for record in ArchiveIterator(raw, parse_http=False):
            count += 1
            size += len(record.reader.read())
    return count, size


def pages(path: Path) -> list[int]:
    found = Warc()._rows(Piece(File(str(path), path.name, path.stat().st_size, "")), Tally())
    return [len(row["payload"]) for row in found]


def their_pages(path: Path) -> list[int]:
    """What `warc` does with a page: URL, date, media type, charset, status 200, pages alone, its encodings undone."""
    found = []
    with path.open("rb") as raw:
        for record in ArchiveIterator(raw, record_types=WarcRecordType.response, parse_http=True):
            http = record.http_headers
            if http is None or http.status_code != 200 or not (record.http_content_type or "").startswith(PAGES):
                continue
            row = {
                "url": record.headers.get("WARC-Target-URI"),
                "date": record.headers.get("WARC-Date"),
                "charset": record.http_charset,
                "payload": record.reader.read(),
            }
            if row["payload"]:
                found.append(len(row["payload"]))
    return found


def compare(what: str, path: Path, ours: Callable[[Path], object], theirs: Callable[[Path], object], size: float) -> None:
    spent: dict[Callable, float] = {}
    for _ in range(ROUNDS):
        for side in (ours, theirs):
            began = time.process_time()
            side(path)
            spent[side] = min(spent.get(side, 1e9), time.process_time() - began)
    mine, other = size / spent[ours] / 1e6, size / spent[theirs] / 1e6
    print(f"| {what} | {mine:,.0f} MB/s | fastwarc: {other:,.0f} MB/s | {mine / other:.2f} |", flush=True)


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    print("| reading WARC, one core, inflated bytes | curator | beside it | ratio |\n|---|---|---|---|")
    for name, place in FILES.items():
        path = DATA / "warc" / place
        count, size = records(path)
        assert (count, size) == their_records(path), "the two sides do not read the same records"
        ours, theirs = pages(path), their_pages(path)
        assert abs(len(ours) - len(theirs)) <= len(ours) // 20, "the two sides do not find the same pages"
        compare(f"{name}: {count:,} records", path, records, their_records, size)
        compare(f"{name}: {len(ours):,} pages", path, pages, their_pages, size)


if __name__ == "__main__":
    main()
