"""What stands behind a damaged place of a compressed file is read, where its format lets one go on; the loss is told."""

import bz2
import gzip
import json
import lzma
import random
import re
import time
import tracemalloc
from functools import cache

import lz4.frame
import pytest
import zstandard

from curator.documents import File, Piece, Tally
from curator.sources import resync
from curator.sources.instructions import Instructions
from curator.sources.jsonl import Jsonl
from curator.sources.reddit import Reddit

PACK = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}
TEXTS = [f"{i:03d} {random.Random(i).randbytes(60).hex()}" for i in range(240)]
FORMS = {
    "jsonl": (Jsonl(), lambda i: {"text": TEXTS[i]}),
    "instructions": (Instructions(template="{a}"), lambda i: {"a": TEXTS[i]}),
    "reddit": (Reddit(), lambda i: {"id": f"a{i}", "link_id": "t3_a1", "body": TEXTS[i]}),
}


def lines(form=FORMS["jsonl"][1]) -> list[bytes]:
    return [json.dumps(form(i)).encode() + b"\n" for i in range(len(TEXTS))]


def read(folder, data: bytes, source=None) -> tuple[list[str], Tally]:
    path = folder / "a"
    path.write_bytes(data)
    tally, piece = Tally(), Piece(File(str(path), "a", len(data), ""))
    rows = [row for batch in (source or Jsonl()).read(piece, tally) for row in batch.to_pylist()]
    assert len(rows) + sum(tally.skipped.values()) + sum(tally.errors.values()) == tally.records
    offsets = [row["offset"] for row in rows]
    assert offsets == sorted(set(offsets))
    return [row["text"] for row in rows], tally


def parts(pack: str, size: int = 30, form=FORMS["jsonl"][1]) -> list[bytes]:
    each = lines(form)
    return [PACK[pack](b"".join(each[i : i + size])) for i in range(0, len(each), size)]


def broken(tally: Tally) -> list[dict]:
    return [place for place in tally.damage if place["file_damage"]]


def zeroed(part: bytes) -> bytes:
    return bytes(len(part))


def overwritten(part: bytes) -> bytes:
    return random.Random(1).randbytes(len(part))


def flipped(part: bytes) -> bytes:
    middle = len(part) // 2
    return part[:middle] + bytes([part[middle] ^ 0xFF]) + part[middle + 1 :]


def cut(part: bytes) -> bytes:
    return part[: len(part) // 2]


@pytest.mark.parametrize("harm", [zeroed, overwritten, flipped, cut])
@pytest.mark.parametrize("pack", PACK)
def test_members_behind_a_damaged_one_are_read(tmp_path, pack, harm):
    made = parts(pack)
    made[3] = harm(made[3])
    texts, tally = read(tmp_path, b"".join(made))
    assert [text for text in texts if text in TEXTS[:90]] == TEXTS[:90]
    assert [text for text in texts if text in TEXTS[120:]] == TEXTS[120:]
    (place,) = broken(tally)
    start, header = len(b"".join(made[:3])), 4 if pack == "bzip2" else 0  # its blocks have none, only its streams
    said = re.search("bytes ([0-9,]+) to ([0-9,]+) of the file are passed over", place["message"])
    assert said is not None
    begin, end = (int(number.replace(",", "")) for number in said.groups())
    assert 0 <= begin - start <= header
    assert 0 <= end - start - len(made[3]) <= header
    assert read(tmp_path, b"".join(made))[0] == texts


@pytest.mark.parametrize("name", FORMS)
def test_every_source_of_lines_goes_on(tmp_path, name):
    source, form = FORMS[name]
    made = parts("gzip", form=form)
    made[0] = made[0][:-30]
    made[3] = cut(made[3])
    made[5] = zeroed(made[5])
    texts, tally = read(tmp_path, b"".join(made), source)
    assert [text for text in texts if text in TEXTS[180:]] == TEXTS[180:]
    assert set(TEXTS[30:90] + TEXTS[120:150]) <= set(texts)
    assert len(broken(tally)) == 3


@pytest.mark.parametrize("pack", PACK)
def test_lines_that_run_over_a_damaged_member_are_errors_of_their_own(tmp_path, pack):
    """As bgzip cuts, at any byte."""
    data = b"".join(lines())
    made = [PACK[pack](data[i : i + 5003]) for i in range(0, len(data), 5003)]
    made[2] = overwritten(made[2])
    texts, tally = read(tmp_path, b"".join(made))
    whole = [i for i, line in enumerate(lines()) if not 10_006 - len(line) < data.find(line) < 15_009]
    assert set(texts) == {TEXTS[i] for i in whole}
    assert sum(tally.errors.values()) == 2, "the line before, and the line behind"
    assert [place["message"] for place in tally.damage[1:]] == [
        "the line could not be read to its end",
        "the beginning of the line is lost",
    ]


def test_something_else_between_two_members_is_passed_over(tmp_path):
    first, second = PACK["gzip"](b"".join(lines()[:9]).rstrip()), PACK["gzip"](b"".join(lines()[9:]))
    texts, tally = read(tmp_path, first + b"garbage" + second)
    assert texts == TEXTS
    assert [place["kind"] for place in tally.damage] == ["garbage"]
    assert not tally.errors


@pytest.mark.parametrize("pack", [name for name in PACK if name != "bzip2"])
def test_where_nothing_can_be_read_behind_it_the_error_says_so(tmp_path, pack):
    data = PACK[pack](b"".join(lines()))
    middle = len(data) // 2
    _, tally = read(tmp_path, data[:middle] + bytes(200) + data[middle + 200 :])
    assert broken(tally)[-1]["message"].endswith(f": no {pack} member can be read behind it")


@cache
def blocks_of_bzip2() -> tuple[list[str], bytes]:
    """A megabyte that is one stream of twenty blocks."""
    texts = [f"{i:05d} {random.Random(i).randbytes(60).hex()}" for i in range(14_000)]
    return texts, bz2.compress(b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts), 1)


