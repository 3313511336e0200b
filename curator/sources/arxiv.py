"""The source `arxiv`: papers from arXiv's source dumps and from folders, LaTeX to text."""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import orjson
import pyarrow as pa

from curator import storage
from curator.charsets import codec_of, decode
from curator.documents import File, Piece, Tally, batched
from curator.sources.archives import (
    TAR_SUFFIXES,
    ArchiveError,
    Limits,
    Member,
    MemberError,
    is_archive,
    members,
    members_of,
    safe_name,
)
from curator.sources.latex import MOST_TOKENS, Paper, read_paper
from curator.sources.latex_tokens import inlined, tokens
from curator.sources.streams import StreamError, decompressed

_NEW = re.compile(r"(?<![\d.])(\d{2})(\d{2})\.(\d{4,5})(v\d{1,3})?(?!\d)")
_OLD = re.compile(r"(?<![a-z])([a-z]+(?:-[a-z]+)?)(?:\.[A-Z]{2})?/?(\d{2})(\d{2})(\d{3})(v\d{1,3})?(?!\d)")
_TEX = (".tex", ".ltx", ".latex", ".txt", "")
_DOCUMENT = re.compile(r"^[^%\n]*\\(?:documentclass|documentstyle|begin[ ]?\{document\})", re.MULTILINE)
_PLAIN_END = re.compile(r"^[^%\n]*\\(?:bye|end)\b(?![ ]*\{)", re.MULTILINE)
_ANY_TEX = re.compile(r"\\(?:document(?:class|style)|begin|section|input|magnification|bye|title|def|beginsection)\b")
_INPUTENC = re.compile(r"^[^%\n]*\\usepackage[ ]?\[([\w-]{2,20})\][ ]?\{inputenc\}", re.MULTILINE)
_CODECS = {"latin1": "iso-8859-1", "latin2": "iso-8859-2", "latin9": "iso-8859-15", "ansinew": "windows-1252"}
_NAMES = ("ms", "main", "paper", "article", "manuscript", "root", "arxiv", "draft")
_OTHERS = ((b"%PDF", "pdf_only"), (b"%!PS", "postscript_only"), (b"\x04%!PS", "postscript_only"), (b"<", "html_only"))
_MOST_TEX = 16 << 20  # bytes of a paper's files that may be TeX
_FILES = 3000

Row = dict[str, Any]


class _NoPaperError(Exception):
    """Why there is no text: a skip."""


