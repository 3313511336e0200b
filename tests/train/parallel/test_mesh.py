"""The grid of ranks: who reads what, and whose losses count."""

from __future__ import annotations

from typing import Any

import pytest

from curator.train.config import ParallelConfig
from curator.train.mesh import BATCH, COPIES, Mesh, alone, sizes


@pytest.mark.parametrize(
    ("options", "ranks"), [({}, 4), ({"tensor": 2, "pipeline": 2}, 8), ({"context": 3, "tensor": 2, "expert": 2}, 24)]
)
def test_every_sequence_is_read_and_every_loss_counts_once(options: dict[str, Any], ranks: int) -> None:
    shape = sizes(ParallelConfig(**options), ranks)
    meshes = [Mesh(shape, rank) for rank in range(ranks)]
    counted = [mesh.rank(*BATCH) for mesh in meshes if mesh.has_counts]
    assert sorted(counted) == list(range(meshes[0].size(*BATCH)))
    parts = [(mesh.rank(*BATCH), mesh.rank("context")) for mesh in meshes if mesh.has_losses]
    assert len(set(parts)) == len(parts) == meshes[0].size(*COPIES)
    assert all(mesh.is_last_stage for mesh in meshes if mesh.has_losses)


def test_tensor_ranks_are_neighbours_and_stages_far_apart() -> None:
    shape = sizes(ParallelConfig(tensor=2, pipeline=2), 8)
    assert shape == {"pipeline": 2, "data": 2, "expert": 1, "context": 1, "tensor": 2}
    places = [tuple(Mesh(shape, rank).rank(name) for name in ("pipeline", "data", "tensor")) for rank in range(8)]
    assert places == sorted(places)


def test_one_rank_has_no_mesh() -> None:
    mesh = alone()
    assert set(mesh.sizes.values()) == {1}
    assert mesh.has_losses
    assert mesh.has_counts


@pytest.mark.parametrize(
    ("options", "ranks", "message"),
    [
        ({"tensor": 2}, 1, "parallel: tensor 2 needs a multiple of 2 ranks, and one process was started"),
        ({"tensor": 2, "pipeline": 2}, 6, "pipeline 2 x tensor 2 needs a multiple of 4 ranks, and 6 processes were started"),
    ],
)
def test_sizes_that_do_not_divide_the_ranks_are_refused(options: dict[str, Any], ranks: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sizes(ParallelConfig(**options), ranks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensor": 0}, "tensor: must be at least 1 rank, not 0"),
        ({"schedule": "zero-bubble"}, "schedule: must be 1f1b or gpipe"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ParallelConfig(**options)
