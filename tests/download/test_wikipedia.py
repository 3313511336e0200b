"""Which files of a dump, of which day; every one checked by its published sha1."""

from __future__ import annotations

import bz2
import hashlib
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from curator.download import DownloadError, Outcome, Session, Shown, bring_wikipedia
from curator.download.wikipedia import wiki_name

PARTS = ("1.xml-p1p187712", "2.xml-p187713p630160", "-index1.txt-p1p187712", "-index2.txt-p187713p630160")


def stem(date: str, wiki: str = "zhwiki") -> str:
    return f"{wiki}-{date}-pages-articles-multistream"


def publish(site: Any, date: str, names: list[str], status: str = "done", wiki: str = "zhwiki", sums: bool = True) -> None:
    """A dump of one day on the server, and that day on its page."""
    draw = random.Random(date)
    files = {}
    for name in names:
        data = site.files[f"/{wiki}/{date}/{name}"] = bz2.compress(draw.randbytes(100_000))
        files[name] = {"size": len(data), "url": "http://elsewhere/", "sha1": hashlib.sha1(data).hexdigest()}
    if sums:
        lines = "".join(f"{about['sha1']}  {name}\n" for name, about in files.items())
        site.files[f"/{wiki}/{date}/{wiki}-{date}-sha1sums.txt"] = lines.encode()
    held = {"version": "0.8", "jobs": {"articlesmultistreamdump": {"status": status, "files": files}}}
    site.files[f"/{wiki}/{date}/dumpstatus.json"] = orjson.dumps(held)
    page = site.files.get(f"/{wiki}/", b'<a href="../">../</a>\n<a href="latest/">latest/</a>\n')
    site.files[f"/{wiki}/"] = page + f'<a href="{date}/">{date}/</a>\n'.encode()


def set_status(site: Any, date: str, held: Any) -> None:
    site.files[f"/zhwiki/{date}/dumpstatus.json"] = orjson.dumps(held)


def names(date: str) -> list[str]:
    return [f"{stem(date)}{part}.bz2" for part in PARTS]


@pytest.fixture
def told() -> Console:
    return Console(record=True, quiet=False, file=open("/dev/null", "w"), width=300)


@pytest.fixture
def bring(site: Any, tmp_path: Path, told: Console) -> Any:
    def bring(language: str = "zh", date: str = "latest", **options: Any) -> tuple[str, Outcome]:
        shown = Shown(told)
        session = Session(tries=2, first=0.001, most=0.002, timeout=5, note=shown.note)
        return bring_wikipedia(session, shown, tmp_path, language, date, site.url, **options)

    return bring


def held(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != "downloads.json"}


def test_latest_is_the_newest_that_is_complete(site: Any, bring: Any, tmp_path: Path) -> None:
    publish(site, "20240501", names("20240501"))
    publish(site, "20240601", names("20240601"))
    publish(site, "20240620", names("20240620"), status="in-progress")
    site.files["/zhwiki/"] += b'<a href="20240701/">'  # a dump that has only begun: no status yet
    found, outcome = bring()
    assert found == "zhwiki-20240601"
    assert sorted(outcome.brought) == sorted(names("20240601"))
    for name in names("20240601"):
        assert (tmp_path / name).read_bytes() == site.files[f"/zhwiki/20240601/{name}"]
    ledger = orjson.loads((tmp_path / "downloads.json").read_bytes())
    assert ledger["begun"] == {}
    assert all(entry["sha1"] for entry in ledger["files"].values())


def test_a_day(site: Any, bring: Any, tmp_path: Path) -> None:
    publish(site, "20240501", names("20240501"))
    publish(site, "20240601", names("20240601"))
    assert bring(date="20240501")[0] == "zhwiki-20240501"
    assert held(tmp_path) == set(names("20240501"))
    for date in ("20240402", "20240601"):
        set_status(site, "20240601", {"jobs": {"articlesmultistreamdump": {"status": "waiting"}}})
        with pytest.raises(DownloadError, match=f"/zhwiki/{date}/: is no complete dump"):
            bring(date=date)


