"""The quickstart's web data: the carried files are what pack.py makes of pages/, and hold what README.md says."""

from __future__ import annotations

import importlib.util
import io
import sys
import zlib
from collections import Counter
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from warcio.archiveiterator import ArchiveIterator

FOLDER = Path(__file__).resolve().parents[1] / "pipelines" / "quickstart"


def load_builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quickstart_pack", FOLDER / "pack.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pack() -> ModuleType:
    return load_builder()


@pytest.fixture(scope="module")
def built(pack: ModuleType) -> dict[str, bytes]:
    return pack.build()


@pytest.fixture(scope="module")
def index() -> list[dict[str, str]]:
    header, *rows = (FOLDER / "INDEX.tsv").read_text(encoding="utf-8").splitlines()
    return [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows]


def responses(data: bytes, skip_damaged: bool = True) -> dict[str, bytes]:
    """URL -> body as sent, read by warcio member by member, so that a damaged one costs itself alone."""
    found: dict[str, bytes] = {}
    while data:
        reader = zlib.decompressobj(wbits=31)
        try:
            record = reader.decompress(data)
            data = reader.unused_data
        except zlib.error:
            assert skip_damaged
            data = data[data.index(b"\x1f\x8b\x08", 1) :]
            continue
        for parsed in ArchiveIterator(io.BytesIO(record)):
            if parsed.rec_type == "response":
                assert parsed.http_headers is not None
                found[parsed.rec_headers.get_header("WARC-Target-URI")] = parsed.content_stream().read()
    return found


def test_the_carried_files_are_what_the_builder_makes(pack: ModuleType, built: dict[str, bytes]) -> None:
    for name, data in built.items():
        assert pack.same(data, (FOLDER / name).read_bytes(), name), f"{name}: run python pipelines/quickstart/pack.py"


def test_two_builds_give_the_same_bytes(pack: ModuleType, built: dict[str, bytes]) -> None:
    assert pack.build() == built


def test_a_changed_record_is_noticed(pack: ModuleType, built: dict[str, bytes]) -> None:
    name = "web-00000.warc.gz"
    assert not pack.same(built[name], built["web-00002.warc.gz"], name)


def test_every_page_is_there_once_and_is_as_its_row_says(index: list[dict[str, str]], built: dict[str, bytes]) -> None:
    assert len({row["url"] for row in index}) == len(index)
    for name in sorted({row["file"] for row in index}):
        found = responses(built[name])
        rows = [row for row in index if row["file"] == name]
        assert set(found) == {row["url"] for row in rows if row["kind"] != "corrupt"}
        for row in rows:
            if row["kind"] in ("good", "near_duplicate", "exact_copy", "short"):
                text = found[row["url"]].decode(row["charset"])
                for value in filter(None, [*row["pii"].split("|"), *row["keep"].split("|")]):
                    assert value in text, f"{row['page']}: {value}"


def test_there_is_enough_of_each_kind(index: list[dict[str, str]]) -> None:
    kinds = Counter(row["kind"] for row in index)
    good = [row for row in index if row["kind"] == "good"]
    languages = Counter(row["language"] for row in good)
    charsets = Counter(row["charset"] for row in index)
    assert len(index) >= 100
    assert languages["zh-Hans"] >= 30
    assert languages["zh-Hant"] >= 15
    assert languages["yue"] == 2
    assert languages["en"] >= 20
    assert all(languages[other] >= 2 for other in ("ja", "ru", "es", "de", "fr", "ko"))
    assert kinds["near_duplicate"] >= 4
    assert kinds["exact_copy"] == 2
    assert kinds["corrupt"] == 1
    assert kinds["broken"] == 2
    assert min(kinds[kind] for kind in ("spam", "repetitive", "navigation", "soft_404", "empty", "not_html", "not_found")) >= 2
    assert {"utf-8", "gb18030", "gbk", "big5", "shift_jis", "euc-jp", "windows-1251", "iso-8859-1"} <= set(charsets)
    assert {row["declared"].split(" ")[0] for row in index} == {"both", "header", "meta", "none"}
    assert sum(bool(row["pii"]) for row in index) >= 5


def test_the_damage_is_what_it_should_be(index: list[dict[str, str]], built: dict[str, bytes]) -> None:
    broken = {row["page"]: responses(built[row["file"]])[row["url"]] for row in index if row["kind"] == "broken"}
    assert len(broken) == 2
    for body in broken.values():
        with pytest.raises(UnicodeDecodeError):
            body.decode("utf-8")
        assert 1 <= body.decode("utf-8", "replace").count("\ufffd") <= 3  # the bytes of one character
    assert b"</html>" not in broken["junk/broken-cut.txt"]
    corrupt = next(row for row in index if row["kind"] == "corrupt")
    with pytest.raises(AssertionError):
        responses(built[corrupt["file"]], skip_damaged=False)
    before = [row for row in index if row["file"] == corrupt["file"] and row["url"] in responses(built[corrupt["file"]])]
    assert len(before) == sum(row["file"] == corrupt["file"] for row in index) - 1


def test_copies_name_a_page_that_is_there(index: list[dict[str, str]]) -> None:
    urls = {row["url"] for row in index}
    for row in index:
        assert not row["of"] or (row["of"] in urls and row["of"] != row["url"])
        assert bool(row["of"]) or row["kind"] not in ("near_duplicate", "exact_copy")


def test_hosts_are_reserved_and_files_are_small(index: list[dict[str, str]]) -> None:
    for row in index:
        assert (urlsplit(row["url"]).hostname or "").endswith((".example", ".example.com")), row["url"]
    for path in FOLDER.rglob("*"):
        assert path.is_dir() or path.stat().st_size < 1_000_000, path
