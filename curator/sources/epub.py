"""EPUB books: container, package, spine (EPUB 3.3 §§5–6), with XML that declares entities refused."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.parsers import expat

from curator.sources.archives import MemberError

_DOCUMENTS = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml")
_MOST_ITEMS = 50_000


@dataclass
class Package:
    title: str | None = None
    author: str | None = None
    language: str | None = None
    rights: str | None = None
    spine: list[str] = field(default_factory=list)  # members of the zip, in reading order


def read_package(read: Callable[[str], bytes]) -> Package:
    """What the package says. `read` gives a member of the zip. Raises MemberError for a book without a readable package."""
    container = _Container()
    _parse(read("META-INF/container.xml"), container, "META-INF/container.xml")
    if not container.package:
        raise MemberError("malformed_epub", "META-INF/container.xml names no package")
    package = _PackageReader()
    _parse(read(container.package), package, container.package)
    return package.result(posixpath.dirname(container.package))


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
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise MemberError("malformed_epub", f"{member}: {error}") from None


class _Container(_Elements):
    def __init__(self) -> None:
        super().__init__()
        self.package = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "rootfile" and not self.package:
            self.package = attributes.get("full-path", "")


class _PackageReader(_Elements):
    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, list[str]] = {}
        self._items: dict[str, str] = {}
        self._spine: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "item" and attributes.get("media-type") in _DOCUMENTS and len(self._items) < _MOST_ITEMS:
            if "nav" not in attributes.get("properties", "").split():
                self._items[attributes.get("id", "")] = attributes.get("href", "")
        elif name == "itemref" and len(self._spine) < _MOST_ITEMS:
            self._spine.append(attributes.get("idref", ""))

    def end(self, name: str) -> None:
        text = " ".join("".join(self.text).split())
        if name in ("title", "creator", "language", "rights") and text:
            self._said.setdefault(name, []).append(text[:500])
        self.text.clear()

    def result(self, folder: str) -> Package:
        hrefs = [self._items[idref] for idref in dict.fromkeys(self._spine) if self._items.get(idref)]
        spine = [posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0]))) for href in hrefs]
        first = {name: values[0] for name, values in self._said.items()}
        authors = ", ".join(self._said.get("creator", [])[:5]) or None
        return Package(first.get("title"), authors, first.get("language"), first.get("rights"), spine)
