from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from curator.config import ConfigError
from curator.engine.executor import Inline
from curator.tokens import packing, vocabulary
from curator.tokens.build import Tokenize, build, check
from curator.tokens.draw import held_out, id_hashes
from curator.tokens.mixture import Mixture, Part
from curator.tokens.shards import TokenShards

LENGTH = 32
MIXTURE = Mixture(budget=20_000, weights={"web": 0.5, "wiki": 0.3, "code": 0.2}, validation=0.1, seed=7)


@pytest.fixture
def tokenize(small_tokenizer) -> Tokenize:
    return Tokenize(tokenizer=small_tokenizer, sequence_length=LENGTH, shard_tokens=5000)


def texts_of(shards) -> dict[str, tuple[str, str | None, str]]:
    """id -> (text, language, source)"""
    found = {}
    for shard in shards:
        for row in pq.read_table(shard.path).to_pylist():
            found[row["id"]] = (row["text"] or "", row["language"], row["source"])
    return found


def digest(output: Path) -> str:
    """Of every file below tokens/, by name."""
    files = sorted((output / "tokens").iterdir())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def pieces_of(output: Path, split: str):
    """(index of the sequence, row of its shard's documents.parquet), in order."""
    first = 0
    for entry in TokenShards(str(output / "tokens"), split).shards:
        for row in pq.read_table(output / "tokens" / entry["documents"]["file"]).to_pylist():
            yield first + row["sequence"], row
        first += entry["sequences"]


def test_a_run_that_has_kept_nothing_is_told(tokenize, tmp_path):
    with pytest.raises(ValueError, match="no document is left"):
        build(tokenize, MIXTURE, [], str(tmp_path), Inline())


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("block_tokens", [packing.BLOCK_TOKENS, 3 * LENGTH])
def test_every_sequence_is_made_of_the_documents_it_names(corpus, tokenize, words, tmp_path, monkeypatch, split, block_tokens):
    monkeypatch.setattr(packing, "BLOCK_TOKENS", block_tokens)
    build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    documents = texts_of(corpus)
    shards = TokenShards(str(tmp_path / "tokens"), split)
    shards.verify()
    rebuilt: dict[int, list[int]] = {}
    starts: dict[int, list[int]] = {}
    for index, row in pieces_of(tmp_path, split):
        text, _, source = documents[row["document"]]
        ids = [*words.encode([text])[0].tolist(), words.eos]
        sequence = rebuilt.setdefault(index, [])
        assert row["start"] == len(sequence)
        assert row["length"] > 0
        sequence += ids[row["offset"] : row["offset"] + row["length"]]
        starts.setdefault(index, []).append(row["start"])
        assert source == shards.sources[shards.source_of(index)]
    assert len(shards) > 10
    for index in range(len(shards)):
        assert shards[index].tolist() == rebuilt[index]
        assert len(rebuilt[index]) == LENGTH + 1
        assert shards.starts_of(index).tolist() == starts[index]


def test_the_sequences_of_a_part_follow_each_other_and_pass_once_through_each_epoch(corpus, tokenize, words, tmp_path):
    mixture = Mixture(budget=60_000, weights={"code": 1.0}, max_epochs=3, validation=0.0)
    manifest = build(tokenize, mixture, corpus, str(tmp_path), Inline())
    shards = TokenShards(str(tmp_path / "tokens"))
    stream = [int(shards[0][0])]
    for index in range(len(shards)):
        assert shards[index][0] == stream[-1]
        stream += shards[index][1:].tolist()
    texts = [text for text, _, source in texts_of(corpus).values() if source == "code" and text]
    once = sorted([*words.encode([text])[0].tolist(), words.eos] for text in texts)
    tokens = sum(map(len, once))
    passes = []
    for epoch in range(2):
        ids = stream[epoch * tokens : (epoch + 1) * tokens]
        ends = [i + 1 for i, token in enumerate(ids) if token == words.eos]
        passes.append([ids[a:b] for a, b in zip([0, *ends], ends)])
    assert sorted(passes[0]) == sorted(passes[1]) == once
    assert passes[0] != passes[1]
    assert manifest["parts"][0]["epochs"] <= 3
    assert len(stream) <= 3 * tokens
    assert "3 epochs" in manifest["shortages"][0]


def test_no_document_of_validation_is_trained_on(corpus, tokenize, tmp_path):
    build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    train = {row["document"] for _, row in pieces_of(tmp_path, "train")}
    validation = {row["document"] for _, row in pieces_of(tmp_path, "validation")}
    assert train
    assert validation
    assert not held_out(id_hashes(train), 0.1).any()
    assert held_out(id_hashes(validation), 0.1).all()


