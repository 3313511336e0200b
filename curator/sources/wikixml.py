"""MediaWiki XML exports, page by page: finding `<page>…</page>` in a stream of bytes, and reading one page.

Pages are cut out of the stream by their tags and each is parsed by its own expat parser, so a malformed page costs that
page alone, memory is bounded by the largest page, and no document type (so no entity) can be in force: entities other than
XML's own five are errors. Raw `<page>` cannot occur in a page's text, where `<` is escaped.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

OPEN, CLOSE, END = b"<page>", b"</page>", b"</mediawiki>"
HEAD_BYTES = 1 << 20  # a dump's head, with its siteinfo, is some 10 kB


class BadPage(Exception):
    """A page that cannot be read. `kind` names the error, `place` the page: how `place` names it, or its byte in the dump."""

    def __init__(self, kind: str, message: str, place: int | str = "page") -> None:
        super().__init__(message)
        self.kind = kind
        self.place = place


@dataclass
class Page:
    id: int = -1
    namespace: int | None = None
    title: str = ""
    redirect: bool = False
    revision: int | None = None
    date: str | None = None
    model: str = "wikitext"
    text: str = ""


@dataclass
class Site:
    """What a dump's head says of its wiki."""

    name: str | None = None  # `zhwiki`
    base: str | None = None  # address of the main page
    language: str | None = None
    namespaces: dict[int, str] = field(default_factory=dict)
    doctype: bool = False  # a dump has none; one that declares entities is hostile


class Utf8:
    """Portions of an XML file, one by one, in UTF-8: UTF-16 is told by its byte order mark, a UTF-8 mark is cut off."""

    def __init__(self) -> None:
        self._decoder: codecs.IncrementalDecoder | None = None
        self._first = True

    def __call__(self, portion: bytes) -> bytes:
        if self._first:
            self._first = False
            if portion.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
            portion = portion.removeprefix(codecs.BOM_UTF8)
        return self._decoder.decode(portion).encode("utf-8", "replace") if self._decoder else portion


class _Between:
    """What stands before a page: the dump's head, or nothing but white space. Else it was a page."""

    def __init__(self) -> None:
        self._offset = 0
        self._first = b""
        self._erased = False

    def pass_by(self, part: bytes | bytearray, offset: int) -> None:
        """`part` may hold again the last bytes of the one before: fewer than a mark has."""
        if not self._first:
            self._first = bytes(part.lstrip()[:1])
            self._offset = offset + len(part) - len(part.lstrip())
        self._erased = self._erased or b"\0" in part or CLOSE in part

    def end(self) -> Iterator[BadPage]:
        """A page begins, or the dump is at its end."""
        if self._erased or self._first not in (b"", b"<"):
            yield BadPage("garbage", "something else than a page", self._offset)
        self._first, self._erased = b"", False


class Splitter:
    """Cuts pages out of portions of a dump, an exception in place of a bad one. One that `watches` is fed a dump from its
    beginning on, and gives another in place of what stands between pages and is none."""

    def __init__(self, most_bytes: int, watches: bool = False) -> None:
        self._most = most_bytes
        self._between = _Between() if watches else None
        self._offset = 0  # in the dump, of what is held
        self._held = bytearray()
        self._searched = 0  # no `</page>` begins before this place
        self.inside = False  # a page has begun, at the start of `_held`
        self._flooded: int | str | None = None  # the place of a page that is larger than allowed, and is thrown away
        self.finished = False  # `</mediawiki>` was seen behind the last page
        self._fresh = True  # no page has begun: what was fed may be the end of that tag

    @property
    def unfinished(self) -> bool:
        """Whether a page has begun, or might have (`<pa`), and not ended."""
        tail = bytes(self._held[-len(OPEN) + 1 :])
        return self.inside or any(tail.endswith(OPEN[:n]) for n in range(1, len(OPEN)))

    def feed(self, portion: bytes) -> Iterator[bytes | BadPage]:
        self._held += portion
        while True:
            if not self.inside and not (yield from self._begin()):
                return
            end = self._held.find(CLOSE, self._searched)
            if end < 0:
                if len(self._held) > self._most:
                    self._flooded = place(self._held) if self._flooded is None else self._flooded
                    self._offset += len(self._held) - len(OPEN) - len(CLOSE)
                    del self._held[len(OPEN) : -len(CLOSE)]
                self._searched = max(len(self._held) - len(CLOSE) + 1, 0)
                return
            page = bytes(self._held[: end + len(CLOSE)])
            self._drop(end + len(CLOSE))
            self.inside, self._searched = False, 0
            if self._flooded is not None or len(page) > self._most:
                large, self._flooded = place(page) if self._flooded is None else self._flooded, None
                yield BadPage("page_too_large", f"more than {self._most:,} bytes", large)
                continue
            last = page.rfind(OPEN)
            if last > 0:
                yield BadPage("malformed_page", "the page does not end", place(page[:last]))
            yield page[last:]

    def lose(self) -> None:
        """What follows does not continue what was fed: forget the page that had begun."""
        self._offset += len(self._held)
        self._held.clear()
        self.inside, self._flooded, self._searched = False, None, 0

    def end(self) -> Iterator[BadPage]:
        """What else is to be said when all was fed."""
        if self._between is not None and not self.inside:
            yield from self._between.end()

    def _begin(self) -> Generator[BadPage, None, bool]:
        start = self._held.find(OPEN)
        if self._between is not None:
            self._between.pass_by(self._held if start < 0 else self._held[:start], self._offset)
        if start < 0:
            self.finished = self.finished or END in self._held or (self._fresh and END.endswith(self._held.strip()))
            self._drop(max(len(self._held) - len(END) + 1, 0))
            return False
        self.finished = self._fresh = False
        if self._between is not None:
            yield from self._between.end()
        self._drop(start)
        self.inside, self._searched = True, len(OPEN)
        return True

    def _drop(self, size: int) -> None:
        del self._held[:size]
        self._offset += size


