from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curator.train.config import BatchRamp, ModelConfig, OptimizerConfig, TrainConfig
from curator.train.model import Decoder
from curator.train.optimizer import adamw, decay_groups
from curator.train.schedule import Plan, learning_rate


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


def test_wsd_stays_level_then_decays_to_the_ratio() -> None:
    config = OptimizerConfig(lr=1.0, schedule="wsd", warmup=10, decay=0.2, min_lr_ratio=0.1)
    assert learning_rate(4, 101, config) == pytest.approx(0.5)
    assert [learning_rate(step, 101, config) for step in (9, 10, 50, 80)] == [1.0] * 4
    assert learning_rate(90, 101, config) == pytest.approx(0.1**0.5)  # half way, by the exponent
    assert learning_rate(100, 101, config) == pytest.approx(0.1)


@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 900), st.integers(1, 3000))
def test_the_ramp_counts_every_token_once_and_ends_at_the_full_batch(start: int, times: int, over: int, tokens: int) -> None:
    config = TrainConfig(
        batch_tokens=start * times * 4,
        batch_ramp=BatchRamp(start=start * 4, tokens=over),
        tokens=tokens,
        optimizer=OptimizerConfig(warmup=0),
    )
    plan = Plan(config, 1, 4)
    sizes = [plan.size(step) for step in range(plan.steps + 3)]
    assert [plan.before(step) for step in range(plan.steps + 3)] == [sum(sizes[:step]) for step in range(plan.steps + 3)]
    assert plan.before(plan.steps) * 4 >= tokens > plan.before(plan.steps - 1) * 4
    assert sizes[0] == start
    assert all(a <= b <= plan.full for a, b in pairwise(sizes))
    assert all(size % start == 0 for size in sizes)
    assert all(size == plan.full for step, size in enumerate(sizes) if plan.before(step) * 4 >= over)


@pytest.mark.parametrize("tied", [False, True])
def test_each_kind_of_weight_decays_by_its_own(tied: bool) -> None:
    model = Decoder(ModelConfig(layers=2, width=32, heads=4, tied_embeddings=tied, bias=True), 50, 8)
    matrices, embeddings, vectors = decay_groups(model, OptimizerConfig(weight_decay=0.1, embedding_decay=0.02))
    assert [g["weight_decay"] for g in (matrices, embeddings, vectors)] == [0.1, 0.02, 0.0]
    assert decay_groups(model, OptimizerConfig(weight_decay=0.3))[1]["weight_decay"] == 0.3
    names = {id(p): name for name, p in model.named_parameters()}
    assert {names[id(p)] for p in vectors["params"]} == {n for n in names.values() if "norm" in n or n.endswith("bias")}
    assert {names[id(p)] for p in embeddings["params"]} == {n for n in names.values() if "embed" in n or "lm_head" in n}
    grouped = [id(p) for group in (matrices, embeddings, vectors) for p in group["params"]]
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
