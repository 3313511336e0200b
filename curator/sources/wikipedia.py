"""The source `wikipedia`: MediaWiki dumps (pages-articles XML) to articles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

import orjson
import pyarrow as pa

from curator.documents import File, Piece, Tally, batched
from curator.sources import wikikinds
from curator.sources.resync import holds_text
from curator.sources.sevenzip import MAGIC as SEVEN_ZIP
from curator.sources.streams import StreamError, open_stream
from curator.sources.wikijson import BadArticle, is_json, lines, read_article
from curator.sources.wikistreams import Damage, is_multistream, streams
from curator.sources.wikitext import Namespaces, article
from curator.sources.wikivariants import LANGUAGES
from curator.sources.wikixml import HEAD_BYTES, OPEN, BadPage, Page, Site, Splitter, Utf8, place, read_head, read_page
from curator.storage import open_input

Variant = Literal["source", "zh-hans", "zh-hant", "zh-cn", "zh-tw", "zh-hk", "zh-mo", "zh-sg", "zh-my", "sr-ec", "sr-el"]

READ_BYTES = 1 << 20
_DUMP = re.compile(
    r"(?:^|[/_-])([a-z]{2,3}(?:_[a-z_]{1,20})?|simple)(wik(?:i|tionary|isource|ibooks|iquote|ivoyage|iversity))-(\d{8}|latest)-"
)
_NAMED = re.compile(r"(?:^|[/_-])([a-z]{2,3})wik(?:i|tionary|isource|ibooks|iquote|ivoyage|iversity)(?![a-z])")
_HOSTS = re.compile(r"\.(?:wikipedia|wiktionary|wikisource|wikibooks|wikiquote|wikivoyage|wikiversity)\.org$")
_MODELS = frozenset(["css", "sanitized-css", "javascript", "json", "text", "Scribunto", "flow-board", "GeoJson.JsonConfig"])
NEW_LICENSE = "20230607"  # Wikimedia's terms of use name CC BY-SA 4.0, before 3.0, since 7 June 2023


@dataclass(frozen=True, kw_only=True)
class Wikipedia:
    """Articles of MediaWiki XML dumps, plain or compressed (.bz2, .gz, .zst; UTF-8 or UTF-16), and of HTML dumps (Wikimedia
    Enterprise: JSON lines in .tar.gz, or without it; told by content): one document per page.

    Pages of other `namespaces` than 0, redirects, soft redirects, pages of conversion rules, pages that are not wikitext and
    pages without text are skips. A multistream .bz2 is cut into ranges of whole bz2 streams. A damaged stream, or a malformed
    page, costs itself alone. Pages above `max_page_bytes` of XML are errors.

    `variant` is the language variant that a page is read in: `source` leaves each as written, and chooses among the forms of
    `-{…}-` markup by the page's own script; `zh-cn`, `zh-tw` and the like apply the pages' rules to text and titles and convert
    characters by OpenCC (`sr-ec` and `sr-el`: by the alphabet), in wikis of that language alone. `language` (`zh`) builds
    addresses where neither the dump's head nor its file name says which wiki it is.

    `metadata` has wiki, page, revision, disambiguation, list, stub (true or false, by the page's templates and its title),
    list_share (of the characters in list items and rows of tables) and, where it is not 0, namespace.
    """

    variant: Variant = "source"
    language: str | None = None
    namespaces: tuple[int, ...] = (0,)
    max_page_bytes: int = 32 << 20

    revision: ClassVar[int] = 7
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "url", "date", "license", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("opencc",)

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
        head = _head(piece.file.path)
        if is_json(head):
            yield from self._html(piece.file.path, tally)
            return
        site = read_head(Utf8()(head))
        if site.doctype:
            tally.broken("doctype", 0, "the dump declares a document type: its entities are refused")
        wiki = _Wiki.of(site, piece.file.name, self.language)
        with open_input(piece.file.path) as raw:
            multistream = is_multistream(raw)
        if not multistream and (wrong := _no_dump(Utf8()(head))):
            tally.broken("not_dump", 0, wrong)
            return
        for page in self._multistream(piece, tally) if multistream else self._stream(piece.file.path, tally):
            tally.record()
            row = self._article(page, wiki, tally)
            if row is not None:
                yield row

    def _html(self, path: str, tally: Tally) -> Iterator[Mapping[str, Any]]:
        """Articles of an HTML dump. Snapshots name pages twice, so an article's place is its line's number."""
        for number, line in enumerate(lines(path, self.max_page_bytes, tally)):
            tally.record()
            if line is None:
                tally.error("page_too_large", number, f"more than {self.max_page_bytes:,} bytes")
                continue
            try:
                variant = None if self.variant == "source" else self.variant
                skipped, row = read_article(line, self.namespaces, variant, number, tally)
            except BadArticle as error:
                tally.error("malformed_page", number, str(error))
                continue
            if skipped:
                tally.skip(skipped)
            else:
                yield {"offset": number, **row}

    def _stream(self, path: str, tally: Tally) -> Iterator[bytes | BadPage]:
        """Pages of a file that is one stream, read from its beginning to its end."""
        splitter = Splitter(self.max_page_bytes, watches=True)
        decode = Utf8()
        try:
            with open_stream(path, resume=holds_text) as stream:
                for portion in _portions(stream, splitter, tally):
                    yield from splitter.feed(decode(portion))
            yield from splitter.end()
        except StreamError as error:
            tally.broken(error.kind, error.offset, str(error))
            return
        if splitter.unfinished or not splitter.finished:
            tally.broken("truncated", "end", "the dump ends before </mediawiki>")

    def _multistream(self, piece: Piece, tally: Tally) -> Iterator[bytes | BadPage]:
        """Pages that begin in the bz2 streams of a range. The last one may end in a stream of the next range; the range that
        has the file's last stream says whether the dump is whole."""
        splitter = Splitter(self.max_page_bytes)
        decode = Utf8()
        whole = 0  # streams of this range, one behind the other, that were read to their end
        with open_input(piece.file.path) as raw:
            for place, contents in streams(raw, piece.start):
                if piece.stop != -1 and place >= piece.stop:
                    if not splitter.unfinished:
                        return
                    yield from _last_page(splitter, contents)
                    whole = 0
                    continue
                try:
                    for portion in contents:
                        yield from splitter.feed(decode(portion))
                    whole += 1
                except Damage as damage:
                    tally.broken(damage.kind, damage.at, str(damage))
                    splitter.lose()
                    whole = 0
        if whole and (splitter.unfinished or not splitter.finished):
            tally.broken("truncated", "end", "the dump ends before </mediawiki>")

    def _article(self, xml: bytes | BadPage, wiki: _Wiki, tally: Tally) -> Mapping[str, Any] | None:
        try:
            if isinstance(xml, BadPage):
                raise xml
            page = read_page(xml)
        except BadPage as error:
            tally.error(error.kind, xml.place if isinstance(xml, BadPage) else place(xml), str(error))
            return None
        namespace = wiki.namespace(page)
        skipped = self._not_an_article(page, namespace)
        if skipped:
            tally.skip(skipped)
            return None
        found = article(
            page.text,
            wiki.namespaces,
            wiki.variant(self.variant),
            variants=wiki.has_variants,
            title=page.title,
            language=wiki.language,
        )
        if not found.text:
            tally.skip(wikikinds.without_text(page.text))
            return None
        return {
            "offset": page.id,
            "text": found.text,
            "title": found.title,
            "url": wiki.url(page.title),
            "date": page.date,
            "license": wiki.license,
            "metadata": wiki.metadata(page, namespace, found.text),
        }

    def _not_an_article(self, page: Page, namespace: int) -> str | None:
        if namespace not in self.namespaces:
            return wikikinds.namespace(namespace)
        if page.redirect:
            return "redirect"
        if page.model != "wikitext":
            return page.model if page.model in _MODELS else "model"
        return wikikinds.not_an_article(page.title, page.text)


@dataclass(frozen=True)
class _Wiki:
    """What all pages of a dump share."""

    site: Site
    namespaces: Namespaces
    prefix: str | None  # of an article's address
    license: str | None
    language: str | None  # as in its address; None if nothing says

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
        host = urlsplit(prefix).hostname or "" if prefix else ""
        named = _NAMED.search(file_name)
        own = host.partition(".")[0] if _HOSTS.search(host) else named[1] if named else site.language
        license = None
        if prefix and _HOSTS.search(host):
            license = "CC BY-SA"
            if dump and dump[3] != "latest":
                license += " 4.0" if dump[3] >= NEW_LICENSE else " 3.0"
        return _Wiki(site, Namespaces().including(site.namespaces), prefix, license, own or language)

    def variant(self, chosen: str) -> str | None:
        """The variant that pages are converted to, if this wiki's language has it."""
        return chosen if chosen != "source" and self.language in (None, chosen.partition("-")[0]) else None

    @property
    def has_variants(self) -> bool:
        return self.language is None or self.language in LANGUAGES

    def namespace(self, page: Page) -> int:
        if page.namespace is not None:
            return page.namespace
        prefix = page.title.partition(":")[0] if ":" in page.title else ""  # dumps before 2012 have no <ns>
        return next((key for key, name in self.site.namespaces.items() if name and name == prefix), 0)

    def url(self, title: str) -> str | None:
        return self.prefix + quote(title.replace(" ", "_"), safe="/:@!$&'()*+,;=~-._") if self.prefix else None

    def metadata(self, page: Page, namespace: int, text: str) -> str:
        known = {
            "wiki": self.site.name,
            "page": page.id,
            "revision": page.revision,
            "namespace": namespace or None,
            **wikikinds.marks(page.title, wikikinds.templates(page.text), "__DISAMBIG__" in page.text),
            "list_share": wikikinds.list_share(text),
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


def _portions(stream: IO[bytes], splitter: Splitter, tally: Tally) -> Iterator[bytes]:
    """A dump up to its end, or to damage that nothing can be read behind."""
    while True:
        try:
            portion = stream.read(READ_BYTES)
        except StreamError as error:
            if not error.goes_on:
                raise
            tally.broken(error.kind, error.offset, str(error))
            splitter.lose()
            continue
        if not portion:
            return
        yield portion


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


def _no_dump(head: bytes) -> str | None:
    """What is wrong with a file that begins so, if it is no dump."""
    if not head or b"<mediawiki" in head or OPEN in head:
        return None
    advice = ": unpack it first (7z x)" if head.startswith(SEVEN_ZIP) else ""
    return f"no dump of MediaWiki (<mediawiki>) begins in it, but {head[:16]!r}{advice}"
