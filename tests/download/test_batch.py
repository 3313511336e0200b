"""Many files: what is there already, what fails, and who else writes."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from curator.download import DownloadError, Outcome, Session, Shown, Wanted, fetch_all


@pytest.fixture
def bring(site: Any, crawl: list[str], tmp_path: Path) -> Any:
    def bring(files: int = 4, **options: Any) -> Outcome:
        shown = Shown(Console(quiet=True))
        session = Session(tries=2, first=0.001, most=0.002, timeout=5, note=shown.note)
        wanted = [Wanted(name=path.rpartition("/")[2], url=site.url + path) for path in crawl[:files]]
        return fetch_all(wanted, tmp_path, session, shown, **options)

    return bring


def ledger(folder: Path) -> dict[str, Any]:
    return orjson.loads((folder / "downloads.json").read_bytes())["files"]


def test_all_come_and_are_entered(site: Any, crawl: list[str], bring: Any, tmp_path: Path) -> None:
    outcome = bring()
    assert len(outcome.brought) == 4
    assert outcome.size == sum(len(site.files[path]) for path in crawl[:4])
    for path in crawl[:4]:
        name, data = path.rpartition("/")[2], site.files[path]
        entry = ledger(tmp_path)[name]
        assert (tmp_path / name).read_bytes() == data
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert (entry["size"], entry["url"], entry["etag"]) == (len(data), site.url + path, site.etag(path))


@pytest.mark.parametrize("connections", [1, 2, 3])
def test_no_more_connections_than_asked_for(site: Any, crawl: list[str], bring: Any, answer: Any, connections: int) -> None:
    for path in crawl:
        site.always[path] = answer(silent=0.05)
    bring(8, connections=connections)
    assert site.most_open == connections


def test_again_asks_for_nothing(site: Any, bring: Any) -> None:
    bring()
    site.asked.clear()
    outcome = bring()
    assert (len(outcome.present), outcome.brought, site.asked) == (4, [], [])


@pytest.mark.parametrize("verify", [False, True])
def test_damage_here_is_found_with_verify(site: Any, crawl: list[str], bring: Any, tmp_path: Path, verify: bool) -> None:
    bring()
    path = tmp_path / crawl[1].rpartition("/")[2]
    before = path.stat()
    path.write_bytes(b"\0" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    outcome = bring(verify=verify)
    assert outcome.brought == ([path.name] if verify else [])
    assert (path.read_bytes() == site.files[crawl[1]]) is verify


@pytest.mark.parametrize("change", ["cut", "other bytes"])
def test_a_file_that_was_touched_is_read_again(site: Any, crawl: list[str], bring: Any, tmp_path: Path, change: str) -> None:
    bring()
    path = tmp_path / crawl[1].rpartition("/")[2]
    path.write_bytes(path.read_bytes()[:-1] if change == "cut" else site.files[crawl[2]])
    assert bring().brought == [path.name]
    assert path.read_bytes() == site.files[crawl[1]]


def test_a_copy_with_a_new_date_is_kept(site: Any, crawl: list[str], bring: Any, tmp_path: Path) -> None:
    bring()
    path = tmp_path / crawl[1].rpartition("/")[2]
    os.utime(path, ns=(1, 1))
    site.asked.clear()
    assert bring().brought == []
    assert site.asked == []
    assert ledger(tmp_path)[path.name]["changed_ns"] == 1


def test_files_without_a_ledger_are_checked_and_kept(site: Any, crawl: list[str], bring: Any, tmp_path: Path) -> None:
    bring()
    before = ledger(tmp_path)
    (tmp_path / "downloads.json").unlink()
    (tmp_path / crawl[0].rpartition("/")[2]).write_bytes(site.files[crawl[0]][:-9])
    site.asked.clear()
    outcome = bring()
    assert outcome.brought == [crawl[0].rpartition("/")[2]]
    assert [method for method, *_ in site.asked].count("GET") == 1
    assert {n: e["sha256"] for n, e in ledger(tmp_path).items()} == {n: e["sha256"] for n, e in before.items()}


@pytest.mark.parametrize(
    "held", ["{", "[]", '{"version": 2, "files": {}, "begun": {}}', '{"version": 1, "files": {"a": {}}, "begun": {}}']
)
def test_a_ledger_that_cannot_be_read(bring: Any, tmp_path: Path, held: str) -> None:
    (tmp_path / "downloads.json").write_text(held)
    with pytest.raises(DownloadError, match=r"downloads\.json: cannot be read"):
        bring()
    assert (tmp_path / "downloads.json").read_text() == held


def test_one_that_is_missing_does_not_stop_the_others(site: Any, crawl: list[str], bring: Any, tmp_path: Path) -> None:
    del site.files[crawl[0]]
    with pytest.raises(DownloadError, match=rf"1 of 4 files could not be had:\n  {site.url}{crawl[0]}: .* 404"):
        bring()
    assert len(list(tmp_path.glob("*.warc.gz"))) == 3


def test_a_server_that_is_gone_is_left_alone(site: Any, crawl: list[str], bring: Any, answer: Any) -> None:
    for path in crawl:
        site.always[path] = answer(status=503)
    with pytest.raises(DownloadError, match="gave up after 2 tries"):
        bring(8, connections=1)
    assert len(site.asked) == 6  # three files, two tries each


def test_a_pause_holds_for_all_connections(site: Any, crawl: list[str], bring: Any, answer: Any) -> None:
    site.next[crawl[0]] = [answer(status=429, headers={"Retry-After": "1"})]
    for path in crawl[1:]:
        site.always[path] = answer(silent=0.15)  # so the other connection may have one request open, not seven
    bring(8, connections=2)
    refused = site.when[[path for _, path, _ in site.asked].index(crawl[0])]
    assert [when for when in site.when if 0.1 < when - refused < 0.9] == []
    assert len(site.asked) == 9


def test_a_second_download_into_the_folder_is_refused(site: Any, bring: Any, tmp_path: Path) -> None:
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(DownloadError, match="another download writes into it"):
            bring()
    finally:
        os.close(held)
    assert site.asked == []
    bring()


def test_one_name_twice(tmp_path: Path) -> None:
    twice = [Wanted(name="a.gz", url="http://127.0.0.1:1/x/a.gz"), Wanted(name="a.gz", url="http://127.0.0.1:1/y/a.gz")]
    with pytest.raises(DownloadError, match="names one file twice"):
        fetch_all(twice, tmp_path, Session(), Shown(Console(quiet=True)))