# ------------------------------------------------------------------------------------------------------------- one page


_ID = re.compile(rb"<id>\s*(\d{1,18})\s*</id>")
_TITLE = re.compile(rb"<title>\s*([^<]{1,100})")


def place(xml: bytes | bytearray) -> int | str:
    """How a page that cannot be read is named: by its number, else its title."""
    revision = xml.find(b"<revision>")  # which has numbers of its own
    about = xml if revision < 0 else xml[:revision]
    if found := _ID.search(about):
        return int(found[1])
    found = _TITLE.search(about)
    return found[1].decode("utf-8", "replace").strip() if found else "page"


class _Reader:
    """Collects the text of the elements that `WANTED` names by their path."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.text: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text.append
        self.parser.StartDoctypeDeclHandler = self.doctype

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > 20:
            raise BadPage("malformed_page", "elements nest more than 20 deep")
        self.text.clear()
        self.begin("/".join(self.path[1:]), attributes)

    def end(self, name: str) -> None:
        self.finish("/".join(self.path[1:]), "".join(self.text))
        self.path.pop()
        self.text.clear()

    def doctype(self, *_: object) -> None:
        raise BadPage("doctype", "a document type is declared: entities are refused")

    def begin(self, path: str, attributes: dict[str, str]) -> None: ...

    def finish(self, path: str, text: str) -> None: ...


class _PageReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def begin(self, path: str, attributes: dict[str, str]) -> None:
        if path == "redirect":
            self.page.redirect = True

    def finish(self, path: str, text: str) -> None:
        page = self.page
        if path == "revision/text":  # the last revision of a page is the newest
            page.text = text
        elif path == "title":
            page.title = text
        elif path == "ns":
            page.namespace = int(text)
        elif path == "id":
            page.id = int(text)
        elif path == "revision/id":
            page.revision = int(text)
        elif path == "revision/timestamp":
            page.date = text
        elif path == "revision/model":
            page.model = text


def read_page(xml: bytes) -> Page:
    """Raises BadPage."""
    reader = _PageReader()
    try:
        reader.parser.Parse(xml, True)
    except (expat.ExpatError, ValueError) as error:
        raise BadPage("malformed_page", str(error)) from None
    if reader.page.id < 0 or not reader.page.title or reader.page.id >= 1 << 63:
        raise BadPage("malformed_page", "no page id or no title")
    return reader.page


class _HeadReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.site = Site()
        self._key = 0

    def begin(self, path: str, attributes: dict[str, str]) -> None:
        if not path:
            self.site.language = attributes.get("xml:lang")
        elif path == "siteinfo/namespaces/namespace":
            key = attributes.get("key", "")
            self._key = int(key) if key.lstrip("-").isdecimal() and len(key) < 9 else 0

    def finish(self, path: str, text: str) -> None:
        if path == "siteinfo/dbname":
            self.site.name = text
        elif path == "siteinfo/base":
            self.site.base = text
        elif path == "siteinfo/namespaces/namespace":
            self.site.namespaces[self._key] = text


def read_head(xml: bytes) -> Site:
    """What can be read of a dump's beginning, up to its first page; an unreadable head is an empty one."""
    reader = _HeadReader()
    try:
        reader.parser.Parse(xml.partition(OPEN)[0], False)
    except BadPage:
        reader.site.doctype = True
    except (expat.ExpatError, ValueError):
        pass
    return reader.site
