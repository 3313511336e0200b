"""Which files of a crawl: a sample that grows, from a list that is not trusted."""

from __future__ import annotations

import gzip
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.download import DownloadError, Session, commoncrawl, crawl_files
from curator.download.commoncrawl import spread

NAME = "CC-MAIN-2024-10"
LIST = f"/crawl-data/{NAME}/warc.paths.gz"
GOOD = f"crawl-data/{NAME}/segments/1707947473347.0/warc/CC-MAIN-20240220211055-20240221001055-00000.warc.gz"


@given(st.integers(1, 3000))
def test_spread_names_every_position_once(count: int) -> None:
    assert sorted(spread(count)) == list(range(count))


@given(st.integers(1, 3000), st.integers(0, 11))
def test_every_beginning_of_spread_is_even(count: int, bits: int) -> None:
    """The first 2**k are 2**(width-k) apart, so no stretch of the list is left out or doubled."""
    width = (count - 1).bit_length()
    apart = 1 << max(width - bits, 0)
    expected = list(range(0, count, apart))
    assert sorted(spread(count)[: len(expected)]) == expected


def test_of_an_empty_list() -> None:
    assert spread(0) == []


def test_a_larger_sample_holds_the_smaller_one(site: Any, crawl: list[str]) -> None:
    samples = [[wanted.url for wanted in crawl_files(Session(), NAME, files, base=f"{site.url}/")] for files in range(1, 12)]
    for smaller, larger in itertools.pairwise(samples):
        assert larger[: len(smaller)] == smaller
    assert samples[1] == [site.url + crawl[0], site.url + crawl[4]]
    assert sorted(samples[-1]) == sorted(site.url + path for path in crawl)  # no more than there are


def test_kind_wet(site: Any) -> None:
    path = GOOD.replace("/warc/", "/wet/").replace(".warc.gz", ".warc.wet.gz")
    site.files[f"/crawl-data/{NAME}/wet.paths.gz"] = gzip.compress(path.encode())
    (wanted,) = crawl_files(Session(), NAME, 5, "wet", site.url)
    assert (wanted.url, wanted.name) == (f"{site.url}/{path}", path.rpartition("/")[2])


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd.warc.gz",
        "../../../tmp/CC-MAIN-1.warc.gz",
        "http://example.org/CC-MAIN-1.warc.gz",
        GOOD.replace("CC-MAIN-2024-10", "CC-MAIN-2024-18"),
        GOOD.replace("1707947473347.0", ".."),
        GOOD.replace("CC-MAIN-2024022", "../CC-MAIN-2024022"),
        GOOD.replace("CC-MAIN-2024022", "..%2fCC-MAIN-2024022"),
        GOOD.replace("00000", "000\x1b[2J00"),
        GOOD.replace("00000", "000 00"),
        GOOD.replace("00000", "0" * 300),
        GOOD.replace(".warc.gz", ".warc.gz.part"),
        GOOD.replace(".warc.gz", ".warc.wet.gz"),
        GOOD + "\r",
        " " + GOOD,
    ],
)
def test_hostile_paths_are_refused(site: Any, path: str) -> None:
    site.files[LIST] = gzip.compress(f"{GOOD}\n{path}\n".encode())
    with pytest.raises(DownloadError, match="path 2 is not one of a warc file") as refused:
        crawl_files(Session(), NAME, 1, base=site.url)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"<html>", "is no list of paths"),
        (b"", "is empty"),
        (gzip.compress(GOOD.encode())[:-8], "is no list of paths"),
        (gzip.compress("路".encode()), "is no list of paths"),
        (gzip.compress(b"\n"), "is empty"),
    ],
    ids=["a page", "nothing", "cut short", "no path in it", "an empty line"],
)
def test_what_is_no_list(site: Any, body: bytes, complaint: str) -> None:
    site.files[LIST] = body
    with pytest.raises(DownloadError, match=complaint):
        crawl_files(Session(), NAME, 1, base=site.url)


def test_a_list_in_two_members(site: Any) -> None:
    site.files[LIST] = gzip.compress(f"{GOOD}\n".encode()) + gzip.compress(GOOD.replace("00000.", "00001.").encode())
    assert len(crawl_files(Session(), NAME, 5, base=site.url)) == 2


def test_lists_are_bounded(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files[LIST] = gzip.compress(bytes(2_000_000))
    monkeypatch.setattr(commoncrawl, "MOST_EXPANDED", 1_000_000)
    with pytest.raises(DownloadError, match="over 1000000 bytes unpacked"):
        crawl_files(Session(), NAME, 1, base=site.url)
    monkeypatch.setattr(commoncrawl, "MOST_LIST_BYTES", 1000)
    with pytest.raises(DownloadError, match="is over 1000 bytes"):
        crawl_files(Session(), NAME, 1, base=site.url)


def test_a_list_that_was_cut_is_asked_for_again(site: Any, crawl: list[str], answer: Any) -> None:
    site.next[LIST] = [answer(cut=50), answer(status=503), answer(nothing=True)]
    assert len(crawl_files(Session(first=0.001), NAME, 8, base=site.url)) == 8


@pytest.mark.parametrize("crawl", ["2024-10", "CC-MAIN-2024-10/..", "CC-MAIN-2024-10\n", "CC-NEWS", ""])
def test_what_is_no_crawl(crawl: str) -> None:
    with pytest.raises(DownloadError, match="CC-MAIN-YYYY-WW"):
        crawl_files(Session(), crawl, 1)


def test_a_crawl_that_is_not_there(site: Any) -> None:
    with pytest.raises(DownloadError, match="CC-MAIN-2024-11 is not the name of a crawl with warc files"):
        crawl_files(Session(), "CC-MAIN-2024-11", 1, base=site.url)


@pytest.mark.parametrize(
    "base", ["file:///etc", "ftp://host", "data.commoncrawl.org", "http://", "http://user:pass@host", "http://h?q"]
)
def test_what_is_no_base(base: str) -> None:
    with pytest.raises(DownloadError, match="write http:// or https://"):
        crawl_files(Session(), NAME, 1, base=base)


@pytest.mark.parametrize(
    "base", ["http://[::1", "http://x:port", "http://x:99999", "http://a b", "ftp://x", "https://", "http://x/?a"]
)
def test_addresses_that_are_none(base: str) -> None:
    with pytest.raises(DownloadError, match="--base-url"):
        crawl_files(Session(), NAME, 1, base=base)
