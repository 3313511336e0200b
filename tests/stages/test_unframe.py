"""`unframe`: maximal passages, against a slow reference; what goes of pages and stays of texts."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import mean

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.extract.html2text import extract_plain_text

from curator.documents import SCHEMA
from curator.extraction import gold
from curator.stages.unframe import Unframe, passages, unframed

MENU = "首页\n新闻\n产品中心\n关于我们\n联系我们\n客户案例 | 下载中心 | 在线留言\n"
TEXT = (
    "老城的河道在上个世纪五十年代被填平，后来又挖了出来，只是比从前窄了许多。\n"
    "“你还记得那座桥吗？”\n"
    "“记得。”\n"
    "他说，桥拆掉以后，石头运到城外修了堤，至今还能在堤上看到刻着年号的那一块。\n"
    "1、先看河道\n"
    "堤外的田地现在是一片湿地，每年十月有候鸟飞来，附近的学校会带着学生去数它们的数目。"
)
FOOTER = "\n友情链接\n旅游网 地图网 天气网\n上一篇 下一篇\n网站地图\n电话 传真 邮箱"
ENGLISH = (
    "The mill stood by the river until the railway came, and then it stood empty for forty years.\n"
    "Nobody remembers who bought it. The roof went first, the wheel last of all."
)


def test_menus_before_and_behind_a_text_go() -> None:
    assert unframed(MENU + TEXT + FOOTER, 0.25) == TEXT
    menu = "Home\nAbout\nBlog\n  • Contact us\n  • Terms\n"
    assert unframed(menu + ENGLISH + "\nPrevious post\nNext post\nFacebook | Twitter", 0.25) == ENGLISH


def test_a_small_passage_goes_beside_a_large_one_and_stays_beside_its_like() -> None:
    note = "本站内容来自网络，如有侵犯请联系我们删除。"
    assert unframed(TEXT + "\n" + MENU * 3 + note, 0.25) == TEXT
    assert unframed(note + "\n" + MENU * 3 + TEXT, 0.25) == TEXT
    assert unframed(TEXT + "\n" + MENU * 3 + TEXT, 0.25) == TEXT + "\n" + TEXT


@pytest.mark.parametrize(
    "text", [TEXT, ENGLISH, "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。", "首页\n新闻\n产品", "", "\n\n"]
)
def test_what_is_all_text_or_has_none_stays(text: str) -> None:
    assert unframed(text, 0.25) == text


def test_nulls_slices_and_empty_batches() -> None:
    rows = [{"text": t} for t in ("x", None, MENU + TEXT, "")]
    docs = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    assert Unframe()(docs.slice(1))["text"].to_pylist() == [None, TEXT, ""]
    assert Unframe()(docs.slice(0, 0))["text"].to_pylist() == []


def test_a_share_that_is_none_is_refused() -> None:
    for share in (0, 1.5):
        with pytest.raises(ValueError, match=r"^share: "):
            Unframe(share=share)


def reference(worths: list[int], offset: int = 0) -> list[tuple[int, int, int]]:
    """The shortest, first part of the greatest sum, then the same on either side of it."""
    spans = [(a, b) for a in range(len(worths)) for b in range(a + 1, len(worths) + 1)]
    best = max(spans, key=lambda s: (sum(worths[s[0] : s[1]]), s[0] - s[1], -s[0]), default=(0, 0))
    total = sum(worths[best[0] : best[1]])
    if total <= 0:
        return []
    first, behind = best
    left, right = reference(worths[:first], offset), reference(worths[behind:], offset + behind)
    return [*left, (total, offset + first, offset + behind), *right]


@given(st.lists(st.integers(-5, 5), max_size=14))
def test_passages_are_the_maximal_subsequences(worths: list[int]) -> None:
    assert list(passages(worths)) == reference(worths)


def test_a_million_lines_take_linear_time() -> None:
    begun = time.process_time()
    assert len(list(passages([1, -2] * 200_000))) == 200_000
    assert len(list(passages([-2, 1] * 200_000))) == 200_000
    assert time.process_time() - begun < 5


@pytest.mark.data
def test_of_all_that_pages_show_most_of_the_text_and_little_else_stays() -> None:
    """Five-character F1 of Chinese pages' whole text against their gold: 0.55 as it is, 0.86 after."""
    data = Path(os.environ.get("CURATOR_DATA", Path(__file__).parents[3] / "shared" / "data"))
    assert data.is_dir(), f"no data at {data}: set CURATOR_DATA to the folder that MANIFEST.md describes"
    pages = [page for page in gold.load(data / "html_gold") if page.language == "zh"][::4]
    assert len(pages) > 50
    whole = [extract_plain_text(page.page, alt_texts=False) for page in pages]
    before, after = (
        mean(gold.score(text, page.gold)[2] for text, page in zip(texts, pages, strict=True))
        for texts in (whole, [unframed(text, 0.25) for text in whole])
    )
    assert after > 0.83
    assert after > before + 0.2
