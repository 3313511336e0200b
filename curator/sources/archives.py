"""Members of tar and zip archives, one after the other: bounded in number, size and expansion, and never written anywhere.

Names are only labels here, yet they become a document's `part`: one that is absolute or climbs out (`../`) is an error, and
so are encrypted or damaged members. Names in no declared charset (zips of Chinese Windows, tars of old systems) are told by
their bytes, and `\\` parts folders as `/` does. Links, devices and folders are not files. tar is read as a stream, so it may
be compressed by gzip, bz2, zstd or xz.
"""

from __future__ import annotations

import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import IO, Any, Self
from urllib.parse import unquote

from xxhash import xxh64_intdigest

from curator.charsets import decode
from curator.sources.packing import XZ_BYTES
from curator.sources.streams import StreamError, decompressed
from curator.storage import open_input
from curator.stores import of_the_machine

END_OF_ZIP_BYTES = 22 + 0xFFFF  # the record that ends a zip file, with its comment
ZIP_HEADER_BYTES = 30  # before each member, with its name and more behind
DESCRIPTION_BYTES = 1 << 20  # of a tar file's header that describes the next member; a path has 4,096 at most
ZIP_SUFFIXES = (".zip", ".epub", ".whl", ".jar")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


class ArchiveError(Exception):
    """An archive that cannot be read on. `kind` is `truncated`, `corrupt` or a limit."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class MemberError(Exception):
    """A member that cannot be read; the others can. `kind` names the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, kw_only=True)
class Limits:
    members: int = 2_000_000
    member_bytes: int = 64 << 20  # of one member, decompressed
    total_bytes: int = 64 << 30  # of all members that were read
    ratio: int = 1000  # of one zip member's size to its compressed size, above 1 MB: deflate ends at 1,032


@dataclass(frozen=True)
class Member:
    """A file in an archive. `read` gives its bytes, once, before the next member is asked for; it raises MemberError or
    ArchiveError."""

    name: str
    size: int
    read: Callable[[], bytes]


def is_archive(name: str) -> bool:
    return name.lower().endswith((*ZIP_SUFFIXES, *TAR_SUFFIXES))


def members(path: str, name: str, limits: Limits) -> Iterator[Member]:
    """Files of an archive, in the archive's order. Raises ArchiveError where it cannot be read on."""
    with open_input(path) as raw:
        yield from members_of(raw, name, limits)


def members_of(raw: IO[bytes], name: str, limits: Limits) -> Iterator[Member]:
    """Like `members`, for a stream that is open at its beginning."""
    if not name.lower().endswith(ZIP_SUFFIXES):
        yield from _tar_members(raw, limits)
        return
    archive = Zip(raw, limits)
    yield from archive.members
    yield from archive.replaced
    archive.check_directory()


