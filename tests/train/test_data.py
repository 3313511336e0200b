from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curator.tokens.shards import ShardError, TokenShards
from curator.train import TrainConfig
from curator.train.data import Batches, micro_batches, spread
from curator.train.losses import SourceLosses
from curator.train.model import Decoder

CPU = torch.device("cpu")


def test_targets_are_the_inputs_one_further_and_sources_follow(shards: str) -> None:
    reader = TokenShards(shards)
    loaded = Batches(reader, 8, 3, CPU).load(16, 8)
    assert [len(micro) for micro in loaded] == [3, 3, 2]
    inputs = torch.cat([micro.inputs for micro in loaded]).numpy()
    targets = torch.cat([micro.targets for micro in loaded]).numpy()
    expected = np.stack([reader[i] for i in range(16, 24)])
    np.testing.assert_array_equal(inputs, expected[:, :-1])
    np.testing.assert_array_equal(targets, expected[:, 1:])
    assert np.concatenate([micro.sources for micro in loaded]).tolist() == [reader.source_of(i) for i in range(16, 24)]


@given(st.integers(0, 30), st.sampled_from([1, 2, 3, 4, 6, 12]), st.integers(1, 12))
def test_the_ranks_slices_make_up_the_global_batch_in_order(number: int, ranks: int, micro_batch: int) -> None:
    class Fifty:
        folder, split = "x", "train"

        def __len__(self) -> int:
            return 50

    seen = [i for rank in range(ranks) for i in Batches(Fifty(), 12, micro_batch, CPU, rank, ranks).positions(number * 12, 12)]  # type: ignore[arg-type]
    assert seen == list(range(number * 12, number * 12 + 12))


@pytest.mark.parametrize("micro_batch", [1, 3, 8])
def test_one_rank_and_two_see_the_same_sequences_in_the_same_order(shards: str, micro_batch: int) -> None:
    reader = TokenShards(shards)

    def seen(ranks: int) -> list[list[int]]:
        rows = []
        for start, size in ((0, 2), (2, 4), (6, 8), (44, 8)):  # a ramp, and round the end
            for rank in range(ranks):
                rows += [m.inputs for m in Batches(reader, 2, micro_batch, CPU, rank, ranks).load(start, size)]
        return torch.cat(rows).tolist()

    assert seen(1) == seen(2) == [reader[i % 50][:-1].tolist() for i in (*range(14), *range(44, 52))]


def test_past_the_last_sequence_it_goes_round_and_epochs_are_counted(shards: str) -> None:
    reader = TokenShards(shards)  # 50 sequences
    batches = Batches(reader, 8, 8, CPU)
    expected = np.stack([reader[i] for i in (48, 49, 0, 1, 2, 3, 4, 5)])
    np.testing.assert_array_equal(batches.load(48, 8)[0].inputs.numpy(), expected[:, :-1])
    assert [batches.epoch(number * 8) for number in (0, 6, 7, 12, 13)] == [0, 0, 1, 1, 2]


def test_padding_is_no_target_and_is_not_counted(
    shards_of: Callable[..., str], small: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    ids = np.random.default_rng(0).integers(1, 32, size=(8, 17))
    ids[3, 10:] = 0  # seven of EOS after the last document
    folder = shards_of("packed", {"train": ids})
    manifest = Path(folder) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"mixture": {"packing": "best_fit"}}))

    class Packed(TokenShards):
        def starts_of(self, index: int) -> np.ndarray:
            return np.array([0, 10] if index == 3 else [0])

    (micro,) = micro_batches(Packed(folder), range(8), 8, CPU)
    assert micro.counts.tolist() == [16, 16, 16, 9, 16, 16, 16, 16]
    assert (micro.targets[3] < 0).tolist() == [False] * 9 + [True] * 7
    assert micro.targets[3, 8] == ids[3, 9]
    torch.manual_seed(0)
    model = Decoder(small().model, 32, 16)
    losses = model(micro.inputs, micro.targets)
    assert (losses[3] > 0).tolist() == [True] * 9 + [False] * 7
    found = SourceLosses(["web", "wiki"])
    found.add(losses.detach().sum(dim=1).double().numpy(), micro.sources, micro.counts)
    assert found.mean == pytest.approx(losses[micro.targets >= 0].mean().item(), rel=1e-5)


def test_what_cannot_be_batched_is_refused(shards: str, shards_of: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="8 sequences a step cannot be shared equally by 3 ranks"):
        Batches(TokenShards(shards), 8, 1, CPU, 0, 3)
    empty = shards_of("empty", {"train": np.zeros((0, 17), dtype=int)})
    with pytest.raises(ValueError, match="the split 'train' has no sequences"):
        Batches(TokenShards(empty), 8, 1, CPU)


@given(st.integers(0, 1000), st.integers(0, 100))
def test_spread_is_even_and_within_bounds(count: int, most: int) -> None:
    chosen = spread(count, most)
    assert len(chosen) == (min(count, most) if most else count)
    assert chosen == sorted(set(chosen))
    assert all(0 <= i < count for i in chosen)
    gaps = np.diff([*chosen, count])
    assert not len(chosen) or gaps.max() - gaps.min() <= 1 or chosen == list(range(count))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100)), min_size=1, max_size=40))
def test_the_total_is_the_weighted_mean_of_the_sources(rows: list[tuple[int, float]]) -> None:
    losses = SourceLosses(["a", "b", "c", "d"])
    for start in range(0, len(rows), 7):
        part = rows[start : start + 7]
        losses.add(np.array([loss * 16 for _, loss in part]), np.array([source for source, _ in part]), np.full(len(part), 16))
    assert losses.mean == pytest.approx(sum(loss for _, loss in rows) / len(rows))
    for number, name in enumerate("abcd"):
        mine = [loss for source, loss in rows if source == number]
        assert (name in losses.by_source()) == bool(mine)
        if mine:
            assert losses.by_source()[name] == pytest.approx(sum(mine) / len(mine))
    again = SourceLosses(["a", "b", "c", "d"])
    again.restore(losses.state())
    assert again.by_source() == losses.by_source()


def test_an_id_beyond_the_vocabulary_names_its_shard(shards: str, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(shards, folder)
    reader = TokenShards(str(folder))
    entry = reader.shards[1]
    rows = reader.mapped(1).tokens.tobytes()
    data = (folder / entry["file"]).read_bytes()
    at = data.index(rows)
    (folder / entry["file"]).write_bytes(data[:at] + b"\xff\xff" + data[at + 2 :])
    reader = TokenShards(str(folder))
    first = reader.shards[0]["sequences"]
    assert list(micro_batches(reader, range(first), 4, CPU))
    with pytest.raises(
        ShardError, match=f"{entry['file']}: damaged: it holds the id 65535, and there are {reader.vocabulary_size}"
    ):
        list(micro_batches(reader, range(first - 1, first + 1), 4, CPU))
