"""Who sees whom: found by changing a token and looking at whose logits change, and beside masks written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from curator.train.architectures import sight
from curator.train.architectures.config import ExpertsConfig, ObjectivesConfig, PatternConfig
from curator.train.architectures.positions import relative_bucket

LENGTH = 24
BLOCKS = PatternConfig(kind="blocks", block=4, near=2, first=1, stride=3)
PATTERNS = {
    "full": PatternConfig(),
    "window": PatternConfig(kind="window", window=5),
    "blocks": BLOCKS,
    "alternating": PatternConfig(kind="window", window=3, full_every=2),
}


def reached(model: Any, ids: Tensor, layout: Tensor | None = None, targets: Tensor | None = None) -> Tensor:
    """(length x length): does the output at a row change with the token of a column."""
    before = model(ids, targets, layout)
    found = torch.zeros(ids.shape[1], ids.shape[1], dtype=torch.bool)
    for column in range(ids.shape[1]):
        changed = ids.clone()
        changed[:, column] = (changed[:, column] + 7) % 50
        difference = (model(changed, targets, layout) - before).abs().unflatten(1, (ids.shape[1], 1)).flatten(2)
        found[:, column] = difference.amax(dim=(0, 2)) > 1e-6
    return found


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("positions", ["rope", "learned", "relative", "alibi"])
def test_no_token_sees_what_follows(
    pattern: str, kv_heads: int, positions: Any, model_of: Callable[..., Any], ids: Tensor
) -> None:
    model = model_of({"kv_heads": kv_heads}, pattern=PATTERNS[pattern], positions=positions)
    seen = reached(model, ids)
    assert not seen.triu(1).any()
    assert seen.diagonal().all()
    if pattern in ("full", "alternating"):
        assert seen.tril().sum() == LENGTH * (LENGTH + 1) / 2


def test_nor_with_experts_that_are_full(model_of: Callable[..., Any], ids: Tensor) -> None:
    model = model_of(experts=ExpertsConfig(count=4, top=2, capacity=0.5))
    assert not reached(model, ids[:1]).triu(1).any()


@pytest.mark.parametrize("pattern", ["window", "blocks"])
def test_one_layer_reaches_what_the_pattern_says(pattern: str, model_of: Callable[..., Any], ids: Tensor) -> None:
    model = model_of({"layers": 1}, pattern=PATTERNS[pattern])
    expected = torch.zeros(LENGTH, LENGTH, dtype=torch.bool)
    for q in range(LENGTH):
        for k in range(q + 1):
            blocks = q // 4 - k // 4 < 2 or k // 4 == 0 or k // 4 % 3 == 2
            expected[q, k] = q - k < 5 if pattern == "window" else blocks
    assert torch.equal(reached(model, ids), expected)


def test_a_window_of_two_layers_reaches_twice_as_far(model_of: Callable[..., Any], ids: Tensor) -> None:
    seen = reached(model_of(pattern=PATTERNS["window"]), ids)
    assert torch.equal(seen, torch.ones(LENGTH, LENGTH).tril().triu(-8).bool())


@pytest.mark.parametrize("positions", ["rope", "learned", "relative", "alibi", "none"])
def test_a_prefix_sees_all_of_itself_and_nothing_behind(positions: Any, model_of: Callable[..., Any], ids: Tensor) -> None:
    model = model_of(shape="prefix", positions=positions, objectives=ObjectivesConfig(prefix=1.0))
    layout = torch.zeros(2, 3, LENGTH, dtype=torch.int64)
    layout[:, 0, :10] = 1
    layout[:, 1] = torch.arange(LENGTH)
    expected = torch.ones(LENGTH, LENGTH).tril().bool()
    expected[:10, :10] = True
    assert torch.equal(reached(model, ids, layout), expected)
    assert torch.equal(reached(model, ids), torch.ones(LENGTH, LENGTH).tril().bool())  # without one: text


def test_an_encoder_sees_its_source_and_the_decoder_all_of_it(model_of: Callable[..., Any], ids: Tensor) -> None:
    window = PatternConfig(kind="window", window=3)
    for pattern in (PatternConfig(), window):
        model = model_of(shape="encoder_decoder", source=0.5, objectives=ObjectivesConfig(prefix=1.0), pattern=pattern)
        layout = torch.zeros(2, 3, LENGTH, dtype=torch.int64)
        layout[:, 0, :9] = 1  # of 12: the rest is padding, some of it further away than the window
        targets = ids.roll(-1, 1)
        seen = reached(model, ids, layout, targets)
        assert not seen[:12].any()  # the source has no loss
        decoder = torch.ones(12, 12).tril()
        assert torch.equal(seen[12:, 12:], (decoder if pattern.kind == "full" else decoder.triu(-4)).bool())
        assert seen[12:, :9].all()
        assert not seen[12:, 9:12].any()
        model(ids, targets, layout).sum().backward()
        assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


@pytest.mark.parametrize("pattern", ["full", "window"])
@pytest.mark.parametrize("positions", ["rope", "relative", "alibi", "none"])
def test_documents_are_apart(pattern: str, positions: Any, model_of: Callable[..., Any], ids: Tensor) -> None:
    model = model_of(pattern=PATTERNS[pattern], positions=positions)
    documents = (torch.arange(LENGTH) >= 11).long().expand(2, -1)
    together = model(ids, None, documents)
    torch.testing.assert_close(together[:, :11], model(ids[:, :11]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together[:, 11:], model(ids[:, 11:]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("ruled", ["causal and a window", "prefix", "bias alone"])
def test_flexattention_gives_what_the_matrix_gives(ruled: str) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, heads, 128, 16, generator=generator) for heads in (4, 2, 2))
    slopes = torch.tensor([0.5, 0.25, 0.1, 0.01])
    source = torch.arange(128).expand(2, -1) < torch.tensor([[30], [64]])
    rules = {
        "causal and a window": [sight.causal, *sight.pattern(PATTERNS["window"])],
        "prefix": [sight.prefix(source), *sight.pattern(BLOCKS)],
        "bias alone": [],
    }[ruled]
    bias = None if ruled == "prefix" else lambda batch, head, q, k: -slopes[head] * (q - k).abs()
    found = []
    for blocks in (False, True):
        looks = sight.look(rules, bias, (2, 4, 128, 128), torch.device("cpu"), blocks)
        found.append(sight.attend(q, k, v, looks))
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-5)


def test_the_gradient_of_relative_biases_is_the_matrix_s_in_flexattention_too() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 4, 128, 16, generator=generator) for _ in range(3))
    gradients = []
    for blocks in (False, True):
        table = torch.linspace(-1, 1, 32 * 4).view(32, 4).requires_grad_()

        def bias(batch: Any, head: Any, q: Any, k: Any, table: Tensor = table) -> Any:
            return table[relative_bucket(k - q, 32, 64, False), head]

        looks = sight.look([sight.causal], bias, (2, 4, 128, 128), torch.device("cpu"), blocks)
        sight.attend(q, k, v, looks).square().sum().backward()
        gradients.append(table.grad)
    assert gradients[0] is not None
    assert gradients[0].abs().max() > 0.1
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


def test_flexattention_leaves_out_the_blocks_that_nobody_sees() -> None:
    window, far = PatternConfig(kind="window", window=64), PatternConfig(kind="blocks", block=128, near=1, first=1)
    for pattern, seen in ((window, 8 + 7), (far, 8 + 7), (PatternConfig(), 36)):
        rules = [sight.causal, *sight.pattern(pattern), sight.within(torch.zeros(1, 1024))]
        looks = sight.look(rules, None, (1, 4, 1024, 1024), torch.device("cpu"), True)
        assert looks.mask.sparsity() == pytest.approx(100 * (1 - seen / 64))


def test_plain_causal_attention_needs_no_matrix() -> None:
    looks = sight.look([sight.causal], None, (1, 4, 8, 8), torch.device("cpu"))
    assert looks.is_causal
    assert looks.mask is None
