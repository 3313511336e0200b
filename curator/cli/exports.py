"""`export`: a trained model in the format of other tools."""

from __future__ import annotations

from typing import Annotated

import typer

from curator.cli.errors import complaining, say

commands = typer.Typer(help="Hand a trained model to other tools.", no_args_is_help=True)


@commands.command("hf")
def export_hf(
    output: Annotated[str, typer.Argument(help="The output of a run that was trained.", metavar="OUTPUT")],
    folder: Annotated[str, typer.Argument(help="Write here: an empty or a new folder.", metavar="FOLDER")],
    tokens: Annotated[
        str | None,
        typer.Option("--tokens", help="Its token shards, if not `<output>/tokens`.", metavar="DIR"),
    ] = None,
    step: Annotated[int | None, typer.Option("--step", help="The checkpoint of this step, not the newest.", min=1)] = None,
) -> None:
    """Write a folder that Hugging Face's transformers loads: LlamaForCausalLM in safetensors, with its tokenizer."""
    with complaining():
        from curator.train.export import export_hf as write

        made = write(output.rstrip("/"), folder, tokens, step)
        say(f"{made['folder']}: step {made['step']}, {made['parameters']:,} parameters")
