"""Addresses of one page have one form, and those of two have two."""

from __future__ import annotations

import pyarrow as pa
import pytest

from curator.dedup.urls import normal_url, url_hashes


@pytest.mark.parametrize(
    "same",
    [
        [
            "http://example.com/a",
            "https://www.Example.COM:443/a/",
            "http://user@example.com/a#part",
            "example.com/a?utm_source=x",
        ],
        ["http://example.com/", "http://example.com", "http://example.com/index.html", "http://www.example.com/default.aspx"],
        [
            "http://e.com/p?b=2&a=1",
            "http://e.com/p?a=1&b=2&",
            "http://e.com/p?a=1&fbclid=Iw_AR&b=2",
            "http://e.com/p?b=2&spm=1.2&a=1",
        ],
        ["http://例子.中国/路 径", "https://xn--fsqu00a.xn--fiqs8s/%E8%B7%AF%20%e5%be%84"],
        ["http://e.com/~me", "http://e.com/%7Eme"],
        ["http://e.com/x;jsessionid=0A1F?q=1", "http://e.com/x?q=1"],
    ],
)
def test_one_page(same):
    assert len({normal_url(url) for url in same}) == 1
    assert normal_url(same[0])


def test_two_pages():
    urls = [
        *(
            "http://e.com/a",
            "http://e.com/A",
            "http://e.com/a/b",
            "http://e.com/a?b",
            "http://e.com/a?id=1",
            "http://e.com/a?id=2",
        ),
        *("http://e.com/a%2Fb", "http://e.com/a?x=%26y", "http://e.com/a?x=&y", "http://m.e.com/a", "http://e.org/a"),
        *("http://e.com/%FF", "http://e.com/%FE"),
    ]
    assert len({normal_url(url) for url in urls}) == len(urls)


@pytest.mark.parametrize(
    "none",
    [
        "",
        " ",
        "mailto:a@b.com",
        "javascript:void(0)",
        "file:///etc/a.txt",
        "no address",
        "http://",
        "ftp://e.com/a",
        "http://[::1/x",
    ],
)
def test_what_is_no_address_of_the_web(none):
    assert normal_url(none) is None


def test_hashes_of_slices_nulls_and_nothing():
    urls = pa.array([None, "http://e.com/a", "https://e.com/a/", "x", "http://e.com/b"])
    whole = url_hashes(urls).to_pylist()
    assert [h is None for h in whole] == [True, False, False, True, False]
    assert whole[1] == whole[2] != whole[4]
    assert url_hashes(urls.slice(2)).to_pylist() == whole[2:]
    assert url_hashes(urls.slice(0, 0)).to_pylist() == []
