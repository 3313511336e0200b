"""The folder that `curator export hf` writes is fine-tuned with PEFT: ten LoRA steps on instruction pairs."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from curator.train.export import export_hf

PAIRS = [("2+2=", "4"), ("天空是", "蓝色"), ("red+blue=", "purple"), ("雪是", "白的")]
IGNORED = -100  # targets that transformers leaves out of the loss


def tensors(words, pair: tuple[str, str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Only the answer is learnt."""
    asked, answered = (words(text)["input_ids"] for text in pair)
    ids = torch.tensor([asked + answered])
    return ids, torch.tensor([[IGNORED] * len(asked) + answered])


def test_ten_lora_steps_teach_the_answers_and_leave_the_model_as_it_was(trained: tuple[str, str], tmp_path: Path) -> None:
    output, _ = trained
    export_hf(output, str(tmp_path / "hf"))
    words = AutoTokenizer.from_pretrained(tmp_path / "hf")
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "hf", dtype=torch.float32)
    before = {name: weight.clone() for name, weight in base.named_parameters()}
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "gate_proj", "down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(base, lora)
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=5e-2)
    batches = [tensors(words, pair) for pair in PAIRS]
    losses = []
    for _ in range(10):
        loss = torch.stack([model(input_ids=ids, labels=labels).loss for ids, labels in batches]).mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0] - 0.5, losses
    after = {
        name.replace("base_model.model.", "").replace(".base_layer", ""): weight for name, weight in model.named_parameters()
    }
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight, rtol=0, atol=0)
    model.save_pretrained(str(tmp_path / "adapter"))
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
