"""Pages whose main text people have marked: what an engine is trained on and judged by."""

from __future__ import annotations

import bisect
import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from curator.charsets import decode

GRAM = 5

# Suffixes below which anyone may register, as far as the gold's addresses need them.
_SECOND = frozenset(["com", "co", "org", "net", "gov", "edu", "ac", "or", "ne", "go"])
_FORUM = (
    "forum",
    "bbs",
    "thread",
    "/topic/",
    "tieba",
    "reddit.",
    "discuss",
    "boards.",
    "club.",
    "twitter.",
    "weibo.",
    "quora.",
)
_QA = ("stackoverflow", "stackexchange", "/question", "zhidao.", "zhihu.", "/ans/", "/faq/", "answer")
_BLOG = ("blog", "cnblogs", "csdn", "51cto", "/note/", "smashingmagazine", "lifehacker", "wikihow")
_DOCS = ("/docs", "docs.", "/manual", "/help/", "/reference", "mathjax", "rdocumentation", "wikipedia", "cookbooks",
         "codecademy", "educba", "/terms", "learnku")  # fmt: skip


@dataclass(frozen=True)
class GoldPage:
    name: str
    payload: bytes
    gold: str
    language: str  # zh, en, or the origin's own code
    kind: str  # news, forum, qa, blog, docs
    site: str  # registrable domain: no site is on both sides of a split
    charset: str | None = None  # as HTTP said it
    digest: str = ""  # of the visible text that was marked, and which stretches of it were (see `marked`), in place of a text
    keep: tuple[tuple[int, ...], ...] | None = None
    markdown: bool = False  # what the gold is written in, with its rows of tables and marks of headings

    @property
    def tongue(self) -> str:
        return self.language if self.language in ("zh", "en") else "other"

    @property
    def page(self) -> str:
        return decode(self.payload, self.charset).text


