"""Constants and formulas of single pieces, by the papers' figures or by `transformers`' own functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func
from transformers.models.t5.modeling_t5 import T5Attention

from curator.train.architectures.activations import FeedForward
from curator.train.architectures.config import ExpertsConfig, ObjectivesConfig
from curator.train.architectures.experts import Experts, balance_loss, weights_of, within_capacity, z_loss
from curator.train.architectures.norms import deep_constants
from curator.train.architectures.positions import alibi_slopes, relative_bucket, sinusoidal_table


def test_alibi_slopes_are_the_paper_s() -> None:
    assert alibi_slopes(8).tolist() == [2.0**-n for n in range(1, 9)]
    assert alibi_slopes(16)[:2].tolist() == pytest.approx([2**-0.5, 0.5])
    assert alibi_slopes(1).tolist() == [2.0**-8]


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 12, 20, 32, 71])
def test_alibi_slopes_are_bloom_s(heads: int) -> None:
    theirs = build_alibi_tensor(torch.ones(1, 2), heads, torch.float32)[:, 0, 1]  # slope x position 1
    torch.testing.assert_close(alibi_slopes(heads), theirs)


@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize(("buckets", "most"), [(32, 128), (8, 20), (64, 512)])
def test_relative_buckets_are_t5_s(buckets: int, most: int, both_ways: bool) -> None:
    distances = torch.arange(-700, 701)
    theirs = T5Attention._relative_position_bucket(distances, both_ways, buckets, most)
    assert torch.equal(relative_bucket(distances, buckets, most, both_ways), theirs)


def test_near_keys_have_a_bucket_each_and_far_ones_share_the_last() -> None:
    before = relative_bucket(-torch.arange(0, 400), 32, 128, False)
    assert before[:16].tolist() == list(range(16))
    assert set(before[128:].tolist()) == {31}
    assert before.diff().min() == 0
    assert relative_bucket(torch.arange(0, 9), 32, 128, False).tolist() == [0] * 9  # what follows is no concern of a decoder


def test_the_sinusoids_are_the_formula_s() -> None:
    table = sinusoidal_table(40, 12)
    for position in (0, 1, 17, 39):
        for i in range(6):
            angle = position / 10_000 ** (2 * i / 12)
            assert table[position, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[position, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_deepnorm_s_constants_are_those_of_the_paper_s_table() -> None:
    _, decoder = deep_constants(0, 12)
    assert decoder == (pytest.approx(24**0.25), pytest.approx(96**-0.25))
    encoder, decoder = deep_constants(6, 12)
    assert encoder == (pytest.approx(0.81 * (6**4 * 12) ** 0.0625), pytest.approx(0.87 * (6**4 * 12) ** -0.0625))
    assert decoder == (pytest.approx(36**0.25), pytest.approx(144**-0.25))


def test_deepnorm_s_first_weights(model_of: Callable[..., Any]) -> None:
    model = model_of({"layers": 8, "width": 128, "heads": 4}, norm_place="deep", norm="layer")
    weights = dict(model.named_parameters())
    xavier, beta = math.sqrt(2 / 256), 64**-0.25
    for name, gain in (("q", 1.0), ("k", 1.0), ("v", beta), ("o", beta)):
        deviation = weights[f"layers.3.self_attn.inner.{name}_proj.weight"].std().item()
        assert deviation == pytest.approx(xavier * gain, rel=0.05)
    assert model.norm is None
    assert {layer.mlp.alpha for layer in model.layers} == {16**0.25}


@pytest.mark.parametrize("place", ["pre", "post", "sandwich", "deep"])
def test_where_a_norm_stands(place: Any, model_of: Callable[..., Any]) -> None:
    branch = model_of(norm_place=place).layers[0].mlp
    for weight in branch.parameters():
        torch.nn.init.uniform_(weight, 0.2, 0.4)
    x = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))

    def norm(value: torch.Tensor, module: Any) -> torch.Tensor:
        return value / (value.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * module.weight

    if place == "pre":
        expected = x + branch.inner(norm(x, branch.before))
    elif place == "sandwich":
        expected = x + norm(branch.inner(norm(x, branch.before)), branch.after)
    else:
        alpha = 4**0.25 if place == "deep" else 1.0
        expected = norm(alpha * x + branch.inner(x), branch.stream)
    torch.testing.assert_close(branch(x)[0], expected)


def test_the_embedding_s_gradient_shrinks_and_nothing_else(model_of: Callable[..., Any], ids: torch.Tensor) -> None:
    """GLM-130B's formula gives the same value and gradient: x · alpha + x.detach() · (1 - alpha)."""
    found = []
    for share in (1.0, 0.1):
        model = model_of({"tied_embeddings": False}, positions="learned", embedding_gradient=share)
        losses = model(ids, ids.roll(-1, 1))
        losses.mean().backward()
        found.append((losses.detach(), {name: weight.grad for name, weight in model.named_parameters()}))
    (expected, whole), (losses, shrunk) = found
    assert torch.equal(losses, expected)
    torch.testing.assert_close(shrunk.pop("embed_tokens.weight"), 0.1 * whole.pop("embed_tokens.weight"))
    assert all(torch.equal(shrunk[name], gradient) for name, gradient in whole.items())


# --------------------------------------------------------------------------------------------------------------- experts


def test_the_balance_loss_is_mixtral_s() -> None:
    logits = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    probabilities = logits.softmax(dim=-1)
    for top in (1, 2, 3):
        theirs = load_balancing_loss_func((logits,), 8, top)
        torch.testing.assert_close(balance_loss(probabilities, probabilities.topk(top).indices), theirs)


