"""The source `code`: files of code, and notebooks, from folders, installed packages, and tar and zip archives; one document a
file, or a repository."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import orjson
import pyarrow as pa

from curator import storage
from curator.charsets import decode
from curator.documents import File, Piece, Tally, batched
from curator.errors import nearest
from curator.sources import licence_files, licences
from curator.sources.archives import ArchiveError, Limits, Member, MemberError, is_archive, members, safe_name
from curator.sources.codefacts import facts
from curator.sources.languages import BY_NAME, Language, language_of
from curator.sources.licence_names import kind_of
from curator.sources.licences import NOASSERTION, Stated
from curator.sources.notebooks import NotebookError, read_notebook, render
from curator.sources.parsing import count_replaced
from curator.sources.repositories import Entry, in_order, portions

_BINARY = """
.png .jpg .jpeg .gif .webp .ico .bmp .tif .tiff .pdf .so .dll .dylib .exe .o .a .lib .pyc .pyo .pyd .class
.wasm .bin .npy .npz .pt .onnx .ftz .model .parquet .arrow .db .sqlite .gz .bz2 .xz .zst .7z .rar .woff .woff2
.ttf .otf .eot .mp3 .mp4 .ogg .wav .mov .avi .mo .nib .keystore .p12 .der .pkl .h5 .safetensors .psd .docx .xlsx .pptx
"""
_BINARY_SUFFIXES = frozenset(_BINARY.split())
_CONTROLS = "".join(map(chr, (*range(8), *range(14, 27), *range(28, 32), 127)))
_NOTEBOOK_BYTES = 64 << 20  # with its pictures, which are left out
_HELD_CHARS = 256 << 20  # of files that wait to be joined
_METADATA_FOLDERS = {
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    "CVS",
    "_darcs",
}  # hooks and packs of version control, not the project's files
_FLAGS = ("generated", "minified", "vendored", "data")

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Code:
    """Source code from folders (every file of `from`), `package:` paths, and .zip, .whl and .tar archives.

        code: {read: code, from: data/repos/*.tar.gz, documents: repository, order: dependencies, notebooks: markdown}

    `license` is the SPDX expression of the file's header, else what LICENSE files (by their text) or manifest (package.json,
    Cargo.toml, pyproject.toml …) of the nearest folder say; `metadata.license_by` says which, `license_type` is `permissive`,
    `weak_copyleft`, `copyleft`, `restricted`, `unknown` (a LICENSE file that holds no common one is `NOASSERTION`) or `none`
    where nothing is said. `metadata` has the language, its `kind` (`programming`, `markup`, `data`, `prose`, `notebook`),
    whether the file is generated, minified, vendored or data, and the numbers that code filters ask for. `languages`
    (`Python`) and `extensions` (`.py`) choose files; others are skips, as are binary and empty files, those of version control
    (`.git/`) and those above `max_bytes`. Files in no known charset, and notebooks that are none, are errors.

    `notebooks`: .ipynb become `markdown`, a `script`, StarCoder's `structured` form, or stay JSON (`raw`); of a cell's outputs
    `output_chars` characters are kept.

    `documents: repository` joins the files of a repository: an archive or, with `repository_depth: 1`, what lies below the
    same first folder (2: the first two). Files that are generated, minified, vendored or data are left out; the others stand
    READMEs first, then by `order`, each after `file_header`, in documents of at most `repository_chars` characters that begin
    with `repository_header`. The headers are StarCoder2's (arXiv 2402.19173 §5.2); DeepSeek-Coder's is `"#{path}\\n"`. Joined
    files are the skip `joined`, and every document is a record of its own.
    """

    languages: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    max_bytes: int = 1 << 20
    notebooks: Literal["markdown", "script", "structured", "raw"] = "markdown"
    output_chars: int = 0
    documents: Literal["file", "repository"] = "file"
    repository_depth: int = 0
    repository_chars: int = 1_000_000
    repository_header: str = "<repo_name>{repository}"
    file_header: str = "<file_sep>{path}\n"
    order: Literal["path", "dependencies"] = "path"

    revision: ClassVar[int] = 10
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "license", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("chardetng-py", "orjson", "resiliparse", "xxhash")

    def __post_init__(self) -> None:
        for language in self.languages:
            if language.lower() not in BY_NAME:
                near = nearest(language, (known.name for known in BY_NAME.values()))
                raise ValueError(f"languages: {language!r} is none of GitHub Linguist's, such as Python or C++{near}")
        for extension in self.extensions:
            if not extension.startswith("."):
                raise ValueError(f"extensions: write {'.' + extension!r}, with the dot, not {extension!r}")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes: {self.max_bytes} leaves no file")
        if self.output_chars < 0:
            raise ValueError(f"output_chars: {self.output_chars} is no number of characters")
        if self.repository_chars < 1000:
            raise ValueError(f"repository_chars: {self.repository_chars} is too few; a document has at least 1000 characters")
        if self.repository_depth < 0:
            raise ValueError(f"repository_depth: {self.repository_depth} is no number of folders")
        for name in ("repository_header", "file_header"):
            try:
                getattr(self, name).format(path="p", repository="r")
            except (KeyError, IndexError, ValueError):
                raise ValueError(f"{name}: may hold {{path}} and {{repository}}, and braces written twice") from None

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return [(0, -1)]

    def together(self, files: Sequence[File]) -> Sequence[Sequence[File]]:
        """Files that are read as one piece: those of a repository. An archive is one by itself."""
        if self.documents == "file":
            return [[file] for file in files]
        groups: dict[str, list[File]] = {}
        for file in files:
            key = f"!{file.path}" if is_archive(file.name) else self._repository(file.name)
            groups.setdefault(key, []).append(file)
        return list(groups.values())

    def beside(self, files: Sequence[File]) -> Mapping[str, str]:
        """The licence that each folder of `files` gives to them; an archive holds its own."""
        apart = [file for file in files if not is_archive(file.name)]
        return {posixpath.dirname(file.name): licence_files.of_folder(file).licence or "none" for file in apart}

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        if self.documents == "repository":
            return batched(map(_dumped, self._joined(self._rows(piece, tally), piece.file, tally)), self.columns)
        return batched((_dumped(row) for _, row in self._rows(piece, tally)), self.columns)

    # ------------------------------------------------------------------------------------------------------------- files

    def _rows(self, piece: Piece, tally: Tally) -> Iterator[tuple[str, Row]]:
        """(path, row) of every file that is a document."""
        for file in (piece.file, *piece.others):
            if is_archive(file.name):
                yield from self._archive(file, tally)
            elif row := self._file(file, tally):
                yield file.name, row

    def _file(self, file: File, tally: Tally) -> Row | None:
        tally.record()
        kind = self._unwanted(file.name, file.size)
        if kind:
            tally.skip(kind)
            return None
        with storage.open_input(file.path) as stream:
            data = stream.read(self._most_bytes(file.name) + 1)
        return self._row(file.name, data, lambda: licence_files.of_folder(file), tally)

    def _archive(self, file: File, tally: Tally) -> Iterator[tuple[str, Row]]:
        limits = Limits(member_bytes=max(self.max_bytes, licence_files.MOST_BYTES, _NOTEBOOK_BYTES))
        known = licence_files.of_archive(file, limits)
        try:
            for member in members(file.path, file.name, limits):
                tally.record()
                try:
                    row = self._member(member, known, tally)
                except ArchiveError as error:
                    tally.error(error.kind, member.name, str(error))
                    raise
                if row:
                    yield row["part"], row
        except ArchiveError as error:
            tally.broken(error.kind, file.name, str(error))

    def _member(self, member: Member, known: dict[str, Stated], tally: Tally) -> Row | None:
        try:
            path = safe_name(member.name)
            kind = "archive" if is_archive(path) else self._unwanted(path, member.size)
            if kind:
                tally.skip(kind)
                return None
            data = member.read()
        except MemberError as error:
            tally.error(error.kind, member.name, str(error))
            return None
        row = self._row(path, data, lambda: licences.nearest(path, known), tally)
        return {**row, "part": path} if row else None

    def _unwanted(self, path: str, size: int) -> str | None:
        """Why a file is not even read."""
        *folders, name = path.split("/")
        if not _METADATA_FOLDERS.isdisjoint(folders) or name == ".git":  # a submodule's .git is a file
            return "version_control"
        extension = posixpath.splitext(path)[1].lower()
        if extension in _BINARY_SUFFIXES:
            return "binary"
        if self.extensions and extension not in map(str.lower, self.extensions):
            return "extension"
        return "too_large" if size > self._most_bytes(path) else None

    def _most_bytes(self, path: str) -> int:
        return max(self.max_bytes, _NOTEBOOK_BYTES) if self._is_notebook(path) else self.max_bytes

    def _is_notebook(self, path: str) -> bool:
        return self.notebooks != "raw" and path.lower().endswith(".ipynb")

    def _row(self, path: str, data: bytes, licence: Any, tally: Tally) -> Row | None:
        kind = "too_large" if len(data) > self._most_bytes(path) else "binary" if _is_binary(data) else None
        if kind:
            tally.skip(kind)
            return None
        found = decode(data, markup=False)
        text, charset = found.text, found.charset
        if charset != "utf-8" and _has_controls(text):
            tally.skip("binary")
            return None
        if found.replaced:
            tally.error("undecodable", path, f"{found.replaced} bytes are in no charset that fits the rest")
            return None
        language = language_of(path, text)
        known: Row = {}
        if self._is_notebook(path) and text.strip():
            try:
                notebook = read_notebook(text)
            except NotebookError as error:
                tally.error("malformed_notebook", path, str(error))
                return None
            count_replaced(notebook.replaced, path, tally)
            assert self.notebooks != "raw"
            text = render(notebook, self.notebooks, self.output_chars) if notebook.cells else ""
            known = {"notebook_language": notebook.language, "cells": len(notebook.cells)}
            language = Language("Jupyter Notebook", "notebook")
        if reason := self._of_text(text, language):
            tally.skip(reason)
            return None
        return self._document(path, text.replace("\r\n", "\n"), language, charset, licence, known)

    def _of_text(self, text: str, language: Language | None) -> str | None:
        """Why a file is no document after all."""
        if not text.strip():
            return "empty"
        if self.languages and (language is None or language.name.lower() not in map(str.lower, self.languages)):
            return "language"
        return "too_large" if len(text) > self.max_bytes else None

    def _document(self, path: str, text: str, language: Language | None, charset: str, licence: Any, more: Row) -> Row:
        own = licences.of_header(text)
        stated = Stated(own, "header") if own else licence()
        name, kind = (language.name, language.kind) if language else (None, None)
        known = {"path": path, "language": name, "kind": kind, "charset": charset if charset != "utf-8" else None, **more}
        known |= {"license_type": kind_of(stated.licence), "license_by": stated.by}
        known |= facts(path, text, name, kind)
        return {"offset": 0, "text": text, "title": path, "license": stated.licence, "metadata": known}

    # ------------------------------------------------------------------------------------------------------ repositories

    def _joined(self, rows: Iterator[tuple[str, Row]], file: File, tally: Tally) -> Iterator[Row]:
        held: dict[str, list[Entry]] = {}
        offsets: Counter[str] = Counter()
        size = 0
        for path, row in rows:
            left_out = next((flag for flag in _FLAGS if row["metadata"][flag]), None)
            tally.skip(left_out or "joined")
            if left_out:
                continue
            entry = Entry(path, row["text"], row["metadata"]["language"], row)
            held.setdefault(self._repository(path), []).append(entry)
            size += len(entry.text)
            if size > _HELD_CHARS:
                yield from self._repositories(held, file, offsets, tally)
                held, size = {}, 0
        yield from self._repositories(held, file, offsets, tally)

    def _repository(self, path: str) -> str:
        """The folders that name a path's repository; a path with fewer is in the one of its own folder."""
        return "/".join(path.split("/")[:-1][: self.repository_depth])

    def _repositories(self, held: Mapping[str, list[Entry]], file: File, offsets: Counter[str], tally: Tally) -> Iterator[Row]:
        for key in sorted(held):
            name, entries = _named(key, held[key], file)
            overhead = len(self.file_header)
            for portion in portions(in_order(entries, self.order), self.repository_chars, overhead):
                text = self.repository_header.format(repository=name, path="") + "".join(
                    self.file_header.format(path=entry.path, repository=name) + entry.text for entry in portion
                )
                tally.record()
                yield {**_about(name, portion, text), "part": key or None, "offset": offsets[key]}
                offsets[key] += 1


def _named(key: str, entries: list[Entry], file: File) -> tuple[str, list[Entry]]:
    """The name of a repository, and its files by their paths inside: GitHub's archives have one top folder, which goes."""
    within = f"{key}/" if key else ""
    if (
        not key
        and len(tops := {entry.path.partition("/")[0] for entry in entries}) == 1
        and all("/" in e.path for e in entries)
    ):
        within = f"{tops.pop()}/"
    name = within.rstrip("/") or posixpath.basename(file.name).partition(".")[0] or file.name
    return name, [Entry(e.path.removeprefix(within), e.text, e.language, e.row) for e in entries]


def _about(name: str, portion: Sequence[Entry], text: str) -> Row:
    """The columns of a document of several files: its language is that of most characters."""
    chars: Counter[str] = Counter()
    kinds: dict[str, str | None] = {}
    for entry in portion:
        if entry.language:
            chars[entry.language] += len(entry.text)
            kinds[entry.language] = entry.row["metadata"]["kind"]
    order = sorted(chars, key=lambda each: (kinds[each] != "programming", -chars[each], each))
    language = order[0] if order else None
    licence = _all_of({entry.row["license"] for entry in portion})
    known = {"path": name, "language": language, "kind": kinds.get(language or ""), "files": len(portion)}
    known |= {"languages": {each: chars[each] for each in sorted(chars)}, "license_type": kind_of(licence)}
    known |= facts(name, text, language, "repository")
    numbers = [entry.row["metadata"] for entry in portion]
    for key in ("limited_mean_line_chars", "limited_max_line_chars"):
        known[key] = max(each[key] for each in numbers)
    known |= {"generated": False, "minified": False, "vendored": False, "data": False}
    known |= {"xml": False, "visible_ratio": min(each.get("visible_ratio", 1.0) for each in numbers)}
    return {"text": text, "title": name, "license": licence, "metadata": known}


def _all_of(licences: set[str | None]) -> str | None:
    """The licence of files under several; with those that have none, an unknown one, or too many, it is not all of it:
    `NOASSERTION` (SPDX), of the kind `unknown`."""
    if len(licences) == 1:
        return next(iter(licences))
    stated = sorted(each for each in licences if each not in (None, NOASSERTION))
    if not stated:
        return NOASSERTION if licences else None
    named = [f"({each})" if " OR " in each else each for each in stated[:10]]
    return " AND ".join(named if len(named) == len(licences) else [*named, NOASSERTION])


def _is_binary(data: bytes) -> bool:
    """Bytes that no text has, or a stretch of zeros, that a disk has for what it lost."""
    return (b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff"))) or bytes(32) in data


def _has_controls(text: str) -> bool:
    """More than one control character in a hundred: bytes that a charset happens to fit."""
    sample = text[:8192]
    return sum(map(sample.count, _CONTROLS)) > 0.01 * len(sample)


def _dumped(row: Row) -> Row:
    known = {key: value for key, value in row["metadata"].items() if value is not None}
    return {**row, "metadata": orjson.dumps(known).decode()}
