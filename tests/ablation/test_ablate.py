"""An ablation from two recipes to a table: what is equal between the arms, what is left out, and a corpus that must lose."""

import random

import numpy as np
import orjson
import pyarrow as pa
import pytest
import torch
from typer.testing import CliRunner

from curator.ablation import held_out
from curator.ablation.arms import AblationError
from curator.ablation.held_out import take
from curator.ablation.judge import losses
from curator.cli import app
from curator.train import evaluate

SYLLABLES = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜金生丽水玉出昆冈"
SIZES = "layers: 1, width: 32, heads: 2, init_std: 0.15, tied_embeddings: true"
TRAIN = f"""
model: {{{SIZES}}}
optimizer: {{lr: 2e-2, warmup: 5}}
steps: 60
batch_tokens: 512
micro_batch: 8
eval_every: 0
checkpoint_every: 0
"""


def sentence(draw):
    """A language of its own: after each character one of three follows."""
    at, said = draw.randrange(len(SYLLABLES)), ""
    for _ in range(150):
        said += SYLLABLES[at]
        at = (at * 7 + draw.randrange(3)) % len(SYLLABLES)
    return said + "。"


@pytest.fixture(scope="module")
def ablated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation")
    draw = random.Random(0)
    clean = [sentence(draw) for _ in range(300)]
    noise = ["".join(draw.choices(SYLLABLES, k=150)) + "！！！！！" for _ in range(300)]
    held = [sentence(draw) for _ in range(30)]
    rows = [{"text": text} for pair in zip(clean, noise) for text in pair] + [{"text": held[0]}]
    (folder / "web.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    (folder / "held.jsonl").write_bytes(b"\n".join(orjson.dumps({"text": text}) for text in held))
    (folder / "words.yaml").write_text("size: 400\nspecial: ['<|end|>']\nsample_bytes: 1000000\n")
    (folder / "train.yaml").write_text(TRAIN)
    rule = f"noise: {{metric: phrases, list: {folder}/noise.txt, max: 0}}"
    (folder / "filter.yaml").write_text(f"document:\n  {rule}\n")
    (folder / "noise.txt").write_text("！！！！！\n")
    for name, stages in (("raw", "[]"), ("filtered", f"[{{filter: {folder}/filter.yaml}}]")):
        (folder / f"{name}.yaml").write_text(
            f"name: {name}\nsources:\n  web: {{read: jsonl, from: {folder}/web.jsonl}}\nstages: {stages}\n"
            f"tokenize: {{tokenizer: {folder}/words.yaml, sequence_length: 64}}\noutput: unused\n"
        )
    said = run(folder)
    return folder, said


def run(folder, *more):
    arguments = ["ablate", f"{folder}/raw.yaml", f"{folder}/filtered.yaml", "--train", f"{folder}/train.yaml"]
    arguments += ["--validation", f"held={folder}/held.jsonl", "--output", f"{folder}/out", "--seeds", "2", "--on", "inline"]
    return CliRunner().invoke(app, [*arguments, *more])


def result(folder):
    return orjson.loads((folder / "out" / "ablation.json").read_bytes())


def test_the_arm_without_noise_wins(ablated):
    folder, said = ablated
    assert said.exit_code == 0, said.output
    (row,) = result(folder)["sets"]
    assert row["difference"] < 0
    assert "filtered − raw" in said.output
    assert "smoke test" in said.output


def test_arms_share_vocabulary_budget_and_seeds_and_say_their_epochs(ablated):
    folder, _ = ablated
    found = result(folder)
    raw, filtered = found["arms"]
    assert raw["tokenizer"] == filtered["tokenizer"]
    assert (raw["documents"], filtered["documents"]) == (601, 301)
    assert found["tokens"] == 60 * 512
    for arm in found["arms"]:
        assert arm["epochs"] == pytest.approx(60 * 512 / arm["shard_tokens"])
    assert len(list((folder / "out").glob("*/seed-[01]/checkpoints/step-00000060"))) == 4


def test_what_an_arm_has_read_is_not_judged_by(ablated):
    folder, said = ablated
    assert result(folder)["removed"] == {"held": 1}
    assert result(folder)["sets"][0]["documents"] == 29
    assert "29 documents; 1 more" in said.output


def test_run_again_it_does_nothing_anew_and_says_the_same(ablated):
    folder, _ = ablated
    before = result(folder)
    assert run(folder).exit_code == 0
    assert result(folder) == before


def test_losses_are_those_of_the_model_whatever_is_judged_beside(ablated):
    folder, _ = ablated
    trained = evaluate.load(str(folder / "out" / "raw" / "seed-0"), str(folder / "out" / "raw" / "tokens"))
    held = take("held", [pa.record_batch({"text": [sentence(random.Random(9)), "天地玄黄" * 40, "宇宙" * 100]})], 10)
    together = losses(trained, held)
    from tokenizers import Tokenizer

    words = Tokenizer.from_buffer(trained.shards.tokenizer())
    for number, text in enumerate(held.texts):
        ids = [trained.shards.eos, *words.encode(text, add_special_tokens=False).ids]
        alone = 0.0
        for at in range(0, len(ids) - 1, 64):
            part = torch.tensor([ids[at : at + 65]])
            with torch.no_grad():
                alone += float(torch.nn.functional.cross_entropy(trained.model(part[:, :-1])[0], part[0, 1:], reduction="sum"))
        assert together[number] == pytest.approx(alone, rel=1e-4)


def test_documents_of_a_set_are_drawn_by_their_text_alone():
    batches = [pa.record_batch({"text": [f"{n}" * 100 for n in range(20)]})]
    turned = [pa.record_batch({"text": [text]}) for text in reversed(batches[0].column("text").to_pylist())]
    assert take("x", batches, 5) == take("x", [*turned, *turned], 5)
    with pytest.raises(AblationError, match="no document of 100"):
        take("x", [pa.record_batch({"text": ["short"]})], 5)


def test_a_set_that_is_a_whole_dump_is_not_held_in_memory(monkeypatch):
    held, first = [], held_out._first
    monkeypatch.setattr(held_out, "_first", lambda found, most: held.append(len(found)) or first(found, most))
    take("x", (pa.record_batch({"text": [f"{n} " * 100]}) for n in range(200)), 5)
    assert max(held) <= 11


def test_slips_are_said(ablated):
    folder, _ = ablated
    assert "NAME=PATH" in run(folder, "--validation", "held").output
    assert np.isfinite(result(folder)["sets"][0]["by_documents"])