def test_a_small_wiki_is_one_file(site: Any, bring: Any, tmp_path: Path) -> None:
    whole = [f"{stem('20240601', 'zh_yuewiki')}.xml.bz2", f"{stem('20240601', 'zh_yuewiki')}-index.txt.bz2"]
    publish(site, "20240601", whole, wiki="zh_yuewiki")
    assert bring("yue")[0] == "zh_yuewiki-20240601"
    assert held(tmp_path) == set(whole)


def test_no_page_comes_twice(site: Any, bring: Any, tmp_path: Path) -> None:
    publish(site, "20240601", [*names("20240601"), f"{stem('20240601')}.xml.bz2", f"{stem('20240601')}-index.txt.bz2"])
    bring()
    assert held(tmp_path) == set(names("20240601"))


def test_a_wrong_sha1(site: Any, bring: Any, tmp_path: Path) -> None:
    publish(site, "20240601", names("20240601"))
    path = f"/zhwiki/20240601/{names('20240601')[1]}"
    site.files[path] = site.files[path][:-1] + b"?"
    with pytest.raises(DownloadError, match=r"1 of 4 files could not be had:\n.*came 2 times and is wrong: its sha1 is"):
        bring()
    assert held(tmp_path) == set(names("20240601")) - {names("20240601")[1]}


def test_a_wrong_size(site: Any, bring: Any) -> None:
    publish(site, "20240601", names("20240601"))
    site.files[f"/zhwiki/20240601/{names('20240601')[1]}"] += b"?"
    with pytest.raises(DownloadError, match="bytes on this server, and"):
        bring()


def test_the_published_sums_count_more_than_the_status(site: Any, bring: Any) -> None:
    publish(site, "20240601", names("20240601"))
    sums = "/zhwiki/20240601/zhwiki-20240601-sha1sums.txt"
    site.files[sums] = b"0" * 40 + site.files[sums][40:]
    with pytest.raises(DownloadError, match=f"and {'0' * 40} was published"):
        bring()


def test_without_sums_the_status_serves(site: Any, bring: Any, tmp_path: Path) -> None:
    publish(site, "20240601", names("20240601"), sums=False)
    bring()
    assert held(tmp_path) == set(names("20240601"))


def test_what_cannot_be_checked_is_not_brought(site: Any, bring: Any, tmp_path: Path) -> None:
    publish(site, "20240601", names("20240601"))
    site.files["/zhwiki/20240601/zhwiki-20240601-sha1sums.txt"] = b"../../x  y z\n\xff\n"
    files = {name: {"size": 10} for name in names("20240601")}
    set_status(site, "20240601", {"jobs": {"articlesmultistreamdump": {"status": "done", "files": files}}})
    with pytest.raises(DownloadError, match="has no sha1 for"):
        bring()
    assert held(tmp_path) == set()


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        f"../{stem('20240601')}1.xml-p1p2.bz2",
        f"{stem('20240601')}1.xml-p1p2/../../x.bz2",
        f"{stem('20240501')}1.xml-p1p2.bz2",
        f"{stem('20240601')}1.xml-p1p2.bz2\n",
        f"{stem('20240601', 'enwiki')}1.xml-p1p2.bz2",
        "zhwiki-20240601-pages-meta-history1.xml-p1p2.7z",
        "",
    ],
)
def test_hostile_names_are_refused(site: Any, bring: Any, tmp_path: Path, name: str) -> None:
    publish(site, "20240601", names("20240601"))
    set_status(site, "20240601", {"jobs": {"articlesmultistreamdump": {"status": "done", "files": {name: {}}}}})
    with pytest.raises(DownloadError, match="names a file that is not one of zhwiki-20240601"):
        bring()
    assert held(tmp_path) == set()


