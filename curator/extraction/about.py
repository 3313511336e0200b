"""What a page says of itself: title, author, date of publication, canonical address."""

from __future__ import annotations

import html as entities
import re
import sys
from collections.abc import Iterator
from datetime import date
from itertools import chain, islice
from urllib.parse import urljoin, urlsplit

HEAD = 300_000  # characters of the serialised page that are searched; some keep scripts of that size before their <meta>
_MOST = 1000  # characters of any answer
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\ufeff]+")
# Serialised markup: names in lower case, values in double quotes, so that an expression of bounded reach is enough.
_META = re.compile(r"<meta ([^<>]{1,4000})>")
_LINK = re.compile(r'<link ([^<>]{0,500}\brel="canonical"[^<>]{0,3000})>')
_ATTRIBUTE = re.compile(r'([a-z:_-]{1,30})="([^"]{0,3000})"')
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,3000})")
HEADING = re.compile(r"<h1[^<>]{0,500}>((?:[^<]|<(?!/h1)){0,2000})</h1>")
_TAGS = re.compile(r"<[^<>]{0,3000}>")
_TIME = re.compile(r'<time [^<>]{0,500}\bdatetime="([^"]{4,40})"')
_JSON = {
    "date": re.compile(r'"datePublished"\s{0,9}:\s{0,9}"([^"]{4,40})"'),
    "author": re.compile(
        r'"author"\s{0,9}:\s{0,9}[\[{\s]{0,20}(?:"@type"\s{0,9}:\s{0,9}"\w{1,20}"\s{0,9},\s{0,99})?"name"\s{0,9}:\s{0,9}"([^"\\]{1,200})"'
    ),
}
_NAMES = {
    "title": ("og:title", "twitter:title", "dc.title"),
    "author": ("author", "article:author", "dc.creator", "dc.author", "og:article:author", "twitter:creator", "byl"),
    "date": (
        "article:published_time", "datepublished", "pubdate", "publishdate", "publish_date", "publication_date",
        "og:published_time", "dc.date", "dc.date.issued", "og:release_date", "weibo: article:create_at", "date",
        "parsely-pub-date", "sailthru.date", "article.published", "publish-date", "created", "_pubtime", "apub:time",
    ),
    "canonical": ("og:url",),
    "description": ("og:description", "description", "twitter:description"),
}  # fmt: skip
_DATE = re.compile(r"(?<!\d)(19\d\d|20\d\d)\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(19\d\d|20\d\d)(\d\d)(\d\d)(?!\d)")


def metas(page: str) -> dict[str, str]:
    """What `<meta>` says by name (lower case), the first of each."""
    said: dict[str, str] = {}
    for tag in each(_META, "<meta ", page, HEAD):
        attributes = dict(_ATTRIBUTE.findall(tag[1]))
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        if name and attributes.get("content", "").strip():
            said.setdefault(name.lower(), attributes["content"])
    return said


def title(page: str) -> str | None:
    """`<title>`, else what the page tells social networks, else its first heading."""
    found = _TITLE.search(page, 0, HEAD)
    if found and (text := tidy(found[1])):
        return text
    said = metas(page)
    if text := tidy(next((said[name] for name in _NAMES["title"] if name in said), None)):
        return text
    heading = HEADING.search(page)
    return tidy(_TAGS.sub("", heading[1])) if heading else None


def description(said: dict[str, str]) -> str:
    """What the page tells others that it is about, mostly the beginning of its text; empty where that is a name or less."""
    text = tidy(next((said[name] for name in _NAMES["description"] if name in said), None)) or ""
    return text if len(text) > 30 else ""


def author(page: str, said: dict[str, str]) -> str | None:
    """A name: never an address of a profile, nor a sentence."""
    for text in chain((said.get(name) for name in _NAMES["author"]), _first(_JSON["author"], '"author"', page)):
        if (name := tidy(text)) and "://" not in name and len(name) <= 100:
            return name
    return None


def published(page: str, said: dict[str, str], near: str) -> str | None:
    """The day of publication as YYYY-MM-DD: by `<meta>`, JSON-LD, `<time>`, or the first in `near`, lines by the title."""
    written = chain(_first(_JSON["date"], '"datePublished"', page), _first(_TIME, "<time ", page))
    for text in chain((said.get(name) for name in _NAMES["date"]), written, [near]):
        if text and (day := day_in(text)):
            return day
    return None


def day_in(text: str) -> str | None:
    for pattern in (_DATE, _COMPACT):
        for year, month, day in pattern.findall(text):
            try:
                return date(int(year), int(month), int(day)).isoformat()
            except ValueError:
                continue
    return None


def canonical(page: str, said: dict[str, str], url: str | None = None) -> str | None:
    """The address that the page calls its own; a relative one is joined to `url`, and left out where that is not known."""
    known = page.find('rel="canonical"', 0, HEAD) >= 0
    link = next(_first(_LINK, "<link ", page, HEAD), "") if known else ""
    for text in (dict(_ATTRIBUTE.findall(link)).get("href"), *(said.get(name) for name in _NAMES["canonical"])):
        address = entities.unescape(text or "").strip()
        if not address or _SPACES.search(address):
            continue
        try:
            address = urljoin(url, address) if url else address
            parts = urlsplit(address)
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname and len(address) <= 2 * _MOST:
            return address
    return None


def _first(pattern: re.Pattern[str], beginning: str, page: str, end: int = sys.maxsize) -> Iterator[str]:
    """What the first match of a pattern says, looked for when it is asked for; nothing where there is none."""
    return (found[1] for found in islice(each(pattern, beginning, page, end), 1))


def each(pattern: re.Pattern[str], beginning: str, page: str, end: int) -> Iterator[re.Match[str]]:
    """`pattern.finditer(page, 0, end)` of a pattern that begins with these characters, at the speed of looking for them."""
    at = page.find(beginning, 0, end)
    while at >= 0:
        if found := pattern.match(page, at, end):
            yield found
        at = page.find(beginning, found.end() if found else at + 1, end)


def tidy(text: str | None) -> str | None:
    """One line, single spaces, at most a thousand characters; None if nothing is left."""
    return _SPACES.sub(" ", entities.unescape(text or "")).strip()[:_MOST].rstrip() or None
