"""Several processes over gloo beside one: models copied and divided, and experts that live apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from curator.train import ModelConfig, TrainConfig, train
from curator.train.architectures.build import build_model
from curator.train.architectures.config import ArchitectureConfig, ExpertsConfig, ObjectivesConfig
from curator.train.config import ParallelConfig
from curator.train.mesh import Mesh
from curator.train.parallel import expert

Small = Callable[..., TrainConfig]
Losses = Callable[[Path], list]
Near = Callable[[list, list], None]
Ranks = Callable[..., list]

BOTH = ObjectivesConfig(prefix=1.0, spans=1.0)
EXPERTS = ArchitectureConfig(
    positions="relative", experts=ExpertsConfig(count=4, top=2, capacity=1.0, z_loss=1e-3), embedding_gradient=0.5
)
KINDS: dict[str, ArchitectureConfig] = {
    "experts": EXPERTS,
    "prefix": ArchitectureConfig(shape="prefix", positions="alibi", norm_place="deep", objectives=BOTH),
    "encoder_decoder": ArchitectureConfig(
        shape="encoder_decoder", source=0.6, positions="relative", norm_place="sandwich", objectives=BOTH
    ),
}


class Stopped(Exception):
    pass


def stop(record: dict[str, Any]) -> None:
    if record["event"] == "train" and record["step"] == 5:
        raise Stopped


def quiet(record: dict[str, Any]) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def run_of(small: Small) -> Small:
    """Of as many steps that two ranks and four have the micro-batches of one: then capacity and balance are the same too."""

    def make(how: ArchitectureConfig, **changes: Any) -> TrainConfig:
        model = ModelConfig(layers=2, width=32, heads=4, kv_heads=2, bias=True, init_std=0.1, architecture=how)
        options = {"steps": 7, "micro_batch": 2, "checkpoint_every": 4, "eval_every": 0, "eval_sequences": 7}
        return small(**{"model": model, **options, **changes})

    return make


@pytest.mark.slow
def test_copied_divided_and_with_experts_apart_two_ranks_equal_one_process(
    shards: str, run_of: Small, tmp_path: Path, losses_of: Losses, near: Near, under_ranks: Ranks
) -> None:
    ways = {"ddp": ParallelConfig(), "fsdp": ParallelConfig(kind="fsdp")}
    calls = [
        (run_of(how, parallel=way), shards, str(tmp_path / f"{kind} {name}"))
        for kind, how in KINDS.items()
        for name, way in ways.items()
    ]
    apart = run_of(EXPERTS, parallel=ParallelConfig(kind="fsdp", expert=2), recompute="pointwise")
    whole = {kind: train(run_of(how), shards, str(tmp_path / kind), quiet) for kind, how in KINDS.items()}
    with pytest.raises(Stopped):
        train(run_of(EXPERTS), shards, str(tmp_path / "experts began alone"), stop)
    calls += [(apart, shards, str(tmp_path / f"experts {name}")) for name in ("apart", "began alone")]
    eight = {"alone": ParallelConfig(), "two": ParallelConfig(kind="fsdp")}
    in_8_bits = {name: run_of(EXPERTS, float8=True, parallel=way) for name, way in eight.items()}
    train(in_8_bits["alone"], shards, str(tmp_path / "float8 alone"), quiet)
    under_ranks(2, [*calls, (in_8_bits["two"], shards, str(tmp_path / "float8 two"))])
    for mine, theirs in zip(losses_of(tmp_path / "float8 alone"), losses_of(tmp_path / "float8 two"), strict=True):
        assert theirs[1] == pytest.approx(mine[1], abs=1e-2)  # a last bit may be rounded to another of 8
    for _, _, output in calls:
        kind = Path(output).name.split()[0]
        near(losses_of(tmp_path / kind), losses_of(Path(output)))
        shutil.rmtree(Path(output) / "checkpoints" / "step-00000007")
        again = train(run_of(KINDS[kind]), shards, output, quiet)  # the last steps, alone
        assert again["resumed_from"] == 4
        near(losses_of(tmp_path / kind), losses_of(Path(output)))
        assert again["validation_loss"] == pytest.approx(whole[kind]["validation_loss"], abs=1e-4)


@pytest.mark.slow
def test_four_ranks_with_experts_apart_and_divided_equal_one_process(
    shards: str, run_of: Small, tmp_path: Path, losses_of: Losses, near: Near, under_ranks: Ranks
) -> None:
    """Two by two, a rank holds a part of the half of the experts; by four, one expert; and beside tensor ranks, which
    cut the layers between."""
    rotary = ArchitectureConfig(experts=EXPERTS.experts, norm_place="sandwich")
    ways: dict[str, tuple[ArchitectureConfig, dict[str, Any]]] = {
        "experts 2": (EXPERTS, {"expert": 2}),
        "experts 4": (EXPERTS, {"expert": 4}),
        "rotary 2, tensor 2": (rotary, {"expert": 2, "tensor": 2}),
    }
    whole = {"experts": run_of(EXPERTS), "rotary": run_of(rotary)}
    for name, config in whole.items():
        train(config, shards, str(tmp_path / name), quiet)
    calls = [
        (run_of(how, parallel=ParallelConfig(kind="fsdp", **way)), shards, str(tmp_path / name))
        for name, (how, way) in ways.items()
    ]
    shutil.copytree(tmp_path / "experts", tmp_path / "experts began alone")
    shutil.rmtree(tmp_path / "experts began alone" / "checkpoints" / "step-00000007")
    calls += [(calls[0][0], shards, str(tmp_path / "experts began alone"))]
    under_ranks(4, calls)
    for _, _, output in calls:
        kind = Path(output).name.split()[0]
        near(losses_of(tmp_path / kind), losses_of(Path(output)))
        shutil.rmtree(Path(output) / "checkpoints" / "step-00000007")
        assert train(whole[kind], shards, output, quiet)["resumed_from"] == 4
        near(losses_of(tmp_path / kind), losses_of(Path(output)))


def test_what_ranks_cannot_divide_is_said_in_words(run_of: Small) -> None:
    def of(ranks: int, context: int = 1) -> Mesh:
        return Mesh({"pipeline": 1, "data": 1, "expert": ranks, "context": context, "tensor": 1})

    def model_of(config: TrainConfig) -> nn.Module:
        with torch.device("meta"):
            return build_model(config.model, 32, 16)

    dense, four = run_of(ArchitectureConfig()), run_of(EXPERTS)
    with pytest.raises(ValueError, match=r"parallel.expert: 2 ranks have nothing to divide: give model.architecture experts"):
        expert.divide(model_of(dense), dense, of(2))
    with pytest.raises(ValueError, match=r"parallel.expert: 3 ranks do not divide 4 experts equally"):
        expert.divide(model_of(four), four, of(3))
    with pytest.raises(ValueError, match=r"parallel.expert: not beside parallel.context"):
        expert.divide(model_of(four), four, of(2, context=2))