def erased(data: bytes, at: int, size: int) -> bytes:
    return data[:at] + bytes(size) + data[at + size :]


@pytest.mark.parametrize("size", [1, 200, 150_000])
@pytest.mark.parametrize("share", [0.02, 0.28, 0.5, 0.98])
def test_blocks_of_bzip2_behind_a_damaged_one_are_read(tmp_path, share, size):
    texts, data = blocks_of_bzip2()
    block = len(data) / (sum(map(len, texts)) / 100_000)
    found, tally = read(tmp_path, erased(data, int(len(data) * share), size))
    known = set(texts)
    whole = [text for text in found if text in known]
    assert whole == sorted(set(whole))
    assert len(whole) > len(texts) * (1 - (size + 2.5 * block) / len(data))
    assert len(broken(tally)) == 1


def test_places_in_a_stream_of_bzip2(tmp_path):
    texts, data = blocks_of_bzip2()
    third = len(data) // 3
    found, tally = read(tmp_path, erased(erased(data, third, 9), 2 * third, 9)[:-20] + b"more" + bz2.compress(b""))
    assert len(set(found) & set(texts)) > len(texts) * 0.8
    assert found == sorted(found)
    assert len(broken(tally)) == 3
    found, tally = read(tmp_path, data[:-4] + b"\0\0\0\0")  # the checksum of the whole
    assert found == texts
    assert [place["file_damage"] for place in tally.damage] == [True]


@pytest.mark.parametrize("pack", [name for name in PACK if name != "gzip"])
def test_no_document_is_read_twice(tmp_path, pack):
    """Of gzip, what a damaged member gives before its checksum may itself repeat lines."""
    data = b"".join(parts(pack, 20))
    for seed in range(60):
        chance = random.Random(f"{pack} {seed}")
        harmed = bytearray(data)
        for _ in range(chance.choice([1, 2, 5])):
            at, size = chance.randrange(len(data)), chance.choice([1, 30, 700, 3000])
            harmed[at : at + size] = chance.choice([b"", bytes(size), chance.randbytes(size)])
        found = [text for text in read(tmp_path, bytes(harmed))[0] if text in TEXTS]
        assert found == sorted(set(found)), seed


def test_a_damaged_list_says_what_is_not_read(tmp_path):
    data = gzip.compress(b"[" + b",".join(lines()) + b"]")
    _, tally = read(tmp_path, flipped(data))
    assert broken(tally)[-1]["message"].endswith("what follows in the list is not read")


def test_what_looks_like_members_without_end_takes_bounded_time(tmp_path, monkeypatch):
    monkeypatch.setattr(resync, "MOST_VAIN", 2000)
    begin = time.perf_counter()
    texts, tally = read(tmp_path, PACK["gzip"](b'{"text": "a"}\n')[:-8] + b"\x1f\x8b\x08\0" * 1_000_000)
    assert time.perf_counter() - begin < 10
    assert texts == ["a"]
    assert broken(tally)[0]["message"].endswith("no gzip member can be read behind it")


def test_thousands_of_damaged_members_take_bounded_memory_and_time(tmp_path):
    member = PACK["gzip"](b'{"text": "a"}\n')
    data = (member[:-6] + bytes(6) + member) * 3000
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        texts, tally = read(tmp_path, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - begin < 60
    assert len(texts) == 6000
    assert len(broken(tally)) == 21
    assert "damaged, 3,000 in all" in broken(tally)[-1]["message"]
    assert peak < 16 << 20
