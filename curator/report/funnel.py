"""The funnel: what came in, what left where and why, and what stayed, by source and stage, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from curator.pipeline.finished import Run

MOST_REASONS = 3
TOLD = 0.01  # of the characters that passed a stage: as many cut ones are worth a line


def funnel(summary: Mapping[str, Any]) -> Table:
    """A `summary.json` as a table: for every source a line for what was read, one for each stage at which documents left, one
    for each that cut lines or much of the texts, and one for what stayed."""
    table = Table(title=f"{summary['name']}: what came in and what stayed", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("source", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    for name in ("left", "remaining", "of read"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("top reasons", overflow="fold", min_width=30)
    for name, found in summary["sources"].items():
        for index, row in enumerate(_of_source(found, summary["stages"])):
            table.add_row(name if index == 0 else "", *row)
        table.add_section()
    return table


def _of_source(found: Mapping[str, Any], stages: Sequence[str]) -> Iterator[tuple[str, str, str, str, str]]:
    read = remaining = found["documents"]
    apart = {**found["skipped"], **{f"record error {kind}": count for kind, count in found["record_errors"].items()}}
    yield f"read {found['records']:,} records", f"{sum(apart.values()):,}", f"{read:,}", "", _top(apart)
    gone = {**found["rejected"], **found["errors"]}
    for stage in (*stages, "engine"):
        left = {reason: count for reason, count in gone.items() if Run.stage_of(reason, stages) == stage}
        if left:
            remaining -= sum(left.values())
            shown = {reason[len(stage) + 1 :]: count for reason, count in left.items()}
            yield stage, f"{sum(left.values()):,}", f"{remaining:,}", _share(remaining, read), _top(shown)
        prefix = f"{stage}.lines."
        cut = {name.removeprefix(prefix): n for name, n in found.get("tallies", {}).items() if name.startswith(prefix)}
        characters = found["chars_cut"].get(stage, 0)
        much = characters >= TOLD * (found["chars_kept"] + characters) > 0
        if cut or much:
            said = [_top(cut)] * bool(cut) + [f"{characters:,} characters"] * much
            yield f"{stage} cut", f"{sum(cut.values()):,} lines" if cut else "", "", "", ", ".join(said)
    yield "kept", "", f"{found['kept']:,}", _share(found["kept"], read), f"{found['chars_kept']:,} characters"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _top(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    shown = [f"{name} {count:,}" for name, count in ordered[:MOST_REASONS]]
    if len(ordered) > MOST_REASONS:
        shown.append(f"{len(ordered) - MOST_REASONS} others {sum(count for _, count in ordered[MOST_REASONS:]):,}")
    return ", ".join(shown)
