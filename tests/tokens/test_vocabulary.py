from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import fastokens
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from curator.tokens import vocabulary
from curator.tokens.formats import PATTERNS
from curator.tokens.recipe import PATTERN
from curator.tokens.vocabulary import VocabularyError, load

SCRIPTS = "人工智能，。？！的 \n\t\r　abzABZ'sS109é\u0301ß中文が カ한ไ\u0e31ह\u093f\u200b\ufffd\U0001f600\U00020000<|>_=#\x00"
TEXTS = st.text() | st.text(st.sampled_from(SCRIPTS), max_size=200) | st.text(st.sampled_from("ab人工智 ,"), max_size=80)


def test_a_trained_vocabulary_says_what_the_shards_need(words):
    assert words.encoder == "fastokens"
    assert words.eos == 0
    assert words.dtype == np.dtype("<u2")
    assert 300 < words.size <= 700
    assert len(words.hash) == 64


@settings(max_examples=400, deadline=None)
@given(text=TEXTS)
def test_ids_are_those_of_the_reference_and_come_back_as_the_text(small_tokenizer, text):
    words = load(small_tokenizer)
    (ids,) = words.encode([text])
    assert ids.tolist() == words.reference.encode(text, add_special_tokens=False).ids
    assert words.decode(ids) == text


@pytest.mark.data
@pytest.mark.slow
def test_ids_are_those_of_the_reference_on_all_real_text(words, real_data):
    count = 0
    for path in sorted((real_data / "text").rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found = text.split("\n")
        if path.suffix == ".jsonl":
            rows = map(json.loads, filter(str.strip, found))
            found = [str(value) for row in rows for value in row.values() if isinstance(value, str)]
        for each in [*found, text[:200_000]]:
            assert words.encode([each])[0].tolist() == words.reference.encode(each, add_special_tokens=False).ids, path
            count += 1
    assert count > 30_000


@pytest.mark.data
def test_a_tokenizer_of_others_gives_its_own_ids(real_data):
    path = real_data / "assets" / "tokenizers" / "minimind_tokenizer.json"
    words = load(str(path))
    assert (words.size, words.eos, words.encoder) == (6400, 0, "fastokens")
    text = (real_data / "text" / "zh_messy_huzheng.txt").read_text(encoding="utf-8", errors="replace")[:50_000]
    assert words.encode([text])[0].tolist() == Tokenizer.from_file(str(path)).encode(text, add_special_tokens=False).ids


@pytest.mark.slow
@pytest.mark.parametrize("between", ["", " ", "  ", "a\n\n", "中1a'"])
def test_both_regex_engines_judge_every_code_point_alike(words, between):
    """Whatever Unicode version each engine has, and whatever stands beside it."""
    for start in range(0, sys.maxunicode + 1, 1 << 10):
        text = between.join(chr(c) for c in range(start, start + (1 << 10)) if not 0xD800 <= c < 0xE000)
        assert words.encode([text])[0].tolist() == words.reference.encode(text, add_special_tokens=False).ids, hex(start)


def test_the_pattern_cuts_where_a_reader_does():
    split = pre_tokenizers.Split(Regex(PATTERN), behavior="isolated")
    text = "他用iPhone手机打了12345次，说：“Hello, world's”。\n\n  def f(x):\n    return x"
    assert [piece for piece, _ in split.pre_tokenize_str(text)] == [
        *("他用", "iPhone", "手机打了", "123", "45", "次", "，", "说", "：“", "Hello", ",", " world", "'s", "”。\n\n"),
        *(" ", " def", " f", "(x", "):\n", "   ", " return", " x"),
    ]


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_the_pattern_leaves_nothing_out(text):
    split = pre_tokenizers.Split(Regex(PATTERN), behavior="removed")
    assert split.pre_tokenize_str(text) == []


def test_special_tokens_in_a_text_are_text(words):
    text = "忽略<|endoftext|>这个<|im_start|>"
    (ids,) = words.encode([text])
    assert 0 not in ids
    assert 1 not in ids
    assert words.decode(ids) == text


@pytest.mark.parametrize(("run", "times"), [(" ", 1_200_000), ("\n", 60_000), ("　", 60_000), (" \n", 60_000)])
def test_long_runs_of_white_space_neither_overflow_nor_change(words, run, times):
    text = "前" + run * times + "后"
    (ids,) = words.encode([text])
    assert ids.tolist() == words.reference.encode(text, add_special_tokens=False).ids


def test_empty_texts_have_no_ids(words):
    assert [ids.tolist() for ids in words.encode(["", "a", ""])][::2] == [[], []]


# ---------------------------------------------------------------------------------------- tokenizers that are not ours


def hugging_face(tmp_path: Path, change=lambda described: None, size: int = 400, **model) -> str:
    """A byte-level tokenizer of GPT-2's kind, changed."""
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["</s>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    text = "the cat sat on the mat, that's what the cat did; 猫坐在垫子上，猫就是这样坐的"
    tokenizer.train_from_iterator([text * 3], trainer)
    described = json.loads(tokenizer.to_str())
    change(described)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(described))
    return str(path)


def test_takes_gpt2s_pre_tokenizer(tmp_path):
    words = load(hugging_face(tmp_path))
    assert words.encoder == "fastokens"


def swap_two_merges(described):
    merges = described["model"]["merges"]
    merges[3], merges[40] = merges[40], merges[3]


def lose_a_merge(described):
    described["model"]["merges"].pop(0)  # the later ones that build on it no longer lead to their tokens


def prefix_a_space(described):
    described["pre_tokenizer"]["add_prefix_space"] = True


@pytest.mark.parametrize("change", [swap_two_merges, lose_a_merge, prefix_a_space])
def test_odd_merges_give_the_ids_of_the_reference(tmp_path, change):
    words = load(hugging_face(tmp_path, change))
    assert words.encoder == "fastokens"

    @settings(max_examples=200, deadline=None)
    @given(text=st.text(st.sampled_from("the catson'di 猫坐在垫子上"), max_size=80))
    def check(text):
        assert words.encode([text])[0].tolist() == words.reference.encode(text, add_special_tokens=False).ids

    check()


class Wrong:
    """An encoder that gives another id for a letter."""

    def __init__(self, right):
        self.right = right

    def encode_batch_flat(self, texts):
        return self.right.encode_batch_flat([text.replace("q", "k") for text in texts])


def test_an_encoder_that_differs_on_the_probe_is_not_used(tmp_path, monkeypatch):
    path = hugging_face(tmp_path)
    right = fastokens.Tokenizer.from_json_str
    monkeypatch.setattr(
        vocabulary.fastokens.Tokenizer, "from_json_str", lambda described: Wrong(right(described)), raising=True
    )
    with pytest.warns(UserWarning, match="slower tokenizers library: the two encoders differ on a probe"):
        assert load(path).encoder == "tokenizers"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(normalizer={"type": "NFC"}), "it normalizes text"),
        (lambda d: d["model"].update(byte_fallback=True), "byte_fallback"),
        (lambda d: d.update(pre_tokenizer={"type": "Whitespace"}), "pre-tokenizer"),
    ],
)
def test_what_is_not_like_gpt2_goes_the_slow_way_and_says_so(tmp_path, change, reason):
    path = hugging_face(tmp_path, change)
    with pytest.warns(UserWarning, match=f"slower tokenizers library: .*{reason}"):
        words = load(path)
    assert words.encoder == "tokenizers"
    texts = ["the cat 猫坐在", "</s>", ""]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids = words.encode(texts)
    assert [i.tolist() for i in ids] == [words.reference.encode(t, add_special_tokens=False).ids for t in texts]
    assert words.eos not in ids[1]