def safe_name(name: str) -> str:
    """A member's path as its document's `part`; MemberError for one that leaves the archive."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise MemberError("unsafe_name", f"the name {name[:100]!r} leaves the archive")
    return "/".join(part for part in parts if part not in ("", "."))


_GB_2312 = re.compile(rb"(?:[\x00-\x7f]|[\xb0-\xf7][\xa1-\xfe])+")  # Chinese characters: few enough that one is believed
_EAST_ASIAN = ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949")


def _told(name: bytes) -> str | None:
    """A name by its bytes: UTF-8, or an East Asian charset; None if it is in neither."""
    with suppress(UnicodeDecodeError):
        return name.decode()
    if _GB_2312.fullmatch(name):
        return name.decode("gb18030", "replace")
    found = decode(name, markup=False)
    beyond = sum(byte > 127 for byte in name)
    return found.text if found.charset in _EAST_ASIAN and not found.replaced and beyond >= 4 else None


class _Budget:
    """Counts what one archive has given."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._members = 0
        self._bytes = 0

    def member(self) -> None:
        self._members += 1
        if self._members > self.limits.members:
            raise ArchiveError("too_many_members", f"more than {self.limits.members:,} members")

    def spend(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self.limits.total_bytes:
            raise ArchiveError("archive_too_large", f"more than {self.limits.total_bytes:,} bytes of members")

    def check(self, size: int) -> None:
        if size > self.limits.member_bytes:
            raise MemberError("too_large", f"more than {self.limits.member_bytes:,} bytes")


# ------------------------------------------------------------------------------------------------------------------ zip


class Zip:
    """A zip file whose members can be read in any order, with the `members` and their limits of this module."""

    def __init__(self, raw: IO[bytes], limits: Limits) -> None:
        self._budget = _Budget(limits)
        self._raw = raw
        try:
            self._archive = zipfile.ZipFile(raw)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, struct.error) as error:
            if of_the_machine(error):
                raise
            raise ArchiveError("corrupt", f"not a readable zip: {error}") from None
        named = ((_zip_name(info), info) for info in self._archive.infolist())
        self._files = [(name, info) for name, info in named if not (name.endswith("/") or _is_link(info))]
        self._infos = dict(self._files)  # of two equal names the last, as unzip has it
        placed = sorted(self._archive.infolist(), key=lambda info: info.header_offset)
        self._overlapping = {one for one, behind in pairwise(placed) if _end(one) > behind.header_offset}

    @property
    def names(self) -> Iterable[str]:
        return self._infos.keys()

    @property
    def members(self) -> Iterator[Member]:
        for name, info in self._infos.items():
            self._budget.member()
            yield Member(name, info.file_size, partial(self._read, info))

    @property
    def replaced(self) -> Iterator[Member]:
        """Members of whose name another stands behind, as in an archive that was updated: errors, for nobody reads them."""
        for name, info in self._files:
            if self._infos[name] is not info:
                self._budget.member()
                yield Member(name, info.file_size, partial(_repeated, "behind"))

    def check_directory(self) -> None:
        """Raise ArchiveError if the directory has other members than it says: zipfile stops where a length leads beyond it."""
        self._raw.seek(0, io.SEEK_END)
        self._raw.seek(max(self._raw.tell() - END_OF_ZIP_BYTES, 0))
        end = self._raw.read()
        at = end.rfind(b"PK\5\6")
        (said,) = struct.unpack_from("<H", end, at + 10)
        found = len(self._archive.infolist())
        if said not in (found & 0xFFFF, 0xFFFF) or (at and not found):  # 0xFFFF where a second number has more bits
            raise ArchiveError("corrupt", f"the directory says that it has {said:,} members, and {found:,} are there")

    def read(self, name: str) -> bytes:
        """The bytes of the member that `own_name` tells; MemberError if there is none."""
        info = self._infos.get(self.own_name(name))
        if info is None:
            raise MemberError("missing_member", f"no member {name[:100]!r}")
        return self._read(info)

    def own_name(self, name: str) -> str:
        """The name of the member that is meant: this one, or one that is spelled almost so (`A%20b` for `a b`)."""
        return name if name in self._infos else self._loosely.get(unquote(name).casefold(), name)

    @cached_property
    def _loosely(self) -> dict[str, str]:
        return {unquote(name).casefold(): name for name in self._infos}

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        limits = self._budget.limits
        self._budget.check(info.file_size)
        if info.flag_bits & 1:
            raise MemberError("encrypted", "the member is encrypted")
        if info in self._overlapping:
            raise MemberError(
                "expansion", "the member lies over the one behind it, as in bombs that expand the same bytes often"
            )
        if info.file_size > 1_000_000 and info.file_size > limits.ratio * max(info.compress_size, 1):
            raise MemberError("expansion", f"expands more than {limits.ratio} times")
        try:
            if info.compress_type == zipfile.ZIP_LZMA and self._lzma_dictionary(info) > XZ_BYTES:
                raise MemberError("expansion", "its LZMA dictionary takes too much memory")
            with self._archive.open(info) as stream:
                content = stream.read(info.file_size + 1)  # a buffer of that size is made, whatever is there
        except _ZIP_FAILURES as error:
            if of_the_machine(error):
                raise
            raise MemberError("corrupt_member", str(error)) from None
        self._budget.check(len(content))
        self._budget.spend(len(content))
        return content

    def _lzma_dictionary(self, info: zipfile.ZipInfo) -> int:
        """Bytes of the dictionary that the member's own header asks for (APPNOTE 5.8.8; zipfile moves the file as it needs)."""
        self._raw.seek(info.header_offset)
        lengths = struct.unpack("<26x2H", self._raw.read(ZIP_HEADER_BYTES))
        self._raw.seek(info.header_offset + ZIP_HEADER_BYTES + sum(lengths) + 5)
        return int.from_bytes(self._raw.read(4), "little")


def _end(info: zipfile.ZipInfo) -> int:
    """The place before which the member's content cannot end."""
    return info.header_offset + ZIP_HEADER_BYTES + info.compress_size


