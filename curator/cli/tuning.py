"""The commands for the person who tunes filters: `score`, `retune`, `inspect`, `metrics`."""

from __future__ import annotations

import os
import pydoc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import typer
from rich.console import Console

from curator.cli.errors import complaining
from curator.config import ConfigError
from curator.errors import nearest

if TYPE_CHECKING:
    from curator.pipeline.finished import Run

commands = typer.Typer()
console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)

RunPath = Annotated[str, typer.Argument(help="The output of a finished run.", metavar="RUN")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Raw = Annotated[bool, typer.Option("--raw/--redact", help="Show private data as it is, or replaced (the default).")]
Change = Annotated[
    list[str] | None,
    typer.Option(
        "--change",
        help="Other bounds: 'han_ratio={min: 0.6}', '{han_ratio: {min: 0.6}, digit_ratio: off}', or a YAML file of such rules; "
        "may be given several times.",
        metavar="RULES",
    ),
]


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose docstring is its help, lines joined: typer would break lines of the help where the source does."""
    paragraphs = (function.__doc__ or "").split("\n\n")
    return commands.command(help="\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs))(function)


@_command
def score(
    document: Annotated[
        str,
        typer.Argument(help="A text file, `-` for standard input, or a .jsonl or .parquet file of documents.", metavar="FILE"),
    ],
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="A filter that curator ships, or a path; may be given several times.", metavar="NAME"),
    ] = None,
    change: Change = None,
    every: Annotated[bool, typer.Option("--all", help="Show every metric of the text too.")] = False,
    row: Annotated[int | None, typer.Option("--row", help="Of a file of documents, this one, from 0.", min=0)] = None,
    key: Annotated[str | None, typer.Option("--id", help="Of a file of documents, the one with this id.")] = None,
    as_json: AsJson = False,
    raw: Raw = False,
) -> None:
    """Show what a filter makes of one document: every rule with its value and bounds, and which one rejects it.

    Rules stand in their order; the first that fails is the reason, and is marked. Lines that a filter's `lines:` cut are listed
    with the rule that cuts them. With several filters each sees the text that those before it have left. A rule on a column of
    another stage (language, language.score) is `not measured here`, unless the document has that column.
    """
    with complaining(again=""):
        from curator.tuning.changes import read_change
        from curator.tuning.reading import read_document
        from curator.tuning.scoring import every_metric, load_filters, score
        from curator.tuning.show_score import plain_scored, show_scored

        if not filters and not every:
            raise ConfigError("name a filter with --filter, or ask for every metric with --all", "curator score")
        loaded = load_filters(filters or [], read_change(change or []))
        found = read_document(document, row, key)
        scored = score(found, loaded)
        measured = every_metric(found, loaded[0].words if loaded else "characters") if every else {}
        if as_json:
            _print_json(plain_scored(scored, measured, raw))
        else:
            show_scored(console, scored, measured, raw)


@_command
def retune(
    output: RunPath,
    name: Annotated[
        str | None, typer.Option("--filter", help="A filter of the run, by its stage's name.", metavar="NAME")
    ] = None,
    change: Change = None,
    swept: Annotated[
        list[str] | None,
        typer.Option("--sweep", help="Try about eleven bounds of this rule; may be given several times.", metavar="RULE"),
    ] = None,
    nearest_to: Annotated[
        int,
        typer.Option(
            "--nearest",
            help="Show so many documents on each side of the bound of the swept or changed rules.",
            min=0,
            metavar="N",
        ),
    ] = 0,
    as_json: AsJson = False,
    raw: Raw = False,
) -> None:
    """Judge a finished run's documents by a filter again, from the numbers that are stored: in seconds, without a new run.

    For every rule: the documents that fail it (kills) and those that no other rule rejects (unique), and how rules overlap.
    With --change: what would be kept and rejected now, by source and language; a whole filter (a YAML with `document:`) may be
    given too. Only what the run measured can be judged; documents that would pass now have not been through later stages.
    """
    with complaining(again=""):
        from curator.tuning.changes import read_change
        from curator.tuning.retune import retune
        from curator.tuning.show_retune import show_retuned
        from curator.tuning.stored import filters_of

        run = _read_run(output)
        if name is None:
            raise ConfigError(
                f"name a filter of the run with --filter. There are: {', '.join(filters_of(run)) or 'none'}", output
            )
        found = retune(run, name, read_change(change or []), swept or [], nearest_to)
        if as_json:
            _print_json(found.plain())
        else:
            show_retuned(console, found, raw)


@_command
def inspect(
    output: RunPath,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Such as zh_web.han_ratio. Without one: the reasons of the run.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only documents of this source.")] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Documents that passed this rule and are in documents/.")] = False,
    order: Annotated[
        Literal["near", "far", "random"], typer.Option("--order", help="Nearest to the bound first, furthest, or any.")
    ] = "near",
    limit: Annotated[int, typer.Option("--limit", help="Show so many documents.", min=1, max=10_000)] = 20,
    contains: Annotated[
        str, typer.Option("--contains", help="Only documents with this in text, title or URL.", metavar="TEXT")
    ] = "",
    chars: Annotated[int, typer.Option("--chars", help="Characters of each text; 0 for all.", min=0)] = 1500,
    as_json: AsJson = False,
    raw: Raw = False,
) -> None:
    """Page through the documents that a run rejected for a reason, with the places of the text that decided marked.

    Each is shown with its value, its URL, title and origin, and its text as it was when it left. Lines that the filter's
    `lines:` cut are struck out; of a duplicate the copy that was kept is named. Texts in rejected/ are raw, whatever the recipe
    redacts later: here private data (e-mail addresses, telephone, identity, bank card numbers, IP addresses) is replaced,
    unless --raw is given. In a terminal more than a screen goes through a pager ($PAGER).
    """
    with complaining(again=""):
        from curator.tuning.inspecting import inspect
        from curator.tuning.show_inspect import plain_inspected, show_inspected, show_reasons

        run = _read_run(output)
        if source is not None and source not in run.sources:
            raise ConfigError(f"the run has no source {source!r}{nearest(source, run.sources)}", output)
        if reason is None:
            if kept or contains:
                raise ConfigError("name a reason with --reason; without one the run's reasons are listed", "curator inspect")
            if as_json:
                _print_json({name: run.total(name) for name in run.reasons})
            else:
                show_reasons(console, run, source)
            return
        found = inspect(run, reason, source=source, kept=kept, order=order, limit=limit, contains=contains)
        if as_json:
            _print_json(plain_inspected(found, raw, chars))
            return
        with _paged():
            show_inspected(console, found, raw, chars)


@_command
def metrics(
    name: Annotated[str, typer.Argument(help="A metric, or a part of its name.", metavar="NAME")] = "",
    as_json: AsJson = False,
) -> None:
    """List the metrics that the rules of a filter can name: what they measure, their parameters, which filters use them."""
    with complaining(again=""):
        from curator.tuning.catalogue import catalogue, show_catalogue

        found = catalogue(name)
        if as_json:
            _print_json([entry.plain() for entry in found])
        else:
            show_catalogue(console, found)


# ---------------------------------------------------------------------------------------------------------------- parts


def _read_run(output: str) -> Run:
    from curator.pipeline.finished import read_run

    run = read_run(output.rstrip("/"))
    if not run.manifests:
        raise ConfigError("there are no manifests, so nothing is known of its documents: run it again", output)
    return run


@contextmanager
def _paged() -> Iterator[None]:
    """What is printed goes through a pager if it is a terminal's, and more than a screen."""
    if not console.is_terminal:
        yield
        return
    with console.capture() as held:
        yield
    shown = held.get()
    if shown.count("\n") < console.height:
        sys.stdout.write(shown)
    else:
        os.environ.setdefault("LESS", "-R")  # colours, and no other control sequence
        pydoc.pager(shown)


def _print_json(value: Any) -> None:
    """JSON as people read it too: real characters, but nothing that a terminal would obey."""
    written = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode()
    print("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in written))


def _escaped(character: str) -> str:
    data = character.encode("utf-16-be")
    return "".join(f"\\u{data[at]:02x}{data[at + 1]:02x}" for at in range(0, len(data), 2))