def load(folder: Path) -> list[GoldPage]:
    """Every page with a human's text. The `readability` pages are left out: their gold is an algorithm's output."""
    pages = []
    with (folder / "gold.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            origin = row["file"].split("/")[0]
            if origin == "readability" or not squeezed(row["gold"]):
                continue
            payload = gzip.decompress((folder / row["file"]).read_bytes())
            site = registrable(row["url"]) if row["url"] else f"{origin}/{_template(payload)}"
            language = "zh" if row["lang"].startswith("zh") else row["lang"]
            kind, markdown = kind_of(origin, row["url"] or ""), row["gold_kind"] == "markdown"
            pages.append(GoldPage(row["id"], payload, row["gold"], language, kind, site, markdown=markdown))
    return pages


def _template(payload: bytes) -> str:
    """For pages without an address: the host that their own links name most often stands for the site."""
    hosts = Counter(
        registrable(found.decode("ascii", "replace").lower())
        for part in payload.split(b'href="http')[1:400]
        if (found := part.split(b'"', 1)[0].removeprefix(b"s")) and (found := b"http" + found)
    )
    return hosts.most_common(1)[0][0] if hosts else "none"


def registrable(url: str) -> str:
    host = (urlsplit(url).hostname or "") if "//" in url else url
    labels = host.split(".")
    keep = 3 if len(labels) > 2 and labels[-2] in _SECOND else 2
    return ".".join(labels[-keep:])


def kind_of(origin: str, url: str) -> str:
    """The class of a page, by where it comes from and its address."""
    url = url.lower()
    if any(word in url for word in _QA):
        return "qa"
    if origin == "magic-html-forum" or any(word in url for word in _FORUM):
        return "docs" if "learnku" in url else "forum"
    if any(word in url for word in _BLOG):
        return "blog"
    if origin in ("llm-webkit", "webmainbench") or any(word in url for word in _DOCS):
        return "docs"
    return "news"


def squeezed(text: str) -> str:
    """Without white space, and without what has no width."""
    return "".join(text.replace("\u200b", "").replace("\ufeff", "").split())


def grams(text: str) -> Counter[str]:
    text = squeezed(text)
    return Counter(text[i : i + GRAM] for i in range(len(text) - GRAM + 1)) or Counter([text])


def score(found: str, gold: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of character 5-grams, white space removed, repeats counted."""
    mine, wanted = grams(found), grams(gold)
    both = sum((mine & wanted).values())
    if not both:
        return 0.0, 0.0, 0.0
    precision, recall = both / sum(mine.values()), both / sum(wanted.values())
    return precision, recall, 2 * precision * recall / (precision + recall)


def labels(texts: list[str], gold: str) -> np.ndarray:
    """For each block the share of its characters that lie in the gold text, from 0 to 1.

    Long blocks are looked up by runs of characters; they anchor the page in the gold. A short one counts only where it
    occurs in the gold between what its neighbours anchor: `Reply` in the menu is not `Reply` in the thread.
    """
    wanted = squeezed(gold)
    dense = sum(ch > "\u2e7f" for ch in wanted) * 2 > len(wanted)
    run, short = (6, 10) if dense else (14, 22)
    where: dict[str, list[int]] = {}
    for i in range(len(wanted) - run + 1):
        where.setdefault(wanted[i : i + run], []).append(i)
    found = [squeezed(text) for text in texts]
    shares = np.zeros(len(found))
    spans: dict[int, tuple[int, int]] = {}
    for at, text in enumerate(found):
        if len(text) < short:
            continue
        covered = np.zeros(len(text), bool)
        places = []
        for i in range(len(text) - run + 1):
            if hits := where.get(text[i : i + run]):
                covered[i : i + run] = True
                if len(hits) == 1:
                    places.append(hits[0] - i)
        share = float(covered.mean())
        begin = wanted.find(text)
        if begin < 0 and places:
            begin = int(np.median(places))
        if share >= 0.7 and begin >= 0:
            spans[at] = (begin, begin + len(text))
        shares[at] = share if share >= 0.3 else 0.0
    _drop_copies(found, wanted, spans, shares)
    anchors = sorted(spans)
    for at, text in enumerate(found):
        if len(text) >= short or not text:
            continue
        place = bisect.bisect(anchors, at)
        low = max(0, spans[anchors[place - 1]][1] - 3) if place else None
        high = spans[anchors[place]][0] + 3 if place < len(anchors) else None
        if low is None and high is None:
            window = wanted
        elif low is None:
            window = wanted[max(0, high - 300) : high]  # type: ignore[operator]
        else:
            window = wanted[low : low + 300 if high is None else max(high, low)]
        shares[at] = float(text in window)
    return shares


def _drop_copies(found: list[str], wanted: str, spans: dict[int, tuple[int, int]], shares: np.ndarray) -> None:
    """Text that the page says more often than the gold (a title, a lead, a list of threads): the copies that break the gold's
    order are no content. The order kept is the heaviest increasing sequence of places."""
    blocks = sorted(spans)[:3000]
    if not blocks:
        return
    best = np.zeros(len(blocks))
    back = np.full(len(blocks), -1)
    begins = np.array([spans[at][0] for at in blocks])
    for i, at in enumerate(blocks):
        before = np.where(begins[:i] < begins[i], best[:i], 0.0)
        if i and before.max() > 0:
            back[i] = int(before.argmax())
        best[i] = len(found[at]) + (before.max() if i else 0.0)
    kept, i = set(), int(best.argmax())
    while i >= 0:
        kept.add(blocks[i])
        i = int(back[i])
    covered = np.zeros(len(wanted) + max(map(len, found)) + 1, bool)
    for at in kept:
        covered[spans[at][0] : spans[at][1]] = True
    for at in blocks:
        if at not in kept and covered[spans[at][0] : spans[at][1]].mean() > 0.5:
            copies = sum(found[at] in found[other] for other in kept)
            if wanted.count(found[at]) <= copies:
                shares[at] = 0.0
                del spans[at]


def table(
    pages: list[GoldPage], results: dict[str, float], group: Callable[[GoldPage], str]
) -> dict[str, tuple[int, float, float]]:
    """Pages, mean and standard error of the mean of F1 by group."""
    by: dict[str, list[float]] = {}
    for page in pages:
        by.setdefault(group(page), []).append(results[page.name])
    return {
        name: (len(values), float(np.mean(values)), float(np.std(values) / max(1, len(values) - 1) ** 0.5))
        for name, values in sorted(by.items())
    }
