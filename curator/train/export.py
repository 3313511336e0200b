"""A checkpoint as a folder that Hugging Face's `transformers` loads: a LlamaForCausalLM, whose names our weights have already,
or what an architecture is there (`architectures.export`).

config.json  model.safetensors  generation_config.json  tokenizer.json  tokenizer_config.json  export.json
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from curator import storage
from curator.tokens.filling import filling
from curator.tokens.shards import TokenShards
from curator.train import checkpoint
from curator.train.architectures.build import build_model
from curator.train.architectures.export import transformers_config, transformers_weights
from curator.train.config import ModelConfig


def export_hf(output: str, folder: str, tokens: str | None = None, step: int | None = None) -> dict[str, Any]:
    """Write the newest whole checkpoint below `output`, or that of `step`, to `folder`; what was written comes back.

    `tokens` is the folder of token shards (default: `<output>/tokens`), for the tokenizer and the id that ends a document.
    Weights stay float32, as they were trained. An export of the same checkpoint is written again, and one that was killed
    is finished. Raises ShardError, TrainedRunError for a missing checkpoint, ExportError for a folder that holds anything else.
    """
    path, described = checkpoint.find(Path(output), step)
    shards = TokenShards(tokens or storage.join(output, "tokens"))
    checkpoint.check_shards(path, described, shards)
    config = checkpoint.model_config(described)
    hf = llama_config(config, shards.vocabulary_size, shards.sequence_length, shards.eos)
    if config.architecture is not None:
        hf = transformers_config(config, hf)
    model = build_model(config, shards.vocabulary_size, shards.sequence_length)
    checkpoint.load_weights(path, model)
    tokenizer, target = shards.tokenizer(), Path(folder)
    made = {"format": "hf", "tokenizer": shards.tokenizer_hash, "step": described["step"], "files": described["files"]}
    with filling(str(target), made):
        _write(target / "generation_config.json", {"eos_token_id": shards.eos, "do_sample": True})
        _write_weights(model, hf["model_type"], target / "model.safetensors")
        shutil.copymode(target / "generation_config.json", target / "model.safetensors")  # safetensors lets nobody else read it
        (target / "tokenizer.json").write_bytes(tokenizer)
        _write(target / "tokenizer_config.json", _tokenizer_config(json.loads(tokenizer), shards))
        _write(target / "config.json", hf)  # last: without it nobody loads the folder
    return {"checkpoint": str(path), "step": described["step"], "parameters": model.parameter_count(), "folder": str(target)}


def llama_config(config: ModelConfig, vocabulary_size: int, sequence_length: int, eos: int) -> dict[str, Any]:
    """What `transformers` needs to know of the shape, under the names of its LlamaConfig (version 4 and 5)."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary_size,
        "hidden_size": config.width,
        "intermediate_size": config.ffn_width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.key_heads,
        "head_dim": config.head_width,
        "hidden_act": "silu" if config.activation == "swiglu" else "gelu",
        "attention_bias": config.bias,
        "mlp_bias": config.bias,
        "rms_norm_eps": config.norm_epsilon,
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},  # version 5's name for it
        "max_position_embeddings": sequence_length,
        "initializer_range": config.init_std,
        "tie_word_embeddings": config.tied_embeddings,
        "bos_token_id": None,
        "eos_token_id": eos,
        "pad_token_id": None,
        "torch_dtype": "float32",
        "use_cache": True,
    }


def llama_name(name: str) -> str:
    """Ours lacks only the prefix of the body."""
    return name if name.startswith("lm_head.") else f"model.{name}"


def _write_weights(model: Any, kind: str, path: Path) -> None:
    from safetensors.torch import save_file

    weights: dict[str, Tensor] = model.state_dict()
    if model.config.tied_embeddings:
        del weights["lm_head.weight"]  # the embedding's own
    if model.config.architecture is None:
        weights = {llama_name(name): weight for name, weight in weights.items()}
    else:
        weights = transformers_weights(weights, kind)
    save_file({name: weight.contiguous() for name, weight in weights.items()}, path, metadata={"format": "pt"})


def _tokenizer_config(described: dict[str, Any], shards: TokenShards) -> dict[str, Any]:
    names = {number: name for name, number in described["model"]["vocab"].items() if number == shards.eos}
    names |= {token["id"]: token["content"] for token in described.get("added_tokens") or ()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": names.get(shards.eos),
        "model_max_length": shards.sequence_length,
        "clean_up_tokenization_spaces": False,
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
