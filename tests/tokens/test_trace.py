from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from curator.engine.executor import Inline
from curator.tokens.build import Tokenize, build
from curator.tokens.mixture import Mixture
from curator.tokens.shards import ShardError, TokenShards
from curator.tokens.trace import lines, trace


@pytest.fixture(params=["concatenate", "best_fit"])
def made(request, corpus, small_tokenizer, tmp_path):
    mixture = Mixture(budget=6000, weights={"web": 0.6, "wiki": 0.4}, packing=request.param, validation=0.1)
    tokenize = Tokenize(tokenizer=small_tokenizer, sequence_length=64, shard_tokens=2000)
    build(tokenize, mixture, corpus, str(tmp_path), Inline())  # its documents lie in tmp_path/documents, as a run's do
    texts = {row["id"]: row for shard in corpus for row in pq.read_table(shard.path).to_pylist()}
    return str(tmp_path), texts


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_piece_is_in_the_file_it_names_and_together_they_are_the_sequence(made, words, split):
    output, texts = made
    shards = TokenShards(f"{output}/tokens", split)
    for index in range(len(shards)):
        traced = trace(output, index, split)
        assert sum(piece.length for piece in traced) == 65
        for piece in traced:
            if piece.document is None:
                assert (piece.file, piece.text) == (None, "")
                continue
            row = texts[piece.document]
            assert (piece.file, piece.at) == (row["origin"]["file"], row["origin"]["offset"])
            assert piece.source == row["source"]
            ids = [*words.encode([row["text"]])[0].tolist(), words.eos][piece.offset : piece.offset + piece.length]
            assert shards[index][piece.start : piece.start + piece.length].tolist() == ids


def test_a_line_a_piece_for_people(made):
    output, _ = made
    traced = trace(output, 3)
    said = list(lines(traced))
    assert len(said) == len(traced)
    assert "web-a.txt at " in said[0] or "wiki-a.txt at " in said[0] or "web-b.txt at " in said[0]


@pytest.mark.parametrize("index", [99_999, -1])
def test_a_sequence_that_is_not_there_is_said(made, index):
    with pytest.raises(ShardError, match=f"no sequence {index} in train: it has "):
        trace(made[0], index)


def test_a_document_that_is_gone_is_said(made, tmp_path):
    for path in (tmp_path / "documents").iterdir():
        path.unlink()
    assert all("its file is not in documents/" in line or "padding" in line for line in lines(trace(made[0], 0)))
