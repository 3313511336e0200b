"""The page's parts on documents: headline, funnel, rules, samples, deduplication, languages, damage."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from curator.report import charts
from curator.report.health import notices
from curator.report.markup import Html, count, element, excerpt, fold, paragraph, share, short, size, table, text
from curator.report.numbers import Run, bounds, number
from curator.report.rows import Rows, Sample

TEXT_SHOWN = 600  # characters
FIELD_SHOWN = 200
MOST_VALUES = 12
MOST_DAMAGE = 100
MOST_PLOTS = 120
NO_WORD = element("span", "–", class_="note")


# ------------------------------------------------------------------------------------------------------------- headline


def headline(run: Run) -> list[Html]:
    """The few numbers that one asks for first, and what is not well."""
    documents, kept = run.sum("documents"), run.sum("kept")
    tiles = [
        ("documents in", count(documents), f"from {count(run.sum('records'))} records, {size(run.sum('bytes'))}"),
        ("documents kept", count(kept), share(kept, documents)),
        ("characters kept", short(run.sum("chars_kept")), f"{run.sum('chars_kept') / kept:,.0f} a document" if kept else ""),
    ]
    if run.tokens:
        tiles.append(("tokens in shards", short(run.tokens["tokens"]), f"vocabulary of {count(run.tokens['vocabulary_size'])}"))
    losses = [(r["step"], loss) for r in run.events("train") if (loss := number(r.get("loss"))) is not None]
    if losses:
        tiles.append(
            ("training loss", f"{losses[-1][1]:.3f}", f"after {count(losses[-1][0])} steps; {losses[0][1]:.3f} at first")
        )
    words = {"bad": "Problem", "warn": "Look at this", "good": "Healthy"}
    digests = run.summary.get("digests") or {}
    facts = [("recipe", run.summary.get("recipe", "")), ("curator", run.summary.get("curator", ""))]
    facts += [(f"digest of {what}", digest) for what, digest in digests.items() if digest]
    if run.tokens:
        facts += [("token shards", run.tokens["fingerprint"]), ("tokenizer", run.tokens["tokenizer"]["hash"])]
    return [
        element(
            "div",
            [element("p", element("b", big), element("span", name), element("small", small)) for name, big, small in tiles],
            class_="tiles",
        ),
        element(
            "ul",
            [element("li", element("strong", words[n.level]), " ", n.text, class_=n.level) for n in notices(run)],
            class_="health",
        ),
        element("dl", [element("div", element("dt", key), element("dd", value)) for key, value in facts], class_="facts"),
    ]


# --------------------------------------------------------------------------------------------------------------- funnel


def funnel(run: Run) -> list[Html]:
    """What became of every record: a bar for each source, then the ledger."""
    if not run.sources:
        return [paragraph("The summary names no source.")]
    stages = [s for s in run.stages if any(run.stage_of(r, run.stages) == s for r in run.reasons if ":" not in r)]
    kinds = {stage: charts.colour(place) for place, stage in enumerate(stages)}
    rows = []
    for name, found in run.sources.items():
        lost = dict.fromkeys(stages, 0)
        for reason, number_of in found["rejected"].items():
            lost[run.stage_of(reason, run.stages)] += number_of
        failed = sum(found["errors"].values()) + sum(found["record_errors"].values())
        parts = [("kept", "kept", found["kept"]), *((kinds[s], s, lost[s]) for s in stages)]
        parts += [("failed", "errors", failed), ("skipped", "no document", sum(found["skipped"].values()))]
        rows.append(
            element("div", element("span", name), charts.stacked(parts), element("small", f"{count(_records(found))} records"))
        )
    names = [("kept", "kept"), *((kinds[s], s) for s in stages), ("failed", "errors"), ("skipped", "no document by its nature")]
    return [element("div", rows, class_="funnel"), charts.legend(names), _ledger(run)]


def _records(found: Mapping[str, Any]) -> int:
    return max(found["records"], found["documents"])


def _ledger(run: Run) -> Html:
    """Every count of every source. Shares of skips and record errors are of the records, all others of the documents."""
    names = list(run.sources)

    def line(head: Any, values: Sequence[int], wholes: Sequence[int] | None, kind: str | None = None) -> Html:
        values, wholes = [*values, sum(values)], [*wholes, sum(wholes)] if wholes else [0] * (len(values) + 1)
        cells = [
            element(
                "td",
                count(value) if value else NO_WORD,
                element("small", share(value, whole)) if whole and value else None,
                class_="number",
                style=f"--part:{100 * value / whole:.1f}%" if whole and value else None,
            )
            for value, whole in zip(values, wholes)
        ]
        return element("tr", element("th", head, scope="row"), cells, class_=kind)

    def of(key: str) -> list[int]:
        return [run.sources[name][key] for name in names]

    records, documents = [_records(run.sources[n]) for n in names], of("documents")
    lines = [line("records", records, None, "sum")]
    for key, what in (("skipped", "no document"), ("record_errors", "unreadable record")):
        for kind in sorted({k for n in names for k in run.sources[n][key]}):
            head = [f"{what}: ", element("code", kind)]
            lines.append(
                line(
                    head,
                    [run.sources[n][key].get(kind, 0) for n in names],
                    records,
                    "error" if key == "record_errors" else None,
                )
            )
    lines.append(line("documents", documents, records, "sum"))
    for reason in run.reasons:
        values = [run.sources[n]["rejected"].get(reason, 0) + run.sources[n]["errors"].get(reason, 0) for n in names]
        lines.append(line(_named(run, reason), values, documents, "error" if ":" in reason else None))
    lines.append(line("kept", of("kept"), documents, "sum"))
    head = element(
        "tr",
        element("th", "what became of them", scope="col"),
        [element("th", n, scope="col", class_="number") for n in [*names, "all"]],
    )
    caption = (
        "Every record, by source. Skipped and unreadable ones are a share of the records, reasons a share of the documents."
    )
    grid = element("table", element("caption", caption), element("thead", head), element("tbody", lines), class_="ledger")
    return element("div", grid, class_="scroll", tabindex="0", role="region", aria_label="The ledger")


def _named(run: Run, reason: str) -> list[Html]:
    """A reason with what the rule would have let pass."""
    rule = run.rules.get(reason)
    words = f"passes: {bounds(rule)}" if rule else "a stage failed on it" if ":" in reason else None
    return [element("code", reason), element("small", words) if words else text("")]


# ---------------------------------------------------------------------------------------------------------------- rules


def rules(run: Run, kept: Rows, rejected: Rows) -> list[Html]:
    """What each rule measured, on the documents that it let pass and on those that it did not."""
    if not run.rules:
        return [paragraph("No filter of this run has rules, or there are no manifests that name them.")]
    if not kept.total and not rejected.total:
        return [paragraph("There are no documents to measure.")]
    said = (
        "All documents are counted."
        if kept.complete and rejected.complete
        else (
            f"Drawn from an even sample: {count(len(kept.table))} of {count(kept.total)} kept and "
            f"{count(len(rejected.table))} of {count(rejected.total)} rejected documents."
        )
    )
    names = [
        ("f-kept", "kept (above the line)"),
        ("f-rejected", "rejected by this rule"),
        ("f-other", "rejected by another one"),
    ]
    parts = [paragraph(said, " Each side of the line has its own scale; the dashed line is the bound."), charts.legend(names)]
    reasons = kept_reasons(rejected)
    left = MOST_PLOTS
    for stage in run.stages:
        mine = [r for r in run.rules if run.stage_of(r, run.stages) == stage]
        mine.sort(key=lambda r: (-run.total(r), r))
        used = [r for r in mine if run.total(r)][:left]
        unused = [r for r in mine if not run.total(r)][: max(0, left - len(used))]
        left -= len(used) + len(unused)
        if not used and not unused:
            continue
        where = run.descriptions.get(stage, {}).get("where")
        only = "; ".join(f"{k} in {', '.join(v)}" for k, v in where.items()) if isinstance(where, Mapping) else ""
        parts.append(element("h3", element("code", stage), element("small", f" where {only}") if only else None))
        if used:
            parts.append(element("div", [_plot(run, r, kept, rejected, reasons) for r in used], class_="plots"))
        if unused:
            grid = element("div", [_plot(run, r, kept, rejected, reasons) for r in unused], class_="plots")
            parts.append(fold(f"{len(unused)} rules that were the reason for no document", grid))
    if left <= 0:
        parts.append(paragraph(f"Only the first {MOST_PLOTS} rules are drawn."))
    return parts


def kept_reasons(rejected: Rows) -> np.ndarray:
    """The reason of every sampled rejected document."""
    return np.array(rejected.column("reason").to_pylist(), dtype=object)


def _plot(run: Run, reason: str, kept: Rows, rejected: Rows, reasons: np.ndarray) -> Html:
    rule = run.rules[reason]
    total = run.total(reason)
    head = element("figcaption", element("code", reason), element("small", f"passes: {bounds(rule)}; rejected {count(total)}"))
    mine = reasons == reason
    if "among" in rule or "equals" in rule:
        return element("figure", head, _values(rule["column"], kept, rejected, mine))
    above, below = kept.numbers(rule["column"]), rejected.numbers(rule["column"])
    measured = np.isfinite(below)
    series = [(above[np.isfinite(above)], kept.weights[np.isfinite(above)])]
    series += [(below[m & measured], rejected.weights[m & measured]) for m in (~mine, mine)]
    limits = [(word, float(rule[word])) for word in ("min", "max") if word in rule]
    label = f"{reason}: distribution of {rule['column']} over kept and rejected documents; passes: {bounds(rule)}"
    blank = round(float(rejected.weights[mine & ~measured].sum()))
    note = element("small", f"{count(blank)} of them had no number") if blank else None
    return element("figure", head, charts.histogram(series[0], series[1], series[2], limits, label), note)


def _values(column: str, kept: Rows, rejected: Rows, mine: np.ndarray) -> Html:
    above, below = kept.counts(column), rejected.counts(column, mine)
    names = sorted(above.keys() | below.keys(), key=lambda n: (-above.get(n, 0) - below.get(n, 0), n))
    most = max([*above.values(), *below.values(), 1])
    lines = []
    for name in names[:MOST_VALUES]:
        bars = element("td", charts.bar(above.get(name, 0), most, "f-kept"), charts.bar(below.get(name, 0), most, "f-rejected"))
        numbers = [element("td", count(found.get(name, 0)), class_="number") for found in (above, below)]
        lines.append(element("tr", element("th", excerpt(name, 40), scope="row"), bars, numbers))
    heads = element("tr", [element("th", h, scope="col") for h in ("value", "", "kept", "rejected")])
    more = element("small", f"and {len(names) - MOST_VALUES} more values") if len(names) > MOST_VALUES else None
    return element("div", element("table", element("thead", heads), element("tbody", lines), class_="values"), more)


# -------------------------------------------------------------------------------------------------------------- samples


def samples(run: Run, kept: Mapping[str, Sequence[Sample]], rejected: Mapping[str, Sequence[Sample]], most: int) -> list[Html]:
    """Documents to look at: a filter is judged by what it throws away."""
    parts = [
        paragraph(
            "Private data is replaced, texts are cut, hidden characters are shown by code point. Of documents that a bound "
            "rejected, the nearest to it, a middling one and the furthest from it."
        ),
        element("h3", "Rejected"),
    ]
    for reason in run.reasons:
        shown = rejected.get(reason, ())[:most]
        head = [element("code", reason), element("small", f" {count(run.total(reason))} documents")]
        parts.append(fold(head, [_sample(s) for s in shown] if shown else paragraph("No sample could be read.")))
    if not run.reasons:
        parts.append(paragraph("Nothing was rejected."))
    parts.append(element("h3", "Kept"))
    for source, found in run.sources.items():
        shown = kept.get(source, ())[:most]
        head = [element("code", source), element("small", f" {count(found['kept'])} documents")]
        parts.append(fold(head, [_sample(s) for s in shown] if shown else paragraph("No sample could be read.")))
    return parts


def _sample(sample: Sample) -> Html:
    found = sample.document
    origin = found.get("origin") or {}
    language = found.get("language") or ""
    values = [(name, _value(value)) for name, value in sample.values.items() if value is not None]
    facts = [
        ("url", found.get("url")),
        ("source", found.get("source")),
        ("file", f"{origin.get('file', '')} @ {origin.get('offset', '')}"),
    ]
    body = found.get("text")
    return element(
        "article",
        element("h4", excerpt(found.get("title") or "", FIELD_SHOWN) or "without a title", dir="auto"),
        element(
            "p", [element("span", element("code", name), " = ", element("b", value)) for name, value in values], class_="why"
        )
        if values
        else None,
        element(
            "pre",
            excerpt(body, TEXT_SHOWN) if body else "no text",
            dir="auto",
            lang=language if re.fullmatch("[a-z]{2,3}", language) else None,
        ),
        element(
            "p", [element("span", f"{key}: {excerpt(value, FIELD_SHOWN)}") for key, value in facts if value], class_="origin"
        ),
    )


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else excerpt(str(value), FIELD_SHOWN)


# ---------------------------------------------------------------------------------------------------------------- dedup


def dedup(run: Run) -> list[Html]:
    parts: list[Html] = []
    for stage, found in run.summary.get("dedup", {}).items():
        parts.append(element("h3", element("code", stage)))
        if not isinstance(found.get("clusters"), int):
            parts.append(element("pre", json.dumps(found, ensure_ascii=False, indent=1)[:4000]))
            continue
        largest = found.get("largest") or {}
        said = f"{count(found['clusters'])} clusters of near-duplicates among {count(found['signed'])} documents; {count(found['duplicates'])} copies removed."
        if largest.get("copies"):
            said += f" The largest has {count(largest['copies'])} documents; its survivor is {largest['cluster']}."
        parts.append(paragraph(said))
        if sizes := found.get("sizes"):
            most = max(sizes.values())
            rows = [(f"{name} copies", charts.bar(n, most), count(n)) for name, n in sizes.items()]
            parts.append(table(["cluster size", "", "clusters"], rows, words=2, caption="How large the clusters are"))
        rows = [
            (
                name,
                charts.bar(s["duplicates"], s["signed"]),
                count(s["signed"]),
                count(s["duplicates"]),
                share(s["duplicates"], s["signed"]),
            )
            for name, s in found.get("sources", {}).items()
        ]
        parts.append(table(["source", "", "compared", "removed", "share"], rows, words=2, caption="What every source lost"))
    return parts or [paragraph("No deduplication in this run.")]


# ------------------------------------------------------------------------------------------------------------ languages


def languages(kept: Rows) -> list[Html]:
    parts = []
    for column in ("language", "script"):
        counts = kept.counts(column)
        if not counts or set(counts) == {"none"}:
            parts.append(paragraph(f"No {column} is recorded of kept documents."))
            continue
        shown = list(counts.items())[: MOST_VALUES * 2]
        rest = sum(counts.values()) - sum(n for _, n in shown)
        whole = sum(counts.values())
        rows = [
            (excerpt(name, 40), charts.bar(n, whole), count(n), share(n, whole))
            for name, n in [*shown, *([("others", rest)] if rest else [])]
        ]
        parts.append(table([column, "", "documents", "share"], rows, words=2, caption=f"Kept documents by {column}"))
    if not kept.complete:
        parts.append(paragraph(f"Estimated from {count(len(kept.table))} of {count(kept.total)} documents."))
    return [element("div", parts, class_="columns")]


# --------------------------------------------------------------------------------------------------------------- damage


def damage(run: Run) -> list[Html]:
    places = run.summary.get("damage", ())
    if not places:
        return [paragraph("No input was damaged.")]
    rows = [
        (
            posixpath.basename(str(place.get("file", ""))),
            place.get("source", ""),
            "the file" if place.get("file_damage") else "one record",
            place.get("kind", ""),
            excerpt(str(place.get("where", "")), FIELD_SHOWN),
            excerpt(str(place.get("message", "")), FIELD_SHOWN),
        )
        for place in sorted(places, key=lambda p: not p.get("file_damage"))[:MOST_DAMAGE]
    ]
    more = [] if len(places) <= MOST_DAMAGE else [paragraph(f"and {len(places) - MOST_DAMAGE} more in summary.json")]
    return [table(["file", "source", "damage to", "kind", "where", "message"], rows, words=6, caption="Damaged places"), *more]
