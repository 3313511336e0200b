"""`quality train`, `quality show`: classifiers of quality, and what speaks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import typer

from curator.cli.dsir import dsir
from curator.cli.errors import complaining, say
from curator.cli.replacing import Replace, check_free

if TYPE_CHECKING:
    from curator.pipeline.corpus import Corpus
    from curator.quality.recipe import Given

commands = typer.Typer(help="Classifiers of quality: train one, look at one.", no_args_is_help=True)
commands.command("dsir")(dsir)

Documents = "NAME=PATTERN: a run's output, or a glob of Parquet, JSON lines or text; may be given again."


@commands.command("train")
def quality_train(
    to: Annotated[str, typer.Option("--to", help="The folder of the model.", metavar="FOLDER")],
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe: a file, or a name in pipelines/quality.", metavar="RECIPE")
    ] = None,
    positive: Annotated[list[str] | None, typer.Option("--positive", help=f"Good documents. {Documents}")] = None,
    negative: Annotated[list[str] | None, typer.Option("--negative", help=f"The others. {Documents}")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Change the recipe: options.seed=2.", metavar="PATH=VALUE")
    ] = None,
    group_by: Annotated[
        str | None, typer.Option("--group-by", help="`source`: judge on each source by a model trained without it; `none`.")
    ] = None,
    replace: Replace = False,
) -> None:
    """Train a fastText classifier that tells good documents from others: calibrated, quantised, with its evidence."""
    with complaining(again=""):
        from curator.quality import training
        from curator.quality.artefact import MANIFEST
        from curator.quality.recipe import load

        check_free(to, MANIFEST, replace)
        grouped = [] if group_by is None else [f"group_by={group_by}"]
        found = load(recipe, [*(changes or ()), *grouped], positive or (), negative or ())
        sides = [_corpora(side) for side in (found.positive, found.negative)]
        made = training.train(
            _batches(sides[0]),
            _batches(sides[1]),
            to,
            found.options,
            group_by=found.group_by,
            about=lambda: {"inputs": {name: _read(side) for name, side in zip(("positive", "negative"), sides)}},
            tell=say,
        )
        _show(made)


@commands.command("show")
def quality_show(folder: Annotated[str, typer.Argument(help="The folder of a model.", metavar="FOLDER")]) -> None:
    """Check a model, and print what its manifest says of it."""
    with complaining(again=""):
        from curator.quality.artefact import open_model

        _show(open_model(folder).manifest)


# --------------------------------------------------------------------------------------------------------------- parts


def _corpora(side: Mapping[str, Given]) -> dict[str, Corpus]:
    from curator.pipeline.corpus import Corpus

    return {name: Corpus(given.patterns, given.read, given.text) for name, given in side.items()}


def _batches(corpora: Mapping[str, Corpus]) -> Iterator[pa.RecordBatch]:
    """Documents under the names that the recipe gives their sources."""
    for name, corpus in corpora.items():
        for batch in corpus:
            yield batch.set_column(batch.schema.get_field_index("source"), "source", pa.repeat(pa.scalar(name), len(batch)))


def _read(corpora: Mapping[str, Corpus]) -> dict[str, Any]:
    return {
        name: {"patterns": list(corpus.patterns), "records": dict(corpus.counts), "files": corpus.described()}
        for name, corpus in corpora.items()
    }


def _show(manifest: Mapping[str, Any]) -> None:
    from curator.quality.show import lines

    for line in lines(manifest):
        say(line)
