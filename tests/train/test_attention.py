"""Attention within documents, from the pieces in the shards to the logits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.tokens.shards import Header, TokenShards, write_shard
from curator.train import ModelConfig, TrainConfig, train
from curator.train.attention import attend, document_mask
from curator.train.data import document_numbers, micro_batches
from curator.train.model import Decoder

LENGTH, VOCABULARY = 16, 32
STARTS = [[0], [0, 5, 6], [0, 1, 15], [0, 16]]  # the last document begins at what is only a target
NUMBERS = [[0] * 16, [0] * 5 + [1] + [2] * 10, [0] + [1] * 14 + [2], [0] * 16]


@pytest.fixture
def pieces(tmp_path: Path) -> TokenShards:
    """Four sequences of several documents each."""
    ids = np.random.default_rng(0).integers(0, VOCABULARY, size=(4, LENGTH + 1))
    flat = np.concatenate(STARTS)
    offsets = np.cumsum([0, *map(len, STARTS)])
    header = Header(itemsize=2, sequence_length=LENGTH, vocabulary_size=VOCABULARY, sequences=4, pieces=len(flat), eos=0)
    entry = write_shard(str(tmp_path / "a.tokens"), header, [ids], offsets, flat, np.zeros(4))
    manifest = {
        "version": 1,
        "splits": {"train": {"shards": [entry]}},
        "sequence_length": LENGTH,
        "vocabulary_size": VOCABULARY,
        "eos": 0,
        "dtype": "<u2",
        "tokenizer": {"hash": "t0"},
        "parts": [{"name": "web"}],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return TokenShards(str(tmp_path))


def decoder(kv_heads: int = 2) -> Decoder:
    torch.manual_seed(0)
    return Decoder(ModelConfig(layers=2, width=32, heads=4, kv_heads=kv_heads), VOCABULARY, LENGTH)


def test_documents_are_numbered_by_where_the_shards_say_they_begin(pieces: TokenShards) -> None:
    assert document_numbers(pieces, range(4)).tolist() == NUMBERS
    (micro,) = micro_batches(pieces, [2, 1], 2, torch.device("cpu"), documents=True)
    assert micro.documents is not None
    assert micro.documents.tolist() == [NUMBERS[2], NUMBERS[1]]


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_a_change_in_one_document_leaves_the_logits_of_all_others(pieces: TokenShards, kv_heads: int) -> None:
    model = decoder(kv_heads)
    (micro,) = micro_batches(pieces, range(4), 4, torch.device("cpu"), documents=True)
    documents = micro.documents
    assert documents is not None
    before = model(micro.inputs, documents=documents)
    crossing = model(micro.inputs)
    for row, numbers in enumerate(NUMBERS):
        for document in set(numbers):
            mine = torch.tensor(numbers) == document
            changed = micro.inputs.clone()
            changed[row, mine] = (changed[row, mine] + 7) % VOCABULARY
            after = model(changed, documents=documents)
            assert torch.equal(after[row, ~mine], before[row, ~mine])  # to the last bit
            assert (after[row, mine] - before[row, mine]).abs().amin(dim=0).max() > 1e-4
            others = [other for other in range(4) if other != row]
            assert torch.equal(after[others], before[others])
            if document == 0 and len(set(numbers)) > 1:  # the test can fail: without the mask it leaks
                assert (model(changed)[row, ~mine] - crossing[row, ~mine]).abs().max() > 1e-4


def test_a_document_within_a_sequence_has_the_logits_it_has_alone(pieces: TokenShards) -> None:
    """Positions go on counting; RoPE does not notice."""
    model = decoder()
    (micro,) = micro_batches(pieces, [1], 1, torch.device("cpu"), documents=True)
    together = model(micro.inputs, documents=micro.documents)
    for first, last in ((0, 5), (5, 6), (6, 16)):
        torch.testing.assert_close(together[:, first:last], model(micro.inputs[:, first:last]), atol=1e-5, rtol=1e-5)


@settings(max_examples=4, deadline=None)
@given(st.lists(st.lists(st.integers(0, 1), min_size=31, max_size=31), min_size=1, max_size=3), st.sampled_from([1, 2, 4]))
def test_the_matrix_the_blocks_and_a_slow_loop_agree(begins: list[list[int]], kv_heads: int) -> None:
    documents = torch.tensor([[0, *row] for row in begins]).cumsum(dim=1)
    generator = torch.Generator().manual_seed(len(begins))
    q = torch.randn(len(begins), 4, 32, 16, generator=generator)
    k, v = (torch.randn(len(begins), kv_heads, 32, 16, generator=generator) for _ in range(2))
    found = attend(q, k, v, document_mask(documents))
    blocks = attend(q, k, v, document_mask(documents, blocks=True))
    torch.testing.assert_close(found, blocks, atol=1e-5, rtol=1e-5)
    for row in range(len(begins)):
        for head in range(4):
            mine = head * kv_heads // 4
            for at in range(32):
                seen = [j for j in range(at + 1) if documents[row, j] == documents[row, at]]
                weights = (k[row, mine, seen] @ q[row, head, at] / 16**0.5).softmax(dim=0)
                torch.testing.assert_close(found[row, head, at], weights @ v[row, mine, seen], atol=1e-5, rtol=1e-4)


def test_the_last_queries_alone_see_what_they_see_among_all() -> None:
    documents = torch.tensor([[0, *[1, 0, 0, 0] * 4][:16], [0, *[0, 1, 0] * 5]]).cumsum(dim=1)
    whole = document_mask(documents)
    assert torch.equal(document_mask(documents, last=6), whole[:, :, 10:])
    blocks = document_mask(documents, blocks=True, last=6)
    grid = torch.meshgrid(torch.arange(2), torch.arange(1), torch.arange(6), torch.arange(16), indexing="ij")
    assert blocks.seq_lengths == (6, 16)
    assert torch.equal(blocks.mask_mod(*grid), whole[:, :, 10:])


def test_a_run_trains_within_documents(pieces: TokenShards, small: Callable[..., TrainConfig], tmp_path: Path) -> None:
    results = {
        kind: train(small(attention=kind, batch_tokens=64), pieces.folder, str(tmp_path / kind), lambda record: None)
        for kind in ("documents", "sequence")
    }
    assert results["documents"]["first_loss"] != results["sequence"]["first_loss"]
    assert results["documents"]["last_loss"] < results["documents"]["first_loss"]
