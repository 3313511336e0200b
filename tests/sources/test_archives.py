"""Archives: every member once, none outside, no bomb, damage told."""

import bz2
import gzip
import io
import itertools
import lzma
import random
import struct
import tarfile
import time
import tracemalloc
import zipfile

import pytest
import zstandard

from curator.sources.archives import ArchiveError, Limits, MemberError, is_archive, members, safe_name

FILES = {"a.txt": b"alpha", "dir/b.txt": b"beta" * 1000, "dir/名.txt": "内容".encode(), "empty": b""}


def tar_of(files, **kind):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", **kind) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def written(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return str(path)


def contents(path, limits=Limits()):  # noqa: B008
    return {member.name: member.read() for member in members(path, path, limits)}


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("x.tar", bytes),
        ("x.tar.gz", gzip.compress),
        ("x.tgz", gzip.compress),
        ("x.tar.bz2", bz2.compress),
        ("x.tar.xz", lzma.compress),
        ("x.tar.zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_every_kind_of_tar(tmp_path, name, pack):
    assert is_archive(name)
    assert contents(written(tmp_path, name, pack(tar_of(FILES)))) == FILES
    assert contents(written(tmp_path, name, pack(tar_of(FILES, format=tarfile.GNU_FORMAT)))) == FILES


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_kind_of_zip(tmp_path, method):
    assert contents(written(tmp_path, "X.ZIP", zip_of(FILES, method))) == FILES


def test_a_member_need_not_be_read(tmp_path):
    path = written(tmp_path, "x.tar", tar_of(FILES))
    assert [m.read() for m in members(path, path, Limits()) if m.name == "dir/b.txt"] == [FILES["dir/b.txt"]]


def test_links_and_folders_are_no_files(tmp_path):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, kind in (("d", tarfile.DIRTYPE), ("s", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("f", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert contents(written(tmp_path, "x.tar", raw.getvalue())) == {}


def test_links_in_a_zip_are_no_files(tmp_path):
    link = zipfile.ZipInfo("link.txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.txt", b"A")
    assert [(m.name, m.read()) for m in members(str(tmp_path / "a.zip"), "a.zip", Limits())] == [("a.txt", b"A")]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../x", "..", "C:/x", "c:\\x", "\\\\host\\x", "a\\..\\..\\x", "a\0b"]
)
def test_names_that_leave_the_archive_are_refused(name):
    with pytest.raises(MemberError, match="leaves the archive"):
        safe_name(name)


def test_names_are_tidied():
    assert safe_name("./a//b/./c..d") == "a/b/c..d"


class _Unmarked(zipfile.ZipInfo):
    """A member whose name is written in a charset that nothing declares."""

    charset = "gbk"

    def _encodeFilenameFlags(self):  # zipfile's own
        return self.filename.encode(self.charset), self.flag_bits & ~0x800


NAMES = [
    *(("小说/三国演义.txt", "gbk"), ("书.txt", "gbk"), ("小說/紅樓夢.txt", "big5"), ("新しい本.txt", "cp932")),
    *(("说明.txt", "utf-8"), ("Müller.txt", "cp437"), ("Größe/Übung.txt", "cp437")),
]


@pytest.mark.parametrize(("name", "charset"), NAMES)
def test_names_in_a_zip_without_a_charset(tmp_path, name, charset):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        info = _Unmarked(name)
        info.charset = charset
        archive.writestr(info, "x")
    assert contents(written(tmp_path, "x.zip", raw.getvalue())) == {name: b"x"}


@pytest.mark.parametrize(("name", "charset"), [*NAMES[:5], ("café.txt", "latin-1")])
def test_names_in_a_tar_are_always_text(tmp_path, name, charset):
    packed = tar_of({name: b"x"}, format=tarfile.GNU_FORMAT, encoding=charset)
    assert contents(written(tmp_path, "x.tar", packed)) == {name: b"x"}


def test_backslashes_part_folders(tmp_path):
    packed = zip_of({"a\\b.txt": b"1", "a\\": b"", "c/d.txt": b"2"})
    assert contents(written(tmp_path, "x.zip", packed)) == {"a/b.txt": b"1", "c/d.txt": b"2"}


def test_members_that_lie_over_each_other_are_refused(tmp_path):
    """Each member's content holds the next member whole, so that all of them expand the same bytes (Fifield 2019)."""
    inner = zip_of({"b.txt": b"beta" * 100})
    with zipfile.ZipFile(io.BytesIO(inner)) as of_inner, zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        (info,) = of_inner.infolist()
        archive.writestr("a.txt", inner[: inner.index(b"PK\1\2")])  # stored as it is
        info.header_offset = 30 + len("a.txt")
        archive.filelist.append(info)
        archive.writestr("c.txt", b"3")
    path = str(tmp_path / "x.zip")
    found = {}
    for member in members(path, path, Limits()):
        try:
            found[member.name] = member.read()
        except MemberError as error:
            found[member.name] = error.kind
    assert found == {"a.txt": "expansion", "b.txt": b"beta" * 100, "c.txt": b"3"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_repeated_in_a_zip_is_read_last_and_counted_each_time(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in [("a.txt", b"1"), ("d/", b""), ("b.txt", b"2"), ("d/", b""), ("a.txt", b"3")]:
            archive.writestr(name, content)
    path = str(tmp_path / "x.zip")
    found = members(path, path, Limits())
    assert [(member.name, member.read()) for member in itertools.islice(found, 2)] == [("a.txt", b"3"), ("b.txt", b"2")]
    (old,) = found
    assert old.name == "a.txt"
    with pytest.raises(MemberError, match="stands behind"):
        old.read()


def test_a_name_that_is_repeated_in_a_tar_is_an_error(tmp_path):
    path = written(tmp_path, "x.tar", tar_of({"a.txt": b"1"})[:1024] + tar_of({"a.txt": b"2", "b.txt": b"3"}))
    first, second, third = members(path, path, Limits())
    assert [member.name for member in (first, second, third)] == ["a.txt", "a.txt", "b.txt"]
    with pytest.raises(MemberError, match="stands before"):
        second.read()


def test_a_bomb_of_one_member(tmp_path):
    path = written(tmp_path, "x.zip", zip_of({"bomb": b"\0" * 30_000_000, "good": b"x"}))
    found = members(path, path, Limits(ratio=500))
    with pytest.raises(MemberError, match="expands more than 500"):
        next(found).read()
    assert next(found).read() == b"x"
    found = members(path, path, Limits(member_bytes=1 << 20))
    with pytest.raises(MemberError, match="more than 1,048,576 bytes"):
        next(found).read()


def test_a_member_that_lies_about_its_size(tmp_path):
    data = bytearray(zip_of({"liar": b"\0" * 5_000_000}))
    directory = data.index(b"PK\x01\x02")
    for place in (22, directory + 24):
        data[place : place + 4] = struct.pack("<I", 10)
    path = written(tmp_path, "x.zip", bytes(data))
    for liar in members(path, path, Limits()):
        with pytest.raises(MemberError):
            liar.read()


def test_the_whole_archive_is_bounded(tmp_path):
    files = {f"{n}": b"\0" * 100_000 for n in range(20)}
    for name, data in (("x.zip", zip_of(files)), ("x.tar.gz", gzip.compress(tar_of(files)))):
        path = written(tmp_path, name, data)
        with pytest.raises(ArchiveError) as failure:
            contents(path, Limits(total_bytes=1_000_000))
        assert failure.value.kind == "archive_too_large"
        with pytest.raises(ArchiveError) as failure:
            contents(path, Limits(members=5))
        assert failure.value.kind == "too_many_members"


def test_encrypted_and_damaged_members_cost_themselves(tmp_path):
    data = bytearray(zip_of({"locked": b"secret", "hurt": b"abcdefgh" * 50, "good": b"x"}, zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[data.index(b"abcdefgh") + 5] ^= 0xFF
    path = written(tmp_path, "x.zip", bytes(data))
    kinds = {}
    for member in members(path, path, Limits()):
        try:
            kinds[member.name] = member.read()
        except MemberError as error:
            kinds[member.name] = error.kind
    assert kinds == {"locked": "encrypted", "hurt": "corrupt_member", "good": b"x"}


def test_places_that_are_none_cost_their_member(tmp_path):
    data = bytearray(zip_of({"a.txt": b"1"}))
    end = data.rfind(b"PK\5\6") + 16
    data[end : end + 4] = struct.pack("<I", struct.unpack("<I", data[end : end + 4])[0] + 1000)
    path = written(tmp_path, "x.zip", bytes(data))
    (member,) = members(path, path, Limits())
    with pytest.raises(MemberError):
        member.read()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_a_truncated_tar_keeps_what_is_whole(tmp_path, pack):
    files = {f"{n}": random.Random(n).randbytes(60_000) for n in range(20)}
    data = pack(tar_of(files))
    path = written(tmp_path, "x.tar", data[: len(data) * 3 // 4])
    kept = {}

    def keep():
        for member in members(path, path, Limits()):
            kept[member.name] = member.read()

    with pytest.raises(ArchiveError) as failure:
        keep()
    assert failure.value.kind == "truncated"
    assert kept == {name: files[name] for name in kept}
    assert len(kept) >= (1 if pack is bz2.compress else 8)


@pytest.mark.parametrize("size", [1 << 32, 1 << 60])
def test_a_member_that_is_not_there_is_not_waited_for(tmp_path, size):
    info = tarfile.TarInfo("huge")
    info.size = size
    path = written(tmp_path, "x.tar", tar_of({"good": b"x"})[:1024] + info.tobuf(tarfile.GNU_FORMAT))
    began = time.process_time()
    found = members(path, path, Limits())
    assert next(found).read() == b"x"
    assert next(found).size == size
    with pytest.raises(ArchiveError) as failure:
        next(found)
    assert failure.value.kind == "truncated"
    assert time.process_time() - began < 2


def test_what_nobody_reads_is_bounded_too(tmp_path):
    path = written(tmp_path, "x.tar.gz", gzip.compress(tar_of({"a": bytes(5_000_000), "b": b"x"})))
    with pytest.raises(ArchiveError) as failure:
        list(members(path, path, Limits(total_bytes=1_000_000)))
    assert failure.value.kind == "archive_too_large"


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
@pytest.mark.parametrize("data", [b"", b"not an archive at all", b"\x1f\x8b\x08garbage", b"PK\x03\x04", b"\xff" * 2000])
def test_what_is_no_archive_is_told(tmp_path, name, data):
    path = written(tmp_path, name, data)
    with pytest.raises(ArchiveError):
        contents(path)


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_raises_only_our_errors(tmp_path, seed):
    chance = random.Random(seed)
    data = bytearray(chance.choice([zip_of(FILES), tar_of(FILES), gzip.compress(tar_of(FILES))]))
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(min(len(data), 3000))] = chance.randrange(256)
    path = written(tmp_path, "x.zip" if data[:2] == b"PK" else "x.tar", bytes(data))
    try:
        for member in members(path, path, Limits(member_bytes=1 << 20, total_bytes=8 << 20)):
            try:
                assert len(member.read()) <= 1 << 20
            except MemberError:
                pass
    except ArchiveError:
        pass


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.SOLARIS_XHDTYPE])
def test_a_header_that_describes_gigabytes_is_not_held(tmp_path, kind):
    """A compressed megabyte of zeros could be asked for as a name of a gigabyte."""
    described, size = tarfile.TarInfo("x"), 64 << 20
    described.type, described.size = kind, size
    path = written(tmp_path, "x.tar.gz", gzip.compress(described.tobuf(tarfile.USTAR_FORMAT) + bytes(size), 1))
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="a header of 67,108,864 bytes"):
        contents(path)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_read(tmp_path, form):
    name = "名" * 1000 + ".txt"
    assert contents(written(tmp_path, "x.tar", tar_of({name: b"1"}, format=form))) == {name: b"1"}


@pytest.mark.parametrize("erased", [512, 3], ids=["zeros", "a flaw"])
def test_a_header_that_is_lost_inside_a_tar_is_told(tmp_path, erased):
    """tarfile takes it for the end of the archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(4):
            info = tarfile.TarInfo(f"{number}.txt")
            info.size = 5
            archive.addfile(info, io.BytesIO(b"hello"))
    data = bytearray(out.getvalue())
    data[2048 : 2048 + erased] = bytes(erased)
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(data))
    found = members(str(path), "a.tar", Limits())
    assert [next(found).name, next(found).name] == ["0.txt", "1.txt"]
    with pytest.raises(ArchiveError, match="no member begins at byte 2,048"):
        next(found)


def test_a_zip_directory_that_holds_fewer_members_than_it_says_is_told(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(4):
            archive.writestr(f"{number}.txt", "hello")
    data = bytearray(out.getvalue())
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 1)
    data[second + 32 : second + 34] = b"\xff\x0f"  # a comment that reaches beyond the directory
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(data))
    with pytest.raises(ArchiveError, match="says that it has 4 members, and 2 are there"):
        list(members(str(path), "a.zip", Limits()))
