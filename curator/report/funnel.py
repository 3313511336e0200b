"""The funnel: what came in, what stayed, and the reasons, by source, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

MOST_REASONS = 4


def funnel(summary: Mapping[str, Any]) -> Table:
    """One line a source of a `summary.json`: records, documents, kept, characters, and the commonest reasons."""
    table = Table(title=f"{summary['name']}: what came in and what stayed", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("source", no_wrap=True)
    for name in ("records", "documents", "kept", "kept %", "characters"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("left, by reason", overflow="fold", min_width=34)
    for name, found in summary["sources"].items():
        share = f"{found['kept'] / found['documents']:.1%}" if found["documents"] else "-"
        numbers = (f"{found['records']:,}", f"{found['documents']:,}", f"{found['kept']:,}", share, f"{found['chars_kept']:,}")
        table.add_row(name, *numbers, _reasons(found))
    return table


def _reasons(found: Mapping[str, Any]) -> str:
    reasons = sorted({**found["rejected"], **found["errors"]}.items(), key=lambda r: (-r[1], r[0]))
    lines = [f"{reason} {count:,}" for reason, count in reasons[:MOST_REASONS]]
    if len(reasons) > MOST_REASONS:
        lines.append(f"{len(reasons) - MOST_REASONS} more {sum(c for _, c in reasons[MOST_REASONS:]):,}")
    lines += [f"record {kind} {count:,}" for kind, count in sorted(found["record_errors"].items())]
    return "\n".join(lines)
