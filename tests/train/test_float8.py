"""Products in 8 bits beside the same rounding written out, and whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from curator.train import ModelConfig, TrainConfig, train
from curator.train.architectures.build import build_model
from curator.train.architectures.config import ArchitectureConfig, ExpertsConfig, ObjectivesConfig
from curator.train.config import ParallelConfig
from curator.train.float8 import BACKWARD, FORWARD, Float8Linear, to_float8
from curator.train.identity import CheckpointMismatch

CPU = torch.device("cpu")


def rounded(x: Tensor, to: torch.dtype) -> Tensor:
    scale = x.abs().max() / torch.finfo(to).max
    return (x / scale).to(to).float() * scale


def pair(bias: bool = True) -> tuple[nn.Linear, Float8Linear]:
    torch.manual_seed(0)
    plain = nn.Linear(64, 48, bias=bias)
    eight = Float8Linear(64, 48, bias=bias)
    eight.load_state_dict(plain.state_dict())
    return plain, eight


@pytest.mark.parametrize("rows", [(2, 16), (3, 7), (1, 1)])
def test_value_and_gradients_are_of_rounded_factors(rows: tuple[int, int]) -> None:
    _, eight = pair()
    x = torch.randn(*rows, 64, requires_grad=True)
    x.data[0, 0, 0] = 40.0  # an outlier takes the others' bits
    gradient = torch.randn(*rows, 48)
    y = eight(x)
    y.backward(gradient)
    assert x.grad is not None
    given, weight, back = rounded(x.detach(), FORWARD), rounded(eight.weight.detach(), FORWARD), rounded(gradient, BACKWARD)
    torch.testing.assert_close(y, given @ weight.T + eight.bias, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(x.grad, back @ weight, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(eight.weight.grad, back.flatten(0, 1).T @ given.flatten(0, 1), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(eight.bias.grad, gradient.sum(dim=(0, 1)))


def test_it_is_near_the_whole_product_and_not_the_same() -> None:
    plain, eight = pair(bias=False)
    x = torch.randn(256, 64)
    difference = (eight(x) - plain(x)).norm() / plain(x).norm()
    assert 0.005 < difference < 0.05
    assert torch.equal(eight(torch.zeros(4, 64)), torch.zeros(4, 48))


def test_what_comes_out_has_autocast_s_precision_and_gradients_their_own() -> None:
    _, eight = pair()
    x = torch.randn(16, 64, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = eight(x)
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    assert x.grad is not None
    assert eight.weight.grad is not None
    assert x.grad.dtype == eight.weight.grad.dtype == torch.float32


def test_the_layers_products_and_nothing_else() -> None:
    how = ArchitectureConfig(
        shape="encoder_decoder", positions="relative", experts=ExpertsConfig(every=2), objectives=ObjectivesConfig(prefix=1.0)
    )
    for architecture in (None, how):
        config = ModelConfig(layers=2, width=64, heads=4, kv_heads=2, architecture=architecture)
        model = build_model(config, 50, 32)
        names = list(model.state_dict())
        to_float8(model, CPU)
        assert list(model.state_dict()) == names
        linear = {name for name, module in model.named_modules() if isinstance(module, nn.Linear)}
        converted = {name for name, module in model.named_modules() if isinstance(module, Float8Linear)}
        left = {name for name in linear - converted if not name.endswith("router")}
        assert left == {"lm_head"}
        assert len(converted) == (2 * 7 if architecture is None else 2 * 4 + 3 + 2 * 8 + 3)


def test_what_cannot_be_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"float8: layers.0.self_attn.q_proj is 36 x 36: sides must be multiples of 16"):
        to_float8(build_model(ModelConfig(layers=1, width=36, heads=2), 50, 32), CPU)
    model = build_model(ModelConfig(layers=1, width=64, heads=4), 50, 32)
    with pytest.raises(ValueError, match="float8: mps has no 8-bit products"):
        to_float8(model, torch.device("mps"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA A100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    with pytest.raises(ValueError, match=r"float8: NVIDIA A100 has no 8-bit products: .* 8.0, 8.9 has them"):
        to_float8(model, torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    to_float8(model, torch.device("cuda", 0))


@pytest.mark.parametrize("recompute", ["none", "pointwise"])
def test_a_run_learns_as_in_float32_and_knows_its_own(
    recompute: Any, shards: str, small: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    whole = train(small(), shards, str(tmp_path / "whole"), lambda record: None)
    eight = train(small(float8=True, recompute=recompute), shards, str(tmp_path / "eight"), lambda record: None)
    assert eight["last_loss"] == pytest.approx(whole["last_loss"], rel=0.1)
    assert eight["last_loss"] != whole["last_loss"]
    assert eight["last_loss"] < 0.8 * eight["first_loss"]
    with pytest.raises(CheckpointMismatch, match="float8: True in the checkpoint, None now"):
        train(small(), shards, str(tmp_path / "eight"), lambda record: None)


def test_it_is_refused_beside_tensor_ranks(small: Callable[..., TrainConfig]) -> None:
    with pytest.raises(ValueError, match=r"float8: not with parallel.tensor"):
        small(float8=True, parallel=ParallelConfig(kind="fsdp", tensor=2))