def test_the_manifest_counts_what_was_realised(corpus, tokenize, tmp_path):
    manifest = build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    shards = TokenShards(str(tmp_path / "tokens"))
    counted = Counter(shards.sources[shards.source_of(i)] for i in range(len(shards)))
    for part in manifest["parts"]:
        assert counted[part["name"]] == part["sequences"]
        assert part["effective_weight"] == part["sequences"] / len(shards)
        assert part["tokens"] == part["sequences"] * LENGTH
    assert manifest["tokens"] == len(shards) * LENGTH == 20_000 // LENGTH * LENGTH
    assert manifest["splits"]["train"]["sequences"] == len(shards)
    assert len(manifest["splits"]["train"]["shards"]) == 5
    assert manifest["encoded"]["web"]["documents"] == 112
    assert {key: value for key, value in manifest.items() if key != "drift"} == json.loads(
        (tmp_path / "tokens" / "manifest.json").read_text()
    )


def test_every_prefix_of_the_shards_has_the_shares_of_the_manifest(corpus, tokenize, tmp_path):
    manifest = build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    shards = TokenShards(str(tmp_path / "tokens"))
    sources = np.array([shards.source_of(i) for i in range(len(shards))])
    for number, part in enumerate(manifest["parts"]):
        had = np.cumsum(sources == number)
        assert abs(had - np.arange(1, len(sources) + 1) * part["effective_weight"]).max() < 1


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_equal_documents_give_equal_bytes(corpus, tokenize, tmp_path, scrambled, packing):
    for folder, shards, executor in (("one", corpus, Inline()), ("two", corpus[::-1], scrambled)):
        build(tokenize, replace(MIXTURE, packing=packing), shards, str(tmp_path / folder), executor)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


@pytest.mark.parametrize("after", [0, 3, 5, 6, 9, 10])
def test_killed_at_any_moment_it_ends_in_the_same_bytes(corpus, tokenize, tmp_path, killed, after):
    build(tokenize, MIXTURE, corpus, str(tmp_path / "whole"), Inline())
    with pytest.raises(KeyboardInterrupt):
        build(tokenize, MIXTURE, corpus, str(tmp_path / "cut"), killed(after))
    build(tokenize, MIXTURE, corpus, str(tmp_path / "cut"), Inline())
    assert digest(tmp_path / "cut") == digest(tmp_path / "whole")


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.suffix == ".tokens"}


def test_what_did_not_change_is_not_written_again(corpus, tokenize, write_shard, tmp_path):
    build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    encoded, shards = stamps(tmp_path / "artefacts" / "encoded"), stamps(tmp_path / "tokens")
    build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    assert stamps(tmp_path / "tokens") == shards
    # other weights: the token files stay, and no shard of before is left
    reweighted = Mixture(budget=20_000, weights={"web": 0.9, "wiki": 0.1}, seed=7)
    build(tokenize, reweighted, corpus, str(tmp_path), Inline())
    assert stamps(tmp_path / "artefacts" / "encoded") == encoded
    assert not stamps(tmp_path / "tokens").keys() & shards.keys()
    # another document: one token file more
    build(tokenize, reweighted, [*corpus, write_shard("web", "d", ["新文档" * 9])], str(tmp_path), Inline())
    after = stamps(tmp_path / "artefacts" / "encoded")
    assert len(after) == len(encoded) + 1
    assert encoded.items() <= after.items()


def test_a_lost_shard_is_written_again(corpus, tokenize, tmp_path):
    build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    before = digest(tmp_path)
    next((tmp_path / "tokens").glob("train-*.tokens")).unlink()
    build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    assert digest(tmp_path) == before


def test_parts_by_language_take_their_documents_alone(corpus, tokenize, tmp_path):
    weights = {"zh": Part(source="wiki", language=("zh", "yue"), weight=0.5), "web": 0.5}
    mixture = Mixture(budget=4000, weights=weights, validation=0.0)
    manifest = build(tokenize, mixture, corpus, str(tmp_path), Inline())
    documents = texts_of(corpus)
    used = [documents[row["document"]] for _, row in pieces_of(tmp_path, "train")]
    assert {language for _, language, source in used if source == "wiki"} == {"zh", "yue"}
    assert manifest["parts"][0]["documents"] == 20
    assert TokenShards(str(tmp_path / "tokens")).sources == ("zh", "web")


def test_another_seed_is_another_order_of_the_same_shares(corpus, tokenize, tmp_path):
    first = build(tokenize, MIXTURE, corpus, str(tmp_path / "a"), Inline())
    other = build(tokenize, Mixture(**{**vars(MIXTURE), "seed": 8}), corpus, str(tmp_path / "b"), Inline())
    assert [p["sequences"] for p in first["parts"]] == [p["sequences"] for p in other["parts"]]
    a, b = (TokenShards(str(tmp_path / name / "tokens")) for name in "ab")
    assert any(a[i].tolist() != b[i].tolist() for i in range(len(a)))
    held = [TokenShards(str(tmp_path / name / "tokens"), "validation") for name in "ab"]
    assert len(held[0]) == len(held[1])


def test_a_source_with_no_documents_left_gives_its_place_away(corpus, tokenize, tmp_path):
    mixture = Mixture(budget=4000, weights={"web": 0.5, "gone": 0.5}, validation=0.0)
    manifest = build(tokenize, mixture, corpus, str(tmp_path), Inline())
    assert [(p["name"], p["sequences"]) for p in manifest["parts"]] == [("web", 125), ("gone", 0)]
    assert "gone" in manifest["shortages"][0]