def test_another_token_may_end_documents(tmp_path):
    path = hugging_face(tmp_path)
    assert load(path).eos == load(path, "</s>").eos == 0
    assert load(path, "a").eos != 0
    with pytest.raises(VocabularyError, match=r"no token '<nope>' to end a document with: name one with eos:"):
        load(path, "<nope>")


def test_ids_beyond_sixteen_bits_are_stored_in_thirty_two(tmp_path):
    def stretch(described):
        described["added_tokens"].append({**described["added_tokens"][0], "id": 70_000, "content": "<far>"})
        described["model"]["vocab"]["<far>"] = 70_000

    words = load(hugging_face(tmp_path, stretch))
    assert (words.size, words.dtype) == (70_001, np.dtype("<u4"))


@pytest.mark.parametrize("data", [b"", b"{}", b'{"model": 1}', b"\x00\x01", b"[]"])
def test_refuses_a_file_that_is_no_tokenizer(tmp_path, data):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.raises(VocabularyError, match=r"tokenizer\.json: not a Hugging Face tokenizer"):
        load(str(path))


def test_a_regex_on_whose_blanks_the_engines_differ_goes_the_slow_way(tmp_path):
    """GPT-2's, as a split of its own: fastokens takes U+180E for a blank there, Unicode no longer does."""

    def split_by_itself(described):
        described["model"]["vocab"]["ĊĊ"] = len(described["model"]["vocab"])
        described["model"]["merges"].append(["Ċ", "Ċ"])
        split = {"type": "Split", "pattern": {"Regex": PATTERNS["gpt2"]}, "behavior": "Isolated", "invert": False}
        last = {**described["pre_tokenizer"], "use_regex": False}
        described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, last]}

    with pytest.warns(UserWarning, match="the two encoders differ on a probe"):
        assert load(hugging_face(tmp_path, split_by_itself)).encoder == "tokenizers"
