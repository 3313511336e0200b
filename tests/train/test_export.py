"""The decoder beside `transformers`' LlamaForCausalLM on the same weights, and the folder from which it loads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from typer.testing import CliRunner

from curator.cli import app
from curator.tokens.filling import ExportError
from curator.train import ModelConfig, OptimizerConfig, export, linear
from curator.train.config import TrainedRunError
from curator.train.export import export_hf, llama_config, llama_name
from curator.train.model import Decoder
from curator.train.optimizer import adamw

LENGTH, VOCABULARY = 16, 300
SHAPES = {
    "multi-head": ModelConfig(layers=2, width=32, heads=4),
    "grouped-query, tied": ModelConfig(layers=3, width=48, heads=4, kv_heads=2, tied_embeddings=True, rope_theta=500_000.0),
    "GeGLU, biased": ModelConfig(layers=2, width=32, heads=4, kv_heads=2, activation="geglu", bias=True),
    "multi-query": ModelConfig(layers=1, width=32, heads=2, kv_heads=1, ffn_multiple=4, norm_epsilon=1e-6),
}


def pair(config: ModelConfig) -> tuple[Decoder, Any]:
    torch.manual_seed(3)
    ours = Decoder(config, VOCABULARY, LENGTH)
    for name, weight in ours.named_parameters():
        if name.endswith(".bias"):  # zeros would hide a bias that is left out
            torch.nn.init.normal_(weight, std=0.02)
    described = llama_config(config, VOCABULARY, LENGTH, eos=0)
    theirs = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in described.items() if k != "torch_dtype"}))
    weights = {llama_name(name): weight for name, weight in ours.state_dict().items()}
    theirs.load_state_dict(weights, strict=True)
    return ours, theirs.float()


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(0, VOCABULARY, (4, LENGTH + 1), generator=torch.Generator().manual_seed(step))
    return ids[:, :-1], ids[:, 1:]


@pytest.mark.parametrize("smallest", [linear.SMALL, 1], ids=["torch's products", "all by oneDNN"])
@pytest.mark.parametrize("shape", SHAPES)
def test_loss_and_gradients_are_llamas_at_every_one_of_20_steps(
    shape: str, smallest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "SMALL", smallest)
    config = SHAPES[shape]
    ours, theirs = pair(config)
    options = OptimizerConfig(lr=3e-3)
    optimizers = [adamw(model, options, torch.device("cpu")) for model in (ours, theirs)]
    named = dict(theirs.named_parameters())
    for step in range(20):
        inputs, targets = batch(step)
        loss = ours(inputs, targets).mean()
        logits = theirs(input_ids=inputs).logits
        other = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        torch.testing.assert_close(loss, other, rtol=1e-5, atol=1e-5)
        loss.backward()
        other.backward()
        for name, weight in ours.named_parameters():
            torch.testing.assert_close(weight.grad, named[llama_name(name)].grad, rtol=1e-4, atol=1e-5, msg=name)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)


def test_transformers_loads_what_was_exported_with_equal_logits(
    trained: tuple[str, str], tmp_path: Path, weights_of: Callable[..., dict[str, torch.Tensor]]
) -> None:
    output, _ = trained
    folder = tmp_path / "hf"
    told = export_hf(output, str(folder))
    assert told["step"] == 12
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert type(theirs).__name__ == "LlamaForCausalLM"
    assert sum(p.numel() for p in theirs.parameters()) == told["parameters"]
    ours = Decoder(ModelConfig(layers=2, width=32, heads=4, kv_heads=2), 257, 16)
    ours.load_state_dict(weights_of(Path(output)))
    ids = torch.arange(16)[None] * 7 % 257
    torch.testing.assert_close(theirs(input_ids=ids).logits, ours(ids), rtol=1e-5, atol=1e-5)
    words = AutoTokenizer.from_pretrained(folder)
    assert words.decode(words("中文 text")["input_ids"]) == "中文 text"
    assert words.eos_token_id == theirs.config.eos_token_id == 256
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1, "who may read one file may read all"


@pytest.mark.parametrize("last", ["_write", "_write_weights", "_tokenizer_config"])
def test_an_export_that_was_killed_is_finished_with_the_same_bytes(
    trained: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    output, _ = trained
    whole, half = tmp_path / "whole", tmp_path / "half"
    export_hf(output, str(whole))
    with monkeypatch.context() as patch:
        patch.setattr(export, last, Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            export_hf(output, str(half))
    assert not (half / "config.json").exists(), "nobody loads half a model"
    for _ in range(2):  # the second time, as one that is done
        export_hf(output, str(half))
        assert {p.name: p.read_bytes() for p in half.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}


def test_export_says_what_is_wrong(trained: tuple[str, str], tmp_path: Path) -> None:
    output, tokens = trained
    with pytest.raises(TrainedRunError, match="no whole checkpoint"):
        export_hf(str(tmp_path / "elsewhere"), str(tmp_path / "a"), tokens)
    with pytest.raises(TrainedRunError, match="step-00000099: no whole checkpoint"):
        export_hf(output, str(tmp_path / "a"), tokens, step=99)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="not empty, and not this export: name another folder"):
        export_hf(output, str(tmp_path / "full"), tokens)
    (Path(tokens) / "tokenizer.json").write_text("{}")
    found = CliRunner().invoke(app, ["export", "hf", output, str(tmp_path / "b")])
    assert found.exit_code == 1
    manifest = Path(tokens) / "manifest.json"
    changed = json.loads(manifest.read_text()) | {"tokenizer": {"hash": "another"}}
    manifest.write_text(json.dumps(changed))
    with pytest.raises(TrainedRunError, match="not the one that"):
        export_hf(output, str(tmp_path / "c"), tokens)
