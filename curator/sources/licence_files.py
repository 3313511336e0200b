"""The licence of a file by where it lies: LICENSE files and manifests of its folders, of its archive, of its package.

The nearest folder that says something counts. In one folder, two LICENSE files are a choice (`Apache-2.0 OR MIT`), and they
count for more than a manifest, unless theirs is none of the common licences.
"""

from __future__ import annotations

import importlib.metadata
import posixpath
from functools import lru_cache

from curator import storage
from curator.charsets import decode
from curator.documents import File
from curator.sources import licences, manifests
from curator.sources.archives import ArchiveError, Limits, MemberError, members, safe_name
from curator.sources.licences import NOASSERTION, Stated

MOST_BYTES = 256 << 10


class Notes:
    """What LICENSE files and manifests said, by folder."""

    def __init__(self) -> None:
        self._files: dict[str, set[str]] = {}
        self._manifests: dict[str, str] = {}

    def note(self, path: str, data: bytes) -> None:
        """Take a file into account, if it is a LICENSE file or a manifest."""
        folder = posixpath.dirname(path)
        text = decode(data[:MOST_BYTES], markup=False).text
        if licences.is_licence_file(path):
            found = licences.of_text(text)
            self._files.setdefault(folder, set()).update({found} if found else ())
        elif (stated := manifests.licence_of(path, text)) is not None:
            self._manifests.setdefault(folder, stated)

    def by_folder(self) -> dict[str, Stated]:
        """`NOASSERTION` for a folder whose LICENSE files hold none of the common licences, and that has no manifest either:
        its owner's own terms are not the same as none."""
        found = {folder: Stated(stated, "manifest") for folder, stated in self._manifests.items()}
        for folder, known in self._files.items():
            if known:
                found[folder] = Stated(_choice(known), "file")
            else:
                found.setdefault(folder, Stated(NOASSERTION, "file"))
        return found


def says_licence(path: str) -> bool:
    return licences.is_licence_file(path) or manifests.is_manifest(path)


def of_archive(file: File, limits: Limits) -> dict[str, Stated]:
    """Licences of an archive's folders. A tar is read once more for them, since they may stand behind the code."""
    notes = Notes()
    try:
        for member in members(file.path, file.name, limits):
            if says_licence(member.name) and member.size <= MOST_BYTES:
                try:
                    notes.note(safe_name(member.name), member.read())
                except MemberError:  # counted when the members are read in earnest
                    continue
    except ArchiveError:  # told when the members are read in earnest
        pass
    return notes.by_folder()


def of_folder(file: File) -> Stated:
    """The licence of the nearest folder of a file's name that has one, known or not, or what an installed package states."""
    path = storage.resolve(file.path)
    if not path.endswith(file.name):
        return Stated(None)
    root = path[: -len(file.name)].rstrip("/")
    installed = posixpath.basename(root) in ("site-packages", "dist-packages")
    folder = posixpath.dirname(file.name)
    while folder or not installed:
        found = _stated_in(posixpath.join(root, folder) if folder else root)
        if found is not None:
            return found
        if not folder:
            return Stated(None)
        folder = posixpath.dirname(folder)
    return _of_package(file.name.partition("/")[0])


@lru_cache(maxsize=4096)
def _stated_in(folder: str) -> Stated | None:
    """None without LICENSE file and manifest."""
    notes = Notes()
    for name in (*licences.NAMES, *manifests.NAMES):
        path = posixpath.join(folder, name)
        if storage.exists(path):
            try:
                with storage.open_input(path) as stream:
                    notes.note(name, stream.read(MOST_BYTES))
            except (FileNotFoundError, IsADirectoryError, PermissionError):  # a folder of that name, or one that is closed
                continue
    return notes.by_folder().get("")


@lru_cache(maxsize=256)
def _of_package(package: str) -> Stated:
    """What the metadata of an installed distribution of the package's name says (`License-Expression`), or its LICENSE
    files."""
    try:
        distribution = importlib.metadata.distribution(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return Stated(None)
    if "License-Expression" in distribution.metadata:
        return Stated(distribution.metadata["License-Expression"].strip(), "manifest")
    notes = Notes()
    for file in distribution.files or ():
        if licences.is_licence_file(file.name) and storage.exists(path := str(file.locate())):
            notes.note(file.name, storage.read_range(path, 0, MOST_BYTES))
    return notes.by_folder().get("", Stated(None))


def _choice(known: set[str]) -> str:
    one = sorted(known)
    return one[0] if len(one) == 1 else " OR ".join(f"({each})" if " " in each else each for each in one)