@dataclass(frozen=True, kw_only=True)
class Arxiv:
    """Papers of arXiv as text, from its bulk source dumps (`arXiv_src_2203_001.tar`, which holds a .gz for each paper: a tar or
    one file), single sources (`2203.00001.tar.gz`, .gz, .zip) and folders of .tex files.

        papers: {read: arxiv, from: s3://arxiv/src/*.tar, format: markdown, appendix: false}

    The main file is found, files that it inputs are put in their place, comments go, an author's macros are expanded (within
    bounds), preamble and bibliography go (RedPajama's rules). `format`: `markdown`, `text`, or `latex` (cleaned source).
    `math: none` leaves formulas out; `appendix: false` what follows `\\appendix`. `title` is a column; `authors`, `abstract`
    and `arxiv_id` are in the metadata, `url` and `date` (a month) come from the name. Papers without LaTeX are skips
    (`pdf_only`, `postscript_only`, `html_only`, `not_tex`, `withdrawn`), as are files that others input (`included`) and papers
    of fewer than `min_chars` characters (`no_text`); what cannot be unpacked is an error. A paper above `max_paper_bytes`
    unpacked is an error, too.
    """

    format: Literal["markdown", "text", "latex"] = "markdown"
    math: Literal["latex", "none"] = "latex"
    appendix: bool = True
    min_chars: int = 200
    max_paper_bytes: int = 256 << 20

    revision: ClassVar[int] = 5
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "url", "date", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("chardetng-py",)

    def __post_init__(self) -> None:
        if self.min_chars < 1:
            raise ValueError(f"min_chars: {self.min_chars} is no number of characters")
        if self.max_paper_bytes < 1:
            raise ValueError(f"max_paper_bytes: {self.max_paper_bytes} leaves no paper")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return [(0, -1)]

    def beside(self, files: Sequence[File]) -> Mapping[str, str]:
        """What lies in the folders of .tex files, which they may input."""
        folders = {_folder(file) for file in files if file.name.lower().endswith(".tex")}
        return {name: _state(folder) for name, folder in sorted(folders) if folder}

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece.file, tally), self.columns)

    def _rows(self, file: File, tally: Tally) -> Iterator[Row]:
        if is_archive(file.name) and not _is_one_paper(file):
            yield from self._dump(file, tally)
            return
        tally.record()
        if file.name.lower().endswith(".tex"):
            row = self._counted(lambda: self._loose(file), file.name, tally)
        else:
            row = self._counted(lambda: self._packed(_whole(file, self.max_paper_bytes), file.name), file.name, tally)
        if row:
            yield row

    def _dump(self, file: File, tally: Tally) -> Iterator[Row]:
        limits = Limits(member_bytes=self.max_paper_bytes, total_bytes=256 << 30)
        try:
            for member in members(file.path, file.name, limits):
                tally.record()
                try:
                    row = self._counted(lambda member=member: self._member(member), member.name, tally)
                except ArchiveError as error:
                    tally.error(error.kind, member.name, str(error))
                    raise
                if row:
                    yield {**row, "part": safe_name(member.name)}
        except ArchiveError as error:
            tally.broken(error.kind, file.name, str(error))

    def _member(self, member: Member) -> Row:
        path = safe_name(member.name)
        extension = posixpath.splitext(path)[1].lower()
        if extension == ".pdf":
            raise _NoPaperError("pdf_only")
        return self._packed(member.read(), path)

    def _counted(self, paper: Callable[[], Row], name: str, tally: Tally) -> Row | None:
        try:
            row = paper()
        except _NoPaperError as reason:
            return tally.skip(str(reason))
        except MemberError as error:
            return tally.error(error.kind, name, str(error))
        except StreamError as error:
            return tally.error(error.kind, name, str(error))
        if len(row["text"]) < self.min_chars:
            return tally.skip("no_text")
        return row

    # ------------------------------------------------------------------------------------------------------------ papers

    def _packed(self, data: bytes, name: str) -> Row:
        """A paper from the bytes of its .gz, .tar.gz, .zip or only file."""
        try:
            return self._unpacked(data, name)
        except ArchiveError as error:  # the paper's own archive, not the dump around it
            raise MemberError(error.kind, str(error)) from None

    def _unpacked(self, data: bytes, name: str) -> Row:
        head = data if data[:2] != b"\x1f\x8b" else b""
        if not head:
            head = decompressed(io.BytesIO(data)).read(512)
        if head.startswith(b"PK\x03\x04"):
            return self._paper(self._files(data, "a.zip"), name)
        if _is_tar(head):
            return self._paper(self._files(data, "a.tar"), name)
        stream = decompressed(io.BytesIO(data))
        text = stream.read(_MOST_TEX + 1)
        text += stream.read(1)  # raises if the stream is damaged behind
        if len(text) > _MOST_TEX:
            raise MemberError("too_large", f"more than {_MOST_TEX:,} bytes")
        return self._paper({"main.tex": text}, name)

    def _files(self, data: bytes, kind: str) -> dict[str, bytes]:
        """Files of a paper that may be TeX; the others are not read."""
        limits = Limits(members=_FILES * 10, member_bytes=_MOST_TEX, total_bytes=4 * self.max_paper_bytes)
        found: dict[str, bytes] = {}
        size = 0
        others: set[str] = set()
        for member in members_of(io.BytesIO(data), kind, limits):
            extension = posixpath.splitext(member.name)[1].lower()
            if extension not in _TEX or len(found) >= _FILES:
                others.add(extension)
                continue
            try:
                path, content = safe_name(member.name), member.read()
            except MemberError as error:
                if error.kind == "corrupt_member":
                    raise
                continue  # no file of this name can be put in, or none so large
            size += len(content)
            if size > 4 * _MOST_TEX:
                raise MemberError("too_large", f"more than {4 * _MOST_TEX:,} bytes of TeX")
            found[path] = content
        if not found:
            raise _NoPaperError(
                "pdf_only" if ".pdf" in others else "postscript_only" if others & {".ps", ".eps"} else "not_tex"
            )
        return found

    def _paper(self, files: Mapping[str, bytes], name: str) -> Row:
        sources = _Sources(files)
        main = sources.main()
        folder = posixpath.dirname(main)

        def file(wanted: str) -> str | None:
            return sources.find(folder, wanted)

        return self._row(sources.text(main), file, name, main if len(files) > 1 else None)

    def _loose(self, file: File) -> Row:
        """A .tex file of a folder: a paper if it begins one, else a part of another."""
        source = _decoded(_whole(file, _MOST_TEX))
        if not _DOCUMENT.search(source) and not _PLAIN_END.search(source):
            raise _NoPaperError("included" if _ANY_TEX.search(source) or len(source) < 1000 else "not_tex")
        _, folder = _folder(file)
        known = _listing(folder) if folder else {}

        def beside(wanted: str) -> str | None:
            for path in _candidates("", wanted):
                if path in known:
                    return _decoded(_head(known[path], _MOST_TEX))
            return None

        return self._row(source, beside, file.name, None)

    def _row(self, source: str, file: Callable[[str], str | None], name: str, main: str | None) -> Row:
        if source[:300].lstrip().lower().startswith("%auto-ignore") or not source.strip():
            raise _NoPaperError("withdrawn" if source.strip() else "empty")
        if not _ANY_TEX.search(source):
            raise _NoPaperError("not_tex")
        found = inlined(tokens(source), file, MOST_TOKENS)
        paper = read_paper(found, self.format, self.math == "latex", self.appendix)
        identifier, version, date = identify(name)
        known = _about(paper) | {"arxiv_id": identifier, "version": version, "main": main}
        return {
            "offset": 0,
            "part": None,
            "text": paper.text,
            "title": paper.title,
            "url": f"https://arxiv.org/abs/{identifier}" if identifier else None,
            "date": date,
            "metadata": orjson.dumps({key: value for key, value in known.items() if value}).decode(),
        }


