"""Members of 7z archives as streams: bounded in memory, whatever a header claims, and never written anywhere.

What is read is what archives of text are made of: each folder (7-Zip's word for a run of members that are compressed as one)
by one method, LZMA, LZMA2 (also behind the x86 filter), BZip2, Deflate or none. PPMd, encryption and others are named and
refused. Format:
7zFormat.txt and Methods.txt of the LZMA SDK (public domain).
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import IO, Any

from curator.sources.packing import FAILURES, Decompressor, Inflate
from curator.sources.streams import PORTION_BYTES, READ_BYTES, StreamError

MAGIC = b"7z\xbc\xaf\x27\x1c"
HEADER_BYTES = 32 << 20
DICTIONARY_BYTES = 512 << 20  # `7z -mx9` takes 64 MB, newer ones 256 MB
BCJ = b"\x03\x03\x01\x03"
METHODS = {b"\x00": "copy", b"\x21": "LZMA2", b"\x03\x01\x01": "LZMA", b"\x04\x01\x08": "Deflate", b"\x04\x02\x02": "BZip2"}
OTHERS = {
    b"\x03\x04\x01": "PPMd",
    b"\x04\x01\x09": "Deflate64",
    b"\x06\xf1\x07\x01": "encryption",
    b"\x04\xf7\x11\x01": "Zstandard",
    b"\x03": "a filter for deltas",
    BCJ: "a filter for programs (BCJ)",
    b"\x03\x03\x01\x1b": "a filter for programs (BCJ2)",
}
# What begins each part of a header.
_END, _HEADER, _PROPERTIES, _MAIN, _FILES, _PACKS, _FOLDERS, _SUBSTREAMS, _SIZES, _DIGESTS = 0, 1, 2, 4, 5, 6, 7, 8, 9, 10
_FOLDER, _UNPACK_SIZES, _COUNTS, _EMPTY_STREAM, _EMPTY_FILE, _NAMES, _ENCODED = 11, 12, 13, 14, 15, 17, 23


@dataclass(frozen=True)
class Member:
    """A file in an archive."""

    name: str
    size: int
    crc: int | None = None
    folder: int = -1  # -1: an empty file
    offset: int = 0  # in the folder's contents


@dataclass
class _Folder:
    """Members that were compressed as one."""

    methods: list[bytes]
    properties: list[bytes]  # of each method
    packs: int  # streams that go in
    simple: bool  # every method has one input and one output
    place: int = 0
    packed: int = 0
    size: int = 0
    crc: int | None = None


@dataclass
class _Streams:
    folders: list[_Folder] = field(default_factory=list)
    members: list[tuple[int, int, int, int | None]] = field(default_factory=list)  # folder, offset, size, CRC


class SevenZip:
    """An archive that is open at any place. Raises StreamError if it is none, or damaged."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._folders: list[_Folder] = []
        self.members: list[Member] = []
        try:
            self._read(self._header())
        except (struct.error, UnicodeDecodeError, IndexError) as failure:
            raise StreamError("corrupt", f"a damaged 7z header: {failure}") from None

    def contents(self, member: Member) -> Iterator[bytes]:
        """Portions of a member's bytes; StreamError where they cannot be read on, or are not those that were packed."""
        if member.folder < 0:
            return
        skipped, left, crc = member.offset, member.size, 0
        try:
            for portion in _decoded(self._raw, self._folders[member.folder]):
                given = portion[skipped : skipped + left]
                skipped -= min(skipped, len(portion))
                if given:
                    left -= len(given)
                    crc = zlib.crc32(given, crc)
                    yield given
                if not left:
                    break
        except struct.error as failure:
            raise StreamError("corrupt", f"the properties of a method are damaged: {failure}") from None
        if left:
            raise StreamError("corrupt", f"{left:,} bytes of {member.name[:100]!r} are not there")
        if member.crc is not None and crc != member.crc:
            raise StreamError("corrupt", f"the checksum of {member.name[:100]!r} is another")

    def _header(self) -> bytes:
        self._raw.seek(0)
        start = self._raw.read(32)
        if len(start) < 32 or not start.startswith(MAGIC):
            raise StreamError("corrupt", "no 7z archive begins here")
        offset, size, crc = struct.unpack("<QQI", start[12:])
        if zlib.crc32(start[12:]) != struct.unpack("<I", start[8:12])[0]:
            raise StreamError("corrupt", "the start of the 7z archive is damaged")
        if size > HEADER_BYTES or offset > 1 << 62:
            raise StreamError("corrupt", f"a 7z header of {size:,} bytes")
        self._raw.seek(32 + offset)
        header = self._raw.read(size)
        if len(header) < size:
            raise StreamError("truncated", "the file ends before the header of the 7z archive")
        if zlib.crc32(header) != crc:
            raise StreamError("corrupt", "the header of the 7z archive is damaged")
        return header

    def _read(self, header: bytes) -> None:
        at = _Header(header)
        kind = at.byte() if header else _END
        for _ in range(4):  # a header may be packed, and so may the one that says how
            if kind != _ENCODED:
                break
            packed = _streams(at)
            if len(packed.folders) != 1 or packed.folders[0].size > HEADER_BYTES:
                raise StreamError("corrupt", "the header of the 7z archive is not one packed stream")
            header = b"".join(_decoded(self._raw, packed.folders[0]))
            if packed.folders[0].crc not in (None, zlib.crc32(header)):
                raise StreamError("corrupt", "the packed header of the 7z archive is damaged")
            at = _Header(header)
            kind = at.byte()
        if kind == _END:
            return
        if kind != _HEADER:
            raise StreamError("corrupt", f"a 7z header of kind {kind}")
        streams = _Streams()
        while (kind := at.byte()) != _END:
            if kind == _PROPERTIES:
                while at.byte() != _END:
                    at.bytes(at.number())
            elif kind == _MAIN:
                streams = _streams(at)
            elif kind == _FILES:
                self.members = _members(at, streams)
            else:
                raise StreamError("corrupt", f"part {kind} in a 7z header")
        self._folders = streams.folders


