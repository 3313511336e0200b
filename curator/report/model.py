"""The page's parts on what follows the documents: time, tokens and mixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.pipeline.finished import Run
from curator.report import charts
from curator.report.markup import Html, count, duration, element, fold, paragraph, share, short, size, table

READ = "read"  # what the engine calls the time that no stage took


def time(run: Run) -> list[Html]:
    """Worker seconds by stage, and how much raw input a worker takes through it in a second."""
    seconds: Mapping[str, float] = run.summary.get("seconds") or {}
    if not seconds:
        return [paragraph("No times are recorded.")]
    raw = {m.key: m.bytes_read for m in run.manifests if m.number == 0}
    met: dict[str, set[str]] = {}
    for manifest in run.manifests:
        for stage in manifest.seconds:
            met.setdefault(stage, set()).add(manifest.key)
    whole, most = sum(seconds.values()), max(seconds.values())
    rows = []
    for stage, spent in sorted(seconds.items(), key=lambda s: (-s[1], s[0])):
        through = sum(raw.get(key, 0) for key in met.get(stage, ()))
        described = _kind(run, stage)
        speed = f"{through / spent / 1e6:,.2f}" if spent >= 0.001 and through else "–"
        rows.append((stage, described, charts.bar(spent, most), duration(spent), share(spent, whole), size(through), speed))
    return [
        paragraph(
            "Seconds of workers, added up; the first call of a stage in each process includes loading its model or compiling. "
            "MB/s are of raw input of the sources that go through the stage, by one worker. What whole-dataset stages and the "
            "tokenizer do between the passes is not measured here."
        ),
        table(
            ["stage", "kind", "", "time", "share", "raw input", "MB/s"],
            rows,
            words=3,
            caption="Where the time went",
            footer=("all", "", "", duration(whole), "", "", ""),
        ),
    ]


def _kind(run: Run, stage: str) -> str:
    if stage == READ:
        return "reading and writing"
    whole = {**run.summary.get("dedup", {}), **run.summary.get("selection", {})}
    return "whole dataset" if stage in whole else run.descriptions.get(stage, {}).get("stage", "")


def tokens(run: Run) -> list[Html]:
    """Tokenizer, mixture as it was asked for and as it is, shards."""
    found = run.tokens
    if not found:
        return [paragraph("This run makes no tokens: the recipe has no `tokenize:`.")]
    parts = found["parts"]
    realised = _realised(found)
    whole = sum(realised) or 1
    rows = [
        (
            part["name"],
            part["source"] + (f" ({', '.join(part['language'])})" if part.get("language") else ""),
            count(part["available_tokens"]),
            f"{part['asked_weight'] * 100:.2f} %",
            f"{part['effective_weight'] * 100:.2f} %",
            f"{sequences / whole * 100:.2f} %",
            count(part["tokens"]),
            f"{part['epochs']:.2f}",
            count(part["validation"]["sequences"] * found["sequence_length"]),
        )
        for part, sequences in zip(parts, realised)
    ]
    heads = ["part", "source", "tokens there", "asked weight", "effective", "realised", "tokens taken", "epochs", "validation"]
    encoded = [
        (
            source,
            count(each["documents"]),
            count(each["tokens"]),
            _ratio(each["utf8_bytes"], each["tokens"]),
            _ratio(each["characters"], each["tokens"]),
        )
        for source, each in (found.get("encoded") or {}).items()
    ]
    budget = (found.get("mixture") or {}).get("budget")
    said = [
        f"{count(found['tokens'])} tokens in sequences of {found['sequence_length']}",
        f"{count(found['asked_tokens'])} were asked for" + ("" if budget else " (no budget: as much as the parts give)"),
        f"vocabulary of {count(found['vocabulary_size'])} ({found['tokenizer']['name']}), encoded by "
        f"{found['tokenizer']['encoder']}",
    ]
    shards = [
        (entry["file"], kind, count(entry["sequences"]), size(entry["bytes"]), element("code", entry["sha256"]))
        for kind, split in found["splits"].items()
        for entry in split["shards"]
    ]
    drawn = [(charts.colour(i), p["name"], s) for i, (p, s) in enumerate(zip(parts, realised))]
    asked = [(charts.colour(i), p["name"], round(p["asked_weight"] * 1e6)) for i, p in enumerate(parts)]
    bars = element(
        "div",
        element("div", element("span", "asked"), charts.stacked(asked), element("small", "")),
        element(
            "div", element("span", "realised"), charts.stacked(drawn), element("small", f"{short(found['tokens'])} tokens")
        ),
        class_="funnel",
    )
    return [
        paragraph("; ".join(said), "."),
        bars,
        charts.legend([(charts.colour(i), p["name"]) for i, p in enumerate(parts)]),
        table(heads, rows, words=2, caption="The mixture"),
        table(
            ["source", "documents", "tokens", "bytes a token", "characters a token"],
            encoded,
            caption="How well the vocabulary fits",
        ),
        fold(
            f"{len(shards)} shards", table(["file", "split", "sequences", "size", "sha256"], shards, words=2, caption="Shards")
        ),
    ]


def _realised(found: Mapping[str, Any]) -> list[int]:
    """Sequences of each part, as the shards have them."""
    entries = found["splits"]["train"]["shards"]
    return [sum(entry["by_part"][at] for entry in entries) for at in range(len(found["parts"]))]


def _ratio(part: float, whole: float) -> str:
    return f"{part / whole:.2f}" if whole else "–"