def _is_link(info: zipfile.ZipInfo) -> bool:
    """Its content is the path that it leads to."""
    return stat.S_ISLNK(info.external_attr >> 16)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """zipfile takes what is not marked as UTF-8 for code page 437; only DOS wrote that."""
    name = info.filename
    if not (name.isascii() or info.flag_bits & 0x800):
        with suppress(UnicodeEncodeError):  # the name is of another field, in UTF-8
            name = _told(name.encode("cp437")) or name
    return name.replace("\\", "/")


_ZIP_FAILURES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,  # an unknown method of compression
    RuntimeError,
    struct.error,
)


# ------------------------------------------------------------------------------------------------------------------ tar


_DESCRIBES = frozenset(
    [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE]
)


class _Info(tarfile.TarInfo):
    """Headers that describe the next member (a long name, pax) are read at once, whatever their size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in _DESCRIBES and found.size > DESCRIPTION_BYTES:
            raise tarfile.ReadError(f"a header of {found.size:,} bytes")
        return found


def tar_files(stream: Any, most: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The files of a tar archive of up to `most` bytes, from its beginning to its end, within bounded memory. tarfile takes a
    header that is damaged for the end: ArchiveError then, and what else it raises."""
    counted: Any = _Counted(stream, most)
    with tarfile.open(fileobj=counted, mode="r|", bufsize=64 << 10, encoding="utf-8", tarinfo=_Info) as archive:
        for info in archive:
            archive.members = []  # tarfile remembers every member
            if info.isfile():
                yield archive, info
        counted.check_end(archive.offset)


def _tar_members(raw: IO[bytes], limits: Limits) -> Iterator[Member]:
    budget = _Budget(limits)
    met: set[int] = set()  # names: two documents of one name would be one
    with _as_archive_error():
        for archive, info in tar_files(decompressed(raw), limits.total_bytes):
            budget.member()
            name = _tar_name(info)
            key = xxh64_intdigest(name)
            read = partial(_repeated, "before") if key in met else partial(_read_tar_member, archive, info, budget)
            met.add(key)
            yield Member(name, info.size, read)


def _repeated(where: str) -> bytes:
    raise MemberError("repeated_name", f"a member of this name stands {where}, and is read in its place")


def _tar_name(info: tarfile.TarInfo) -> str:
    """tarfile keeps bytes that are not UTF-8 as lone surrogates."""
    raw = info.name.encode("utf-8", "surrogateescape")
    return (_told(raw) or raw.decode("latin-1")).replace("\\", "/")


def _read_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, budget: _Budget) -> bytes:
    budget.check(info.size)
    with _as_archive_error():
        stream = archive.extractfile(info)
        content = stream.read() if stream else b""
    if len(content) < info.size:
        raise ArchiveError("truncated", f"the archive ends in {info.name[:100]!r}")
    budget.spend(len(content))
    return content


@contextmanager
def _as_archive_error() -> Iterator[None]:
    try:
        yield
    except StreamError as error:
        raise ArchiveError(error.kind, str(error)) from None
    except (tarfile.TarError, OSError, EOFError, ValueError, RecursionError, OverflowError, struct.error) as error:
        if of_the_machine(error):
            raise
        raise ArchiveError("truncated" if "unexpected end" in str(error) else "corrupt", str(error)) from None


_EMPTY_READS = 64  # after the end: tarfile goes on reading for as long as the size that a header names


class _Counted:
    """The bytes of a tar file, those of members that nobody reads too: bounded, and remembering where the last one is that is
    no zero, for every whole archive ends with blocks of zeros."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._most = most
        self._given = 0
        self._empty = 0
        self._content_end = 0

    def read(self, size: int) -> bytes:
        portion = self._stream.read(size)
        self._given += len(portion)
        self._empty += not portion
        if self._empty > _EMPTY_READS:
            raise ArchiveError("truncated", "the archive ends before a member that it announces")
        if self._given > self._most:
            raise ArchiveError("archive_too_large", f"more than {self._most:,} bytes")
        if content := len(portion.rstrip(b"\0")):
            self._content_end = self._given - len(portion) + content
        return portion

    def check_end(self, offset: int) -> None:
        """Raise ArchiveError if the archive does not end where no member began any more, at `offset`."""
        while self.read(1 << 20):
            pass
        if self._given - offset < tarfile.BLOCKSIZE:
            raise ArchiveError("truncated", "the archive ends without its closing blocks")
        if self._content_end > offset:
            raise ArchiveError("corrupt", f"no member begins at byte {offset:,}, and yet something follows")
