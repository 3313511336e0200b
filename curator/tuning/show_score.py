"""What `curator score` prints: every rule with the document's value, the first that fails, the lines that are cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curator.metrics import METRICS
from curator.terminal import printable
from curator.tuning.excerpts import excerpt, one_line
from curator.tuning.scoring import RuleScore, Scored
from curator.tuning.show_retune import number, plain_bounds

LINE_SHOWN = 60  # characters
MOST_LINES = 40


def show_scored(console: Console, scored: Sequence[Scored], every: Mapping[str, Any], raw: bool) -> None:
    for one in scored:
        _verdict(console, one)
        if one.cut:
            _lines(console, one, raw)
        if one.rules:
            _rules(console, one)
    if every:
        table = _table("Every metric, by its own parameters", ["metric", "value", "what it measures"])
        for name, value in every.items():
            table.add_row(*map(Text, [name, _value(value), METRICS[name].about]))
        console.print(table)


def plain_scored(scored: Sequence[Scored], every: Mapping[str, Any], raw: bool) -> dict[str, Any]:
    """As values of JSON."""
    return {
        "filters": [
            {
                "filter": one.name,
                "reason": one.reason,
                "not_measured": list(one.unknown),
                "rules": [_plain(score) for score in one.rules],
                "lines": one.lines,
                "cut": [
                    {"line": cut.number, "rule": cut.name, "value": cut.value, "text": excerpt(cut.text, len(cut.text), raw)}
                    for cut in one.cut
                ],
            }
            for one in scored
        ],
        **({"metrics": dict(every)} if every else {}),
    }


def _plain(score: RuleScore) -> dict[str, Any]:
    rule = score.rule
    bounds = {"min": rule.min, "max": rule.max, "in": rule.among, "is": rule.equals}
    given = {word: bound for word, bound in bounds.items() if bound is not None}
    return {"rule": score.name, "value": score.value, **given, "passes": score.passes}


def _verdict(console: Console, one: Scored) -> None:
    unknown = len(one.unknown)
    here = f"; {unknown} {'rule is' if unknown == 1 else 'rules are'} not measured here" if unknown else ""
    if one.reason:
        verdict = Text.assemble(
            (printable(one.name), "bold"), ": ", ("rejected", "bold red"), printable(f": {one.reason}{here}")
        )
    else:
        word = "kept" if not unknown else "nothing fails"
        verdict = Text.assemble((printable(one.name), "bold"), ": ", (word, "bold green"), here)
    console.print(verdict)


def _table(title: str, heads: Sequence[str]) -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in ("value", "line") else "left", overflow="fold")
    return table


def _rules(console: Console, one: Scored) -> None:
    table = _table("", ["", "rule", "value", "passes", "what it measures"])
    for score in one.rules:
        failed = score.passes is False
        mark = "·" if score.passes is None else "✗" if failed else "✓"
        first = failed and score.rule.reason == one.reason
        value = "not measured here" if score.passes is None else _value(score.value)
        cells = [mark + ("◀" if first else ""), printable(score.name), value, plain_bounds(score.rule), score.about]
        table.add_row(*map(Text, cells), style="bold red" if first else "red" if failed else None)
    console.print(table)
    if one.reason:
        console.print(Text("◀ the first rule that fails: the reason", "dim"))


def _lines(console: Console, one: Scored, raw: bool) -> None:
    table = _table(f"{len(one.cut)} of {one.lines} lines are cut", ["line", "rule", "value", "passes", "text"])
    for cut in one.cut[:MOST_LINES]:
        cells = [f"{cut.number}", printable(cut.name), _value(cut.value), plain_bounds(cut.rule)]
        table.add_row(*map(Text, [*cells, one_line(cut.text, LINE_SHOWN, raw)]))
    console.print(table)
    if len(one.cut) > MOST_LINES:
        console.print(Text(f"and {len(one.cut) - MOST_LINES} more lines (--json has them all)", "dim"))


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return number(value) if isinstance(value, int | float) else printable(value)
