"""`ablate`: two curations, one model."""

from __future__ import annotations

from typing import Annotated

import typer

from curator.cli.errors import complaining, console, say
from curator.cli.running import On, Workers, executor_for, prepare

commands = typer.Typer()


@commands.command()
def ablate(
    first: Annotated[str, typer.Argument(help="A recipe: the arm to compare with.", metavar="A")],
    second: Annotated[str, typer.Argument(help="Another recipe of the same sources.", metavar="B")],
    train: Annotated[str, typer.Option("--train", help="Options of the model that both are trained with.", metavar="CONFIG")],
    validation: Annotated[
        list[str],
        typer.Option(
            "--validation", help="Documents to judge by, of neither arm; may be given several times.", metavar="NAME=PATH"
        ),
    ],
    output: Annotated[str, typer.Option("--output", help="Write here.", metavar="DIR")],
    seeds: Annotated[int, typer.Option("--seeds", help="Train each arm so often.", min=1, max=20)] = 3,
    documents: Annotated[int, typer.Option("--documents", help="Of each validation set at most.", min=1)] = 1000,
    on: On = None,
    workers: Workers = None,
) -> None:
    """Which of two curations teaches a model more: same model, tokens, seeds, validation; the difference with its interval.

    The second recipe uses the first one's tokenizer. Validation documents that share text with either arm are left out. Killed
    and run again it goes on.
    """
    with complaining():
        from curator import config, storage
        from curator.ablation import ablate as ablation
        from curator.ablation.arms import AblationError
        from curator.ablation.held_out import take
        from curator.ablation.show import notes, table
        from curator.cli.training import training_config
        from curator.pipeline.corpus import Corpus
        from curator.report.progress import Shown

        options = training_config(config.load(storage.preset("pipelines/train", train)))
        sets = []
        for given in validation:
            name, sign, path = given.partition("=")
            if not (sign and name and path):
                raise AblationError(f"--validation {given}: is NAME=PATH")
            sets.append(take(name, Corpus([path]), documents))
        names = _names(first, second)
        executor = executor_for(on, workers)
        try:
            made = ablation.curate(
                [first, second], output, names, executor, Shown(console), lambda recipe: prepare(recipe, executor), say
            )
        finally:
            executor.close()  # the trainer wants the cores
        result = ablation.judge(made, options, list(range(seeds)), sets, output, say)
        console.print(table(result))
        for line in notes(result):
            say(line)
        say(f"all of it is in {output.rstrip('/')}/ablation.json")


def _names(first: str, second: str) -> tuple[str, str]:
    """The recipes' own names, or `a` and `b` where they are one."""
    left, right = (path.rsplit("/", 1)[-1].removesuffix(".yaml") for path in (first, second))
    return (left, right) if left != right else ("a", "b")
