"""Which architectures are models of `transformers`: Llama with scaled RoPE, Mistral's windows, Mixtral's experts, GPT-2; their
config.json, and the names of their weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from curator.train.architectures.config import ArchitectureConfig, ExpertsConfig, PatternConfig
from curator.train.config import ModelConfig, TrainedRunError

ACTIVATIONS = {
    "swiglu": "silu",
    "geglu": "gelu",
    "geglu_tanh": "gelu_pytorch_tanh",
    "gelu": "gelu",
    "gelu_tanh": "gelu_new",
    "relu": "relu",
}


def transformers_config(config: ModelConfig, llama: dict[str, Any]) -> dict[str, Any]:
    """The config.json, out of that of a Llama of the same sizes. Raises TrainedRunError for what `transformers` has no model
    of."""
    how = config.architecture
    assert how is not None
    if how.shape == "causal" and how.plain and how.norm_place == "pre" and not how.embedding_norm:
        if how.norm == "rms" and how.positions == "rope" and _activation(config) in ("swiglu", "geglu", "geglu_tanh"):
            found = _like_llama(config, how, llama)
        elif how.norm == "layer" and how.positions == "learned":
            found = _like_gpt2(config, how, llama)
        else:
            found = None
        if found is not None:
            return found
    raise TrainedRunError(
        "model.architecture: transformers has no model of these parts. It has causal decoders with RMSNorm before branches, "
        "RoPE and a gated layer (Llama; without biases Mistral, with a window in all layers, and Mixtral, with experts in all "
        "layers, two a token or more, without capacity), and with LayerNorm, learned positions and biases GPT-2"
    )


def _activation(config: ModelConfig) -> str:
    how = config.architecture
    return how.activation if how is not None and how.activation else config.activation


def _like_llama(config: ModelConfig, how: ArchitectureConfig, llama: dict[str, Any]) -> dict[str, Any] | None:
    found = {**llama, "hidden_act": ACTIVATIONS[_activation(config)]}
    if (scaling := how.rope_scaling) is not None:
        rope: dict[str, Any] = {"rope_type": scaling.kind, "factor": scaling.factor, "rope_theta": config.rope_theta}
        if scaling.kind == "ntk":  # another base and nothing else
            base = config.rope_theta * scaling.factor ** (config.head_width / max(1, config.head_width - 2))
            rope = {"rope_type": "default", "rope_theta": base}
        elif scaling.kind == "yarn":
            rope |= {"original_max_position_embeddings": scaling.original_length}
            rope |= {"beta_fast": scaling.fast, "beta_slow": scaling.slow}
        found |= {"rope_theta": rope["rope_theta"], "rope_parameters": rope}
        found |= {"rope_scaling": rope} if scaling.kind != "ntk" else {}  # version 4's name for it
    pattern, experts = how.pattern, how.experts
    if experts is None and pattern.kind == "full":
        return found
    if config.bias:
        return None
    if experts is None and pattern == PatternConfig(kind="window", window=pattern.window):
        return {**found, "architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": pattern.window}
    if pattern.kind == "full" and experts is not None and experts.top > 1 and experts.every == 1 and experts.capacity is None:
        return {**found, **_mixtral(experts)}
    return None


def _mixtral(experts: ExpertsConfig) -> dict[str, Any]:
    return {
        "architectures": ["MixtralForCausalLM"],
        "model_type": "mixtral",
        "num_local_experts": experts.count,
        "num_experts_per_tok": experts.top,
        "router_aux_loss_coef": experts.balance,
        "sliding_window": None,
    }


def _like_gpt2(config: ModelConfig, how: ArchitectureConfig, llama: dict[str, Any]) -> dict[str, Any] | None:
    plain = how.pattern.kind == "full" and how.experts is None and _activation(config) in ("gelu", "gelu_tanh", "relu")
    if not plain or not config.bias or config.key_heads != config.heads:
        return None
    shared = ("vocab_size", "tie_word_embeddings", "initializer_range", "bos_token_id", "eos_token_id", "pad_token_id")
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_positions": llama["max_position_embeddings"],
        "n_embd": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.ffn_width,
        "activation_function": ACTIVATIONS[_activation(config)],
        "layer_norm_epsilon": config.norm_epsilon,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        **{name: llama[name] for name in (*shared, "torch_dtype", "use_cache")},
    }


# ----------------------------------------------------------------------------------------------------------------- weights

LLAMA = {
    ".self_attn.inner.": ".self_attn.",
    ".self_attn.before.": ".input_layernorm.",
    ".mlp.inner.router.": ".block_sparse_moe.gate.",
    ".mlp.inner.": ".mlp.",
    ".mlp.before.": ".post_attention_layernorm.",
}
MIXTRAL = {"gate_proj": "w1", "up_proj": "w3", "down_proj": "w2"}
GPT2 = {
    "embed_tokens.": "wte.",
    "embed_positions.": "wpe.",
    "norm.": "ln_f.",
    "layers.": "h.",
    ".self_attn.inner.o_proj.": ".attn.c_proj.",
    ".self_attn.before.": ".ln_1.",
    ".mlp.inner.up_proj.": ".mlp.c_fc.",
    ".mlp.inner.down_proj.": ".mlp.c_proj.",
    ".mlp.before.": ".ln_2.",
}


def transformers_weights(weights: dict[str, Tensor], model_type: str) -> dict[str, Tensor]:
    return _gpt2(weights) if model_type == "gpt2" else _llama(weights)


def _llama(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    for name, weight in weights.items():
        stem, apart, matrix = name.partition(".mlp.inner.experts.")
        if apart:  # stacked here, one by one there
            at = f"model.{stem}.block_sparse_moe.experts"
            found |= {f"{at}.{n}.{MIXTRAL[matrix.split('.')[0]]}.weight": own for n, own in enumerate(weight)}
        else:
            found[name if name.startswith("lm_head.") else f"model.{_renamed(name, LLAMA)}"] = weight
    return found


def _gpt2(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    for name, weight in weights.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            weight = torch.cat([weights[name.replace(".q_proj.", f".{letter}_proj.")] for letter in "qkv"])
            name = name.replace(".self_attn.inner.q_proj.", ".attn.c_attn.")
        name = _renamed(name, GPT2)
        product = ".c_" in name and weight.ndim == 2  # GPT-2 keeps these the other way round
        found[name if name.startswith("lm_head.") else f"transformer.{name}"] = weight.t() if product else weight
    return found


def _renamed(name: str, names: dict[str, str]) -> str:
    """The first that is in it; of parts that follow one another, each."""
    for was, becomes in names.items():
        if was in name and (was.startswith(".") or name.startswith(was)):
            name = name.replace(was, becomes, 1)
    return name
