from __future__ import annotations

import json

import pytest
import sentencepiece as reference
from tokenizers import Tokenizer

from curator.tokens import formats, sentencepiece, vocabulary, wordpiece
from curator.tokens.formats import FormatError

MIXED = "Hello world, it's 2024.  def f(x):\n    return x  你好，世界！ ＡＢＣ １２３ ①é　全角 \x00\t再见 "


def lines(real_data, most: int = 400) -> list[str]:
    found = (real_data / "text" / "zh_messy_huzheng.txt").read_text(encoding="utf-8", errors="replace").split("\n")[:most]
    for name in ("en_refined_web_samples", "zhwiki_paragraphs_hant_drcd"):
        rows = (real_data / "text" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[:60]
        found += [str(json.loads(row).get("text")) for row in rows]
    return [MIXED, *found]


@pytest.mark.data
@pytest.mark.slow
def test_ranks_of_tiktoken_come_in_and_go_out_as_they_were(real_data):
    path = real_data / "assets" / "tokenizers" / "qwen.tiktoken"
    data = formats.read(str(path))
    assert sorted(formats.write_tiktoken(data).splitlines()) == sorted(path.read_bytes().splitlines())
    assert Tokenizer.from_buffer(data).token_to_id("<|im_end|>") == 151_645
    assert formats.split_pattern(data) == formats.PATTERNS["qwen"]


@pytest.mark.data
def test_gpt2s_two_files_come_in_by_either_name_or_their_folder(real_data):
    folder = real_data / "assets" / "tokenizers" / "gpt2"
    one = formats.read(str(folder))
    assert one == formats.read(str(folder / "vocab.bpe")) == formats.read(str(folder / "encoder.json"))
    # ids of the published tokenizer
    assert Tokenizer.from_buffer(one).encode("Hello world, it's 2024").ids == [15496, 995, 11, 340, 338, 48609]
    assert Tokenizer.from_buffer(one).token_to_id("<|endoftext|>") == 50256


@pytest.mark.data
@pytest.mark.parametrize("name", ["chinese_llama_sp_20k", "spm_test_model", "spm_test_ja_model"])
def test_sentencepiece_gives_the_ids_of_its_own_library(real_data, name):
    path = str(real_data / "assets" / "tokenizers" / f"{name}.model")
    ours = Tokenizer.from_buffer(formats.read(path))
    theirs = reference.SentencePieceProcessor(model_file=path)
    texts = [text for text in lines(real_data) if "\x00" not in text]
    same = sum(ours.encode(text, add_special_tokens=False).ids == theirs.encode(text) for text in texts)
    assert same >= 0.98 * len(texts)


def test_sentencepieces_bpe_too(tmp_path):
    texts = ["人工智能的发展改变了许多行业", "the cat sat on the mat", "机器理解语言 the mat"] * 20
    reference.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(tmp_path / "m"),
        model_type="bpe",
        vocab_size=330,
        byte_fallback=True,
        character_coverage=1.0,
        hard_vocab_limit=False,
    )
    data = formats.read(str(tmp_path / "m.model"))
    ours, theirs = Tokenizer.from_buffer(data), reference.SentencePieceProcessor(model_file=str(tmp_path / "m.model"))
    assert json.loads(data)["model"]["type"] == "BPE"
    for text in [*texts, "人工  catmat 未见", "the机器", " a"]:
        ids = ours.encode(text, add_special_tokens=False).ids
        assert ids == theirs.encode(text)
        assert ours.decode(ids) == theirs.decode(ids)
    assert ours.token_to_id("</s>") == theirs.eos_id()


@pytest.mark.data
def test_the_name_of_a_special_piece_in_a_text_is_text(real_data, tmp_path):
    (tmp_path / "tokenizer.json").write_bytes(formats.read(str(real_data / "assets" / "tokenizers" / "spm_test_model.model")))
    with pytest.warns(UserWarning, match="its model is Unigram"):
        words = vocabulary.load(str(tmp_path / "tokenizer.json"))
    assert words.eos == 2
    assert words.eos not in words.encode(["a</s>b"])[0]


@pytest.mark.data
def test_berts_vocabulary_is_wordpiece(real_data):
    tokenizer = Tokenizer.from_buffer(formats.read(str(real_data / "assets" / "tokenizers" / "bert-base-chinese_vocab.txt")))
    assert tokenizer.encode("Hello 人工智能").tokens == ["hello", "人", "工", "智", "能"]
    assert tokenizer.token_to_id("[CLS]") == 101


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.tiktoken", b"not base64 !\n", "no line of tiktoken's ranks"),
        ("x.json", b"{}", "not a tokenizer of the format"),
        ("vocab.txt", b"a\nb\n", r"no \[UNK\]"),
        ("x.model", b"\xff\xff\xff", "not a tokenizer of the format"),
        ("x.model", b"", "only BPE and unigram"),
    ],
)
def test_bad_bytes_are_refused_by_name(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match=message):
        formats.read(str(tmp_path / name))


def test_a_tokenizer_that_is_not_there_is_said(tmp_path):
    for name in ("none.json", "none.tiktoken", "folder"):
        with pytest.raises(FormatError, match=f"{name}.*: there is no such tokenizer"):
            formats.read(str(tmp_path / name))


def test_ranks_are_written_only_where_tiktoken_would_give_the_same_ids(small_tokenizer):
    data = formats.read(small_tokenizer)
    assert formats.write_tiktoken(data).count(b"\n") == Tokenizer.from_buffer(data).get_vocab_size() - 2
    described = json.loads(data)
    merges = described["model"]["merges"]
    merges[3], merges[40] = merges[40], merges[3]
    with pytest.raises(FormatError, match="other ids"):
        formats.write_tiktoken(json.dumps(described).encode())


def test_a_cut_off_protocol_buffer_is_refused():
    with pytest.raises(ValueError, match="cut short"):
        sentencepiece.parse(b"\x0a\x50abc")
    with pytest.raises(ValueError, match="cut short"):
        sentencepiece.parse(b"\x0a" + b"\xff" * 12)


# ----------------------------------------------------------------------------------------------------------- WordPiece

TEXTS = ["The cats were catching matters; 人工智能 and Résumé"] * 5 + ["mattered cats 机器"] * 3


def test_wordpiece_is_deterministic_and_spells_what_goes_on_with_marks():
    one = wordpiece.train(iter(TEXTS), 400, ("[PAD]", "[UNK]"), 2, True)
    assert one == wordpiece.train(iter(TEXTS[::-1]), 400, ("[PAD]", "[UNK]"), 2, True)
    tokenizer = Tokenizer.from_buffer(one)
    assert tokenizer.encode("The cats 人工").tokens == ["the", "cats", "人", "工"]
    assert tokenizer.encode("catse").tokens == ["cats", "##e"]
    assert tokenizer.encode("resume").tokens == ["resume"]
    assert tokenizer.encode("Ж").tokens == ["[UNK]"]
    assert [tokenizer.token_to_id(token) for token in ("[PAD]", "[UNK]")] == [0, 1]


def test_wordpiece_keeps_within_its_size(tmp_path):
    data = wordpiece.train(iter(TEXTS), 50, ("[UNK]", "[SEP]"), 1, False)
    assert Tokenizer.from_buffer(data).get_vocab_size() <= 50
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="its model is WordPiece, not BPE"):
        words = vocabulary.load(str(path), "[SEP]")
    assert (words.eos, words.encoder) == (1, "tokenizers")
