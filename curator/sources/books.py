"""The source `books`: plain text, HTML, EPUB, JSON lists and zips of chapters, one document per chapter."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import orjson
import pyarrow as pa

from curator.charsets import decode
from curator.documents import File, Piece, Tally, batched
from curator.sources import chapters, epub, gutenberg
from curator.sources.archives import (
    TAR_SUFFIXES,
    ZIP_SUFFIXES,
    ArchiveError,
    Limits,
    Member,
    MemberError,
    Zip,
    is_archive,
    members,
    safe_name,
)
from curator.sources.bookpages import finished, page_text
from curator.sources.parsing import parsed
from curator.sources.rewrap import paragraphs
from curator.sources.streams import StreamError, open_stream
from curator.storage import open_input

HTML = (".html", ".htm", ".xhtml")
TEXT = (".txt", ".text", ".md", ".utf8", ".utf-8", "")  # Project Gutenberg has `pg1342.txt.utf8`
MOST_BOOK_BYTES = 256 << 20  # a JSON list, or a text: it is held in memory
MOST_PAGES = 1 << 16  # of an EPUB: chapters of one page have offsets so far apart
PART_STRIDE = 1 << 32  # between the offsets of chapters that are members: parts of one chapter have offsets between

Row = dict[str, Any]


@dataclass(frozen=True)
class _About:
    """What is known of a book besides its text."""

    book: str | None = None
    author: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Books:
    """Books, one document per chapter: .txt, .html, .epub (in the order of its spine), .json (a list of chapters) and
    archives of these; a zip of chapter pages with an `info.json` (name, author, catalogues) is one book in natural order.

    Plain text is cut at chapter headings (第十回, CHAPTER X); chapters above `part_chars` characters are cut into parts at
    paragraph borders. Charset: byte order mark, UTF-8, then detection. Project Gutenberg's header and footer are removed.
    Lines that were broken at a fixed width are joined again (`rejoin_lines`). Books above 256 MB, and what cannot be
    parsed, are errors.

        books: {read: books, from: [data/books/*.epub, "data/novels/*.zip"], part_chars: 50000}
    """

    part_chars: int = 100_000
    rejoin_lines: bool = True

    revision: ClassVar[int] = 11
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("chardetng-py", "resiliparse")

    def __post_init__(self) -> None:
        if self.part_chars < 1000:
            raise ValueError(f"part_chars: {self.part_chars} is too few; parts have at least 1000 characters")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return [(0, -1)]

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._counted(piece.file, tally), self.columns)

    def _counted(self, file: File, tally: Tally) -> Iterator[Row]:
        for row in self._file(file, tally):
            tally.record()
            if row["text"]:
                yield row
            else:
                tally.skip("empty")

    def _file(self, file: File, tally: Tally) -> Iterator[Row]:
        name = file.name.lower()
        try:
            if name.endswith(ZIP_SUFFIXES):
                with open_input(file.path) as raw:
                    archive = Zip(raw, LIMITS)
                    yield from self._zip(archive, file.name, tally)
                    yield from self._members(archive.replaced, tally)
                    archive.check_directory()
            elif name.endswith(TAR_SUFFIXES):
                yield from self._members(members(file.path, file.name, LIMITS), tally)
            else:
                with open_stream(file.path) as stream:
                    data = stream.read(MOST_BOOK_BYTES + 1)
                    data += stream.read(1) if data else b""  # raises if the stream is damaged behind
                yield from self._one(data, _without_compression(file.name), tally, None)
        except (ArchiveError, StreamError) as error:
            tally.broken(error.kind, file.name, str(error))

    # ------------------------------------------------------------------------------------------------------- archives

    def _zip(self, archive: Zip, name: str, tally: Tally) -> Iterator[Row]:
        files = sorted(archive.members, key=lambda member: _natural(member.name))
        names = [member.name for member in files]
        if name.lower().endswith(".epub") or "META-INF/container.xml" in names:
            yield from self._epub(archive, None, tally)
            return
        info = next((n for n in names if posixpath.basename(n) == "info.json"), None)
        if info is None:
            yield from self._members(iter(files), tally)
        else:
            pages = [member for member in files if member.name != info]
            try:
                said = archive.read(info)
            except MemberError as error:
                tally.record()
                tally.error(error.kind, info, str(error))
                said = b""
            yield from self._chapter_pages(pages, said, tally)

    def _members(self, files: Iterator[Member], tally: Tally) -> Iterator[Row]:
        """Every member is a book of its own."""
        for member in files:
            is_epub = member.name.lower().endswith(".epub")
            if not (is_epub or _is_book(member.name, (*TEXT, *HTML, ".json"))):
                tally.record()
                tally.skip("archive" if is_archive(member.name) else "not_text")
                continue
            data = _content(member, tally)
            if data is None:
                continue
            if is_epub:
                yield from self._packed_epub(data, safe_name(member.name), tally)
            else:
                yield from self._one(data, member.name, tally, safe_name(member.name))

    def _chapter_pages(self, pages: Sequence[Member], info: bytes, tally: Tally) -> Iterator[Row]:
        """A zip whose pages are the chapters of one book, `info.json` their names."""
        about, names = _info(info, tally)
        found = [page for page in pages if _is_book(page.name, (*TEXT, *HTML))]
        _skip_others(len(pages) - len(found), tally)
        for number, page in enumerate(found):
            data = _content(page, tally)
            if data is None:
                continue
            text = self._tidy(page_text(data)[0] if page.name.lower().endswith(HTML) else decode(data, markup=False).text)
            heading = names[number] if len(names) == len(found) else None
            yield from self._chapter(text, heading, number, safe_name(page.name), about)

    def _packed_epub(self, data: bytes, part: str, tally: Tally) -> Iterator[Row]:
        try:
            archive = Zip(io.BytesIO(data), LIMITS)
        except ArchiveError as error:
            tally.record()
            tally.error(error.kind, part, str(error))
            return
        yield from self._epub(archive, part, tally)
        yield from self._members(archive.replaced, tally)

    def _epub(self, archive: Zip, part: str | None, tally: Tally) -> Iterator[Row]:
        """The pages of its spine, below `part` where it lies in an archive itself."""
        try:
            package = epub.read_package(archive.read, archive.names)
            encrypted = {archive.own_name(name) for name in epub.encrypted(archive.read)}
            if not package.spine:
                raise MemberError("malformed_epub", "the package names no pages")
        except MemberError as error:
            tally.record()
            tally.error(error.kind, part or "package", str(error))
            return
        if package.found:
            tally.mended("no_container", part or "package", 1, "EPUBs whose container does not lead to the package read")
        _skip_others(len(package.others), tally)
        about = _About(package.title, package.author, {"language": package.language, "rights": package.rights})
        spine = dict.fromkeys(map(archive.own_name, package.spine))  # a file of 1 MB can name one page any number of times
        for number, name in enumerate(spine):
            try:
                if name in encrypted:
                    raise MemberError("encrypted", "the shop that sold the book has encrypted the page")
                data = archive.read(name)
                path = posixpath.join(part or "", safe_name(name))
            except MemberError as error:
                tally.record()
                tally.error(error.kind, name, str(error))
                continue
            text, heading = page_text(data)
            unwrapped = gutenberg.unwrap(text)  # its EPUBs have the header in their first chapter, the licence in their last
            if unwrapped.wrapped and heading and "gutenberg" in heading.lower():
                heading = None
            found = chapters.of_one_kind(unwrapped.text)
            for at, (named, chapter) in enumerate(found):
                named = named or (heading if len(found) == 1 else None)
                yield from self._chapter(self._tidy(chapter), named, number + at * MOST_PAGES, path, about)

    # ------------------------------------------------------------------------------------------------------- one book

    def _one(self, data: bytes, name: str, tally: Tally, part: str | None) -> Iterator[Row]:
        if len(data) > MOST_BOOK_BYTES:
            tally.record()
            tally.error("too_large", name, f"more than {MOST_BOOK_BYTES:,} bytes")
            return
        suffix = posixpath.splitext(name)[1].lower()
        if suffix == ".json":
            yield from self._json(data, name, tally, part)
            return
        if b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            tally.record()
            tally.skip("binary")
            return
        if _OTHER_FORMATS.match(data):
            tally.record()
            tally.skip("not_text")
            return
        if (zeros := data.find(bytes(LEAST_ERASED_BYTES))) >= 0:
            tally.broken("zeros", zeros, f"a stretch of {name[:100]} is zeros, as disks have it for what they lost")
        text, heading = page_text(data) if suffix in HTML else (decode(data, markup=False).text, None)
        book = gutenberg.unwrap(text.replace("\r\n", "\n"))
        about = _About(book.title or heading or posixpath.splitext(posixpath.basename(name))[0], book.author)
        if book.wrapped:
            about = replace(about, more={"gutenberg": book.number or True})
        found = chapters.cut(book.text, self.part_chars)
        if not found:
            tally.record()
            tally.skip("empty")
        for chapter in found:
            yield _row(self._tidy(chapter.text), chapter.heading, chapter.number, part, about)

    def _json(self, data: bytes, name: str, tally: Tally, part: str | None) -> Iterator[Row]:
        """A list of chapters: strings, or objects with `text`, `content` or `paragraphs`, perhaps `title` and `author`; or
        an object that holds such a list."""
        try:
            value = parsed(data, name, tally)
        except orjson.JSONDecodeError as error:
            tally.record()
            tally.error("malformed_json", name, str(error))
            return
        about = _About(posixpath.splitext(posixpath.basename(name))[0])
        if isinstance(value, dict):
            about = _About(_string(value, "title", "name", "book") or about.book, _string(value, "author"))
            value = next((value[key] for key in ("chapters", "content", "docs", "paragraphs", "text") if key in value), None)
        if not isinstance(value, list):
            tally.record()
            tally.error("not_chapters", name, "neither a list of chapters nor an object with one")
            return
        for number, item in enumerate(value):
            text, heading, author = _json_chapter(item)
            if text is None:
                tally.record()
                tally.error("not_chapters", number, "a chapter without text")
                continue
            of = about if author is None else replace(about, author=author)
            yield from self._chapter(self._tidy(text), heading, number, part, of)

    def _chapter(self, text: str, heading: str | None, number: int, part: str | None, about: _About) -> Iterator[Row]:
        """A chapter that came as one, cut only if it is longer than `part_chars`."""
        pieces = chapters.parts(text, self.part_chars) if text else [""]
        for piece_number, piece in enumerate(pieces):
            yield _row(piece.strip(), heading, number + piece_number * PART_STRIDE, part, about)

    def _tidy(self, text: str) -> str:
        return finished(paragraphs(text, self.rejoin_lines))


LEAST_ERASED_BYTES = 32  # no text has so many zeros, in any charset
LIMITS = Limits(members=200_000, member_bytes=MOST_BOOK_BYTES, total_bytes=8 << 30)


def _row(text: str, heading: str | None, number: int, part: str | None, about: _About) -> Row:
    heading = heading or _first_line_heading(text)
    known = {"book": about.book, "author": about.author, "chapter": heading, **about.more}
    title = " ".join(x for x in (about.book, heading if heading != about.book else None) if x)
    metadata = orjson.dumps({key: value for key, value in known.items() if value is not None}).decode()
    return {"offset": number, "part": part, "text": text, "title": title or None, "metadata": metadata}


def _first_line_heading(text: str) -> str | None:
    line = text[:200].partition("\n")[0].strip()
    return " ".join(line.split()) if chapters.is_heading(line) else None


def _skip_others(count: int, tally: Tally) -> None:
    for _ in range(count):
        tally.record()
        tally.skip("not_text")


def _content(member: Member, tally: Tally) -> bytes | None:
    try:
        safe_name(member.name)
        return member.read()
    except MemberError as error:
        tally.record()
        tally.error(error.kind, member.name, str(error))
        return None


def _is_book(name: str, suffixes: tuple[str, ...]) -> bool:
    """Not what is hidden, nor what macOS puts beside every file."""
    hidden = posixpath.basename(name).startswith(".") or name.startswith("__MACOSX/")
    return not hidden and posixpath.splitext(name)[1].lower() in suffixes


def _without_compression(name: str) -> str:
    return re.sub(r"\.(gz|bz2|zst)$", "", name, flags=re.IGNORECASE)


def _natural(name: str) -> list[Any]:
    """Numbers in a name by value: 2.html before 10.html."""
    return [(1, int(x), "") if x.isdecimal() else (0, 0, x) for x in re.split(r"(\d{1,18})", name) if x]


def _info(data: bytes, tally: Tally) -> tuple[_About, list[str]]:
    try:
        info = parsed(data, "info.json", tally)
    except orjson.JSONDecodeError:
        info = None
    if not isinstance(info, dict):
        return _About(), []
    author = info.get("author")
    if isinstance(author, dict):
        author = author.get("name")
    names = info.get("catalogues")
    names = [" ".join(x.split()) for x in names if isinstance(x, str)] if isinstance(names, list) else []
    return _About(_string(info, "name", "title"), author if isinstance(author, str) else None), names


def _json_chapter(item: Any) -> tuple[str | None, str | None, str | None]:
    if isinstance(item, str):
        return item, None, None
    if not isinstance(item, dict):
        return None, None, None
    value = next((item[key] for key in ("text", "content", "paragraphs") if key in item), None)
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(value)
    return value if isinstance(value, str) else None, _string(item, "title", "chapter"), _string(item, "author")


def _string(value: Mapping[str, Any], *keys: str) -> str | None:
    return next((value[key] for key in keys if isinstance(value.get(key), str)), None)


_OTHER_FORMATS = re.compile(
    rb"\s*(?:%PDF-|\{\\rtf|<\?xml(?!.{0,2000}<html)|<FictionBook|<package\b)", re.DOTALL | re.IGNORECASE
)
