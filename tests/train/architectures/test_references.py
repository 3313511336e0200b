"""Whole models beside those of `transformers` on the same weights: logits, and with them every gradient's path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from curator.train.architectures.config import ExpertsConfig, ObjectivesConfig, PatternConfig, RopeScaling

VOCABULARY, LENGTH = 50, 24
Weights = dict[str, Tensor]


def disturbed(model: Any) -> Weights:
    """Random weights everywhere: gains of 1 and biases of 0 would hide one that is left out."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2 + (1.0 if weight.ndim == 1 else 0.0))
    return dict(model.state_dict())


def same(ours: Any, theirs: Any, weights: Weights, ids: Tensor) -> None:
    missing = ours.load_state_dict(weights, strict=True)
    assert not missing.missing_keys
    expected = theirs.eval()(input_ids=ids).logits
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(ids), expected, atol=2e-4, rtol=2e-4)


def llama_weights(theirs: Weights) -> Weights:
    found = {}
    for name, weight in theirs.items():
        name = name.removeprefix("model.")
        for was, becomes in (
            (".self_attn.", ".self_attn.inner."),
            (".mlp.", ".mlp.inner."),
            (".input_layernorm.", ".self_attn.before."),
            (".post_attention_layernorm.", ".mlp.before."),
        ):
            name = name.replace(was, becomes)
        found[name] = weight
    return found


@pytest.mark.parametrize(
    "scaling",
    [
        None,
        RopeScaling(kind="linear", factor=4, original_length=8),
        RopeScaling(kind="ntk", factor=3, original_length=8),
        RopeScaling(kind="yarn", factor=4, original_length=8),
        RopeScaling(kind="yarn", factor=8, original_length=512, fast=16, slow=2),
    ],
    ids=lambda scaling: f"{scaling.kind} {scaling.original_length}" if scaling else "unscaled",
)
def test_llama_and_its_scalings_of_rope(scaling: RopeScaling | None, model_of: Callable[..., Any], ids: Tensor) -> None:
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 100.0}
    if scaling and scaling.kind == "ntk":  # dynamic scaling at one length is the base that NTK gives: (f·L/M) - (f - 1) = 3
        rope["rope_theta"] = 100.0 * 3 ** (16 / 14)
    elif scaling:
        rope |= {"rope_type": scaling.kind, "factor": scaling.factor}
        rope |= {"original_max_position_embeddings": scaling.original_length}
        rope |= {"beta_fast": scaling.fast, "beta_slow": scaling.slow} if scaling.kind == "yarn" else {}
    theirs = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=64,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            rms_norm_eps=1e-5,
            rope_parameters=rope,
            max_position_embeddings=int(scaling.factor * scaling.original_length) if scaling else LENGTH,
        )
    )
    ours = model_of({"width": 64, "kv_heads": 2, "rope_theta": 100.0}, rope_scaling=scaling)
    same(ours, theirs, llama_weights(disturbed(theirs)), ids)


def test_mistral_s_window(model_of: Callable[..., Any], ids: Tensor) -> None:
    theirs = MistralForCausalLM(
        MistralConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=1,
            rms_norm_eps=1e-5,
            sliding_window=5,
        )
    )
    ours = model_of({"kv_heads": 1}, pattern=PatternConfig(kind="window", window=5))
    same(ours, theirs, llama_weights(disturbed(theirs)), ids)


def test_mixtral_s_experts(model_of: Callable[..., Any], ids: Tensor) -> None:
    theirs = MixtralForCausalLM(
        MixtralConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            num_local_experts=4,
            num_experts_per_tok=2,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            sliding_window=None,
        )
    )
    weights = {}
    for name, weight in llama_weights(disturbed(theirs)).items():
        if name.endswith("gate.weight"):
            weights[name.replace(".gate.", ".router.")] = weight
        elif name.endswith("experts.gate_up_proj"):
            stem, (gate, up) = name.removesuffix("gate_up_proj"), weight.chunk(2, dim=1)
            weights |= {f"{stem}gate_proj.weight": gate, f"{stem}up_proj.weight": up}
        elif name.endswith("experts.down_proj"):
            weights[f"{name}.weight"] = weight
        else:
            weights[name] = weight
    same(model_of({"kv_heads": 2}, experts=ExpertsConfig(count=4, top=2)), theirs, weights, ids)


def test_gpt2(model_of: Callable[..., Any], ids: Tensor) -> None:
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=4))
    given, weights = disturbed(theirs), {}
    names = {"wte": "embed_tokens", "wpe": "embed_positions", "ln_f": "norm"}
    inner = {"ln_1": "self_attn.before", "ln_2": "mlp.before", "attn.c_proj": "self_attn.inner.o_proj"}
    inner |= {"mlp.c_fc": "mlp.inner.up_proj", "mlp.c_proj": "mlp.inner.down_proj"}
    for name, weight in given.items():
        if name == "lm_head.weight":
            weights[name] = weight
            continue
        module, kind = name.removeprefix("transformer.").rsplit(".", 1)
        if module in names:
            weights[f"{names[module]}.{kind}"] = weight
            continue
        _, number, module = module.split(".", 2)
        if module == "attn.c_attn":
            for letter, part in zip("qkv", weight.chunk(3, dim=-1)):
                weights[f"layers.{number}.self_attn.inner.{letter}_proj.{kind}"] = part.T
        else:
            product = module.split(".")[-1].startswith("c_")  # GPT-2 keeps its matrices the other way round
            weights[f"layers.{number}.{inner[module]}.{kind}"] = weight.T if product else weight
    sizes = {"bias": True, "ffn_multiple": 4.0, "tied_embeddings": True}
    same(model_of(sizes, positions="learned", norm="layer", activation="gelu_tanh"), theirs, weights, ids)


