"""Signatures against a slow reference, bit by bit, and against the theory of MinHash."""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import han
from curator.dedup import minhash
from curator.dedup.folding import BREAK, IGNORED, UNIT, WORD, character_class
from curator.dedup.minhash import ABSENT, SHINGLED, SHORT, signatures

M = 2**64 - 1
BASE, A, B = 0x9E6C63D0876A9A4B, 0x9FB21C651E98DF25, 0xA0761D6478BD642F
WORD_START, SHINGLE_START, SHINGLE_FACTOR = 0x2545F4914F6CDD1D, 0xD6E8FEB86659FD93, 0xE7037ED1A0B428DB


# ---------------------------------------------------------------------------------------------- the reference, slow and obvious


def mix(h: int) -> int:
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & M
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & M
    return h ^ (h >> 33)


def fold_product(left: int, right: int) -> int:
    product = left * right
    return (product ^ product >> 64) & M


@functools.cache
def canonical() -> dict[str, str]:
    lines = Path(han.__file__).with_name("han_variants.txt").read_text(encoding="utf-8").splitlines()
    return {character: line[0] for line in lines if not line.startswith("#") for character in line}


def units(text: str, variants: str = "keep") -> list[str]:
    found, word = [], ""
    for character in unicodedata.normalize("NFKC", text).casefold() + " ":
        if variants == "fold":
            character = canonical().get(character, character)
        kind = character_class(character) if ord(character) < 0x40000 else BREAK
        if 0xE0000 <= ord(character) < 0xE1000:
            kind = IGNORED
        if kind == WORD:
            word += character
        elif kind != IGNORED:
            found += [word] if word else []
            found += [character] if kind == UNIT else []
            word = ""
    return found


@functools.cache
def unit_hash(unit: str) -> int:
    if character_class(unit[0]) == UNIT:
        return ord(unit) | 1 << 21
    taken = bytearray()
    for code in map(ord, unit):
        taken += bytes([code] if code < 128 else [0x80 | code & 0x7F, code >> 7 & 0xFF, code >> 15])
    h = WORD_START
    for start in range(0, len(taken), 8):
        h = fold_product(h ^ int.from_bytes(taken[start : start + 8], "little"), A)
    return h


def sequence_hash(values: list[int], count: int) -> tuple[int, int]:
    a, b = (B, A) if count else (A, B)
    for value in values:
        a = fold_product(a ^ value, A)
        b = (b + value) * B & M
        b ^= b >> 32
    return mix(a ^ count), mix(b + count & M)


def borrowing_order(bins: int, i: int) -> list[int]:
    order = list(range(bins))
    for j in range(bins - 1, 0, -1):
        k = (mix((i * bins + j + 1) * BASE & M) >> 32) * (j + 1) >> 32
        order[j], order[k] = order[k], order[j]
    return order


def smallest_of_bins(shingles: list[int], bins: int) -> list[int]:
    found: dict[int, int] = {}
    for h in shingles:
        place = (h >> 32) * bins >> 32
        found[place] = min(h, found.get(place, M))
    return [next(found[k] for k in [i, *borrowing_order(bins, i)] if k in found) for i in range(bins)]


def smallest_of_functions(shingles: list[int], hashes: int) -> list[int]:
    keys = [(mix((2 * i + 1) * BASE & M) | 1, mix((2 * i + 2) * BASE & M)) for i in range(hashes)]
    return [min((factor * h + summand) & M for h in shingles) for factor, summand in keys]


def reference(text: str, shingle: int, bands: int, rows: int, hashing: str, variants: str):
    found = units(text, variants)
    hashes = [unit_hash(unit) for unit in found]
    exact = sequence_hash(hashes or list(text.encode()), len(found))
    length = sum(len(unit) for unit in found)
    if len(found) < shingle:
        return SHORT, [0] * bands, exact, length
    shingles = []
    for start in range(len(found) - shingle + 1):
        roll = sum(u * BASE ** (shingle - 1 - i) for i, u in enumerate(hashes[start : start + shingle])) & M
        shingles.append(fold_product(roll ^ SHINGLE_START, SHINGLE_FACTOR))
    values = (smallest_of_bins if hashing == "oph" else smallest_of_functions)(shingles, bands * rows)
    banded = []
    for band in range(bands):
        h = (band + 1) * BASE & M
        for value in values[band::bands]:
            h = (h ^ value) * A & M
            h ^= h >> 32
        banded.append(mix(h))
    return SHINGLED, banded, exact, length


