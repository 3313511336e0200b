"""Main text extraction beside resiliparse and trafilatura, on the same pages in one process: F1 and pages per CPU second.

`python tests/bench/extraction.py` prints Markdown rows. Ours is judged by models that saw no page of a page's site (see
`curator.extraction.train`); the two peers are given decoded text, as ours is. `--speed` leaves the judgement out.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from curator.extraction import extract
from curator.extraction.gold import GoldPage, load, score, table
from curator.extraction.train import beside, example, judge, report

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
SPEED_PAGES = 150  # of the gold, drawn evenly: trafilatura takes seconds for them
ROUNDS = 3


def resiliparse(page: str) -> str:
    return extract_plain_text(HTMLTree.parse(page), main_content=True, alt_texts=False)


def trafilatura(page: str) -> str:
    from trafilatura import extract as their

    return their(page) or ""


ENGINES: dict[str, Callable[[str], str]] = {
    "curator": lambda page: extract(page).text,
    "resiliparse": resiliparse,
    "trafilatura": trafilatura,
}


def speeds(pages: list[str]) -> dict[str, float]:
    """Pages per CPU second, the best of several turns; the engines take turns, so that a busy machine is busy for all."""
    least = dict.fromkeys(ENGINES, float("inf"))
    for engine in ENGINES.values():
        engine(pages[0])  # compile, load
    for _ in range(ROUNDS):
        for name, engine in ENGINES.items():
            began = time.process_time()
            for page in pages:
                engine(page)
            least[name] = min(least[name], time.process_time() - began)
    return {name: len(pages) / spent for name, spent in least.items()}


def peers(pages: list[GoldPage], decoded: list[str]) -> None:
    for name in ("resiliparse", "trafilatura"):
        results = {page.name: score(ENGINES[name](text), page.gold)[2] for page, text in zip(pages, decoded)}
        groups = (lambda p: p.tongue, lambda p: f"{p.tongue} {p.kind}")
        rows = [row for group in groups for row in table(pages, results, group).items()]
        for group, (count, mean, spread) in rows:
            print(f"| {name}, {group} | {count} | {mean:.3f} | {spread:.3f} |", flush=True)


def main(arguments: list[str] | None = None) -> None:
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    pages = load(DATA / "html_gold")
    decoded = [page.page.replace("\0", "") for page in pages]
    sample = [decoded[at] for at in np.linspace(0, len(decoded) - 1, SPEED_PAGES).astype(int)]
    found = speeds(sample)
    print("| engine | pages per CPU second | times trafilatura's |\n|---|---|---|")
    for name, speed in found.items():
        print(f"| {name} | {speed:,.0f} | {speed / found['trafilatura']:.1f} |", flush=True)
    if "--speed" in (arguments or sys.argv):
        return
    examples = [example(page) for page in pages]
    print(
        "\nF1 of character 5-grams on sites not trained on\n\n" + report(examples, *judge(examples, beside(DATA))), flush=True
    )
    peers(pages, decoded)


if __name__ == "__main__":
    main()
