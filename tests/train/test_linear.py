from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from curator.train import linear
from curator.train.linear import Linear

LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "rows": lambda x: x,
    "transposed": lambda x: x.transpose(0, -2),
    "every other": lambda x: x.repeat_interleave(2, dim=-1)[..., ::2],
    "repeated": lambda x: x[..., :1, :].expand_as(x),
}


@pytest.fixture
def however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "SMALL", 1)


def both(layer: Linear, x: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Result and gradients of the layer and of F.linear."""
    found = []
    for forward in (layer, lambda x: F.linear(x, layer.weight, layer.bias)):
        given = x.detach().requires_grad_()
        y = forward(given)
        weights = torch.linspace(-1, 1, max(1, y.numel()))[: y.numel()].view_as(y).to(y.dtype)
        found.append((y, *torch.autograd.grad((y * weights).sum(), [given, *layer.parameters()])))
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=3),
    st.integers(1, 40),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from(list(LAYOUTS)),
)
@pytest.mark.usefixtures("however_small")
def test_it_equals_torchs_in_every_shape_and_layout(rows: list[int], inner: int, outer: int, bias: bool, layout: str) -> None:
    torch.manual_seed(0)
    layer = Linear(inner, outer, bias=bias)
    x = LAYOUTS[layout](torch.randn(*rows, inner))
    for mine, torchs in zip(*both(layer, x), strict=True):
        torch.testing.assert_close(mine, torchs, atol=1e-5, rtol=1e-5)


def test_large_products_are_not_torchs_and_the_same_each_time() -> None:
    assert linear.PRODUCT is not None or not torch.backends.mkldnn.is_available()
    torch.manual_seed(0)
    layer, x = Linear(256, 192), torch.randn(4, 64, 256, requires_grad=True)
    first = layer(x)
    assert ("_Product" in type(first.grad_fn).__name__) == (linear.PRODUCT is not None)
    assert all(torch.equal(layer(x), first) for _ in range(5))
    for mine, torchs in zip(*both(layer, x), strict=True):
        torch.testing.assert_close(mine, torchs, atol=1e-4, rtol=1e-5)


def test_only_gradients_that_are_wanted_are_computed() -> None:
    layer, x = Linear(256, 192), torch.randn(64, 256)
    layer.weight.requires_grad_(False)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    torch.testing.assert_close(layer.bias.grad, torch.full((192,), 64.0))


@pytest.mark.usefixtures("however_small")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_torchs(dtype: torch.dtype) -> None:
    layer, x = Linear(8, 6).to(dtype), torch.randn(5, 8, dtype=dtype)
    for mine, torchs in zip(*both(layer, x), strict=True):
        assert torch.equal(mine, torchs)


@pytest.mark.usefixtures("however_small")
def test_autocast_casts_it() -> None:
    layer, x = Linear(8, 6), torch.randn(5, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    assert isinstance(layer, nn.Linear)
    assert set(layer.state_dict()) == {"weight", "bias"}
