"""`curator metrics`: every metric that a rule can name, and which of the shipped filters do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curator import config, storage
from curator.config import ConfigError
from curator.errors import nearest
from curator.metrics import CUTS, METRICS
from curator.stages.rules import Written, parts_of
from curator.terminal import printable

UNITS = {"count": "count", "ratio": "ratio, 0 to 1", "mean": "mean", "nats": "nats"}
FEW = 3  # metrics or less are shown with all that is known of them


@dataclass(frozen=True)
class Entry:
    """A metric as a person looks it up. `used` is by preset: the rule as it stands there."""

    name: str
    kind: str
    about: str
    reads: str  # what it measures: text, url, or lines
    parameters: dict[str, Any]
    used: dict[str, list[str]]

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "about": self.about,
            "reads": self.reads,
            "parameters": self.parameters,
            "used": self.used,
        }


def catalogue(part: str = "") -> list[Entry]:
    """The metrics whose name is, or has in it, `part`; or which a rule of that name judges by. Raises ConfigError, with the
    nearest name, if there is none."""
    used = _used()
    every = {**METRICS, **CUTS}
    names = [part] if part in every else [name for name in every if part.lower() in name]
    if not names:
        rules = (f"{part}: ", f"lines.{part}: ")
        names = [name for name in every if any(said.startswith(rules) for each in used.get(name, {}).values() for said in each)]
    if not names:
        raise ConfigError(f"there is no metric {part!r}{nearest(part, every)}", "curator metrics")
    found = []
    for name in names:
        metric = every[name]
        parameters = {k: list(v) if isinstance(v, tuple) else v for k, v in metric.parameters.items()}
        reads = "lines" if name in CUTS else metric.reads
        found.append(Entry(name, metric.kind, metric.about, reads, parameters, used.get(name, {})))
    return found


def _used() -> dict[str, dict[str, list[str]]]:
    """By metric and preset: the rules over it."""
    found: dict[str, dict[str, list[str]]] = {}
    for preset in storage.presets("filters"):
        parts = parts_of(config.load(storage.preset("filters", preset)), None)
        for prefix, rules in (("lines.", parts.lines), ("", parts.document)):
            for key, rule in rules.items():
                metric = str(rule.values.get("metric", key))
                found.setdefault(metric, {}).setdefault(preset, []).append(f"{prefix}{key}: {_written(rule)}")
    return found


def _written(rule: Written) -> str:
    said = (f"{word}: {str(value).lower() if isinstance(value, bool) else value}" for word, value in rule.values.items())
    return f"{{{', '.join(said)}}}"


def show_catalogue(console: Console, entries: list[Entry]) -> None:
    if len(entries) <= FEW:
        for entry in entries:
            _whole(console, entry)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("what it measures", ratio=2, overflow="fold")
    table.add_column("used by", ratio=1, overflow="fold", style="dim")
    for entry in entries:
        table.add_row(*map(Text, [entry.name, entry.kind, entry.about, printable(", ".join(entry.used))]))
    console.print(table)
    said = f"{len(entries)} metrics. `curator metrics NAME` says more of one: its parameters, and the bounds of each filter."
    console.print(Text(said, "dim"))


def _whole(console: Console, entry: Entry) -> None:
    console.print(Text.assemble((entry.name, "bold"), f"  {UNITS[entry.kind]}"))
    console.print(Text(f"  {entry.about}"))
    if entry.reads != "text":
        of = "the document's URL" if entry.reads == "url" else "what the filter's `lines:` cut; only with them"
        console.print(Text(f"  measured on {of}"))
    for name, value in entry.parameters.items():
        if isinstance(value, list):
            said = f"one of {', '.join(map(str, value))}; {value[0]} if none is given"
        else:
            said = f"{value} if none is given" if value != "" else "must be given: a list in filters/lists, or a path"
        console.print(Text(f"  {name}: {said}"))
    for preset, rules in entry.used.items():
        for rule in rules:
            console.print(Text(printable(f"  {preset:<24} {rule}"), "dim"), soft_wrap=True)
    if not entry.used:
        console.print(Text("  no shipped filter uses it", "dim"))
