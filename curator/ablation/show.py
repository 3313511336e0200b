"""The result as people read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

SMALL = 1_000_000_000  # tokens a training below which no claim about large models follows


def table(result: dict[str, Any]) -> Table:
    first, second = (arm["name"] for arm in result["arms"])
    shown = Table(title="bits a byte: lower is better", title_justify="left")
    for heading in ("validation", "documents", first, second, f"{second} − {first}", "± seeds", "± documents", ""):
        shown.add_column(heading, justify="left" if heading in ("validation", "") else "right")
    for row in result["sets"]:
        seeds = "one seed" if row["by_seeds"] is None else f"{row['by_seeds']:.4f}"
        better = second if row["difference"] < 0 else first
        numbers = (f"{row['first']:.4f}", f"{row['second']:.4f}", f"{row['difference']:+.4f}", seeds)
        verdict = f"{better} is better" if row["decided"] else "not decided"
        shown.add_row(row["name"], f"{row['documents']:,}", *numbers, f"{row['by_documents']:.4f}", verdict)
    return shown


def notes(result: dict[str, Any]) -> Iterator[str]:
    """What the numbers rest on."""
    for arm in result["arms"]:
        yield (
            f"{arm['name']}: {arm['documents']:,} documents, {arm['unique_tokens']:,} unique tokens, "
            f"trained on {result['tokens']:,} ({arm['epochs']:.2f} epochs)"
        )
    seeds = ", ".join(map(str, result["seeds"]))
    yield f"seeds {seeds}; one vocabulary, that of {result['arms'][0]['name']}; 95 % intervals, paired by seed and by document"
    if result["tokens"] < SMALL:
        yield "This many tokens are a smoke test of the method, not evidence on models of a useful size."
