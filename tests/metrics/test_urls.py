"""Addresses in lists: hosts and those above them, paths and those above them, and what is written oddly."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.config import ConfigError
from curator.metrics import Asked
from curator.metrics.urls import entries, load_urls, measure_urls, split_url
from curator.stages.filter import Filter
from curator.storage import StorageError

LISTED = ["bad.example", "*.worse.example", "blog.example/casino", "例子.中国", "10.0.0.1", "shop.example:8080/x/"]
LISTED += ["wei.example/#!/spam", "http://drive.example/?id=5", "go.example/to?u=http://good.example", "page.example/a?b#c"]


def found(metric: str, urls: list[str | None]) -> list[int]:
    return measure_urls(pa.array(urls, pa.string()), [Asked("in", metric, (("list", "mine"),))], {"mine": entries(LISTED)})[
        "in"
    ].to_pylist()


@pytest.mark.parametrize(
    ("url", "domain", "address"),
    [
        ("http://bad.example/any", 1, 1),
        ("https://WWW.Bad.Example:443/any?x=1#y", 1, 1),
        ("https://user:word@deep.under.bad.example", 1, 0),
        ("http://notbad.example/", 0, 0),
        ("http://bad.example.org/", 0, 0),
        ("http://worse.example./", 1, 1),
        ("http://blog.example/", 0, 0),
        ("http://blog.example/casino", 0, 1),
        ("http://www.blog.example/casino/win.html?now", 0, 1),
        ("http://blog.example/casinos", 0, 0),
        ("http://blog.example/a?b=/casino", 0, 0),
        ("http://shop.example/x", 0, 1),
        ("http://例子.中国/页", 1, 1),
        ("http://xn--fsqu00a.xn--fiqs8s/", 1, 1),
        ("http://10.0.0.1:8000/", 1, 1),
        ("http://[2001:db8::1]:80/bad.example", 0, 0),
        ("http:///bad.example", 0, 0),
        ("", 0, 0),
        (None, 0, 0),
        ("bad.example/x", 1, 1),
        ("http://wei.example/", 0, 0),
        ("http://wei.example/#!/ham", 0, 0),
        ("http://wei.example/#!/spam", 0, 1),
        ("http://drive.example/", 0, 0),
        ("http://drive.example/file?id=5", 0, 0),
        ("http://drive.example?id=55", 0, 0),
        ("http://www.drive.example:80?id=5", 0, 1),
        ("http://drive.example/?id=5#top", 0, 1),
        ("http://good.example/", 0, 0),
        ("http://go.example/to", 0, 0),
        ("http://go.example/to/?u=http://good.example", 0, 1),
        ("go.example/to?u=http://bad.example", 0, 0),
        ("http://page.example/a?b", 0, 0),
        ("http://page.example/a?b#c", 0, 1),
        ("http://bad.example?b#c", 1, 1),
    ],
)
def test_what_is_listed(url: str | None, domain: int, address: int) -> None:
    assert found("listed_domains", [url]) == [domain]
    assert found("listed_urls", [url]) == [address]


@given(st.text() | st.text("a./:?#@[]%://www\u4e2d\ud800"))
def test_no_address_is_an_error(url: str) -> None:
    host, path = split_url(url)
    assert not path.endswith("/")
    assert isinstance(host, str)
    found("listed_urls", [url.encode("utf-8", "replace").decode()])


def test_a_hostile_address_costs_little_and_hides_nothing() -> None:
    assert found("listed_urls", ["http://blog.example/casino" + "/x" * 100_000]) == [1]
    assert found("listed_domains", ["http://" + "x." * 50_000 + "bad.example/"]) == [1]


def test_a_list_keeps_what_stands_behind_a_mark(tmp_path: Path) -> None:
    """`#` begins a comment as in lists of words; a line never blocks more than it says."""
    path = tmp_path / "blocked.txt"
    path.write_text("\ufeffwei.example/#!/spam # a page\n#all\nbad.example/?\r\n", encoding="utf-8")
    assert load_urls(str(path)).tolist() == entries(["wei.example/#!/spam", "bad.example"]).tolist()


def test_a_list_that_is_not_utf8_or_empty_is_named(tmp_path: Path) -> None:
    path = tmp_path / "blocked.txt"
    path.write_bytes(b"good.example\n" + "例子.中国\n".encode("gbk"))
    with pytest.raises(StorageError, match=r"blocked\.txt:2: the list is not UTF-8 \(byte 13\): save it as UTF-8"):
        load_urls(str(path))
    path.write_text("# none yet\n\n")
    with pytest.raises(StorageError, match=r"blocked\.txt: the list has no entries"):
        load_urls(str(path))


def test_the_preset_wants_lists_and_reads_only_addresses(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="blocked_domains: needs a `list`"):
        Filter.load("url")
    path = tmp_path / "blocked.txt"
    path.write_text("# mine\nbad.example # and all below it\n\n", encoding="utf-8")
    stage = Filter.load("url", {"blocked_domains": {"list": str(path)}, "blocked_urls": None})
    assert stage.reads == {"url"}
    assert stage.files() == [str(path)]
    docs = pa.RecordBatch.from_pydict({"url": ["http://bad.example/x", "http://good.example", None]})
    assert stage(docs)["blocked_domains"].to_pylist() == [1, 0, 0]
    assert len(load_urls(str(path))) == 1
