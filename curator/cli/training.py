"""`train`, `eval`: the trainer on token shards, and what the model has learnt."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import typer

from curator import config, storage
from curator.cli.errors import complaining, console, say

if TYPE_CHECKING:
    from curator.pipeline.recipe import Recipe

commands = typer.Typer()

Tokens = Annotated[str | None, typer.Option("--tokens", help="Its token shards, if not `<output>/tokens`.", metavar="DIR")]
Step = Annotated[int | None, typer.Option("--step", help="The checkpoint of this step, not the newest.", min=1)]


@commands.command()
def train(
    recipe: Annotated[
        str, typer.Argument(help="Training options: a YAML file such as pipelines/train/160m.yaml.", metavar="CONFIG")
    ],
    tokens: Annotated[str, typer.Option("--tokens", help="A folder of token shards (`<output>/tokens`).", metavar="DIR")],
    output: Annotated[str, typer.Option("--output", help="Checkpoints and metrics go here.", metavar="DIR")],
) -> None:
    """Train on token shards. Runs under torchrun, and goes on from the newest checkpoint."""
    with complaining():
        section = config.load(storage.preset("pipelines/train", recipe))
        train_on(training_config(section), storage.absolute(output), tokens)


@commands.command("eval")
def evaluate(
    output: Annotated[str, typer.Argument(help="The output of a run that was trained.", metavar="OUTPUT")],
    tokens: Tokens = None,
    step: Step = None,
    split: Annotated[str, typer.Option("--split", help="Of the token shards.")] = "validation",
    sequences: Annotated[int, typer.Option("--sequences", help="At most so many, evenly spread; 0 is all.", min=0)] = 0,
    questions: Annotated[
        list[str] | None,
        typer.Option("--questions", help="Files with options to choose from, as CMMLU's CSV.", metavar="GLOB"),
    ] = None,
    form: Annotated[
        Literal["cloze", "letters"], typer.Option("--form", help="Compare the options themselves, or their letters.")
    ] = "cloze",
    language: Annotated[Literal["zh", "en"], typer.Option("--language", help="Of the prompt.")] = "zh",
) -> None:
    """Perplexity and bits per character and byte by source; with --questions, how many it answers right. One JSON object."""
    with complaining():
        from curator.train import evaluate as judge

        trained = judge.load(storage.absolute(output).rstrip("/"), tokens, step)
        found = judge.perplexity(trained, split, sequences)
        if questions:
            asked = {path: judge.read_questions(path) for path in (file.path for file in storage.find(questions))}
            names = Counter(os.path.basename(path) for path in asked)
            answered = {
                name if names[name := os.path.basename(path)] == 1 else path: judge.choices(trained, each, form, language)
                for path, each in asked.items()
            }
            found["questions"] = {**answered, "all": judge.altogether(list(answered.values()))}
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


# --------------------------------------------------------------------------------------------------------------- parts


def training_of(recipe: Recipe) -> Any:
    if recipe.train is None:
        return None
    if storage.is_remote(recipe.output):
        raise recipe.train.error(
            "training writes checkpoints to a folder: give a local or shared output, or --set train=null and `curator train`"
        )
    return training_config(recipe.train)


def training_config(section: config.Section) -> Any:
    try:
        from curator.train import TrainConfig
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise section.error("training needs PyTorch, which is not installed: pip install torch") from None
    return config.build(TrainConfig, section)


def train_on(training: Any, output: str, tokens: str | None = None) -> dict[str, Any]:
    from curator.engine.lease import Lease
    from curator.pipeline.run import RunFailed
    from curator.tokens.shards import ShardError
    from curator.train import train as train_model
    from curator.train.checkpoint import CheckpointMismatch
    from curator.train.loop import TrainingDiverged

    console.print("[bold]training[/]")
    shards = tokens or storage.join(output, "tokens")
    first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes, which write to one output together
    try:
        with Lease(output) if first else nullcontext():
            try:
                return train_model(training, shards, output, progress=_tell)
            except CheckpointMismatch as error:
                if tokens is not None:
                    raise
                aside = _set_aside(output)
                say(f"  {error}\n  so training begins anew; the earlier checkpoints are kept in {aside}")
                return train_model(training, shards, output, progress=_tell)
    except (CheckpointMismatch, TrainingDiverged, ShardError) as error:
        raise RunFailed(f"training: {error}") from error


def _set_aside(output: str) -> str:
    """A run whose corpus has changed trains anew, and never throws away what was trained before."""
    number = 1
    while os.path.exists(aside := os.path.join(output, f"checkpoints.{number}")):
        number += 1
    os.rename(os.path.join(output, "checkpoints"), aside)
    return aside


def _tell(record: dict[str, Any]) -> None:
    from curator.train.journal import plain_line

    say(f"  {plain_line(record)}")