def same(
    texts: list[str | None], shingle: int, bands: int, rows: int, before: int = 0, hashing: str = "oph", variants: str = "keep"
) -> None:
    array = pa.array(["前 before"] * before + texts + ["after 后"], pa.string()).slice(before, len(texts))
    found = signatures(array, shingle, bands, rows, hashing=hashing, variants=variants)
    assert len(found.kind) == len(texts)
    for i, text in enumerate(texts):
        if text is None:
            assert found.kind[i] == ABSENT
            continue
        got = (found.kind[i], found.bands[i].tolist(), tuple(found.exact[i].tolist()), found.length[i])
        assert got == reference(text, shingle, bands, rows, hashing, variants), repr(text)


PIECES = st.sampled_from(
    [
        *("a234567", "aBcDeFgH", "x" * 9, "Z" * 16, "q" * 60, " " * 59, "發", "发髮", "歷曆", "，", "　", "…"),
        *("the", " cat", " sat.", "Straße", "ＡＢｃ", "１２", "①", "½", "㍿", "ﷺ", "ﬁ", "-", "１.5", "\n", "\t", "\x00", "😀"),
        *(
            "中",
            "文，",
            "。国",
            "々",
            "ー",
            "・",
            "かﾞ",
            "が",
            "カ\u3099",
            "한국",
            "\u1112\u1161\u11ab",
            "\U00020000",
            "\U0002f800",
        ),
        *("e\u0301", "é", "\u0301", "\u0344", "Σς", "İ", "ไทย", "नमस्ते", "עִבְרִית"),
        *("\u200b", "\u00ad", "\ufe0f", "\U000e0100", "\U00100000"),
    ]
)
TEXTS = st.one_of(st.none(), st.text(max_size=30), st.lists(PIECES, max_size=40).map("".join))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(TEXTS, max_size=4),
    st.integers(1, 6),
    st.sampled_from([(1, 1), (3, 2), (7, 3)]),
    st.integers(0, 2),
    st.sampled_from(["oph", "kminhash"]),
    st.sampled_from(["keep", "fold"]),
)
def test_equal_the_reference_bit_by_bit(texts, shingle, banding, before, hashing, variants):
    same(texts, shingle, *banding, before=before, hashing=hashing, variants=variants)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, min_size=50, max_size=150), st.sampled_from(["oph", "kminhash"]))
def test_a_text_is_signed_alike_wherever_it_lies(texts, hashing):
    """Amid others, where the kernel reads past its end, as at the end of the data, where it must not."""
    together = signatures(pa.array([*texts, " " * 200], pa.string()), 3, 3, 2, hashing=hashing)
    alone = [signatures(pa.array([text], pa.string()), 3, 3, 2, hashing=hashing) for text in texts]
    for column, ones in zip(together, zip(*alone, strict=True), strict=True):
        assert np.array_equal(column[:-1], np.concatenate(ones))


@pytest.mark.parametrize("inserted", ["，", "é", "ｘ", "\u200b", "中", "\U00020000", "…", "\xff", "\u0301"])
def test_words_and_characters_at_every_place_of_a_block(inserted):
    """The kernel reads 64 bytes at a time: words of any length, and what may go on or end them, before, across and behind."""
    same([" " * space + "w" * length + inserted + "8 x" for space in range(54, 68) for length in range(12)], 1, 1, 1)
    same(["z" * length + inserted + "z" for length in range(130)], 1, 1, 1)
    same(["中" * length + inserted + "国" for length in range(45)], 2, 1, 1)