# -------------------------------------------------------------------------------------------------------------- headers


class _Header:
    """The numbers of a header, one after the other. IndexError or struct.error at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def bytes(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise IndexError("its parts are longer than it is")
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        return self.bytes(len(self._data) - self._at)

    def number(self) -> int:
        """Up to 64 bits: the leading ones of the first byte count the bytes behind it."""
        first, value = self.byte(), 0
        for i in range(8):
            mask = 0x80 >> i
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * i
            value |= self.byte() << 8 * i
        return value

    def count(self) -> int:
        """A number of things that each take a bit or more of the header: bounded by it."""
        count = self.number()
        if count > 8 * len(self._data):
            raise IndexError(f"{count:,} of a thing cannot be in it")
        return count

    def bits(self, count: int) -> list[bool]:
        data = self.bytes((count + 7) // 8)
        return [bool(data[i >> 3] & 0x80 >> (i & 7)) for i in range(count)]

    def digests(self, count: int) -> list[int | None]:
        there = [True] * count if self.byte() else self.bits(count)
        return [struct.unpack("<I", self.bytes(4))[0] if each else None for each in there]


def _streams(at: _Header) -> _Streams:
    """The packed streams, their folders, and the members' places in these."""
    place, sizes, found = 0, [], _Streams()
    known = False
    while (kind := at.byte()) != _END:
        if kind == _PACKS:
            place, count = at.number(), at.count()
            while (kind := at.byte()) != _END:
                if kind == _SIZES:
                    sizes = [at.number() for _ in range(count)]
                elif kind == _DIGESTS:
                    at.digests(count)
                else:
                    raise IndexError(f"part {kind}")
        elif kind == _FOLDERS:
            found.folders = _folders(at)
        elif kind == _SUBSTREAMS:
            found.members, known = _substreams(at, found.folders), True
        else:
            raise IndexError(f"part {kind}")
    ends = list(accumulate(sizes, initial=32 + place))
    if ends[-1] > 1 << 62:
        raise IndexError(f"packed streams of {ends[-1]:,} bytes")
    at_pack = 0
    for folder in found.folders:
        folder.place, folder.packed = ends[at_pack], sizes[at_pack]
        at_pack += folder.packs
    if not known:
        found.members = [(i, 0, folder.size, folder.crc) for i, folder in enumerate(found.folders)]
    return found


def _folders(at: _Header) -> list[_Folder]:
    if at.byte() != _FOLDER:
        raise IndexError("no folders")
    count = at.count()
    if at.byte():
        raise IndexError("folders in another place")
    folders: list[_Folder] = []
    outs: list[tuple[int, set[int]]] = []  # outputs of each folder, and those that go into another method
    for _ in range(count):
        methods, properties, inputs, outputs = [], [], 0, 0
        for _ in range(_few(at.number())):
            flags = at.byte()
            methods.append(at.bytes(flags & 15))
            inputs_here, outputs_here = (_few(at.number()), _few(at.number())) if flags & 0x10 else (1, 1)
            inputs, outputs = inputs + inputs_here, outputs + outputs_here
            properties.append(at.bytes(at.number()) if flags & 0x20 else b"")
        pairs = [(at.number(), at.number()) for _ in range(outputs - 1)]  # which input takes which output
        packs = inputs - len(pairs)
        if packs > 1:
            for _ in range(packs):
                at.number()
        folders.append(_Folder(methods, properties, max(packs, 0), inputs == outputs == len(methods)))
        outs.append((outputs, {output for _, output in pairs}))
    if at.byte() != _UNPACK_SIZES:
        raise IndexError("no sizes")
    for folder, (outputs, bound) in zip(folders, outs):
        given = [at.number() for _ in range(outputs)]
        folder.size = next((size for i, size in enumerate(given) if i not in bound), 0)
    while (kind := at.byte()) != _END:
        if kind != _DIGESTS:
            raise IndexError(f"part {kind}")
        for folder, crc in zip(folders, at.digests(count)):
            folder.crc = crc
    return folders


def _few(count: int) -> int:
    if not 0 < count <= 32:
        raise IndexError(f"{count:,} methods, or streams, of a folder")
    return count


