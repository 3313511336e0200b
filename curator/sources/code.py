"""The source `code`: files of code from folders, installed packages, and tar and zip archives."""

from __future__ import annotations

import importlib.metadata
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import orjson
import pyarrow as pa

from curator import storage
from curator.charsets import decode
from curator.documents import File, Piece, Tally, batched
from curator.sources import licences
from curator.sources.archives import ArchiveError, Limits, Member, MemberError, is_archive, members, safe_name
from curator.sources.codefacts import facts
from curator.sources.languages import BY_NAME, language_of

_BINARY = """
.png .jpg .jpeg .gif .webp .ico .bmp .tif .tiff .pdf .so .dll .dylib .exe .o .a .lib .pyc .pyo .pyd .class
.wasm .bin .npy .npz .pt .onnx .ftz .model .parquet .arrow .db .sqlite .gz .bz2 .xz .zst .7z .rar .woff .woff2
.ttf .otf .eot .mp3 .mp4 .ogg .wav .mov .avi .mo .nib .keystore .p12 .der
"""
_BINARY_SUFFIXES = frozenset(_BINARY.split())
_CONTROLS = "".join(map(chr, (*range(8), *range(14, 27), *range(28, 32), 127)))
_MOST_LICENCE_BYTES = 256 << 10


@dataclass(frozen=True, kw_only=True)
class Code:
    """Source code, one document per file, from folders (every file of `from`), `package:` paths, and .zip, .whl and .tar
    archives.

    `license` is the SPDX identifier of the file's header or of the nearest LICENSE file in its folders or archive.
    `metadata` says the programming language, whether the file is generated, minified, vendored or data, and the numbers
    that code filters ask for. `languages` (`Python`) and `extensions` (`.py`) choose files; others are skips, as are binary
    and empty files and those above `max_bytes`. Files in no known charset are errors.
    """

    languages: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    max_bytes: int = 1 << 20

    revision: ClassVar[int] = 3
    columns: ClassVar[frozenset[str]] = frozenset(["text", "title", "license", "metadata"])
    libraries: ClassVar[tuple[str, ...]] = ("chardetng-py", "resiliparse")

    def __post_init__(self) -> None:
        for language in self.languages:
            if language.lower() not in BY_NAME:
                raise ValueError(f"languages: {language!r} is not known; use GitHub Linguist's names, such as Python or C++")
        for extension in self.extensions:
            if not extension.startswith("."):
                raise ValueError(f"extensions: write {'.' + extension!r}, with the dot, not {extension!r}")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes: {self.max_bytes} leaves no file")

    def ranges(self, file: File, size: int) -> Sequence[tuple[int, int]]:
        return [(0, -1)]

    def beside(self, files: Sequence[File]) -> Mapping[str, str]:
        """The licence that each folder of `files` gives to them; an archive holds its own."""
        apart = [file for file in files if not is_archive(file.name)]
        return {posixpath.dirname(file.name): _folder_licence(file) or "none" for file in apart}

    def read(self, piece: Piece, tally: Tally) -> Iterator[pa.RecordBatch]:
        return batched(self._rows(piece.file, tally), self.columns)

    def _rows(self, file: File, tally: Tally) -> Iterator[Mapping[str, Any]]:
        if is_archive(file.name):
            yield from self._archive(file, tally)
            return
        tally.record()
        kind = self._unwanted(file.name, file.size)
        if kind:
            tally.skip(kind)
            return
        with storage.open_input(file.path) as stream:
            data = stream.read(self.max_bytes + 1)
        row = self._row(file.name, data, lambda: _folder_licence(file), tally)
        if row:
            yield row

    def _archive(self, file: File, tally: Tally) -> Iterator[Mapping[str, Any]]:
        limits = Limits(member_bytes=max(self.max_bytes, _MOST_LICENCE_BYTES))
        known = _archive_licences(file, limits)
        try:
            for member in members(file.path, file.name, limits):
                tally.record()
                try:
                    row = self._member(member, known, tally)
                except ArchiveError as error:
                    tally.error(error.kind, member.name, str(error))
                    raise
                if row:
                    yield row
        except ArchiveError as error:
            tally.broken(error.kind, file.name, str(error))

    def _member(self, member: Member, known: dict[str, str | None], tally: Tally) -> Mapping[str, Any] | None:
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
        extension = posixpath.splitext(path)[1].lower()
        if extension in _BINARY_SUFFIXES:
            return "binary"
        if self.extensions and extension not in map(str.lower, self.extensions):
            return "extension"
        return "too_large" if size > self.max_bytes else None

    def _row(self, path: str, data: bytes, licence: Any, tally: Tally) -> dict[str, Any] | None:
        kind = "too_large" if len(data) > self.max_bytes else "binary" if _is_binary(data) else None
        if kind:
            tally.skip(kind)
            return None
        found = decode(data, markup=False)
        text, charset, replaced = found.text, found.charset, found.replaced
        if charset != "utf-8" and _has_controls(text):
            tally.skip("binary")
            return None
        if replaced:
            tally.error("undecodable", path, f"{replaced} bytes are in no charset that fits the rest")
            return None
        if not text.strip():
            tally.skip("empty")
            return None
        language = language_of(path, text)
        if self.languages and (language is None or language.name.lower() not in map(str.lower, self.languages)):
            tally.skip("language")
            return None
        known = {"path": path, "language": language.name if language else None, "kind": language.kind if language else None}
        known |= {"charset": charset if charset != "utf-8" else None}
        known |= facts(path, text, language.name if language else None, language.kind if language else None)
        return {
            "offset": 0,
            "text": text.replace("\r\n", "\n"),
            "title": path,
            "license": licences.of_header(text) or licence(),
            "metadata": orjson.dumps({key: value for key, value in known.items() if value is not None}).decode(),
        }


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


