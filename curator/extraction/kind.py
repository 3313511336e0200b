"""What kind of page it is, by what its head says: a thread, an article, a manual. Under an article, comments are beside the
point; in a thread they are the point."""

from __future__ import annotations

import re
import sys

import numpy as np

from curator.extraction.about import HEAD, each

# Types of schema.org, in JSON-LD and in microdata.
_TYPES = tuple(
    (
        re.compile(rf'"@type"\s{{0,9}}:\s{{0,9}}\[?\s{{0,9}}"(?:{names})"'),
        re.compile(rf'itemtype="https?://schema\.org/(?:{names})"'),
    )
    for names in ("DiscussionForumPosting|QAPage|Question|Answer", "NewsArticle|ReportageNewsArticle|Article|BlogPosting")
)
# Words of an address, of the name of a site or of its software, of a title, of the class of <body>.
_WORDS = {
    "forum": "forum bbs thread topic tieba reddit discuss board. board/ boards. boards/ club. community phpbb vbulletin discuz "
    "论坛 論壇 贴吧 社区 討論區 讨论",
    "questions": "question answer /faq /ask zhidao /qa/ 问答 問答 stackoverflow stackexchange",
    "blog": "blog wordpress /note/ 博客 部落格 網誌",
    "manual": "/docs docs. /doc/ manual /help/ /reference /api/ wiki sphinx docusaurus mkdocs jekyll javadoc tutorial "
    "文档 教程",
    "news": "news article story 新闻 新聞 /19 /20",
}
_GROUPS = tuple(tuple(words.split()) for words in _WORDS.values())
_BODY = re.compile(r"<body[^<>]{0,600}>")
KINDS = 2 * len(_TYPES) + 3 * len(_GROUPS) - 2  # the last group is asked of addresses alone


def kind(html: str, said: dict[str, str], title: str | None, address: str | None) -> np.ndarray:
    """KINDS answers of yes (1) and no (0); `said` is what <meta> says, `address` the page's own."""
    linked, marked = '"@type"' in html, 'itemtype="' in html
    typed = [
        (linked and _found(json, '"@type"', html)) or (marked and _found(data, 'itemtype="', html)) for json, data in _TYPES
    ]
    graph = said.get("og:type", "").lower()
    body = _found(_BODY, "<body", html, HEAD)
    names = " ".join([address or "", *(said.get(name, "") for name in ("og:url", "generator", "og:site_name"))]).lower()
    answers = [*map(bool, typed), graph in ("article", "news"), graph == "website"]
    answers += [_speaks(names, words) for words in _GROUPS]
    for text in ((title or "").lower(), body[0].lower() if body else ""):
        answers += [_speaks(text, words) for words in _GROUPS[:-1]]
    return np.array(answers, np.float32)


def _found(pattern: re.Pattern[str], beginning: str, html: str, end: int = sys.maxsize) -> re.Match[str] | None:
    return next(each(pattern, beginning, html, end), None)


def _speaks(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
