"""One file over a line that breaks and from a server that errs."""

from __future__ import annotations

import email.utils
import hashlib
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from curator.download import DownloadError, Session, Shown, Wanted, fetch_all

NAME = "a.warc.gz"


@pytest.fixture
def bring(site: Any, crawl: list[str], tmp_path: Path) -> Any:
    """Serves the first file of the crawl as /a.warc.gz, and returns what brings it and reads it."""
    site.files[f"/{NAME}"] = site.files[crawl[0]]

    def bring(tries: int = 4, timeout: float = 5.0, **wanted: Any) -> bytes:
        shown = Shown(Console(quiet=True))
        session = Session(tries=tries, first=0.001, most=0.002, timeout=timeout, note=shown.note)
        fetch_all([Wanted(name=NAME, url=f"{site.url}/{NAME}", **wanted)], tmp_path, session, shown)
        assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "downloads.json"]
        return (tmp_path / NAME).read_bytes()

    return bring


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != "downloads.json"}


def test_a_cut_connection_is_gone_on_with(site: Any, bring: Any, answer: Any) -> None:
    whole = site.files[f"/{NAME}"]
    site.next[f"/{NAME}"] = [answer(cut=100_000)]
    assert bring() == whole
    first, second = site.of(f"/{NAME}")
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == ("bytes=100000-", site.etag(f"/{NAME}"))


def test_who_asks(site: Any, bring: Any) -> None:
    bring()
    (headers,) = site.of(f"/{NAME}")
    assert headers["User-Agent"].startswith("curator/")
    assert headers["Accept-Encoding"] == "identity"


def test_tries_that_get_further_do_not_count(site: Any, bring: Any, answer: Any) -> None:
    site.next[f"/{NAME}"] = [answer(cut=70_000)] * 4
    assert bring(tries=2) == site.files[f"/{NAME}"]


def test_tries_that_get_nowhere_end(site: Any, bring: Any, answer: Any, tmp_path: Path) -> None:
    site.always[f"/{NAME}"] = answer(cut=100_000, no_ranges=True)
    with pytest.raises(DownloadError, match=rf"{site.url}/{NAME}: gave up after 3 tries: the connection ended after 100000 of"):
        bring(tries=3)
    assert left(tmp_path) == {f"{NAME}.part", f"{NAME}.part.json"}
    assert (tmp_path / f"{NAME}.part").stat().st_size == 100_000
    site.always.clear()
    bring()
    assert site.of(f"/{NAME}")[-1]["Range"] == "bytes=100000-"


@pytest.mark.parametrize("status", [403, 408, 429, 500, 502, 503, 504])
def test_passing_refusals(site: Any, bring: Any, answer: Any, status: int) -> None:
    site.next[f"/{NAME}"] = [answer(status=status), answer(status=status)]
    assert bring() == site.files[f"/{NAME}"]


def test_no_answer_and_silence_are_tried_again(site: Any, bring: Any, answer: Any) -> None:
    site.next[f"/{NAME}"] = [answer(nothing=True), answer(silent=0.6), answer(cut=80_000)]
    assert bring(timeout=0.2) == site.files[f"/{NAME}"]


def test_a_busy_server_ends_in_advice(site: Any, bring: Any, answer: Any) -> None:
    site.always[f"/{NAME}"] = answer(status=403)
    with pytest.raises(DownloadError, match=r"gave up after 2 tries: the server answers 403 Forbidden\. .*--connections 1"):
        bring(tries=2)


@pytest.mark.parametrize("dated", [False, True])
def test_retry_after_is_kept(site: Any, bring: Any, answer: Any, dated: bool) -> None:
    until = email.utils.formatdate(time.time() + 2, usegmt=True) if dated else "1"  # dates have whole seconds
    site.next[f"/{NAME}"] = [answer(status=503, headers={"Retry-After": until})]
    began = time.monotonic()
    bring()
    assert time.monotonic() - began > 0.9


def test_a_retry_after_of_a_day_is_not_waited_for(site: Any, bring: Any, answer: Any) -> None:
    site.always[f"/{NAME}"] = answer(status=429, headers={"Retry-After": "86400"})
    with pytest.raises(DownloadError, match="asks to be left alone for 86400 s"):
        bring()
    assert len(site.of(f"/{NAME}")) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410, 451])
