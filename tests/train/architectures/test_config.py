from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from curator import config
from curator.config import ConfigError
from curator.train.architectures.build import build_model
from curator.train.architectures.config import ArchitectureConfig, ObjectivesConfig, PatternConfig, RopeScaling, restored
from curator.train.architectures.rows import special_ids
from curator.train.config import ModelConfig, TrainConfig, TrainedRunError

PRESETS = Path(__file__).parents[3] / "pipelines" / "train"

WRONG = {
    "shape: must be one of causal, prefix, encoder_decoder": {"shape": "decoder"},
    "objectives: language gives the encoder nothing to read": {"shape": "encoder_decoder"},
    "objectives: language alone never has a prefix": {"shape": "prefix"},
    "encoder_layers: must be at least 1, and of an encoder_decoder": {"encoder_layers": 2},
    "embedding_gradient: must be above 0, at most 1": {"embedding_gradient": 0.0},
    "source: must be between 0 and 1": {"source": 1.0},
    "rope_scaling: has no meaning with positions: alibi": {
        "positions": "alibi",
        "rope_scaling": RopeScaling(kind="ntk", factor=2, original_length=8),
    },
    "relative_buckets: must be a multiple of 4": {"relative_buckets": 30},
    "relative_distance: must be above half of the buckets": {"relative_distance": 16},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_is_said_in_words(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ArchitectureConfig(**WRONG[message])


def test_parts_too() -> None:
    with pytest.raises(ValueError, match="one of language, prefix, spans, blanks must be above 0"):
        ObjectivesConfig()
    with pytest.raises(ValueError, match="factor: must be at least 1"):
        RopeScaling(kind="yarn", factor=0.5, original_length=8)
    with pytest.raises(ValueError, match="window: must be at least 1"):
        PatternConfig(kind="window", window=0)


def test_options_of_the_run_that_do_not_fit() -> None:
    how = ArchitectureConfig(shape="prefix", objectives=ObjectivesConfig(prefix=1.0))
    with pytest.raises(ValueError, match="attention: documents is for the objective language alone"):
        TrainConfig(model=ModelConfig(architecture=how), attention="documents")
    with pytest.raises(TrainedRunError, match=r"model.architecture: its size is in the run.s first record; give a number"):
        ModelConfig(architecture=how).parameters(100)


def test_a_mistake_in_the_yaml_is_shown_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model:\n  architecture:\n    shape: causal\n    norm: batch\n")
    with pytest.raises(ConfigError, match=r"run.yaml:4.*norm: 'batch' is not one of 'rms', 'layer'"):
        config.build(TrainConfig, config.load(str(path)))


def preset(name: str) -> TrainConfig:
    return config.build(TrainConfig, config.load(str(PRESETS / f"{name}.yaml")))


# Ids and sequence as of what is reproduced, and its published size. Of GLM, BERT Base's 110 M with its 30,522 ids
SIZES: dict[str, tuple[int, int, Any]] = {
    "gpt2_124m": (50_257, 1024, 124_439_808),
    "gpt3_small": (50_257, 2048, 125_226_240),
    "llama_160m": (32_000, 2048, 162_417_408),
    "llama_1b": (32_000, 2048, 1_100_048_384),
    "t5_base": (32_128, 626, 247_577_856),
    "glm_base": (30_522, 512, pytest.approx(110e6, rel=0.02)),
}


@pytest.mark.parametrize("name", SIZES)
def test_presets_are_as_large_as_what_they_reproduce(name: str) -> None:
    ids, length, size = SIZES[name]
    run = preset(name)
    own = special_ids(run.model.architecture, length) if run.model.architecture else 0
    with torch.device("meta"):
        model = build_model(run.model, ids - own, length)
    assert model.parameter_count() == size
    assert model.flops_per_token() > 0
    assert run.batch_sequences(length) >= 128


@pytest.mark.parametrize("name", SIZES)
def test_a_checkpoint_s_description_gives_the_architecture_back(name: str) -> None:
    how = preset(name).model.architecture
    assert restored(dataclasses.asdict(how) if how else None) == how