def test_every_character_equals_the_reference():
    """Between letters, where it may join them, end the word or vanish. Of large blocks of one kind, the ends."""
    ends = [
        c
        for edge in (0x3400, 0x4DC0, 0x4E00, 0xA000, 0xAC00, 0xD7A4, 0x20000, 0x2F800, 0x2FA20)
        for c in range(edge - 8, edge + 8)
    ]
    ends += [0x3FFFF, 0x40000, 0xDFFFF, 0xE0000, 0xE0001, 0xE01EF, 0xE0FFF, 0xE1000, 0xF0000, 0x10FFFF, 0xE000, 0xF8FF]
    blocks = [
        *range(0x3400),
        *range(0xA000, 0xAC00),
        *range(0xF900, 0x11000),
        *range(0x16F00, 0x17000),
        *range(0x1D000, 0x1FB00),
    ]
    codes = [*ends, *blocks, *range(0x2F800, 0x2FA20)]
    texts = ["".join(f"a{chr(c)}b中 " for c in codes[i : i + 100]) for i in range(0, len(codes), 100)]
    found = signatures(pa.array(texts), 5, 1, 1)
    for i, text in enumerate(texts):
        parts = units(text)
        assert tuple(found.exact[i].tolist()) == sequence_hash([unit_hash(u) for u in parts], len(parts)), codes[i * 100]
        assert found.length[i] == sum(map(len, parts))


@pytest.mark.parametrize("piece", ["word ", "汉", "ﷺ", "x", "e\u0301 ", "中a"])
def test_long_texts_equal_the_reference(piece):
    """Longer than the block that the kernel reads at a time, with words across its end."""
    same([piece * 5000], 5, 2, 2)


def test_nulls_empty_arrays_and_large_strings():
    assert all(len(column) == 0 for column in signatures(pa.array([], pa.string()), 5, 14, 8))
    assert signatures(pa.array([None, None], pa.string()), 5, 14, 8).kind.tolist() == [ABSENT, ABSENT]
    same([None, "", None, "一二三四五六"], 5, 2, 2, before=1)
    text = ["one two three four five six"]
    small, large = (signatures(pa.array(text, kind), 5, 14, 8) for kind in (pa.string(), pa.large_string()))
    assert np.array_equal(small.bands, large.bands)


def test_bytes_that_are_not_utf8_break_a_word_and_nothing_else():
    data = b"ab\xffcd \xe4\xb8 x\xf0\x9f"
    array = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, len(data)], np.int32)), pa.py_buffer(data))
    assert signatures(array, 5, 2, 2).exact.tolist() == signatures(pa.array(["ab cd x"]), 5, 2, 2).exact.tolist()


@pytest.mark.parametrize(
    ("hashing", "first", "last"),
    [("oph", "a8c4a9407a79d347", "4f4066ba1f4458af"), ("kminhash", "e38c6df3f51d7b56", "e718009425289f22")],
)
def test_signatures_do_not_change(hashing, first, last):
    """They are stored, and compared with those of later runs: a difference here needs a new revision of `Signing`."""
    text = ["The quick brown fox jumps over the lazy dog. 敏捷的棕色狐狸跳过懒狗。"]
    found = signatures(pa.array(text), 5, 14, 8, hashing=hashing)
    assert [f"{v:016x}" for v in (found.bands[0, 0], found.bands[0, 13])] == [first, last]
    assert [f"{v:016x}" for v in found.exact[0]] == ["e91190d588a61611", "54dae9054b20f78f"]
    assert found.length[0] == 46


# --------------------------------------------------------------------------------------------------------------- the folding


def exact(*texts: str) -> int:
    """How many different texts there are, after folding."""
    return len(np.unique(signatures(pa.array(list(texts)), 5, 2, 2).exact, axis=0))


