"""EPUB books: container, package, spine (EPUB 3.3 §§5–6), with XML that declares entities refused."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import unquote
from xml.parsers import expat
from xml.sax.saxutils import escape

from curator.charsets import decode
from curator.sources.archives import MemberError

_DOCUMENTS = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_XML = ("text/xml", "application/xml", "text/plain", "")  # what careless tools say of their pages
_PAGES = (".xhtml", ".html", ".htm", ".xht", ".xml")
_MOST_ITEMS = 50_000
_CONTAINER = "META-INF/container.xml"
_NO_CONTAINER = ("missing_member", "malformed_epub", "corrupt_member")  # not `entities`, nor what a bomb is


@dataclass
class Package:
    title: str | None = None
    author: str | None = None
    language: str | None = None
    rights: str | None = None
    spine: list[str] = field(default_factory=list)  # members of the zip, in reading order
    others: list[str] = field(default_factory=list)  # of the spine, what is no page: pictures, the table of contents
    found: bool = False  # it is the only one in the book: the container does not lead to it


def read_package(read: Callable[[str], bytes], names: Iterable[str]) -> Package:
    """What the package says. `read` gives a member of the zip, `names` are those of all. Raises MemberError for a book without
    a readable package."""
    path, content, found = _package(read, names)
    package = _PackageReader()
    _parse(content, package, path)
    return replace(package.result(posixpath.dirname(path)), found=found)


def _package(read: Callable[[str], bytes], names: Iterable[str]) -> tuple[str, bytes, bool]:
    """Name and content of the package that the container names, also before the place where it is malformed; where it names
    none that is there, of the only one in the book, and that it was found so."""
    container = _Container()
    try:
        _parse(read(_CONTAINER), container, _CONTAINER)
        if not container.package:
            raise MemberError("malformed_epub", f"{_CONTAINER} names no package")
        return container.package, read(container.package), False
    except MemberError as error:
        if error.kind not in _NO_CONTAINER:
            raise
        if container.package and error.kind == "malformed_epub":
            with suppress(MemberError):
                return container.package, read(container.package), True
        found = [name for name in names if name.lower().endswith(".opf") and not posixpath.basename(name).startswith(".")]
        if len(found) != 1:
            raise MemberError(error.kind, f"{error}, and instead there are {len(found)} packages (*.opf), not one") from None
        return found[0], read(found[0]), True


def encrypted(read: Callable[[str], bytes]) -> frozenset[str]:
    """The members that a shop has encrypted, and fonts, which are no text."""
    try:
        data = read("META-INF/encryption.xml")
    except MemberError:
        return frozenset()
    found = _Encryption()
    _parse(data, found, "META-INF/encryption.xml")
    return frozenset(found.members)


class _Elements:
    """Local names of elements, without their namespace prefix."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None: ...

    def end(self, name: str) -> None: ...


def _parse(xml: bytes, elements: _Elements, member: str) -> None:
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise MemberError("entities", f"{member} declares entities, which are refused")

    def start(name: str, attributes: dict[str, str]) -> None:
        elements.text.clear()
        elements.start(name.rpartition(":")[2], attributes)

    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: elements.end(name.rpartition(":")[2])
    parser.CharacterDataHandler = elements.text.append
    parser.buffer_text = True
    try:
        parser.Parse(
            _STRAY.sub(_escaped, decode(xml).text.lstrip()), True
        )  # expat itself knows no charset of more than a byte a character but UTF's
    except expat.ExpatError as error:
        raise MemberError("malformed_epub", f"{member}: {error}") from None


# What careless tools leave in XML: `A & B`, and HTML's entities, which nothing there declares.
_STRAY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)(\w{1,31};)?")


def _escaped(stray: re.Match[str]) -> str:
    return escape(html.unescape(stray[0]))


class _Container(_Elements):
    def __init__(self) -> None:
        super().__init__()
        self.package = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "rootfile" and not self.package:
            self.package = attributes.get("full-path", "")


class _Encryption(_Elements):
    def __init__(self) -> None:
        super().__init__()
        self.members: set[str] = set()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "CipherReference" and len(self.members) < _MOST_ITEMS:
            self.members.add(posixpath.normpath(unquote(attributes.get("URI", ""))))


class _PackageReader(_Elements):
    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, list[str]] = {}
        self._items: dict[str, str] = {}
        self._pages: set[str] = set()
        self._spine: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "item" and len(self._items) < _MOST_ITEMS:
            item, href = attributes.get("id", ""), attributes.get("href", "")
            self._items[item] = href
            if _is_page(attributes.get("media-type", ""), href) and "nav" not in attributes.get("properties", "").split():
                self._pages.add(item)
        elif name == "itemref" and len(self._spine) < _MOST_ITEMS:
            self._spine.append(attributes.get("idref", ""))

    def end(self, name: str) -> None:
        text = " ".join("".join(self.text).split())
        if name in ("title", "creator", "language", "rights") and text:
            self._said.setdefault(name, []).append(text[:500])
        self.text.clear()

    def result(self, folder: str) -> Package:
        """A spine that names no page is that of all pages, in the order of the manifest."""
        named = [item for item in dict.fromkeys(self._spine) if item not in self._pages]
        pages = [item for item in dict.fromkeys(self._spine) if item in self._pages] or [
            item for item in self._items if item in self._pages
        ]
        first = {name: values[0] for name, values in self._said.items()}
        authors = ", ".join(self._said.get("creator", [])[:5]) or None
        return Package(
            *(first.get("title"), authors, first.get("language"), first.get("rights")),
            spine=list(dict.fromkeys(_member(folder, self._items[item]) for item in pages)),
            others=[_member(folder, self._items.get(item, item)) for item in named],
        )


def _is_page(media_type: str, href: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    return kind in _DOCUMENTS or (kind in _XML and href.partition("#")[0].lower().endswith(_PAGES))


def _member(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
