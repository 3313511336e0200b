"""The page's parts on the documents as a whole: headline, funnel, duplicates, languages, damage."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from curator.pipeline.finished import Run, bounds, number
from curator.report import charts
from curator.report.health import notices
from curator.report.markup import Html, count, element, excerpt, many, paragraph, share, short, size, table, text
from curator.report.rows import Rows

FIELD_SHOWN = 200
MOST_VALUES = 24
MOST_DAMAGE = 100
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
    came = [run.sources[n]["chars_in"] + sum(run.sources[n]["chars_added"].values()) for n in names]
    lines.append(line("characters in", of("chars_in"), None, "sum"))
    for key, what in (("chars_added", "added by"), ("chars_cut", "cut by")):
        changes = {stage: [run.sources[n][key].get(stage, 0) for n in names] for stage in run.stages}
        lines += [line([f"{what} ", element("code", stage)], values, came) for stage, values in changes.items() if any(values)]
    lines.append(line("of rejected documents", of("chars_rejected"), came))
    lines.append(line("characters kept", of("chars_kept"), came, "sum"))
    head = element(
        "tr",
        element("th", "what became of them", scope="col"),
        [element("th", n, scope="col", class_="number") for n in [*names, "all"]],
    )
    caption = (
        "Every record, by source. Skipped and unreadable ones are a share of the records, reasons a share of the documents, "
        "characters a share of those that came in or were added."
    )
    grid = element(
        "table", element("caption", element("span", caption)), element("thead", head), element("tbody", lines), class_="ledger"
    )
    return element("div", grid, class_="scroll", tabindex="0", role="region", aria_label="The ledger")


def _named(run: Run, reason: str) -> list[Html]:
    """A reason with what the rule would have let pass."""
    rule = run.rules.get(reason)
    words = f"passes: {bounds(rule)}" if rule else "a stage failed on it" if ":" in reason else None
    return [element("code", reason), element("small", words) if words else text("")]


# ---------------------------------------------------------------------------------------------------------------- dedup


def dedup(run: Run) -> list[Html]:
    parts: list[Html] = []
    for stage, found in run.summary.get("dedup", {}).items():
        parts.append(element("h3", element("code", stage)))
        if isinstance(found.get("spans"), int):
            parts += _sentences(found)
            continue
        if not isinstance(found.get("clusters"), int):  # a plugin's
            parts.append(element("pre", json.dumps(found, ensure_ascii=False, indent=1)[:4000]))
            continue
        largest = found.get("largest") or {}
        said = (
            f"{many(found['clusters'], 'cluster')} of near-duplicates among {many(found['signed'], 'document')}; "
            f"{count(found['duplicates'])} of them removed."
        )
        if found.get("known_clusters"):
            said += f" {count(found['known_clusters'])} of the clusters were published by an earlier run."
        if largest.get("copies"):
            said += f" The largest cluster has {many(largest['copies'], 'document')}, of which {largest['cluster']} is kept."
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


def _sentences(found: Mapping[str, Any]) -> list[Html]:
    """Spans (sentences, lines, paragraphs) that stood too often, by source."""
    rows = [
        (
            name,
            count(s["documents"]),
            charts.bar(s["cut"], s["spans"]),
            count(s["spans"]),
            count(s["cut"]),
            share(s["cut"], s["spans"]),
        )
        for name, s in found["sources"].items()
    ]
    said = f"{many(found['spans'], 'span')} in {many(found['documents'], 'document')}; {count(found['cut'])} cut as copies."
    heads = ["source", "documents", "", "spans", "cut", "share"]
    return [paragraph(said), table(heads, rows, words=1, caption="What every source lost")]


# ------------------------------------------------------------------------------------------------------------ languages


def languages(kept: Rows) -> list[Html]:
    parts = []
    for column in ("language", "script"):
        counts = kept.counts(column)
        if not counts or set(counts) == {"none"}:
            parts.append(paragraph(f"No {column} is recorded of kept documents."))
            continue
        shown = list(counts.items())[:MOST_VALUES]
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
