"""Copies of Chinese pages with notices of a site written behind the text: whose rights it is, how to reach the editors, what
else to read. They are trained on beside the gold and never judged.

A template's notice stands in the element of the article, in paragraphs like its own; only what it says tells it apart. The
gold's few hundred sites have too few of them for the model to learn that from. `notices.txt` was written for this project: a
notice a line, in simplified characters or traditional ones, of no site that exists.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np

NOTICES = Path(__file__).with_name("notices.txt")
_MOST = 3  # notices on a page
_TAIL, _REACH = 10, 80  # characters that find a block's end in the source; behind them its element ends
_LONG, _TRIED = 25, 3  # characters of a block that may be the last of the text; how many of the last ones are tried
_END = re.compile(r"</p>|<br ?/?>|</div>", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_TRADITIONAL = frozenset("聲責內僅與們這網專頁電話線訂閱會員觀點轉載違權歡個為說時國對來後還發經過聞請聯")
_SIMPLIFIED = frozenset("声责内仅与们这网专页电话线订阅会员观点转载违权欢个为说时国对来后还发经过闻请联")


def traditional(text: str) -> bool:
    return sum(ch in _TRADITIONAL for ch in text) > sum(ch in _SIMPLIFIED for ch in text)


def noticed(name: str, html: str, texts: list[str], share: np.ndarray) -> str | None:
    """The page with one to _MOST notices behind its text, None where its end is not found. `texts` are those of its blocks,
    `share` how much of each is main text; what is drawn depends on `name` alone."""
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    last = [text for text, held in zip(texts, share) if held >= 0.8 and len(text) >= _LONG][-_TRIED:]
    hant = traditional("".join(last))
    fit = [line for line in NOTICES.read_text(encoding="utf-8").splitlines() if traditional(line) == hant]
    for text in reversed(last):
        at = html.rfind(text[-_TAIL:])
        end = _END.search(html, at + _TAIL, at + _TAIL + _REACH) if at >= 0 else None
        if end:
            lines = [fit[i] for i in draw.permutation(len(fit))[: draw.integers(1, _MOST + 1)]]
            lines = [_DIGIT.sub(lambda _: str(draw.integers(10)), line) for line in lines]
            paragraphs = end.group().lower() == "</p>" or (end.group().lower() == "</div>" and draw.random() < 0.5)
            written = "".join(f"<p>{line}</p>" if paragraphs else f"<br>{line}<br>" for line in lines)
            place = end.start() if end.group().lower() == "</div>" else end.end()
            return html[:place] + written + html[place:]
    return None