def test_lasting_refusals_are_not_tried_again(site: Any, bring: Any, answer: Any, status: int) -> None:
    site.always[f"/{NAME}"] = answer(status=status)
    with pytest.raises(DownloadError, match=f"{site.url}/{NAME}: the server answers {status}"):
        bring()
    assert len(site.of(f"/{NAME}")) == 1


# -------------------------------------------------------------------------------------------------- is it the same file


def test_a_file_that_changed_between_two_tries_begins_anew(site: Any, bring: Any, answer: Any, crawl: list[str]) -> None:
    site.next[f"/{NAME}"] = [answer(cut=100_000)]
    with pytest.raises(DownloadError):
        bring(tries=1)
    site.files[f"/{NAME}"] = site.files[crawl[3]]
    assert bring() == site.files[crawl[3]]
    assert site.of(f"/{NAME}")[-1]["Range"] == "bytes=100000-"


def test_a_server_without_ranges(site: Any, bring: Any, answer: Any) -> None:
    site.next[f"/{NAME}"] = [answer(cut=100_000), answer(no_ranges=True)]
    assert bring() == site.files[f"/{NAME}"]


@pytest.mark.parametrize(
    ("range_", "etag"),
    [
        ("bytes 5-{last}/{size}", None),
        ("bytes 100000-{last}/7{size}", None),
        ("bytes 100000-{last}/{size}", '"of another file"'),
        ("bytes 100000-{last}/*", None),
        ("nonsense", None),
    ],
)
def test_a_range_of_something_else_is_not_appended(site: Any, bring: Any, answer: Any, range_: str, etag: str | None) -> None:
    size = len(site.files[f"/{NAME}"])
    said = range_.format(last=size - 1, size=size)
    headers = {"ETag": etag} if etag else {}
    site.next[f"/{NAME}"] = [answer(cut=100_000), answer(content_range=said, headers=headers)]
    assert bring() == site.files[f"/{NAME}"]
    ranges = [asked.get("Range") for asked in site.of(f"/{NAME}")]
    assert ranges == [None, "bytes=100000-", None]
    assert "Cache-Control" not in site.of(f"/{NAME}")[-1]  # it was seen at once, not by the damage that it would do


def test_more_than_was_promised(site: Any, bring: Any, answer: Any, tmp_path: Path) -> None:
    size = len(site.files[f"/{NAME}"])
    site.next[f"/{NAME}"] = [answer(cut=100_000), answer(more=b"?" * 200_000), answer(cut=100_000), answer(more=b"?" * 200_000)]
    with pytest.raises(DownloadError, match=f"the server sends more than the {size} bytes"):
        bring()
    assert left(tmp_path) == set()


def test_a_weak_etag_is_no_ground_to_go_on(site: Any, bring: Any, answer: Any) -> None:
    site.etags[f"/{NAME}"] = 'W/"weak"'
    site.next[f"/{NAME}"] = [answer(cut=100_000)]
    assert bring() == site.files[f"/{NAME}"]
    assert "Range" not in site.of(f"/{NAME}")[-1]


@pytest.mark.parametrize("spoil", ["part", "long part", "note", "no note"])
def test_a_part_that_was_spoiled_here_begins_anew(site: Any, bring: Any, answer: Any, tmp_path: Path, spoil: str) -> None:
    site.next[f"/{NAME}"] = [answer(cut=100_000)]
    with pytest.raises(DownloadError):
        bring(tries=1)
    part, note = tmp_path / f"{NAME}.part", tmp_path / f"{NAME}.part.json"
    if spoil == "part":
        part.write_bytes(part.read_bytes()[:60_000] + b"\0" * 40_000)
    elif spoil == "long part":
        part.write_bytes(site.files[f"/{NAME}"] + b"?")
    elif spoil == "note":
        note.write_text('{"url": "http://elsewhere/", "size": 300000, "etag": "", "modified": ""}')
    else:
        note.unlink()
    assert bring() == site.files[f"/{NAME}"]
    assert [asked.get("Range") for asked in site.of(f"/{NAME}")] == [None, None]


