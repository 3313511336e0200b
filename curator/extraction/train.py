"""Train the model and judge it on sites that it has not seen: `python -m curator.extraction.train GOLD_FOLDER`.

Needs lightgbm (`pip install "curator[dev]"`); the engine does not. With the same data and version the file comes out the same.
First the judgement: the pages are split by site (registrable domain) into folds; each fold's pages are extracted by models
that saw no page of their sites. Then the model of all pages is written beside this file. `--judge` stops before that.

Beside the gold, which is judged, pages are trained on that were read and marked for this project (see `marked`); they are
looked for in the folder around GOLD_FOLDER, and where a page's site is judged they are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from curator.extraction import about, marked
from curator.extraction.blocks import Blocks, cut
from curator.extraction.choose import choose, described
from curator.extraction.forest import mostly_han, read
from curator.extraction.gold import GoldPage, labels, load, score, squeezed, table
from curator.extraction.kind import kind
from curator.extraction.markdown import markdown
from curator.extraction.notices import noticed
from curator.extraction.outline import outline
from curator.extraction.render import plain, separately
from curator.extraction.tree import Tree, parse
from curator.extraction.whole import FEATURES

FOLDS = 5
MODELS = 6  # whose sums are averaged: they differ by the rows and columns that each tree was shown
ROUNDS = 120
MOST_BLOCKS = 220  # of a page that are trained on: a table of contents of ten thousand lines must not be the data
COPY = 0.5  # what a copy with notices weighs beside its page
MODEL = Path(__file__).with_name("model.json")
SETTINGS: Mapping[str, Any] = {
    "objective": "cross_entropy",
    "learning_rate": 0.1,
    "num_leaves": 24,
    "min_data_in_leaf": 200,  # rows, about as many as a page has: no leaf may be one page
    "feature_fraction": 0.25,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
}


class Found(NamedTuple):
    """F1 of a page: of its plain text, and of what is written as its gold is, in Markdown or plain."""

    text: float
    alike: float


@dataclass
class Example:
    page: GoldPage
    tree: Tree
    blocks: Blocks
    kind: np.ndarray
    table: np.ndarray
    share: np.ndarray  # of each block's text that the gold holds
    kept: np.ndarray  # rows that are trained on
    weight: np.ndarray


def example(page: GoldPage) -> Example:
    return _example(page, page.page.replace("\0", ""))


def _example(page: GoldPage, html: str) -> Example:
    tree = parse(html)
    said, title = about.metas(tree.html), about.title(tree.html)
    blocks = cut(tree, title or "", about.description(said))
    sort = kind(tree.html, said, title, about.canonical(tree.html, said))
    texts = separately(tree, blocks)
    kept = np.sort(np.random.default_rng(5).permutation(len(blocks))[:MOST_BLOCKS])
    size = np.array([max(1, len(squeezed(text))) for text in texts], np.float64)[kept] ** 0.7
    table = described(tree, blocks, outline(tree, blocks), sort)
    share = labels(texts, page.gold) if page.keep is None else marked.shares(page, texts)
    return Example(page, tree, blocks, sort, table, share, kept, size / max(size.sum(), 1.0))


def with_notices(e: Example) -> Example | None:
    """A copy of a Chinese page of the gold behind whose text the site speaks of itself (see `notices`)."""
    if not mostly_han(e.blocks.counts):
        return None
    html = noticed(e.page.name, e.page.page.replace("\0", ""), separately(e.tree, e.blocks), e.share)
    copy = html and _example(e.page, html)
    return replace(copy, weight=COPY * copy.weight) if copy else None


def beside(data: Path) -> list[Example]:
    """The marked pages. Those of a site weigh together as much as the root of their number: many are made from one template."""
    pages = marked.load(data)
    number = Counter(page.site for page in pages)
    examples = [example(page) for page in pages]
    return [replace(e, weight=e.weight / number[e.page.site] ** 0.5) for e in examples]


def folds(examples: Sequence[Example], count: int, seed: int) -> np.ndarray:
    """A fold for every example; pages of a site are in one, and the folds are of about one size."""
    pages = Counter(e.page.site for e in examples)
    sites = sorted(pages)
    np.random.default_rng(seed).shuffle(sites)
    held = [0] * count
    fold_of = {}
    for site in sorted(sites, key=lambda s: -pages[s]):
        fold_of[site] = held.index(min(held))
        held[fold_of[site]] += pages[site]
    return np.array([fold_of[e.page.site] for e in examples])


def train(examples: Sequence[Example]) -> list[dict[str, list]]:
    """The trees of MODELS models."""
    import lightgbm

    rows = np.concatenate([e.table[e.kept] for e in examples])
    share = np.concatenate([e.share[e.kept] for e in examples])
    weight = np.concatenate([e.weight for e in examples])
    data = lightgbm.Dataset(rows, label=share, weight=weight / weight.mean(), params=dict(SETTINGS), free_raw_data=False)
    boosters = [lightgbm.train({**SETTINGS, "seed": seed}, data, ROUNDS) for seed in range(2, 2 + MODELS)]
    return [_tree(tree["tree_structure"]) for b in boosters for tree in b.dump_model()["tree_info"]]


def both(examples: Sequence[Example], more: Sequence[Example]) -> tuple[list[dict[str, list]], list[dict[str, list]]]:
    """The trees for Chinese pages, of the gold and copies of it with notices, and those for others. The marked pages, few of
    them Chinese and without their headlines, cost the first .002 on each of three partitions and gain the second .005. The
    copies and the phrases that were added for them gain the first .0043, .0012 and .0013 (paired error about .003), and on the
    45 Chinese pages of the marked ones, a third of them of one wiki, -.0032 (.0025): what they are worth is not proved."""
    copies = [copy for e in examples if (copy := with_notices(e))]
    return train([*examples, *copies]), train([*examples, *more])


def _tree(root: Mapping[str, Any]) -> dict[str, list]:
    """A tree as lists (see `forest`), its values divided by the number of models. Thresholds are rounded down to what a float32
    holds: the features are such."""
    tree: dict[str, list] = {"feature": [], "threshold": [], "left": [], "right": [], "value": []}

    def add(node: Mapping[str, Any]) -> int:
        if "leaf_value" in node:
            tree["value"].append(float(f"{node['leaf_value'] / MODELS:.4g}"))
            return ~(len(tree["value"]) - 1)
        at = len(tree["feature"])
        tree["feature"].append(node["split_feature"])
        tree["threshold"].append(float(f"{node['threshold']:.6g}"))
        tree["left"].append(0)
        tree["right"].append(0)
        tree["left"][at], tree["right"][at] = add(node["left_child"]), add(node["right_child"])
        return at

    add(root)
    return tree


def judge(examples: Sequence[Example], more: Sequence[Example], seed: int = 0) -> tuple[dict[str, Found], np.ndarray]:
    """F1 of every page by a model that saw no page of its site, and the fold that it was in. `more` is trained on alone."""
    outer = folds(examples, FOLDS, seed)
    return {name: found for fold in range(FOLDS) for name, found in judged(examples, more, outer, fold).items()}, outer


def seen(
    examples: Sequence[Example], more: Sequence[Example], outer: np.ndarray, fold: int
) -> tuple[list[Example], list[Example]]:
    """What is trained on when a fold is judged: none of its sites, whatever origin their pages came from."""
    hosts = [e.page.site.rpartition("/")[2] for e in more]
    held = {e.page.site.rpartition("/")[2] for e, f in zip(examples, outer) if f == fold}
    return [e for e, f in zip(examples, outer) if f != fold], [e for e, host in zip(more, hosts) if host not in held]


def judged(examples: Sequence[Example], more: Sequence[Example], outer: np.ndarray, fold: int) -> dict[str, Found]:
    """F1 of the pages of one fold by a model of the others."""
    models = read(serialised(*both(*seen(examples, more, outer, fold))))
    results = {}
    for e, f in zip(examples, outer):
        if f == fold:
            chosen = choose(models.of(e.blocks.counts), e.tree, e.blocks, e.kind)
            text = score(plain(e.tree, e.blocks, chosen), e.page.gold)[2]
            alike = score(markdown(e.tree, e.blocks, chosen), e.page.gold)[2] if e.page.markdown else text
            results[e.page.name] = Found(text, alike)
    return results


def report(examples: Sequence[Example], results: dict[str, Found], outer: np.ndarray) -> str:
    pages = [e.page for e in examples]
    text, alike = ({name: found[at] for name, found in results.items()} for at in range(2))
    lines = ["| pages | count | F1 | standard error |", "|---|---|---|---|"]
    for group in (lambda p: p.tongue, lambda p: f"{p.tongue} {p.kind}"):
        lines += [
            f"| {name} | {n} | {mean:.3f} | {spread:.3f} |" for name, (n, mean, spread) in table(pages, text, group).items()
        ]
        written = {group(page) for page in pages if page.markdown}
        lines += [
            f"| {name}, Markdown where the gold is | {n} | {mean:.3f} | {spread:.3f} |"
            for name, (n, mean, spread) in table(pages, alike, group).items()
            if name in written
        ]
    for tongue in ("zh", "en"):
        means = [
            np.mean([text[p.name] for p, f in zip(pages, outer) if f == fold and p.tongue == tongue]) for fold in range(FOLDS)
        ]
        lines.append(f"| {tongue}, by fold | | {', '.join(f'{mean:.3f}' for mean in means)} | |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m curator.extraction.train", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("gold", type=Path, help="the folder of gold.jsonl and its pages, in the data")
    parser.add_argument("--judge", action="store_true", help="only judge, write no model")
    parser.add_argument("--write", action="store_true", help="only write the model, without judging first")
    options = parser.parse_args(arguments)
    examples = [example(page) for page in load(options.gold)]
    more = beside(options.gold.parent)
    if not options.write:
        print(report(examples, *judge(examples, more)), flush=True)
    if not options.judge:
        MODEL.write_text(serialised(*both(examples, more)), encoding="ascii")
        print(f"{MODEL.name}: {MODEL.stat().st_size:,} bytes", file=sys.stderr)


def serialised(han: Sequence[Mapping[str, list]], other: Sequence[Mapping[str, list]]) -> str:
    """One line a tree, so that two models can be compared by eye."""
    lines = (",\n".join(json.dumps(tree, separators=(",", ":")) for tree in trees) for trees in (han, other))
    return '{{"features":{},"models":{},\n"han":[\n{}],\n"other":[\n{}]}}\n'.format(FEATURES, MODELS, *lines)


if __name__ == "__main__":
    main()