def test_balance_is_least_where_all_experts_are_used_alike_and_most_where_one_is() -> None:
    even = torch.full((8, 4), 0.25)
    assert balance_loss(even, torch.arange(8)[:, None] % 4).item() == pytest.approx(1.0)
    one = torch.eye(4)[torch.zeros(8, dtype=torch.long)]
    assert balance_loss(one, torch.zeros(8, 1, dtype=torch.long)).item() == pytest.approx(4.0)


def test_one_expert_keeps_its_probability_and_two_share_one() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.2]])
    assert weights_of(probabilities, 1)[0].tolist() == [[0.5]]
    assert weights_of(probabilities, 2)[0].tolist() == [pytest.approx([0.625, 0.375])]
    assert weights_of(probabilities, 2)[1].tolist() == [[0, 1]]


def test_the_z_loss() -> None:
    assert z_loss(torch.zeros(5, 8)).item() == pytest.approx(math.log(8) ** 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2, unique=True), min_size=1, max_size=30), st.integers(1, 8))
def test_an_expert_takes_the_first_that_fit(chosen: list[list[int]], capacity: int) -> None:
    left, expected = dict.fromkeys(range(4), capacity), []
    for row in chosen:
        expected.append([])
        for expert in row:
            expected[-1].append(left[expert] > 0)
            left[expert] -= 1
    assert within_capacity(torch.tensor(chosen), 4, capacity).tolist() == expected


def test_experts_are_the_weighted_sum_and_the_overflow_passes_by() -> None:
    activation: Any
    torch.manual_seed(0)
    x = torch.randn(2, 10, 16)
    for capacity, activation in ((None, "swiglu"), (0.5, "relu"), (4.0, "geglu")):
        experts = Experts(ExpertsConfig(count=4, top=2, capacity=capacity), activation, 16, 32, True)
        alone = [FeedForward(activation, 16, 32, True) for _ in range(4)]
        for name, weight in experts.experts.named_parameters():
            torch.nn.init.normal_(weight, std=0.3)
            for own, module in zip(weight, alone, strict=True):
                module.get_parameter(name).data = own.data
        torch.nn.init.normal_(experts.router.weight)
        y, _ = experts(x)
        room = {number: 20 if capacity is None else int(capacity * 40 / 4) for number in range(4)}
        passed_by = 0
        for row, out in zip(x.flatten(0, 1), y.flatten(0, 1), strict=True):
            weights, chosen = weights_of((row @ experts.router.weight.T).softmax(-1)[None], 2)
            expected = torch.zeros(16)
            for weight, number in zip(weights[0], chosen[0].tolist(), strict=True):
                if room[number]:
                    room[number] -= 1
                    expected = expected + weight * alone[number](row)
                else:
                    passed_by += 1
            torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)
        assert (passed_by > 0) == (capacity == 0.5)


def test_the_balance_loss_moves_the_router_and_not_the_loss_that_is_told(
    model_of: Callable[..., Any], ids: torch.Tensor
) -> None:
    gradients, losses = [], []
    for balance in (0.0, 0.5):
        model = model_of(experts=ExpertsConfig(count=4, top=2, balance=balance))
        loss = model(ids, ids.roll(-1, 1))
        losses.append(loss.detach())
        loss.mean().backward()
        gradients.append(model.layers[0].mlp.inner.router.weight.grad)
        assert all(weight.grad is not None for weight in model.parameters())
    assert torch.equal(*losses)
    assert (gradients[0] - gradients[1]).abs().max() > 1e-3


@pytest.mark.parametrize("shape", ["causal", "encoder_decoder"])
def test_the_router_s_losses_weigh_as_much_as_they_say(shape: Any, model_of: Callable[..., Any], ids: torch.Tensor) -> None:
    """Beside the mean of all places' losses, whatever share of them the decoder has."""
    both = {"shape": shape, "source": 0.75, "objectives": ObjectivesConfig(prefix=1.0)} if shape != "causal" else {}
    layout = torch.zeros(2, 3, ids.shape[1], dtype=torch.int64)
    layout[:, 0, :9] = 1
    seen: list[torch.Tensor] = []
    gradients = []
    for weight in (0.0, 0.5):
        model = model_of({"layers": 1}, experts=ExpertsConfig(count=4, balance=0.0, z_loss=weight), **both)
        experts = model.layers[-1].mlp.inner
        experts.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach()))
        (model(ids, ids.roll(-1, 1), layout if both else None).sum() / ids.numel()).backward()
        gradients.append(experts.router.weight.grad)
    logits = seen[-1].flatten(0, 1) @ experts.router.weight.T
    expected = torch.autograd.grad(0.5 * z_loss(logits), experts.router.weight)[0]
    torch.testing.assert_close(gradients[1] - gradients[0], expected, atol=1e-5, rtol=1e-3)


def test_training_for_balance_evens_out_a_router_that_prefers_one() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 16) + 1.0
    experts = Experts(ExpertsConfig(count=4, top=1, balance=1.0), "gelu", 16, 32, False)
    for weight in experts.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    with torch.no_grad():
        experts.router.weight[0] += 0.3
    optimizer = torch.optim.SGD([experts.router.weight], lr=0.3)
    most = []
    for _ in range(100):
        _, extra = experts(x)
        most.append((x @ experts.router.weight.T).argmax(dim=-1).bincount(minlength=4).max().item())
        extra.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert most[0] > 50
    assert most[-1] < 26  # 16 would be even
