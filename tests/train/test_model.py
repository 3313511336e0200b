from __future__ import annotations

from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.train import linear
from curator.train.config import ModelConfig
from curator.train.model import Attention, Decoder, rotary_table, rotate

CONFIG = ModelConfig(layers=2, width=32, heads=4, kv_heads=2)


def decoder(config: ModelConfig = CONFIG, vocabulary: int = 50, length: int = 12, seed: int = 0) -> Decoder:
    torch.manual_seed(seed)
    return Decoder(config, vocabulary, length)


def random_ids(batch: int, length: int, vocabulary: int = 50, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, vocabulary, (batch, length), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_a_token_does_not_see_what_follows(kv_heads: int) -> None:
    model = decoder(ModelConfig(layers=2, width=32, heads=4, kv_heads=kv_heads))
    ids = random_ids(2, 12)
    before = model(ids)
    for position in range(1, 12):
        changed = ids.clone()
        changed[:, position:] = (changed[:, position:] + 7) % 50
        after = model(changed)
        torch.testing.assert_close(after[:, :position], before[:, :position], rtol=0, atol=1e-6)
        assert (after[:, position] - before[:, position]).abs().max() > 1e-4  # and the change itself is seen


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 40), st.integers(0, 40), st.integers(1, 60), st.sampled_from([100.0, 10_000.0, 500_000.0]), st.integers(0, 9)
)
def test_rotary_products_depend_on_the_distance_alone(q_at: int, k_at: int, shift: int, theta: float, seed: int) -> None:
    cos, sin = (table.double() for table in rotary_table(128, 16, theta))
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def product(i: int, j: int) -> float:
        return float(rotate(q, cos[i], sin[i]) @ rotate(k, cos[j], sin[j]))

    assert product(q_at, k_at) == pytest.approx(product(q_at + shift, k_at + shift), abs=1e-4)
    assert float(rotate(q, cos[q_at], sin[q_at]).norm()) == pytest.approx(float(q.norm()), rel=1e-5)


