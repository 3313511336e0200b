"""What is computed a second time: the same gradients out of less memory."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from curator.train.architectures.build import build_model
from curator.train.architectures.config import ArchitectureConfig, ExpertsConfig, ObjectivesConfig, PatternConfig
from curator.train.config import ModelConfig

MODELS: dict[str, dict[str, Any] | None] = {
    "the default decoder": None,
    "relative, experts": {"positions": "relative", "experts": ExpertsConfig(count=4, capacity=1.5)},
    "sandwich, window": {"norm_place": "sandwich", "pattern": PatternConfig(kind="window", window=5)},
    "encoder-decoder": {"shape": "encoder_decoder", "source": 0.5, "objectives": ObjectivesConfig(spans=1.0)},
}


class Held(TorchDispatchMode):
    """Counts the bytes of what is computed and still there."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.seen = 0, weakref.WeakSet[Any]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor) and tensor.untyped_storage() not in self.seen:
                storage = tensor.untyped_storage()
                self.seen.add(storage)
                self.bytes += storage.nbytes()
                weakref.finalize(storage, self._gone, storage.nbytes())
        return found

    def _gone(self, count: int) -> None:
        self.bytes -= count


def learned(name: str, recompute: Any) -> tuple[list[Tensor], Tensor, int]:
    """Gradients, losses, and the bytes that lay between forward and backward."""
    options = MODELS[name]
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"layers": 4, "width": 64, "heads": 4, "init_std": 0.1}
    sizes |= {"architecture": ArchitectureConfig(**options)} if options is not None else {}
    model = build_model(ModelConfig(**sizes), 50, 48, recompute)
    ids = torch.randint(0, 50, (4, 48))
    layout = torch.zeros(4, 3, 48, dtype=torch.int64)
    layout[:, 0, :20] = 1
    with Held() as held:
        losses = model(ids, ids.roll(-1, 1), layout if name == "encoder-decoder" else None)
        kept = held.bytes
    losses.mean().backward()
    return [weight.grad for weight in model.parameters() if weight.grad is not None], losses.detach(), kept


@pytest.mark.parametrize("name", MODELS)
def test_the_same_gradients_out_of_less_memory(name: str) -> None:
    expected, losses, most = learned(name, "none")
    for recompute, share in {"pointwise": 0.8, "layers": 0.35}.items():
        gradients, again, kept = learned(name, recompute)
        assert kept < share * most, f"{recompute}: {kept / most:.2f}"
        assert torch.equal(again, losses)
        assert all(torch.equal(one, other) for one, other in zip(gradients, expected, strict=True))
