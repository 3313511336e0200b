"""Mutated pages through the engine: `python tests/extraction/fuzz.py [PAGES] [SEED]`. A page that raises, or takes over a
second, is written below `finds/` beside the current folder; what it shows becomes a test in test_hostile.py."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

TOKENS = [
    *(
        "<",
        ">",
        "</",
        "/>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        '"',
        "'",
        "=",
        "&",
        "&#x110000;",
        "&amp",
        "\0",
        "\r",
        "\x0c",
        "\u00a0",
    ),
    *(
        "<a href=x>",
        "</a>",
        "<b>",
        "</b>",
        "<p>",
        "</p>",
        "<br>",
        "<div class='content'>",
        "</div>",
        "<svg>",
        "</svg>",
        "<math>",
    ),
    *(
        "<math alttext='x'>",
        "</math>",
        "<annotation encoding='application/x-tex'>",
        "<script type='math/tex'>",
        "</script>",
        "<pre>",
    ),
    *(
        "</pre>",
        "<table>",
        "<tr>",
        "<td>",
        "</table>",
        "<template>",
        "</template>",
        "<noscript>",
        "<textarea>",
        "<title>",
        "</title>",
    ),
    *(
        "<select><option>",
        "<plaintext>",
        "<frameset>",
        "<body class='x'>",
        "<html lang=zh>",
        "<li>",
        "<ol>",
        "<h1>",
        "<x-y>",
        "<o:p>",
    ),
    *(
        "<span class=katex-html>",
        "<form>",
        "<button>",
        "<iframe>",
        "<style>",
        "</style>",
        "<xmp>",
        "<ruby><rt>",
        "<desc>",
        "<mi>",
    ),
    *("\ud800", "\uffff", "\U0010ffff", "𠀀", "。", "中文，", "<meta name=author content='", '<link rel="canonical" href="'),
]


def mutated(page: str, source: random.Random) -> str:
    """Some bytes' worth of damage: tokens put in, parts cut, doubled, moved."""
    page = page[: source.choice((2_000, 20_000, 200_000))]
    for _ in range(source.choice((1, 3, 10, 40))):
        at = source.randrange(len(page) + 1)
        length = source.choice((1, 5, 50, 500))
        match source.randrange(5):
            case 0:
                page = page[:at] + source.choice(TOKENS) + page[at:]
            case 1:
                page = page[:at] + page[at + length :]
            case 2:
                page = page[:at] + page[at : at + length] * source.choice((2, 3, 20)) + page[at + length :]
            case 3:
                page = page[:at] + "".join(source.choices(TOKENS, k=source.choice((2, 10)))) + page[at + length :]
            case 4:
                to = source.randrange(len(page) + 1)
                page = page[:to] + page[at : at + length] + page[to:]
    return page


def main(count: int = 2000, seed: int = 0) -> int:
    from curator.extraction.gold import load
    from curator.stages.extract import read_page

    source = random.Random(seed)
    pages = [p.page for p in load(Path(os.environ.get("CURATOR_DATA", "../shared/data")) / "html_gold")]
    finds = 0
    for number in range(count):
        page = mutated(source.choice(pages), source).encode("utf-8", "surrogatepass")
        Path("fuzz_last.html").write_bytes(page)  # what is here after a crash is the find
        began = time.process_time()
        try:
            for form in ("text", "markdown"):
                read_page(page, "text/html", form=form)
            wrong = "slow" if time.process_time() - began > 2 else ""
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            finds += 1
            Path("finds").mkdir(exist_ok=True)
            Path(f"finds/{seed}-{number}.html").write_bytes(page)
            print(number, wrong, flush=True)
    Path("fuzz_last.html").unlink(missing_ok=True)
    print(f"{count} pages, {finds} finds")
    return finds


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
