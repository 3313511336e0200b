from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curator.train.config import ModelConfig, OptimizerConfig
from curator.train.model import Decoder
from curator.train.optimizer import adamw, decay_groups, learning_rate


def test_the_schedule_at_its_corners() -> None:
    config = OptimizerConfig(lr=1.0, warmup=10, min_lr_ratio=0.1)
    assert learning_rate(0, 111, config) == pytest.approx(0.1)
    assert learning_rate(4, 111, config) == pytest.approx(0.5)
    assert learning_rate(9, 111, config) == pytest.approx(1.0)
    assert learning_rate(10, 111, config) == pytest.approx(1.0)
    assert learning_rate(60, 111, config) == pytest.approx(0.55)  # half way down
    assert learning_rate(35, 111, config) == pytest.approx(0.1 + 0.9 * (1 + 2**-0.5) / 2)  # a quarter: cos 45°
    assert learning_rate(110, 111, config) == pytest.approx(0.1)


@given(st.integers(1, 500), st.integers(0, 499), st.floats(0, 1))
def test_the_schedule_rises_then_falls_within_its_bounds(total: int, warmup: int, ratio: float) -> None:
    warmup = min(warmup, total - 1)
    config = OptimizerConfig(lr=2.0, warmup=warmup, min_lr_ratio=ratio)
    rates = [learning_rate(step, total, config) for step in range(total)]
    assert all(a < b for a, b in pairwise(rates[:warmup]))
    assert all(a >= b - 1e-12 for a, b in pairwise(rates[warmup:]))
    assert max(rates) == pytest.approx(2.0)
    assert all(r > 0 for r in rates[:warmup])
    assert min(rates[warmup:]) >= 2.0 * ratio - 1e-12
    if total - warmup >= 2:
        assert rates[-1] == pytest.approx(2.0 * ratio, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
def test_matrices_decay_and_gains_do_not(tied: bool) -> None:
    model = Decoder(ModelConfig(layers=2, width=32, heads=4, tied_embeddings=tied), 50, 8)
    decaying, others = decay_groups(model, 0.1)
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    assert {names[id(p)] for p in others["params"]} == {n for n in names.values() if "norm" in n}
    grouped = [id(p) for p in (*decaying["params"], *others["params"])]
    assert sorted(grouped) == sorted(names)  # each weight once


def test_a_weight_without_gradient_decays_by_lr_times_weight_decay() -> None:
    model = Decoder(ModelConfig(layers=1, width=32, heads=4), 50, 8)
    optimizer = adamw(model, OptimizerConfig(lr=0.01, weight_decay=0.5), torch.device("cpu"))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.detach(), before[name] * (1.0 if "norm" in name else 1 - 0.01 * 0.5))