def test_what_is_one_text():
    assert exact("Hello, World!", "hello world", "ＨＥＬＬＯ　ＷＯＲＬＤ", "he\u00adllo\u200b “world”", " hello\n\nworld ") == 1
    assert exact("中文，网页。", "中文网页", "中 文\n网　页！") == 1
    assert exact("café", "cafe\u0301", "CAFÉ") == 1
    assert exact("が", "か\u3099", "ｶﾞ".replace("ｶ", "か")) == 1
    assert exact("Straße", "STRASSE") == 1


def test_what_is_not_one_text():
    assert exact("now here", "nowhere") == 2
    assert exact("第1章", "第2章") == 2
    assert exact("汉语", "漢語") == 2
    assert exact("cafe", "café") == 2
    assert exact("！！！", "？？？", "", "😀") == 4  # without units: the bytes themselves


def test_units_of_scripts():
    assert units("2026年11月，他说OK。") == ["2026", "年", "11", "月", "他", "说", "ok"]
    assert units("コンピュータ・かな") == [*"コンピュータかな"]
    assert units("한국어 텍스트") == [*"한국어텍스트"]
    assert units("ไทยลาว") == [*"ไทยลาว"]
    assert units("हिन्दी की") == ["हिन्दी", "की"]
    assert units("don't 3.14 C++") == ["don", "t", "3", "14", "c"]


# ---------------------------------------------------------------------------------------------------------------- the theory


def pairs_of_sets(union: int, shared: int, trials: int, seed: int) -> tuple[pa.Array, pa.Array, float]:
    """Pairs of random word sets with the Jaccard similarity `shared / union`."""
    generator = np.random.default_rng(seed)
    left, right = [], []
    for _ in range(trials):
        names = [f"w{n}" for n in generator.integers(0, 1 << 60, union)]
        common, rest = names[:shared], names[shared:]
        left.append(" ".join(common + rest[::2]))
        right.append(" ".join(common + rest[1::2]))
    return pa.array(left), pa.array(right), shared / union


@pytest.mark.parametrize("hashing", ["oph", "kminhash"])
@pytest.mark.parametrize(("union", "shared"), [(3, 1), (8, 6), (20, 10), (100, 80), (400, 280), (2000, 1000)])
def test_values_agree_with_the_probability_of_jaccard(union, shared, hashing):
    """Without bias, for fewer shingles than values as for many more. Classic MinHash spreads as the binomial distribution of
    its values; bins as that of the smaller of values and shingles, at most."""
    left, right, jaccard = pairs_of_sets(union, shared, 600, union)
    agree = (signatures(left, 1, 112, 1, hashing=hashing).bands == signatures(right, 1, 112, 1, hashing=hashing).bands).mean(
        axis=1
    )
    assert abs(agree.mean() - jaccard) < 4 * agree.std() / np.sqrt(len(agree))
    independent = 112 if hashing == "kminhash" else min(112, union)
    assert agree.std() < 1.25 * np.sqrt(jaccard * (1 - jaccard) / independent)


@pytest.mark.parametrize("hashing", ["oph", "kminhash"])
@pytest.mark.parametrize("union", [60, 300, 1000])
@pytest.mark.parametrize("similarity", [0.5, 0.65, 0.7, 0.8, 0.9])
def test_pairs_meet_with_the_probability_of_banding(union, similarity, hashing):
    trials = 500
    left, right, jaccard = pairs_of_sets(union, round(union * similarity), trials, union)
    bands = (signatures(texts, 1, 14, 8, hashing=hashing).bands for texts in (left, right))
    met = (next(bands) == next(bands)).any(axis=1).sum()
    expected = 1 - (1 - jaccard**8) ** 14
    assert abs(met - trials * expected) < 4 * np.sqrt(trials * expected * (1 - expected)) + 1


def test_different_bands_of_one_text_have_different_hashes():
    bands = signatures(pa.array(["one two three four five"]), 5, 14, 8).bands[0]  # one shingle, so every bin holds the same
    assert len(set(bands.tolist())) == 14


def test_the_kernel_gives_back_the_lock():
    assert minhash._sign.targetoptions["nogil"]