def test_one_document_longer_than_the_budget_is_cut(write_shard, tokenize, tmp_path):
    shard = write_shard("book", "a", ["".join(f"第{i}回 话说天下大势。" for i in range(2000))])
    manifest = build(tokenize, Mixture(budget=100, validation=0.0), [shard], str(tmp_path), Inline())
    assert manifest["tokens"] == 96
    assert [row["offset"] for _, row in pieces_of(tmp_path, "train")] == [0, 32, 64]


def test_no_documents_at_all_is_said(write_shard, tokenize, tmp_path):
    with pytest.raises(ValueError, match="no part has the 33 tokens of one sequence: web has 0"):
        build(tokenize, Mixture(), [write_shard("web", "a", ["", None])], str(tmp_path), Inline())


def test_from_a_recipe(corpus, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text("size: 300\nspecial: ['<end>', '<|endoftext|>']\nsample_bytes: 10k\n")
    told = []
    tokenize = Tokenize(tokenizer=str(recipe), sequence_length=LENGTH)
    manifest = build(tokenize, MIXTURE, corpus, str(tmp_path), Inline(), lambda *said: told.append(said))
    assert (manifest["vocabulary_size"], manifest["eos"], manifest["drift"]) == (300, 0, None)
    assert {what for what, _, _ in told} == {
        *("vocabulary sample", "vocabulary training", "encode", "shards of train", "shards of validation")
    }
    pin = json.loads((tmp_path / "artefacts" / "tokenizer" / "pin.json").read_text())["tiny"]
    path = tmp_path / "artefacts" / "tokenizer" / pin["hash"] / "tokenizer.json"
    assert vocabulary.load(str(path)).hash == manifest["tokenizer"]["hash"]
    training = json.loads(path.with_name("training.json").read_text())
    assert set(training["recipe"]["weights"]) == {"web", "wiki", "code"}


SOURCES = ["web", "wiki", "code"]


def test_the_check_before_a_run_passes_what_is_right(small_tokenizer):
    check(Tokenize(tokenizer=small_tokenizer), MIXTURE, SOURCES)
    check(Tokenize(tokenizer="zh_en_4k"), MIXTURE, SOURCES)
    check(Tokenize(tokenizer="tokenizers/zh_en_32k.yaml", eos="<|im_end|>"), MIXTURE, SOURCES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": "zh_en_9k"}, "tokenizer: no tokenizer 'zh_en_9k': neither a file nor one of .*zh_en_4k"),
        ({"tokenizer": "missing/tokenizer.json"}, "tokenizer: .*missing/tokenizer.json"),
        ({"tokenizer": "zh_en_4k", "eos": "</s>"}, "eos: '</s>' is none of the special tokens"),
    ],
)
def test_the_check_before_a_run_names_the_slip(options, message):
    with pytest.raises(ValueError, match=message):
        check(Tokenize(**options), MIXTURE, SOURCES)


def test_the_check_before_a_run_reads_the_recipe(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("size: 8000\nspecials: [x]\n")
    with pytest.raises(ConfigError, match=r"r\.yaml:2: no option 'specials'. Did you mean 'special'"):
        check(Tokenize(tokenizer=str(recipe)), MIXTURE, SOURCES)
    recipe.write_text("weights: {wbe: 1}\n")
    with pytest.raises(ValueError, match="weights: no source wbe"):
        check(Tokenize(tokenizer=str(recipe)), MIXTURE, SOURCES)
    with pytest.raises(ValueError, match="no source 'code'"):
        check(Tokenize(tokenizer="zh_en_4k"), MIXTURE, ["web", "wiki"])


@pytest.mark.parametrize(
    ("options", "message"), [({"sequence_length": 0}, "sequence_length: 0"), ({"shard_tokens": 5}, "shard_tokens: 5 must hold")]
)
def test_refuses_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        Tokenize(**{"tokenizer": "x", **options})


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_another_mixture_needs_no_document_again(corpus, tokenize, tmp_path, packing):
    """Weights, parts, packing and seed are cut from the token files: the text is not even there any more."""
    build(tokenize, MIXTURE, corpus, str(tmp_path), Inline())
    for shard in corpus:
        Path(shard.path).unlink()
    other = Mixture(budget=9000, weights={"web": 0.2, "code": 0.8}, packing=packing, max_epochs=9, validation=0.1, seed=1)
    manifest = build(tokenize, other, corpus, str(tmp_path), Inline())
    assert [part["name"] for part in manifest["parts"]] == ["web", "code"]
    assert len(TokenShards(str(tmp_path / "tokens"))) == 9000 // LENGTH


def test_a_base_that_is_not_there_is_said_before_the_run(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("size: 300\nbase: nowhere.json\n")
    with pytest.raises(ValueError, match=r"tokenizer: nowhere.json: there is no such tokenizer"):
        check(Tokenize(tokenizer=str(recipe)), MIXTURE, SOURCES)
