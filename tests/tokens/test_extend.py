from __future__ import annotations

import base64
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from curator.engine.executor import Inline
from curator.tokens import formats, vocabulary
from curator.tokens.extend import ExtensionError, extend, initial_embeddings
from curator.tokens.recipe import VocabularyRecipe, write
from curator.tokens.sample import choose

SIZE = 350
CHINESE = [
    "人工智能的发展改变了许多行业，也带来了新的问题。",
    "研究人员正在讨论人工智能，如何让机器理解语言？",
    "iPhone手机的人工智能",
] * 20


@pytest.fixture(scope="module")
def base() -> bytes:
    """GPT-2's kind, of English alone: a Chinese character is three ids."""
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["the cat sat on the mat, that's what the cat did"] * 3, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>"])  # above the model's ids, as many published tokenizers have it
    return tokenizer.to_str().encode()


@pytest.fixture(scope="module")
def extended(base):
    return extend(base, CHINESE, size=SIZE, special=("<|endoftext|>", "<|im_start|>"))


@pytest.fixture(scope="module")
def words(extended, tmp_path_factory) -> vocabulary.Vocabulary:
    path = tmp_path_factory.mktemp("extended") / "tokenizer.json"
    path.write_bytes(extended[0])
    return vocabulary.load(str(path))


def test_no_old_id_changes_and_the_new_ones_follow(base, extended):
    before, after = Tokenizer.from_buffer(base).get_vocab(), Tokenizer.from_buffer(extended[0]).get_vocab()
    assert {token: after[token] for token in before} == before
    new = sorted(after[token] for token in after.keys() - before.keys())
    assert new == list(range(len(before), SIZE))
    assert after["<|im_start|>"] == SIZE - 1


def test_it_is_encoded_fast_and_shorter(base, words):
    assert words.encoder == "fastokens"
    text = "人工智能的发展改变了许多行业"
    assert len(words.encode([text])[0]) < len(text) < len(Tokenizer.from_buffer(base).encode(text).ids)


@settings(max_examples=300, deadline=None)
@given(text=st.text() | st.text(st.sampled_from("the catson'd12\n\t(){}=é’“”—ß한カ"), max_size=120))
def test_what_holds_no_chinese_is_encoded_as_before(base, words, text):
    from curator.tokens.extend import CHINESE as RUN

    text = RUN.sub("", text)
    text = "".join(c for c in text if c < "\u2e80")
    assert words.encode([text])[0].tolist() == vocabulary.without_added_tokens(json.loads(base)).encode(text).ids


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("人工智能的发展研究人员机器，。 the c1\n"), max_size=120) | st.text())
def test_three_encoders_agree_on_every_text(extended, words, text):
    ids = words.encode([text])[0].tolist()
    assert ids == words.reference.encode(text).ids
    assert words.decode(ids) == text
    assert ids == ranked(extended[0]).encode_ordinary(text)


def ranked(data: bytes) -> tiktoken.Encoding:
    ranks = {}
    for line in formats.write_tiktoken(data).splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return tiktoken.Encoding("x", pat_str=formats.split_pattern(data), mergeable_ranks=ranks, special_tokens={})


def test_the_table_says_which_old_ids_spell_each_new_token(base, extended):
    data, table = extended
    old, new = Tokenizer.from_buffer(base), Tokenizer.from_buffer(data)
    assert table.column("id").to_pylist() == list(range(old.get_vocab_size(), SIZE))
    for row in table.to_pylist()[:-1]:
        assert old.decode(row["base_ids"]) == row["bytes"].decode(errors="replace")
        assert new.id_to_token(row["id"]) == "".join(str(old.id_to_token(i)) for i in row["base_ids"])
    assert table.to_pylist()[-1] == {"id": SIZE - 1, "bytes": None, "text": "<|im_start|>", "base_ids": []}


def test_new_rows_of_the_embedding_are_means_of_old_ones(base, extended):
    table = extended[1]
    matrix = np.random.default_rng(0).normal(size=(Tokenizer.from_buffer(base).get_vocab_size(), 8)).astype(np.float32)
    rows = initial_embeddings(matrix, table)
    assert rows.shape == (table.num_rows, 8)
    for row, ids in zip(rows, table.column("base_ids").to_pylist()):
        np.testing.assert_allclose(row, (matrix[ids] if ids else matrix).mean(axis=0), rtol=1e-5)


def test_no_new_token_is_longer_than_it_may_be(base):
    _, table = extend(base, CHINESE, size=SIZE, max_token_bytes=6)
    assert max(len(data) for data in table.column("bytes").to_pylist()) == 6


def test_equal_samples_give_equal_bytes_in_any_order(base):
    one, two = (extend(base, texts, size=SIZE)[0] for texts in (CHINESE, CHINESE[::-1]))
    assert one == two


def test_what_cannot_be_extended_is_refused(base):
    with pytest.raises(ExtensionError, match="size: the base has 278 ids already, so size must be above 278"):
        extend(base, CHINESE, size=270)
    with pytest.raises(ExtensionError, match="no Chinese"):
        extend(base, ["only English"], size=400)
    wordpiece = {"model": {"type": "WordPiece"}}
    with pytest.raises(ExtensionError, match="only byte-level BPE can be extended, and its model is WordPiece"):
        extend(json.dumps(wordpiece).encode(), CHINESE, size=400)


def test_from_a_recipe_with_a_base(base, corpus, tmp_path):
    (tmp_path / "base.json").write_bytes(base)
    recipe = VocabularyRecipe(base=str(tmp_path / "base.json"), size=300, special=("<|endoftext|>",))
    made = write(recipe, choose(recipe, corpus, Inline()), str(tmp_path / "out"))
    assert made["vocabulary_size"] == 300
    table = pq.read_table(io.BytesIO((tmp_path / "out" / "new_tokens.parquet").read_bytes()))
    assert table.num_rows == 300 - 278
    moved = tmp_path / "moved.json"
    moved.write_bytes(base)
    same = VocabularyRecipe(base=str(moved), size=300, special=("<|endoftext|>",))
    assert same.described() == recipe.described()


@pytest.mark.data
@pytest.mark.slow
def test_gpt2_learns_chinese(real_data, tmp_path):
    base = formats.read(str(real_data / "assets" / "tokenizers" / "gpt2"))
    rows = (real_data / "text" / "zhwiki_paragraphs_hans_cmrc2018.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(row)["text"] for row in rows]
    data, _ = extend(base, texts[::2], size=54_000)
    (tmp_path / "tokenizer.json").write_bytes(data)
    (tmp_path / "base.json").write_bytes(base)
    new, old = vocabulary.load(str(tmp_path / "tokenizer.json")), vocabulary.load(str(tmp_path / "base.json"))
    assert new.encoder == old.encoder == "fastokens"
    assert sum(map(len, new.encode(texts[1::2]))) < 0.62 * sum(map(len, old.encode(texts[1::2])))
    english = (real_data / "dedup" / "mccormick_1000.docs.jsonl").read_text(encoding="utf-8").splitlines()
    news = [json.loads(row)["text"] for row in english[:200]]
    assert [ids.tolist() for ids in new.encode(news)] == [ids.tolist() for ids in old.encode(news)]
