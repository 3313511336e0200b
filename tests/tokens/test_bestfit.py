from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.engine.executor import Inline
from curator.tokens import bestfit
from curator.tokens.build import Tokenize, build
from curator.tokens.mixture import Mixture
from curator.tokens.shards import TokenShards

LENGTH = 32
MIXTURE = Mixture(budget=20_000, weights={"web": 0.5, "wiki": 0.3, "code": 0.2}, packing="best_fit", validation=0.1, seed=7)


def slowly(pieces: list[int], width: int) -> list[int]:
    """The fill of each sequence: the obvious way."""
    filled: list[int] = []
    for piece in sorted(pieces, reverse=True):
        fitting = [i for i, fill in enumerate(filled) if fill + piece <= width]
        if fitting:
            filled[max(fitting, key=lambda i: filled[i])] += piece
        else:
            filled.append(piece)
    return sorted(filled)


LENGTHS = st.lists(st.integers(2, 60), max_size=80)


@settings(max_examples=300, deadline=None)
@given(LENGTHS, st.integers(2, 40))
def test_pieces_go_where_they_leave_the_least_room(lengths, width):
    array = np.array(lengths, np.int64)
    laid = bestfit.lay_out(array, width, 0, 0)
    fill: Counter[int] = Counter()
    where = np.cumsum(laid.length) - laid.length
    for document, at, length in zip(laid.document.tolist(), where.tolist(), laid.length.tolist()):
        assert at // width == (at + length - 1) // width  # no piece lies in two sequences
        if document >= 0:
            fill[at // width] += length
    pieces = [piece for n in lengths for piece in [*[width] * (n // width), n % width] if piece > 1]
    assert sorted(fill.values()) == slowly(pieces, width)
    assert laid.length.sum() == width * len(fill) == width * bestfit.sequences(array, width)


@settings(max_examples=100, deadline=None)
@given(LENGTHS, st.integers(2, 40))
def test_every_token_of_a_document_is_there_once_but_an_eos_alone(lengths, width):
    laid = bestfit.lay_out(np.array(lengths, np.int64), width, 1, 2)
    seen: dict[int, list[int]] = {i: [] for i in range(len(lengths))}
    for document, offset, length in zip(laid.document.tolist(), laid.offset.tolist(), laid.length.tolist()):
        if document >= 0:
            seen[document] += range(offset, offset + length)
    for document, length in enumerate(lengths):
        rest = length % width
        assert sorted(seen[document]) == list(range(length - (rest == 1)))


def test_another_epoch_puts_other_documents_together_in_as_many_sequences():
    lengths = np.random.default_rng(0).integers(5, 300, 2000)
    one, two = (bestfit.lay_out(lengths, 129, 0, epoch) for epoch in (0, 1))
    assert one.length.sum() == two.length.sum()
    assert one.document.tolist() != two.document.tolist()
    assert one.length[one.document < 0].sum() < 0.01 * one.length.sum()


@pytest.fixture
def made(corpus, small_tokenizer, tmp_path):
    tokenize = Tokenize(tokenizer=small_tokenizer, sequence_length=LENGTH, shard_tokens=5000)
    return build(tokenize, MIXTURE, corpus, str(tmp_path), Inline()), tmp_path


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_sequence_is_made_of_the_documents_it_names(made, corpus, words, split):
    _, output = made
    texts = {row["id"]: row["text"] for shard in corpus for row in pq.read_table(shard.path).to_pylist()}
    shards = TokenShards(str(output / "tokens"), split)
    shards.verify()
    first = cut = padded = 0
    for entry in shards.shards:
        rows = pq.read_table(output / "tokens" / entry["documents"]["file"]).to_pylist()
        rebuilt: dict[int, list[int]] = {}
        for row in rows:
            sequence = rebuilt.setdefault(first + row["sequence"], [])
            assert row["start"] == len(sequence)
            if row["document"] is None:
                sequence += [words.eos] * row["length"]
                assert shards.padding_of(first + row["sequence"]) == row["length"]
                padded += row["length"]
                continue
            ids = [*words.encode([texts[row["document"]]])[0].tolist(), words.eos]
            sequence += ids[row["offset"] : row["offset"] + row["length"]]
            fits = len(ids) <= LENGTH + 1
            cut += row["offset"] > 0
            assert not fits or (row["offset"], row["length"]) == (0, len(ids))
        assert all(shards[i].tolist() == ids for i, ids in rebuilt.items())
        assert sum(shards.padding_of(i) for i in rebuilt) == sum(r["length"] for r in rows if r["document"] is None)
        first += entry["sequences"]
    assert first == len(shards) > 5
    assert cut
    assert padded


def test_the_manifest_counts_padding_and_epochs(made):
    manifest, output = made
    shards = TokenShards(str(output / "tokens"))
    padding = sum(shards.padding_of(i) for i in range(len(shards)))
    assert 0 < padding == sum(part["padding"] for part in manifest["parts"]) < 0.1 * manifest["tokens"]
    assert all(part["epochs"] <= 4 for part in manifest["parts"])


def test_without_a_budget_each_document_is_read_once(corpus, small_tokenizer, tmp_path):
    tokenize = Tokenize(tokenizer=small_tokenizer, sequence_length=LENGTH)
    manifest = build(tokenize, Mixture(packing="best_fit", validation=0.0), corpus, str(tmp_path), Inline())
    entries = manifest["splits"]["train"]["shards"]
    seen = Counter()
    for entry in entries:
        for row in pq.read_table(tmp_path / "tokens" / entry["documents"]["file"]).to_pylist():
            if row["document"]:
                seen[row["document"], row["offset"]] += 1
    assert set(seen.values()) == {1}
    assert {document for document, _ in seen} == {
        row["id"] for shard in corpus for row in pq.read_table(shard.path).to_pylist() if row["text"]
    }
