"""What is told of a whole-dataset stage when its marks are made, and what in it is not plausible."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from curator.dedup.exchange import read_told
from curator.dedup.plan import Plan, counted

LEAST_JUDGED = 20  # documents of a source; a share of fewer says nothing
LEAST_CLUSTER = 100  # documents of a cluster that may be too many
MOST_IN_A_CLUSTER = 0.01  # of all documents


def summarise(plan: Plan, parts: int) -> dict[str, Any]:
    """Counts by source and by size of cluster. `warnings`: a source that loses more than `warn`, a cluster that no page of a
    healthy corpus has so many copies of."""
    with ThreadPoolExecutor(16) as threads:
        tallies = list(threads.map(lambda i: read_told(plan.path("tallies", i)), range(plan.own)))
        clusters = list(threads.map(lambda i: read_told(plan.path("survivors", i))["clusters"], range(parts)))
    signed, duplicates = _added(tallies, "signed"), _added(tallies, "duplicates")
    sizes: dict[int, int] = {}
    for found in clusters:
        for power, number in enumerate(found["sizes"]):
            sizes[power] = sizes.get(power, 0) + number
    largest = min((found["largest"] for found in clusters), key=lambda one: (-one["copies"], one["cluster"] or ""))
    summary = {
        "documents": sum(tally["documents"] for tally in tallies),
        "signed": sum(signed.values()),
        "clusters": sum(found["clusters"] for found in clusters),
        "duplicates": sum(duplicates.values()),
        "largest": largest,
        "sizes": {f"{1 << power}-{(2 << power) - 1}": number for power, number in sorted(sizes.items()) if number},
        "sources": {
            source: {"signed": count, "duplicates": duplicates.get(source, 0), "share": duplicates.get(source, 0) / count}
            for source, count in signed.items()
        },
    }
    if plan.stores:
        summary["known_clusters"] = sum(found["earlier"] for found in clusters)
    giants = 0
    if plan.options.largest is not None:
        giants = sum(counted(plan, "giants", parts, "clusters"))
        summary["too_large"] = giants
    return summary | {"warnings": _warnings(summary, plan, giants)}


def _warnings(summary: Mapping[str, Any], plan: Plan, giants: int) -> list[str]:
    found = [
        f"{source} loses {counts['share']:.1%} of its documents ({counts['duplicates']:,} of {counts['signed']:,})"
        for source, counts in summary["sources"].items()
        if counts["share"] > plan.options.warn and counts["signed"] >= LEAST_JUDGED
    ]
    copies, cluster = summary["largest"]["copies"], summary["largest"]["cluster"]
    if copies > max(LEAST_CLUSTER, MOST_IN_A_CLUSTER * summary["signed"]):
        found.append(
            f"one cluster holds {copies:,} documents, {copies / max(1, summary['signed']):.1%} of all; {cluster} stands for it "
            "(`verify` breaks chains, `largest` bounds a cluster)"
        )
    if giants:
        found.append(
            f"{giants:,} clusters had more than {plan.options.largest:,} documents (`largest`): "
            "of those only documents of the same text were taken for duplicates"
        )
    return found


def _added(tallies: list[dict[str, Any]], kind: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for tally in tallies:
        for source, count in tally[kind].items():
            total[source] = total.get(source, 0) + count
    return dict(sorted(total.items()))
