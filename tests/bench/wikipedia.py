"""How MediaWiki's own tests of `-{…}-` are resolved, what is left of markup in real pages, and how fast wikitext is read."""

from __future__ import annotations

import bz2
import html
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curator.sources import wikihtml, wikitemplates
from curator.sources.wikitext import Namespaces, article
from curator.sources.wikivariants import LANGUAGES
from curator.sources.wikixml import BadPage, Page, Splitter, Utf8, read_head, read_page

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROUNDS = 3
END = "∎"
UNPAIRED = re.compile(r"\[\[|\]\]|\{\{|\}\}")  # brackets without a partner, which MediaWiki shows and we never do

# Cases that MediaWiki resolves otherwise, by their names, and why this is as it should be or what is missing.
REASONS = {
    "Preprocessor precedence 11: found during visual diff testing": "no variants at all: `{{#tag:…}}` is not run",
    "Preprocessor precedence 12: broken language converter closed by brace.": "`-{` that never ends breaks its template there",
    "Preprocessor precedence 13: broken language converter in external link": "`-{` that never ends breaks its template there",
    "Preprocessor precedence 18: another rightmost wins scenario": "`-{` that never ends breaks its template there",
    "T153135: Nested language converter markup in definition list (code coverage)": "`;term:text` without blanks is not cut",
    "Balinese language conversion": "no transliteration of Balinese; the markup itself is resolved",
}


@dataclass(frozen=True)
class Case:
    name: str
    wikitext: str
    expected: str  # what a reader sees, without white space
    parsoid: str | None  # Parsoid's HTML of the same page, its variants not resolved
    variant: str | None
    language: str
    title: bool  # whether the first line expected is the page's title
    page: str

    def resolved(self) -> str:
        wikitext = f"{self.wikitext}\n{END}"  # a section without text would not be shown
        found = article(wikitext, variant=self.variant, variants=self.language in LANGUAGES, title=self.page)
        return bare(f"{found.title}\n{found.text}" if self.title else found.text).removesuffix(END)

    def resolved_html(self) -> str:
        text, title = wikihtml.article(f"{self.parsoid}<p>{END}</p>", self.variant, self.page)
        return bare(f"{title}\n{text}" if self.title else text).removesuffix(END)

    def agrees(self, apart_from: re.Pattern[str] | None = None) -> bool:
        found, expected = self.resolved(), self.expected
        if apart_from:
            found, expected = apart_from.sub("", found), apart_from.sub("", expected)
        return found == expected


_CASE = re.compile(r"^!! ?test\n(.*?)^!! ?end$", re.DOTALL | re.MULTILINE)
_SECTION = re.compile(r"^!! *([\w/+*-]+)[^\n]*\n", re.MULTILINE)
_OPTION = re.compile(r"\b(\w+)=(\[\[[^\]]*\]\]|\S+)")
_HIDDEN = re.compile(
    r"<!--.*?-->|<span class=\"mw-editsection\">.*?</a><span class=\"mw-editsection-bracket\">\]</span></span>|<[^<>]*>",
    re.DOTALL,
)


def bare(text: str) -> str:
    """Without white space and the marks of lists."""
    lines = (re.sub(r"^\s*(?:- |\d+\. )", "", line) for line in text.split("\n"))
    return "".join("".join(lines).split())


def visible(markup: str) -> str:
    return bare(html.unescape(_HIDDEN.sub("", markup)))


def cases() -> Iterator[Case]:
    """Tests with `-{` outside of a template's or comment's name whose page MediaWiki's own parser renders."""
    for name in ("langParserTests.txt", "parserTests.txt"):
        for found in _CASE.findall((DATA / "wiki" / "parsoid" / name).read_text(encoding="utf-8")):
            title, *rest = _SECTION.split(found)
            sections = dict(zip(rest[::2], rest[1::2]))
            expected = next((sections[k] for k in ("html/php", "html/php+tidy", "html/*", "html") if k in sections), None)
            if expected is None or "-{" not in sections.get("wikitext", ""):
                continue
            options = sections.get("options", "")
            values = dict(_OPTION.findall(options))
            language, variant = values.get("language", "en"), values.get("variant")
            yield Case(
                title.strip(),
                sections["wikitext"],
                visible(expected),
                sections.get("html/parsoid"),
                None if variant == "zh" else variant,
                language,
                "showtitle" in options,
                values.get("title", "[[Parser test]]").strip("[]"),
            )


def judged() -> tuple[int, list[Case]]:
    """How many cases are resolved as MediaWiki does, and the others. The tests' own template `{{1x|text}}` gives its
    argument."""
    wikitemplates.TEMPLATES["1x"] = wikitemplates.argument(1)
    try:
        wrong = [case for case in cases() if not case.agrees(UNPAIRED)]
    finally:
        del wikitemplates.TEMPLATES["1x"]
    return sum(1 for _ in cases()) - len(wrong), wrong


def variants() -> None:
    right, wrong = judged()
    print(f"| `-{{…}}-` resolved as MediaWiki does | {right} of {right + len(wrong)} | {right / (right + len(wrong)):.1%} |")
    rendered = [case for case in cases() if case.parsoid and "LanguageVariant" in case.parsoid]
    same = sum(case.resolved_html() == case.expected for case in rendered)
    print(f"| … of Parsoid's HTML of the same pages | {same} of {len(rendered)} | {same / len(rendered):.1%} |")
    for case in wrong:
        print(f"| not: {case.name} | {REASONS.get(case.name, 'unexplained')} | |")


LEFT = re.compile(
    r"\{\{|\}\}|\[\[|\]\]|^\|[-}]|\{\||<ref|&nbsp;|\'\'|\bthumb\||__[A-Z]{4,}__|-\{|\}-|[\x00-\x08]", re.MULTILINE
)
_CODE = re.compile(r"\$[^$\n]*\$")  # formulas may have any bracket


def pages(pattern: str) -> Iterator[tuple[Page, Namespaces]]:
    for path in sorted((DATA / "wiki").glob(pattern)):
        dump = Utf8()(bz2.decompress(path.read_bytes()))
        namespaces = Namespaces().including(read_head(dump).namespaces)
        for found in Splitter(32 << 20).feed(dump):
            if not isinstance(found, BadPage):
                page = read_page(found)
                if page.model == "wikitext" and not page.redirect and page.namespace == 0:
                    yield page, namespaces


def reading(name: str, pattern: str, variant: str | None = None) -> None:
    found = list(pages(pattern))
    size = sum(len(page.text.encode()) for page, _ in found) / 1e6
    spent: list[float] = []
    texts: list[str] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        texts = [article(page.text, namespaces, variant).text for page, namespaces in found]
        spent.append(time.process_time() - began)
    left = sum(LEFT.search(_CODE.sub("", text)) is not None for text in texts)
    print(
        f"| {name}: {len(found)} articles, {size:.1f} MB of wikitext | {size / min(spent):.2f} MB/s "
        f"| markup left in {left} ({left / len(found):.1%}) |"
    )


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    print("| what | figure | |\n|---|---|---|")
    variants()
    reading("English", "enwiki-latest-*.bz2")
    reading("Chinese, as written", "zhwiki-3pages*.bz2")
    reading("Chinese into zh-cn", "zhwiki-3pages*.bz2", "zh-cn")
    reading("Some 120 languages", "dbpedia-minidumps/*.bz2")


if __name__ == "__main__":
    main()
