"""The command line: `curator run pipelines/cc_zh.yaml`, and what one does before and after it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from curator import __version__
from curator.cli import ablate, budget, downloads, exports, lm, quality, running, tokenizers, training, tuning
from curator.cli.errors import console

app = typer.Typer(
    help="From raw dumps to the corpus that a language model is pretrained on, and to the model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        console.print(__version__, highlight=False)
        raise typer.Exit


app.add_typer(running.commands)  # run, plan, digest, report, clean
app.add_typer(training.commands)  # train, eval
app.add_typer(budget.commands)
app.add_typer(ablate.commands)
app.add_typer(quality.commands, name="quality")
app.add_typer(exports.commands, name="export")
app.add_typer(downloads.commands, name="download")
app.add_typer(lm.commands, name="lm")
app.add_typer(tokenizers.commands, name="tokenizer")
app.add_typer(tokenizers.tracing)  # trace
app.add_typer(tuning.commands)  # score, retune, inspect, metrics


def main() -> None:
    """The `curator` command."""
    sys.exit(app())