@pytest.mark.parametrize(
    "status", [[], 5, {"jobs": 5}, {"jobs": {"articlesmultistreamdump": {"status": "done", "files": [1]}}}]
)
def test_a_status_that_is_none(site: Any, bring: Any, status: Any) -> None:
    publish(site, "20240601", names("20240601"))
    set_status(site, "20240601", status)
    with pytest.raises(DownloadError, match=r"dumpstatus\.json: is no status of a dump"):
        bring()


@pytest.mark.parametrize("about", [{}, {"size": "10"}, {"size": -1}, {"size": True}, None])
def test_a_size_that_is_none(site: Any, bring: Any, about: Any) -> None:
    publish(site, "20240601", names("20240601"))
    files = dict.fromkeys(names("20240601"), about)
    set_status(site, "20240601", {"jobs": {"articlesmultistreamdump": {"status": "done", "files": files}}})
    with pytest.raises(DownloadError, match="does not say how long"):
        bring()


def test_latest_goes_on_with_what_was_begun(site: Any, bring: Any, tmp_path: Path, told: Console, answer: Any) -> None:
    publish(site, "20240601", names("20240601"))
    site.always[f"/zhwiki/20240601/{names('20240601')[3]}"] = answer(cut=50_000, no_ranges=True)
    with pytest.raises(DownloadError, match="gave up"):
        bring()
    site.always.clear()
    publish(site, "20240701", names("20240701"))
    assert bring()[0] == "zhwiki-20240601"
    assert "goes on with zhwiki-20240601" in told.export_text()
    assert site.of(f"/zhwiki/20240601/{names('20240601')[3]}")[-1]["Range"] == "bytes=50000-"
    assert held(tmp_path) == set(names("20240601"))
    assert bring()[0] == "zhwiki-20240701"  # it was complete, so latest is the latest again
    assert "also holds zhwiki of 20240601" in told.export_text()


def test_what_was_begun_and_is_gone(site: Any, bring: Any, told: Console, answer: Any) -> None:
    publish(site, "20240601", names("20240601"))
    site.always[f"/zhwiki/20240601/{names('20240601')[3]}"] = answer(status=404)
    with pytest.raises(DownloadError, match="404"):
        bring()
    site.files = {path: data for path, data in site.files.items() if "/20240601/" not in path}
    publish(site, "20240701", names("20240701"))
    assert bring()[0] == "zhwiki-20240701"
    assert "no longer has zhwiki-20240601" in told.export_text()


def test_a_dump_that_was_made_again(site: Any, bring: Any, tmp_path: Path) -> None:
    publish(site, "20240601", names("20240601"))
    bring()
    publish(site, "20240601", list(reversed(names("20240601"))))  # the same names, other bytes
    outcome = bring()[1]
    assert sorted(outcome.brought) == sorted(names("20240601"))
    for name in names("20240601"):
        assert (tmp_path / name).read_bytes() == site.files[f"/zhwiki/20240601/{name}"]


def test_no_dump_at_all(site: Any, bring: Any) -> None:
    with pytest.raises(DownloadError, match="there is no such wiki"):
        bring()
    site.files["/zhwiki/"] = b"<html>"
    with pytest.raises(DownloadError, match="lists no complete dump"):
        bring()


@pytest.mark.parametrize("date", ["2024-06-01", "../x", "newest", "202406"])
def test_what_is_no_date(bring: Any, date: str) -> None:
    with pytest.raises(DownloadError, match="YYYYMMDD"):
        bring(date=date)


@pytest.mark.parametrize("language", ["", "ZH", "../zh", "zh/", "z", "zh\n", "中文"])
def test_what_is_no_language(bring: Any, language: str) -> None:
    with pytest.raises(DownloadError, match="write the code"):
        bring(language)


def test_names_of_wikis() -> None:
    named = {code: wiki_name(code) for code in ("zh", "simple", "zh-classical", "zh_min_nan", "lzh", "nan")}
    assert named == {
        "zh": "zhwiki",
        "simple": "simplewiki",
        "zh-classical": "zh_classicalwiki",
        "zh_min_nan": "zh_min_nanwiki",
        "lzh": "zh_classicalwiki",
        "nan": "zh_min_nanwiki",
    }