def test_a_part_that_was_whole_when_we_were_killed_is_only_checked(site: Any, bring: Any, answer: Any, tmp_path: Path) -> None:
    whole = site.files[f"/{NAME}"]
    site.next[f"/{NAME}"] = [answer(cut=100_000)]
    with pytest.raises(DownloadError):
        bring(tries=1)
    (tmp_path / f"{NAME}.part").write_bytes(whole)
    assert bring() == whole
    assert len(site.of(f"/{NAME}")) == 1


# ------------------------------------------------------------------------------------------------------ is it whole


def test_a_length_that_is_too_long(site: Any, bring: Any, answer: Any, tmp_path: Path) -> None:
    size = len(site.files[f"/{NAME}"])
    site.always[f"/{NAME}"] = answer(length=size + 10)
    with pytest.raises(DownloadError, match=rf"promised {size + 10} bytes and has no more than {size}"):
        bring()
    assert left(tmp_path) == set()


def test_a_length_that_is_too_short(site: Any, bring: Any, answer: Any, tmp_path: Path) -> None:
    site.always[f"/{NAME}"] = answer(length=100_000)
    with pytest.raises(DownloadError, match="came 2 times and is wrong: the gzip data ends in the middle of a member"):
        bring()
    assert left(tmp_path) == set()


def test_a_length_that_is_not_said(site: Any, bring: Any, answer: Any) -> None:
    site.always[f"/{NAME}"] = answer(length=-1)
    with pytest.raises(DownloadError, match="does not say how long it is"):
        bring()


def test_a_length_that_is_not_the_published_one(site: Any, bring: Any) -> None:
    with pytest.raises(DownloadError, match="and 7 were published"):
        bring(size=7)


def test_a_damaged_member_is_found_before_the_end(site: Any, bring: Any, tmp_path: Path, crawl: list[str]) -> None:
    data = bytearray(b"".join(site.files[path] for path in crawl))
    data[30_000] ^= 1
    site.files[f"/{NAME}"] = bytes(data)
    with pytest.raises(DownloadError, match="came 2 times and is wrong: the gzip data is damaged in member 1"):
        bring()
    assert left(tmp_path) == set()
    assert site.of(f"/{NAME}")[1]["Cache-Control"] == "no-cache"


def test_damage_on_the_way_is_mended(site: Any, bring: Any, answer: Any) -> None:
    whole = site.files[f"/{NAME}"]
    site.next[f"/{NAME}"] = [answer(length=100_000)]
    assert bring() == whole


def test_sha1(site: Any, bring: Any, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"and {'0' * 40} was published"):
        bring(sha1="0" * 40)
    assert left(tmp_path) == set()
    assert bring(sha1=hashlib.sha1(site.files[f"/{NAME}"]).hexdigest())


def test_a_full_disk(bring: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(DownloadError, match=r"cannot be written: needs 0\.00 GB and 0\.00 GB are free"):
        bring()
    assert left(tmp_path) == set()


# ---------------------------------------------------------------------------------------------------------- redirects


def test_redirects_are_followed_with_their_range(site: Any, bring: Any, answer: Any) -> None:
    site.files["/elsewhere"] = site.files[f"/{NAME}"]
    site.always[f"/{NAME}"] = answer(status=302, headers={"Location": "/elsewhere"})
    site.next["/elsewhere"] = [answer(cut=100_000)]
    assert bring() == site.files["/elsewhere"]
    assert site.of("/elsewhere")[1]["Range"] == "bytes=100000-"


@pytest.mark.parametrize("where", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "gopher://x/"])
def test_redirects_away_from_http_are_not(site: Any, bring: Any, answer: Any, tmp_path: Path, where: str) -> None:
    site.always[f"/{NAME}"] = answer(status=302, headers={"Location": where})
    with pytest.raises(DownloadError, match=f"{site.url}/{NAME}: .*(follow)"):
        bring()
    assert left(tmp_path) == set()


def test_a_circle_of_redirects_ends(site: Any, bring: Any, answer: Any) -> None:
    for number in range(20):
        site.always[f"/{number}"] = answer(status=302, headers={"Location": f"/{number + 1}"})
    site.always[f"/{NAME}"] = answer(status=301, headers={"Location": "/0"})
    with pytest.raises(DownloadError, match="redirects too often"):
        bring()
    assert len(site.asked) < 10
