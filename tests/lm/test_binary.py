"""KenLM's format: what we write its reader takes, both score alike, and no damage leads further than an error."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from curator.lm.arpa import write_arpa
from curator.lm.binary import open_binary, words_of_file, write_binary
from curator.lm.counting import count
from curator.lm.errors import LanguageModelError
from curator.lm.kneser_ney import estimate
from curator.lm.scoring import float_sums, per_line, score_tokens

TRAINED = "the cat sat on the mat\nthe dog sat\na cat and a dog met\n你 好 世 界\n你 好 吗\nthe end\n"


def corpus(seed: int, sentences: int) -> str:
    draw = random.Random(seed)
    return "".join(" ".join(draw.choices(TRAINED.split(), k=draw.randint(1, 9))) + "\n" for _ in range(sentences))


def write(folder: Path, text: str, order: int, prune: tuple[int, ...] = ()) -> Path:
    path = folder / "model.bin"
    write_binary(estimate(count([np.frombuffer(text.encode(), np.uint8)], order, folder, 1 << 24), folder, prune), path)
    return path


@pytest.mark.parametrize(("order", "prune"), [(2, ()), (3, (1,)), (4, (0, 1)), (5, ()), (6, ())])
def test_scores_are_those_of_kenlm_to_the_bit(order: int, prune: tuple[int, ...], tmp_path: Path):
    import kenlm

    path = write(tmp_path, corpus(1, 200), order, prune)
    theirs = kenlm.Model(str(path))
    assert theirs.order == order
    lines = [*corpus(2, 100).splitlines(), "unknown words here", "the unknown cat", "", "a\tcat  and"]
    data = np.frombuffer("".join(line + "\n" for line in lines).encode(), np.uint8)
    scores = score_tokens(open_binary(path), data, len(lines))
    found = [entry for line in lines for entry in theirs.full_scores(line)]
    assert scores.logs.tolist() == [np.float32(log) for log, _, _ in found]
    assert scores.known.tolist() == [not unknown for _, _, unknown in found]
    assert scores.ends.tolist() == np.cumsum([len(line.split()) + 1 for line in lines]).tolist()
    assert float_sums(scores.logs, scores.ends).tolist() == [theirs.score(line) for line in lines]


@pytest.mark.parametrize(("order", "prune"), [(2, ()), (4, (0, 1))])
def test_the_text_form_is_the_same_model(order: int, prune: tuple[int, ...], tmp_path: Path):
    import kenlm

    path = write(tmp_path, corpus(5, 200), order, prune)
    (tmp_path / "again").mkdir()
    text = np.frombuffer(corpus(5, 200).encode(), np.uint8)
    write_arpa(estimate(count([text], order, tmp_path / "again", 1 << 24), tmp_path / "again", prune), tmp_path / "model.arpa")
    one, other = (kenlm.Model(str(each)) for each in (path, tmp_path / "model.arpa"))
    for line in corpus(6, 50).splitlines():
        assert list(one.full_scores(line)) == list(other.full_scores(line))


def test_words_are_hashed_as_kenlm_does(tmp_path: Path):
    import kenlm

    text = "ab abcdefgh abcdefghi 一 一二三四五六\n"
    path = write(tmp_path, text, 2)
    model = kenlm.Model(str(path))
    assert all(word in model for word in text.split())
    assert "abcdefg" not in model
    assert words_of_file(path, open_binary(path).layout) == ["<unk>", "<s>", "</s>", *text.split()]


def test_windows(tmp_path: Path):
    path = write(tmp_path, TRAINED, 2)
    lines = ["the cat sat on the mat", "zz zz zz zz", "the", ""]
    data = np.frombuffer("".join(line + "\n" for line in lines).encode(), np.uint8)
    scores = score_tokens(open_binary(path), data, len(lines))
    sums, worst, unknown = per_line(scores, 3)
    parts = np.split(scores.logs.astype(np.float64), scores.ends[:-1])
    assert sums == pytest.approx([part.sum() for part in parts])
    assert (
        worst
        == pytest.approx(
            [
                min(parts[0][:3].mean(), parts[0][3:].mean()),  # 7 tokens: the seventh alone is less than half a window
                min(parts[1][:3].mean(), parts[1][3:].mean()),  # 5: the last two are a window
                parts[2].mean(),
                parts[3].mean(),
            ]
        )
    )
    assert unknown.tolist() == [0, 4, 0, 0]


# -------------------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("kept", [0, 1, 40, 88, 100, 130, 500, 0.5, 0.9, -1])
def test_a_truncated_file_is_an_error_with_its_name(kept: float, tmp_path: Path):
    path = write(tmp_path, TRAINED, 3)
    data = path.read_bytes()
    size = len(data)
    end = open_binary(path).layout.end * 4
    path.write_bytes(data[: int(kept * size)] if isinstance(kept, float) else data[: kept if kept >= 0 else end + 3])
    with pytest.raises(LanguageModelError, match=r"model\.bin"):
        open_binary(path)


def change(path: Path, at: int, form: str, value: float) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, at, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("at", "form", "value", "said"),
    [
        (0, "<B", 0, "not a KenLM binary"),
        (49, "<B", ord("4"), "another version"),
        (88, "<B", 0, "order 0"),
        (88, "<B", 9, "order 9"),
        (92, "<f", 0.5, "not one that can be read"),
        (92, "<f", 1e30, "not one that can be read"),
        (92, "<f", float("nan"), "not one that can be read"),
        (96, "<I", 2, "KenLM trie"),
        (96, "<I", 77, "kind 77"),
        (104, "<I", 1, "version 1"),
        (108, "<Q", 1 << 62, "do not fit"),
        (108, "<Q", 0, "do not fit"),
        (116, "<Q", 1 << 20, "do not fit"),
    ],
)
def test_a_header_that_lies_is_an_error(at: int, form: str, value: float, said: str, tmp_path: Path):
    path = write(tmp_path, TRAINED, 3)
    change(path, at, form, value)
    with pytest.raises(LanguageModelError, match=said):
        open_binary(path)


def test_a_word_number_beyond_the_vocabulary_is_an_error(tmp_path: Path):
    path = write(tmp_path, TRAINED, 3)
    start, buckets = open_binary(path).layout.vocabulary
    data = path.read_bytes()
    row = next(r for r in range(buckets) if data[(start + 3 * r) * 4 :][:8] != bytes(8))
    change(path, (start + 3 * row) * 4 + 8, "<I", 10**6)
    with pytest.raises(LanguageModelError, match="damaged"):
        open_binary(path)


def test_no_noise_in_the_tables_leads_out_of_them(tmp_path: Path):
    """Whatever the tables hold, scoring ends and gives a number for every token."""
    path = write(tmp_path, corpus(3, 60), 4)
    whole = path.read_bytes()
    layout = open_binary(path).layout
    lines = corpus(4, 40)
    text = np.frombuffer(lines.encode(), np.uint8)
    for seed in range(20):
        draw = random.Random(seed)
        noise = bytearray(whole)
        for _ in range(draw.choice([3, 300])):
            at = draw.randrange(layout.unigrams * 4, layout.end * 4)
            noise[at] = draw.randrange(256)
        if seed % 4 == 0:  # a table without an empty place
            start, buckets, width = layout.tables[0]
            for row in range(buckets):
                noise[(start + row * width) * 4] |= 1
        path.write_bytes(noise)
        scores = score_tokens(open_binary(path), text, lines.count("\n"))
        assert scores.ends[-1] == len(scores.logs) == len(lines.split()) + lines.count("\n")


def test_a_missing_file_is_an_error(tmp_path: Path):
    with pytest.raises(LanguageModelError, match=r"nothing\.bin"):
        open_binary(tmp_path / "nothing.bin")
