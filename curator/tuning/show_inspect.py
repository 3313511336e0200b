"""What `curator inspect` prints: the reasons of a run, or documents one after the other with the places that decided."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curator.pipeline.finished import Run
from curator.storage import StorageError
from curator.terminal import printable
from curator.tuning.excerpts import Mark, excerpt, runs
from curator.tuning.inspecting import Inspected, Looked
from curator.tuning.show_retune import number, plain_bounds, share
from curator.tuning.stored import list_has_changed, rules_of
from curator.tuning.views import CUT, PLACE, marks, said

STYLES = {PLACE: "black on yellow", CUT: "strike red"}
WITHOUT_COLOUR = {PLACE: ("⟦", "⟧"), CUT: ("✂⟦", "⟧")}
BEFORE = 200  # characters shown before the first place, where the text does not begin with one
FIELD_SHOWN = 200


def show_reasons(console: Console, run: Run, source: str | None = None) -> None:
    """Every reason with the number of its documents, in the order of the stages."""
    counted = {name: found for name, found in run.sources.items() if source in (None, name)}
    documents = sum(found["documents"] for found in counted.values())
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head, justify in (("reason", "left"), ("documents", "right"), ("share", "right"), ("passes", "left")):
        table.add_column(head, justify=justify, overflow="fold")  # type: ignore[arg-type]
    rules = rules_of(run)
    for reason in run.reasons:
        left = sum(found["rejected"].get(reason, 0) + found["errors"].get(reason, 0) for found in counted.values())
        if left:
            passes = plain_bounds(rules[reason]) if reason in rules else ""
            table.add_row(*map(Text, [printable(reason), f"{left:,}", share(left, documents), passes]))
    console.print(table)
    kept = sum(found["kept"] for found in counted.values())
    console.print(Text(f"{documents:,} documents, {kept:,} kept. Look at some with --reason REASON.", "dim"))


def show_inspected(console: Console, found: Inspected, raw: bool, most: int) -> None:
    """`most` characters of each text, all of them for 0."""
    bounds = found.rule and found.rule.equals is None  # `is false` of a duplicate says nothing
    passes = f"; it lets pass what is {plain_bounds(found.rule)}" if found.rule and bounds else ""
    did = "passed" if found.kept else "rejected for"
    counted = f"{found.matched:,} {'document' if found.matched == 1 else 'documents'}"
    console.print(Text(printable(f"{counted} {did} {found.reason}{passes}"), "bold"))
    if found.applied and found.rule:
        console.print(Text(printable(said(found.asked, found.applied.key(found.rule))), "dim"))
        if found.applied.line_rules and not found.kept:
            sign = "struck out" if _coloured(console) else WITHOUT_COLOUR[CUT][0][0]
            console.print(Text(f"{sign}: lines that the filter cut", "dim"))
        if found.asked and found.asked.list and list_has_changed(found.applied, found.asked.list):
            console.print(Text(printable(f"the list {found.asked.list} has changed since the run"), "dim"))
    if not raw and found.documents:
        console.print(Text("private data is replaced; --raw shows it", "dim"))
    for at, looked in enumerate(found.documents, 1):
        _document(console, found, looked, at, raw, most)
    if found.matched > len(found.documents):
        rest = found.matched - len(found.documents)
        console.print(Text(f"\n{rest:,} more: --limit, --order, --contains choose others", "dim"))


def plain_inspected(found: Inspected, raw: bool, most: int) -> dict[str, Any]:
    """As values of JSON: marks are code points of the text as it is shown, which is a beginning of it."""
    return {
        "reason": found.reason,
        "kept": found.kept,
        "matched": found.matched,
        "documents": [_plain(found, looked, raw, most) for looked in found.documents],
    }


def _plain(found: Inspected, looked: Looked, raw: bool, most: int) -> dict[str, Any]:
    document = looked.document
    text = document.get("text")
    shown: dict[str, Any] = {key: document.get(key) for key in ("id", "source", "language", "origin")}
    for key in ("title", "url", "detail"):
        value = document.get(key)
        shown[key] = excerpt(value, len(value), raw) if value else None
    shown["value"] = looked.value
    shown["kept_copy"] = looked.twin["id"] if looked.twin else None
    shown["text"] = None
    if text is not None:
        parts = runs(text, _marks(found, text)[0], 0, most or len(text), raw, escape=False)
        shown["text"] = "".join(part.text for part in parts)
        shown["marks"], at = [], 0
        for part in parts:
            if part.kind:
                shown["marks"].append({"start": at, "end": at + len(part.text), "kind": part.kind})
            at += len(part.text)
    return shown


# ------------------------------------------------------------------------------------------------------------ documents


def _document(console: Console, found: Inspected, looked: Looked, at: int, raw: bool, most: int) -> None:
    document = looked.document
    heading = Text(f"\n── {at} ", "bold")
    if looked.value is not None:
        value = number(looked.value) if isinstance(looked.value, int | float) else str(looked.value)
        heading.append(printable(f"{found.column} = {value} "))
    elif found.rule:
        heading.append(printable(f"{found.rule.column} could not be measured "))
    heading.append("─" * max(0, min(console.width, 100) - len(heading.plain)))
    console.print(heading, soft_wrap=True)
    for name in ("title", "url", "detail"):
        if document.get(name):
            _fact(console, name, excerpt(document[name], FIELD_SHOWN, raw))
    origin = document.get("origin") or {}
    facts = [document.get("source"), document.get("language"), document.get("date"), document.get("id")]
    if origin.get("file"):
        facts.append(f"{origin['file']} @ {origin['offset']}")
    _fact(console, "from", printable(" · ".join(str(fact) for fact in facts if fact)))
    if looked.twin:
        twin = " · ".join(str(looked.twin[key]) for key in ("id", "source", "title", "url") if looked.twin.get(key))
        _fact(console, "kept copy", excerpt(twin, FIELD_SHOWN * 2, raw))
    _text(console, found, document.get("text"), raw, most)


def _fact(console: Console, name: str, shown: str) -> None:
    console.print(Text.assemble((f"{name:<9} ", "dim"), shown), soft_wrap=True)


def _text(console: Console, found: Inspected, text: str | None, raw: bool, most: int) -> None:
    if text is None:
        console.print(Text("no text: it left before it had one, or the run keeps only some (`rejected_text:`)", "dim"))
        return
    marked, failure = _marks(found, text)
    if failure:
        console.print(Text(printable(f"places are not marked: {failure}"), "dim"))
    too_few = found.rule is not None and found.rule.max is None  # then no place decided: what is missing did
    first = 0 if too_few else next((mark.start for mark in marked if mark.kind == PLACE), 0)
    start = first - BEFORE if most and first > max(most - BEFORE, BEFORE) else 0
    shown = Text()
    for run in runs(text, marked, start, start + most if most else len(text), raw):
        if not run.kind:
            shown.append(run.text)
        elif _coloured(console):
            shown.append(run.text, STYLES[run.kind])
        else:
            opens, closes = WITHOUT_COLOUR[run.kind]
            shown.append(f"{opens}{run.text}{closes}")
    console.print(shown, soft_wrap=not console.is_terminal)


def _coloured(console: Console) -> bool:
    return console.is_terminal and not console.no_color


def _marks(found: Inspected, text: str) -> tuple[list[Mark], str]:
    """The marks of a text, or why there are none. What is kept has lost its lines already."""
    if found.rule is None or found.applied is None:
        return [], ""
    try:
        return marks(text, found.asked, found.applied.stage, cut=not found.kept), ""
    except StorageError as error:
        return [], str(error)