def _has_controls(text: str) -> bool:
    """More than one control character in a hundred: bytes that a charset happens to fit."""
    sample = text[:8192]
    return sum(map(sample.count, _CONTROLS)) > 0.01 * len(sample)


# ------------------------------------------------------------------------------------------------------------- licences


def _archive_licences(file: File, limits: Limits) -> dict[str, str | None]:
    """Licences of an archive's folders. A tar is read once more for them, since they may stand behind the code."""
    known: dict[str, str | None] = {}
    try:
        for member in members(file.path, file.name, limits):
            if licences.is_licence_file(member.name) and member.size <= _MOST_LICENCE_BYTES:
                try:
                    path, data = safe_name(member.name), member.read()
                except MemberError:  # counted when the members are read in earnest
                    continue
                _note(known, posixpath.dirname(path), licences.of_text(decode(data, markup=False).text))
    except ArchiveError:  # told when the members are read in earnest
        pass
    return known


def _note(known: dict[str, str | None], folder: str, licence: str | None) -> None:
    """Two licences in one folder are a choice: `Apache-2.0 OR MIT`."""
    choices = {*(known.get(folder) or "").split(" OR "), licence or ""} - {""}
    known[folder] = " OR ".join(sorted(choices)) or None


def _folder_licence(file: File) -> str | None:
    """The licence of the nearest folder of a file's name that has one, known or not, or what an installed package states."""
    path = storage.resolve(file.path)
    if not path.endswith(file.name):
        return None
    root = path[: -len(file.name)].rstrip("/")
    installed = posixpath.basename(root) in ("site-packages", "dist-packages")
    folder = posixpath.dirname(file.name)
    while folder or not installed:
        found = _licence_in(posixpath.join(root, folder) if folder else root)
        if found is not None:
            return found or None
        if not folder:
            return None
        folder = posixpath.dirname(folder)
    return _stated_licence(file.name.partition("/")[0])


@lru_cache(maxsize=4096)
def _licence_in(folder: str) -> str | None:
    """None without a LICENSE file, empty if it holds none of the common licences."""
    known: dict[str, str | None] = {}
    for name in licences.NAMES:
        path = posixpath.join(folder, name)
        if storage.exists(path):
            with storage.open_input(path) as stream:
                _note(known, "", licences.of_text(decode(stream.read(_MOST_LICENCE_BYTES), markup=False).text))
    return (known[""] or "") if known else None


@lru_cache(maxsize=256)
def _stated_licence(package: str) -> str | None:
    """What the metadata of an installed distribution of the package's name says (`License-Expression`), or its LICENSE
    files."""
    try:
        distribution = importlib.metadata.distribution(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    if "License-Expression" in distribution.metadata:
        return distribution.metadata["License-Expression"].strip()
    known: dict[str, str | None] = {}
    for file in distribution.files or ():
        if licences.is_licence_file(file.name) and storage.exists(path := str(file.locate())):
            _note(known, "", licences.of_text(decode(storage.read_bytes(path)[:_MOST_LICENCE_BYTES], markup=False).text))
    return known.get("")
