from __future__ import annotations

import csv
import gzip
import json
import shutil
import sys
from typing import Any
from unittest.mock import Mock

import datasets
import numpy as np
import pytest
from datatrove.utils.dataset import DatatroveFolderDataset

from curator.tokens.export import WRITERS, export
from curator.tokens.filling import ExportError
from curator.tokens.shards import ShardError, TokenShards

LENGTH = 32


@pytest.fixture(scope="module", params=["concatenate", "best_fit"])
def output(request, run) -> str:
    return run(request.param)


@pytest.fixture(scope="module")
def shards(output) -> TokenShards:
    return TokenShards(f"{output}/tokens")


def test_datatroves_reader_gives_our_sequences_and_the_places_in_their_documents(output, shards, tmp_path):
    export("nanotron", output, str(tmp_path))
    theirs = DatatroveFolderDataset(str(tmp_path / "train"), LENGTH, "*.ds", token_size=2, return_positions=True)
    assert len(theirs) == len(shards)
    for index in range(len(shards)):
        item = theirs[index]
        assert item["input_ids"].tolist() == shards[index].tolist()
        starts = shards.starts_of(index).tolist()
        places = [i - max(start for start in starts if start <= i) for i in range(LENGTH + 1)]
        assert item["positions"].tolist() == places
    first = (tmp_path / "train" / "00000_tokens.ds.metadata").read_text().split("\n")
    assert first[0] == "tokenizer.json|2"
    assert int(first[1]) == shards.shards[0]["sequences"] * (LENGTH + 1)


@pytest.mark.skipif(sys.platform != "linux", reason="megatron-core has wheels for Linux alone")
@pytest.mark.filterwarnings("ignore")  # of its own imports
def test_megatrons_reader_gives_our_sequences(output, shards, tmp_path):
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    export("megatron", output, str(tmp_path))
    theirs = IndexedDataset(str(tmp_path / "train"))
    assert len(theirs) == len(shards)
    assert theirs.index.dtype == np.uint16
    assert theirs.document_indices.tolist() == list(range(len(shards) + 1))
    for index in range(len(shards)):
        assert theirs[index].tolist() == shards[index][:LENGTH].tolist()
    assert (tmp_path / "train.bin").stat().st_size == 2 * LENGTH * len(shards)
    assert len(IndexedDataset(str(tmp_path / "validation"))) == len(TokenShards(shards.folder, "validation"))


def test_olmos_windows_are_our_sequences_and_each_span_is_of_the_document_it_names(output, shards, tmp_path):
    export("olmo", output, str(tmp_path))
    files = sorted((tmp_path / "train").glob("*.npy"))
    ids = [np.memmap(file, np.uint16, mode="r") for file in files]  # as its NumpyFSLDataset opens them
    windows = [window for each in ids for window in each.reshape(-1, LENGTH)]
    assert [window.tolist() for window in windows] == [shards[i][:LENGTH].tolist() for i in range(len(shards))]
    for file, data in zip(files, ids):
        covered = np.zeros(len(data), bool)
        with gzip.open(f"{str(file)[:-4]}.csv.gz", "rt") as stream:
            for start, end, document, source, _ in csv.reader(stream):
                assert source in ("web", "wiki")
                assert len(document) == 32
                assert not covered[int(start) : int(end)].any()
                covered[int(start) : int(end)] = True
        assert (data[~covered] == shards.eos).all()  # padding alone
        assert covered.mean() > 0.9


def test_hugging_face_reads_parquet(output, shards, tmp_path):
    export("parquet", output, str(tmp_path))
    files: Any = sorted(map(str, (tmp_path / "train").glob("*.parquet")))
    theirs = datasets.Dataset.from_parquet(files, cache_dir=str(tmp_path / "cache"))
    assert len(theirs) == len(shards)
    for index, row in enumerate(theirs.to_list()):
        assert row["input_ids"] == shards[index].tolist()
        assert row["starts"] == shards.starts_of(index).tolist()
        assert row["padding"] == shards.padding_of(index)
        assert row["source"] == shards.sources[shards.source_of(index)]
        assert len(row["documents"]) == len(row["starts"])
        assert (row["documents"][-1] is None) == (row["padding"] > 0)


@pytest.mark.parametrize("kind", WRITERS)
def test_equal_shards_give_equal_bytes_and_say_what_they_are_of(output, shards, tmp_path, kind):
    for name in ("one", "two"):
        export(kind, output if name == "one" else f"{output}/tokens", str(tmp_path / name))
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
    assert (tmp_path / "one" / "tokenizer.json").read_bytes() == shards.tokenizer()
    said = json.loads((tmp_path / "one" / "export.json").read_text())
    assert (said["format"], said["splits"]["train"]) == (kind, len(shards))


def test_another_export_is_not_written_over(output, tmp_path):
    export("olmo", output, str(tmp_path))
    ids = min(tmp_path.glob("train/*.npy"))
    whole = ids.read_bytes()
    ids.write_bytes(b"damaged")
    export("olmo", output, str(tmp_path))
    assert ids.read_bytes() == whole, "the same export is written again, as the command's help says"
    with pytest.raises(ExportError, match="not empty, and not this export"):
        export("megatron", output, str(tmp_path))


@pytest.mark.parametrize("kind", WRITERS)
def test_an_export_that_was_killed_is_finished_by_the_same_command_alone(output, tmp_path, monkeypatch, kind):
    whole, half = tmp_path / "whole", tmp_path / "half"
    export(kind, output, str(whole))
    with monkeypatch.context() as patch:
        patch.setattr(TokenShards, "tokenizer", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            export(kind, output, str(half))
    (half / "train.bin.4711-0123abcd.part").write_bytes(b"of a process that was killed")
    with pytest.raises(ExportError, match="not empty, and not this export"):
        export("olmo" if kind == "megatron" else "megatron", output, str(half))
    export(kind, output, str(half))
    assert contents(half) == contents(whole)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_shards_are_said(tmp_path):
    with pytest.raises(ShardError, match="holds no finished token shards"):
        export("olmo", str(tmp_path), str(tmp_path / "to"))


def test_damaged_shards_are_not_exported(output, tmp_path):
    damaged = tmp_path / "tokens"
    shutil.copytree(f"{output}/tokens", damaged)
    shard = next(damaged.glob("train-*.tokens"))
    data = bytearray(shard.read_bytes())
    data[-200:-190] = b"XXXXXXXXXX"
    shard.write_bytes(data)
    with pytest.raises(ShardError, match=f"{shard.name}: its sha256 is"):
        export("parquet", str(damaged), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
