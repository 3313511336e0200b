"""The page's part on the training run: how it went, what of it was of which source, what leapt."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from curator.pipeline.finished import Run, number
from curator.report import charts
from curator.report.markup import Html, count, duration, element, paragraph, share, table


def training(run: Run) -> list[Html]:
    """Curves over steps, and how it ended."""
    steps = run.events("train")
    if not steps:
        return [paragraph("No model was trained in this run, or its journal metrics.jsonl is not here.")]
    validation = run.events("validation")
    loss = {"training": _points(steps, "loss"), "validation": _points(validation, "loss")}
    by_source = {name: _points(steps, "losses", name) for name in _names(steps)}
    held_out = {name: _points(validation, "losses", name) for name in _names(validation)}
    plots = [
        charts.curves(loss, "Loss (nats a token)"),
        charts.curves(by_source, "Training loss by source"),
        charts.curves(held_out, "Validation loss by source") if any(held_out.values()) else None,
        charts.curves({"lr": _points(steps, "lr")}, "Learning rate", zero=True),
        charts.curves({"tokens/s": _points(steps, "tokens_per_second")}, "Tokens a second", zero=True),
        charts.curves({"norm": _points(steps, "gradient_norm")}, "Gradient norm", zero=True),
    ]
    drawn = element("div", [p for p in plots if p is not None], class_="curves")
    return [*_ended(run, steps), drawn, *_seen(run, steps), *_spikes(run)]


def _seen(run: Run, steps: list[Mapping[str, Any]]) -> list[Html]:
    """Tokens by source against the mixture's plan, as far as the run has come."""
    seen: Mapping[str, int] = steps[-1].get("tokens_by_source") or {}
    if not seen or not run.tokens:
        return []
    planned: dict[str, float] = {}
    for part in run.tokens["parts"]:
        planned[part["source"]] = planned.get(part["source"], 0.0) + part["effective_weight"]
    whole = sum(seen.values())
    rows = [
        (
            source,
            f"{weight * 100:.2f} %",
            count(round(weight * whole)),
            count(seen.get(source, 0)),
            share(seen.get(source, 0), whole),
            f"{seen.get(source, 0) - weight * whole:+,.0f}",
        )
        for source, weight in planned.items()
    ]
    return [
        table(
            ["source", "planned share", "planned tokens", "seen tokens", "seen share", "difference"],
            rows,
            caption="Tokens seen",
        )
    ]


def _spikes(run: Run) -> list[Html]:
    """Every spike of the loss, where the run went back to, and what was passed over."""
    rows = [
        (
            count(number(spike.get("at"))),
            f"{number(spike.get('loss')) or float('nan'):.4f}",
            f"{number(spike.get('limit')) or float('nan'):.4f}",
            str(spike.get("checkpoint")),
            f"{count(number(spike.get('first')))} to {count(number(spike.get('last')))}",
        )
        for spike in run.events("spike")
    ]
    return [table(["step", "loss", "limit", "back to", "sequences passed over"], rows, caption="Spikes")] if rows else []


def _ended(run: Run, steps: list[Mapping[str, Any]]) -> list[Html]:
    start = (run.events("start") or [{}])[-1]
    end = (run.events("end") or [{}])[-1] or run.summary.get("training") or {}
    last = steps[-1]
    rows: list[tuple[str, str]] = [
        ("steps", f"{count(last['step'])} of {count(number(start.get('steps')))}"),
        ("tokens trained on", count(number(last.get("tokens")))),
        ("parameters", count(number(start.get("parameters")))),
        ("tokens a step", count(number(start.get("batch_tokens")))),
        ("device", f"{start.get('device', '?')} × {start.get('ranks', 1)}, {start.get('precision', '?')}"),
    ]
    for key, name in (("first_loss", "first loss"), ("last_loss", "last loss"), ("validation_loss", "validation loss")):
        if (value := number(end.get(key))) is not None:
            rows.append((name, f"{value:.4f}"))
    rows += [
        (f"validation loss, {k}", f"{v:.4f}") for k, v in (end.get("validation_losses") or {}).items() if number(v) is not None
    ]
    for key, name, form in (("epochs", "epochs", "{:.2f}"), ("tokens_per_second", "tokens a second", "{:,.0f}")):
        if (value := number(end.get(key))) is not None:
            rows.append((name, form.format(value)))
    if (value := number(end.get("seconds"))) is not None:
        rows.append(("time", duration(value)))
    if end.get("checkpoint"):
        rows.append(("checkpoint", posixpath.basename(str(end["checkpoint"]))))
    return [element("dl", [element("div", element("dt", k), element("dd", v)) for k, v in rows], class_="facts")]


def _points(records: list[Mapping[str, Any]], key: str, name: str | None = None) -> list[tuple[float, float]]:
    found = []
    for record in records:
        value = record.get(key)
        if name is not None:
            value = value.get(name) if isinstance(value, Mapping) else None
        if (y := number(value)) is not None:
            found.append((float(record["step"]), y))
    return found


def _names(records: list[Mapping[str, Any]]) -> list[str]:
    return sorted({name for record in records for name in (record.get("losses") or {})})
