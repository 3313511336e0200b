"""`curator tokenizer`, `curator export` of shards, `curator trace`: from the command line to the files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer
from typer.testing import CliRunner

from curator.cli import app
from curator.tokens import vocabulary
from curator.tokens.draw import held_out, id_hashes

CHINESE = "人工智能的发展改变了许多行业，也带来了新的问题。研究人员正在讨论，如何让机器理解语言？"
ENGLISH = "The quick brown fox jumps over the lazy dog, and it's 2024 already."


def said(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "zh.txt").write_text("\n".join(f"{i}{CHINESE}" for i in range(60)), encoding="utf-8")
    rows = [json.dumps({"text": f"{i} {ENGLISH}"}) for i in range(60)]
    (folder / "en.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return folder


def test_a_vocabulary_is_trained_on_files(texts, tmp_path):
    recipe = tmp_path / "small.yaml"
    recipe.write_text("size: 400\nspecial: ['<|endoftext|>', '<pad>']\nweights: {zh.txt: 1, en.jsonl: 1}\nsample_bytes: 4 kB\n")
    out = said("tokenizer", "train", recipe, f"{texts}/*", "--to", tmp_path / "made")
    assert "400 ids, from " in out
    words = vocabulary.load(str(tmp_path / "made" / "tokenizer.json"))
    assert (words.size, words.eos, words.encoder) == (400, 0, "fastokens")
    training = json.loads((tmp_path / "made" / "training.json").read_text())
    assert training["bytes_by_source"] == {"en.jsonl": 2000, "zh.txt": 2000}
    assert training["sha256"] == words.hash
    said("tokenizer", "train", recipe, f"{texts}/zh.txt", f"{texts}/en.jsonl", "--to", tmp_path / "again")
    again, made = (tmp_path / name / "tokenizer.json" for name in ("again", "made"))
    assert again.read_bytes() == made.read_bytes()


def test_the_recipe_may_name_its_corpus(texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("zh.yaml").write_text("size: 300\ncorpus: texts/zh.txt\n")
    said("tokenizer", "train", "zh.yaml")
    assert Tokenizer.from_file("zh/tokenizer.json").get_vocab_size() == 300
    Path("zh.yaml").write_text("size: 310\ncorpus: texts/zh.txt\n")
    assert "zh/training.json is there already" in said("tokenizer", "train", "zh.yaml", code=1)
    said("tokenizer", "train", "zh.yaml", "--replace")
    assert Tokenizer.from_file("zh/tokenizer.json").get_vocab_size() == 310
    Path("none.yaml").write_text("size: 300\n")
    assert "name documents to learn from" in said("tokenizer", "train", "none.yaml", code=1)
    Path("far.yaml").write_text("size: 300\nweights: {books: 1}\n")
    assert "no document with text" in said("tokenizer", "train", "far.yaml", "texts/zh.txt", code=1)


def test_the_shipped_recipe_learns_from_the_run_of_its_pipeline(run, tmp_path, monkeypatch):
    """By the weights of that run's mixture, unless the recipe has its own."""
    output = Path(run("concatenate"))
    (output / "summary.json").write_text("{}")  # as a finished run leaves one
    monkeypatch.chdir(tmp_path)
    refused = said("tokenizer", "train", "tokenizers/zh_en_4k.yaml", code=1)
    assert "nothing matches 'runs/quickstart', which the recipe has as its corpus" in refused
    Path("runs").mkdir()
    Path("runs/quickstart").symlink_to(output)
    said("tokenizer", "train", "tokenizers/zh_en_4k.yaml")
    training = json.loads(Path("zh_en_4k/training.json").read_text())
    manifest = json.loads((output / "tokens" / "manifest.json").read_text())
    assert training["recipe"]["weights"] == manifest["mixture"]["weights"]


def test_documents_of_a_run_that_are_held_out_are_not_sampled(run, tmp_path):
    output = Path(run("concatenate"))
    (output / "summary.json").write_text("{}")  # as a finished run leaves one
    recipe = tmp_path / "r.yaml"
    recipe.write_text("size: 300\n")
    said("tokenizer", "train", recipe, output, "--to", tmp_path / "made")
    ids = [i for path in (output / "documents").iterdir() for i in pq.read_table(path).column("id").to_pylist()]
    kept = int((~held_out(id_hashes(ids), 0.1)).sum())
    assert kept < len(ids)
    assert json.loads((tmp_path / "made" / "training.json").read_text())["documents"] == kept


def test_a_vocabulary_is_extended_converted_and_compared(texts, tmp_path):
    recipe = tmp_path / "en.yaml"
    recipe.write_text("size: 320\n")
    said("tokenizer", "train", recipe, f"{texts}/en.jsonl", "--to", tmp_path / "en")
    base = tmp_path / "en" / "tokenizer.json"
    said("tokenizer", "extend", base, f"{texts}/zh.txt", "--size", "380", "--to", tmp_path / "both")
    assert pq.read_table(tmp_path / "both" / "new_tokens.parquet").num_rows == 380 - vocabulary.load(str(base)).size
    both = tmp_path / "both" / "tokenizer.json"
    pattern = said("tokenizer", "convert", both, tmp_path / "both.tiktoken").split("with the pattern ")[1].strip()
    said("tokenizer", "convert", tmp_path / "both.tiktoken", tmp_path / "back.json", "--pattern", pattern)
    fits = json.loads(
        said(
            "tokenizer", "compare", f"{texts}/*", "--json", *(f"--tokenizer={p}" for p in (base, both, tmp_path / "back.json"))
        )
    )
    assert [fit["source"] for fit in fits] == [name for name in ("en.jsonl", "zh.txt", "all") for _ in range(3)]
    per_token = [fit["characters_per_token"] for fit in fits]
    assert per_token[0] == per_token[1] == per_token[2]  # English is encoded as before
    assert per_token[3] < 0.5 < per_token[4] == per_token[5]
    assert fits[0]["utf8_bytes"] == sum(len(f"{i} {ENGLISH}") for i in range(60))
    table = said("tokenizer", "compare", f"{texts}/zh.txt", "--tokenizer", base)
    assert table.startswith("| source | tokenizer | ids |")
    assert "| zh.txt | en/tokenizer.json | 320 |" in table.replace(str(vocabulary.load(str(base)).size), "320")


def test_what_the_user_can_mend_is_one_sentence(texts, tmp_path):
    assert "there is no such tokenizer" in said("tokenizer", "compare", f"{texts}/*", "--tokenizer", "none.json", code=1)
    assert "size: 5 must be from" in said(
        "tokenizer", "extend", "x", f"{texts}/*", "--size", "5", "--to", tmp_path / "x", code=2
    )
    (tmp_path / "x.json").write_text("{}")
    assert "not a tokenizer" in said("tokenizer", "convert", tmp_path / "x.json", tmp_path / "y.json", code=1)


@pytest.mark.parametrize("kind", ["megatron", "nanotron", "olmo", "parquet"])
def test_shards_are_exported(run, tmp_path, kind):
    output = run("best_fit")
    assert "of train" in said("export", kind, output, tmp_path / "to")
    assert (tmp_path / "to" / "export.json").exists()
    assert "holds no finished token shards" in said("export", kind, tmp_path, tmp_path / "other", code=1)


def test_a_sequence_is_traced(run):
    output = run("concatenate")
    assert ".txt at " in said("trace", output, "0")
    pieces = json.loads(said("trace", output, "1", "--json", "--split", "validation"))
    assert sum(piece["length"] for piece in pieces) == 33
    assert "no sequence 100000 in train" in said("trace", output, "100000", code=1)
