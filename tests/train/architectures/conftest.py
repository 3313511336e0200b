"""Small models of any architecture, and ids for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from curator.train.architectures.build import build_model
from curator.train.architectures.config import ArchitectureConfig
from curator.train.config import ModelConfig

VOCABULARY, LENGTH = 50, 24


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model_of() -> Callable[..., Any]:
    """`model_of(sizes, length=…, **architecture)`: on CPU, first weights of a fixed seed, large enough to matter."""

    def make(sizes: dict[str, Any] | None = None, length: int = LENGTH, **options: Any) -> Any:
        torch.manual_seed(0)
        shape = {"layers": 2, "width": 32, "heads": 4, "init_std": 0.2} | (sizes or {})
        return build_model(ModelConfig(**shape, architecture=ArchitectureConfig(**options)), VOCABULARY, length)

    return make


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (2, LENGTH), generator=torch.Generator().manual_seed(1))
