"""The page's part on evaluation sets: how many documents held items of each, and which items."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from curator.pipeline.finished import Run, files_of, opened
from curator.report import charts
from curator.report.markup import Html, count, element, excerpt, fold, many, paragraph, table

STAGE = "Decontaminate"
MOST_ITEMS = 50  # of each set
FOUND = "found"  # the stage's column with the items of a document, at most 20 of them


def decontamination(run: Run) -> list[Html]:
    """By set: documents rejected, items met, and the items that were met most."""
    parts: list[Html] = []
    for stage, described in run.descriptions.items():
        if described.get("stage") == STAGE:
            parts += [element("h3", element("code", stage)), *_of_stage(run, stage, described.get("options") or {})]
    return parts or [paragraph("This run was not compared with evaluation sets: the recipe has no `decontaminate`.")]


def _of_stage(run: Run, stage: str, options: dict) -> Iterator[Html]:
    names = list(options.get("against") or {})
    met = _items(run, stage)
    documents = {name: run.total(f"{stage}.{name}") for name in names}
    most = max([*documents.values(), 1])
    rows = [(name, charts.bar(documents[name], most), count(documents[name]), count(len(met.get(name, ())))) for name in names]
    yield paragraph(
        f"A document holds an item if {float(options.get('overlap', 0)) * 100:.0f} % of its question, or of question and ",
        f"choices, stand there, and as much as {options.get('ngram')} words. It is counted for the first set that it holds an "
        "item of; of one document 20 items are named at most.",
    )
    yield table(["set", "", "documents rejected", "items met"], rows, words=2, caption="Evaluation sets")
    for name in names:
        if found := met.get(name):
            shown = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST_ITEMS]
            title = f"{name}: {many(len(found), 'item')}" + (f", the first {len(shown)}" if len(shown) < len(found) else "")
            lines = [(element("code", excerpt(item, 200)), count(number)) for item, number in shown]
            yield fold(title, table(["item (file and record)", "documents"], lines, words=1, caption=f"Items of {name}"))


def _items(run: Run, stage: str) -> dict[str, Counter[str]]:
    """By set: in how many of the documents that this stage rejected each item was met."""
    met: dict[str, Counter[str]] = {}
    column = f"{stage}.{FOUND}"
    for manifest in run.manifests:
        if not any(reason.startswith(f"{stage}.") for reason in manifest.ledger.rejected):
            continue
        for path, _ in files_of(manifest, kept=False):
            with opened(run, path) as file:
                if file is None or column not in file.schema_arrow.names:
                    continue
                for batch in file.iter_batches(columns=[column]):
                    for value in batch.column(column).drop_null().to_pylist():
                        for item in json.loads(value):
                            name, _, place = item.partition("/")
                            met.setdefault(name, Counter())[place] += 1
    return met
