"""The pretraining loop: token shards in, checkpoints and a loss by source out. The only part of curator that imports torch.

Read in this order: `config` (the YAML's options), `model` (the decoder) with `attention`, `data` (which sequences when),
`schedule` and `optimizer`, `loop`; then `device`, `mesh` and `parallel` (where it runs, and over how many ranks), `course`,
`checkpoint` and `identity` (what makes a resumed run the same run), `spikes`, `journal` and `board`. `budget` needs none.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from curator.train.config import ModelConfig, OptimizerConfig, TrainConfig

__all__ = ["ModelConfig", "OptimizerConfig", "TrainConfig", "train"]


def train(
    config: TrainConfig, shards_folder: str, output_folder: str, progress: Callable[[dict[str, Any]], None] | None = None
) -> dict[str, Any]:
    """Train, or go on training, on a folder of token shards; see `loop.train`. Torch is first imported here."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while they wait halve the speed of a busy machine
    try:
        import torch  # noqa: F401
    except ImportError:
        raise RuntimeError("training needs PyTorch, which is not installed: pip install torch") from None
    from curator.train import loop

    return loop.train(config, shards_folder, output_folder, progress)
