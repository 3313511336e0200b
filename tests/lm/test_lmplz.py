"""Our estimates against KenLM's: `golden/` holds what its lmplz 0.3.0 made of the corpora below.

To make them again, with lmplz on the PATH: `python tests/lm/test_lmplz.py`.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest

from curator.lm.arpa import _words_of, write_arpa
from curator.lm.binary import open_binary, words_of_file, write_binary
from curator.lm.counting import ORDERS, START, Packing, _keys_of, count
from curator.lm.kneser_ney import Estimate, estimate

FOLDER = Path(__file__).parent / "golden"


def zipf(seed: int, sentences: int, words: int) -> str:
    """Sentences of words of which few are frequent, each drawn near its forerunner so that n-grams come back."""
    draw = random.Random(seed)
    weights = [1 / (k + 1) for k in range(words)]
    lines = []
    for _ in range(sentences):
        line = draw.choices(range(words), weights, k=1)
        for _ in range(draw.randint(0, 11)):
            line.append((line[-1] * 7 + draw.choices(range(words), weights, k=1)[0]) % words)
        lines.append(" ".join(f"{chr(0x4E00 + word)}" if word % 3 else f"w{word}" for word in line))
    return "\n".join(lines) + "\n"


PLAIN = "the cat sat\nthe cat sat on the mat\na dog <unk> barked </s> x\nthe dog\n你 好 世 界\n你 好\n"

# Name: corpus, order, prune. In `rare` every order has discounts of its own, in `plain_5` none has.
GOLDEN: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "plain_2": (PLAIN, 2, ()),
    "plain_5": (PLAIN, 5, ()),
    "rare_2": (zipf(9, 150, 400), 2, ()),
    "zipf_3": (zipf(2, 250, 30), 3, ()),
    "zipf_4_pruned": (zipf(3, 250, 30), 4, (0, 1)),
    "zipf_5": (zipf(4, 60, 20), 5, ()),
    "zipf_6_pruned": (zipf(5, 200, 25), 6, (1, 2)),
}
Entries = dict[str, tuple[float, ...]]


def read(path: Path) -> Entries:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        probability, _, rest = line.partition("\t")
        if rest:
            gram, _, backoff = rest.partition("\t")
            assert gram not in found
            found[gram] = (float(probability), *([float(backoff)] if backoff else []))
    return found


def made(text: str, order: int, folder: Path, prune: tuple[int, ...] = (), memory: int = 1 << 30) -> Estimate:
    return estimate(count([np.frombuffer(text.encode(), np.uint8)], order, folder, memory), folder, prune)


@pytest.mark.parametrize("name", GOLDEN)
def test_every_probability_and_backoff_is_that_of_lmplz(name: str, tmp_path: Path):
    text, order, prune = GOLDEN[name]
    model = made(text, order, tmp_path, prune)
    write_arpa(model, tmp_path / "model.arpa")
    ours, theirs = read(tmp_path / "model.arpa"), read(FOLDER / f"{name}.arpa")
    assert ours.keys() == theirs.keys()
    for gram, values in theirs.items():
        assert ours[gram] == pytest.approx(values, abs=1e-6), gram
    head = [line for line in (FOLDER / f"{name}.arpa").read_text().splitlines() if line.startswith("ngram ")]
    assert head == [f"ngram {n}={size}" for n, size in enumerate(model.sizes, 1)]


def test_fallbacks_are_named(tmp_path: Path):
    (tmp_path / "a").mkdir()
    assert made(*GOLDEN["plain_5"][:2], tmp_path).fallbacks == [1, 2, 3, 4, 5]
    assert made(*GOLDEN["rare_2"][:2], tmp_path / "a").fallbacks == []


def test_sorted_runs_on_disk_give_the_same_model(tmp_path: Path):
    text = zipf(6, 9000, 60)
    (tmp_path / "once").mkdir()
    (tmp_path / "runs").mkdir()
    once, runs = made(text, 4, tmp_path / "once"), made(text, 4, tmp_path / "runs", memory=1 << 16)
    assert (tmp_path / "once" / "run0").exists()
    assert len(list((tmp_path / "runs").glob("merge*"))) == 1
    assert not list((tmp_path / "runs").glob("run*"))
    for name, model in (("once", once), ("runs", runs)):
        write_binary(model, tmp_path / name / "model.bin")
    assert (tmp_path / "once" / "model.bin").read_bytes() == (tmp_path / "runs" / "model.bin").read_bytes()


@pytest.mark.parametrize("order", ORDERS)
def test_the_highest_number_of_a_word_fits_its_key(order: int):
    packing = Packing(order)
    draw = random.Random(order)
    numbers = np.array([draw.choice([3, packing.most_words - 1, draw.randrange(3, packing.most_words)]) for _ in range(50)])
    keys = np.zeros((2, len(numbers)), np.uint64)
    _keys_of(numbers.astype(np.uint32), np.full(order, START, np.uint32), keys, 0, packing.bits)
    padded = [START] * (order - 1) + numbers.tolist()
    assert _words_of(keys[0], keys[1], order, packing.bits).tolist() == [padded[i : i + order] for i in range(len(numbers))]


def test_how_the_corpus_was_cut_into_batches_does_not_matter(tmp_path: Path):
    text = zipf(7, 60, 30)
    whole = made(text, 3, tmp_path)
    (tmp_path / "parts").mkdir()
    lines = [np.frombuffer(f"{line}\n".encode(), np.uint8) for line in text.splitlines()]
    parts = estimate(count(lines, 3, tmp_path / "parts", 1 << 30), tmp_path / "parts")
    for one, other in zip(whole.orders, parts.orders, strict=True):
        assert np.array_equal(one.probability, other.probability)
        assert np.array_equal(one.high, other.high)


def test_probabilities_after_a_context_sum_to_one(tmp_path: Path):
    """Over all words but <s>, which is never predicted."""
    import kenlm

    text, order, prune = GOLDEN["zipf_4_pruned"]
    write_binary(made(text, order, tmp_path, prune), tmp_path / "model.bin")
    model = kenlm.Model(str(tmp_path / "model.bin"))
    words = words_of_file(tmp_path / "model.bin", open_binary(tmp_path / "model.bin").layout)
    for context in ([], text.split()[:1], text.split()[:2], text.split()[2:5]):
        before = kenlm.State()
        model.BeginSentenceWrite(before)
        for word in context:
            after = kenlm.State()
            model.BaseScore(before, word, after)
            before = after
        total = sum(10 ** model.BaseScore(before, word, kenlm.State()) for word in words if word != "<s>")
        assert total == pytest.approx(1, abs=1e-4)


if __name__ == "__main__":
    for each, (corpus, highest, pruned) in GOLDEN.items():
        fixed = ["--discount_fallback", "--skip_symbols", "-S", "1G", "--arpa", str(FOLDER / f"{each}.arpa")]
        thresholds = ["--prune", "0", *map(str, pruned)] if pruned else []
        subprocess.run(["lmplz", "-o", str(highest), *fixed, *thresholds], input=corpus.encode(), check=True)