@pytest.mark.parametrize("heads", [4, 6])
def test_bloom_s_alibi_and_embedding_norm(heads: int, model_of: Callable[..., Any], ids: Tensor) -> None:
    width = heads * 16
    theirs = BloomForCausalLM(BloomConfig(vocab_size=VOCABULARY, hidden_size=width, n_layer=2, n_head=heads))
    names = {"word_embeddings": "embed_tokens", "word_embeddings_layernorm": "embedding_norm", "ln_f": "norm"}
    inner = {"input_layernorm": "self_attn.before", "post_attention_layernorm": "mlp.before"}
    inner |= {"self_attention.dense": "self_attn.inner.o_proj"}
    inner |= {"mlp.dense_h_to_4h": "mlp.inner.up_proj", "mlp.dense_4h_to_h": "mlp.inner.down_proj"}
    weights = {}
    for name, weight in disturbed(theirs).items():
        if name == "lm_head.weight":
            weights[name] = weight
            continue
        module, kind = name.removeprefix("transformer.").rsplit(".", 1)
        if module in names:
            weights[f"{names[module]}.{kind}"] = weight
            continue
        _, number, module = module.split(".", 2)
        if module == "self_attention.query_key_value":  # by head: q, k, v
            parts = weight.view(heads, 3, 16, *weight.shape[1:])
            for place, letter in enumerate("qkv"):
                own = parts[:, place].reshape(width, *weight.shape[1:])
                weights[f"layers.{number}.self_attn.inner.{letter}_proj.{kind}"] = own
        else:
            weights[f"layers.{number}.{inner[module]}.{kind}"] = weight
    sizes = {"width": width, "heads": heads, "bias": True, "ffn_multiple": 4.0, "tied_embeddings": True}
    ours = model_of(sizes, positions="alibi", norm="layer", activation="gelu_tanh", embedding_norm=True)
    same(ours, theirs, weights, ids)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_t5(version: str, model_of: Callable[..., Any], ids: Tensor) -> None:
    gated = version == "1.1"
    options: dict[str, Any] = {"vocab_size": VOCABULARY, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_heads": 4}
    options |= {"num_layers": 3, "num_decoder_layers": 2, "dropout_rate": 0.0, "tie_word_embeddings": False}
    options |= {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 10, "layer_norm_epsilon": 1e-6}
    config = T5Config(**options, feed_forward_proj="gated-gelu" if gated else "relu")
    theirs = T5ForConditionalGeneration(config).eval()
    weights = {}
    for name, weight in disturbed(theirs).items():
        if name.endswith("embed_tokens.weight"):
            continue
        if name in ("shared.weight", "lm_head.weight"):
            weights[name.replace("shared", "embed_tokens")] = weight
            continue
        side, *rest = name.split(".")
        if rest[0] == "final_layer_norm":
            weights["norm.weight" if side == "decoder" else "encoder_norm.weight"] = weight
        elif rest[-2] == "relative_attention_bias":
            weights["relative.weight" if side == "decoder" else "encoder_relative.weight"] = weight
        else:
            _, number, _, place, module, *last = rest
            branch = {"SelfAttention": "self_attn", "EncDecAttention": "cross_attn", "DenseReluDense": "mlp"}
            branches = ("self_attn", "mlp") if side == "encoder" else ("self_attn", "cross_attn", "mlp")
            layer = f"layers.{int(number) + (3 if side == 'decoder' else 0)}"
            if module == "layer_norm":
                weights[f"{layer}.{branches[int(place)]}.before.weight"] = weight
                continue
            inner = {"wi_0": "gate_proj", "wi_1": "up_proj", "wi": "up_proj", "wo": "down_proj"}
            inner |= {letter: f"{letter}_proj" for letter in "qkvo"}
            scaled = weight * 8**0.5 if last[0] == "q" else weight  # T5 leaves 1 / sqrt(d) to the size of its queries
            weights[f"{layer}.{branch[module]}.inner.{inner[last[0]]}.weight"] = scaled
    ours = model_of(
        {"norm_epsilon": 1e-6, "ffn_multiple": 2.0},
        shape="encoder_decoder",
        encoder_layers=3,
        source=0.5,
        positions="relative",
        relative_buckets=8,
        relative_distance=10,
        activation="geglu_tanh" if gated else "relu",
        objectives=ObjectivesConfig(prefix=1.0),
    )
    weights["embed_tokens.weight"] = torch.cat((weights["embed_tokens.weight"], torch.zeros(3, 32)))  # the objective's own ids
    weights["lm_head.weight"] = torch.cat((weights["lm_head.weight"], torch.zeros(3, 32)))
    ours.load_state_dict(weights, strict=True)
    cut, given = 12, torch.tensor([12, 7])
    layout = torch.zeros(2, 3, 24, dtype=torch.int64)
    layout[:, 0, :cut] = torch.arange(cut) < given[:, None]
    expected = theirs(
        input_ids=ids[:, :cut], attention_mask=layout[:, 0, :cut], decoder_input_ids=ids[:, cut:], use_cache=False
    ).logits
    torch.testing.assert_close(ours(ids, None, layout)[..., :VOCABULARY], expected, atol=2e-4, rtol=2e-4)