def _substreams(at: _Header, folders: list[_Folder]) -> list[tuple[int, int, int, int | None]]:
    counts = [1] * len(folders)
    kind = at.byte()
    if kind == _COUNTS:
        counts = [at.count() for _ in folders]
        kind = at.byte()
    members: list[tuple[int, int, int, int | None]] = []
    for number, (folder, count) in enumerate(zip(folders, counts)):
        sizes = [at.number() for _ in range(count - 1)] if kind == _SIZES else []
        if sum(sizes) > folder.size or (count > 1 and kind != _SIZES):
            raise IndexError("members that are larger than their folder")
        if count:
            sizes.append(folder.size - sum(sizes))
        offsets = accumulate(sizes, initial=0)
        members += [(number, offset, size, folder.crc if count == 1 else None) for offset, size in zip(offsets, sizes)]
    if kind == _SIZES:
        kind = at.byte()
    if kind == _DIGESTS:
        unknown = [i for i, (number, _, _, crc) in enumerate(members) if crc is None]
        for i, crc in zip(unknown, at.digests(len(unknown))):
            members[i] = (*members[i][:3], crc)
        kind = at.byte()
    if kind != _END:
        raise IndexError(f"part {kind}")
    return members


def _members(at: _Header, streams: _Streams) -> list[Member]:
    count = at.count()
    names: list[str] = []
    empty = [False] * count
    folders_only: list[bool] = []
    while (kind := at.byte()) != _END:
        inside = _Header(at.bytes(at.number()))
        if kind == _EMPTY_STREAM:
            empty = inside.bits(count)
            folders_only = [True] * sum(empty)
        elif kind == _EMPTY_FILE:
            folders_only = [not each for each in inside.bits(sum(empty))]
        elif kind == _NAMES and not inside.byte():
            names = inside.rest().decode("utf-16-le").split("\0")[:count]
    if len(names) < count:
        raise IndexError("members without a name")
    contents, without = iter(streams.members), iter(folders_only)
    found = []
    for name, is_empty in zip(names, empty):
        if not is_empty:
            folder, offset, size, crc = next(contents, (-1, 0, -1, None))
            if size < 0:
                raise IndexError("members without contents")
            found.append(Member(name, size, crc, folder, offset))
        elif not next(without, True):
            found.append(Member(name, 0))
    return found


# ------------------------------------------------------------------------------------------------------------- contents


class _Copy:
    """No compression."""

    eof, needs_input, unused_data = False, True, b""

    def decompress(self, data: bytes | memoryview, max_length: int = -1) -> bytes:
        return bytes(data)


def _decompressor(folder: _Folder) -> Decompressor:
    names = [METHODS.get(method) for method in folder.methods]
    filtered = len(names) == 2 and "LZMA2" in names and BCJ in folder.methods
    if not folder.simple or not (filtered or (len(names) == 1 and names[0])):
        said = " and ".join(name or OTHERS.get(m, f"method {m.hex()}") for name, m in zip(names, folder.methods))
        raise StreamError("unsupported_method", f"it is packed by {said}, which is not read here: unpack it first (7z x)")
    main = names.index("LZMA2") if filtered else 0
    name, given = names[main], folder.properties[main]
    if name == "copy":
        return _Copy()
    if name == "Deflate":
        return Inflate(-15)
    if name == "BZip2":
        return bz2.BZ2Decompressor()
    options: dict[str, Any]
    if name == "LZMA2":
        (exponent,) = struct.unpack("<B", given)
        size = (2 | exponent & 1) << min(exponent, 40) // 2 + 11
        options = {"id": lzma.FILTER_LZMA2}
    else:
        first, size = struct.unpack("<BI", given)
        options = {"id": lzma.FILTER_LZMA1, "lc": first % 9, "lp": first // 9 % 5, "pb": first // 45}
    if min(size, folder.size) > DICTIONARY_BYTES:
        raise StreamError("unsupported_method", f"its dictionary takes {size >> 20} MiB of memory: unpack it first (7z x)")
    options["dict_size"] = max(4096, min(size, folder.size))  # what is shorter than a dictionary does not need all of it
    filters = [{"id": lzma.FILTER_X86}, options] if filtered else [options]
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    except (lzma.LZMAError, ValueError) as failure:
        raise StreamError("corrupt", f"the properties of {name} are damaged: {failure}") from None


def _decoded(raw: IO[bytes], folder: _Folder) -> Iterator[bytes]:
    """Portions of a folder's contents."""
    state = _decompressor(folder)
    place, packed, left = folder.place, folder.packed, folder.size
    while left and not state.eof:
        data = b""
        if state.needs_input:
            raw.seek(place)  # members are read in turn, and others may have read since
            data = raw.read(min(READ_BYTES, packed))
            place, packed = place + len(data), packed - len(data)
        try:
            portion = state.decompress(data, min(PORTION_BYTES, left))
        except FAILURES as failure:
            raise StreamError("corrupt", f"damaged compressed data: {failure}") from None
        if not (portion or data) and state.needs_input:
            raise StreamError("truncated", "the file ends in the middle of its compressed data")
        portion = portion[:left]
        left -= len(portion)
        if portion:
            yield portion
