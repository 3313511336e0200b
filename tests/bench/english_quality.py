"""How en_web tells good English text from what surrounds it on web pages: tables in Markdown, over the real data
(`CURATOR_DATA`). With the names of other filters, those too.

Junk is what stands around the gold text of web pages: all lines of a page that its gold text does not have. It has other
lengths and more newlines than text, so a baseline that knows only those is printed beside, and once its lines joined until
they are as long as a good text, with as many newlines and its last character (which alone decides about a text in one line).
Texts have 50 words and more. Everything is in halves by hash: the rules were chosen on `tuning`; `held-out` was only measured,
but for the encyclopedia, whose failures were all looked at.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping

from chinese_quality import DATA, Halves, good_table, halves, junk_table, mixed_good, rows, spam_pages
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from curator.stages.filter import Filter
from filters import beside

LEAST = 50  # words of a text
LONGEST = 200  # characters of a line that is joined with others


def long(texts: Iterable[str]) -> Halves:
    return halves(text for text in texts if len(text.split()) >= LEAST)


def good_sets() -> dict[str, Halves]:
    of: dict[str, list[str]] = {}
    for name, text in beside("english.py").documents():
        of.setdefault(name, []).append(text)
    news = [json.loads(line)["text"] for line in (DATA / "dedup/mccormick_1000.docs.jsonl").open(encoding="utf-8")]
    return {
        "encyclopedia, whole articles": long(of["wikipedia"]),
        "news": long(news),
        "books by chapters": long(of["books"]),
        "gold text of web pages, forums too": long(of["gold"]),
    }


def frames() -> Halves:
    """Of each page with a gold text the lines that are not in it."""

    def bare(text: str) -> str:
        return re.sub(r"[\W_]", "", text)

    found = []
    for row in rows("html_gold/gold.jsonl"):
        if row["lang"] == "en" and not row["gold_kind"].startswith("algorithm"):
            page = gzip.decompress((DATA / "html_gold" / row["file"]).read_bytes())
            html = bytes_to_str(page, detect_encoding(page) or "utf-8")
            lines = extract_plain_text(html, main_content=False, alt_texts=False).split("\n")
            gold = bare(row["gold"])
            found.append("\n".join(line for line in lines if bare(line) and bare(line) not in gold))
    return long(found)


def junk_sets(sets: Mapping[str, Halves]) -> dict[str, tuple[Halves, Halves]]:
    """Name -> junk, and good text to set beside it."""
    around = frames()
    good = {half: mixed_good(sets, half) for half in around}
    some = {half: [text for text in texts if len(text) <= 4000] for half, texts in good.items()}
    lines = {
        half: [line.strip() + " " for text in texts for line in text.split("\n") if len(line) <= LONGEST]
        for half, texts in around.items()
    }
    return {
        "what surrounds the text of pages": (around, good),
        "its lines joined: lengths, newlines, last characters matched": (
            {
                half: [page[:-1] + text[-1] for page, text in zip(spam_pages(some[half], lines[half]), some[half])]
                for half in some
            },
            some,
        ),
    }


def tables(preset: str) -> Iterator[Iterator[str]]:
    stage, sets = Filter.load(preset), good_sets()
    yield good_table(stage, sets)
    yield junk_table(stage, junk_sets(sets))


def main(*presets: str) -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    for preset in presets or ("en_web",):
        print(f"**{preset}**\n")
        for table in tables(preset):
            print(*table, sep="\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
