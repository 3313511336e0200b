"""Which files of a Wikipedia dump are wanted, and the dump as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from curator.download.batch import Outcome, fetch_all
from curator.download.connection import DownloadError, Session, check_base
from curator.download.ledger import Ledger
from curator.download.part import Wanted
from curator.download.progress import Shown

DUMPS = "https://dumps.wikimedia.org"

MOST_PAGE_BYTES = 4 << 20
MOST_STATUS_BYTES = 64 << 20
MOST_DATES = 10  # of those that the server lists, newest first
PART_OF_STATUS = "articlesmultistreamdump"
_LANGUAGE = re.compile(r"[a-z][a-z0-9]{1,11}([_-][a-z0-9]{1,12}){0,3}")
_DATE = re.compile(r"[0-9]{8}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
# Languages whose dump is not called after their code.
_NAMED_OTHERWISE = {"yue": "zh_yue", "lzh": "zh_classical", "nan": "zh_min_nan", "be-tarask": "be_x_old"}


def bring_wikipedia(
    session: Session,
    shown: Shown,
    folder: Path,
    language: str,
    date: str = "latest",
    base: str = DUMPS,
    *,
    connections: int = 2,
    verify: bool = False,
) -> tuple[str, Outcome]:
    """Bring the newest complete dump of a wiki, or that of a date: the multistream parts of its pages and their indexes.

    A `latest` that was stopped goes on with the dump that it began, not with one that came out since: half of each would
    have the same pages twice. Returns the dump's name, `zhwiki-20240601`.
    """
    wiki = wiki_name(language)
    if date != "latest" and not _DATE.fullmatch(date):
        raise DownloadError(f"--date {date}: write `latest` or the day of a dump as YYYYMMDD")
    base = check_base(base)
    begun = Ledger(folder).begun.get(wiki)
    found = _find(session, wiki, date, begun, base)
    if begun and date == "latest":
        shown.note(
            f"goes on with {wiki}-{found.date}, which was begun here"
            if found.date == begun
            else f"the server no longer has {wiki}-{begun}, which was begun here; its files can be deleted"
        )
    others = _other_dates(folder, wiki, found.date)
    if others:
        shown.note(f"{folder} also holds {wiki} of {', '.join(others)}: a recipe that reads {wiki}-* would read pages twice")
    dump = (wiki, found.date)
    outcome = fetch_all(found.files, folder, session, shown, connections=connections, verify=verify, dump=dump)
    return f"{wiki}-{found.date}", outcome


def wiki_name(language: str) -> str:
    if not _LANGUAGE.fullmatch(language):
        raise DownloadError(f"--lang {language}: write the code in the address of a Wikipedia: zh, en, zh-yue")
    return f"{_NAMED_OTHERWISE.get(language, language).replace('-', '_')}wiki"


# -------------------------------------------------------------------------------------------------- which dump, which files


class Dump(NamedTuple):
    """A complete dump of one day."""

    date: str
    files: list[Wanted]


def _find(session: Session, wiki: str, date: str, begun: str | None, base: str) -> Dump:
    if date != "latest":
        files = _dump_files(session, wiki, date, base)
        if files is None:
            raise DownloadError(f"{base}/{wiki}/{date}/: is no complete dump; {base}/{wiki}/ lists the dates")
        return Dump(date, files)
    page = session.read_listing(f"{base}/{wiki}/", MOST_PAGE_BYTES)
    if page is None:
        raise DownloadError(f"{base}/{wiki}/: there is no such wiki; --lang takes the code in the address of a Wikipedia")
    listed = sorted(set(re.findall(r'href="(?:\./)?([0-9]{8})/?"', page.decode("utf-8", "replace"))), reverse=True)
    dates = [begun] if begun is not None and begun in listed else []
    dates += [each for each in listed[:MOST_DATES] if each != begun]
    for each in dates:
        files = _dump_files(session, wiki, each, base)
        if files is not None:
            return Dump(each, files)
    raise DownloadError(f"{base}/{wiki}/: lists no complete dump; name one with --date YYYYMMDD")


def _dump_files(session: Session, wiki: str, date: str, base: str) -> list[Wanted] | None:
    """The files of a dump with their sizes and sha1; None while it is being made or when it is gone."""
    url = f"{base}/{wiki}/{date}"
    status = session.read_listing(f"{url}/dumpstatus.json", MOST_STATUS_BYTES)
    listed = _listed(status, f"{url}/dumpstatus.json") if status is not None else None
    if listed is None:
        return None
    sums = _sums(session.read_listing(f"{url}/{wiki}-{date}-sha1sums.txt", MOST_PAGE_BYTES) or b"")
    wanted = []
    for name in _chosen(listed, wiki, date, url):
        about = listed[name] if isinstance(listed[name], dict) else {}
        sha1 = sums.get(name) or about.get("sha1")
        size = about.get("size")
        if not (isinstance(sha1, str) and _SHA1.fullmatch(sha1)):
            raise DownloadError(f"{url}/{wiki}-{date}-sha1sums.txt: has no sha1 for {name}, so it could not be checked")
        if type(size) is not int or size <= 0:
            raise DownloadError(f"{url}/dumpstatus.json: does not say how long {name} is")
        wanted.append(Wanted(name=name, url=f"{url}/{name}", size=size, sha1=sha1))
    return wanted


def _listed(status: bytes, url: str) -> Mapping[str, Any] | None:
    try:
        part = orjson.loads(status)["jobs"][PART_OF_STATUS]
        if part["status"] != "done":
            return None
        files = part["files"]
        if not isinstance(files, dict):
            raise TypeError("files is not an object")
    except KeyError:
        return None  # a dump that has only begun
    except (ValueError, TypeError) as error:
        raise DownloadError(f"{url}: is no status of a dump: {error}") from None
    return files


def _chosen(listed: Mapping[str, Any], wiki: str, date: str, url: str) -> list[str]:
    """The pages and their indexes. Where there are numbered parts, the same pages in one piece are left out."""
    whole = re.compile(rf"{wiki}-{date}-pages-articles-multistream(\.xml|-index\.txt)\.bz2")
    part = re.compile(
        rf"{wiki}-{date}-pages-articles-multistream(?:-index)?[0-9]{{1,4}}\.(?:xml|txt)(?:-p[0-9]{{1,12}}p[0-9]{{1,12}})?\.bz2"
    )
    for name in listed:
        if not (whole.fullmatch(name) or part.fullmatch(name)):
            raise DownloadError(f"{url}/dumpstatus.json: names a file that is not one of {wiki}-{date}: {name[:200]!r}")
    parts = [name for name in listed if part.fullmatch(name)]
    chosen = parts or [name for name in listed if whole.fullmatch(name)]
    if not any(".xml" in name for name in chosen):
        raise DownloadError(f"{url}/dumpstatus.json: names no pages-articles-multistream file")
    return sorted(chosen, key=lambda name: [int(n) if n.isdigit() else n for n in re.split(r"([0-9]+)", name)])


def _sums(text: bytes) -> dict[str, str]:
    """`sha1  name` a line."""
    pairs = (line.split() for line in text.decode("utf-8", "replace").splitlines())
    return {pair[1].lstrip("*"): pair[0] for pair in pairs if len(pair) == 2}


def _other_dates(folder: Path, wiki: str, date: str) -> list[str]:
    found = {path.name.split("-")[1] for path in folder.glob(f"{wiki}-*-pages-articles*.bz2")}
    return sorted(found - {date})
