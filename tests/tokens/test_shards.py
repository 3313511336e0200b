from __future__ import annotations

import json
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.tokens.shards import HEADER_BYTES, Header, Mapped, ShardError, TokenShards, write_shard


def write_folder(folder: Path, per_shard: list[int], width: int = 8, itemsize: int = 2) -> np.ndarray:
    """A finished folder of shards with two parts; returns all its sequences."""
    total = sum(per_shard)
    ids = np.arange(total * width).reshape(total, width) % 500
    entries, at = [], 0
    for number, count in enumerate(per_shard):
        header = Header(
            itemsize=itemsize, sequence_length=width - 1, vocabulary_size=500, sequences=count, pieces=2 * count, eos=0
        )
        entries.append(
            write_shard(
                str(folder / f"train-{number:05d}.tokens"),
                header,
                [ids[at : at + 1], ids[at + 1 : at + count]],
                np.arange(count + 1) * 2,
                np.tile([0, 3], count),
                (np.arange(at, at + count) % 2).astype(np.uint16),
            )
        )
        at += count
    manifest = {
        "version": 1,
        "dtype": f"<u{itemsize}",
        "sequence_length": width - 1,
        "vocabulary_size": 500,
        "eos": 0,
        "tokenizer": {"hash": "abc"},
        "parts": [{"name": "web"}, {"name": "wiki"}],
        "splits": {"train": {"shards": entries}, "validation": {"shards": []}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return ids


@settings(max_examples=25, deadline=None)
@given(
    per_shard=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    width=st.integers(2, 11),
    itemsize=st.sampled_from([2, 4]),
)
def test_reads_what_was_written(tmp_path_factory, per_shard, width, itemsize):
    folder = tmp_path_factory.mktemp("shards")
    ids = write_folder(folder, per_shard, width, itemsize)
    shards = TokenShards(str(folder))
    assert len(shards) == len(ids)
    for index in range(len(ids)):
        assert shards[index].tolist() == ids[index].tolist()
        assert shards[index].dtype.itemsize == itemsize
        assert shards.source_of(index) == index % 2
        assert shards.starts_of(index).tolist() == [0, 3]
    assert shards[-1].tolist() == ids[-1].tolist()
    assert shards.sources == ("web", "wiki")
    assert (shards.sequence_length, shards.vocabulary_size, shards.eos) == (width - 1, 500, 0)
    shards.verify()


def test_a_sequence_is_a_read_only_view_of_the_file(tmp_path):
    write_folder(tmp_path, [3])
    first = TokenShards(str(tmp_path))[0]
    assert not first.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_goes_to_another_process(tmp_path):
    ids = write_folder(tmp_path, [2, 3])
    assert pickle.loads(pickle.dumps(TokenShards(str(tmp_path))))[4].tolist() == ids[4].tolist()


def test_an_empty_split_has_no_sequences(tmp_path):
    write_folder(tmp_path, [2])
    assert len(TokenShards(str(tmp_path), "validation")) == 0


@pytest.mark.parametrize("index", [5, -6])
def test_no_such_sequence(tmp_path, index):
    write_folder(tmp_path, [2, 3])
    with pytest.raises(IndexError):
        TokenShards(str(tmp_path))[index]


def with_checksum(header: bytes) -> bytes:
    return header[:-4] + struct.pack("<I", zlib.crc32(header[:-4]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:40], "truncated: 40 bytes are not even a header"),
        (lambda b: b[:-1], "truncated: .* bytes, and its header says"),
        (lambda b: b + b"\0", "too long"),
        (lambda b: b"PAR1" + b[4:], "not a token shard"),
        (lambda b: b[:8] + struct.pack("<I", 2) + b[12:], "version 2; this reader knows version 1"),
        (lambda b: b[:24] + b"\xff" + b[25:], "corrupted header: its checksum"),
        (lambda b: with_checksum(b[:12] + struct.pack("<I", 3) + b[16:HEADER_BYTES]) + b[HEADER_BYTES:], "3 bytes a token"),
        (lambda b: with_checksum(b[:40] + struct.pack("<I", 9) + b[44:HEADER_BYTES]) + b[HEADER_BYTES:], "manifest.json says"),
    ],
)
def test_refuses_a_damaged_shard_by_name(tmp_path, damage, message):
    write_folder(tmp_path, [3])
    path = tmp_path / "train-00000.tokens"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ShardError, match=f"train-00000.tokens: .*{message}"):
        TokenShards(str(tmp_path))


@settings(max_examples=60, deadline=None)
@given(bit=st.integers(0, HEADER_BYTES * 8 - 1))
def test_every_flipped_bit_of_a_header_is_found(tmp_path_factory, bit):
    folder = tmp_path_factory.mktemp("flipped")
    write_folder(folder, [2])
    data = bytearray((folder / "train-00000.tokens").read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    (folder / "bad.tokens").write_bytes(data)
    with pytest.raises(ShardError, match=r"bad\.tokens"):
        Mapped(str(folder / "bad.tokens"))


def test_refuses_a_missing_shard_and_a_missing_manifest(tmp_path):
    with pytest.raises(ShardError, match=r"manifest\.json: there is none"):
        TokenShards(str(tmp_path))
    write_folder(tmp_path, [2, 2])
    (tmp_path / "train-00001.tokens").unlink()
    with pytest.raises(ShardError, match=r"train-00001\.tokens: this token shard is missing"):
        TokenShards(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not a manifest"), ("[]", "version None"), ('{"version": 7}', "version 7; this reader")]
)
def test_refuses_a_manifest_that_it_does_not_know(tmp_path, text, message):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ShardError, match=message):
        TokenShards(str(tmp_path))


def test_refuses_a_split_that_there_is_not(tmp_path):
    write_folder(tmp_path, [2])
    with pytest.raises(ShardError, match="no split 'test': it has train, validation"):
        TokenShards(str(tmp_path), "test")


def test_verify_finds_a_changed_token(tmp_path):
    write_folder(tmp_path, [3])
    path = tmp_path / "train-00000.tokens"
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match=r"train-00000\.tokens: its sha256"):
        TokenShards(str(tmp_path)).verify()


@pytest.mark.parametrize(
    ("block", "message"), [(np.full((1, 8), 500), "id 500 is outside the vocabulary"), (np.zeros((2, 8), int), "do not fit")]
)
def test_never_writes_what_its_header_denies(tmp_path, block, message):
    header = Header(itemsize=2, sequence_length=7, vocabulary_size=500, sequences=1, pieces=1, eos=0)
    path = tmp_path / "x.tokens"
    with pytest.raises(ShardError, match=message):
        write_shard(str(path), header, [block], np.array([0, 1]), np.zeros(1), np.zeros(1))
    assert not path.exists()
