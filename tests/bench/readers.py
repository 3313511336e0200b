"""How far main text can be told from the page: the gold beside careful readers, beside our model, and beside the best choice.

`python tests/bench/readers.py` prints Markdown rows. `readers.jsonl` holds what six readers chose: language models, each given
a page's blocks of visible text with their tags, and three pages of most classes with their gold. A row has stretches of the
visible text, white space removed, and its digest, as `curator/extraction/labels.jsonl` has. No reader saw the gold of a page
that he read. First 130 pages were drawn, none of over 700 blocks, of news two a site at most; then came those on which our
model was weak. So a class's weak pages and its others have their own means, which are weighted by the number of their pages.

`best` is the choice of blocks with the highest F1 that a greedy search finds, from those whose text the gold holds: what no
reader and no model can exceed by much.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from curator.extraction.gold import grams, load, score
from curator.extraction.marked import shares
from curator.extraction.render import plain, separately
from curator.extraction.train import Example, beside, example, judge

DATA = Path(os.environ.get("CURATOR_DATA", "../shared/data"))
ROWS = Path(__file__).with_name("readers.jsonl")
WEAK = {"zh": 0.93, "en": 0.9}  # F1 of our model below which a page was read without being drawn
LEAST, FLIPS, SEARCHED, ENOUGH = 0.003, 40, 1500, 0.985  # of `best`: gain of a flip, flips, blocks of a page, F1 left alone


def f1(e: Example, chosen: np.ndarray) -> float:
    return score(plain(e.tree, e.blocks, chosen), e.page.gold)[2]


def read(e: Example, row: dict) -> float:
    """F1 of what a reader chose."""
    page = replace(e.page, digest=row["digest"], keep=tuple(map(tuple, row["keep"])))
    return f1(e, shares(page, separately(e.tree, e.blocks)) >= 0.5)


def best(e: Example) -> float:
    chosen = e.share >= 0.5
    reached = f1(e, chosen)
    if reached > ENOUGH or len(e.blocks) > SEARCHED:
        return reached
    wanted = grams(e.page.gold)
    held = [grams(text) for text in separately(e.tree, e.blocks)]
    likely = [at for at, text in enumerate(held) if chosen[at] or 2 * sum((text & wanted).values()) >= sum(text.values())]
    for _ in range(FLIPS):
        gain, flip = LEAST, -1
        for at in likely:
            chosen[at] = not chosen[at]
            gain, flip = max((gain, flip), (f1(e, chosen) - reached, at))
            chosen[at] = not chosen[at]
        if flip < 0:
            break
        chosen[flip] = not chosen[flip]
        reached += gain
    return reached


def table(examples: Sequence[Example], model: dict[str, float], readers: dict[str, float], most: dict[str, float]) -> str:
    """A row for each language and class. Where no page of a class's weak ones or others was read, the model stands for them."""
    strata = defaultdict(list)
    for e in examples:
        strata[e.page.tongue, e.page.kind, model[e.page.name] < WEAK[e.page.tongue]].append(e.page.name)
    stood = {}
    for names in strata.values():
        found = [readers[name] for name in names if name in readers]
        stood |= {name: float(np.mean(found)) if found else model[name] for name in names} | {
            name: readers[name] for name in names if name in readers
        }
    lines = ["| pages | count | read | readers | curator | best |", "|---|---|---|---|---|---|"]
    count, sums = Counter(), defaultdict(lambda: np.zeros(4))
    for e in examples:
        name = e.page.name
        for group in (e.page.tongue, f"{e.page.tongue} {e.page.kind}"):
            count[group] += 1
            sums[group] += [name in readers, stood[name], model[name], most[name]]
    for group, n in sorted(count.items()):
        seen, *means = sums[group]
        lines.append(f"| {group} | {n} | {seen:.0f} | " + " | ".join(f"{mean / n:.3f}" for mean in means) + " |")
    return "\n".join(lines)


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA}: no data; name it with CURATOR_DATA")
    everything = [example(page) for page in load(DATA / "html_gold")]
    by_name = {e.page.name: e for e in everything}
    found = defaultdict(list)
    for row in map(json.loads, ROWS.read_text(encoding="utf-8").splitlines()):
        found[row["page"]].append(read(by_name[row["page"]], row))
    both = np.array([scores for scores in found.values() if len(scores) == 2])
    print(f"{len(both)} pages have two readers: {both[:, 0].mean():.3f} and {both[:, 1].mean():.3f}\n", flush=True)
    model = {name: result.text for name, result in judge(everything, beside(DATA))[0].items()}
    judged = [e for e in everything if e.page.tongue in WEAK]
    most = {e.page.name: best(e) for e in judged}
    print(table(judged, model, {name: float(np.mean(scores)) for name, scores in found.items()}, most))


if __name__ == "__main__":
    main()
