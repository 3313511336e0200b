"""The page's part on `cut`: where every group was cut, and how many documents each bucket got."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.pipeline.finished import Run
from curator.report.markup import Html, count, element, many, paragraph, share, table

MOST_GROUPS = 40


def selection(run: Run) -> list[Html]:
    parts: list[Html] = []
    for stage, found in run.summary.get("selection", {}).items():
        asked = " and ".join(f"{percentile:g} %" for percentile in found["percentiles"])
        said = (
            f"The best {asked} by {found['by']}, of which the {found['best']} is best, for each {_columns(found)} with enough "
            f"documents. The cut points are in cuts/{stage}.json, for `cuts:` of later runs."
        )
        if found["small"]:
            said += f" {many(len(found['small']), 'smaller group')} took those of the group around them."
        parts += [element("h3", element("code", stage)), paragraph(said), _groups(found)]
    return parts or [paragraph("Nothing was cut by percentiles in this run.")]


def _columns(found: Mapping[str, Any]) -> str:
    return " and ".join(found["per"]) or "run"


def _groups(found: Mapping[str, Any]) -> Html:
    shown = found["groups"][:MOST_GROUPS]
    buckets = list(shown[0]["buckets"]) if shown else []
    rows = [
        (
            ", ".join(group["group"].values()) or "all documents",
            " / ".join(f"{cut:.6g}" for cut in group["cuts"]) or "–",
            count(group["documents"]),
            *(
                f"{count(group['buckets'].get(b, 0))} ({share(group['buckets'].get(b, 0), group['documents'])})"
                for b in buckets
            ),
            count(group["unmeasured"]),
        )
        for group in shown
    ]
    rest = len(found["groups"]) - len(shown)
    caption = "Where documents were cut" + (f"; {many(rest, 'more group')} in summary.json" if rest > 0 else "")
    return table(["group", "cut points", "documents", *buckets, "without a number"], rows, words=2, caption=caption)
