"""The page's part on rules: what each measured, on the documents that it let pass and on those that it did not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from curator.pipeline.finished import Run, bounds
from curator.report import charts
from curator.report.markup import Html, count, element, excerpt, fold, many, paragraph, table
from curator.report.rows import Rows

MOST_PLOTS = 120
MOST_VALUES = 12


def columns(run: Run) -> list[str]:
    """The columns that the plots need."""
    where = [name for described in run.descriptions.values() for name in described.get("where") or ()]
    return ["source", *where, *(rule["column"] for rule in run.rules.values())]


def rules(run: Run, kept: Rows, rejected: Rows) -> list[Html]:
    """A plot for each rule, those that rejected most first, by stage in the order of the recipe."""
    if not run.rules and not run.line_rules:
        return [paragraph("No stage of this run has rules, or there are no manifests that name them.")]
    if not kept.total and not rejected.total:
        return [paragraph("There are no documents to measure.")]
    names = [
        ("f-kept", "kept (above the line)"),
        ("f-rejected", "rejected by this rule"),
        ("f-other", "rejected by another one"),
    ]
    parts = [
        paragraph(
            _said(kept, rejected),
            " Only documents that the stage judges are shown. Each side of the line has its own scale; bounds are dashed.",
        ),
        charts.legend(names),
    ]
    left = MOST_PLOTS
    for stage in run.stages:
        mine = sorted((r for r in run.rules if run.stage_of(r, run.stages) == stage), key=lambda r: (-run.total(r), r))[:left]
        left -= len(mine)
        if mine:
            parts += _of_stage(run, stage, mine, kept, rejected)
        parts += _lines(run, stage)
    if len(run.rules) > MOST_PLOTS:
        parts.append(paragraph(f"{len(run.rules) - MOST_PLOTS} more rules are not drawn."))
    return parts


def _lines(run: Run, stage: str) -> list[Html]:
    """What a filter's rules on lines have cut of the documents that it let pass."""
    mine = [reason for reason in run.line_rules if reason.startswith(f"{stage}.lines.")]
    rows = [(element("code", reason), bounds(run.line_rules[reason]), count(run.tallied(reason))) for reason in mine]
    characters = sum(found.get("chars_cut", {}).get(stage, 0) for found in run.sources.values())
    caption = f"Lines that {stage} cut of documents that it let pass: {count(characters)} characters in all"
    return [table(["rule", "a line stays with", "lines cut"], rows, words=2, caption=caption)] if rows else []


def _said(kept: Rows, rejected: Rows) -> str:
    if kept.complete and rejected.complete:
        return "All documents are counted."
    return (
        f"Drawn from an even sample: {count(len(kept.table))} of {count(kept.total)} kept and "
        f"{count(len(rejected.table))} of {count(rejected.total)} rejected documents."
    )


def _of_stage(run: Run, stage: str, reasons: list[str], kept: Rows, rejected: Rows) -> list[Html]:
    where = run.descriptions.get(stage, {}).get("where") or {}
    only = "; ".join(f"{column} in {', '.join(values)}" for column, values in where.items())
    kept, rejected = (rows.filtered(_judged(run, stage, where, rows)) for rows in (kept, rejected))
    why = np.array(rejected.column("reason").to_pylist(), dtype=object)
    plots = {reason: _plot(run, reason, kept, rejected, why == reason) for reason in reasons}
    used = [plots[reason] for reason in reasons if run.total(reason)]
    unused = [plots[reason] for reason in reasons if not run.total(reason)]
    return [
        element("h3", element("code", stage), element("small", f" where {only}") if only else None),
        *([element("div", used, class_="plots")] if used else []),
        *(
            [fold(f"{many(len(unused), 'rule')} that rejected nothing", element("div", unused, class_="plots"))]
            if unused
            else []
        ),
    ]


def _judged(run: Run, stage: str, where: Mapping[str, list[str]], rows: Rows) -> np.ndarray:
    """Which rows the stage applies to: of sources that go through it, and where its `where:` holds."""
    within = np.isin(np.array(rows.column("source").to_pylist(), dtype=str), sorted(run.sources_of(stage)))
    for column, values in where.items():
        within &= np.isin(np.array(rows.column(column).to_pylist(), dtype=str), values)
    return within


def _plot(run: Run, reason: str, kept: Rows, rejected: Rows, mine: np.ndarray) -> Html:
    rule = run.rules[reason]
    column = rule["column"]
    head = element(
        "figcaption",
        element("code", reason),
        element("small", f"passes: {bounds(rule)}; rejected {count(run.total(reason)) if run.total(reason) else 'none'}"),
    )
    if "among" in rule or "equals" in rule:
        return element("figure", head, _values(kept.counts(column), rejected.filtered(mine).counts(column)))
    above, below = kept.numbers(column), rejected.numbers(column)
    here, measured = np.isfinite(above), np.isfinite(below)
    limits = [(word, float(rule[word])) for word in ("min", "max") if word in rule]
    drawn = charts.histogram(
        (above[here], kept.weights[here]),
        (below[~mine & measured], rejected.weights[~mine & measured]),
        (below[mine & measured], rejected.weights[mine & measured]),
        limits,
        f"{reason}: distribution of {column} over kept and rejected documents; passes: {bounds(rule)}",
    )
    blank = round(float(rejected.weights[mine & ~measured].sum()))
    return element("figure", head, drawn, element("small", f"{count(blank)} of them had no number") if blank else None)


def _values(above: Mapping[str, int], below: Mapping[str, int]) -> Html:
    names = sorted(above.keys() | below.keys(), key=lambda n: (-above.get(n, 0) - below.get(n, 0), n))
    most = max([*above.values(), *below.values(), 1])
    lines = [
        element(
            "tr",
            element("th", excerpt(name, 40), scope="row"),
            element("td", charts.bar(above.get(name, 0), most, "f-kept"), charts.bar(below.get(name, 0), most, "f-rejected")),
            [element("td", count(found.get(name, 0)), class_="number") for found in (above, below)],
        )
        for name in names[:MOST_VALUES]
    ]
    heads = [("value", None), ("share", None), ("kept", "number"), ("rejected", "number")]
    head = element("thead", element("tr", [element("th", h, scope="col", class_=kind) for h, kind in heads]))
    more = element("small", f"and {many(len(names) - MOST_VALUES, 'more value')}") if len(names) > MOST_VALUES else None
    return element("div", element("table", head, element("tbody", lines), class_="values"), more)
