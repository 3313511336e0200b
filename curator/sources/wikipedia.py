"""The source `wikipedia`: MediaWiki dumps (pages-articles XML) to articles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

import orjson
import pyarrow as pa

from curator.documents import File, Piece, Tally, batched
from curator.sources.streams import StreamError, open_stream
from curator.sources.wikistreams import Damage, is_multistream, streams
from curator.sources.wikitext import Namespaces, plain_text
from curator.sources.wikixml import HEAD_BYTES, OPEN, BadPage, Page, Site, Splitter, Utf8, read_head, read_page
from curator.storage import open_input

Variant = Literal["zh-hans", "zh-hant", "zh-cn", "zh-tw", "zh-hk", "zh-mo", "zh-sg", "zh-my"]

READ_BYTES = 1 << 20
_REDIRECT = re.compile(
    r"\s*#\s*(?:redirect|重定向|重新導向|转向|轉向|転送|リダイレクト|넘겨주기|weiterleitung|redirection|redirección"
    r"|redirecionamento"
    r"|rinvia|перенаправление|doorverwijzing|đổi|пренасочване|виж)\s*:?\s*\[\[",
    re.IGNORECASE,
)
_DISAMBIGUATION = re.compile(
    r"\{\{\s*(?:[\w ]{0,30}disambig(?:uation)?|hndis|geodis|dab|disamb|消歧[义義]|消歧[义義]页|消歧[义義]頁"
    r"|begriffsklärung|homonymie"
    r"|desambiguación|desambiguação|disambigua|aimai|曖昧さ回避|동음이의|неоднозначность|пояснение)\s*[|}]",
    re.IGNORECASE,
)
_DISAMBIGUATION_TITLE = re.compile(r"[(（](?:disambiguation|消歧[义義])[)）]$")
_DUMP = re.compile(
    r"(?:^|[/_-])([a-z]{2,3}(?:_[a-z_]{1,20})?|simple)(wik(?:i|tionary|isource|ibooks|iquote|ivoyage|iversity))-(\d{8}|latest)-"
)
_HOSTS = re.compile(r"\.(?:wikipedia|wiktionary|wikisource|wikibooks|wikiquote|wikivoyage|wikiversity)\.org$")
_MODELS = frozenset(["css", "sanitized-css", "javascript", "json", "text", "Scribunto", "flow-board", "GeoJson.JsonConfig"])
NEW_LICENSE = "20230607"  # Wikimedia's terms of use name CC BY-SA 4.0, before 3.0, since 7 June 2023


@dataclass(frozen=True, kw_only=True)
class Wikipedia:
    """Articles of MediaWiki XML dumps, plain or compressed (.bz2, .gz, .zst; UTF-8 or UTF-16): one document per page.

    Pages of other `namespaces` than 0, redirects, pages that are not wikitext and pages without text are skips. A
    multistream .bz2 is cut into ranges of whole bz2 streams. A damaged stream, or a malformed page, costs itself alone.
    Pages above `max_page_bytes` of XML are errors. `variant` chooses among the forms of Chinese `-{…}-` markup; `language`
    (`zh`) builds addresses where neither the dump's head nor its file name says which wiki it is.
    """

    variant: Variant | None = None
    language: str | None = None
    namespaces: tuple[int, ...] = (0,)
    max_page_bytes: int = 32 << 20

    revision: ClassVar[int] = 1
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "url", "date", "license", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.max_page_bytes < 1024:
            raise ValueError(f"max_page_bytes: {self.max_page_bytes} bytes of XML hold no page; the default is 32 MiB")
        if self.language is not None and not re.fullmatch(r"[a-z]{2,3}(-[a-z-]+)?|simple", self.language):
            raise ValueError(f"language: {self.language!r} is not the code of a Wikipedia, such as zh or zh-yue")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        if file.size <= size:
            return [(0, -1)]
        with open_input(file.path) as raw:
            if not is_multistream(raw):
                return [(0, -1)]
        if _head(file.path).startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 can't be entered in the middle
            return [(0, -1)]
        starts = range(0, file.size, max(size, 1))
        return list(zip(starts, [*starts[1:], -1]))

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece, tally), self.columns)

    def _rows(self, piece: Piece, tally: Tally) -> Iterator[Mapping[str, Any]]:
        site = read_head(Utf8()(_head(piece.file.path)))
        if site.doctype:
            tally.broken("doctype", 0, "the dump declares a document type: its entities are refused")
        wiki = _Wiki.of(site, piece.file.name, self.language)
        with open_input(piece.file.path) as raw:
            multistream = is_multistream(raw)
        for page in self._multistream(piece, tally) if multistream else self._stream(piece.file.path, tally):
            tally.record()
            row = self._article(page, wiki, tally)
            if row is not None:
                yield row

    def _stream(self, path: str, tally: Tally) -> Iterator[bytes | BadPage]:
        """Pages of a file that is one stream, read from its beginning to its end."""
        splitter = Splitter(self.max_page_bytes)
        decode = Utf8()
        try:
            with open_stream(path) as stream:
                while portion := stream.read(READ_BYTES):
                    yield from splitter.feed(decode(portion))
        except StreamError as error:
            tally.broken(error.kind, error.offset, str(error))
            return
        if splitter.unfinished or not splitter.finished:
            tally.broken("truncated", "end", "the dump ends before </mediawiki>")

    def _multistream(self, piece: Piece, tally: Tally) -> Iterator[bytes | BadPage]:
        """Pages that begin in the bz2 streams of a range. The last one may end in a stream of the next range."""
        splitter = Splitter(self.max_page_bytes)
        decode = Utf8()
        whole = 0  # streams of this range that were read to their end
        with open_input(piece.file.path) as raw:
            for place, contents in streams(raw, piece.start):
                if piece.stop != -1 and place >= piece.stop:
                    if not splitter.unfinished:
                        return
                    yield from _last_page(splitter, contents)
                    continue
                try:
                    for portion in contents:
                        yield from splitter.feed(decode(portion))
                    whole += 1
                except Damage as damage:
                    tally.broken(damage.kind, damage.at, str(damage))
                    splitter.lose()
                    whole = 0
        if piece.stop == -1 and whole and (splitter.unfinished or not splitter.finished):
            tally.broken("truncated", "end", "the dump ends before </mediawiki>")

    def _article(self, xml: bytes | BadPage, wiki: _Wiki, tally: Tally) -> Mapping[str, Any] | None:
        try:
            if isinstance(xml, BadPage):
                raise xml
            page = read_page(xml)
        except BadPage as error:
            tally.error(error.kind, _page_id(xml), str(error))
            return None
        skipped = self._not_an_article(page, wiki.site)
        text = "" if skipped else plain_text(page.text, wiki.namespaces, self.variant)
        if skipped or not text:
            tally.skip(skipped or "empty")
            return None
        return {
            "offset": page.id,
            "text": text,
            "title": page.title,
            "url": wiki.url(page.title),
            "date": page.date,
            "license": wiki.license,
            "metadata": wiki.metadata(page),
        }

    def _not_an_article(self, page: Page, site: Site) -> str | None:
        namespace = page.namespace
        if namespace is None:  # dumps before 2012 have no <ns>
            prefix = page.title.partition(":")[0] if ":" in page.title else ""
            namespace = next((key for key, name in site.namespaces.items() if name and name == prefix), 0)
        if namespace not in self.namespaces:
            return "namespace"
        if page.redirect or _REDIRECT.match(page.text):
            return "redirect"
        if page.model != "wikitext":
            return page.model if page.model in _MODELS else "model"
        return None if page.text.strip() else "empty"


@dataclass(frozen=True)
class _Wiki:
    """What all pages of a dump share."""

    site: Site
    namespaces: Namespaces
    prefix: str | None  # of an article's address
    license: str | None

    @staticmethod
    def of(site: Site, file_name: str, language: str | None) -> _Wiki:
        dump = _DUMP.search(file_name)
        prefix = None
        if site.base and site.base.startswith(("https://", "http://")):
            before, wiki, _ = site.base.partition("/wiki/")
            prefix = before + wiki if wiki else site.base.rpartition("/")[0] + "/"
        elif dump:
            kind = "wikipedia" if dump[2] == "wiki" else dump[2]
            prefix = f"https://{dump[1].replace('_', '-')}.{kind}.org/wiki/"
        elif language:
            prefix = f"https://{language}.wikipedia.org/wiki/"
        license = None
        if prefix and _HOSTS.search(urlsplit(prefix).hostname or ""):
            license = "CC BY-SA"
            if dump and dump[3] != "latest":
                license += " 4.0" if dump[3] >= NEW_LICENSE else " 3.0"
        return _Wiki(site, Namespaces().including(site.namespaces), prefix, license)

    def url(self, title: str) -> str | None:
        return self.prefix + quote(title.replace(" ", "_"), safe="/:@!$&'()*+,;=~-._") if self.prefix else None

    def metadata(self, page: Page) -> str:
        known = {
            "wiki": self.site.name,
            "page": page.id,
            "revision": page.revision,
            "disambiguation": bool(_DISAMBIGUATION.search(page.text) or _DISAMBIGUATION_TITLE.search(page.title)),
        }
        return orjson.dumps({key: value for key, value in known.items() if value is not None}).decode()


def _last_page(splitter: Splitter, contents: Iterator[bytes]) -> Iterator[bytes | BadPage]:
    """The page that began in a range's last stream, from the stream behind it. Nothing else there belongs to the range."""
    try:
        for portion in contents:
            if not splitter.inside:  # at most `<pa` was seen
                portion, rest = portion[: len(OPEN) - 1], portion[len(OPEN) - 1 :]
                yield from splitter.feed(portion)
                if not splitter.inside:
                    splitter.lose()
                    return
                portion = rest
            for page in splitter.feed(portion):
                yield page
                splitter.lose()
                return
    except Damage:  # told by the range that owns the stream
        splitter.lose()


def _head(path: str) -> bytes:
    """The first decompressed bytes of a dump, up to its first page. What is damaged there is told when it is read in
    earnest."""
    head = bytearray()
    try:
        with open_stream(path) as stream:
            while len(head) < HEAD_BYTES and OPEN not in head and (portion := stream.read(64 << 10)):
                head += portion
    except StreamError:
        pass
    return bytes(head)


_ID = re.compile(rb"<id>\s*(\d{1,18})\s*</id>")


def _page_id(xml: bytes | BadPage) -> int | str:
    found = None if isinstance(xml, BadPage) else _ID.search(xml)
    return int(found[1]) if found else "page"
