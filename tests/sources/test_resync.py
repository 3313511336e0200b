"""What stands behind a damaged place of a compressed file is read, where its format lets one go on; the loss is told."""

import bz2
import gzip
import json
import lzma
import random
import time
import tracemalloc

import lz4.frame
import pytest
import zstandard

from curator.documents import File, Piece, Tally
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
    start = len(b"".join(made[:3]))
    assert f"bytes {start:,} to {start + len(made[3]):,} of the file are passed over" in place["message"]
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


def test_a_damaged_list_says_what_is_not_read(tmp_path):
    data = gzip.compress(b"[" + b",".join(lines()) + b"]")
    _, tally = read(tmp_path, flipped(data))
    assert broken(tally)[-1]["message"].endswith("what follows in the list is not read")


def test_thousands_of_damaged_members_take_bounded_memory_and_time(tmp_path):
    member = PACK["gzip"](b'{"text": "a"}\n')
    data = (member[:-6] + bytes(6) + member) * 10_000
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        texts, tally = read(tmp_path, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - begin < 60
    assert len(texts) == 20_000
    assert len(broken(tally)) == 21
    assert "damaged, 10,000 in all" in broken(tally)[-1]["message"]
    assert peak < 64 << 20
