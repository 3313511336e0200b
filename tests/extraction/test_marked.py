"""Marks are stretches of a page's visible text: they find their blocks however it is cut, and notice another text."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from curator.extraction.gold import GoldPage
from curator.extraction.marked import LABELS, digest, load, shares
from curator.extraction.train import beside, seen

TEXT = "MenuThefirstsentence.Thesecondone.Footer"
KEEP = ((4, 34),)


def page(keep: tuple[tuple[int, ...], ...] = KEEP) -> GoldPage:
    return GoldPage("a page", b"", "", "en", "news", "example.org", None, digest(TEXT), keep)


def test_marks_find_their_blocks_however_the_text_is_cut() -> None:
    assert shares(page(), ["Menu", "The first sentence.", "The second one.", "Footer"]).tolist() == [0, 1, 1, 0]
    assert shares(page(), ["Menu The first", " sentence. The second one.\n", "", "Footer"]).tolist() == [8 / 12, 1, 0, 0]
    assert shares(page(()), ["Menu The first sentence.", "The second one. Footer"]).tolist() == [0, 0]


def test_another_text_than_the_one_that_was_marked_is_refused() -> None:
    with pytest.raises(ValueError, match="a page: its visible text is not the one that was marked"):
        shares(page(), ["Menu", "The first sentence.", "The second one.", "Footer", "and more"])


def test_pages_are_read_from_files_and_from_warcs(tmp_path: Path) -> None:
    html = b"<title>x</title><p>" + b"word " * 700
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(html))
    answers = b""
    for address, status, kind in (("http://b/1", 404, "text/html"), ("http://b/2", 200, "image/png"), ("http://b/3", 200, "")):
        body = f"HTTP/1.1 {status} X\r\nContent-Type: {kind or 'text/html; charset=gbk'}\r\n\r\n".encode() + html
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {address}\r\nContent-Length: {len(body)}\r\n"
        answers += f"{head}Content-Type: application/http; msgtype=response\r\n\r\n".encode() + body + b"\r\n\r\n"
    (tmp_path / "b.warc").write_bytes(answers)
    row = {"digest": "d", "site": "b", "kind": "news", "lang": "en", "keep": [[1, 2]]}
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps({"page": name, **row}) + "\n" for name in ("b.warc#http://b/3", "a.html.gz")))
    found = load(tmp_path, labels)
    assert [(p.name, p.charset, p.payload == html, p.keep) for p in found] == [
        ("b.warc#http://b/3", "gbk", True, ((1, 2),)),
        ("a.html.gz", None, True, ((1, 2),)),
    ]
    labels.write_text("".join(json.dumps({"page": name, **row}) + "\n" for name in ("b.warc#http://b/1", "a.html.gz")))
    with pytest.raises(FileNotFoundError, match=r"1 marked pages are not there: b\.warc#http://b/1"):
        load(tmp_path, labels)


def test_marked_pages_of_a_judged_site_are_not_trained_on() -> None:
    def examples(*sites: str) -> list:
        return [SimpleNamespace(page=GoldPage("", b"", "", "en", "news", site)) for site in sites]

    gold, more = examples("origin/a.org", "b.org", "c.org"), examples("a.org", "b.org", "d.org")

    def sites(fold: int) -> list[list[str]]:
        return [[e.page.site for e in part] for part in seen(gold, more, np.array([0, 1, 1]), fold)]

    assert sites(0) == [["b.org", "c.org"], ["b.org", "d.org"]]
    assert sites(1) == [["origin/a.org"], ["a.org", "d.org"]]


def test_the_labels_hold_no_text_and_no_page_twice() -> None:
    rows = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    assert max(Counter(row["page"] for row in rows).values()) == 1
    for row in rows:
        assert row.keys() == {"page", "digest", "site", "kind", "lang", "keep"}
        ends = [0, *(end for stretch in row["keep"] for end in stretch)]
        assert ends == sorted(ends), row["page"]


@pytest.mark.data
@pytest.mark.slow
def test_every_marked_page_is_in_the_data_as_it_was_marked() -> None:
    examples = beside(Path(os.environ.get("CURATOR_DATA", "../shared/data")))
    assert len(examples) == len(LABELS.read_text(encoding="utf-8").splitlines())
    assert sum(bool(e.share.any()) for e in examples) == sum(bool(e.page.keep) for e in examples)
