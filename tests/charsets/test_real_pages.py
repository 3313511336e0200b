"""Charsets of real pages: as they came, and as the same pages would have come in another charset under a label that lies."""

import codecs
import gzip
import json
import os
import random
import re
from collections import defaultdict
from pathlib import Path

import pytest

from curator.charsets import decode

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
CHARSETS = {
    "zh-Hans": ("gb18030", "utf-8", "utf-16-le"),
    "zh-Hant": ("big5hkscs", "gb18030", "utf-8", "utf-16-be"),
    "ja": ("cp932", "euc_jp", "utf-8"),
    "ko": ("cp949", "utf-8"),
    "ru": ("cp1251", "koi8-r", "utf-8"),
}
LIES = (None, "utf-8", "iso-8859-1", "gb2312", "big5")


def lines(name: str) -> list[dict]:
    path = DATA / name
    assert path.exists(), f"{path} is not there: point CURATOR_DATA at the data sets"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def same(one: str, other: str) -> bool:
    return codecs.lookup(one).name == codecs.lookup(other).name


def stripped(text: str) -> str:
    return re.sub(r"[\W_]+", "", re.sub(r"<[^>]+>|&[a-z#0-9]+;", "", text))


@pytest.mark.data
def test_raw_pages_are_decoded_as_the_index_says():
    wrong = []
    for row in lines("html_raw/index.jsonl"):
        found = decode(gzip.decompress((DATA / "html_raw" / row["file"]).read_bytes()))
        fits = row["decodes_as"]
        if fits and not any(same(found.charset, c) or (found.charset == "gb18030" and same("gbk", c)) for c in fits):
            wrong.append((row["file"], found.charset))
        assert found.text, row["file"]
    assert len(wrong) <= 1, wrong  # one is Shift-JIS by its label, and valid GB18030 by chance


@pytest.mark.data
def test_true_gb_bytes_hold_their_gold_text():
    pages = [row for row in lines("html_gold/gold.jsonl") if row["file"].startswith("cwced")]
    assert pages
    seen = defaultdict(int)
    for row in pages:
        found = decode(gzip.decompress((DATA / "html_gold" / row["file"]).read_bytes()))
        seen[found.charset] += 1
        page, gold = stripped(found.text), stripped(row["gold"])
        snippets = [gold[i : i + 8] for i in range(0, len(gold) - 8, 8)]
        assert sum(s in page for s in snippets) >= 0.9 * len(snippets), row["id"]
        assert found.replaced <= 2, row["id"]
    assert set(seen) == {"gb18030", "utf-8"}


@pytest.mark.data
def test_real_pages_in_other_charsets_under_labels_that_lie():
    """Every ninth page; `charset` in its markup is misspelled, so that the header's lie is all that is said."""
    wrong, count = [], 0
    for row in lines("html_gold/gold.jsonl")[::9]:
        if row["lang"] not in CHARSETS:
            continue
        text = decode(gzip.decompress((DATA / "html_gold" / row["file"]).read_bytes())).text
        text = re.sub("charset", "charzet", text, flags=re.I)
        for charset in CHARSETS[row["lang"]]:
            payload = text.encode(charset, "ignore")
            for lie in LIES:
                count += 1
                found = decode(payload, lie)
                if found.text != payload.decode(charset):
                    wrong.append((row["id"], charset, lie, found.charset))
    assert count > 200
    assert len(wrong) <= count // 200, wrong


@pytest.mark.data
def test_detection_by_language():
    """Sentences of many languages, joined to texts of 400 characters and more, without any label."""
    charsets = {
        "ar": "cp1256", "cs": "cp1250", "de": "cp1252", "el": "cp1253", "fr": "cp1252", "he": "cp1255", "hu": "cp1250",
        "ja": "cp932 euc_jp", "ko": "cp949", "lv": "cp1257", "pl": "cp1250 iso8859-2", "ru": "cp1251 koi8-r cp866",
        "th": "cp874", "tr": "cp1254", "uk": "cp1251 koi8-u", "vi": "cp1258", "yue": "big5hkscs", "zh-Hans": "gb18030 utf-8",
        "zh-Hant": "big5hkscs gb18030",
    }  # fmt: skip
    sentences = defaultdict(list)
    for row in lines("lid/lid.jsonl"):
        sentences[row["lang"]].append(row["text"])
    chance = random.Random(7)
    right = count = 0
    for language, names in charsets.items():
        for charset in names.split():
            for _ in range(8):
                text = ""
                while len(text) < 400:
                    text += chance.choice(sentences[language]) + "\n"
                payload = text.encode(charset, "ignore")
                right += decode(payload, markup=False).text == payload.decode(charset)
                count += 1
    assert right >= 0.98 * count, (right, count)