class _Sources:
    """The files of one paper that may be TeX."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._texts: dict[str, str] = {}

    def text(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = _decoded(self._files[path])
        return self._texts[path]

    def main(self) -> str:
        """The file that begins the document: by its `\\documentclass`, then the usual names, then its size."""
        if len(self._files) == 1:
            head = next(iter(self._files.values())).lstrip()[:8]
            for mark, kind in _OTHERS:
                if head.startswith(mark):
                    raise _NoPaperError(kind)
        begins = [path for path in self._files if _DOCUMENT.search(self.text(path))]
        begins = begins or [path for path in self._files if _PLAIN_END.search(self.text(path)) and self._is_tex(path)]
        begins = begins or [path for path in self._files if self._is_tex(path)]
        if not begins:
            withdrawn = any(b"%auto-ignore" in data[:300] for data in self._files.values())
            raise _NoPaperError("withdrawn" if withdrawn else "not_tex")
        return min(begins, key=self._rank)

    def _is_tex(self, path: str) -> bool:
        return path.lower().endswith((".tex", ".ltx", ".latex")) or _ANY_TEX.search(self.text(path)) is not None

    def _rank(self, path: str) -> tuple[Any, ...]:
        text = self.text(path)
        stem = posixpath.splitext(posixpath.basename(path))[0].lower()
        named = _NAMES.index(stem) if stem in _NAMES else len(_NAMES)
        whole = "\\begin{document}" in text and ("\\title" in text or "\\section" in text or "\\input" in text)
        return (not whole, path.count("/"), named, "suppl" in stem or "standalone" in text[:500], -len(text), path)

    def find(self, folder: str, wanted: str) -> str | None:
        for path in _candidates(folder, wanted):
            if path in self._files:
                return self.text(path)
        return None


def _candidates(folder: str, wanted: str) -> list[str]:
    """Paths that an `\\input` may mean, none of them above the paper's folder."""
    wanted = wanted.strip().strip('"')
    if not wanted or wanted.startswith(("/", "~", "|")) or "\0" in wanted or wanted.endswith((".bbl", ".bib")):
        return []
    found = []
    for base in dict.fromkeys((folder, "")):
        path = posixpath.normpath(posixpath.join(base, wanted))
        if not path.startswith(".."):
            found += [f"{path}.tex", path]
    return found