def test_rotary_turns_pairs_like_complex_numbers() -> None:
    cos, sin = rotary_table(8, 6, 100.0)
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    turned = rotate(x, cos, sin)
    for position in range(8):
        for pair in range(3):
            angle = torch.tensor(position * 100.0 ** (-2 * pair / 6))
            number = torch.complex(x[position, pair], x[position, pair + 3]) * torch.polar(torch.tensor(1.0), angle)
            torch.testing.assert_close(turned[position, [pair, pair + 3]], torch.view_as_real(number), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kv_heads", [1, 2])
def test_grouped_queries_equal_full_attention_with_repeated_heads(kv_heads: int) -> None:
    torch.manual_seed(0)
    grouped = Attention(ModelConfig(width=32, heads=4, kv_heads=kv_heads))
    full = Attention(ModelConfig(width=32, heads=4))
    repeats = 4 // kv_heads
    state = grouped.state_dict()
    for name in ("k_proj.weight", "v_proj.weight"):
        state[name] = state[name].view(kv_heads, 8, 32).repeat_interleave(repeats, dim=0).reshape(32, 32)
    full.load_state_dict(state)
    cos, sin = rotary_table(10, 8, 10_000.0)
    x = torch.randn(2, 10, 32)
    torch.testing.assert_close(grouped(x, cos, sin), full(x, cos, sin), atol=1e-6, rtol=1e-5)


def test_the_decoder_equals_a_slow_one_written_out() -> None:
    model = decoder()
    weights = model.state_dict()
    ids = random_ids(1, 7)[0]

    def norm(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-5) * gain

    x = weights["embed_tokens.weight"][ids]
    for layer in range(2):
        w = {k.removeprefix(f"layers.{layer}."): v for k, v in weights.items() if k.startswith(f"layers.{layer}.")}
        h = norm(x, w["input_layernorm.weight"])
        q, k, v = (h @ w[f"self_attn.{name}_proj.weight"].T for name in "qkv")
        cos, sin = rotary_table(7, 8, 10_000.0)
        heads = []
        for head in range(4):
            mine, theirs = slice(8 * head, 8 * head + 8), slice(8 * (head // 2), 8 * (head // 2) + 8)
            scores = rotate(q[:, mine], cos, sin) @ rotate(k[:, theirs], cos, sin).T / 8**0.5
            scores = scores.masked_fill(torch.ones(7, 7).triu(1).bool(), float("-inf"))
            heads.append(scores.softmax(dim=-1) @ v[:, theirs])
        x = x + torch.cat(heads, dim=-1) @ w["self_attn.o_proj.weight"].T
        h = norm(x, w["post_attention_layernorm.weight"])
        gate = h @ w["mlp.gate_proj.weight"].T
        x = x + (gate * gate.sigmoid() * (h @ w["mlp.up_proj.weight"].T)) @ w["mlp.down_proj.weight"].T
    logits = norm(x, weights["norm.weight"]) @ weights["lm_head.weight"].T
    torch.testing.assert_close(model(ids[None])[0], logits, atol=1e-5, rtol=1e-5)


def test_the_loss_is_the_cross_entropy_of_each_token() -> None:
    model = decoder()
    ids, targets = random_ids(3, 12), random_ids(3, 12, seed=1)
    expected = -F.log_softmax(model(ids), dim=-1).gather(-1, targets[..., None])[..., 0]
    torch.testing.assert_close(model(ids, targets), expected)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_the_parameter_count_is_the_sum_by_hand(tied: bool, bias: bool) -> None:
    config = ModelConfig(layers=3, width=64, heads=4, kv_heads=2, ffn_multiple=8 / 3, tied_embeddings=tied, bias=bias)
    assert config.ffn_width == 192  # 170.67, to the nearest multiple of 64
    matrices = 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 192
    vectors = 2 * 64 + (64 + 32 + 32 + 64 + 192 + 192 + 64 if bias else 0)
    expected = 3 * (matrices + vectors) + 64 + 100 * 64 * (1 if tied else 2)
    model = decoder(config, vocabulary=100)
    assert model.parameter_count() == config.parameters(100) == expected
    assert config.parameters_by_formula(100) == 100 * 64 + 12 * 64 * 64 * 3
    in_products = 3 * matrices + 100 * 64
    assert model.flops_per_token() == 6 * in_products + 12 * 3 * 64 * 12


def test_the_formula_is_exact_for_a_plain_decoder_but_for_its_gains() -> None:
    config = ModelConfig(layers=4, width=192, heads=4, tied_embeddings=True)  # 8/3 of 192 is a multiple of 64
    assert config.parameters(1000) - config.parameters_by_formula(1000) == (2 * 4 + 1) * 192


@pytest.mark.parametrize("smallest", [linear.SMALL, 1], ids=["torch's products", "all by oneDNN"])
@pytest.mark.parametrize("recompute", ["pointwise", "layers"])
def test_what_is_computed_again_gives_the_same_gradients(
    recompute: Literal["pointwise", "layers"], smallest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "SMALL", smallest)
    config = ModelConfig(layers=2, width=32, heads=4, kv_heads=2, activation="geglu", bias=True)
    models = [decoder(config)]
    torch.manual_seed(0)
    models.append(Decoder(config, 50, 12, recompute))
    kept = []
    for model in models:
        saved = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal saved
            saved += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            loss = model(random_ids(2, 12), random_ids(2, 12, seed=1)).mean()
        kept.append(saved)
        loss.backward()
    assert kept[1] < 0.7 * kept[0]
    for (name, mine), theirs in zip(models[0].named_parameters(), models[1].parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert torch.equal(mine.grad, theirs.grad), name


def test_the_initial_loss_is_that_of_a_uniform_guess_and_residual_layers_begin_smaller() -> None:
    model = decoder(ModelConfig(layers=8, width=128, heads=4), vocabulary=512, length=32)
    loss = model(random_ids(4, 32, 512), random_ids(4, 32, 512, seed=1)).mean()
    assert loss.item() == pytest.approx(torch.log(torch.tensor(512.0)).item(), abs=0.1)
    deviations = {name: float(w.detach().std()) for name, w in model.named_parameters() if w.ndim == 2}
    assert deviations["layers.3.self_attn.q_proj.weight"] == pytest.approx(0.02, rel=0.05)
    assert deviations["layers.3.self_attn.o_proj.weight"] == pytest.approx(0.02 / 4, rel=0.05)
    assert deviations["layers.3.mlp.down_proj.weight"] == pytest.approx(0.02 / 4, rel=0.05)


def test_the_names_of_the_weights_are_llamas() -> None:
    names = set(decoder(ModelConfig(layers=1, width=32, heads=4)).state_dict())
    attention = {f"layers.0.self_attn.{n}_proj.weight" for n in "qkvo"}
    mlp = {f"layers.0.mlp.{n}_proj.weight" for n in ("gate", "up", "down")}
    norms = {"layers.0.input_layernorm.weight", "layers.0.post_attention_layernorm.weight", "norm.weight"}
    assert names == attention | mlp | norms | {"embed_tokens.weight", "lm_head.weight"}
