"""Variants of Chinese characters: where the classes come from, and what they make equal."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest

from curator.dedup.folding import CLASS_SHIFT, TABLE_SIZE, folding
from curator.dedup.minhash import signatures
from curator.han import variants


def folded_alike(*texts: str, fold: str = "fold") -> bool:
    found = signatures(pa.array(texts), 5, 14, 8, variants=fold)
    return all((column[0] == column).all() for column in (found.kind, found.bands, found.exact, found.length))


def test_simplified_and_traditional_copies_are_equal():
    simplified, traditional = "头发里面的发现，干净的后台：台湾复杂的历史。", "頭髮裡面的發現，乾淨的後臺：臺灣複雜的歷史。"
    assert folded_alike(simplified, traditional, "頭髮裏面的發現，乾淨的後檯：台灣複雜的歷史。")
    assert not folded_alike(simplified, traditional, fold="keep")


def test_what_is_no_variant_stays():
    assert not folded_alike("软件下载的第一页", "軟體下載的第一頁")  # other words
    assert not folded_alike("他们今天来了吗", "她们今天来了吗")
    assert folded_alike("日本語の東京駅です", "日本语の东京駅です")  # 駅 has no variant in Chinese


def test_a_compatibility_ideograph_is_folded_after_its_normal_form():
    assert unicodedata.normalize("NFKC", "\uf9db") == "率"
    assert folded_alike("\uf914天活潑得很", "樂天活潑得很", "乐天活泼得很")


def test_classes_are_disjoint_of_characters_in_normal_form_and_change_no_other_entry():
    canonical, kept, folded = variants(), folding("keep").table, folding("fold").table
    assert len(canonical) > 8000
    assert all(canonical[first] == first for first in canonical.values())
    assert all(unicodedata.normalize("NFKC", c).casefold() == c for c in canonical)
    mask = (1 << CLASS_SHIFT) - 1
    for code in range(TABLE_SIZE):
        if kept[code] != folded[code]:
            before, after = chr(kept[code] & mask), chr(folded[code] & mask)
            assert canonical[before] == after
            assert kept[code] >> CLASS_SHIFT == folded[code] >> CLASS_SHIFT


@pytest.mark.data
def test_classes_are_what_opencc_says(data_root):
    from opencc import OpenCC

    parents: dict[str, str] = {}

    def root(character: str) -> str:
        while (parent := parents.setdefault(character, character)) != character:
            character = parent
        return character

    for name in ("STCharacters.txt", "TSCharacters.txt"):
        for line in (data_root / "assets/opencc" / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                key, values, *_ = line.split("\t")
                for value in values.split():
                    parents[root(value)] = root(key)
    regional = [OpenCC(name).convert for name in ("t2tw", "t2hk", "tw2t", "hk2t")]
    for character in map(chr, (*range(0x3400, 0xA000), *range(0x20000, 0x32400))):
        if unicodedata.normalize("NFKC", character) == character:
            for convert in regional:
                if (converted := convert(character)) != character:
                    parents[root(converted)] = root(character)
    classes: dict[str, list[str]] = {}
    for character in list(parents):
        classes.setdefault(root(character), []).append(character)
    expected = {c: min(members) for members in classes.values() if len(members) > 1 for c in members}
    assert variants() == expected


@pytest.mark.data
def test_every_phrase_that_opencc_converts_a_character_each_folds_alike(data_root):
    """What becomes of a character depends on its neighbours (头发 頭髮, 发现 發現), but all it can become is of one class."""
    canonical = variants()
    pairs = []
    for name in ("STPhrases.txt", "TSPhrases.txt"):
        for line in (data_root / "assets/opencc" / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                key, values, *_ = line.split("\t")
                pairs += [(key, value) for value in values.split() if len(value) == len(key)]
    assert len(pairs) > 40_000
    assert [pair for pair in pairs if len({"".join(canonical.get(c) or c for c in text) for text in pair}) > 1] == []


@pytest.mark.data
def test_sentences_in_both_scripts_are_equal(data):
    """Sentences of a treebank in both scripts; their quotation marks differ too, which are no units."""
    rows = data("dedup/zh_script_variant_pairs_ud_gsd.jsonl")
    hant, hans = (signatures(pa.array([r[side] for r in rows]), 5, 14, 8, variants="fold") for side in ("hant", "hans"))
    assert len(rows) > 500
    differing = [row for row, a, b in zip(rows, hant.exact, hans.exact) if (a != b).any()]
    canonical = variants()
    letters = {
        a + b
        for r in differing
        for a, b in zip(r["hant"], r["hans"])
        if canonical.get(a, a) != canonical.get(b, b) and a.isalpha()
    }
    assert letters == {"帳账", "呉吴", "砲炮", "姪侄"}  # which OpenCC does not turn into each other
    assert len(differing) == 4