def _about(paper: Paper) -> dict[str, Any]:
    return {"authors": paper.authors, "abstract": paper.abstract, "macros_exhausted": paper.exhausted}


def identify(name: str) -> tuple[str | None, str | None, str | None]:
    """(identifier, version, month) from a file's name, since 2007 `2203.00001`, before `hep-th/9901001`."""
    name = re.sub(r"^.*arXiv_src_[^/]*/", "", name)
    found = _NEW.search(posixpath.basename(name))
    if found:
        year, month, number, version = found.groups()
        return f"{year}{month}.{number}", version, _month(year, month)
    parts = name.split("/")
    found = _OLD.search("/".join(parts[-2:])) or _OLD.search(parts[-1])
    if found:
        archive, year, month, number, version = found.groups()
        return f"{archive}/{year}{month}{number}", version, _month(year, month)
    return None, None, None


def _month(year: str, month: str) -> str | None:
    return f"{'19' if int(year) > 90 else '20'}{year}-{month}" if 1 <= int(month) <= 12 else None


# --------------------------------------------------------------------------------------------------------------- reading


def _head(path: str, most: int) -> bytes:
    with storage.open_input(path) as stream:
        return stream.read(most)


def _whole(file: File, most: int) -> bytes:
    data = _head(file.path, most + 1)
    if len(data) > most:
        raise MemberError("too_large", f"more than {most:,} bytes")
    return data


def _decoded(data: bytes) -> str:
    """A TeX file's text; what `inputenc` names is taken for what is declared."""
    named = _INPUTENC.search(data[:50_000].decode("latin-1"))
    declared = _CODECS.get(named[1], named[1]) if named else None
    return decode(data, declared if declared and codec_of(declared) else None, markup=False).text


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _is_one_paper(file: File) -> bool:
    """An archive named after a paper, or with .tex files in it, is one; others hold many."""
    name = posixpath.basename(file.name)
    if name.lower().startswith("arxiv_src"):
        return False
    if identify(name)[0]:
        return True
    suffixes: set[str] = set()
    try:
        for member, _ in zip(members(file.path, file.name, Limits()), range(2000)):
            suffixes.add(posixpath.splitext(member.name)[1].lower())
    except ArchiveError:  # told when it is read in earnest
        pass
    return ".tex" in suffixes or not suffixes & {".gz", ".pdf", *TAR_SUFFIXES}


def _folder(file: File) -> tuple[str, str]:
    """(a name's folder, the path of it)."""
    return posixpath.dirname(file.name), posixpath.dirname(storage.resolve(file.path))


@lru_cache(maxsize=64)
def _listing(folder: str) -> dict[str, str]:
    """Files below a folder by their names in it; links that lead out of it are none."""
    try:
        return {file.name: file.path for file in storage.find([folder])}
    except storage.StorageError:
        return {}


def _state(folder: str) -> str:
    found = [
        f"{file.name}\0{file.size}\0{file.stamp}" for file in storage.find([folder]) if file.name.lower().endswith(_TEX[:3])
    ]
    return hashlib.blake2b("\n".join(found).encode(), digest_size=8).hexdigest()
